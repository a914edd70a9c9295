"""Any order of network calls leaves a legal cloud: statuses, dependencies, quotas, and refusals that change nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qke_sim.cloud import Call
from qke_sim.cloud.eip import Eip, eips_of
from qke_sim.cloud.loadbalancer import Backend, Listener, LoadBalancer
from qke_sim.cloud.lookup import ABSENT, GONE
from qke_sim.cloud.router import Router, RouterStatic, vxnets_of
from qke_sim.cloud.securitygroup import SecurityGroup, SecurityRule, guarded_by
from qke_sim.cloud.store import Thing
from qke_sim.cloud.vxnet import Vxnet, inside
from qke_sim.testing import Desk

STATUSES: Mapping[type[Thing], tuple[set[str], set[str]]] = {
    Eip: (
        {"pending", "available", "associated", "released"},
        {"", "associating", "dissociating", "releasing", "updating"},
    ),
    Router: (
        {"pending", "active", "poweroffed", "ceased"},
        {"", "creating", "updating", "poweroffing", "poweroning", "deleting"},
    ),
    LoadBalancer: (
        {"pending", "active", "stopped", "deleted", "ceased"},
        {"", "creating", "starting", "stopping", "updating", "deleting"},
    ),
    Vxnet: ({"", "ceased"}, {"", "updating"}),
    SecurityGroup: ({"", "ceased"}, {""}),
}
"""Legal words, by kind (wire facts, status vocabularies)."""

LIMITS = {"router": 3, "vxnet": 4, "eip": 5, "eip_bandwidth_mbps": 40, "loadbalancer": 3, "security_group": 2}
JOB_MS = 600_000
"""When any job of these families has ended."""

RULE = {"priority": 1, "protocol": "tcp", "rule_action": "accept"}
PORTS = st.integers(6441, 6444)


class NetworkMachine(RuleBasedStateMachine):
    """Calls at random, on ids that exist, and a few that do not; time goes on as it likes."""

    @initialize()
    def open(self) -> None:
        """A VPC with a network, an internal balancer in it with a listener, two free addresses."""
        self.desk = desk = Desk(limits=LIMITS)
        [router] = desk.made("CreateRouters", "routers", vpc_network="192.168.0.0/16")
        [vxnet] = desk.made("CreateVxnets", "vxnets", vxnet_type=1)
        desk.made("JoinRouter", "router_id", router=router, vxnet=vxnet, ip_network="192.168.0.0/24")
        desk.made("AllocateEips", "eips", bandwidth=5, count=2)
        [balancer] = desk.made("CreateLoadBalancer", "loadbalancer_id", vxnet=vxnet)
        listener = {"listener_port": 6441, "listener_protocol": "tcp"}
        desk.made("AddLoadBalancerListeners", "loadbalancer_listeners", loadbalancer=balancer, listeners=[listener])

    def ids(self, kind: type[Thing]) -> list[str]:
        """Name those that are there, and one of the others."""
        things = self.desk.cloud.store.all(kind)
        there = [thing.id for thing in things if thing.status not in ABSENT]
        return [*there, *([thing.id for thing in things if thing.id not in there] or ["nothing-00000001"])[:1]]

    def call(self, action: str, **params: Any) -> None:
        """Make a call; a refusal leaves everything as it was but what time itself brings."""
        given = {name: value for name, value in params.items() if value is not None}
        before = self.desk.digest()
        answer = self.desk.cloud._handle(action, Call("user", given, 0))
        if answer["ret_code"]:
            assert str(answer["message"]).partition(",")[0], answer
            assert self.desk.digest() == before, (action, given, answer)
        elif len(self.desk.cloud.jobs) % 3:
            self.desk.wait(JOB_MS)

    @rule(data=st.data(), bandwidth=st.integers(1, 20), count=st.integers(1, 2))
    def eip(self, data: st.DataObject, bandwidth: int, count: int) -> None:
        action = data.draw(st.sampled_from(["AllocateEips", "ReleaseEips", "ChangeEipsBandwidth", "DissociateEips"]))
        eips = None if action == "AllocateEips" else [data.draw(st.sampled_from(self.ids(Eip)))]
        self.call(action, eips=eips, bandwidth=bandwidth, count=count if eips is None else None)

    @rule(third=st.integers(0, 1))
    def create_router(self, third: int) -> None:
        self.call("CreateRouters", vpc_network=["192.168.0.0/16", "172.16.0.0/16"][third])

    @rule(data=st.data())
    def router(self, data: st.DataObject) -> None:
        action = data.draw(st.sampled_from(["UpdateRouters", "PowerOffRouters", "PowerOnRouters", "DeleteRouters"]))
        self.call(action, routers=[data.draw(st.sampled_from(self.ids(Router)))])

    @rule(data=st.data())
    def modify_router(self, data: st.DataObject) -> None:
        eip = data.draw(st.sampled_from([None, "", *self.ids(Eip)]))
        group = data.draw(st.sampled_from([None, *self.ids(SecurityGroup)]))
        router = data.draw(st.sampled_from(self.ids(Router)))
        self.call("ModifyRouterAttributes", router=router, eip=eip, security_group=group)

    @rule(data=st.data(), port=PORTS)
    def statics(self, data: st.DataObject, port: int) -> None:
        static = {"static_type": 1, "val1": str(port), "val2": "192.168.0.2", "val3": "6443"}
        if data.draw(st.booleans()):
            self.call("AddRouterStatics", router=data.draw(st.sampled_from(self.ids(Router))), statics=[static])
        else:
            self.call("DeleteRouterStatics", router_statics=[data.draw(st.sampled_from(self.ids(RouterStatic)))])

    @rule(data=st.data(), kind=st.integers(0, 1))
    def vxnet(self, data: st.DataObject, kind: int) -> None:
        if data.draw(st.booleans()):
            self.call("CreateVxnets", vxnet_type=kind)
        else:
            self.call("DeleteVxnets", vxnets=[data.draw(st.sampled_from(self.ids(Vxnet)))])

    @rule(data=st.data(), third=st.integers(0, 2))
    def join(self, data: st.DataObject, third: int) -> None:
        router = data.draw(st.sampled_from(self.ids(Router)))
        vxnet = data.draw(st.sampled_from(self.ids(Vxnet)))
        if data.draw(st.integers(0, 2)):
            self.call("JoinRouter", router=router, vxnet=vxnet, ip_network=f"192.168.{third}.0/24")
        else:
            self.call("LeaveRouter", router=router, vxnets=[vxnet])

    @rule(data=st.data(), port=PORTS)
    def group(self, data: st.DataObject, port: int) -> None:
        group, some = data.draw(st.sampled_from(self.ids(SecurityGroup))), {**RULE, "val1": str(port)}
        rule_id = data.draw(st.sampled_from(self.ids(SecurityRule)))
        calls: list[tuple[str, dict[str, Any]]] = [
            ("CreateSecurityGroup", {"security_group_name": "g"}),
            ("DeleteSecurityGroups", {"security_groups": [group]}),
            ("ApplySecurityGroup", {"security_group": group}),
            ("AddSecurityGroupRules", {"security_group": group, "rules": [some]}),
            ("DeleteSecurityGroupRules", {"security_group_rules": [rule_id]}),
        ]
        action, params = data.draw(st.sampled_from(calls))
        self.call(action, **params)

    @rule(data=st.data())
    def create_balancer(self, data: st.DataObject) -> None:
        group = data.draw(st.sampled_from([None, *self.ids(SecurityGroup)]))
        if data.draw(st.booleans()):
            vxnet = data.draw(st.sampled_from(self.ids(Vxnet)))
            self.call("CreateLoadBalancer", vxnet=vxnet, security_group=group)
        else:
            eips = data.draw(st.lists(st.sampled_from(self.ids(Eip)), max_size=2, unique=True))
            self.call("CreateLoadBalancer", eips=eips, security_group=group)

    @rule(data=st.data())
    def balancer(self, data: st.DataObject) -> None:
        names = ["UpdateLoadBalancers", "StopLoadBalancers", "StartLoadBalancers", "DeleteLoadBalancers"]
        self.call(data.draw(st.sampled_from(names)), loadbalancers=[data.draw(st.sampled_from(self.ids(LoadBalancer)))])

    @rule(data=st.data(), verb=st.sampled_from(["AssociateEipsToLoadBalancer", "DissociateEipsFromLoadBalancer"]))
    def balancer_eips(self, data: st.DataObject, verb: str) -> None:
        eips = [data.draw(st.sampled_from(self.ids(Eip)))]
        self.call(verb, loadbalancer=data.draw(st.sampled_from(self.ids(LoadBalancer))), eips=eips)

    @rule(data=st.data(), port=PORTS)
    def listener(self, data: st.DataObject, port: int) -> None:
        balancer = data.draw(st.sampled_from(self.ids(LoadBalancer)))
        listener = data.draw(st.sampled_from(self.ids(Listener)))
        server = data.draw(st.sampled_from([*self.ids(Router), "i-nothing1"]))
        calls: list[tuple[str, dict[str, Any]]] = [
            (
                "AddLoadBalancerListeners",
                {"loadbalancer": balancer, "listeners": [{"listener_port": port, "listener_protocol": "tcp"}]},
            ),
            ("DeleteLoadBalancerListeners", {"loadbalancer_listeners": [listener]}),
            ("ModifyLoadBalancerListenerAttributes", {"loadbalancer_listener": listener, "scene": port % 2}),
            (
                "AddLoadBalancerBackends",
                {"loadbalancer_listener": listener, "backends": [{"resource_id": server, "port": port}]},
            ),
        ]
        action, params = data.draw(st.sampled_from(calls))
        self.call(action, **params)

    @rule(ms=st.sampled_from([1, 1000, 30_000, 600_000, 7_300_000]))
    def wait(self, ms: int) -> None:
        self.desk.wait(ms)

    @precondition(lambda self: hasattr(self, "desk"))
    @invariant()
    def words_are_legal(self) -> None:
        for kind, (statuses, transitions) in STATUSES.items():
            for thing in self.desk.cloud.store.all(kind):
                assert thing.status in statuses, thing
                assert thing.transition_status in transitions, thing

    @precondition(lambda self: hasattr(self, "desk"))
    @invariant()
    def quotas_count_what_is_there_and_hold(self) -> None:
        allowance = self.desk.cloud.allowance
        assert allowance.state() == self.desk.recount()
        assert all(allowance.used[kind] <= allowance.limits[kind] for kind in allowance.limits)

    @precondition(lambda self: hasattr(self, "desk"))
    @invariant()
    def nobody_uses_what_is_gone(self) -> None:
        store = self.desk.cloud.store
        for eip in store.all(Eip):
            assert (eip.status == "associated") == bool(eip.resource_id), eip
        for router in store.all(Router):
            assert router.status not in GONE or not vxnets_of(store, router.id)
            holds = [eip.id for eip in eips_of(store, router.id)]
            assert holds == ([router.eip_id] if router.eip_id else [])
        for vxnet in store.all(Vxnet):
            assert vxnet.status not in GONE or not inside(store, vxnet.id)
            addresses = [getattr(thing, "private_ip", "") for thing in inside(store, vxnet.id)]
            assert len(set(addresses) - {""}) == len([address for address in addresses if address])
        for group in store.all(SecurityGroup):
            assert group.status not in GONE or not guarded_by(store, group.id)
        for balancer in store.all(LoadBalancer):
            assert balancer.status not in ABSENT or not eips_of(store, balancer.id)
        for backend in store.all(Backend):
            assert backend.status == "ceased" or store.get(Listener, backend.listener_id).status != "ceased"

    def teardown(self) -> None:
        """Every job ends, and with it every transition."""
        if hasattr(self, "desk"):
            self.desk.wait(10**7)
            assert all(job.status == "successful" for job in self.desk.cloud.jobs.values())
            assert not [thing for thing in self.desk.cloud.store.everything() if thing.transition_status]


TestNetworkMachine = NetworkMachine.TestCase
TestNetworkMachine.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)

"""Whatever is sent to the network actions, they answer; and a refusal leaves everything as it was, the next id too."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from qke_sim.cloud import (
    Call,
    eip,
    lbbackends,
    lbcontrol,
    lblisteners,
    lbpolicy,
    router,
    routerentry,
    routerstatic,
    routervxnet,
    securitygroup,
    securityipset,
    securityrule,
    securitysnapshot,
    servercertificate,
    vxnet,
)
from qke_sim.testing import Desk

FAMILIES = (
    eip,
    lbbackends,
    lbcontrol,
    lblisteners,
    lbpolicy,
    router,
    routerentry,
    routerstatic,
    routervxnet,
    securitygroup,
    securityipset,
    securityrule,
    securitysnapshot,
    servercertificate,
    vxnet,
)
ACTIONS = sorted(name for family in FAMILIES for name in family.ACTIONS)
SINGLE = (  # noqa: SIM905 - words read better so
    "bandwidth billing_mode count description direction eip eip_name features instance ip_network ipset_type limit "
    "loadbalancer loadbalancer_listener loadbalancer_listener_name loadbalancer_name loadbalancer_type mode node_count "
    "offset operator port private_ip priority protocol router router_name router_static router_type rule_action scene "
    "search_word security_group security_group_name security_group_rule server_certificate timeout val val1 val2 val3 "
    "verbose vpc_network vxnet vxnet_name vxnet_type weight certificate_content private_key"
).split()
LISTS = (  # noqa: SIM905 - words read better so
    "eips instances loadbalancers loadbalancer_backends loadbalancer_listeners router_statics routers security_groups "
    "security_group_rules server_certificate_id server_certificates status tags vxnets"
).split()
OBJECTS = ("backends", "entries", "listeners", "rules", "statics")


@cache
def _ids() -> tuple[str, ...]:
    return tuple(thing.id for thing in _desk().cloud.store.everything())


def _desk() -> Desk:
    """A VPC with a network and a rule, a balancer with a listener, an address, a group with a rule."""
    desk = Desk()
    [vpc] = desk.made("CreateRouters", "routers", vpc_network="192.168.0.0/16")
    [net] = desk.made("CreateVxnets", "vxnets", vxnet_type=1)
    desk.made("JoinRouter", "router_id", router=vpc, vxnet=net, ip_network="192.168.0.0/24")
    desk.made("AllocateEips", "eips", bandwidth=5)
    [balancer] = desk.made("CreateLoadBalancer", "loadbalancer_id", vxnet=net)
    listener = {"listener_port": 6443, "listener_protocol": "tcp"}
    desk.made("AddLoadBalancerListeners", "loadbalancer_listeners", loadbalancer=balancer, listeners=[listener])
    static = {"static_type": 1, "val1": "80", "val2": "192.168.0.2", "val3": "80"}
    desk.made("AddRouterStatics", "router_statics", router=vpc, statics=[static])
    [group] = desk.made("CreateSecurityGroup", "security_group_id", security_group_name="g")
    rule = {"priority": 1, "protocol": "tcp"}
    desk.made("AddSecurityGroupRules", "security_group_rules", security_group=group, rules=[rule])
    return desk


words = st.deferred(lambda: st.sampled_from(_ids())) | st.sampled_from(
    ["", "0", "1", "2", "tcp", "accept", "192.168.0.9", "192.168.1.0/24", "192.168.0.0/16", "x", "10|5|2|5", "-1", "80"]
)
junk = words | st.integers(-1, 70_000) | st.none() | st.booleans() | st.just({"a": 1}) | st.just([1])
parts = st.dictionaries(
    st.sampled_from(["resource_id", "port", "weight", "listener_port", "listener_protocol", "static_type", *SINGLE]),
    junk,
    max_size=6,
)
params = st.builds(
    lambda single, lists, objects: {**single, **lists, **objects},
    st.dictionaries(st.sampled_from(SINGLE), junk, max_size=8),
    st.dictionaries(st.sampled_from(LISTS), st.lists(words, max_size=3) | junk, max_size=4),
    st.dictionaries(st.sampled_from(OBJECTS), st.lists(parts | junk, max_size=3) | junk, max_size=2),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ACTIONS), params), min_size=1, max_size=20))
def test_every_call_is_answered_and_a_refusal_changes_nothing(calls: list[tuple[str, dict[str, Any]]]):
    desk = _desk()
    for action, sent in calls:
        before, made = desk.digest(), dict(desk.cloud.store._made)
        answer = desk.cloud._handle(action, Call("user", sent, 0))
        if answer["ret_code"]:
            assert (desk.digest(), desk.cloud.store._made) == (before, made), (action, sent, answer)
            assert str(answer["message"]).partition(",")[0].isalpha()

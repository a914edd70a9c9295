"""Load balancers behind the cloud door, with listeners, backends, certificates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qke_sim.cloud.eip import Eip
from qke_sim.cloud.loadbalancer import Listener, LoadBalancer
from qke_sim.cloud.vxnet import Vxnet, joined
from qke_sim.populate.network import BASE_RANGE
from qke_sim.testing import Desk

Put = Callable[[Desk, str], str]
RECYCLE_MS = 7_200_000
TCP = {"listener_port": 6443, "listener_protocol": "tcp", "backend_protocol": "tcp", "scene": 11}


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.cloud.store.place(Vxnet(id="vxnet-a", router_id="rtr-1", **joined(BASE_RANGE)))
    return desk


def make_eips(desk: Desk, count: int = 1) -> list[str]:
    made = desk.tell("AllocateEips", bandwidth=1, count=count)["eips"]
    desk.wait(60_000)
    return list(made)


def make_balancer(desk: Desk, **params: Any) -> LoadBalancer:
    answer = desk.tell("CreateLoadBalancer", **({"vxnet": "vxnet-a"} | params))
    assert answer["ret_code"] == 0, answer
    desk.wait(10**6)
    return desk.cloud.store.get(LoadBalancer, answer["loadbalancer_id"])


def make_listener(desk: Desk, balancer: LoadBalancer, **parts: Any) -> str:
    answer = desk.tell("AddLoadBalancerListeners", loadbalancer=balancer.id, listeners=[{**TCP, **parts}])
    assert answer["ret_code"] == 0, answer
    return str(answer["loadbalancer_listeners"][0])


def test_an_internal_balancer_has_an_address_of_its_network_before_it_is_active(desk: Desk) -> None:
    answer = desk.tell("CreateLoadBalancer", vxnet="vxnet-a", loadbalancer_name="cl-1", node_count=2, mode=1)
    [shown] = desk.shown("DescribeLoadBalancers", "loadbalancer_set", loadbalancers=[answer["loadbalancer_id"]])
    assert (shown["status"], shown["transition_status"]) == ("pending", "creating")
    assert (shown["private_ips"], shown["cluster"]) == (["10.140.0.2"], [])
    desk.wait(10**6)
    [shown] = desk.shown("DescribeLoadBalancers", "loadbalancer_set", search_word="cl-1", status=["active"])
    assert (shown["transition_status"], shown["is_applied"]) == ("", 1)


def test_a_public_balancer_shows_its_addresses_with_all_that_clients_read(desk: Desk) -> None:
    eips = make_eips(desk, 2)
    balancer = make_balancer(desk, vxnet="", eips=eips)
    [shown] = desk.shown("DescribeLoadBalancers", "loadbalancer_set", verbose=2)
    assert [(item["eip_id"], item["eip_addr"] != "", item["eip_name"]) for item in shown["cluster"]] == [
        (eip, True, "") for eip in eips
    ]
    assert desk.cloud.store.get(Eip, eips[0]).resource_id == balancer.id
    desk.refused("DissociateEips", 1400, eips=eips[:1])
    desk.refused("ReleaseEips", 1400, eips=eips[:1])


def test_public_or_internal_but_never_both(desk: Desk) -> None:
    eips = make_eips(desk)
    desk.refused("CreateLoadBalancer", 1100)
    desk.refused("CreateLoadBalancer", 1100, eips=eips, vxnet="vxnet-a")
    desk.refused("CreateLoadBalancer", 1100, vxnet="vxnet-a", private_ip="192.168.0.9")
    desk.refused("CreateLoadBalancer", 1100, vxnet="vxnet-a", loadbalancer_type=6)
    desk.refused("CreateLoadBalancer", 2100, vxnet="vxnet-nothing")


def test_an_address_that_is_not_free_is_refused_with_the_words_clients_look_for(desk: Desk) -> None:
    eips = make_eips(desk)
    make_balancer(desk, vxnet="", eips=eips)
    message = desk.refused("CreateLoadBalancer", 1400, eips=eips)
    assert message == f"PermissionDenied, public IP [{eips[0]}] is not available, can not be associated to loadbalancer"


def test_a_balancer_has_four_public_addresses_at_most(desk: Desk) -> None:
    desk.refused("CreateLoadBalancer", 1400, eips=(eips := make_eips(desk, 5)))
    balancer = make_balancer(desk, vxnet="", eips=eips[:3])
    desk.refused("AssociateEipsToLoadBalancer", 1400, loadbalancer=balancer.id, eips=eips[3:])
    assert not desk.ask("AssociateEipsToLoadBalancer", loadbalancer=balancer.id, eips=eips[3:4]).failed


def test_balancers_are_counted_and_refused_beyond_the_quota() -> None:
    desk = Desk(limits={"loadbalancer": 1})
    desk.cloud.store.place(Vxnet(id="vxnet-a", router_id="rtr-1", **joined(BASE_RANGE)))
    balancer = make_balancer(desk)
    message = desk.refused("CreateLoadBalancer", 2500, vxnet="vxnet-a")
    assert message == "QuotasExceeded, quota [loadbalancer] has [0] left of [1], [1] needed"
    assert not desk.ask("DeleteLoadBalancers", loadbalancers=[balancer.id]).failed
    make_balancer(desk)


def test_a_zone_without_room_refuses_a_balancer(desk: Desk) -> None:
    desk.trouble("zone.short", "CreateLoadBalancer")
    desk.refused("CreateLoadBalancer", 5200, vxnet="vxnet-a")


def test_a_balancer_that_never_becomes_active_stays_as_it_is_made(desk: Desk) -> None:
    desk.trouble("job.stuck", "CreateLoadBalancer")
    balancer = make_balancer(desk)
    desk.wait(10**9)
    assert (balancer.status, balancer.transition_status) == ("pending", "creating")
    assert "please try later" in desk.refused("DeleteLoadBalancers", 1400, loadbalancers=[balancer.id])


def test_a_deleted_balancer_lies_in_the_bin_for_two_hours_and_frees_its_addresses(desk: Desk) -> None:
    eips = make_eips(desk)
    balancer = make_balancer(desk, vxnet="", eips=eips)
    listener = make_listener(desk, balancer)
    assert not desk.ask("DeleteLoadBalancers", loadbalancers=[balancer.id]).failed
    assert (balancer.status, desk.cloud.store.get(Eip, eips[0]).status) == ("deleted", "available")
    desk.refused("StartLoadBalancers", 1400, loadbalancers=[balancer.id])
    desk.wait(RECYCLE_MS)
    assert (balancer.status, desk.cloud.store.get(Listener, listener).status) == ("ceased", "ceased")
    desk.refused("DeleteLoadBalancers", 2100, loadbalancers=[balancer.id])


def test_edits_wait_for_being_applied(desk: Desk, instance_in: Put) -> None:
    balancer, instance = make_balancer(desk), instance_in(desk, "vxnet-a")
    listener = make_listener(desk, balancer)
    made = desk.tell(
        "AddLoadBalancerBackends", loadbalancer_listener=listener, backends=[{"resource_id": instance, "port": 6443}]
    )
    assert (balancer.is_applied, balancer.in_effect.listeners) == (0, ())
    answer = desk.tell("UpdateLoadBalancers", loadbalancers=[balancer.id])
    assert balancer.transition_status == "updating"
    desk.refused("AddLoadBalancerListeners", 1400, loadbalancer=balancer.id, listeners=[{**TCP, "listener_port": 80}])
    desk.wait(10**6)
    assert desk.cloud.jobs[answer["job_id"]].status == "successful"
    [found] = balancer.in_effect.listeners
    assert (balancer.is_applied, found.form.id, found.backends[0].id) == (1, listener, made["loadbalancer_backends"][0])


def test_a_port_has_one_listener(desk: Desk) -> None:
    balancer = make_balancer(desk)
    make_listener(desk, balancer)
    message = desk.refused("AddLoadBalancerListeners", 2110, loadbalancer=balancer.id, listeners=[TCP])
    assert message == f"ResourceAlreadyExists, port [6443] of loadbalancer [{balancer.id}] has a listener"
    ports = [{**TCP, "listener_port": 2000 + number} for number in range(49)]
    desk.tell("AddLoadBalancerListeners", loadbalancer=balancer.id, listeners=ports)
    desk.refused("AddLoadBalancerListeners", 2500, loadbalancer=balancer.id, listeners=[{**TCP, "listener_port": 80}])


@pytest.mark.parametrize(
    "wrong",
    [
        {"listener_port": 0},
        {"listener_port": None},
        {"listener_protocol": "smtp"},
        {"listener_protocol": "https"},
        {"balance_mode": "random"},
        {"timeout": 9},
        {"scene": 2},
        {"healthy_check_option": "1|5|2|5"},
        {"healthy_check_option": "10|5|2"},
    ],
)
def test_a_listener_that_makes_no_sense_is_refused(desk: Desk, wrong: dict[str, object]) -> None:
    balancer = make_balancer(desk)
    desk.refused("AddLoadBalancerListeners", 1100, loadbalancer=balancer.id, listeners=[{**TCP, **wrong}])


def test_a_listener_shows_what_clients_read_without_asking_whether_it_is_there(desk: Desk) -> None:
    balancer = make_balancer(desk)
    listener = make_listener(desk, balancer, loadbalancer_listener_name="apiserver", session_sticky="insert|3600")
    desk.tell("ModifyLoadBalancerListenerAttributes", loadbalancer_listener=listener, timeout=100)
    [shown] = desk.shown("DescribeLoadBalancerListeners", "loadbalancer_listener_set", loadbalancer=balancer.id)
    read = ["healthy_check_method", "healthy_check_option", "balance_mode", "timeout", "scene", "forwardfor"]
    assert [shown[name] for name in read] == ["tcp", "10|5|2|5", "roundrobin", 100, 11, 0]
    assert (shown["listener_option"], shown["loadbalancer_listener_name"]) == (0, "apiserver")
    desk.tell("DeleteLoadBalancerListeners", loadbalancer_listeners=[listener])
    assert desk.shown("DescribeLoadBalancerListeners", "loadbalancer_listener_set", loadbalancer=balancer.id) == []


def test_a_backend_is_something_that_stands_and_serves_once(desk: Desk, instance_in: Put) -> None:
    listener, instance = make_listener(desk, make_balancer(desk)), instance_in(desk, "vxnet-a")
    backend = {"resource_id": instance, "port": 6443, "weight": 1, "loadbalancer_backend_name": "master1"}
    desk.refused(
        "AddLoadBalancerBackends", 2100, loadbalancer_listener=listener, backends=[{**backend, "resource_id": "i-x"}]
    )
    desk.refused("AddLoadBalancerBackends", 1100, loadbalancer_listener=listener, backends=[{**backend, "weight": 101}])
    made = desk.tell("AddLoadBalancerBackends", loadbalancer_listener=listener, backends=[backend])
    desk.refused("AddLoadBalancerBackends", 2110, loadbalancer_listener=listener, backends=[backend])
    [name] = made["loadbalancer_backends"]
    desk.tell("ModifyLoadBalancerBackendAttributes", loadbalancer_backend=name, weight=5, disabled=1)
    [shown] = desk.shown("DescribeLoadBalancerBackends", "loadbalancer_backend_set", loadbalancer_listener=listener)
    assert (shown["weight"], shown["status"], shown["loadbalancer_backend_name"]) == (5, "down", "master1")
    desk.tell("DeleteLoadBalancerBackends", loadbalancer_backends=[name])
    assert desk.shown("DescribeLoadBalancerBackends", "loadbalancer_backend_set", loadbalancer_listener=listener) == []


def test_a_listener_takes_a_hundred_backends_and_a_balancer_two_hundred(desk: Desk, instance_in: Put) -> None:
    balancer, instance = make_balancer(desk), instance_in(desk, "vxnet-a")
    listeners = [make_listener(desk, balancer, listener_port=port) for port in (2001, 2002, 2003)]
    many = [{"resource_id": instance, "port": port} for port in range(1, 101)]
    for listener in listeners[:2]:
        assert desk.tell("AddLoadBalancerBackends", loadbalancer_listener=listener, backends=many)["ret_code"] == 0
    one = [{"resource_id": instance, "port": 200}]
    assert "[100]" in desk.refused("AddLoadBalancerBackends", 2500, loadbalancer_listener=listeners[0], backends=one)
    assert "[200]" in desk.refused("AddLoadBalancerBackends", 2500, loadbalancer_listener=listeners[2], backends=one)


def test_the_type_changes_while_it_is_stopped_only(desk: Desk) -> None:
    balancer = make_balancer(desk)
    desk.refused("ResizeLoadBalancers", 1400, loadbalancers=[balancer.id], loadbalancer_type=2)
    desk.refused("StartLoadBalancers", 1400, loadbalancers=[balancer.id])
    assert not desk.ask("StopLoadBalancers", loadbalancers=[balancer.id]).failed
    assert not desk.ask("ResizeLoadBalancers", loadbalancers=[balancer.id], loadbalancer_type=2).failed
    assert (balancer.status, balancer.loadbalancer_type) == ("stopped", 2)
    assert not desk.ask("StartLoadBalancers", loadbalancers=[balancer.id]).failed
    assert balancer.status == "active"


def test_attributes_that_need_it_wait_for_being_applied(desk: Desk) -> None:
    balancer = make_balancer(desk)
    desk.tell("ModifyLoadBalancerAttributes", loadbalancer=balancer.id, loadbalancer_name="new")
    assert (balancer.name, balancer.is_applied) == ("new", 1)
    group = desk.tell("CreateSecurityGroup", security_group_name="g")["security_group_id"]
    desk.tell("ModifyLoadBalancerAttributes", loadbalancer=balancer.id, security_group=group, private_ip="10.140.0.9")
    assert (balancer.is_applied, balancer.private_ip, balancer.in_effect.security_group_id) == (0, "10.140.0.9", "")
    desk.ask("UpdateLoadBalancers", loadbalancers=[balancer.id])
    assert (balancer.is_applied, balancer.in_effect.security_group_id) == (1, group)
    assert balancer.id in desk.refused("DeleteSecurityGroups", 5400, security_groups=[group])


def test_addresses_are_given_to_an_internal_balancer_and_taken_again(desk: Desk) -> None:
    balancer, eips = make_balancer(desk), make_eips(desk)
    desk.refused("DissociateEipsFromLoadBalancer", 1400, loadbalancer=balancer.id, eips=eips)
    assert not desk.ask("AssociateEipsToLoadBalancer", loadbalancer=balancer.id, eips=eips).failed
    assert desk.cloud.store.get(Eip, eips[0]).resource_id == balancer.id
    assert not desk.ask("DissociateEipsFromLoadBalancer", loadbalancer=balancer.id, eips=eips).failed
    assert desk.cloud.store.get(Eip, eips[0]).status == "available"


def test_a_certificate_in_use_stays(desk: Desk) -> None:
    content = {"certificate_content": "-----BEGIN", "private_key": "-----KEY"}
    certificate = desk.tell("CreateServerCertificate", server_certificate_name="web", **content)[
        "server_certificate_id"
    ]
    listener = make_listener(
        desk,
        make_balancer(desk),
        listener_protocol="https",
        backend_protocol="http",
        server_certificate_id=[certificate],
    )
    assert listener in desk.refused("DeleteServerCertificates", 5400, server_certificates=[certificate])
    desk.tell("DeleteLoadBalancerListeners", loadbalancer_listeners=[listener])
    assert desk.tell("DeleteServerCertificates", server_certificates=[certificate])["ret_code"] == 0
    assert desk.shown("DescribeServerCertificates", "server_certificate_set") == []
    desk.refused("CreateServerCertificate", 1100, certificate_content="x")


def test_a_policy_and_its_rules_wait_for_being_applied(desk: Desk) -> None:
    policy = desk.tell("CreateLoadBalancerPolicy", loadbalancer_policy_name="p")["loadbalancer_policy_id"]
    rule = {"rule_type": "url", "val": "^/api", "loadbalancer_policy_rule_name": "api"}
    desk.refused("AddLoadBalancerPolicyRules", 1100, loadbalancer_policy=policy, rules=[{"rule_type": "x", "val": "y"}])
    desk.refused("AddLoadBalancerPolicyRules", 2500, loadbalancer_policy=policy, rules=[rule] * 121)
    made = desk.tell("AddLoadBalancerPolicyRules", loadbalancer_policy=policy, rules=[rule])
    [shown] = desk.shown("DescribeLoadBalancerPolicies", "loadbalancer_policy_set", verbose=1)
    assert (shown["is_applied"], shown["rules"][0]["val"]) == (0, "^/api")
    assert not desk.ask("ApplyLoadBalancerPolicy", loadbalancer_policy=policy).failed
    [name] = made["loadbalancer_policy_rules"]
    desk.tell("ModifyLoadBalancerPolicyRuleAttributes", loadbalancer_policy_rule=name, val="^/v2")
    [shown] = desk.shown("DescribeLoadBalancerPolicyRules", "loadbalancer_policy_rule_set", loadbalancer_policy=policy)
    assert shown["val"] == "^/v2"
    desk.tell("DeleteLoadBalancerPolicyRules", loadbalancer_policy_rules=[name])
    desk.refused("ModifyLoadBalancerPolicyAttributes", 1100, loadbalancer_policy=policy, operator="xor")
    desk.tell("ModifyLoadBalancerPolicyAttributes", loadbalancer_policy=policy, operator="and")
    desk.tell("DeleteLoadBalancerPolicies", loadbalancer_policies=[policy])
    assert desk.shown("DescribeLoadBalancerPolicies", "loadbalancer_policy_set") == []
    desk.refused("ApplyLoadBalancerPolicy", 2100, loadbalancer_policy=policy)

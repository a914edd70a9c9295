"""VPCs, private networks and static rules behind the cloud door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qke_sim.cloud.router import Router
from qke_sim.cloud.vxnet import inside
from qke_sim.testing import Desk

Put = Callable[[Desk, str], str]
FORWARD: dict[str, object] = {"static_type": 1, "val1": "16443", "val2": "192.168.0.253", "val3": "6443"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def make_vpc(desk: Desk, network: str = "192.168.0.0/16") -> str:
    routers: Any = desk.ask("CreateRouters", vpc_network=network).answer["routers"]
    return str(routers[0])


def make_vxnet(desk: Desk, **params: Any) -> str:
    return str(desk.tell("CreateVxnets", vxnet_type=1, **params)["vxnets"][0])


def make_joined(desk: Desk, network: str = "192.168.0.0/24") -> tuple[str, str]:
    router, vxnet = make_vpc(desk), make_vxnet(desk)
    assert not desk.ask("JoinRouter", router=router, vxnet=vxnet, ip_network=network).failed
    return router, vxnet


def router_of(desk: Desk, router: str) -> Router:
    return desk.cloud.store.get(Router, router)


def test_a_vpc_is_pending_until_its_job_ends(desk: Desk) -> None:
    answer = desk.tell("CreateRouters", vpc_network="192.168.0.0/16", router_name="shop")
    router = router_of(desk, answer["routers"][0])
    assert (router.status, router.transition_status) == ("pending", "creating")
    desk.wait(10**6)
    assert (router.status, router.transition_status) == ("active", "")
    [shown] = desk.shown("DescribeRouters", "router_set")
    assert (shown["router_name"], shown["is_applied"], shown["vpc_id"][:4]) == ("shop", 1, "vpc-")


@pytest.mark.parametrize("network", ["", "192.168.0.0/24", "172.30.0.0/8", "10.0.0.0/16", "172.26.0.0/16", "nonsense"])
def test_a_vpc_has_one_of_the_offered_ranges(desk: Desk, network: str) -> None:
    desk.refused("CreateRouters", 1100, vpc_network=network)


def test_a_vxnet_is_there_at_once_and_counts(desk: Desk) -> None:
    vxnet = make_vxnet(desk, vxnet_name="web", count=2)
    assert len(vxnet) == len("vxnet-") + 7
    assert desk.cloud.allowance.used["vxnet"] == 2
    shown = desk.shown("DescribeVxnets", "vxnet_set", vxnets=[vxnet], verbose=1)[0]
    assert (shown["vpc_router_id"], shown["router"], shown["instance_ids"]) == ("", {}, [])
    assert "QuotasExceeded" in Desk(limits={"vxnet": 1}).refused("CreateVxnets", 2500, vxnet_type=1, count=2)


def test_joining_gives_a_vxnet_its_addresses(desk: Desk) -> None:
    router, vxnet = make_joined(desk)
    assert desk.shown("DescribeVxnets", "vxnet_set")[0]["router"] == {
        "router_id": router,
        "manager_ip": "192.168.0.1",
        "ip_network": "192.168.0.0/24",
        "dyn_ip_start": "192.168.0.2",
        "dyn_ip_end": "192.168.0.254",
    }
    assert desk.shown("DescribeRouterVxnets", "router_vxnet_set", router=router)[0]["vxnet_id"] == vxnet
    assert desk.shown("DescribeVxnets", "vxnet_set", verbose=1)[0]["available_ip_count"] == 253


@pytest.mark.parametrize(
    ("network", "code"),
    [("192.168.0.0/24", 1400), ("192.168.1.0/25", 1400), ("172.16.0.0/24", 1400), ("192.168.1.1/24", 1100), ("", 1100)],
)
def test_a_vxnet_joins_with_a_free_24_of_the_vpc_only(desk: Desk, network: str, code: int) -> None:
    router, _ = make_joined(desk)
    desk.refused("JoinRouter", code, router=router, vxnet=make_vxnet(desk), ip_network=network)


def test_a_self_managed_vxnet_joins_no_vpc(desk: Desk) -> None:
    router, vxnet = make_vpc(desk), str(desk.tell("CreateVxnets", vxnet_type=0)["vxnets"][0])
    message = desk.refused("JoinRouter", 1400, router=router, vxnet=vxnet, ip_network="192.168.0.0/24")
    assert message == f"PermissionDenied, vxnet [{vxnet}] is not managed, can not join a router"


def test_a_vxnet_is_in_one_vpc_at_most(desk: Desk) -> None:
    _, vxnet = make_joined(desk)
    other = make_vpc(desk, "172.16.0.0/16")
    desk.refused("JoinRouter", 1400, router=other, vxnet=vxnet, ip_network="172.16.0.0/24")


def test_whoever_is_used_stays(desk: Desk, instance_in: Put) -> None:
    router, vxnet = make_joined(desk)
    instance = instance_in(desk, vxnet)
    assert instance in [thing.id for thing in inside(desk.cloud.store, vxnet)]
    desk.wait(10**5)
    assert router in desk.refused("DeleteVxnets", 5400, vxnets=[vxnet])
    assert vxnet in desk.refused("DeleteRouters", 5400, routers=[router])
    desk.refused("LeaveRouter", 1400, router=router, vxnets=[vxnet])
    assert desk.shown("DescribeVxnetInstances", "instance_set", vxnet=vxnet)[0]["instance_id"] == instance
    assert not desk.ask("TerminateInstances", instances=[instance]).failed
    assert not desk.ask("LeaveRouter", router=router, vxnets=[vxnet]).failed
    assert desk.tell("DeleteVxnets", vxnets=[vxnet])["ret_code"] == 0
    assert not desk.ask("DeleteRouters", routers=[router]).failed
    assert desk.refused("DeleteRouters", 2100, routers=[router]).startswith("ResourceNotFound")
    assert desk.shown("DescribeRouters", "router_set") == []
    assert (desk.cloud.allowance.used["router"], desk.cloud.allowance.used["vxnet"]) == (0, 0)


def test_an_instance_leaves_a_vxnet_and_joins_another(desk: Desk, instance_in: Put) -> None:
    _, vxnet = make_joined(desk)
    instance = instance_in(desk, vxnet)
    desk.refused("JoinVxnet", 1400, vxnet=vxnet, instances=[instance])
    assert not desk.ask("LeaveVxnet", vxnet=vxnet, instances=[instance]).failed
    desk.refused("LeaveVxnet", 1400, vxnet=vxnet, instances=[instance])
    other = make_vxnet(desk)
    assert not desk.ask("JoinVxnet", vxnet=other, instances=[instance]).failed
    assert [thing.id for thing in inside(desk.cloud.store, other) if thing.kind == "instance"] == [instance]


@pytest.mark.guide("G-096", "G-099")
def test_forwarding_is_in_effect_once_it_is_applied(desk: Desk) -> None:
    router = make_vpc(desk)
    static = desk.tell("AddRouterStatics", router=router, statics=[FORWARD])["router_statics"][0]
    assert (router_of(desk, router).is_applied, router_of(desk, router).in_effect.statics) == (0, ())
    shown = desk.shown("DescribeRouterStatics", "router_static_set", router=router, static_type=1)[0]
    assert [shown[f"val{number}"] for number in range(1, 5)] == ["16443", "192.168.0.253", "6443", "tcp"]
    assert not desk.ask("UpdateRouters", routers=[router]).failed
    assert router_of(desk, router).is_applied == 1
    assert [form.id for form in router_of(desk, router).in_effect.statics] == [static]
    desk.tell("DeleteRouterStatics", router_statics=[static])
    assert len(router_of(desk, router).in_effect.statics) == 1
    desk.ask("UpdateRouters", routers=[router])
    assert router_of(desk, router).in_effect.statics == ()


@pytest.mark.guide("G-099")
def test_a_port_is_forwarded_once_per_protocol(desk: Desk) -> None:
    router = make_vpc(desk)
    desk.tell("AddRouterStatics", router=router, statics=[FORWARD])
    assert "16443" in desk.refused("AddRouterStatics", 2110, router=router, statics=[{**FORWARD, "val3": "22"}])
    other = {**FORWARD, "val1": "16444"}
    desk.refused("AddRouterStatics", 2110, router=router, statics=[other, other])
    made = desk.tell("AddRouterStatics", router=router, statics=[{**FORWARD, "val4": "udp"}, other])["router_statics"]
    desk.refused("ModifyRouterStaticAttributes", 2110, router_static=made[1], val1="16443")
    assert desk.tell("ModifyRouterStaticAttributes", router_static=made[1], val1="16445")["ret_code"] == 0


@pytest.mark.parametrize(
    "static",
    [
        {"static_type": 1},
        {"static_type": 9, "val1": "1"},
        {**FORWARD, "val1": "0"},
        {**FORWARD, "val2": "shop"},
        {**FORWARD, "val3": "65536"},
        {**FORWARD, "val4": "icmp"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(desk: Desk, static: dict[str, object]) -> None:
    desk.refused("AddRouterStatics", 1100, router=make_vpc(desk), statics=[static])


def test_a_vpc_takes_an_address_and_gives_it_back(desk: Desk) -> None:
    router = make_vpc(desk)
    eip = desk.tell("AllocateEips", bandwidth=10)["eips"][0]
    message = desk.refused("ModifyRouterAttributes", 1400, router=router, eip=eip)
    assert message == f"PermissionDenied, public IP [{eip}] is not available, can not be associated to router"
    desk.wait(10**5)
    desk.tell("ModifyRouterAttributes", router=router, eip=eip)
    assert (router_of(desk, router).is_applied, router_of(desk, router).in_effect.eip_id) == (0, "")
    desk.ask("UpdateRouters", routers=[router])
    assert router_of(desk, router).in_effect.eip_id == eip
    assert desk.shown("DescribeRouters", "router_set")[0]["eip"]["eip_id"] == eip
    desk.tell("ModifyRouterAttributes", router=router, eip="")
    assert desk.shown("DescribeEips", "eip_set")[0]["status"] == "available"


def test_a_vpc_is_switched_off_and_on(desk: Desk) -> None:
    router = make_vpc(desk)
    desk.refused("PowerOnRouters", 1400, routers=[router])
    answer = desk.tell("PowerOffRouters", routers=[router])
    assert router_of(desk, router).transition_status == "poweroffing"
    assert "please try later" in desk.refused("PowerOffRouters", 1400, routers=[router])
    desk.wait(10**6)
    assert desk.cloud.jobs[answer["job_id"]].status == "successful"
    assert router_of(desk, router).status == "poweroffed"
    assert not desk.ask("PowerOnRouters", routers=[router]).failed
    assert router_of(desk, router).status == "active"


def test_a_new_vpc_cannot_be_deleted_before_its_lease_is_ready(desk: Desk) -> None:
    router = make_vpc(desk)
    thing = router_of(desk, router)
    thing.create_ms = desk.kernel.now
    message = desk.refused("DeleteRouters", 1400, routers=[router])
    assert message == f"PermissionDenied, resource [{router}] lease info not ready yet, please try later"


def test_a_rule_may_have_entries_which_wait_for_being_applied_too(desk: Desk) -> None:
    router = make_vpc(desk)
    vpn = {"static_type": 2, "val1": "openvpn"}
    static = desk.tell("AddRouterStatics", router=router, statics=[vpn])["router_statics"][0]
    desk.ask("UpdateRouters", routers=[router])
    desk.refused("AddRouterStaticEntries", 1100, router_static=static, entries=[{"val2": "x"}])
    entries = [{"val1": "user", "val2": "word"}]
    entry = desk.tell("AddRouterStaticEntries", router_static=static, entries=entries)["router_static_entries"][0]
    assert router_of(desk, router).is_applied == 0
    desk.tell("ModifyRouterStaticEntryAttributes", router_static_entry=entry, val1="other")
    [shown] = desk.shown("DescribeRouterStaticEntries", "router_static_entry_set", router_static=static)
    assert (shown["router_static_entry_id"], shown["val1"], shown["val2"]) == (entry, "other", "word")
    desk.tell("DeleteRouterStaticEntries", router_static_entries=[entry])
    assert desk.shown("DescribeRouterStaticEntries", "router_static_entry_set", router_static=static) == []

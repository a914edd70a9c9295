"""Does a packet get there: hop by hop, from outside and from inside; the first hop that blocks says how to open it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from qke_core.errors import InputError
from qke_core.netview import (
    BackendView,
    BalancerView,
    EipView,
    Firewall,
    FirewallRule,
    Forward,
    ListenerView,
    MachineView,
    NetworkView,
    PortView,
    VpcView,
    VxnetView,
)
from qke_core.reach import Route, reach

PUBLIC, LB_PUBLIC = "139.198.190.141", "139.198.186.186"
LB_INNER, MASTER, WORKER = "192.168.0.253", "192.168.0.2", "192.168.0.5"
API = {6443: PortView("API server"), 22: PortView("sshd")}


def accept(port: int, **parts: Any) -> FirewallRule:
    return FirewallRule(f"sgr-{port}", 1, ports=(port, port), **parts)


def forward(port: int, to: str, to_port: int) -> Forward:
    return Forward(f"rtrs-{port}", port, IPv4Address(to), to_port)


def make_view(**parts: object) -> NetworkView:
    """A VPC with an address, whose port 16443 leads to the API server's balancer, and 30880 to a worker's console."""
    backends = (BackendView("lbb-1", IPv4Address(MASTER), 6443),)
    view = NetworkView(
        vpcs=(
            VpcView(
                "rtr-1",
                IPv4Network("192.168.0.0/16"),
                eip="eip-vpc",
                firewall=Firewall("sg-vpc", (accept(16443), accept(30880))),
                forwards=(forward(16443, LB_INNER, 6443), forward(30880, WORKER, 30880)),
            ),
        ),
        vxnets=(
            VxnetView("vxnet-a", IPv4Network("192.168.0.0/24"), "rtr-1"),
            VxnetView("vxnet-b", IPv4Network("192.168.1.0/24"), "rtr-1"),
            VxnetView("vxnet-c", IPv4Network("172.20.0.0/24")),
        ),
        eips=(
            EipView("eip-vpc", IPv4Address(PUBLIC), "rtr-1"),
            EipView("eip-lb", IPv4Address(LB_PUBLIC), "lb-1"),
            EipView("eip-free", IPv4Address("139.198.0.9"), "", "available"),
        ),
        balancers=(
            BalancerView(
                "lb-1",
                "cl-1",
                vxnet="vxnet-a",
                address=IPv4Address(LB_INNER),
                firewall=Firewall("sg-lb", (accept(6443),)),
                listeners=(ListenerView("lbl-1", 6443, backends=backends),),
            ),
        ),
        machines=(
            MachineView("i-1", "shop/master1", IPv4Address(MASTER), "vxnet-a", ports=API),
            MachineView(
                "i-2",
                "shop/node_perf1",
                IPv4Address(WORKER),
                "vxnet-a",
                ports={22: PortView("sshd"), 30880: PortView("Service kubesphere-system/ks-console")},
            ),
            MachineView("i-3", "shop/client1", IPv4Address("192.168.1.7"), "vxnet-b", ports={22: PortView("sshd")}),
        ),
    )
    return replace(view, **parts)


def vpc(**parts: object) -> tuple[VpcView, ...]:
    return (replace(make_view().vpcs[0], **parts),)


def balancer(**parts: object) -> tuple[BalancerView, ...]:
    return (replace(make_view().balancers[0], **parts),)


def outside(view: NetworkView, target: str) -> Route:
    return reach(view, "internet", target)


def kinds(route: Route) -> list[str]:
    return [hop.kind for hop in route.hops]


@pytest.mark.guide("G-095", "G-096", "G-098", "G-099")
def test_the_api_server_is_reached_through_a_forwarded_port_of_the_vpc() -> None:
    route = outside(make_view(), f"{PUBLIC}:16443")
    assert route.reached
    assert kinds(route) == [
        "eip", "vpc", "firewall", "forwarding", "balancer", "firewall", "listener", "backend", "host", "port",
    ]  # fmt: skip


@pytest.mark.guide("G-097")
def test_with_one_master_the_forwarding_leads_to_its_own_address() -> None:
    view = make_view(vpcs=vpc(forwards=(forward(16443, MASTER, 6443),)), balancers=())
    route = outside(view, f"{PUBLIC}:16443")
    assert route.reached
    assert route.hops[-2].name == "shop/master1"


@pytest.mark.guide("G-095", "G-100", "G-103")
def test_the_api_server_is_reached_at_an_address_of_its_balancer() -> None:
    assert outside(make_view(), f"{LB_PUBLIC}:6443").reached
    assert outside(make_view(), "eip-lb:6443").reached


@pytest.mark.guide("G-110", "G-111", "G-114")
def test_the_console_is_reached_at_its_node_port_through_the_vpc() -> None:
    assert outside(make_view(), f"{PUBLIC}:30880").reached


@pytest.mark.guide("G-111")
def test_the_client_does_not_serve_the_console() -> None:
    view = make_view(vpcs=vpc(forwards=(forward(30880, "192.168.1.7", 30880),)))
    route = outside(view, f"{PUBLIC}:30880")
    assert route.blocked_by == "port"
    assert "nothing on shop/client1 listens on port 30880" in route.hops[-1].why


@pytest.mark.parametrize(
    ("parts", "target", "kind", "remedy"),
    [
        ({"eips": ()}, f"{PUBLIC}:16443", "address", "EIPs"),
        ({}, "192.168.0.2:6443", "address", "EIP"),
        ({}, "eip-free:6443", "eip", "bind it"),
        ({}, f"{PUBLIC}:443", "eip", "file for ICP"),
        ({"vpcs": vpc(status="poweroffed")}, f"{PUBLIC}:16443", "vpc", "PowerOnRouters rtr-1"),
        ({"vpcs": vpc(eip="")}, f"{PUBLIC}:16443", "vpc", "UpdateRouters rtr-1"),
        ({}, f"{PUBLIC}:16444", "firewall", "accept TCP port 16444"),
        ({"vpcs": vpc(firewall=Firewall("sg-vpc", edited=True))}, f"{PUBLIC}:16443", "firewall", "ApplySecurityGroup"),
        ({"vpcs": vpc(firewall=None)}, f"{PUBLIC}:16443", "firewall", "bind one"),
        ({"vpcs": vpc(forwards=())}, f"{PUBLIC}:16443", "forwarding", "forward port 16443"),
        ({"vpcs": vpc(forwards=(), edited=True)}, f"{PUBLIC}:16443", "forwarding", "apply what was edited"),
        ({"vpcs": vpc(forwards=(forward(16443, "10.0.0.1", 6443),))}, f"{PUBLIC}:16443", "vpc", "forwarding rule"),
        (
            {"vpcs": vpc(forwards=(forward(16443, "192.168.0.77", 6443),))},
            f"{PUBLIC}:16443",
            "host",
            "address of a host",
        ),
        ({"balancers": balancer(status="pending")}, f"{LB_PUBLIC}:6443", "balancer", "active"),
        (
            {"balancers": balancer(firewall=Firewall("sg-lb"))},
            f"{LB_PUBLIC}:6443",
            "firewall",
            "ApplySecurityGroup sg-lb",
        ),
        ({"balancers": balancer(listeners=())}, f"{LB_PUBLIC}:6443", "listener", "add a listener on 6443"),
        ({"balancers": balancer(listeners=(), edited=True)}, f"{LB_PUBLIC}:6443", "listener", "apply what was edited"),
        (
            {"balancers": balancer(listeners=(ListenerView("lbl-1", 6443),))},
            f"{LB_PUBLIC}:6443",
            "backend",
            "add backends",
        ),
        ({"machines": ()}, f"{LB_PUBLIC}:6443", "host", "address"),
    ],
)
def test_the_first_hop_that_blocks_says_how_to_open_it(
    parts: dict[str, object], target: str, kind: str, remedy: str
) -> None:
    route = outside(make_view(**parts), target)
    assert (route.blocked_by, route.reached) == (kind, False)
    assert remedy in route.hops[-1].remedy


@pytest.mark.guide("G-113")
def test_the_console_needs_its_port_open_in_the_firewall_of_a_vpc_with_an_address() -> None:
    closed = vpc(firewall=Firewall("sg-vpc", (accept(16443),)))
    route = outside(make_view(vpcs=closed), f"{PUBLIC}:30880")
    assert route.blocked_by == "firewall"
    assert "G-113" in route.hops[-1].rule


@pytest.mark.guide("G-149")
def test_web_ports_need_an_icp_filing_from_outside() -> None:
    web = ListenerView("lbl-2", 80, backends=(BackendView("lbb-2", IPv4Address(WORKER), 30880),))
    opened = balancer(listeners=(web,), firewall=Firewall("sg-lb", (accept(80),)))
    eips = make_view().eips
    filed = (eips[0], replace(eips[1], icp=True), eips[2])
    assert outside(make_view(balancers=opened), f"{LB_PUBLIC}:80").blocked_by == "eip"
    assert outside(make_view(balancers=opened, eips=filed), f"{LB_PUBLIC}:80").reached


def test_a_balancer_hands_over_to_whoever_answers() -> None:
    """A refused connection is tried on another backend at once; a backend out of rotation is not asked."""
    down = replace(make_view().machines[0], up=False)
    other = MachineView("i-9", "shop/master2", IPv4Address("192.168.0.3"), "vxnet-a", ports=API)
    machines = (down, other, *make_view().machines[1:])
    backends = (BackendView("lbb-1", down.address, 6443), BackendView("lbb-2", other.address, 6443))
    view = make_view(machines=machines, balancers=balancer(listeners=(ListenerView("lbl-1", 6443, backends=backends),)))
    assert outside(view, "eip-lb:6443").hops[-2].name == "shop/master2"
    out = (backends[0], replace(backends[1], uses=False))
    none = (replace(backends[0], uses=False), out[1])
    first_only = make_view(machines=machines, balancers=balancer(listeners=(ListenerView("l", 6443, backends=out),)))
    nobody = make_view(machines=machines, balancers=balancer(listeners=(ListenerView("l", 6443, backends=none),)))
    assert outside(first_only, "eip-lb:6443").blocked_by == "host"
    assert outside(nobody, "eip-lb:6443").blocked_by == "backend"


def test_a_smaller_priority_decides_first() -> None:
    drop = FirewallRule("sgr-drop", 0, accepts=False)
    route = outside(make_view(vpcs=vpc(firewall=Firewall("sg-vpc", (accept(16443), drop)))), f"{PUBLIC}:16443")
    assert route.blocked_by == "firewall"
    assert "sgr-drop drops" in route.hops[-1].why


def test_a_rule_for_somebody_else_lets_nobody_in() -> None:
    home = accept(16443, peers=(IPv4Network("203.0.113.0/24"),))
    anybody = accept(16443, peers=(IPv4Network("0.0.0.0/0"),))
    assert not outside(make_view(vpcs=vpc(firewall=Firewall("sg", (home,)))), f"{PUBLIC}:16443").reached
    assert outside(make_view(vpcs=vpc(firewall=Firewall("sg", (anybody,)))), f"{PUBLIC}:16443").reached


def test_inside_a_vpc_hosts_find_each_other_without_a_firewall() -> None:
    view = make_view()
    assert reach(view, "shop/client1", "shop/master1:22").reached
    assert kinds(reach(view, "shop/node_perf1", f"{MASTER}:6443")) == ["address", "host", "port"]
    assert kinds(reach(view, "192.168.1.99", f"{MASTER}:6443")) == ["address", "vpc", "host", "port"]


def test_another_network_is_not_reached() -> None:
    assert reach(make_view(), "172.20.0.9", f"{MASTER}:6443").blocked_by == "vpc"
    assert reach(make_view(), "10.9.9.9", f"{MASTER}:6443").blocked_by == "address"


def test_a_cut_network_keeps_two_hosts_apart() -> None:
    view = make_view(cuts=frozenset({frozenset({"shop/client1", "shop/master1"})}))
    assert reach(view, "shop/client1", "shop/master1:22").blocked_by == "host"
    assert reach(view, "shop/client1", "shop/node_perf1:22").reached


@pytest.mark.guide("G-180")
def test_hosts_get_out_through_the_public_address_of_their_vpc() -> None:
    assert reach(make_view(), "shop/client1", "eip-lb:6443").reached
    assert reach(make_view(vpcs=vpc(eip="")), "shop/client1", "eip-lb:6443").blocked_by == "vpc"


@pytest.mark.guide("G-181")
def test_in_the_basic_network_the_default_firewall_must_open_the_ports() -> None:
    closed = Firewall("sg-default", (accept(22),))
    opened = Firewall("sg-default", (accept(6443), FirewallRule("sgr-n", 1, ports=(30000, 32767))))
    ports = {**API, 30880: PortView("console")}

    def base(firewall: Firewall) -> NetworkView:
        address = IPv4Address("10.140.0.2")
        machine = MachineView("i-1", "shop/master1", address, "vxnet-0", ports=ports, firewall=firewall)
        vxnets = (VxnetView("vxnet-0", IPv4Network("10.140.0.0/24")),)
        return make_view(machines=(machine,), vxnets=vxnets, balancers=(), vpcs=())

    for port in (6443, 30880):
        assert reach(base(closed), "10.140.0.9", f"10.140.0.2:{port}").blocked_by == "firewall"
        assert reach(base(opened), "10.140.0.9", f"10.140.0.2:{port}").reached


def test_what_listens_but_does_not_answer_is_told_apart() -> None:
    master = replace(make_view().machines[0], ports={6443: PortView("API server", "etcd has no quorum")})
    route = reach(make_view(machines=(master,)), "192.168.0.9", f"{MASTER}:6443")
    assert route.blocked_by == "port"
    assert route.hops[-1].why == "API server does not answer: etcd has no quorum"


@pytest.mark.parametrize(
    "target", ["", "139.198.0.10", "eip-vpc:", "eip-vpc:0", "eip-vpc:65536", "eip-vpc:x", "eip:22"]
)
def test_a_target_is_a_known_place_and_a_port(target: str) -> None:
    with pytest.raises(InputError) as error:
        outside(make_view(), target)
    assert error.value.code == "reach.target"


def test_a_source_is_the_internet_an_address_or_a_host() -> None:
    with pytest.raises(InputError) as error:
        reach(make_view(), "shop/mster1", f"{MASTER}:22")
    assert error.value.code == "reach.source"
    assert "shop/master1" in error.value.remedy

"""Laws of routes: they end once, opening never closes, and doing what a remedy says brings a packet further."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from hypothesis import given
from hypothesis import strategies as st

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

PORTS: tuple[int, ...] = (80, 443, 6443, 16443, 30880)
INNER = tuple(IPv4Address(f"192.168.{third}.{last}") for third in (0, 1) for last in (2, 3, 253))
NET = IPv4Network("192.168.0.0/16")

rules = st.builds(
    FirewallRule,
    id=st.just("sgr"),
    priority=st.integers(0, 3),
    accepts=st.booleans(),
    ports=st.sampled_from([None, *((port, port) for port in PORTS), (30000, 32767)]),
    peers=st.sampled_from([None, (), (IPv4Network("0.0.0.0/0"),), (IPv4Network("203.0.113.0/24"), NET)]),
)
firewalls = st.none() | st.builds(Firewall, id=st.just("sg"), rules=st.lists(rules, max_size=4).map(tuple))
forwards = st.builds(
    Forward, id=st.just("rtrs"), port=st.sampled_from(PORTS), to=st.sampled_from(INNER), to_port=st.sampled_from(PORTS)
)
backends = st.builds(
    BackendView,
    id=st.just("lbb"),
    address=st.sampled_from(INNER),
    port=st.sampled_from(PORTS),
    uses=st.booleans(),
)
listeners = st.builds(
    ListenerView, id=st.just("lbl"), port=st.sampled_from(PORTS), backends=st.lists(backends, max_size=3).map(tuple)
)
ports: st.SearchStrategy[dict[int, PortView]] = st.dictionaries(
    st.sampled_from(PORTS), st.builds(PortView, st.just("it"), st.sampled_from(["", "dead"]))
)


@st.composite
def views(draw: st.DrawFn) -> NetworkView:
    machines = tuple(
        MachineView(f"i-{n}", f"m{n}", address, draw(st.sampled_from(["a", "b"])), draw(st.booleans()), draw(ports))
        for n, address in enumerate(INNER[:4])
    )
    balancer = BalancerView(
        "lb-1",
        "cl-1",
        draw(st.sampled_from(["active", "pending", "stopped"])),
        "a",
        draw(st.none() | st.just(INNER[5])),
        draw(firewalls),
        draw(st.lists(listeners, max_size=3).map(tuple)),
    )
    status = draw(st.sampled_from(["active", "poweroffed"]))
    applied = draw(st.sampled_from(["", "eip-1"]))
    vpc = VpcView("rtr-1", NET, status, applied, draw(firewalls), draw(st.lists(forwards, max_size=4).map(tuple)))
    return NetworkView(
        vpcs=(vpc,),
        vxnets=tuple(
            VxnetView(name, IPv4Network(f"192.168.{n}.0/24"), draw(st.sampled_from(["", "rtr-1"])))
            for n, name in enumerate("ab")
        ),
        eips=tuple(
            EipView(f"eip-{n}", IPv4Address(f"139.198.0.{n}"), draw(st.sampled_from(["", "rtr-1", "lb-1", "i-1"])))
            for n in (1, 2)
        ),
        balancers=(balancer,),
        machines=machines,
    )


targets = st.sampled_from([f"{place}:{port}" for place in ("eip-1", "eip-2", *INNER) for port in PORTS])
sources = st.sampled_from(["internet", "m0", "m3", "192.168.1.77"])


def _open(firewall: Firewall | None, port: int) -> Firewall:
    rule = FirewallRule("sgr-open", 0, ports=(port, port))
    return replace(firewall or Firewall("sg-new"), rules=(rule, *(firewall.rules if firewall else ())))


def _all(view: NetworkView, port: int) -> NetworkView:
    return replace(
        view,
        vpcs=tuple(replace(vpc, firewall=_open(vpc.firewall, port)) for vpc in view.vpcs),
        balancers=tuple(replace(one, firewall=_open(one.firewall, port)) for one in view.balancers),
        machines=tuple(replace(one, firewall=_open(one.firewall, port)) for one in view.machines),
    )


@given(views(), sources, targets)
def test_a_route_ends_once_with_an_answer_or_at_the_hop_that_blocks(view: NetworkView, source: str, target: str):
    route = reach(view, source, target)
    assert [hop.verdict for hop in route.hops[:-1]] == ["passes"] * (len(route.hops) - 1)
    assert route.hops[-1].verdict == ("answers" if route.reached else "blocks")
    assert all(hop.why for hop in route.hops)
    assert bool(route.hops[-1].remedy) != route.reached


@given(views(), sources, targets)
def test_the_same_question_has_the_same_answer(view: NetworkView, source: str, target: str):
    assert reach(view, source, target) == reach(view, source, target)


@given(views(), sources, targets, st.sampled_from(PORTS))
def test_opening_firewalls_never_keeps_a_packet_out(view: NetworkView, source: str, target: str, port: int):
    assert reach(view, source, target).reached <= reach(_all(view, port), source, target).reached


@given(views(), sources, targets)
def test_a_machine_that_goes_down_lets_nobody_get_further(view: NetworkView, source: str, target: str):
    down = replace(view, machines=tuple(replace(one, up=False) for one in view.machines))
    assert not reach(down, source, target).reached


@given(views(), targets)
def test_nothing_gets_in_through_a_vpc_that_lets_nothing_in(view: NetworkView, target: str):
    shut = replace(view, vpcs=tuple(replace(vpc, firewall=Firewall("sg")) for vpc in view.vpcs))
    route = reach(shut, "internet", target)
    assert not (route.reached and any(hop.kind == "vpc" for hop in route.hops))


def _repair(view: NetworkView, route: Route) -> NetworkView | None:
    """Do what the remedy of the blocking hop says; None where it is not a thing of the network."""
    hop, port = route.hops[-1], int(route.target.rpartition(":")[2])
    steps: dict[str, Callable[[], NetworkView]] = {
        "firewall": lambda: _all(view, port),
        "balancer": lambda: replace(view, balancers=tuple(replace(one, status="active") for one in view.balancers)),
        "listener": lambda: replace(
            view,
            balancers=tuple(
                replace(one, listeners=(*one.listeners, ListenerView("l", port))) for one in view.balancers
            ),
        ),
        "forwarding": lambda: replace(
            view,
            vpcs=tuple(replace(vpc, forwards=(*vpc.forwards, Forward("f", port, INNER[0], port))) for vpc in view.vpcs),
        ),
    }
    step = steps.get(hop.kind)
    return None if step is None or "forward" in [h.kind for h in route.hops] else step()


@given(views(), st.sampled_from([f"eip-{n}:{port}" for n in (1, 2) for port in PORTS]))
def test_doing_what_the_remedy_says_brings_the_packet_further(view: NetworkView, target: str):
    route = reach(view, "internet", target)
    if any(hop.kind == "forwarding" and hop.verdict == "passes" for hop in route.hops):
        return  # Behind a forwarding rule the port is another one: the repair above would open the wrong one.
    repaired = _repair(view, route)
    if repaired is None:
        return
    after = reach(repaired, "internet", target)
    assert after.hops[: len(route.hops) - 1] == route.hops[:-1] or len(after.hops) > len(route.hops)
    assert after.reached or len(after.hops) > len(route.hops)

"""Where a pod goes: why a node is out, which of the others is taken, and that no node ever holds too much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qke_sim.kube import MASTER_TAINT, KubeNode, Pod, PodTemplate, Resources, Taint, Toleration, Workload
from qke_sim.kube.scheduler import choose_node, used_by_node, why_not

GIB = 1024**3
ROOM = Resources(cpu_m=4000, memory=8 * GIB, pods=10)
SMALL = Resources(cpu_m=500, memory=GIB, pods=1)


def node(
    name: str, room: Resources = ROOM, taints: tuple[Taint, ...] = (), labels: Mapping[str, str] | None = None
) -> KubeNode:
    return KubeNode(name, name, f"i-{name}", labels or {}, taints, room, "1.13.5")


def template(
    requests: Resources = SMALL,
    selector: Mapping[str, str] | None = None,
    tolerations: tuple[Toleration, ...] = (),
) -> PodTemplate:
    return PodTemplate({}, requests, selector or {}, tolerations)


def workload(name: str = "web", kind: PodTemplate | None = None) -> Workload:
    return Workload("Deployment", "default", name, 1, kind or template())


def pod(owner: Workload, on: str | None = None, number: int = 0) -> Pod:
    return Pod(f"{owner.name}-{number}", owner, on)


FILTERS: list[tuple[str, Callable[[KubeNode], KubeNode], PodTemplate]] = [
    ("node(s) were unschedulable", lambda n: replace(n, unschedulable=True), template()),
    ("node(s) were not ready", lambda n: replace(n, ready=False), template()),
    ("node(s) didn't match node selector", lambda n: n, template(selector={"disk": "ssd"})),
    (
        "node(s) had taints that the pod didn't tolerate",
        lambda n: replace(n, taints=(Taint(MASTER_TAINT, "NoSchedule"),)),
        template(),
    ),
    ("Too many pods", lambda n: replace(n, allocatable=replace(ROOM, pods=0)), template()),
    ("Insufficient cpu", lambda n: n, template(replace(SMALL, cpu_m=4001))),
    ("Insufficient memory", lambda n: n, template(replace(SMALL, memory=8 * GIB + 1))),
]


@pytest.mark.parametrize(("reason", "spoil", "wanted"), FILTERS, ids=[row[0] for row in FILTERS])
def test_each_filter_gives_kubernetes_own_reason(
    reason: str, spoil: Callable[[KubeNode], KubeNode], wanted: PodTemplate
) -> None:
    assert why_not(template(), node("a"), Resources()) == ""
    assert why_not(wanted, spoil(node("a")), Resources()) == reason
    chosen, why = choose_node(pod(workload(kind=wanted)), [spoil(node("a"))], [])
    assert (chosen, why) == (None, f"0/1 nodes are available: 1 {reason}.")


def test_reasons_of_several_nodes_are_counted_and_sorted() -> None:
    nodes = [
        replace(node("a"), ready=False),
        node("b", replace(ROOM, cpu_m=100)),
        node("c", replace(ROOM, cpu_m=100)),
    ]
    _, why = choose_node(pod(workload()), nodes, [])
    assert why == "0/3 nodes are available: 1 node(s) were not ready, 2 Insufficient cpu."


def test_exactly_fitting_is_fitting() -> None:
    full = template(ROOM)
    assert why_not(full, node("a"), Resources()) == ""
    assert why_not(full, node("a"), Resources(cpu_m=1)) == "Insufficient cpu"


def test_what_others_request_is_not_free() -> None:
    web, big = workload(), workload("big", template(replace(SMALL, cpu_m=3800)))
    chosen, why = choose_node(pod(big), [node("a")], [pod(web, "a")])
    assert (chosen, why) == (None, "0/1 nodes are available: 1 Insufficient cpu.")


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        (Toleration(), True),
        (Toleration(key=MASTER_TAINT), True),
        (Toleration(key=MASTER_TAINT, effect="NoSchedule"), True),
        (Toleration(key=MASTER_TAINT, effect="NoExecute"), False),
        (Toleration(key="other"), False),
        (Toleration(key=MASTER_TAINT, value="x"), False),
        (Toleration(key=MASTER_TAINT, value=""), True),
    ],
)
def test_a_toleration_covers_key_effect_and_value(toleration: Toleration, fits: bool) -> None:  # noqa: FBT001 - parameter of a table
    tainted = node("a", taints=(Taint(MASTER_TAINT, "NoSchedule"),))
    assert (why_not(template(tolerations=(toleration,)), tainted, Resources()) == "") is fits


def test_a_soft_taint_keeps_nobody_away() -> None:
    assert why_not(template(), node("a", taints=(Taint("x", "PreferNoSchedule"),)), Resources()) == ""


def test_a_selector_needs_every_label() -> None:
    picky = template(selector={"disk": "ssd", "zone": "a"})
    assert why_not(picky, node("a", labels={"disk": "ssd"}), Resources()) != ""
    assert why_not(picky, node("a", labels={"disk": "ssd", "zone": "a", "more": "x"}), Resources()) == ""


def test_the_emptier_node_is_taken() -> None:
    other = workload("other")
    chosen, _ = choose_node(pod(workload()), [node("a"), node("b")], [pod(other, "a")])
    assert chosen is not None
    assert chosen.name == "b"


def test_pods_of_one_workload_are_spread() -> None:
    """Node a is emptier, but holds a sibling."""
    web, other = workload(), workload("other", template(Resources(cpu_m=600, memory=GIB, pods=1)))
    chosen, _ = choose_node(pod(web), [node("a"), node("b")], [pod(web, "a"), pod(other, "b")])
    assert chosen is not None
    assert chosen.name == "b"


def test_cpu_and_memory_are_used_alike() -> None:
    """Both nodes are as full on the whole; on b the pod evens out what is used."""
    greedy = workload("greedy", template(Resources(cpu_m=2000, memory=0, pods=1)))
    cpu, memory = (
        workload("cpu", template(Resources(cpu_m=2000, pods=1))),
        workload("memory", template(Resources(memory=4 * GIB, pods=1))),
    )
    chosen, _ = choose_node(pod(greedy), [node("a"), node("b")], [pod(cpu, "a"), pod(memory, "b")])
    assert chosen is not None
    assert chosen.name == "b"


@given(names=st.permutations(["node-1c", "node-10d", "node-2b"]))
def test_a_tie_goes_to_the_first_name_in_whatever_order_nodes_come(names: list[str]) -> None:
    chosen, _ = choose_node(pod(workload()), [node(name) for name in names], [])
    assert chosen is not None
    assert chosen.name == "node-10d"


def test_pods_without_a_node_use_nothing() -> None:
    web = workload()
    assert used_by_node([pod(web), pod(web, "a", 1), pod(web, "a", 2)]) == {"a": SMALL + SMALL}


requests = st.builds(Resources, st.integers(0, 3000), st.integers(0, 4 * GIB), st.just(1))
rooms = st.builds(Resources, st.integers(0, 6000), st.integers(0, 8 * GIB), st.integers(0, 6))


@given(sizes=st.lists(requests, max_size=25), free=st.lists(rooms, min_size=1, max_size=4), data=st.data())
def test_no_node_ever_holds_more_than_it_has_and_a_refusal_is_never_without_need(
    sizes: list[Resources], free: list[Resources], data: st.DataObject
) -> None:
    nodes = [
        replace(node(f"n{number}", room), ready=data.draw(st.booleans()), unschedulable=data.draw(st.booleans()))
        for number, room in enumerate(free)
    ]
    owners = [workload(f"w{number % 3}", template(size)) for number, size in enumerate(sizes)]
    pods: list[Pod] = []
    for number, owner in enumerate(owners):
        new = pod(owner, number=number)
        chosen, why = choose_node(new, nodes, pods)
        used = used_by_node(pods)
        could = [n for n in nodes if not why_not(owner.template, n, used.get(n.name, Resources()))]
        assert (chosen in could) if could else chosen is None
        assert bool(why) == (chosen is None)
        new.node = None if chosen is None else chosen.name
        pods.append(new)
    for name, used in used_by_node(pods).items():
        host = next(n for n in nodes if n.name == name)
        assert host.ready
        assert not host.unschedulable
        left = host.allocatable - used
        assert min(left.cpu_m, left.memory, left.pods) >= 0

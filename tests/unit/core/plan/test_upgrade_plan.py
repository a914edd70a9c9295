"""Is a plan of an upgrade acyclic, safe at every prefix, and does it follow the scripts of its version?"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import pairwise, product
from typing import NamedTuple

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qke_core.catalog import catalog
from qke_core.errors import InvariantError, RefusedError
from qke_core.models import ClusterObservation
from qke_core.plan import Interval, Schedule, Stage, UpgradePlan, plan_upgrade
from qke_core.plan.schedule import NO_TIME
from qke_core.units import MS_PER_H
from qke_core.versions import reachable, version_path

MakeCluster = Callable[..., ClusterObservation]

WAYS = [(source, target) for source in catalog().order for target in reachable(catalog(), source)]
HOPS = [(edge.origin, edge.target) for edge in catalog().upgrades]

shapes = st.fixed_dictionaries(
    {"master": st.sampled_from([1, 3]), "client": st.integers(0, 1)},
    optional={"node_perf": st.integers(0, 5), "node_super_perf": st.integers(0, 3), "node_gpu": st.integers(0, 2)},
)


class Wish(NamedTuple):
    """What observations differ in."""

    roles: Mapping[str, int]
    kubesphere: bool


wishes = st.builds(Wish, shapes, st.booleans())


def step(plan: UpgradePlan, name: str) -> Stage:
    (found,) = [step for step in plan.schedule.stages if step.id == name]
    return found


# --- Laws


@given(way=st.sampled_from(WAYS), wish=wishes)
def test_the_graph_is_acyclic_and_every_prefix_is_safe(cluster: MakeCluster, way: tuple[str, str], wish: Wish):
    plan = plan_upgrade(cluster(way[0], wish.roles, kubesphere=wish.kubesphere), way[1], catalog())
    graph = plan.schedule.graph()
    assert nx.is_directed_acyclic_graph(graph)
    ids = [step.id for step in plan.schedule.stages]
    assert len(set(ids)) == len(ids)
    assert set(graph) == set(ids)
    done: set[str] = set()
    for name in ids:
        assert set(graph.predecessors(name)) <= done
        done.add(name)


@given(way=st.sampled_from(WAYS), wish=wishes)
def test_a_plan_begins_with_a_preflight_and_ends_with_a_look(cluster: MakeCluster, way: tuple[str, str], wish: Wish):
    plan = plan_upgrade(cluster(way[0], wish.roles, kubesphere=wish.kubesphere), way[1], catalog())
    graph = plan.schedule.graph()
    first, last = plan.schedule.stages[0].id, plan.schedule.stages[-1].id
    assert first.endswith("preflight")
    assert last.endswith("verify")
    assert [name for name in graph if graph.in_degree(name) == 0] == [first]
    assert [name for name in graph if graph.out_degree(name) == 0] == [last]


@given(way=st.sampled_from(WAYS), wish=wishes)
def test_every_step_explains_itself_and_takes_a_sensible_time(cluster: MakeCluster, way: tuple[str, str], wish: Wish):
    plan = plan_upgrade(cluster(way[0], wish.roles, kubesphere=wish.kubesphere), way[1], catalog())
    for found in plan.schedule.stages:
        assert all((found.title, found.reason, found.guard))
        assert 0 < found.duration.min_ms <= found.duration.max_ms
        assert found.felt.max_ms <= found.duration.max_ms
        assert found.disruption or found.felt == NO_TIME
    ends = plan.schedule.ends()
    assert plan.total == ends[plan.schedule.stages[-1].id]
    assert all(end.max_ms <= plan.total.max_ms for end in ends.values())


@given(way=st.sampled_from(WAYS), wish=wishes)
def test_masters_change_one_after_another(cluster: MakeCluster, way: tuple[str, str], wish: Wish):
    plan = plan_upgrade(cluster(way[0], wish.roles, kubesphere=wish.kubesphere), way[1], catalog())
    order = nx.transitive_closure_dag(plan.schedule.graph())
    masters = [step.id for step in plan.schedule.stages if "master-" in step.id]
    assert len(masters) == wish.roles["master"] * len(plan.path)
    assert all(order.has_edge(before, after) for before, after in pairwise(masters))


@given(hop=st.sampled_from(HOPS), wish=wishes)
def test_the_shared_part_waits_for_every_node(cluster: MakeCluster, hop: tuple[str, str], wish: Wish):
    observed = cluster(hop[0], wish.roles, kubesphere=wish.kubesphere)
    plan = plan_upgrade(observed, hop[1], catalog())
    masters = {f"master-{number}" for number in range(1, wish.roles["master"] + 1)}
    assert set(step(plan, "cluster-wide").after) == masters | ({"workers"} if observed.workers else set())
    ids = {found.id for found in plan.schedule.stages}
    assert ("workers" in ids) == bool(observed.workers)
    assert ("client" in ids) == bool(observed.clients)
    assert ("kubesphere" in ids) == wish.kubesphere


# --- Versions


@pytest.mark.parametrize("source", ["1.0.0", "1.0.1"])
def test_workers_of_2_0_0_wait_for_the_first_master_alone(cluster: MakeCluster, source: str):
    plan = plan_upgrade(cluster(source), "2.0.0", catalog())
    assert step(plan, "workers").after == ("master-1",)


@pytest.mark.parametrize("hop", [hop for hop in HOPS if hop[1].startswith("3.")])
def test_workers_of_3_x_wait_for_every_master(cluster: MakeCluster, hop: tuple[str, str]):
    plan = plan_upgrade(cluster(hop[0]), hop[1], catalog())
    assert step(plan, "workers").after == ("master-1", "master-2", "master-3")


def test_g_141_only_a_single_master_leaves_no_api_server(cluster: MakeCluster):
    several = plan_upgrade(cluster(), "2.0.0", catalog())
    assert "the load balancer uses the others" in step(several, "master-1").disruption
    single = plan_upgrade(cluster(roles={"master": 1, "node_perf": 2, "client": 1}), "2.0.0", catalog())
    assert step(single, "master-1").disruption.startswith("no API server answers")
    assert step(single, "master-1").felt.max_ms > 0


def test_g_146_an_upgrade_takes_one_to_two_hours(cluster: MakeCluster):
    """The guide's case: an HA cluster of 1.0.1 with KubeSphere goes to 2.0.0.

    The guide says how long it usually takes. The interval is of what can happen, so it overlaps those hours, and its
    middle lies in them.
    """
    total = plan_upgrade(cluster("1.0.1"), "2.0.0", catalog()).total
    assert total.min_ms < 2 * MS_PER_H
    assert total.max_ms > MS_PER_H
    middle = (total.min_ms + total.max_ms) // 2
    assert MS_PER_H <= middle <= 2 * MS_PER_H


def test_without_kubesphere_an_upgrade_is_shorter(cluster: MakeCluster):
    full = plan_upgrade(cluster(), "2.0.0", catalog()).total
    bare = plan_upgrade(cluster(kubesphere=False), "2.0.0", catalog()).total
    assert bare.min_ms < full.min_ms
    assert bare.max_ms < full.max_ms


def test_more_workers_take_no_longer_and_more_masters_do(cluster: MakeCluster):
    def total(masters: int, workers: int) -> Interval:
        roles = {"master": masters, "node_perf": workers, "client": 1}
        return plan_upgrade(cluster("2.0.0", roles), "3.0.0", catalog()).total

    assert total(3, 2) == total(3, 90)
    assert total(1, 2).min_ms < total(3, 2).min_ms


# --- Several hops


def test_hops_follow_each_other_and_their_ids_say_which(cluster: MakeCluster):
    plan = plan_upgrade(cluster("1.0.1"), "3.3.0", catalog())
    assert plan.path == version_path(catalog(), "1.0.1", "3.3.0")
    hops = [found.id.partition(".")[0] for found in plan.schedule.stages]
    assert list(dict.fromkeys(hops)) == ["hop1", "hop2", "hop3", "hop4", "hop5"]
    assert hops == sorted(hops)
    assert step(plan, "hop2.preflight").after == ("hop1.verify",)
    assert step(plan, "hop2.preflight").title == "Check the way from 2.0.0 to 3.0.0"
    assert step(plan, "hop1.workers").after == ("hop1.master-1",)
    assert step(plan, "hop2.workers").after == ("hop2.master-1", "hop2.master-2", "hop2.master-3")


@pytest.mark.parametrize(("source", "target"), [way for way in WAYS if way not in HOPS])
def test_a_long_way_takes_as_long_as_its_hops(cluster: MakeCluster, source: str, target: str):
    whole = plan_upgrade(cluster(source), target, catalog())
    total, here = NO_TIME, source
    for version in whole.path:
        total += plan_upgrade(cluster(here), version, catalog()).total
        here = version
    assert whole.total == total


def test_there_is_nothing_to_do_where_one_is(cluster: MakeCluster):
    plan = plan_upgrade(cluster("2.0.0"), "2.0.0", catalog())
    assert (plan.path, plan.schedule.stages, plan.total) == ((), (), NO_TIME)


def test_no_way_no_plan(cluster: MakeCluster):
    with pytest.raises(RefusedError, match=r"upgrade\.no-path"):
        plan_upgrade(cluster("3.3.0"), "2.0.0", catalog())


@pytest.mark.parametrize(("source", "target"), WAYS)
def test_planning_repeats(cluster: MakeCluster, source: str, target: str):
    first, second = (plan_upgrade(cluster(source), target, catalog()) for _ in range(2))
    assert first == second
    assert json.dumps(first.to_json()) == json.dumps(second.to_json())


# --- Plans as such


def make_step(name: str, *after: str, took: Interval = NO_TIME) -> Stage:
    return Stage(name, "title", "reason", "guard", "", NO_TIME, took, after)


@pytest.mark.parametrize(
    "steps",
    [
        (make_step("a", "b"), make_step("b")),
        (make_step("a", "a"),),
        (make_step("a"), make_step("a")),
        (make_step("a", "nowhere"),),
    ],
    ids=["too early", "after itself", "twice", "after nothing known"],
)
def test_an_unsafe_order_is_our_bug(steps: tuple[Stage, ...]):
    with pytest.raises(InvariantError) as caught:
        Schedule(steps)
    assert caught.value.code == "plan.order"


def test_side_by_side_takes_the_longer_and_one_after_the_other_the_sum():
    a, b = make_step("a", took=Interval(1, 10)), make_step("b", took=Interval(5, 6))
    both = make_step("c", "a", "b", took=Interval(100, 200))
    plan = UpgradePlan("shop", "1.0.1", ("2.0.0",), Schedule((a, b, both)))
    assert plan.schedule.ends() == {"a": Interval(1, 10), "b": Interval(5, 6), "c": Interval(105, 210)}
    assert plan.total == Interval(105, 210)
    assert sorted(plan.schedule.graph().edges) == [("a", "c"), ("b", "c")]


def test_a_plan_is_plain_data_with_its_total():
    plan = UpgradePlan(
        "shop", "1.0.1", ("2.0.0",), Schedule((make_step("a", took=Interval(1, 2)), make_step("b", "a")))
    )
    data = json.loads(json.dumps(plan.to_json()))
    assert data["total"] == {"min_ms": 1, "max_ms": 2}
    assert (data["cluster"], data["source"], data["path"]) == ("shop", "1.0.1", ["2.0.0"])
    assert [(found["id"], found["after"]) for found in data["stages"]] == [("a", []), ("b", ["a"])]


@pytest.mark.parametrize(("a", "b"), list(product([Interval(0, 0), Interval(1, 5), Interval(3, 4)], repeat=2)))
def test_intervals_add_and_overlap_in_any_order(a: Interval, b: Interval):
    assert a + b == b + a
    assert a.beside(b) == b.beside(a)
    assert a + NO_TIME == a.beside(NO_TIME) == a

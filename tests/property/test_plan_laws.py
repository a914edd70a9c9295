"""Laws of plans, over worlds and wishes that nobody wrote: docs/rules/planning.md lists them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qke_core.catalog import catalog
from qke_core.inventory import left_behind, resources_of
from qke_core.lifecycle import allowed
from qke_core.models import ClusterState, World
from qke_core.plan import Change, Plan, apply, plan_cluster
from qke_core.plan.change import RestartRole, Upgrade
from qke_core.plan.diff import diff
from qke_core.quota import usage_of
from qke_core.resources import Resource
from qke_sim.testing import cluster_wishes, worlds

MIN_WORKERS = 2
HOPS = {(edge.origin, edge.target) for edge in catalog().upgrades}


@st.composite
def plans(draw: st.DrawFn) -> tuple[World, Plan]:
    """Draw a world and the plan for a wish in it; a wish that a rule refuses is left to the tests of rules."""
    world = draw(worlds())
    planned = plan_cluster(draw(cluster_wishes(world)), world)
    assume(planned.plan is not None)
    assert planned.plan is not None
    return world, planned.plan


def walk(plan: Plan) -> list[ClusterState]:
    """Return the states that a plan passes through, the first one included."""
    states = [plan.before]
    for step in plan.steps:
        states.append(apply(step.change, states[-1]))
    return states


def reaches(plan: Plan, changes: list[Change]) -> bool:
    """Whether these changes, each asked only of a cluster that can take it, make the wish true."""
    state = plan.before
    for change in changes:
        if not allowed(change.operation, state.phase):
            return False
        if isinstance(change, Upgrade) and (state.version, change.target) not in HOPS:
            return False
        state = apply(change, state)
    return state == replace(plan.wish, born_as=state.born_as)


@given(plans())
def test_a_plan_is_acyclic_and_one_line(drawn: tuple[World, Plan]):
    _, plan = drawn
    graph = plan.graph()
    assert nx.is_directed_acyclic_graph(graph)
    assert nx.dag_longest_path(graph) == [step.id for step in plan.steps]
    for step in plan.steps:
        assert nx.is_directed_acyclic_graph(step.schedule.graph())


@given(plans())
def test_a_plan_is_complete(drawn: tuple[World, Plan]):
    _, plan = drawn
    assert reaches(plan, [step.change for step in plan.steps])


@given(plans())
def test_a_plan_is_minimal(drawn: tuple[World, Plan]):
    _, plan = drawn
    changes = [step.change for step in plan.steps]
    for place in range(len(changes)):
        assert not reaches(plan, changes[:place] + changes[place + 1 :]), plan.steps[place].id


@given(plans())
def test_every_prefix_of_a_plan_is_safe(drawn: tuple[World, Plan]):
    _, plan = drawn
    states = walk(plan)
    for step, before, after in zip(plan.steps, states, states[1:], strict=False):
        assert allowed(step.operation, before.phase)
        assert after.shape["master"].count in {1, 3}
        assert not before.exists or after.shape["master"].count == before.shape["master"].count
        if step.operation == "delete-nodes" and not after.version.startswith("1."):
            assert after.count("worker") >= MIN_WORKERS
        for role, shape in after.shape.items():
            if before.exists and before.nodes.get(role):
                assert shape.volume_gib >= before.shape[role].volume_gib
        assert not before.exists or set(before.modules) <= set(after.modules)
        assert all(after.nodes[role] == tuple(sorted(set(after.nodes[role]))) for role in after.nodes)
        assert all(len(after.nodes[role]) == after.shape[role].count for role in after.nodes)


@given(plans())
def test_planning_again_after_the_plan_gives_no_step(drawn: tuple[World, Plan]):
    _, plan = drawn
    assert diff(walk(plan)[-1], plan.wish) == ()


def standing(state: ClusterState) -> tuple[Resource, ...]:
    """Return what stands of a cluster; of a ceased one what it leaves behind."""
    return left_behind(replace(state, phase="deleted")) if state.phase == "ceased" else resources_of(state)


@given(plans())
def test_quota_and_cost_of_the_steps_add_up(drawn: tuple[World, Plan]):
    _, plan = drawn
    states = walk(plan)
    first, last = (usage_of(standing(state)) for state in (states[0], states[-1]))
    total: Counter[str] = Counter()
    for step in plan.steps:
        total.update(step.takes)
        total.subtract(step.frees)
        assert all(amount > 0 for amount in (*step.takes.values(), *step.frees.values()))
    assert {key: amount for key, amount in total.items() if amount} == {
        key: last.get(key) - first.get(key) for key in {*first, *last} if last.get(key) != first.get(key)
    }
    assert plan.cost_per_hour == sum((step.cost_per_hour for step in plan.steps), Decimal(0))


@given(plans())
def test_every_step_is_explained(drawn: tuple[World, Plan]):
    _, plan = drawn
    for step in plan.steps:
        assert step.title
        assert step.reason
        assert step.guards
        assert step.schedule.stages
        assert 0 < step.duration.min_ms <= step.duration.max_ms
        assert not isinstance(step.change, RestartRole) or any(stage.disruption for stage in step.schedule.stages)


@pytest.mark.guide("G-052")
@given(st.data())
def test_modules_are_only_ever_added(data: st.DataObject):
    _, plan = data.draw(plans())
    states = walk(plan)
    for before, after in pairwise(states):
        if before.exists and after.exists:
            assert set(before.modules) <= set(after.modules)

"""Laws of the stages of every operation, over clusters of every version and shape (docs/rules/operations.md#laws)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from qke_core.catalog import Value, catalog, operations, parameters
from qke_core.effects import Json
from qke_core.models import ClusterDocument, ClusterState
from qke_core.plan import OPERATIONS, Change, Schedule, apply
from qke_core.plan.change import (
    AddNodes,
    ChangeEip,
    ChangeModules,
    ChangeParameters,
    Create,
    DeleteNodes,
    Resize,
    RestartRole,
    Upgrade,
)
from qke_core.plan.schedule import NO_TIME
from qke_core.plan.stages import schedule_of
from qke_core.units import MS_PER_S
from qke_sim.testing.strategies import SAMPLES

STAGES_MAX = 60
TAKES_THE_API = {"instance", "docker", "kube-apiserver"}
"""Whatever of a master restarts with one of these, its API server does not answer meanwhile."""


@st.composite
def states(draw: st.DrawFn, version: str | None = None) -> ClusterState:
    """Draw a cluster that exists, from a single node to three hundred workers, with a history that it may have."""
    version = version or draw(st.sampled_from(catalog().order))
    one = version.startswith("1.")
    roles: dict[str, Json] = {"master": {"count": draw(st.sampled_from([1, 3]))}}
    if one:
        roles[draw(st.sampled_from(["node_perf", "node_super_perf"]))] = {"count": draw(st.integers(2, 100))}
    else:
        for role in ("node_perf", "node_super_perf", "node_gpu"):
            roles[role] = {"count": draw(st.sampled_from([0, 1, 2, 3, 11, 100]))}
        roles["client"] = {"count": draw(st.integers(0, 1))}
    links = {"etcd": "cl-etcd0001"} if draw(st.booleans()) else {}
    data = {"apiVersion": "qke/v1", "kind": "Cluster", "name": "shop", "zone": "pek3", "version": version}
    wish = ClusterDocument.model_validate_json(
        json.dumps({**data, "roles": roles, "env": _env(draw, version), "links": links})
    )
    born = [edge for edge in catalog().order if edge <= version] if not one else [version]
    return replace(ClusterState.of_wish(wish), born_as=draw(st.sampled_from(born)))


def _env(draw: st.DrawFn, version: str) -> dict[str, Json]:
    """Draw the parameters that change what an operation does."""
    wished: Mapping[str, st.SearchStrategy[Json]] = {
        "install_kubesphere": st.booleans(),
        "kubesphere_eip": st.sampled_from(["", "eip-12345678"]),
        "kubernetes_eip_id": st.sampled_from(["", "eip-23456789"]),
        "network_plugin": st.sampled_from(["calico", "flannel", "hostnic"]),
        "extra.modules": st.sampled_from([[], ["metrics-server"], ["ks-logging", "ks-devops"]]),
    }
    known = parameters().env(version)
    drawn: dict[str, Json] = {key: draw(strategy) for key, strategy in wished.items() if key in known}
    if drawn.get("network_plugin") not in known["network_plugin"].choices:
        del drawn["network_plugin"]
    return drawn


@st.composite
def cases(draw: st.DrawFn, *kinds: type[Change]) -> tuple[Change, ClusterState]:
    """Draw a cluster and an operation on it, of these kinds or of any."""
    kind = draw(st.sampled_from(kinds or OPERATIONS))
    state = draw(states())
    return _make(draw, kind, state), state


def _make(draw: st.DrawFn, kind: type[Change], state: ClusterState) -> Change:
    return MAKERS[kind](draw, state) if kind in MAKERS else kind()  # pyright: ignore[reportCallIssue] - no fields


def _add(draw: st.DrawFn, state: ClusterState) -> Change:
    roles = [role for role in state.shape if role != "master"]
    return AddNodes(draw(st.sampled_from(roles)), draw(st.integers(1, 100)), 8, 16384, 100)


def _delete(draw: st.DrawFn, state: ClusterState) -> Change:
    roles = [role for role, sids in state.nodes.items() if role != "master" and sids]
    if not roles:
        return RestartRole("master")
    role = draw(st.sampled_from(roles))
    return DeleteNodes(role, state.nodes[role][-draw(st.integers(1, len(state.nodes[role]))) :])


def _resize(draw: st.DrawFn, state: ClusterState) -> Change:
    role = draw(st.sampled_from([role for role, sids in state.nodes.items() if sids]))
    return Resize(role, draw(st.sampled_from([0, 16])), 0, 500)


def _restart(draw: st.DrawFn, state: ClusterState) -> Change:
    return RestartRole(draw(st.sampled_from([role for role, sids in state.nodes.items() if sids])))


def _parameters(draw: st.DrawFn, state: ClusterState) -> Change:
    known = parameters().env(state.version)
    keys = [key for key, found in known.items() if found.changeable and (found.choices or key in SAMPLES)]
    chosen = draw(st.lists(st.sampled_from(keys), unique=True, min_size=1, max_size=5))
    values: dict[str, Value] = {key: draw(st.sampled_from(SAMPLES.get(key) or known[key].choices)) for key in chosen}
    return ChangeParameters(values)


def _modules(draw: st.DrawFn, state: ClusterState) -> Change:
    known = parameters().env(state.version).get("extra.modules")
    words = [str(word) for word in known.choices] if known else ["metrics-server"]
    return ChangeModules(tuple(draw(st.lists(st.sampled_from(words), unique=True))))


def _eip(draw: st.DrawFn, state: ClusterState) -> Change:
    _ = state
    key, value = draw(st.sampled_from([("kubesphere_eip", "eip-1"), ("kubernetes_eip", "139.198.0.10")]))
    return ChangeEip(key, draw(st.sampled_from(["", value])))


def _upgrade(draw: st.DrawFn, state: ClusterState) -> Change:
    targets = [edge.target for edge in catalog().upgrades if edge.origin == state.version]
    return Upgrade(draw(st.sampled_from(targets))) if targets else RestartRole("master")


MAKERS: Mapping[type[Change], Callable[[st.DrawFn, ClusterState], Change]] = {
    Create: lambda _, state: Create(state),
    AddNodes: _add,
    DeleteNodes: _delete,
    Resize: _resize,
    RestartRole: _restart,
    ChangeParameters: _parameters,
    ChangeModules: _modules,
    ChangeEip: _eip,
    Upgrade: _upgrade,
}


# --- Every operation


@given(cases())
def test_stages_are_few_acyclic_and_begin_at_one_point(case: tuple[Change, ClusterState]):
    schedule = schedule_of(*case)
    graph = schedule.graph()
    assert 0 < len(schedule.stages) < STAGES_MAX
    assert nx.is_directed_acyclic_graph(graph)
    assert [name for name in graph if not graph.in_degree(name)] == [schedule.stages[0].id]


@given(cases())
def test_every_stage_explains_itself_and_may_take_time(case: tuple[Change, ClusterState]):
    for stage in schedule_of(*case).stages:
        assert all((stage.title, stage.reason, stage.guard))
        assert 0 <= stage.duration.min_ms <= stage.duration.max_ms
        assert stage.duration.max_ms
        assert stage.felt.max_ms <= stage.duration.max_ms


@given(cases())
def test_whoever_is_touched_is_named_and_nobody_else(case: tuple[Change, ClusterState]):
    change, before = case
    standing = {role for role, sids in before.nodes.items() if sids} | {"node_perf", "node_super_perf", "node_gpu"}
    for stage in schedule_of(change, before).stages:
        touches = stage.touches
        assert stage.disruption or stage.felt == NO_TIME
        assert bool(touches.restarts) == bool(touches.roles) == (touches.manner != "none")
        assert set(touches.roles) <= standing
        assert stage.disruption or not touches.restarts or touches.restarts == ("kubelet",)


@given(cases())
def test_a_single_master_that_restarts_takes_the_api_with_it(case: tuple[Change, ClusterState]):
    change, before = case
    for stage in schedule_of(change, before).stages:
        touched = "master" in stage.touches.roles and TAKES_THE_API & set(stage.touches.restarts)
        if touched and not before.ha:
            assert "API" in stage.disruption


@given(cases())
def test_what_an_operation_makes_can_be_scheduled_on_in_turn(case: tuple[Change, ClusterState]):
    change, before = case
    after = apply(change, before)
    if after.phase == "active":
        assert schedule_of(RestartRole("master"), after).stages


# --- Single operations


@given(cases(DeleteNodes))
def test_a_removal_may_take_as_long_as_a_drain_may(case: tuple[Change, ClusterState]):
    change, before = case
    if isinstance(change, DeleteNodes) and change.role != "client":
        limit_ms = operations().scale_in(before.version).drain_s * MS_PER_S
        assert schedule_of(change, before).total.max_ms >= limit_ms


@given(cases(AddNodes))
def test_adding_nodes_disturbs_nobody(case: tuple[Change, ClusterState]):
    assert not any(stage.disruption for stage in schedule_of(*case).stages)


@given(cases(Resize))
def test_a_resize_disturbs_unless_disks_alone_grow(case: tuple[Change, ClusterState]):
    change, before = case
    if isinstance(change, Resize):
        assert any(stage.disruption for stage in schedule_of(change, before).stages) == (not change.online)


@given(st.data())
def test_one_after_another_takes_as_many_times_as_there_are_nodes(data: st.DataObject):
    before = data.draw(states(data.draw(st.sampled_from(catalog().order[2:]))))
    role = data.draw(st.sampled_from([role for role, sids in before.nodes.items() if sids and role != "client"]))
    count = len(before.nodes[role])
    single = replace(before, nodes={**before.nodes, role: (1,)})
    assert schedule_of(Resize(role, 16), before).job == schedule_of(Resize(role, 16), single).job * count


@given(cases(Create))
def test_three_masters_differ_from_one_in_joining_and_in_the_balancer(case: tuple[Change, ClusterState]):
    change, before = case
    schedule = schedule_of(change, before)
    names, one = {stage.id for stage in schedule.stages}, before.version.startswith("1.")
    balancer = before.ha or bool(before.settings.values.get("kubernetes_eip_id"))
    assert _says(schedule, "API server's load balancer") == balancer
    assert one or ("masters" in names) == before.ha
    assert one or ("certificates" in names) == balancer


def _says(schedule: Schedule, words: str) -> bool:
    return any(words in stage.title for stage in schedule.stages)

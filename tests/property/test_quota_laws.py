"""Laws of quotas, over worlds and clusters that nobody wrote: docs/rules/quotas.md#laws lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qke_core.catalog import catalog, storage
from qke_core.inventory import default_class, resources_of
from qke_core.models import ClusterState, World
from qke_core.models.world import Quotas, ResourceType
from qke_core.plan import apply, plan_cluster
from qke_core.plan.change import Delete, Recover, Start, Stop
from qke_core.quota import Usage, first_short, kubesphere_reserve, left, limits, usage_by_origin, usage_of, world_usage
from qke_core.resources import Resource
from qke_sim.testing import cluster_wishes, worlds

KEYS: tuple[ResourceType, ...] = (
    "instance",
    "cpu",
    "memory_mb",
    "volume",
    "volume_size_gb",
    "loadbalancer",
    "cluster",
    "nic",
)

amounts: st.SearchStrategy[dict[ResourceType, int]] = st.dictionaries(st.sampled_from(KEYS), st.integers(0, 500))
usages = amounts.map(lambda drawn: Usage.of({str(key): number for key, number in drawn.items()}))


@st.composite
def states(draw: st.DrawFn) -> ClusterState:
    """Draw a cluster of some world."""
    world = draw(worlds())
    return ClusterState.of_world(draw(st.sampled_from(world.clusters)), world)


@st.composite
def limited_worlds(draw: st.DrawFn) -> World:
    """Draw a world with quotas."""
    limits_drawn = draw(st.dictionaries(st.sampled_from(KEYS), st.integers(0, 5000)))
    quotas = Quotas(
        profile=draw(st.sampled_from([None, "basic", "enterprise"])), limits=limits_drawn, used=draw(amounts)
    )
    return draw(worlds()).model_copy(update={"quotas": quotas})


@given(usages, usages, usages)
def test_usages_add_up_in_any_order(a: Usage, b: Usage, c: Usage):
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + Usage() == a


@given(usages, usages)
def test_beyond_is_what_adding_leaves(a: Usage, b: Usage):
    assert (a + b).beyond(b) == a
    assert a.beyond(b) + b == b.beyond(a) + a
    assert a.beyond(a) == Usage()


@given(states(), st.data())
def test_usage_is_additive_over_resources(state: ClusterState, data: st.DataObject):
    found = list(resources_of(state))
    cut = data.draw(st.integers(0, len(found)))
    shuffled = data.draw(st.permutations(found))
    assert usage_of(shuffled[:cut]) + usage_of(shuffled[cut:]) == usage_of(found)
    apart = usage_by_origin(found)
    assert sum(apart.values(), Usage()) == usage_of(found)


@given(limited_worlds())
def test_what_is_left_and_what_is_used_are_the_limit(world: World):
    rest, used = left(world), world_usage(world)
    assert rest is not None
    assert world.quotas is not None
    assert {key: number + used.get(key) for key, number in rest.items()} == limits(world.quotas)


@given(worlds(), st.data())
def test_a_world_uses_what_its_clusters_use(world: World, data: st.DataObject):
    keep = data.draw(st.integers(0, len(world.clusters)))
    first = world.model_copy(update={"clusters": world.clusters[:keep]})
    rest = world.model_copy(update={"clusters": world.clusters[keep:]})
    assert world_usage(first) + world_usage(rest) == world_usage(world)


@given(states())
def test_ids_of_resources_are_unique_and_stable(state: ClusterState):
    found = resources_of(state)
    assert len({resource.id for resource in found}) == len(found)
    assert resources_of(state) == found
    assert all(resource.count == 1 and resource.id.startswith(state.name) for resource in found)


@given(states())
def test_nothing_is_left_of_what_is_absent_or_ceased(state: ClusterState):
    assert resources_of(replace(state, phase="absent")) == ()
    assert resources_of(replace(state, phase="ceased")) == ()
    assert kubesphere_reserve(replace(state, phase="ceased")) == Usage()


@given(states())
def test_starting_stopping_and_the_recycle_bin_change_no_quota(state: ClusterState):
    used = usage_of(resources_of(state))
    for change in (Stop(), Start(), Delete(), Recover()):
        assert usage_of(resources_of(apply(change, state))) == used


@given(states())
def test_an_instance_runs_only_while_the_cluster_does(state: ClusterState):
    running = {resource.running for resource in resources_of(state) if resource.kind == "instance"}
    assert running == {state.phase == "active"}


@given(states())
def test_one_more_worker_never_uses_less(state: ClusterState):
    role = next(name for name in state.shape if catalog().roles[name].kind == "worker" and state.shape[name].count)
    sids = state.nodes[role]
    shape = replace(state.shape[role], count=len(sids) + 1)
    grown = replace(
        state, shape={**state.shape, role: shape}, nodes={**state.nodes, role: (*sids, max(sids, default=0) + 1)}
    )
    less, more = usage_of(resources_of(state)), usage_of(resources_of(grown))
    assert less.beyond(more) == Usage()
    assert more.beyond(less).get("instance") == 1


@pytest.mark.guide("G-028")
@given(states())
def test_claims_and_reserve_together_hold_what_the_guide_asks_for(state: ClusterState):
    claimed = usage_by_origin(resources_of(state)).get("kubesphere", Usage())
    together = claimed + kubesphere_reserve(state)
    if state.kubesphere:
        assert together.get("volume") == 14
        assert together.get("volume_size_gb") >= 230
    else:
        assert together == Usage()


@given(states())
def test_kubesphere_s_volumes_are_of_the_default_class_and_of_its_sizes(state: ClusterState):
    found, chosen = resources_of(state), default_class(state)
    for resource in found if chosen is not None else ():
        if resource.origin == "kubesphere":
            assert chosen is not None
            assert resource.volume_type == chosen.type
            assert chosen.size.fit(resource.size_gib) == resource.size_gib


@given(states())
def test_a_data_disk_attaches_to_its_host(state: ClusterState):
    by_id = {resource.id: resource for resource in resources_of(state)}
    for name, resource in by_id.items():
        if name.endswith("/data"):
            host = by_id[name.removesuffix("/data")].instance_class
            assert storage().attachable(host, resource.volume_type)


@given(st.data())
def test_the_peak_of_a_step_is_no_less_than_what_stands_after_it(data: st.DataObject):
    world = data.draw(worlds())
    planned = plan_cluster(data.draw(cluster_wishes(world)), world)
    assume(planned.plan is not None and planned.plan.steps)
    assert planned.plan is not None
    state = planned.plan.before
    start = usage_of(resources_of(state))
    for step in planned.plan.steps:
        state = apply(step.change, state)
        final = usage_of(resources_of(state)).beyond(start)
        assert final.beyond(Usage.of(step.peak)) == Usage()


@given(st.lists(st.tuples(st.uuids().map(str), usages), max_size=5), amounts)
def test_the_first_short_step_does_not_fit_and_those_before_it_do(
    peaks: list[tuple[str, Usage]], remaining: Mapping[ResourceType, int]
):
    rest = {str(key): number for key, number in remaining.items()}

    def fits(peak: Usage) -> bool:
        return all(peak.get(key) <= rest[key] for key in peak if key in rest)

    short = first_short(peaks, rest)
    broken = [name for name, peak in peaks if not fits(peak)]
    assert (None if short is None else short.step) == (broken[0] if broken else None)
    if short is not None:
        peak = dict(peaks)[short.step]
        assert (short.needs, short.left) == (peak.get(short.type), rest[short.type])
        assert short.needs > short.left


@given(st.integers(1, 9))
def test_a_count_is_that_many_resources(count: int):
    one = Resource("x", "volume", "workload", size_gib=30)
    assert usage_of([replace(one, count=count)]) == usage_of([one] * count)

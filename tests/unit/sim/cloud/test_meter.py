"""Does the trace say what stood how long, so that an invoice can be made of it?"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qke_core.billing import Life
from qke_core.errors import InputError
from qke_core.inventory import resources_of
from qke_core.models import ON_DEMAND, ClusterState, World
from qke_core.units import MS_PER_H
from qke_sim.cloud import lives_of
from qke_sim.cloud.eip import Eip
from qke_sim.cloud.instance import Instance
from qke_sim.cloud.meter import ACCOUNT, GONE, KIND, STANDS
from qke_sim.cloud.volume import Volume
from qke_sim.kernel import Kernel
from qke_sim.trace import TraceRecord
from qke_sim.twin import Twin

PROD: dict[str, Any] = {"name": "shop", "version": "1.0.1", "express": "Prod"}


@pytest.fixture
def records_of(new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin]) -> Callable[..., list[TraceRecord]]:
    """Return what the meter writes for a world, and for `shop` becoming 2.0.0 at an instant."""

    def make(*clusters: dict[str, Any], upgrade_at_ms: int | None = None) -> list[TraceRecord]:
        kernel = new_kernel()
        twin = twin_of(kernel, *clusters)
        if upgrade_at_ms is not None:
            kernel.run(upgrade_at_ms)
            twin.cloud.change(twin.site("shop").cluster, "version", "2.0.0", 0)
        return [record for record in kernel.trace.records if record.kind == KIND]

    return make


def state(cluster: dict[str, Any]) -> ClusterState:
    world = World.model_validate_json(json.dumps({"zone": "pek3", "clusters": [cluster]}))
    return ClusterState.of_world(world.clusters[0], world)


def standing(t: int, seq: int, *resources: dict[str, Any], **more: Any) -> TraceRecord:
    return TraceRecord(t, seq, KIND, "shop", 0, {"zone": "pek3", "resources": list(resources), **more})


def disk(name: str, size_gib: int = 100) -> dict[str, Any]:
    return {"id": name, "kind": "volume", "origin": "node", "size_gib": size_gib, "volume_type": 100}


def test_everything_that_stands_at_the_start_lives_from_the_start_to_the_end(records_of):
    (metered,) = lives_of(records_of(PROD), MS_PER_H).values()
    assert metered.zone == "pek3"
    assert metered.billing == ON_DEMAND
    assert list(metered.lives) == [Life(found, 0, MS_PER_H) for found in resources_of(state(PROD))]


def test_every_cluster_has_a_record_of_its_own(records_of):
    found = lives_of(records_of(PROD, {**PROD, "name": "blog"}), MS_PER_H)
    assert list(found) == ["shop", "blog"]
    assert {life.resource.id.partition("/")[0] for life in found["blog"].lives} == {"blog"}


def test_a_stopped_node_does_not_run_and_the_others_do(records_of):
    stopped = {"role": "client", "index": 1, "status": "stopped"}
    (metered,) = lives_of(records_of({**PROD, "nodes": [stopped]}), 1).values()
    instances = [life.resource for life in metered.lives if life.resource.kind == "instance"]
    assert [found.id for found in instances if not found.running] == ["shop/client1"]


def test_a_contract_is_on_the_record(records_of):
    cluster = {**PROD, "billing": {"mode": "contract", "term": "1y"}}
    (metered,) = lives_of(records_of(cluster), 1).values()
    assert metered.billing.term == "1y"


def test_an_upgrade_changes_only_what_it_changes(records_of):
    before, after = records_of(PROD, upgrade_at_ms=MS_PER_H), 3 * MS_PER_H
    (metered,) = lives_of(before, after).values()
    ids = {life.resource.id for life in metered.lives if life.from_ms == 0 and life.to_ms == after}
    assert {found.id for found in resources_of(state(PROD)) if found.kind == "instance"} <= ids
    assert {(life.from_ms, life.to_ms) for life in metered.lives} <= {(0, after), (0, MS_PER_H), (MS_PER_H, after)}


def test_a_resource_that_changes_ends_and_begins():
    records = [standing(0, 1, disk("a"), disk("b")), standing(10, 2, disk("a", 200), disk("b")), standing(20, 3)]
    (metered,) = lives_of(records, 30).values()
    found = sorted((life.resource.id, life.resource.size_gib, life.from_ms, life.to_ms) for life in metered.lives)
    assert found == [("a", 100, 0, 10), ("a", 200, 10, 20), ("b", 100, 0, 20)]


def test_what_begins_as_the_run_ends_has_no_life():
    (metered,) = lives_of([standing(0, 1, disk("a")), standing(30, 2, disk("a"), disk("b"))], 30).values()
    assert [life.resource.id for life in metered.lives] == ["a"]


@pytest.fixture
def twin(new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin]) -> Twin:
    return twin_of(new_kernel(), PROD)


def at(twin: Twin, ms: int, do: Callable[[], object]) -> None:
    """Do something at an instant."""

    def act() -> None:
        do()

    twin.kernel.later(ms, act)
    twin.kernel.run(twin.kernel.now + ms)


def test_what_comes_and_goes_has_a_record_each_and_a_life_between(twin: Twin):
    store = twin.cloud.store
    eip = Eip(id="eip-new", status="available", eip_addr="139.198.0.9", bandwidth=10)
    at(twin, 1000, lambda: store.add(eip, 0))
    at(twin, 1000, lambda: store.change(eip, 0, bandwidth=20))
    at(twin, 1000, lambda: store.change(eip, 0, status="released"))
    kinds = [(record.kind, record.t) for record in twin.kernel.trace.records if record.subject == "eip-new"]
    assert [found for found in kinds if found[0] in {STANDS, GONE}] == [(STANDS, 1000), (STANDS, 2000), (GONE, 3000)]
    metered = lives_of(twin.kernel.trace.records, 9000)[ACCOUNT]
    assert [(life.resource.bandwidth_mbps, life.from_ms, life.to_ms) for life in metered.lives] == [
        (10, 1000, 2000),
        (20, 2000, 3000),
    ]


def test_what_changes_without_another_price_is_not_recorded(twin: Twin):
    instance = twin.cloud.store.all(Instance)[0]
    before = twin.kernel.trace.count
    at(twin, 1000, lambda: twin.cloud.store.change(instance, 0, name="other"))
    assert [record.kind for record in twin.kernel.trace.records[before:]] == ["resource.changed"]


def test_a_stopped_instance_is_charged_as_one_and_its_disk_as_before(twin: Twin):
    instance = twin.cloud.store.all(Instance)[0]
    at(twin, MS_PER_H, lambda: twin.cloud.store.change(instance, 0, status="stopped"))
    lives = lives_of(twin.kernel.trace.records, 2 * MS_PER_H)["shop"].lives
    machine = {(life.resource.running, life.from_ms) for life in lives if life.resource.id == instance.label}
    assert machine == {(True, 0), (False, MS_PER_H)}
    disk_lives = [life for life in lives if life.resource.id == f"{instance.label}/system"]
    assert [(life.from_ms, life.to_ms) for life in disk_lives] == [(0, 2 * MS_PER_H)]


def test_what_a_cluster_leaves_behind_is_charged_to_its_name(twin: Twin):
    volume = twin.cloud.store.all(Volume)[-1]
    at(twin, 1000, lambda: twin.cloud.store.change(volume, 0, owner=""))
    at(twin, 1000, lambda: twin.cloud.store.change(volume, 0, size_gib=volume.size_gib + 10))
    found = lives_of(twin.kernel.trace.records, 9000)
    assert list(found) == ["shop"]
    assert sum(life.resource.id == volume.label for life in found["shop"].lives) == 2


@pytest.mark.parametrize("kind", [STANDS, GONE])
def test_a_damaged_record_of_one_thing_is_refused(kind: str):
    with pytest.raises(InputError) as caught:
        lives_of([TraceRecord(0, 3, kind, "a", 0, {"owner": "shop"})], 1)
    assert caught.value.code == "run.trace-damaged"


SIZES = st.lists(st.sampled_from([10, 20, 30]), max_size=3)
INSTANTS = st.lists(st.tuples(st.integers(0, 3 * MS_PER_H), SIZES), min_size=1, max_size=5)


@given(INSTANTS, SIZES)
def test_what_stood_for_no_time_costs_nothing(instants: list[tuple[int, list[int]]], passing: list[int]):
    """The order of events at one instant: all that counts is what stands after them."""
    once: list[TraceRecord] = []
    twice: list[TraceRecord] = []
    for t, sizes in sorted(instants):
        last = standing(t, len(once), *(disk(f"d{n}", size) for n, size in enumerate(sizes)))
        once.append(last)
        twice.extend([standing(t, 0, *(disk(f"d{n}", size) for n, size in enumerate(passing))), last])
    plain, mixed = (lives_of(records, 4 * MS_PER_H)["shop"].lives for records in (once, twice))
    assert mixed == plain
    assert all(life.from_ms < life.to_ms for life in plain)


@pytest.mark.parametrize(
    "wrong",
    [
        {"resources": [{"id": "a", "kind": "boat", "origin": "node"}]},
        {"resources": [{"kind": "volume", "origin": "node"}]},
        {"resources": [{**disk("a"), "size_gib": "large"}]},
        {"resources": "none"},
        {"term": "a while"},
    ],
)
def test_a_damaged_record_is_refused(wrong: dict[str, Any]):
    record = standing(0, 7, disk("a"))
    with pytest.raises(InputError) as caught:
        lives_of([replace(record, data={**record.data, **wrong})], 1)
    assert caught.value.code == "run.trace-damaged"
    assert "Record 7" in caught.value.sentence

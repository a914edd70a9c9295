"""Is every law of the twin's judges really looked at? Each is broken on purpose once, and kept otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qke_core.errors import InvariantError
from qke_core.models import World
from qke_core.resources import Resource
from qke_sim.checkers import Watch, check_twin
from qke_sim.checkers.jobs import Jobs
from qke_sim.cloud import Cluster, Thing
from qke_sim.cloud.eip import Eip
from qke_sim.cloud.volume import Volume
from qke_sim.kernel import Kernel
from qke_sim.trace import TraceRecord
from qke_sim.twin import Twin


@pytest.fixture
def twin(new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin]) -> Twin:
    return twin_of(new_kernel())


@pytest.fixture
def watched(new_kernel: Callable[..., Kernel]) -> tuple[Twin, Watch]:
    """Return a twin that is watched from its start."""
    kernel = new_kernel()
    world = World.model_validate_json('{"zone": "pek3", "clusters": [{"name": "shop", "version": "3.3.0"}]}')
    twin = Twin(kernel, world, {})
    watch = Watch(twin, "qke-sim run story.yaml --seed 7")
    twin.start(0)
    return twin, watch


def codes(twin: Twin) -> set[str]:
    return {finding.code for finding in check_twin(twin)}


def disk(twin: Twin) -> Volume:
    return next(volume for volume in twin.cloud.store.all(Volume) if volume.instance_id)


def volume(**fields: Any) -> Volume:
    given: dict[str, Any] = {"id": "vol-planted", "status": "available", "size_gib": 10, "volume_type": 100, **fields}
    return Volume(**given)


def test_a_twin_at_rest_breaks_no_law(twin: Twin):
    assert check_twin(twin) == []


def test_quota_that_is_not_what_is_alive_is_found(twin: Twin):
    twin.cloud.allowance.used["volume"] += 1
    (found,) = check_twin(twin)
    assert found.code == "check.quota"
    assert found.subject == "volume"


@pytest.mark.parametrize(
    "fields",
    [
        {"owner": "nobody", "label": "nobody/a", "origin": "workload"},
        {"owner": "shop", "label": "shop/node_perf99/data", "origin": "node"},
    ],
)
def test_what_nobody_owns_is_found(twin: Twin, fields: dict[str, Any]):
    twin.cloud.store.place(volume(**fields))
    assert codes(twin) == {"check.owner"}


def test_what_outlives_its_cluster_is_found_unless_it_is_removed_by_hand(
    new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin]
):
    """Guide G-190 to G-192: before 2.0.0 disks of workloads and load balancers stay."""
    for born_as, stays in (("1.0.1", set[str]()), ("3.3.0", {"check.owner"})):
        twin = twin_of(new_kernel(), {"name": "shop", "version": "3.3.0", "born_as": born_as})
        cluster, store = twin.site("shop").cluster, twin.cloud.store
        for thing in store.everything():
            if thing.owner == "shop" and thing.origin == "node":
                store.change(thing, 0, status="ceased")
        store.place(volume(owner="shop", label="shop/volumes/0", origin="workload"))
        assert cluster.status == "ceased"
        owners = {finding.code for finding in check_twin(twin) if finding.code == "check.owner"}
        assert owners == stays


@pytest.mark.parametrize(
    ("made_ms", "upgraded_ms", "found"),
    [(0, 60_000, False), (30_000, 60_000, False), (60_000, 60_000, True), (90_000, 60_000, True)],
)
def test_what_was_made_after_an_upgrade_out_of_1_x_must_not_be_left_behind(
    new_kernel: Callable[..., Kernel], made_ms: int, upgraded_ms: int, *, found: bool
) -> None:
    """Guide G-192: from before the upgrade it stays, from later it goes."""
    kernel = new_kernel()
    cluster = '{"name": "shop", "version": "1.0.1", "express": "Prod"}'
    twin = Twin(kernel, World.model_validate_json(f'{{"zone": "pek3", "clusters": [{cluster}]}}'), {})
    watch = Watch(twin)
    twin.start(0)

    def upgrade() -> None:
        twin.cloud.turn(twin.site("shop").cluster, 0, version="2.0.0")

    kernel.later(upgraded_ms, upgrade)
    kernel.run(2 * 60_000)
    twin.cloud.store.place(volume(label="shop/volumes/0", origin="workload", create_ms=made_ms))
    kernel.trace.add("resource.left", "vol-planted", 0, what="volume", cluster="shop")
    wrong = [one for one in watch.findings() if "left behind by shop" in one.sentence]
    assert bool(wrong) == found


def test_a_pair_of_status_and_transition_that_cannot_be_is_found(twin: Twin):
    twin.cloud.store.place(volume(status="deleted", transition_status="attaching"))
    assert "check.status" in codes(twin)


def bind_nowhere(twin: Twin) -> None:
    disk(twin).instance_id = "i-ghost"


def bind_a_pod_nowhere(twin: Twin) -> None:
    twin.site("shop").kube.pods[0].node = "ghost"


def lose_a_machine(twin: Twin) -> None:
    twin.site("shop").cluster.nodes[0].instance_id = "i-ghost"


def associate_with_nothing(twin: Twin) -> None:
    twin.cloud.store.place(Eip(id="eip-planted", status="associated", eip_addr="139.198.0.9"))


@pytest.mark.parametrize("break_it", [bind_nowhere, bind_a_pod_nowhere, lose_a_machine, associate_with_nothing])
def test_a_binding_whose_ends_do_not_agree_is_found(twin: Twin, break_it: Callable[[Twin], None]):
    break_it(twin)
    assert codes(twin) == {"check.binding"}


def test_a_bill_that_is_not_what_was_recorded_is_found(watched: tuple[Twin, Watch]):
    twin, watch = watched
    assert watch.findings() == []
    twin.kernel.trace.observers.clear()  # Nobody reads what is recorded from here on.
    found = Resource("x", "router", "user", router_type="small")
    twin.meter.watch(Thing(id="rtr-planted", owner="shop"), None, found, 0)
    twin.kernel.later(3_600_000, lambda: None)
    twin.kernel.run(3_600_000)
    assert [(finding.code, finding.subject) for finding in watch.findings()] == [("check.bill", "shop")]


def test_what_stands_and_is_not_recorded_is_found(watched: tuple[Twin, Watch]):
    twin, watch = watched
    disk(twin).size_gib += 10  # Behind the store's back: neither meter nor quota is told.
    assert {finding.code for finding in watch.findings()} == {"check.bill", "check.quota"}


def test_a_move_that_no_table_allows_ends_the_run_with_all_that_repeats_it(watched: tuple[Twin, Watch]):
    twin, watch = watched
    found = disk(twin)

    def skip() -> None:
        twin.cloud.store.change(found, 0, status="deleted")

    twin.kernel.later(1000, skip)
    with pytest.raises(InvariantError) as caught:
        twin.kernel.run(2000)
    assert caught.value.code == "check.status"
    assert found.id in caught.value.sentence
    assert caught.value.facts["subject"] == found.id
    assert caught.value.facts["seed"] == 7
    assert twin.kernel.trace.records[int(caught.value.facts["seq"])].kind == "resource.changed"
    assert "qke-sim run story.yaml --seed 7" in caught.value.remedy
    with pytest.raises(InvariantError):
        watch.end(complete=True)


def test_an_untouched_run_ends_well(watched: tuple[Twin, Watch]):
    twin, watch = watched
    twin.kernel.run(1000)
    watch.end(complete=True)


def test_a_cluster_that_goes_back_is_found(watched: tuple[Twin, Watch]):
    twin, watch = watched
    cluster: Cluster = twin.site("shop").cluster
    twin.cloud.change(cluster, "status", "pending", 0)
    with pytest.raises(InvariantError) as caught:
        watch.end(complete=True)
    assert caught.value.code == "check.status"


def record(kind: str, seq: int) -> TraceRecord:
    return TraceRecord(0, seq, kind, "j-1", 0, {})


@pytest.mark.parametrize(
    ("kinds", "wrong", "left"),
    [
        (["job.created", "job.started", "job.ended"], 0, 0),
        (["job.created", "job.started", "job.stuck"], 0, 0),
        (["job.created", "job.started"], 0, 1),
        (["job.created", "job.started", "job.ended", "job.ended"], 1, 0),
        (["job.created", "job.ended"], 1, 0),
        (["job.created", "job.created", "job.started", "job.ended"], 1, 0),
        (["job.created", "job.started", "job.stuck", "job.ended"], 1, 0),
    ],
)
def test_every_job_begins_once_and_ends_once(kinds: list[str], wrong: int, left: int):
    jobs = Jobs()
    found = [finding for seq, kind in enumerate(kinds) for finding in jobs.see(record(kind, seq))]
    assert len(found) == wrong
    assert len(list(jobs.open())) == left

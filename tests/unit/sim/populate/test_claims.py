"""Claims that stand at the start have volumes: counted, charged, where their pods are, and moving with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from qke_core.quota import world_usage
from qke_sim.checkers import check_twin
from qke_sim.cloud import lives_of
from qke_sim.cloud.instance import Instance
from qke_sim.cloud.volume import Volume
from qke_sim.kernel import Kernel
from qke_sim.kube import Claim, ClaimTemplate, DrainManner, Objects, PodTemplate, Resources, Workload
from qke_sim.twin import Twin

HOUR_MS = 3_600_000
SHOP = {"name": "shop", "version": "3.3.0", "express": "standard prod"}
TWENTY = {"type": 6, "size": "20GiB"}


def standing(replicas: int = 1, gib: int = 20, storage_class: str = "", phase: str = "Bound") -> Objects:
    """Return a database whose pods and claims stand."""
    template = PodTemplate({"app": "db"}, Resources(100, 2**28, 1), {}, ())
    templates = (ClaimTemplate("data", gib, storage_class),)
    workload = Workload("StatefulSet", "shop", "db", replicas, template, claim_templates=templates)
    claims = [Claim("shop", f"data-db-{n}", phase, gib, storage_class) for n in range(replicas)]
    return Objects([workload], claims)


@pytest.fixture
def shop_with(kernel: Kernel, twin_of: Callable[..., Twin]) -> Callable[..., Twin]:
    def make(objects: Objects, listed: Sequence[dict[str, Any]] = (), **parts: Any) -> Twin:
        return twin_of(kernel, {**SHOP, "volumes": list(listed), **parts}, objects={"shop": objects})

    return make


def claimed(twin: Twin) -> list[Volume]:
    """List the volumes that workloads claimed."""
    return [found for found in twin.cloud.store.all(Volume) if found.origin == "workload"]


def claim_of(twin: Twin) -> Claim:
    """Return the claim of the first pod."""
    return next(claim for claim in twin.site("shop").kube.objects.claims if claim.name == "data-db-0")


def machine_of(twin: Twin, pod: str) -> str:
    """Return the id of the machine that a pod is on."""
    kube = twin.site("shop").kube
    node = kube.controllers.node_named(next(found.node for found in kube.pods if found.name == pod))
    assert node is not None
    return node.instance_id


def test_a_claim_of_the_start_has_a_volume_on_the_machine_of_its_pod(shop_with: Callable[..., Twin]) -> None:
    twin = shop_with(standing())
    (volume,) = claimed(twin)
    assert (volume.owner, volume.label, volume.name) == ("shop", "shop/workload/shop/data-db-0", "pvc-shop-data-db-0")
    assert (volume.volume_type, volume.size_gib, volume.status) == (6, 20, "in-use")
    assert volume.instance_id == machine_of(twin, "db-0")
    assert claim_of(twin).volume_id == volume.id
    assert check_twin(twin) == []


def test_a_claim_of_the_start_has_the_size_that_its_class_makes_of_it(shop_with: Callable[..., Twin]) -> None:
    (volume,) = claimed(shop_with(standing(gib=33)))
    assert volume.size_gib >= 33
    assert volume.size_gib % 10 == 0


@pytest.mark.parametrize(
    "objects", [standing(phase="Pending"), standing(storage_class="local")], ids=["pending", "local"]
)
def test_what_is_not_bound_or_not_of_the_cloud_has_no_volume(objects: Objects, shop_with: Callable[..., Twin]) -> None:
    assert claimed(shop_with(objects)) == []


def test_quota_at_the_start_is_what_the_world_uses_and_what_manifests_claim(shop_with: Callable[..., Twin]) -> None:
    twin = shop_with(standing(replicas=3))
    used, listed = twin.cloud.allowance.state(), world_usage(twin.world).amounts
    more = {key: number - listed.get(key, 0) for key, number in used.items() if number != listed.get(key, 0)}
    assert more == {"volume": 3, "volume_size_gb": 60}


def test_a_volume_that_the_world_lists_stands_for_the_claim_of_its_type_and_size(
    shop_with: Callable[..., Twin],
) -> None:
    twin = shop_with(standing(replicas=2), [{**TWENTY, "id": "vol-db000000"}, {**TWENTY, "size": "40GiB"}])
    labels = {volume.label: volume.status for volume in claimed(twin)}
    assert labels == {
        "shop/volumes/0": "in-use",
        "shop/volumes/1": "available",  # No claim is as large: it counts, and nobody has it.
        "shop/workload/shop/data-db-1": "in-use",
    }
    assert claim_of(twin).volume_id == "vol-db000000"


def test_when_the_world_lists_all_of_them_nothing_is_counted_twice(shop_with: Callable[..., Twin]) -> None:
    twin = shop_with(standing(replicas=2), [{**TWENTY, "count": 2}])
    assert twin.cloud.allowance.state() == dict(sorted(world_usage(twin.world).amounts.items()))


def test_volumes_of_the_start_are_on_the_bill_from_the_start(shop_with: Callable[..., Twin]) -> None:
    twin = shop_with(standing())
    lives = lives_of(twin.kernel.trace.records, HOUR_MS)["shop"].lives
    (life,) = [life for life in lives if life.resource.origin == "workload"]
    assert (life.resource.kind, life.resource.size_gib, life.from_ms) == ("volume", 20, 0)


def drain(twin: Twin, pod: str) -> str:
    """Drain the node of a pod; return the machine it was on."""
    kube, before = twin.site("shop").kube, machine_of(twin, pod)
    alias = next(node.alias for node in kube.nodes.values() if node.instance_id == before)
    twin.kernel.spawn(kube.drain((alias,), DrainManner(delete_emptydir=True, force=True), "kubectl", 0))
    return before


def test_a_volume_of_the_start_follows_its_pod_and_takes_its_time(shop_with: Callable[..., Twin]) -> None:
    twin = shop_with(standing())
    before = drain(twin, "db-0")
    twin.kernel.run(HOUR_MS)
    (volume,) = claimed(twin)
    assert volume.status == "in-use"
    assert volume.instance_id == machine_of(twin, "db-0") != before
    changes = [r for r in twin.kernel.trace.records if r.kind == "resource.changed" and r.subject == volume.id]
    told: list[tuple[Any, int]] = [(record.data["fields"], record.t) for record in changes]
    moves = [(fields["transition_status"], t) for fields, t in told if fields.get("transition_status")]
    assert [doing for doing, _ in moves] == ["detaching", "attaching"]
    gone = next(record.t for record in twin.kernel.trace.records if record.kind == "workload.unavailable")
    back = next(record.t for record in twin.kernel.trace.records if record.kind == "workload.available")
    assert gone < moves[0][1] < moves[1][1] < back


def test_a_crash_keeps_the_volume_where_it_was_until_the_pod_is_given_up(shop_with: Callable[..., Twin]) -> None:
    twin = shop_with(standing())
    site, before = twin.site("shop"), machine_of(twin, "db-0")
    site.crash(next(node.alias for node in site.cluster.nodes if node.instance_id == before), 0)
    twin.kernel.run(60_000)
    (volume,) = claimed(twin)
    assert volume.instance_id == before


@pytest.mark.parametrize(("born", "left"), [("3.3.0", "ceased"), ("1.0.1", "available")])
def test_volumes_of_the_start_go_or_stay_with_the_cluster_by_its_birth(
    born: str, left: str, shop_with: Callable[..., Twin]
) -> None:
    express = "standard prod" if born == "3.3.0" else "Prod"
    twin = shop_with(standing(), version=born, express=express, status="deleted", deleted_for="1h")
    twin.kernel.later(3 * HOUR_MS, lambda: None)  # The bin is emptied as long as something else goes on.
    twin.kernel.run(4 * HOUR_MS)
    assert twin.cloud.store.all(Instance)[0].status == "ceased"
    (volume,) = claimed(twin)
    assert volume.status == left

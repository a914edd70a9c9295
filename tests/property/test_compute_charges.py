"""What the platform makes of a wish counts as what the inventory says, resource by resource."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from qke_core.inventory import resources_of
from qke_core.models import ClusterState
from qke_core.resources import Resource
from qke_sim.testing import Desk, worlds

LIMITS: Mapping[str, int] = dict.fromkeys(
    ("instance", "cpu", "memory_mb", "gpu", "volume", "volume_size_gb", "nic"), 10**9
)


def make(desk: Desk, found: Resource) -> None:
    """Make one resource as the platform does; system disks come with their instances."""
    named = {"_label": found.id, "_owner": found.id.partition("/")[0], "_origin": found.origin}
    if found.kind == "instance":
        shape = {"cpu": found.cpu, "memory": found.memory_mib, "gpu": found.gpu, "_nics": found.nics}
        [name] = desk.made(
            "RunInstances", "instances", "platform", instance_class=found.instance_class, **shape, **named
        )
        if not found.running:
            desk.ask("StopInstances", "platform", instances=[name])
    elif found.kind == "volume":
        size = {"size": found.size_gib, "volume_type": found.volume_type}
        desk.made("CreateVolumes", "volumes", "platform", **size, **named)


@given(world=worlds(), seed=st.integers(0, 3))
@settings(max_examples=15)
def test_instances_and_volumes_of_any_cluster_count_as_its_inventory_says(world, seed):
    cluster = world.clusters[0]
    wanted = [
        found
        for found in resources_of(ClusterState.of_world(cluster, world))
        if found.kind in ("instance", "system_disk", "volume")
    ][:24]
    desk = Desk(seed, world.zone, LIMITS)
    for found in wanted:
        make(desk, found)
    made = [charged for thing in desk.cloud.store.everything() if (charged := thing.charged()) is not None]
    names = {found.id for found in wanted} | {f"{found.id}/system" for found in wanted if found.kind == "instance"}
    assert {found.id: found for found in made} == {
        found.id: found for found in resources_of(ClusterState.of_world(cluster, world)) if found.id in names
    }

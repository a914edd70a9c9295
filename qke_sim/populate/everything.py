"""What a World lists, and what it implies, becomes things of the cloud.

What quotas and prices count then is what the World says, no more: what a twin needs besides (a VPC where the World
knows none, firewalls of VPCs) stands uncounted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qke_core.models import ClusterState, VolumeState, World
from qke_sim.cloud import Cloud, Cluster
from qke_sim.cloud.accesskey import AccessKey, key_id
from qke_sim.cloud.volume import Volume
from qke_sim.ids import make_id
from qke_sim.kube import Claim
from qke_sim.populate.claims import place_claimed
from qke_sim.populate.cluster import place_cluster
from qke_sim.populate.network import place_networks

MIB_PER_GIB = 1024


def populate(cloud: Cloud, world: World, claims: Mapping[str, Sequence[Claim]]) -> None:
    """Place what the World lists, for clusters whose records stand in the store already.

    Args:
        cloud: where it is placed.
        world: what there is.
        claims: what is claimed in each cluster, by its name; what is bound has its volume.
    """
    place_networks(cloud, world)
    found = {cluster.name: cluster for cluster in cloud.store.all(Cluster)}
    for wish in world.clusters:
        place_cluster(cloud, found[wish.name], wish, ClusterState.of_world(wish, world))
        listed = _place_volumes(cloud, wish.volumes, wish.name)
        place_claimed(cloud, found[wish.name], claims.get(wish.name, ()), listed)
    _place_volumes(cloud, world.volumes, "")
    for key in dict.fromkeys(world.access_keys if world.access_keys is not None else (key_id(world.zone),)):
        cloud.store.place(AccessKey(id=key))


def _place_volumes(cloud: Cloud, listed: Sequence[VolumeState], owner: str) -> list[Volume]:
    """Place and return volumes that workloads claimed, or that stand free; a part of a GiB counts as one."""
    placed: list[Volume] = []
    for place, state in enumerate(listed):
        for number in range(state.count):
            name = f"{owner}/volumes/{place}" + (f"/{number}" if state.count > 1 else "")
            given = state.id if number == 0 else None
            volume = Volume(
                id=given or make_id("vol", *name.split("/")),
                status="available",
                owner=owner,
                label=name if owner else given or "",
                origin="workload" if owner else "user",
                size_gib=-(-state.size // MIB_PER_GIB),
                volume_type=state.type,
            )
            placed.append(cloud.store.place(volume))
    return placed

"""What a World lists, and what it implies, becomes things of the cloud.

What quotas and prices count then is what the World says, no more: what a twin needs besides (a VPC where the World
knows none, firewalls of VPCs) stands uncounted.
"""

from __future__ import annotations

from collections.abc import Sequence

from qke_core.models import ClusterState, VolumeState, World
from qke_core.resources import Resource
from qke_sim.cloud import Cloud, Cluster
from qke_sim.ids import make_id
from qke_sim.populate.cluster import place_cluster, place_standing

MIB_PER_GIB = 1024


def populate(cloud: Cloud, world: World) -> None:
    """Place what the World lists, for clusters whose records stand in the store already."""
    found = {cluster.name: cluster for cluster in cloud.store.all(Cluster)}
    for wish in world.clusters:
        place_cluster(cloud, found[wish.name], ClusterState.of_world(wish, world))
        _volumes(cloud, wish.volumes, wish.name)
    _volumes(cloud, world.volumes, "")
    for eip in world.eips or ():
        figures = Resource(eip.id, "eip", "user", bandwidth_mbps=eip.bandwidth, eip_billing=eip.billing)
        place_standing(cloud, figures, eip.id, "")
    for vpc in world.vpcs or ():
        place_standing(cloud, Resource(vpc.id, "router", "user", router_type=vpc.type), vpc.id, "")
        for vxnet in vpc.vxnets:
            place_standing(cloud, Resource(vxnet.id, "vxnet", "user"), vxnet.id, "")


def _volumes(cloud: Cloud, listed: Sequence[VolumeState], owner: str) -> None:
    """Place volumes that workloads claimed, or that stand free; a part of a GiB counts as one."""
    for place, state in enumerate(listed):
        for number in range(state.count):
            names = (*filter(None, [owner]), "volumes", str(place), *([str(number)] if number else []))
            given = state.id if state.id and number == 0 else make_id("vol", *names)
            size, origin = -(-state.size // MIB_PER_GIB), "workload" if owner else "user"
            figures = Resource("/".join(names), "volume", origin, size_gib=size, volume_type=state.type)
            place_standing(cloud, figures, given, owner)

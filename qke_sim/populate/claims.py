"""Volumes of what workloads have claimed since before the run.

A claim that is bound has a volume: one that the World lists, when it has the type and the size, else one of its own.
A claim of a class that the cluster does not have (a volume on a node, for example) has none in the cloud.
"""

from __future__ import annotations

from collections.abc import Iterable

from qke_sim.cloud import Cloud, Cluster
from qke_sim.cloud.volume import Volume
from qke_sim.ids import make_id
from qke_sim.kube.objects import Claim
from qke_sim.kube.storageclass import class_of, volume_label
from qke_sim.kube.views import volume_name


def place_claimed(cloud: Cloud, cluster: Cluster, claims: Iterable[Claim], listed: Iterable[Volume]) -> None:
    """Give every bound claim its volume; the claim's label tells which.

    Args:
        cloud: where the volumes stand.
        cluster: whose claims they are.
        claims: in the order in which they choose; those that have a label are provided for.
        listed: the volumes that the World lists for this cluster's workloads.
    """
    left = list(listed)
    for claim in claims:
        found = None if claim.label else _volume_for(claim, cluster, cloud.zone)
        if found is None:
            continue
        same = (volume for volume in left if (volume.volume_type, volume.size_gib) == _figures(found))
        stands = next(same, None)
        if stands is None:
            stands = cloud.store.place(found)
        else:
            left.remove(stands)
        claim.label = stands.label


def _volume_for(claim: Claim, cluster: Cluster, zone: str) -> Volume | None:
    """Return the volume that the driver would have made for a claim; None when it would have made none."""
    kind = class_of(claim, cluster, zone)
    size = None if kind is None else kind.size.fit(claim.gib)
    if kind is None or size is None or claim.phase != "Bound":
        return None
    return Volume(
        id=make_id("vol", cluster.name, "workload", claim.namespace, claim.name),
        name=volume_name(claim),
        status="available",
        owner=cluster.name,
        label=volume_label(claim, cluster),
        origin="workload",
        size_gib=size,
        volume_type=kind.type,
    )


def _figures(volume: Volume) -> tuple[int, int]:
    return volume.volume_type, volume.size_gib

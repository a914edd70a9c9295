"""What requests of the platform have in common: which cluster, which role, which answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from qke_core.catalog import catalog
from qke_core.effects import Json
from qke_sim.cloud import Call, CloudRefusal, Cluster, denied
from qke_sim.cloud.call import BAD_MESSAGE
from qke_sim.platform.platform import Platform, Work


def cluster_of(platform: Platform, call: Call) -> Cluster:
    """Return the cluster that a call names.

    Raises:
        CloudRefusal: 1100, 2100.
    """
    return platform.cloud.cluster(call.required("cluster"))


def clusters_of(platform: Platform, call: Call, operation: str) -> list[Cluster]:
    """Return the clusters that a call names; all of them must take the operation, or none is begun.

    Raises:
        CloudRefusal: 1100, 2100, 1400.
    """
    found = [platform.cloud.cluster(cluster_id) for cluster_id in call.required_texts("clusters")]
    for cluster in found:
        platform.require(operation, cluster)
    return found


def role_of(call: Call, name: str, cluster: Cluster) -> str:
    """Return the role that a call names; it must have nodes.

    Raises:
        CloudRefusal: 1100, 1400.
    """
    role = known_role(call, name, cluster)
    if not any(node.role == role for node in cluster.nodes):
        raise denied(f"cluster [{cluster.id}] has no node of role [{role}]")
    return role


def known_role(call: Call, name: str, cluster: Cluster) -> str:
    """Return the role that a call names; the cluster's version must have it. Some clients send a list of one.

    Raises:
        CloudRefusal: 1100.
    """
    given = call.params.get(name)
    role = call.required_texts(name)[0] if isinstance(given, list | tuple) else call.required(name)
    if (cluster.version, role) not in catalog().shapes:
        raise CloudRefusal(BAD_MESSAGE, f"InvalidRequestFormat, invalid value [{role}] of parameter [{name}]")
    return role


def answer_all(
    platform: Platform, clusters: Sequence[Cluster], call: Call, operation: str, work: Work, action: str = ""
) -> dict[str, Json]:
    """Begin an operation on several clusters; answer with their jobs."""
    jobs = {
        cluster.id: platform.begin(operation, platform.sites.of(cluster.id), call, work, action).job_id
        for cluster in clusters
    }
    return {"job_ids": cast("Json", jobs), "cluster_id": [cluster.id for cluster in clusters]}

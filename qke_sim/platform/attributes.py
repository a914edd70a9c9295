"""Descriptions, names and addresses: what changes without a job of the cluster."""

from __future__ import annotations

from qke_core.effects import Json
from qke_sim.cloud import Call, ClusterNode, denied
from qke_sim.cloud.eip import Eip
from qke_sim.cloud.lookup import alive, idle
from qke_sim.platform.ask import cluster_of
from qke_sim.platform.platform import Platform


def modify_cluster(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer ModifyClusterAttributes: the description. The twin knows a cluster by its name, so that stays.

    Raises:
        CloudRefusal: 1400 for another name.
    """
    cluster = cluster_of(platform, call)
    if call.text("name", cluster.name) != cluster.name:
        raise denied(f"cluster [{cluster.id}] can not be renamed in the twin")
    description = call.text("description", cluster.description)
    platform.cloud.store.change(cluster, call.seq, description=description)
    return {}


def modify_node(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer ModifyClusterNodeAttributes."""
    node = alive(platform.cloud, ClusterNode, call.required("cluster_node"))
    platform.cloud.store.change(node, call.seq, name=call.text("name", node.name))
    return {}


def associate_eip(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer AssociateEipToClusterNode: the address goes to the node's instance."""
    cloud = platform.cloud
    node = alive(cloud, ClusterNode, call.required("cluster_node"))
    eip = idle(cloud, Eip, call.required("eip"))
    params: dict[str, Json] = {"eip": eip.id, "instance": node.instance_id}
    return _pass_on(platform, call, "AssociateEip", params)


def dissociate_eip(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer DissociateEipFromClusterNode."""
    eips = [idle(platform.cloud, Eip, eip_id).id for eip_id in call.required_texts("eips")]
    return _pass_on(platform, call, "DissociateEips", {"eips": list[Json](eips)})


def _pass_on(platform: Platform, call: Call, action: str, params: dict[str, Json]) -> dict[str, Json]:
    """Let the cloud do it, at once: what it refuses is refused in its words; its job is ours."""
    return platform.cloud.handlers[action](Call(call.by, params, call.seq))

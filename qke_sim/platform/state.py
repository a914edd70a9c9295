"""A cluster of the twin as the planner sees one."""

from __future__ import annotations

from dataclasses import replace

from qke_core.models import ClusterState
from qke_sim.hosts.site import Site
from qke_sim.platform.phases import phase_of


def state_of(site: Site) -> ClusterState:
    """Return what a cluster is now, between two operations."""
    cluster = site.cluster
    sids: dict[str, tuple[int, ...]] = {
        role: tuple(node.sid for node in cluster.nodes if node.role == role) for role in cluster.shapes
    }
    return ClusterState(
        name=cluster.name,
        zone=site.cloud.zone,
        phase=phase_of(cluster),
        version=cluster.version,
        born_as=cluster.born_as,
        vxnet=cluster.vxnet,
        shape={role: replace(shape, count=len(sids[role])) for role, shape in cluster.shapes.items()},
        nodes=sids,
        settings=cluster.env,
        modules=cluster.modules,
        etcd=cluster.links.get("etcd_service", ""),
        elk=cluster.links.get("elk_service", ""),
        billing=cluster.billing,
        awaits_restart=cluster.awaits_restart,
    )

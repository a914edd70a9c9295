"""What one cluster occupies, as things: machines, disks, load balancers and firewalls."""

from __future__ import annotations

from dataclasses import replace

from qke_core.inventory import resources_of
from qke_core.models import ClusterState
from qke_core.resources import Resource
from qke_sim.cloud import Cloud, Cluster
from qke_sim.ids import make_id
from qke_sim.populate.standing import Standing


def place_cluster(cloud: Cloud, cluster: Cluster, state: ClusterState) -> None:
    """Place everything that a cluster itself occupies, in the order in which the inventory lists it."""
    nodes = {node.label: node for node in cluster.nodes}
    for found in resources_of(state):
        if found.kind in ("cluster", "system_disk"):
            continue  # The cluster stands already; a system disk comes with its instance.
        node = nodes.get(found.id)
        if node is not None and node.status == "stopped":
            found = replace(found, running=False)  # noqa: PLW2901 - as it runs
        thing_id = node.instance_id if node is not None else make_id(PREFIXES[found.kind], *found.id.split("/"))
        place_standing(cloud, found, thing_id, cluster.name)


PREFIXES = {"volume": "vol", "loadbalancer": "lb", "security_group": "sg", "eip": "eip", "router": "rtr"}


def place_standing(cloud: Cloud, found: Resource, thing_id: str, owner: str) -> None:
    """Place something that is only counted."""
    cloud.store.place(Standing(id=thing_id, owner=owner, label=found.id, origin=found.origin, figures=found))

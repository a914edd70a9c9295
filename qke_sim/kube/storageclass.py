"""What the driver knows of a claim's volume: its label, its storage class, whether it goes to a node's machine.

Rule: docs/rules/storage.md#classes; guide G-155, G-176.
"""

from __future__ import annotations

from qke_core.catalog import StorageClass, storage
from qke_sim.cloud import Cluster
from qke_sim.kube.objects import Claim, KubeNode


def volume_label(claim: Claim, cluster: Cluster) -> str:
    """Return what people and bills call the volume of a claim that a workload made."""
    return f"{cluster.name}/workload/{claim.key}"


def classes_of(cluster: Cluster, zone: str) -> tuple[StorageClass, ...]:
    """List the storage classes of a cluster; none before it has a master."""
    master = next(cluster.of_kind("master"), None)
    if master is None:
        return ()
    return storage().classes(cluster.version, zone, master.shape.instance_class, cluster.born_as)


def class_of(claim: Claim, cluster: Cluster, zone: str) -> StorageClass | None:
    """Return the storage class of a claim, the default one unless it names one; None when there is none."""
    name = claim.storage_class
    classes = classes_of(cluster, zone)
    return next((found for found in classes if (found.name == name if name else found.default)), None)


def attaches(claim: Claim, node: KubeNode, cluster: Cluster, zone: str) -> bool:
    """Whether the type of a claim's volume goes to the machine of a node."""
    found = class_of(claim, cluster, zone)
    machine = next((member for member in cluster.nodes if member.alias == node.alias), None)
    if found is None or machine is None:
        return True
    book, declared = storage(), machine.shape.instance_class
    return book.attachable(book.replace(cluster.born_as, zone, "instance_class", declared), found.type)

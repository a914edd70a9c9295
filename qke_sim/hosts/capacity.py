"""What a node gives to pods: kubelet works it out of the machine when it starts."""

from __future__ import annotations

from qke_core.catalog import catalog
from qke_sim.cloud import ClusterNode
from qke_sim.kube import Resources


def allocatable(node: ClusterNode, born_as: str) -> Resources:
    """Return what pods may request: capacity less reservations (from 1.0.1 on) and the hard eviction threshold."""
    facts = catalog()
    memory = node.shape.memory_mib * 1024 * 1024
    if facts.order.index(born_as) < facts.order.index("3.1.0"):
        threshold = facts.constant("eviction_hard_mib") * 1024 * 1024
    else:
        threshold = -(-memory * facts.constant("eviction_hard_percent") // 100)  # Rounded up, as a quantity.
    reserves = born_as != "1.0.0"
    return Resources(
        cpu_m=node.shape.cpu * 1000 - facts.constant("reserved_cpu_m") * reserves,
        memory=memory - threshold - facts.constant("reserved_memory_bytes") * reserves,
        pods=facts.constant("max_pods"),
    )

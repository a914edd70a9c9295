"""What must be seen after an order was carried out, by kind of order: what differs, as the end of a sentence."""

from __future__ import annotations

from qke_core.effects import (
    DescribeCluster,
    DescribeClusterEnvironment,
    Flow,
    ListNodes,
    list_cluster_nodes,
    perform,
    perform_patiently,
)
from qke_core.effects.cloud import value_text
from qke_core.errors import RemoteError
from qke_core.lifecycle import TABLE
from qke_core.plan.change import AddNodes, DeleteNodes, Resize
from qke_core.workflows.checks import resized
from qke_core.workflows.sight import CustomService, EnvOrder, Order, Sight, env_of, is_kubernetes
from qke_core.workflows.watch import node_differences


def status_differs(order: Order, sight: Sight) -> Flow[str]:
    """The cluster has the status in which the order ends, and nothing is going on."""
    cluster = yield from perform_patiently(DescribeCluster(sight.cluster_id))
    wanted = status_after(order, sight)
    if cluster is None:
        return "" if wanted == "ceased" else "the cloud no longer knows the cluster"
    if cluster.status != wanted or cluster.transition_status:
        return f"the cluster is not yet {wanted}"
    return ""


def status_after(order: Order, sight: Sight) -> str:
    """Return the status in which an order ends."""
    found = None if isinstance(order, CustomService) else TABLE[order.operation].ends_in
    return found or sight.cluster.status


def nothing_differs(order: Order, sight: Sight) -> Flow[str]:
    """The status says it all."""
    _ = order, sight
    yield from ()
    return ""


def nodes_differ(order: Order, sight: Sight) -> Flow[str]:
    """Every Kubernetes node is Ready, except those that were not before."""
    _ = order
    return (yield from node_differences(sight.cluster_id, sight.k8s_count, tolerated=sight.unready))


def added_differ(order: AddNodes, sight: Sight) -> Flow[str]:
    """The nodes are there, and Kubernetes has them Ready."""
    nodes = yield from list_cluster_nodes(sight.cluster_id)
    wanted = len(sight.of_role(order.role)) + order.count
    here = [node for node in nodes if node.role == order.role]
    if len(here) < wanted:
        return f"the cluster has {len(here)} of {wanted} {order.role} nodes"
    count = sight.k8s_count + order.count * is_kubernetes(order.role)
    return (yield from node_differences(sight.cluster_id, count, tolerated=sight.unready))


def deleted_differ(order: DeleteNodes, sight: Sight) -> Flow[str]:
    """Neither the cloud nor Kubernetes has the nodes any more."""
    nodes = yield from list_cluster_nodes(sight.cluster_id)
    gone = {node.instance_id for node in sight.of_role(order.role) if node.sid in order.sids}
    for node in nodes:
        if node.instance_id in gone:
            return f"{node.role}{node.sid} is still there"
    try:
        listed = yield from perform(ListNodes(sight.cluster_id))
    except RemoteError:
        return "its API server does not answer"
    return next((f"its API server still lists {node.name}" for node in listed if node.instance_id in gone), "")


def sizes_differ(order: Resize, sight: Sight) -> Flow[str]:
    """Every node of the role has the size, and is Ready."""
    nodes = yield from list_cluster_nodes(sight.cluster_id)
    for node in nodes:
        if node.role == order.role and resized(order, node.cpu, node.memory_mib, node.volume_gib):
            return f"{node.role}{node.sid} has another size"
    return (yield from nodes_differ(order, sight))


def values_differ(order: EnvOrder, sight: Sight) -> Flow[str]:
    """The parameters have their values, and every node is Ready."""
    env = yield from perform_patiently(DescribeClusterEnvironment(sight.cluster_id))
    for key, value in env_of(order).items():
        if env.values.get(key, "") != value_text(value):
            return f"{key} is still {env.values.get(key, '')!r}"
    return (yield from nodes_differ(order, sight))

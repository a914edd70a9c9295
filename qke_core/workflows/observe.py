"""Look at a cluster through all three doors; what a door does not tell stays None."""

from __future__ import annotations

from dataclasses import replace

from qke_core.catalog import catalog
from qke_core.effects import (
    ClusterNodeView,
    DescribeCluster,
    DescribeClusterEnvironment,
    DiskFree,
    Flow,
    KubeNodeView,
    ListNodes,
    ListUnboundClaims,
    SshPort,
    list_cluster_nodes,
    perform,
    perform_all,
    perform_patiently,
)
from qke_core.errors import InputError, RemoteError
from qke_core.models.observation import ClusterObservation, NodeObservation
from qke_core.workflows.sight import version_of


def observe_cluster(cluster_id: str) -> Flow[ClusterObservation]:
    """Observe one cluster: cloud first, then Kubernetes, then every node that runs, side by side.

    Raises:
        InputError: `cluster.unknown` when the cloud knows no such cluster.
        RefusedError: `cluster.version-unknown` when the catalogue does not know what the cluster runs.
        RemoteError: when the cloud door does not answer. Silence of the other doors is an observation.
    """
    cluster = yield from perform_patiently(DescribeCluster(cluster_id))
    if cluster is None:
        raise InputError("cluster.unknown", f"There is no cluster {cluster_id!r}", "look at the list of clusters")
    version = version_of(cluster)
    env = yield from perform_patiently(DescribeClusterEnvironment(cluster_id))
    views = yield from list_cluster_nodes(cluster_id)
    kube, claims = yield from _look_at_kube(cluster_id)
    nodes = yield from perform_all([_look_at_node(cluster_id, _join(view, kube)) for view in views])
    return ClusterObservation(
        cluster_id=cluster_id,
        name=cluster.name,
        version=version,
        status=cluster.status,
        transition=cluster.transition_status,
        nodes=_ordered(nodes),
        kubesphere=env.install_kubesphere,
        modules=env.modules,
        unbound_claims=claims,
        built_in_etcd="etcd_service" not in cluster.links,
    )


def _look_at_kube(cluster_id: str) -> Flow[tuple[tuple[KubeNodeView, ...] | None, tuple[str, ...] | None]]:
    try:
        nodes = yield from perform(ListNodes(cluster_id))
        claims = yield from perform(ListUnboundClaims(cluster_id))
    except RemoteError:
        return None, None
    return nodes, claims


def _look_at_node(cluster_id: str, node: NodeObservation) -> Flow[NodeObservation]:
    """Ask a running node for its disk and its sshd; a node that does not answer keeps None."""
    if node.status != "active":
        return node
    try:
        port = yield from perform(SshPort(cluster_id, node.node_id))
        if node.kind == "client":
            return replace(node, ssh_port=port)
        free = yield from perform(DiskFree(cluster_id, node.node_id))
    except RemoteError:
        return node
    return replace(node, ssh_port=port, data_free_mb=free)


def _join(view: ClusterNodeView, kube: tuple[KubeNodeView, ...] | None) -> NodeObservation:
    """Put together what the cloud and what Kubernetes say of a node; a k8s node that is not listed is not Ready."""
    found = next((node for node in kube or () if node.instance_id == view.instance_id), None)
    unknown = kube is None or catalog().roles[view.role].kind == "client"
    return NodeObservation(
        node_id=view.node_id,
        instance_id=view.instance_id,
        name=view.name,
        role=view.role,
        sid=view.sid,
        status=view.status,
        ready=None if unknown else found is not None and found.ready,
        kubelet=None if found is None else found.kubelet_version,
    )


def _ordered(nodes: tuple[NodeObservation, ...]) -> tuple[NodeObservation, ...]:
    roles = list(catalog().roles)
    return tuple(sorted(nodes, key=lambda node: (roles.index(node.role), node.sid)))

"""What an operator can see of a cluster through the three doors, at one instant.

A figure is None when the door that would tell it did not answer. Rules and planner work on this, never on a door.
"""

from __future__ import annotations

from dataclasses import dataclass

from qke_core.catalog import RoleKind, catalog


@dataclass(frozen=True, slots=True)
class NodeObservation:
    """One node: cloud side (ids, role, status), Kubernetes side (ready, kubelet), host side (disk, sshd)."""

    node_id: str
    instance_id: str
    name: str
    role: str
    sid: int
    status: str
    ready: bool | None = None
    kubelet: str | None = None
    data_free_mb: int | None = None
    ssh_port: int | None = None

    @property
    def kind(self) -> RoleKind:
        """`master`, `worker` or `client`."""
        return catalog().roles[self.role].kind


@dataclass(frozen=True, slots=True)
class ClusterObservation:
    """One cluster and its nodes, ordered by role and sid.

    `modules` and `kubesphere` are the cluster's parameters; `unbound_claims` is None when the API server did not
    answer.
    """

    cluster_id: str
    name: str
    version: str
    status: str
    transition: str
    nodes: tuple[NodeObservation, ...]
    kubesphere: bool
    modules: tuple[str, ...]
    unbound_claims: tuple[str, ...] | None
    built_in_etcd: bool = True

    @property
    def k8s_nodes(self) -> tuple[NodeObservation, ...]:
        """Masters and workers."""
        return tuple(node for node in self.nodes if node.kind != "client")

    @property
    def masters(self) -> tuple[NodeObservation, ...]:
        """Masters, the first master first."""
        return tuple(node for node in self.nodes if node.kind == "master")

    @property
    def workers(self) -> tuple[NodeObservation, ...]:
        """Workers of all worker roles."""
        return tuple(node for node in self.nodes if node.kind == "worker")

    @property
    def clients(self) -> tuple[NodeObservation, ...]:
        """Client nodes: one, or none."""
        return tuple(node for node in self.nodes if node.kind == "client")

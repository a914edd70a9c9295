"""What the simulated cloud keeps: clusters, their nodes, jobs, the API server's load balancer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from qke_core.catalog import RoleKind, RoleShape, catalog
from qke_core.effects import Json
from qke_core.models import Settings


@dataclass(slots=True)
class ClusterNode:
    """A node as AppCenter knows it.

    `alias` is the host alias of the product, `<role><sid>`: how people call it here.
    """

    node_id: str
    instance_id: str
    cluster: str
    role: str
    sid: int
    shape: RoleShape
    private_ip: str
    status: str = "active"

    @property
    def alias(self) -> str:
        """`master1`, `node_perf2`, `client1`."""
        return f"{self.role}{self.sid}"

    @property
    def kind(self) -> RoleKind:
        """`master`, `worker` or `client`."""
        return catalog().roles[self.role].kind


@dataclass(slots=True)
class Job:
    """One asynchronous action. `status` is a word of the API; `code` the product's exit code, 0 when there is none."""

    job_id: str
    action: str
    cluster_id: str
    status: str = "pending"
    code: int = 0


@dataclass(slots=True)
class Cluster:
    """A cluster as AppCenter knows it. `version` is the version's name; the API shows its app version id."""

    cluster_id: str
    name: str
    version: str
    born_as: str
    env: Settings
    links: Mapping[str, str]
    nodes: list[ClusterNode]
    status: str = "active"
    transition_status: str = ""
    upgrade_status: str = ""
    loadbalancer: LoadBalancer | None = None

    def of_kind(self, *kinds: str) -> Iterator[ClusterNode]:
        """Yield the nodes of some kinds, ordered by role and sid."""
        return (node for node in self.nodes if node.kind in kinds)


@dataclass(slots=True)
class Backend:
    """One API server behind the load balancer.

    `serving`: it answers now. `in_rotation`: the balancer believes so; `judged` counts the health judgements begun.
    """

    alias: str
    serving: bool = True
    in_rotation: bool = True
    judged: int = 0


@dataclass(slots=True)
class LoadBalancer:
    """The API server's balancer. The listener of a 1.x cluster carries scene 0 until the upgrade to 2.0.0 fixes it."""

    loadbalancer_id: str
    listener_id: str
    private_ip: str
    scene: int
    health: HealthOption
    backends: dict[str, Backend] = field(default_factory=dict[str, Backend])


@dataclass(frozen=True, slots=True)
class HealthOption:
    """How a listener judges its backends: part of `inter|timeout|fall|rise` of the API, seconds and counts."""

    inter_s: int
    fall: int
    rise: int

    @property
    def out_ms(self) -> int:
        """How long a backend fails until it is taken out of rotation."""
        return self.inter_s * self.fall * 1000

    @property
    def in_ms(self) -> int:
        """How long a backend answers until it is used again."""
        return self.inter_s * self.rise * 1000


def describe_cluster(cluster: Cluster) -> dict[str, Json]:
    """Return a cluster as `DescribeClusters` shows it."""
    roles = sorted({node.role for node in cluster.nodes})
    return {
        "cluster_id": cluster.cluster_id,
        "name": cluster.name,
        "app_version": catalog().version(cluster.version).app_version_id,
        "status": cluster.status,
        "transition_status": cluster.transition_status,
        "upgrade_status": cluster.upgrade_status,
        "node_count": len(cluster.nodes),
        "roles": list(roles),
        "role_count": {role: sum(node.role == role for node in cluster.nodes) for role in roles},
        "links": dict(cluster.links),
    }


def describe_node(node: ClusterNode, cluster: Cluster) -> dict[str, Json]:
    """Return a node as `DescribeClusterNodes` shows it."""
    return {
        "node_id": node.node_id,
        "instance_id": node.instance_id,
        "name": node.alias,
        "cluster_id": cluster.cluster_id,
        "app_version": catalog().version(cluster.version).app_version_id,
        "role": node.role,
        "server_id": node.sid,
        "status": node.status,
        "transition_status": cluster.transition_status,
        "cpu": node.shape.cpu,
        "memory": node.shape.memory_mib,
        "storage_size": node.shape.volume_gib,
        "private_ip": node.private_ip,
    }

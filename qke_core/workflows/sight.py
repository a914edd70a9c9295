"""What an operator looks at before and after an operation, and the words for what is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from qke_core.catalog import Value, catalog
from qke_core.effects import (
    ClusterNodeView,
    ClusterView,
    DescribeCluster,
    Flow,
    ListNodes,
    list_cluster_nodes,
    perform,
    perform_patiently,
)
from qke_core.errors import InputError, RefusedError, RemoteError
from qke_core.plan.change import (
    AddNodes,
    Cease,
    Change,
    ChangeEip,
    ChangeModules,
    ChangeParameters,
    Create,
    Delete,
    DeleteNodes,
    Recover,
    Resize,
    RestartRole,
    Start,
    Stop,
    Upgrade,
)

MODULES_KEY = "extra.modules"


@dataclass(frozen=True, slots=True)
class CustomService:
    """Run a service of the cluster's menu on a role: docker_prune or renew_certs. `params` are its arguments."""

    operation: ClassVar[str] = "custom"
    role: str
    service: str
    params: tuple[tuple[str, str | int], ...] = ()


@dataclass(frozen=True, slots=True)
class DeleteNewest:
    """Delete the `count` nodes of a role with the highest numbers, whichever they are when it is carried out."""

    operation: ClassVar[str] = "delete-nodes"
    role: str
    count: int


Order: TypeAlias = Change | CustomService | DeleteNewest
"""What an operator may be told to do to a cluster, besides autoscaling."""

EnvOrder: TypeAlias = ChangeParameters | ChangeModules | ChangeEip
"""What sets parameters."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A cluster at one instant, through the cloud door; `unready` are Kubernetes nodes that were not Ready.

    `version` is the QKE version's name. Nodes are ordered by role and sid.
    """

    cluster: ClusterView
    version: str
    nodes: tuple[ClusterNodeView, ...]
    unready: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.cluster.name

    @property
    def cluster_id(self) -> str:
        """The cluster's id."""
        return self.cluster.cluster_id

    @property
    def k8s_count(self) -> int:
        """How many masters and workers there are."""
        return sum(is_kubernetes(node.role) for node in self.nodes)

    def of_role(self, role: str) -> tuple[ClusterNodeView, ...]:
        """Return the nodes of a role."""
        return tuple(node for node in self.nodes if node.role == role)


def is_kubernetes(role: str) -> bool:
    """Whether nodes of a role are nodes of Kubernetes."""
    return catalog().roles[role].kind != "client"


def look(cluster_id: str) -> Flow[Sight]:
    """Look at a cluster: what the cloud says, and, when it is active, which Kubernetes nodes are not Ready.

    Raises:
        InputError: `cluster.unknown` when the cloud knows no such cluster.
        RefusedError: `cluster.version-unknown` when the catalogue does not know what it runs.
        RemoteError: when the cloud door does not answer. An API server that is silent is no error.
    """
    cluster = yield from perform_patiently(DescribeCluster(cluster_id))
    if cluster is None:
        raise InputError("cluster.unknown", f"There is no cluster {cluster_id!r}", "look at the list of clusters")
    version = version_of(cluster)
    if cluster.status == "ceased":
        return Sight(cluster, version, ())
    nodes = yield from list_cluster_nodes(cluster_id)
    unready = (yield from _unready(cluster_id)) if cluster.status == "active" else ()
    return Sight(cluster, version, nodes, unready)


def version_of(cluster: ClusterView) -> str:
    """Return the QKE version that a cluster runs.

    Raises:
        RefusedError: `cluster.version-unknown`.
    """
    try:
        return catalog().by_app_version(cluster.app_version).name
    except KeyError as exc:
        raise RefusedError(
            "cluster.version-unknown",
            f"{cluster.name} runs the app version {cluster.app_version!r}, which the catalogue does not know",
            "add its id to versions.toml; some ids there are assumed",
            {"app_version": cluster.app_version},
        ) from exc


def _unready(cluster_id: str) -> Flow[tuple[str, ...]]:
    try:
        nodes = yield from perform(ListNodes(cluster_id))
    except RemoteError:
        return ()
    return tuple(node.name for node in nodes if not node.ready)


def env_of(order: EnvOrder) -> Mapping[str, Value]:
    """Return the parameters that an order sets."""
    if isinstance(order, ChangeParameters):
        return order.values
    if isinstance(order, ChangeModules):
        return {MODULES_KEY: ",".join(order.modules)}
    return {order.key: order.value}


def say(order: Order, name: str) -> str:
    """Say what is done to cluster `name`, such as `adding 2 node_perf nodes to shop`."""
    return _WORDS[type(order)](order).format(name)


def _nodes(count: int) -> str:
    return f"node{'s' * (count != 1)}"


def _sids(order: DeleteNodes) -> str:
    return ", ".join(f"{order.role}{sid}" for sid in order.sids)


def _size(order: Resize) -> str:
    figures = (
        (order.cpu, f"{order.cpu} vCPU"),
        (order.memory_mib, f"{order.memory_mib} MiB"),
        (order.volume_gib, f"disks of {order.volume_gib} GiB"),
    )
    return ", ".join(words for figure, words in figures if figure)


_WORDS: Mapping[type[Order], Callable[[Any], str]] = {
    Create: lambda _: "creating {}",
    AddNodes: lambda order: f"adding {order.count} {order.role} {_nodes(order.count)} to {{}}",
    DeleteNewest: lambda order: f"deleting {order.count} {order.role} {_nodes(order.count)} of {{}}",
    DeleteNodes: lambda order: f"deleting {_sids(order)} of {{}}",
    Resize: lambda order: f"resizing {order.role} of {{}} to {_size(order)}",
    ChangeParameters: lambda order: f"changing {', '.join(order.values)} of {{}}",
    ChangeModules: lambda order: f"choosing modules {', '.join(order.modules) or 'none'} of {{}}",
    ChangeEip: lambda order: f"{'setting' if order.value else 'clearing'} {order.key} of {{}}",
    Start: lambda _: "starting {}",
    Stop: lambda _: "stopping {}",
    RestartRole: lambda order: f"restarting {order.role} of {{}}",
    Upgrade: lambda order: f"upgrading {{}} to {order.target}",
    Delete: lambda _: "deleting {}",
    Recover: lambda _: "recovering {}",
    Cease: lambda _: "ceasing {}",
    CustomService: lambda order: f"running {order.service} on {order.role} of {{}}",
}

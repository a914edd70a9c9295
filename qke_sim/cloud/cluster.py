"""Clusters and their nodes as AppCenter knows them. What Kubernetes makes of them is not known here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from qke_core.catalog import RoleKind, RoleShape, catalog
from qke_core.models import ON_DEMAND, Billing, Settings
from qke_core.resources import Resource
from qke_sim.cloud.store import Thing


@dataclass(slots=True, kw_only=True, eq=False)
class ClusterNode(Thing):
    """A node as AppCenter knows it.

    `alias` is the host alias of the product, `<role><sid>`: how people call it here. `owner` is its cluster's name.
    """

    kind: ClassVar[str] = "cluster_node"
    prefix: ClassVar[str] = "cln"

    instance_id: str
    role: str
    sid: int
    shape: RoleShape
    private_ip: str
    status: str = "active"
    health_status: str = ""
    volume_id: str = ""

    @property
    def node_id(self) -> str:
        """Its id."""
        return self.id

    @property
    def cluster(self) -> str:
        """The name of its cluster."""
        return self.owner

    @property
    def alias(self) -> str:
        """`master1`, `node_perf2`, `client1`."""
        return f"{self.role}{self.sid}"

    @property
    def role_kind(self) -> RoleKind:
        """`master`, `worker` or `client`."""
        return catalog().roles[self.role].kind


@dataclass(slots=True, kw_only=True, eq=False)
class Cluster(Thing):
    """A cluster as AppCenter knows it. `version` is the version's name; the API shows its app version id.

    `nodes` are those that stand, in the order of role and sid; `shapes` what each role of the version has, or would
    get. `modules` are those installed, ever; `awaits_restart` the roles whose nodes run with the docker bridge from
    before its change. `owner` and `label` are its name. `place` is its own /24 of the vxnet, `addresses` how many of it
    were ever given out.
    """

    kind: ClassVar[str] = "cluster"
    prefix: ClassVar[str] = "cl"

    version: str
    born_as: str
    env: Settings
    links: Mapping[str, str] = field(default_factory=dict[str, str])
    nodes: list[ClusterNode] = field(default_factory=list[ClusterNode])
    shapes: Mapping[str, RoleShape] = field(default_factory=dict[str, RoleShape])
    modules: tuple[str, ...] = ()
    awaits_restart: tuple[str, ...] = ()
    status: str = "active"
    upgrade_status: str = ""
    vxnet: str = ""
    billing: Billing = ON_DEMAND
    place: int = 0
    addresses: int = 0

    @property
    def cluster_id(self) -> str:
        """Its id."""
        return self.id

    def of_kind(self, *kinds: str) -> Iterator[ClusterNode]:
        """Yield the nodes of some kinds, ordered by role and sid."""
        return (node for node in self.nodes if node.role_kind in kinds)

    def charged(self) -> Resource | None:
        """A cluster counts until it is ceased."""
        return None if self.status == "ceased" else Resource(self.label, "cluster", "node")

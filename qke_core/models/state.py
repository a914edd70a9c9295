"""A cluster reduced to what a plan changes: one value per instant, the same whether wished for or existing.

A plan is a walk from one state to another. Money, quotas and rules are functions of a state, so that they speak of a
cluster that exists, of one that is wished for, and of every step between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from qke_core.catalog import RoleShape, catalog
from qke_core.models.cluster import ClusterDocument
from qke_core.models.money import Billing
from qke_core.models.settings import Settings
from qke_core.models.world import World, WorldCluster

Phase: TypeAlias = Literal["absent", "active", "stopped", "suspended", "deleted", "ceased"]
"""Status of a cluster between two operations; `deleted` is in the recycle bin."""


@dataclass(frozen=True, slots=True)
class ClusterState:
    """A cluster at one instant.

    `shape` holds every role of the version, those with no node included. `nodes` are the numbers (sid) of the nodes of
    each role, in order. `settings` holds every parameter of the version. `modules` are the modules installed, ever,
    sorted. `awaits_restart` are the roles whose nodes run with the docker bridge from before its change. `etcd` and
    `elk` are ids of linked services, "" for the built-in ones.
    """

    name: str
    zone: str
    phase: Phase
    version: str
    born_as: str
    vxnet: str
    shape: Mapping[str, RoleShape]
    nodes: Mapping[str, tuple[int, ...]]
    settings: Settings
    modules: tuple[str, ...]
    etcd: str
    elk: str
    billing: Billing
    awaits_restart: tuple[str, ...]

    @classmethod
    def of_wish(cls, wish: ClusterDocument) -> ClusterState:
        """Return the state that a wish describes, as if it had been created so."""
        phase = wish.status
        return _state(wish, wish.zone, phase, wish.version, wish.settings.modules, ())

    @classmethod
    def of_world(cls, cluster: WorldCluster, world: World) -> ClusterState:
        """Return the state of a cluster that exists."""
        installed = (*cluster.settings.modules, *cluster.modules_installed)
        born_as = cluster.born_as or cluster.version
        return _state(cluster, world.zone, cluster.status, born_as, installed, cluster.awaits_restart)

    @classmethod
    def absent(cls, wish: ClusterDocument) -> ClusterState:
        """Return the state of a cluster that is not there yet."""
        state = cls.of_wish(wish)
        none = dict.fromkeys(state.shape, ())
        shape = {role: _without_nodes(shape) for role, shape in state.shape.items()}
        return cls(
            name=state.name,
            zone=state.zone,
            phase="absent",
            version=state.version,
            born_as=state.version,
            vxnet=state.vxnet,
            shape=shape,
            nodes=none,
            settings=state.settings,
            modules=(),
            etcd=state.etcd,
            elk=state.elk,
            billing=state.billing,
            awaits_restart=(),
        )

    def count(self, *kinds: str) -> int:
        """Return how many nodes there are of the kinds `master`, `worker`, `client`."""
        roles = catalog().roles
        return sum(shape.count for role, shape in self.shape.items() if roles[role].kind in kinds)

    @property
    def ha(self) -> bool:
        """Whether there are three masters."""
        return self.count("master") > 1

    @property
    def kubesphere(self) -> bool:
        """Whether KubeSphere is installed."""
        return self.settings.install_kubesphere

    @property
    def exists(self) -> bool:
        """Whether the platform keeps anything of it."""
        return self.phase not in ("absent", "ceased")


def _state(
    wish: ClusterDocument | WorldCluster,
    zone: str,
    phase: Phase,
    born_as: str,
    modules: tuple[str, ...],
    awaits_restart: tuple[str, ...],
) -> ClusterState:
    shape = _full_shape(wish.version, wish.shape())
    settings = wish.settings
    return ClusterState(
        name=wish.name,
        zone=zone,
        phase=phase,
        version=wish.version,
        born_as=born_as,
        vxnet=wish.vxnet or "",
        shape=shape,
        nodes={role: tuple(range(1, found.count + 1)) for role, found in shape.items()},
        settings=settings,
        modules=tuple(sorted(set(modules))) if settings.install_kubesphere else (),
        etcd=wish.links.etcd or "",
        elk=wish.links.elk or "",
        billing=wish.billing,
        awaits_restart=awaits_restart if phase == "active" else (),
    )


def _full_shape(version: str, found: Mapping[str, RoleShape]) -> dict[str, RoleShape]:
    """Return every role of the version; those that are not wished for have no node and the default size."""
    facts = catalog()
    roles = [role for role in facts.roles if (version, role) in facts.shapes]
    return {
        role: found[role] if role in found else _without_nodes(facts.default_shape(version, role)) for role in roles
    }


def _without_nodes(shape: RoleShape) -> RoleShape:
    return RoleShape(0, shape.instance_class, shape.cpu, shape.memory_mib, shape.volume_gib)

"""The operations of the platform as data, and what each makes of a cluster's state.

A change is what one job of the platform does. `apply` is the whole truth about its outcome: planner, quotas, money and
tests all use it, so nothing can drift apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

from qke_core.catalog import RoleShape, Value, catalog
from qke_core.models.settings import Settings
from qke_core.models.state import ClusterState, Phase
from qke_core.upgraded import upgraded


@dataclass(frozen=True, slots=True)
class Create:
    """Create the cluster as `wish` has it."""

    operation: ClassVar[str] = "create"
    wish: ClusterState


@dataclass(frozen=True, slots=True)
class AddNodes:
    """Add `count` nodes to a worker role, or the client; a role that has no node yet gets its size and host type."""

    operation: ClassVar[str] = "add-nodes"
    role: str
    count: int
    cpu: int = 0
    memory_mib: int = 0
    volume_gib: int = 0
    instance_class: int = 0


@dataclass(frozen=True, slots=True)
class DeleteNodes:
    """Delete the nodes `sids` of a worker role, or the client."""

    operation: ClassVar[str] = "delete-nodes"
    role: str
    sids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Resize:
    """Give every node of a role another size; a figure of 0 stays as it is, disks only grow."""

    operation: ClassVar[str] = "resize"
    role: str
    cpu: int = 0
    memory_mib: int = 0
    volume_gib: int = 0

    @property
    def online(self) -> bool:
        """Whether only disks grow, which restarts nothing."""
        return not self.cpu and not self.memory_mib


@dataclass(frozen=True, slots=True)
class ChangeParameters:
    """Set cluster parameters, all in one call."""

    operation: ClassVar[str] = "change-parameters"
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class ChangeModules:
    """Choose optional KubeSphere modules; those not chosen before are installed, none is ever removed."""

    operation: ClassVar[str] = "change-modules"
    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeEip:
    """Set, change or clear a public address: `key` is kubesphere_eip (an id) or kubernetes_eip (an address)."""

    operation: ClassVar[str] = "change-eip"
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Start:
    """Start a stopped cluster."""

    operation: ClassVar[str] = "start"


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop an active cluster."""

    operation: ClassVar[str] = "stop"


@dataclass(frozen=True, slots=True)
class RestartRole:
    """Restart all nodes of a role from the cluster's menu."""

    operation: ClassVar[str] = "restart"
    role: str


@dataclass(frozen=True, slots=True)
class Upgrade:
    """Upgrade to `target`, one hop."""

    operation: ClassVar[str] = "upgrade"
    target: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Move the cluster to the recycle bin."""

    operation: ClassVar[str] = "delete"


@dataclass(frozen=True, slots=True)
class Recover:
    """Take the cluster out of the recycle bin; its nodes start again."""

    operation: ClassVar[str] = "recover"


@dataclass(frozen=True, slots=True)
class Cease:
    """Destroy a deleted cluster for ever."""

    operation: ClassVar[str] = "cease"


Change: TypeAlias = (
    Create
    | AddNodes
    | DeleteNodes
    | Resize
    | ChangeParameters
    | ChangeModules
    | ChangeEip
    | Start
    | Stop
    | RestartRole
    | Upgrade
    | Delete
    | Recover
    | Cease
)

OPERATIONS: tuple[type[Change], ...] = (
    Create,
    AddNodes,
    DeleteNodes,
    Resize,
    ChangeParameters,
    ChangeModules,
    ChangeEip,
    Start,
    Stop,
    RestartRole,
    Upgrade,
    Delete,
    Recover,
    Cease,
)

KUBERNETES_ROLES = ("master", "worker")
MENU_RESTART_KEY = "docker_bip"
"""The one parameter whose change waits for a restart of all Kubernetes nodes (guide G-060)."""


def apply(change: Change, state: ClusterState) -> ClusterState:
    """Return what the cluster is after the change. Whether the change is allowed is not asked here."""
    return _OUTCOMES[type(change)](change, state)


def _create(change: Create, state: ClusterState) -> ClusterState:
    _ = state
    return replace(change.wish, phase="active", born_as=change.wish.version)


def _add_nodes(change: AddNodes, state: ClusterState) -> ClusterState:
    """New nodes are numbered on from the highest number that is present, not that ever was (assumed: nothing tells)."""
    sids = state.nodes[change.role]
    first = max(sids, default=0) + 1
    grown = _with_nodes(state, change.role, (*sids, *range(first, first + change.count)))
    if sids or not change.cpu:
        return grown
    sized = _with_size(grown, change.role, change.cpu, change.memory_mib, change.volume_gib)
    shape = replace(sized.shape[change.role], instance_class=change.instance_class)
    return replace(sized, shape={**sized.shape, change.role: shape})


def _delete_nodes(change: DeleteNodes, state: ClusterState) -> ClusterState:
    left = tuple(sid for sid in state.nodes[change.role] if sid not in change.sids)
    awaits = tuple(role for role in state.awaits_restart if role != change.role or left)
    return replace(_with_nodes(state, change.role, left), awaits_restart=awaits)


def _with_nodes(state: ClusterState, role: str, sids: tuple[int, ...]) -> ClusterState:
    shape = replace(state.shape[role], count=len(sids))
    return replace(state, shape={**state.shape, role: shape}, nodes={**state.nodes, role: sids})


def _resize(change: Resize, state: ClusterState) -> ClusterState:
    """Nodes that restart for it come up with the docker bridge of the settings; growing disks alone restarts none."""
    sized = _with_size(state, change.role, change.cpu, change.memory_mib, change.volume_gib)
    if change.online:
        return sized
    return replace(sized, awaits_restart=tuple(role for role in sized.awaits_restart if role != change.role))


def _with_size(state: ClusterState, role: str, cpu: int, memory_mib: int, volume_gib: int) -> ClusterState:
    old = state.shape[role]
    figures = (cpu or old.cpu, memory_mib or old.memory_mib, volume_gib or old.volume_gib)
    shape = RoleShape(old.count, old.instance_class, *figures)
    return replace(state, shape={**state.shape, role: shape})


def _change_parameters(change: ChangeParameters, state: ClusterState) -> ClusterState:
    changed = _with_values(state, change.values)
    if MENU_RESTART_KEY not in change.values or state.version.startswith("1."):
        return changed
    roles = [role for role, shape in state.shape.items() if shape.count and _is_kubernetes(role)]
    return replace(changed, awaits_restart=tuple(roles))


def _change_modules(change: ChangeModules, state: ClusterState) -> ClusterState:
    changed = _with_values(state, {"extra.modules": ",".join(change.modules)})
    if not state.kubesphere:
        return changed
    return replace(changed, modules=tuple(sorted({*state.modules, *change.modules})))


def _change_eip(change: ChangeEip, state: ClusterState) -> ClusterState:
    return _with_values(state, {change.key: change.value})


def _with_values(state: ClusterState, values: Mapping[str, Value]) -> ClusterState:
    return replace(state, settings=Settings(state.settings.version, {**state.settings.values, **values}))


def _restart(change: RestartRole, state: ClusterState) -> ClusterState:
    return replace(state, awaits_restart=tuple(role for role in state.awaits_restart if role != change.role))


def _upgrade(change: Upgrade, state: ClusterState) -> ClusterState:
    return upgraded(state, change.target)


def _phase(phase: Phase) -> Callable[[Any, ClusterState], ClusterState]:
    def outcome(change: Change, state: ClusterState) -> ClusterState:
        _ = change
        return replace(state, phase=phase, awaits_restart=())

    return outcome


def _is_kubernetes(role: str) -> bool:
    return catalog().roles[role].kind in KUBERNETES_ROLES


_OUTCOMES: Mapping[type[Change], Callable[[Any, ClusterState], ClusterState]] = {
    Create: _create,
    AddNodes: _add_nodes,
    DeleteNodes: _delete_nodes,
    Resize: _resize,
    ChangeParameters: _change_parameters,
    ChangeModules: _change_modules,
    ChangeEip: _change_eip,
    Start: _phase("active"),
    Stop: _phase("stopped"),
    RestartRole: _restart,
    Upgrade: _upgrade,
    Delete: _phase("deleted"),
    Recover: _phase("active"),
    Cease: _phase("ceased"),
}

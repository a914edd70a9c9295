"""From a cluster as it is and as it shall be to the operations that lie between, without an order yet.

Whether the difference is allowed is not asked here: rules refuse it first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qke_core.catalog import RoleShape, Value, catalog
from qke_core.goal import carry
from qke_core.models.state import ClusterState
from qke_core.plan.change import (
    KUBERNETES_ROLES,
    MENU_RESTART_KEY,
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
from qke_core.versions import version_path

EIP_KEYS = ("kubesphere_eip", "kubernetes_eip")
MODULES_KEY = "extra.modules"


@dataclass(frozen=True, slots=True)
class Draft:
    """An operation that is needed, and why; `id` is unique within a plan and stable."""

    id: str
    change: Change
    title: str
    reason: str


def diff(now: ClusterState | None, goal: ClusterState, restart: Sequence[str] = ()) -> tuple[Draft, ...]:
    """List the operations that make `goal` of `now`.

    Args:
        now: the cluster as it is; None when there is none.
        goal: the cluster as it shall be (`qke_core.goal.goal_of`).
        restart: roles to restart although nothing asks for it.
    Returns:
        Operations, each needed; empty when nothing differs.
    Raises:
        RefusedError: `upgrade.no-path`.
    """
    drafts = list(_phases(now, goal))
    if now is not None and now.exists and goal.phase in {"active", "stopped"}:
        inner = list(_inner(now, goal, restart))
        if inner and now.phase == "stopped" and goal.phase == "stopped":
            why = "the wish changes a stopped cluster, and changes are made on a running one"
            drafts += [Draft("start", Start(), "Start the cluster", why), _stop("it was stopped before")]
        drafts += inner
    return tuple(drafts)


def _phases(now: ClusterState | None, goal: ClusterState) -> Iterator[Draft]:
    """Yield what the difference of status asks for."""
    here = now.phase if now is not None and now.exists else "absent"
    there = goal.phase
    if here == "absent" and there in {"active", "stopped"}:
        yield Draft("create", Create(goal), f"Create {goal.name} as QKE {goal.version}", "there is no such cluster")
    if here == "stopped" and there == "active":
        yield Draft("start", Start(), "Start the cluster", "the wish has it active, it is stopped")
    if here == "deleted" and there in {"active", "stopped"}:
        title = "Recover the cluster from the recycle bin"
        yield Draft("recover", Recover(), title, f"the wish has it {there}, it is in the recycle bin")
    if there == "stopped" and here != "stopped":
        yield _stop("the wish has it stopped")
    if there in {"deleted", "ceased"} and here not in {"deleted", "absent"}:
        yield Draft("delete", Delete(), "Delete the cluster: into the recycle bin", f"the wish has it {there}")
    if there == "ceased" and here != "absent":
        yield Draft("cease", Cease(), "Cease the cluster: destroy it for ever", "the wish has it ceased")


def _stop(reason: str) -> Draft:
    return Draft("stop", Stop(), "Stop the cluster", reason)


def _inner(now: ClusterState, goal: ClusterState, restart: Sequence[str]) -> Iterator[Draft]:
    """Yield what changes on a running cluster."""
    path = version_path(catalog(), now.version, goal.version)
    for before, target in zip((now.version, *path), path, strict=False):
        yield Draft(
            f"upgrade-{target}", Upgrade(target), f"Upgrade {before} to {target}", _why_hop(target, goal.version)
        )
    roles = [role for role in catalog().roles if role in goal.shape]
    for role in roles:
        yield from _role(role, now, goal, upgrades=bool(path))
    yield from _parameters(now, goal)
    yield from _restarts(now, goal, restart)


def _why_hop(target: str, wished: str) -> str:
    return f"the wish is version {wished}" if target == wished else f"on the way to {wished}: no upgrade skips it"


def _role(role: str, now: ClusterState, goal: ClusterState, *, upgrades: bool) -> Iterator[Draft]:
    new, old = goal.shape[role], now.shape.get(role, goal.shape[role])
    had, has = now.nodes.get(role, ()), goal.nodes[role]
    why = f"the wish has {len(has)} {role}, there are {len(had)}"
    if len(has) > len(had):
        added = len(has) - len(had)
        first = AddNodes(role, added, new.cpu, new.memory_mib, new.volume_gib, new.instance_class)
        change = AddNodes(role, added) if had else first
        yield Draft(f"add-{role}", change, f"Add {_nodes(added)} to {role} ({len(had)} to {len(has)})", why)
    if len(has) < len(had):
        gone = tuple(sid for sid in had if sid not in has)
        title = f"Delete {_nodes(len(gone))} of {role} ({len(had)} to {len(has)})"
        yield Draft(f"delete-{role}", DeleteNodes(role, gone), title, why)
    if had:
        yield from _sizes(role, old, new, upgrades=upgrades)


def _sizes(role: str, old: RoleShape, new: RoleShape, *, upgrades: bool) -> Iterator[Draft]:
    """Yield resizes: with an upgrade in the plan, disks grow on their own and before it, because it needs the room."""
    cpu = new.cpu if new.cpu != old.cpu else 0
    memory = new.memory_mib if new.memory_mib != old.memory_mib else 0
    disk = new.volume_gib if new.volume_gib != old.volume_gib else 0
    if disk and (upgrades or not (cpu or memory)):
        yield _resize(role, old, Resize(role, volume_gib=disk))
        disk = 0
    if cpu or memory:
        yield _resize(role, old, Resize(role, cpu, memory, disk))


def _resize(role: str, old: RoleShape, change: Resize) -> Draft:
    said = [
        f"{before} to {after} {unit}"
        for before, after, unit in (
            (old.cpu, change.cpu, "vCPU"),
            (old.memory_mib // 1024, change.memory_mib // 1024, "GiB memory"),
            (old.volume_gib, change.volume_gib, "GiB disk"),
        )
        if after
    ]
    name = f"disk-{role}" if change.online else f"resize-{role}"
    return Draft(name, change, f"Resize {role}: {', '.join(said)}", "the wish has another size")


def _parameters(now: ClusterState, goal: ClusterState) -> Iterator[Draft]:
    """Yield parameter changes; what an upgrade carries over or brings is not one."""
    carried = carry(now, goal.version)
    changed: dict[str, Value] = {
        key: value for key, value in goal.settings.values.items() if carried.settings.values.get(key) != value
    }
    for key in EIP_KEYS:
        if key in changed:
            value = str(changed.pop(key))
            title = f"Set {key} to {value}" if value else f"Clear {key}"
            yield Draft(f"eip-{key}", ChangeEip(key, value), title, "the wish has another public address")
    if MODULES_KEY in changed:
        del changed[MODULES_KEY]
        yield _modules(carried, goal)
    if changed:
        shown = ", ".join(f"{key} = {_short(value)}" for key, value in changed.items())
        yield Draft("parameters", ChangeParameters(changed), f"Set {shown}", "the wish has other values")


def _modules(carried: ClusterState, goal: ClusterState) -> Draft:
    new = [word for word in goal.settings.modules if word not in carried.modules]
    title = f"Install modules {', '.join(new)}" if new else "Choose modules anew; none is installed or removed"
    return Draft("modules", ChangeModules(goal.settings.modules), title, "the wish chooses other modules")


def _short(value: Value) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value).replace("\n", " ") or '""'
    return text if len(text) <= 40 else text[:37] + "..."  # noqa: PLR2004 - a title fits on a line


def _restarts(now: ClusterState, goal: ClusterState, restart: Sequence[str]) -> Iterator[Draft]:
    """Yield the role restarts that are asked for, or that a changed docker bridge waits for (guide G-060)."""
    if goal.phase == "stopped":
        return  # Whatever waits for a restart gets it with the next start.
    carried = carry(now, goal.version)
    bridge = carried.settings.values.get(MENU_RESTART_KEY) != goal.settings.values.get(MENU_RESTART_KEY)
    changed = bridge and not goal.version.startswith("1.")
    resized = {role for role in goal.shape if _restarts_anyway(role, now, goal)}
    for role in catalog().roles:
        had = bool(now.nodes.get(role)) and bool(goal.nodes.get(role))
        waits = role in now.awaits_restart or (changed and catalog().roles[role].kind in KUBERNETES_ROLES)
        if not had or role in resized:
            continue
        if waits:
            why = "the docker bridge takes effect when its nodes restart"
            yield Draft(f"restart-{role}", RestartRole(role), f"Restart the nodes of {role}", why)
        elif role in restart:
            yield Draft(f"restart-{role}", RestartRole(role), f"Restart the nodes of {role}", "you asked for it")


def _restarts_anyway(role: str, now: ClusterState, goal: ClusterState) -> bool:
    old, new = now.shape.get(role), goal.shape[role]
    return old is not None and bool(now.nodes.get(role)) and (old.cpu, old.memory_mib) != (new.cpu, new.memory_mib)


def _nodes(count: int) -> str:
    return f"{count} node" if count == 1 else f"{count} nodes"

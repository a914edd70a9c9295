"""What a wish means for a cluster that exists: whatever the wish leaves out stays as it is.

For a cluster that is not there yet, what is left out is the version's default; that is `ClusterState.of_wish`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from qke_core.catalog import RoleShape, catalog
from qke_core.errors import RefusedError
from qke_core.models.cluster import ClusterDocument, RoleWish
from qke_core.models.settings import Settings
from qke_core.models.state import ClusterState
from qke_core.upgraded import upgraded
from qke_core.versions import version_path


def goal_of(wish: ClusterDocument, now: ClusterState | None) -> ClusterState:
    """Return the state that `wish` asks for, given the cluster as it is.

    * Parameters that are not written keep their value, through upgrades too.
    * Sizes that are not written stay; with neither `roles` nor `express`, so do the counts. In `roles`, a worker role
      that is not named has no nodes.
    * Nodes that are too many go from the highest number down; new ones get the numbers after
      the highest there is.
    * Billing mode, links and vxnet stay when they are not written; that they cannot change is a rule's business.
    * Of a cluster that shall be deleted or ceased nothing else is changed first.
    """
    if now is None or not now.exists:
        return ClusterState.of_wish(wish)
    if wish.status in {"deleted", "ceased"}:
        return replace(now, phase=wish.status, awaits_restart=())
    carried = carry(now, wish.version)
    shape = _shape(wish, carried)
    written = Settings.resolve(wish.version, wish.env)
    values = {**carried.settings.values, **{key: written.values[key] for key in wish.env if key in written.values}}
    if set(written.modules) == set(carried.settings.modules):
        values.update((key, value) for key, value in carried.settings.values.items() if key == "extra.modules")
    settings = Settings(wish.version, values)
    chosen = settings.modules if "extra.modules" in wish.env else ()
    return replace(
        carried,
        zone=now.zone,
        phase=wish.status,
        vxnet=wish.vxnet or carried.vxnet,
        shape=shape,
        nodes={role: _nodes(carried.nodes.get(role, ()), found.count) for role, found in shape.items()},
        settings=settings,
        modules=tuple(sorted({*carried.modules, *chosen})) if settings.install_kubesphere else (),
        etcd=wish.links.etcd or carried.etcd,
        elk=wish.links.elk or carried.elk,
        awaits_restart=(),
    )


def carry(now: ClusterState, version: str) -> ClusterState:
    """Return the cluster after nothing but the upgrades that lead to `version`; with no way there, as if there were."""
    try:
        path = version_path(catalog(), now.version, version)
    except RefusedError:
        path = (version,)
    for hop in path:
        now = upgraded(now, hop)
    return now


def _shape(wish: ClusterDocument, carried: ClusterState) -> Mapping[str, RoleShape]:
    if wish.roles is not None:
        return {role: _resolve(role, found, wish.roles) for role, found in carried.shape.items()}
    if wish.express is not None:
        group = wish.shape()
        return {role: group[role] if role in group else replace(old, count=0) for role, old in carried.shape.items()}
    return carried.shape


def _resolve(role: str, old: RoleShape, roles: Mapping[str, RoleWish]) -> RoleShape:
    wish = roles.get(role)
    if wish is None:
        return old if catalog().roles[role].kind != "worker" else replace(old, count=0)
    return RoleShape(
        count=wish.count,
        instance_class=old.instance_class if wish.instance_class is None else wish.instance_class,
        cpu=old.cpu if wish.cpu is None else wish.cpu,
        memory_mib=old.memory_mib if wish.memory is None else wish.memory,
        volume_gib=old.volume_gib if wish.volume is None else wish.volume // 1024,
    )


def _nodes(sids: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Return `count` node numbers: the lowest there are, then new ones."""
    first = max(sids, default=0) + 1
    return sids[:count] + tuple(range(first, first + count - len(sids)))

"""How each order is asked for: the effect, given what was seen and which jobs are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from qke_core.effects import (
    AddClusterNodes,
    ClusterChange,
    DeleteClusterNodes,
    ResizeCluster,
    RestartClusterService,
    RunClusterCustomService,
    UpdateClusterEnvironment,
)
from qke_core.plan.change import AddNodes, DeleteNodes, Resize, RestartRole
from qke_core.workflows.sight import CustomService, EnvOrder, Sight, env_of


def whole(kind: type[ClusterChange]) -> Callable[[Any, Sight, tuple[str, ...]], ClusterChange]:
    """Ask for what needs nothing but the cluster."""
    return lambda _, sight, known: kind(sight.cluster_id, known_jobs=known)


def add(order: AddNodes, sight: Sight, known: tuple[str, ...]) -> ClusterChange:
    """Ask for new nodes; a role that has none gets its sizes along."""
    figures = {"cpu": order.cpu, "memory": order.memory_mib, "volume_size": order.volume_gib}
    sizes = {**figures, "instance_class": order.instance_class}
    conf = json.dumps({order.role: sizes}, sort_keys=True) if order.cpu and not sight.of_role(order.role) else ""
    return AddClusterNodes(sight.cluster_id, order.role, order.count, conf, known_jobs=known)


def delete(order: DeleteNodes, sight: Sight, known: tuple[str, ...]) -> ClusterChange:
    """Nodes that are not there are asked for by a name that the platform does not know: it says so."""
    ids = {node.sid: node.node_id for node in sight.of_role(order.role)}
    wanted = tuple(ids.get(sid, f"{order.role}{sid}") for sid in order.sids)
    return DeleteClusterNodes(sight.cluster_id, wanted, known_jobs=known)


def resize(order: Resize, sight: Sight, known: tuple[str, ...]) -> ClusterChange:
    """Ask for another size."""
    figures = (order.cpu, order.memory_mib, order.volume_gib)
    return ResizeCluster(sight.cluster_id, order.role, *figures, known_jobs=known)


def update(order: EnvOrder, sight: Sight, known: tuple[str, ...]) -> ClusterChange:
    """Ask for other parameters."""
    env = json.dumps(dict(env_of(order)), sort_keys=True, ensure_ascii=False)
    return UpdateClusterEnvironment(sight.cluster_id, env, known_jobs=known)


def restart(order: RestartRole, sight: Sight, known: tuple[str, ...]) -> ClusterChange:
    """Ask for a restart of a role."""
    return RestartClusterService(sight.cluster_id, order.role, known_jobs=known)


def custom(order: CustomService, sight: Sight, known: tuple[str, ...]) -> ClusterChange:
    """Ask for a service of the menu."""
    params = json.dumps(dict(order.params), sort_keys=True)
    return RunClusterCustomService(sight.cluster_id, order.role, order.service, params, known_jobs=known)

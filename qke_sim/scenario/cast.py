"""Who may appear in a run: every cluster of the world or of the timeline, and every node that it may come to have.

Expressions are checked before the run, so names must be known before anything is born. What is not there (yet, or any
more) is measured all the same: a cluster is `absent`, a node is not up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from qke_core.catalog import catalog
from qke_core.models import ClusterWish
from qke_core.models.autoscaling import AutoscalingPolicy
from qke_sim.kube import Workload
from qke_sim.scenario.action import Action

NODES_MAX = 100
"""The product's most nodes of a role; no more are ever named."""


@dataclass(frozen=True, slots=True)
class Member:
    """One cluster that may appear. `nodes` maps aliases such as `node_perf4` to roles; `born`: by the timeline.

    `workloads` are those that users run on it, by key, with the name that expressions give them.
    """

    name: str
    wish: ClusterWish
    born: bool
    nodes: Mapping[str, str]
    workloads: Mapping[str, str]


def cast_of(
    standing: Iterable[ClusterWish],
    births: Iterable[ClusterWish],
    timeline: Sequence[Action],
    workloads: Mapping[str, Sequence[Workload]],
) -> dict[str, Member]:
    """Return every cluster by name: those of the world first, then those to be born."""
    found: dict[str, Member] = {}
    for born, wishes in ((False, standing), (True, births)):
        for wish in wishes:
            own = [action for action in timeline if action.cluster == wish.name]
            names, nodes, first = workload_names(workloads.get(wish.name, ())), _nodes(wish, own), found.get(wish.name)
            if first is None:
                found[wish.name] = Member(wish.name, wish, born, nodes, names)
            else:  # A name that is used again once the first one is gone.
                found[wish.name] = replace(first, nodes={**first.nodes, **nodes})
    return found


def workload_names(workloads: Sequence[Workload]) -> dict[str, str]:
    """Return the names that expressions give to users' workloads, by key; a namespace stands before a name used twice.

    DaemonSets have no name: they are never gone as a whole.
    """
    own = [workload for workload in workloads if not workload.system and workload.kind != "DaemonSet"]
    times = Counter(workload.name for workload in workloads if not workload.system)
    return {
        workload.key: workload.name if times[workload.name] == 1 else f"{workload.namespace}_{workload.name}"
        for workload in own
    }


def _nodes(wish: ClusterWish, timeline: Sequence[Action]) -> dict[str, str]:
    """Return the aliases of all nodes that may come to be, with their roles: numbers go up by what is added."""
    counts = Counter({role: shape.count for role, shape in wish.shape().items()})
    for action in timeline:
        for role, count in _added(action):
            counts[role] += count
    policies = [action.autoscaling for action in timeline if isinstance(action.autoscaling, AutoscalingPolicy)]
    for policy in (*wish.autoscaling, *policies):
        # Each run may add up to the maximum after others were deleted: numbers of the newest may be used again.
        counts[policy.role] = max(counts[policy.role], policy.max)
    order = [role for role in catalog().roles if counts[role]]
    return {f"{role}{sid}": role for role in order for sid in range(1, min(counts[role], NODES_MAX) + 1)}


def _added(action: Action) -> list[tuple[str, int]]:
    if action.add_nodes is not None:
        return [(action.add_nodes.role, action.add_nodes.count)]
    if action.call is not None and action.call.action == "AddClusterNodes":
        role, count = action.call.params.get("node_role"), action.call.params.get("node_count")
        if isinstance(role, str) and role in catalog().roles and isinstance(count, int):
            return [(role, count)]
    return []

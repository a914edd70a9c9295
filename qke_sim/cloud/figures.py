"""What nodes show over time: computed from who served when and from the loads, never sampled.

A load is shared evenly by the nodes of its role that serve: whose host runs and which Kubernetes calls Ready. A node
that only runs shows an idle machine, one that is off shows nothing. Figures of the past come from the same functions,
because it is kept when what changed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeVar

from qke_core.catalog import operations
from qke_core.models.load import Demand, Meter, RoleLoad, share

State: TypeAlias = Literal["off", "idle", "serving"]
METERS: tuple[Meter, ...] = ("cpu", "memory", "kubelet_running_containers")
IDLE: Mapping[Meter, str] = {
    "cpu": "idle_cpu_permille",
    "memory": "idle_memory_permille",
    "kubelet_running_containers": "idle_containers",
}
T = TypeVar("T")
Listener: TypeAlias = Callable[[str, str, int], None]
"""Is told of cluster, role and record when another set of nodes serves, or the role has another number of nodes."""


@dataclass(slots=True)
class RoleHistory:
    """Who served in one role of one cluster: numbers of serving nodes over time, and states by node id."""

    serving: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    nodes: dict[str, list[tuple[int, State]]] = field(default_factory=dict[str, list[tuple[int, State]]])
    count: int = 0
    cause: int = 0


class Figures:
    """Figures of the nodes of all clusters."""

    def __init__(self) -> None:
        """Begin without loads and nodes."""
        self._loads: dict[tuple[str, str], RoleLoad] = {}
        self._roles: dict[tuple[str, str], RoleHistory] = {}
        self.listeners: list[Listener] = []

    def carry(self, loads: Iterable[RoleLoad]) -> None:
        """Let roles carry loads; the last one given for a role holds."""
        self._loads.update({(load.cluster, load.role): load for load in loads})

    def note(self, cluster: str, role: str, states: Mapping[str, State], now_ms: int, cause: int) -> None:
        """Take note of the states of a role's nodes by id; nodes that are not named any more are off."""
        past = self._roles.setdefault((cluster, role), RoleHistory())
        known = {node: history[-1][1] for node, history in past.nodes.items()}
        wanted: dict[str, State] = dict.fromkeys(known, "off")
        wanted.update(states)
        changed: dict[str, State] = {node: state for node, state in wanted.items() if known.get(node) != state}
        if not changed and past.count == len(states):
            return
        for node, state in changed.items():
            past.nodes.setdefault(node, []).append((now_ms, state))
        serving = sum(state == "serving" for state in states.values())
        if not past.serving or past.serving[-1][1] != serving:
            past.serving.append((now_ms, serving))
        past.count, past.cause = len(states), cause
        for listener in self.listeners:
            listener(cluster, role, cause)

    def count(self, cluster: str, role: str) -> int:
        """Return how many nodes a role has, serving or not."""
        past = self._roles.get((cluster, role))
        return 0 if past is None else past.count

    def cause(self, cluster: str, role: str) -> int:
        """Return the record of the last change of a role's nodes."""
        past = self._roles.get((cluster, role))
        return 0 if past is None else past.cause

    def demands(self, cluster: str, role: str) -> Mapping[Meter, Demand]:
        """Return the demands on a role by meter."""
        load = self._loads.get((cluster, role))
        return {} if load is None else load.demands

    def mean(self, cluster: str, role: str, meter: Meter, ms: int) -> int | None:
        """Return the mean over the serving nodes of a role, past or to come; None where none serves."""
        past = self._roles.get((cluster, role))
        return None if past is None else self._share(cluster, role, meter, ms, _at(past.serving, ms, 0))

    def figure(self, cluster: str, role: str, node_id: str, meter: Meter, ms: int) -> int | None:
        """Return what one node showed at an instant; None while it was off or not there."""
        past = self._roles.get((cluster, role))
        state = "off" if past is None else _at(past.nodes.get(node_id, ()), ms, "off")
        if past is None or state == "off":
            return None
        if state == "idle":
            return idle(meter)
        return self._share(cluster, role, meter, ms, _at(past.serving, ms, 0))

    def _share(self, cluster: str, role: str, meter: Meter, ms: int, nodes: int) -> int | None:
        demand = self.demands(cluster, role).get(meter)
        if demand is None:
            return idle(meter) if nodes else None
        return share(meter, demand.at(ms), nodes)


def idle(meter: Meter) -> int:
    """Return what a node without a load shows."""
    return operations().constants[IDLE[meter]]


def _at(history: Sequence[tuple[int, T]], ms: int, before: T) -> T:
    """Return the value that held at an instant."""
    place = bisect_right(history, ms, key=lambda entry: entry[0])
    return history[place - 1][1] if place else before

"""Writing a schedule down: stages by short names."""

from __future__ import annotations

from dataclasses import replace

from qke_core.catalog import RoleKind, catalog
from qke_core.models.state import ClusterState
from qke_core.plan.schedule import NO_DISRUPTION, NO_TIME, Disruption, Interval, Schedule, Stage


class Drafting:
    """A schedule in the making; `add` appends a stage and returns its id, for later ones to come after."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._stages: list[Stage] = []

    def add(
        self,
        name: str,
        title: str,
        reason: str,
        duration: Interval,
        *after: str,
        guard: str = "",
        felt: Interval = NO_TIME,
        disruption: str = "",
        touches: Disruption = NO_DISRUPTION,
    ) -> str:
        """Add one stage; with no `after`, after the one added last. The guard is then that this one has ended."""
        before = after or ((self._stages[-1].id,) if self._stages else ())
        guard = guard or (f"{', '.join(before)} ended" if before else "no other operation is under way")
        self._stages.append(Stage(name, title, reason, guard, disruption, felt, duration, before, touches))
        return name

    def outside(self) -> None:
        """Note that the platform's job does not wait for the stage added last."""
        self._stages[-1] = replace(self._stages[-1], inside=False)

    def end(self) -> Schedule:
        """Return the schedule."""
        return Schedule(tuple(self._stages))


def counted(count: int, noun: str) -> str:
    """Write a number and a noun: `1 module`, `3 modules`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def nodes(count: int, role: str = "") -> str:
    """Write a number of nodes: `1 node`, `3 nodes of node_perf`."""
    text = counted(count, "node")
    return f"{text} of {role}" if role else text


def together(count: int, how: str = "side by side") -> str:
    """Say how several do something; nothing where there is one: `, side by side`."""
    return f", {how}" if count > 1 else ""


def roles(state: ClusterState, *kinds: RoleKind) -> tuple[str, ...]:
    """Return the roles of these kinds that have nodes."""
    facts = catalog().roles
    return tuple(role for role, shape in state.shape.items() if shape.count and facts[role].kind in kinds)

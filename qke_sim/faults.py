"""Trouble at a door: calls that fail, answers that are lost, calls that are slow, calls that are too many.

The gate sits in the door frame, so a fault meets everybody who comes through: the operator, the nodes, a client on the
wire. What happens to things behind the doors (a crash, a full disk) is done to the thing itself; see `scenario.faults`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qke_sim.streams import Streams

DoorName = Literal["cloud", "kube", "host"]
Effect = Literal["fails", "answer-lost", "slow", "throttled"]


@dataclass(slots=True)
class DoorFault:
    """One kind of trouble at one door.

    `operation` is an action, verb or command, `*` for all. `left` calls are hit, None for all of them; of these,
    `percent` in a hundred by luck. `ret_code` is what a failing cloud call answers; `delay_ms` what a slow one takes
    more.
    """

    id: str
    door: DoorName
    effect: Effect
    operation: str
    left: int | None
    percent: int
    ret_code: int
    delay_ms: int


class Gate:
    """All trouble at one door, in the order in which it was put there."""

    def __init__(self, streams: Streams) -> None:
        """Begin without trouble."""
        self._streams = streams
        self.faults: list[DoorFault] = []

    def meet(self, operation: str) -> DoorFault | None:
        """Return the fault that this call meets, or None. A fault that has hit often enough is gone."""
        for fault in self.faults:
            if fault.operation not in ("*", operation):
                continue
            if fault.percent < 100 and self._streams.unit(f"fault/{fault.id}") * 100 >= fault.percent:  # noqa: PLR2004 - percent
                continue
            if fault.left is not None:
                fault.left -= 1
                if fault.left == 0:
                    self.faults.remove(fault)
            return fault
        return None

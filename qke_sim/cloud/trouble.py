"""Trouble behind the cloud door: jobs that hang, volumes that do not attach, a zone without capacity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qke_core.effects import Json
from qke_sim.streams import Streams


@dataclass(slots=True)
class Trouble:
    """One kind of trouble while it lasts.

    `target` is an action, or the label or id of a resource, "*" for all. It strikes `left` times, None for always, each
    time with a chance of `percent` in a hundred. `facts` are what else the kind needs.
    """

    id: str
    kind: str
    target: str = "*"
    left: int | None = None
    percent: int = 100
    facts: Mapping[str, Json] = field(default_factory=dict[str, Json])


class Troubles:
    """All trouble that is on, in the order in which it came."""

    def __init__(self, streams: Streams) -> None:
        """Begin without."""
        self._streams = streams
        self.active: list[Trouble] = []

    def lift(self, trouble_id: str) -> None:
        """End a trouble."""
        self.active = [found for found in self.active if found.id != trouble_id]

    def meets(self, kind: str, *names: str) -> Trouble | None:
        """Return the trouble of a kind that strikes one of `names` now, or None; striking counts."""
        for found in self.active:
            if found.kind != kind or (found.target != "*" and found.target not in names):
                continue
            if found.percent < 100 and self._streams.unit(f"trouble/{found.id}") * 100 >= found.percent:  # noqa: PLR2004 - percent
                continue
            if found.left is not None:
                found.left -= 1
                if found.left == 0:
                    self.lift(found.id)
            return found
        return None

"""What stands and is only counted: a thing of a kind that no family of the cloud acts on yet."""

from __future__ import annotations

from dataclasses import dataclass

from qke_core.resources import Resource
from qke_sim.cloud import Thing


@dataclass(slots=True, kw_only=True, eq=False)
class Standing(Thing):
    """Something with the figures of a resource; it counts until it is ceased."""

    figures: Resource

    def charged(self) -> Resource | None:
        """Count as its figures say."""
        return None if self.status == "ceased" else self.figures

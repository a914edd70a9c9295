"""Time, as a workflow may know it: the instant now, and a pause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qke_core.effects.base import Effect


@dataclass(frozen=True, slots=True)
class Now(Effect[int]):
    """The instant now, in milliseconds since the run's own zero."""

    name: ClassVar[str] = "time.now"


@dataclass(frozen=True, slots=True)
class Sleep(Effect[None]):
    """Wait `duration_ms`. After a crash only the rest is waited: the journal knows when the pause began."""

    name: ClassVar[str] = "time.sleep"
    duration_ms: int

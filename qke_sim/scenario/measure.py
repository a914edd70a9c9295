"""One measurement: a name, a type, a sentence, a way to read it; and what has to be counted meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias

Value: TypeAlias = bool | int | float | str | timedelta | list[str]
TypeName = Literal["bool", "int", "double", "string", "duration", "list"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that can be measured. A `quiet` one is read when an expression names it, and kept nowhere else."""

    name: str
    type: TypeName
    about: str
    read: Callable[[], Value]
    quiet: bool = False


def identifier(name: str) -> str:
    """Return a name as expressions write it."""
    return name.replace("-", "_").replace(".", "_")


def span(ms: int) -> timedelta:
    """Return milliseconds as expressions have them."""
    return timedelta(milliseconds=ms)


@dataclass(slots=True)
class Outage:
    """How long and how often something was not there."""

    down_since: int | None = None
    total_ms: int = 0
    count: int = 0

    def change(self, now: int, *, available: bool) -> None:
        """It went or came back."""
        if available and self.down_since is not None:
            self.total_ms += now - self.down_since
            self.down_since = None
        elif not available and self.down_since is None:
            self.down_since = now
            self.count += 1

    def so_far(self, now: int) -> int:
        """Milliseconds of absence up to now."""
        return self.total_ms + (0 if self.down_since is None else now - self.down_since)


@dataclass(slots=True)
class ActionState:
    """What became of one action of the timeline."""

    status: str = "waiting"
    code: int = 0
    error: str = ""
    hops: int = 0
    findings: list[str] = field(default_factory=list[str])
    started_ms: int | None = None
    ended_ms: int | None = None

    def took_ms(self, now: int) -> int:
        """Milliseconds from its start to its end, or to now."""
        if self.started_ms is None:
            return 0
        return (now if self.ended_ms is None else self.ended_ms) - self.started_ms

"""What a workflow may ask for, and how: effects, flows, `perform`.

A workflow is a generator that yields effects and is sent replies. It decides everything and does nothing: the twin runs
it in virtual time, the adapters run it for real, and a journal of effects and replies resumes it after a crash.
So an effect is plain frozen data with a JSON form, and so is its reply.

Two kinds of effect exist, and the difference matters after a crash:

* A read (`mutates = False`) may be performed again freely.
* A write (`mutates = True`) may have reached the world although its reply was lost, and the cloud knows no idempotency
  token. So a write brings a *probe*: a small flow of reads that says whether it happened, and with which reply.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar, cast

from qke_core.errors import InvariantError

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a probe found: the write happened, and this was (or would have been) its reply."""

    reply: Json


@dataclass(frozen=True, slots=True)
class Effect(Generic[R_co]):
    """One request to the world. Subclasses are frozen, slotted dataclasses of JSON data.

    Class attributes:
        name: the word the journal and the trace use, such as `cloud.upgrade-cluster`.
        mutates: whether performing it changes the world.
    """

    name: ClassVar[str] = ""
    mutates: ClassVar[bool] = False

    def to_json(self) -> JsonObject:
        """Return name and arguments as JSON data; equal effects give equal JSON."""
        return {"name": self.name, **{field.name: _plain(getattr(self, field.name)) for field in fields(self)}}

    def parse_reply(self, reply: Json) -> R_co:
        """Turn the JSON reply of the world (or of the journal) into the typed reply."""
        return cast("R_co", reply)

    def probe(self) -> Flow[Settled | None]:
        """Look, by reads alone, whether this write happened. Only called when `mutates` is true."""
        raise InvariantError(
            "effect.no-probe",
            f"Effect {self.name} changes the world but brings no probe",
            "give the effect a probe() before using it in a workflow",
        )


Flow: TypeAlias = Generator[Effect[Any], Any, T]
"""A running workflow: yields effects, is sent replies, returns T."""


def perform(effect: Effect[R]) -> Flow[R]:
    """Ask for one effect and return its typed reply. The only bare `yield` of the core."""
    return cast("R", (yield effect))


@dataclass(frozen=True, slots=True)
class All(Effect[tuple[Any, ...]]):
    """Run child flows side by side; replies come back in the order given.

    If some raise, the error of the first of them in that order is raised, after every child has ended: no child is left
    half way.
    """

    name: ClassVar[str] = "all"
    flows: tuple[Flow[Any], ...]

    def to_json(self) -> JsonObject:
        """Journal only the number of children: each child journals itself under its own key."""
        return {"name": self.name, "children": len(self.flows)}


def perform_all(flows: Sequence[Flow[T]]) -> Flow[tuple[T, ...]]:
    """Run flows of one type side by side and return their results in order."""
    return cast("tuple[T, ...]", (yield All(tuple(flows))))


def _plain(value: object) -> Json:
    if isinstance(value, tuple):
        return [_plain(item) for item in cast("tuple[object, ...]", value)]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise InvariantError(
        "effect.not-json",
        f"An effect holds a {type(value).__name__}, which is not JSON data",
        "keep strings, numbers, booleans and tuples of them in effects",
    )

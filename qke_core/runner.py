"""The runner: steps a workflow through its effects, its journal and its replay, and does nothing itself.

It is the part that every interpreter shares, written without I/O: it yields what must be done next (`Append` a record,
`Do` an effect, `Fork` children) and is sent what came of it. So the twin and the real world cannot differ in when a
record is written, in what is asked again after a crash, or in how an error reaches the workflow.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

from qke_core.effects.base import All, Effect, Flow, Json
from qke_core.errors import InvariantError, QkeError, RemoteError
from qke_core.journal import Intent, JournalRecord, Replay, Reply, error_from_json, error_to_json

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Append:
    """Make this record durable before going on. Send back None."""

    record: JournalRecord


@dataclass(frozen=True, slots=True)
class Do:
    """Perform this effect. Send back its JSON reply, or the `QkeError` it ended with.

    `asked_ms` is when the effect was first intended: a pause that a crash cut short lasts from then. `key` is the
    effect's place in the journal, None for the reads of a probe, which are not journaled.
    """

    effect: Effect[Any]
    asked_ms: int
    key: str | None


@dataclass(frozen=True, slots=True)
class Fork:
    """Step these runners side by side; send back, in order, each one's result or the `QkeError` it ended with.

    `key` is the place of their parent effect in the journal.
    """

    key: str
    children: tuple[Generator[Step, Any, Any], ...]


Step: TypeAlias = Append | Do | Fork
Runner: TypeAlias = Generator[Step, Any, T]


def step_through(flow: Flow[T], replay: Replay, clock: Callable[[], int], prefix: str = "") -> Runner[T]:
    """Step `flow` to its end; return its result, or raise the error it ends with.

    Args:
        flow: a workflow, not yet started.
        replay: what earlier attempts of this run journaled; empty for a first attempt.
        clock: the interpreter's clock, in milliseconds.
        prefix: what journal keys start with; set for children.
    Raises:
        InvariantError: `journal.divergence` when the workflow no longer asks what the journal says it asked, and
            every other bug that a child or an effect ended with: no workflow catches it.
    """
    ordinal = 0
    outcome: Any = None
    while True:
        try:
            effect = flow.throw(outcome) if isinstance(outcome, QkeError) else flow.send(outcome)
        except StopIteration as stop:
            replay.end(f"{prefix}{ordinal}")
            return cast("T", stop.value)
        except QkeError:
            replay.end(f"{prefix}{ordinal}")
            raise
        key = f"{prefix}{ordinal}"
        ordinal += 1
        if isinstance(effect, All):
            outcome = yield from _fork(effect, key, replay, clock)
        else:
            outcome = yield from _settle(effect, key, replay, clock)


def _fork(effect: All, key: str, replay: Replay, clock: Callable[[], int]) -> Runner[Any]:
    if replay.intent(key, effect.to_json()) is None:
        yield Append(Intent(key, clock(), effect.to_json()))
    children = tuple(step_through(flow, replay, clock, f"{key}.{n}.") for n, flow in enumerate(effect.flows))
    results: tuple[Any, ...] = yield Fork(key, children)
    for result in results:
        _stop_at_bugs(result)
    failed = next((result for result in results if isinstance(result, QkeError)), None)
    return failed if failed is not None else results


def _settle(effect: Effect[Any], key: str, replay: Replay, clock: Callable[[], int]) -> Runner[Any]:
    """Answer one effect: from the journal, from its probe, or by doing it."""
    wanted = effect.to_json()
    intent = replay.intent(key, wanted)
    known = replay.reply(key)
    if known is not None:
        return error_from_json(known.error) if known.error is not None else effect.parse_reply(known.value)
    if intent is None:
        intent = Intent(key, clock(), wanted)
        yield Append(intent)
        answer: Json | QkeError = yield Do(effect, intent.at_ms, key)
    else:
        answer = yield from _resume(effect, key, intent, clock)
    _stop_at_bugs(answer)
    if isinstance(answer, QkeError):
        yield Append(Reply(key, clock(), None, error_to_json(answer)))
        return answer
    yield Append(Reply(key, clock(), answer))
    return effect.parse_reply(answer)


def _stop_at_bugs(outcome: object) -> None:
    """Raise our own bugs past the workflow: it must not catch them, and the journal must not keep them."""
    if isinstance(outcome, InvariantError):
        raise outcome


def _resume(effect: Effect[Any], key: str, intent: Intent, clock: Callable[[], int]) -> Runner[Json | QkeError]:
    """Finish an effect whose intent was written but whose reply was not."""
    if effect.mutates:
        settled = yield from _look(effect, clock)
        if isinstance(settled, RemoteError):
            # Nobody knows whether the write happened, so whoever catches this must not take it for a plain failure.
            return RemoteError(settled.code, settled.sentence, settled.remedy, settled.facts, in_doubt=True)
        if isinstance(settled, QkeError):
            return settled
        if settled is not None:
            return settled.reply
    answer: Json | QkeError = yield Do(effect, intent.at_ms, key)
    return answer


def _look(effect: Effect[Any], clock: Callable[[], int]) -> Runner[Any]:
    """Run an effect's probe without journaling its reads; return what it found, or the error it ended with."""
    probe = effect.probe()
    outcome: Any = None
    while True:
        try:
            question = probe.throw(outcome) if isinstance(outcome, QkeError) else probe.send(outcome)
        except StopIteration as stop:
            return stop.value
        except QkeError as error:
            return error
        answer: Json | QkeError = yield Do(question, clock(), None)
        outcome = answer if isinstance(answer, QkeError) else question.parse_reply(answer)

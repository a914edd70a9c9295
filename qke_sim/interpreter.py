"""Runs a workflow in virtual time: steps it, journals it, passes its effects through the twin's doors.

It decides nothing. It can be killed at any journal position, before or after the effect in hand reached the world, and
resumed from its journal: in the twin a crash of the operator is a fault like any other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, cast

import simpy

from qke_core.effects import CloudEffect, Effect, Flow, HostEffect, Json, KubeEffect, Now, Sleep, Tell
from qke_core.effects.answer import require_answer
from qke_core.errors import InvariantError, QkeError
from qke_core.journal import Intent, JournalRecord, Replay, Reply
from qke_core.runner import Append, Do, Fork, Runner, step_through
from qke_sim.kernel import Process
from qke_sim.twin import Twin

T = TypeVar("T")

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class KillPoint:
    """Where the operator is killed: once `position` records are journaled.

    `before`: right after the record is durable. `after`: the record is an intent, its effect has reached the world,
    and the reply is not yet journaled. The operator is started again `restart_ms` later.
    """

    position: int
    phase: Literal["before", "after"] = "before"
    restart_ms: int = 30_000


class _Killed(Exception):
    """This attempt of the operator is over."""


class Operator(Generic[T]):
    """One workflow run: attempts follow each other until one reaches the end."""

    def __init__(
        self, twin: Twin, start: Callable[[], Flow[T]], subject: str, cause: int, kills: tuple[KillPoint, ...] = ()
    ) -> None:
        """`start` makes the workflow anew for each attempt; `subject` names it in the trace."""
        self.twin = twin
        self.journal: list[JournalRecord] = []
        self._start = start
        self._subject = subject
        self._cause = cause
        self._kills = list(kills)
        self._children: list[simpy.Process] = []
        self._dead = False
        self._intents: dict[str, int] = {}

    def run(self) -> Process[T]:
        """Run to the end; return the workflow's result.

        Raises:
            QkeError: what the workflow ends with.
        """
        kernel = self.twin.kernel
        while True:
            replay = Replay(self.journal)
            try:
                return (yield from self._attempt(step_through(self._start(), replay, lambda: kernel.now)))
            except (_Killed, simpy.Interrupt):
                kill = self._kills.pop(0)
                self._stop_children()
                yield kernel.pause(kill.restart_ms)
                records = len(self.journal)
                self._dead = False
                self._cause = kernel.trace.add("operator.resumed", self._subject, self._cause, records=records)

    def _attempt(self, runner: Runner[T]) -> Process[T]:
        """Do what the runner asks, until it ends."""
        answer: Any = None
        while True:
            try:
                step = runner.send(answer)
            except StopIteration as stop:
                return cast("T", stop.value)
            if isinstance(step, Append):
                self._append(step.record)
                answer = None
            elif isinstance(step, Fork):
                answer = yield from self._fork(step)
            else:
                answer = yield from self._do(step)

    def _append(self, record: JournalRecord) -> None:
        self.journal.append(record)
        if isinstance(record, Intent):
            self._intents[record.key] = len(self.journal)
        self._forget_missed_kills()
        kill = self._kills[0] if self._kills else None
        if kill is None or kill.position != len(self.journal):
            return
        if kill.phase == "before" or not isinstance(record, Intent):
            self._kill(kill)

    def _forget_missed_kills(self) -> None:
        """Drop kill points whose moment has passed, so that later ones still strike."""
        while not self._dead and self._kills and self._kills[0].position < len(self.journal):
            missed = self.journal[self._kills[0].position - 1]
            answered = isinstance(missed, Reply) or any(
                isinstance(record, Reply) and record.key == missed.key for record in self.journal
            )
            if self._kills[0].phase == "after" and not answered:
                return
            self._kills.pop(0)

    def _do(self, step: Do) -> Process[Json | QkeError]:
        """Perform one effect; its error is an answer, not an exception."""
        position = self._position(step.key)
        try:
            answer: Json | QkeError = yield from perform(self.twin, step.effect, step.asked_ms, self._cause)
        except QkeError as error:
            if isinstance(error, InvariantError):
                raise
            answer = error
        self._kill_after(position)
        return answer

    def _kill_after(self, position: int) -> None:
        """The effect of the intent at `position` reached the world; its reply is not journaled yet."""
        kill = self._kills[0] if self._kills else None
        if kill is not None and kill.phase == "after" and position == kill.position:
            self._kill(kill)

    def _position(self, key: str | None) -> int:
        """Return the position of the intent of `key`, 0 for a read that is not journaled."""
        return 0 if key is None else self._intents[key]

    def _kill(self, kill: KillPoint) -> None:
        self._cause = self.twin.kernel.trace.add(
            "operator.killed", self._subject, self._cause, position=kill.position, phase=kill.phase
        )
        self._dead = True
        raise _Killed

    def _fork(self, step: Fork) -> Process[tuple[Any, ...]]:
        """Run children side by side; wait for all; a kill of one is a kill of all."""
        results: list[Any] = [None] * len(step.children)
        children = [
            self.twin.kernel.spawn(self._child(runner, results, place)) for place, runner in enumerate(step.children)
        ]
        self._children.extend(children)
        yield self.twin.kernel.env.all_of(children)
        self._children = [child for child in self._children if child not in children]
        if self._dead:
            raise _Killed
        self._kill_after(self._position(step.key))
        return tuple(results)

    def _child(self, runner: Runner[Any], results: list[Any], place: int) -> Process[None]:
        try:
            results[place] = yield from self._attempt(runner)
        except QkeError as error:
            if isinstance(error, InvariantError):
                raise
            results[place] = error
        except _Killed:
            self._stop_children()
        except simpy.Interrupt:
            return

    def _stop_children(self) -> None:
        active = self.twin.kernel.env.active_process
        for child in self._children:
            if child.is_alive and child is not active:
                child.interrupt()
        self._children = [child for child in self._children if child is active]


def perform(twin: Twin, effect: Effect[Any], asked_ms: int, cause: int) -> Process[Json]:
    """Perform one effect in the twin; return its JSON reply.

    Raises:
        QkeError: what the door answers.
    """
    if isinstance(effect, CloudEffect):
        answer = yield from twin.cloud.call(effect.action, effect.params(), OPERATOR, cause)
        return require_answer(effect.action, answer)
    if isinstance(effect, KubeEffect):
        return (yield from twin.kube.call(effect.cluster_id, effect.params(), OPERATOR, cause))
    if isinstance(effect, HostEffect):
        return (yield from twin.host.call(effect.node_id, effect.params(), OPERATOR, cause))
    if isinstance(effect, Now):
        return twin.kernel.now
    if isinstance(effect, Sleep):
        yield twin.kernel.pause(max(0, asked_ms + effect.duration_ms - twin.kernel.now))
        return None
    if isinstance(effect, Tell):
        _tell(twin, effect, cause)
        return None
    raise InvariantError("effect.unknown", f"The twin cannot perform {effect.name!r}", "report this run")


def _tell(twin: Twin, effect: Tell, cause: int) -> None:
    """Record what the workflow tells: a plan, or findings."""
    body = cast("Mapping[str, Any]", json.loads(effect.body))
    if effect.topic == "plan":
        path = [str(version) for version in body["path"]]
        twin.kernel.trace.add("operator.planned", effect.subject, cause, path=[body["source"], *path], plan=dict(body))
    else:
        findings = cast("list[dict[str, Json]]", body["findings"])
        blockers = sum(finding["severity"] == "blocker" for finding in findings)
        target = str(body["target"])
        twin.kernel.trace.add(
            "operator.checked", effect.subject, cause, target=target, blockers=blockers, findings=cast("Json", findings)
        )

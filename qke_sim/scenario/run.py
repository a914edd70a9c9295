"""One run of a scenario: the timeline, the faults, the judge, and what is left when it is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Literal, TypeAlias

import simpy

from qke_core.effects import Json
from qke_core.errors import QkeError, RefusedError, StuckError
from qke_core.journal import JournalRecord
from qke_core.units import render_clock
from qke_sim.checkers import Watch
from qke_sim.interpreter import KillPoint, Operator
from qke_sim.kernel import Kernel, Process, callbacks_of
from qke_sim.scenario.action import Action, WaitAction
from qke_sim.scenario.dashboard import ClusterShow, Dashboard, QuotaShow
from qke_sim.scenario.deeds import Deed, deed_of
from qke_sim.scenario.expressions import Expression, Expressions
from qke_sim.scenario.fault import Fault, OperatorCrash
from qke_sim.scenario.inject import inject
from qke_sim.scenario.judge import Judge, Verdict
from qke_sim.scenario.measure import ActionState, Measure, Outage, Value
from qke_sim.scenario.story import Story
from qke_sim.trace import Level, TraceRecord

Observer = Callable[[TraceRecord], None]
Status: TypeAlias = Literal["done", "refused", "stuck", "failed"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A measurement changed: virtual ms, name, new value."""

    t: int
    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class RunResult:
    """Everything a run leaves. `records` are complete at level `full`, the brief ones at level `summary`.

    `outages` counts absences, by `<cluster>/api` or `<cluster>/<namespace>/<workload>`; `state` is what is true at the
    end, without instants; `journals` hold what each action's operator journaled; `clusters` and `quotas` are what the
    run shows across all clusters.
    """

    story: Story
    seed: int
    level: Level
    digest: str
    ended_ms: int
    complete: bool
    records: list[TraceRecord]
    record_count: int
    event_count: int
    verdicts: list[Verdict]
    actions: Mapping[str, ActionState]
    outages: Mapping[str, Outage]
    measures: Mapping[str, Value]
    samples: list[Sample]
    state: Mapping[str, Json]
    journals: Mapping[str, list[JournalRecord]]
    clusters: list[ClusterShow]
    quotas: list[QuotaShow]

    @property
    def held(self) -> bool:
        """Whether every expectation held."""
        return all(verdict.held for verdict in self.verdicts)


def run_story(
    story: Story,
    *,
    seed: int | None = None,
    level: Level = "full",
    metrics: bool = False,
    observer: Observer | None = None,
    kills: tuple[KillPoint, ...] = (),
) -> RunResult:
    """Run a story once, from virtual time 0 to its end.

    Args:
        story: what `load_story` returned.
        seed: which luck; the scenario's own when None.
        level: how much of the trace is kept; the digest is the same.
        metrics: keep every change of every measurement.
        observer: is told of every trace record as it happens.
        kills: kill points for the operator of the first action, besides those of the scenario's faults.
    """
    return _Run(story, story.scenario.seed if seed is None else seed, level, metrics, observer, kills).execute()


@dataclass(frozen=True, slots=True, eq=False)
class _Wait:
    """An action that waits: what for, and what happens when it is true."""

    until: Expression
    true: simpy.Event


class _Run:
    """A run under way."""

    def __init__(
        self,
        story: Story,
        seed: int,
        level: Level,
        metrics: bool,  # noqa: FBT001 - passed on by run_story alone
        observer: Observer | None,
        kills: tuple[KillPoint, ...],
    ) -> None:
        scenario = story.scenario
        self.story, self.seed, self.kills = story, seed, kills
        self.level: Level = level
        self.kernel = Kernel(seed, level)
        self.trace = self.kernel.trace
        if observer is not None:
            self.trace.observers.append(observer)
        self.twin = story.twin(self.kernel)
        self.laws = Watch(self.twin, f"qke-sim run scenarios/{scenario.metadata.name}.yaml --seed {seed}")
        self.board = story.board(self.twin)
        self.dashboard = Dashboard(self.twin, self.board.views)
        self.trace.observers.append(self._watch)
        self.expressions = expressions = Expressions(self.board.measures)
        self.judge = Judge(self.kernel, expressions, scenario.expect)
        self.waiting: dict[str, list[Callable[[int], None]]] = {}
        self.label_of: dict[int, str] = {}
        self.samples: list[Sample] = []
        self.journals: dict[str, list[JournalRecord]] = {}
        self._named = {
            measure.name for wish in scenario.expect for measure in expressions.compile(wish.expression).measures
        }
        self._armed = self._arm_faults(expressions)
        self._waits: list[_Wait] = []
        self.kernel.on_settle.append(self._strike)
        self.kernel.on_settle.append(self._look)
        if metrics:
            self._last: dict[str, Value] = {}
            self.kernel.on_settle.append(self._sample)

    def execute(self) -> RunResult:
        """Run to the end."""
        scenario = self.story.scenario
        root = self.trace.add(
            "run.started", scenario.metadata.name, None, scenario=scenario.metadata.name, seed=self.seed
        )
        self.twin.start(root)
        self.dashboard.begin()
        for action in scenario.timeline:
            self._plan(action.at, action.after, action.delay, partial(self._start, action), root)
        complete = self.kernel.run(scenario.until)
        reason = (
            "nothing was left to happen" if complete else f"its time limit, {render_clock(scenario.until)}, was reached"
        )
        verdicts = self.judge.end()
        self.laws.end(complete=complete)
        self.trace.add("run.ended", scenario.metadata.name, root, reason=reason)
        return RunResult(
            story=self.story,
            seed=self.seed,
            level=self.level,
            digest=self.trace.digest,
            ended_ms=self.kernel.now,
            complete=complete,
            records=self.trace.records,
            record_count=self.trace.count,
            event_count=self.kernel.steps,
            verdicts=verdicts,
            actions=self.board.actions,
            outages=self.board.outages,
            measures={name: measure.read() for name, measure in self.board.measures.items() if self._kept(measure)},
            samples=self.samples,
            state=self.twin.state(),
            journals=self.journals,
            clusters=self.dashboard.clusters(),
            quotas=self.dashboard.used(),
        )

    def _kept(self, measure: Measure) -> bool:
        """Whether a measurement is worth keeping: all but the quiet ones that no expectation names."""
        return not measure.quiet or measure.name in self._named

    # When things happen

    def _plan(self, at: int | None, after: str | None, delay: int, action: Callable[[int], None], cause: int) -> None:
        """Do `action` at a time, or a while after an event; it is given the record that led to it."""
        if at is not None:
            self.kernel.later(at + delay, lambda: action(cause))
        elif after is not None:

            def happened(seq: int) -> None:
                self.kernel.later(delay, lambda: action(seq))

            self.waiting.setdefault(after, []).append(happened)

    def _emit(self, label: str, event: str, seq: int) -> None:
        name = f"{label}.{event}"
        self.judge.event(name)
        for action in self.waiting.pop(name, []):
            action(seq)

    def _watch(self, record: TraceRecord) -> None:
        """Follow what the operators do, tell and cause: whatever an action's records lead to belongs to the action."""
        if record.kind in ("action.started", "operator.resumed"):
            self.label_of[record.seq] = record.subject
        label = None if record.cause is None else self.label_of.get(record.cause)
        if label is None:
            return
        if record.kind == "cloud.called":
            self.label_of[record.seq] = label
        elif record.kind == "job.created":
            self._emit(label, "asked", record.seq)
        elif record.kind in ("operator.planned", "operator.checked"):
            state = self.board.actions[label]
            if record.kind == "operator.planned":
                path = record.data["path"]
                state.hops = len(path) - 1 if isinstance(path, list) else 0
            else:
                findings = record.data["findings"]
                codes = (
                    [str(item["code"]) for item in findings if isinstance(item, dict)]
                    if isinstance(findings, list)
                    else []
                )
                state.findings.extend(code for code in codes if code not in state.findings)

    # Actions

    def _start(self, action: Action, cause: int) -> None:
        state = self.board.actions[action.label]
        state.status, state.started_ms = "running", self.kernel.now
        if action.wait is not None:
            self._wait(action, action.wait, state, cause)
            return
        story, cluster_id = self.story, self._cluster_id(action.cluster)
        findings, policies = story.findings_of(action), story.policies_of(action)
        deed = deed_of(action, story.wish_of(action), cluster_id, findings, policies)
        seq = self._started(action, deed.what, deed.subject, cause)
        self.kernel.spawn(self._act(action, deed, state, seq))
        self._emit(action.label, "started", seq)

    def _started(self, action: Action, what: str, cluster: str, cause: int) -> int:
        return self.trace.add("action.started", action.label, cause, what=what, cluster=cluster)

    def _cluster_id(self, name: str) -> str:
        """Return the id of the newest cluster of that name; what is not born yet is asked for by its name."""
        found = [cluster.cluster_id for cluster in self.twin.cloud.clusters.values() if cluster.name == name]
        return found[-1] if found else name

    def _act(self, action: Action, deed: Deed, state: ActionState, cause: int) -> Process[None]:
        operator: Operator[str] = Operator(self.twin, deed.start, action.label, cause, self._kill_points(action))
        self.journals[action.label] = operator.journal
        status: Status = "done"
        try:
            sentence = yield from operator.run()
        except QkeError as error:
            status = (
                "refused" if isinstance(error, RefusedError) else "stuck" if isinstance(error, StuckError) else "failed"
            )
            state.error, state.code = error.code, int(error.facts.get("platform_code", 0))
            sentence = f"{error.sentence.rstrip('.')}; {error.remedy}"
        if status == "done" and action.create is not None:
            self._furnish(deed.subject, cause)
        self._ended(action, state, status, sentence, cause)

    def _ended(self, action: Action, state: ActionState, status: Status, sentence: str, cause: int) -> None:
        state.status, state.ended_ms = status, self.kernel.now
        seq = self.trace.add(
            "action.ended", action.label, cause, status=status, sentence=sentence, code=state.code, error=state.error
        )
        self._emit(action.label, status, seq)
        self._emit(action.label, "ended", seq)

    def _furnish(self, name: str, cause: int) -> None:
        """Bring the scenario's workloads into a cluster that has just been created."""
        self.twin.site(name).kube.apply_objects(self.story.objects()[name], cause)

    def _wait(self, action: Action, wanted: WaitAction, state: ActionState, cause: int) -> None:
        """Begin to wait for an expression; it is looked at whenever something has happened."""
        until = None if wanted.until is None else self.expressions.compile(wanted.until)
        what = "marking an instant" if until is None else f"waiting until {until.text}"
        seq = self._started(action, what, action.cluster, cause)
        self._emit(action.label, "started", seq)
        if until is None:
            self._ended(action, state, "done", "it is time", seq)
            return
        wait = _Wait(until, self.kernel.env.event())
        self._waits.append(wait)
        if wanted.within is None:
            # Without a limit it keeps no run going: what it waits for may never come.
            callbacks_of(wait.true).append(lambda _: self._ended(action, state, "done", f"{until.text} is true", seq))
        else:
            self.kernel.spawn(self._within(action, state, wait, wanted.within, seq))

    def _within(self, action: Action, state: ActionState, wait: _Wait, within_ms: int, cause: int) -> Process[None]:
        yield self.kernel.env.any_of([wait.true, self.kernel.pause(within_ms)])
        if wait.true.triggered:
            self._ended(action, state, "done", f"{wait.until.text} is true", cause)
        else:
            self._waits.remove(wait)
            self._ended(action, state, "stuck", "what was waited for did not happen in time", cause)

    def _look(self) -> None:
        """End the waits whose expression is true now."""
        for wait in list(self._waits):
            if wait.until.holds(wait.until.values()):
                self._waits.remove(wait)
                wait.true.succeed()

    def _kill_points(self, action: Action) -> tuple[KillPoint, ...]:
        found = [
            KillPoint(fault.position, fault.phase, fault.restart)
            for fault in self.story.scenario.faults
            if isinstance(fault, OperatorCrash) and fault.action == action.label
        ]
        if action is self.story.scenario.timeline[0]:
            found.extend(self.kills)
        return tuple(sorted(found, key=lambda kill: (kill.position, kill.phase == "after")))

    # Faults

    def _arm_faults(self, expressions: Expressions) -> list[tuple[Fault, int, Expression]]:
        """Plan the faults that have a time or an event; return those that wait for an expression."""
        armed: list[tuple[Fault, int, Expression]] = []
        for number, fault in enumerate(self.story.scenario.faults, start=1):
            if isinstance(fault, OperatorCrash):
                continue
            if fault.when is not None:
                armed.append((fault, number, expressions.compile(fault.when)))
            else:
                strike = partial(inject, self.twin, fault, number)
                self._plan(fault.at, fault.after, fault.delay, strike, 0)
        return armed

    def _strike(self) -> None:
        """Let strike what waited for an expression that is true now."""
        for armed in list(self._armed):
            fault, number, expression = armed
            if expression.holds(expression.values()) and not isinstance(fault, OperatorCrash):
                self._armed.remove(armed)
                cause = self.trace.count - 1
                self.kernel.later(fault.delay, partial(inject, self.twin, fault, number, cause))

    def _sample(self) -> None:
        """Keep every measurement that changed; what only grows with time is left to the end."""
        for name, measure in self.board.measures.items():
            if not self._kept(measure):
                continue
            value = measure.read()
            if isinstance(value, timedelta) or self._last.get(name) == value:
                continue
            self._last[name] = value
            self.samples.append(Sample(self.kernel.now, name, value))

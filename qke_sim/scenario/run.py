"""One run of a scenario: the timeline, the faults, the judge, and what is left when it is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Literal

from qke_core.effects import Json
from qke_core.errors import QkeError, RefusedError, StuckError
from qke_core.journal import JournalRecord
from qke_core.units import render_clock, render_rough
from qke_core.workflows import UpgradeRequest, UpgradeResult, upgrade_cluster
from qke_sim.interpreter import KillPoint, Operator
from qke_sim.kernel import Kernel, Process
from qke_sim.scenario.expressions import Expression, Expressions
from qke_sim.scenario.inject import inject
from qke_sim.scenario.judge import Judge, Verdict
from qke_sim.scenario.load import Story
from qke_sim.scenario.measures import ActionState, Board, Outage, Value
from qke_sim.scenario.model import Action, Fault, OperatorCrash
from qke_sim.trace import Level, TraceRecord

Observer = Callable[[TraceRecord], None]


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
    end, without instants; `journals` hold what each action's operator journaled.
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
        self.board = Board(self.twin, [action.label for action in scenario.timeline])
        self.trace.observers.append(self._watch)
        expressions = Expressions(self.board.measures)
        self.judge = Judge(self.kernel, expressions, scenario.expect)
        self.waiting: dict[str, list[Callable[[int], None]]] = {}
        self.label_of: dict[int, str] = {}
        self.samples: list[Sample] = []
        self.journals: dict[str, list[JournalRecord]] = {}
        self._armed = self._arm_faults(expressions)
        self.kernel.on_settle.append(self._strike)
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
        for action in scenario.timeline:
            self._plan(action.at, action.after, action.delay, partial(self._start, action), root)
        complete = self.kernel.run(scenario.until)
        reason = (
            "nothing was left to happen" if complete else f"its time limit, {render_clock(scenario.until)}, was reached"
        )
        verdicts = self.judge.end()
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
            measures={name: measure.read() for name, measure in self.board.measures.items()},
            samples=self.samples,
            state=self.twin.state(),
            journals=self.journals,
        )

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
        what = f"upgrade {action.cluster} to {action.upgrade.to}"
        state = self.board.actions[action.label]
        state.status, state.started_ms = "running", self.kernel.now
        seq = self.trace.add("action.started", action.label, cause, what=what, cluster=action.cluster)
        self.kernel.spawn(self._act(action, state, seq))
        self._emit(action.label, "started", seq)

    def _act(self, action: Action, state: ActionState, cause: int) -> Process[None]:
        site = self.twin.site(action.cluster)
        upgrade = action.upgrade
        request = UpgradeRequest(site.cluster.cluster_id, upgrade.to, upgrade.preflight, upgrade.poll)
        operator: Operator[UpgradeResult] = Operator(
            self.twin, lambda: upgrade_cluster(request), action.label, cause, self._kill_points(action)
        )
        self.journals[action.label] = operator.journal
        status: Literal["done", "refused", "stuck", "failed"] = "done"
        try:
            result = yield from operator.run()
            sentence = f"reached {upgrade.to} in {render_rough(result.took_ms)}"
        except QkeError as error:
            status = (
                "refused" if isinstance(error, RefusedError) else "stuck" if isinstance(error, StuckError) else "failed"
            )
            state.error, state.code = error.code, int(error.facts.get("platform_code", 0))
            sentence = f"{error.sentence.rstrip('.')}; {error.remedy}"
        state.status, state.ended_ms = status, self.kernel.now
        seq = self.trace.add(
            "action.ended", action.label, cause, status=status, sentence=sentence, code=state.code, error=state.error
        )
        self._emit(action.label, status, seq)
        self._emit(action.label, "ended", seq)

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
            value = measure.read()
            if isinstance(value, timedelta) or self._last.get(name) == value:
                continue
            self._last[name] = value
            self.samples.append(Sample(self.kernel.now, name, value))

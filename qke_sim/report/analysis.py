"""What a trace says when it is read as a whole: phases per node, absences, turning points. Pure, from records alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from qke_core.lifecycle import TABLE
from qke_sim.trace import TraceRecord, explain

OVER: Final = frozenset({"done", ""})


@dataclass(frozen=True, slots=True)
class Span:
    """Something that lasted, on one subject. `end` is the run's end for what was never closed; then `open` is true.

    `kind`: `phase` of an upgrade script or another service that the platform runs, or `wait` inside one. `outcome` is
    `done`, or how else it ended.
    """

    kind: Literal["phase", "wait"]
    subject: str
    name: str
    target: str
    start: int
    end: int
    outcome: str
    open: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Something was not there from `start` to `end`, virtual ms."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Moment:
    """A turning point that people want to see: a record worth a line, in words."""

    t: int
    seq: int
    kind: str
    subject: str
    text: str


@dataclass(slots=True)
class Analysis:
    """A trace, read.

    `spans` in the order they began; `gaps` by `<cluster>/api` or `<cluster>/<namespace>/<workload>`; `plans` and
    `checks` as the operator told them, with the action's cluster.
    """

    ended_ms: int
    spans: list[Span] = field(default_factory=list["Span"])
    gaps: dict[str, list[Gap]] = field(default_factory=dict[str, "list[Gap]"])
    moments: list[Moment] = field(default_factory=list["Moment"])
    plans: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    checks: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])


MOMENTS: Final = frozenset(
    {
        "action.started",
        "action.ended",
        "fault.injected",
        "fault.lifted",
        "operator.killed",
        "operator.resumed",
        "job.created",
        "job.ended",
        "precheck.failed",
        "cluster.changed",
        "service.cut",
        "host.crashed",
        "host.booted",
        "health.unhealthy",
        "health.healthy",
        "autoscaling.fired",
        "autoscaling.refused",
        "autoscaling.ended",
        "alarm.changed",
        "linked.down",
        "linked.up",
        "api.unavailable",
        "api.available",
        "workload.unavailable",
        "workload.available",
        "node.version",
        "node.not-ready",
        "csi.skipped",
        "installer.launched",
        "installer.failed",
        "installer.restarted",
        "installer.finished",
    }
)
"""Kinds that are worth a line in a report."""


def analyse(records: Iterable[TraceRecord], ended_ms: int, felt: Collection[str] | None = None) -> Analysis:
    """Read a trace (or its brief records) into spans, gaps and moments.

    Args:
        records: the trace.
        ended_ms: when the run ended.
        felt: whose absence matters, by the keys of gaps; everything's when None.
    """
    found = Analysis(ended_ms)
    jobs: set[str] = set()
    open_spans: dict[tuple[str, str], tuple[TraceRecord, str]] = {}
    open_gaps: dict[str, int] = {}
    for record in records:
        if record.kind in MOMENTS and _matters(record, jobs, felt):
            found.moments.append(Moment(record.t, record.seq, record.kind, record.subject, explain(record)))
        _read_span(record, found, open_spans)
        if felt is None or _thing(record) in felt:
            _read_gap(record, found, open_gaps)
        if record.kind == "operator.planned":
            found.plans.append(cast("Mapping[str, Any]", record.data["plan"]))
        elif record.kind == "operator.checked":
            found.checks.append({"cluster": record.subject, "t": record.t, **record.data})
    for (kind, subject), (began, name) in open_spans.items():
        target = str(began.data.get("target", ""))
        found.spans.append(Span(_bar(kind), subject, name, target, began.t, ended_ms, "unfinished", open=True))
    for key, start in open_gaps.items():
        found.gaps.setdefault(key, []).append(Gap(start, ended_ms))
    found.spans.sort(key=lambda span: (span.start, span.subject, span.kind))
    return found


_SPANS: Final[Mapping[str, tuple[str, str]]] = {
    "phase": ("phase", "outcome"),
    "wait": ("what", "code"),
    "service": ("service", "code"),
}
PHASED = "upgrade"
"""The service whose parts are told as phases."""

CLUSTER_ACTIONS: Final = frozenset(
    {*(row.action for row in TABLE.values()), "CeaseResources", "RunClusterCustomService"}
)
"""The jobs that people ask for: those on a whole cluster."""


def is_cluster_job(record: TraceRecord) -> bool:
    """Whether a `job.created` is one of the platform's on a whole cluster, not of one resource."""
    return "/" not in str(record.data["cluster"]) and str(record.data["action"]) in CLUSTER_ACTIONS


def _matters(record: TraceRecord, jobs: set[str], felt: Collection[str] | None) -> bool:
    """Whether a moment is worth a line: not the jobs of single resources that end well, nor what nobody feels."""
    if record.kind == "job.created":
        if is_cluster_job(record):
            jobs.add(record.subject)
        return record.subject in jobs
    if record.kind == "job.ended":
        return record.subject in jobs or record.data["status"] != "successful"
    return felt is None or not record.kind.startswith("workload.") or record.subject in felt


def _thing(record: TraceRecord) -> str:
    """Return what a record of presence is about, as gaps call it."""
    return f"{record.subject}/api" if record.kind.startswith("api.") else record.subject


def _read_span(
    record: TraceRecord, found: Analysis, open_spans: dict[tuple[str, str], tuple[TraceRecord, str]]
) -> None:
    kind, _, what = record.kind.partition(".")
    if record.kind in {"host.crashed", "service.cut"}:
        for span_kind in _SPANS:
            _close(found, open_spans, span_kind, record, "host crashed" if kind == "host" else "cut by the platform")
    elif kind in _SPANS and _shown(record):
        name_field, outcome_field = _SPANS[kind]
        if what in ("started", "began"):
            open_spans[kind, record.subject] = (record, str(record.data[name_field]))
        elif what == "ended":
            outcome = str(record.data[outcome_field])
            _close(found, open_spans, kind, record, "done" if outcome == "0" else outcome)


def _shown(record: TraceRecord) -> bool:
    """Whether a service is worth a bar of its own: not one that is told in phases, nor a check of a moment."""
    service = str(record.data.get("service", ""))
    return service != PHASED and not service.endswith("_check")


def _close(
    found: Analysis,
    open_spans: dict[tuple[str, str], tuple[TraceRecord, str]],
    kind: str,
    record: TraceRecord,
    outcome: str,
) -> None:
    begun = open_spans.pop((kind, record.subject), None)
    if begun is not None:
        began, name = begun
        target = str(began.data.get("target", ""))
        found.spans.append(Span(_bar(kind), record.subject, name, target, began.t, record.t, outcome))


def _bar(kind: str) -> Literal["phase", "wait"]:
    return "wait" if kind == "wait" else "phase"


def _read_gap(record: TraceRecord, found: Analysis, open_gaps: dict[str, int]) -> None:
    kind, _, what = record.kind.partition(".")
    if kind not in ("api", "workload") or what not in ("unavailable", "available"):
        return
    key = _thing(record)
    if what == "unavailable":
        open_gaps[key] = record.t
    elif key in open_gaps:
        found.gaps.setdefault(key, []).append(Gap(open_gaps.pop(key), record.t))

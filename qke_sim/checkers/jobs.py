"""Every job begins once and ends once; only one that a trouble holds does not end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from qke_sim.checkers.finding import Finding
from qke_sim.trace import TraceRecord

FOLLOWS: Mapping[str, str] = {
    "job.created": "",
    "job.started": "job.created",
    "job.stuck": "job.started",
    "job.ended": "job.started",
}
"""What must have happened last to a job before each kind of record."""

OVER = ("job.stuck", "job.ended")


@dataclass(slots=True)
class Jobs:
    """Follows every job by its records."""

    last: dict[str, str] = field(default_factory=dict[str, str])

    def see(self, record: TraceRecord) -> Iterator[Finding]:
        """Yield when a job does what it cannot do after what it did last."""
        needs = FOLLOWS.get(record.kind)
        if needs is None:
            return
        before, self.last[record.subject] = self.last.get(record.subject, ""), record.kind
        if before != needs:
            sentence = f"job {record.subject} has {record.kind} after {before or 'nothing'}"
            yield Finding("check.job", record.subject, sentence)

    def open(self) -> Iterator[Finding]:
        """Yield every job that has no end, for a run in which nothing is left to happen."""
        for job, last in self.last.items():
            if last not in OVER:
                yield Finding("check.job", job, f"job {job} has no end: after {last} nothing came, and nothing will")

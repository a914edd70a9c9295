"""The checkers of one run: some follow what is recorded, others count again from outside now and then.

A finding is not raised where it is seen, inside somebody's process that might take it for a failure of its own, but at
the end of the instant, out of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from qke_core.errors import InvariantError
from qke_sim.checkers import bills, bindings, owners, quotas, statuses
from qke_sim.checkers.finding import Finding
from qke_sim.checkers.jobs import FOLLOWS, Jobs
from qke_sim.checkers.owners import Leavings
from qke_sim.checkers.statuses import Moves
from qke_sim.cloud import Reader
from qke_sim.cloud.meter import KINDS as METER_KINDS
from qke_sim.trace import TraceRecord
from qke_sim.twin import Twin

RECOUNTS = 200
"""How many times a run is counted again at most, its end apart: a year with a job an hour stays cheap."""

LAWS: Sequence[Callable[[Twin], Iterator[Finding]]] = (
    owners.check,
    quotas.check,
    statuses.check,
    bindings.check,
)
"""What holds at the end of every instant, whatever happened before."""

FOLLOWED = frozenset((*METER_KINDS, *FOLLOWS, *statuses.KINDS, *owners.KINDS))
"""Kinds of records that somebody follows."""


def check_twin(twin: Twin) -> list[Finding]:
    """Count everything again; return what is wrong at the end of an instant."""
    return [finding for law in LAWS for finding in law(twin)]


class Watch:
    """Watches one twin from its start on."""

    def __init__(self, twin: Twin, repeat: str = "run it again") -> None:
        """Begin before the twin starts; `repeat` says how the run is repeated."""
        self._twin = twin
        self._repeat = repeat
        self._jobs = Jobs()
        self._moves = Moves.of(twin)
        self._leavings = Leavings(twin)
        self._reader = Reader()
        self._found: list[tuple[Finding, int]] = []
        self._due = False
        self._left = RECOUNTS
        twin.kernel.trace.observers.append(self._see)
        twin.kernel.on_settle.append(self._settle)

    def findings(self) -> list[Finding]:
        """Count everything again, bills included; return all that is wrong."""
        seen = [finding for finding, _ in self._found]
        return [*seen, *check_twin(self._twin), *bills.check(self._twin, self._reader)]

    def end(self, *, complete: bool) -> None:
        """Judge the whole run; `complete` when nothing is left to happen.

        Raises:
            InvariantError: `check.*`, the first finding.
        """
        self._raise()
        found = [*self.findings(), *(self._jobs.open() if complete else ())]
        self._found.extend((finding, self._twin.kernel.trace.count - 1) for finding in found)
        self._raise()

    def _see(self, record: TraceRecord) -> None:
        if record.kind not in FOLLOWED:
            return
        self._reader.read(record)
        found = (*self._jobs.see(record), *self._moves.see(record), *self._leavings.see(record))
        self._found.extend((finding, record.seq) for finding in found)
        self._due |= record.kind == "job.ended" and self._twin.cloud.jobs[record.subject].cluster_id != ""

    def _settle(self) -> None:
        self._raise()
        if self._due and self._left:
            self._due, self._left = False, self._left - 1
            self._found.extend((found, self._twin.kernel.trace.count - 1) for found in check_twin(self._twin))
            self._raise()

    def _raise(self) -> None:
        for finding, seq in self._found[:1]:
            seed = self._twin.kernel.streams.seed
            facts = {"subject": finding.subject, "seq": seq, "seed": seed}
            remedy = f"report this with what repeats it: {self._repeat}"
            raise InvariantError(finding.code, f"{finding.sentence} (record {seq}, seed {seed})", remedy, facts)

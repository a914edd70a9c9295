"""Trace records in words."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.text import Text

from qke_cli.screen import Screen
from qke_core.effects import Json
from qke_core.units import render_clock
from qke_sim.report.folder import Difference
from qke_sim.trace import TraceRecord, explain


def words(record: TraceRecord) -> str:
    """Say what a record reports; a kind of another version is shown as it stands."""
    try:
        return explain(record)
    except (KeyError, ValueError, IndexError):
        return f"{record.kind} {record.subject} {json.dumps(dict(record.data), ensure_ascii=False)}"


def record_json(record: TraceRecord) -> dict[str, Json]:
    """Return a record as `--json` prints it: what the trace has, and the same in words."""
    return {
        "seq": record.seq,
        "t": record.t,
        "at": render_clock(record.t),
        "kind": record.kind,
        "subject": record.subject,
        "cause": record.cause,
        "sentence": words(record),
        "data": dict(record.data),
    }


def render_chain(screen: Screen, chain: Sequence[TraceRecord]) -> None:
    """Show a chain of causes, oldest first."""
    wide = max(len(str(record.seq)) for record in chain) + 1
    for number, record in enumerate(chain):
        last = number == len(chain) - 1
        arrow = f"{screen.marks.led_to} " if number else "  "
        lead = Text.assemble((f"{f'#{record.seq}':>{wide}}  {render_clock(record.t)}  {arrow}", "dim"))
        screen.hang(lead, Text(words(record), style="bold" if last else ""))


def render_difference(screen: Screen, difference: Difference) -> None:
    """Show where two runs part: both records in words, and which of their parts differ."""
    saved, now = difference.saved, difference.now
    if saved is None and now is None:
        screen.hang("", "All records are the same; the digest of the run folder's summary is not theirs")
        return
    at = next(render_clock(record.t) for record in (saved, now) if record is not None)
    screen.say(Text(f"The runs part at record {difference.seq}, {at}", style="bold red"))
    for title, record in (("saved", saved), ("now", now)):
        lead = f"  {title:<6} "
        if record is None:
            screen.hang(lead, "the run had ended")
            continue
        cause = "" if record.cause is None else f", caused by #{record.cause}"
        screen.hang(lead, Text.assemble(words(record), (f" ({record.kind} at {render_clock(record.t)}{cause})", "dim")))
    for name, before, after in _parts(saved, now):
        screen.hang("         ", f"{name}: {before} {screen.marks.arrow} {after}")


def _parts(saved: TraceRecord | None, now: TraceRecord | None) -> list[tuple[str, str, str]]:
    """Return the parts in which two records differ, as JSON."""
    if saved is None or now is None:
        return []
    before, after = (
        {"t": r.t, "seq": r.seq, "kind": r.kind, "subject": r.subject, "cause": r.cause, **r.data} for r in (saved, now)
    )
    names = [*before, *(name for name in after if name not in before)]
    shown = [(name, *(json.dumps(side.get(name), ensure_ascii=False) for side in (before, after))) for name in names]
    return [(name, old, new) for name, old, new in shown if old != new]

"""Why something happened: the chain of causes of a trace record, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qke_core.effects import Json
from qke_core.errors import InputError
from qke_sim.trace.kinds import KINDS
from qke_sim.trace.record import TraceRecord


def explain(record: TraceRecord) -> str:
    """Say in one sentence what a record reports."""
    shown = {name: _shown(value) for name, value in record.data.items()}
    return KINDS[record.kind].sentence.format_map({"subject": record.subject, **shown})


def causes(records: Sequence[TraceRecord], seq: int) -> list[TraceRecord]:
    """Return the record `seq` and what led to it, from the first cause to the record itself.

    Args:
        records: a full trace; record number n stands at place n.
        seq: which record.
    Raises:
        InputError: `trace.no-record` when the trace has no such record, `run.trace-damaged` when a record names one as
            its cause that does not stand before it, so that the walk would never end.
    """
    if not 0 <= seq < len(records):
        raise InputError(
            "trace.no-record",
            f"The trace has no record {seq}",
            f"give a number from 0 to {len(records) - 1}",
            {"seq": seq},
        )
    chain, place = [records[seq]], seq
    while (cause := chain[-1].cause) is not None:
        if not 0 <= cause < place:
            sentence = f"Record {place} of the trace names {cause} as its cause, which does not stand before it"
            remedy = "the file was cut or edited: run the scenario again"
            raise InputError("run.trace-damaged", sentence, remedy, {"seq": place})
        chain.append(records[cause])
        place = cause
    return chain[::-1]


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} is {_shown(item)}" for name, item in value.items()) or "nothing"
    return "nothing" if value in (None, "") else str(value)

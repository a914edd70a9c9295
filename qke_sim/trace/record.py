"""The trace: what happened, in order, each record with the one that led to it.

A record is `t, seq, kind, subject, cause, data`: virtual milliseconds, a number counting from 0, a kind of `KINDS`, the
thing it happened to, the `seq` of its cause (None only for the first), and plain data. The digest is SHA-256 over the
records' lines, streamed; it stands for the whole run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from typing import Literal, cast

from qke_core.effects import Json, JsonObject
from qke_core.errors import InputError, InvariantError
from qke_sim.trace.kinds import KINDS

Level = Literal["full", "summary"]


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """One thing that happened."""

    t: int
    seq: int
    kind: str
    subject: str
    cause: int | None
    data: Mapping[str, Json]

    def render(self) -> str:
        """Write the record as one line of JSON, data keys in alphabetical order, without the line break."""
        body = {
            "t": self.t,
            "seq": self.seq,
            "kind": self.kind,
            "subject": self.subject,
            "cause": self.cause,
            "data": {name: self.data[name] for name in sorted(self.data)},
        }
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


class Trace:
    """An append-only list of records, with a streamed digest."""

    def __init__(self, clock: Callable[[], int], level: Level = "full") -> None:
        """Begin empty. `clock` gives virtual milliseconds; `level` decides what is kept, never what is digested."""
        self.records: list[TraceRecord] = []
        self.observers: list[Callable[[TraceRecord], None]] = []
        self.count = 0
        self._clock = clock
        self._level = level
        self._hash = sha256()

    def add(self, kind: str, subject: str, cause: int | None, /, **data: Json) -> int:
        """Append a record; return its `seq`, to be given as the cause of what follows from it.

        Raises:
            InvariantError: `trace.kind-unknown` for a kind that `KINDS` does not list.
        """
        known = KINDS.get(kind)
        if known is None:
            raise InvariantError("trace.kind-unknown", f"No trace kind is called {kind!r}", "add it to KINDS")
        record = TraceRecord(self._clock(), self.count, kind, subject, cause, data)
        self.count += 1
        self._hash.update(record.render().encode())
        self._hash.update(b"\n")
        if self._level == "full" or known.brief:
            self.records.append(record)
        for observer in self.observers:
            observer(record)
        return record.seq

    @property
    def digest(self) -> str:
        """SHA-256 of all lines so far, 64 hex digits."""
        return self._hash.hexdigest()


def digest_of(records: Iterable[TraceRecord]) -> str:
    """Return the digest of a whole trace."""
    found = sha256()
    for record in records:
        found.update(record.render().encode())
        found.update(b"\n")
    return found.hexdigest()


def parse_trace(text: str, file: str) -> list[TraceRecord]:
    """Read the lines of a trace file.

    Raises:
        InputError: `run.trace-damaged` with the number of the first line that is no record.
    """
    records: list[TraceRecord] = []
    for number, line in enumerate(StringIO(text), start=1):  # Not splitlines: U+2028 in a name ends no line.
        try:
            data = cast("JsonObject", json.loads(line))
            records.append(_record(data))
        except (ValueError, KeyError, TypeError) as exc:
            raise InputError(
                "run.trace-damaged",
                f"Line {number} of {file} is no trace record",
                "the file was cut or edited: run the scenario again",
                {"line": number},
            ) from exc
    return records


def _record(data: JsonObject) -> TraceRecord:
    cause = data["cause"]
    return TraceRecord(
        t=int(cast("int", data["t"])),
        seq=int(cast("int", data["seq"])),
        kind=str(data["kind"]),
        subject=str(data["subject"]),
        cause=None if cause is None else int(cast("int", cause)),
        data=cast("JsonObject", data["data"]),
    )

"""The journal: what a run asked for and what it was told, in order, so that a killed run goes on where it stopped.

Two records per effect: the *intent* before it is tried, the *reply* after. A run is resumed by feeding the journal back
into the same workflow: effects that have a reply are answered from it, an intent without a reply is settled by the
effect's probe, and everything later is new. This module knows the format and the replay check; where the records are
kept is the business of whoever runs the workflow.

Keys name an effect's place in the workflow: `4` is the fifth effect, `4.1.0` the first effect of the second child that
the fifth effect started. They depend on the workflow alone, never on time or on the order of replies.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast

from qke_core.effects.base import Json, JsonObject
from qke_core.errors import BRANCHES, Facts, InvariantError, QkeError, rebuild

FORMAT = 1
"""Version of the record format, written with every record."""


@dataclass(frozen=True, slots=True)
class Intent:
    """About to perform `effect`; written before it is tried. `at_ms` is the runner's clock."""

    key: str
    at_ms: int
    effect: JsonObject


@dataclass(frozen=True, slots=True)
class Reply:
    """The world answered. Exactly one of `value` (which may be None) and `error` counts; `error` None means success."""

    key: str
    at_ms: int
    value: Json
    error: JsonObject | None = None


JournalRecord: TypeAlias = Intent | Reply


def error_to_json(error: QkeError) -> JsonObject:
    """Return an error as journal data; `error_from_json` is the inverse. A narrower class becomes its branch."""
    branch = next((kind.__name__ for kind in type(error).__mro__ if kind.__name__ in BRANCHES), type(error).__name__)
    return {
        "branch": branch,
        "code": error.code,
        "sentence": error.sentence,
        "remedy": error.remedy,
        "facts": dict(error.facts),
    }


def error_from_json(data: JsonObject) -> QkeError:
    """Rebuild an error from journal data.

    Raises:
        InvariantError: `error.branch-unknown`.
    """
    facts = cast("Facts", data.get("facts") or {})
    return rebuild(str(data["branch"]), str(data["code"]), str(data["sentence"]), str(data["remedy"]), facts)


def render_record(record: JournalRecord) -> str:
    """Write a record as one line of JSON, without the line break."""
    if isinstance(record, Intent):
        body: dict[str, Json] = {"intent": record.effect}
    else:
        body = {"error": record.error} if record.error is not None else {"reply": record.value}
    head: dict[str, Json] = {"v": FORMAT, "key": record.key, "at_ms": record.at_ms}
    return json.dumps({**head, **body}, ensure_ascii=False, separators=(",", ":"))


def parse_record(line: str) -> JournalRecord:
    """Read one line back.

    Raises:
        InvariantError: `journal.damaged` when the line is no record, `journal.format` when another version wrote it.
    """
    try:
        data = json.loads(line)
        version, key, at_ms = data["v"], str(data["key"]), int(data["at_ms"])
    except (ValueError, KeyError, TypeError) as exc:
        raise _damaged(line) from exc
    if version != FORMAT:
        raise InvariantError(
            "journal.format",
            f"The journal has format {version}, this version reads format {FORMAT}",
            "finish the run with the version that began it",
        )
    match [name for name in ("intent", "reply", "error") if name in data]:
        case ["intent"] if isinstance(data["intent"], dict):
            return Intent(key, at_ms, data["intent"])
        case ["reply"]:
            return Reply(key, at_ms, data["reply"])
        case ["error"] if isinstance(data["error"], dict):
            return Reply(key, at_ms, None, data["error"])
        case _:
            raise _damaged(line)


def _damaged(line: str) -> InvariantError:
    return InvariantError(
        "journal.damaged",
        f"A journal line is no record: {line[:60]!r}",
        "the journal was cut or edited; keep a copy of it and start a new run",
    )


class Replay:
    """What a journal already knows: intents and replies by key."""

    def __init__(self, records: Iterable[JournalRecord] = ()) -> None:
        """Index the records of one run.

        Raises:
            InvariantError: `journal.order` when a reply has no intent, or a key is used twice.
        """
        self._intents: dict[str, Intent] = {}
        self._replies: dict[str, Reply] = {}
        for record in records:
            known: Mapping[str, JournalRecord] = self._intents if isinstance(record, Intent) else self._replies
            if record.key in known or (isinstance(record, Reply) and record.key not in self._intents):
                raise InvariantError(
                    "journal.order",
                    f"The journal's record for {record.key} is out of order",
                    "the journal holds records of more than one run; separate them",
                )
            if isinstance(record, Intent):
                self._intents[record.key] = record
            else:
                self._replies[record.key] = record

    def intent(self, key: str, effect: JsonObject) -> Intent | None:
        """Return the intent written for `key`, or None when the run never came so far.

        Raises:
            InvariantError: `journal.divergence` when the workflow now asks for something else there.
        """
        intent = self._intents.get(key)
        if intent is not None and _canonical(intent.effect) != _canonical(effect):
            raise _divergence(key, _canonical(intent.effect), _canonical(effect))
        return intent

    def end(self, key: str) -> None:
        """Make sure that a workflow which ends before asking for `key` never asked for it.

        Raises:
            InvariantError: `journal.divergence` when the journal goes on there.
        """
        intent = self._intents.get(key)
        if intent is not None:
            raise _divergence(key, _canonical(intent.effect), "the end")

    def reply(self, key: str) -> Reply | None:
        """Return the reply written for `key`, or None when it was lost or never came."""
        return self._replies.get(key)


def _divergence(key: str, expected: str, got: str) -> InvariantError:
    return InvariantError(
        "journal.divergence",
        f"At {key} the journal has {expected}, the workflow now asks for {got}",
        "the workflow changed since the run began; resume with the version that began it",
        {"key": key, "expected": expected, "got": got},
    )


def _canonical(effect: JsonObject) -> str:
    return json.dumps(effect, sort_keys=True, ensure_ascii=False)

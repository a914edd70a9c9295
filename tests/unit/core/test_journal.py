"""Does a journal keep what was written, refuse what is damaged, and notice another workflow?"""

from __future__ import annotations

import pytest

from qke_core.effects import JsonObject
from qke_core.errors import InvariantError, QkeError, RefusedError, RemoteError
from qke_core.journal import (
    Intent,
    JournalRecord,
    Replay,
    Reply,
    error_from_json,
    error_to_json,
    parse_record,
    render_record,
)

SLEEP: JsonObject = {"name": "time.sleep", "duration_ms": 5}


def test_a_record_is_one_line_of_plain_json():
    assert render_record(Intent("4.1.0", 70, SLEEP)) == (
        '{"v":1,"key":"4.1.0","at_ms":70,"intent":{"name":"time.sleep","duration_ms":5}}'
    )
    assert render_record(Reply("4", 75, "z\nü")) == '{"v":1,"key":"4","at_ms":75,"reply":"z\\nü"}'


@pytest.mark.parametrize(
    "record",
    [
        Intent("0", 0, SLEEP),
        Reply("0", 1, None),
        Reply("0", 1, {"job_ids": {"cl-1": "j-1"}}),
        Reply("0", 1, None, error_to_json(RemoteError("a", "b", "c", retry=True))),
    ],
)
def test_a_record_is_read_back(record: JournalRecord):
    assert parse_record(render_record(record)) == record


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        '"v"',
        "null",
        '{"v":1,"key":"0"}',
        '{"key":"0","at_ms":1,"reply":1}',
        '{"v":1,"key":"0","at_ms":"soon","reply":1}',
        '{"v":1,"key":"0","at_ms":1}',
        '{"v":1,"key":"0","at_ms":1,"intent":3}',
        '{"v":1,"key":"0","at_ms":1,"error":null}',
        '{"v":1,"key":"0","at_ms":1,"intent":{},"reply":1}',
    ],
)
def test_a_damaged_line_is_refused(line: str):
    with pytest.raises(InvariantError) as caught:
        parse_record(line)
    assert caught.value.code == "journal.damaged"


def test_a_cut_line_is_damaged_at_every_length():
    line = render_record(Intent("0", 0, SLEEP))
    for length in range(len(line)):
        with pytest.raises(InvariantError, match=r"journal\.damaged"):
            parse_record(line[:length])


def test_a_record_of_another_format_is_refused():
    with pytest.raises(InvariantError) as caught:
        parse_record('{"v":2,"key":"0","at_ms":1,"reply":1}')
    assert caught.value.code == "journal.format"
    assert "format 2" in caught.value.sentence


@pytest.mark.parametrize(
    "error",
    [
        RefusedError("quota.exceeded", "14 are too many", "use 10", {"cpus": 14}),
        RemoteError("cloud.no-answer", "No answer", "look", {"action": "X"}, retry=True, in_doubt=True),
    ],
)
def test_an_error_is_read_back(error: QkeError):
    again = error_from_json(error_to_json(error))
    assert type(again) is type(error)
    assert again.args == error.args


def test_a_narrower_error_comes_back_as_its_branch():
    class BusyCloud(RemoteError):
        """An adapter's own."""

    again = error_from_json(error_to_json(BusyCloud("cloud.busy", "Busy", "wait", retry=True)))
    assert type(again) is RemoteError
    assert isinstance(again, RemoteError)
    assert again.retry


def test_an_error_of_an_unknown_branch_cannot_be_read():
    data: JsonObject = {**error_to_json(RefusedError("a", "b", "c")), "branch": "Other"}
    with pytest.raises(InvariantError, match=r"error\.branch-unknown"):
        error_from_json(data)


@pytest.mark.parametrize(
    "records",
    [
        [Reply("0", 0, 1)],
        [Intent("0", 0, SLEEP), Intent("0", 0, SLEEP)],
        [Intent("0", 0, SLEEP), Reply("0", 0, 1), Reply("0", 0, 1)],
        [Intent("0", 0, SLEEP), Reply("1", 0, 1)],
    ],
    ids=["reply first", "intent twice", "reply twice", "other key"],
)
def test_records_of_two_runs_are_noticed(records: list[JournalRecord]):
    with pytest.raises(InvariantError) as caught:
        Replay(records)
    assert caught.value.code == "journal.order"


def test_replay_finds_intents_and_replies_by_key():
    intent, reply = Intent("0", 3, SLEEP), Reply("0", 8, None)
    replay = Replay([intent, reply, Intent("1", 9, SLEEP)])
    assert replay.intent("0", SLEEP) == intent
    assert replay.reply("0") == reply
    assert replay.reply("1") is None
    assert replay.intent("2", SLEEP) is None


def test_the_order_of_an_effects_fields_does_not_matter():
    replay = Replay([Intent("0", 3, SLEEP)])
    assert replay.intent("0", {"duration_ms": 5, "name": "time.sleep"}) is not None


def test_another_effect_in_the_same_place_is_a_divergence():
    replay = Replay([Intent("0", 3, SLEEP)])
    with pytest.raises(InvariantError) as caught:
        replay.intent("0", {"name": "time.now"})
    assert caught.value.code == "journal.divergence"
    assert caught.value.facts == {
        "key": "0",
        "expected": '{"duration_ms": 5, "name": "time.sleep"}',
        "got": '{"name": "time.now"}',
    }


def test_an_early_end_is_a_divergence():
    replay = Replay([Intent("0", 3, SLEEP)])
    replay.end("1")
    with pytest.raises(InvariantError) as caught:
        replay.end("0")
    assert (caught.value.code, caught.value.facts["got"]) == ("journal.divergence", "the end")

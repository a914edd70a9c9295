"""Why something happened: every chain leads back to the beginning, and every record can be said in words."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from qke_core.errors import InputError
from qke_sim.scenario import RunResult, load_story, run_story
from qke_sim.trace import KINDS, TraceRecord, causes, explain

SCENARIOS = sorted((Path(__file__).parents[4] / "scenarios").glob("*.yaml"))


@cache
def run(path: Path) -> RunResult:
    return run_story(load_story(path))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_record_of_a_scenario_is_caused_in_the_end_by_its_beginning(path: Path) -> None:
    records = run(path).records
    assert [record.seq for record in records] == list(range(len(records)))
    assert [record.seq for record in records if record.cause is None] == [0]
    for record in records:
        chain = causes(records, record.seq)
        assert chain[0].seq == 0
        assert chain[-1] is record
        assert [link.seq for link in chain] == sorted({link.seq for link in chain})
        assert [link.t for link in chain] == sorted(link.t for link in chain)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_record_of_a_scenario_can_be_said_in_words(path: Path) -> None:
    for record in run(path).records:
        sentence = explain(record)
        assert sentence
        assert not re.search(r"[{}]|\bNone\b", sentence), sentence


UNSEEN = {
    *("alarm.changed", "claim.deleted", "disk.full", "fault.missed", "master.left", "node.silent", "object.changed"),
    *("certificate.ended", "docker.pruned", "notification.posted", "pod.pending", "revive.cut", "service.withdrawn"),
}
"""Kinds that no scenario needs to show; unit tests do."""


def test_the_scenarios_together_show_nearly_every_kind() -> None:
    shown = {record.kind for path in SCENARIOS for record in run(path).records}
    assert set(KINDS) - shown <= UNSEEN


def test_every_sentence_names_only_what_a_record_can_have() -> None:
    """A field of a sentence is `subject` or a data name; its placeholders are plain names."""
    for kind, row in KINDS.items():
        fields = re.findall(r"\{([^}]*)\}", row.sentence)
        assert all(field.isidentifier() for field in fields), kind
        record = TraceRecord(0, 0, kind, "shop", None, dict.fromkeys(fields, "x"))
        assert "{" not in explain(record)


def test_lists_and_absent_values_read_as_words() -> None:
    planned = TraceRecord(0, 1, "operator.planned", "shop", 0, {"path": ["1.0.1", "2.0.0"]})
    assert explain(planned) == "the operator planned the way of shop: 1.0.1, 2.0.0"
    changed = {"field": "transition_status", "before": "", "after": "updating"}
    record = TraceRecord(0, 2, "cluster.changed", "shop", 1, changed)
    assert explain(record) == "cluster shop: transition_status went from nothing to updating"
    assert explain(TraceRecord(0, 1, "operator.planned", "shop", 0, {"path": []})).endswith(": none")


def test_braces_in_data_are_not_read_as_fields() -> None:
    record = TraceRecord(0, 1, "pod.deleted", "shop/{subject}", 0, {"why": "{why} {0}"})
    assert explain(record) == "pod shop/{subject} was deleted: {why} {0}"


@pytest.mark.parametrize("seq", [-1, 10**6])
def test_a_record_that_is_not_there_is_refused_with_the_numbers_that_are(seq: int) -> None:
    records = run(SCENARIOS[0]).records
    with pytest.raises(InputError) as caught:
        causes(records, seq)
    assert caught.value.code == "trace.no-record"
    assert str(len(records) - 1) in caught.value.remedy

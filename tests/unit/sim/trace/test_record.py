"""The trace: numbered records, one digest, and a text form that reads back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qke_core.errors import InputError, InvariantError
from qke_sim.scenario import RunResult, Story, run_story
from qke_sim.trace import KINDS, Trace, TraceRecord, digest_of, parse_trace

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
records = st.builds(
    TraceRecord,
    st.integers(0, 10**12),
    st.integers(0, 10**6),
    st.sampled_from(sorted(KINDS)),
    texts,
    st.none() | st.integers(0, 10**6),
    st.dictionaries(texts, json_values, max_size=4),
)


@given(written=st.lists(records, max_size=5))
def test_a_written_trace_reads_back_the_same(written: list[TraceRecord]) -> None:
    text = "".join(f"{record.render()}\n" for record in written)
    assert parse_trace(text, "trace.jsonl") == written


@given(record=records)
def test_a_record_is_one_line_with_its_data_in_alphabetical_order(record: TraceRecord) -> None:
    line = record.render()
    assert "\n" not in line
    shuffled = TraceRecord(
        record.t, record.seq, record.kind, record.subject, record.cause, dict(list(record.data.items())[::-1])
    )
    assert shuffled.render() == line


def test_a_name_with_an_exotic_line_separator_stays_on_its_line() -> None:
    record = TraceRecord(0, 0, "pod.created", "shop/a\u2028b\x85c", None, {"by": "x\x0cy"})
    assert parse_trace(record.render() + "\n", "trace.jsonl") == [record]


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param("{", id="cut in the middle"),
        pytest.param("5", id="no object"),
        pytest.param('{"t":0}', id="fields missing"),
        pytest.param('{"t":"x","seq":0,"kind":"k","subject":"s","cause":null,"data":{}}', id="time is no number"),
        pytest.param("", id="empty line"),
    ],
)
def test_a_damaged_line_is_named_by_its_number(damaged: str) -> None:
    good = TraceRecord(0, 0, "run.ended", "x", None, {"reason": "r"}).render()
    with pytest.raises(InputError) as caught:
        parse_trace(f"{good}\n{damaged}\n{good}\n", "trace.jsonl")
    assert caught.value.code == "run.trace-damaged"
    assert caught.value.facts["line"] == 2


def test_records_count_from_0_and_carry_the_clock() -> None:
    now = [5]
    trace = Trace(lambda: now[0])
    first = trace.add("run.started", "run", None, scenario="s", seed=1)
    now[0] = 9
    second = trace.add("host.crashed", "shop/master1", first)
    assert [(record.seq, record.t, record.cause) for record in trace.records] == [(0, 5, None), (1, 9, 0)]
    assert (first, second, trace.count) == (0, 1, 2)


def test_an_unknown_kind_is_refused_and_nothing_is_recorded() -> None:
    trace = Trace(lambda: 0)
    before = trace.digest
    with pytest.raises(InvariantError, match=r"trace\.kind-unknown"):
        trace.add("host.melted", "shop/master1", None)
    assert (trace.count, trace.records, trace.digest) == (0, [], before)


def test_the_level_decides_what_is_kept_and_never_what_is_digested() -> None:
    full, summary = Trace(lambda: 0, "full"), Trace(lambda: 0, "summary")
    told: list[int] = []
    summary.observers.append(lambda record: told.append(record.seq))
    for trace in (full, summary):
        trace.add("host.crashed", "shop/master1", None)
        trace.add("pod.created", "shop/web-0", 0, by="the controller")
        trace.add("host.booted", "shop/master1", 0)
    assert full.digest == summary.digest == digest_of(full.records)
    assert [record.seq for record in full.records] == [0, 1, 2]
    assert [record.seq for record in summary.records] == [0, 2]
    assert told == [0, 1, 2]  # Observers hear everything.


def test_any_change_of_a_record_changes_the_digest() -> None:
    base = TraceRecord(1, 0, "host.crashed", "a", None, {"x": 1})
    others = [
        TraceRecord(2, 0, "host.crashed", "a", None, {"x": 1}),
        TraceRecord(1, 1, "host.crashed", "a", None, {"x": 1}),
        TraceRecord(1, 0, "host.booted", "a", None, {"x": 1}),
        TraceRecord(1, 0, "host.crashed", "b", None, {"x": 1}),
        TraceRecord(1, 0, "host.crashed", "a", 0, {"x": 1}),
        TraceRecord(1, 0, "host.crashed", "a", None, {"x": 2}),
    ]
    assert len({digest_of([record]) for record in [base, *others]}) == 7


def test_a_run_keeps_less_at_level_summary_and_digests_the_same(story_of: Callable[..., Story]) -> None:
    story = story_of(timeline=[{"at": "10m", "cluster": "shop", "upgrade": {"to": "2.0.0"}}])
    full: RunResult = run_story(story)
    summary = run_story(story, level="summary")
    assert full.digest == summary.digest == digest_of(full.records)
    assert summary.records == [record for record in full.records if KINDS[record.kind].brief]
    assert full.record_count == summary.record_count == len(full.records)
    assert full.state == summary.state

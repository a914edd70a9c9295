"""Parsing is the inverse of rendering: durations, sizes, journal records, errors."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from qke_core.errors import InputError, InvariantError, QkeError, RefusedError, RemoteError, StuckError
from qke_core.journal import Intent, Reply, error_from_json, error_to_json, parse_record, render_record
from qke_core.units import (
    DURATION_PATTERN,
    SIZE_PATTERN,
    parse_duration,
    parse_size,
    render_duration,
    render_rough,
    render_size,
)

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
plain: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)
effects = st.dictionaries(st.text(), plain, max_size=4)
keys = st.lists(st.integers(0, 99), min_size=1, max_size=5).map(lambda parts: ".".join(map(str, parts)))
instants = st.integers(0, 10**12)

facts = st.dictionaries(st.text(), st.text() | st.integers() | st.booleans(), max_size=3)
plain_errors: st.SearchStrategy[QkeError] = st.builds(
    lambda kind, *parts: kind(*parts),
    st.sampled_from([InputError, RefusedError, StuckError, InvariantError]),
    *(st.text(), st.text(), st.text(), facts),
)
remote_errors: st.SearchStrategy[QkeError] = st.builds(
    RemoteError, *(st.text(), st.text(), st.text(), facts), retry=st.booleans(), in_doubt=st.booleans()
)
errors = plain_errors | remote_errors
records = (
    st.builds(Intent, keys, instants, effects)
    | st.builds(Reply, keys, instants, plain)
    | st.builds(Reply, keys, instants, st.none(), errors.map(error_to_json))
)

durations = (
    st.tuples(
        *(
            st.just("") | st.integers(0, 9999).map(lambda count, unit=unit: f"{count}{unit}")
            for unit in ["d", "h", "m", "s", "ms"]
        )
    )
    .map("".join)
    .filter(bool)
)
duration_like = st.from_regex(re.compile(r"(\d{1,5}(d|h|ms|m|s)){0,6}", re.ASCII), fullmatch=True) | st.text()


@given(st.integers(0, 10**12))
def test_a_written_duration_is_read_back(ms: int):
    assert parse_duration(render_duration(ms)) == ms


@given(durations)
@example("0s")
@example("60s")
@example("1d1h1m1s1ms")
def test_a_read_duration_means_what_its_rendering_means(text: str):
    ms = parse_duration(text)
    assert parse_duration(render_duration(ms)) == ms


@given(duration_like)
def test_the_published_pattern_of_durations_accepts_what_the_reader_accepts(text: str):
    try:
        parse_duration(text)
        accepted = True
    except ValueError:
        accepted = False
    # JSON Schema patterns know no line break before the end and no digits but 0 to 9.
    assert accepted == bool(re.search(DURATION_PATTERN.replace("$", r"\Z"), text, re.ASCII))


@given(st.integers(0, 10**12))
def test_a_written_size_is_read_back(mib: int):
    assert parse_size(render_size(mib)) == mib
    assert re.search(SIZE_PATTERN, render_size(mib))


@given(st.integers(0, 10**6), st.sampled_from(["MiB", "GiB", "TiB"]))
def test_a_read_size_means_what_its_rendering_means(count: int, unit: str):
    assert parse_size(render_size(parse_size(f"{count}{unit}"))) == parse_size(f"{count}{unit}")


def rough_ms(text: str) -> int:
    """Read a rough duration back, tenths of a second included."""
    parts = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)(?:\.(\d))?s)?", text)
    assert parts
    hours, minutes, seconds, tenths = (int(part or 0) for part in parts.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + tenths * 100


@given(st.integers(0, 10**9))
@example(59_950)
@example(59_999)
@example(3_599_500)
def test_a_rough_duration_is_near_and_never_shows_sixty_of_a_unit(ms: int):
    text = render_rough(ms)
    # Half of the smaller unit shown; hours are rounded twice, to seconds and to minutes.
    off_by_ms = 50 if ms < 59_950 else 500 if ms < 3_599_500 else 30_500
    assert abs(rough_ms(text) - ms) <= off_by_ms
    assert not re.search(r"(?<!\d)60(\.\d)?s|h60m|^60m", text)


@given(records)
def test_a_written_record_is_read_back(record: Intent | Reply):
    line = render_record(record)
    assert parse_record(line) == record
    assert "\n" not in line
    assert "\r" not in line


@given(records, st.data())
def test_a_cut_record_is_never_taken_for_a_whole_one(record: Intent | Reply, data: st.DataObject):
    line = render_record(record)
    cut = line[: data.draw(st.integers(0, len(line) - 1))]
    try:
        parse_record(cut)
    except InvariantError as error:
        assert error.code == "journal.damaged"  # noqa: PT017 - the absence of an error fails below
    else:
        raise AssertionError(cut)


@given(errors)
def test_a_journaled_error_is_read_back(error: QkeError):
    again = error_from_json(parse_error_record(error))
    assert type(again) is type(error)
    assert again.args[:4] == error.args[:4]
    assert again.facts == error.facts


def parse_error_record(error: QkeError):
    record = parse_record(render_record(Reply("0", 0, None, error_to_json(error))))
    assert isinstance(record, Reply)
    assert record.error is not None
    return record.error

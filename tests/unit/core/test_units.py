"""Do durations and sizes say what they mean, and is a number without a unit refused?"""

from __future__ import annotations

import re

import pytest

from qke_core.units import (
    DURATION_PATTERN,
    SIZE_PATTERN,
    parse_duration,
    parse_size,
    render_clock,
    render_duration,
    render_rough,
    render_size,
)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0s", 0),
        ("250ms", 250),
        ("90s", 90_000),
        ("6m", 360_000),
        ("1h30m", 5_400_000),
        ("2d1ms", 172_800_001),
        ("1m500ms", 60_500),
        ("90m", 5_400_000),
    ],
)
def test_a_duration_is_read(text: str, ms: int):
    assert parse_duration(text) == ms
    assert re.search(DURATION_PATTERN, text)


@pytest.mark.parametrize("text", ["", "s", "1", "1 s", "-1s", "1.5h", "1s1m", "1h1h", "1S", "1s\n", "\u0663s", "m5"])
def test_what_is_no_duration_is_refused(text: str):
    with pytest.raises(ValueError, match="is not a duration: "):
        parse_duration(text)


def test_a_bare_number_is_told_its_units():
    with pytest.raises(ValueError, match="'90' is not a duration: write 90s, 90m or 90h"):
        parse_duration("90")


def test_the_empty_text_fits_no_pattern():
    assert not re.search(DURATION_PATTERN, "")
    assert not re.search(SIZE_PATTERN, "")


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0s"), (1, "1ms"), (90_000, "1m30s"), (5_400_000, "1h30m"), (86_400_000, "1d"), (-1_500, "-1s500ms")],
)
def test_a_duration_is_written(ms: int, text: str):
    assert render_duration(ms) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (49, "0s"),
        (50, "0.1s"),
        (12_300, "12.3s"),
        (59_949, "59.9s"),
        (59_950, "1m00s"),
        (245_000, "4m05s"),
        (3_599_499, "59m59s"),
        (3_599_500, "1h00m"),
        (4_320_000, "1h12m"),
        (172_800_000, "48h00m"),
    ],
)
def test_a_rough_duration_has_two_units_at_most(ms: int, text: str):
    assert render_rough(ms) == text


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "00:00:00"), (999, "00:00:00"), (61_000, "00:01:01"), (90_061_000, "25:01:01")]
)
def test_a_clock_counts_hours_past_a_day(ms: int, text: str):
    assert render_clock(ms) == text


@pytest.mark.parametrize(
    ("text", "mib", "shown"),
    [
        ("1MiB", 1, "1MiB"),
        ("40GiB", 40_960, "40GiB"),
        ("51200MiB", 51_200, "50GiB"),
        ("51201MiB", 51_201, "51201MiB"),
        ("2TiB", 2_097_152, "2TiB"),
        ("0GiB", 0, "0MiB"),
    ],
)
def test_a_size_is_read_and_written(text: str, mib: int, shown: str):
    assert parse_size(text) == mib
    assert render_size(mib) == shown
    assert re.search(SIZE_PATTERN, text)


@pytest.mark.parametrize("text", ["", "40", "40G", "40GB", "40 GiB", "-1GiB", "1.5GiB", "GiB", "40gib", "\u0664GiB"])
def test_what_is_no_size_is_refused(text: str):
    with pytest.raises(ValueError, match="is not a size: write it like"):
        parse_size(text)

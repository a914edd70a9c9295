"""A series on the wire, and what a client makes of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qke_core.effects import Json
from qke_sim.cloud.series import compress


def expand(data: list[Json], step_s: int) -> list[tuple[int, Json]]:
    """Read a series as the public clients do: valid samples with their times."""
    found: list[tuple[int, Json]] = []
    holes = 0
    for item in data:
        if item == "NA":
            holes += 1
        elif isinstance(item, list) and len(item) == 2 and isinstance(item[0], int):
            found.append((item[0] if not found else found[-1][0] + item[0], item[1]))
            holes = 0
        else:
            found.append((found[-1][0] + (holes + 1) * step_s, item))
            holes = 0
    return found


def test_the_first_sample_carries_its_time_and_the_others_follow_by_step():
    assert compress([(60, None), (120, 5), (180, 6), (240, 7)], 60) == [[120, 5], 6, 7]


def test_a_short_gap_is_a_hole_and_a_long_one_an_offset():
    assert compress([(0, 1), (60, None), (120, 2)], 60) == [[0, 1], "NA", 2]
    assert compress([(0, 1), *((60 * place, None) for place in range(1, 6)), (360, 2)], 60) == [[0, 1], [360, 2]]


def test_nothing_valid_is_an_empty_series():
    assert compress([(0, None), (60, None)], 60) == []


@given(st.lists(st.none() | st.integers(0, 1000), max_size=60), st.sampled_from([60, 300, 900]))
def test_every_valid_sample_comes_back_at_its_time(values: list[int | None], step_s: int):
    samples: list[tuple[int, Json]] = [(1_600_000_000 + place * step_s, value) for place, value in enumerate(values)]
    assert expand(compress(samples, step_s), step_s) == [sample for sample in samples if sample[1] is not None]

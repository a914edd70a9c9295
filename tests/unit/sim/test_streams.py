"""Luck that repeats: by seed, by name, and by nothing else."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qke_core.catalog import Basis, Duration, catalog
from qke_sim.streams import Streams

names = st.text(max_size=12)
seeds = st.integers(min_value=-(2**40), max_value=2**70)


def duration_of(low: int, mode: int, high: int, spread: int | None = None) -> Duration:
    return Duration("work", low, mode, high, spread, Basis.ASSUMED, "test", "")


@st.composite
def durations(draw: st.DrawFn) -> Duration:
    low, mode, high = sorted(draw(st.lists(st.integers(0, 10_000_000), min_size=3, max_size=3)))
    return duration_of(low, mode, high)


def test_the_first_draws_of_seed_7_never_change() -> None:
    """Pinned: a change here changes every recorded run."""
    streams = Streams(7)
    assert [streams.unit("a") for _ in range(3)] == [0.04266546631807011, 0.46171523190235986, 0.7222098830152553]
    assert streams.unit("b") == 0.33713578826979596
    restart = catalog().duration("etcd-restart")
    assert [streams.draw("shop/master1", restart) for _ in range(3)] == [10417, 7280, 9875]
    backup = catalog().duration("back-up-files")
    assert [streams.draw_alike("shop", f"shop/m{n}", backup) for n in range(3)] == [227804, 239921, 246222]


@given(seed=seeds, name=names, count=st.integers(1, 5))
def test_same_seed_and_name_give_the_same_draws(seed: int, name: str, count: int) -> None:
    one, two = Streams(seed), Streams(seed)
    assert [one.unit(name) for _ in range(count)] == [two.unit(name) for _ in range(count)]


@given(seed=seeds, name=names)
def test_a_draw_lies_from_0_to_below_1_and_does_not_repeat(seed: int, name: str) -> None:
    streams = Streams(seed)
    drawn = [streams.unit(name) for _ in range(20)]
    assert all(0 <= luck < 1 for luck in drawn)
    assert len(set(drawn)) == 20


def test_another_seed_or_another_name_gives_other_luck() -> None:
    assert Streams(1).unit("a") != Streams(2).unit("a")
    assert Streams(1).unit("a") != Streams(1).unit("b")


@given(seed=seeds, order=st.permutations(["a", "a", "a", "b", "b", "new"]))
def test_adding_a_stream_and_any_order_of_drawing_shift_nobody_elses_luck(seed: int, order: list[str]) -> None:
    alone = {name: [Streams(seed).unit(name)] for name in order}
    for name in alone:
        lonely = Streams(seed)
        alone[name] = [lonely.unit(name) for _ in range(order.count(name))]
    together = Streams(seed)
    drawn: dict[str, list[float]] = {name: [] for name in order}
    for name in order:
        drawn[name].append(together.unit(name))
    assert drawn == alone


@given(seed=seeds, name=names, duration=durations())
def test_a_drawn_duration_lies_between_min_and_max(seed: int, name: str, duration: Duration) -> None:
    streams = Streams(seed)
    for _ in range(5):
        assert duration.min_ms <= streams.draw(name, duration) <= duration.max_ms


@pytest.mark.parametrize("name", sorted(catalog().durations))
def test_every_duration_of_the_catalogue_is_drawn_within_its_bounds_and_around_its_mean(name: str) -> None:
    """A triangular distribution has mean (min + mode + max) / 3 and at most a variance of (max - min)^2 / 18."""
    duration, streams = catalog().duration(name), Streams(11)
    drawn = [streams.draw("thing", duration) for _ in range(400)]
    assert all(duration.min_ms <= ms <= duration.max_ms for ms in drawn)
    mean = (duration.min_ms + duration.mode_ms + duration.max_ms) / 3
    five_sigma = 5 * (duration.max_ms - duration.min_ms) / (18 * len(drawn)) ** 0.5
    assert abs(sum(drawn) / len(drawn) - mean) <= five_sigma


def test_the_triangle_has_its_mode_where_it_says() -> None:
    """The share below the mode is (mode - min) / (max - min): 0.25 here."""
    streams, skewed = Streams(5), duration_of(0, 250, 1000)
    below = sum(streams.draw("thing", skewed) <= 250 for _ in range(2000)) / 2000
    assert 0.2 < below < 0.3


def test_a_fixed_duration_draws_no_luck() -> None:
    streams = Streams(7)
    assert streams.draw("a", duration_of(5, 5, 5)) == 5
    assert streams.unit("a/work") == Streams(7).unit("a/work")


@given(seed=seeds, spread=st.integers(0, 40), rounds=st.integers(1, 4))
def test_members_of_a_group_share_a_draw_and_differ_by_at_most_the_spread(seed: int, spread: int, rounds: int) -> None:
    duration = duration_of(10_000, 50_000, 90_000, spread)
    streams, bare = Streams(seed), Streams(seed)
    for _ in range(rounds):
        common = bare.draw("shop", duration_of(10_000, 50_000, 90_000))
        for member in ("shop/a", "shop/b", "shop/c"):
            drawn = streams.draw_alike("shop", member, duration)
            assert abs(drawn - common) * 100 <= common * spread + 100  # Rounded down to a whole millisecond.


@given(seed=seeds, order=st.permutations(["a", "b", "a", "b", "c"]))
def test_who_draws_first_makes_no_difference_to_a_shared_draw(seed: int, order: list[str]) -> None:
    duration = duration_of(10_000, 50_000, 90_000, 10)

    def drawn_in(order: list[str]) -> dict[str, list[int]]:
        streams = Streams(seed)
        found: dict[str, list[int]] = {}
        for member in order:
            found.setdefault(member, []).append(streams.draw_alike("shop", member, duration))
        return found

    assert drawn_in(order) == drawn_in(sorted(order))


def test_without_a_spread_every_member_has_luck_of_its_own() -> None:
    streams, duration = Streams(7), duration_of(0, 500_000, 1_000_000)
    drawn = [streams.draw_alike("shop", f"shop/{n}", duration) for n in range(4)]
    assert all(one != two for one, two in pairwise(drawn))
    assert drawn[0] == Streams(7).draw("shop/0", duration)

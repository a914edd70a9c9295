"""The instants of verdicts are those that a check every minute would find."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from qke_core.catalog import operations
from qke_core.health import NodeHealth, Verdict

END_MS = 3_600_000
TURNS = st.lists(
    st.tuples(st.one_of(st.integers(0, END_MS), st.integers(0, 60).map(lambda minute: minute * 60_000)), st.booleans()),
    max_size=14,
    unique_by=lambda turn: turn[0],
).map(sorted)


def node(first_ms: int) -> NodeHealth:
    check = operations().health_check("master", "2.0.0")
    assert check is not None
    return NodeHealth(check, first_ms)


def ticking(turns: list[tuple[int, bool]], first_ms: int) -> Iterator[tuple[int, Verdict]]:
    """A check every 60 s, with nothing but two counters."""
    fails = passes = 0
    healthy = True
    for now in range(first_ms, END_MS + 1, 60_000):
        if next((passing for at, passing in reversed(turns) if at <= now), True):
            fails, passes = 0, passes + 1
            if not healthy and passes >= 3:
                healthy = True
                yield now, "healthy"
        else:
            fails, passes = fails + 1, 0
            if fails % 3 == 0:
                yield now, "unhealthy" if healthy else "still-unhealthy"
                healthy = False


def computed(turns: list[tuple[int, bool]], first_ms: int) -> Iterator[tuple[int, Verdict]]:
    """Wake up at turns and at the instants that are due, and at no other."""
    watched, rest = node(first_ms), list(turns)
    while True:
        due = watched.due_ms()
        if rest and (due is None or rest[0][0] <= due):
            now, passing = rest.pop(0)
            watched.turn(now, passing=passing)
        elif due is None or due > END_MS:
            return
        else:
            verdict = watched.look(due)
            assert verdict
            yield due, verdict


@given(TURNS, st.integers(0, 59_999))
def test_verdicts_come_when_a_check_every_minute_would_bring_them(turns: list[tuple[int, bool]], first_ms: int):
    assert list(computed(turns, first_ms)) == list(ticking(turns, first_ms))


@given(st.integers(0, 59_999))
def test_a_node_without_a_fault_is_never_due(first_ms: int):
    assert node(first_ms).due_ms() is None


@given(st.integers(0, END_MS), st.integers(0, 59_999))
def test_the_third_failure_comes_two_to_three_minutes_after_the_fault(at: int, phase: int):
    watched = node(phase)
    watched.turn(at, passing=False)
    due = watched.due_ms()
    assert due is not None
    assert 120_000 <= due - max(at, phase) < 180_000

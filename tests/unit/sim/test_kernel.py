"""Integer time, settled instants, and runs that end when nothing is left to happen."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qke_core.errors import InvariantError
from qke_sim.kernel import Kernel, Process, Signal, callbacks_of


def note(kernel: Kernel) -> None:
    """Record something: only instants with a record are settled."""
    kernel.trace.add("listener.fixed", "shop", 0, scene=11)


def test_time_is_an_integer_and_does_not_drift(kernel: Kernel) -> None:
    def ticks() -> Process[None]:
        for _ in range(10):
            yield kernel.pause(100)

    kernel.spawn(ticks())
    assert kernel.run(10_000)
    assert kernel.now == 1000
    assert isinstance(kernel.now, int)


def test_a_run_ends_when_nothing_is_going_on_though_timers_are_left(kernel: Kernel) -> None:
    def short() -> Process[None]:
        kernel.pause(5000)  # Nobody waits for it.
        yield kernel.pause(10)

    kernel.spawn(short())
    assert kernel.run(10_000)
    assert kernel.now == 10


def test_a_run_that_does_not_end_is_cut_at_its_limit(kernel: Kernel) -> None:
    def endless() -> Process[None]:
        while True:
            yield kernel.pause(300)

    kernel.spawn(endless())
    assert not kernel.run(1000)
    assert kernel.now == 1000


def test_what_happens_at_the_limit_itself_still_happens(kernel: Kernel) -> None:
    seen: list[int] = []
    kernel.later(1000, lambda: seen.append(kernel.now))
    kernel.later(1001, lambda: seen.append(kernel.now))
    assert not kernel.run(1000)
    assert seen == [1000]


def test_a_run_that_nobody_began_anything_in_ends_at_0(kernel: Kernel) -> None:
    assert kernel.run(1000)
    assert kernel.now == 0


def test_later_keeps_the_run_going_and_actions_may_begin_others(kernel: Kernel) -> None:
    seen: list[int] = []

    def again() -> None:
        seen.append(kernel.now)
        if len(seen) < 3:
            kernel.later(50, again)

    kernel.later(50, again)
    assert kernel.run(10_000)
    assert seen == [50, 100, 150]


def test_housekeeping_is_done_when_the_run_gets_there_and_keeps_none_going(kernel: Kernel) -> None:
    done: list[int] = []
    kernel.housekeeping(50, lambda: done.append(kernel.now))
    kernel.housekeeping(500, lambda: done.append(kernel.now))
    kernel.later(100, lambda: None)
    assert kernel.run(10_000)
    assert (kernel.now, done) == (100, [50])


def test_what_housekeeping_begins_is_something_going_on(kernel: Kernel) -> None:
    done: list[int] = []
    kernel.housekeeping(50, lambda: kernel.later(1000, lambda: done.append(kernel.now)))
    kernel.later(100, lambda: None)
    assert kernel.run(10_000)
    assert done == [1050]


def test_watchers_look_once_at_the_end_of_each_instant_that_recorded_something(kernel: Kernel) -> None:
    seen: list[tuple[int, int]] = []
    kernel.on_settle.append(lambda: seen.append((kernel.now, kernel.trace.count)))
    for ms in (10, 10, 20, 30):
        kernel.later(ms, lambda: note(kernel) if kernel.now != 20 else None)
    kernel.run(1000)
    assert seen == [(0, 1), (10, 3), (30, 4)]


def test_watchers_never_see_an_instant_half_way(kernel: Kernel) -> None:
    """A change that takes three events of one instant is seen whole."""
    state: list[str] = []
    seen: list[str] = []

    def change() -> Process[None]:
        yield kernel.pause(10)
        for letter in "abc":
            state.append(letter)
            note(kernel)
            yield kernel.pause(0)

    kernel.spawn(change())
    kernel.on_settle.append(lambda: seen.append("".join(state)))
    kernel.run(1000)
    assert seen == ["", "abc"]


def test_what_a_watcher_begins_at_the_last_instant_is_run_and_watched_too(kernel: Kernel) -> None:
    """A fault may strike when the last expression becomes true: the run goes on from there, instant by instant."""
    seen: list[int] = []

    def begin() -> None:
        note(kernel)
        kernel.later(100, lambda: note(kernel))

    def watch() -> None:
        seen.append(kernel.now)
        if kernel.now == 10:
            kernel.later(5, begin)

    kernel.on_settle.append(watch)
    kernel.later(10, lambda: note(kernel))
    assert kernel.run(1_000_000)
    assert seen == [0, 10, 15, 115]
    assert kernel.now == 115


def test_a_signal_wakes_everybody_who_waits_and_tells_the_cause(kernel: Kernel) -> None:
    signal = Signal(kernel)
    woken: list[tuple[str, int, int]] = []

    def wait(name: str) -> Process[None]:
        for _ in range(2):
            value = yield signal.next()
            woken.append((name, kernel.now, value.cause))

    kernel.spawn(wait("a"))
    kernel.spawn(wait("b"))
    kernel.later(10, lambda: signal.fire(41))
    kernel.later(20, lambda: signal.fire(42))
    assert kernel.run(1000)
    assert woken == [("a", 10, 41), ("b", 10, 41), ("a", 20, 42), ("b", 20, 42)]


def test_a_signal_that_nobody_waits_for_is_lost(kernel: Kernel) -> None:
    signal = Signal(kernel)
    kernel.later(10, lambda: signal.fire(1))

    def late() -> Process[int]:
        yield kernel.pause(20)
        yield signal.next()
        return 1

    kernel.spawn(late())
    assert not kernel.run(1000)


def test_waiting_for_what_is_over_is_a_bug(kernel: Kernel) -> None:
    event = kernel.pause(1)
    kernel.later(2, lambda: None)
    kernel.run(10)
    with pytest.raises(InvariantError, match=r"kernel\.event-over"):
        callbacks_of(event)


def test_the_value_of_a_process_is_what_it_returns(kernel: Kernel, finished: Callable[..., object]) -> None:
    def answer() -> Process[int]:
        yield kernel.pause(3)
        return 42

    assert finished(kernel, answer()) == 42

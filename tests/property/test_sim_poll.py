"""A poll that is computed ends as a poll that is run: same instant, same code, same number of looks.

The reference below looks at every interval, as the product's scripts do. Histories are drawn: a code that changes at
given instants, seen through one or two signals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from hypothesis import example, given
from hypothesis import strategies as st

from qke_core.catalog import Basis, Budget
from qke_sim.kernel import Kernel, PollResult, Process, Signal, poll

CODES = (0, 1, 128, 130, 132)


@dataclass(frozen=True)
class History:
    """What a check finds: `first`, and from each instant on another code."""

    first: int
    changes: tuple[tuple[int, int], ...] = ()


@dataclass
class Ended:
    """How a wait ended, when, and the codes it reacted to."""

    result: PollResult | None = None
    at_ms: int = -1
    told: list[int] = field(default_factory=list[int])


def budget_of(attempts: int, interval_ms: int, stop_codes: tuple[int, ...] = (), *, final_sleep: bool = True) -> Budget:
    return Budget(
        name="wait",
        attempts=attempts,
        interval_ms=interval_ms,
        on_exhausted="last",
        code=None,
        stop_codes=stop_codes,
        requires_ready=False,
        final_sleep=final_sleep,
        basis=Basis.ASSUMED,
        source="test",
    )


def look_every_time(
    kernel: Kernel, check: Callable[[], int], budget: Budget, check_ms: int, react: Callable[[int], None]
) -> Process[PollResult]:
    """The reference: what `for try in $(seq N); do check && break; sleep S; done` does."""
    code = 0
    for look in range(1, budget.attempts + 1):
        code = check()
        if code == 0 or code in budget.stop_codes:
            yield kernel.pause(check_ms)
            return PollResult(code, look, 0, exhausted=False)
        react(code)
        yield kernel.pause(check_ms)
        if look < budget.attempts or budget.final_sleep:
            yield kernel.pause(budget.interval_ms)
    return PollResult(code, budget.attempts, 0, exhausted=True)


def ended(history: History, budget: Budget, check_ms: int, start_ms: int, signals: int) -> Ended:
    """Run one wait on a history; with no signals the reference, else the real one."""
    kernel, found, now = Kernel(1), Ended(), [history.first]
    kernel.trace.add("run.started", "test", None, scenario="test", seed=1)
    fired = [Signal(kernel) for _ in range(signals)]
    for number, (at_ms, code) in enumerate(history.changes):

        def change(number: int = number, code: int = code) -> None:
            now[0] = code
            if fired:
                fired[number % len(fired)].fire(kernel.trace.add("listener.fixed", "shop", 0, scene=number))

        kernel.later(at_ms, change)

    def wait() -> Process[None]:
        yield kernel.pause(start_ms)
        if fired:
            process = poll(kernel, lambda: now[0], fired, budget, check_ms, 0, found.told.append)
        else:
            process = look_every_time(kernel, lambda: now[0], budget, check_ms, found.told.append)
        found.result = yield from process
        found.at_ms = kernel.now

    kernel.spawn(wait())
    kernel.run(10**9)
    return found


@st.composite
def histories(draw: st.DrawFn) -> History:
    instants = draw(st.lists(st.integers(0, 400), max_size=8))
    codes = draw(st.lists(st.sampled_from(CODES), min_size=len(instants), max_size=len(instants)))
    return History(draw(st.sampled_from(CODES)), tuple(zip(sorted(instants), codes, strict=True)))


budgets = st.builds(
    budget_of,
    st.integers(1, 12),
    st.integers(1, 40),
    st.sampled_from([(), (130,), (130, 132)]),
    final_sleep=st.booleans(),
)


def compare(history: History, budget: Budget, check_ms: int, start_ms: int, signals: int) -> tuple[Ended, Ended]:
    slow = ended(history, budget, check_ms, start_ms, signals=0)
    fast = ended(history, budget, check_ms, start_ms, signals)
    assert slow.result is not None
    assert fast.result is not None
    assert (fast.at_ms, fast.result.code, fast.result.looks, fast.result.exhausted) == (
        slow.at_ms,
        slow.result.code,
        slow.result.looks,
        slow.result.exhausted,
    )
    return slow, fast


@given(
    history=histories(),
    budget=budgets,
    check_ms=st.integers(0, 9),
    start_ms=st.integers(0, 30),
    signals=st.integers(1, 2),
)
@example(History(1, ((10, 0),)), budget_of(5, 8), 2, 0, 1)  # The change comes at the very instant of a look.
@example(History(1, ((11, 0),)), budget_of(2, 8), 2, 0, 1)  # It comes right after the last look.
@example(History(1, ((3, 0), (4, 1))), budget_of(5, 8), 2, 0, 1)  # Good for a moment between two looks: nobody sees.
@example(History(1, ((3, 130),)), budget_of(5, 8, (130,)), 2, 0, 1)
@example(History(1), budget_of(1, 8), 2, 0, 1)
def test_a_computed_poll_ends_as_one_that_looks_every_time(
    history: History, budget: Budget, check_ms: int, start_ms: int, signals: int
) -> None:
    compare(history, budget, check_ms, start_ms, signals)


@given(history=histories(), budget=budgets, check_ms=st.integers(0, 9), start_ms=st.integers(0, 30))
def test_it_reacts_to_the_same_failures_in_the_same_order(
    history: History, budget: Budget, check_ms: int, start_ms: int
) -> None:
    """It is not told again of a failure that the look before found too."""
    slow, fast = compare(history, budget, check_ms, start_ms, 1)

    def without_repeats(told: Sequence[int]) -> list[int]:
        return [code for code, _ in groupby(told)]

    assert without_repeats(fast.told) == without_repeats(slow.told)
    assert len(fast.told) <= len(slow.told)


@given(budget=budgets, check_ms=st.integers(0, 9), start_ms=st.integers(0, 30))
def test_a_wait_in_vain_ends_when_its_budget_is_spent(budget: Budget, check_ms: int, start_ms: int) -> None:
    found = ended(History(1), budget, check_ms, start_ms, signals=1)
    assert found.result == PollResult(1, budget.attempts, 0, exhausted=True)
    assert found.at_ms == start_ms + budget.worst_ms(check_ms)
    if budget.final_sleep:
        assert found.at_ms == start_ms + budget.attempts * (budget.interval_ms + check_ms)


@given(code=st.sampled_from([130, 132]), at_look=st.integers(0, 5))
def test_a_stop_code_ends_the_wait_at_the_look_that_finds_it(code: int, at_look: int) -> None:
    history = History(131, ((at_look * 25, code),))
    found = ended(history, budget_of(18, 20, (130, 132)), 5, 0, signals=1)
    assert found.result is not None
    assert (found.result.code, found.result.looks, found.result.exhausted) == (code, at_look + 1, False)
    assert found.at_ms == at_look * 25 + 5


def test_what_changes_right_after_a_look_is_seen_by_the_next_one() -> None:
    """At the same instant, but later: the look has been made."""
    kernel, now = Kernel(1), [1]
    kernel.trace.add("run.started", "test", None, scenario="test", seed=1)
    signal = Signal(kernel)

    def change() -> None:
        now[0] = 0
        signal.fire(0)

    def check() -> int:
        found = now[0]
        kernel.later(0, change)
        return found

    waiting = kernel.spawn(poll(kernel, check, [signal], budget_of(5, 8), 2, 0))
    kernel.run(1000)
    assert waiting.value == PollResult(0, 2, 0, exhausted=False)
    assert kernel.now == 10 + 2


def test_the_wait_tells_which_change_ended_it() -> None:
    found = ended(History(1, ((30, 1), (60, 0))), budget_of(20, 8), 2, 0, signals=2)
    assert found.result is not None
    assert found.result.cause == 2  # Record 0 began the run, record 1 was the first change.


def test_a_poll_of_many_thousand_looks_costs_a_few_events() -> None:
    kernel = Kernel(1)
    looks: list[int] = []

    def check() -> int:
        looks.append(kernel.now)
        return 1

    kernel.spawn(poll(kernel, check, [Signal(kernel)], budget_of(18_000, 2000), 300, 0))
    kernel.run(10**9)
    assert kernel.now == 18_000 * 2300
    assert looks == [0, 17_999 * 2300]

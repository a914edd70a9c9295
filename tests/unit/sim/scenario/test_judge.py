"""The judge: each form of expectation, at the instant that decides it."""

from __future__ import annotations

from typing import Any

import pytest

from qke_sim.kernel import Kernel
from qke_sim.scenario.expressions import Expressions
from qke_sim.scenario.judge import Judge, Verdict, render_expectation
from qke_sim.scenario.measure import Measure, Value
from qke_sim.scenario.model import Expectation


class Court:
    """A kernel with one number `x` and a list `names`, and a judge over some expectations."""

    def __init__(self, kernel: Kernel, *expectations: dict[str, Any]) -> None:
        self.kernel = kernel
        self.state: dict[str, Value] = {"x": 0, "names": []}
        measures = {
            "x": Measure("x", "int", "a number", lambda: self.state["x"]),
            "names": Measure("names", "list", "some names", lambda: self.state["names"]),
        }
        wishes = tuple(Expectation.model_validate(wish) for wish in expectations)
        self.judge = Judge(kernel, Expressions(measures), wishes)

    def at(self, ms: int, x: int, event: str = "") -> None:
        """At `ms`, set `x`, and let an event happen."""

        def change() -> None:
            self.state["x"] = x
            self.kernel.trace.add("listener.fixed", "shop", 0, scene=x)
            if event:
                self.judge.event(event)

        self.kernel.later(ms, change)

    def verdicts(self) -> list[Verdict]:
        self.kernel.run(10**9)
        return self.judge.end()

    def verdict(self) -> tuple[bool, int, str]:
        (found,) = self.verdicts()
        return found.held, found.t, found.sentence


@pytest.mark.parametrize(
    ("wish", "changes", "decided"),
    [
        ({"always": "x < 3"}, [(5, 1), (10, 2)], (True, 10, "was true at every instant")),
        ({"always": "x < 3"}, [(5, 1), (10, 3), (15, 1)], (False, 10, "was false")),
        ({"always": "x > 0"}, [(5, 1)], (False, 0, "was false")),
        ({"never": "x == 3"}, [(5, 2), (10, 4)], (True, 10, "was false at every instant")),
        ({"never": "x == 3"}, [(5, 3), (10, 4)], (False, 5, "was true")),
        ({"eventually": "x == 3"}, [(5, 1), (10, 3), (15, 4)], (True, 10, "was true")),
        ({"eventually": "x == 0"}, [(5, 1)], (True, 0, "was true")),
        ({"eventually": "x == 3"}, [(5, 1)], (False, 5, "was never true")),
        ({"at_end": "x == 3"}, [(5, 3), (10, 4)], (False, 10, "was false at the end")),
        ({"at_end": "x == 4"}, [(5, 3), (10, 4)], (True, 10, "was true at the end")),
    ],
)
def test_each_form_is_decided_at_its_instant(
    kernel: Kernel, wish: dict[str, str], changes: list[tuple[int, int]], decided: tuple[bool, int, str]
) -> None:
    court = Court(kernel, wish)
    for ms, x in changes:
        court.at(ms, x)
    assert court.verdict() == decided


@pytest.mark.parametrize(("ms", "held"), [(9_999, True), (10_000, True), (10_001, False)])
def test_within_includes_its_last_instant(kernel: Kernel, ms: int, held: bool) -> None:  # noqa: FBT001 - parameter of a table
    court = Court(kernel, {"eventually": "x == 1", "within": "10s"})
    court.at(ms, 1)
    assert court.verdict() == (held, ms, "was true" if held else "was not true within 10s")


def test_a_deadline_that_passes_while_nothing_happens_is_noticed_at_the_next_record(kernel: Kernel) -> None:
    court = Court(kernel, {"eventually": "x == 1", "within": "10s"})
    court.at(60_000, 0)
    assert court.verdict() == (False, 60_000, "was not true within 10s")


def test_after_looks_only_from_its_event_on(kernel: Kernel) -> None:
    court = Court(kernel, {"never": "x == 1", "after": "upgrade.done"})
    court.at(5, 1)
    court.at(10, 2, "upgrade.done")
    court.at(15, 3)
    assert court.verdict() == (True, 15, "was false at every instant")


def test_after_includes_the_instant_of_its_event(kernel: Kernel) -> None:
    court = Court(kernel, {"never": "x == 1", "after": "upgrade.done"})
    court.at(10, 1, "upgrade.done")
    assert court.verdict() == (False, 10, "was true")


@pytest.mark.parametrize(("ms", "held"), [(15_000, True), (15_001, False)])
def test_within_counts_from_the_event_of_after(kernel: Kernel, ms: int, held: bool) -> None:  # noqa: FBT001 - parameter of a table
    court = Court(kernel, {"eventually": "x == 2", "within": "10s", "after": "upgrade.started"})
    court.at(1, 2)
    court.at(5_000, 1, "upgrade.started")
    court.at(ms, 2)
    assert court.verdict()[:2] == (held, ms)


def test_after_counts_from_the_first_event_of_its_name(kernel: Kernel) -> None:
    court = Court(kernel, {"eventually": "x == 2", "within": "10s", "after": "upgrade.asked"})
    court.at(5_000, 1, "upgrade.asked")
    court.at(14_000, 1, "upgrade.asked")
    court.at(20_000, 2)
    assert court.verdict()[0] is False


@pytest.mark.parametrize("form", ["always", "never", "eventually"])
def test_after_an_event_that_never_came_nothing_holds(kernel: Kernel, form: str) -> None:
    court = Court(kernel, {form: "x < 100", "after": "upgrade.failed"})
    court.at(5, 1)
    assert court.verdict() == (False, 5, "was never looked at: upgrade.failed did not happen")


def test_a_value_that_is_back_within_one_instant_was_never_there(kernel: Kernel) -> None:
    court = Court(kernel, {"never": "x == 1"})
    court.at(5, 1)
    court.at(5, 0)
    assert court.verdict()[0] is True


def test_each_expectation_is_decided_once_and_recorded_with_its_values(kernel: Kernel) -> None:
    court = Court(kernel, {"never": "x == 1"}, {"always": "x < 9"}, {"at_end": "x == 1 && names.size() == 0"})
    for ms in (5, 10, 15):
        court.at(ms, 1)
    first, second, third = court.verdicts()
    assert [verdict.held for verdict in (first, second, third)] == [False, True, True]
    assert third.values == {"x": 1, "names": []}
    decided = [record for record in kernel.trace.records if record.kind == "expectation.decided"]
    assert [(record.subject, record.t, record.data["held"]) for record in decided] == [
        ("#1", 5, False),
        ("#2", 15, True),
        ("#3", 15, True),
    ]
    assert decided[0].data["verdict"] == "broken at 00:00:00, was true"
    assert court.judge.end() == [first, second, third]


@pytest.mark.parametrize(
    ("wish", "shown"),
    [
        ({"always": "x < 3"}, "always x < 3"),
        ({"at_end": "x == 3"}, "at end x == 3"),
        (
            {"eventually": "x == 3", "within": "1h30m", "after": "upgrade.started"},
            "eventually x == 3 within 1h30m after upgrade.started",
        ),
    ],
)
def test_an_expectation_reads_as_it_was_meant(wish: dict[str, str], shown: str) -> None:
    assert render_expectation(Expectation.model_validate(wish)) == shown

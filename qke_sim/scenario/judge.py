"""The judge: watches a run from outside and decides its expectations, once per instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from qke_core.effects import Json
from qke_core.units import render_clock, render_duration, render_rough
from qke_sim.kernel import Kernel
from qke_sim.scenario.expressions import Expression, Expressions
from qke_sim.scenario.measure import Value
from qke_sim.scenario.model import Expectation


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one expectation.

    `t` is the deciding instant in virtual ms; `values` what the measurements it names were then.
    """

    title: str
    held: bool
    t: int
    sentence: str
    values: Mapping[str, Json]


@dataclass(slots=True)
class _Case:
    """One expectation under judgement. `since` is when looking began, None before its `after` event."""

    expectation: Expectation
    form: str
    expression: Expression
    since: int | None
    verdict: Verdict | None = None
    seen: Mapping[str, Value] | None = None


class Judge:
    """Judges all expectations of one run."""

    def __init__(self, kernel: Kernel, expressions: Expressions, expectations: tuple[Expectation, ...]) -> None:
        """Compile every expectation; look at each instant from now on."""
        self._kernel = kernel
        self._cases = [
            _Case(wish, wish.form, expressions.compile(wish.expression), None if wish.after else 0)
            for wish in expectations
        ]
        kernel.on_settle.append(self._look)

    def event(self, name: str) -> None:
        """An event happened that expectations may count from."""
        for case in self._cases:
            if case.expectation.after == name and case.since is None:
                case.since = self._kernel.now

    def end(self) -> list[Verdict]:
        """Decide what is still open; return all verdicts in the order of the file."""
        for place, case in enumerate(self._cases):
            if case.verdict is None:
                held, sentence = self._at_end(case)
                self._decide(place, case, held=held, sentence=sentence)
        return [case.verdict for case in self._cases if case.verdict is not None]

    def _look(self) -> None:
        for place, case in enumerate(self._cases):
            if case.verdict is None and case.since is not None and case.form != "at_end":
                self._judge(place, case)

    def _judge(self, place: int, case: _Case) -> None:
        form, within = case.form, case.expectation.within
        late = within is not None and case.since is not None and self._kernel.now > case.since + within
        if late:
            self._decide(place, case, held=False, sentence=f"was not true within {render_duration(within or 0)}")
            return
        values = case.expression.values()
        if values == case.seen:
            return  # The same values decide nothing new.
        case.seen = values
        holds = case.expression.holds(values)
        if form == "always" and not holds:
            self._decide(place, case, held=False, sentence="was false")
        elif form == "never" and holds:
            self._decide(place, case, held=False, sentence="was true")
        elif form == "eventually" and holds:
            self._decide(place, case, held=True, sentence="was true")

    def _at_end(self, case: _Case) -> tuple[bool, str]:
        form = case.form
        if case.since is None:
            return False, f"was never looked at: {case.expectation.after} did not happen"
        if form == "at_end":
            holds = case.expression.holds(case.expression.values())
            return holds, "was true at the end" if holds else "was false at the end"
        if form == "eventually":
            return False, "was never true"
        return True, "was true at every instant" if form == "always" else "was false at every instant"

    def _decide(self, place: int, case: _Case, *, held: bool, sentence: str) -> None:
        now = self._kernel.now
        values = {name: plain(value) for name, value in case.expression.values().items()}
        title = render_expectation(case.expectation)
        case.verdict = Verdict(title, held, now, sentence, values)
        verdict = f"{'held' if held else 'broken'} at {render_clock(now)}, {sentence}"
        self._kernel.trace.add("expectation.decided", f"#{place + 1}", 0, verdict=verdict, held=held, values=values)


def render_expectation(expectation: Expectation) -> str:
    """Write an expectation on one line, as people read it."""
    tail = f" within {render_duration(expectation.within)}" if expectation.within is not None else ""
    after = f" after {expectation.after}" if expectation.after is not None else ""
    return f"{expectation.form.replace('_', ' ')} {expectation.expression}{tail}{after}"


def plain(value: Value) -> Json:
    """Return a measurement's value as JSON data; durations as people read them."""
    return render_rough(value // timedelta(milliseconds=1)) if isinstance(value, timedelta) else value

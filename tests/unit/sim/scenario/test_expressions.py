"""Expressions over measurements: what they may name, what they cost when they are wrong, and what they read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qke_core.errors import InputError
from qke_sim.scenario.expressions import ExpressionError, Expressions, Flaw
from qke_sim.scenario.measure import Measure, TypeName, Value

VALUES: dict[str, tuple[TypeName, Value]] = {
    "now": ("duration", timedelta(minutes=5)),
    "shop.jobs": ("int", 2),
    "shop.job.status": ("string", "working"),
    "shop.api.available": ("bool", True),
    "shop.api.outage": ("duration", timedelta(seconds=20)),
    "upgrade.findings": ("list", ["upgrade.disk-short"]),
    "upgrade.status": ("string", "done"),
}


@pytest.fixture
def expressions() -> Expressions:
    def measure(name: str, kind: TypeName, value: Value) -> Measure:
        return Measure(name, kind, "test", lambda: value)

    return Expressions({name: measure(name, *typed) for name, typed in VALUES.items()})


def flaws(expressions: Expressions, text: str) -> list[Flaw]:
    with pytest.raises(ExpressionError) as caught:
        expressions.compile(text)
    return caught.value.flaws


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("true", True),
        ("shop.jobs == 2", True),
        ("shop.jobs > 2 || !shop.api.available", False),
        ("shop.job.status == 'working' && upgrade.status != \"working\"", True),
        ('shop.api.outage == duration("20s")', True),
        ('now > duration("4m59s") && now < duration("1h")', True),
        ('"upgrade.disk-short" in upgrade.findings', True),
        ('"shop.jobs" in upgrade.findings', False),
        ("upgrade.findings.size() == 1", True),
        ("upgrade.findings.exists(code, code.startsWith('upgrade.'))", True),
        ('upgrade.status in ["done", "refused"]', True),
        ("shop.api.available ? shop.jobs < 3 : false", True),
    ],
)
def test_expressions_say_yes_or_no(expressions: Expressions, text: str, holds: bool) -> None:  # noqa: FBT001 - parameter of a table
    compiled = expressions.compile(text)
    assert compiled.holds(compiled.values()) is holds


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("shop.jobs == 2 && shop.jobs < 3", ["shop.jobs"]),
        ("upgrade.findings.size() == 1", ["upgrade.findings"]),
        ("'shop.jobs' == shop.job.status", ["shop.job.status"]),
        ('"say \\"now\\"" == upgrade.status', ["upgrade.status"]),
        ("true", []),
    ],
)
def test_an_expression_reads_what_it_names_and_nothing_else(
    expressions: Expressions, text: str, names: list[str]
) -> None:
    compiled = expressions.compile(text)
    assert list(compiled.values()) == names
    assert [measure.name for measure in compiled.measures] == names


@pytest.mark.parametrize(
    ("text", "column", "remedy"),
    [
        ("shop.job == 2", 0, "shop.jobs"),
        ("true && shop.api.availabel", 8, "shop.api.available"),
        ("now > duration('1m') && upgrade.statu == 'done'", 24, "upgrade.status"),
    ],
)
def test_an_unknown_measurement_is_told_the_nearest_one_and_its_column(
    expressions: Expressions, text: str, column: int, remedy: str
) -> None:
    (flaw,) = flaws(expressions, text)
    assert flaw.code == "expression.unknown"
    assert flaw.column == column
    assert flaw.remedy == f"did you mean {remedy!r}?"


def test_every_unknown_name_is_told_at_once(expressions: Expressions) -> None:
    found = flaws(expressions, "shop.job == 2 && upgrade.statu == 'x'")
    assert [(flaw.code, flaw.column) for flaw in found] == [("expression.unknown", 0), ("expression.unknown", 17)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("shop.jobs == 'two'", "expression.type"),
        ("now > 5", "expression.type"),
        ("shop.api.available + 1 == 2", "expression.type"),
        ("shop.jobs ==", "expression.syntax"),
        ("shop.jobs = 2", "expression.syntax"),
        ("", "expression.syntax"),
        ("shop.jobs", "expression.not-bool"),
        ("duration('1m')", "expression.not-bool"),
    ],
)
def test_what_does_not_fit_together_is_refused_before_the_run(expressions: Expressions, text: str, code: str) -> None:
    found = flaws(expressions, text)
    assert {flaw.code for flaw in found} == {code}
    assert all(flaw.sentence and flaw.remedy and 0 <= flaw.column <= len(text) for flaw in found)


def test_columns_of_later_lines_count_from_the_beginning_of_the_text(expressions: Expressions) -> None:
    text = "true &&\nshop.jobs == 'x'"
    (flaw,) = flaws(expressions, text)
    assert text[flaw.column :].startswith("==")


def test_an_expression_that_fails_on_its_values_says_so(expressions: Expressions) -> None:
    compiled = expressions.compile("upgrade.findings[3] == 'x'")
    with pytest.raises(InputError) as caught:
        compiled.holds(compiled.values())
    assert caught.value.code == "expression.evaluation"

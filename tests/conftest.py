"""What every test shares: how hard Hypothesis tries, no silent skips in CI, and statements of the guide that exist."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

R = TypeVar("R", pytest.TestReport, pytest.CollectReport)

IN_CI = os.environ.get("CI") == "true"

# No deadlines anywhere: a test judges results, `benchmarks/` judges speed, and a busy machine proves nothing.
settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("nightly", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if IN_CI else "dev"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """In CI a skipped test is a failure: `.ci/run` installs what tests need, so something went missing."""
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    """Refuse markers `guide` of nothing, and in CI what a whole module skips: `pytest.importorskip` at its top."""
    report: pytest.CollectReport = yield
    return _refuse_unknown_statements(_refuse_skip(report))


def _refuse_unknown_statements(report: pytest.CollectReport):
    """Fail the collection of a test whose marker `guide` names what tests/guide.toml does not have."""
    wrong = {
        f"{item.location[2].partition('[')[0]} names {', '.join(map(repr, mark.args)) or 'nothing'}"
        for item in report.result or ()
        if isinstance(item, pytest.Item)
        for mark in item.iter_markers("guide")
        if not mark.args or not _statements().issuperset(mark.args)
    }
    if wrong:
        report.outcome = "failed"
        report.longrepr = "\n".join(["There is no such statement in tests/guide.toml:", *sorted(wrong)])
    return report


@cache
def _statements() -> frozenset[str]:
    text = (Path(__file__).parent / "guide.toml").read_text(encoding="utf-8")
    return frozenset(statement["id"] for statement in tomllib.loads(text)["statement"])


def _refuse_skip(report: R) -> R:
    expected_failure = hasattr(report, "wasxfail")
    if IN_CI and report.skipped and not expected_failure:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{reason}\nCI=true allows no skips: install what is missing, as .ci/run does."
    return report

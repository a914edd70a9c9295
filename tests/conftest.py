"""What every test shares: how hard Hypothesis tries, no silent skips in CI, and statements of the guide that exist."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import settings

IN_CI = os.environ.get("CI") == "true"

# No deadlines anywhere: a test judges results, `benchmarks/` judges speed, and a busy machine proves nothing.
settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("nightly", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if IN_CI else "dev"))


def pytest_collection_modifyitems(items: Sequence[pytest.Item]):
    """Refuse a marker `guide` that names no statement of tests/guide.toml: a proof of nothing."""
    text = (Path(__file__).parent / "guide.toml").read_text(encoding="utf-8")
    known = {statement["id"] for statement in tomllib.loads(text)["statement"]}
    wrong = {
        f"{item.location[0]}::{item.location[2].partition('[')[0]} names {', '.join(map(repr, mark.args)) or 'nothing'}"
        for item in items
        for mark in item.iter_markers("guide")
        if not mark.args or not known.issuperset(mark.args)
    }
    if wrong:
        told = "\n".join(sorted(wrong))
        raise pytest.UsageError(f"Markers of guide statements that do not exist:\n{told}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """In CI a skipped test is a failure: `.ci/run` installs what tests need, so something went missing."""
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    """Refuse in CI what a whole module skips, such as `pytest.importorskip` at its top."""
    return _refuse_skip((yield))


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport):
    expected_failure = hasattr(report, "wasxfail")
    if IN_CI and report.skipped and not expected_failure:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{reason}\nCI=true allows no skips: install what is missing, as .ci/run does."
    return report

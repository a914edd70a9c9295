"""What every test shares: how hard Hypothesis tries, and no silent skips in CI."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

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
    """Refuse in CI what a whole module skips, such as `pytest.importorskip` at its top."""
    return _refuse_skip((yield))


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport):
    expected_failure = hasattr(report, "wasxfail")
    if IN_CI and report.skipped and not expected_failure:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{reason}\nCI=true allows no skips: install what is missing, as .ci/run does."
    return report

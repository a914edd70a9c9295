"""Creating a cluster takes the 6 to 12 minutes of the guide, with nearly every luck (G-085)."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from qke_core.catalog import catalog

FIGURES = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "creates.py"))
MODERN = [version for version in catalog().order if not version.startswith("1.")]


@pytest.mark.guide("G-085")
@pytest.mark.parametrize("group", catalog().express_groups("3.3.0"))
def test_a_create_takes_what_the_guide_says(group: str) -> None:
    took = FIGURES["durations"](("3.3.0", group), 5)
    assert FIGURES["within"](took) == 5


@pytest.mark.nightly
@pytest.mark.parametrize(("version", "group"), list(FIGURES["groups"](MODERN)))
def test_95_of_100_creates_take_what_the_guide_says(version: str, group: str) -> None:
    took = FIGURES["durations"]((version, group), 100)
    assert FIGURES["within"](took) >= 95

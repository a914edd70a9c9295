"""Scenarios: what people write, how it is checked, and how it is run."""

from qke_sim.scenario.judge import Verdict
from qke_sim.scenario.load import SCENARIO_FILE, build_story, load_story
from qke_sim.scenario.measure import Measure
from qke_sim.scenario.model import Scenario
from qke_sim.scenario.run import RunResult, Sample, run_story
from qke_sim.scenario.story import Story

__all__ = [
    "SCENARIO_FILE",
    "Measure",
    "RunResult",
    "Sample",
    "Scenario",
    "Story",
    "Verdict",
    "build_story",
    "load_story",
    "run_story",
]

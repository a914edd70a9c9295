"""Speed, as ratios of things measured side by side in this one run. An absolute time says more of a machine than of us.

    make bench

Each pair is run alternately and the median of the ratios is printed, with its quartiles, beside the committed baseline.
The baseline is for people to look at; nothing fails here.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import simpy

from qke_sim.report.analysis import analyse
from qke_sim.report.summary import summarise
from qke_sim.scenario import Story, load_story, run_story

ROOT = Path(__file__).parents[1]
BASELINE = Path(__file__).with_name("baseline.json")
ROUNDS = 15


def main() -> None:
    """Measure, print, and with `--write` keep the figures as the new baseline."""
    story = load_story(ROOT / "scenarios" / "upgrade.yaml")
    events = run_story(story, level="summary").event_count
    figures = {
        "upgrade.yaml, trace only / bare SimPy loop of as many events": ratios(
            lambda: run_story(story, level="summary"), lambda: bare_loop(events)
        ),
        "upgrade.yaml, full trace, metrics and summary / bare SimPy loop of as many events": ratios(
            lambda: whole_run(story), lambda: bare_loop(events)
        ),
        "qke-sim --help / python -c pass": ratios(
            lambda: start([sys.executable, "-m", "qke_cli.sim", "--help"]),
            lambda: start([sys.executable, "-c", "pass"]),
        ),
    }
    baseline: dict[str, float] = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
    print(f"upgrade.yaml: {events} SimPy events\n")
    for name, (low, median, high) in figures.items():
        known = f"   baseline {baseline[name]:.1f}" if name in baseline else ""
        print(f"{median:8.1f}   ({low:.1f} to {high:.1f}){known}   {name}")
    if "--write" in sys.argv[1:]:
        text = json.dumps({name: round(median, 1) for name, (_, median, _) in figures.items()}, indent=1)
        BASELINE.write_text(text + "\n", encoding="utf-8")


def ratios(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float, float]:
    """Run both alternately; return lower quartile, median and upper quartile of ours divided by theirs."""
    for warm_up in (ours, theirs):
        warm_up()
    found = [took(ours) / took(theirs) for _ in range(ROUNDS)]
    low, median, high = statistics.quantiles(found, n=4)
    return low, median, high


def took(action: Callable[[], object]) -> float:
    """Return the wall time of one call, in seconds."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def bare_loop(events: int) -> None:
    """Let one SimPy process wait `events` times: the least that so many events can cost."""
    environment = simpy.Environment()

    def process() -> Generator[simpy.Event, None, None]:
        for _ in range(events):
            yield environment.timeout(1)

    environment.process(process())
    environment.run()


def whole_run(story: Story) -> None:
    """Run as the command does, without the files."""
    result = run_story(story, metrics=True)
    summarise(result, analyse(result.records, result.ended_ms), "")


def start(command: list[str]) -> None:
    """Run a program to its end."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own


if __name__ == "__main__":
    main()

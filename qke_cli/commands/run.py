"""`qke-sim run`: load, run, write the run folder, show the outcome."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from qke_adapters.run_store import require_writable, write_run
from qke_cli.failure import Stopped
from qke_cli.render.outcome import render_outcome, render_verdict, summary_with_run
from qke_cli.render.progress import Progress, Watch
from qke_cli.screen import Screen
from qke_core.errors import InputError, Problem
from qke_core.units import render_clock
from qke_sim.report.analysis import analyse
from qke_sim.report.folder import SUMMARY, folder_name, render_folder
from qke_sim.scenario import RunResult, Story, load_story, run_story


@dataclass(frozen=True, slots=True)
class Options:
    """How to run, and what to show."""

    seed: int | None = None
    out: Path = Path("runs")
    as_json: bool = False
    quiet: bool = False
    plain: bool = False


def run_scenario(scenario: Path, options: Options) -> int:
    """Run a scenario; return 0 when every expectation held, else 1."""
    story = load(scenario)
    require_writable(options.out)
    seed = story.scenario.seed if options.seed is None else options.seed
    silent = options.as_json or options.quiet
    watch = Watch() if silent else Progress(Screen(sys.stderr, plain=options.plain), story, seed)
    try:
        result = _run(story, seed, watch)
        files = render_folder(result, version("qke"))
        folder = write_run(options.out, folder_name(result), files)
    except KeyboardInterrupt as exc:
        raise Stopped(f"Stopped at virtual {render_clock(watch.now)}; no run folder was written.") from exc
    watch.end()
    screen = Screen(sys.stdout, plain=options.plain)
    if options.as_json:
        screen.data(summary_with_run(json.loads(files[SUMMARY]), folder))
    elif options.quiet:
        render_verdict(screen, result, folder)
    else:
        render_outcome(screen, result, analyse(result.records, result.ended_ms, result.outages), folder)
    return 0 if result.held else 1


def _run(story: Story, seed: int, watch: Watch) -> RunResult:
    try:
        return run_story(story, seed=seed, metrics=True, observer=watch)
    except Exception as exc:
        exc.add_note(f"seed {seed}, virtual time {render_clock(watch.now)}")
        raise


def load(scenario: Path) -> Story:
    """Load a story; places in the files it names are given relative to where we are, as editors need them."""
    try:
        return load_story(scenario)
    except InputError as exc:
        raise InputError.of([_placed(problem, scenario) for problem in exc.problems]) from exc


def _placed(problem: Problem, scenario: Path) -> Problem:
    place = problem.place
    if place is None or place.file == str(scenario):
        return problem
    return replace(problem, place=replace(place, file=str(scenario.parent / place.file)))

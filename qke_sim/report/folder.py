"""The run folder: everything a run leaves, as files; and the way back from a folder to a run.

Here a folder is names and bytes; writing it to a disk, whole or not at all, is an adapter's business.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from qke_core.errors import InputError
from qke_sim.report.analysis import analyse
from qke_sim.report.html import render_report
from qke_sim.report.metrics import write_metrics
from qke_sim.report.summary import FORMAT, summarise
from qke_sim.scenario import SCENARIO_FILE, RunResult, Story, build_story, run_story
from qke_sim.trace import TraceRecord, digest_of, parse_trace

TRACE, SUMMARY, METRICS, REPORT = "trace.jsonl", "summary.json", "metrics.parquet", "report.html"


@dataclass(frozen=True, slots=True)
class SavedRun:
    """A run read back from its folder."""

    story: Story
    seed: int
    digest: str
    version: str
    records: list[TraceRecord]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two traces part: the number of the record, and what each has there (None: it ends before)."""

    seq: int
    saved: TraceRecord | None
    now: TraceRecord | None


def folder_name(result: RunResult) -> str:
    """Return what the folder of a run is called: scenario, seed and the beginning of the digest."""
    return f"{result.story.scenario.metadata.name}-{result.seed}-{result.digest[:8]}"


def render_folder(result: RunResult, version: str) -> dict[str, bytes]:
    """Return the files of a run folder, by name. The run must have been kept at level `full`, with metrics."""
    analysis = analyse(result.records, result.ended_ms, result.outages)
    summary = summarise(result, analysis, version)
    lines = "".join(f"{record.render()}\n" for record in result.records)
    return {
        **{name: text.encode() for name, text in result.story.files.items()},
        TRACE: lines.encode(),
        METRICS: write_metrics(result.samples),
        SUMMARY: (json.dumps(summary, indent=2, ensure_ascii=False) + "\n").encode(),
        REPORT: render_report(summary, analysis).encode(),
    }


def read_trace(read: Callable[[str], str]) -> list[TraceRecord]:
    """Read the trace of a run folder; `read` returns the text of one of its files.

    Raises:
        InputError: `run.trace-damaged`, or what `read` raises.
    """
    return parse_trace(read(TRACE), TRACE)


def read_folder(read: Callable[[str], str]) -> SavedRun:
    """Read a run folder back.

    Raises:
        InputError: `run.summary-damaged`, `run.format`, `run.trace-damaged`, or what is wrong with its scenario.
    """
    try:
        summary = cast("dict[str, Any]", json.loads(read(SUMMARY)))
        version, seed, digest = int(summary["format"]), int(summary["seed"]), str(summary["digest"])
    except (ValueError, KeyError, TypeError) as exc:
        raise InputError(
            "run.summary-damaged", f"{SUMMARY} of the run folder is damaged", "run the scenario again"
        ) from exc
    if version != FORMAT:
        sentence = f"The run folder has format {version}, this version reads format {FORMAT}"
        raise InputError("run.format", sentence, "run the scenario again")
    story = build_story(read(SCENARIO_FILE), SCENARIO_FILE, read)
    return SavedRun(story, seed, digest, str(summary.get("qke", "")), read_trace(read))


def replay(saved: SavedRun) -> tuple[RunResult, Difference | None]:
    """Run a saved run again; return the new run, and where it parts from the saved one (None: nowhere)."""
    result = run_story(saved.story, seed=saved.seed)
    if result.digest == saved.digest == digest_of(saved.records):
        return result, None
    return result, first_difference(saved.records, result.records)


def first_difference(saved: list[TraceRecord], now: list[TraceRecord]) -> Difference:
    """Return the first place where two traces differ; the end when one only goes on."""
    shorter = min(len(saved), len(now))
    place = next((n for n in range(shorter) if saved[n].render() != now[n].render()), shorter)
    return Difference(
        place,
        saved[place] if place < len(saved) else None,
        now[place] if place < len(now) else None,
    )

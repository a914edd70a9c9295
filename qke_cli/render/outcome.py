"""How a run ended: phases, actions, what users felt, the verdict, and what to type next."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from qke_cli.render.names import node_names, only_cluster, thing_name
from qke_cli.render.timeline import render_timeline
from qke_cli.screen import Screen, pad
from qke_core.units import render_clock, render_rough
from qke_sim.report.analysis import MOMENTS, Analysis
from qke_sim.report.folder import REPORT
from qke_sim.scenario import RunResult, Verdict


def render_outcome(screen: Screen, result: RunResult, analysis: Analysis, folder: Path) -> None:
    """Show everything a person wants to know of a finished run."""
    alone = only_cluster(result.story)
    screen.say(Text("Phases", style="bold"))
    render_timeline(screen, analysis, node_names(result.story), alone)
    _actions(screen, result)
    _outages(screen, result, analysis, alone)
    _clusters(screen, result)
    if result.verdicts:
        _heading(screen, "Expectations")
        _verdicts(screen, result.verdicts)
    _totals(screen, result, folder)


def render_verdict(screen: Screen, result: RunResult, folder: Path) -> None:
    """Show the verdict in one line, and the expectations that were broken."""
    name = result.story.scenario.metadata.name
    screen.say(
        Text.assemble(_mark(screen, held=result.held), f" {name}: {_score(result)}, seed {result.seed}, {folder}")
    )
    _verdicts(screen, [verdict for verdict in result.verdicts if not verdict.held])


def _heading(screen: Screen, title: str) -> None:
    screen.say("", Text(title, style="bold"))


def _actions(screen: Screen, result: RunResult) -> None:
    if not result.actions:
        return
    _heading(screen, "Actions")
    said = {record.subject: str(record.data["sentence"]) for record in result.records if record.kind == "action.ended"}
    wide = max(map(len, result.actions))
    for label, state in result.actions.items():
        style = {"done": "green", "waiting": "yellow", "running": "yellow"}.get(state.status, "bold red")
        text = Text(state.status, style=style)
        if state.started_ms is None:
            text.append(": its moment never came", "")
        elif state.status == "running":
            text.append(f" when the run ended, after {render_rough(state.took_ms(result.ended_ms))}", "")
        else:
            text.append(f": {said.get(label, '')}", "")
        screen.hang(pad(f"  {label}", wide + 4), text)


def _outages(screen: Screen, result: RunResult, analysis: Analysis, alone: str | None) -> None:
    """Show for the API, the console and each workload how long it was gone, and when."""
    _heading(screen, "What users felt")
    names = {key: thing_name(key, alone) for key in result.outages}
    wide = max([len(name) for name in names.values()], default=0)
    for key, outage in result.outages.items():
        lead = pad(f"  {names[key]}", wide + 4)
        if not outage.count:
            screen.hang(lead, "0 s")
            continue
        total = render_rough(outage.so_far(result.ended_ms))
        gaps = analysis.gaps.get(key, [])
        if outage.count == 1:
            text = f"{total}, once, at {render_clock(gaps[0].start)}"
        else:
            times = [f"{render_clock(gap.start)} for {render_rough(gap.end - gap.start)}" for gap in gaps]
            text = f"{total} in {outage.count} outages: {_list(times)}"
        if outage.down_since is not None:
            text += "; still gone at the end"
        screen.hang(lead, Text(text, style="bold red"))


def _clusters(screen: Screen, result: RunResult) -> None:
    """Show every cluster, what it cost, and the quotas that have a limit, where that is more than one knows already."""
    limited = [show for show in result.quotas if show.limit is not None]
    if len(result.clusters) < 2 and not limited:  # noqa: PLR2004 - one cluster is told of above
        return
    _heading(screen, "Clusters")
    wide = max([len(show.name) for show in result.clusters] + [len(show.kind) for show in limited])
    for show in result.clusters:
        nodes = f"{show.nodes} node{'s' * (show.nodes != 1)}"
        screen.hang(pad(f"  {show.name}", wide + 4), f"{show.lane[-1].status}, {nodes}, {show.bill_cny:.4f} CNY")
    for show in limited:
        text = f"{show.points[-1][1]} of {show.limit} used, at most {show.most}"
        full = show.limit is not None and show.most >= show.limit
        screen.hang(pad(f"  {show.kind}", wide + 4), Text(text, style="yellow" if full else ""))


def _list(times: list[str], most: int = 6) -> str:
    rest = len(times) - most
    return ", ".join(times[:most]) + (f" and {rest} more" if rest > 0 else "")


def _verdicts(screen: Screen, verdicts: Iterable[Verdict]) -> None:
    for verdict in verdicts:
        lead = Text.assemble("  ", _mark(screen, held=verdict.held), " ")
        title = break_expression(verdict.title, screen.width - lead.cell_len)
        screen.hang(lead, Text(title, style="" if verdict.held else "bold"))
        if verdict.held:
            continue
        indent = " " * lead.cell_len
        screen.hang(f"{indent}{render_clock(verdict.t)}  ", Text(verdict.sentence, style="bold red"))
        for name, value in verdict.values.items():
            screen.hang(f"{indent}          ", f"{name} = {json.dumps(value, ensure_ascii=False)}")


def break_expression(text: str, room: int) -> str:
    """Break an expression that is longer than `room` before its `&&` and `||`, where people would."""
    lines: list[str] = []
    for part in re.split(r" (?=&& |\|\| )", text):
        if lines and len(lines[-1]) + 1 + len(part) <= room:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return "\n".join(lines)


def _mark(screen: Screen, *, held: bool) -> Text:
    return Text(screen.marks.held, style="bold green") if held else Text(screen.marks.broken, style="bold red")


def _score(result: RunResult) -> str:
    total = len(result.verdicts)
    broken = sum(not verdict.held for verdict in result.verdicts)
    if not total:
        return "nothing was expected"
    noun = "expectation" if total == 1 else "expectations"
    return f"{broken} of {total} {noun} broken" if broken else f"{total} {noun} held"


def _totals(screen: Screen, result: RunResult, folder: Path) -> None:
    style = "bold green" if result.held else "bold red"
    time, count = render_clock(result.ended_ms), result.record_count
    limit = "" if result.complete else ", stopped by its time limit"
    screen.say("", Text.assemble((_score(result), style), f"; {time} of virtual time{limit}, {count} records"))
    screen.say(f"seed {result.seed}, digest {result.digest[:16]}")
    where = shlex.quote(str(folder))
    screen.say(
        "",
        f"run folder  {where}",
        f"report      {shlex.quote(str(folder / REPORT))}",
        f"next        qke-sim why {where} {telling(result)}",
        f"            qke-sim replay {where}",
    )


def telling(result: RunResult) -> int:
    """Return the record to ask `why` about: what broke the first broken expectation, else how the last action ended.

    An action that failed with its job says no more than that; the job's end leads to the reason.
    """
    broken = next((verdict for verdict in result.verdicts if not verdict.held), None)
    ends = [record for record in result.records if record.kind == "action.ended"]
    last = ends[-1].seq if ends else result.record_count - 1
    if ends and ends[-1].data["status"] == "failed":
        jobs = [record.seq for record in result.records if record.kind == "job.ended" and record.data["code"]]
        last = max([seq for seq in jobs if seq < last], default=last)
    if broken is None or broken.t == result.ended_ms:
        return last
    at = [record.seq for record in result.records if record.kind in MOMENTS and record.t <= broken.t]
    return at[-1] if at else last


def summary_with_run(summary: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Return the summary as `--json` prints it."""
    return {**summary, "run": str(folder)}

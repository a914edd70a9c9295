"""A plan as people review it: hop by hop, how long each step takes, and who feels it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any, cast

from rich.text import Text

from qke_cli.screen import Screen
from qke_core.plan.schedule import NO_TIME, Disruption, Interval, Schedule, Stage
from qke_core.plan.upgrade import UpgradePlan
from qke_core.units import render_rough


def render_plan(screen: Screen, data: Mapping[str, Any]) -> None:
    """Show a plan, given as `UpgradePlan.to_json` wrote it.

    All stages of a plan with one hop; of a longer one only those that somebody feels: the others are the same again.
    """
    plan = read_plan(data)
    if not plan.path:
        screen.say(f"Plan for {plan.cluster}: nothing to do, it has {plan.source} already")
        return
    arrow = screen.marks.arrow
    hops = [list(stages) for _, stages in groupby(plan.schedule.stages, lambda stage: stage.id.rpartition(".")[0])]
    way = f" {arrow} ".join([plan.source, *plan.path])
    _row(screen, Text(f"Plan for {plan.cluster}: ", style="bold").append(way), plan.total, "bold")
    ends, before, source = plan.schedule.ends(), NO_TIME, plan.source
    said: set[str] = set()
    for number, (stages, target) in enumerate(zip(hops, plan.path, strict=False), start=1):
        end = ends[stages[-1].id]
        if len(hops) > 1:
            span = Interval(end.min_ms - before.min_ms, end.max_ms - before.max_ms)
            _row(screen, Text(f"  hop {number}  {source} {arrow} {target}"), span)
        _stages(screen, stages, said, brief=len(hops) > 1)
        before, source = end, target


def read_plan(data: Mapping[str, Any]) -> UpgradePlan:
    """Make the plan again that `UpgradePlan.to_json` wrote."""
    stages = [
        Stage(
            id=stage["id"],
            title=stage["title"],
            reason=stage["reason"],
            guard=stage["guard"],
            disruption=stage["disruption"],
            felt=Interval(**stage["felt"]),
            duration=Interval(**stage["duration"]),
            after=tuple(stage["after"]),
            touches=Disruption(
                tuple(stage["touches"]["restarts"]), tuple(stage["touches"]["roles"]), stage["touches"]["manner"]
            ),
            inside=stage["inside"],
        )
        for stage in cast("list[dict[str, Any]]", data["stages"])
    ]
    return UpgradePlan(data["cluster"], data["source"], tuple(data["path"]), Schedule(tuple(stages)))


def render_interval(interval: Interval) -> str:
    """Write an interval for people; a single time where both ends read the same."""
    low, high = render_rough(interval.min_ms), render_rough(interval.max_ms)
    return low if low == high else f"{low} to {high}"


def _stages(screen: Screen, stages: list[Stage], said: set[str], *, brief: bool) -> None:
    """Show stages; who feels what is said the first time, and then stands in `said`."""
    for number, stage in enumerate(stages, start=1):
        if brief and not stage.disruption:
            continue
        _row(screen, Text(f"{number:>6}  {stage.title}"), stage.duration)
        if stage.disruption and stage.disruption not in said:
            felt = f"; felt {render_interval(stage.felt)}" if stage.felt.max_ms else ""
            mark = Text(f"        {screen.marks.felt} ", style="yellow")
            screen.hang(mark, Text(stage.disruption + felt, style="yellow"))
        said.add(stage.disruption)


def _row(screen: Screen, left: Text, interval: Interval, style: str = "") -> None:
    """Write a line with a duration at the right edge, on a line of its own where both do not fit."""
    span = render_interval(interval)
    room = screen.width - left.cell_len
    if room > len(span) + 1:
        screen.say(Text.assemble(left, " " * (room - len(span)), (span, style)))
    else:
        screen.hang("", left)
        screen.say(Text(f"{span:>{screen.width}}", style=style))

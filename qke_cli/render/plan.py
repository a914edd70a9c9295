"""A plan as people review it: hop by hop, how long each step takes, and who feels it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any, cast

from rich.text import Text

from qke_cli.screen import Screen
from qke_core.plan.model import NO_TIME, Interval, Plan, Step
from qke_core.units import render_rough


def render_plan(screen: Screen, data: Mapping[str, Any]) -> None:
    """Show a plan, given as `Plan.to_json` wrote it.

    All steps of a plan with one hop; of a longer one only those that somebody feels: the others are the same again.
    """
    plan = read_plan(data)
    if not plan.path:
        screen.say(f"Plan for {plan.cluster}: nothing to do, it has {plan.source} already")
        return
    arrow = screen.marks.arrow
    hops = [list(steps) for _, steps in groupby(plan.steps, lambda step: step.id.rpartition(".")[0])]
    way = f" {arrow} ".join([plan.source, *plan.path])
    _row(screen, Text(f"Plan for {plan.cluster}: ", style="bold").append(way), plan.total, "bold")
    ends, before, source = plan.ends(), NO_TIME, plan.source
    said: set[str] = set()
    for number, (steps, target) in enumerate(zip(hops, plan.path, strict=False), start=1):
        end = ends[steps[-1].id]
        if len(hops) > 1:
            span = Interval(end.min_ms - before.min_ms, end.max_ms - before.max_ms)
            _row(screen, Text(f"  hop {number}  {source} {arrow} {target}"), span)
        _steps(screen, steps, said, brief=len(hops) > 1)
        before, source = end, target


def read_plan(data: Mapping[str, Any]) -> Plan:
    """Make the plan again that `Plan.to_json` wrote."""
    steps = [
        Step(
            id=step["id"],
            title=step["title"],
            reason=step["reason"],
            guard=step["guard"],
            disruption=step["disruption"],
            felt=Interval(**step["felt"]),
            duration=Interval(**step["duration"]),
            after=tuple(step["after"]),
        )
        for step in cast("list[dict[str, Any]]", data["steps"])
    ]
    return Plan(data["cluster"], data["source"], tuple(data["path"]), tuple(steps))


def render_interval(interval: Interval) -> str:
    """Write an interval for people; a single time where both ends read the same."""
    low, high = render_rough(interval.min_ms), render_rough(interval.max_ms)
    return low if low == high else f"{low} to {high}"


def _steps(screen: Screen, steps: list[Step], said: set[str], *, brief: bool) -> None:
    """Show steps; who feels what is said the first time, and then stands in `said`."""
    for number, step in enumerate(steps, start=1):
        if brief and not step.disruption:
            continue
        _row(screen, Text(f"{number:>6}  {step.title}"), step.duration)
        if step.disruption and step.disruption not in said:
            felt = f"; felt {render_interval(step.felt)}" if step.felt.max_ms else ""
            mark = Text(f"        {screen.marks.felt} ", style="yellow")
            screen.hang(mark, Text(step.disruption + felt, style="yellow"))
        said.add(step.disruption)


def _row(screen: Screen, left: Text, interval: Interval, style: str = "") -> None:
    """Write a line with a duration at the right edge, on a line of its own where both do not fit."""
    span = render_interval(interval)
    room = screen.width - left.cell_len
    if room > len(span) + 1:
        screen.say(Text.assemble(left, " " * (room - len(span)), (span, style)))
    else:
        screen.hang("", left)
        screen.say(Text(f"{span:>{screen.width}}", style=style))

"""A plan of operations as people review it, in the manner of a terraform plan: what, why, who feels it, how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.text import Text

from qke_cli.render.plan import render_interval
from qke_cli.screen import Screen
from qke_core.billing.prices import MONTH_HOURS
from qke_core.plan import Plan, Stage, Step
from qke_core.plan.guards import IDLE
from qke_core.plan.order import ONE_AT_A_TIME
from qke_core.rules.quota import amount

SIGNS: Mapping[str, tuple[str, str]] = {
    "create": ("+", "green"),
    "add-nodes": ("+", "green"),
    "recover": ("+", "green"),
    "start": (">", "green"),
    "restart": ("!", "yellow"),
    "upgrade": ("^", "yellow"),
    "delete-nodes": ("-", "red"),
    "delete": ("-", "red"),
    "cease": ("-", "red"),
    "stop": ("-", "red"),
}
"""Sign and colour of an operation; all others change what is there: `~`."""

ACTIVE = "the cluster is active"

STAGES_FELT_MAX = 6
"""How many stages that somebody feels a step shows; a plan as JSON has all."""


def render_steps(screen: Screen, plan: Plan) -> None:
    """Show every step of a plan."""
    count = f"{len(plan.steps)} operation{'s' * (len(plan.steps) != 1)}"
    screen.hang("", Text(f"Plan for {plan.cluster}: {count}, {render_interval(plan.total)}", style="bold"))
    usual = tuple(guard for guard in (ACTIVE, IDLE) if all(guard in step.guards for step in plan.steps))
    if usual:
        screen.say(Text(_heading(len(plan.steps), usual), style="dim"))
    screen.say("")
    for number, step in enumerate(plan.steps, start=1):
        _step(screen, number, step, usual)
    _totals(screen, plan)


def _heading(count: int, usual: Sequence[str]) -> str:
    """Say once what every step needs."""
    needs = "the cluster active with nothing else going on" if ACTIVE in usual else "that nothing else goes on"
    return f"One after another; each needs {needs}." if count > 1 else f"It needs {needs}."


def _step(screen: Screen, number: int, step: Step, usual: Sequence[str]) -> None:
    sign, style = SIGNS.get(step.operation, ("~", "yellow"))
    span = render_interval(step.duration)
    lead = Text(f"{number:>3} {sign} ", style=f"bold {style}")
    room = screen.width - lead.cell_len - len(span) - 2
    title = Text(step.title, style="bold")
    if title.cell_len <= room:
        screen.say(Text.assemble(lead, title, " " * (room - title.cell_len + 2), span))
    else:
        screen.hang(lead, title)
        screen.say(Text(f"{span:>{screen.width}}"))
    _part(screen, "why", step.reason)
    for edge in step.after:
        if edge.why != ONE_AT_A_TIME:
            _part(screen, "after", f"{edge.step}: {edge.why}")
    needs = [guard for guard in step.guards if guard not in usual]
    if needs:
        _part(screen, "needs", "; ".join(needs))
    for text in _felt(step):
        _part(screen, "felt", text, "yellow")
    quota = _quota(step)
    if quota:
        _part(screen, "quota", quota)
    if step.cost_per_hour:
        _part(screen, "cost", _money(step.cost_per_hour))
    screen.say("")


def _part(screen: Screen, word: str, text: str, style: str = "") -> None:
    screen.hang(Text(f"      {word:<7}", style="cyan"), Text(text, style=style))


def _felt(step: Step) -> list[str]:
    """Say who feels a step; nobody, or stage by stage, alike ones once."""
    felt: dict[str, Stage] = {}
    for stage in step.schedule.stages:
        if stage.disruption:
            felt.setdefault(stage.disruption, stage)
    if not felt:
        return ["nobody"]
    said = [_stage(stage) for stage in felt.values()]
    more = len(said) - STAGES_FELT_MAX
    return said[:STAGES_FELT_MAX] + ([f"and {more} more stages"] if more > 0 else [])


MANNERS = {"none": "", "rolling": "one after another", "at-once": "all at once"}


def _stage(stage: Stage) -> str:
    touched = stage.touches
    where = f" [{', '.join(touched.roles)}: {MANNERS[touched.manner]}]" if touched.roles else ""
    span = f", {render_interval(stage.felt)}" if stage.felt.max_ms else ""
    return f"{stage.disruption}{where}{span}"


def _quota(step: Step) -> str:
    return ", ".join(f"{sign}{amount(key, amounts[key])}" for sign, amounts in _signed(step) for key in amounts)


def _signed(step: Step) -> tuple[tuple[str, Mapping[str, int]], tuple[str, Mapping[str, int]]]:
    return ("+", step.takes), ("-", step.frees)


def _money(per_hour: Decimal) -> str:
    month = per_hour * MONTH_HOURS
    return f"{per_hour:+.4f} CNY per hour, {month:+.2f} per month of {MONTH_HOURS} hours"


def _totals(screen: Screen, plan: Plan) -> None:
    screen.hang("Together: ", f"{render_interval(plan.total)}; {_money(plan.cost_per_hour)}")
    screen.say(Text(f"Prices: {plan.price_book}", style="dim"))

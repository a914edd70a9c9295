"""`qke plan`: what lies between a wish and the world, reviewed before anything is touched."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from qke_adapters.files import write_text
from qke_cli.commands.cost import load_prices
from qke_cli.commands.validate import judge, report
from qke_cli.documents import Placed, load_cluster, load_world, place, require_one_reader
from qke_cli.failure import UsageError
from qke_cli.render.findings import render_counts, render_findings
from qke_cli.render.graph import FORMATS, render_graph
from qke_cli.render.operations import render_steps
from qke_cli.screen import Screen
from qke_core.catalog import catalog
from qke_core.errors import InputError, Problem
from qke_core.models import ClusterDocument, World
from qke_core.plan import Plan, plan_cluster
from qke_core.rules import check_world
from qke_core.rules.case import Case
from qke_core.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class Options:
    """What to plan besides the wish, and how to show it."""

    restart: Sequence[str] = ()
    prices: Path | None = None
    out: Path | None = None
    graph: str = ""
    as_json: bool = False
    plain: bool = False


def plan_change(path: Path, world: Path, options: Options) -> int:
    """Plan; return 0 with a plan, 2 for broken documents, 3 when a rule says no."""
    _require_words(options)
    require_one_reader(path, world, options.prices)
    wish, around = load_cluster(path), load_world(world)
    problems = [*wish.problems, *around.problems]
    if problems or wish.document is None or around.document is None or _contradicts_itself(around.document):
        return _refuse(path, options, problems, judge(wish, around))
    _require_nodes(wish.document, around.document, options.restart)
    prices = None if options.prices is None else load_prices(options.prices)
    planned = plan_cluster(wish.document, around.document, restart=options.restart, prices=prices)
    placed = place(planned.findings, wish.source, around.source)
    if planned.plan is None:
        return _refuse(path, options, [], placed)
    if options.out is not None:
        write_text(options.out, json.dumps(planned.plan.to_json(), indent=1, ensure_ascii=False) + "\n")
    _show(planned.plan, options, placed)
    return 0


def _contradicts_itself(world: World) -> bool:
    return any(found.severity == "blocker" for found in check_world(world))


def _require_words(options: Options) -> None:
    if options.graph and options.as_json:
        raise UsageError(
            "--graph and --json print different things", "give one of them; -o FILE writes the JSON beside"
        )
    if options.graph and options.graph not in FORMATS:
        sentence = f"There is no graph format {options.graph!r}"
        raise InputError("plan.graph", sentence, did_you_mean(options.graph, FORMATS))
    for role in options.restart:
        if role not in catalog().roles:
            sentence = f"{role!r} is not a role of a QKE cluster"
            raise InputError("role.unknown", sentence, did_you_mean(role, catalog().roles))


def _require_nodes(wish: ClusterDocument, world: World, roles: Sequence[str]) -> None:
    """See that every role to restart has nodes, now or when the wish is true.

    Raises:
        InputError: `role.unknown`.
    """
    case = Case.of(wish, world)
    there = {
        role for state in (case.now, case.goal) if state is not None for role, indexes in state.nodes.items() if indexes
    }
    for role in roles:
        if role not in there:
            sentence = f"{wish.name} has no node of role {role!r} to restart"
            raise InputError("role.unknown", sentence, f"use one of: {', '.join(sorted(there))}")


def _refuse(path: Path, options: Options, problems: Sequence[Problem], placed: Sequence[Placed]) -> int:
    """Show every reason, as `qke validate` does; return its exit status."""
    status = report(str(path), problems, placed, as_json=options.as_json, strict=False, plain=options.plain)
    if not options.as_json:
        Screen(sys.stdout, plain=options.plain).say("There is no plan: correct the errors first.")
    return status


def _show(plan: Plan, options: Options, placed: Sequence[Placed]) -> None:
    screen = Screen(sys.stdout, plain=options.plain)
    if options.graph:
        screen.stream.write(render_graph(plan, options.graph))
    elif options.as_json:
        screen.data(plan.to_json())
    elif not plan.steps:
        screen.say(f"{plan.cluster}: no change, the world is as wished")
    else:
        warnings = [item for item in placed if item.finding.severity == "warning"]
        render_findings(screen, warnings)
        render_steps(screen, plan)
        said = render_counts({"warnings": len(warnings), "notes": len(placed) - len(warnings)})
        if said:
            screen.say(f"{said}; `qke validate` shows them all")
        if options.out is None:
            screen.say(Text("Next: the same with -o plan.json keeps this plan; --graph mermaid draws it", style="dim"))
    if options.out is not None:
        Screen(sys.stderr, plain=options.plain).say(f"Wrote {options.out}")

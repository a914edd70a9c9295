"""`qke-sim reach`: does a packet get there, and if not, which hop blocks it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qke_cli.commands.run import load as load_scenario
from qke_cli.documents import examine, kind_of, read_source
from qke_cli.render.reach import render_route, route_json
from qke_cli.screen import Screen
from qke_core.errors import InputError
from qke_core.models import WorldDocument
from qke_core.reach import Route
from qke_core.units import parse_duration
from qke_sim.access import reach
from qke_sim.kernel import Kernel
from qke_sim.scenario.glimpse import look_into
from qke_sim.twin import Twin

BLOCKED = 3


@dataclass(frozen=True, slots=True)
class Question:
    """From where to where, and when: a duration such as `10m`."""

    source: str
    target: str
    at: str = "0s"


def ask(path: Path, question: Question, *, as_json: bool, plain: bool) -> int:
    """Answer for a World as it stands, or for a scenario at an instant of its run; return 0 reached, 3 blocked."""
    route = _route(path, question)
    screen = Screen(sys.stdout, plain=plain)
    if as_json:
        screen.data(route_json(route))
    else:
        render_route(screen, route)
    return 0 if route.reached else BLOCKED


def _route(path: Path, question: Question) -> Route:
    at_ms, look = _instant(question.at), partial(_walk, question)
    source = read_source(path)
    if kind_of(source) == "Scenario":
        return look_into(load_scenario(path), at_ms, look)
    world = examine(source, WorldDocument).sound()
    kernel = Kernel(0)
    twin = Twin(kernel, world, {})
    twin.start(kernel.trace.add("run.started", world.zone, None, scenario=str(path), seed=0))
    kernel.run(at_ms)
    return look(twin)


def _walk(question: Question, twin: Twin) -> Route:
    return reach(twin, question.source, question.target)


def _instant(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as exc:
        raise InputError("reach.at", f"{text!r} is not a time of the run", "write it like 10m or 1h30m") from exc

"""A route as people and programs read it: hop by hop, then what blocks and how to open it."""

from __future__ import annotations

from dataclasses import asdict

from rich.text import Text

from qke_cli.screen import Screen, pad
from qke_core.reach import Route

STYLES = {"passes": "green", "answers": "green", "blocks": "bold red"}


def route_json(route: Route) -> dict[str, object]:
    """Return a route as plain data."""
    return {
        "source": route.source,
        "target": route.target,
        "reached": route.reached,
        "blocked_by": route.blocked_by or None,
        "hops": [asdict(hop) for hop in route.hops],
    }


def render_route(screen: Screen, route: Route) -> None:
    """Show the way, one line a hop, and the verdict."""
    screen.say(f"From {route.source} to {route.target}", "")
    wide = max(len(hop.name) for hop in route.hops)
    for hop in route.hops:
        mark = screen.marks.broken if hop.verdict == "blocks" else screen.marks.held
        lead = Text.assemble("  ", (mark, STYLES[hop.verdict]), "  ", pad(hop.name, wide), "  ")
        screen.hang(lead, hop.why)
    screen.say("")
    blocked = route.blocked
    if blocked is None:
        screen.say(Text("Reached.", style="green"))
        return
    screen.say(Text.assemble(("Blocked", "bold red"), f" at {blocked.name}."))
    screen.hang(Text("  hint: ", style="cyan"), blocked.remedy)
    if blocked.rule:
        screen.hang(Text("  rule: ", style="cyan"), Text(blocked.rule, style="dim"))

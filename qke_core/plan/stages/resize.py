"""Stages of vertical scaling (docs/rules/operations.md#resize)."""

from __future__ import annotations

from qke_core.catalog import catalog, operations
from qke_core.models.state import ClusterState
from qke_core.plan.change import Resize
from qke_core.plan.schedule import Disruption, Schedule
from qke_core.plan.stages.draft import Drafting, nodes, takes


def resize(change: Resize, before: ClusterState) -> Schedule:
    """Disks alone grow online; else each node stops, is resized and starts: one after another, or all at once."""
    made = Drafting()
    count = len(before.nodes[change.role])
    if change.online:
        title = f"Grow the data disks of {nodes(count, change.role)}"
        made.add("grow", title, "disks alone grow online, all at once", takes("volume-resize"))
        return made.end()
    manner = operations().resize_manner(change.role, before.version)
    away = takes("stop-services", "instance-stop", "instance-resize", "instance-start", "host-boot", "start-services")
    times = count if manner == "rolling" else 1
    how = "one after another" if manner == "rolling" else "all at once"
    made.add(
        "resize",
        f"Stop, resize and start {nodes(count, change.role)}, {how}",
        "the wish has another size (G-125)",
        away * times,
        felt=away,
        disruption=_felt(change.role, before, rolling=manner == "rolling"),
        touches=Disruption(("instance",), (change.role,), manner),
    )
    return made.end()


def _felt(role: str, before: ClusterState, *, rolling: bool) -> str:
    kind = catalog().roles[role].kind
    if kind == "client":
        return "nobody can log in through the client"
    if kind == "master" and before.ha:
        return "one master at a time is away; the load balancer uses the others"
    if kind == "master":
        return "no API server answers: nothing is scheduled or healed"
    if not rolling:
        return "all these workers are away at once: their pods do not run"
    return "each node is away for a while; nothing drains it, so its pods come back late or elsewhere"

"""Stages of vertical scaling (docs/rules/operations.md#resize)."""

from __future__ import annotations

from qke_core.catalog import catalog, operations
from qke_core.models.state import ClusterState
from qke_core.plan.change import Resize
from qke_core.plan.schedule import Disruption, Schedule
from qke_core.plan.stages.draft import Drafting, nodes, together
from qke_core.plan.stages.power import add_api, services
from qke_core.plan.times import scripted, takes

MACHINE = ("instance-stop", "instance-resize", "instance-start", "host-boot")
SHOWN_MAX = 10
"""A role with more nodes than this gets one stage for all of them instead of one for each."""


def resize(change: Resize, before: ClusterState) -> Schedule:
    """Disks alone grow online; else each node stops, is resized and starts: one after another, or all at once."""
    made = Drafting()
    sids = before.nodes[change.role]
    if change.online:
        title = f"Grow the data disks of {nodes(len(sids), change.role)}"
        made.add("grow", title, "disks alone grow online, all at once", takes("api-call", "volume-resize"))
        return made.end()
    why, kind = "the wish has another size (G-125)", catalog().roles[change.role].kind
    away = scripted("stop", before, kind) + takes(*MACHINE) + takes("api-call") * 3 + services(before, kind)
    if change.volume_gib:
        away += takes("api-call", "volume-resize")
    manner = operations().resize_manner(change.role, before.version)
    felt, touches = _felt(change.role, before), Disruption(("instance",), (change.role,), manner)
    if manner == "at-once" or len(sids) > SHOWN_MAX:
        how = "one after another" if manner == "rolling" else "all at once"
        title = f"Stop, resize and start {nodes(len(sids), change.role)}{together(len(sids), how)}"
        took = away * (len(sids) if manner == "rolling" else 1)
        guard = _next(before) if manner == "rolling" else ""
        made.add("resize", title, why, took, felt=away, disruption=felt, touches=touches, guard=guard)
        return _end(made, change, before)
    for sid in sids:
        guard = "" if sid == sids[0] else _next(before)
        title = f"Stop, resize and start {change.role} {sid}"
        made.add(f"resize-{sid}", title, why, away, felt=away, disruption=felt, touches=touches, guard=guard)
    return _end(made, change, before)


def _end(made: Drafting, change: Resize, before: ClusterState) -> Schedule:
    """Add what nobody waits for: the API server of a single master."""
    if catalog().roles[change.role].kind == "master" and not before.ha:
        add_api(made, before, _masters(before), Disruption(("instance",), (change.role,), "rolling"))
    return made.end()


def _next(before: ClusterState) -> str:
    if operations().waits_for_ready(before.version) == "no":
        return "services of the node before run again; nobody waits until it is Ready"
    return "services of the node before run again; whether it must be Ready is not known"


def _felt(role: str, before: ClusterState) -> str:
    kind = catalog().roles[role].kind
    if kind == "client":
        return "nobody can log in through the client"
    if kind == "master":
        return _masters(before)
    if operations().resize_manner(role, before.version) == "at-once":
        return "all these workers are away at once: their pods do not run"
    return "each node is away for a while; nothing drains it, so its pods come back late or elsewhere"


def _masters(before: ClusterState) -> str:
    if before.ha:
        etcd = "" if before.etcd else "; etcd has two of three members, so no second master may fail"
        text = f"one master at a time is away; the load balancer uses the others for the API{etcd}"
    else:
        text = "no API server answers: nothing is scheduled or healed"
    return text if before.count("worker") else f"{text}; pods on the master stop"

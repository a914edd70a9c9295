"""Stages of start, stop and restart (docs/rules/operations.md#start-stop-restart)."""

from __future__ import annotations

from qke_core.catalog import RoleKind, catalog, operations
from qke_core.models.state import ClusterState
from qke_core.plan.change import RestartRole, Start, Stop
from qke_core.plan.schedule import NO_DISRUPTION, NO_TIME, Disruption, Interval, Schedule
from qke_core.plan.stages.draft import Drafting, nodes, roles, together
from qke_core.plan.times import api_back, scripted, takes

WORDS = {"master": "masters", "worker": "workers", "client": "client"}
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
GONE = "everything on the cluster stops, the API too; nothing is drained"
SYSTEM_DISKS = "masters and workers keep /data alone: all else on them is new at the next start (G-144)"


def start(change: Start, before: ClusterState) -> Schedule:
    """Machines run, then services start, role by role in the version's order."""
    _ = change
    made = Drafting()
    total = before.count("master", "worker", "client")
    why = "the cluster is stopped"
    if before.born_as == "1.0.0" != before.version:
        why += "; a node that has Ubuntu 16.04 comes up with 18.04 (G-147)"
    made.add("machines", f"Start {nodes(total)}", why, takes("api-call", "instance-start", "host-boot"))
    add_services(made, before)
    return made.end()


def add_services(made: Drafting, state: ClusterState) -> None:
    """Add the start of services; nothing is initialised again, the client looks for its files."""
    for number, group in enumerate(operations().start_order(state.version), start=1):
        kinds: list[RoleKind] = [kind for kind in group if state.count(kind)]
        if not kinds:
            continue
        first = kinds[0]
        title = f"Start services on {' and '.join(WORDS[kind] for kind in kinds)}"
        why = f"start order {number} of the app's definition"
        if "master" in kinds and operations().service("master", "renew_certs", state.version) is not None:
            days = operations().constants["renew_before_days"]
            why += f"; masters renew certificates that end within {days} days"
        if first == "client" and state.version.startswith("1.") and state.kubesphere:
            why += "; the client applies the console's Service again: it may be gone"
        took = services(state, first, "fresh-node")
        made.add(f"start-{first}", title, why, took)
    add_api(made, state)


def services(state: ClusterState, kind: RoleKind, *words: str) -> Interval:
    """Return how long the start of services takes on a node; certificates are renewed when they are due alone."""
    took = scripted("start", state, kind, "initialised", *words)
    if kind == "master" and operations().service("master", "renew_certs", state.version) is not None:
        return Interval(took.min_ms - takes("renew-certificates").min_ms, took.max_ms)
    return took


def add_api(made: Drafting, state: ClusterState, felt: str = "", touches: Disruption = NO_DISRUPTION) -> None:
    """Add what follows when masters have started: nobody waits until API servers answer and are used again."""
    took = api_back(state)
    made.add(
        "api",
        "API servers answer again",
        "their pods start with docker; a load balancer uses them again after its checks",
        took,
        disruption=felt,
        felt=took if felt else NO_TIME,
        touches=touches,
    )
    made.outside()


def stop(change: Stop, before: ClusterState) -> Schedule:
    """Services stop on all nodes at once, then the machines."""
    _ = change
    made = Drafting()
    add_stop(made, before, "the wish has it stopped")
    return made.end()


def add_stop(made: Drafting, before: ClusterState, reason: str) -> None:
    """Add the stop of services and of machines."""
    add_services_stop(made, before, reason)
    total = nodes(before.count("master", "worker", "client"))
    why = "the client keeps its system disk too" if before.count("client") else "they keep their data disks"
    made.add("machines", f"Stop {total}", why, takes("api-call", "instance-stop"), disruption=SYSTEM_DISKS)


def add_services_stop(made: Drafting, before: ClusterState, reason: str) -> None:
    """Add the stop of services."""
    count = before.count("master", "worker")
    made.add(
        "services",
        f"Stop services on {nodes(count)}{together(count, 'all at once')}",
        reason,
        scripted("stop", before, "master"),
        disruption=GONE,
        touches=Disruption(("instance",), roles(before, "master", "worker", "client"), "at-once"),
    )


def restart(change: RestartRole, before: ClusterState) -> Schedule:
    """Stop, then start, on all nodes of the role. 1.x has no such service: what the platform does there is unknown."""
    made = Drafting()
    role = change.role
    known = operations().service(role, "restart", before.version) is not None
    count = len(before.nodes[role])
    kind = catalog().roles[role].kind
    felt, touches = _felt(role, before), Disruption(_restarted(role, before), (role,), "at-once")
    away = scripted("stop", before, kind) + services(before, kind)
    made.add(
        "restart",
        f"Stop and start services on {nodes(count, role)}{together(count, 'all at once')}",
        "from the cluster's menu; machines go on running",
        away,
        guard="" if known else f"what the platform does is not known: {role} has no restart service here",
        felt=away,
        disruption=felt,
        touches=touches,
    )
    if kind == "master":
        add_api(made, before, felt, touches)
    return made.end()


def _restarted(role: str, before: ClusterState) -> tuple[str, ...]:
    """Return the services that stop and start; with docker, every container."""
    if catalog().roles[role].kind == "client":
        return ("instance",)
    if catalog().roles[role].kind == "worker":
        return ("docker", "kubelet")
    return (*(() if before.etcd else ("etcd",)), "docker", "kubelet", *CONTROL_PLANE)


def _felt(role: str, before: ClusterState) -> str:
    kind = catalog().roles[role].kind
    if kind == "client":
        return "nobody can log in through the client"
    if kind == "worker":
        return "every container on these nodes stops and starts; nothing is drained"
    who = "all masters restart together" if before.ha else "the only master restarts"
    text = f"no API server answers while {who}: nothing is scheduled or healed"
    return text if before.count("worker") else f"{text}; pods on it stop and start"

"""Stages of start, stop and restart (docs/rules/operations.md#start-stop-restart)."""

from __future__ import annotations

from qke_core.catalog import RoleKind, catalog, operations
from qke_core.models.state import ClusterState
from qke_core.plan.change import RestartRole, Start, Stop
from qke_core.plan.schedule import Disruption, Schedule
from qke_core.plan.stages.draft import Drafting, nodes, takes

WORDS = {"master": "masters", "worker": "workers", "client": "client"}


def start(change: Start, before: ClusterState) -> Schedule:
    """Machines run, then services start, role by role in the version's order."""
    _ = change
    made = Drafting()
    total = before.count("master", "worker", "client")
    made.add("machines", f"Start {nodes(total)}", "the cluster is stopped", takes("instance-start", "host-boot"))
    add_services(made, before)
    return made.end()


def add_services(made: Drafting, state: ClusterState) -> None:
    """Add the start of services; the client looks for its files again."""
    for group in operations().start_order(state.version):
        kinds = [kind for kind in group if state.count(kind)]
        if kinds:
            title = f"Start services on {' and '.join(WORDS[kind] for kind in kinds)}"
            took = takes("client-start") if kinds == ["client"] else takes("initialise-node", "start-services")
            made.add(f"start-{kinds[0]}", title, "the order of the app's definition", took)


def stop(change: Stop, before: ClusterState) -> Schedule:
    """Services stop on all nodes at once, then the machines."""
    _ = change
    made = Drafting()
    total = before.count("master", "worker", "client")
    made.add(
        "services",
        f"Stop services on {nodes(total)}",
        "the wish has it stopped",
        takes("stop-services"),
        disruption="everything on the cluster stops; nothing is drained",
        touches=Disruption(("instance",), roles(before, "master", "worker", "client"), "at-once"),
    )
    made.add("machines", "Stop the machines", "they keep their data disks", takes("instance-stop"))
    return made.end()


def restart(change: RestartRole, before: ClusterState) -> Schedule:
    """Stop, then start, on all nodes of the role. 1.x has no such service: what the platform does there is unknown."""
    made = Drafting()
    count = len(before.nodes[change.role])
    known = operations().can(before.version, "restart-service")
    touches = Disruption(("instance",), (change.role,), "at-once")
    away = takes("stop-services", "start-services")
    made.add(
        "restart",
        f"Stop and start services on {nodes(count, change.role)}",
        "from the cluster's menu",
        away,
        guard="" if known else "what the platform does is not known: this version has no restart service",
        felt=away,
        disruption=_felt(change.role),
        touches=touches,
    )
    return made.end()


def _felt(role: str) -> str:
    if catalog().roles[role].kind == "master":
        return "no API server answers while all masters restart together"
    return "pods on these nodes stop and start; nothing is drained"


def roles(state: ClusterState, *kinds: RoleKind) -> tuple[str, ...]:
    """Return the roles of these kinds that have nodes."""
    facts = catalog().roles
    return tuple(role for role, shape in state.shape.items() if shape.count and facts[role].kind in kinds)

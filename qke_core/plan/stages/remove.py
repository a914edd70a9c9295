"""Stages of delete, recover and cease (docs/rules/operations.md#delete)."""

from __future__ import annotations

from qke_core.catalog import operations
from qke_core.models.state import ClusterState
from qke_core.plan.change import Cease, Delete, Recover
from qke_core.plan.schedule import Disruption, Schedule
from qke_core.plan.stages.draft import Drafting, nodes, takes
from qke_core.plan.stages.power import add_services, roles


def delete(change: Delete, before: ClusterState) -> Schedule:
    """The cluster stops and moves to the recycle bin, where it stays for two hours."""
    _ = change
    made = Drafting()
    total = before.count("master", "worker", "client")
    if before.version.startswith("1.") and before.kubesphere and before.phase == "active":
        why = "so that the console's load balancer goes too"
        made.add("console", "A master deletes the console Service", why, takes("kubectl"))
    if before.phase == "active":
        made.add(
            "stop",
            f"Stop {nodes(total)}",
            "the wish has it deleted",
            takes("stop-services", "instance-stop"),
            disruption="everything on the cluster stops",
            touches=Disruption(("instance",), roles(before, "master", "worker", "client"), "at-once"),
        )
    why = f"it can be recovered for {operations().constants['recycle_bin_s'] // 3600} hours (G-166)"
    made.add("recycle", "Move it to the recycle bin", why, takes("recycle"))
    return made.end()


def recover(change: Recover, before: ClusterState) -> Schedule:
    """Nodes start again; /data persists, so nothing is initialised anew."""
    _ = change
    made = Drafting()
    total = before.count("master", "worker", "client")
    machines = takes("instance-start", "host-boot")
    made.add("machines", f"Start {nodes(total)} again", "the wish has the cluster back", machines)
    add_services(made, before)
    return made.end()


def cease(change: Cease, before: ClusterState) -> Schedule:
    """Everything the platform knows goes for ever; what it does not know stays (guide G-190 to G-192)."""
    _ = change
    made = Drafting()
    title = "Destroy machines, disks and what Kubernetes made"
    left = ""
    if not operations().can(before.born_as, "automatic-destruction"):
        title = "Destroy machines and their disks"
        left = "load balancers and volumes from before 2.0.0 stay: remove them by hand"
    made.add("destroy", title, "the wish has it gone for ever", takes("cluster-cease"), disruption=left)
    return made.end()

"""Stages of delete, recover and cease (docs/rules/operations.md#delete)."""

from __future__ import annotations

from collections import Counter

from qke_core.catalog import operations
from qke_core.inventory import console_balancer, resources_of
from qke_core.models.state import ClusterState
from qke_core.plan.change import Cease, Delete, Recover
from qke_core.plan.schedule import Schedule
from qke_core.plan.stages.draft import Drafting, counted, nodes, takes
from qke_core.plan.stages.power import add_services, add_stop
from qke_core.units import MS_PER_S, render_rough

MADE_INSIDE = {"loadbalancer": "load balancer", "security_group": "security group", "volume": "volume"}
"""Kinds of resources that Kubernetes, KubeSphere and the node scripts make, and what people call them."""


def delete(change: Delete, before: ClusterState) -> Schedule:
    """The cluster stops and moves to the recycle bin, where it stays for two hours."""
    _ = change
    made = Drafting()
    if operations().service("master", "destroy", before.version) and before.phase == "active":
        why = "so that the cloud controller removes its load balancer, where it has one"
        took = takes("kubectl", "lb-delete") if console_balancer(before) else takes("kubectl")
        made.add("console", "A master deletes the console's Service", why, took)
    if before.phase == "active":
        add_stop(made, before, "the wish has it deleted")
    kept = render_rough(operations().constants["recycle_bin_s"] * MS_PER_S)
    why = f"there it can be recovered; after {kept} it is ceased (G-165, G-166)"
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
    title, left = "Destroy machines, disks and what was made inside the cluster", ""
    if not operations().can(before.born_as, "automatic-destruction"):
        later = before.born_as != before.version
        title = "Destroy machines and disks, and what was made from 2.0.0 on" if later else "Destroy machines and disks"
        left = f"what was made before 2.0.0 stays, remove it by hand: {_left(before)}"
    made.add("destroy", title, "the wish has it gone for ever", takes("cluster-cease"), disruption=left)
    return made.end()


def _left(before: ClusterState) -> str:
    """Name what a cluster born as 1.x leaves behind. The console's balancer goes when 1.x deletes the Service."""
    gone = {"node", "console"} if before.version.startswith("1.") else {"node"}
    found = Counter(found.kind for found in resources_of(before) if found.origin not in gone)
    own = [counted(found[kind], noun) for kind, noun in MADE_INSIDE.items() if found[kind]]
    workloads = "what workloads claimed and published"
    return f"up to {', '.join(own)} of its own, and {workloads}" if own else workloads

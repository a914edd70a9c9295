"""Stages of delete, recover and cease (docs/rules/operations.md#delete)."""

from __future__ import annotations

from collections import Counter

from qke_core.catalog import operations
from qke_core.inventory import left_behind, resources_of
from qke_core.models.state import ClusterState
from qke_core.plan.change import Cease, Delete, Recover
from qke_core.plan.schedule import Interval, Schedule
from qke_core.plan.stages.draft import Drafting, counted, nodes
from qke_core.plan.stages.power import SYSTEM_DISKS, add_services, add_services_stop
from qke_core.plan.times import scripted, takes
from qke_core.units import MS_PER_S, render_rough

MADE_INSIDE = {"loadbalancer": "load balancer", "security_group": "security group", "volume": "volume"}
"""Kinds of resources that Kubernetes, KubeSphere and the node scripts make, and what people call them."""


def delete(change: Delete, before: ClusterState) -> Schedule:
    """The cluster stops and moves to the recycle bin, where it stays for two hours."""
    _ = change
    made = Drafting()
    if operations().service("master", "destroy", before.version) and before.phase == "active":
        why = "so that the cloud controller removes its load balancer, where it has one"
        made.add("console", "A master deletes the console's Service", why, scripted("destroy", before, "master"))
    if before.phase == "active":
        add_services_stop(made, before, "the wish has it deleted")
    kept = render_rough(operations().constants["recycle_bin_s"] * MS_PER_S)
    why = f"there it can be recovered; after {kept} it is ceased (G-165, G-166)"
    took = takes("api-call", "instance-terminate")
    made.add("recycle", "Stop the machines and move them to the recycle bin", why, took, disruption=SYSTEM_DISKS)
    return made.end()


def recover(change: Recover, before: ClusterState) -> Schedule:
    """Nodes start again; /data persists, so nothing is initialised anew."""
    _ = change
    made = Drafting()
    total = before.count("master", "worker", "client")
    machines = takes("api-call", "instance-recover", "host-boot")
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
    made.add("destroy", title, "the wish has it gone for ever", _destruction(before), disruption=left)
    return made.end()


def _destruction(before: ClusterState) -> Interval:
    """Return how long it takes: machines, then their disks; balancers beside; what these used at last."""
    took = takes("api-call", "instance-cease") + takes("api-call", "volume-delete")
    stays = {found.id for found in left_behind(before)}
    going = {found.kind for found in resources_of(before) if found.origin != "node" and found.id not in stays}
    if "loadbalancer" in going:
        took = took.beside(takes("api-call", "lb-delete"))
    if going - {"loadbalancer"}:
        took += takes("api-call")
    return took + takes("volume-delete") if "volume" in going else took


def _left(before: ClusterState) -> str:
    """Name what a cluster born as 1.x leaves behind."""
    found = Counter(found.kind for found in left_behind(before))
    own = [counted(found[kind], noun) for kind, noun in MADE_INSIDE.items() if found[kind]]
    workloads = "what workloads claimed and published"
    return f"up to {', '.join(own)} of its own, and {workloads}" if own else workloads

"""Stages of adding and deleting nodes (docs/rules/operations.md#add-nodes, #delete-nodes)."""

from __future__ import annotations

from qke_core.catalog import catalog, operations
from qke_core.models.state import ClusterState
from qke_core.plan.change import AddNodes, DeleteNodes
from qke_core.plan.schedule import Disruption, Interval, Schedule
from qke_core.plan.stages.draft import Drafting, nodes, takes
from qke_core.units import MS_PER_S


def add_nodes(change: AddNodes, before: ClusterState) -> Schedule:
    """New nodes run and join; nobody who is there feels it."""
    made = Drafting()
    client = catalog().roles[change.role].kind == "client"
    machines = takes("instance-run", "host-boot") + (takes("client-start") if client else takes("volume-create"))
    made.add("machines", f"Run {nodes(change.count, change.role)}", "the wish has more of them", machines)
    made.add(
        "hosts", "All nodes learn the new names", "/etc/hosts and ssh keys name every node", takes("render-parameters")
    )
    if client:
        return made.end()
    if not before.version.startswith("1."):
        why = f"it lives {operations().constants['join_token_s'] // 3600} hours"
        made.add("token", "Master 1 makes a join token", why, takes("pre-check", "kubectl"))
    join = takes("initialise-node", "start-services", "kubeadm-join")
    made.add("join", f"{nodes(change.count)} join", "kubeadm join, then labels", join)
    if not before.version.startswith("1."):
        made.add("clean", "Master 1 removes the token", "nobody else shall join", takes("kubectl"))
    return made.end()


def delete_nodes(change: DeleteNodes, before: ClusterState) -> Schedule:
    """Pods are drained, then the nodes go. A disruption budget or local data can hold the drain up to its limit."""
    made = Drafting()
    count = len(change.sids)
    if catalog().roles[change.role].kind == "client":
        made.add("stop", "Stop the client", "the wish has none", takes("stop-services", "instance-stop"))
        made.add("destroy", "Destroy its machine", "its data goes with it", takes("instance-terminate"))
        return made.end()
    fact = operations().scale_in(before.version)
    if fact.min_workers:
        why = f"at least {fact.min_workers} workers must be left (code 135)"
        made.add("pre-check", "Master 1 counts the workers that are left", why, takes("pre-check"))
    least = takes("drain-node")
    bound = fact.drain_s * MS_PER_S if fact.drain_s else least.max_ms * count * fact.attempts
    drain = Interval(least.min_ms, max(bound, least.max_ms))
    made.add(
        "drain",
        f"Drain {nodes(count, change.role)}",
        "pods move before the node goes",
        drain,
        felt=takes("pod-stop", "pod-start"),
        disruption=_felt(forced=fact.forced),
        touches=Disruption(("pods",), (change.role,), "at-once"),
    )
    gone = takes("delete-node-object")
    made.add("forget", "Kubernetes forgets the nodes", "their objects are deleted", gone * count)
    made.add("stop", "Stop services on them", "the platform's own order", takes("stop-services", "instance-stop"))
    made.add("destroy", "Destroy machines and data disks", "the wish has fewer nodes", takes("instance-terminate"))
    return made.end()


def _felt(*, forced: bool) -> str:
    pods = "their pods stop and start elsewhere"
    return f"{pods}; pods without a controller and emptyDir data are lost" if forced else pods

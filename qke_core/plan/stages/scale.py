"""Stages of adding and deleting nodes (docs/rules/operations.md#add-nodes, #delete-nodes)."""

from __future__ import annotations

from qke_core.catalog import catalog, operations
from qke_core.models.state import ClusterState
from qke_core.plan.change import AddNodes, DeleteNodes
from qke_core.plan.schedule import Disruption, Interval, Schedule
from qke_core.plan.stages.draft import Drafting, counted, nodes, takes, together
from qke_core.units import MS_PER_H, MS_PER_S, render_rough


def add_nodes(change: AddNodes, before: ClusterState) -> Schedule:
    """New nodes run and join; nobody who is there feels it."""
    made = Drafting()
    client = catalog().roles[change.role].kind == "client"
    machines = takes("instance-run", "host-boot")
    if not client:
        machines += takes("volume-create", "volume-attach")
    why = "the wish has more of them"
    made.add("machines", f"Run {nodes(change.count, change.role)}{together(change.count)}", why, machines)
    hosts = "/etc/hosts and ssh keys name every node"
    made.add("hosts", "All nodes learn the new names", hosts, takes("render-parameters"))
    if client:
        made.add("client", "The client takes the kubeconfig", "people work there", takes("client-start"))
        return made.end()
    prepared = operations().service("master", "scale_out", before.version) is not None
    if prepared:
        lives = render_rough(operations().scale_out(before.version).token_s * MS_PER_S)
        why = f"nobody joins without one; it lives {lives}"
        made.add("token", "Master 1 makes a join token", why, takes("pre-check", "kubectl"))
    made.add(
        "start", "Start services on the new nodes", "docker and kubelet", takes("initialise-node", "start-services")
    )
    title = f"{nodes(change.count)} {'joins' if change.count == 1 else 'join'}{together(change.count)}"
    made.add("join", title, _join(before), takes("kubeadm-join"))
    if prepared:
        made.add("clean", "Master 1 removes all join tokens", "nobody else shall join", takes("kubectl"))
    return made.end()


def _join(before: ClusterState) -> str:
    budget = catalog().budget("join-worker", before.version)
    tries = counted(budget.attempts, "attempt")
    text = f"at most {tries}, {budget.interval_ms // MS_PER_S} s apart; the job does not wait for Ready"
    if not before.count("worker"):
        text += "; masters go on taking pods: their taint does not come back (G-183)"
    return text


def delete_nodes(change: DeleteNodes, before: ClusterState) -> Schedule:
    """Pods are drained, then the nodes go. A disruption budget or local data can hold the drain up to its limit."""
    made = Drafting()
    if catalog().roles[change.role].kind == "client":
        gone = "nobody can log in through the client any more"
        touches = Disruption(("instance",), (change.role,), "at-once")
        took = takes("instance-stop")
        made.add("stop", "Stop the client", "the wish has none", took, disruption=gone, touches=touches)
        made.add("destroy", "Destroy its machine", "its data goes with it", takes("instance-terminate"))
        return made.end()
    _drain(made, change, before)
    stopping = takes("stop-services", "instance-stop")
    made.add("stop", "Stop services and machines of these nodes", "the platform's own order", stopping)
    gone = "the wish has fewer nodes"
    made.add("destroy", "Destroy machines and data disks", gone, takes("instance-terminate", "volume-delete"))
    hosts = "/etc/hosts names every node"
    made.add("hosts", "All nodes forget the names", hosts, takes("render-parameters"))
    return made.end()


def _drain(made: Drafting, change: DeleteNodes, before: ClusterState) -> None:
    """Add what happens in Kubernetes, all of it run by one master."""
    fact, count = operations().scale_in(before.version), len(change.sids)
    if fact.min_workers:
        few, master = fact.codes["too-few-workers"], fact.codes["master-leaves"]
        why = f"at least {fact.min_workers} workers must be left (else code {few}), no master may leave ({master})"
        made.add("pre-check", "Master 1 counts the workers that are left", why, takes("pre-check"))
    why = f"pods move before the node goes: kubectl drain --{' --'.join(fact.flags)}"
    if fact.uncordons:
        fails, stuck = fact.codes["drain-failed"], fact.codes["uncordon-failed"]
        why += f"; if it fails, nodes are uncordoned and stay (code {fails}, or {stuck})"
    made.add(
        "drain",
        f"Drain {nodes(count, change.role)}{together(count, 'one after another')}",
        why,
        drain_time(before.version, count),
        felt=takes("pod-stop", "pod-start"),
        disruption=_felt(forced=fact.forced),
        touches=Disruption(("pods",), (change.role,), "rolling"),
    )
    forget = takes("delete-node-object") * count
    made.add("forget", "Kubernetes forgets the nodes", "their objects are deleted", forget)


def drain_time(version: str, count: int) -> Interval:
    """Return how long it takes to drain `count` nodes: a while each, at most what script and platform allow.

    The script's limit is one node's; where there is none, or for many nodes, the platform's limit of the service
    counts. That it counts while the pre_check runs is assumed.
    """
    fact, service = operations().scale_in(version), operations().service("master", "scale_in", version)
    platform_ms = service.timeout_ms if service is not None else 24 * MS_PER_H
    script_ms = fact.drain_s * MS_PER_S * count or platform_ms
    usual = takes("drain-node") * count
    longest = min(max(usual.max_ms, script_ms), platform_ms)
    return Interval(min(usual.min_ms, longest), longest)


def _felt(*, forced: bool) -> str:
    pods = "their pods stop and start elsewhere"
    return f"{pods}; pods without a controller and emptyDir data are lost" if forced else pods

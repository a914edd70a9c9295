"""Stages of adding and deleting nodes (docs/rules/operations.md#add-nodes, #delete-nodes)."""

from __future__ import annotations

from qke_core.catalog import catalog, operations
from qke_core.models.state import ClusterState
from qke_core.plan.change import AddNodes, DeleteNodes
from qke_core.plan.schedule import Disruption, Interval, Schedule
from qke_core.plan.stages.create import machines
from qke_core.plan.stages.draft import Drafting, counted, nodes, together
from qke_core.plan.times import scripted, takes
from qke_core.units import MS_PER_H, MS_PER_S, render_rough

INSTANT = Interval(0, takes("api-call").max_ms)
"""A look at a list that is at hand."""
NEW = ("fresh-cluster", "joining")
"""What holds on a node that comes to a cluster."""


def add_nodes(change: AddNodes, before: ClusterState) -> Schedule:
    """New nodes run and join; nobody who is there feels it."""
    made = Drafting()
    client = catalog().roles[change.role].kind == "client"
    took = takes("api-call", "instance-run", "host-boot") if client else machines()
    why = "the wish has more of them"
    made.add("machines", f"Run {nodes(change.count, change.role)}{together(change.count)}", why, took)
    hosts = "/etc/hosts and ssh keys name every node"
    made.add("hosts", "All nodes learn the new names", hosts, takes("render-parameters"))
    prepared = operations().service("master", "scale_out", before.version) is not None
    if prepared:
        lives = render_rough(operations().scale_out(before.version).token_s * MS_PER_S)
        why = f"nobody joins without one; it lives {lives}"
        made.add("token", "Master 1 makes a join token", why, scripted("scale_out_check", before, "master"))
    if client:
        took = scripted("start", before, "client") + scripted("init", before, "client", *NEW)
        made.add("client", "The client takes the kubeconfig", "people work there", took)
    else:
        title = f"{nodes(change.count)} {'joins' if change.count == 1 else 'join'}{together(change.count)}"
        late = before.version not in ("1.0.0", "1.0.1")
        started = scripted("start", before, "worker", "not-joined", *(["fresh-node"] if late else []))
        begun = scripted("init", before, "worker", *NEW, *([] if late else ["fresh-node"]))
        made.add("start", "Start services on the new nodes", "docker and kubelet", started)
        made.add("join", title, _join(before), begun)
    if prepared:
        why = "nobody else shall join"
        made.add("clean", "Master 1 removes all join tokens", why, scripted("scale_out", before, "master"))
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
    made, seen = Drafting(), "/etc/hosts and the scripts name who goes"
    made.add("hosts", "All nodes see who goes", seen, takes("render-parameters"))
    if catalog().roles[change.role].kind == "client":
        gone = "nobody can log in through the client any more"
        touches = Disruption(("instance",), (change.role,), "at-once")
        took = takes("api-call", "instance-terminate")
        made.add("destroy", "Destroy the client", "the wish has none", took, disruption=gone, touches=touches)
        return made.end()
    _drain(made, change, before)
    stopping = scripted("stop", before, "worker") + scripted("destroy", before, "worker")
    made.add("stop", "Stop services of these nodes", "the platform's own order", stopping)
    took = takes("api-call", "instance-terminate", "api-call", "volume-delete")
    made.add("destroy", "Destroy machines and data disks", "the wish has fewer nodes", took)
    hosts = "/etc/hosts names every node"
    made.add("forgotten", "All nodes forget the names", hosts, takes("render-parameters"))
    made.outside()
    return made.end()


def _drain(made: Drafting, change: DeleteNodes, before: ClusterState) -> None:
    """Add what happens in Kubernetes, all of it run by one master."""
    fact, count = operations().scale_in(before.version), len(change.sids)
    if fact.min_workers:
        few, master = fact.codes["too-few-workers"], fact.codes["master-leaves"]
        why = f"at least {fact.min_workers} workers must be left (else code {few}), no master may leave ({master})"
        made.add("pre-check", "Master 1 counts the workers that are left", why, INSTANT)
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
    forget = takes("delete-node-object") * (1 if fact.uncordons else count)
    made.add("forget", "Kubernetes forgets the nodes", "their objects are deleted", forget)


def drain_time(version: str, count: int) -> Interval:
    """Return how long it takes to drain `count` nodes: a while each, at most what script and platform allow.

    The script's limit is one node's; where there is none, or for many nodes, the platform's limit of the service
    counts. That it counts while the pre_check runs is assumed.
    """
    fact, service = operations().scale_in(version), operations().service("master", "scale_in", version)
    platform_ms = service.timeout_ms if service is not None else 24 * MS_PER_H
    script_ms = fact.drain_s * MS_PER_S * count or platform_ms
    usual = takes("pod-stop") * count
    return Interval(0, min(max(usual.max_ms, script_ms), platform_ms))


def _felt(*, forced: bool) -> str:
    pods = "their pods stop and start elsewhere"
    return f"{pods}; pods without a controller and emptyDir data are lost" if forced else pods

"""Rules of scaling: what of an existing cluster's nodes can change, and what a change does to whoever runs on them.

Rule: docs/rules/topology.md#scaling; QKE app repo, app/cluster.json.mustache and scale_in pre_check; guide G-116 to
G-126, G-183, G-185 to G-188.
"""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.catalog import RoleShape, catalog, operations
from qke_core.models.state import ClusterState
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding
from qke_core.units import MS_PER_S, render_rough, render_size

DEFINITION = "QKE app repo, app/cluster.json.mustache"
MASTERS = (1, 3)


def is_worker(role: str) -> bool:
    """Whether a role is one of workers."""
    return catalog().roles[role].kind == "worker"


def standing(case: Case) -> ClusterState | None:
    """Return the cluster as it is, unless the wish ends it: then its shape is nobody's business any more."""
    ends = case.wish.status in {"deleted", "ceased"}
    return None if ends or case.creates else case.now


def _pairs(case: Case) -> Iterator[tuple[str, RoleShape, RoleShape]]:
    """Yield the roles that have nodes and keep some: role, present shape, wished shape."""
    now = standing(case)
    for role, new in case.goal.shape.items() if now is not None else ():
        if now is not None and now.nodes.get(role) and new.count:
            yield role, now.shape[role], new


def _masters_fixed(case: Case) -> Iterator[Finding]:
    """Masters can be neither added nor removed (guide G-185; code 137)."""
    now = standing(case)
    if now is None:
        return
    old, new = now.count("master"), case.goal.count("master")
    if old != new and new in MASTERS:
        sentence = f"{case.wish.name} has {old} masters, the wish {new}: masters can be neither added nor removed"
        remedy = f"keep {old}, or create another cluster"
        path, source = ("roles", "master", "count"), "user guide, FAQ, G-183, G-185; QKE app repo, advanced_actions"
        code = 137 if new < old else 0
        yield case.finding("topology.masters-fixed", "blocker", path, sentence, remedy, source, code)


def _host_types(case: Case) -> Iterator[Finding]:
    """The host type of a role with nodes does not change (unsupported action change_instance_class)."""
    for role, old, new in _pairs(case):
        if old.instance_class != new.instance_class:
            sentence = f"{role} runs on host type {old.instance_class}, which cannot become {new.instance_class}"
            remedy = f"write instance_class: {old.instance_class}"
            if is_worker(role):
                remedy += ", or add workers of another role and delete these"
            path, source = ("roles", role, "instance_class"), f"{DEFINITION}, unsupported_actions"
            yield case.finding("topology.host-type-fixed", "blocker", path, sentence, remedy, source)


def _disks(case: Case) -> Iterator[Finding]:
    """Disks only grow (API, ResizeCluster: storage can only grow)."""
    for role, old, new in _pairs(case):
        if new.volume_gib < old.volume_gib:
            sentence = f"{role} has disks of {old.volume_gib}GiB, the wish {new.volume_gib}GiB: disks only grow"
            path, remedy = ("roles", role, "volume"), f"write volume: {old.volume_gib}GiB or more"
            source = "yunify/qingcloud-docs, ResizeCluster: storage can only grow"
            yield case.finding("topology.disk-shrinks", "blocker", path, sentence, remedy, source)


def _taint(case: Case) -> Iterator[Finding]:
    """Adding workers to a cluster that had none does not give its masters their taint back (guide G-183)."""
    now = standing(case)
    if now is not None and case.goal.count("worker") and not now.count("worker"):
        sentence = "The masters have run everything so far, and pods may be placed on them still: no taint comes back"
        source = "QKE app repo, scale_out of a cluster without workers; user guide, FAQ, G-183"
        remedy = "taint them by hand: node-role.kubernetes.io/master:NoSchedule"
        yield case.finding("topology.masters-untainted", "warning", ("roles",), sentence, remedy, source)


def _other_type(case: Case) -> Iterator[Finding]:
    """New nodes should be of the masters' type (guide G-116)."""
    now = standing(case)
    if now is None:
        return
    master = case.goal.shape["master"].instance_class
    for role, new in case.goal.shape.items():
        added = new.count - len(now.nodes.get(role, ()))
        if added > 0 and is_worker(role) and new.instance_class != master:
            nodes = f"{added} new {role} node{'s' * (added > 1)}"
            sentence = f"{nodes} on host type {new.instance_class}; the masters' type {master} is advised"
            path, source = ("roles", role, "count"), "user guide, Scaling, G-116; FAQ, G-178"
            remedy = "add nodes of the masters' type, or name a storage class in every claim of their workloads"
            yield case.finding("topology.other-type", "warning", path, sentence, remedy, source)


def _leaving(case: Case) -> int:
    """Return how many workers the wish removes."""
    now = standing(case)
    if now is None:
        return 0
    kept = {role: new.count for role, new in case.goal.shape.items()}
    return sum(max(0, len(sids) - kept.get(role, len(sids))) for role, sids in now.nodes.items() if is_worker(role))


def _workers_left(case: Case) -> Iterator[Finding]:
    """At least two workers must be left after a removal (code 135), all worker roles together."""
    least, left = operations().scale_in(case.version).min_workers, case.goal.count("worker")
    if _leaving(case) and left < least:
        workers = f"{left} worker{'s' * (left != 1)}"
        sentence = f"The wish leaves {workers}; QKE {case.version} refuses to go below {least}"
        source = "QKE app repo, scale_in pre_check, code 135; user guide, G-119"
        remedy = f"keep at least {least} workers, of all worker roles together"
        yield case.finding("topology.workers-left", "blocker", ("roles",), sentence, remedy, source, 135)


def _drain(case: Case) -> Iterator[Finding]:
    """Pods of removed workers must fit on the others, and whatever they keep on the node is in the way or lost."""
    leaving, now, drain = _leaving(case), case.now, operations().scale_in(case.version)
    if not leaving or now is None or case.goal.count("worker") < drain.min_workers:
        return  # Nothing leaves, or it will be refused anyway.
    source = "user guide, Scaling, G-119, G-120; FAQ, G-186, G-187"
    cpu = sum(new.cpu * new.count for role, new in case.goal.shape.items() if is_worker(role))
    memory = sum(new.memory_mib * new.count for role, new in case.goal.shape.items() if is_worker(role))
    had = sum(old.cpu * old.count for role, old in now.shape.items() if is_worker(role))
    total = now.count("worker")
    leaves = f"{leaving} of {total} workers leave{'s' * (leaving == 1)}"
    sentence = f"{leaves}: afterwards workers have {cpu} vCPU (now {had}) and {render_size(memory)} of memory"
    remedy = "see that the pods of those that leave fit on the others; remove one node at a time"
    yield case.finding("topology.room-after-removal", "warning", ("roles",), sentence, remedy, source)
    if drain.forced:
        sentence = "Pods with data on their node (emptyDir) are evicted too, and that data is lost"
        remedy = "save it first"
        yield case.finding("topology.drain", "warning", ("roles",), sentence, remedy, drain.source)
    else:
        after = render_rough(drain.drain_s * MS_PER_S)
        sentence = f"A pod with data on its node (emptyDir) or without a controller makes the drain fail within {after}"
        remedy = "run kubectl drain by hand to see which; never kubectl delete nodes (G-188)"
        yield case.finding("topology.drain", "warning", ("roles",), sentence, remedy, f"{source}; {drain.source}", 134)


def _resizes(case: Case) -> Iterator[Finding]:
    """Nodes of a role that is resized are away meanwhile (guide G-125)."""
    for role, old, new in _pairs(case):
        if (old.cpu, old.memory_mib) == (new.cpu, new.memory_mib):
            continue
        how = "one after another" if operations().resize_manner(role, case.version) == "rolling" else "all at once"
        sentence = f"Nodes of {role} stop, are resized and start, {how} and without a drain"
        remedy = "see that the other nodes can hold their pods meanwhile"
        if role == "master" and new.count == 1:
            remedy = "choose a quiet hour: without its only master the cluster has no API server"
        source = f"user guide, Scaling, G-125, G-126; {DEFINITION}, vertical_scaling_policy"
        yield case.finding("topology.resize-felt", "warning", ("roles", role), sentence, remedy, source)


RULES: tuple[Rule, ...] = (
    _masters_fixed,
    _host_types,
    _disks,
    _workers_left,
    _other_type,
    _taint,
    _drain,
    _resizes,
)

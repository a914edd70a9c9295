"""Rules of shape: masters, workers, client, host types, what of an existing cluster can change, and its status.

Rule: docs/rules/topology.md; QKE app repo, app/config.json and app/cluster.json.mustache; guide G-036 to G-040,
G-116 to G-126, G-164 to G-166, G-182 to G-185.
"""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.catalog import catalog, operations
from qke_core.lifecycle import NOT_PERMITTED
from qke_core.models.cluster import ClusterWish
from qke_core.models.world import World
from qke_core.rules.case import Case, Rule, WorldRule, world_finding
from qke_core.rules.finding import Finding
from qke_core.units import MS_PER_S, render_duration

CONFIG = "QKE app repo, app/config.json"
DEFINITION = "QKE app repo, app/cluster.json.mustache"
MASTERS = (1, 3)
WORKERS_MIN = 2


def _workers(wish: ClusterWish) -> int:
    shape, roles = wish.shape(), catalog().roles
    return sum(found.count for role, found in shape.items() if roles[role].kind == "worker")


def wrong_counts(wish: ClusterWish) -> Iterator[tuple[str, str, str, str]]:
    """Say what no cluster of that version may have: code, role, sentence, remedy."""
    shape = wish.shape()
    masters = shape["master"].count
    clients = shape["client"].count if "client" in shape else 0
    if masters not in MASTERS:
        sentence = f"Cluster {wish.name!r} has {masters} masters; a QKE cluster has 1 or 3"
        yield "cluster.masters", "master", sentence, "write count: 1 or count: 3 for role master"
    if clients > 1:
        sentence = f"Cluster {wish.name!r} has {clients} client nodes; a QKE cluster has one or none"
        yield "cluster.clients", "client", sentence, "write count: 1 or count: 0 for role client"
    if not clients and not operations().can(wish.version, "client-optional"):
        sentence = f"Cluster {wish.name!r} has no client node; QKE {wish.version} always has one"
        yield "cluster.clients", "client", sentence, "write count: 1 for role client"
    if not _workers(wish) and not operations().can(wish.version, "single-node"):
        sentence = f"Cluster {wish.name!r} has no worker; QKE {wish.version} knows no single-node cluster"
        yield "topology.no-workers", "node_perf", sentence, "add workers, or wish for 2.0.0 or later"


def _counts(case: Case) -> Iterator[Finding]:
    source = f"{CONFIG}; user guide, FAQ, G-182, G-185"
    for code, role, sentence, remedy in wrong_counts(case.wish):
        yield case.finding(code, "blocker", ("roles", role, "count"), sentence, remedy, source)


def _masters_fixed(case: Case) -> Iterator[Finding]:
    """Masters can be neither added nor removed (guide G-185; code 137)."""
    if case.now is None or not case.now.exists:
        return
    old, new = case.now.count("master"), case.goal.count("master")
    if old != new and new in MASTERS:
        sentence = f"{case.wish.name} has {old} masters and the wish {new}: masters can be neither added nor removed"
        remedy = f"write count: {old} for role master, or create another cluster"
        path = ("roles", "master", "count")
        yield case.finding(
            "topology.masters-fixed", "blocker", path, sentence, remedy, "user guide, FAQ, G-183, G-185", 137
        )


def _workers_left(case: Case) -> Iterator[Finding]:
    """At least two workers must be left after a removal (code 135), all worker roles together."""
    if case.now is None or not case.now.exists:
        return
    least = operations().scale_in(case.version).min_workers
    roles = catalog().roles
    removes = any(
        case.goal.shape[role].count < found.count
        for role, found in case.now.shape.items()
        if role in case.goal.shape and roles[role].kind == "worker"
    )
    left = case.goal.count("worker")
    if removes and left < least:
        sentence = f"The wish leaves {left} workers; QKE {case.version} refuses to go below {least}"
        source = "QKE app repo, scale_in pre_check, code 135; user guide, G-119"
        remedy = f"keep at least {least} workers, of all worker roles together"
        yield case.finding("topology.workers-left", "blocker", ("roles",), sentence, remedy, source, 135)


def _few_workers(case: Case) -> Iterator[Finding]:
    """Two workers of the masters' host type in a custom configuration: advised, not enforced (guide G-038, G-177)."""
    if case.wish.roles is None or not case.goal.count("worker"):
        return
    master = case.goal.shape["master"].instance_class
    same = sum(
        found.count
        for role, found in case.goal.shape.items()
        if catalog().roles[role].kind == "worker" and found.instance_class == master
    )
    if same < WORKERS_MIN:
        sentence = f"{same} workers have the masters' host type {master}; at least {WORKERS_MIN} are advised"
        remedy = "add workers of that type: volumes of the default class attach to them"
        source = "user guide, Express configuration, G-038; FAQ, G-177. The form does not enforce it"
        yield case.finding("topology.few-workers", "warning", ("roles",), sentence, remedy, source)


def _mixed_workers(case: Case) -> Iterator[Finding]:
    """Several worker types: not at 1.x (G-118); later, workloads with volumes must name a class (G-040, G-178)."""
    used = [role for role, found in case.goal.shape.items() if found.count and catalog().roles[role].kind == "worker"]
    if len(used) < 2:  # noqa: PLR2004 - several
        return
    if operations().can(case.version, "several-worker-types"):
        sentence = f"Workers of {len(used)} types ({', '.join(used)}): workloads with volumes must name a storage class"
        source, remedy = "user guide, G-040, G-178", "name the class in each claim, for example csi-ssd-enterprise"
        yield case.finding("topology.mixed-workers", "note", ("roles",), sentence, remedy, source)
    else:
        sentence = f"QKE {case.version} supports one type of workers, the wish has {', '.join(used)}"
        source, remedy = "user guide, Scaling, G-118", "keep one type: pods with volumes may not start on the other"
        yield case.finding("topology.mixed-workers", "warning", ("roles",), sentence, remedy, source)


def _single_node(case: Case) -> Iterator[Finding]:
    """All on the masters: possible from 2.0.0 on, and adding workers later does not bring the taint back."""
    if case.goal.count("worker"):
        if case.now is not None and case.now.exists and not case.now.count("worker"):
            sentence = "The masters were all there was: pods may still be placed on them, the taint is not put back"
            source = "QKE app repo, scale out of an all-in-one cluster; user guide, FAQ, G-183"
            remedy = "taint the masters by hand: node-role.kubernetes.io/master:NoSchedule"
            yield case.finding("topology.masters-untainted", "warning", ("roles",), sentence, remedy, source)
    elif operations().can(case.version, "single-node"):
        sentence = "There is no worker: everything runs on the masters"
        source, remedy = "user guide, FAQ, G-182 to G-184", "workers can be added at any time, masters never"
        yield case.finding("topology.single-node", "note", ("roles",), sentence, remedy, source)


def _host_types(case: Case) -> Iterator[Finding]:
    """The host type of a role with nodes does not change (unsupported action change_instance_class)."""
    if case.now is None or not case.now.exists:
        return
    for role, new in case.goal.shape.items():
        old = case.now.shape.get(role)
        if old is not None and case.now.nodes.get(role) and old.instance_class != new.instance_class:
            sentence = f"{role} runs on host type {old.instance_class}, which cannot become {new.instance_class}"
            remedy = "keep the type; add workers of another role and delete these instead"
            path = ("roles", role, "instance_class")
            source = f"{DEFINITION}, unsupported_actions"
            yield case.finding("topology.host-type-fixed", "blocker", path, sentence, remedy, source)


def _disks(case: Case) -> Iterator[Finding]:
    """Disks only grow (API, ResizeCluster: storage can only grow)."""
    if case.now is None or not case.now.exists:
        return
    for role, new in case.goal.shape.items():
        old = case.now.shape.get(role)
        if old is not None and case.now.nodes.get(role) and new.count and new.volume_gib < old.volume_gib:
            sentence = f"{role} has disks of {old.volume_gib}GiB, the wish has {new.volume_gib}GiB: disks only grow"
            remedy = f"write volume: {old.volume_gib}GiB or more"
            source = "yunify/qingcloud-docs, ResizeCluster: storage can only grow"
            yield case.finding("topology.disk-shrinks", "blocker", ("roles", role, "volume"), sentence, remedy, source)


def _resizes(case: Case) -> Iterator[Finding]:
    """Nodes of a role that is resized are away meanwhile (guide G-125)."""
    if case.now is None or not case.now.exists:
        return
    for role, new in case.goal.shape.items():
        old = case.now.shape.get(role)
        if old is not None and case.now.nodes.get(role) and (old.cpu, old.memory_mib) != (new.cpu, new.memory_mib):
            manner = operations().resize_manner(role, case.version)
            how = "one after another" if manner == "rolling" else "all at once"
            sentence = f"Nodes of {role} stop, are resized and start {how}; nothing drains them"
            remedy = "see that the other nodes can hold their pods meanwhile"
            source = f"user guide, Scaling, G-125, G-126; {DEFINITION}, vertical_scaling_policy"
            yield case.finding("topology.resize-felt", "warning", ("roles", role), sentence, remedy, source)


def _moves(case: Case) -> Iterator[Finding]:
    """Zone, vxnet, links and billing mode of an existing cluster stay."""
    now, wish = case.now, case.wish
    if case.world is not None and wish.zone != case.world.zone:
        sentence = f"The wish is for zone {wish.zone}, the world is zone {case.world.zone}"
        yield case.finding(
            "topology.zone", "blocker", ("zone",), sentence, f"write zone: {case.world.zone}", "a world is one zone"
        )
    if now is None or not now.exists:
        return
    fixed = (
        (("vxnet",), "vxnet", now.vxnet, wish.vxnet, f"{DEFINITION}: change_vxnet is not declared"),
        (("links", "etcd"), "linked etcd", now.etcd, wish.links.etcd, f"{CONFIG}: chosen at creation"),
        (("links", "elk"), "linked ELK", now.elk, wish.links.elk, f"{CONFIG}: chosen at creation"),
    )
    for path, what, old, new, source in fixed:
        if new is not None and new != old:
            sentence = f"The {what} of {wish.name} is {old or 'none'} and cannot become {new}"
            remedy = f"write {old}" if old else "leave it out"
            yield case.finding("topology.fixed", "blocker", path, sentence, remedy, source)
    if "billing" in wish.model_fields_set and wish.billing != now.billing:
        sentence = f"The billing mode of {wish.name} stays {now.billing.mode}: no operation of the cluster changes it"
        source, remedy = "yunify/qingcloud-docs, billing centre", "bind or end a contract in the billing centre"
        yield case.finding("topology.billing", "warning", ("billing",), sentence, remedy, source)


def _status(case: Case) -> Iterator[Finding]:
    """What the present status does not allow (guide G-164 to G-166)."""
    wished, now, present = case.wish.status, case.now, case.present
    path, source = ("status",), "user guide, Delete, G-164 to G-166; yunify/qingcloud-docs, ret_code 1400"
    if (now is None or not now.exists) and wished == "deleted" and case.world is not None:
        sentence = f"There is no cluster {case.wish.name!r} to delete"
        yield case.finding("lifecycle.absent", "blocker", path, sentence, "check the name", source, NOT_PERMITTED)
    if now is not None and now.phase == "suspended" and wished not in {"deleted", "ceased"}:
        sentence = f"{case.wish.name} is suspended: the account is in arrears, nothing can be changed"
        remedy = "top up the balance first"
        yield case.finding("lifecycle.suspended", "blocker", path, sentence, remedy, source, NOT_PERMITTED)
    kept_ms = operations().constants["recycle_bin_s"] * MS_PER_S
    gone = present is not None and present.deleted_for is not None and present.deleted_for > kept_ms
    if gone and present is not None and present.deleted_for is not None and wished in {"active", "stopped"}:
        for_long = render_duration(present.deleted_for)
        sentence = f"{case.wish.name} was deleted {for_long} ago; the recycle bin keeps {render_duration(kept_ms)}"
        remedy = "create it anew under another name"
        yield case.finding("lifecycle.ceased-already", "blocker", path, sentence, remedy, source)


RULES: tuple[Rule, ...] = (
    _status,
    _moves,
    _counts,
    _masters_fixed,
    _workers_left,
    _host_types,
    _disks,
    _few_workers,
    _mixed_workers,
    _single_node,
    _resizes,
)


def _world_counts(world: World) -> Iterator[Finding]:
    for place, cluster in enumerate(world.clusters):
        for code, role, sentence, remedy in wrong_counts(cluster):
            path = ("clusters", place, "roles", role, "count")
            yield world_finding(code, "blocker", path, sentence, remedy, CONFIG, cluster.name)


WORLD_RULES: tuple[WorldRule, ...] = (_world_counts,)

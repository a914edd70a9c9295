"""Rules of shape: masters, workers and client, and where and how a cluster stands.

Rules of its status (`qke_core.rules.status`) and of changing its nodes (`qke_core.rules.scaling`) are listed here too:
whoever asks for the rules of topology gets all three.

Rule: docs/rules/topology.md; QKE app repo, app/config.json; guide G-038, G-039, G-041 to G-047, G-118, G-182 to G-185.
"""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.catalog import operations
from qke_core.models.cluster import ClusterWish
from qke_core.models.world import World
from qke_core.rules import scaling, status
from qke_core.rules.case import Case, Rule, WorldRule, world_finding
from qke_core.rules.finding import Finding
from qke_core.rules.scaling import MASTERS, is_worker, standing

CONFIG = "QKE app repo, app/config.json"
WORKERS_ADVISED = 2
"""Workers of the masters' host type that a custom configuration should have (guide G-038)."""


# --- What no cluster of a version may have


def wrong_counts(wish: ClusterWish) -> Iterator[tuple[str, str, str, str]]:
    """Say what no cluster of that version may have: code, role, sentence, remedy."""
    shape, version, can = wish.shape(), wish.version, operations().can
    masters = shape["master"].count
    clients = shape["client"].count if "client" in shape else 0
    if masters not in MASTERS:
        sentence = f"Cluster {wish.name!r} has {masters} masters; a QKE cluster has 1 or 3"
        yield "cluster.masters", "master", sentence, "write count: 1 or count: 3 for role master"
    if clients > 1:
        sentence = f"Cluster {wish.name!r} has {clients} client nodes; a QKE cluster has one or none"
        remedy = "write count: 1 or count: 0" if can(version, "client-optional") else "write count: 1"
        yield "cluster.clients", "client", sentence, f"{remedy} for role client"
    if not clients and not can(version, "client-optional"):
        sentence = f"Cluster {wish.name!r} has no client node; QKE {version} always has one"
        yield "cluster.clients", "client", sentence, "write count: 1 for role client"
    if not any(found.count for role, found in shape.items() if is_worker(role)) and not can(version, "single-node"):
        sentence = f"Cluster {wish.name!r} has no worker; QKE {version} knows no cluster without one"
        yield "topology.no-workers", "", sentence, "add workers, or wish for 2.0.0 or later"


def _counts(case: Case) -> Iterator[Finding]:
    source = f"{CONFIG}; user guide, FAQ, G-182, G-185"
    for code, role, sentence, remedy in wrong_counts(case.wish):
        path = ("roles", role, "count") if role else ("roles",)
        yield case.finding(code, "blocker", path, sentence, remedy, source)


# --- What a new or changed shape should have


def _few_workers(case: Case) -> Iterator[Finding]:
    """Two workers of the masters' host type in a custom configuration: advised, not enforced (guide G-038, G-177)."""
    if case.wish.roles is None or not case.goal.count("worker") or case.wish.status in {"deleted", "ceased"}:
        return
    master = case.goal.shape["master"].instance_class
    same = sum(
        found.count for role, found in case.goal.shape.items() if is_worker(role) and found.instance_class == master
    )
    if same < WORKERS_ADVISED:
        have = "1 worker has" if same == 1 else f"{same} workers have"
        sentence = f"{have} the masters' host type {master}; at least {WORKERS_ADVISED} are advised"
        remedy = "add workers of that type; others may come on top, as needed"
        source = "user guide, Express configuration, G-038; FAQ, G-177. The form does not enforce it"
        yield case.finding("topology.few-workers", "warning", ("roles",), sentence, remedy, source)


def _mixed_workers(case: Case) -> Iterator[Finding]:
    """1.x supports one type of workers (guide G-118). Later versions take several; storage rules say what then."""
    used = [role for role, found in case.goal.shape.items() if found.count and is_worker(role)]
    ends = case.wish.status in {"deleted", "ceased"}
    if len(used) < 2 or ends or operations().can(case.version, "several-worker-types"):  # noqa: PLR2004 - several
        return
    sentence = f"QKE {case.version} supports one type of workers, the wish has {', '.join(used)}"
    source, remedy = "user guide, Scaling, G-118", "keep one type: pods with volumes may not start on the other"
    yield case.finding("topology.mixed-workers", "warning", ("roles",), sentence, remedy, source)


def _without_workers(case: Case) -> Iterator[Finding]:
    """All on the masters: possible from 2.0.0 on (guide G-182; QKE app repo: each master drops its own taint)."""
    ends = case.wish.status in {"deleted", "ceased"}
    if case.goal.count("worker") or not operations().can(case.version, "single-node") or ends:
        return
    masters = case.goal.count("master")
    severity = "note" if masters == 1 else "warning"
    sentence = f"There is no worker: everything runs on {masters} master{'s' * (masters > 1)}"
    if masters > 1:
        sentence += "; the guide knows this with one master only"
    source, remedy = "user guide, FAQ, G-182 to G-184", "workers can be added at any time, masters never"
    yield case.finding("topology.single-node", severity, ("roles",), sentence, remedy, source)


# --- Where and how it stands


def _moves(case: Case) -> Iterator[Finding]:
    """Zone, vxnet, links and billing mode of an existing cluster stay."""
    now, wish = standing(case), case.wish
    if case.world is not None and wish.zone != case.world.zone:
        sentence = f"The wish is for zone {wish.zone}, the world is zone {case.world.zone}"
        remedy = f"write zone: {case.world.zone}, or give the World of {wish.zone}"
        source = "yunify/qingcloud-docs, zones: resources of different zones know nothing of each other"
        yield case.finding("cluster.zone-differs", "blocker", ("zone",), sentence, remedy, source)
    if now is None:
        return
    fixed = (
        (("vxnet",), "vxnet", now.vxnet, wish.vxnet, "user guide, Network, G-041: chosen when it is created"),
        (("links", "etcd"), "linked etcd", now.etcd, wish.links.etcd, "user guide, Dependencies, G-042, G-044"),
        (("links", "elk"), "linked ELK", now.elk, wish.links.elk, "user guide, Dependencies, G-045, G-047"),
    )
    for path, what, old, new, source in fixed:
        if new is not None and new != old:
            sentence = f"The {what} of {wish.name} is {old or 'not known'} and cannot become {new}"
            remedy = f"write {path[-1]}: {old}" if old else f"leave {path[-1]} out, or say in the World what it is"
            yield case.finding("topology.fixed", "blocker", path, sentence, remedy, source)
    if "billing" in wish.model_fields_set and wish.billing != now.billing:
        sentence = f"{wish.name} stays {now.billing.mode}: no operation of a cluster changes its billing mode"
        source, remedy = "yunify/qingcloud-docs, billing centre", "bind or end a contract in the billing centre"
        yield case.finding("topology.billing", "warning", ("billing",), sentence, remedy, source)


RULES: tuple[Rule, ...] = (
    *status.RULES,
    _moves,
    _counts,
    _few_workers,
    _mixed_workers,
    _without_workers,
    *scaling.RULES,
)


def _world_counts(world: World) -> Iterator[Finding]:
    for place, cluster in enumerate(world.clusters):
        for code, role, sentence, remedy in wrong_counts(cluster):
            path = ("clusters", place, "roles", *((role, "count") if role else ()))
            yield world_finding(code, "blocker", path, sentence, remedy, CONFIG, cluster.name)


WORLD_RULES: tuple[WorldRule, ...] = (*status.WORLD_RULES, _world_counts)

"""Rules of a cluster's status: what its present one does not allow, and what deleting it leaves or loses.

Rule: docs/rules/lifecycle.md; guide G-144, G-164 to G-167, G-190 to G-192; yunify/qingcloud-docs, API: DeleteClusters,
RecoverClusters.
"""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.catalog import operations
from qke_core.lifecycle import NOT_FOUND, NOT_PERMITTED, allowed
from qke_core.models.world import World
from qke_core.rules.case import Case, Rule, WorldRule, world_finding
from qke_core.rules.finding import Finding
from qke_core.units import MS_PER_S, render_duration

BIN = "user guide, Delete, G-164 to G-166"
API = "yunify/qingcloud-docs, ret_code 1400: the state of the resource forbids the operation"
PATH = ("status",)


def _recycle_bin_ms() -> int:
    return operations().constants["recycle_bin_s"] * MS_PER_S


def _absent(case: Case) -> Iterator[Finding]:
    """What is not there can be created, not deleted. Gone for ever is true already."""
    if case.world is None or not case.creates or case.wish.status not in {"deleted", "ceased"}:
        return
    known = ", ".join(cluster.name for cluster in case.others) or "no other"
    sentence = f"There is no cluster {case.wish.name!r}; the world has {known}"
    if case.wish.status == "ceased":
        yield case.finding("lifecycle.absent", "note", PATH, sentence, "check the name, or leave it so", BIN)
    else:
        remedy = "check the name, or write status: ceased if it is gone for ever"
        yield case.finding("lifecycle.absent", "blocker", PATH, sentence, remedy, f"{BIN}; {API}", NOT_FOUND)


def _suspended(case: Case) -> Iterator[Finding]:
    """A suspended cluster can be deleted and nothing else."""
    now = case.now
    if now is None or now.phase != "suspended" or case.wish.status in {"deleted", "ceased"}:
        return
    sentence = f"{case.wish.name} is suspended: the account is in arrears, and only deleting it is allowed"
    remedy = "top up the balance first"
    yield case.finding("lifecycle.suspended", "blocker", PATH, sentence, remedy, API, NOT_PERMITTED)


def _over(case: Case) -> Iterator[Finding]:
    """What was in the recycle bin for too long is gone (guide G-166)."""
    present = case.present
    if present is None or present.deleted_for is None or case.wish.status == "ceased":
        return
    if present.status == "deleted" and present.deleted_for > _recycle_bin_ms():
        ago, kept = render_duration(present.deleted_for), render_duration(_recycle_bin_ms())
        sentence = f"{case.wish.name} was deleted {ago} ago and is gone: the recycle bin keeps {kept}"
        remedy = "take it out of the World file; then the wish creates it anew"
        yield case.finding("lifecycle.ceased-already", "blocker", PATH, sentence, remedy, BIN)


def _bin(case: Case) -> Iterator[Finding]:
    """Say until when there is a way back (guide G-165, G-166)."""
    present, now, wished = case.present, case.now, case.wish.status
    if present is None or now is None or not now.exists:
        return
    name, kept = case.wish.name, render_duration(_recycle_bin_ms())
    if wished == "ceased":
        sentence = f"{name} is destroyed for ever: once ceased, nothing recovers it"
        remedy = f"write status: deleted to keep a way back for {kept}"
        yield case.finding("lifecycle.no-way-back", "warning", PATH, sentence, remedy, BIN)
    elif wished == "deleted":
        sentence = f"{name} can be recovered for {kept} after it is deleted; then it is ceased by itself"
        yield case.finding("lifecycle.recycle-bin", "note", PATH, sentence, "write status: active to recover it", BIN)
    elif now.phase == "deleted" and present.deleted_for is None:
        sentence = f"{name} is in the recycle bin, which keeps it for {kept}; the world does not say since when"
        remedy = "write deleted_for, such as 30m, into the World file"
        yield case.finding("lifecycle.recycle-bin", "note", PATH, sentence, remedy, BIN)
    elif now.phase == "deleted" and present.deleted_for is not None and present.deleted_for <= _recycle_bin_ms():
        left = render_duration(_recycle_bin_ms() - present.deleted_for)
        sentence = f"{name} is in the recycle bin and can be recovered for another {left}"
        yield case.finding("lifecycle.recycle-bin", "note", PATH, sentence, "apply before that", BIN)


def _leftovers(case: Case) -> Iterator[Finding]:
    """What Kubernetes made before 2.0.0 is not destroyed with the cluster (guide G-167, G-190 to G-192)."""
    now = case.now
    if now is None or not now.exists or case.wish.status not in {"deleted", "ceased"}:
        return
    if operations().can(now.born_as, "automatic-destruction"):
        return
    when = "" if now.version == now.born_as else f" before its upgrade from {now.born_as}"
    sentence = f"Load balancers, firewalls and volumes that {case.wish.name} made{when} are not destroyed with it"
    source = "user guide, Delete, G-167; FAQ, G-190 to G-192"
    remedy = "once it is ceased, remove them by hand"
    yield case.finding("lifecycle.leftovers", "warning", PATH, sentence, remedy, source)


def _system_disks(case: Case) -> Iterator[Finding]:
    """Whoever stops loses what is not on /data (guide G-144)."""
    now = case.now
    if now is None or not allowed("stop", now.phase) or case.wish.status not in {"stopped", "deleted"}:
        return
    sentence = "What stops keeps /data alone on masters and workers: all else on them is new at the next start"
    source = "developer guide, specifications: only nodes with user_access keep the system disk; user guide, G-144"
    yield case.finding("lifecycle.system-disk", "warning", PATH, sentence, "move what you need to /data", source)


RULES: tuple[Rule, ...] = (_absent, _suspended, _over, _bin, _leftovers, _system_disks)


def _world_over(world: World) -> Iterator[Finding]:
    for place, cluster in enumerate(world.clusters):
        if cluster.status == "deleted" and cluster.deleted_for is not None and cluster.deleted_for > _recycle_bin_ms():
            ago, kept = render_duration(cluster.deleted_for), render_duration(_recycle_bin_ms())
            sentence = f"Cluster {cluster.name!r} was deleted {ago} ago and is gone: the recycle bin keeps {kept}"
            path, remedy = ("clusters", place, "deleted_for"), "take it out of the file"
            yield world_finding("lifecycle.ceased-already", "blocker", path, sentence, remedy, BIN, cluster.name)


WORLD_RULES: tuple[WorldRule, ...] = (_world_over,)

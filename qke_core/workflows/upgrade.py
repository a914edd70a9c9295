"""Upgrade a cluster, as an operator does it: look, plan, check, ask, watch, verify; hop after hop.

What the platform and the nodes do by themselves is not in here: it happens behind the doors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from qke_core.catalog import Version, catalog
from qke_core.effects import (
    DescribeCluster,
    DescribeClusterJobs,
    Flow,
    JobView,
    ListNodes,
    Now,
    Sleep,
    Tell,
    UpgradeCluster,
    perform,
    perform_patiently,
)
from qke_core.errors import RefusedError, RemoteError, StuckError
from qke_core.models.observation import ClusterObservation
from qke_core.plan import plan_upgrade
from qke_core.rules import Finding, check_upgrade
from qke_core.units import MS_PER_H, MS_PER_MIN, render_rough
from qke_core.workflows.observe import observe_cluster

Preflight = Literal["enforce", "report"]

VERIFY_WITHIN_MS = 10 * MS_PER_MIN
"""Ours: how long a finished upgrade may take to show all nodes at the new version and Ready."""

VERIFY_POLL_MS = 10_000


@dataclass(frozen=True, slots=True)
class UpgradeRequest:
    """What is asked for.

    `preflight`: `enforce` stops at a blocker before the platform is asked; `report` only tells the findings.
    `poll_ms` is the pause between two looks at the job.
    """

    cluster_id: str
    target: str
    preflight: Preflight = "enforce"
    poll_ms: int = MS_PER_MIN


@dataclass(frozen=True, slots=True)
class UpgradeResult:
    """What came of it: the versions passed, and the time from the first question to the last answer."""

    path: tuple[str, ...]
    took_ms: int


def upgrade_cluster(request: UpgradeRequest) -> Flow[UpgradeResult]:
    """Bring a cluster to the target version over as many upgrades as the product needs.

    Raises:
        InputError: `cluster.unknown`, `version.unknown`.
        RefusedError: `cluster.version-unknown`, `upgrade.no-path`, or the first blocker's code (facts:
            `platform_code`).
        RemoteError: `upgrade.job-failed` with the product's code in `platform_code`.
        StuckError: `upgrade.job-stuck` or `upgrade.unverified`.
    Rule: docs/rules/upgrade.md.
    """
    began = yield from perform(Now())
    observed = yield from observe_cluster(request.cluster_id)
    plan = plan_upgrade(observed, request.target, catalog())
    yield from perform(Tell.of("plan", observed.name, plan.to_json()))
    for number, version in enumerate(plan.path):
        if number:
            observed = yield from observe_cluster(request.cluster_id)
        yield from _check(observed, version, request.preflight)
        job_id = yield from _ask(request.cluster_id, version)
        yield from _watch(request, observed, version, job_id)
        yield from _verify(observed, version)
    ended = yield from perform(Now())
    return UpgradeResult(plan.path, ended - began)


def _check(observed: ClusterObservation, target: str, preflight: Preflight) -> Flow[None]:
    """Tell all findings; with `enforce`, stop at blockers."""
    findings = check_upgrade(observed, target, catalog())
    body = {"target": target, "findings": [finding.to_json() for finding in findings]}
    yield from perform(Tell.of("preflight", observed.name, body))
    blockers = [finding for finding in findings if finding.severity == "blocker"]
    if blockers and preflight == "enforce":
        raise _refusal(target, blockers)


def _refusal(target: str, blockers: Sequence[Finding]) -> RefusedError:
    first = blockers[0]
    more = f" (and {len(blockers) - 1} more)" if len(blockers) > 1 else ""
    codes = [finding.platform_code for finding in blockers if finding.platform_code]
    return RefusedError(
        first.code,
        first.sentence + more,
        first.remedy,
        {"target": target, "platform_code": codes[0] if codes else 0, "blockers": len(blockers)},
    )


def _ask(cluster_id: str, version: str) -> Flow[str]:
    """Ask for the upgrade exactly once, even if the answer is lost."""
    jobs = yield from perform_patiently(DescribeClusterJobs(cluster_id))
    known = tuple(job.job_id for job in jobs if job.action == UpgradeCluster.action)
    app_version = catalog().version(version).app_version_id
    return (yield from perform_patiently(UpgradeCluster(cluster_id, app_version, known)))


def _watch(request: UpgradeRequest, observed: ClusterObservation, version: str, job_id: str) -> Flow[None]:
    """Wait for the job's end. The platform's own service timeouts bound it; we give it an hour on top."""
    bound_ms = _bound_ms(observed, version)
    began = yield from perform(Now())
    while True:
        job = yield from _look_at_job(request.cluster_id, job_id)
        if job.finished:
            break
        now = yield from perform(Now())
        if now - began > bound_ms:
            raise StuckError(
                "upgrade.job-stuck",
                f"Job {job_id} is {job.status} after {render_rough(now - began)}, longer than any service may take",
                "open a ticket with the job's id; do not start a second upgrade",
                {"job": job_id, "target": version},
            )
        yield from perform(Sleep(request.poll_ms))
    if job.status != "successful":
        code = catalog().codes.get(job.error_code)
        meaning = code.message if code is not None else "no further code"
        raise RemoteError(
            "upgrade.job-failed",
            f"The upgrade of {observed.name} to {version} ended as {job.status} with code {job.error_code}: {meaning}",
            code.remedy if code is not None else "open a ticket with the job's id",
            {"job": job_id, "target": version, "platform_code": job.error_code},
        )


def _look_at_job(cluster_id: str, job_id: str) -> Flow[JobView]:
    jobs = yield from perform_patiently(DescribeClusterJobs(cluster_id, (job_id,)))
    if not jobs:
        raise RemoteError(
            "upgrade.job-lost",
            f"The platform no longer knows job {job_id}",
            "look at the cluster's state in the console before going on",
            {"job": job_id},
        )
    return jobs[0]


def _bound_ms(observed: ClusterObservation, version: str) -> int:
    """Return the sum of the service timeouts, order by order, plus an hour for volumes and checks."""
    longest: dict[int, int] = {}
    for role in {node.role for node in observed.nodes}:
        service = catalog().upgrade_service(role, version)
        if service is not None:
            longest[service.order] = max(longest.get(service.order, 0), service.timeout_ms)
    return sum(longest.values()) + MS_PER_H


def _verify(observed: ClusterObservation, version: str) -> Flow[None]:
    """See with our own eyes: active, at the version, every Kubernetes node Ready with the new kubelet."""
    facts = catalog().version(version)
    began = yield from perform(Now())
    while True:
        wrong = yield from _differences(observed, facts)
        if not wrong:
            return
        now = yield from perform(Now())
        if now - began > VERIFY_WITHIN_MS:
            raise StuckError(
                "upgrade.unverified",
                f"The job for {version} succeeded, but {wrong}",
                "look at the node named; the platform considers the upgrade done",
                {"target": version},
            )
        yield from perform(Sleep(VERIFY_POLL_MS))


def _differences(observed: ClusterObservation, wanted: Version) -> Flow[str]:
    """Return what still differs from an upgraded cluster, as the end of a sentence; empty when nothing does."""
    cluster = yield from perform_patiently(DescribeCluster(observed.cluster_id))
    if cluster is None or not cluster.settled or cluster.app_version != wanted.app_version_id:
        return "the cluster is not yet active at the new version"
    try:
        nodes = yield from perform(ListNodes(observed.cluster_id))
    except RemoteError:
        return "its API server does not answer"
    if len(nodes) < len(observed.k8s_nodes):
        return f"its API server lists {len(nodes)} of {len(observed.k8s_nodes)} nodes"
    for node in nodes:
        if node.kubelet_version != wanted.kubernetes:
            return f"node {node.name} still runs kubelet {node.kubelet_version}"
        if not node.ready:
            return f"node {node.name} is not Ready"
    return ""

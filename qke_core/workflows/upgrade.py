"""Upgrade a cluster, as an operator does it: look, plan, check, ask, watch, verify; hop after hop.

What the platform and the nodes do by themselves is not in here: it happens behind the doors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from qke_core.catalog import Version, catalog
from qke_core.effects import (
    DescribeCluster,
    Flow,
    Now,
    Tell,
    UpgradeCluster,
    perform,
    perform_patiently,
)
from qke_core.models.observation import ClusterObservation
from qke_core.plan import plan_upgrade
from qke_core.rules import check_upgrade
from qke_core.units import MS_PER_H, MS_PER_MIN
from qke_core.workflows.observe import observe_cluster
from qke_core.workflows.watch import (
    Errand,
    JobCodes,
    Preflight,
    ask_once,
    check_first,
    node_differences,
    verify,
    watch_job,
)

UPGRADE = JobCodes("upgrade.job-failed", "upgrade.job-lost", "upgrade.job-stuck", "upgrade.unverified")


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
        errand = _errand(observed, version)
        bound_ms = _bound_ms(observed, version)
        yield from watch_job(request.cluster_id, job_id, errand, poll_ms=request.poll_ms, bound_ms=bound_ms)
        yield from verify(partial(_differences, observed, catalog().version(version)), errand)
    ended = yield from perform(Now())
    return UpgradeResult(plan.path, ended - began)


def _check(observed: ClusterObservation, target: str, preflight: Preflight) -> Flow[None]:
    """Tell all findings; with `enforce`, stop at blockers."""
    yield from check_first(observed.name, target, check_upgrade(observed, target, catalog()), preflight)


def _ask(cluster_id: str, version: str) -> Flow[str]:
    app_version = catalog().version(version).app_version_id
    return (
        yield from ask_once(
            cluster_id, UpgradeCluster, lambda known: UpgradeCluster(cluster_id, app_version, known_jobs=known)
        )
    )


def _errand(observed: ClusterObservation, version: str) -> Errand:
    what = f"The upgrade of {observed.name} to {version}"
    return Errand(UPGRADE, what, f"for {version}", "start a second upgrade", {"target": version})


def _bound_ms(observed: ClusterObservation, version: str) -> int:
    """Return the sum of the service timeouts, order by order, plus an hour for volumes and checks."""
    longest: dict[int, int] = {}
    for role in {node.role for node in observed.nodes}:
        service = catalog().upgrade_service(role, version)
        if service is not None:
            longest[service.order] = max(longest.get(service.order, 0), service.timeout_ms)
    return sum(longest.values()) + MS_PER_H


def _differences(observed: ClusterObservation, wanted: Version) -> Flow[str]:
    """See with our own eyes: active, at the version, every Kubernetes node Ready with the new kubelet.

    Return what still differs, as the end of a sentence; empty when nothing does.
    """
    cluster = yield from perform_patiently(DescribeCluster(observed.cluster_id))
    if cluster is None or not cluster.settled or cluster.app_version != wanted.app_version_id:
        return "the cluster is not yet active at the new version"
    return (yield from node_differences(observed.cluster_id, len(observed.k8s_nodes), wanted.kubernetes))

"""What every operation shares: say what was found, ask exactly once, wait for the job's end, look until all is well.

An operation names itself in an `Errand`, so that its errors carry its own codes and words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeVar

from qke_core.catalog import catalog, operations
from qke_core.effects import (
    ClusterChange,
    DescribeClusterJobs,
    Flow,
    JobView,
    ListNodes,
    Now,
    Sleep,
    Tell,
    perform,
    perform_patiently,
)
from qke_core.errors import Fact, RefusedError, RemoteError, StuckError
from qke_core.rules import Finding
from qke_core.units import MS_PER_H, MS_PER_MIN, render_rough

T = TypeVar("T")

Preflight: TypeAlias = Literal["enforce", "report"]
"""`enforce` stops at a blocker before the platform is asked; `report` only tells the findings."""

VERIFY_WITHIN_MS = 10 * MS_PER_MIN
"""Ours: how long a finished job may take to show what it did."""

VERIFY_POLL_MS = 10_000

MARGIN_MS = 2 * MS_PER_H
"""Ours: what a job may take beside the services' own timeouts, for instances, volumes and queues."""


@dataclass(frozen=True, slots=True)
class JobCodes:
    """Our codes for what can become of a job; `unverified` where its outcome is looked at."""

    failed: str
    lost: str
    stuck: str
    unverified: str = ""


OPERATION = JobCodes("operation.job-failed", "operation.job-lost", "operation.job-stuck", "operation.unverified")


@dataclass(frozen=True, slots=True)
class Errand:
    """How an operation is called in errors.

    `codes` are its own, `what` the subject of their sentences ("The upgrade of shop to 2.0.0"),
    `short` the same in a clause ("for 2.0.0"), `again` what not to do a second time, `facts` what they carry.
    """

    codes: JobCodes
    what: str
    short: str
    again: str
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])


def errand_of(doing: str, operation: str) -> Errand:
    """Return how an operation is called in errors."""
    return Errand(
        OPERATION, doing[0].upper() + doing[1:], f"for {doing}", "ask a second time", {"operation": operation}
    )


def service_bound_ms(version: str, roles: Collection[str], names: tuple[str, ...], times: int = 1) -> int:
    """Return how long a job may take at most: `times` the services it runs on these roles, and a margin.

    Services of one name and order run side by side, all others one after another.
    """
    longest: dict[tuple[str, int], int] = {}
    for (role, name, at), service in operations().services.items():
        if role in roles and name in names and at == version:
            longest[name, service.order] = max(longest.get((name, service.order), 0), service.timeout_ms)
    return sum(longest.values()) * times + MARGIN_MS


def check_first(subject: str, target: str, findings: Sequence[Finding], preflight: Preflight) -> Flow[None]:
    """Tell what was found before the platform is asked; with `enforce`, stop at blockers.

    Raises:
        RefusedError: the first blocker's code (facts: `platform_code`).
    """
    body = {"target": target, "findings": [finding.to_json() for finding in findings]}
    yield from perform(Tell.of("preflight", subject, body))
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


def ask_once(cluster_id: str, kind: type[ClusterChange], make: Callable[[tuple[str, ...]], ClusterChange]) -> Flow[str]:
    """Ask for one job exactly once, even if the answer is lost; return the job's id.

    `make` is given the ids of the jobs of this kind that are known before.

    Raises:
        RemoteError: when the cloud door does not answer, or says no.
    """
    jobs = yield from perform_patiently(DescribeClusterJobs(cluster_id))
    word = kind.job_action or kind.action
    effect = make(tuple(job.job_id for job in jobs if job.action == word))
    return (yield from perform_patiently(effect))


def take_no(asking: Flow[T]) -> Flow[T]:
    """Ask, and turn what the platform refuses for good into a refusal with its code in `platform_code`.

    Raises:
        RefusedError: `operation.refused`.
    """
    try:
        return (yield from asking)
    except RemoteError as error:
        if error.code != "cloud.refused" or error.retry:
            raise
        facts = {"action": str(error.facts["action"]), "platform_code": int(error.facts["ret_code"])}
        raise RefusedError("operation.refused", error.sentence, error.remedy, facts) from error


def watch_job(cluster_id: str, job_id: str, errand: Errand, *, poll_ms: int, bound_ms: int) -> Flow[None]:
    """Wait for the end of a cluster's job, at most `bound_ms`.

    Raises:
        RemoteError: `failed` of the errand's codes with the product's code in `platform_code`, or `lost`.
        StuckError: `stuck` of the errand's codes.
    """
    began = yield from perform(Now())
    while True:
        job = yield from look_at_job(cluster_id, job_id, errand)
        if job.finished:
            break
        now = yield from perform(Now())
        if now - began > bound_ms:
            raise job_stuck(job, now - began, errand)
        yield from perform(Sleep(poll_ms))
    if job.status != "successful":
        raise job_failed(job, errand)


def look_at_job(cluster_id: str, job_id: str, errand: Errand) -> Flow[JobView]:
    """Look at one job.

    Raises:
        RemoteError: `lost` of the errand's codes when the platform no longer knows it.
    """
    jobs = yield from perform_patiently(DescribeClusterJobs(cluster_id, (job_id,)))
    if not jobs:
        raise job_lost(job_id, errand)
    return jobs[0]


def job_lost(job_id: str, errand: Errand) -> RemoteError:
    """Return the error for a job that is no longer known."""
    return RemoteError(
        errand.codes.lost,
        f"The platform no longer knows job {job_id}",
        "look at the cluster's state in the console before going on",
        {"job": job_id},
    )


def job_stuck(job: JobView, after_ms: int, errand: Errand) -> StuckError:
    """Return the error for a job that does not come to an end."""
    return StuckError(
        errand.codes.stuck,
        f"Job {job.job_id} is {job.status} after {render_rough(after_ms)}, longer than any service may take",
        f"open a ticket with the job's id; do not {errand.again}",
        {"job": job.job_id, **errand.facts},
    )


def job_failed(job: JobView, errand: Errand) -> RemoteError:
    """Return the error for a job that did not end well."""
    meaning, remedy = _meant_by(job.error_code)
    return RemoteError(
        errand.codes.failed,
        f"{errand.what} ended as {job.status} with code {job.error_code}: {meaning}",
        remedy,
        {"job": job.job_id, **errand.facts, "platform_code": job.error_code},
    )


def _meant_by(code: int) -> tuple[str, str]:
    """Return what a job's code means and what to do: the product's own codes, or what the cloud answered it with."""
    own, cloud = catalog().codes.get(code), catalog().ret_codes.get(code)
    if own is not None:
        return own.message, own.remedy
    if cloud is not None and cloud.remedy:
        return f"{cloud.meaning}.", cloud.remedy
    return "no further code", "open a ticket with the job's id"


def verify(differences: Callable[[], Flow[str]], errand: Errand) -> Flow[None]:
    """Look until nothing differs from what was asked for. `differences` returns the end of a sentence, or nothing.

    Raises:
        StuckError: `unverified` of the errand's codes after `VERIFY_WITHIN_MS`.
    """
    began = yield from perform(Now())
    while True:
        wrong = yield from differences()
        if not wrong:
            return
        now = yield from perform(Now())
        if now - began > VERIFY_WITHIN_MS:
            raise StuckError(
                errand.codes.unverified,
                f"The job {errand.short} succeeded, but {wrong}",
                "look at the node named; the platform considers the work done",
                errand.facts,
            )
        yield from perform(Sleep(VERIFY_POLL_MS))


def node_differences(cluster_id: str, count: int, kubelet: str = "", *, tolerated: tuple[str, ...] = ()) -> Flow[str]:
    """Ask the API server for its nodes: at least `count`, all Ready, all with this kubelet version if one is given.

    Nodes named in `tolerated` may be as they like.

    Return what still differs, as the end of a sentence; empty when nothing does.
    """
    try:
        nodes = yield from perform(ListNodes(cluster_id))
    except RemoteError:
        return "its API server does not answer"
    if len(nodes) < count:
        return f"its API server lists {len(nodes)} of {count} nodes"
    for node in nodes:
        if kubelet and node.kubelet_version != kubelet:
            return f"node {node.name} still runs kubelet {node.kubelet_version}"
        if not node.ready and node.name not in tolerated:
            return f"node {node.name} is not Ready"
    return ""

"""One action of the cloud, word for word, as somebody types it: for what no other workflow does."""

from __future__ import annotations

import json
from dataclasses import dataclass

from qke_core.effects import (
    CloudCall,
    Flow,
    JobView,
    JsonObject,
    ListJobs,
    Now,
    Sleep,
    perform,
    perform_patiently,
)
from qke_core.effects.changes import is_read
from qke_core.errors import RefusedError
from qke_core.units import MS_PER_MIN, MS_PER_S
from qke_core.workflows.watch import Errand, JobCodes, job_failed, job_lost, job_stuck, take_no

CALL = JobCodes("call.job-failed", "call.job-lost", "call.job-stuck")

BOUND_MS = 60 * MS_PER_MIN
"""Ours: how long the job of a single call is watched."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """What is called. `expect_ret_code`: a refusal with this code is what was wanted; 0 wants none."""

    action: str
    params: JsonObject
    expect_ret_code: int = 0
    poll_ms: int = 10 * MS_PER_S


def call_cloud(request: CallRequest) -> Flow[JsonObject]:
    """Call once, wait for the job if there is one, return the answer; empty when the refusal that was wanted came.

    Raises:
        RefusedError: `operation.refused` with the code in `platform_code`; `call.not-refused`.
        RemoteError: `cloud.in-doubt`, `call.job-failed`.
        StuckError: `call.job-stuck`.
    """
    try:
        answer = yield from take_no(_ask(request))
    except RefusedError as error:
        if request.expect_ret_code and error.facts.get("platform_code") == request.expect_ret_code:
            return {}
        raise
    if request.expect_ret_code:
        raise RefusedError(
            "call.not-refused",
            f"{request.action} was taken; ret_code {request.expect_ret_code} was expected",
            "see whether what should forbid it is really there",
            {"action": request.action},
        )
    job_id = answer.get("job_id")
    if isinstance(job_id, str) and job_id:
        yield from _watch(request, job_id)
    return answer


def _ask(request: CallRequest) -> Flow[JsonObject]:
    body = json.dumps(request.params, sort_keys=True, ensure_ascii=False)
    if is_read(request.action):
        return (yield from perform_patiently(CloudCall(request.action, body)))
    jobs = yield from perform_patiently(ListJobs())
    known = tuple(job.job_id for job in jobs if job.action == request.action)
    return (yield from perform_patiently(CloudCall(request.action, body, known)))


def _watch(request: CallRequest, job_id: str) -> Flow[None]:
    errand = Errand(CALL, request.action, f"of {request.action}", "ask a second time", {"action": request.action})
    began = yield from perform(Now())
    while True:
        jobs: tuple[JobView, ...] = yield from perform_patiently(ListJobs((job_id,)))
        if not jobs:
            raise job_lost(job_id, errand)
        if jobs[0].finished:
            break
        now = yield from perform(Now())
        if now - began > BOUND_MS:
            raise job_stuck(jobs[0], now - began, errand)
        yield from perform(Sleep(request.poll_ms))
    if jobs[0].status != "successful":
        raise job_failed(jobs[0], errand)

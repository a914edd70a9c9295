"""How the cluster's own programs deal with the cloud: they wait for jobs by polling, and try again with back-off.

Both are computed, not run. A job that ends is noticed at the next poll. A try that would meet the same exhausted quota
again is left out until something in the cloud was freed; then it happens at the instant that the back-off gives.
Rule: qingcloud-csi and qingcloud-cloud-controller-manager, their waits and back-off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from qke_core.catalog import catalog
from qke_core.effects import Json, JsonObject
from qke_core.errors import RemoteError
from qke_sim.cloud import Cloud, Job, Outcome
from qke_sim.kernel import Kernel, Process, callbacks_of

NO_ANSWER, QUOTAS_EXCEEDED = 5000, 2500
TIMED_OUT = "timed out waiting for the job"


@dataclass(frozen=True, slots=True)
class Pace:
    """How a program polls a job: every `interval_ms`, for `timeout_ms` at most."""

    interval_ms: int
    timeout_ms: int


def ask(cloud: Cloud, action: str, params: JsonObject, by: str, cause: int, pace: Pace) -> Process[Outcome]:
    """Make one call, and wait for its job at the program's own pace. Never raises.

    The answer is kept when the job takes too long, so that what it made is not forgotten.
    """
    try:
        answer: Mapping[str, Json] = yield from cloud.call(action, params, by, cause)
    except RemoteError as error:
        return Outcome(NO_ANSWER, error.sentence, {}, cause)
    code, job = int(cast("int", answer["ret_code"])), cloud.jobs.get(str(answer.get("job_id", "")))
    if code or job is None:
        return Outcome(code, str(answer.get("message", "")), answer, cause)
    return (yield from _wait(cloud.kernel, job, answer, cause, pace))


def _wait(kernel: Kernel, job: Job, answer: Mapping[str, Json], cause: int, pace: Pace) -> Process[Outcome]:
    begun = kernel.now
    yield kernel.env.any_of([job.ended, kernel.pause(pace.timeout_ms)])
    if not job.finished:
        return Outcome(0, TIMED_OUT, answer, cause, job.status)
    yield kernel.pause(-(kernel.now - begun) % pace.interval_ms)
    message = "" if job.code == 0 else f"job [{job.job_id}] failed"
    return Outcome(0, message, answer, cast("int", job.ended.value), job.status)


@dataclass(slots=True)
class _Failure:
    """Something that failed: how often, when the next try is due, and how to make it."""

    tries: int
    due_ms: int
    again: Callable[[int], None]
    parked: bool


class Retries:
    """What failed and is tried again, by name of the thing."""

    def __init__(self, kernel: Kernel) -> None:
        """Begin with nothing."""
        self._kernel = kernel
        self._failures: dict[str, _Failure] = {}

    def succeeded(self, name: str) -> None:
        """Forget how often it failed."""
        self._failures.pop(name, None)

    def failed(self, name: str, outcome: Outcome, again: Callable[[int], None]) -> None:
        """Plan the next try of something that failed."""
        before = self._failures.get(name)
        tries = 1 if before is None else before.tries + 1
        parked = outcome.ret_code == QUOTAS_EXCEEDED and "quota [" in outcome.message
        failure = _Failure(tries, self._kernel.now + delay_ms(tries), again, parked)
        self._failures[name] = failure
        if not parked:
            self._plan(name, failure, outcome.cause)

    def wake(self, cause: int) -> None:
        """Something in the cloud was freed: what waits for it is tried at its next instant."""
        for name, failure in list(self._failures.items()):
            if failure.parked:
                failure.parked = False
                while failure.due_ms < self._kernel.now:
                    failure.tries += 1
                    failure.due_ms += delay_ms(failure.tries)
                self._plan(name, failure, cause)

    def _plan(self, name: str, failure: _Failure, cause: int) -> None:
        """Try at the instant that is due. Only the first tries keep a run going: a hopeless one must not."""

        def act() -> None:
            if self._failures.get(name) is failure:
                failure.again(cause)

        wait = failure.due_ms - self._kernel.now
        if failure.tries <= catalog().constant("csi_backoff_steps"):
            self._kernel.later(wait, act)
        else:
            callbacks_of(self._kernel.env.timeout(wait)).append(lambda _: act())


def delay_ms(tries: int) -> int:
    """Return how long to wait after so many failed tries."""
    facts = catalog()
    base, percent, cap = (facts.constant(f"csi_backoff_{part}") for part in ("base_ms", "percent", "cap_ms"))
    delay = base
    for _ in range(min(tries - 1, facts.constant("csi_backoff_steps"))):
        delay = delay * percent // 100
    return min(delay, cap)

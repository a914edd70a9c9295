"""The cloud behind its door: QingCloud actions on every resource of one zone.

`Cloud.call` is the only way in. It is a SimPy process: a call takes time, may meet a fault in the door frame, is
counted, and is recorded with its answer. Handlers change state at one instant and return the fields of the answer; what
takes longer is a job. Each family of resources is a module with an `ACTIONS` table; the platform adds its own. Codes
and words: QingCloud API error codes; messages begin with the API's error word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, cast

import simpy

from qke_core.catalog import catalog
from qke_core.effects import Json, JsonObject
from qke_core.errors import RemoteError
from qke_core.models import World
from qke_core.units import render_rough
from qke_sim.cloud.allowance import Allowance, CallRate
from qke_sim.cloud.call import QUOTAS_EXCEEDED, Call, CloudRefusal, denied
from qke_sim.cloud.cluster import Cluster
from qke_sim.cloud.figures import Figures
from qke_sim.cloud.job import FAILED, SUCCESSFUL, WORKING, Job, Outcome
from qke_sim.cloud.meter import Meter
from qke_sim.cloud.store import Store, Thing
from qke_sim.cloud.trouble import Troubles
from qke_sim.faults import Gate
from qke_sim.ids import make_id
from qke_sim.kernel import Kernel, Process

ANSWER_TIMEOUT_MS = 60_000
"""How long a client waits for an answer that never comes (QingCloud SDK: 60 s socket timeout)."""

TOO_FREQUENT = "QuotasExceeded, access too frequently, your requests will be rejected for a period of time"

Handler: TypeAlias = Callable[[Call], dict[str, Json]]
Done: TypeAlias = Callable[[int], None]
Work: TypeAlias = str | Callable[[Job, int], Process[int]]
PowerWatcher: TypeAlias = Callable[[Thing, bool, int], None]

HANGS: Mapping[str, str] = {"AttachVolumes": "volume.attach-stuck", "CreateLoadBalancer": "lb.never-active"}
"""Trouble in which a job never ends, as far as it has a name of its own beside `job.stuck`; by action."""

FAILS: Mapping[str, str] = {
    "AttachVolumes": "volume.attach-fails",
    "RestartInstances": "instance.boot-fails",
    "RunInstances": "instance.boot-fails",
    "StartInstances": "instance.boot-fails",
}
"""Trouble in which a job takes its time and fails, by action; any job meets `job.fails`."""

HAZARD_CODE = 1
"""Code of a job that its own kind of trouble made fail (assumed: what is shown then is not public)."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What is done when a job's work is over: well, or not."""

    done: Done
    undone: Done


class Cloud:
    """Everything the account has in one zone."""

    def __init__(self, kernel: Kernel, world: World) -> None:
        """Begin empty, with the limits of `world`."""
        self.kernel = kernel
        self.zone = world.zone
        self.world = world
        self.store = Store(kernel)
        self.allowance = Allowance(world)
        self.store.watchers.append(self.allowance.watch)
        self.jobs: dict[str, Job] = {}
        self.gate = Gate(kernel.streams)
        self.trouble = Troubles(kernel.streams)
        self.rate = CallRate(kernel)
        self.handlers: dict[str, Handler] = {}
        self.on_power: list[PowerWatcher] = []
        self.on_applied: list[Callable[[Thing, int], None]] = []
        self.serves: Callable[[str, int], bool] = lambda _resource_id, _port: True
        self.figures = Figures()
        self.meter: Meter | None = None

    def serve(self, actions: Mapping[str, Callable[[Cloud, Call], dict[str, Json]]]) -> None:
        """Answer the actions of one family."""
        for name, handler in actions.items():
            self.handlers[name] = partial(handler, self)

    def tell_applied(self, thing: Thing, cause: int) -> None:
        """Tell who watches that a thing's edits have come into effect, or that it went out of it."""
        for watch in self.on_applied:
            watch(thing, cause)

    # The door

    def call(self, action: str, params: JsonObject, by: str, cause: int) -> Process[Mapping[str, Json]]:
        """Pass one action through the door; return the answer, `ret_code` included.

        Raises:
            RemoteError: `cloud.no-answer`, in doubt, when the answer is lost on its way.
        """
        trace, kernel = self.kernel.trace, self.kernel
        subject = _subject(params) or self.zone
        call = Call(by, params, trace.add("cloud.called", subject, cause, by=by, action=action))
        yield kernel.take(f"{by}/api", catalog().duration("api-call"))
        fault = self.gate.meet(action)
        if fault is not None and fault.effect == "slow":
            yield kernel.pause(fault.delay_ms)
        if fault is not None and fault.effect == "throttled":
            answer: dict[str, Json] = {"ret_code": QUOTAS_EXCEEDED, "message": TOO_FREQUENT}
        elif fault is not None and fault.effect == "fails":
            answer = _refuse(fault.ret_code)
        else:
            answer = self._handle(action, call)
        if fault is not None and fault.effect == "answer-lost":
            yield kernel.pause(ANSWER_TIMEOUT_MS)
            trace.add(
                "cloud.lost",
                subject,
                call.seq,
                action=action,
                why=f"no answer within {render_rough(ANSWER_TIMEOUT_MS)}",
            )
            raise RemoteError(
                "cloud.no-answer",
                f"{action} on {subject} got no answer within {render_rough(ANSWER_TIMEOUT_MS)}",
                "look whether it happened before asking again",
                {"action": action},
                retry=True,
                in_doubt=True,
            )
        trace.add("cloud.answered", subject, call.seq, action=action, ret_code=answer["ret_code"])
        return answer

    def request(self, action: str, params: JsonObject, by: str, cause: int) -> Process[Outcome]:
        """Pass one action through the door and wait for the job it makes, if it makes one. Never raises.

        A lost answer counts as a failure with ret_code 5000: inhabitants do not look twice.
        """
        try:
            answer = yield from self.call(action, params, by, cause)
        except RemoteError as error:
            return Outcome(5000, error.sentence, {}, cause)
        code, job = int(cast("int", answer["ret_code"])), self.jobs.get(_job_id(answer))
        if code or job is None:
            return Outcome(code, str(answer.get("message", "")), answer, cause)
        seq = cast("int", (yield job.ended))
        return Outcome(0, "", answer, seq, job.status)

    def _handle(self, action: str, call: Call) -> dict[str, Json]:
        if not (call.internal and call.by.endswith("platform")) and not self.rate.admit():
            return {"ret_code": 2500, "message": TOO_FREQUENT}
        handler = self.handlers.get(action)
        if handler is None:
            return {"ret_code": 1400, "message": "PermissionDenied, can't handle this request"}
        try:
            return {"action": f"{action}Response", "ret_code": 0, **handler(call)}
        except CloudRefusal as refusal:
            return {"ret_code": refusal.ret_code, "message": refusal.message}

    # Jobs

    def begin(
        self,
        action: str,
        things: Sequence[Thing],
        transition: str,
        call: Call,
        *,
        work: Work,
        done: Done = lambda _: None,
        undone: Done = lambda _: None,
        cluster: Cluster | None = None,
    ) -> Job:
        """Begin a job on things that are not in transition; they are in `transition` until it ends.

        Args:
            action: the API's word for the job.
            things: what it works on; the first one names the stream of luck.
            transition: their `transition_status` meanwhile; "" leaves it.
            call: the call that asked.
            work: how long it takes, a duration of the catalogue; or what makes a process that returns an exit code,
                given the job and the record of its beginning.
            done: sets what is true afterwards, given the record that led to the end; not called when the work failed.
            undone: is called instead when the work failed.
            cluster: the cluster, when the platform works it off.

        The job is told of in DescribeJobs from this instant on. It may meet trouble: `job.stuck` and what HANGS names
        keep it from ending; with `job.fails` and what FAILS names it takes its time and fails.
        """
        count = len(self.jobs)
        first = things[0] if things else None
        job = Job(
            job_id=make_id("j", "made", count),
            action=action,
            resource_ids=tuple(thing.id for thing in things),
            ended=self.kernel.env.event(),
            cluster_id="" if cluster is None else cluster.id,
            owner=call.by,
            directive=call.params,
            create_ms=self.kernel.now,
            status_ms=self.kernel.now,
        )
        self.jobs[job.job_id] = job
        subject = first.label if first is not None else self.zone
        seq = self.kernel.trace.add("job.created", job.job_id, call.seq, action=action, cluster=subject)
        for thing in things:
            if transition:
                seq = self.turn(thing, seq, transition_status=transition)
        self.kernel.spawn(self._work(job, things, seq, work, Ends(done, undone)))
        return job

    def turn(self, thing: Thing, cause: int, **fields: str) -> int:
        """Set status fields of a thing; a cluster's changes are told in words of their own."""
        if isinstance(thing, Cluster):
            for name, value in fields.items():
                cause = self.change(thing, name, value, cause)
            return cause
        return self.store.change(thing, cause, **fields)

    def _work(
        self,
        job: Job,
        things: Sequence[Thing],
        cause: int,
        work: Work,
        ends: Ends,
    ) -> Process[None]:
        kernel, names = self.kernel, (job.action, *(thing.id for thing in things), *(thing.label for thing in things))
        job.status, job.status_ms = WORKING, kernel.now
        cause = kernel.trace.add("job.started", job.job_id, cause)
        if self._meets("job.stuck", HANGS.get(job.action), names):
            kernel.trace.add("job.stuck", job.job_id, cause)
            return
        if isinstance(work, str):
            yield self._take(job, names, work)
            code = 0
        else:
            code = yield from work(job, cause)
        if code == 0 and self._meets("job.fails", FAILS.get(job.action), names):
            code = HAZARD_CODE
        (ends.undone if code else ends.done)(job.last or cause)
        job.code, job.status, job.status_ms = code, FAILED if code else SUCCESSFUL, kernel.now
        seq = kernel.trace.add("job.ended", job.job_id, job.last or cause, status=job.status, code=code)
        for thing in things:
            if thing.transition_status:
                self.turn(thing, seq, transition_status="")
        job.ended.succeed(seq)

    def _meets(self, common: str, own: str | None, names: Sequence[str]) -> bool:
        """Whether a job meets trouble that befalls any job, or that of its own action."""
        return any(self.trouble.meets(kind, *names) is not None for kind in (common, own) if kind is not None)

    def _take(self, job: Job, names: Sequence[str], duration: str) -> simpy.Event:
        """Return the end of a job of a drawn duration; the trouble `job.slow` stretches it."""
        took = self.kernel.streams.draw(f"{names[-1]}/{job.action}", catalog().duration(duration))
        slow = self.trouble.meets("job.slow", *names)
        return self.kernel.pause(took if slow is None else took * int(cast("int", slow.facts["percent"])) // 100)

    # Clusters

    @property
    def clusters(self) -> Mapping[str, Cluster]:
        """All clusters by id, those that are gone included."""
        return {cluster.id: cluster for cluster in self.store.all(Cluster)}

    def cluster(self, cluster_id: str) -> Cluster:
        """Return a cluster that is not ceased.

        Raises:
            CloudRefusal: 2100 when there is none of that id.
        """
        found = self.store.get(Cluster, cluster_id)
        if found.status == "ceased":
            raise denied(f"cluster [{cluster_id}] has already been deleted")
        return found

    def change(self, cluster: Cluster, field: str, value: str, cause: int) -> int:
        """Set a field of a cluster and record the change; return the record, or `cause` when nothing changed."""
        before = cast("str", getattr(cluster, field))
        if before == value:
            return cause
        setattr(cluster, field, value)
        if field == "status":
            cluster.status_ms = self.kernel.now
        seq = self.kernel.trace.add("cluster.changed", cluster.name, cause, field=field, before=before, after=value)
        return self.store.count(cluster, seq)


def _refuse(ret_code: int) -> dict[str, Json]:
    return {"ret_code": ret_code, "message": catalog().ret_codes[ret_code].meaning}


def _job_id(answer: Mapping[str, Json]) -> str:
    """Return the job that an answer names, "" when it names none; one action names it in a list."""
    named = answer.get("job_id", "")
    return str(named[0] if isinstance(named, list) and named else named)


def _subject(params: JsonObject) -> str:
    """Return what a call is about, as far as its parameters tell: the first list of ids, or the first id."""
    for name in ("clusters", "instances", "volumes", "loadbalancers", "eips", "resources"):
        value = params.get(name)
        if isinstance(value, list | tuple) and value:
            return ",".join(str(item) for item in value)
    return str(params.get("cluster") or params.get("loadbalancer_listener") or params.get("resource") or "")

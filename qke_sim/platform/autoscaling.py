"""Autoscaling of cluster nodes: policies that are checked when they can decide something, and the runs they make.

Each policy sleeps until the check that `qke_core.autoscaling.foresee` names, as long as nothing but the load changes;
when nodes come, go or stop serving, and when a policy is edited, it looks ahead anew. A run is an ordinary call in the
user's name. Which nodes leave is not public: the newest first (assumed). A run under way is not doubled (assumed).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from qke_core.autoscaling import Checks, Outlook, Sample, decide, foresee, target
from qke_core.catalog import operations
from qke_core.effects import Json, JsonObject
from qke_core.models import AutoscalingPolicy
from qke_core.models.autoscaling import Direction
from qke_core.models.load import Meter
from qke_sim.cloud import Cloud, Cluster
from qke_sim.cloud.figures import METERS
from qke_sim.cloud.job import Outcome
from qke_sim.cloud.lookup import CEASED
from qke_sim.cloud.notification import place_list, post
from qke_sim.ids import make_id
from qke_sim.kernel import Process
from qke_sim.platform.scalingpolicy import Entry, Result, ScalingPolicy, rule_ids

BY = "autoscaling"
"""Who calls: the user, whose calls are counted, by the hand of the service."""


@dataclass(slots=True)
class _Pace:
    """How far the checks of a policy are.

    `since_ms` is when they began, `last` the number of the last one that was evaluated, `timer` counts the wake-ups
    that were set, `cause` is the record of what changed last.
    """

    since_ms: int
    cause: int
    last: int = -1
    timer: int = 0


class Autoscaler:
    """All policies of the account."""

    def __init__(self, cloud: Cloud) -> None:
        """Listen for nodes that come and go."""
        self.cloud = cloud
        self._kernel = cloud.kernel
        self._paces: dict[str, _Pace] = {}
        cloud.figures.listeners.append(self._nodes_changed)

    def start(self, policies: list[tuple[str, AutoscalingPolicy]], cause: int) -> None:
        """Let policies stand that have stood since before the run: pairs of cluster name and policy."""
        clusters = {cluster.name: cluster for cluster in self.cloud.clusters.values()}
        for place, (name, policy) in enumerate(policies):
            policy_id = make_id("asp", name, place)
            if policy.notify is not None:
                place_list(self.cloud, policy.notify)
            thing = ScalingPolicy(
                id=policy_id,
                name=f"{name}/{policy.role}",
                resource=clusters[name].id,
                cluster=name,
                policy=policy,
                rule_ids=rule_ids(policy_id, policy),
                status="active",
            )
            self.begin(self.cloud.store.place(thing), cause)

    def begin(self, thing: ScalingPolicy, cause: int) -> None:
        """Check a policy from now on, as after its making, an edit, or its enabling; nothing it saw before counts."""
        pace = self._paces.setdefault(thing.id, _Pace(0, 0))
        pace.since_ms, pace.cause, pace.last = self._kernel.now, cause, -1
        self._plan(thing)

    # Looking ahead

    def _nodes_changed(self, cluster: str, role: str, cause: int) -> None:
        for thing in self.cloud.store.all(ScalingPolicy):
            if (thing.cluster, thing.policy.role) == (cluster, role):
                self._paces[thing.id].cause = cause
                self._plan(thing)

    def _plan(self, thing: ScalingPolicy) -> None:
        """Set the wake-up for the next check that decides something."""
        pace, policy = self._paces[thing.id], thing.policy
        pace.timer += 1
        if thing.running or not policy.enabled or thing.status == CEASED:
            return
        checks = self._checks(thing)
        outlook = Outlook(partial(self._figure, thing), self.cloud.figures.demands(thing.cluster, policy.role))
        start = max(pace.last + 1, checks.since(self._kernel.now))
        number = foresee(policy, checks, outlook, self._count(thing), start)
        if number is not None:
            self._kernel.later(checks.at(number) - self._kernel.now, partial(self._check, thing, pace.timer, number))

    def _checks(self, thing: ScalingPolicy) -> Checks:
        """Return the instants of a policy's checks: the first one a period after it was enabled."""
        return Checks(self._paces[thing.id].since_ms + thing.policy.period_ms, thing.policy.period_ms)

    def _figure(self, thing: ScalingPolicy, meter: Meter, ms: int) -> int | None:
        return self.cloud.figures.mean(thing.cluster, thing.policy.role, meter, ms)

    def _count(self, thing: ScalingPolicy) -> int:
        return self.cloud.figures.count(thing.cluster, thing.policy.role)

    # Deciding

    def _check(self, thing: ScalingPolicy, timer: int, number: int) -> None:
        """Evaluate a policy at one of its checks."""
        pace = self._paces[thing.id]
        if timer != pace.timer or thing.running:
            return
        pace.last = number
        first = max(0, number - thing.policy.memory + 1)
        history = [self._sample(thing, self._checks(thing).at(each)) for each in range(first, number + 1)]
        count = self._count(thing)
        decision = decide(thing.policy, history, thing.success_ms, count, self._kernel.now)
        if decision.fires and decision.direction is not None:
            self.run(thing, decision.direction, decision.new_count, pace.cause)
        elif decision.why == "cool-down" and decision.direction is not None:
            why = f"less than {operations().constants['autoscaling_cool_down_s']} s after the last success"
            data = {"role": thing.policy.role, "why": why}
            seq = self._kernel.trace.add("autoscaling.refused", thing.id, pace.cause, **data)
            self._keep(thing, decision.direction, "scale_refused", why, seq)
        self._plan(thing)

    def _sample(self, thing: ScalingPolicy, ms: int) -> Sample:
        return {meter: found for meter in METERS if (found := self._figure(thing, meter, ms)) is not None}

    # Running

    def execute(self, thing: ScalingPolicy, direction: Direction, cause: int) -> bool:
        """Run a policy once outside its conditions; return whether its limits leave something to do."""
        wanted = target(thing.policy, direction, self._count(thing))
        if thing.running or wanted == self._count(thing):
            return False
        self.run(thing, direction, wanted, cause)
        return True

    def run(self, thing: ScalingPolicy, direction: Direction, wanted: int, cause: int) -> None:
        """Change the number of nodes of the role by an ordinary call."""
        thing.running = True
        data = {"role": thing.policy.role, "before": self._count(thing), "after": wanted}
        seq = self._kernel.trace.add("autoscaling.fired", thing.id, cause, **data)
        self._kernel.spawn(self._run(thing, direction, wanted, seq))

    def _run(self, thing: ScalingPolicy, direction: Direction, wanted: int, cause: int) -> Process[None]:
        outcome: Outcome = yield from self._change(thing, wanted, cause)
        code = self._code(outcome)
        result: Result = "scale_fail" if outcome.failed else "scale_success"
        why = f"{thing.policy.role} has {wanted} nodes"
        if outcome.failed:
            why = outcome.message or f"the job ended as {outcome.job_status} with code {code}"
        data = {"result": result, "why": why, "code": code}
        seq = self._kernel.trace.add("autoscaling.ended", thing.id, outcome.cause, **data)
        thing.running = False
        if not outcome.failed:
            thing.success_ms = self._kernel.now
        self._keep(thing, direction, result, why, seq)
        self._paces[thing.id].cause = seq
        self._plan(thing)

    def _change(self, thing: ScalingPolicy, wanted: int, cause: int) -> Process[Outcome]:
        count, role = self._count(thing), thing.policy.role
        if wanted > count:
            params: JsonObject = {"cluster": thing.resource, "node_role": role, "node_count": wanted - count}
            return (yield from self.cloud.request("AddClusterNodes", params, BY, cause))
        leaving: list[Json] = [*self._newest(thing, count - wanted)]
        return (
            yield from self.cloud.request(
                "DeleteClusterNodes", {"cluster": thing.resource, "nodes": leaving}, BY, cause
            )
        )

    def _newest(self, thing: ScalingPolicy, count: int) -> list[str]:
        """Return the ids of the nodes that leave: the newest of the role, the highest number first."""
        cluster = self.cloud.store.find(Cluster, thing.resource)
        nodes = [] if cluster is None else [node for node in cluster.nodes if node.role == thing.policy.role]
        nodes.sort(key=lambda node: (node.create_ms, node.sid), reverse=True)
        return [node.id for node in nodes[:count]]

    def _code(self, outcome: Outcome) -> int:
        """Return the product's code of a failed job, else what the call was answered with."""
        job = self.cloud.jobs.get(str(outcome.answer.get("job_id", "")))
        return outcome.ret_code if job is None else job.code

    def _keep(self, thing: ScalingPolicy, direction: Direction, result: Result, why: str, cause: int) -> None:
        """Write a run into the history, of which the newest entries are kept, and tell the list."""
        kept = operations().constants["autoscaling_history_entries"]
        entry = Entry(self._kernel.now, direction, result, why)
        thing.history = [*thing.history, entry][-kept:]
        if thing.policy.notify is not None:
            post(self.cloud, thing.policy.notify, f"{thing.name or thing.id}: {direction}: {result}: {why}", cause)

"""Alarms: a policy bound to a resource, judged at each period, with a history; whoever is to be told is told.

Nothing is ticked: from the figures' functions follows at which check the status changes next. When the node behind the
resource comes, goes or stops serving, that is worked out anew. What was applied counts, not what was edited since.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, cast

from qke_core.autoscaling import Checks, Outlook, Truth
from qke_core.catalog import operations
from qke_core.effects import Json
from qke_core.models.autoscaling import PERIODS_MS, Condition, Period
from qke_core.models.load import Meter
from qke_sim.cloud.alarmpolicy import AlarmAction, AlarmPolicy, AlarmRule, parts
from qke_sim.cloud.call import Call, denied, not_found
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.cluster import ClusterNode
from qke_sim.cloud.figures import METERS
from qke_sim.cloud.lookup import CEASED, GONE, Actions, alive
from qke_sim.cloud.notification import post
from qke_sim.cloud.stamp import render_time
from qke_sim.cloud.store import Thing

ROUNDS_MAX = 1000
"""How often rules may take over from each other before an alarm counts as one that stays."""


@dataclass(slots=True, kw_only=True, eq=False)
class Alarm(Thing):
    """One policy on one resource; `status` is ok, alarm or insufficient. `applied`: how often it came into effect."""

    kind: ClassVar[str] = "alarm"
    prefix: ClassVar[str] = "alm"

    policy_id: str
    resource_id: str
    related: str = ""
    applied: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class AlarmEvent(Thing):
    """One entry of an alarm's history: trigger_action, status_change or config_update."""

    kind: ClassVar[str] = "alarm_history"
    prefix: ClassVar[str] = "almh"

    alarm_id: str
    history_type: str


class Watch:
    """Judges one alarm from one applying of its policy to the next."""

    def __init__(self, cloud: Cloud, policy: AlarmPolicy, alarm: Alarm, cause: int) -> None:
        """Take over the policy as it is now, and begin; the first check is a period away."""
        self.cloud, self.alarm, self._applied = cloud, alarm, alarm.applied
        self._notices, self._actions = policy.notice_count, parts(cloud, AlarmAction, policy.id)
        self._period_ms = PERIODS_MS[cast("Period", policy.period)]
        self._checks = Checks(cloud.kernel.now + self._period_ms, self._period_ms)
        self._node = _node_of(cloud, alarm.resource_id)
        self._truths = [self._truth(rule) for rule in parts(cloud, AlarmRule, policy.id)]
        self._last, self._timer, self._cause = -1, 0, cause
        cloud.figures.listeners.append(self._nodes_changed)
        self._plan()

    @property
    def _over(self) -> bool:
        return self.alarm.applied != self._applied or self.alarm.status == CEASED

    # What is true when

    def _truth(self, rule: AlarmRule) -> Truth:
        """A meter that the twin has no figures for shows an idle resource: zero."""
        known = self._node is not None and rule.meter in METERS
        limits = {rule.condition_type: rule.threshold}
        meter = rule.meter if known else METERS[0]
        condition = Condition.model_validate({"meter": meter, **limits, "periods": rule.periods})
        if self._node is None or not known:
            return Truth(condition, self._checks, Outlook(lambda _meter, _ms: 0, {}))
        demands = self.cloud.figures.demands(self._node.cluster, self._node.role)
        return Truth(condition, self._checks, Outlook(partial(self._figure, self._node), demands))

    def _figure(self, node: ClusterNode, meter: Meter, ms: int) -> int | None:
        return self.cloud.figures.figure(node.cluster, node.role, node.id, meter, ms)

    def _status(self, number: int) -> str:
        """Return the status that a check finds: any rule raises the alarm, and without data there is none."""
        if any(truth.lacks_data(number) for truth in self._truths):
            return "insufficient"
        return "alarm" if any(truth.held_from(number) == number for truth in self._truths) else "ok"

    def _next_change(self, number: int) -> int | None:
        """Return the first check from `number` on that finds another status than now, as things stand."""
        if self._status(number) != self.alarm.status:
            return number
        if self.alarm.status == "ok":
            return min(
                (found for truth in self._truths if (found := truth.held_from(number)) is not None), default=None
            )
        return self._all_clear(number) if self.alarm.status == "alarm" else None

    def _all_clear(self, number: int) -> int | None:
        for _ in range(ROUNDS_MAX):
            raised = [truth for truth in self._truths if truth.held_from(number) == number]
            if not raised:
                return number
            ends = [truth.next(number, wanted=False) for truth in raised]
            if None in ends:
                return None
            number = max(end for end in ends if end is not None)
        return None

    # Waking up

    def _nodes_changed(self, cluster: str, role: str, cause: int) -> None:
        if self._node is not None and (cluster, role) == (self._node.cluster, self._node.role) and not self._over:
            self._cause = cause
            self._plan()

    def _plan(self) -> None:
        self._timer += 1
        kernel = self.cloud.kernel
        number = self._next_change(max(self._last + 1, self._checks.since(kernel.now)))
        if number is not None:
            kernel.later(self._checks.at(number) - kernel.now, partial(self._check, self._timer, number))

    def _check(self, timer: int, number: int) -> None:
        if timer != self._timer or self._over:
            return
        self._last, before, after = number, self.alarm.status, self._status(number)
        if after != before:
            data = {"resource": self.alarm.resource_id, "before": before, "after": after}
            seq = self.cloud.kernel.trace.add("alarm.changed", self.alarm.id, self._cause, **data)
            seq = self.cloud.store.change(self.alarm, seq, status=after)
            note(self.cloud, self.alarm, "status_change", f"{before} -> {after}", seq)
            self._tell(after, self._notices if after == "alarm" else 1, seq)
        self._plan()

    def _tell(self, status: str, times: int, cause: int) -> None:
        """Tell whoever is to be told, and again at each of the next checks while the status lasts."""
        if self._over or self.alarm.status != status or times < 1:
            return
        for action in self._actions:
            if action.trigger_status == status:
                cause = post(self.cloud, action.trigger_action, f"{self.alarm.resource_id} is {status}", cause)
                note(self.cloud, self.alarm, "trigger_action", action.trigger_action, cause)
        if times > 1:
            self.cloud.kernel.later(self._period_ms, partial(self._tell, status, times - 1, cause))


def note(cloud: Cloud, alarm: Alarm, history_type: str, description: str, cause: int) -> None:
    """Write into the history of an alarm."""
    event = AlarmEvent(
        id=cloud.store.new_id(AlarmEvent), alarm_id=alarm.id, history_type=history_type, description=description
    )
    event.create_ms = event.status_ms = cloud.kernel.now
    cloud.store.place(event, cause)


def _node_of(cloud: Cloud, resource_id: str) -> ClusterNode | None:
    return next((node for node in cloud.store.all(ClusterNode) if resource_id in (node.id, node.instance_id)), None)


# --- Actions


def _alarms(cloud: Cloud, policy_id: str) -> Iterator[Alarm]:
    return (alarm for alarm in cloud.store.all(Alarm) if alarm.policy_id == policy_id and alarm.status not in GONE)


def _associate(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Bind a policy to resources: one alarm each, judged once the policy is applied."""
    policy = alive(cloud, AlarmPolicy, call.required("alarm_policy"))
    wanted, known = call.required_texts("resources"), {thing.id for thing in cloud.store.everything()}
    for resource_id in wanted:
        if resource_id not in known:
            raise not_found("resource", resource_id)
        if resource_id in policy.resources:
            raise denied(f"resource [{resource_id}] is associated with alarm policy [{policy.id}]")
    related = call.text("related_resource")

    def done(cause: int) -> None:
        resources = {**policy.resources, **dict.fromkeys(wanted, related)}
        cause = cloud.store.change(policy, cause, resources=resources, is_applied=False)
        for resource_id in wanted:
            alarm_id = cloud.store.new_id(Alarm)
            alarm = Alarm(
                id=alarm_id, policy_id=policy.id, resource_id=resource_id, related=related, status="insufficient"
            )
            cloud.store.add(alarm, cause, call.by)

    return {"job_id": cloud.begin("AssociateAlarmPolicy", [policy], "", call, work="alarm-apply", done=done).job_id}


def _dissociate(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Take a policy from resources; from all of them when none is named."""
    policy = alive(cloud, AlarmPolicy, call.required("alarm_policy"))
    wanted = call.texts("resources") or list(policy.resources)
    for resource_id in wanted:
        if resource_id not in policy.resources:
            raise not_found("resource", resource_id)

    def done(cause: int) -> None:
        left = {resource: related for resource, related in policy.resources.items() if resource not in wanted}
        cause = cloud.store.change(policy, cause, resources=left)
        for alarm in _alarms(cloud, policy.id):
            if alarm.resource_id in wanted:
                cloud.store.change(alarm, cause, status=CEASED)

    return {"job_id": cloud.begin("DissociateAlarmPolicy", [policy], "", call, work="alarm-apply", done=done).job_id}


def _apply(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Let a policy come into effect as it is now, for everything it is bound to."""
    policy = alive(cloud, AlarmPolicy, call.required("alarm_policy"))

    def done(cause: int) -> None:
        cause = cloud.store.change(policy, cause, is_applied=True)
        for alarm in _alarms(cloud, policy.id):
            cloud.store.change(alarm, cause, applied=alarm.applied + 1)
            note(cloud, alarm, "config_update", policy.id, cause)
            Watch(cloud, policy, alarm, cause)

    return {"job_id": cloud.begin("ApplyAlarmPolicy", [policy], "", call, work="alarm-apply", done=done).job_id}


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    wanted, policy, status, resource = (
        call.texts("alarms"),
        call.text("policy"),
        call.text("status"),
        call.text("resource"),
    )
    found = [
        alarm
        for alarm in cloud.store.all(Alarm)
        if alarm.status not in GONE
        and (not wanted or alarm.id in wanted)
        and policy in ("", alarm.policy_id)
        and status in ("", alarm.status)
        and resource in ("", alarm.resource_id)
    ]
    shown: list[Json] = [
        {
            "alarm_id": alarm.id,
            "alarm_policy_id": alarm.policy_id,
            "resource_id": alarm.resource_id,
            "related_resource": alarm.related,
            "status": alarm.status,
            "create_time": render_time(cloud.kernel, alarm.create_ms),
        }
        for alarm in call.page(found)
    ]
    return {"alarm_set": shown, "total_count": len(found)}


def _describe_history(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Show the last entries, newest first; the public texts name the list in two ways, so it is there twice."""
    alarm, wanted = cloud.store.get(Alarm, call.required("alarm")), call.text("history_type")
    kept = operations().constants["autoscaling_history_entries"]
    events = [event for event in cloud.store.all(AlarmEvent) if event.alarm_id == alarm.id][-kept:]
    found = [event for event in reversed(events) if wanted in ("", event.history_type)]
    shown: list[Json] = [
        {
            "alarm_id": alarm.id,
            "alarm_history_id": event.id,
            "history_type": event.history_type,
            "description": event.description,
            "create_time": render_time(cloud.kernel, event.create_ms),
        }
        for event in call.page(found)
    ]
    return {"alarm_history_set": shown, "alarm_set": shown, "total_count": len(found)}


ACTIONS: Actions = {
    "AssociateAlarmPolicy": _associate,
    "DissociateAlarmPolicy": _dissociate,
    "ApplyAlarmPolicy": _apply,
    "DescribeAlarms": _describe,
    "DescribeAlarmHistory": _describe_history,
}
"""The actions on alarms."""

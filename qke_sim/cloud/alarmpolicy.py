"""Alarm policies: what is watched and who is told; their rules and actions.

An edit takes effect when the policy is applied. What the published clients add to rules and actions without meaning it
(`priority`, `protocol`) is ignored. The hours of a rule are kept and shown; alarms are judged around the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar, cast

from qke_core.effects import Json
from qke_sim.cloud.call import Call, invalid
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import CEASED, GONE, Actions, alive, listing
from qke_sim.cloud.notification import NotificationList
from qke_sim.cloud.stamp import render_time, stamped
from qke_sim.cloud.store import Thing

TYPES = (
    "instance",
    "router",
    "eip",
    "loadbalancer_listener_http",
    "loadbalancer_listener_https",
    "loadbalancer_listener_tcp",
    "loadbalancer_backend_http",
    "loadbalancer_backend_tcp",
    "cluster_node",
)
PERIODS = ("1m", "5m")
STATUSES = ("ok", "alarm", "insufficient")
LEVELS = ("level-00000000", "level-00000001")
NOTICES_MAX = 5


@dataclass(slots=True, kw_only=True, eq=False)
class AlarmPolicy(Thing):
    """What is watched how often. `resources` are those it is bound to, each with its related resource or ""."""

    kind: ClassVar[str] = "alarm_policy"
    prefix: ClassVar[str] = "alp"

    policy_type: str
    period: str
    notice_count: int = 1
    is_applied: bool = False
    resources: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True, kw_only=True, eq=False)
class AlarmRule(Thing):
    """One condition; any one of a policy raises the alarm."""

    kind: ClassVar[str] = "alarm_policy_rule"
    prefix: ClassVar[str] = "alpr"

    policy_id: str
    meter: str
    condition_type: str
    threshold: int
    data_processor: str = "raw"
    periods: int = 1
    start_hhmm: str = "00:00"
    end_hhmm: str = "23:59"
    level: str = LEVELS[0]


@dataclass(slots=True, kw_only=True, eq=False)
class AlarmAction(Thing):
    """Whom to tell when an alarm gets a status."""

    kind: ClassVar[str] = "alarm_policy_action"
    prefix: ClassVar[str] = "alpa"

    policy_id: str
    trigger_action: str
    trigger_status: str


P = TypeVar("P", AlarmRule, AlarmAction)


def parts(cloud: Cloud, kind: type[P], policy_id: str) -> list[P]:
    """List the rules, or the actions, of a policy."""
    return [part for part in cloud.store.all(kind) if part.policy_id == policy_id and part.status not in GONE]


def _edited(cloud: Cloud, policy_id: str, call: Call) -> None:
    policy = cloud.store.find(AlarmPolicy, policy_id)
    if policy is not None:
        cloud.store.change(policy, call.seq, is_applied=False)


# --- Policies


def _create(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Make a policy; rules and actions may come along."""
    rules = [_read_rule(call, given) for given in call.objects("rules")]
    actions = [_read_action(cloud, call, given) for given in call.objects("actions")]
    kind, period = _one_of(call, "alarm_policy_type", TYPES), _one_of(call, "period", PERIODS)
    notices = call.number("notice_count", 1, least=1, most=NOTICES_MAX)
    policy = AlarmPolicy(
        id=cloud.store.new_id(AlarmPolicy),
        name=call.text("alarm_policy_name"),
        policy_type=kind,
        period=period,
        notice_count=notices,
        status="active",
    )
    cloud.store.add(policy, call.seq, call.by)
    _keep_rules(cloud, policy, rules, call)
    _keep_actions(cloud, policy, actions, call)
    return {"alarm_policy_id": policy.id}


def _one_of(call: Call, name: str, allowed: Iterable[str]) -> str:
    value = call.required(name)
    if value not in allowed:
        raise invalid(name, value)
    return value


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    name, kind, resource = call.text("alarm_policy_name"), call.text("alarm_policy_type"), call.text("resource")
    found = [
        policy
        for policy in cloud.store.all(AlarmPolicy)
        if name in ("", policy.name)
        and kind in ("", policy.policy_type)
        and (not resource or resource in policy.resources)
    ]

    def show(policy: AlarmPolicy) -> dict[str, Json]:
        shown: dict[str, Json] = {
            "alarm_policy_id": policy.id,
            "alarm_policy_name": policy.name,
            "alarm_policy_type": policy.policy_type,
            "description": policy.description,
            "period": policy.period,
            "notice_count": policy.notice_count,
            "is_applied": int(policy.is_applied),
            "status": policy.status,
            **stamped(cloud.kernel, policy),
        }
        return {**shown, "resources": list(policy.resources)} if call.number("verbose") else shown

    return listing(call, found, ids="alarm_policies", into="alarm_policy_set", show=show)


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    policy = alive(cloud, AlarmPolicy, call.required("alarm_policy"))
    fields: dict[str, object] = {}
    if "period" in call.params:
        fields = {"period": _one_of(call, "period", PERIODS), "is_applied": False}
    for name, parameter in (("name", "alarm_policy_name"), ("description", "description")):
        if parameter in call.params:
            fields[name] = call.text(parameter)
    cloud.store.change(policy, call.seq, **fields)
    return {"alarm_policy_id": policy.id}


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    ids = call.required_texts("alarm_policies")
    for policy in [alive(cloud, AlarmPolicy, policy_id) for policy_id in ids]:
        cloud.store.change(policy, call.seq, status=CEASED, resources={})
    return {"alarm_policies": cast("Json", ids)}


# --- Rules


def _read_rule(call: Call, given: Mapping[str, Json]) -> AlarmRule:
    rule = Call(call.by, given, call.seq)
    return AlarmRule(
        id="",
        name=rule.text("alarm_policy_rule_name"),
        policy_id="",
        meter=rule.required("meter"),
        condition_type=_one_of(rule, "condition_type", ("gt", "lt")),
        threshold=rule.number("thresholds", 0, least=0),
        data_processor=rule.text("data_processor", "raw"),
        periods=rule.number("consecutive_periods", 1, least=1, most=60),
        start_hhmm=rule.text("period_start_hhmm", "00:00"),
        end_hhmm=rule.text("period_end_hhmm", "23:59"),
        level=rule.text("alarm_level_id", LEVELS[0]),
    )


def _keep_rules(cloud: Cloud, policy: AlarmPolicy, rules: Iterable[AlarmRule], call: Call) -> list[str]:
    return [_keep(cloud, AlarmRule, rule, policy, call) for rule in rules]


def _keep(cloud: Cloud, kind: type[P], part: P, policy: AlarmPolicy, call: Call) -> str:
    part.id = part.label = cloud.store.new_id(kind)
    part.policy_id = policy.id
    return cloud.store.add(part, call.seq, call.by).id


def _add_rules(cloud: Cloud, call: Call) -> dict[str, Json]:
    policy = alive(cloud, AlarmPolicy, call.required("alarm_policy"))
    rules = [_read_rule(call, given) for given in call.objects("rules")]
    if not rules:
        raise invalid("rules", "")
    ids = _keep_rules(cloud, policy, rules, call)
    _edited(cloud, policy.id, call)
    return {"alarm_policy_rules": cast("Json", ids)}


def _modify_rule(cloud: Cloud, call: Call) -> dict[str, Json]:
    rule = alive(cloud, AlarmRule, call.required("alarm_policy_rule"))
    fields: dict[str, object] = {"condition_type": _one_of(call, "condition_type", ("gt", "lt"))}
    if "thresholds" in call.params:
        fields["threshold"] = call.number("thresholds", least=0)
    if "consecutive_periods" in call.params:
        fields["periods"] = call.number("consecutive_periods", least=1, most=60)
    for name, parameter in (("name", "alarm_policy_rule_name"), ("data_processor", "data_processor")):
        if parameter in call.params:
            fields[name] = call.text(parameter)
    cloud.store.change(rule, call.seq, **fields)
    _edited(cloud, rule.policy_id, call)
    return {"alarm_policy_rule_id": rule.id}


def _show_rule(cloud: Cloud, rule: AlarmRule) -> dict[str, Json]:
    """Numbers of rules are texts on the wire."""
    return {
        "alarm_policy_rule_id": rule.id,
        "alarm_policy_id": rule.policy_id,
        "alarm_policy_rule_name": rule.name,
        "meter": rule.meter,
        "condition_type": rule.condition_type,
        "thresholds": str(rule.threshold),
        "data_processor": rule.data_processor,
        "consecutive_periods": str(rule.periods),
        "period_start_hhmm": rule.start_hhmm,
        "period_end_hhmm": rule.end_hhmm,
        "alarm_level_id": rule.level,
        "create_time": render_time(cloud.kernel, rule.create_ms),
    }


def _describe_rules(cloud: Cloud, call: Call) -> dict[str, Json]:
    policy, wanted = call.text("alarm_policy"), call.texts("alarm_policy_rules")
    found = [
        rule
        for rule in cloud.store.all(AlarmRule)
        if rule.status not in GONE and policy in ("", rule.policy_id) and (not wanted or rule.id in wanted)
    ]
    return {"alarm_policy_rule_set": [_show_rule(cloud, rule) for rule in call.page(found)], "total_count": len(found)}


def _delete_rules(cloud: Cloud, call: Call) -> dict[str, Json]:
    return {"alarm_policy_rules": _delete_parts(cloud, AlarmRule, "alarm_policy_rules", call)}


def _delete_parts(cloud: Cloud, kind: type[P], name: str, call: Call) -> Json:
    ids = call.required_texts(name)
    for part in [alive(cloud, kind, part_id) for part_id in ids]:
        cloud.store.change(part, call.seq, status=CEASED)
        _edited(cloud, part.policy_id, call)
    return cast("Json", ids)


# --- Actions


def _read_action(cloud: Cloud, call: Call, given: Mapping[str, Json]) -> AlarmAction:
    action = Call(call.by, given, call.seq)
    told = alive(cloud, NotificationList, action.required("trigger_action"))
    status = _one_of(action, "trigger_status", STATUSES)
    return AlarmAction(id="", policy_id="", trigger_action=told.id, trigger_status=status)


def _keep_actions(cloud: Cloud, policy: AlarmPolicy, actions: Iterable[AlarmAction], call: Call) -> list[str]:
    return [_keep(cloud, AlarmAction, action, policy, call) for action in actions]


def _add_actions(cloud: Cloud, call: Call) -> dict[str, Json]:
    policy = alive(cloud, AlarmPolicy, call.required("alarm_policy"))
    actions = [_read_action(cloud, call, given) for given in call.objects("actions")]
    if not actions:
        raise invalid("actions", "")
    ids = _keep_actions(cloud, policy, actions, call)
    _edited(cloud, policy.id, call)
    return {"alarm_policy_actions": cast("Json", ids)}


def _modify_action(cloud: Cloud, call: Call) -> dict[str, Json]:
    action = alive(cloud, AlarmAction, call.required("alarm_policy_action"))
    fields: dict[str, object] = {}
    if "trigger_action" in call.params:
        fields["trigger_action"] = alive(cloud, NotificationList, call.required("trigger_action")).id
    if "trigger_status" in call.params:
        fields["trigger_status"] = _one_of(call, "trigger_status", STATUSES)
    cloud.store.change(action, call.seq, **fields)
    _edited(cloud, action.policy_id, call)
    return {"alarm_policy_action_id": action.id}


def _describe_actions(cloud: Cloud, call: Call) -> dict[str, Json]:
    policy, wanted = call.text("alarm_policy"), call.texts("alarm_policy_actions")
    found = [
        action
        for action in cloud.store.all(AlarmAction)
        if action.status not in GONE and policy in ("", action.policy_id) and (not wanted or action.id in wanted)
    ]
    shown: list[Json] = [
        {
            "alarm_policy_action_id": action.id,
            "alarm_policy_id": action.policy_id,
            "trigger_action": action.trigger_action,
            "trigger_status": action.trigger_status,
        }
        for action in call.page(found)
    ]
    return {"alarm_policy_action_set": shown, "total_count": len(found)}


def _delete_actions(cloud: Cloud, call: Call) -> dict[str, Json]:
    return {"alarm_policy_actions": _delete_parts(cloud, AlarmAction, "alarm_policy_actions", call)}


ACTIONS: Actions = {
    "CreateAlarmPolicy": _create,
    "DescribeAlarmPolicies": _describe,
    "ModifyAlarmPolicyAttributes": _modify,
    "DeleteAlarmPolicies": _delete,
    "AddAlarmPolicyRules": _add_rules,
    "DescribeAlarmPolicyRules": _describe_rules,
    "ModifyAlarmPolicyRuleAttributes": _modify_rule,
    "DeleteAlarmPolicyRules": _delete_rules,
    "AddAlarmPolicyActions": _add_actions,
    "DescribeAlarmPolicyActions": _describe_actions,
    "ModifyAlarmPolicyActionAttributes": _modify_action,
    "DeleteAlarmPolicyActions": _delete_actions,
}
"""The actions on alarm policies, their rules and their actions."""

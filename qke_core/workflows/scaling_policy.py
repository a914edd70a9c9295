"""Let the platform scale a cluster by itself, or stop letting it: at most one policy for each role (guide G-121)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from qke_core.effects import (
    CreateScalingPolicy,
    DeleteScalingPolicies,
    Flow,
    Json,
    JsonObject,
    ListScalingPolicies,
    perform_patiently,
)
from qke_core.models.autoscaling import AutoscalingPolicy, Condition, Direction, ScalingRule
from qke_core.workflows.sight import look
from qke_core.workflows.watch import take_no


@dataclass(frozen=True, slots=True)
class ScalingPolicyRequest:
    """The policy that a cluster shall have for a role, in place of any before; None: it shall have none at all."""

    cluster_id: str
    policy: AutoscalingPolicy | None


def set_scaling_policy(request: ScalingPolicyRequest) -> Flow[str]:
    """Replace the policy of a role, or take all policies away; return the new one's id, "" for none.

    Raises:
        InputError: `cluster.unknown`.
        RefusedError: `operation.refused` when the platform said no (facts: `platform_code`).
        RemoteError: when the cloud door does not answer.
    """
    yield from look(request.cluster_id)
    known = yield from perform_patiently(ListScalingPolicies(request.cluster_id))
    policy = request.policy
    old = tuple(view.policy_id for view in known if policy is None or view.role == policy.role)
    if old:
        yield from take_no(perform_patiently(DeleteScalingPolicies(request.cluster_id, old)))
    if policy is None:
        return ""
    body = json.dumps(params_of(policy), sort_keys=True, ensure_ascii=False)
    ids = tuple(view.policy_id for view in known)
    return (yield from take_no(perform_patiently(CreateScalingPolicy(request.cluster_id, body, ids))))


def params_of(policy: AutoscalingPolicy) -> JsonObject:
    """Return a policy as the actions take it (no parameter of theirs is public: the twin's own)."""
    return {
        "role": policy.role,
        "period": policy.period,
        "rules": [_rule(direction, rule) for direction, rule in policy.rules()],
        "step": policy.step,
        "min_count": policy.min,
        "max_count": policy.max,
        "notification_list": policy.notify or "",
        "enabled": int(policy.enabled),
    }


def _rule(direction: Direction, rule: ScalingRule) -> Json:
    conditions = [_condition(condition) for condition in rule.conditions]
    return {"scale_direction": direction, "combination": rule.when, "conditions": conditions}


def _condition(condition: Condition) -> Json:
    return {
        "meter": condition.meter,
        "condition_type": condition.type,
        "thresholds": condition.threshold,
        "consecutive_periods": condition.periods,
    }

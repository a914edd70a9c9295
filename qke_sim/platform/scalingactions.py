"""The actions on policies of autoscaling. Parameters and answers are the twin's own: see `scalingpolicy`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from qke_core.catalog import operations
from qke_core.effects import Json
from qke_core.models import AutoscalingPolicy
from qke_core.rules.autoscaling import may_scale
from qke_sim.cloud import Call, Cluster, denied, invalid
from qke_sim.cloud.lookup import CEASED, alive, listing
from qke_sim.cloud.notification import NotificationList
from qke_sim.cloud.stamp import render_time, stamped
from qke_sim.platform.autoscaling import Autoscaler
from qke_sim.platform.scalingpolicy import DIRECTIONS, SCALE_TYPE, ScalingPolicy, read_policy, rule_ids, show_rules


def _create(scaler: Autoscaler, call: Call) -> dict[str, Json]:
    """Make a policy for one role of a cluster."""
    if call.text("scale_type", SCALE_TYPE) != SCALE_TYPE:
        raise invalid("scale_type", call.text("scale_type"))
    cluster, policy = scaler.cloud.cluster(call.required("resource")), read_policy(call)
    _require(scaler, cluster, policy)
    policy_id = scaler.cloud.store.new_id(ScalingPolicy)
    thing = ScalingPolicy(
        id=policy_id,
        name=call.text("autoscaling_policy_name"),
        description=call.text("description"),
        resource=cluster.id,
        cluster=cluster.name,
        policy=policy,
        rule_ids=rule_ids(policy_id, policy),
        status="active",
    )
    scaler.cloud.store.add(thing, call.seq, call.by)
    scaler.begin(thing, call.seq)
    return {"autoscaling_policy_id": thing.id, "autoscaling_policy_rules": list(thing.rule_ids.values())}


def _require(scaler: Autoscaler, cluster: Cluster, policy: AutoscalingPolicy) -> None:
    """Refuse a policy that the app's definition, or the manual, does not allow.

    Raises:
        CloudRefusal: 1400, 1100, 2100.
    """
    if not may_scale(policy.role, cluster.version):
        raise denied(f"role [{policy.role}] of cluster [{cluster.id}] can not be scaled automatically")
    both = policy.increase is not None and policy.decrease is not None
    if both and operations().constants["autoscaling_one_direction"]:
        raise denied("a policy holds rules of one direction only")
    if policy.notify is not None:
        alive(scaler.cloud, NotificationList, policy.notify)


def _modify(scaler: Autoscaler, call: Call) -> dict[str, Json]:
    """Change a policy; its resource, kind and role stay. Whatever touches its rules makes its checks begin anew."""
    thing = alive(scaler.cloud, ScalingPolicy, call.required("autoscaling_policy"))
    for fixed in ("resource", "scale_type", "role"):
        if fixed in call.params:
            raise denied(f"[{fixed}] of autoscaling policy [{thing.id}] can not be changed")
    policy = read_policy(call, thing.policy)
    _require(scaler, scaler.cloud.cluster(thing.resource), policy)
    fields = {
        "name": call.text("autoscaling_policy_name", thing.name),
        "description": call.text("description", thing.description),
    }
    changed = policy != thing.policy
    scaler.cloud.store.change(thing, call.seq, policy=policy, rule_ids=rule_ids(thing.id, policy), **fields)
    if changed:
        scaler.begin(thing, call.seq)
    return {"autoscaling_policy_id": thing.id}


def _delete(scaler: Autoscaler, call: Call) -> dict[str, Json]:
    ids = call.required_texts("autoscaling_policies")
    for thing in [alive(scaler.cloud, ScalingPolicy, policy_id) for policy_id in ids]:
        scaler.cloud.store.change(thing, call.seq, status=CEASED)
    return {"autoscaling_policies": cast("Json", ids)}


def _describe(scaler: Autoscaler, call: Call) -> dict[str, Json]:
    """Show policies; `verbose` 1 adds the history."""
    resource, verbose = call.text("resource"), call.number("verbose")
    found = [thing for thing in scaler.cloud.store.all(ScalingPolicy) if resource in ("", thing.resource)]
    return listing(
        call,
        found,
        ids="autoscaling_policies",
        into="autoscaling_policy_set",
        show=lambda thing: _show(scaler, thing, history=verbose > 0),
    )


def _show(scaler: Autoscaler, thing: ScalingPolicy, *, history: bool) -> dict[str, Json]:
    policy, kernel = thing.policy, scaler.cloud.kernel
    runs: list[Json] = [
        {
            "autoscaling_policy_rule_id": thing.rule_ids.get(entry.direction, ""),
            "history_type": entry.result,
            "scale_direction": entry.direction,
            "description": entry.description,
            "create_time": render_time(kernel, entry.at_ms),
        }
        for entry in reversed(thing.history)
    ]
    return {
        "autoscaling_policy_id": thing.id,
        "autoscaling_policy_name": thing.name,
        "description": thing.description,
        "scale_type": SCALE_TYPE,
        "resource": {"resource_id": thing.resource, "resource_type": "cluster", "role": policy.role},
        "role": policy.role,
        "period": policy.period,
        "rules": show_rules(thing),
        "step": policy.step,
        "min_count": policy.min,
        "max_count": policy.max,
        "notification_list": policy.notify or "",
        "enabled": int(policy.enabled),
        "status": thing.status,
        **stamped(kernel, thing),
        **({"history": runs} if history else {}),
    }


def _execute(scaler: Autoscaler, call: Call) -> dict[str, Json]:
    """Run a policy once outside its conditions, as the console's button does."""
    thing = alive(scaler.cloud, ScalingPolicy, call.required("autoscaling_policy"))
    direction = call.required("scale_direction")
    if direction not in DIRECTIONS or direction not in thing.rule_ids:
        raise invalid("scale_direction", direction)
    if not scaler.execute(thing, direction, call.seq):
        raise denied(f"autoscaling policy [{thing.id}] is running, or its limits leave nothing to change")
    return {"autoscaling_policy_id": thing.id}


ACTIONS: Mapping[str, Callable[[Autoscaler, Call], dict[str, Json]]] = {
    "CreateAutoScalingPolicy": _create,
    "DescribeAutoScalingPolicies": _describe,
    "ModifyAutoScalingPolicyAttributes": _modify,
    "DeleteAutoScalingPolicies": _delete,
    "ExecuteAutoScalingPolicy": _execute,
}
"""The actions of autoscaling; the last one has no public name."""

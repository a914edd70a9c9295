"""Forwarding policies of load balancers: rules by domain or path that choose a backend.

What they say has no effect on reachability here: the twin's balancers have no rules of their own to read (assumed).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qke_core.catalog import quotas
from qke_core.effects import Json
from qke_sim.cloud.call import QUOTAS_EXCEEDED, Call, CloudRefusal, invalid
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import CEASED, Actions, alive, listing
from qke_sim.cloud.shown import shown
from qke_sim.cloud.store import Store, Thing

OPERATORS = ("or", "and")
RULE_TYPES = ("domain", "url")


@dataclass(slots=True, kw_only=True, eq=False)
class Policy(Thing):
    """A policy. `is_applied` is 0 while edits wait."""

    kind: ClassVar[str] = "loadbalancer_policy"
    prefix: ClassVar[str] = "lbp"

    operator: str = "or"
    is_applied: int = 1

    def describe(self) -> dict[str, Json]:
        """Return it as DescribeLoadBalancerPolicies shows it."""
        return {
            "loadbalancer_policy_id": self.id,
            "loadbalancer_policy_name": self.name,
            "operator": self.operator,
            "is_applied": self.is_applied,
            "loadbalancer_ids": [],
        }


@dataclass(slots=True, kw_only=True, eq=False)
class PolicyRule(Thing):
    """A rule of a policy."""

    kind: ClassVar[str] = "loadbalancer_policy_rule"
    prefix: ClassVar[str] = "lbpr"

    policy_id: str
    rule_type: str
    val: str

    def describe(self) -> dict[str, Json]:
        """Return it as DescribeLoadBalancerPolicyRules shows it."""
        return {
            "loadbalancer_policy_rule_id": self.id,
            "loadbalancer_policy_rule_name": self.name,
            "rule_type": self.rule_type,
            "val": self.val,
        }


def _rules(store: Store, policy_id: str) -> list[PolicyRule]:
    return [rule for rule in store.all(PolicyRule) if policy_id in ("", rule.policy_id) and rule.status != CEASED]


def _operator(call: Call, default: str) -> str:
    value = call.text("operator") or default
    if value not in OPERATORS:
        raise invalid("operator", value)
    return value


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    verbose = call.number("verbose")

    def show(policy: Policy) -> dict[str, Json]:
        rules: list[Json] = [rule.describe() for rule in _rules(cloud.store, policy.id)]
        return {**shown(cloud, policy), **({"rules": rules} if verbose else {})}

    found = cloud.store.all(Policy)
    return listing(call, found, ids="loadbalancer_policies", into="loadbalancer_policy_set", show=show)


def _create(cloud: Cloud, call: Call) -> dict[str, Json]:
    name, operator = call.required("loadbalancer_policy_name"), _operator(call, "or")
    new = Policy(id=cloud.store.new_id(Policy), name=name, operator=operator)
    return {"loadbalancer_policy_id": cloud.store.add(new, call.seq, call.by).id}


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    policy = alive(cloud, Policy, call.required("loadbalancer_policy"))
    operator = _operator(call, policy.operator)
    applied = policy.is_applied if operator == policy.operator else 0
    name = call.text("loadbalancer_policy_name", policy.name)
    cloud.store.change(policy, call.seq, name=name, operator=operator, is_applied=applied)
    return {"loadbalancer_policy_id": policy.id}


def _apply(cloud: Cloud, call: Call) -> dict[str, Json]:
    policy = alive(cloud, Policy, call.required("loadbalancer_policy"))

    def done(cause: int) -> None:
        cloud.store.change(policy, cause, is_applied=1)

    return {"job_id": cloud.begin("ApplyLoadBalancerPolicy", [policy], "", call, work="lb-update", done=done).job_id}


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [alive(cloud, Policy, name) for name in call.required_texts("loadbalancer_policies")]
    for policy in found:
        for rule in _rules(cloud.store, policy.id):
            cloud.store.change(rule, call.seq, status=CEASED)
        cloud.store.change(policy, call.seq, status=CEASED)
    return {"loadbalancer_policies": [policy.id for policy in found]}


def _describe_rules(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = _rules(cloud.store, call.text("loadbalancer_policy"))
    return listing(call, found, ids="loadbalancer_policy_rules", into="loadbalancer_policy_rule_set")


def _add_rules(cloud: Cloud, call: Call) -> dict[str, Json]:
    policy, given = alive(cloud, Policy, call.required("loadbalancer_policy")), call.objects("rules")
    if not given:
        call.required_texts("rules")
    said = [Call("", item, 0) for item in given]
    names = [each.text("loadbalancer_policy_rule_name") for each in said]
    for each in said:
        each.required("val")
        if each.required("rule_type") not in RULE_TYPES:
            raise invalid("rule_type", each.text("rule_type"))
    most = quotas().hard["rules_per_loadbalancer_policy"]
    if len(_rules(cloud.store, policy.id)) + len(said) > most:
        raise CloudRefusal(QUOTAS_EXCEEDED, f"QuotasExceeded, loadbalancer policy [{policy.id}] takes [{most}] rules")
    made: list[Json] = []
    for each, name in zip(said, names, strict=True):
        new = PolicyRule(
            id=cloud.store.new_id(PolicyRule),
            name=name,
            policy_id=policy.id,
            rule_type=each.text("rule_type"),
            val=each.text("val"),
        )
        made.append(cloud.store.add(new, call.seq, call.by).id)
    cloud.store.change(policy, call.seq, is_applied=0)
    return {"loadbalancer_policy_rules": made}


def _modify_rule(cloud: Cloud, call: Call) -> dict[str, Json]:
    rule = alive(cloud, PolicyRule, call.required("loadbalancer_policy_rule"))
    name = call.text("loadbalancer_policy_rule_name", rule.name)
    cloud.store.change(rule, call.seq, name=name, val=call.text("val") or rule.val)
    cloud.store.change(alive(cloud, Policy, rule.policy_id), call.seq, is_applied=0)
    return {"loadbalancer_policy_rule_id": rule.id}


def _delete_rules(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [alive(cloud, PolicyRule, name) for name in call.required_texts("loadbalancer_policy_rules")]
    for rule in found:
        cloud.store.change(rule, call.seq, status=CEASED)
        cloud.store.change(alive(cloud, Policy, rule.policy_id), call.seq, is_applied=0)
    return {"loadbalancer_policy_rules": [rule.id for rule in found]}


ACTIONS: Actions = {
    "DescribeLoadBalancerPolicies": _describe,
    "CreateLoadBalancerPolicy": _create,
    "ModifyLoadBalancerPolicyAttributes": _modify,
    "ApplyLoadBalancerPolicy": _apply,
    "DeleteLoadBalancerPolicies": _delete,
    "DescribeLoadBalancerPolicyRules": _describe_rules,
    "AddLoadBalancerPolicyRules": _add_rules,
    "ModifyLoadBalancerPolicyRuleAttributes": _modify_rule,
    "DeleteLoadBalancerPolicyRules": _delete_rules,
}
"""Forwarding policies."""

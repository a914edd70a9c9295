"""A policy of autoscaling as the platform keeps it, and how the API writes one.

Only the names of four actions are public, no parameter and no answer. Those here are the twin's own, in the words that
public examples have (`asp-`, `aspr-`, `scale_type`, `scale_direction`) and otherwise in those of alarms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, cast

from pydantic import ValidationError

from qke_core.effects import Json
from qke_core.models import AutoscalingPolicy
from qke_core.models.autoscaling import Condition, Direction, ScalingRule
from qke_sim.cloud import Call, Thing, invalid
from qke_sim.ids import make_id

SCALE_TYPE = "cluster_node_count"
"""What the twin calls "adjust the number of app nodes"; the platform's own word is not public."""

DIRECTIONS: tuple[Direction, ...] = ("increase", "decrease")
Result = Literal["scale_success", "scale_fail", "scale_refused"]
"""How a run ended; the first word is seen in a public example, the others are the twin's."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One run in the history of a policy."""

    at_ms: int
    direction: Direction
    result: Result
    description: str


@dataclass(slots=True, kw_only=True, eq=False)
class ScalingPolicy(Thing):
    """One policy. `resource` is the cluster's id, `cluster` its name; `rule_ids` name its rules by direction.

    `success_ms` is when its last successful run ended, `running` whether one is under way.
    """

    kind: ClassVar[str] = "autoscaling_policy"
    prefix: ClassVar[str] = "asp"

    resource: str
    cluster: str
    policy: AutoscalingPolicy
    rule_ids: dict[str, str] = field(default_factory=dict[str, str])
    success_ms: int | None = None
    running: bool = False
    history: list[Entry] = field(default_factory=list[Entry])


def rule_ids(policy_id: str, policy: AutoscalingPolicy) -> dict[str, str]:
    """Return the ids of a policy's rules by direction."""
    return {direction: make_id("aspr", policy_id, direction) for direction, _ in policy.rules()}


def read_policy(call: Call, before: AutoscalingPolicy | None = None) -> AutoscalingPolicy:
    """Return the policy that a call describes; what it leaves out stays as `before`.

    Raises:
        CloudRefusal: 1100 naming the parameter that cannot be read.
    """
    rules = _read_rules(call)
    if before is not None and "rules" not in call.params:
        rules = dict(before.rules())
    period = call.text("period", "1m" if before is None else before.period)
    if period not in ("1m", "5m"):
        raise invalid("period", period)
    least = call.number("min_count", 0 if before is None else before.min, least=0)
    most = call.number("max_count", 100 if before is None else before.max, least=0)
    if most < least:
        raise invalid("max_count", most)
    step, enabled = (1, True) if before is None else (before.step, before.enabled)
    try:
        return AutoscalingPolicy(
            role=call.required("role") if before is None else before.role,
            period=period,
            increase=rules.get("increase"),
            decrease=rules.get("decrease"),
            step=call.number("step", step, least=1),
            min=least,
            max=most,
            notify=call.text("notification_list", "" if before is None else before.notify or "") or None,
            enabled=call.flag("enabled", default=enabled),
        )
    except ValidationError as error:
        raise invalid(*_first(error)) from None


def _read_rules(call: Call) -> dict[Direction, ScalingRule]:
    found: dict[Direction, ScalingRule] = {}
    for given in call.objects("rules"):
        rule = Call(call.by, given, call.seq)
        direction = rule.required("scale_direction")
        if direction not in DIRECTIONS or direction in found:
            raise invalid("scale_direction", direction)
        when = rule.text("combination", "any")
        if when not in ("all", "any"):
            raise invalid("combination", when)
        conditions = [_read_condition(Call(call.by, each, call.seq)) for each in rule.objects("conditions")]
        if not conditions:
            raise invalid("conditions", "")
        found[direction] = ScalingRule(when=when, conditions=tuple(conditions))
    return found


def _read_condition(call: Call) -> Condition:
    word, threshold = call.required("condition_type"), call.number("thresholds", 0, least=0)
    if word not in ("gt", "lt"):
        raise invalid("condition_type", word)
    try:
        return Condition.model_validate(
            {"meter": call.required("meter"), word: threshold, "periods": call.number("consecutive_periods", 1)}
        )
    except ValidationError as error:
        raise invalid(*_first(error)) from None


def _first(error: ValidationError) -> tuple[str, object]:
    """Return which parameter a model does not take, and its value."""
    found = error.errors()[0]
    return str(found["loc"][-1]) if found["loc"] else "rules", found["input"] if found["loc"] else ""


def show_rules(thing: ScalingPolicy) -> list[Json]:
    """Return a policy's rules as the API shows them; numbers of conditions are texts, as those of alarms."""
    return [
        {
            "autoscaling_policy_rule_id": thing.rule_ids[direction],
            "scale_direction": direction,
            "combination": rule.when,
            "conditions": [cast("Json", _show_condition(condition)) for condition in rule.conditions],
        }
        for direction, rule in thing.policy.rules()
    ]


def _show_condition(condition: Condition) -> Mapping[str, Json]:
    return {
        "meter": condition.meter,
        "condition_type": condition.type,
        "thresholds": str(condition.threshold),
        "consecutive_periods": str(condition.periods),
    }

"""What does a policy decide at one check, and when will it next decide anything?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from qke_core.autoscaling import Checks, Decision, Outlook, Sample, cool_down_ms, decide, flaps, foresee, target
from qke_core.models import AutoscalingPolicy
from qke_core.models.load import Demand, Meter
from qke_core.units import MS_PER_DAY, MS_PER_H, MS_PER_MIN


def make(**fields: Any) -> AutoscalingPolicy:
    usual = {"role": "node_perf", "min": 2, "max": 5, "increase": rule({"meter": "cpu", "gt": 800})}
    return AutoscalingPolicy.model_validate_json(json.dumps({**usual, **fields}))


def rule(*conditions: dict[str, Any], when: str = "any") -> dict[str, Any]:
    return {"when": when, "conditions": list(conditions)}


BUSY, CALM = {"meter": "cpu", "gt": 800}, {"meter": "cpu", "lt": 300}
FULL_MEMORY = {"meter": "memory", "gt": 900}


def at(cpu: int, memory: int = 0) -> Sample:
    return {"cpu": cpu, "memory": memory}


def why(policy: AutoscalingPolicy, *history: Sample, count: int = 3) -> str:
    return decide(policy, history, None, count, 0).why


@pytest.mark.guide("G-122")
def test_a_threshold_that_is_passed_changes_the_count_by_a_step():
    assert decide(make(), [at(801)], None, 3, 0) == Decision("fires", "increase", 4)
    assert decide(make(), [at(800)], None, 3, 0) == Decision("quiet", None, 3)


def test_a_condition_must_hold_at_its_checks_in_a_row():
    policy = make(increase=rule({**BUSY, "periods": 3}))
    assert why(policy, at(900), at(900)) == "quiet"
    assert why(policy, at(900), at(100), at(900), at(900)) == "quiet"
    assert why(policy, at(100), at(900), at(900), at(900)) == "fires"


def test_all_needs_every_condition_and_any_needs_one():
    policies = {when: make(increase=rule(BUSY, FULL_MEMORY, when=when)) for when in ("all", "any")}
    assert [why(policies["any"], sample) for sample in (at(900), at(0, 950), at(0))] == ["fires", "fires", "quiet"]
    assert [why(policies["all"], sample) for sample in (at(900), at(0, 950), at(900, 950))] == ["quiet"] * 2 + ["fires"]


def test_a_meter_without_a_figure_never_meets_a_condition():
    assert why(make(increase=None, decrease=rule(CALM)), {}) == "quiet"


def test_where_both_directions_fire_nodes_are_added():
    policy = make(increase=rule(FULL_MEMORY), decrease=rule(CALM))
    assert decide(policy, [at(100, 950)], None, 3, 0).direction == "increase"


def test_the_limits_cut_a_step_and_never_turn_it_round():
    policy = make(step=3)
    assert [target(policy, "increase", count) for count in (0, 3, 4, 5, 9)] == [3, 5, 5, 5, 9]
    assert [target(policy, "decrease", count) for count in (0, 2, 3, 4, 9)] == [0, 2, 2, 2, 6]
    assert why(policy, at(900), count=5) == "at-limit"


def test_the_cool_down_ends_exactly_five_minutes_after_the_last_success():
    assert cool_down_ms() == 5 * MS_PER_MIN
    found = [decide(make(), [at(900)], 0, 3, now).why for now in (0, cool_down_ms() - 1, cool_down_ms())]
    assert found == ["cool-down", "cool-down", "fires"]


def test_the_next_decision_is_found_without_looking_each_minute():
    demand = Demand.model_validate_json(json.dumps({"steps": [{"at": "0s", "value": 0}, {"at": "40m", "value": 900}]}))
    seen: list[int] = []

    def figure(meter: Meter, ms: int) -> int | None:
        seen.append(ms)
        return demand.at(ms) if meter == "cpu" else None

    policy, checks = make(increase=rule({**BUSY, "periods": 3})), Checks(MS_PER_MIN, MS_PER_MIN)
    number = foresee(policy, checks, Outlook(figure, {"cpu": demand}), 3, 0)
    assert number is not None
    assert checks.at(number) == 42 * MS_PER_MIN
    assert len(seen) < 10


def test_conditions_that_never_meet_are_never_waited_for():
    day = Demand.model_validate_json(json.dumps({"diurnal": {"trough": 0, "peak": 1000, "peak_after": "12h"}}))
    night = Demand.model_validate_json(json.dumps({"diurnal": {"trough": 0, "peak": 1000, "peak_after": "0s"}}))
    outlook = Outlook(lambda meter, ms: (day if meter == "cpu" else night).at(ms), {"cpu": day, "memory": night})
    policy = make(increase=rule(BUSY, FULL_MEMORY, when="all"))
    assert foresee(policy, Checks(0, MS_PER_MIN), outlook, 3, 0) is None


def test_what_holds_every_day_is_found_on_any_day():
    day = Demand.model_validate_json(json.dumps({"diurnal": {"trough": 0, "peak": 1000, "peak_after": "12h"}}))
    checks = Checks(0, MS_PER_MIN)
    outlook = Outlook(lambda _meter, ms: day.at(ms), {"cpu": day})
    numbers = [foresee(make(), checks, outlook, 3, days * 24 * 60) for days in (0, 1, 300)]
    times = [checks.at(number) % MS_PER_DAY for number in numbers if number is not None]
    assert len(times) == 3
    assert len(set(times)) == 1
    assert 8 * MS_PER_H < times[0] < 12 * MS_PER_H


def test_thresholds_far_enough_apart_do_not_flap():
    assert flaps(make(decrease=rule({"meter": "cpu", "lt": 534}))) is None
    found = flaps(make(decrease=rule({"meter": "cpu", "lt": 535})))
    assert found is not None
    assert (found.low, found.high, found.totals) == (2, 3, {"cpu": 1602})


def test_thresholds_on_different_meters_flap():
    assert flaps(make(decrease=rule({"meter": "memory", "lt": 100}))) is not None

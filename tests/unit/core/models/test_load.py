"""How busy a role is over time, and how its nodes share that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from qke_core.models import RoleLoad
from qke_core.models.load import Demand
from qke_core.units import MS_PER_DAY, MS_PER_H, MS_PER_MIN


def demand(**way: Any) -> Demand:
    return Demand.model_validate_json(json.dumps(way))


def test_steps_hold_until_the_next_one_and_nothing_comes_before_the_first():
    found = demand(steps=[{"at": "1m", "value": 5}, {"at": "10m", "value": 7}])
    assert [found.at(minute * MS_PER_MIN) for minute in (0, 1, 9, 10, 10_000)] == [0, 5, 5, 7, 7]
    assert [found.turn(minute * MS_PER_MIN) for minute in (0, 1, 10)] == [MS_PER_MIN, 10 * MS_PER_MIN, None]


def test_a_load_is_constant_within_a_minute():
    found = demand(diurnal={"trough": 0, "peak": 100_000})
    assert found.at(3 * MS_PER_H) == found.at(3 * MS_PER_H + 59_999) < found.at(3 * MS_PER_H + 60_000)


def test_a_day_goes_from_trough_to_peak_and_back_every_day():
    found = demand(diurnal={"trough": 200, "peak": 900, "peak_after": "14h"})
    assert (found.at(14 * MS_PER_H), found.at(2 * MS_PER_H), found.at(8 * MS_PER_H)) == (900, 200, 550)
    assert all(found.at(hour * MS_PER_H) == found.at(hour * MS_PER_H + 9 * MS_PER_DAY) for hour in range(24))


@pytest.mark.parametrize("peak", [900, 100, 200])
def test_a_day_is_monotone_between_its_turns(peak: int):
    found = demand(diurnal={"trough": 200, "peak": peak, "peak_after": "90m"})
    now = 0
    for _ in range(4):
        turn = found.turn(now)
        assert turn is not None
        values = [found.at(ms) for ms in range(now, turn, MS_PER_MIN)]
        assert values in (sorted(values), sorted(values, reverse=True))
        now = turn


def test_the_last_value_of_a_series_stays():
    found = demand(series={"every": "15m", "values": [1, 2, 3]})
    assert [found.at(minute * MS_PER_MIN) for minute in (0, 14, 15, 30, 500)] == [1, 1, 2, 3, 3]
    assert found.turn(31 * MS_PER_MIN) is None


@pytest.mark.parametrize(
    ("way", "code"),
    [
        ({}, "load.shape"),
        ({"steps": [], "diurnal": {"trough": 1, "peak": 2}}, "load.shape"),
        ({"steps": [{"at": "2m", "value": 1}, {"at": "1m", "value": 1}]}, "load.order"),
    ],
)
def test_a_load_that_cannot_be_read_is_refused(way: dict[str, Any], code: str):
    with pytest.raises(ValidationError) as caught:
        demand(**way)
    assert caught.value.errors()[0]["type"] == code


def test_more_nodes_are_less_busy_each_and_none_is_busier_than_full():
    load = RoleLoad.model_validate_json(
        json.dumps(
            {
                "cluster": "shop",
                "role": "node_perf",
                "cpu": {"steps": [{"at": "0s", "value": 2400}]},
                "containers": {"steps": [{"at": "0s", "value": 2400}]},
            }
        )
    )
    assert [load.figure("cpu", 0, nodes) for nodes in (0, 2, 3, 4)] == [None, 1000, 800, 600]
    assert load.figure("kubelet_running_containers", 0, 2) == 1200
    assert load.figure("memory", 0, 2) is None

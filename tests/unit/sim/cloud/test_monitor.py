"""What do nodes show, when somebody asks and not before?"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from qke_core.effects import Json, JsonObject
from qke_core.models import RoleLoad
from qke_core.units import MS_PER_H, MS_PER_MIN
from qke_sim.cloud.stamp import render_time
from qke_sim.kernel import Kernel
from qke_sim.twin import Twin

TwinOf = Callable[..., Twin]
Finished = Callable[..., Any]
LOAD = RoleLoad.model_validate_json(
    json.dumps(
        {
            "cluster": "shop",
            "role": "node_perf",
            "cpu": {"steps": [{"at": "0s", "value": 900}, {"at": "30m", "value": 1800}]},
            "containers": {"steps": [{"at": "0s", "value": 60}]},
        }
    )
)


def make(kernel: Kernel, twin_of: TwinOf, version: str = "3.3.0") -> Twin:
    roles = {"master": {"count": 3}, "node_perf": {"count": 3}, "client": {"count": 1}}
    twin = twin_of(kernel, {"name": "shop", "version": version, "roles": roles})
    twin.cloud.figures.carry([LOAD])
    return twin


def go_to(kernel: Kernel, ms: int) -> None:
    kernel.later(ms - kernel.now, lambda: None)
    kernel.run(ms)


def ask(twin: Twin, finished: Finished, action: str, **params: Any) -> Mapping[str, Json]:
    begin, end = params.pop("begin", 0), params.pop("end", 2 * MS_PER_H)
    times = {"start_time": render_time(twin.kernel, begin), "end_time": render_time(twin.kernel, end)}
    asked = cast("JsonObject", {"step": "15m", **times, **params})
    return cast("Mapping[str, Json]", finished(twin.kernel, twin.cloud.call(action, asked, "user", 0)))


def series(answer: Mapping[str, Json]) -> list[Json]:
    """Return the values of the first meter."""
    first = cast("list[dict[str, Json]]", answer["meter_set"])[0]
    sets = cast("list[dict[str, Json]]", first["data_set"]) if "data_set" in first else [first]
    data = cast("list[Json]", sets[0]["data"])
    head = cast("list[Json]", data[0])
    return [head[1], *data[1:]]


def node(twin: Twin, alias: str) -> str:
    return twin.site("shop").hosts[alias].node.id


def test_a_node_shows_its_share_of_the_load(kernel: Kernel, twin_of: TwinOf, finished: Finished):
    twin = make(kernel, twin_of)
    go_to(kernel, MS_PER_H)
    answer = ask(twin, finished, "GetClusterMonitor", resource=node(twin, "node_perf1"), meters=["cpu"])
    assert answer["resource_id"] == node(twin, "node_perf1")
    assert series(answer) == [300, 300, 600, 600, 600]


def test_the_figures_of_the_past_stay_when_nodes_go(kernel: Kernel, twin_of: TwinOf, finished: Finished):
    twin = make(kernel, twin_of)
    go_to(kernel, 20 * MS_PER_MIN)
    twin.site("shop").crash("node_perf3", 0)
    go_to(kernel, MS_PER_H)
    left = ask(twin, finished, "GetClusterMonitor", resource=node(twin, "node_perf1"), meters=["cpu"])
    assert series(left) == [300, 300, 900, 900, 900]
    gone = ask(twin, finished, "GetClusterMonitor", resource=node(twin, "node_perf3"), meters=["cpu"])
    assert series(gone) == [300, 300]


def test_the_instance_of_a_node_shows_the_same(kernel: Kernel, twin_of: TwinOf, finished: Finished):
    twin = make(kernel, twin_of)
    go_to(kernel, MS_PER_H)
    instance = twin.site("shop").hosts["node_perf1"].node.instance_id
    assert series(ask(twin, finished, "GetMonitor", resource=instance, meters=["cpu"])) == [300, 300, 600, 600, 600]


@pytest.mark.parametrize(
    ("version", "item"), [("2.0.0", "kubelet_running_container_count"), ("3.1.0", "kubelet_running_containers")]
)
def test_the_apps_own_items_are_called_as_in_the_version(
    kernel: Kernel, twin_of: TwinOf, finished: Finished, version: str, item: str
):
    twin = make(kernel, twin_of, version)
    answer = ask(twin, finished, "GetClusterMonitor", resource=node(twin, "node_perf1"), meters=["stats"])
    found = {meter["meter_id"]: meter for meter in cast("list[dict[str, Json]]", answer["meter_set"])}
    assert item in found
    assert cast("Any", found[item])["data_set"][0]["data"][0][1] == 20


def test_many_resources_come_in_one_answer(kernel: Kernel, twin_of: TwinOf, finished: Finished):
    twin = make(kernel, twin_of)
    pairs = [{"resource": host.node.instance_id, "meters": ["cpu"]} for host in twin.site("shop").hosts.values()]
    answer = ask(twin, finished, "GetMonitors", resource_meters_pairs=pairs)
    assert len(cast("list[Json]", answer["meter_set"])) == 7


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"resource": "cln-nothere1"}, 2100),
        ({"meters": []}, 1100),
        ({"step": "7m"}, 1100),
        ({"begin": MS_PER_H, "end": 0}, 1100),
        ({"start_time": "yesterday"}, 1100),
        ({"step": "1m", "begin": -400 * 24 * MS_PER_H}, 1100),
    ],
)
def test_what_cannot_be_asked_is_refused(
    kernel: Kernel, twin_of: TwinOf, finished: Finished, params: dict[str, Any], code: int
):
    twin = make(kernel, twin_of)
    usual = {"resource": node(twin, "node_perf1"), "meters": ["cpu"]}
    assert ask(twin, finished, "GetClusterMonitor", **{**usual, **params})["ret_code"] == code

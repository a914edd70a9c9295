"""Do nodes come and go as policies say, in the user's name, and is everybody told?"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from qke_core.catalog import operations
from qke_core.effects import Json, JsonObject
from qke_core.models import RoleLoad, World
from qke_core.units import MS_PER_DAY, MS_PER_H, MS_PER_MIN
from qke_sim.kernel import Kernel
from qke_sim.platform.scalingpolicy import ScalingPolicy
from qke_sim.trace import TraceRecord, causes
from qke_sim.twin import Twin

TwinOf = Callable[..., Twin]
Finished = Callable[..., Any]
POLICY = {
    "role": "node_perf",
    "increase": {"conditions": [{"meter": "cpu", "gt": 800, "periods": 3}]},
    "decrease": {"conditions": [{"meter": "cpu", "lt": 300, "periods": 5}]},
    "min": 2,
    "max": 4,
    "notify": "nl-a1b2c3d4",
}


def load(*steps: tuple[str, int], role: str = "node_perf") -> RoleLoad:
    cpu = {"steps": [{"at": at, "value": value} for at, value in steps]}
    return RoleLoad.model_validate_json(json.dumps({"cluster": "shop", "role": role, "cpu": cpu}))


def make(kernel: Kernel, twin_of: TwinOf, *loads: RoleLoad, version: str = "3.3.0", **policy: Any) -> Twin:
    roles = {"master": {"count": 3}, "node_perf": {"count": 2}, "client": {"count": 1}}
    scaling = [{**POLICY, **policy}]
    kubesphere = {"install_kubesphere": False}
    wish = {"name": "shop", "version": version, "roles": roles, "autoscaling": scaling, "env": kubesphere}
    twin = twin_of(kernel, wish)
    twin.cloud.figures.carry(loads)
    twin.autoscaler.begin(policies(twin)[0], 0)
    return twin


def void(_: object) -> None:
    """Forget a value."""


def policies(twin: Twin) -> list[ScalingPolicy]:
    return twin.cloud.store.all(ScalingPolicy)


def records(kernel: Kernel, kind: str) -> list[TraceRecord]:
    return [record for record in kernel.trace.records if record.kind == kind]


def runs(kernel: Kernel) -> list[tuple[object, object]]:
    return [(record.data["before"], record.data["after"]) for record in records(kernel, "autoscaling.fired")]


def results(twin: Twin) -> list[str]:
    return [entry.result for entry in policies(twin)[0].history]


def call(twin: Twin, finished: Finished, action: str, **params: Any) -> Mapping[str, Json]:
    return cast(
        "Mapping[str, Json]", finished(twin.kernel, twin.cloud.call(action, cast("JsonObject", params), "user", 0))
    )


# --- Runs


@pytest.mark.guide("G-017", "G-122")
def test_nodes_are_added_under_load_and_removed_after_it(kernel: Kernel, twin_of: TwinOf):
    twin = make(kernel, twin_of, load(("0s", 1000), ("30m", 1900), ("3h", 500)))
    kernel.run(8 * MS_PER_H)
    assert runs(kernel) == [(2, 3), (3, 2)]
    assert results(twin) == ["scale_success"] * 2
    up, down = records(kernel, "autoscaling.fired")
    assert up.t == 32 * MS_PER_MIN  # the third check that finds it so
    assert down.t >= 3 * MS_PER_H + 4 * MS_PER_MIN
    assert [node.alias for node in twin.site("shop").cluster.nodes if node.role == "node_perf"] == [
        "node_perf1",
        "node_perf2",
    ]


@pytest.mark.guide("G-123")
def test_the_notification_list_is_told_of_every_run(kernel: Kernel, twin_of: TwinOf):
    make(kernel, twin_of, load(("0s", 1900)))
    kernel.run(2 * MS_PER_H)
    (told,) = records(kernel, "notification.posted")
    assert told.data["list"] == "nl-a1b2c3d4"
    assert "scale_success" in str(told.data["message"])
    chain = [record.kind for record in causes(kernel.trace.records, told.seq)]
    assert {"autoscaling.fired", "cloud.called", "job.ended", "autoscaling.ended"} <= set(chain)


def test_a_run_is_an_ordinary_call_that_counts(kernel: Kernel, twin_of: TwinOf):
    make(kernel, twin_of, load(("0s", 1900)))
    kernel.run(2 * MS_PER_H)
    asked = [record for record in records(kernel, "cloud.called") if record.data["by"] == "autoscaling"]
    assert [record.data["action"] for record in asked] == ["AddClusterNodes"]


def test_a_run_never_goes_beyond_the_limits(kernel: Kernel, twin_of: TwinOf):
    make(kernel, twin_of, load(("0s", 100_000)))
    kernel.run(12 * MS_PER_H)
    assert runs(kernel) == [(2, 3), (3, 4)]


def test_a_second_run_waits_for_the_cool_down_and_the_refusals_are_logged(kernel: Kernel, twin_of: TwinOf):
    twin = make(kernel, twin_of, load(("0s", 100_000)))
    kernel.run(12 * MS_PER_H)
    ended, refused = records(kernel, "autoscaling.ended")[0], records(kernel, "autoscaling.refused")
    second = records(kernel, "autoscaling.fired")[1]
    assert 5 * MS_PER_MIN <= second.t - ended.t < 6 * MS_PER_MIN
    assert all(ended.t < record.t < second.t for record in refused)
    assert results(twin) == ["scale_success", *["scale_refused"] * len(refused), "scale_success"]


def test_while_another_operation_runs_the_run_fails_and_is_not_queued(kernel: Kernel, twin_of: TwinOf):
    twin = make(kernel, twin_of, load(("0s", 1900), ("10m", 1000)))
    cluster = twin.site("shop").cluster
    twin.cloud.change(cluster, "transition_status", "updating", 0)
    kernel.later(20 * MS_PER_MIN, lambda: void(twin.cloud.change(cluster, "transition_status", "", 0)))
    kernel.run(3 * MS_PER_H)
    assert set(results(twin)) == {"scale_fail"}
    assert "is [updating]" in policies(twin)[0].history[-1].description
    assert all(record.t < 11 * MS_PER_MIN for record in records(kernel, "autoscaling.fired"))


def test_going_below_two_workers_fails_with_135_from_2_0_0_on(kernel: Kernel, twin_of: TwinOf):
    twin = make(kernel, twin_of, load(("0s", 200)), min=1)
    kernel.run(MS_PER_H)
    failed = records(kernel, "autoscaling.ended")
    assert failed[0].data["code"] == 135
    assert set(results(twin)) == {"scale_fail"}
    assert sum(node.role == "node_perf" for node in twin.site("shop").cluster.nodes) == 2


def test_the_history_keeps_the_last_fifty(kernel: Kernel, twin_of: TwinOf):
    twin = make(kernel, twin_of, load(("0s", 200)), min=1)
    kernel.run(6 * MS_PER_H)
    assert len(policies(twin)[0].history) == 50


def test_a_quiet_year_costs_nothing(kernel: Kernel, twin_of: TwinOf):
    twin = make(kernel, twin_of, load(("0s", 1000)))
    before = kernel.trace.count
    assert kernel.run(365 * MS_PER_DAY)
    assert (kernel.trace.count, kernel.steps) == (before, 0)
    assert results(twin) == []


def test_a_crashed_node_leaves_more_to_the_others(kernel: Kernel, twin_of: TwinOf):
    twin = make(kernel, twin_of, load(("0s", 1200)))
    kernel.later(MS_PER_MIN, lambda: void(twin.site("shop").crash("node_perf1", 0)))
    kernel.run(2 * MS_PER_H)
    assert runs(kernel)[0] == (2, 3)


# --- Actions


def create(twin: Twin, finished: Finished, **params: Any) -> Mapping[str, Json]:
    cluster = twin.site("shop").cluster.id
    conditions = [{"meter": "cpu", "condition_type": "gt", "thresholds": "700"}]
    usual = {
        "resource": cluster,
        "role": "node_perf",
        "rules": [{"scale_direction": "increase", "conditions": conditions}],
        "max_count": 5,
    }
    return call(twin, finished, "CreateAutoScalingPolicy", **{**usual, **params})


@pytest.mark.guide("G-121")
def test_a_policy_is_made_shown_changed_and_deleted(kernel: Kernel, twin_of: TwinOf, finished: Finished):
    twin = twin_of(kernel, {"name": "shop", "version": "3.3.0", "express": "high-performance prod"})
    made = create(twin, finished, role="node_super_perf")
    assert made["ret_code"] == 0
    policy_id = str(made["autoscaling_policy_id"])
    assert policy_id.startswith("asp-")
    (shown,) = cast(
        "list[dict[str, Json]]", call(twin, finished, "DescribeAutoScalingPolicies")["autoscaling_policy_set"]
    )
    (rule,) = cast("list[dict[str, Json]]", shown["rules"])
    assert (shown["max_count"], shown["enabled"], rule["scale_direction"]) == (5, 1, "increase")
    assert str(rule["autoscaling_policy_rule_id"]).startswith("aspr-")
    ask = {"autoscaling_policy": policy_id}
    assert call(twin, finished, "ModifyAutoScalingPolicyAttributes", **ask, enabled=0, max_count=7)["ret_code"] == 0
    assert policies(twin)[0].policy.max == 7
    assert not policies(twin)[0].policy.enabled
    assert call(twin, finished, "ModifyAutoScalingPolicyAttributes", **ask, role="master")["ret_code"] == 1400
    assert call(twin, finished, "DeleteAutoScalingPolicies", autoscaling_policies=[policy_id])["ret_code"] == 0
    assert call(twin, finished, "DescribeAutoScalingPolicies")["total_count"] == 0
    assert call(twin, finished, "DeleteAutoScalingPolicies", autoscaling_policies=[policy_id])["ret_code"] == 2100


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"resource": "cl-nothere1"}, 2100),
        ({"role": "master"}, 1400),
        ({"role": ""}, 1100),
        ({"rules": []}, 1100),
        ({"rules": [{"scale_direction": "sideways", "conditions": []}]}, 1100),
        ({"rules": [{"scale_direction": "increase", "conditions": [{"meter": "heat", "condition_type": "gt"}]}]}, 1100),
        ({"min_count": 6}, 1100),
        ({"period": "2m"}, 1100),
        ({"notification_list": "nl-nothere1"}, 2100),
        ({"scale_type": "eip_bandwidth"}, 1100),
    ],
)
def test_a_policy_that_cannot_be_is_refused_and_changes_nothing(
    kernel: Kernel, twin_of: TwinOf, finished: Finished, params: dict[str, Any], code: int
):
    twin = twin_of(kernel, {"name": "shop", "version": "3.3.0", "express": "standard prod"})
    before = twin.cloud.store.state()
    assert create(twin, finished, **params)["ret_code"] == code
    assert twin.cloud.store.state() == before


def test_a_policy_can_be_run_at_once(kernel: Kernel, twin_of: TwinOf, finished: Finished):
    twin = make(kernel, twin_of, load(("0s", 1000)))
    ask = {"autoscaling_policy": policies(twin)[0].id}
    assert call(twin, finished, "ExecuteAutoScalingPolicy", **ask, scale_direction="decrease")["ret_code"] == 1400
    assert call(twin, finished, "ExecuteAutoScalingPolicy", **ask, scale_direction="increase")["ret_code"] == 0
    kernel.run(2 * MS_PER_H)
    assert runs(kernel) == [(2, 3)]


def test_without_quota_the_run_fails_with_2500_and_nothing_is_left(kernel: Kernel):
    roles = {"master": {"count": 3}, "node_perf": {"count": 2}, "client": {"count": 1}}
    shop = {"name": "shop", "version": "3.3.0", "roles": roles, "autoscaling": [POLICY]}
    world = {"zone": "pek3", "quotas": {"limits": {"instance": 6}}, "clusters": [shop]}
    twin = Twin(kernel, World.model_validate_json(json.dumps(world)), {})
    twin.cloud.figures.carry([load(("0s", 1900))])
    twin.start(0)
    kernel.run(10 * MS_PER_MIN)
    assert {entry.result for entry in policies(twin)[0].history} == {"scale_fail"}
    assert [record.data["code"] for record in records(kernel, "autoscaling.ended")][:1] == [2500]
    assert sum(node.role == "node_perf" for node in twin.site("shop").cluster.nodes) == 2


def test_a_switch_lets_a_policy_hold_one_direction_only(
    kernel: Kernel, twin_of: TwinOf, finished: Finished, monkeypatch: pytest.MonkeyPatch
):
    twin = twin_of(kernel, {"name": "shop", "version": "3.3.0", "express": "standard prod"})
    condition = {"meter": "cpu", "condition_type": "gt", "thresholds": 700}
    both = [{"scale_direction": way, "conditions": [condition]} for way in ("increase", "decrease")]
    assert create(twin, finished, rules=both)["ret_code"] == 0
    book = operations()
    strict = replace(book, constants={**book.constants, "autoscaling_one_direction": 1})
    monkeypatch.setattr("qke_sim.platform.scalingactions.operations", lambda: strict)
    assert create(twin, finished, rules=both)["ret_code"] == 1400
    assert create(twin, finished, rules=both[:1])["ret_code"] == 0

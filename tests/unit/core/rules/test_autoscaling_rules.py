"""May a role scale by itself, can a policy do what it says, and will it come to rest?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from qke_core.catalog import catalog
from qke_core.models import ClusterDocument
from qke_core.rules import Finding
from qke_core.rules.autoscaling import RULES, may_scale
from qke_core.rules.case import Case

UP = {"conditions": [{"meter": "cpu", "gt": 800}]}
DOWN = {"conditions": [{"meter": "cpu", "lt": 200}]}
GOOD = {"role": "node_perf", "increase": UP, "decrease": DOWN, "min": 2, "max": 6, "notify": "nl-a1b2c3d4"}


def check(*policies: Mapping[str, Any], **wish: Any) -> list[Finding]:
    usual = {"apiVersion": "qke/v1", "kind": "Cluster", "zone": "pek3", "name": "shop", "version": "2.0.0"}
    document = {**usual, "autoscaling": list(policies), **wish}
    case = Case.of(ClusterDocument.model_validate_json(json.dumps(document)), None)
    return [finding for rule in RULES for finding in rule(case)]


def only(code: str, *policies: Mapping[str, Any], **wish: Any) -> Finding:
    (found,) = [finding for finding in check(*policies, **wish) if finding.code == f"autoscaling.{code}"]
    assert all((found.sentence, found.remedy, found.source))
    return found


def test_thresholds_and_rules_that_are_far_enough_apart_need_no_warning():
    assert [finding.code for finding in check(GOOD)] == ["autoscaling.both-directions"]


@pytest.mark.guide("G-201")
def test_only_workers_scale_by_themselves_and_only_since_1_0_1():
    able = {version: [role for role in catalog().roles if may_scale(role, version)] for version in catalog().order}
    workers = ["node_perf", "node_super_perf"]
    assert able.pop("1.0.0") == []
    assert able.pop("1.0.1") == workers
    assert all(sorted(roles) == ["node_gpu", *workers] for roles in able.values())


@pytest.mark.parametrize(("role", "version"), [("node_perf", "1.0.0"), ("master", "2.0.0"), ("client", "3.3.0")])
def test_a_role_without_a_step_is_refused(role: str, version: str):
    found = only("unsupported", {**GOOD, "role": role}, version=version)
    assert (found.severity, found.platform_code, found.path) == ("blocker", 1400, ("autoscaling", 0, "role"))


@pytest.mark.parametrize(
    ("limits", "key"), [({"min": 5, "max": 4}, "min"), ({"max": 101}, "max"), ({"min": 101, "max": 100}, "min")]
)
def test_limits_that_leave_no_room_are_refused(limits: Mapping[str, int], key: str):
    assert only("limits", {**GOOD, **limits}).path == ("autoscaling", 0, key)


def test_a_count_outside_the_limits_is_warned_of():
    assert "outside the limits 5 to 6" in only("outside", {**GOOD, "min": 5}).sentence


def test_a_policy_that_may_go_below_two_workers_is_warned_of_with_135():
    found = only("two-workers", {**GOOD, "min": 1})
    assert (found.severity, found.platform_code) == ("warning", 135)
    assert not [each for each in check({**GOOD, "min": 1}, version="1.0.1") if each.code == "autoscaling.two-workers"]


def test_the_other_worker_roles_count_among_the_two():
    roles = {"master": {"count": 3}, "node_super_perf": {"count": 2}, "node_perf": {"count": 2}}
    codes = [each.code for each in check({**GOOD, "min": 0}, roles=roles)]
    assert "autoscaling.two-workers" not in codes


@pytest.mark.parametrize(
    ("condition", "word"),
    [
        ({"meter": "cpu", "gt": 80}, "8 percent"),
        ({"meter": "memory", "lt": 15}, "1.5 percent"),
        ({"meter": "cpu", "gt": 1000}, "never"),
        ({"meter": "memory", "lt": 1001}, "always"),
    ],
)
def test_a_threshold_that_is_no_per_mille_is_warned_of(condition: Mapping[str, Any], word: str):
    policy = {**GOOD, "decrease": None, "increase": {"conditions": [condition]}}
    assert word in only("threshold", policy).sentence


def test_containers_are_counted_not_measured_in_per_mille():
    policy = {**GOOD, "increase": {"conditions": [{"meter": "kubelet_running_containers", "gt": 40}]}}
    assert not [each for each in check(policy) if each.code == "autoscaling.threshold"]


def test_thresholds_too_near_each_other_are_warned_of_with_the_load_that_shows_it():
    found = only("flaps", {**GOOD, "decrease": {"conditions": [{"meter": "cpu", "lt": 600}]}})
    assert found.sentence == "With 2 node_perf nodes at cpu 801 it goes to 3, where that is 534, and back"


def test_removing_several_nodes_at_once_is_warned_of():
    assert only("step", {**GOOD, "step": 2}).platform_code == 134
    assert not [each for each in check({**GOOD, "step": 2, "decrease": None}) if each.code == "autoscaling.step"]


def test_both_directions_in_one_policy_are_a_contradiction_of_the_public_texts():
    assert only("both-directions", GOOD).severity == "note"


def test_two_policies_for_one_direction_are_rivals():
    up, down = {**GOOD, "decrease": None}, {**GOOD, "increase": None}
    assert not [each for each in check(up, down) if each.code == "autoscaling.rivals"]
    assert only("rivals", up, up, down).path == ("autoscaling", 1)


def test_a_count_in_the_same_file_is_pointed_out():
    roles = {"master": {"count": 3}, "node_perf": {"count": 3}}
    assert "says 3 node_perf nodes" in only("count-written", GOOD, roles=roles).sentence


@pytest.mark.guide("G-123")
def test_without_a_notification_list_nobody_is_told():
    assert only("nobody-told", {**GOOD, "notify": None}).severity == "note"

"""From a condition on a node to somebody who is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, cast

import pytest

from qke_core.effects import Json, JsonObject
from qke_core.models import RoleLoad
from qke_core.units import MS_PER_DAY, MS_PER_H, MS_PER_MIN
from qke_sim.cloud.alarm import Alarm
from qke_sim.kernel import Kernel
from qke_sim.trace import TraceRecord
from qke_sim.twin import Twin

TwinOf = Callable[..., Twin]


class Desk:
    """A user at the cloud's door."""

    def __init__(self, twin: Twin) -> None:
        self.twin = twin

    def __call__(self, action: str, **params: Any) -> Mapping[str, Json]:
        asked = cast("JsonObject", params)
        kernel, asking = self.twin.kernel, self.twin.kernel.spawn(self._ask(action, asked))
        while not asking.triggered:
            kernel.run(kernel.now + 1000)
        return cast("Mapping[str, Json]", asking.value)

    def _ask(self, action: str, params: JsonObject) -> Any:
        outcome = yield from self.twin.cloud.request(action, params, "user", 0)
        return outcome.answer

    def code(self, action: str, **params: Any) -> Json:
        return self(action, **params)["ret_code"]


@pytest.fixture
def desk(kernel: Kernel, twin_of: TwinOf) -> Desk:
    roles = {"master": {"count": 3}, "node_perf": {"count": 2}, "client": {"count": 1}}
    twin = twin_of(kernel, {"name": "shop", "version": "3.3.0", "roles": roles})
    cpu = {"steps": [{"at": "0s", "value": 800}, {"at": "30m", "value": 1900}, {"at": "60m", "value": 400}]}
    load = {"cluster": "shop", "role": "node_perf", "cpu": cpu}
    twin.cloud.figures.carry([RoleLoad.model_validate_json(json.dumps(load))])
    return Desk(twin)


def make_list(desk: Desk) -> str:
    given = [{"content": "ops@example.com", "notification_item_type": "email"}]
    (item,) = cast(
        "list[dict[str, Json]]", desk("CreateNotificationItems", notification_items=given)["notification_items"]
    )
    code = item["verification_code"]
    wrong = {"notification_item_content": "ops@example.com", "verification_code": "000000x"}
    assert desk.code("VerifyNotificationItem", **wrong) == 1400
    assert desk.code("VerifyNotificationItem", **{**wrong, "verification_code": code}) == 0
    items = [item["notification_item_id"]]
    return str(
        desk("CreateNotificationList", notification_list_name="ops", notification_items=items)["notification_list_id"]
    )


def make_policy(desk: Desk, **params: Any) -> str:
    rule = {"meter": "cpu", "condition_type": "gt", "thresholds": "900", "consecutive_periods": 3, "priority": 1}
    list_id = make_list(desk)
    actions = [{"trigger_action": list_id, "trigger_status": status} for status in ("alarm", "ok")]
    usual = {"alarm_policy_type": "cluster_node", "period": "1m", "rules": [rule], "actions": actions}
    return str(desk("CreateAlarmPolicy", **{**usual, **params})["alarm_policy_id"])


def watch(desk: Desk, policy: str) -> Alarm:
    node = desk.twin.site("shop").hosts["node_perf1"].node.id
    assert desk.code("AssociateAlarmPolicy", alarm_policy=policy, resources=[node]) == 0
    assert desk.code("ApplyAlarmPolicy", alarm_policy=policy) == 0
    (alarm,) = desk.twin.cloud.store.all(Alarm)
    return alarm


def records(desk: Desk, kind: str) -> list[TraceRecord]:
    return [record for record in desk.twin.kernel.trace.records if record.kind == kind]


def test_an_alarm_is_raised_and_cleared_and_told(desk: Desk):
    alarm = watch(desk, make_policy(desk))
    desk.twin.kernel.run(3 * MS_PER_H)
    changes = [
        (record.data["before"], record.data["after"], record.t // MS_PER_MIN)
        for record in records(desk, "alarm.changed")
    ]
    assert [change[:2] for change in changes] == [("insufficient", "ok"), ("ok", "alarm"), ("alarm", "ok")]
    assert changes[1][2] == 32
    assert changes[2][2] == 60
    assert [record.data["message"] for record in records(desk, "notification.posted")] == [
        f"{alarm.resource_id} is ok",
        f"{alarm.resource_id} is alarm",
        f"{alarm.resource_id} is ok",
    ]
    history = desk("DescribeAlarmHistory", alarm=alarm.id)
    assert history["alarm_history_set"] == history["alarm_set"]
    assert history["total_count"] == 7


def test_an_alarm_is_told_as_often_as_the_policy_says(desk: Desk):
    watch(desk, make_policy(desk, notice_count=4))
    desk.twin.kernel.run(3 * MS_PER_H)
    told = [record.t for record in records(desk, "notification.posted") if "alarm" in str(record.data["message"])]
    assert [later - earlier for earlier, later in pairwise(told)] == [MS_PER_MIN] * 3


def test_a_node_that_is_off_has_no_data(desk: Desk):
    alarm = watch(desk, make_policy(desk))
    desk.twin.kernel.run(10 * MS_PER_MIN)
    assert alarm.status == "ok"
    desk.twin.site("shop").crash("node_perf1", 0)
    desk.twin.kernel.run(20 * MS_PER_MIN)
    assert alarm.status == "insufficient"


def test_an_alarm_that_stays_costs_nothing(desk: Desk):
    watch(desk, make_policy(desk))
    desk.twin.kernel.run(3 * MS_PER_H)
    steps = desk.twin.kernel.steps
    desk.twin.kernel.run(300 * MS_PER_DAY)
    assert desk.twin.kernel.steps == steps


def test_an_edit_takes_effect_when_the_policy_is_applied(desk: Desk):
    policy = make_policy(desk)
    watch(desk, policy)

    def applied() -> Json:
        (shown,) = cast("list[dict[str, Json]]", desk("DescribeAlarmPolicies", verbose=1)["alarm_policy_set"])
        return shown["is_applied"]

    assert applied() == 1
    (rule,) = cast(
        "list[dict[str, Json]]", desk("DescribeAlarmPolicyRules", alarm_policy=policy)["alarm_policy_rule_set"]
    )
    assert (rule["thresholds"], rule["consecutive_periods"]) == ("900", "3")
    ask = {"alarm_policy_rule": rule["alarm_policy_rule_id"], "condition_type": "gt", "thresholds": "2000"}
    assert desk.code("ModifyAlarmPolicyRuleAttributes", **ask) == 0
    assert applied() == 0
    assert desk.code("ApplyAlarmPolicy", alarm_policy=policy) == 0
    desk.twin.kernel.run(3 * MS_PER_H)
    assert [record.data["after"] for record in records(desk, "alarm.changed")] == ["ok"]


def test_what_is_taken_from_a_policy_is_watched_no_more(desk: Desk):
    policy = make_policy(desk)
    watch(desk, policy)
    assert desk.code("DissociateAlarmPolicy", alarm_policy=policy) == 0
    desk.twin.kernel.run(3 * MS_PER_H)
    assert [record for record in records(desk, "alarm.changed") if record.data["after"] == "alarm"] == []
    assert desk("DescribeAlarms")["total_count"] == 0


@pytest.mark.parametrize(
    ("action", "params", "code"),
    [
        ("CreateAlarmPolicy", {"alarm_policy_type": "moon", "period": "1m"}, 1100),
        ("CreateAlarmPolicy", {"alarm_policy_type": "eip", "period": "2m"}, 1100),
        ("CreateAlarmPolicy", {"alarm_policy_type": "eip", "period": "1m", "notice_count": 6}, 1100),
        ("AddAlarmPolicyRules", {"alarm_policy": "alp-nothere1", "rules": []}, 2100),
        ("AssociateAlarmPolicy", {"alarm_policy": "alp-nothere1", "resources": ["i-nothere1"]}, 2100),
        ("DescribeAlarmHistory", {"alarm": "alm-nothere1"}, 2100),
        (
            "CreateNotificationItems",
            {"notification_items": [{"content": "x", "notification_item_type": "pigeon"}]},
            1100,
        ),
        ("CreateNotificationList", {"notification_list_name": "x", "notification_items": ["ni-nothere1"]}, 2100),
        ("DeleteNotificationLists", {"notification_lists": ["nl-nothere1"]}, 2100),
        ("SendAlarmNotification", {"notification_list_id": "nl-nothere1", "user_id": "usr-1"}, 2100),
    ],
)
def test_a_refused_call_changes_nothing(desk: Desk, action: str, params: dict[str, Any], code: int):
    before = desk.twin.cloud.store.state()
    assert desk.code(action, **params) == code
    assert desk.twin.cloud.store.state() == before


def test_a_content_that_was_verified_once_needs_no_second_time(desk: Desk):
    list_id = make_list(desk)
    given = [{"content": "ops@example.com", "notification_item_type": "email"}]
    (item,) = cast(
        "list[dict[str, Json]]", desk("CreateNotificationItems", notification_items=given)["notification_items"]
    )
    assert (item["verified"], item["verification_code"]) == (1, "")
    (shown,) = cast("list[dict[str, Any]]", desk("DescribeNotificationLists")["notification_list_set"])
    assert shown["notification_list_id"] == list_id
    used = shown["items"][0]["notification_item_id"]
    assert desk.code("DeleteNotificationItems", notification_items=[used]) == 5400


def test_a_list_holds_twenty_items_at_most(desk: Desk):
    given = [{"content": f"{place}@example.com", "notification_item_type": "email"} for place in range(21)]
    made = cast(
        "list[dict[str, Json]]", desk("CreateNotificationItems", notification_items=given)["notification_items"]
    )
    ids = [item["notification_item_id"] for item in made]
    assert desk.code("CreateNotificationList", notification_list_name="x", notification_items=ids) == 2500
    assert desk.code("CreateNotificationList", notification_list_name="x", notification_items=ids[1:]) == 0

"""Security groups and their rules: edits wait until the group is applied."""

from __future__ import annotations

from typing import Any

import pytest

from qke_sim.cloud.securitygroup import SecurityGroup
from qke_sim.cloud.securityipset import peers_of
from qke_sim.testing import Desk

RULE = {"priority": 1, "protocol": "tcp", "rule_action": "accept", "val1": "6443", "val2": "6443"}


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def group(desk: Desk) -> SecurityGroup:
    made = desk.tell("CreateSecurityGroup", security_group_name="cl-1")["security_group_id"]
    return desk.cloud.store.get(SecurityGroup, made)


def test_a_group_counts_and_goes_by_its_quota(group: SecurityGroup, desk: Desk) -> None:
    assert desk.cloud.allowance.used["security_group"] == 1
    shown = desk.shown("DescribeSecurityGroups", "security_group_set", security_group_name="cl-1")[0]
    assert (shown["security_group_id"], shown["is_applied"], shown["is_default"]) == (group.id, 1, 0)
    Desk(limits={"security_group": 0}).refused("CreateSecurityGroup", 2500, security_group_name="x")
    desk.refused("CreateSecurityGroup", 1100)


def test_rules_take_effect_when_they_are_applied(group: SecurityGroup, desk: Desk) -> None:
    rule = desk.tell("AddSecurityGroupRules", security_group=group.id, rules=[RULE])["security_group_rules"][0]
    assert (group.is_applied, group.in_effect) == (0, ())
    answer = desk.tell("ApplySecurityGroup", security_group=group.id)
    desk.wait(10**6)
    assert desk.cloud.jobs[answer["job_id"]].status == "successful"
    assert (group.is_applied, [form.id for form in group.in_effect]) == (1, [rule])
    desk.tell("DeleteSecurityGroupRules", security_group_rules=[rule])
    assert (group.is_applied, len(group.in_effect)) == (0, 1)
    desk.ask("ApplySecurityGroup", security_group=group.id)
    assert group.in_effect == ()
    assert desk.shown("DescribeSecurityGroupRules", "security_group_rule_set", security_group=group.id) == []


def test_the_same_rule_twice_is_refused(group: SecurityGroup, desk: Desk) -> None:
    desk.tell("AddSecurityGroupRules", security_group=group.id, rules=[RULE])
    desk.refused("AddSecurityGroupRules", 2110, security_group=group.id, rules=[RULE])
    other = desk.tell("AddSecurityGroupRules", security_group=group.id, rules=[{**RULE, "priority": 2}])
    [rule] = other["security_group_rules"]
    desk.refused("ModifySecurityGroupRuleAttributes", 2110, security_group_rule=rule, priority=1)
    desk.tell("ModifySecurityGroupRuleAttributes", security_group_rule=rule, rule_action="drop", val2="6500")
    shown = desk.shown("DescribeSecurityGroupRules", "security_group_rule_set", security_group_rules=[rule])[0]
    assert (shown["action"], shown["val1"], shown["val2"], shown["priority"]) == ("drop", "6443", "6500", 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"priority": 101},
        {"priority": None},
        {"protocol": "http"},
        {"protocol": ""},
        {"rule_action": "allow"},
        {"direction": 2},
        {"val1": "0"},
        {"val1": "70", "val2": "60"},
        {"val3": "anybody"},
        {"val3": "sgi-nothing1"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(group: SecurityGroup, desk: Desk, wrong: dict[str, object]) -> None:
    desk.refused("AddSecurityGroupRules", 1100, security_group=group.id, rules=[{**RULE, **wrong}])


def test_a_group_in_use_stays(group: SecurityGroup, desk: Desk) -> None:
    router = desk.tell("CreateRouters", vpc_network="192.168.0.0/16", security_group=group.id)["routers"][0]
    desk.wait(10**6)
    assert router in desk.refused("DeleteSecurityGroups", 5400, security_groups=[group.id])
    shown = desk.shown("DescribeSecurityGroups", "security_group_set", verbose=1)[0]
    assert [item["resource_id"] for item in shown["resources"]] == [router]
    desk.ask("DeleteRouters", routers=[router])
    assert desk.tell("DeleteSecurityGroups", security_groups=[group.id])["ret_code"] == 0
    desk.refused("ApplySecurityGroup", 2100, security_group=group.id)
    assert desk.cloud.allowance.used["security_group"] == 0


def test_the_default_group_stays(group: SecurityGroup, desk: Desk) -> None:
    group.is_default = 1
    desk.refused("DeleteSecurityGroups", 1400, security_groups=[group.id])


def test_a_group_takes_so_many_rules(group: SecurityGroup, desk: Desk) -> None:
    rules = [{**RULE, "val1": str(port), "val2": str(port)} for port in range(1, 101)]
    desk.tell("AddSecurityGroupRules", security_group=group.id, rules=rules)
    desk.refused("AddSecurityGroupRules", 2500, security_group=group.id, rules=[RULE])


def test_a_group_is_renamed(group: SecurityGroup, desk: Desk) -> None:
    desk.tell("ModifySecurityGroupAttributes", security_group=group.id, security_group_name="new", description="d")
    assert (group.name, group.description) == ("new", "d")


def test_a_rule_may_name_a_set_of_addresses_which_stays_then(group: SecurityGroup, desk: Desk) -> None:
    params = {"security_group_ipset_name": "office", "ipset_type": 0, "val": "203.0.113.0/24,198.51.100.7"}
    ipset = desk.tell("CreateSecurityGroupIPSet", "user", **params)["security_group_ipset_id"]
    rule = {**RULE, "val3": ipset}
    desk.tell("AddSecurityGroupRules", security_group=group.id, rules=[rule])
    assert [str(peer) for peer in peers_of(desk.cloud.store, ipset)] == ["203.0.113.0/24", "198.51.100.7/32"]
    desk.tell("ModifySecurityGroupIPSetAttributes", security_group_ipset=ipset, val="198.51.100.8", description="d")
    [shown] = desk.shown("DescribeSecurityGroupIPSets", "security_group_ipset_set", ipset_type=0)
    assert (shown["val"], shown["description"]) == ("198.51.100.8", "d")
    desk.refused("DeleteSecurityGroupIPSets", 5400, security_group_ipsets=[ipset])
    [shown] = desk.shown("DescribeSecurityGroupRules", "security_group_rule_set")
    desk.tell("DeleteSecurityGroupRules", security_group_rules=[shown["security_group_rule_id"]])
    assert desk.tell("DeleteSecurityGroupIPSets", security_group_ipsets=[ipset])["ret_code"] == 0
    assert peers_of(desk.cloud.store, ipset) == ()


@pytest.mark.parametrize(
    "params",
    [{"ipset_type": 0, "val": "x"}, {"ipset_type": 1, "val": "0"}, {"ipset_type": 2, "val": "1"}, {"val": "1"}],
)
def test_a_set_that_makes_no_sense_is_refused(desk: Desk, params: dict[str, Any]) -> None:
    desk.refused("CreateSecurityGroupIPSet", 1100, "user", **params)


def test_a_group_goes_back_to_what_a_snapshot_says_once_it_is_applied(group: SecurityGroup, desk: Desk) -> None:
    desk.tell("AddSecurityGroupRules", security_group=group.id, rules=[RULE])
    snapshot = desk.tell("CreateSecurityGroupSnapshot", security_group=group.id)["security_group_snapshot_id"]
    [rule] = desk.shown("DescribeSecurityGroupRules", "security_group_rule_set")
    desk.tell("DeleteSecurityGroupRules", security_group_rules=[rule["security_group_rule_id"]])
    desk.ask("ApplySecurityGroup", security_group=group.id)
    desk.tell("RollbackSecurityGroup", security_group=group.id, security_group_snapshot=snapshot)
    assert (group.is_applied, group.in_effect) == (0, ())
    desk.ask("ApplySecurityGroup", security_group=group.id)
    assert [(form.protocol, form.val1) for form in group.in_effect] == [("tcp", "6443")]
    other = desk.tell("CreateSecurityGroup", security_group_name="other")["security_group_id"]
    desk.refused("RollbackSecurityGroup", 1400, security_group=other, security_group_snapshot=snapshot)
    [shown] = desk.shown("DescribeSecurityGroupSnapshots", "security_group_snapshot_set", security_group=group.id)
    assert shown["rules"][0]["val1"] == "6443"
    desk.tell("DeleteSecurityGroupSnapshots", security_group_snapshots=[snapshot])
    desk.refused("RollbackSecurityGroup", 2100, security_group=group.id, security_group_snapshot=snapshot)

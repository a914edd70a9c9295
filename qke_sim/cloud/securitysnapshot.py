"""Snapshots of security groups: their rules as they were edited then, to go back to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import ClassVar

from qke_core.effects import Json
from qke_sim.cloud.call import Call, denied
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import CEASED, Actions, alive, listing
from qke_sim.cloud.securitygroup import RuleForm, SecurityGroup, SecurityRule, edited, forms_of, rules_of
from qke_sim.cloud.store import Thing


@dataclass(slots=True, kw_only=True, eq=False)
class GroupSnapshot(Thing):
    """What the rules of a group said."""

    kind: ClassVar[str] = "security_group_snapshot"
    prefix: ClassVar[str] = "sgs"

    group_id: str
    forms: tuple[RuleForm, ...]

    def describe(self) -> dict[str, Json]:
        """Return it as DescribeSecurityGroupSnapshots shows it."""
        rules: list[Json] = [asdict(form) for form in self.forms]
        return {
            "security_group_snapshot_id": self.id,
            "security_group_snapshot_name": self.name,
            "group_id": self.group_id,
            "rules": rules,
        }


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    group = alive(cloud, SecurityGroup, call.required("security_group"))
    found = [each for each in cloud.store.all(GroupSnapshot) if each.group_id == group.id]
    return listing(call, found, ids="security_group_snapshots", into="security_group_snapshot_set")


def _create(cloud: Cloud, call: Call) -> dict[str, Json]:
    group, name = alive(cloud, SecurityGroup, call.required("security_group")), call.text("name")
    new = GroupSnapshot(
        id=cloud.store.new_id(GroupSnapshot), name=name, group_id=group.id, forms=forms_of(cloud.store, group.id)
    )
    made = cloud.store.add(new, call.seq, call.by)
    return {"security_group_id": group.id, "security_group_snapshot_id": made.id}


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [alive(cloud, GroupSnapshot, name) for name in call.required_texts("security_group_snapshots")]
    for snapshot in found:
        cloud.store.change(snapshot, call.seq, status=CEASED)
    return {"security_group_snapshots": [snapshot.id for snapshot in found]}


def _roll_back(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Edit the rules back to what a snapshot says; they take effect when the group is applied."""
    group = alive(cloud, SecurityGroup, call.required("security_group"))
    snapshot = alive(cloud, GroupSnapshot, call.required("security_group_snapshot"))
    if snapshot.group_id != group.id:
        raise denied(f"security group snapshot [{snapshot.id}] is not of security group [{group.id}]")
    for rule in rules_of(cloud.store, group.id):
        cloud.store.change(rule, call.seq, status=CEASED)
    for form in snapshot.forms:
        rule_id = cloud.store.new_id(SecurityRule)
        new = SecurityRule(id=rule_id, group_id=group.id, form=replace(form, id=rule_id))
        cloud.store.add(new, call.seq, call.by)
    edited(cloud, group, call.seq)
    return {"security_group_id": group.id, "security_group_snapshot_id": snapshot.id}


ACTIONS: Actions = {
    "DescribeSecurityGroupSnapshots": _describe,
    "CreateSecurityGroupSnapshot": _create,
    "DeleteSecurityGroupSnapshots": _delete,
    "RollbackSecurityGroup": _roll_back,
}
"""Snapshots of security groups."""

"""Security groups (firewalls) and what guards with one.

A thing is guarded by a group when it names it in its field `security_group_id`. Edits of rules wait until the group is
applied: `in_effect` is what was applied last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from qke_core.effects import Json
from qke_core.resources import Resource
from qke_sim.cloud.call import IN_USE, Call, CloudRefusal, denied
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import CEASED, Actions, alive, idle_instance, in_use_by, listing, provenance, rename
from qke_sim.cloud.shown import shown
from qke_sim.cloud.store import Store, Thing


@dataclass(frozen=True, slots=True)
class RuleForm:
    """What a rule says. `val1` and `val2` are ports, or type and code of ICMP; `val3` is who may send; "" is any."""

    id: str
    priority: int
    protocol: str
    action: str = "accept"
    direction: int = 0
    val1: str = ""
    val2: str = ""
    val3: str = ""
    disabled: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class SecurityRule(Thing):
    """A rule of a security group, as it was edited last."""

    kind: ClassVar[str] = "security_group_rule"
    prefix: ClassVar[str] = "sgr"

    group_id: str
    form: RuleForm


@dataclass(slots=True, kw_only=True, eq=False)
class SecurityGroup(Thing):
    """A security group. `is_applied` is 0 while edits wait; the default group is the account's from the beginning.

    `counted` is False for one that a World implies without listing it.
    """

    kind: ClassVar[str] = "security_group"
    prefix: ClassVar[str] = "sg"

    is_default: int = 0
    is_applied: int = 1
    in_effect: tuple[RuleForm, ...] = ()
    counted: bool = True

    def charged(self) -> Resource | None:
        """It counts while it is there; the default group does not (assumed)."""
        if self.status == CEASED or self.is_default or not self.counted:
            return None
        return Resource(self.label, "security_group", self.origin)

    def describe(self) -> dict[str, Json]:
        """Return it as DescribeSecurityGroups shows it."""
        return {
            "security_group_id": self.id,
            "security_group_name": self.name,
            "description": self.description,
            "is_applied": self.is_applied,
            "is_default": self.is_default,
        }


def rules_of(store: Store, group_id: str) -> list[SecurityRule]:
    """List the rules of a group, as edited, in the order in which they were added."""
    return [rule for rule in store.all(SecurityRule) if rule.group_id == group_id and rule.status != CEASED]


def forms_of(store: Store, group_id: str) -> tuple[RuleForm, ...]:
    """Return what the rules of a group say, as edited."""
    return tuple(rule.form for rule in rules_of(store, group_id))


def default_group(store: Store) -> SecurityGroup | None:
    """Return the account's default group; None in a twin that has none."""
    return next((group for group in store.all(SecurityGroup) if group.is_default), None)


def guarded_by(store: Store, group_id: str) -> list[Thing]:
    """List the things that a group guards."""
    return in_use_by(store, "security_group_id", group_id)


def edited(cloud: Cloud, group: SecurityGroup, cause: int) -> None:
    """Take note that the group waits for being applied."""
    cloud.store.change(group, cause, is_applied=0)


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    verbose = call.number("verbose")

    def show(group: SecurityGroup) -> dict[str, Json]:
        users: list[Json] = [
            {"resource_id": thing.id, "resource_name": thing.name, "resource_type": thing.kind}
            for thing in guarded_by(cloud.store, group.id)
        ]
        return {**shown(cloud, group), "resources": users} if verbose else shown(cloud, group)

    named = call.text("security_group_name")
    found = [group for group in cloud.store.all(SecurityGroup) if named in ("", group.name)]
    return listing(call, found, ids="security_groups", into="security_group_set", show=show)


def _create(cloud: Cloud, call: Call) -> dict[str, Json]:
    name, made_for = call.required("security_group_name"), provenance(call)
    cloud.allowance.require([Resource("new", "security_group", "user")])
    new = SecurityGroup(id=cloud.store.new_id(SecurityGroup), name=name, **made_for)
    return {"security_group_id": cloud.store.add(new, call.seq, call.by).id}


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [alive(cloud, SecurityGroup, name) for name in call.required_texts("security_groups")]
    for group in found:
        if group.is_default:
            raise denied(f"security group [{group.id}] is the default one, can not be deleted")
        if users := guarded_by(cloud.store, group.id):
            sentence = f"security group [{group.id}] is used by resource [{users[0].id}]"
            raise CloudRefusal(IN_USE, f"DependencyError, {sentence}")
    for group in found:
        for rule in rules_of(cloud.store, group.id):
            cloud.store.change(rule, call.seq, status=CEASED)
        cloud.store.change(group, call.seq, status=CEASED)
    return {"security_groups": [group.id for group in found]}


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    group = alive(cloud, SecurityGroup, call.required("security_group"))
    rename(cloud, group, call, "security_group_name")
    return {"security_group_id": group.id}


def apply_group(cloud: Cloud, group: SecurityGroup, cause: int) -> int:
    """Put the rules of a group into effect as they are edited now; return the record."""
    return cloud.store.change(group, cause, is_applied=1, in_effect=forms_of(cloud.store, group.id))


def _apply(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Put a group into effect; with instances, guard those with it from now on."""
    group = alive(cloud, SecurityGroup, call.required("security_group"))
    instances = [idle_instance(cloud, name) for name in call.texts("instances")]
    return _bind(cloud, call, "ApplySecurityGroup", group, instances)


def _remove(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Guard instances with the default group again."""
    instances = [idle_instance(cloud, name) for name in call.required_texts("instances")]
    return _bind(cloud, call, "RemoveSecurityGroup", default_group(cloud.store), instances)


def _bind(
    cloud: Cloud, call: Call, action: str, group: SecurityGroup | None, instances: Sequence[Thing]
) -> dict[str, Json]:
    def done(cause: int) -> None:
        for instance in instances:
            cause = cloud.store.change(instance, cause, security_group_id="" if group is None else group.id)
        if group is not None:
            apply_group(cloud, group, cause)

    things: list[Thing] = [*instances] if group is None else [group, *instances]
    return {"job_id": cloud.begin(action, things, "", call, work="security-group-apply", done=done).job_id}


ACTIONS: Actions = {
    "DescribeSecurityGroups": _describe,
    "CreateSecurityGroup": _create,
    "DeleteSecurityGroups": _delete,
    "ModifySecurityGroupAttributes": _modify,
    "ApplySecurityGroup": _apply,
    "RemoveSecurityGroup": _remove,
}
"""Security groups; their rules are a module of their own."""

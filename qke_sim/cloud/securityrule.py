"""Rules of security groups: adding, editing, taking away. Nothing has an effect until the group is applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

from qke_core.catalog import quotas
from qke_core.effects import Json
from qke_core.models.network import PORT_MAX
from qke_core.netview import PRIORITY_MAX
from qke_sim.cloud.call import ALREADY_EXISTS, QUOTAS_EXCEEDED, Call, CloudRefusal, invalid
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import CEASED, Actions, alive, listing
from qke_sim.cloud.securitygroup import RuleForm, SecurityGroup, SecurityRule, edited, forms_of, rules_of
from qke_sim.cloud.securityipset import require_peer

PROTOCOLS = ("tcp", "udp", "icmp", "gre", "esp", "ah", "ipip")
_PORTED = ("tcp", "udp")


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    group, direction = call.text("security_group"), call.text("direction")
    found = [
        rule
        for rule in cloud.store.all(SecurityRule)
        if group in ("", rule.group_id) and direction in ("", str(rule.form.direction))
    ]
    return listing(call, found, ids="security_group_rules", into="security_group_rule_set", show=_shown)


def _shown(rule: SecurityRule) -> dict[str, Json]:
    said: dict[str, Json] = {name: value for name, value in asdict(rule.form).items() if name != "id"}
    names: dict[str, Json] = {"security_group_rule_id": rule.id, "security_group_rule_name": rule.name}
    return {**names, "security_group_id": rule.group_id, **said}


def _add(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Add rules; one that says what another says already is refused."""
    group = alive(cloud, SecurityGroup, call.required("security_group"))
    given = [(_form(cloud, item), _word(item, "security_group_rule_name")) for item in call.objects("rules")]
    if not given:
        call.required_texts("rules")
    known = {replace(form, id="") for form in forms_of(cloud.store, group.id)}
    most = quotas().hard["rules_per_security_group"]
    if len(known) + len(given) > most:
        raise CloudRefusal(QUOTAS_EXCEEDED, f"QuotasExceeded, security group [{group.id}] takes [{most}] rules")
    for form, _ in given:
        if form in known:
            raise CloudRefusal(ALREADY_EXISTS, f"ResourceAlreadyExists, rule of security group [{group.id}] exists")
        known.add(form)
    made: list[Json] = []
    for form, name in given:
        rule_id = cloud.store.new_id(SecurityRule)
        new = SecurityRule(id=rule_id, name=name, group_id=group.id, form=replace(form, id=rule_id))
        made.append(cloud.store.add(new, call.seq, call.by).id)
    edited(cloud, group, call.seq)
    return {"security_group_rules": made}


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [alive(cloud, SecurityRule, name) for name in call.required_texts("security_group_rules")]
    for rule in found:
        cloud.store.change(rule, call.seq, status=CEASED)
        edited(cloud, alive(cloud, SecurityGroup, rule.group_id), call.seq)
    return {"security_group_rules": [rule.id for rule in found]}


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    rule = alive(cloud, SecurityRule, call.required("security_group_rule"))
    before = {**asdict(rule.form), "rule_action": rule.form.action}
    form = replace(_form(cloud, {**before, **call.params}), id=rule.id)
    others = {replace(other.form, id="") for other in rules_of(cloud.store, rule.group_id) if other is not rule}
    if replace(form, id="") in others:
        sentence = f"rule of security group [{rule.group_id}] exists"
        raise CloudRefusal(ALREADY_EXISTS, f"ResourceAlreadyExists, {sentence}")
    cloud.store.change(rule, call.seq, form=form, name=call.text("security_group_rule_name", rule.name))
    edited(cloud, alive(cloud, SecurityGroup, rule.group_id), call.seq)
    return {"security_group_rule_id": rule.id}


def _form(cloud: Cloud, item: Mapping[str, Json]) -> RuleForm:
    """Read what a rule says.

    Raises:
        CloudRefusal: 1100.
    """
    said = Call("", item, 0)
    protocol, action = said.required("protocol"), said.text("rule_action") or said.text("action") or "accept"
    if protocol not in PROTOCOLS:
        raise invalid("protocol", protocol)
    if action not in ("accept", "drop"):
        raise invalid("action", action)
    if protocol in _PORTED:
        for name in ("val1", "val2"):
            said.number(name, least=1, most=PORT_MAX)
        if said.number("val2", PORT_MAX) < said.number("val1", 1):
            raise invalid("val2", said.text("val2"))
    said.required("priority")
    require_peer(cloud.store, said.text("val3"))
    return RuleForm(
        id="",
        priority=said.number("priority", least=0, most=PRIORITY_MAX),
        protocol=protocol,
        action=action,
        direction=said.number("direction", 0, least=0, most=1),
        val1=said.text("val1"),
        val2=said.text("val2"),
        val3=said.text("val3"),
        disabled=said.number("disabled", 0, least=0, most=1),
    )


def _word(item: Mapping[str, Json], name: str) -> str:
    return str(item.get(name) or "")


ACTIONS: Actions = {
    "DescribeSecurityGroupRules": _describe,
    "AddSecurityGroupRules": _add,
    "DeleteSecurityGroupRules": _delete,
    "ModifySecurityGroupRuleAttributes": _modify,
}
"""Rules of security groups."""

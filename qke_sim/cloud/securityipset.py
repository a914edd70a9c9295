"""Sets of addresses or ports that rules of security groups may name instead of one.

An edit has an effect at once (assumed: the API has an apply of its own, which no client here calls).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network
from typing import ClassVar

from qke_core.effects import Json
from qke_core.models.network import PORT_MAX
from qke_sim.cloud.call import IN_USE, Call, CloudRefusal, invalid
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import CEASED, Actions, alive, listing, provenance, rename
from qke_sim.cloud.securitygroup import SecurityRule
from qke_sim.cloud.shown import shown
from qke_sim.cloud.store import Store, Thing

ADDRESSES, PORTS = 0, 1


@dataclass(slots=True, kw_only=True, eq=False)
class IpSet(Thing):
    """A set; `val` are addresses, ranges of them or ports, separated by commas."""

    kind: ClassVar[str] = "security_group_ipset"
    prefix: ClassVar[str] = "sgi"

    ipset_type: int
    val: str

    def describe(self) -> dict[str, Json]:
        """Return it as DescribeSecurityGroupIPSets shows it."""
        return {
            "security_group_ipset_id": self.id,
            "security_group_ipset_name": self.name,
            "description": self.description,
            "ipset_type": self.ipset_type,
            "val": self.val,
        }


def peers_of(store: Store, text: str) -> tuple[IPv4Network, ...]:
    """Return who a rule's `val3` means: an address, a range, or those of a set; nobody when it is none of them."""
    found = store.find(IpSet, text)
    parts = [text] if found is None else found.val.split(",") if found.status != CEASED else []
    return tuple(network for part in parts if (network := _network(part)) is not None)


def require_peer(store: Store, text: str) -> None:
    """Refuse who may send when it is no address, no range and no set.

    Raises:
        CloudRefusal: 1100.
    """
    found = store.find(IpSet, text)
    if text and _network(text) is None and (found is None or found.status == CEASED):
        raise invalid("val3", text)


def _network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text.strip(), strict=False)
    except ValueError:
        return None


def _is_network(text: str) -> bool:
    return _network(text) is not None


def _is_ports(text: str) -> bool:
    ends = text.strip().split("-")
    return 1 <= len(ends) <= 2 and all(end.isdecimal() and 1 <= int(end) <= PORT_MAX for end in ends)  # noqa: PLR2004 - both ends


def _value(call: Call, kind: int) -> str:
    text = call.required("val")
    fits = _is_ports if kind == PORTS else _is_network
    if not all(fits(part) for part in text.split(",")):
        raise invalid("val", text)
    return text


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    kind, name = call.text("ipset_type"), call.text("security_group_ipset_name")
    found = [each for each in cloud.store.all(IpSet) if kind in ("", str(each.ipset_type)) and name in ("", each.name)]
    show = partial(shown, cloud)
    return listing(call, found, ids="security_group_ipsets", into="security_group_ipset_set", show=show)


def _create(cloud: Cloud, call: Call) -> dict[str, Json]:
    call.required("ipset_type")
    kind = call.number("ipset_type", least=ADDRESSES, most=PORTS)
    name, val, made_for = call.text("security_group_ipset_name"), _value(call, kind), provenance(call)
    new = IpSet(id=cloud.store.new_id(IpSet), name=name, ipset_type=kind, val=val, **made_for)
    return {"security_group_ipset_id": cloud.store.add(new, call.seq, call.by).id}


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [alive(cloud, IpSet, name) for name in call.required_texts("security_group_ipsets")]
    for ipset in found:
        for rule in cloud.store.all(SecurityRule):
            if rule.status != CEASED and ipset.id in (rule.form.val1, rule.form.val2, rule.form.val3):
                sentence = f"security group ipset [{ipset.id}] is used by rule [{rule.id}]"
                raise CloudRefusal(IN_USE, f"DependencyError, {sentence}")
    for ipset in found:
        cloud.store.change(ipset, call.seq, status=CEASED)
    return {"security_group_ipsets": [ipset.id for ipset in found]}


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    ipset = alive(cloud, IpSet, call.required("security_group_ipset"))
    val = _value(call, ipset.ipset_type) if call.text("val") else ipset.val
    rename(cloud, ipset, call, "security_group_ipset_name", val=val)
    return {"security_group_ipset_id": ipset.id}


ACTIONS: Actions = {
    "DescribeSecurityGroupIPSets": _describe,
    "CreateSecurityGroupIPSet": _create,
    "DeleteSecurityGroupIPSets": _delete,
    "ModifySecurityGroupIPSetAttributes": _modify,
}
"""Sets of addresses and ports."""

"""Entries of static rules, such as the users of a VPN. Nothing has an effect until UpdateRouters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from qke_core.effects import Json
from qke_sim.cloud.call import Call
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import CEASED, Actions, alive, idle_in, listing
from qke_sim.cloud.router import ON_OR_OFF, Router, RouterStatic
from qke_sim.cloud.store import Thing


@dataclass(slots=True, kw_only=True, eq=False)
class RouterEntry(Thing):
    """An entry of a static rule."""

    kind: ClassVar[str] = "router_static_entry"
    prefix: ClassVar[str] = "rtrse"

    static_id: str
    router_id: str
    val1: str = ""
    val2: str = ""

    def describe(self) -> dict[str, Json]:
        """Return it as DescribeRouterStaticEntries shows it."""
        return {
            "router_static_entry_id": self.id,
            "router_static_entry_name": self.name,
            "router_static_id": self.static_id,
            "router_id": self.router_id,
            "val1": self.val1,
            "val2": self.val2,
        }


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    static, wanted = call.text("router_static"), call.text("router_static_entries")
    found = [
        entry
        for entry in cloud.store.all(RouterEntry)
        if static in ("", entry.static_id) and wanted in ("", entry.id) and entry.status != CEASED
    ]
    narrowed = Call(call.by, {name: call.params[name] for name in ("offset", "limit") if name in call.params}, call.seq)
    return listing(narrowed, found, ids="ids", into="router_static_entry_set")


def _editable(cloud: Cloud, router_id: str) -> Router:
    return idle_in(cloud, Router, router_id, ON_OR_OFF, "be modified")


def _add(cloud: Cloud, call: Call) -> dict[str, Json]:
    static = alive(cloud, RouterStatic, call.required("router_static"))
    router, given = _editable(cloud, static.router_id), call.objects("entries")
    if not given:
        call.required_texts("entries")
    said = [Call("", item, 0) for item in given]
    read = [(each.text("router_static_entry_name"), each.required("val1"), each.text("val2")) for each in said]
    made: list[Json] = []
    for name, val1, val2 in read:
        new = RouterEntry(
            id=cloud.store.new_id(RouterEntry),
            name=name,
            static_id=static.id,
            router_id=router.id,
            val1=val1,
            val2=val2,
        )
        made.append(cloud.store.add(new, call.seq, call.by).id)
    cloud.store.change(router, call.seq, is_applied=0)
    return {"router_static_entries": made}


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [alive(cloud, RouterEntry, name) for name in call.required_texts("router_static_entries")]
    routers = [_editable(cloud, entry.router_id) for entry in found]
    for entry, router in zip(found, routers, strict=True):
        cloud.store.change(entry, call.seq, status=CEASED)
        cloud.store.change(router, call.seq, is_applied=0)
    return {"router_static_entries": [entry.id for entry in found]}


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    entry = alive(cloud, RouterEntry, call.required("router_static_entry"))
    router = _editable(cloud, entry.router_id)
    name = call.text("router_static_entry_name", entry.name)
    cloud.store.change(
        entry, call.seq, name=name, val1=call.text("val1", entry.val1), val2=call.text("val2", entry.val2)
    )
    cloud.store.change(router, call.seq, is_applied=0)
    return {"router_static_entry": entry.id}


ACTIONS: Actions = {
    "DescribeRouterStaticEntries": _describe,
    "AddRouterStaticEntries": _add,
    "DeleteRouterStaticEntries": _delete,
    "ModifyRouterStaticEntryAttributes": _modify,
}
"""Entries of static rules."""

"""Static rules of VPCs, above all port forwarding. Nothing has an effect until UpdateRouters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address

from qke_core.effects import Json
from qke_core.models.network import PORT_MAX
from qke_sim.cloud.call import ALREADY_EXISTS, Call, CloudRefusal, invalid
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import CEASED, Actions, alive, idle_in, listing
from qke_sim.cloud.router import FORWARDING, ON_OR_OFF, Router, RouterStatic, StaticForm, statics_of

VALS = 9
_NEEDED = {FORWARDING: ("val1", "val2", "val3"), 2: ("val1",), 4: ("vxnet_id", "val1")}
"""Values that a type must have (SDK of the platform): forwarding, VPN, layer-2 GRE."""

TYPES = range(1, 9)


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    router = alive(cloud, Router, call.required("router"))
    vxnet, kind = call.text("vxnet"), call.text("static_type")
    found = [
        static
        for static in statics_of(cloud.store, router.id)
        if vxnet in ("", static.vxnet_id) and kind in ("", str(static.form.static_type))
    ]
    return listing(call, found, ids="router_statics", into="router_static_set", show=_shown)


def _shown(static: RouterStatic) -> dict[str, Json]:
    return {
        "router_static_id": static.id,
        "router_static_name": static.name,
        "router_id": static.router_id,
        "vxnet_id": static.vxnet_id,
        "static_type": static.form.static_type,
        "disabled": static.form.disabled,
        **{f"val{number}": static.form.val(number) for number in range(1, VALS + 1)},
        "entry_set": [],
    }


def _add(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Add rules; two that forward one port and protocol collide."""
    router = idle_in(cloud, Router, call.required("router"), ON_OR_OFF, "be modified")
    given = call.objects("statics")
    if not given:
        call.required_texts("statics")
    forms, said = [_form(item) for item in given], [Call("", item, 0) for item in given]
    words = [(each.text("router_static_name"), each.text("vxnet_id")) for each in said]
    known = {_key(static.form) for static in statics_of(cloud.store, router.id)} - {None}
    for form in forms:
        known.add(_free(known, form))
    made: list[Json] = []
    for form, (name, vxnet_id) in zip(forms, words, strict=True):
        static_id = cloud.store.new_id(RouterStatic)
        new = RouterStatic(
            id=static_id,
            name=name,
            router_id=router.id,
            form=replace(form, id=static_id),
            vxnet_id=vxnet_id,
        )
        made.append(cloud.store.add(new, call.seq, call.by).id)
    cloud.store.change(router, call.seq, is_applied=0)
    return {"router_statics": made}


def _free(known: set[tuple[str, str] | None], form: StaticForm) -> tuple[str, str] | None:
    key = _key(form)
    if key is not None and key in known:
        raise CloudRefusal(ALREADY_EXISTS, f"ResourceAlreadyExists, port [{key[0]}] of [{key[1]}] is forwarded already")
    return key


def _key(form: StaticForm) -> tuple[str, str] | None:
    """Return what a forwarding rule takes: outer port and protocol; None for other rules."""
    return (form.val(1), form.val(4)) if form.static_type == FORWARDING else None


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [alive(cloud, RouterStatic, name) for name in call.required_texts("router_statics")]
    routers = [idle_in(cloud, Router, static.router_id, ON_OR_OFF, "be modified") for static in found]
    for static, router in zip(found, routers, strict=True):
        cloud.store.change(static, call.seq, status=CEASED)
        cloud.store.change(router, call.seq, is_applied=0)
    return {"router_statics": [static.id for static in found]}


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    static = alive(cloud, RouterStatic, call.required("router_static"))
    router = idle_in(cloud, Router, static.router_id, ON_OR_OFF, "be modified")
    before: dict[str, Json] = {**_shown(static), **call.params}
    form = replace(_form(before), id=static.id)
    others = {_key(other.form) for other in statics_of(cloud.store, router.id) if other is not static}
    _free(others, form)
    cloud.store.change(static, call.seq, form=form, name=call.text("router_static_name", static.name))
    cloud.store.change(router, call.seq, is_applied=0)
    return {"router_static_id": static.id}


def _form(item: Mapping[str, Json]) -> StaticForm:
    """Read what a rule says.

    Raises:
        CloudRefusal: 1100.
    """
    said = Call("", item, 0)
    said.required("static_type")
    kind = said.number("static_type", least=TYPES[0], most=TYPES[-1])
    for name in _NEEDED.get(kind, ()):
        said.required(name)
    vals = [said.text(f"val{number}") for number in range(1, VALS + 1)]
    if kind == FORWARDING:
        for name in ("val1", "val3"):
            said.number(name, least=1, most=PORT_MAX)
        _require_address("val2", vals[1])
        vals[3] = vals[3] or "tcp"
        if vals[3] not in ("tcp", "udp"):
            raise invalid("val4", vals[3])
    while vals and not vals[-1]:
        vals.pop()
    return StaticForm("", kind, tuple(vals), said.number("disabled", 0, least=0, most=1))


def _require_address(name: str, text: str) -> None:
    try:
        IPv4Address(text)
    except ValueError:
        raise invalid(name, text) from None


ACTIONS: Actions = {
    "DescribeRouterStatics": _describe,
    "AddRouterStatics": _add,
    "DeleteRouterStatics": _delete,
    "ModifyRouterStaticAttributes": _modify,
}
"""Static rules of VPCs."""

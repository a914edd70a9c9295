"""VPCs (routers): they join private networks and lead out through a public address.

Whatever is edited (address, security group, static rules) has no effect until UpdateRouters: `in_effect` is what was
applied last. There is no recycle bin.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import ClassVar

from qke_core.catalog import networks
from qke_core.effects import Json
from qke_core.resources import Resource
from qke_sim.cloud.call import IN_USE, Call, CloudRefusal, denied, invalid
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.eip import bind, eips_of, free_eip, unbind
from qke_sim.cloud.lookup import CEASED, Actions, alive, idle, idle_in, listing, naming, provenance, require_leased
from qke_sim.cloud.securitygroup import SecurityGroup
from qke_sim.cloud.shown import shown
from qke_sim.cloud.store import Store, Thing
from qke_sim.cloud.vxnet import Vxnet
from qke_sim.ids import make_id

SIZES = {0: "medium", 1: "small", 2: "large", 3: "xlarge"}
"""Sizes by `router_type` (yunify/qingcloud-docs, CreateRouters)."""

FREE = -1
"""The console's free type: no EIP, no QKE (yunify/qingcloud-docs, VPC). The API cannot make one."""

FORWARDING = 1
"""The type of a static rule that forwards a port (yunify/qingcloud-docs, AddRouterStatics)."""

ON_OR_OFF = ("active", "poweroffed")


@dataclass(frozen=True, slots=True)
class StaticForm:
    """What a static rule says: its type, and values that each type reads in its own way."""

    id: str
    static_type: int
    vals: tuple[str, ...] = ()
    disabled: int = 0

    def val(self, number: int) -> str:
        """Return a value, counted from 1; "" when it is not there."""
        return self.vals[number - 1] if number <= len(self.vals) else ""


@dataclass(slots=True, kw_only=True, eq=False)
class RouterStatic(Thing):
    """A static rule of a VPC, as it was edited last."""

    kind: ClassVar[str] = "router_static"
    prefix: ClassVar[str] = "rtrs"

    router_id: str
    form: StaticForm
    vxnet_id: str = ""


@dataclass(frozen=True, slots=True)
class RouterForm:
    """What is in effect at a VPC: address, security group, forwarding rules."""

    eip_id: str = ""
    security_group_id: str = ""
    statics: tuple[StaticForm, ...] = ()


@dataclass(slots=True, kw_only=True, eq=False)
class Router(Thing):
    """A VPC. `is_applied` is 0 while edits wait; `counted` is False for one that a World implies without listing it."""

    kind: ClassVar[str] = "router"
    prefix: ClassVar[str] = "rtr"

    router_type: int = 1
    vpc_network: str
    eip_id: str = ""
    security_group_id: str = ""
    is_applied: int = 1
    in_effect: RouterForm = field(default_factory=RouterForm)
    counted: bool = True

    @property
    def size(self) -> str:
        """Its size in a word."""
        return SIZES.get(self.router_type, "free")

    def charged(self) -> Resource | None:
        """It counts until it is deleted, powered off or not."""
        if self.status == CEASED or not self.counted:
            return None
        return Resource(self.label, "router", self.origin, router_type=self.size)

    def describe(self) -> dict[str, Json]:
        """Return it as DescribeRouters shows it, without address and vxnets."""
        return {
            "router_id": self.id,
            "router_name": self.name,
            "description": self.description,
            "router_type": self.router_type,
            "vpc_network": self.vpc_network,
            "vpc_id": make_id("vpc", self.id),
            "mode": 1,
            "features": 1,
            "security_group_id": self.security_group_id,
            "is_applied": self.is_applied,
            "status": self.status,
            "transition_status": self.transition_status,
        }


def vxnets_of(store: Store, router_id: str) -> list[Vxnet]:
    """List the vxnets that have joined, or are on their way into, a VPC."""
    return [vxnet for vxnet in store.all(Vxnet) if vxnet.router_id == router_id and vxnet.status != CEASED]


def statics_of(store: Store, router_id: str) -> list[RouterStatic]:
    """List the static rules of a VPC, as edited, in the order in which they were added."""
    return [static for static in store.all(RouterStatic) if static.router_id == router_id and static.status != CEASED]


def form_of(store: Store, router: Router) -> RouterForm:
    """Return what is edited at a VPC now."""
    statics = tuple(static.form for static in statics_of(store, router.id))
    return RouterForm(router.eip_id, router.security_group_id, statics)


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    vxnet = call.text("vxnet")

    def show(router: Router) -> dict[str, Json]:
        bound = eips_of(cloud.store, router.id)
        said: dict[str, Json] = {**shown(cloud, router), "eip": bound[0].brief() if bound else {}}
        vxnets: list[Json] = [{"vxnet_id": found.id, "nic_id": ""} for found in vxnets_of(cloud.store, router.id)]
        return {**said, "vxnets": vxnets} if call.number("verbose") else said

    routers = cloud.store.all(Router)
    if vxnet:
        routers = [router for router in routers if any(v.id == vxnet for v in vxnets_of(cloud.store, router.id))]
    return listing(call, routers, ids="routers", into="router_set", show=show)


def _create(cloud: Cloud, call: Call) -> dict[str, Json]:
    kind, count = call.number("router_type", 1, least=min(SIZES), most=max(SIZES)), call.number("count", 1, least=1)
    network, name = _vpc_network(call), call.text("router_name")
    group, made_for = call.text("security_group"), provenance(call)
    if group:
        alive(cloud, SecurityGroup, group)
    cloud.allowance.require([Resource("new", "router", "user", count=count, router_type=SIZES[kind])])
    made = [
        cloud.store.add(
            Router(
                id=cloud.store.new_id(Router),
                name=name,
                status="pending",
                router_type=kind,
                vpc_network=network,
                security_group_id=group,
                in_effect=RouterForm(security_group_id=group),
                **made_for,
            ),
            call.seq,
            call.by,
        )
        for _ in range(count)
    ]

    def done(cause: int) -> None:
        for router in made:
            cloud.store.change(router, cause, status="active")

    job = cloud.begin("CreateRouters", made, "creating", call, work="router-create", done=done)
    return {"job_id": job.job_id, "routers": [router.id for router in made]}


def _vpc_network(call: Call) -> str:
    """Return the range of a new VPC: a /16 among those that a VPC may have."""
    text = call.required("vpc_network")
    try:
        network = IPv4Network(text)
    except ValueError:
        raise invalid("vpc_network", text) from None
    fits = any(network.subnet_of(allowed) for allowed in networks().vpc_networks)
    if not fits or network.prefixlen != networks().constants["usual_prefix"]:
        raise invalid("vpc_network", text)
    return text


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [idle_in(cloud, Router, name, ON_OR_OFF, "be deleted") for name in call.required_texts("routers")]
    for router in found:
        require_leased(cloud, router)
        if members := vxnets_of(cloud.store, router.id):
            sentence = f"router [{router.id}] is used by vxnet [{members[0].id}]"
            raise CloudRefusal(IN_USE, f"DependencyError, {sentence}")

    def done(cause: int) -> None:
        for router in found:
            for eip in eips_of(cloud.store, router.id):
                cause = unbind(cloud, eip, cause)
            for static in statics_of(cloud.store, router.id):
                cause = cloud.store.change(static, cause, status=CEASED)
            cloud.store.change(router, cause, status=CEASED, eip_id="")

    job = cloud.begin("DeleteRouters", found, "deleting", call, work="router-update", done=done)
    return {"job_id": job.job_id, "routers": [router.id for router in found]}


def _update(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Apply what was edited."""
    found = [idle_in(cloud, Router, name, ON_OR_OFF, "be updated") for name in call.required_texts("routers")]

    def done(cause: int) -> None:
        for router in found:
            cloud.store.change(router, cause, is_applied=1, in_effect=form_of(cloud.store, router))

    return {"job_id": cloud.begin("UpdateRouters", found, "updating", call, work="router-update", done=done).job_id}


def _power(cloud: Cloud, call: Call, action: str, before: str, meanwhile: str, after: str) -> dict[str, Json]:
    words = f"be {after}" if after == "poweroffed" else "be powered on"
    found = [idle_in(cloud, Router, name, (before,), words) for name in call.required_texts("routers")]

    def done(cause: int) -> None:
        for router in found:
            cloud.store.change(router, cause, status=after)

    return {"job_id": cloud.begin(action, found, meanwhile, call, work="router-power", done=done).job_id}


def _power_off(cloud: Cloud, call: Call) -> dict[str, Json]:
    return _power(cloud, call, "PowerOffRouters", "active", "poweroffing", "poweroffed")


def _power_on(cloud: Cloud, call: Call) -> dict[str, Json]:
    return _power(cloud, call, "PowerOnRouters", "poweroffed", "poweroning", "active")


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Change name, address, security group, or the DHCP range of a vxnet. Address and group wait for being applied."""
    router = idle_in(cloud, Router, call.required("router"), ON_OR_OFF, "be modified")
    fields: dict[str, object] = {}
    group, wanted = call.text("security_group", router.security_group_id), call.text("eip", router.eip_id)
    if group != router.security_group_id:
        alive(cloud, SecurityGroup, group)
        fields.update(security_group_id=group, is_applied=0)
    eip = free_eip(cloud, wanted, "router") if wanted and wanted != router.eip_id else None
    if eip is not None and router.router_type == FREE:
        raise denied(f"router [{router.id}] is of the free type, which can not have a public IP")
    member = _member(cloud, call, router)
    features = call.number("features", 1 if member is None else member.features)
    named = naming(call, "router_name")
    if wanted != router.eip_id:
        for old in eips_of(cloud.store, router.id):
            unbind(cloud, old, call.seq)
        fields.update(eip_id=wanted, is_applied=0)
    if eip is not None:
        bind(cloud, eip, router.id, "router", call.seq)
    if member is not None:
        bounds = {name: call.text(name, getattr(member, name)) for name in ("dyn_ip_start", "dyn_ip_end")}
        cloud.store.change(member, call.seq, features=features, **bounds)
    cloud.store.change(router, call.seq, **named, **fields)
    return {}


def _member(cloud: Cloud, call: Call, router: Router) -> Vxnet | None:
    if not call.text("vxnet"):
        return None
    vxnet = idle(cloud, Vxnet, call.text("vxnet"))
    if vxnet.router_id != router.id or vxnet.network is None:
        raise denied(f"vxnet [{vxnet.id}] is not in router [{router.id}]")
    for name in ("dyn_ip_start", "dyn_ip_end"):
        if call.text(name) and call.text(name) not in map(str, vxnet.network.hosts()):
            raise invalid(name, call.text(name))
    return vxnet


ACTIONS: Actions = {
    "DescribeRouters": _describe,
    "CreateRouters": _create,
    "DeleteRouters": _delete,
    "UpdateRouters": _update,
    "PowerOffRouters": _power_off,
    "PowerOnRouters": _power_on,
    "ModifyRouterAttributes": _modify,
}
"""VPCs; their static rules, and the vxnets that join them, are modules of their own."""

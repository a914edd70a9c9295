"""Private networks (vxnets): who is inside, and which address comes next.

A thing stands in a vxnet when it has a field `vxnet_id`; its address there is its field `private_ip`. A vxnet has no
status of its own: "" while it is there, `ceased` once it is deleted, for there is no recycle bin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar, TypedDict

from qke_core.effects import Json
from qke_core.resources import Resource
from qke_sim.cloud.call import IN_USE, Call, CloudRefusal, denied, invalid
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import CEASED, Actions, alive, idle, idle_instance, in_use_by, listing, rename
from qke_sim.cloud.shown import shown
from qke_sim.cloud.store import Store, Thing

BASE_NETWORK = "vxnet-0"
MANAGED, SELF_MANAGED = 1, 0
ID_LENGTH = 7


@dataclass(slots=True, kw_only=True, eq=False)
class Vxnet(Thing):
    """A private network.

    `router_id` and `ip_network` are "" until it has joined a VPC. `elsewhere` counts addresses that things outside the
    twin have; they are taken to be the first ones (assumed). `counted` is False for one
    that a World implies without listing it.
    """

    kind: ClassVar[str] = "vxnet"
    prefix: ClassVar[str] = "vxnet"

    vxnet_type: int = MANAGED
    router_id: str = ""
    ip_network: str = ""
    manager_ip: str = ""
    dyn_ip_start: str = ""
    dyn_ip_end: str = ""
    features: int = 1
    elsewhere: int = 0
    counted: bool = True

    @property
    def network(self) -> IPv4Network | None:
        """Its range, once it has one."""
        return IPv4Network(self.ip_network) if self.ip_network else None

    def charged(self) -> Resource | None:
        """It counts while it is there; the shared base network is nobody's."""
        if self.status == CEASED or self.id == BASE_NETWORK or not self.counted:
            return None
        return Resource(self.label, "vxnet", self.origin)

    def describe(self) -> dict[str, Json]:
        """Return it as DescribeVxnets shows it, without those inside."""
        router: dict[str, Json] = {
            "router_id": self.router_id,
            "manager_ip": self.manager_ip,
            "ip_network": self.ip_network,
            "dyn_ip_start": self.dyn_ip_start,
            "dyn_ip_end": self.dyn_ip_end,
        }
        return {
            "vxnet_id": self.id,
            "vxnet_name": self.name,
            "vxnet_type": self.vxnet_type,
            "description": self.description,
            "vpc_router_id": self.router_id,
            "router": router if self.router_id else {},
        }


class Joined(TypedDict):
    """Fields that a vxnet has once it is in a VPC."""

    ip_network: str
    manager_ip: str
    dyn_ip_start: str
    dyn_ip_end: str


def joined(network: IPv4Network) -> Joined:
    """Return the fields of a vxnet that joins a VPC with a range: .1 is the gateway, DHCP hands out from .2 on."""
    return {
        "ip_network": str(network),
        "manager_ip": str(network[1]),
        "dyn_ip_start": str(network[2]),
        "dyn_ip_end": str(network[-2]),
    }


def inside(store: Store, vxnet_id: str) -> list[Thing]:
    """List the things that stand in a vxnet."""
    return in_use_by(store, "vxnet_id", vxnet_id)


def free_addresses(store: Store, vxnet: Vxnet) -> Iterator[str]:
    """Yield the addresses that DHCP may still hand out, lowest first; none without a range."""
    if not vxnet.ip_network:
        return
    taken = {str(getattr(thing, "private_ip", "")) for thing in inside(store, vxnet.id)} | {vxnet.manager_ip}
    first, last = IPv4Address(vxnet.dyn_ip_start), IPv4Address(vxnet.dyn_ip_end)
    for number in range(int(first) + vxnet.elsewhere, int(last) + 1):
        address = str(IPv4Address(number))
        if address not in taken:
            yield address


def take_address(store: Store, vxnet: Vxnet, wanted: str = "", more: int = 0) -> str:
    """Return an address for something new in a vxnet; "" in one without a range.

    Args:
        store: where everything is.
        vxnet: the network.
        wanted: the address that is asked for, "" for any.
        more: how many others were promised in the same call, and are not in the store yet.

    Raises:
        CloudRefusal: 1100 for an address that is none of this network's, 1400 when it is taken, or none is left.
    """
    if wanted and not _belongs(vxnet, wanted):
        raise invalid("private_ip", wanted)
    free = list(free_addresses(store, vxnet))
    if wanted:
        if wanted not in free and any(getattr(thing, "private_ip", "") == wanted for thing in inside(store, vxnet.id)):
            raise denied(f"private ip [{wanted}] of vxnet [{vxnet.id}] is already in use")
        return wanted
    if vxnet.ip_network and len(free) <= more:
        raise denied(f"no private ip is left in vxnet [{vxnet.id}]")
    return free[more] if free else ""


def _belongs(vxnet: Vxnet, address: str) -> bool:
    try:
        found = IPv4Address(address)
    except ValueError:
        return False
    return vxnet.network is not None and found in vxnet.network and address != vxnet.manager_ip


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    kinds = call.text("vxnet_type")
    found = [vxnet for vxnet in cloud.store.all(Vxnet) if kinds in ("", str(vxnet.vxnet_type))]
    verbose = call.number("verbose")

    def show(vxnet: Vxnet) -> dict[str, Json]:
        said: dict[str, Json] = {**shown(cloud, vxnet), "zone_id": cloud.zone}
        free = len(list(free_addresses(cloud.store, vxnet)))
        extra: dict[str, Json] = {"available_ip_count": free, "instance_ids": _instances(cloud, vxnet.id)}
        return {**said, **extra} if verbose else said

    return listing(call, found, ids="vxnets", into="vxnet_set", show=show)


def _instances(cloud: Cloud, vxnet_id: str) -> list[Json]:
    return [thing.id for thing in inside(cloud.store, vxnet_id) if thing.kind == "instance"]


def _describe_instances(cloud: Cloud, call: Call) -> dict[str, Json]:
    vxnet = alive(cloud, Vxnet, call.required("vxnet"))
    found = [thing for thing in inside(cloud.store, vxnet.id) if thing.kind == "instance"]
    wanted = {name: call.text(name) for name in ("image", "instance_type")}
    found = [
        thing
        for thing in found
        if all(not value or str(getattr(thing, name, "")) == value for name, value in wanted.items())
        and call.text("status") in ("", thing.status)
    ]
    narrowed = Call(call.by, {name: value for name, value in call.params.items() if name != "status"}, call.seq)
    return listing(narrowed, found, ids="instances", into="instance_set", show=partial(shown, cloud))


def _create(cloud: Cloud, call: Call) -> dict[str, Json]:
    kind = call.number("vxnet_type", MANAGED, least=SELF_MANAGED, most=MANAGED)
    count, name = call.number("count", 1, least=1), call.text("vxnet_name")
    cloud.allowance.require([Resource("new", "vxnet", "user", count=count)])
    made: list[Json] = []
    for _ in range(count):
        new = Vxnet(id=cloud.store.new_id(Vxnet, ID_LENGTH), name=name, vxnet_type=kind)
        made.append(cloud.store.add(new, call.seq, call.by).id)
    return {"vxnets": made}


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [idle(cloud, Vxnet, name) for name in call.required_texts("vxnets")]
    for vxnet in found:
        if vxnet.id == BASE_NETWORK:
            raise denied(f"vxnet [{vxnet.id}] is shared, can not be deleted")
        users = [vxnet.router_id, *(thing.id for thing in inside(cloud.store, vxnet.id))]
        if used := next(filter(None, users), ""):
            raise CloudRefusal(IN_USE, f"DependencyError, vxnet [{vxnet.id}] is used by resource [{used}]")
    for vxnet in found:
        cloud.store.change(vxnet, call.seq, status=CEASED)
    return {"vxnets": [vxnet.id for vxnet in found]}


def _join(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Put instances that stand in no vxnet into this one."""
    vxnet = idle(cloud, Vxnet, call.required("vxnet"))
    found = [idle_instance(cloud, name) for name in call.required_texts("instances")]
    for instance in found:
        if getattr(instance, "vxnet_id", ""):
            raise denied(f"instance [{instance.id}] stands in vxnet [{getattr(instance, 'vxnet_id', '')}]")
    addresses = [take_address(cloud.store, vxnet, more=more) for more in range(len(found))]
    for instance, address in zip(found, addresses, strict=True):  # From now on nobody else gets the address.
        cloud.store.change(instance, call.seq, vxnet_id=vxnet.id, private_ip=address)
    return {"job_id": cloud.begin("JoinVxnet", found, "updating", call, work="nic-attach").job_id}


def _leave(cloud: Cloud, call: Call) -> dict[str, Json]:
    vxnet = idle(cloud, Vxnet, call.required("vxnet"))
    found = [idle_instance(cloud, name) for name in call.required_texts("instances")]
    for instance in found:
        if getattr(instance, "vxnet_id", "") != vxnet.id:
            raise denied(f"instance [{instance.id}] is not in vxnet [{vxnet.id}]")

    def done(cause: int) -> None:
        for instance in found:
            cloud.store.change(instance, cause, vxnet_id="", private_ip="")

    return {"job_id": cloud.begin("LeaveVxnet", found, "updating", call, work="nic-attach", done=done).job_id}


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    rename(cloud, alive(cloud, Vxnet, call.required("vxnet")), call, "vxnet_name")
    return {}


ACTIONS: Actions = {
    "DescribeVxnets": _describe,
    "CreateVxnets": _create,
    "DeleteVxnets": _delete,
    "ModifyVxnetAttributes": _modify,
    "DescribeVxnetInstances": _describe_instances,
    "JoinVxnet": _join,
    "LeaveVxnet": _leave,
}
"""Private networks."""

"""NICs: those an instance has besides its first one.

The first NIC is the instance's own: its network and address are fields of the instance, and its id follows from the
instance's. hostnic takes the others for pods (yunify/hostnic-cni); a node of a cluster has quota reckoned for them, so
that a NIC made for a cluster counts no second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import ClassVar

from qke_core.catalog import compute, quotas
from qke_core.effects import Json
from qke_core.resources import Resource
from qke_sim.cloud.call import Call, denied, invalid
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.instance import HERE, Instance
from qke_sim.cloud.lookup import ABSENT, CEASED, Actions, alive, idle_in, provenance, rename
from qke_sim.cloud.shown import shown
from qke_sim.cloud.stamp import stamped
from qke_sim.cloud.store import Store, Thing
from qke_sim.cloud.vxnet import Vxnet, inside, take_address

AVAILABLE, IN_USE = "available", "in-use"
FIRST, FURTHER = 1, 0
"""Roles of NICs."""


@dataclass(slots=True, kw_only=True, eq=False)
class Nic(Thing):
    """A NIC that may come and go. Its id is a MAC address."""

    kind: ClassVar[str] = "nic"
    prefix: ClassVar[str] = "nic"

    vxnet_id: str
    private_ip: str = ""
    instance_id: str = ""
    security_group_id: str = ""

    def charged(self) -> Resource | None:
        """It counts while it is there, unless it was made for a cluster: its node counts it already."""
        return None if self.status == CEASED or self.owner else Resource(self.label, "nic", self.origin)

    def describe(self) -> dict[str, Json]:
        """Return it as DescribeNics shows it."""
        return {
            "nic_id": self.id,
            "nic_name": self.name,
            "vxnet_id": self.vxnet_id,
            "private_ip": self.private_ip,
            "instance_id": self.instance_id,
            "security_group": self.security_group_id,
            "role": FURTHER,
            "sequence": 1,
            "eip": {},
            "root_user_id": "",
        }


def mac_of(name: str) -> str:
    """Return the MAC address that the thing of a name has."""
    digest = sha256(name.encode()).hexdigest()
    return "52:54:" + ":".join(digest[at : at + 2] for at in range(0, 8, 2))


def nics_of(store: Store, instance_id: str) -> list[Nic]:
    """List the further NICs of an instance, those on their way to it included."""
    return [nic for nic in store.all(Nic) if nic.instance_id == instance_id and nic.status not in ABSENT]


def require_nic_room(cloud: Cloud, vxnet_id: str, count: int) -> None:
    """Refuse more NICs than a network takes.

    Raises:
        CloudRefusal: 1400.
    """
    most = compute().constants["nics_per_vxnet"]
    if len(inside(cloud.store, vxnet_id)) + count > most:
        raise denied(f"vxnet [{vxnet_id}] takes [{most}] nics at most")


def give_nic(cloud: Cloud, call: Call, instance: Instance, vxnet_id: str, address: str) -> Nic:
    """Make a NIC that is on its instance from the beginning."""
    nic = _new(cloud, call, vxnet_id, address)
    nic.owner, nic.origin = instance.owner, instance.origin
    nic.status, nic.instance_id, nic.security_group_id = IN_USE, instance.id, instance.security_group_id
    return cloud.store.add(nic, call.seq, call.by)


def withdraw(cloud: Cloud, nics: Sequence[Nic], cause: int) -> None:
    """Have NICs leave their instance."""
    for nic in nics:
        cloud.store.change(nic, cause, status=AVAILABLE, transition_status="", instance_id="")


def _new(cloud: Cloud, call: Call, vxnet_id: str, address: str) -> Nic:
    mac = mac_of(cloud.store.new_id(Nic))
    return Nic(id=mac, name=call.text("nic_name"), status=AVAILABLE, vxnet_id=vxnet_id, private_ip=address)


def _first_nic(cloud: Cloud, instance: Instance) -> dict[str, Json]:
    nic = Nic(
        id=mac_of(instance.id),
        status=IN_USE,
        vxnet_id=instance.vxnet_id,
        private_ip=instance.private_ip,
        instance_id=instance.id,
        security_group_id=instance.security_group_id,
        create_ms=instance.create_ms,
        status_ms=instance.create_ms,
    )
    return {"status": nic.status, **stamped(cloud.kernel, nic), **nic.describe(), "role": FIRST, "sequence": 0}


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    """List NICs, the first ones of instances included; `status` is one word here."""
    first = [_first_nic(cloud, one) for one in cloud.store.all(Instance) if one.vxnet_id and one.status not in ABSENT]
    more = [shown(cloud, nic) for nic in cloud.store.all(Nic) if nic.status not in ABSENT]
    found = [nic for nic in (*first, *more) if _matches(cloud, call, nic)]
    return {"nic_set": call.page(found), "total_count": len(found)}


def _matches(cloud: Cloud, call: Call, nic: dict[str, Json]) -> bool:
    """Whether a NIC is among those a call asks for."""
    lists = (("nics", "nic_id"), ("vxnets", "vxnet_id"), ("instances", "instance_id"))
    chosen = all(not call.texts(name) or nic[key] in call.texts(name) for name, key in lists)
    kinds, vxnet = call.texts("vxnet_type"), cloud.store.find(Vxnet, str(nic["vxnet_id"]))
    kind = "" if vxnet is None else str(vxnet.vxnet_type)
    words = (("status", "status"), ("nic_name", "nic_name"))
    return chosen and (not kinds or kind in kinds) and all(call.text(name) in ("", nic[key]) for name, key in words)


def _create(cloud: Cloud, call: Call) -> dict[str, Json]:
    vxnet, wanted, made_for = alive(cloud, Vxnet, call.required("vxnet")), call.texts("private_ips"), provenance(call)
    count = call.number("count", max(1, len(wanted)), least=1)
    if wanted and len(wanted) != count:
        raise invalid("private_ips", ",".join(wanted))
    for address in wanted or [""]:
        take_address(cloud.store, vxnet, address, 0 if address else count - 1)
    require_nic_room(cloud, vxnet.id, count)
    if not made_for["owner"]:
        cloud.allowance.require([Resource("new", "nic", "user", count=count)])
    made: list[Json] = []
    for number in range(count):
        address = take_address(cloud.store, vxnet, wanted[number] if wanted else "")
        nic = _new(cloud, call, vxnet.id, "" if call.flag("disable_ip") else address)
        nic.owner, nic.origin = made_for["owner"], made_for["origin"]
        cloud.store.add(nic, call.seq, call.by)
        made.append({"nic_id": nic.id, "private_ip": nic.private_ip})
    return {"nics": made}


def _attach(cloud: Cloud, call: Call) -> dict[str, Json]:
    instance = idle_in(cloud, Instance, call.required("instance"), HERE, "take nics")
    found = [idle_in(cloud, Nic, name, (AVAILABLE,), "be attached") for name in call.required_texts("nics")]
    most = quotas().hard["nics_per_instance"]
    if 1 + len(nics_of(cloud.store, instance.id)) + len(found) > most:
        raise denied(f"instance [{instance.id}] takes [{most}] nics at most")

    def done(cause: int) -> None:
        if instance.status in ABSENT:
            return withdraw(cloud, found, cause)
        for nic in found:
            cloud.store.change(nic, cause, status=IN_USE, transition_status="")
        return None

    for nic in found:
        cloud.store.change(nic, call.seq, instance_id=instance.id)
    job = cloud.begin(
        "AttachNics",
        found,
        "attaching",
        call,
        work="nic-attach",
        done=done,
        undone=partial(withdraw, cloud, found),
    )
    return {"job_id": job.job_id}


def _detach(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [idle_in(cloud, Nic, name, (IN_USE,), "be detached") for name in call.required_texts("nics")]
    job = cloud.begin(
        "DetachNics",
        found,
        "detaching",
        call,
        work="nic-attach",
        done=partial(withdraw, cloud, found),
    )
    return {"job_id": job.job_id}


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [idle_in(cloud, Nic, name, (AVAILABLE,), "be deleted") for name in call.required_texts("nics")]
    for nic in found:
        cloud.store.change(nic, call.seq, status=CEASED)
    return {}


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    nic, address = alive(cloud, Nic, call.required("nic")), call.text("private_ip")
    if address and address != nic.private_ip:
        take_address(cloud.store, alive(cloud, Vxnet, nic.vxnet_id), address)
    rename(cloud, nic, call, "nic_name", private_ip=address or nic.private_ip)
    return {}


ACTIONS: Actions = {
    "DescribeNics": _describe,
    "CreateNics": _create,
    "AttachNics": _attach,
    "DetachNics": _detach,
    "DeleteNics": _delete,
    "ModifyNicAttributes": _modify,
}

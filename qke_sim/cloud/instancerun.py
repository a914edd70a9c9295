"""RunInstances: what a call asks for, whether it may have it, and the making of it.

Rule: yunify/qingcloud-docs, RunInstances.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qke_core.catalog import InstanceType, compute, storage
from qke_core.effects import Json
from qke_core.lifecycle import INSTANCES
from qke_core.resources import Resource
from qke_sim.cloud.call import Call, CloudRefusal, denied, invalid
from qke_sim.cloud.capacity import require_host_offered, require_room
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.instance import RUNNING, Instance, end, power, system_disk_of
from qke_sim.cloud.keypair import KeyPair
from qke_sim.cloud.lookup import Actions, Provenance, alive, idle_in, provenance
from qke_sim.cloud.naming import named_id, require_free_id
from qke_sim.cloud.nic import give_nic, require_nic_room
from qke_sim.cloud.securitygroup import SecurityGroup
from qke_sim.cloud.volume import AVAILABLE, Volume, release, require_attachable, settle
from qke_sim.cloud.vxnet import BASE_NETWORK, Vxnet, take_address

SMALLEST = InstanceType("c1m1", 1, 1024)
"""What one gets who asks for nothing (RunInstances: cpu 1, memory 1024)."""
BASIC_CLASS, LEGACY_CLASS = 101, 0
PASSWORD = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9]).{6,}")
"""Rule: RunInstances, login_passwd: at least 6 characters; capitals, small letters and digits."""


@dataclass(frozen=True, slots=True)
class Shape:
    """CPUs, MiB of memory and GPUs of an instance, and the name of its type."""

    cpu: int
    memory_mib: int
    gpu: int
    instance_type: str


@dataclass(frozen=True, slots=True)
class Order:
    """What one RunInstances call asks for, found sound."""

    count: int
    shape: Shape
    instance_class: int
    image: str
    disk_gib: int
    nics: int
    networks: tuple[tuple[str, str], ...]  # (vxnet id, fixed address or "")
    security_group_id: str
    keypairs: tuple[str, ...]
    volumes: tuple[Volume, ...]
    made_for: Provenance


def read_shape(call: Call, now: Instance | None = None) -> Shape:
    """Read the shape a call asks for: CPUs and memory, which win over a type; what it leaves out is as `now`.

    Raises:
        CloudRefusal: 1100.
    """
    name, step = call.text("instance_type"), compute().constants["memory_step_mib"]
    named = compute().shape(name) if name else None
    if name and named is None:
        raise invalid("instance_type", name)
    usual = named or now or SMALLEST
    cpu = call.number("cpu", usual.cpu, least=1)
    memory = call.number("memory", usual.memory_mib, least=step)
    if memory % step:
        raise invalid("memory", memory)
    alike = named is not None and (named.cpu, named.memory_mib) == (cpu, memory)
    gpu = call.number("gpu", now.gpu if now else 0, least=0)
    return Shape(cpu, memory, gpu, name if alike else f"c{cpu}m{memory // step}")


def require_login(cloud: Cloud, call: Call) -> tuple[str, ...]:
    """Read how people log in; return the key pairs. Inhabitants log in as they like.

    Raises:
        CloudRefusal: 1100, 2100.
    """
    if call.internal and not call.text("login_mode"):
        return ()
    mode = call.required("login_mode")
    if mode == "keypair":
        return (alive(cloud, KeyPair, call.required("login_keypair")).id,)
    if mode != "passwd":
        raise invalid("login_mode", mode)
    if not PASSWORD.fullmatch(call.required("login_passwd")):
        raise CloudRefusal(1100, "InvalidRequestFormat, parameter [login_passwd] is not strong enough")
    return ()


def read_disk_gib(call: Call, image: str, has_gib: int = 0) -> int:
    """Read the size of the system disk; as it is, or the image's least, unless told.

    Raises:
        CloudRefusal: 1100.
    """
    known = compute().images.get(image)
    least = max(has_gib, storage().constants["system_disk_gib"] if known is None else known.size_gib)
    return call.number("os_disk_size", least, least=least, most=compute().constants["system_disk_max_gib"])


def _class_of(cloud: Cloud, call: Call) -> int:
    """Read the instance class; the zone's plain one unless told (assumed)."""
    usual = BASIC_CLASS if BASIC_CLASS in storage().hosts_offered(cloud.zone) else LEGACY_CLASS
    found = call.number("instance_class", usual)
    require_host_offered(cloud, call, found)
    return found


def _networks(cloud: Cloud, call: Call, count: int) -> tuple[tuple[str, str], ...]:
    """Read the networks, `vxnet-id` or `vxnet-id|address` each, and see that everybody finds an address there."""
    found: list[tuple[str, str]] = []
    for text in call.texts("vxnets"):
        vxnet_id, _, wanted = text.partition("|")
        if (wanted and count > 1) or vxnet_id in dict(found):
            raise invalid("vxnets", text)
        if cloud.store.find(Vxnet, vxnet_id) is None and (call.internal or vxnet_id == BASE_NETWORK):
            found.append((vxnet_id, wanted))  # A network that nobody described: a World need not tell of any.
            continue
        vxnet = alive(cloud, Vxnet, vxnet_id)
        take_address(cloud.store, vxnet, wanted, count - 1)
        require_nic_room(cloud, vxnet_id, count)
        found.append((vxnet_id, wanted))
    return tuple(found)


def _image_of(call: Call) -> str:
    """Read the image; users have those of the book, the platform brings its own."""
    image = call.text("image_id", "qke") if call.internal else call.required("image_id")
    if not call.internal and image not in compute().images:
        raise CloudRefusal(2100, f"ResourceNotFound, image [{image}] not found")
    return image


def read_order(cloud: Cloud, call: Call) -> Order:
    """Read a call and find it sound in every respect but quota and room.

    Raises:
        CloudRefusal: 1100, 1400, 2100, 5600.
    """
    count, image = call.number("count", 1, least=1), _image_of(call)
    require_free_id(cloud, call, count)
    instance_class, group = _class_of(cloud, call), call.text("security_group")
    volumes = [idle_in(cloud, Volume, name, (AVAILABLE,), "be attached") for name in call.texts("volumes")]
    if volumes and count > 1:
        raise denied("volumes can be attached to one new instance only")
    require_attachable(cloud, volumes, instance_class)
    return Order(
        count=count,
        shape=read_shape(call),
        instance_class=instance_class,
        image=image,
        disk_gib=read_disk_gib(call, image),
        nics=call.number("_nics", 1, least=1) if call.internal else 1,
        networks=_networks(cloud, call, count),
        security_group_id=alive(cloud, SecurityGroup, group).id if group else "",
        keypairs=require_login(cloud, call),
        volumes=tuple(volumes),
        made_for=provenance(call),
    )


def _resources(order: Order) -> list[Resource]:
    shape, origin = order.shape, order.made_for["origin"]
    instance = Resource(
        "new",
        "instance",
        origin,
        count=order.count,
        instance_class=order.instance_class,
        cpu=shape.cpu,
        memory_mib=shape.memory_mib,
        gpu=shape.gpu,
        nics=order.nics,
    )
    more = len(order.networks) - 1
    return [instance, *([Resource("more", "nic", origin, count=more * order.count)] if more > 0 else [])]


def _make(cloud: Cloud, call: Call, order: Order) -> Instance:
    """Keep one new instance with its disk and its NICs."""
    shape, addressed = order.shape, [(name, _address(cloud, name, wanted)) for name, wanted in order.networks]
    vxnet_id, address = addressed[0] if addressed else ("", "")
    instance = Instance(
        id=named_id(cloud, call, Instance),
        name=call.text("instance_name"),
        status="pending",
        transition_status=INSTANCES["run"].through,
        instance_class=order.instance_class,
        cpu=shape.cpu,
        memory_mib=shape.memory_mib,
        gpu=shape.gpu,
        nics=order.nics,
        instance_type=shape.instance_type,
        image=order.image,
        hostname=call.text("hostname"),
        vxnet_id=vxnet_id,
        private_ip=address,
        security_group_id=order.security_group_id,
        keypairs=list(order.keypairs),
        **order.made_for,
    )
    cloud.store.add(instance, call.seq, call.by)
    cloud.store.add(system_disk_of(instance, order.disk_gib), call.seq, call.by)
    for name, more in addressed[1:]:
        give_nic(cloud, call, instance, name, more)
    return instance


def _address(cloud: Cloud, vxnet_id: str, wanted: str) -> str:
    vxnet = cloud.store.find(Vxnet, vxnet_id)
    return wanted if vxnet is None else take_address(cloud.store, vxnet, wanted)


def _run(cloud: Cloud, call: Call) -> dict[str, Json]:
    order = read_order(cloud, call)
    cloud.allowance.require(_resources(order))
    require_room(cloud, order.count, "RunInstances", order.made_for["label"])
    made = [_make(cloud, call, order) for _ in range(order.count)]
    for volume in order.volumes:
        cloud.store.change(volume, call.seq, instance_id=made[0].id, transition_status="attaching")

    def done(cause: int) -> None:
        for instance in made:
            power(cloud, instance, cloud.store.change(instance, cause, status=RUNNING, transition_status=""), on=True)
        settle(cloud, order.volumes, cause)

    def undone(cause: int) -> None:
        for instance in made:
            end(cloud, instance, cause)
        release(cloud, order.volumes, cause)

    job = cloud.begin(
        "RunInstances",
        made,
        INSTANCES["run"].through,
        call,
        work="instance-run",
        done=done,
        undone=undone,
    )
    return {"instances": [instance.id for instance in made], "job_id": job.job_id}


ACTIONS: Actions = {"RunInstances": _run}

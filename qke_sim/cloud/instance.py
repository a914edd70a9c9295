"""Instances and their system disks: what they are and how they look. What is done to them stands beside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from qke_core.catalog import compute, storage
from qke_core.effects import Json
from qke_core.resources import Resource
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import CEASED
from qke_sim.cloud.store import Store, Thing

RUNNING, STOPPED, SUSPENDED, TERMINATED = "running", "stopped", "suspended", "terminated"
HERE = frozenset({RUNNING, STOPPED})
"""Statuses in which an instance takes disks and NICs."""


@dataclass(slots=True, kw_only=True, eq=False)
class Instance(Thing):
    """A virtual machine.

    `vxnet_id` and `private_ip` are those of its first NIC. `nics` is how many NICs the quotas reckon for it: 1, or as
    many as its pods may take. `kept`: the platform has it in the recycle bin with everything that belongs to it, until
    it takes it out again. `grows_to`: CPUs, MiB and GPUs it is being resized to, which count from the answer on; zeros
    for nothing. `resumes_as`: the status that it was suspended in, to which it returns. Volumes, further NICs and EIPs
    name the instance, not the other way round.
    """

    kind: ClassVar[str] = "instance"
    prefix: ClassVar[str] = "i"

    instance_class: int
    cpu: int
    memory_mib: int
    gpu: int = 0
    nics: int = 1
    instance_type: str = ""
    image: str = ""
    hostname: str = ""
    vxnet_id: str = ""
    private_ip: str = ""
    security_group_id: str = ""
    keypairs: list[str] = field(default_factory=list[str])
    kept: bool = False
    grows_to: tuple[int, int, int] = (0, 0, 0)
    resumes_as: str = ""

    def charged(self) -> Resource | None:
        """It counts until it is ceased, and runs from its making on unless it was stopped; suspended is as stopped.

        That a suspended instance is charged like a stopped one is assumed: nothing public tells.
        """
        if self.status == CEASED:
            return None
        cpu, memory_mib, gpu = self.grows_to
        return self.as_resource(max(self.cpu, cpu), max(self.memory_mib, memory_mib), max(self.gpu, gpu))

    def as_resource(self, cpu: int, memory_mib: int, gpu: int) -> Resource:
        """Return what it counts as with a shape."""
        return Resource(
            self.label,
            "instance",
            self.origin,
            instance_class=self.instance_class,
            cpu=cpu,
            memory_mib=memory_mib,
            gpu=gpu,
            nics=self.nics,
            running=self.status in (RUNNING, "pending"),
        )

    def describe(self) -> dict[str, Json]:
        """Return what DescribeInstances shows of the instance itself."""
        image = compute().images.get(self.image)
        return {
            "instance_id": self.id,
            "instance_name": self.name,
            "instance_class": self.instance_class,
            "instance_type": self.instance_type,
            "vcpus_current": self.cpu,
            "memory_current": self.memory_mib,
            "keypair_ids": list(self.keypairs),
            "image": {
                "image_id": self.image,
                "image_name": self.image if image is None else image.name,
                "os_family": "" if image is None else image.os_family,
                "platform": "linux" if image is None else image.platform,
                "processor_type": "64bit",
                "provider": "self" if image is None else "system",
            },
            "security_group": {"security_group_id": self.security_group_id, "is_default": 0},
            "extra": {"gpu": self.gpu, "hostname": self.hostname},
            "alarm_status": "",
            "device": "",
        }


@dataclass(slots=True, kw_only=True, eq=False)
class SystemDisk(Thing):
    """The disk an instance starts from: it comes and goes with it, and has a price of its own. No action names it."""

    kind: ClassVar[str] = "system_disk"
    prefix: ClassVar[str] = "os"

    instance_id: str
    size_gib: int

    def charged(self) -> Resource | None:
        """It counts until it is ceased."""
        if self.status == CEASED:
            return None
        return Resource(self.label, "system_disk", self.origin, size_gib=self.size_gib)


def system_disk_of(instance: Instance, size_gib: int = 0) -> SystemDisk:
    """Make the system disk of an instance, to be kept beside it; the usual size unless told."""
    return SystemDisk(
        id=f"os-{instance.id.partition('-')[2]}",
        owner=instance.owner,
        label=f"{instance.label}/system",
        origin=instance.origin,
        instance_id=instance.id,
        size_gib=size_gib or storage().constants["system_disk_gib"],
        create_ms=instance.create_ms,
        status_ms=instance.create_ms,
    )


def disk_of(store: Store, instance: Instance) -> SystemDisk | None:
    """Return the system disk of an instance, if anybody made one."""
    return store.find(SystemDisk, f"os-{instance.id.partition('-')[2]}")


def end(cloud: Cloud, instance: Instance, cause: int) -> int:
    """End an instance for good, and its system disk; return the record."""
    cause = cloud.store.change(instance, cause, status=CEASED, transition_status="", kept=False)
    disk = disk_of(cloud.store, instance)
    if disk is not None:
        cloud.store.change(disk, cause, status=CEASED)
    return cause


def power(cloud: Cloud, instance: Instance, cause: int, *, on: bool) -> None:
    """Tell who lives on an instance that it starts or stops."""
    for watch in cloud.on_power:
        watch(instance, on, cause)

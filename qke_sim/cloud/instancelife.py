"""What is done to instances once they are there: each operation a row of a table, its statuses those of the core.

Rule: qke_core.lifecycle.INSTANCES; yunify/qingcloud-docs, instances; guide G-166 for the recycle bin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

from qke_core.effects import Json
from qke_core.lifecycle import INSTANCES
from qke_sim.cloud.call import Call, CloudRefusal, denied
from qke_sim.cloud.capacity import require_room
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.eip import eips_of, unbind
from qke_sim.cloud.instance import RUNNING, TERMINATED, Instance, disk_of, end, power
from qke_sim.cloud.instancerun import Shape, read_disk_gib, read_shape, require_login
from qke_sim.cloud.lookup import Actions, idle_in, require_leased
from qke_sim.cloud.nic import nics_of, withdraw
from qke_sim.cloud.recyclebin import throw_away
from qke_sim.cloud.volume import release, volumes_of
from qke_sim.cloud.vxnet import Vxnet, free_addresses, inside

Goes: TypeAlias = Literal["never", "first", "last"]
"""When what runs on an instance stops: not at all, when the job begins, or when it ends."""
Finish: TypeAlias = Callable[[Instance, int], int]
"""What ends an operation on one instance: sets its fields, given the record that led there; returns the newest."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How an operation is carried out.

    `sentence` completes "can not ..."; `off` says when what runs stops, `on` whether it runs afterwards; `roomy`
    whether the zone must have room for it.
    """

    operation: str
    duration: str
    sentence: str
    off: Goes = "never"
    on: bool = False
    roomy: bool = False


START = Manner("start", "instance-start", "be started", on=True, roomy=True)
STOP = Manner("stop", "instance-stop", "be stopped", off="last")
CUT = Manner("stop", "instance-stop", "be stopped", off="first")
RESTART = Manner("restart", "instance-restart", "be restarted", off="first", on=True)
RESET = Manner("reset", "instance-reset", "be reset", off="first", on=True)
RESIZE = Manner("resize", "instance-resize", "be resized", roomy=True)
TERMINATE = Manner("terminate", "instance-terminate", "be terminated", off="first")
RECOVER = Manner("recover", "instance-recover", "be recovered", on=True, roomy=True)
CEASE = Manner("cease", "instance-cease", "be ceased")
SUSPEND = Manner("suspend", "instance-suspend", "be suspended", off="first")
RESUME = Manner("resume", "instance-resume", "be resumed", on=True)


def chosen(cloud: Cloud, call: Call, manner: Manner) -> list[Instance]:
    """Return the instances a call names, all of them fit for the operation.

    Raises:
        CloudRefusal: 1100, 2100, 1400.
    """
    row = INSTANCES[manner.operation]
    return [
        idle_in(cloud, Instance, name, row.starts_from, manner.sentence) for name in call.required_texts("instances")
    ]


def carry_out(
    cloud: Cloud,
    call: Call,
    action: str,
    found: Sequence[Instance],
    manner: Manner,
    finish: Finish | None = None,
    undone: Callable[[int], None] = lambda _: None,
) -> dict[str, Json]:
    """Begin the job of an operation.

    `finish` ends it on each instance, with the table's status when it is left out; `undone` is called when it failed.

    Raises:
        CloudRefusal: 5200.
    """
    row = INSTANCES[manner.operation]
    if manner.roomy:
        require_room(cloud, len(found), action, *(instance.label for instance in found))

    def settle(instance: Instance, cause: int) -> int:
        return cloud.store.change(instance, cause, status=row.ends_in or instance.status, transition_status="")

    def done(cause: int) -> None:
        for instance in found:
            was_on = instance.status == RUNNING
            seq = (finish or settle)(instance, cause)
            if manner.off == "last" and was_on:
                power(cloud, instance, seq, on=False)
            if manner.on and instance.status == RUNNING:
                power(cloud, instance, seq, on=True)

    job = cloud.begin(
        action,
        found,
        row.through,
        call,
        work=manner.duration,
        done=done,
        undone=undone,
    )
    if manner.off == "first":
        for instance in found:
            if instance.status == RUNNING:
                power(cloud, instance, call.seq, on=False)
    return {"job_id": job.job_id}


def _start(cloud: Cloud, call: Call) -> dict[str, Json]:
    return carry_out(cloud, call, "StartInstances", chosen(cloud, call, START), START)


def _stop(cloud: Cloud, call: Call) -> dict[str, Json]:
    manner = CUT if call.flag("force") else STOP
    return carry_out(cloud, call, "StopInstances", chosen(cloud, call, manner), manner)


def _restart(cloud: Cloud, call: Call) -> dict[str, Json]:
    return carry_out(cloud, call, "RestartInstances", chosen(cloud, call, RESTART), RESTART)


def _reset(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Write the system disk anew: the instance begins again from its image, with the keys the call names."""
    found, keypairs = chosen(cloud, call, RESET), list(require_login(cloud, call))

    def finish(instance: Instance, cause: int) -> int:
        return cloud.store.change(instance, cause, status=RUNNING, transition_status="", keypairs=keypairs)

    return carry_out(cloud, call, "ResetInstances", found, RESET, finish)


def _resize(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = chosen(cloud, call, RESIZE)
    if not any(call.text(name) for name in ("instance_type", "cpu", "memory", "gpu", "os_disk_size")):
        raise CloudRefusal(1100, "MissingParameter, parameter [instance_type] is required")
    wishes = [_wish(cloud, call, instance) for instance in found]
    pairs = list(zip(found, wishes, strict=True))
    cloud.allowance.require(
        [one.as_resource(shape.cpu, shape.memory_mib, shape.gpu) for one, (shape, _) in pairs],
        [one.as_resource(one.cpu, one.memory_mib, one.gpu) for one in found],
    )
    wanted = {instance.id: wish for instance, wish in pairs}

    def finish(instance: Instance, cause: int) -> int:
        shape, disk_gib = wanted[instance.id]
        disk = disk_of(cloud.store, instance)
        if disk is not None:
            cloud.store.change(disk, cause, size_gib=disk_gib)
        return cloud.store.change(
            instance,
            cause,
            cpu=shape.cpu,
            memory_mib=shape.memory_mib,
            gpu=shape.gpu,
            instance_type=shape.instance_type,
            transition_status="",
            grows_to=(0, 0, 0),
        )

    def undone(cause: int) -> None:
        for instance in found:
            cloud.store.change(instance, cause, grows_to=(0, 0, 0))

    answer = carry_out(cloud, call, "ResizeInstances", found, RESIZE, finish, undone)
    for instance, (shape, _) in pairs:
        cloud.store.change(instance, call.seq, grows_to=(shape.cpu, shape.memory_mib, shape.gpu))
    return answer


def _wish(cloud: Cloud, call: Call, instance: Instance) -> tuple[Shape, int]:
    """Return the shape and the size of the system disk that an instance is to have; what is not named stays."""
    disk = disk_of(cloud.store, instance)
    disk_gib = read_disk_gib(call, instance.image, 0 if disk is None else disk.size_gib)
    return read_shape(call, instance), disk_gib


def _terminate(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Throw instances away; volumes, NICs and addresses leave them and stay in the account.

    The platform may keep everything as it is, with `_keep`, for the nodes of a cluster that may come back; then it is
    the platform that empties the bin.
    """
    found, direct = chosen(cloud, call, TERMINATE), call.flag("direct_cease")
    keeps = call.internal and call.flag("_keep")
    for instance in found:
        require_leased(cloud, instance)

    def finish(instance: Instance, cause: int) -> int:
        if keeps:
            return cloud.store.change(instance, cause, status=TERMINATED, transition_status="", kept=True)
        strip(cloud, instance, cause)
        if direct:
            return cease_instance(cloud, instance, cause)
        return throw_away(cloud, instance, cause, TERMINATED, partial(cease_instance, cloud, instance))

    return carry_out(cloud, call, "TerminateInstances", found, TERMINATE, finish)


def strip(cloud: Cloud, instance: Instance, cause: int) -> None:
    """Have everything that stays in the account leave an instance; what is under way finds out when it is over."""
    volumes, nics = volumes_of(cloud.store, instance.id), nics_of(cloud.store, instance.id)
    release(cloud, [volume for volume in volumes if not volume.transition_status], cause)
    withdraw(cloud, [nic for nic in nics if not nic.transition_status], cause)
    for eip in eips_of(cloud.store, instance.id):
        if not eip.transition_status:
            unbind(cloud, eip, cause)


def cease_instance(cloud: Cloud, instance: Instance, cause: int) -> int:
    """End an instance for good; return the record."""
    strip(cloud, instance, cause)
    return end(cloud, instance, cause)


def _cease(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = chosen(cloud, call, CEASE)
    for instance in found:
        require_leased(cloud, instance)
    return carry_out(cloud, call, "CeaseInstances", found, CEASE, partial(cease_instance, cloud))


def _recover(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Have instances back from the recycle bin. The API has no such action: the console and the platform do it."""
    if not call.internal:
        raise denied("can't handle this request")

    def finish(instance: Instance, cause: int) -> int:
        address = _address_back(cloud, instance)
        return cloud.store.change(instance, cause, status=RUNNING, transition_status="", private_ip=address, kept=False)

    return carry_out(cloud, call, "RecoverInstances", chosen(cloud, call, RECOVER), RECOVER, finish)


def _suspend(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Have instances stand still while the account owes money. The API has no such action: the platform does it."""
    if not call.internal:
        raise denied("can't handle this request")
    found = chosen(cloud, call, SUSPEND)
    for instance in found:
        cloud.store.change(instance, call.seq, resumes_as=instance.status)
    return carry_out(cloud, call, "SuspendInstances", found, SUSPEND)


def _resume(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Have suspended instances back as they were: running, or stopped."""
    if not call.internal:
        raise denied("can't handle this request")

    def finish(instance: Instance, cause: int) -> int:
        status = instance.resumes_as or RUNNING
        return cloud.store.change(instance, cause, status=status, transition_status="", resumes_as="")

    return carry_out(cloud, call, "ResumeInstances", chosen(cloud, call, RESUME), RESUME, finish)


def _address_back(cloud: Cloud, instance: Instance) -> str:
    """Return the address of an instance that comes back: its own, or another one if somebody has that by now."""
    vxnet = cloud.store.find(Vxnet, instance.vxnet_id)
    others = (one for one in inside(cloud.store, instance.vxnet_id) if one is not instance)
    taken = {str(getattr(one, "private_ip", "")) for one in others}
    if vxnet is None or instance.private_ip not in taken:
        return instance.private_ip
    return next(free_addresses(cloud.store, vxnet), "")


ACTIONS: Actions = {
    "StartInstances": _start,
    "StopInstances": _stop,
    "RestartInstances": _restart,
    "ResetInstances": _reset,
    "ResizeInstances": _resize,
    "TerminateInstances": _terminate,
    "CeaseInstances": _cease,
    "RecoverInstances": _recover,
    "SuspendInstances": _suspend,
    "ResumeInstances": _resume,
}

"""Volumes: what they are, what attaches where, and what is done to them.

`instance_id` names the instance from the beginning of attaching to the end of detaching; the status tells what is true.
Rules: yunify/qingcloud-docs, volumes; yunify/qingcloud-csi, pkg/disk (types, limits); docs/rules/storage.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from qke_core.catalog import SizeRule, compute, storage
from qke_core.effects import Json
from qke_core.lifecycle import VOLUMES
from qke_core.resources import Resource
from qke_sim.cloud.call import Call, CloudRefusal, denied, invalid
from qke_sim.cloud.capacity import require_disk_offered
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.instance import HERE, Instance
from qke_sim.cloud.lookup import (
    ABSENT,
    CEASED,
    DELETED,
    Actions,
    Provenance,
    alive,
    idle_in,
    listing,
    provenance,
    rename,
    require_leased,
)
from qke_sim.cloud.naming import named_id, require_free_id
from qke_sim.cloud.recyclebin import throw_away
from qke_sim.cloud.shown import shown
from qke_sim.cloud.store import Store, Thing

UNSUPPORTED_DISK = 5600
AVAILABLE, IN_USE = "available", "in-use"
REPLICAS = "rpp-00000002"
DEVICES = tuple(f"/dev/vd{letter}" for letter in "cdefghijklmnopqrstuvwxyz")
"""Where data volumes appear; a and b are the instance's own disks."""


@dataclass(slots=True, kw_only=True, eq=False)
class Volume(Thing):
    """A data volume; `grows_to_gib` is what it is being resized to, 0 for nothing: it counts from the answer on."""

    kind: ClassVar[str] = "volume"
    prefix: ClassVar[str] = "vol"

    size_gib: int
    volume_type: int
    grows_to_gib: int = 0
    instance_id: str = ""
    device: str = ""

    def charged(self) -> Resource | None:
        """It counts until it is ceased, in the recycle bin too."""
        return None if self.status == CEASED else self.as_resource(max(self.size_gib, self.grows_to_gib))

    def as_resource(self, size_gib: int) -> Resource:
        """Return what it counts as with a size."""
        return Resource(self.label, "volume", self.origin, size_gib=size_gib, volume_type=self.volume_type)

    def describe(self) -> dict[str, Json]:
        """Return what DescribeVolumes shows of the volume itself; the zone and its instance's name are the caller's."""
        attached: dict[str, Json] = {"instance_id": self.instance_id, "device": self.device}
        return {
            "volume_id": self.id,
            "volume_name": self.name,
            "volume_type": self.volume_type,
            "size": self.size_gib,
            "repl": REPLICAS,
            "place_group_id": "",
            "device": self.device,
            "instance": attached if self.status == IN_USE else {},
            "instances": [attached] if self.status == IN_USE else [],
        }


def volumes_of(store: Store, instance_id: str) -> list[Volume]:
    """List the volumes that are attached to an instance or being attached."""
    return [found for found in store.all(Volume) if found.instance_id == instance_id and found.status not in ABSENT]


def require_attachable(cloud: Cloud, volumes: Sequence[Volume], instance_class: int, instance_id: str = "") -> None:
    """Refuse volumes that do not go to such an instance, or are more than it takes.

    The data disk of a cluster's node is not reckoned among them (assumed, docs/rules/storage.md).

    Raises:
        CloudRefusal: 5600, 1400.
    """
    for volume in volumes:
        if not storage().attachable(instance_class, volume.volume_type):
            sentence = (
                f"volume [{volume.id}] of type [{volume.volume_type}] can not be attached to an instance of class"
            )
            raise CloudRefusal(UNSUPPORTED_DISK, f"UnsupportedDiskType, {sentence} [{instance_class}]")
    most = storage().constants["volumes_per_host"]
    held = volumes_of(cloud.store, instance_id) if instance_id else []
    if sum(volume.origin != "node" for volume in (*held, *volumes)) > most:
        raise denied(f"you can only attach [{most}] volumes to one instance at most")


def settle(cloud: Cloud, volumes: Sequence[Volume], cause: int) -> None:
    """Say where volumes are once something with them is over: on their instance, or free when it is gone or none.

    Each appears at the first free device, and stays there.
    """
    for volume in volumes:
        instance = cloud.store.find(Instance, volume.instance_id)
        if instance is None or instance.status in ABSENT:
            release(cloud, [volume], cause)
        else:
            taken = {found.device for found in volumes_of(cloud.store, instance.id) if found is not volume}
            device = volume.device or next(name for name in DEVICES if name not in taken)
            cloud.store.change(volume, cause, status=IN_USE, transition_status="", device=device)


def release(cloud: Cloud, volumes: Sequence[Volume], cause: int) -> None:
    """Have volumes leave their instance."""
    for volume in volumes:
        cloud.store.change(volume, cause, status=AVAILABLE, transition_status="", instance_id="", device="")


def make_volumes(cloud: Cloud, call: Call, size_gib: int, volume_type: int, made_for: Provenance) -> list[Volume]:
    """Keep the new volumes that a call asks for with `count` and `volume_name`; inhabitants may name the id.

    Raises:
        CloudRefusal: 1100, 2500.
    """
    count = call.number("count", 1, least=1)
    require_disk_offered(cloud, call, volume_type)
    require_free_id(cloud, call, count)
    wanted = Resource("new", "volume", made_for["origin"], count=count, size_gib=size_gib, volume_type=volume_type)
    cloud.allowance.require([wanted])
    return [
        cloud.store.add(
            Volume(
                id=named_id(cloud, call, Volume),
                name=call.text("volume_name"),
                status="pending",
                transition_status="creating",
                size_gib=size_gib,
                volume_type=volume_type,
                **made_for,
            ),
            call.seq,
            call.by,
        )
        for _ in range(count)
    ]


def creation(cloud: Cloud, call: Call, action: str, made: Sequence[Volume]) -> str:
    """Begin the job that makes volumes; return its id."""

    def become(cause: int, status: str) -> None:
        for volume in made:
            cloud.store.change(volume, cause, status=status, transition_status="")

    job = cloud.begin(
        action,
        made,
        "creating",
        call,
        work="volume-create",
        done=partial(become, status=AVAILABLE),
        undone=partial(become, status=CEASED),
    )
    return job.job_id


def _sizes(cloud: Cloud, call: Call, volume_type: int) -> SizeRule:
    """Return the sizes of a type: the zone's, else (and for inhabitants) all that anybody knows."""
    step = compute().constants["volume_step_gib"]
    listed = None if call.internal else storage().zone_size(volume_type, cloud.zone)
    low, high = (listed.minimum, listed.maximum) if listed else storage().size_span(volume_type)
    return SizeRule(min(low, step) if call.internal else low, high, step)


def _size(cloud: Cloud, call: Call, volume_type: int) -> int:
    """Read the size a call asks for; with `round_up` the next one that is offered."""
    call.required("size")
    size, rule = call.number("size", least=1), _sizes(cloud, call, volume_type)
    fit = rule.fit(size)
    if fit is None or (fit != size and not call.flag("round_up")):
        raise invalid("size", size)
    return fit


def _create(cloud: Cloud, call: Call) -> dict[str, Json]:
    volume_type, made_for = call.number("volume_type"), provenance(call)
    require_disk_offered(cloud, call, volume_type)
    made = make_volumes(cloud, call, _size(cloud, call, volume_type), volume_type, made_for)
    job_id = creation(cloud, call, "CreateVolumes", made)
    return {"volumes": [volume.id for volume in made], "job_id": job_id}


def _clone(cloud: Cloud, call: Call) -> dict[str, Json]:
    source = idle_in(cloud, Volume, call.required("volume"), (AVAILABLE, IN_USE), "be cloned")
    volume_type = call.number("volume_type", source.volume_type)
    made = make_volumes(cloud, call, source.size_gib, volume_type, provenance(call))
    return {"volumes": [found.id for found in made], "job_id": creation(cloud, call, "CloneVolumes", made)}


def _attach(cloud: Cloud, call: Call) -> dict[str, Json]:
    ids = call.required_texts("volumes")
    instance = idle_in(cloud, Instance, call.required("instance"), HERE, "take volumes")
    found = [idle_in(cloud, Volume, name, VOLUMES["attach"].starts_from, "be attached") for name in ids]
    require_attachable(cloud, found, instance.instance_class, instance.id)

    for volume in found:
        cloud.store.change(volume, call.seq, instance_id=instance.id)
    job = cloud.begin(
        "AttachVolumes",
        found,
        "attaching",
        call,
        work="volume-attach",
        done=partial(settle, cloud, found),
        undone=partial(release, cloud, found),
    )
    return {"job_id": job.job_id}


def _detach(cloud: Cloud, call: Call) -> dict[str, Json]:
    instance = alive(cloud, Instance, call.required("instance"))
    found = [
        idle_in(cloud, Volume, name, VOLUMES["detach"].starts_from, "be detached")
        for name in call.required_texts("volumes")
    ]
    for volume in found:
        if volume.instance_id != instance.id:
            raise denied(f"volume [{volume.id}] is not attached to instance [{instance.id}], can not be detached")
    job = cloud.begin(
        "DetachVolumes",
        found,
        "detaching",
        call,
        work="volume-detach",
        done=partial(release, cloud, found),
    )
    return {"job_id": job.job_id}


def _resize(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Let volumes grow: detached ones; inhabitants, who know the guest, also those in use."""
    online = VOLUMES["resize-online"].starts_from if call.internal else ()
    starts = (*VOLUMES["resize"].starts_from, *online)
    found = [idle_in(cloud, Volume, name, starts, "be resized") for name in call.required_texts("volumes")]
    sizes = [_size(cloud, call, volume.volume_type) for volume in found]
    for volume, size in zip(found, sizes, strict=True):
        if size <= volume.size_gib:
            sentence = f"volume [{volume.id}] has [{volume.size_gib}] GB, can not be resized to [{size}] GB"
            raise denied(f"{sentence}: the size can only grow")
    pairs = list(zip(found, sizes, strict=True))
    cloud.allowance.require([v.as_resource(size) for v, size in pairs], [v.as_resource(v.size_gib) for v in found])

    def done(cause: int) -> None:
        for volume, size in pairs:
            cloud.store.change(volume, cause, size_gib=size, grows_to_gib=0)
        settle(cloud, found, cause)

    def undone(cause: int) -> None:
        for volume in found:
            cloud.store.change(volume, cause, grows_to_gib=0)
        settle(cloud, found, cause)

    for volume, size in pairs:
        cloud.store.change(volume, call.seq, grows_to_gib=size)
    job = cloud.begin("ResizeVolumes", found, "updating", call, work="volume-resize", done=done, undone=undone)
    return {"job_id": job.job_id}


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [
        idle_in(cloud, Volume, name, VOLUMES["delete"].starts_from, "be deleted")
        for name in call.required_texts("volumes")
    ]
    direct = call.flag("direct_cease")
    for volume in found:
        require_leased(cloud, volume)

    def done(cause: int) -> None:
        for volume in found:
            cease = partial(cease_volume, cloud, volume)
            cease(cause) if direct else throw_away(cloud, volume, cause, DELETED, cease)

    job = cloud.begin("DeleteVolumes", found, "deleting", call, work="volume-delete", done=done)
    return {"job_id": job.job_id}


def cease_volume(cloud: Cloud, volume: Volume, cause: int) -> int:
    """End a volume for good; return the record."""
    return cloud.store.change(volume, cause, status=CEASED, transition_status="", instance_id="", device="")


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    rename(cloud, alive(cloud, Volume, call.required("volume")), call, "volume_name")
    return {}


def show_volume(cloud: Cloud, volume: Volume) -> dict[str, Json]:
    """Return a volume as answers have it."""
    return {**shown(cloud, volume), "zone_id": cloud.zone, "latest_snapshot_time": ""}


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    kind, instance_id = call.text("volume_type"), call.text("instance_id")
    found = [
        volume
        for volume in cloud.store.all(Volume)
        if kind in ("", str(volume.volume_type)) and instance_id in ("", volume.instance_id)
    ]
    return listing(call, found, ids="volumes", into="volume_set", show=partial(show_volume, cloud))


ACTIONS: Actions = {
    "DescribeVolumes": _describe,
    "CreateVolumes": _create,
    "CloneVolumes": _clone,
    "AttachVolumes": _attach,
    "DetachVolumes": _detach,
    "ResizeVolumes": _resize,
    "DeleteVolumes": _delete,
    "ModifyVolumeAttributes": _modify,
}

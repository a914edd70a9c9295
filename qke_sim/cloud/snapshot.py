"""Snapshots of volumes: made, brought back, made into volumes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from qke_core.effects import Json
from qke_core.lifecycle import SNAPSHOTS
from qke_core.resources import Resource
from qke_sim.cloud.call import Call, denied, not_found
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import CEASED, DELETED, Actions, alive, idle_in, listing, provenance, rename, require_leased
from qke_sim.cloud.recyclebin import throw_away
from qke_sim.cloud.shown import shown
from qke_sim.cloud.store import Thing
from qke_sim.cloud.volume import AVAILABLE, IN_USE, Volume, creation, make_volumes

INCREMENT, FULL = 0, 1


@dataclass(slots=True, kw_only=True, eq=False)
class Snapshot(Thing):
    """What a volume held at one instant; size and type are those of the volume then."""

    kind: ClassVar[str] = "snapshot"
    prefix: ClassVar[str] = "ss"

    volume_id: str
    size_gib: int
    volume_type: int
    snapshot_type: int = INCREMENT

    def charged(self) -> Resource | None:
        """It counts until it is ceased."""
        return None if self.status == CEASED else Resource(self.label, "snapshot", self.origin, size_gib=self.size_gib)

    def describe(self) -> dict[str, Json]:
        """Return it as DescribeSnapshots shows it; sizes are MiB there (assumed)."""
        size_mib = self.size_gib * 1024
        return {
            "snapshot_id": self.id,
            "snapshot_name": self.name,
            "snapshot_type": self.snapshot_type,
            "is_taken": int(self.status == AVAILABLE),
            "is_head": 1,
            "root_id": self.id,
            "parent_id": "",
            "size": size_mib,
            "total_size": size_mib,
            "total_count": 1,
            "provider": "self",
            "visibility": "private",
            "resource": {"resource_id": self.volume_id, "resource_name": "", "resource_type": "volume"},
            "snapshot_resource": {
                "volume_id": self.volume_id,
                "volume_type": self.volume_type,
                "size": self.size_gib,
            },
        }


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    volume, kind, root = call.text("resource_id"), call.text("snapshot_type"), call.text("root_id")
    found = [
        snapshot
        for snapshot in cloud.store.all(Snapshot)
        if volume in ("", snapshot.volume_id)
        and kind in ("", str(snapshot.snapshot_type))
        and root in ("", snapshot.id)
    ]
    return listing(call, found, ids="snapshots", into="snapshot_set", show=partial(shown, cloud))


def _create(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Make a snapshot of each volume. This action alone answers its job in a list."""
    found = [
        idle_in(cloud, Volume, name, (AVAILABLE, IN_USE), "be taken a snapshot of")
        for name in call.required_texts("resources")
    ]
    made_for, kind = provenance(call), call.number("is_full", INCREMENT, least=INCREMENT, most=FULL)
    cloud.allowance.require([Resource("new", "snapshot", made_for["origin"], count=len(found))])
    made = [
        cloud.store.add(
            Snapshot(
                id=cloud.store.new_id(Snapshot),
                name=call.text("snapshot_name"),
                status="pending",
                transition_status="creating",
                volume_id=volume.id,
                size_gib=volume.size_gib,
                volume_type=volume.volume_type,
                snapshot_type=kind,
                owner=made_for["owner"],
                origin=made_for["origin"],
            ),
            call.seq,
            call.by,
        )
        for volume in found
    ]

    def become(cause: int, status: str) -> None:
        for snapshot in made:
            cloud.store.change(snapshot, cause, status=status, transition_status="")

    job = cloud.begin(
        "CreateSnapshots",
        made,
        "creating",
        call,
        work="snapshot-create",
        done=partial(become, status=AVAILABLE),
        undone=partial(become, status=CEASED),
    )
    return {"snapshots": [snapshot.id for snapshot in made], "job_id": [job.job_id]}


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    row = SNAPSHOTS["delete"]
    found = [idle_in(cloud, Snapshot, name, row.starts_from, "be deleted") for name in call.required_texts("snapshots")]
    for snapshot in found:
        require_leased(cloud, snapshot)

    def done(cause: int) -> None:
        for snapshot in found:
            throw_away(cloud, snapshot, cause, DELETED, partial(_cease, cloud, snapshot))

    return {
        "job_id": cloud.begin("DeleteSnapshots", found, row.through, call, work="snapshot-delete", done=done).job_id
    }


def _cease(cloud: Cloud, snapshot: Snapshot, cause: int) -> int:
    return cloud.store.change(snapshot, cause, status=CEASED, transition_status="")


def _apply(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Bring volumes back to what they held; they must be free meanwhile."""
    row = SNAPSHOTS["apply"]
    found = [idle_in(cloud, Snapshot, name, row.starts_from, "be applied") for name in call.required_texts("snapshots")]
    for snapshot in found:
        volume = idle_in(cloud, Volume, snapshot.volume_id, (AVAILABLE,), "be brought back")
        if volume.size_gib != snapshot.size_gib:
            raise denied(f"volume [{volume.id}] has been resized, snapshot [{snapshot.id}] can not be applied")
    return {"job_id": cloud.begin("ApplySnapshots", found, row.through, call, work="snapshot-apply").job_id}


def _to_volume(cloud: Cloud, call: Call) -> dict[str, Json]:
    snapshot = cloud.store.find(Snapshot, call.required("snapshot"))
    if snapshot is None or snapshot.status == CEASED:
        raise not_found("snapshot", call.required("snapshot"))
    if snapshot.status != AVAILABLE or snapshot.transition_status:
        raise denied(f"snapshot [{snapshot.id}] is not available, can not create volume from it")
    made = make_volumes(cloud, call, snapshot.size_gib, snapshot.volume_type, provenance(call))
    return {"volume_id": made[0].id, "job_id": creation(cloud, call, "CreateVolumeFromSnapshot", made)}


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    rename(cloud, alive(cloud, Snapshot, call.required("snapshot")), call, "snapshot_name")
    return {}


ACTIONS: Actions = {
    "DescribeSnapshots": _describe,
    "CreateSnapshots": _create,
    "DeleteSnapshots": _delete,
    "ApplySnapshots": _apply,
    "CreateVolumeFromSnapshot": _to_volume,
    "ModifySnapshotAttributes": _modify,
}

"""Volumes and their snapshots: sizes and types, what attaches where, troubles, the recycle bin."""

from __future__ import annotations

from typing import Any

import pytest

from qke_core.catalog import storage
from qke_sim.cloud.instance import Instance
from qke_sim.cloud.snapshot import Snapshot
from qke_sim.cloud.volume import Volume
from qke_sim.testing import Desk

PLAIN: dict[str, Any] = {"image_id": "centos7x64d", "login_mode": "passwd", "login_passwd": "Qing12345"}
TWO_HOURS_MS = 7_200_000


@pytest.fixture
def desk() -> Desk:
    return Desk()


def run(desk: Desk, instance_class: int = 101) -> Instance:
    [found] = desk.made("RunInstances", "instances", **PLAIN, instance_class=instance_class)
    return desk.cloud.store.get(Instance, found)


def disks(desk: Desk, count: int = 1, **params: Any) -> list[Volume]:
    wish: dict[str, Any] = {"size": 20, "volume_type": 100, "count": count, **params}
    made = desk.made("CreateVolumes", "volumes", **wish)
    return [desk.cloud.store.get(Volume, name) for name in made]


def attach(desk: Desk, instance: Instance, *volumes: Volume) -> None:
    outcome = desk.ask("AttachVolumes", instance=instance.id, volumes=[volume.id for volume in volumes])
    assert not outcome.failed, outcome.message


def test_a_volume_is_made_attached_detached_and_deleted(desk: Desk) -> None:
    instance, [volume] = run(desk), disks(desk, volume_name="data")
    [shown] = desk.shown("DescribeVolumes", "volume_set")
    assert (shown["volume_name"], shown["size"], shown["volume_type"], shown["zone_id"]) == ("data", 20, 100, "pek3")
    assert (shown["status"], shown["transition_status"], shown["instance"]) == ("available", "", {})
    attach(desk, instance, volume)
    [shown] = desk.shown("DescribeVolumes", "volume_set", instance_id=instance.id)
    assert (shown["status"], shown["instance"]["instance_id"]) == ("in-use", instance.id)
    assert shown["instance"]["device"] == "/dev/vdc"
    [host] = desk.shown("DescribeInstances", "instance_set")
    assert host["volume_ids"] == [volume.id]
    desk.refused("DeleteVolumes", 1400, volumes=[volume.id])
    assert not desk.ask("DetachVolumes", instance=instance.id, volumes=[volume.id]).failed
    assert (volume.status, volume.instance_id) == ("available", "")
    assert not desk.ask("DeleteVolumes", volumes=[volume.id]).failed
    assert volume.status == "deleted"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"size": ""}, 1100),
        ({"size": 0}, 1100),
        ({"size": 15}, 1100),
        ({"size": 3000}, 1100),
        ({"size": 20, "volume_type": 2}, 1100),
        ({"volume_type": 0}, 1100),
        ({"volume_type": 3}, 1100),
        ({"volume_type": 42}, 1100),
        ({"count": 301}, 2500),
        ({"size": 2000, "count": 26}, 2500),
    ],
)
def test_a_volume_that_cannot_be_is_refused_and_changes_nothing(desk: Desk, wrong: dict[str, Any], code: int) -> None:
    wish: dict[str, Any] = {"size": 20, "volume_type": 100, **wrong}
    desk.refused("CreateVolumes", code, **wish)


def test_a_size_between_steps_is_rounded_up_for_who_wants_it(desk: Desk) -> None:
    [volume] = disks(desk, size=15, round_up=1)
    assert volume.size_gib == 20


@pytest.mark.parametrize("instance_class", storage().hosts_offered("pek3"))
@pytest.mark.parametrize("volume_type", storage().offered("pek3"))
def test_a_volume_goes_to_the_instances_that_take_its_type(desk: Desk, instance_class: int, volume_type: int) -> None:
    instance, [volume] = run(desk, instance_class), disks(desk, volume_type=volume_type, size=100)
    if volume_type in storage().host_types[instance_class].takes:
        attach(desk, instance, volume)
    else:
        desk.refused("AttachVolumes", 5600, instance=instance.id, volumes=[volume.id])


def test_an_instance_takes_ten_volumes_and_no_more(desk: Desk) -> None:
    instance, volumes = run(desk), disks(desk, 11)
    message = "PermissionDenied, you can only attach [10] volumes to one instance at most"
    assert desk.refused("AttachVolumes", 1400, instance=instance.id, volumes=[v.id for v in volumes]) == message
    attach(desk, instance, *volumes[:9])
    desk.tell("AttachVolumes", instance=instance.id, volumes=[volumes[9].id])
    assert desk.refused("AttachVolumes", 1400, instance=instance.id, volumes=[volumes[10].id]) == message
    desk.wait(60_000)
    assert len({volume.device for volume in volumes[:10]}) == 10


def test_the_data_disk_of_a_node_is_not_among_the_ten(desk: Desk) -> None:
    instance, volumes = run(desk), disks(desk, 10)
    wish: dict[str, Any] = {"size": 40, "volume_type": 100, "_owner": "shop", "_origin": "node"}
    [data] = desk.made("CreateVolumes", "volumes", "platform", **wish)
    attach(desk, instance, desk.cloud.store.get(Volume, data), *volumes)


def test_a_free_device_is_used_again(desk: Desk) -> None:
    instance, [one, two, three] = run(desk), disks(desk, 3)
    attach(desk, instance, one, two)
    desk.ask("DetachVolumes", instance=instance.id, volumes=[one.id])
    attach(desk, instance, three)
    assert (two.device, three.device) == ("/dev/vdd", "/dev/vdc")


def test_what_is_attached_elsewhere_or_on_its_way_is_not_attached(desk: Desk) -> None:
    one, other, [volume] = run(desk), run(desk), disks(desk)
    desk.tell("AttachVolumes", instance=one.id, volumes=[volume.id])
    assert "[attaching]" in desk.refused("AttachVolumes", 1400, instance=other.id, volumes=[volume.id])
    desk.wait(60_000)
    assert "[in-use]" in desk.refused("AttachVolumes", 1400, instance=other.id, volumes=[volume.id])
    desk.refused("DetachVolumes", 1400, instance=other.id, volumes=[volume.id])
    desk.refused("DetachVolumes", 1100, instance=one.id)
    desk.refused("AttachVolumes", 2100, instance="i-none0000", volumes=[volume.id])


def test_a_stuck_attachment_never_ends(desk: Desk) -> None:
    instance, [volume] = run(desk), disks(desk)
    desk.trouble("volume.attach-stuck", volume.id, left=1)
    answer = desk.tell("AttachVolumes", instance=instance.id, volumes=[volume.id])
    desk.wait(TWO_HOURS_MS)
    assert (volume.status, volume.transition_status) == ("available", "attaching")
    [job] = desk.shown("DescribeJobs", "job_set", jobs=[answer["job_id"]])
    assert job["status"] == "working"


def test_an_attachment_that_fails_leaves_the_volume_free(desk: Desk) -> None:
    instance, [volume] = run(desk), disks(desk)
    desk.trouble("volume.attach-fails", left=1)
    outcome = desk.ask("AttachVolumes", instance=instance.id, volumes=[volume.id])
    assert outcome.job_status == "failed"
    assert (volume.status, volume.transition_status, volume.instance_id) == ("available", "", "")
    [job] = desk.shown("DescribeJobs", "job_set", job_action="AttachVolumes")
    assert job["error_codes"] == "1"
    attach(desk, instance, volume)


def test_volumes_stay_in_the_account_when_their_instance_goes(desk: Desk) -> None:
    instance, [one, two] = run(desk), disks(desk, 2)
    attach(desk, instance, one)
    desk.tell("AttachVolumes", instance=instance.id, volumes=[two.id])
    desk.ask("TerminateInstances", instances=[instance.id])
    desk.wait(60_000)
    assert [(volume.status, volume.transition_status, volume.instance_id) for volume in (one, two)] == [
        ("available", "", ""),
        ("available", "", ""),
    ]


def test_the_platform_may_keep_volumes_on_what_it_throws_away(desk: Desk) -> None:
    instance, [volume] = run(desk), disks(desk)
    attach(desk, instance, volume)
    desk.ask("TerminateInstances", "platform", instances=[instance.id], _keep=1)
    desk.wait(2 * TWO_HOURS_MS)  # The platform, and nobody else, empties the bin of what it keeps.
    assert (volume.status, volume.instance_id, instance.status) == ("in-use", instance.id, "terminated")
    desk.ask("RecoverInstances", "platform", instances=[instance.id])
    assert (volume.status, instance.status) == ("in-use", "running")


def test_volumes_grow_and_never_shrink(desk: Desk) -> None:
    instance, [volume] = run(desk), disks(desk)
    assert not desk.ask("ResizeVolumes", volumes=[volume.id], size=40).failed
    assert volume.size_gib == 40
    for size in (40, 20):
        assert "can only grow" in desk.refused("ResizeVolumes", 1400, volumes=[volume.id], size=size)
    desk.refused("ResizeVolumes", 1100, volumes=[volume.id], size=45)
    desk.refused("ResizeVolumes", 1100, volumes=[volume.id])
    attach(desk, instance, volume)
    desk.refused("ResizeVolumes", 1400, volumes=[volume.id], size=60)
    assert not desk.ask("ResizeVolumes", "platform", volumes=[volume.id], size=60).failed
    assert (volume.size_gib, volume.status) == (60, "in-use")
    assert desk.cloud.allowance.state() == desk.recount()


def test_a_growing_volume_needs_quota_for_what_it_grows_by() -> None:
    desk = Desk(limits={"volume_size_gb": 100})
    [volume] = disks(desk, size=60)
    assert not desk.ask("ResizeVolumes", volumes=[volume.id], size=100).failed
    desk.refused("ResizeVolumes", 2500, volumes=[volume.id], size=110)


def test_the_recycle_bin_ceases_volumes_after_two_hours(desk: Desk) -> None:
    [volume] = disks(desk)
    desk.ask("DeleteVolumes", volumes=[volume.id])
    assert desk.cloud.allowance.left("volume") == 299
    desk.wait(TWO_HOURS_MS)
    assert volume.status == "ceased"
    assert desk.cloud.allowance.state() == {}
    assert desk.shown("DescribeVolumes", "volume_set") == []
    [shown] = desk.shown("DescribeVolumes", "volume_set", status=["ceased"])
    assert shown["volume_id"] == volume.id


def test_a_volume_is_cloned(desk: Desk) -> None:
    [volume] = disks(desk, size=40)
    made = desk.made("CloneVolumes", "volumes", volume=volume.id, volume_name="again", count=2)
    assert [desk.cloud.store.get(Volume, name).size_gib for name in made] == [40, 40]


def test_a_volume_comes_with_a_new_instance(desk: Desk) -> None:
    [volume] = disks(desk)
    [name] = desk.made("RunInstances", "instances", **PLAIN, volumes=[volume.id])
    assert (volume.status, volume.instance_id) == ("in-use", name)
    desk.refused("RunInstances", 1400, **PLAIN, volumes=[volume.id])


def test_a_snapshot_is_taken_and_made_into_a_volume(desk: Desk) -> None:
    [volume] = disks(desk, size=40)
    answer = desk.tell("CreateSnapshots", resources=[volume.id], snapshot_name="night")
    [name] = answer["snapshots"]
    assert len(answer["job_id"]) == 1
    assert desk.refused("CreateVolumeFromSnapshot", 1400, snapshot=name) == (
        f"PermissionDenied, snapshot [{name}] is not available, can not create volume from it"
    )
    desk.wait(150_000)
    [shown] = desk.shown("DescribeSnapshots", "snapshot_set", resource_id=volume.id)
    assert (shown["status"], shown["snapshot_name"], shown["resource"]["resource_id"]) == (
        "available",
        "night",
        volume.id,
    )
    assert shown["snapshot_resource"]["size"] == 40
    [made] = desk.made("CreateVolumeFromSnapshot", "volume_id", snapshot=name)
    assert desk.cloud.store.get(Volume, made).size_gib == 40


def test_a_snapshot_is_applied_only_to_the_volume_as_it_was(desk: Desk) -> None:
    [volume] = disks(desk)
    [name] = desk.made("CreateSnapshots", "snapshots", resources=[volume.id])
    assert not desk.ask("ApplySnapshots", snapshots=[name]).failed
    desk.ask("ResizeVolumes", volumes=[volume.id], size=40)
    desk.refused("ApplySnapshots", 1400, snapshots=[name])


def test_a_deleted_snapshot_ceases_after_two_hours(desk: Desk) -> None:
    [volume] = disks(desk)
    [name] = desk.made("CreateSnapshots", "snapshots", resources=[volume.id])
    snapshot = desk.cloud.store.get(Snapshot, name)
    assert not desk.ask("DeleteSnapshots", snapshots=[name]).failed
    assert snapshot.status == "deleted"
    desk.wait(TWO_HOURS_MS)
    assert snapshot.status == "ceased"


@pytest.mark.parametrize("family", ["volume", "snapshot"])
def test_things_are_renamed(desk: Desk, family: str) -> None:
    [volume] = disks(desk)
    [snapshot] = desk.made("CreateSnapshots", "snapshots", resources=[volume.id])
    name = {"volume": volume.id, "snapshot": snapshot}[family]
    answer = desk.tell(f"Modify{family.title()}Attributes", **{family: name, f"{family}_name": "new"})
    assert answer["ret_code"] == 0
    [shown] = desk.shown(f"Describe{family.title()}s", f"{family}_set", search_word="new")
    assert shown[f"{family}_id"] == name


def test_the_platform_names_what_it_makes(desk: Desk) -> None:
    wish = {"_id": "vol-chosen00", "_owner": "shop", "_label": "shop/master1/data", "_origin": "node"}
    made = desk.made("CreateVolumes", "volumes", "platform", size=30, volume_type=6, **wish)
    volume = desk.cloud.store.get(Volume, "vol-chosen00")
    assert (made, volume.label, volume.owner, volume.size_gib) == (["vol-chosen00"], "shop/master1/data", "shop", 30)

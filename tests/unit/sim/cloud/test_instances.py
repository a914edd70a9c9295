"""Instances: what a call may ask for, what each operation does, and how the cloud says no."""

from __future__ import annotations

from typing import Any

import pytest

from qke_core.lifecycle import INSTANCES
from qke_core.resources import Resource
from qke_sim.cloud.instance import Instance, SystemDisk
from qke_sim.cloud.vxnet import Vxnet
from qke_sim.testing import Desk

PLAIN: dict[str, Any] = {"image_id": "centos7x64d", "login_mode": "passwd", "login_passwd": "Qing12345"}
TWO_HOURS_MS = 7_200_000
LEASED_MS = 30_000


@pytest.fixture
def desk() -> Desk:
    return Desk()


def run(desk: Desk, by: str = "user", **params: Any) -> Instance:
    [found] = desk.made("RunInstances", "instances", by, **{**PLAIN, "cpu": 2, "memory": 4096, **params})
    return desk.cloud.store.get(Instance, found)


def test_a_new_instance_is_pending_while_it_is_made_and_runs_afterwards(desk: Desk) -> None:
    seen = desk.watch_power()
    answer = desk.tell("RunInstances", **PLAIN, instance_type="c4m8", instance_name="web")
    [shown] = desk.shown("DescribeInstances", "instance_set")
    assert (shown["status"], shown["transition_status"]) == ("pending", "creating")
    assert seen == []
    desk.wait(90_000)
    [shown] = desk.shown("DescribeInstances", "instance_set", instances=answer["instances"])
    assert (shown["status"], shown["transition_status"]) == ("running", "")
    assert (shown["vcpus_current"], shown["memory_current"], shown["instance_type"]) == (4, 8192, "c4m8")
    assert (shown["instance_name"], shown["zone_id"]) == ("web", "pek3")
    assert seen == [(shown["instance_id"], True)]
    [job] = desk.shown("DescribeJobs", "job_set", jobs=[answer["job_id"]])
    assert (job["job_action"], job["status"], job["resource_ids"]) == (
        "RunInstances",
        "successful",
        shown["instance_id"],
    )


def test_cpus_and_memory_win_over_the_type(desk: Desk) -> None:
    instance = run(desk, instance_type="small_b", cpu=8, memory=16384)
    assert (instance.cpu, instance.memory_mib, instance.instance_type) == (8, 16384, "c8m16")


def test_who_names_no_shape_gets_the_smallest(desk: Desk) -> None:
    [name] = desk.made("RunInstances", "instances", **PLAIN)
    instance = desk.cloud.store.get(Instance, name)
    assert (instance.cpu, instance.memory_mib) == (1, 1024)


def test_several_come_with_one_call_and_one_job(desk: Desk) -> None:
    assert len(set(desk.made("RunInstances", "instances", **PLAIN, count=3))) == 3
    assert len(desk.cloud.jobs) == 1
    assert desk.cloud.allowance.state() == desk.recount()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"login_mode": ""}, 1100),
        ({"login_mode": "smoke"}, 1100),
        ({"login_passwd": "weak"}, 1100),
        ({"login_mode": "keypair"}, 1100),
        ({"login_mode": "keypair", "login_keypair": "kp-none0000"}, 2100),
        ({"image_id": ""}, 1100),
        ({"image_id": "img-none0000"}, 2100),
        ({"instance_type": "huge"}, 1100),
        ({"instance_type": "c0m1"}, 1100),
        ({"cpu": "many"}, 1100),
        ({"cpu": 0}, 1100),
        ({"memory": 1500}, 1100),
        ({"count": 0}, 1100),
        ({"instance_class": 0}, 1100),
        ({"instance_class": 999}, 1100),
        ({"vxnets": ["vxnet-none000"]}, 2100),
        ({"security_group": "sg-none0000"}, 2100),
        ({"volumes": ["vol-none0000"]}, 2100),
        ({"os_disk_size": 10}, 1100),
        ({"os_disk_size": 200}, 1100),
        ({"gpu": 17}, 2500),
        ({"count": 201}, 2500),
        ({"cpu": 801, "memory": 1024}, 2500),
    ],
)
def test_a_wish_that_cannot_be_is_refused_and_changes_nothing(desk: Desk, wrong: dict[str, Any], code: int) -> None:
    desk.refused("RunInstances", code, **{**PLAIN, **wrong})


def test_a_zone_without_room_refuses_what_no_longer_fits(desk: Desk) -> None:
    desk.trouble("zone.short")
    assert "zone [pek3]" in desk.refused("RunInstances", 5200, **PLAIN)


def test_a_short_zone_gives_what_it_still_has(desk: Desk) -> None:
    short = desk.trouble("zone.short")
    short.facts = {"left": 2}
    desk.refused("RunInstances", 5200, **PLAIN, count=3)
    run(desk)
    run(desk)
    desk.refused("RunInstances", 5200, **PLAIN)


@pytest.mark.parametrize(("zone", "offered"), [("pek3", 101), ("pek3a", 0), ("ap1", 0), ("nowhere1", 202)])
def test_a_zone_offers_classes_whose_disks_it_has(zone: str, offered: int) -> None:
    assert run(Desk(zone=zone), instance_class=offered).instance_class == offered


def test_an_instance_is_stopped_started_and_restarted(desk: Desk) -> None:
    instance, seen = run(desk), desk.watch_power()
    for action, status in (
        ("StopInstances", "stopped"),
        ("StartInstances", "running"),
        ("RestartInstances", "running"),
    ):
        assert not desk.ask(action, instances=[instance.id]).failed
        assert (instance.status, instance.transition_status) == (status, "")
    assert [on for _, on in seen] == [False, True, False, True]


def test_who_is_stopped_by_force_stops_at_once_else_at_the_end(desk: Desk) -> None:
    instance, seen = run(desk), desk.watch_power()
    desk.tell("StopInstances", instances=[instance.id])
    assert seen == []
    desk.wait(60_000)
    assert seen == [(instance.id, False)]
    desk.ask("StartInstances", instances=[instance.id])
    seen.clear()
    desk.tell("StopInstances", instances=[instance.id], force=1)
    assert seen == [(instance.id, False)]


@pytest.mark.parametrize(
    ("action", "operation"),
    [
        ("StartInstances", "start"),
        ("StopInstances", "stop"),
        ("RestartInstances", "restart"),
        ("ResetInstances", "reset"),
        ("ResizeInstances", "resize"),
        ("TerminateInstances", "terminate"),
        ("CeaseInstances", "cease"),
    ],
)
@pytest.mark.parametrize("status", ["running", "stopped", "terminated"])
def test_the_table_says_which_operation_a_status_takes(desk: Desk, action: str, operation: str, status: str) -> None:
    instance = run(desk)
    desk.cloud.store.change(instance, 0, status=status)
    params: dict[str, Any] = {"instances": [instance.id], **PLAIN, "cpu": 4}
    if status in INSTANCES[operation].starts_from:
        assert not desk.ask(action, **params).failed
        assert instance.status == (INSTANCES[operation].ends_in or status)
    else:
        assert f"[{instance.id}] is [{status}]" in desk.refused(action, 1400, **params)


def test_nothing_is_begun_with_an_instance_in_transition(desk: Desk) -> None:
    instance = run(desk)
    desk.tell("StopInstances", instances=[instance.id])
    for action in ("StopInstances", "StartInstances", "TerminateInstances"):
        assert "please try later" in desk.refused(action, 1400, instances=[instance.id])


def test_one_unfit_instance_refuses_the_whole_call(desk: Desk) -> None:
    one, other = run(desk), run(desk)
    desk.ask("StopInstances", instances=[other.id])
    desk.refused("StopInstances", 1400, instances=[one.id, other.id])
    desk.refused("StopInstances", 2100, instances=[one.id, "i-none0000"])
    desk.refused("StopInstances", 1100)


def test_a_stopped_instance_gets_another_shape(desk: Desk) -> None:
    instance = run(desk)
    desk.ask("StopInstances", instances=[instance.id])
    assert not desk.ask("ResizeInstances", instances=[instance.id], cpu=4, os_disk_size=40).failed
    assert (instance.cpu, instance.memory_mib, instance.status) == (4, 4096, "stopped")
    [disk] = desk.cloud.store.all(SystemDisk)
    assert disk.size_gib == 40
    assert desk.cloud.allowance.state() == desk.recount()
    desk.refused("ResizeInstances", 1100, instances=[instance.id])
    desk.refused("ResizeInstances", 1100, instances=[instance.id], os_disk_size=20)
    desk.refused("ResizeInstances", 2500, instances=[instance.id], cpu=801)


def test_a_resize_may_use_what_the_instance_itself_frees() -> None:
    desk = Desk(limits={"cpu": 4})
    instance = run(desk)
    desk.ask("StopInstances", instances=[instance.id])
    assert not desk.ask("ResizeInstances", instances=[instance.id], cpu=4).failed


def test_a_new_instance_is_not_deleted_before_its_lease_is_there(desk: Desk) -> None:
    [name] = desk.made("RunInstances", "instances", **PLAIN)
    instance = desk.cloud.store.get(Instance, name)
    instance.create_ms = desk.kernel.now  # As if it had been made this instant.
    assert desk.refused("TerminateInstances", 1400, instances=[instance.id]) == (
        f"PermissionDenied, resource [{instance.id}] lease info not ready yet, please try later"
    )
    desk.wait(LEASED_MS)
    assert not desk.ask("TerminateInstances", instances=[instance.id]).failed


def test_the_recycle_bin_empties_by_itself_after_two_hours(desk: Desk) -> None:
    instance = run(desk)
    desk.ask("TerminateInstances", instances=[instance.id])
    assert instance.status == "terminated"
    assert desk.cloud.allowance.left("instance") == 199
    desk.wait(TWO_HOURS_MS - 1000)
    assert instance.status == "terminated"
    desk.wait(1000)
    assert instance.status == "ceased"
    assert desk.cloud.allowance.state() == {}
    desk.refused("StartInstances", 2100, instances=[instance.id])


def test_the_recycle_bin_keeps_no_run_alive(desk: Desk) -> None:
    instance = run(desk)
    desk.ask("TerminateInstances", instances=[instance.id])
    before = desk.kernel.now
    assert desk.kernel.run(before + 10 * TWO_HOURS_MS)
    assert desk.kernel.now == before


def test_who_wants_no_way_back_ceases_at_once(desk: Desk) -> None:
    one, other = run(desk), run(desk)
    desk.ask("TerminateInstances", instances=[one.id], direct_cease=1)
    assert one.status == "ceased"
    desk.ask("TerminateInstances", instances=[other.id])
    assert not desk.ask("CeaseInstances", instances=[other.id]).failed
    assert other.status == "ceased"
    assert {disk.status for disk in desk.cloud.store.all(SystemDisk)} == {"ceased"}


def test_the_platform_alone_has_instances_back(desk: Desk) -> None:
    instance = run(desk)
    desk.ask("TerminateInstances", instances=[instance.id])
    desk.refused("RecoverInstances", 1400, instances=[instance.id])
    assert not desk.ask("RecoverInstances", "platform", instances=[instance.id]).failed
    desk.wait(TWO_HOURS_MS)
    assert instance.status == "running"


def network(desk: Desk) -> str:
    [found] = desk.made("CreateVxnets", "vxnets", vxnet_name="net")
    fields = {"ip_network": "192.168.0.0/24", "manager_ip": "192.168.0.1"}
    vxnet = desk.cloud.store.get(Vxnet, found)
    desk.cloud.store.change(vxnet, 0, **fields, dyn_ip_start="192.168.0.2", dyn_ip_end="192.168.0.4")
    return found


def test_who_comes_back_finds_its_address_or_another(desk: Desk) -> None:
    vxnet = network(desk)
    one = run(desk, vxnets=[vxnet])
    assert one.private_ip == "192.168.0.2"
    desk.ask("TerminateInstances", instances=[one.id])
    other = run(desk, vxnets=[f"{vxnet}|192.168.0.2"])
    desk.ask("RecoverInstances", "platform", instances=[one.id])
    assert (one.private_ip, other.private_ip) == ("192.168.0.3", "192.168.0.2")


def test_what_the_platform_keeps_keeps_its_address(desk: Desk) -> None:
    vxnet = network(desk)
    one = run(desk, vxnets=[vxnet])
    desk.ask("TerminateInstances", "platform", instances=[one.id], _keep=1)
    desk.refused("RunInstances", 1400, **PLAIN, vxnets=[f"{vxnet}|192.168.0.2"])
    assert run(desk, vxnets=[vxnet]).private_ip == "192.168.0.3"
    desk.ask("RecoverInstances", "platform", instances=[one.id])
    assert (one.private_ip, one.kept) == ("192.168.0.2", False)


def test_a_network_without_addresses_takes_nobody_more(desk: Desk) -> None:
    vxnet = network(desk)
    desk.refused("RunInstances", 1400, **PLAIN, vxnets=[vxnet], count=4)
    desk.made("RunInstances", "instances", **PLAIN, vxnets=[vxnet], count=3)
    desk.refused("RunInstances", 1400, **PLAIN, vxnets=[vxnet])


@pytest.mark.parametrize(
    ("networks", "count", "code"),
    [
        ("{}|192.168.0.1", 1, 1100),
        ("{}|10.0.0.1", 1, 1100),
        ("{}|192.168.0.3", 2, 1100),
        ("{},{}|192.168.0.3", 1, 1100),
        ("vxnet-none000", 1, 2100),
    ],
)
def test_an_address_or_network_that_cannot_be_is_refused(desk: Desk, networks: str, count: int, code: int) -> None:
    names = networks.replace("{}", network(desk)).split(",")
    desk.refused("RunInstances", code, **PLAIN, vxnets=names, count=count)


def test_an_instance_may_stand_in_several_networks(desk: Desk) -> None:
    [other] = desk.made("CreateVxnets", "vxnets", vxnet_name="other")
    instance = run(desk, vxnets=[network(desk), other])
    [shown] = desk.shown("DescribeInstances", "instance_set")
    assert [(vxnet["vxnet_name"], vxnet["role"]) for vxnet in shown["vxnets"]] == [("net", 1), ("other", 0)]
    desk.ask("TerminateInstances", instances=[instance.id])
    [nic] = desk.shown("DescribeNics", "nic_set")
    assert nic["status"] == "available"


def test_the_platform_names_what_it_makes(desk: Desk) -> None:
    wish = {"_id": "i-chosen00", "_owner": "shop", "_label": "shop/master1", "_origin": "node", "_nics": 61}
    outcome = desk.ask("RunInstances", "platform", cpu=4, memory=8192, instance_class=101, **wish)
    assert outcome.answer["instances"] == ["i-chosen00"]
    instance = desk.cloud.store.get(Instance, "i-chosen00")
    assert instance.charged() == Resource(
        "shop/master1", "instance", "node", instance_class=101, cpu=4, memory_mib=8192, nics=61
    )
    [disk] = desk.cloud.store.all(SystemDisk)
    assert disk.charged() == Resource("shop/master1/system", "system_disk", "node", size_gib=20)
    desk.refused("RunInstances", 1100, "platform", **wish)
    desk.refused("RunInstances", 1100, "platform", _label="shop/master2", count=2)


def test_what_is_for_inhabitants_is_nothing_to_others(desk: Desk) -> None:
    instance = run(desk, _id="i-chosen00", _owner="shop", _nics=9)
    assert instance.id != "i-chosen00"
    assert (instance.owner, instance.nics, instance.label) == ("", 1, instance.id)


def test_a_boot_that_fails_leaves_nothing(desk: Desk) -> None:
    desk.trouble("instance.boot-fails", left=1)
    outcome = desk.ask("RunInstances", **PLAIN)
    assert outcome.job_status == "failed"
    assert desk.cloud.allowance.state() == {}
    assert not desk.ask("RunInstances", **PLAIN).failed


def test_a_stuck_job_leaves_an_instance_in_transition(desk: Desk) -> None:
    instance = run(desk)
    desk.trouble("job.stuck", instance.id)
    desk.tell("StopInstances", instances=[instance.id])
    desk.wait(TWO_HOURS_MS)
    assert (instance.status, instance.transition_status) == ("running", "stopping")


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 3),
        ({"limit": 2}, 3),
        ({"instance_type": ["c2m4"]}, 2),
        ({"image_id": ["xenial5x64a"]}, 1),
        ({"instance_class": 202}, 1),
        ({"status": ["stopped"]}, 0),
        ({"search_word": "b"}, 1),
        ({"instances": ["i-none0000"]}, 0),
        ({"is_cluster_node": 1}, 0),
        ({"owner": "usr-anybody0", "verbose": 1, "reverse": 1, "sort_key": "x"}, 3),
    ],
)
def test_instances_are_found_by_what_is_known_of_them(desk: Desk, filters: dict[str, Any], count: int) -> None:
    run(desk, instance_name="a")
    run(desk, instance_name="b", instance_class=202, cpu=4)
    run(desk, instance_name="c", image_id="xenial5x64a")
    answer = desk.tell("DescribeInstances", **filters)
    assert answer["total_count"] == count
    assert len(answer["instance_set"]) == min(count, filters.get("limit", 20))


def test_an_instance_is_renamed_and_described(desk: Desk) -> None:
    instance = run(desk)
    desk.ask("ModifyInstanceAttributes", instance=instance.id, instance_name="web", description="front")
    [shown] = desk.shown("DescribeInstances", "instance_set", search_word="web")
    assert (shown["instance_name"], shown["description"]) == ("web", "front")


def test_times_are_those_of_the_scenario(desk: Desk) -> None:
    instance = run(desk)
    instance.create_ms = 60_000
    [shown] = desk.shown("DescribeInstances", "instance_set")
    assert shown["create_time"] == "2020-05-31T17:01:00Z"


def test_types_and_images_are_listed(desk: Desk) -> None:
    [known] = desk.shown("DescribeInstanceTypes", "instance_type_set", instance_types=["small_b"])
    assert (known["vcpus_current"], known["memory_current"], known["status"]) == (1, 1024, "available")
    found = desk.shown("DescribeImages", "image_set", provider="system", os_family="centos")
    assert [image["image_id"] for image in found] == ["centos7x64d"]
    assert desk.shown("DescribeImages", "image_set", provider="self") == []


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_ids_and_times(seed: int) -> None:
    runs: list[Any] = []
    for _ in range(2):
        desk = Desk(seed)
        run(desk)
        runs.append((desk.kernel.now, desk.digest()))
    assert runs[0] == runs[1]

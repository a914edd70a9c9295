"""Key pairs, NICs, tags, access keys, zones, jobs and money: small families, each with its own way of saying no."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qke_sim.cloud.accesskey import AccessKey
from qke_sim.cloud.instance import Instance
from qke_sim.cloud.keypair import KeyPair
from qke_sim.testing import Desk

PLAIN: dict[str, Any] = {"image_id": "centos7x64d", "login_mode": "passwd", "login_passwd": "Qing12345"}


@pytest.fixture
def desk() -> Desk:
    return Desk(zone="pek3a")


def run(desk: Desk, **params: Any) -> Instance:
    [found] = desk.made("RunInstances", "instances", **{**PLAIN, **params})
    return desk.cloud.store.get(Instance, found)


def network(desk: Desk) -> str:
    [found] = desk.made("CreateVxnets", "vxnets", vxnet_name="net")
    return found


# Key pairs


def test_a_generated_pair_shows_its_private_part_once(desk: Desk) -> None:
    answer = desk.tell("CreateKeyPair", keypair_name="mine")
    assert answer["private_key"]
    [shown] = desk.shown("DescribeKeyPairs", "keypair_set")
    assert shown["keypair_id"] == answer["keypair_id"]
    assert "private_key" not in shown
    assert shown["pub_key"].startswith("ssh-rsa ")
    assert "private_key" not in desk.tell("CreateKeyPair", keypair_name="own", mode="user", public_key="ssh-rsa AAAA")


def test_a_key_comes_with_an_instance_or_later_and_stays_while_it_is_used(desk: Desk) -> None:
    one, two = (desk.made("CreateKeyPair", "keypair_id", keypair_name=name)[0] for name in "ab")
    instance = run(desk, login_mode="keypair", login_keypair=one)
    assert not desk.ask("AttachKeyPairs", keypairs=[two], instances=[instance.id]).failed
    assert instance.keypairs == [one, two]
    [shown] = desk.shown("DescribeKeyPairs", "keypair_set", keypairs=[two])
    assert shown["instance_ids"] == [instance.id]
    desk.refused("DeleteKeyPairs", 5400, keypairs=[two])
    assert not desk.ask("DetachKeyPairs", keypairs=[two], instances=[instance.id]).failed
    desk.refused("DetachKeyPairs", 1400, keypairs=[two], instances=[instance.id])
    assert desk.tell("DeleteKeyPairs", keypairs=[two])["keypairs"] == [two]
    desk.refused("AttachKeyPairs", 2100, keypairs=[two], instances=[instance.id])
    assert desk.cloud.store.get(KeyPair, two).charged() is None


def test_a_reset_writes_the_keys_anew(desk: Desk) -> None:
    one, two = (desk.made("CreateKeyPair", "keypair_id", keypair_name=name)[0] for name in "ab")
    instance = run(desk, login_mode="keypair", login_keypair=one)
    desk.refused("ResetInstances", 1100, instances=[instance.id])
    assert not desk.ask("ResetInstances", instances=[instance.id], login_mode="keypair", login_keypair=two).failed
    assert instance.keypairs == [two]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"keypair_name": ""}, 1100),
        ({"mode": "other"}, 1100),
        ({"mode": "user"}, 1100),
        ({"encrypt_method": "x"}, 1100),
    ],
)
def test_a_pair_that_cannot_be_is_refused(desk: Desk, wrong: dict[str, Any], code: int) -> None:
    desk.refused("CreateKeyPair", code, **{"keypair_name": "mine", **wrong})


def test_pairs_have_a_quota() -> None:
    desk = Desk(limits={"keypair": 1})
    desk.tell("CreateKeyPair", keypair_name="one")
    desk.refused("CreateKeyPair", 2500, keypair_name="two")


# NICs


def test_nics_are_made_attached_detached_and_deleted(desk: Desk) -> None:
    vxnet = network(desk)
    instance = run(desk, vxnets=[vxnet])
    answer = desk.tell("CreateNics", vxnet=vxnet, count=2, nic_name="more")
    names = [nic["nic_id"] for nic in answer["nics"]]
    assert all(name.startswith("52:54:") for name in names)
    job = desk.tell("AttachNics", nics=names, instance=instance.id)["job_id"]
    [shown] = desk.shown("DescribeJobs", "job_set", jobs=[job])
    assert json.loads(shown["directive"])["nics"] == names
    desk.wait(20_000)
    nics = desk.shown("DescribeNics", "nic_set", instances=[instance.id])
    assert sorted((nic["role"], nic["status"]) for nic in nics) == [(0, "in-use"), (0, "in-use"), (1, "in-use")]
    [host] = desk.shown("DescribeInstances", "instance_set")
    assert len(host["vxnets"]) == 3
    desk.refused("DeleteNics", 1400, nics=names)
    assert not desk.ask("DetachNics", nics=names).failed
    assert desk.tell("DeleteNics", nics=names)["ret_code"] == 0
    assert len(desk.shown("DescribeNics", "nic_set")) == 1
    assert desk.cloud.allowance.state() == desk.recount()


def test_an_instance_takes_63_nics(desk: Desk) -> None:
    vxnet = network(desk)
    instance = run(desk, vxnets=[vxnet])
    names = [nic["nic_id"] for nic in desk.tell("CreateNics", vxnet=vxnet, count=63)["nics"]]
    assert "[63]" in desk.refused("AttachNics", 1400, nics=names, instance=instance.id)
    assert not desk.ask("AttachNics", nics=names[:62], instance=instance.id).failed


def test_a_network_takes_252_nics(desk: Desk) -> None:
    vxnet = network(desk)
    assert "[252]" in desk.refused("CreateNics", 1400, vxnet=vxnet, count=253)


def test_a_nic_made_for_a_cluster_counts_with_its_node(desk: Desk) -> None:
    vxnet = network(desk)
    desk.tell("CreateNics", "platform", vxnet=vxnet, _owner="shop", _origin="node")
    assert "nic" not in desk.cloud.allowance.state()
    desk.tell("CreateNics", vxnet=vxnet)
    assert desk.cloud.allowance.state()["nic"] == 1


@pytest.mark.parametrize(
    ("action", "params", "code"),
    [
        ("CreateNics", {}, 1100),
        ("CreateNics", {"vxnet": "vxnet-none000"}, 2100),
        ("AttachNics", {"nics": ["52:54:00:00:00:00"], "instance": "i-none0000"}, 2100),
        ("DetachNics", {"nics": ["52:54:00:00:00:00"]}, 2100),
        ("DeleteNics", {}, 1100),
        ("ModifyNicAttributes", {"nic": "52:54:00:00:00:00"}, 2100),
    ],
)
def test_a_nic_that_is_not_there_is_refused(desk: Desk, action: str, params: dict[str, Any], code: int) -> None:
    message = desk.refused(action, code, **params)
    assert code != 2100 or message.startswith("ResourceNotFound")


# Tags


def test_a_tag_goes_onto_things_and_off_them(desk: Desk) -> None:
    instance, [tag] = run(desk), desk.made("CreateTag", "tag_id", tag_name="prod", color="#fff")
    pair = {"tag_id": tag, "resource_type": "instance", "resource_id": instance.id}
    assert desk.tell("AttachTags", resource_tag_pairs=[pair])["ret_code"] == 0
    [shown] = desk.shown("DescribeInstances", "instance_set", tags=[tag])
    assert shown["tags"] == [{"tag_id": tag, "tag_name": "prod", "tag_key": "prod", "color": "#fff"}]
    [seen] = desk.shown("DescribeTags", "tag_set", verbose=1)
    assert seen["resource_count"] == 1
    assert seen["resource_type_count"] == [{"resource_type": "instance", "count": 1}]
    assert seen["resource_tag_pairs"] == [{**pair, "status": "active"}]
    assert [found["tag_id"] for found in desk.shown("DescribeTags", "tag_set", resources=[instance.id])] == [tag]
    assert desk.tell("DetachTags", resource_tag_pairs=[pair])["ret_code"] == 0
    assert instance.tags == []


def test_a_deleted_tag_leaves_what_carried_it(desk: Desk) -> None:
    instance, [tag] = run(desk), desk.made("CreateTag", "tag_id", tag_name="prod")
    desk.tell(
        "AttachTags",
        resource_tag_pairs=[{"tag_id": tag, "resource_type": "instance", "resource_id": instance.id}],
    )
    assert desk.tell("DeleteTags", tags=[tag])["tags"] == [tag]
    assert instance.tags == []
    desk.refused("ModifyTagAttributes", 2100, tag=tag)


def test_tags_have_different_names(desk: Desk) -> None:
    one, two = (desk.made("CreateTag", "tag_id", tag_name=name)[0] for name in "ab")
    assert "already existed" in desk.refused("CreateTag", 2110, tag_name="a")
    desk.refused("ModifyTagAttributes", 2110, tag=two, tag_name="a")
    assert desk.tell("ModifyTagAttributes", tag=one, tag_name="a", description="x")["ret_code"] == 0


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        ({"tag_id": "tag-none0000", "resource_type": "instance"}, 2100),
        ({"resource_id": "i-none0000"}, 2100),
        ({"resource_type": "volume"}, 1100),
    ],
)
def test_a_pair_that_fits_nothing_is_refused(desk: Desk, pair: dict[str, str], code: int) -> None:
    instance, [tag] = run(desk), desk.made("CreateTag", "tag_id", tag_name="prod")
    good = {"tag_id": tag, "resource_type": "instance", "resource_id": instance.id}
    desk.refused("AttachTags", code, resource_tag_pairs=[good, {**good, **pair}])
    desk.refused("AttachTags", 1100)


# Access keys


def test_clients_learn_whose_a_key_is(desk: Desk) -> None:
    [shown] = desk.shown("DescribeAccessKeys", "access_key_set")
    assert shown["owner"].startswith("usr-")
    assert len(shown["access_key_id"]) == 20
    desk.cloud.store.place(AccessKey(id="QYACCESSKEYIDEXAMPLE"))
    [shown] = desk.shown("DescribeAccessKeys", "access_key_set", access_keys=["QYACCESSKEYIDEXAMPLE"])
    assert shown["status"] == "active"
    assert not desk.ask("DeleteAccessKeys", access_keys=["QYACCESSKEYIDEXAMPLE"]).failed
    desk.refused("DeleteAccessKeys", 2100, access_keys=["QYACCESSKEYIDEXAMPLE"])


# The zone


def test_zones_and_limits_are_told(desk: Desk) -> None:
    [zone] = desk.shown("DescribeZones", "zone_set", zones=["pek3a"], status=["active"])
    assert zone == {"zone_id": "pek3a", "status": "active"}
    answer = desk.tell("GetResourceLimit", volume_type=2)
    assert (answer["min-size"], answer["max-size"]) == (100, 5000)
    assert answer["resource_limits"]["valid_instance_classes"] == [0, 1]
    assert answer["resource_limits"]["max_nic_per_instance"] == 63


def test_the_quota_left_is_the_limit_less_what_is_used(desk: Desk) -> None:
    run(desk, cpu=4, memory=8192)
    found = desk.shown("GetQuotaLeft", "quota_left_set", resource_types=["instance", "cpu"])
    assert found == [{"resource_type": "instance", "left": 199}, {"resource_type": "cpu", "left": 796}]


# Jobs and money


def test_jobs_are_listed_newest_first_and_an_unknown_one_is_an_error(desk: Desk) -> None:
    instance = run(desk)
    desk.ask("StopInstances", instances=[instance.id])
    found = desk.shown("DescribeJobs", "job_set")
    assert [job["job_action"] for job in found] == ["StopInstances", "RunInstances"]
    assert json.loads(found[0]["directive"]) == {"action": "StopInstances", "instances": [instance.id]}
    assert len(desk.shown("DescribeJobs", "job_set", job_action="StopInstances", status=["successful"])) == 1
    assert desk.refused("DescribeJobs", 2100, jobs=["j-none0000"]) == "ResourceNotFound, job [j-none0000] not found"


def test_the_balance_falls_by_what_was_charged(desk: Desk) -> None:
    before = float(desk.tell("GetBalance")["balance"])
    run(desk, cpu=4, memory=8192)
    desk.wait(10 * 3_600_000)
    after = float(desk.tell("GetBalance")["balance"])
    [sums] = desk.shown("GetChargeSums", "charge_sum_set")
    assert before - after == pytest.approx(float(sums["total"]), abs=0.011)
    assert before > after


def test_a_lease_tells_price_and_time(desk: Desk) -> None:
    instance = run(desk)
    lease = desk.tell("GetLeaseInfo", resource=instance.id)["lease_info"]
    assert lease["resource_id"] == instance.id
    assert lease["contract"]["duration"] == "1h"
    assert float(lease["contract"]["price"]) > 0
    desk.refused("GetLeaseInfo", 2100, resource="i-none0000")
    desk.refused("GetLeaseInfo", 1100)


def test_everything_is_in_one_project(desk: Desk) -> None:
    [project] = desk.shown("DescribeProjects", "project_set")
    assert project["status"] == "active"
    assert desk.shown("DescribeProjects", "project_set", status=["deleted"]) == []

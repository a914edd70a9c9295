"""Public addresses behind the cloud door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qke_sim.cloud.eip import MS_PER_DAY, Eip
from qke_sim.cloud.instance import Instance
from qke_sim.cloud.trouble import Trouble
from qke_sim.cloud.vxnet import Vxnet
from qke_sim.testing import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def make_eip(desk: Desk, **params: Any) -> str:
    given: dict[str, Any] = {"bandwidth": 10, **params}
    eip = desk.tell("AllocateEips", **given)["eips"][0]
    desk.wait(60_000)
    return str(eip)


def of(desk: Desk, eip: str) -> Eip:
    return desk.cloud.store.get(Eip, eip)


def test_an_address_is_charged_at_once_and_free_a_moment_later(desk: Desk) -> None:
    eip = desk.tell("AllocateEips", bandwidth=10, eip_name="web")["eips"][0]
    assert (of(desk, eip).status, desk.cloud.allowance.used["eip_bandwidth_mbps"]) == ("pending", 10)
    desk.wait(60_000)
    [shown] = desk.shown("DescribeEips", "eip_set", search_word="web")
    assert (shown["status"], shown["associate_mode"], shown["billing_mode"]) == ("available", 0, "bandwidth")


def test_every_address_is_another(desk: Desk) -> None:
    made = desk.tell("AllocateEips", bandwidth=1, count=5)["eips"]
    assert len({of(desk, eip).eip_addr for eip in made}) == 5


@pytest.mark.parametrize(
    "params", [{}, {"bandwidth": 0}, {"bandwidth": 1001}, {"bandwidth": 1, "billing_mode": "free"}]
)
def test_what_makes_no_sense_is_refused(desk: Desk, params: dict[str, Any]) -> None:
    desk.refused("AllocateEips", 1100, **params)


def test_addresses_and_their_bandwidth_are_within_the_quotas() -> None:
    assert "[eip]" in Desk(limits={"eip": 1}).refused("AllocateEips", 2500, bandwidth=1, count=2)
    assert "[eip_bandwidth_mbps]" in Desk(limits={"eip_bandwidth_mbps": 9}).refused("AllocateEips", 2500, bandwidth=10)


def test_a_free_address_is_released(desk: Desk) -> None:
    eip = make_eip(desk)
    answer = desk.tell("ReleaseEips", eips=[eip])
    assert of(desk, eip).transition_status == "releasing"
    desk.wait(10**6)
    assert desk.cloud.jobs[answer["job_id"]].status == "successful"
    assert (of(desk, eip).status, desk.cloud.allowance.used["eip"]) == ("released", 0)
    desk.refused("ReleaseEips", 2100, eips=[eip])
    assert desk.shown("DescribeEips", "eip_set") == []
    assert [item["eip_id"] for item in desk.shown("DescribeEips", "eip_set", eips=[eip])] == [eip]


def test_an_address_just_made_has_no_lease_yet(desk: Desk) -> None:
    eip = make_eip(desk)
    of(desk, eip).create_ms = desk.kernel.now
    assert "lease info not ready yet" in desk.refused("ReleaseEips", 1400, eips=[eip])


def test_bandwidth_changes_within_the_quota_and_a_hundred_times_down_a_day(desk: Desk) -> None:
    eip = make_eip(desk)
    assert not desk.ask("ChangeEipsBandwidth", eips=[eip], bandwidth=20).failed
    assert (of(desk, eip).bandwidth, desk.cloud.allowance.used["eip_bandwidth_mbps"]) == (20, 20)
    assert not desk.ask("ChangeEipsBandwidth", eips=[eip], bandwidth=5).failed
    of(desk, eip).lowered_ms = [desk.kernel.now] * 100
    assert "decreased too often" in desk.refused("ChangeEipsBandwidth", 2500, eips=[eip], bandwidth=4)
    desk.wait(MS_PER_DAY)
    assert not desk.ask("ChangeEipsBandwidth", eips=[eip], bandwidth=4).failed
    desk.refused("ChangeEipsBandwidth", 1100, eips=[eip], bandwidth=1001)
    desk.refused("ChangeEipsBandwidth", 1100, eips=[eip])


def test_a_greater_bandwidth_counts_from_the_answer_on() -> None:
    desk = Desk(limits={"eip_bandwidth_mbps": 30})
    one, other = make_eip(desk), make_eip(desk)
    desk.tell("ChangeEipsBandwidth", eips=[one], bandwidth=20)
    assert (of(desk, one).bandwidth, desk.cloud.allowance.used["eip_bandwidth_mbps"]) == (10, 30)
    assert "[eip_bandwidth_mbps]" in desk.refused("ChangeEipsBandwidth", 2500, eips=[other], bandwidth=11)
    desk.wait(60_000)
    assert not desk.ask("ChangeEipsBandwidth", eips=[one], bandwidth=5).failed
    assert (of(desk, one).grows_to, desk.cloud.allowance.used["eip_bandwidth_mbps"]) == (0, 15)


def test_a_change_that_fails_gives_the_bandwidth_back(desk: Desk) -> None:
    eip = make_eip(desk)
    desk.cloud.trouble.active.append(Trouble("1", "job.fails", "ChangeEipsBandwidth"))
    assert desk.ask("ChangeEipsBandwidth", eips=[eip], bandwidth=20).failed
    assert (of(desk, eip).bandwidth, desk.cloud.allowance.used["eip_bandwidth_mbps"]) == (10, 10)


@pytest.mark.parametrize("status", ["terminated", "ceased", "suspended"])
def test_an_instance_that_is_not_here_gets_no_address(
    desk: Desk, instance_in: Callable[[Desk, str], str], status: str
) -> None:
    desk.cloud.store.place(Vxnet(id="vxnet-a"))
    eip, instance = make_eip(desk), instance_in(desk, "vxnet-a")
    desk.cloud.store.change(desk.cloud.store.get(Instance, instance), 0, status=status)
    assert f"[{status}]" in desk.refused("AssociateEip", 1400, eip=eip, instance=instance)


def test_an_instance_that_goes_meanwhile_does_not_get_the_address(
    desk: Desk, instance_in: Callable[[Desk, str], str]
) -> None:
    desk.cloud.store.place(Vxnet(id="vxnet-a"))
    eip, instance = make_eip(desk), desk.cloud.store.get(Instance, instance_in(desk, "vxnet-a"))
    desk.tell("AssociateEip", eip=eip, instance=instance.id)
    desk.cloud.store.change(instance, 0, status="terminated")
    desk.wait(60_000)
    assert (of(desk, eip).status, of(desk, eip).resource_id) == ("available", "")


def test_the_billing_mode_changes_once_a_day(desk: Desk) -> None:
    eip = make_eip(desk)
    assert not desk.ask("ChangeEipsBillingMode", eips=[eip], billing_mode="traffic").failed
    desk.refused("ChangeEipsBillingMode", 1400, eips=[eip], billing_mode="bandwidth")
    desk.wait(MS_PER_DAY)
    assert not desk.ask("ChangeEipsBillingMode", eips=[eip], billing_mode="bandwidth").failed


def test_attributes_are_changed_at_once(desk: Desk) -> None:
    eip = make_eip(desk)
    assert desk.tell("ModifyEipAttributes", eip=eip, eip_name="a", description="b")["eip_id"] == eip
    assert (of(desk, eip).name, of(desk, eip).description) == ("a", "b")
    desk.refused("ModifyEipAttributes", 2100, eip="eip-nothing1", eip_name="a")


def test_an_instance_has_one_address_at_most(desk: Desk, instance_in: Callable[[Desk, str], str]) -> None:
    desk.cloud.store.place(Vxnet(id="vxnet-a"))
    instance = instance_in(desk, "vxnet-a")
    one, other = make_eip(desk), make_eip(desk)
    desk.tell("AssociateEip", eip=one, instance=instance)
    assert of(desk, one).transition_status == "associating"
    desk.wait(10**6)
    assert (of(desk, one).status, of(desk, one).resource_id) == ("associated", instance)
    desk.refused("AssociateEip", 1400, eip=other, instance=instance)
    desk.refused("AssociateEip", 1400, eip=one, instance=instance)
    desk.refused("ReleaseEips", 1400, eips=[one])
    assert [item["eip_id"] for item in desk.shown("DescribeEips", "eip_set", instance_id=instance)] == [one]
    assert not desk.ask("DissociateEips", eips=[one]).failed
    assert (of(desk, one).status, of(desk, one).resource_id) == ("available", "")
    desk.refused("DissociateEips", 1400, eips=[one])

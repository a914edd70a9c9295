"""Whatever the published clients send along is taken: values they always send, and parameters nobody here reads.

Numbers come as numbers from the Python client and as texts over the wire; both must do.
"""

from __future__ import annotations

from typing import Any

import pytest

from qke_sim.testing import Desk

PLAIN: dict[str, Any] = {"image_id": "centos7x64d", "login_mode": "passwd", "login_passwd": "Qing12345"}
PAGE: dict[str, Any] = {"offset": 0, "limit": 20, "verbose": 0, "search_word": "", "owner": "usr-anybody0"}

DESCRIBES: dict[str, dict[str, Any]] = {
    "DescribeInstances": {**PAGE, "is_cluster_node": 0, "not_transition": "0", "reverse": 1, "sort_key": "create_time"},
    "DescribeInstanceTypes": {"baremetal": 0},
    "DescribeImages": {**PAGE, "processor_type": "64bit", "visibility": "public", "provider": "system"},
    "DescribeVolumes": {**PAGE, "instance_id": "", "volume_name": "x"},
    "DescribeSnapshots": {**PAGE, "is_manually": "1", "root_id": "", "snapshot_type": 0},
    "DescribeNics": {"offset": 0, "limit": 20, "vxnet_type": [1], "status": "in-use", "owner": "usr-anybody0"},
    "DescribeKeyPairs": {**PAGE, "encrypt_method": "ssh-rsa"},
    "DescribeTags": PAGE,
    "DescribeAccessKeys": PAGE,
    "DescribeZones": {"status": ["active"]},
    "DescribeJobs": {**PAGE, "status": ["working"], "job_action": ""},
    "DescribeProjects": {"offset": 0, "limit": 20, "shared": "False"},
    "GetQuotaLeft": {},
    "GetResourceLimit": {"volume_type": 100},
    "GetBalance": {},
    "GetChargeSums": {"duration": "daily", "group_by": "resource_type"},
}


def as_texts(params: dict[str, Any]) -> dict[str, Any]:
    """Return parameters as they come over the wire."""
    return {
        key: [str(item) for item in value] if isinstance(value, list) else str(value) for key, value in params.items()
    }


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("texts", [False, True], ids=["numbers", "texts"])
@pytest.mark.parametrize("action", DESCRIBES)
def test_a_describe_action_takes_what_clients_always_send(desk: Desk, action: str, *, texts: bool) -> None:
    params = {**DESCRIBES[action], "zone": "pek3", "version": "1", "req_id": "0" * 32}
    answer = desk.tell(action, **(as_texts(params) if texts else params))
    assert answer["ret_code"] == 0
    assert answer["action"] == f"{action}Response"


@pytest.mark.parametrize("texts", [False, True], ids=["numbers", "texts"])
def test_a_life_with_all_that_the_python_client_sends(desk: Desk, *, texts: bool) -> None:
    def tell(action: str, **params: Any) -> Any:
        outcome = desk.ask(action, **(as_texts(params) if texts else params))
        assert not outcome.failed, outcome
        return outcome.answer

    extra = {"need_newsid": 0, "need_userdata": 0, "nic_mqueue": 0, "cpu_model": "Westmere", "userdata_type": "plain"}
    [host] = tell("RunInstances", **PLAIN, **extra, cpu=2, memory=2048, count=1, instance_name="", hostname="a")[
        "instances"
    ]
    disk = {"volume_name": "", "volume_type": 100, "count": 1, "round_up": "0", "replica_count": 2, "repl": "x"}
    [volume] = tell("CreateVolumes", size=20, **disk)["volumes"]
    tell("AttachVolumes", volumes=[volume], instance=host)
    [snapshot] = tell("CreateSnapshots", resources=[volume], is_full=0, scheduler_id="", backstore_type=1)["snapshots"]
    desk.wait(60_000)
    tell("DeleteSnapshots", snapshots=[snapshot], merge_action="x")
    tell("DetachVolumes", volumes=[volume], instance=host)
    tell("ResizeVolumes", volumes=[volume], size=30)
    tell("DeleteVolumes", volumes=[volume])
    tell("StopInstances", instances=[host], force=0)
    tell("ResizeInstances", instances=[host], instance_type="c4m8")
    tell("StartInstances", instances=[host])
    tell("ResetInstances", instances=[host], **PLAIN, need_newsid=0)
    tell("ModifyInstanceAttributes", instance=host, instance_name="b", description="", nic_mqueue=1)
    tell("TerminateInstances", instances=[host], direct_cease=0)
    tell("CeaseInstances", instances=[host])

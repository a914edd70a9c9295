"""What hostnic's vxnets must be like, and which code a first master's init ends with when they are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from qke_core.catalog import catalog
from qke_sim.hosts.appctl import BEHAVIOURS, Run
from qke_sim.hosts.hostnic import INVALID, LACKING, MISMATCHED, UNKNOWN, hostnic_status, judge, wished_vxnets
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel
from qke_sim.twin import Twin

ROLES = {"master": {"count": 1}, "node_perf": {"count": 7}, "client": {"count": 1}}


@pytest.fixture
def site(kernel: Kernel, twin_of: Callable[..., Twin]) -> Site:
    env = {"network_plugin": "hostnic", "hostnic-vxnets": "vxnet-pods0001,vxnet-pods0002", "hostnic-max-nics": 60}
    wish = {"name": "shop", "version": "3.3.0", "roles": ROLES, "env": env}
    return twin_of(kernel, wish).site("shop")


def test_vxnets_are_separated_by_commas_or_blanks(site: Site) -> None:
    assert wished_vxnets(site) == ["vxnet-pods0001", "vxnet-pods0002"]


@pytest.mark.parametrize(
    ("vpcs", "wished", "status"),
    [
        ({"vxnet-a0000001": "rtr-1", "vxnet-b0000001": "rtr-1"}, ["vxnet-a0000001", "vxnet-b0000001"], 0),
        ({"vxnet-a0000001": "rtr-1"}, ["vxnet-a0000001"], LACKING),
        ({"vxnet-a0000001": "rtr-1"}, ["vxnet-a0000001", "vxnet-b0000001"], INVALID),
        ({"vxnet-a0000001": "rtr-1", "vxnet-b0000001": "rtr-2"}, ["vxnet-a0000001", "vxnet-b0000001"], MISMATCHED),
        ({}, [], INVALID),
    ],
)
def test_each_flaw_has_its_code(site: Site, vpcs: Mapping[str, str], wished: list[str], status: int) -> None:
    """8 nodes with 60 NICs each take 480 addresses; a vxnet carries 252."""
    assert judge(site, wished, vpcs) == status


def test_a_cloud_that_does_not_answer_leaves_the_status_unknown(site: Site, finished: Callable[..., int]) -> None:
    site.cloud.handlers.pop("DescribeVxnets")
    run = Run(site, site.hosts["master1"], "init", "3.3.0")
    assert finished(site.kernel, hostnic_status(run, 0)) == UNKNOWN


def test_the_stored_status_is_the_code_of_the_last_step(site: Site, finished: Callable[..., int]) -> None:
    run = Run(site, site.hosts["master1"], "init", "3.3.0")
    step = next(step for step in catalog().script("init", "3.3.0", "master") if step.do == "return-hostnic-status")
    for status in (0, INVALID, MISMATCHED):
        site.hostnic_status = status
        assert finished(site.kernel, BEHAVIOURS[step.do](run, step, 0)) == status

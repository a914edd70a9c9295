"""Etcd quorum, API servers, and what users find of them."""

from __future__ import annotations

from itertools import product

import pytest

from qke_sim.cloud import BalancerHealth, HealthOption
from qke_sim.kernel import Kernel
from qke_sim.kube import ControlPlane

HA = ("master1", "master2", "master3")
FOREVER_MS = 10**9


def plane_of(kernel: Kernel, aliases: tuple[str, ...] = HA, *, built_in_etcd: bool = True) -> ControlPlane:
    """Return a control plane, behind a balancer when there are several masters."""
    plane = ControlPlane(kernel, "shop", aliases, built_in_etcd=built_in_etcd)
    if len(aliases) > 1:
        plane.balancer = BalancerHealth(kernel, "shop", aliases, HealthOption(10, 2, 5), plane.rotation_changed)
    return plane


def told(kernel: Kernel, *kinds: str) -> list[tuple[str, str]]:
    return [(record.kind, record.subject) for record in kernel.trace.records if record.kind in kinds]


@pytest.mark.parametrize(
    ("hosts", "etcds"), [(hosts, etcds) for hosts in product([True, False], repeat=3) for etcds in ([], [0], [0, 1])]
)
def test_quorum_is_more_than_half_of_the_members(kernel: Kernel, hosts: tuple[bool, ...], etcds: list[int]) -> None:
    """Two of three are a quorum, one of three is none; a member needs its host."""
    plane = plane_of(kernel)
    for alias, up in zip(HA, hosts, strict=True):
        if not up:
            plane.set_host(alias, up=False, cause=0)
    for place in etcds:
        plane.set_etcd(HA[place], up=False, cause=0)
    members = sum(up and place not in etcds for place, up in enumerate(hosts))
    assert plane.quorum == (members >= 2)
    for place, (alias, up) in enumerate(zip(HA, hosts, strict=True)):
        assert plane.masters[alias].answers == (up and members >= 2), place
    assert plane.works == any(master.answers for master in plane.masters.values())


def test_a_single_member_is_its_own_quorum(kernel: Kernel) -> None:
    plane = plane_of(kernel, ("master1",))
    plane.set_etcd("master1", up=False, cause=0)
    assert (plane.quorum, plane.available) == (False, False)
    plane.set_etcd("master1", up=True, cause=0)
    assert (plane.quorum, plane.available) == (True, True)


@pytest.mark.guide("G-141")
def test_users_of_a_single_master_feel_every_restart(kernel: Kernel) -> None:
    """G-141: a single-master cluster has a short apiserver outage."""
    plane = plane_of(kernel, ("master1",))
    plane.set_process("master1", up=False, cause=0, why="its manifest was regenerated")
    assert not plane.available
    plane.set_process("master1", up=True, cause=0)
    assert plane.available
    assert told(kernel, "api.unavailable", "api.available") == [("api.unavailable", "shop"), ("api.available", "shop")]
    assert plane.through == "the first master"


@pytest.mark.guide("G-141")
def test_users_of_three_masters_feel_no_restart_of_one(kernel: Kernel) -> None:
    """G-141: an HA cluster is not interrupted; a refused connection is tried on another master at once."""
    plane = plane_of(kernel)
    for alias in HA:
        plane.set_process(alias, up=False, cause=0)
        assert plane.available
        plane.set_process(alias, up=True, cause=0)
    kernel.run(FOREVER_MS)
    assert told(kernel, "api.unavailable") == []
    assert plane.through == "the load balancer"


def test_a_master_that_was_away_for_long_is_used_again_only_after_its_checks(kernel: Kernel) -> None:
    plane = plane_of(kernel)
    for alias in HA[1:]:
        plane.set_process(alias, up=False, cause=0)
    kernel.run(FOREVER_MS)
    assert kernel.now == 20_000
    plane.set_process("master2", up=True, cause=0)
    plane.set_process("master1", up=False, cause=0)
    assert (plane.works, plane.available) == (True, False)
    kernel.run(FOREVER_MS)
    assert plane.available
    back = next(record for record in kernel.trace.records if record.kind == "api.available")
    assert back.t == 20_000 + 50_000


def test_two_dead_masters_take_the_third_with_them_and_the_trace_says_why(kernel: Kernel) -> None:
    plane = plane_of(kernel)
    plane.set_host("master2", up=False, cause=0)
    plane.set_host("master3", up=False, cause=0)
    why = {record.subject: record.data["why"] for record in kernel.trace.records if record.kind == "apiserver.down"}
    assert why == {
        "shop/master1": "etcd has no quorum",
        "shop/master2": "its host is down",
        "shop/master3": "its host is down",
    }
    assert not plane.available


@pytest.mark.guide("G-042", "G-044")
def test_with_a_linked_etcd_one_master_is_enough(kernel: Kernel) -> None:
    """G-042, G-044: a linked etcd is a cluster of its own."""
    plane = plane_of(kernel, built_in_etcd=False)
    plane.set_host("master2", up=False, cause=0)
    plane.set_host("master3", up=False, cause=0)
    assert (plane.quorum, plane.available) == (True, True)
    assert told(kernel, "etcd.left", "etcd.joined") == []


def test_etcd_counts_are_told(kernel: Kernel) -> None:
    plane = plane_of(kernel)
    plane.set_etcd("master1", up=False, cause=0)
    plane.set_etcd("master1", up=True, cause=0)
    counts = [(r.kind, r.data["up"], r.data["members"]) for r in kernel.trace.records if r.kind.startswith("etcd.")]
    assert counts == [("etcd.left", 2, 3), ("etcd.joined", 3, 3)]


def test_a_host_that_boots_brings_its_etcd_member_even_if_it_died_while_that_restarted(kernel: Kernel) -> None:
    plane = plane_of(kernel, ("master1",))
    plane.set_etcd("master1", up=False, cause=0)
    plane.set_host("master1", up=False, cause=0)
    plane.set_host("master1", up=True, cause=0)
    assert (plane.quorum, plane.available) == (True, True)


def test_only_changes_are_told(kernel: Kernel) -> None:
    plane = plane_of(kernel)
    plane.set_process("master1", up=True, cause=0)
    plane.set_process("master2", up=False, cause=0, why="test")
    plane.set_process("master2", up=False, cause=0, why="test")
    assert told(kernel, "apiserver.down", "apiserver.up") == [("apiserver.down", "shop/master2")]


def test_the_beginning_is_worked_out_silently_and_a_missing_api_is_told_once(kernel: Kernel) -> None:
    plane = plane_of(kernel)
    for alias in HA[:2]:
        plane.masters[alias].host = False
    plane.begin()
    assert (plane.works, plane.available, kernel.trace.count) == (False, False, 1)
    plane.start(0)
    assert told(kernel, "api.unavailable") == [("api.unavailable", "shop")]


def test_controllers_work_wherever_any_api_server_answers_though_users_find_none(kernel: Kernel) -> None:
    """Users of a cluster without a balancer look at the first master; the controllers sit beside each."""
    plane = ControlPlane(kernel, "shop", HA, built_in_etcd=True)
    plane.set_process("master1", up=False, cause=0)
    assert (plane.works, plane.available) == (True, False)

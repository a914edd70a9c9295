"""Cut links, wrong clocks, full disks, new system disks: who is hurt, and who comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qke_sim.hosts.mishaps import cut, fill_disk, groups, isolate, lose_member, mend, rejoin, set_clock, stop_member
from qke_sim.hosts.site import Site
from qke_sim.hosts.timers import DAY_MS
from qke_sim.kernel import Kernel
from qke_sim.twin import Twin

MINUTE_MS = 60_000


@pytest.fixture
def site(kernel: Kernel, twin_of: Callable[..., Twin]) -> Site:
    roles = {"master": {"count": 3}, "node_perf": {"count": 2}, "client": {"count": 1}}
    return twin_of(kernel, {"name": "shop", "version": "3.3.0", "roles": roles}).site("shop")


@pytest.fixture
def single(kernel: Kernel, twin_of: Callable[..., Twin]) -> Site:
    roles = {"master": {"count": 1}, "node_perf": {"count": 2}, "client": {"count": 1}}
    return twin_of(kernel, {"name": "shop", "version": "3.3.0", "roles": roles}).site("shop")


def pass_time(site: Site, ms: int) -> None:
    site.kernel.run(site.kernel.now + ms)


def test_a_master_cut_off_from_the_others_leaves_etcd_and_users_notice_nothing(site: Site) -> None:
    isolate(site, "master2", 0)
    pass_time(site, 10 * MINUTE_MS)
    assert site.isolated == {"master2"}
    assert not site.plane.masters["master2"].answers
    assert site.plane.available
    assert not site.kube.nodes["master2"].ready
    rejoin(site, "master2", 0)
    pass_time(site, 10 * MINUTE_MS)
    assert site.plane.masters["master2"].answers
    assert site.kube.nodes["master2"].ready


def test_without_any_majority_nobody_has_an_api_server(site: Site) -> None:
    for one, other in (("master1", "master2"), ("master1", "master3"), ("master2", "master3")):
        cut(site, one, other, 0)
    pass_time(site, MINUTE_MS)
    assert not site.plane.quorum
    assert not site.plane.available
    mend(site, "master2", "master3", 0)
    pass_time(site, 10 * MINUTE_MS)
    assert site.plane.quorum
    assert site.plane.available


def test_one_cut_between_two_masters_of_three_hurts_nobody(site: Site) -> None:
    cut(site, "master1", "master2", 0)
    assert site.isolated == set()
    assert (
        groups(["master1", "master2", "master3"], site) == [["master1", "master3", "master2"]]
        or len(groups(["master1", "master2", "master3"], site)) == 1
    )


def test_a_worker_cut_off_from_its_only_master_becomes_not_ready_and_comes_back(single: Site) -> None:
    cut(single, "node_perf1", "master1", 0)
    pass_time(single, 10 * MINUTE_MS)
    assert not single.kube.nodes["node_perf1"].ready
    assert single.kube.nodes["node_perf2"].ready
    assert single.hosts["node_perf1"].services["kubelet"]
    mend(single, "node_perf1", "master1", 0)
    pass_time(single, MINUTE_MS)
    assert single.kube.nodes["node_perf1"].ready


def test_cutting_twice_is_cutting_once(site: Site) -> None:
    cut(site, "node_perf1", "master1", 0)
    count = site.kernel.trace.count
    assert cut(site, "master1", "node_perf1", 3) == 3
    assert site.kernel.trace.count == count


def test_a_clock_years_ahead_finds_every_certificate_expired(site: Site) -> None:
    set_clock(site, "master3", 3 * 365 * DAY_MS, 0)
    pass_time(site, MINUTE_MS)
    assert not site.plane.masters["master3"].answers
    assert [r.subject for r in site.kernel.trace.records if r.kind == "clock.warned"] == ["shop/master3"]
    set_clock(site, "master3", 0, 0)
    pass_time(site, MINUTE_MS)
    assert site.plane.masters["master3"].answers


def test_a_worker_whose_clock_is_months_behind_finds_certificates_not_yet_valid(site: Site) -> None:
    set_clock(site, "node_perf1", -90 * DAY_MS, 0)
    pass_time(site, 10 * MINUTE_MS)
    assert not site.kube.nodes["node_perf1"].ready
    set_clock(site, "node_perf1", 0, 0)
    pass_time(site, MINUTE_MS)
    assert site.kube.nodes["node_perf1"].ready


def test_a_clock_that_is_wrong_by_seconds_only_makes_etcd_complain(site: Site) -> None:
    set_clock(site, "master2", 5000, 0)
    assert site.plane.masters["master2"].answers
    assert any(record.kind == "clock.warned" for record in site.kernel.trace.records)


def test_a_full_disk_stops_the_etcd_member_until_there_is_room(site: Site) -> None:
    fill_disk(site, "master1", 0)
    assert not site.plane.masters["master1"].etcd
    assert site.plane.available
    fill_disk(site, "master2", 0)
    assert not site.plane.available
    fill_disk(site, "master2", 0, left_mib=1024)
    pass_time(site, 10 * MINUTE_MS)
    assert site.plane.available


def test_two_stopped_members_of_three_are_one_too_many(site: Site) -> None:
    stop_member(site, "master1", 0)
    assert site.plane.available
    stop_member(site, "master2", 0)
    assert not site.plane.available
    site.start_services("master1", 0)
    pass_time(site, 10 * MINUTE_MS)
    assert site.plane.available


def test_a_member_without_its_data_is_started_in_vain(site: Site) -> None:
    lose_member(site, "master1", 0)
    lose_member(site, "master2", 0)
    for _ in range(2):
        site.start_services("master1", 0)
        site.crash("master2", 0)
        site.power_on("master2", 0)
        fill_disk(site, "master1", 0)
        fill_disk(site, "master1", 0, left_mib=1024)
        pass_time(site, 10 * MINUTE_MS)
    assert not site.plane.available
    assert [site.hosts[alias].services["etcd"] for alias in ("master1", "master2", "master3")] == [False, False, True]
    told = [record.kind for record in site.kernel.trace.records if record.kind.startswith("etcd.")]
    assert told == ["etcd.lost", "etcd.left"] * 2


def test_a_crash_keeps_the_system_disk_so_services_come_back_by_themselves(site: Site) -> None:
    site.crash("node_perf1", 0)
    site.power_on("node_perf1", 0)
    pass_time(site, 10 * MINUTE_MS)
    assert all(site.hosts["node_perf1"].services.values())
    assert site.kube.nodes["node_perf1"].ready


def test_with_a_new_system_disk_nothing_starts_by_itself_but_ssh(site: Site) -> None:
    site.shut_down("node_perf1", 0)
    site.renew_system_disks("worker")
    site.power_on("node_perf1", 0)
    pass_time(site, 2 * MINUTE_MS)
    services = site.hosts["node_perf1"].services
    assert services["ssh"]
    assert not services["docker"]
    assert "cluster.init" in site.hosts["node_perf1"].data_markers


def test_a_new_system_disk_comes_only_with_a_machine_that_is_off(site: Site) -> None:
    site.renew_system_disks("master", "worker", "client")
    assert all("node.init" in host.system_files for host in site.hosts.values())

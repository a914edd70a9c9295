"""One machine: its power, its disk, its files, and commands that die with it; and a site that crashes and boots."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qke_core.catalog import catalog
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel, Process
from qke_sim.twin import Twin

FOREVER_MS = 10**9


@pytest.fixture
def site(kernel: Kernel, twin_of: Callable[..., Twin]) -> Site:
    return twin_of(kernel).site("shop")


@pytest.fixture
def host(site: Site) -> Host:
    return site.hosts["node_perf1"]


def work(kernel: Kernel, ms: int, code: int = 0) -> Process[int]:
    yield kernel.pause(ms)
    return code


def test_a_command_answers_with_its_exit_code(host: Host, kernel: Kernel) -> None:
    running = host.execute(work(kernel, 50, 3))
    kernel.run(FOREVER_MS)
    assert (running.done.value, kernel.now, host.commands) == (3, 50, [])


def test_commands_die_with_their_host_and_never_answer(host: Host, kernel: Kernel) -> None:
    running = [host.execute(work(kernel, ms)) for ms in (50, 100)]
    kernel.later(60, host.power_off)
    assert kernel.run(FOREVER_MS)
    assert [command.done.triggered for command in running] == [True, False]
    assert host.commands == []


def test_a_command_on_a_dead_host_never_answers(host: Host, kernel: Kernel) -> None:
    host.power_off()
    running = host.execute(work(kernel, 50))
    running.kill()
    assert kernel.run(FOREVER_MS)
    assert not running.done.triggered


def test_a_killed_command_never_answers_and_killing_it_again_is_harmless(host: Host, kernel: Kernel) -> None:
    running = host.execute(work(kernel, 100))
    for ms in (10, 20):
        kernel.later(ms, running.kill)
    kernel.run(FOREVER_MS)
    assert not running.done.triggered
    host.power_off()


def test_disk_is_taken_when_there_is_room_and_else_not_at_all(host: Host) -> None:
    host.data_free_mib = 100
    assert host.use_disk(100, "test", 0)
    assert host.data_free_mib == 0
    assert not host.use_disk(1, "test", 0)
    assert host.data_free_mib == 0


def test_a_slow_host_takes_its_percentage(
    kernel: Kernel, new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin]
) -> None:
    took: list[int] = []
    for percent in (100, 250):
        fresh = new_kernel()
        host = twin_of(fresh).site("shop").hosts["node_perf1"]
        host.slow_percent = percent

        def command(host: Host = host) -> Process[int]:
            yield host.take("back-up-files")
            return 0

        host.execute(command())
        fresh.run(FOREVER_MS)
        took.append(fresh.now)
    assert took[1] == took[0] * 250 // 100


def test_a_file_that_arrives_wakes_who_waits(host: Host, site: Site, kernel: Kernel) -> None:
    def wait() -> Process[int]:
        yield site.files.next()
        return kernel.now

    waiting = kernel.spawn(wait())
    kernel.later(30, lambda: host.put_file("kubeconfig", 0))
    kernel.run(FOREVER_MS)
    assert waiting.value == 30
    assert "kubeconfig" in host.files


def test_a_crash_stops_everything_and_a_second_crash_nothing_more(site: Site) -> None:
    seq = site.crash("master1", 0)
    assert seq > 0
    assert not site.hosts["master1"].up
    assert not any(site.hosts["master1"].services.values())
    assert not site.plane.masters["master1"].answers
    count = site.kernel.trace.count
    assert site.crash("master1", 0) == 0
    assert site.kernel.trace.count == count


def test_a_master_that_boots_has_its_etcd_api_server_and_kubelet_again(site: Site, kernel: Kernel) -> None:
    site.crash("master1", 0)
    kernel.run(FOREVER_MS)
    assert not site.kube.nodes["master1"].ready
    site.boot("master1", 0)
    kernel.run(FOREVER_MS)
    assert site.plane.masters["master1"].answers
    assert site.kube.nodes["master1"].ready
    assert all(site.hosts["master1"].services.values())


def test_a_master_that_dies_while_its_etcd_restarts_comes_back_whole(site: Site, kernel: Kernel) -> None:
    site.plane.set_etcd("master1", up=False, cause=0)
    site.plane.set_process("master1", up=False, cause=0)
    site.crash("master1", 0)
    site.boot("master1", 0)
    kernel.run(FOREVER_MS)
    assert site.plane.masters["master1"].answers


def test_each_boot_of_a_master_gives_its_api_server_its_own_time_to_start(site: Site, kernel: Kernel) -> None:
    """Dead again before the first start was through: that one does not count."""
    start = catalog().duration("apiserver-start")
    for _ in range(3):
        site.crash("master1", 0)
        kernel.run(kernel.now + 1)
        site.boot("master1", 0)
        kernel.env.run(until=kernel.now + start.min_ms - 1)
        assert not site.plane.masters["master1"].answers
    site.crash("master1", 0)
    kernel.run(FOREVER_MS)
    assert not site.plane.masters["master1"].process


def test_a_crashed_client_leaves_kubernetes_alone(site: Site, kernel: Kernel) -> None:
    site.crash("client1", 0)
    kernel.run(FOREVER_MS)
    assert all(node.ready for node in site.kube.nodes.values())
    assert site.plane.available


def test_nodes_are_subjects_of_their_cluster(site: Site) -> None:
    assert site.subject("master1") == "shop/master1" == site.hosts["master1"].subject

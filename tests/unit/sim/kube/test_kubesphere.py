"""The KubeSphere installer as the product sees it: 128, 130, 131, 132 and 0, by what its log shows."""

from __future__ import annotations

import pytest

from qke_core.catalog import catalog
from qke_core.models import Settings
from qke_sim.cloud import Cluster
from qke_sim.kernel import Kernel
from qke_sim.kube import ControlPlane, KubeCluster, Objects
from qke_sim.kube.kubesphere import Installer, Outcome, Trouble

FOREVER_MS = 10**9
POD_START = catalog().duration("installer-pod-start")
BOOK = catalog().duration("kubesphere-upgrade-2.0.0")


def make_installer(plane: ControlPlane, version: str = "") -> Installer:
    """Return the installer of a cluster without nodes; `version` is the KubeSphere that is installed."""
    kube = KubeCluster(plane.kernel, "shop", plane, [], Objects())
    cluster = Cluster(id="cl-1", name="shop", version="1.0.1", born_as="1.0.1", env=Settings.resolve("1.0.1", {}))
    return Installer(kube, cluster, version)


@pytest.fixture
def plane(kernel: Kernel) -> ControlPlane:
    return ControlPlane(kernel, "shop", ("master1",), built_in_etcd=True)


@pytest.fixture
def installer(kernel: Kernel, plane: ControlPlane) -> Installer:
    return make_installer(plane, "2.0.2")


def seen(kernel: Kernel, installer: Installer) -> list[tuple[str, int]]:
    """Run to the end; return every state with the code a look finds in it."""
    found = [(installer.state, installer.check())]
    while kernel.env.peek() < FOREVER_MS:
        kernel.env.step()
        if (installer.state, installer.check()) != found[-1]:
            found.append((installer.state, installer.check()))
    return found


def test_a_good_installation_goes_from_128_over_131_to_0(kernel: Kernel, installer: Installer) -> None:
    installer.launch("2.0.0", 0)
    assert seen(kernel, installer) == [("starting", 128), ("running", 131), ("complete", 0)]
    assert (installer.version, installer.restarts) == ("2.1.1", 0)
    running, finished = (
        next(record.t for record in kernel.trace.records if record.kind == kind)
        for kind in ("installer.running", "installer.finished")
    )
    assert POD_START.min_ms <= running <= POD_START.max_ms
    assert BOOK.min_ms <= finished - running <= BOOK.max_ms


@pytest.mark.parametrize(("outcome", "code"), [("failed", 130), ("incomplete", 132)])
def test_a_bad_installation_ends_with_its_code_and_the_old_version(
    kernel: Kernel, installer: Installer, outcome: Outcome, code: int
) -> None:
    installer.troubles.append(Trouble(1, outcome, 50))
    installer.launch("2.0.0", 0)
    assert seen(kernel, installer) == [("starting", 128), ("running", 131), (outcome, code)]
    assert installer.version == "2.0.2"


def test_an_installer_that_never_ran_is_not_found(kernel: Kernel, plane: ControlPlane) -> None:
    assert make_installer(plane).check() == 128


def test_what_is_installed_is_complete(installer: Installer) -> None:
    assert (installer.state, installer.check()) == ("complete", 0)


def test_without_an_api_server_no_pod_is_found(kernel: Kernel, installer: Installer, plane: ControlPlane) -> None:
    plane.set_process("master1", up=False, cause=0)
    assert installer.check() == 128
    plane.set_process("master1", up=True, cause=0)
    assert installer.check() == 0


def test_trouble_strikes_when_its_share_of_the_time_is_over(kernel: Kernel, plane: ControlPlane) -> None:
    ends: dict[int, int] = {}
    for percent in (0, 50, 100):
        fresh = Kernel(7)
        fresh.trace.add("run.started", "test", None, scenario="test", seed=7)
        installer = make_installer(ControlPlane(fresh, "shop", ("master1",), built_in_etcd=True))
        installer.troubles.append(Trouble(1, "failed", percent))
        installer.launch("2.0.0", 0)
        fresh.run(FOREVER_MS)
        running = next(record.t for record in fresh.trace.records if record.kind == "installer.running")
        ends[percent] = fresh.now - running
    assert ends[0] == 0
    assert ends[50] == ends[100] * 50 // 100
    assert BOOK.min_ms <= ends[100] <= BOOK.max_ms


def test_a_restart_begins_the_book_anew_and_trouble_of_the_first_attempt_is_over(
    kernel: Kernel, installer: Installer
) -> None:
    installer.troubles.append(Trouble(1, "failed", 50))
    installer.launch("2.0.0", 0)
    seen(kernel, installer)
    installer.restart("shop/master1", 0)
    assert seen(kernel, installer) == [("starting", 128), ("running", 131), ("complete", 0)]
    assert (installer.restarts, installer.attempt, installer.version) == (1, 2, "2.1.1")


def test_trouble_of_the_second_attempt_waits_for_it(kernel: Kernel, installer: Installer) -> None:
    installer.troubles.append(Trouble(2, "incomplete", 10))
    installer.launch("2.0.0", 0)
    assert seen(kernel, installer)[-1] == ("complete", 0)
    installer.restart("shop/master1", 0)
    assert seen(kernel, installer)[-1] == ("incomplete", 132)


@pytest.mark.parametrize("percent", [10, 400])
def test_a_slow_installer_takes_its_percentage(percent: int) -> None:
    took: list[int] = []
    for slow in (100, percent):
        kernel = Kernel(7)
        kernel.trace.add("run.started", "test", None, scenario="test", seed=7)
        installer = make_installer(ControlPlane(kernel, "shop", ("master1",), built_in_etcd=True))
        installer.slow_percent = slow
        installer.launch("2.0.0", 0)
        kernel.run(FOREVER_MS)
        running = next(record.t for record in kernel.trace.records if record.kind == "installer.running")
        took.append(kernel.now - running)
    assert took[1] == took[0] * percent // 100


@pytest.mark.parametrize("again", ["launch", "restart"])
def test_a_pod_that_was_replaced_ends_nothing_any_more(kernel: Kernel, installer: Installer, again: str) -> None:
    """The first pod would be through its book long before the second: only the second counts."""
    installer.launch("2.0.0", 0)
    kernel.later(
        BOOK.min_ms, lambda: installer.launch("3.0.0", 0) if again == "launch" else installer.restart("test", 0)
    )
    seen(kernel, installer)
    finished = [record.t for record in kernel.trace.records if record.kind == "installer.finished"]
    running = [record.t for record in kernel.trace.records if record.kind == "installer.running"]
    book = catalog().duration(f"kubesphere-upgrade-{'3.0.0' if again == 'launch' else '2.0.0'}")
    assert (len(running), len(finished)) == (2, 1)
    assert finished[0] - running[1] >= book.min_ms


def test_a_pod_that_was_replaced_before_it_ran_never_runs(kernel: Kernel, installer: Installer) -> None:
    installer.launch("2.0.0", 0)
    kernel.later(1000, lambda: installer.launch("3.0.0", 0))
    seen(kernel, installer)
    (running,) = [record.t for record in kernel.trace.records if record.kind == "installer.running"]
    assert running >= 1000 + POD_START.min_ms


def test_every_change_of_state_wakes_who_waits(kernel: Kernel, installer: Installer) -> None:
    woken: list[str] = []

    def watch():
        while True:
            yield installer.changed.next()
            woken.append(installer.state)

    kernel.env.process(watch())
    kernel.env.run(until=1)
    installer.launch("2.0.0", 0)
    kernel.run(FOREVER_MS)
    kernel.env.run(until=kernel.now + 1)
    assert woken == ["starting", "running", "complete"]

"""Nodes that fall silent, pods that are lost, evicted and made again: at the instants Kubernetes' defaults give.

A node is NotReady 40 s after its kubelet's last word (node-monitor-grace-period); its pods are evicted 300 s after that
(default toleration of not-ready and unreachable).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qke_core.catalog import catalog
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel
from qke_sim.kube import Objects, Pod, PodTemplate, Resources, Workload
from qke_sim.twin import Twin

GRACE_MS, TOLERATION_MS = 40_000, 300_000
START_MS = catalog().duration("image-pull").max_ms + catalog().duration("pod-start").max_ms
FOREVER_MS = 10 * 3_600_000
"""Ten hours: long, and not yet midnight, when timers restart kubelets."""
WORKERS = ("node_perf1", "node_perf2", "node_perf3")


def shop_objects(web: int = 3, cpu_m: int = 100) -> Objects:
    """A Deployment, a StatefulSet of three and a DaemonSet."""
    template = PodTemplate({"app": "web"}, Resources(cpu_m, 1024, 1), {}, ())
    return Objects(
        [
            Workload("Deployment", "shop", "web", web, template),
            Workload("StatefulSet", "shop", "db", 3, template),
            Workload("DaemonSet", "shop", "agent", 1, template),
        ]
    )


@pytest.fixture
def site_of(kernel: Kernel, twin_of: Callable[..., Twin]) -> Callable[..., Site]:
    def make(objects: Objects | None = None, **parts: object) -> Site:
        wish = {"name": "shop", "version": "1.0.1", "express": "Prod", **parts}
        return twin_of(kernel, wish, objects={"shop": objects or shop_objects()}).site("shop")

    return make


@pytest.fixture
def site(site_of: Callable[..., Site]) -> Site:
    return site_of()


def pods(site: Site, name: str) -> list[Pod]:
    return [pod for pod in site.kube.pods if pod.owner.name == name]


def serving(site: Site, name: str) -> int:
    return sum(pod.ready for pod in pods(site, name))


def node_of(site: Site, pod: Pod) -> str:
    return next(node.alias for node in site.kube.nodes.values() if node.name == pod.node)


def at(site: Site, kind: str, subject: str = "") -> list[int]:
    """Return when records of a kind came, of one subject or all."""
    return [record.t for record in site.kernel.trace.records if record.kind == kind and subject in ("", record.subject)]


def evicted(site: Site) -> list[int]:
    """Return when pods of the shop were deleted; the system's own are left aside."""
    records = site.kernel.trace.records
    return [record.t for record in records if record.kind == "pod.deleted" and record.subject.startswith("shop/shop/")]


def run_for(site: Site, ms: int) -> None:
    """Let time pass, whether or not something happens."""
    site.kernel.later(ms, lambda: None)
    end = site.kernel.now + ms
    while site.kernel.env.peek() <= end:
        site.kernel.env.step()


def test_everything_runs_at_the_beginning(site: Site) -> None:
    assert (serving(site, "web"), serving(site, "db"), serving(site, "agent")) == (3, 3, 3)
    assert sorted(node_of(site, pod) for pod in pods(site, "web")) == list(WORKERS)
    assert sorted(node_of(site, pod) for pod in pods(site, "agent")) == list(WORKERS)
    assert {pod.phase for pod in site.kube.pods} <= {"Running", "Succeeded"}  # The installer of 1.0.1 is a Job.
    assert at(site, "workload.unavailable") == []


def test_masters_keep_to_themselves_where_there_are_workers(site: Site) -> None:
    assert not any(node_of(site, pod).startswith("master") for name in ("web", "db") for pod in pods(site, name))


@pytest.mark.guide("G-182")
def test_a_single_node_cluster_runs_workloads_on_its_master(site_of: Callable[..., Site]) -> None:
    """G-182: from 2.0.0 a cluster of one master is possible; the master loses its taint."""
    one = {"master": {"count": 1}, "node_super_perf": {"count": 0}, "client": {"count": 0}}
    site = site_of(express=None, version="2.0.0", roles=one)
    assert {node_of(site, pod) for pod in pods(site, "web")} == {"master1"}


@pytest.mark.guide("G-091")
def test_coredns_and_the_console_are_two_pods_each(site: Site) -> None:
    """G-091: ks-console has 2 pods."""
    assert (serving(site, "coredns"), serving(site, "ks-console")) == (2, 2)


def test_without_kubesphere_there_is_no_console(site_of: Callable[..., Site]) -> None:
    assert pods(site_of(env={"install_kubesphere": False}), "ks-console") == []


def test_a_silent_node_is_not_ready_after_the_grace_and_its_pods_no_longer_serve(site: Site) -> None:
    run_for(site, 1000)
    site.stop_kubelet("node_perf1", 0)
    run_for(site, GRACE_MS - 1)
    assert site.kube.nodes["node_perf1"].ready
    assert serving(site, "web") == 3
    run_for(site, 1)
    assert not site.kube.nodes["node_perf1"].ready
    assert (serving(site, "web"), serving(site, "db")) == (2, 2)
    assert at(site, "node.not-ready") == [1000 + GRACE_MS]
    on_node = [pod for pod in site.kube.pods if node_of(site, pod) == "node_perf1"]
    assert all(pod.running and not pod.ready for pod in on_node)  # Containers run on without a kubelet.


def test_a_short_silence_is_nothing(site: Site) -> None:
    site.stop_kubelet("node_perf1", 0)
    run_for(site, GRACE_MS - 1)
    site.start_kubelet("node_perf1", "1.13.5", 0)
    run_for(site, FOREVER_MS)
    assert at(site, "node.not-ready") == []


def test_each_silence_has_its_own_grace(site: Site) -> None:
    for _ in range(3):
        site.stop_kubelet("node_perf1", 0)
        run_for(site, GRACE_MS - 1000)
        site.start_kubelet("node_perf1", "1.13.5", 0)
        run_for(site, 500)
    site.stop_kubelet("node_perf1", 0)
    begun = site.kernel.now
    run_for(site, GRACE_MS)
    assert at(site, "node.not-ready") == [begun + GRACE_MS]


def test_a_deployment_is_made_again_elsewhere_after_the_toleration_and_a_stateful_set_is_not(site: Site) -> None:
    site.stop_kubelet("node_perf1", 0)
    run_for(site, GRACE_MS + TOLERATION_MS - 1)
    assert evicted(site) == []
    run_for(site, 1)
    assert evicted(site) == [GRACE_MS + TOLERATION_MS]
    run_for(site, START_MS)
    assert serving(site, "web") == 3
    assert {node_of(site, pod) for pod in pods(site, "web")} == {"node_perf2", "node_perf3"}
    assert serving(site, "db") == 2
    assert sorted(node_of(site, pod) for pod in pods(site, "db")) == list(WORKERS)
    assert sorted(node_of(site, pod) for pod in pods(site, "agent")) == list(WORKERS)


def test_a_new_pod_serves_once_its_image_is_there_and_it_has_started(site: Site) -> None:
    site.crash("node_perf1", 0)
    run_for(site, FOREVER_MS)
    made = next(record for record in site.kernel.trace.records if record.kind == "pod.created")
    (ready,) = at(site, "pod.ready", made.subject)
    least = catalog().duration("image-pull").min_ms + catalog().duration("pod-start").min_ms
    assert least <= ready - made.t <= START_MS


def test_a_dead_host_takes_its_containers_at_once(site: Site) -> None:
    site.crash("node_perf1", 0)
    assert serving(site, "web") == 2
    assert site.kube.nodes["node_perf1"].ready  # Kubernetes does not know it yet.
    run_for(site, GRACE_MS)
    assert not site.kube.nodes["node_perf1"].ready


def test_a_host_that_is_back_before_the_eviction_keeps_its_pods(site: Site) -> None:
    before = {pod.key: pod.node for pod in site.kube.pods}
    site.crash("node_perf1", 0)
    run_for(site, GRACE_MS + TOLERATION_MS - 1)
    site.boot("node_perf1", 0)
    run_for(site, FOREVER_MS)
    assert {pod.key: pod.node for pod in site.kube.pods} == before
    assert all(pod.ready or pod.finished for pod in site.kube.pods)
    assert evicted(site) == []


def test_a_host_that_is_back_after_the_eviction_gets_its_stateful_pod_back_and_no_other(site: Site) -> None:
    site.crash("node_perf1", 0)
    run_for(site, GRACE_MS + TOLERATION_MS + START_MS)
    site.boot("node_perf1", 0)
    run_for(site, FOREVER_MS)
    assert (serving(site, "web"), serving(site, "db"), serving(site, "agent")) == (3, 3, 3)
    assert "node_perf1" not in {node_of(site, pod) for pod in pods(site, "web")}


def test_a_host_that_is_back_before_the_grace_starts_its_pods_again(site: Site) -> None:
    site.crash("node_perf1", 0)
    run_for(site, 1000)
    site.boot("node_perf1", 0)
    assert serving(site, "web") == 2
    run_for(site, START_MS)
    assert serving(site, "web") == 3
    assert at(site, "node.not-ready") == []


def test_a_crash_after_a_silence_does_not_begin_the_count_anew(site: Site) -> None:
    """The node has been silent since its kubelet stopped; that its host dies too changes nothing about that."""
    site.stop_kubelet("node_perf1", 0)
    run_for(site, GRACE_MS + 10_000)
    site.crash("node_perf1", 0)
    run_for(site, FOREVER_MS)
    assert at(site, "node.not-ready") == [GRACE_MS]
    assert evicted(site) == [GRACE_MS + TOLERATION_MS]


def test_a_kubelet_that_stops_twice_is_silent_since_the_first_time(site: Site) -> None:
    site.stop_kubelet("node_perf1", 0)
    run_for(site, 30_000)
    site.stop_kubelet("node_perf1", 0)
    run_for(site, FOREVER_MS)
    assert at(site, "node.not-ready") == [GRACE_MS]


def test_without_an_api_server_nobody_is_judged_and_nobody_evicted_until_one_answers(site: Site) -> None:
    site.stop_kubelet("node_perf1", 0)
    run_for(site, 10_000)
    for alias in ("master1", "master2", "master3"):
        site.plane.set_process(alias, up=False, cause=0)
    run_for(site, GRACE_MS)
    assert at(site, "node.not-ready") == []
    site.plane.set_process("master2", up=True, cause=0)
    run_for(site, 1)
    assert at(site, "node.not-ready") == [10_000 + GRACE_MS]
    run_for(site, 10_000)
    site.plane.set_process("master2", up=False, cause=0)
    run_for(site, TOLERATION_MS)
    assert evicted(site) == []
    site.plane.set_process("master3", up=True, cause=0)
    run_for(site, 1)
    assert evicted(site) == [site.kernel.now - 1]


def test_a_silence_that_ends_while_no_api_server_answers_is_never_noticed(site: Site) -> None:
    for alias in ("master1", "master2", "master3"):
        site.plane.set_process(alias, up=False, cause=0)
    site.stop_kubelet("node_perf1", 0)
    run_for(site, GRACE_MS + 1000)
    site.start_kubelet("node_perf1", "1.13.5", 0)
    run_for(site, 1000)
    site.plane.set_process("master1", up=True, cause=0)
    run_for(site, FOREVER_MS)
    assert at(site, "node.not-ready") == []


def test_when_no_node_is_ready_nobody_is_evicted(site: Site) -> None:
    for alias in site.kube.nodes:
        site.stop_kubelet(alias, 0)
    run_for(site, FOREVER_MS)
    assert len(at(site, "node.not-ready")) == 6
    assert evicted(site) == []


def test_after_a_blackout_the_nodes_that_stay_away_are_evicted_a_toleration_later(site: Site) -> None:
    """Full disruption mode of Kubernetes: evictions stop while no node is healthy, and count anew afterwards."""
    for alias in site.kube.nodes:
        site.stop_kubelet(alias, 0)
    run_for(site, GRACE_MS + TOLERATION_MS + 60_000)
    for alias in site.kube.nodes:
        if alias != "node_perf1":
            site.start_kubelet(alias, "1.13.5", 0)
    back = site.kernel.now
    run_for(site, FOREVER_MS)
    assert evicted(site) == [back + TOLERATION_MS]
    assert serving(site, "web") == 3


def test_what_fits_nowhere_waits_and_is_placed_when_there_is_room(site_of: Callable[..., Site]) -> None:
    """Each worker has 3600 millicores for pods: three pods of 1100 and no fourth."""
    site = site_of(Objects([Workload("Deployment", "shop", "web", 7, PodTemplate({}, Resources(1100, 0, 1), {}, ()))]))
    assert serving(site, "web") == 7
    site.crash("node_perf1", 0)
    run_for(site, GRACE_MS + TOLERATION_MS + START_MS)
    pending = [pod for pod in pods(site, "web") if pod.node is None]
    assert (serving(site, "web"), len(pending)) == (6, 1)
    assert pending[0].phase == "Pending"
    site.boot("node_perf1", 0)
    run_for(site, START_MS)
    assert serving(site, "web") == 7


def test_a_pod_waits_for_a_node_whose_kubelet_is_silent(site: Site) -> None:
    """Placed within the grace, on a node that looks Ready: nothing starts there until the kubelet is back."""
    for alias in ("node_perf2", "node_perf3"):
        site.kube.nodes[alias].unschedulable = True
    site.crash("node_perf3", 0)
    run_for(site, GRACE_MS + TOLERATION_MS - 10_000)
    site.stop_kubelet("node_perf1", 0)
    run_for(site, 10_000 + START_MS)
    (fresh,) = [pod for pod in pods(site, "web") if not pod.running]
    assert node_of(site, fresh) == "node_perf1"
    site.start_kubelet("node_perf1", "1.13.5", 0)
    run_for(site, START_MS)
    assert fresh.ready


def test_a_workload_is_gone_with_its_last_serving_pod_and_back_with_its_first(site: Site) -> None:
    for alias in WORKERS:
        site.stop_kubelet(alias, 0)
        run_for(site, 10_000)
    run_for(site, GRACE_MS)
    assert at(site, "workload.unavailable", "shop/shop/web") == [GRACE_MS + 20_000]
    begun = site.kernel.now
    site.start_kubelet("node_perf2", "1.13.5", 0)
    run_for(site, 1000)
    assert at(site, "workload.available", "shop/shop/web") == [begun]


def test_what_cannot_run_from_the_beginning_is_told_at_the_beginning(site_of: Callable[..., Site]) -> None:
    giant = PodTemplate({}, Resources(10**6, 0, 1), {}, ())
    none = PodTemplate({}, Resources(1, 0, 1), {}, ())
    site = site_of(
        Objects([Workload("Deployment", "shop", "a", 1, giant), Workload("Deployment", "shop", "b", 0, none)])
    )
    assert at(site, "workload.unavailable") == [0]
    assert [workload.available for workload in site.kube.objects.workloads[-2:]] == [False, False]


def test_a_node_reports_its_version_when_an_api_server_answers(site: Site) -> None:
    site.stop_kubelet("node_perf1", 0)
    for alias in ("master1", "master2", "master3"):
        site.plane.set_process(alias, up=False, cause=0)
    site.start_kubelet("node_perf1", "1.16.7", 0)
    run_for(site, 5000)
    assert site.kube.nodes["node_perf1"].kubelet_version == "1.13.5"
    site.plane.set_process("master1", up=True, cause=0)
    run_for(site, 1)
    assert site.kube.nodes["node_perf1"].kubelet_version == "1.16.7"
    assert at(site, "node.version") == [5000]


def test_a_node_that_the_world_calls_not_ready_gets_no_pods(site_of: Callable[..., Site]) -> None:
    site = site_of(nodes=[{"role": "node_perf", "index": 2, "ready": False}])
    assert not site.kube.nodes["node_perf2"].ready
    assert {node_of(site, pod) for pod in pods(site, "web")} == {"node_perf1", "node_perf3"}


def test_free_room_is_what_is_left_after_requests(site: Site) -> None:
    node = site.kube.nodes["node_perf1"]
    used = Resources()
    for pod in site.kube.pods:
        if pod.node == node.name:
            used += pod.owner.template.requests
    assert site.kube.free()["node_perf1"] == node.allocatable - used
    assert used.pods >= 3

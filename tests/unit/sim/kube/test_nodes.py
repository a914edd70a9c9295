"""Nodes that come and go: a cluster that begins empty, joins, cordons, removals, and pods that follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qke_core.catalog import catalog
from qke_core.errors import RemoteError
from qke_sim.kernel import Kernel
from qke_sim.kube import (
    MASTER_TAINT,
    ControlPlane,
    DisruptionBudget,
    KubeCluster,
    KubeDoor,
    KubeNode,
    Objects,
    Pod,
    PodTemplate,
    Resources,
    Taint,
    Toleration,
    Workload,
)

JOIN_MS = catalog().duration("node-network-start").max_ms
START_MS = catalog().duration("image-pull").max_ms + catalog().duration("pod-start").max_ms
ROOMY = Resources(4000, 2**33, 110)
VERSION = "1.20.9"


def template(cpu_m: int = 100, **more: Any) -> PodTemplate:
    return PodTemplate({"app": "web"}, Resources(cpu_m, 2**20, 1), {}, (), **more)


def node(alias: str, *, taints: tuple[Taint, ...] = (), room: Resources = ROOMY) -> KubeNode:
    return KubeNode(alias, alias, f"i-{alias}", {"name": alias}, taints, room, VERSION)


@pytest.fixture
def kube(kernel: Kernel) -> KubeCluster:
    """A cluster that is being created: a control plane without members, no node, no pod network."""
    plane = ControlPlane(kernel, "shop", (), built_in_etcd=True)
    made = KubeCluster(kernel, "shop", plane, [], Objects())
    made.start(0)
    return made


@pytest.fixture
def running(kube: KubeCluster) -> KubeCluster:
    """The same a while later: one master and two workers, Ready."""
    begin(kube)
    for alias in ("a", "b"):
        join(kube, alias)
    wait(kube)
    return kube


def begin(kube: KubeCluster) -> None:
    kube.plane.join("master1", 0)
    kube.plane.set_process("master1", up=True, cause=0)
    join(kube, "master1", taints=(Taint(MASTER_TAINT, "NoSchedule"),))
    kube.apply_network(0)


def join(kube: KubeCluster, alias: str, **more: Any) -> None:
    kube.add_node(node(alias, **more), 0)
    kube.kubelet_started(alias, VERSION, 0)


def wait(kube: KubeCluster, ms: int = JOIN_MS + START_MS) -> None:
    kube.kernel.later(ms, lambda: None)
    end = kube.kernel.now + ms
    while kube.kernel.env.peek() <= end:
        kube.kernel.env.step()


def where(kube: KubeCluster, name: str = "web") -> list[str | None]:
    return sorted((pod.node for pod in kube.pods if pod.owner.name == name), key=str)


def pod_of(kube: KubeCluster, name: str) -> Pod:
    return next(pod for pod in kube.pods if pod.name == name)


def test_a_cluster_that_begins_empty_has_no_api_server_until_its_first_master_is_there(kube: KubeCluster) -> None:
    assert (kube.plane.works, kube.plane.available, kube.plane.quorum) == (False, False, False)
    kube.plane.join("master1", 0)
    assert (kube.plane.quorum, kube.plane.available) == (True, False)  # Its API server has not started yet.
    kube.plane.set_process("master1", up=True, cause=0)
    assert kube.plane.available


def test_a_second_member_counts_for_the_quorum_as_soon_as_it_is_listed(kube: KubeCluster) -> None:
    begin(kube)
    kube.plane.join("master2", 0)
    kube.plane.set_host("master2", up=False, cause=0)
    assert not kube.plane.quorum
    kube.plane.leave("master2", 0)
    assert (kube.plane.quorum, kube.plane.available) == (True, True)


def test_a_linked_etcd_that_is_away_takes_every_api_server_along(kernel: Kernel) -> None:
    plane = ControlPlane(kernel, "shop", ("master1", "master2", "master3"), built_in_etcd=False)
    plane.set_linked_etcd(up=False, cause=0)
    assert not plane.works
    plane.set_linked_etcd(up=True, cause=0)
    assert all(master.answers for master in plane.masters.values())


def test_a_new_node_is_not_ready_until_its_kubelet_reports_and_the_network_is_there(kube: KubeCluster) -> None:
    kube.plane.join("master1", 0)
    kube.plane.set_process("master1", up=True, cause=0)
    join(kube, "a")
    wait(kube)
    assert not kube.nodes["a"].ready
    kube.apply_network(0)
    wait(kube, JOIN_MS)
    assert kube.nodes["a"].ready
    kube.add_node(node("b"), 0)
    wait(kube)
    assert not kube.nodes["b"].ready  # No kubelet, no word.


def test_a_node_that_registers_again_keeps_its_object(running: KubeCluster) -> None:
    before = running.nodes["a"]
    running.cordon("a", 0)
    running.add_node(node("a"), 0)
    assert running.nodes["a"] is before
    assert before.unschedulable


def test_a_daemon_set_follows_nodes(running: KubeCluster) -> None:
    running.apply(Workload("DaemonSet", "shop", "agent", 1, template()), 0)
    wait(running)
    assert where(running, "agent") == ["a", "b"]  # The master's taint is not tolerated.
    join(running, "c")
    wait(running)
    assert where(running, "agent") == ["a", "b", "c"]
    assert all(pod.ready for pod in running.pods)
    running.remove_node("c", 0)
    wait(running)
    assert where(running, "agent") == ["a", "b"]


def test_pods_that_fit_nowhere_wait_and_run_when_room_comes(running: KubeCluster) -> None:
    running.apply(Workload("Deployment", "shop", "web", 3, template(cpu_m=3000)), 0)
    wait(running)
    assert where(running) == [None, "a", "b"] or where(running) == ["a", "b", None]
    (waiting,) = [pod for pod in running.pods if pod.node is None]
    assert "Insufficient cpu" in waiting.why
    join(running, "c")
    wait(running)
    assert where(running) == ["a", "b", "c"]
    assert waiting.ready


def test_an_uncordoned_node_takes_what_waits(running: KubeCluster) -> None:
    for alias in ("a", "b"):
        running.cordon(alias, 0)
    running.apply(Workload("Deployment", "shop", "web", 1, template()), 0)
    wait(running)
    assert where(running) == [None]
    running.uncordon("b", 0)
    wait(running)
    assert where(running) == ["b"]


def test_labels_and_taints_decide_where_what_waits_may_go(running: KubeCluster) -> None:
    wanted = PodTemplate({}, Resources(100, 2**20, 1), {"disk": "ssd"}, (Toleration("gpu"),))
    running.apply(Workload("Deployment", "shop", "web", 1, wanted), 0)
    running.relabel("a", 0, labels={"disk": "ssd"}, taints=(Taint("gpu", "NoSchedule"),))
    wait(running)
    assert where(running) == ["a"]


def test_the_pods_of_a_deleted_node_serve_no_more_and_are_collected_within_a_minute(running: KubeCluster) -> None:
    """A sweep every 20 s sees them, 40 s later they are removed; then the controller makes them again."""
    running.apply(Workload("Deployment", "shop", "web", 2, template()), 0)
    wait(running)
    running.remove_node("a", 0)
    begun = running.kernel.now
    assert where(running) == ["a", "b"]
    assert [pod.ready for pod in running.pods if pod.node == "a"] == [False]
    wait(running, 60_000 + START_MS)
    assert where(running) == ["b", "b"]
    (gone,) = [record.t for record in running.kernel.trace.records if record.kind == "pod.deleted"]
    assert 40_000 <= gone - begun <= 60_000


def test_a_stateful_set_waits_until_a_name_is_free_and_a_deployment_does_not(running: KubeCluster) -> None:
    slow = template(stop_ms=20_000)
    for kind in ("Deployment", "StatefulSet"):
        running.apply(Workload(kind, "shop", kind.lower(), 1, slow), 0)  # type: ignore[arg-type] # both are kinds
    wait(running)
    for name in ("deployment-0", "statefulset-0"):
        running.controllers.terminate(pod_of(running, name), 0, by="kubectl", why="deleted")
    assert [pod.name for pod in running.pods] == ["deployment-0", "statefulset-0", "deployment-1"]
    wait(running, 20_000 + START_MS)
    assert sorted(pod.name for pod in running.pods) == ["deployment-1", "statefulset-0"]


def test_scaling_down_ends_what_serves_least_and_of_a_stateful_set_the_last(running: KubeCluster) -> None:
    for kind in ("Deployment", "StatefulSet"):
        running.apply(Workload(kind, "shop", kind.lower(), 3, template()), 0)  # type: ignore[arg-type] # both are kinds
    wait(running)
    for key in ("shop/deployment", "shop/statefulset"):
        workload = running.workload(key)
        assert workload is not None
        running.scale(workload, 1, 0)
    wait(running)
    assert sorted(pod.name for pod in running.pods) == ["deployment-0", "statefulset-0"]


def test_a_pod_that_ends_on_a_silent_node_is_gone_when_its_kubelet_is_back(running: KubeCluster) -> None:
    running.apply(Workload("Deployment", "shop", "web", 1, template()), 0)
    wait(running)
    pod = pod_of(running, "web-0")
    assert pod.node is not None
    running.kubelet_stopped(pod.node, 0)
    running.controllers.terminate(pod, 0, by="kubectl", why="deleted")
    wait(running)
    assert pod in running.pods
    running.kubelet_started(pod.node, VERSION, 0)
    assert pod not in running.pods


# --- What operators ask of the door


@pytest.fixture
def ask(running: KubeCluster, finished: Callable[..., Any]) -> Callable[..., Any]:
    door = KubeDoor(running.kernel)
    door.clusters["cl-1"] = running

    def request(verb: str, resource: str, name: str = "", **more: Any) -> Any:
        params = {"verb": verb, "resource": resource, "name": name, **more}
        until = running.kernel.now + 60_000
        return finished(running.kernel, door.call("cl-1", params, "kubectl", 0), until)

    return request


def test_the_door_cordons_evicts_scales_and_deletes(running: KubeCluster, ask: Callable[..., Any]) -> None:
    running.apply(Workload("Deployment", "default", "web", 2, template(start_ms=100, stop_ms=100)), 0)
    wait(running)
    ask("cordon", "nodes", "a")
    assert running.nodes["a"].unschedulable
    victim = next(pod.name for pod in running.pods if pod.node == "a")
    ask("evict", "pods", victim)
    wait(running)
    assert where(running) == ["b", "b"]
    ask("uncordon", "nodes", "a")
    ask("scale", "deployments", "web", replicas=5)
    assert len(running.pods) == 5
    assert ask("get", "deployments", "web")["spec"]["replicas"] == 5
    ask("delete", "deployments", "web")
    wait(running)
    assert running.pods == []
    ask("delete", "nodes", "b")
    assert set(running.nodes) == {"master1", "a"}


def test_an_eviction_that_a_budget_forbids_is_refused_with_429_until_the_budget_is_widened(
    running: KubeCluster, ask: Callable[..., Any]
) -> None:
    running.apply(Workload("Deployment", "default", "web", 1, template()), 0)
    running.replace_budget(None, DisruptionBudget("default", "web", {"app": "web"}, min_available=1), 0)
    wait(running)
    with pytest.raises(RemoteError) as caught:
        ask("evict", "pods", "web-0")
    assert (caught.value.code, caught.value.facts["status"]) == ("kube.refused", 429)
    ask("patch", "poddisruptionbudgets", "web", minAvailable=0)
    ask("evict", "pods", "web-0")
    wait(running)
    assert [pod.name for pod in running.pods] == ["web-1"]
    ask("delete", "poddisruptionbudgets", "web")
    assert running.objects.budgets == []


def test_a_drain_by_hand_empties_a_node_or_says_what_kubectl_says(
    running: KubeCluster, ask: Callable[..., Any]
) -> None:
    running.apply(Workload("Deployment", "default", "web", 1, template(emptydir=True, stop_ms=1000)), 0)
    wait(running)
    where_it_was = pod_of(running, "web-0").node
    assert where_it_was is not None
    with pytest.raises(RemoteError) as caught:
        ask("drain", "nodes", where_it_was, ignoreDaemonsets=True, timeoutSeconds=20)
    assert caught.value.code == "kube.drain-failed"
    assert "local storage" in caught.value.sentence
    ask("drain", "nodes", where_it_was, ignoreDaemonsets=True, deleteEmptydirData=True, timeoutSeconds=20)
    assert where_it_was not in where(running)


@pytest.mark.parametrize(
    ("verb", "resource", "name", "more", "code"),
    [
        ("get", "pods", "x", {}, "kube.not-found"),
        ("cordon", "nodes", "x", {}, "kube.not-found"),
        ("evict", "pods", "x", {}, "kube.not-found"),
        ("scale", "deployments", "x", {"replicas": 1}, "kube.not-found"),
        ("scale", "deployments", "web", {"replicas": -1}, "kube.refused"),
        ("delete", "services", "x", {}, "kube.not-found"),
        ("delete-finalizer", "volumeattachments", "x", {}, "kube.not-found"),
        ("drain", "nodes", "x", {}, "kube.not-found"),
        ("drain", "nodes", "a", {"timeoutSeconds": "long"}, "kube.refused"),
        ("watch", "pods", "", {}, "kube.unknown"),
        ("cordon", "pods", "", {}, "kube.unknown"),
    ],
)
def test_what_the_door_cannot_do_is_refused_and_changes_nothing(
    running: KubeCluster,
    ask: Callable[..., Any],
    verb: str,
    resource: str,
    name: str,
    more: dict[str, Any],
    code: str,
) -> None:
    running.apply(Workload("Deployment", "default", "web", 1, template()), 0)
    wait(running)
    before = [(pod.key, pod.node, pod.ready) for pod in running.pods], list(running.nodes)
    with pytest.raises(RemoteError) as caught:
        ask(verb, resource, name, **more)
    assert caught.value.code == code
    assert ([(pod.key, pod.node, pod.ready) for pod in running.pods], list(running.nodes)) == before


# --- Images


def test_without_a_registry_new_pods_wait_for_their_images_and_those_that_ran_there_do_not(
    running: KubeCluster,
) -> None:
    running.apply(Workload("Deployment", "shop", "web", 1, template()), 0)
    wait(running)
    old = pod_of(running, "web-0")
    assert old.node is not None
    running.controllers.set_registry(0, reached=False)
    running.apply(Workload("Deployment", "shop", "new", 1, template()), 0)
    running.host_stopped(old.node, 0)
    running.host_started(old.node, VERSION, 0)
    wait(running)
    assert (old.ready, pod_of(running, "new-0").running) == (True, False)
    running.controllers.set_registry(0, reached=True)
    wait(running)
    assert pod_of(running, "new-0").ready

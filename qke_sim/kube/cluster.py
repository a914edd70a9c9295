"""Kubernetes in one cluster: nodes, pods, and the controllers that keep them.

Nothing here polls. A kubelet that falls silent becomes NotReady at a known instant, its pods are evicted at another;
what controllers do when nothing works is to wait until an API server answers again.
Figures: Kubernetes defaults, node-monitor-grace-period 40 s, default toleration of not-ready and unreachable 300 s.
"""

from __future__ import annotations

from collections.abc import Callable

from qke_core.catalog import catalog
from qke_sim.kernel import Kernel, Signal, callbacks_of
from qke_sim.kube.controlplane import ControlPlane
from qke_sim.kube.objects import KubeNode, Objects, Pod, Resources, Workload
from qke_sim.kube.scheduler import choose_node, used_by_node, why_not


class KubeCluster:
    """The Kubernetes of one cluster, behind its control plane."""

    def __init__(self, kernel: Kernel, name: str, plane: ControlPlane, nodes: list[KubeNode], objects: Objects) -> None:
        """Begin with every pod placed and serving; pods that fit nowhere stay pending."""
        self.kernel = kernel
        self.name = name
        self.plane = plane
        self.nodes = {node.alias: node for node in nodes}
        self.objects = objects
        self.pods: list[Pod] = []
        self.changed = Signal(kernel)
        self._waiting: list[Callable[[int], None]] = []
        self._held: list[Callable[[int], None]] = []
        self._watch_plane()

    def start(self, cause: int) -> None:
        """Place the pods that exist at the beginning; they have been running for long. Tell what cannot run at all."""
        for workload in self.objects.workloads:
            for _ in range(self._wanted(workload)):
                pod = self._new_pod(workload)
                self._bind(pod, cause)
                pod.running = pod.ready = pod.node is not None
            workload.available = workload.replicas > 0
        self._judge_workloads(cause)

    # What hosts tell

    def kubelet_stopped(self, alias: str, cause: int) -> None:
        """A node's kubelet fell silent."""
        node = self.nodes[alias]
        if node.silent_since is not None:
            return  # It was silent already; the grace counts from then.
        node.silent_since = self.kernel.now
        self._judge_silence(node, self.kernel.now, cause)

    def kubelet_started(self, alias: str, version: str, cause: int) -> None:
        """A node's kubelet runs, at `version`; it reports as soon as an API server answers."""
        node = self.nodes[alias]
        node.silent_since = None

        def report(cause: int) -> None:
            if node.silent_since is not None:
                return
            self._report_node(node, version, cause)

        self._when_works(report, cause)
        for pod in self.pods:
            if pod.node == node.name and not pod.running:
                self._start_pod(pod, cause)

    def host_stopped(self, alias: str, cause: int) -> None:
        """A node's host is gone: its containers and its kubelet stop at once."""
        name = self.nodes[alias].name
        for pod in self.pods:
            if pod.node == name and pod.running:
                pod.running = pod.ready = False
                self.kernel.trace.add("pod.lost", f"{self.name}/{pod.key}", cause, node=alias, why="its host is down")
        self._judge_workloads(cause)
        self.kubelet_stopped(alias, cause)

    def host_started(self, alias: str, version: str, cause: int) -> None:
        """A node's host runs again: kubelet first, then the pods that are still bound to it."""
        self.kubelet_started(alias, version, cause)

    # Inside

    def _watch_plane(self) -> None:
        _once(self.plane.changed, self._plane_changed)

    def _plane_changed(self, cause: int) -> None:
        self._watch_plane()
        if self.plane.works and self._waiting:
            waiting, self._waiting = self._waiting, []
            for action in waiting:
                action(cause)

    def _when_works(self, action: Callable[[int], None], cause: int) -> None:
        if self.plane.works:
            action(cause)
        else:
            self._waiting.append(action)

    def _report_node(self, node: KubeNode, version: str, cause: int) -> None:
        subject = f"{self.name}/{node.alias}"
        if node.kubelet_version != version:
            node.kubelet_version = version
            cause = self.kernel.trace.add("node.version", subject, cause, version=version)
        if not node.ready:
            node.ready = True
            cause = self.kernel.trace.add("node.ready", subject, cause)
            for pod in self.pods:
                if pod.node == node.name and pod.running and not pod.ready:
                    pod.ready = True
                    self.kernel.trace.add("pod.ready", f"{self.name}/{pod.key}", cause, node=node.alias)
            self._judge_workloads(cause)
            self._reconcile(cause)
            held, self._held = self._held, []
            for again in held:
                again(cause)
        self.changed.fire(cause)

    def _judge_silence(self, node: KubeNode, since: int, cause: int) -> None:
        def judge() -> None:
            if node.silent_since == since:
                self._when_works(lambda cause: self._mark_not_ready(node, since, cause), cause)

        self.kernel.later(catalog().constant("node_monitor_grace_ms"), judge)

    def _mark_not_ready(self, node: KubeNode, since: int, cause: int) -> None:
        if node.silent_since != since or not node.ready:
            return
        node.ready = False
        why = f"kubelet silent for {catalog().constant('node_monitor_grace_ms') // 1000} s"
        seq = self.kernel.trace.add("node.not-ready", f"{self.name}/{node.alias}", cause, why=why)
        for pod in self.pods:
            if pod.node == node.name and pod.ready:
                pod.ready = False
                self.kernel.trace.add("pod.lost", f"{self.name}/{pod.key}", seq, node=node.alias, why="node not Ready")
        self._judge_workloads(seq)
        self.changed.fire(seq)
        self._await_eviction(node, since, seq)

    def _await_eviction(self, node: KubeNode, since: int, cause: int) -> None:
        def judge() -> None:
            if node.silent_since == since:
                self._when_works(lambda cause: self._evict(node, since, cause), cause)

        self.kernel.later(catalog().constant("pod_toleration_ms"), judge)

    def _evict(self, node: KubeNode, since: int, cause: int) -> None:
        """Delete the pods of a node that stayed away.

        When no node is Ready, nobody is evicted: the fault is elsewhere. Once one is, the time counts anew.
        """
        if node.silent_since != since:
            return
        if not any(other.ready for other in self.nodes.values()):
            self._held.append(lambda cause: self._await_eviction(node, since, cause))
            return
        for pod in [pod for pod in self.pods if pod.node == node.name and pod.owner.kind != "DaemonSet"]:
            if pod.owner.kind == "StatefulSet":
                continue  # Its name is unique: Kubernetes makes no second one while the node may still run it.
            self.pods.remove(pod)
            why = f"{node.alias} unreachable for {catalog().constant('pod_toleration_ms') // 1000} s"
            self.kernel.trace.add("pod.deleted", f"{self.name}/{pod.key}", cause, why=why)
        self._reconcile(cause)

    def _wanted(self, workload: Workload) -> int:
        if workload.kind != "DaemonSet":
            return workload.replicas
        return sum(not why_not(workload.template, node, Resources()) for node in self.nodes.values())

    def _reconcile(self, cause: int) -> None:
        """Make the pods that are missing, then place everything that has no node."""
        for workload in self.objects.workloads:
            if workload.kind == "DaemonSet":
                continue
            missing = workload.replicas - sum(pod.owner is workload for pod in self.pods)
            for _ in range(missing):
                pod = self._new_pod(workload)
                by = "the controller"
                self.kernel.trace.add("pod.created", f"{self.name}/{pod.key}", cause, by=by)
        for pod in self.pods:
            if pod.node is None and self._bind(pod, cause):
                self._start_pod(pod, cause)

    def _new_pod(self, workload: Workload) -> Pod:
        pod = Pod(f"{workload.name}-{workload.made}", workload)
        workload.made += 1
        self.pods.append(pod)
        return pod

    def _bind(self, pod: Pod, cause: int) -> bool:
        node, why = choose_node(pod, self._candidates(pod), self.pods)
        subject = f"{self.name}/{pod.key}"
        if node is None:
            self.kernel.trace.add("pod.pending", subject, cause, why=why)
            return False
        pod.node = node.name
        self.kernel.trace.add("pod.bound", subject, cause, node=node.alias)
        return True

    def _candidates(self, pod: Pod) -> list[KubeNode]:
        nodes = list(self.nodes.values())
        if pod.owner.kind != "DaemonSet":
            return nodes
        taken = {other.node for other in self.pods if other.owner is pod.owner}
        return [node for node in nodes if node.name not in taken]

    def _start_pod(self, pod: Pod, cause: int) -> None:
        """Let a bound pod start on its node; it serves once it runs and the node is Ready."""
        subject = f"{self.name}/{pod.key}"
        facts = catalog()
        took = self.kernel.streams.draw(subject, facts.duration("image-pull"))
        took += self.kernel.streams.draw(subject, facts.duration("pod-start"))
        node = next(node for node in self.nodes.values() if node.name == pod.node)

        def run() -> None:
            if pod not in self.pods or pod.running or node.silent_since is not None:
                return  # Without a kubelet nothing starts; it tries again when it is back.
            pod.running = True
            if node.ready:
                pod.ready = True
                seq = self.kernel.trace.add("pod.ready", subject, cause, node=node.alias)
                self._judge_workloads(seq)

        self.kernel.later(took, run)

    def _judge_workloads(self, cause: int) -> None:
        """Tell which workloads lost their last serving pod, or got one back."""
        for workload in self.objects.workloads:
            if workload.replicas == 0 or workload.kind == "DaemonSet":
                continue
            available = any(pod.ready for pod in self.pods if pod.owner is workload)
            if available != workload.available:
                workload.available = available
                kind = "workload.available" if available else "workload.unavailable"
                self.kernel.trace.add(kind, f"{self.name}/{workload.key}", cause)

    def free(self) -> dict[str, Resources]:
        """Return what is left on each node, by alias."""
        used = used_by_node(self.pods)
        return {node.alias: node.allocatable - used.get(node.name, Resources()) for node in self.nodes.values()}


def _once(signal: Signal, action: Callable[[int], None]) -> None:
    callbacks_of(signal.next()).append(lambda _: action(signal.cause))

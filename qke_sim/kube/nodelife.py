"""Nodes of one cluster and what is known of them: who registers, reports, falls silent, is deleted.

Nothing here polls. A kubelet that falls silent becomes NotReady at a known instant, its pods are evicted at another;
what controllers do when nothing works is to wait until an API server answers again.
Figures: Kubernetes defaults, node-monitor-grace-period 40 s, default toleration of not-ready and unreachable 300 s;
pods of a node whose object is gone are collected by sweeps every 20 s after a quarantine of 40 s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qke_core.catalog import catalog
from qke_sim.kernel import Signal
from qke_sim.kube.controllers import Controllers
from qke_sim.kube.objects import KubeNode, Pod, Taint


class NodeLife:
    """What befalls the nodes of one cluster. `changed` fires when any is something else than before.

    `on_change` are told when nodes that may serve came or went.
    """

    def __init__(self, controllers: Controllers, nodes: dict[str, KubeNode]) -> None:
        """Begin with `nodes`; a cluster that begins without any has no pod network yet."""
        self.changed = Signal(controllers.kernel)
        self.has_network = bool(nodes)
        self.on_change: list[Callable[[int], None]] = []
        self.controllers = controllers
        self.kernel = controllers.kernel
        self.name = controllers.name
        self.plane = controllers.plane
        self.nodes = nodes
        self._held: list[Callable[[int], None]] = []

    # What operators and scripts do

    def add(self, node: KubeNode, cause: int) -> int:
        """A node registers. It is NotReady until its kubelet reports and the pod network reaches it.

        A node that was there before keeps its object: nothing happens.
        """
        if node.alias in self.nodes:
            return cause
        node.ready, node.fresh, node.silent_since = False, True, self.kernel.now
        node.born_ms = self.kernel.now
        self.nodes[node.alias] = node
        seq = self.kernel.trace.add("node.added", self._subject(node), cause, name=node.name)
        self.controllers.reconcile(seq)
        self.changed.fire(seq)
        return seq

    def remove(self, alias: str, cause: int) -> int:
        """A node object is deleted; what is still bound to it serves no more, and is collected within a minute."""
        node = self.nodes.pop(alias)
        seq = self.kernel.trace.add("node.removed", self._subject(node), cause, name=node.name)
        for pod in self.controllers.on(node):
            self._lose(pod, alias, "its node was deleted", seq, running=False)
        self.controllers.judge_workloads(seq)
        self._collect(node, seq)
        self._nodes_changed(seq)
        return seq

    def apply_network(self, cause: int) -> None:
        """The network plugin is applied: nodes that report become Ready."""
        self.has_network = True
        for node in self.nodes.values():
            if node.fresh and node.silent_since is None:
                self._report_node(node, node.kubelet_version, cause)

    def uncordon(self, alias: str, cause: int) -> int:
        """Mark a node schedulable again; pods that wait may go there."""
        node = self.nodes[alias]
        if not node.unschedulable:
            return cause
        node.unschedulable = False
        seq = self.kernel.trace.add("node.uncordoned", self._subject(node), cause)
        self.controllers.reconcile(seq)
        self.changed.fire(seq)
        return seq

    def relabel(
        self, alias: str, cause: int, labels: Mapping[str, str] | None = None, taints: tuple[Taint, ...] | None = None
    ) -> int:
        """Give a node other labels or taints; pods that wait may go there, pods that are there stay."""
        node = self.nodes[alias]
        node.labels = node.labels if labels is None else dict(labels)
        node.taints = node.taints if taints is None else taints
        shown = {"labels": sorted(node.labels), "taints": [taint.key for taint in node.taints]}
        seq = self.kernel.trace.add("node.relabelled", self._subject(node), cause, **shown)
        self.controllers.reconcile(seq)
        self.changed.fire(seq)
        return seq

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
            if node.silent_since is None and self.nodes.get(alias) is node:
                self._report_node(node, version, cause)

        self.plane.when_works(report, cause)
        self.controllers.start_pods_on(node, cause)

    def host_stopped(self, alias: str, cause: int) -> None:
        """A node's host is gone: its containers and its kubelet stop at once."""
        for pod in self.controllers.on(self.nodes[alias]):
            if pod.running:
                self._lose(pod, alias, "its host is down", cause, running=False)
        self.controllers.judge_workloads(cause)
        self.kubelet_stopped(alias, cause)

    # Inside

    def _subject(self, node: KubeNode) -> str:
        return f"{self.name}/{node.alias}"

    def _lose(self, pod: Pod, alias: str, why: str, cause: int, *, running: bool) -> None:
        """A pod no longer serves, and perhaps no longer runs."""
        told = pod.ready or (pod.running and not running)
        pod.ready, pod.running = False, pod.running and running
        if told:
            self.kernel.trace.add("pod.lost", f"{self.name}/{pod.key}", cause, node=alias, why=why)

    def _report_node(self, node: KubeNode, version: str, cause: int) -> None:
        if node.kubelet_version != version:
            node.kubelet_version = version
            cause = self.kernel.trace.add("node.version", self._subject(node), cause, version=version)
        if not node.fresh:
            self._make_ready(node, cause)
        elif self.has_network:
            took = self.kernel.streams.draw(self._subject(node), catalog().duration("node-network-start"))
            self.kernel.later(took, lambda: self._join(node, cause))
        self.changed.fire(cause)

    def _join(self, node: KubeNode, cause: int) -> None:
        """The pod network reaches a new node."""
        if self.nodes.get(node.alias) is node and node.silent_since is None:
            node.fresh = False
            self.plane.when_works(lambda cause: self._make_ready(node, cause), cause)

    def _make_ready(self, node: KubeNode, cause: int) -> None:
        if not node.ready:
            node.ready = True
            cause = self.kernel.trace.add("node.ready", self._subject(node), cause)
            for pod in self.controllers.on(node):
                if pod.running and not pod.ready and not pod.terminating:
                    pod.ready = True
                    self.kernel.trace.add("pod.ready", f"{self.name}/{pod.key}", cause, node=node.alias)
            self.controllers.judge_workloads(cause)
            self.controllers.reconcile(cause)
            held, self._held = self._held, []
            for again in held:
                again(cause)
            self.controllers.changed.fire(cause)
        self._nodes_changed(cause)

    def _nodes_changed(self, cause: int) -> None:
        for told in self.on_change:
            told(cause)
        self.changed.fire(cause)

    def _judge_silence(self, node: KubeNode, since: int, cause: int) -> None:
        def judge() -> None:
            if node.silent_since == since:
                self.plane.when_works(lambda cause: self._mark_not_ready(node, since, cause), cause)

        self.kernel.later(catalog().constant("node_monitor_grace_ms"), judge)

    def _mark_not_ready(self, node: KubeNode, since: int, cause: int) -> None:
        if node.silent_since != since or not node.ready or self.nodes.get(node.alias) is not node:
            return
        node.ready = False
        why = f"kubelet silent for {catalog().constant('node_monitor_grace_ms') // 1000} s"
        seq = self.kernel.trace.add("node.not-ready", self._subject(node), cause, why=why)
        for pod in self.controllers.on(node):
            if pod.ready:
                self._lose(pod, node.alias, "node not Ready", seq, running=True)
        self.controllers.judge_workloads(seq)
        self.changed.fire(seq)
        self._await_eviction(node, since, seq)

    def _await_eviction(self, node: KubeNode, since: int, cause: int) -> None:
        def judge() -> None:
            if node.silent_since == since:
                self.plane.when_works(lambda cause: self._evict(node, since, cause), cause)

        self.kernel.later(catalog().constant("pod_toleration_ms"), judge)

    def _evict(self, node: KubeNode, since: int, cause: int) -> None:
        """Delete the pods of a node that stayed away.

        When no node is Ready, nobody is evicted: the fault is elsewhere. Once one is, the time counts anew.
        """
        if node.silent_since != since or self.nodes.get(node.alias) is not node:
            return
        if not any(other.ready for other in self.nodes.values()):
            self._held.append(lambda cause: self._await_eviction(node, since, cause))
            return
        why = f"{node.alias} unreachable for {catalog().constant('pod_toleration_ms') // 1000} s"
        for pod in self.controllers.on(node):
            # A StatefulSet's name is unique: Kubernetes makes no second one while the node may still run it.
            if pod.owner.kind not in ("DaemonSet", "StatefulSet"):
                self.controllers.remove(pod, cause, why, forced=True)
        self.controllers.reconcile(cause)

    def _collect(self, node: KubeNode, cause: int) -> None:
        """Let the garbage collector find the pods of a node that is gone: seen by one sweep, removed by a later one."""
        sweep, quarantine = catalog().constant("pod_gc_sweep_ms"), catalog().constant("pod_gc_quarantine_ms")
        seen_in = -self.kernel.now % sweep

        def collect(cause: int) -> None:
            for pod in self.controllers.on(node):
                if self.controllers.node_named(node.name) is None:
                    self.controllers.remove(pod, cause, f"node {node.name} is gone", forced=True)

        if self.controllers.on(node):
            self.kernel.later(seen_in + quarantine, lambda: self.plane.when_works(collect, cause))

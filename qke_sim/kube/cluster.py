"""Kubernetes in one cluster: its nodes and what is known of them, in front of controllers, storage and drains.

Nothing here polls. A kubelet that falls silent becomes NotReady at a known instant, its pods are evicted at another;
what controllers do when nothing works is to wait until an API server answers again.
Figures: Kubernetes defaults, node-monitor-grace-period 40 s, default toleration of not-ready and unreachable 300 s;
pods of a node whose object is gone are collected by sweeps every 20 s after a quarantine of 40 s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qke_core.catalog import catalog
from qke_core.resources import Resource
from qke_sim.cloud import Cloud, Cluster, Thing
from qke_sim.kernel import Kernel, Process, Signal
from qke_sim.kube.ccm import CloudController
from qke_sim.kube.controllers import Controllers
from qke_sim.kube.controlplane import ControlPlane
from qke_sim.kube.csi import Storage
from qke_sim.kube.drain import Drainer, DrainManner, DrainResult
from qke_sim.kube.notes import Notes
from qke_sim.kube.objects import (
    Attachment,
    Claim,
    DisruptionBudget,
    KubeEvent,
    KubeNode,
    Objects,
    Pod,
    Resources,
    Service,
    Taint,
    Workload,
)
from qke_sim.kube.scheduler import used_by_node


class KubeCluster:
    """The Kubernetes of one cluster, behind its control plane."""

    def __init__(self, kernel: Kernel, name: str, plane: ControlPlane, nodes: list[KubeNode], objects: Objects) -> None:
        """Begin with `nodes`, Ready unless they say otherwise; a cluster that begins without has no pod network yet."""
        self.kernel = kernel
        self.name = name
        self.plane = plane
        self.nodes = {node.alias: node for node in nodes}
        self.objects = objects
        self.controllers = Controllers(kernel, name, plane, self.nodes, objects)
        self.changed = Signal(kernel)
        self.has_network = bool(nodes)
        self.notes = Notes(kernel, name)
        self.storage: Storage | None = None
        self.cloud_controller: CloudController | None = None
        self._drainer = Drainer(self.controllers)
        self._held: list[Callable[[int], None]] = []

    def start(self, cause: int) -> None:
        """Place the pods that exist at the beginning."""
        self.controllers.start(cause)
        if self.storage is not None:
            self.storage.adopt()
        if self.cloud_controller is not None:
            self.cloud_controller.adopt()
            for service in self.objects.services:
                self.cloud_controller.settle(service.key, cause)

    @property
    def pods(self) -> list[Pod]:
        """All pods, in the order of their making."""
        return self.controllers.pods

    def connect(self, cloud: Cloud, cluster: Cluster, driver: Callable[[], str]) -> CloudController:
        """Give the cluster storage and balancers in the cloud; `driver` tells the CSI driver's version, "" for none."""
        self.storage = Storage(self.controllers, self.notes, cloud, cluster, driver)
        self.controllers.volumes = self.storage
        self.cloud_controller = CloudController(self.controllers, self.notes, cloud, cluster)
        cloud.store.watchers.append(self._cloud_changed)
        return self.cloud_controller

    # Nodes: what operators and scripts do

    def add_node(self, node: KubeNode, cause: int) -> int:
        """A node registers. It is NotReady until its kubelet reports and the pod network reaches it.

        A node that was there before keeps its object: nothing happens.
        """
        if node.alias in self.nodes:
            return cause
        node.ready, node.fresh, node.silent_since = False, True, self.kernel.now
        self.nodes[node.alias] = node
        seq = self.kernel.trace.add("node.added", self._subject(node), cause, name=node.name)
        self.controllers.reconcile(seq)
        self.changed.fire(seq)
        return seq

    def remove_node(self, alias: str, cause: int) -> int:
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

    def cordon(self, alias: str, cause: int) -> int:
        """Mark a node unschedulable; return the record, or `cause` when it was so already."""
        return self._drainer.cordon(alias, cause)

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

    def drain(self, aliases: tuple[str, ...], manner: DrainManner, by: str, cause: int) -> Process[DrainResult]:
        """Cordon nodes and evict their pods, as `kubectl drain` does."""
        return self._drainer.drain(aliases, manner, by, cause)

    # Objects: what operators and scripts do

    def evict(self, pod: Pod, by: str, cause: int) -> int:
        """Evict one pod; return the API server's code, 201 when it goes."""
        return self._drainer.evict(pod, by, cause)

    def apply(self, workload: Workload, cause: int) -> int:
        """Make a workload."""
        seq = self._told("object.applied", workload.key, cause, what=workload.kind)
        self.controllers.add(workload, seq)
        return seq

    def apply_objects(self, objects: Objects, cause: int) -> int:
        """Make everything that a manifest brings: budgets and claims first, so that pods meet them."""
        for budget in objects.budgets:
            cause = self.replace_budget(None, budget, cause)
        for claim in objects.claims:
            cause = self.claim(claim, cause)
        for service in objects.services:
            cause = self.apply_service(service, cause)
        for workload in objects.workloads:
            cause = self.apply(workload, cause)
        return cause

    def scale(self, workload: Workload, replicas: int, cause: int) -> int:
        """Give a workload another number of pods."""
        change = f"replicas {workload.replicas} -> {replicas}"
        seq = self._told("object.changed", workload.key, cause, what=workload.kind, change=change)
        self.controllers.scale(workload, replicas, seq)
        return seq

    def delete(self, workload: Workload, cause: int) -> int:
        """Delete a workload, and so its pods; claims stay."""
        seq = self._told("object.deleted", workload.key, cause, what=workload.kind)
        self.controllers.delete(workload, seq)
        return seq

    def replace_budget(self, old: DisruptionBudget | None, new: DisruptionBudget | None, cause: int) -> int:
        """Make, change or delete a disruption budget."""
        found = new or old
        if found is None:
            return cause
        budgets = self.objects.budgets
        place = budgets.index(old) if old is not None else len(budgets)
        budgets[place : place + 1] = [] if new is None else [new]
        kind = "object.deleted" if new is None else "object.applied"
        seq = self._told(kind, found.key, cause, what="PodDisruptionBudget")
        self.controllers.changed.fire(seq)
        return seq

    def claim(self, claim: Claim, cause: int) -> int:
        """Make a claim; without storage in the cloud it is as it says it is."""
        seq = self._told("object.applied", claim.key, cause, what="PersistentVolumeClaim")
        if self.storage is None:
            self.objects.claims.append(claim)
        else:
            self.storage.add(claim, seq)
        return seq

    def delete_claim(self, claim: Claim, cause: int) -> int:
        """Delete a claim, and its volume with it, as soon as no pod uses it."""
        seq = self._told("object.deleted", claim.key, cause, what="PersistentVolumeClaim")
        if self.storage is None:
            self.objects.claims.remove(claim)
        else:
            self.storage.delete(claim, seq)
        return seq

    def release(self, attachment: Attachment, cause: int) -> int:
        """Take the finalizer from a VolumeAttachment (guide G-138)."""
        seq = self._told("object.changed", attachment.name, cause, what="VolumeAttachment", change="no finalizer")
        if self.storage is not None:
            self.storage.release(attachment, seq)
        return seq

    def apply_service(self, service: Service, cause: int) -> int:
        """Make a Service, or change the one of its name."""
        if self.cloud_controller is not None:
            self.cloud_controller.apply(service, cause)
        return cause

    def delete_service(self, service: Service, cause: int) -> int:
        """Delete a Service; it is there until its load balancer is gone."""
        seq = self._told("object.deleted", service.key, cause, what="Service")
        if self.cloud_controller is None:
            self.objects.services.remove(service)
        else:
            self.cloud_controller.delete(service, seq)
        return seq

    def serves(self, alias: str, port: int) -> bool:
        """Whether a node answers at a node port: kube-proxy runs there, and a pod serves behind the Service."""
        node = self.nodes.get(alias)
        if node is None or node.silent_since is not None:
            return False
        for service in self.objects.services:
            if port in (node_port for _, node_port in service.ports) and service.type != "ClusterIP":
                return any(pod.ready and self._selects(service, pod) for pod in self.pods)
        return False

    def move_instance(self, alias: str, instance_id: str, cause: int) -> None:
        """A node has another machine than before; its name stays."""
        if self.storage is None:
            self.nodes[alias].instance_id = instance_id
        else:
            self.storage.move_instance(self.nodes[alias], instance_id, cause)

    def wake(self, cause: int) -> None:
        """The storage driver was installed, or the cloud has more room than before: what waits is tried again."""
        if self.storage is not None:
            self.storage.settle_all(cause)
        self._retry(cause)

    @property
    def attachments(self) -> list[Attachment]:
        """The VolumeAttachments."""
        return [] if self.storage is None else self.storage.attachments

    @property
    def events(self) -> list[KubeEvent]:
        """The Events, oldest first."""
        return self.notes.events

    def workload(self, key: str) -> Workload | None:
        """Return the workload called `namespace/name`; None when there is none."""
        return next((found for found in self.objects.workloads if found.key == key), None)

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

    def host_started(self, alias: str, version: str, cause: int) -> None:
        """A node's host runs again: kubelet first, then the pods that are still bound to it."""
        self.kubelet_started(alias, version, cause)

    def free(self) -> dict[str, Resources]:
        """Return what is left on each node, by alias."""
        used = used_by_node(self.pods)
        return {node.alias: node.allocatable - used.get(node.name, Resources()) for node in self.nodes.values()}

    # Inside

    def _cloud_changed(self, thing: Thing, before: Resource | None, after: Resource | None, seq: int) -> None:
        """Something in the cloud counts for less than before: what waits for a quota is tried again."""
        _ = thing
        if before is not None and (after is None or after.size_gib < before.size_gib):
            self._retry(seq)

    def _retry(self, cause: int) -> None:
        for waiting in (self.storage, self.cloud_controller):
            if waiting is not None:
                waiting.retries.wake(cause)

    @staticmethod
    def _selects(service: Service, pod: Pod) -> bool:
        labels = pod.owner.template.labels
        return service.namespace == pod.owner.namespace and all(labels.get(k) == v for k, v in service.selector.items())

    def _told(self, kind: str, key: str, cause: int, **facts: str) -> int:
        return self.kernel.trace.add(kind, f"{self.name}/{key}", cause, **facts)

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
        if self.cloud_controller is not None:
            self.cloud_controller.nodes_changed(cause)
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

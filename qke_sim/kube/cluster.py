"""Kubernetes in one cluster: its nodes and objects, in front of controllers, storage, balancers and drains.

This is what scripts of the product, operators and hosts deal with; what follows from it is decided behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qke_core.resources import Resource
from qke_sim.cloud import Cloud, Cluster, Thing
from qke_sim.kernel import Kernel, Process
from qke_sim.kube.ccm import CloudController
from qke_sim.kube.controllers import Controllers
from qke_sim.kube.controlplane import ControlPlane
from qke_sim.kube.csi import Storage
from qke_sim.kube.drain import Drainer, DrainManner, DrainResult
from qke_sim.kube.nodelife import NodeLife
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
        self._life = NodeLife(self.controllers, self.nodes)
        self.changed = self._life.changed
        self.notes = Notes(kernel, name)
        self.storage: Storage | None = None
        self.cloud_controller: CloudController | None = None
        self._drainer = Drainer(self.controllers)

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
        self._life.on_change.append(self.cloud_controller.nodes_changed)
        cloud.store.watchers.append(self._cloud_changed)
        return self.cloud_controller

    # Nodes: what operators and scripts do

    def add_node(self, node: KubeNode, cause: int) -> int:
        """A node registers; one that was there before keeps its object. It is Ready once its kubelet reports."""
        return self._life.add(node, cause)

    def remove_node(self, alias: str, cause: int) -> int:
        """A node object is deleted; what is still bound to it serves no more, and is collected within a minute."""
        return self._life.remove(alias, cause)

    def apply_network(self, cause: int) -> None:
        """The network plugin is applied: nodes that report become Ready."""
        self._life.apply_network(cause)

    def cordon(self, alias: str, cause: int) -> int:
        """Mark a node unschedulable; return the record, or `cause` when it was so already."""
        return self._drainer.cordon(alias, cause)

    def uncordon(self, alias: str, cause: int) -> int:
        """Mark a node schedulable again; pods that wait may go there."""
        return self._life.uncordon(alias, cause)

    def relabel(
        self, alias: str, cause: int, labels: Mapping[str, str] | None = None, taints: tuple[Taint, ...] | None = None
    ) -> int:
        """Give a node other labels or taints; pods that wait may go there, pods that are there stay."""
        return self._life.relabel(alias, cause, labels, taints)

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
        else:
            self.objects.services.append(service)
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
        self._life.kubelet_stopped(alias, cause)

    def kubelet_started(self, alias: str, version: str, cause: int) -> None:
        """A node's kubelet runs, at `version`; it reports as soon as an API server answers."""
        self._life.kubelet_started(alias, version, cause)

    def host_stopped(self, alias: str, cause: int) -> None:
        """A node's host is gone: its containers and its kubelet stop at once."""
        self._life.host_stopped(alias, cause)

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

"""Controllers, scheduler and kubelets of one cluster, as far as pods are concerned.

Pods are made for what workloads wish, placed, started, ended and made again. Nothing polls: each method is told what
happened, does what follows at that instant and plans what follows later. Who calls sees to it that an API server
answers, except where a kubelet alone acts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qke_core.catalog import catalog
from qke_sim.kernel import Kernel, Signal
from qke_sim.kube.controlplane import ControlPlane
from qke_sim.kube.objects import KubeNode, Objects, Pod, Resources, Workload
from qke_sim.kube.podvolumes import NoVolumes, Volumes
from qke_sim.kube.scheduler import choose_node, why_not

UNBOUND = "pod has unbound immediate PersistentVolumeClaims"


class Controllers:
    """All pods of a cluster, and what is done to them. `nodes` is the cluster's own table."""

    def __init__(
        self, kernel: Kernel, name: str, plane: ControlPlane, nodes: Mapping[str, KubeNode], objects: Objects
    ) -> None:
        """Begin without pods."""
        self.kernel = kernel
        self.name = name
        self.plane = plane
        self.nodes = nodes
        self.objects = objects
        self.pods: list[Pod] = []
        self.changed = Signal(kernel)
        self.volumes: Volumes = NoVolumes()
        self.hanging: set[str] = set()
        self._registry = True
        self._unpulled: list[Callable[[int], None]] = []

    def start(self, cause: int) -> None:
        """Place the pods that exist at the beginning; they have been running for long. Tell what cannot run at all."""
        for workload in self.objects.workloads:
            pinned = self._eligible(workload) if workload.kind == "DaemonSet" else [None] * workload.replicas
            for node in pinned:
                pod = self._new_pod(workload, node)
                pod.running = pod.ready = self._bind(pod, cause) and self._node(pod).ready and not workload.done
                pod.ran_on = pod.node
            workload.available = workload.replicas > 0 and not workload.done
        self.judge_workloads(cause)

    # What others ask for

    def reconcile(self, cause: int) -> None:
        """Make the pods that are missing, end those that are too many, then place everything that has no node."""
        for workload in list(self.objects.workloads):
            if workload.kind == "DaemonSet":
                self._reconcile_daemons(workload, cause)
            elif workload.kind != "Pod" and not workload.done:
                self._reconcile_replicas(workload, cause)
        self.place(cause)

    def place(self, cause: int) -> None:
        """Try to give a node to every pod that has none."""
        for pod in list(self.pods):
            if pod.node is None and not pod.terminating and self._bind(pod, cause):
                self.start_pod(pod, cause)

    def add(self, workload: Workload, cause: int) -> None:
        """A workload comes into being, with its pods."""
        workload.available = False
        self.objects.workloads.append(workload)
        if workload.kind == "Pod":
            self._make(workload, None, cause, "the user")
        self.reconcile(cause)
        self.changed.fire(cause)

    def scale(self, workload: Workload, replicas: int, cause: int) -> None:
        """A workload shall have another number of pods."""
        workload.replicas = replicas
        self.reconcile(cause)
        self.judge_workloads(cause)
        self.changed.fire(cause)

    def delete(self, workload: Workload, cause: int) -> None:
        """A workload goes; its pods end as usual."""
        self.objects.workloads.remove(workload)
        for pod in self.of(workload):
            self.terminate(pod, cause, by="the garbage collector", why=f"{workload.key} was deleted")

    def complete(self, workload: Workload, cause: int) -> None:
        """A Job's work is over: its pod stays, and runs no more."""
        workload.done = True
        for pod in self.of(workload):
            pod.running = pod.ready = False
        self.changed.fire(cause)
        self.place(cause)

    def terminate(self, pod: Pod, cause: int, *, by: str, why: str) -> int:
        """Delete a pod gracefully: it serves no more at once, and is gone when its containers have ended."""
        if pod.terminating or pod not in self.pods:
            return pod.terminating or cause
        seq = self.kernel.trace.add("pod.terminating", self.subject(pod), cause, by=by, why=why)
        pod.terminating, served = seq, pod.ready
        pod.ready = False
        if served:
            self.judge_workloads(seq)
        if pod.node is None or pod.finished:
            self.remove(pod, seq, why)
        elif not self._hangs(pod):
            self.kernel.later(self._stop_ms(pod), lambda: self.end(pod))
        self.changed.fire(seq)
        self.reconcile(seq)
        return seq

    def end(self, pod: Pod) -> None:
        """The containers of a terminating pod have ended; a kubelet must say so, to an API server that answers."""
        node = self.node_named(pod.node)
        if pod not in self.pods or self._hangs(pod) or (node is not None and node.silent_since is not None):
            return
        pod.running = False
        self.plane.when_works(lambda _: self.remove(pod, pod.terminating, "its containers have ended"), pod.terminating)

    def remove(self, pod: Pod, cause: int, why: str, *, forced: bool = False) -> None:
        """Take a pod away at once."""
        if pod not in self.pods:
            return
        self.pods.remove(pod)
        seq = self.kernel.trace.add("pod.deleted", self.subject(pod), cause, why=why)
        if pod.owner.kind == "Pod" and pod.owner in self.objects.workloads:
            self.objects.workloads.remove(pod.owner)
        self.volumes.unmount(pod, seq, forced=forced)
        self.judge_workloads(seq)
        self.reconcile(seq)
        self.changed.fire(seq)

    def set_registry(self, cause: int, *, reached: bool) -> None:
        """Whether images can be fetched; pods that wait for theirs go on as soon as they can."""
        self._registry = reached
        waiting, self._unpulled = (self._unpulled, []) if reached else ([], self._unpulled)
        for start in waiting:
            start(cause)

    def hang(self, key: str) -> None:
        """From now on the pods of a workload, or one pod, never end; `key` is `namespace/name`."""
        self.hanging.add(key)

    def unhang(self, key: str) -> None:
        """What hung ends now."""
        self.hanging.discard(key)
        for pod in list(self.pods):
            if pod.terminating and key in (pod.key, pod.owner.key):
                self.end(pod)

    # Kubelets

    def start_pods_on(self, node: KubeNode, cause: int) -> None:
        """A kubelet is back: pods bound to its node start again, those that were to end have ended."""
        for pod in list(self.pods):
            if pod.node == node.name and pod.terminating:
                self.end(pod)
            elif pod.node == node.name and not pod.running and not pod.finished:
                self.start_pod(pod, cause)

    def start_pod(self, pod: Pod, cause: int) -> None:
        """Let a bound pod start on its node; it serves once it runs and the node is Ready."""
        node = self._node(pod)
        self.volumes.mount(pod, node, cause, lambda cause: self._run_later(pod, node, cause))

    def _run_later(self, pod: Pod, node: KubeNode, cause: int) -> None:
        subject, facts, given = self.subject(pod), catalog(), pod.owner.template.start_ms
        if given is None:
            # The images of the product lie on its nodes, and what ran on a node before has left its image there.
            pulled = not pod.owner.system and pod.ran_on != node.name
            if pulled and not self._registry:
                self._unpulled.append(lambda cause: self._run_later(pod, node, cause))
                return
            took = self.kernel.streams.draw(subject, facts.duration("image-pull")) if pulled else 0
            took += self.kernel.streams.draw(subject, facts.duration("pod-start"))
        else:
            took = given

        def run() -> None:
            if pod not in self.pods or pod.running or pod.terminating or pod.finished or pod.node != node.name:
                return
            if node.silent_since is not None:
                return  # Without a kubelet nothing starts; it tries again when it is back.
            pod.running, pod.ran_on = True, node.name
            if node.ready:
                pod.ready = True
                seq = self.kernel.trace.add("pod.ready", subject, cause, node=node.alias)
                self.judge_workloads(seq)
                self.changed.fire(seq)

        self.kernel.later(took, run)

    def judge_workloads(self, cause: int) -> None:
        """Tell which workloads lost their last serving pod, or got one back."""
        serving = {pod.owner.key for pod in self.pods if pod.ready}
        for workload in self.objects.workloads:
            if workload.replicas == 0 or workload.kind in ("DaemonSet", "Job"):
                continue
            available = workload.key in serving
            if available != workload.available:
                workload.available = available
                kind = "workload.available" if available else "workload.unavailable"
                self.kernel.trace.add(kind, f"{self.name}/{workload.key}", cause)

    # Questions

    def subject(self, pod: Pod) -> str:
        """Return what the trace calls a pod."""
        return f"{self.name}/{pod.key}"

    def of(self, workload: Workload) -> list[Pod]:
        """List the pods of a workload."""
        return [pod for pod in self.pods if pod.owner is workload]

    def on(self, node: KubeNode) -> list[Pod]:
        """List the pods bound to a node."""
        return [pod for pod in self.pods if pod.node == node.name]

    def node_named(self, name: str | None) -> KubeNode | None:
        """Return the node that Kubernetes calls `name`; None when there is none."""
        return next((node for node in self.nodes.values() if node.name == name), None)

    def _node(self, pod: Pod) -> KubeNode:
        return next(node for node in self.nodes.values() if node.name == pod.node)

    def _hangs(self, pod: Pod) -> bool:
        return pod.owner.template.hangs or pod.key in self.hanging or pod.owner.key in self.hanging

    def _stop_ms(self, pod: Pod) -> int:
        """Return how long a pod takes to end: what it needs, at most its grace period."""
        template = pod.owner.template
        needed = template.stop_ms
        if needed is None:
            needed = self.kernel.streams.draw(self.subject(pod), catalog().duration("pod-stop"))
        return min(needed, template.grace_ms)

    # Inside

    def _reconcile_replicas(self, workload: Workload, cause: int) -> None:
        """Replace what is being deleted at once; a StatefulSet waits until a name is free."""
        own = self.of(workload)
        alive = own if workload.kind == "StatefulSet" else [pod for pod in own if not pod.terminating]
        for _ in range(workload.replicas - len(alive)):
            self._make(workload, None, cause, "the controller")
        for pod in _surplus(workload, [pod for pod in own if not pod.terminating]):
            self.terminate(pod, cause, by="the controller", why=f"{workload.key} wants {workload.replicas}")

    def _reconcile_daemons(self, workload: Workload, cause: int) -> None:
        served = {pod.pinned for pod in self.pods if pod.owner is workload}
        for node in self._eligible(workload):
            if node not in served:
                self._make(workload, node, cause, "the controller")

    def _eligible(self, workload: Workload) -> list[str]:
        """Return the names of the nodes that a DaemonSet wants a pod on."""
        nodes = self.nodes.values()
        return [n.name for n in nodes if not why_not(workload.template, n, Resources(), daemon=True)]

    def _make(self, workload: Workload, pinned: str | None, cause: int, by: str) -> None:
        pod = self._new_pod(workload, pinned)
        seq = self.kernel.trace.add("pod.created", self.subject(pod), cause, by=by)
        self.volumes.claim(pod, seq)

    def _new_pod(self, workload: Workload, pinned: str | None) -> Pod:
        pod = Pod(self._name(workload), workload, pinned=pinned, born_ms=self.kernel.now)
        workload.made += 1
        self.pods.append(pod)
        return pod

    def _name(self, workload: Workload) -> str:
        """Return the next pod's name; a StatefulSet fills its lowest free place."""
        if workload.kind == "Pod":
            return workload.name
        if workload.kind != "StatefulSet":
            return f"{workload.name}-{workload.made}"
        taken = {pod.name for pod in self.pods if pod.owner is workload}
        places = (f"{workload.name}-{place}" for place in range(len(taken) + 1))
        return next(name for name in places if name not in taken)

    def _bind(self, pod: Pod, cause: int) -> bool:
        if self.volumes.unbound(pod):
            node, why = None, UNBOUND
        else:
            candidates = [node for node in self.nodes.values() if pod.pinned in (None, node.name)]
            node, why = choose_node(pod, candidates, self.pods, lambda node: self.volumes.veto(pod, node))
        if node is None:
            if why != pod.why:
                self.kernel.trace.add("pod.pending", self.subject(pod), cause, why=why)
            pod.why = why
            return False
        pod.node, pod.why = node.name, ""
        self.kernel.trace.add("pod.bound", self.subject(pod), cause, node=node.alias)
        return True


def _surplus(workload: Workload, alive: list[Pod]) -> list[Pod]:
    """Return the pods that are too many: of a StatefulSet the last, else those that serve least, then the newest."""
    extra = len(alive) - workload.replicas
    if extra <= 0:
        return []
    if workload.kind == "StatefulSet":
        return sorted(alive, key=lambda pod: int(pod.name.rpartition("-")[2]))[-extra:]
    ranked = sorted(enumerate(alive), key=lambda item: (item[1].ready, item[1].running, -item[0]))
    return [pod for _, pod in ranked[:extra]]

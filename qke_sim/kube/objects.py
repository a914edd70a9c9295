"""Kubernetes objects, as far as this twin acts on them; JSON is made only at the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from qke_core.effects import Json
from qke_core.effects.kube import INSTANCE_ID_ANNOTATION

WorkloadKind = Literal["Deployment", "StatefulSet", "DaemonSet"]
MASTER_TAINT = "node-role.kubernetes.io/master"


@dataclass(frozen=True, slots=True)
class Resources:
    """CPU in millicores, memory in bytes, number of pods."""

    cpu_m: int = 0
    memory: int = 0
    pods: int = 0

    def __add__(self, other: Resources) -> Resources:
        """Return the sum, part by part."""
        return Resources(self.cpu_m + other.cpu_m, self.memory + other.memory, self.pods + other.pods)

    def __sub__(self, other: Resources) -> Resources:
        """Return the difference, part by part."""
        return Resources(self.cpu_m - other.cpu_m, self.memory - other.memory, self.pods - other.pods)


@dataclass(frozen=True, slots=True)
class Toleration:
    """A pod's toleration. An empty key tolerates every taint; an empty effect every effect; a None value any value."""

    key: str = ""
    effect: str = ""
    value: str | None = None

    def tolerates(self, key: str, value: str, effect: str) -> bool:
        """Whether this toleration covers a taint."""
        return self.key in ("", key) and self.effect in ("", effect) and self.value in (None, value)


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """What every pod of a workload is like. `requests` is what the scheduler counts, one pod included."""

    labels: Mapping[str, str]
    requests: Resources
    node_selector: Mapping[str, str]
    tolerations: tuple[Toleration, ...]


@dataclass(slots=True)
class Workload:
    """A Deployment, StatefulSet or DaemonSet. `key` is `namespace/name`; `made` counts the pods made so far."""

    kind: WorkloadKind
    namespace: str
    name: str
    replicas: int
    template: PodTemplate
    system: bool = False
    made: int = 0
    available: bool = True

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


@dataclass(slots=True)
class Pod:
    """One pod. `running`: its containers run. `ready`: its endpoint is offered to clients."""

    name: str
    owner: Workload
    node: str | None = None
    running: bool = False
    ready: bool = False

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.owner.namespace}/{self.name}"

    @property
    def phase(self) -> str:
        """The phase that `kubectl get pod` shows."""
        return "Running" if self.running else "Pending"


@dataclass(frozen=True, slots=True)
class Taint:
    """A node's taint."""

    key: str
    effect: str
    value: str = ""


@dataclass(slots=True)
class KubeNode:
    """One Node. `alias` ties it to the host; `name` is what Kubernetes calls it."""

    name: str
    alias: str
    instance_id: str
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    allocatable: Resources
    kubelet_version: str
    ready: bool = True
    unschedulable: bool = False
    silent_since: int | None = None


@dataclass(slots=True)
class Claim:
    """A PersistentVolumeClaim; `phase` is Bound or Pending."""

    namespace: str
    name: str
    phase: str


@dataclass(frozen=True, slots=True)
class Service:
    """A Service; its endpoints are the ready pods that its selector matches."""

    namespace: str
    name: str
    selector: Mapping[str, str]


@dataclass(slots=True)
class Objects:
    """What manifests bring into a cluster."""

    workloads: list[Workload] = field(default_factory=list["Workload"])
    claims: list[Claim] = field(default_factory=list["Claim"])
    services: list[Service] = field(default_factory=list["Service"])


def node_json(node: KubeNode) -> dict[str, Json]:
    """Return a Node as the API server shows it."""
    return {
        "metadata": {
            "name": node.name,
            "labels": dict(node.labels),
            "annotations": {INSTANCE_ID_ANNOTATION: node.instance_id},
        },
        "spec": {
            "taints": [{"key": taint.key, "value": taint.value, "effect": taint.effect} for taint in node.taints],
            "unschedulable": node.unschedulable,
        },
        "status": {
            "conditions": [{"type": "Ready", "status": "True" if node.ready else "Unknown"}],
            "nodeInfo": {"kubeletVersion": f"v{node.kubelet_version}"},
            "allocatable": {
                "cpu": f"{node.allocatable.cpu_m}m",
                "memory": str(node.allocatable.memory),
                "pods": str(node.allocatable.pods),
            },
        },
    }


def pod_json(pod: Pod) -> dict[str, Json]:
    """Return a Pod as the API server shows it."""
    return {
        "metadata": {
            "namespace": pod.owner.namespace,
            "name": pod.name,
            "labels": dict(pod.owner.template.labels),
        },
        "spec": {"nodeName": pod.node},
        "status": {
            "phase": pod.phase,
            "conditions": [{"type": "Ready", "status": "True" if pod.ready else "False"}],
        },
    }


def claim_json(claim: Claim) -> dict[str, Json]:
    """Return a PersistentVolumeClaim as the API server shows it."""
    return {"metadata": {"namespace": claim.namespace, "name": claim.name}, "status": {"phase": claim.phase}}

"""Kubernetes objects, as far as this twin acts on them; JSON is made only at the door (`views`).

`born_ms` is when an object was made; 0 for what has stood since before the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from qke_core.resources import Origin

WorkloadKind = Literal["Deployment", "StatefulSet", "DaemonSet", "Job", "Pod"]
"""Who makes pods. `Pod` is a pod that nobody manages: it is made once and never again."""
ServiceType = Literal["ClusterIP", "NodePort", "LoadBalancer"]
MASTER_TAINT = "node-role.kubernetes.io/master"
GRACE_MS = 30_000
"""Default of terminationGracePeriodSeconds."""


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
class ClaimTemplate:
    """What every pod of a StatefulSet claims: a volume of `gib` GiB from a class, "" for the default one."""

    name: str
    gib: int = 10
    storage_class: str = ""


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """What every pod of a workload is like. `requests` is what the scheduler counts, one pod included.

    `emptydir`: it keeps data in an emptyDir volume. `claims` names the claims it mounts, in its own namespace.
    `start_ms` and `stop_ms` are how long its containers take to start and to end, None when that is drawn; `hangs`:
    they never end.
    """

    labels: Mapping[str, str]
    requests: Resources
    node_selector: Mapping[str, str]
    tolerations: tuple[Toleration, ...]
    emptydir: bool = False
    grace_ms: int = GRACE_MS
    claims: tuple[str, ...] = ()
    start_ms: int | None = None
    stop_ms: int | None = None
    hangs: bool = False


@dataclass(slots=True)
class Workload:
    """Something that makes pods. `key` is `namespace/name`; `made` counts the pods made so far.

    `done`: a Job whose work is over; its pods stay and count as completed.
    """

    kind: WorkloadKind
    namespace: str
    name: str
    replicas: int
    template: PodTemplate
    system: bool = False
    made: int = 0
    available: bool = True
    claim_templates: tuple[ClaimTemplate, ...] = ()
    done: bool = False

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


@dataclass(slots=True)
class Pod:
    """One pod. `running`: its containers run. `ready`: its endpoint is offered to clients.

    `pinned` is the node that a DaemonSet's pod is for, `ran_on` the one that has its image. `terminating` is the record
    of its deletion, 0 while there is none; `why` is why it is pending, "" when it is not.
    """

    name: str
    owner: Workload
    node: str | None = None
    running: bool = False
    ready: bool = False
    pinned: str | None = None
    ran_on: str | None = None
    terminating: int = 0
    why: str = ""
    born_ms: int = 0

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.owner.namespace}/{self.name}"

    @property
    def finished(self) -> bool:
        """Whether its work is over."""
        return self.owner.done

    @property
    def phase(self) -> str:
        """The phase that `kubectl get pod` shows."""
        if self.finished:
            return "Succeeded"
        return "Running" if self.running else "Pending"

    @property
    def claims(self) -> tuple[str, ...]:
        """Keys of the claims it mounts."""
        own = (f"{template.name}-{self.name}" for template in self.owner.claim_templates)
        return tuple(f"{self.owner.namespace}/{name}" for name in (*self.owner.template.claims, *own))


@dataclass(frozen=True, slots=True)
class Taint:
    """A node's taint."""

    key: str
    effect: str
    value: str = ""


@dataclass(slots=True)
class KubeNode:
    """One Node. `alias` ties it to the host; `name` is what Kubernetes calls it.

    `fresh`: it has never been Ready.
    """

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
    fresh: bool = False
    born_ms: int = 0


@dataclass(slots=True)
class Claim:
    """A PersistentVolumeClaim; `phase` is Bound or Pending.

    `volume_id` is the cloud volume behind it, "" when there is none that the twin knows; `label` names that volume for
    people and bills. `why` is the reason why it is still Pending. `held`: nobody may provision it.
    """

    namespace: str
    name: str
    phase: str
    gib: int = 10
    storage_class: str = ""
    origin: Origin = "workload"
    label: str = ""
    volume_id: str = ""
    why: str = ""
    held: bool = False
    deleting: bool = False
    born_ms: int = 0

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


@dataclass(slots=True)
class Attachment:
    """A VolumeAttachment: the volume of a claim at a node.

    `attached`: the cloud said so. `deleted_ms` is its deletionTimestamp. `error` is its attach or detach error. One
    that has both is stuck: its finalizer keeps it. Until `in_use_ms` the node says that it still uses the volume.
    """

    name: str
    claim: Claim
    node: str
    instance_id: str
    attached: bool = False
    deleted_ms: int | None = None
    error: str = ""
    in_use_ms: int = 0

    @property
    def deleting(self) -> bool:
        """Whether it was deleted, and only its finalizer keeps it."""
        return self.deleted_ms is not None


@dataclass(slots=True)
class Service:
    """A Service; its endpoints are the ready pods that its selector matches.

    `ports` are (port, node port) pairs. `cluster_ip` is its address inside the cluster, `address` what its load
    balancer is reached at, "" while there is none.
    `deleting`: it goes as soon as its load balancer is gone.
    """

    namespace: str
    name: str
    selector: Mapping[str, str]
    type: ServiceType = "ClusterIP"
    ports: tuple[tuple[int, int], ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    address: str = ""
    deleting: bool = False
    cluster_ip: str = ""
    born_ms: int = 0

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class DisruptionBudget:
    """A PodDisruptionBudget. Exactly one of the two bounds is given: a count, or a text such as `50%`."""

    namespace: str
    name: str
    selector: Mapping[str, str]
    min_available: int | str | None = None
    max_unavailable: int | str | None = None

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class KubeEvent:
    """`kind: Event`: what Kubernetes says of an object, as `kubectl describe` shows it."""

    t: int
    type: Literal["Normal", "Warning"]
    reason: str
    object: str
    source: str
    message: str


@dataclass(slots=True)
class Objects:
    """What manifests bring into a cluster."""

    workloads: list[Workload] = field(default_factory=list["Workload"])
    claims: list[Claim] = field(default_factory=list["Claim"])
    services: list[Service] = field(default_factory=list["Service"])
    budgets: list[DisruptionBudget] = field(default_factory=list["DisruptionBudget"])

"""The simulated Kubernetes behind the kube door."""

from qke_sim.kube.cluster import KubeCluster
from qke_sim.kube.controlplane import ControlPlane
from qke_sim.kube.door import KubeDoor
from qke_sim.kube.objects import (
    MASTER_TAINT,
    Claim,
    KubeNode,
    Objects,
    Pod,
    PodTemplate,
    Resources,
    Service,
    Taint,
    Toleration,
    Workload,
)

__all__ = [
    "MASTER_TAINT",
    "Claim",
    "ControlPlane",
    "KubeCluster",
    "KubeDoor",
    "KubeNode",
    "Objects",
    "Pod",
    "PodTemplate",
    "Resources",
    "Service",
    "Taint",
    "Toleration",
    "Workload",
]

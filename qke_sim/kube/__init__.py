"""The simulated Kubernetes behind the kube door."""

from qke_sim.kube.cluster import KubeCluster
from qke_sim.kube.controlplane import ControlPlane
from qke_sim.kube.door import KubeDoor
from qke_sim.kube.drain import DrainManner, DrainResult
from qke_sim.kube.objects import (
    MASTER_TAINT,
    Claim,
    ClaimTemplate,
    DisruptionBudget,
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
    "ClaimTemplate",
    "ControlPlane",
    "DisruptionBudget",
    "DrainManner",
    "DrainResult",
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

"""Nodes with GPUs: the taint they register with, their label, and the device plugin.

The labels that name the model of the GPU are left out: no World says it. GPUs themselves are not counted by the
scheduler.
Rule: QKE app repo, tags v2.0.0 to v3.3.0, kubelet's template and markGpuNode; NVIDIA k8s-device-plugin 1.0.0-beta4.
"""

from __future__ import annotations

from collections.abc import Mapping

from qke_core.catalog import operations
from qke_sim.cloud import Cluster, ClusterNode
from qke_sim.kube import PodTemplate, Resources, Taint, Toleration, Workload

GPU_ROLE = "node_gpu"
GPU_TAINT = Taint("nvidia.com/gpu", "NoSchedule", "true")
GPU_LABELS: Mapping[str, str] = {"hardware-type": "NVIDIAGPU"}


def gpu_taints(node: ClusterNode, cluster: Cluster) -> tuple[Taint, ...]:
    """Return the taint that a GPU node registers with; later versions leave it out where all workers have GPUs."""
    if node.role != GPU_ROLE:
        return ()
    others = any(member.role != GPU_ROLE for member in cluster.of_kind("worker"))
    return (GPU_TAINT,) if others or operations().can(cluster.version, "gpu-taint-always") else ()


def device_plugin() -> Workload:
    """Return the DaemonSet that offers GPUs to pods: on every node, tainted or not, but the masters."""
    tolerations = (Toleration(GPU_TAINT.key, GPU_TAINT.effect),)
    template = PodTemplate({"name": "nvidia-device-plugin-ds"}, Resources(pods=1), {}, tolerations)
    return Workload("DaemonSet", "kube-system", "nvidia-device-plugin-daemonset", 1, template, system=True)

"""Kubernetes objects as the API server shows them."""

from __future__ import annotations

from collections.abc import Mapping

from qke_core.catalog import StorageClass
from qke_core.effects import Json
from qke_core.effects.kube import INSTANCE_ID_ANNOTATION
from qke_sim.kube.objects import Attachment, Claim, DisruptionBudget, KubeEvent, KubeNode, Pod, Service, Workload

ATTACHER = "csi-qingcloud"
DEFAULT_CLASS_ANNOTATION = "storageclass.kubernetes.io/is-default-class"


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
            "conditions": [{"type": "Ready", "status": _ready(node)}],
            "nodeInfo": {"kubeletVersion": f"v{node.kubelet_version}"},
            "allocatable": {
                "cpu": f"{node.allocatable.cpu_m}m",
                "memory": str(node.allocatable.memory),
                "pods": str(node.allocatable.pods),
            },
        },
    }


def _ready(node: KubeNode) -> str:
    if node.ready:
        return "True"
    return "False" if node.fresh else "Unknown"


def pod_json(pod: Pod) -> dict[str, Json]:
    """Return a Pod as the API server shows it."""
    meta: dict[str, Json] = _meta(pod.owner.namespace, pod.name)
    meta["labels"] = dict(pod.owner.template.labels)
    if pod.owner.kind != "Pod":
        meta["ownerReferences"] = [{"kind": pod.owner.kind, "name": pod.owner.name}]
    if pod.terminating:
        meta["deletionGracePeriodSeconds"] = pod.owner.template.grace_ms // 1000
    claims = [key.partition("/")[2] for key in pod.claims]
    return {
        "metadata": meta,
        "spec": {
            "nodeName": pod.node,
            "volumes": [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims],
        },
        "status": {
            "phase": pod.phase,
            "conditions": [{"type": "Ready", "status": "True" if pod.ready else "False"}],
            "message": pod.why,
        },
    }


def workload_json(workload: Workload, ready: int) -> dict[str, Json]:
    """Return a Deployment, StatefulSet, DaemonSet or Job as the API server shows it."""
    return {
        "kind": workload.kind,
        "metadata": _meta(workload.namespace, workload.name),
        "spec": {"replicas": workload.replicas},
        "status": {"readyReplicas": ready, "succeeded": int(workload.done)},
    }


def claim_json(claim: Claim) -> dict[str, Json]:
    """Return a PersistentVolumeClaim as the API server shows it."""
    return {
        "metadata": _meta(claim.namespace, claim.name),
        "spec": {
            "storageClassName": claim.storage_class,
            "volumeName": volume_name(claim) if claim.phase == "Bound" else "",
            "resources": {"requests": {"storage": f"{claim.gib}Gi"}},
        },
        "status": {"phase": claim.phase},
    }


def class_json(found: StorageClass) -> dict[str, Json]:
    """Return a StorageClass as the API server shows it; a console lists these (guide G-179)."""
    annotations: dict[str, Json] = {DEFAULT_CLASS_ANNOTATION: "true"} if found.default else {}
    return {
        "metadata": {"name": found.name, "annotations": annotations},
        "provisioner": ATTACHER,
        "parameters": {"type": str(found.type)},
        "allowVolumeExpansion": found.expansion,
    }


def volume_name(claim: Claim) -> str:
    """Return the name of a claim's PersistentVolume, which is also the cloud volume's name (guide G-134)."""
    return f"pvc-{claim.namespace}-{claim.name}"


def attachment_json(found: Attachment) -> dict[str, Json]:
    """Return a VolumeAttachment as the API server shows it (guide G-136, G-137); its instant is virtual ms."""
    meta: dict[str, Json] = {"name": found.name, "finalizers": [f"external-attacher/{ATTACHER}"]}
    if found.deleting:
        meta["deletionGracePeriodSeconds"] = 0
        meta["deletionTimestamp"] = found.deleted_ms
    status: dict[str, Json] = {"attached": found.attached}
    if found.error:
        status["detachError" if found.deleting else "attachError"] = {"message": found.error}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "VolumeAttachment",
        "metadata": meta,
        "spec": {
            "attacher": ATTACHER,
            "nodeName": found.node,
            "source": {"persistentVolumeName": volume_name(found.claim)},
        },
        "status": status,
    }


def service_json(service: Service) -> dict[str, Json]:
    """Return a Service as the API server shows it."""
    ingress: list[Json] = [{"ip": service.address}] if service.address else []
    return {
        "metadata": {**_meta(service.namespace, service.name), "annotations": dict(service.annotations)},
        "spec": {
            "selector": dict(service.selector),
            "type": service.type,
            "ports": [{"port": port, "nodePort": node_port} for port, node_port in service.ports],
        },
        "status": {"loadBalancer": {"ingress": ingress}},
    }


def budget_json(budget: DisruptionBudget, allowed: int) -> dict[str, Json]:
    """Return a PodDisruptionBudget as the API server shows it."""
    bounds: Mapping[str, int | str | None] = {
        "minAvailable": budget.min_available,
        "maxUnavailable": budget.max_unavailable,
    }
    return {
        "metadata": _meta(budget.namespace, budget.name),
        "spec": {
            "selector": {"matchLabels": dict(budget.selector)},
            **{name: bound for name, bound in bounds.items() if bound is not None},
        },
        "status": {"disruptionsAllowed": allowed},
    }


def event_json(event: KubeEvent) -> dict[str, Json]:
    """Return an Event as the API server shows it."""
    return {
        "type": event.type,
        "reason": event.reason,
        "involvedObject": {"name": event.object},
        "source": {"component": event.source},
        "message": event.message,
    }


def _meta(namespace: str, name: str) -> dict[str, Json]:
    return {"namespace": namespace, "name": name}

"""What can be asked of an API server: reads on objects, and the few changes that operators make by hand.

A request names a verb, a resource, and for single objects `name` and `namespace` ("default" unless told). The verb
`table` asks for what kubectl prints, of all objects unless name or namespace are told. What changes things checks all
of the request first. Refusals carry the API's own status code in their facts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from qke_core.effects import Json, JsonObject
from qke_core.errors import RemoteError
from qke_sim.kernel import Process
from qke_sim.kube.budgets import disruptions_allowed
from qke_sim.kube.cluster import KubeCluster
from qke_sim.kube.drain import EVICTED, MESSAGES, DrainManner
from qke_sim.kube.objects import DisruptionBudget, KubeNode, Pod, Service, Workload
from qke_sim.kube.tables import TABLES, Table, table_of
from qke_sim.kube.views import (
    attachment_json,
    budget_json,
    claim_json,
    class_json,
    event_json,
    node_json,
    pod_json,
    service_json,
    workload_json,
)

T = TypeVar("T")
WORKLOADS = {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet", "jobs": "Job"}
NOT_FOUND, INVALID = 404, 422


def _workloads(kind: str) -> Callable[[KubeCluster], list[Json]]:
    def show(kube: KubeCluster) -> list[Json]:
        found = [workload for workload in kube.objects.workloads if workload.kind == kind]
        return [workload_json(workload, sum(pod.ready for pod in kube.controllers.of(workload))) for workload in found]

    return show


LISTS: Mapping[str, Callable[[KubeCluster], list[Json]]] = {
    "nodes": lambda kube: [node_json(node) for node in kube.nodes.values()],
    "pods": lambda kube: [pod_json(pod) for pod in kube.pods],
    "persistentvolumeclaims": lambda kube: [claim_json(claim) for claim in kube.objects.claims],
    "services": lambda kube: [service_json(service) for service in kube.objects.services],
    "poddisruptionbudgets": lambda kube: [
        budget_json(budget, disruptions_allowed(budget, kube.pods)) for budget in kube.objects.budgets
    ],
    "storageclasses": lambda kube: [class_json(found) for found in kube.storage.classes()] if kube.storage else [],
    "volumeattachments": lambda kube: [attachment_json(found) for found in kube.attachments],
    "events": lambda kube: [event_json(event) for event in kube.events],
    **{resource: _workloads(kind) for resource, kind in WORKLOADS.items()},
}
"""What can be listed, by resource."""


def serve(kube: KubeCluster, params: JsonObject, by: str, cause: int) -> tuple[Json, str]:
    """Answer one request; return the answer and a word for the trace.

    Raises:
        RemoteError: `kube.unknown` for what is not served, `kube.not-found`, `kube.refused`.
    """
    verb, resource = str(params.get("verb", "")), str(params.get("resource", ""))
    if verb == "list" and resource in LISTS:
        items = LISTS[resource](kube)
        return {"kind": "List", "items": items}, f"{len(items)} items"
    if verb == "table":
        return _table(table_of(kube, resource, str(params.get("namespace") or ""), str(params.get("name") or "")))
    if verb == "get" and resource in LISTS:
        return _get(kube, resource, params), "found"
    change = CHANGES.get((verb, resource))
    if change is None:
        reads = [f"{way} {name}" for way, names in (("list", LISTS), ("table", TABLES)) for name in names]
        known = sorted({*reads, *(f"{v} {r}" for v, r in CHANGES), "drain nodes"})
        sentence = f"The twin's API server does not {verb} {resource!r}"
        raise RemoteError("kube.unknown", sentence, "ask for one of: " + ", ".join(known))
    return {"kind": "Status", "status": "Success"}, change(kube, params, by, cause)


def drain(kube: KubeCluster, params: JsonObject, by: str, cause: int) -> Process[tuple[Json, str]]:
    """Drain a node as `kubectl drain` does, which is many requests; return the answer and a word for the trace.

    The flags are `ignoreDaemonsets`, `deleteEmptydirData`, `force` and `timeoutSeconds`.

    Raises:
        RemoteError: `kube.not-found`, `kube.refused`; `kube.drain-failed` with what kubectl says.
    """
    node = _node(kube, params)
    manner = DrainManner(
        ignore_daemonsets=bool(params.get("ignoreDaemonsets")),
        delete_emptydir=bool(params.get("deleteEmptydirData")),
        force=bool(params.get("force")),
        timeout_ms=(_count(params, "timeoutSeconds") if "timeoutSeconds" in params else 0) * 1000,
    )
    result = yield from kube.drain((node.alias,), manner, by, cause)
    if not result.ok:
        facts = {"node": node.name, "pods": ", ".join(result.blockers)}
        raise RemoteError(
            "kube.drain-failed", result.why, "remove what stands in the way, then uncordon the node", facts
        )
    return {"kind": "Status", "status": "Success"}, "drained"


def _table(found: Table) -> tuple[Json, str]:
    columns: list[Json] = [{"name": column} for column in found.columns]
    rows: list[Json] = [
        {"cells": list(row.cells), "object": {"metadata": {"namespace": row.namespace}}} for row in found.rows
    ]
    return {"kind": "Table", "columnDefinitions": columns, "rows": rows}, f"{len(rows)} rows"


def _get(kube: KubeCluster, resource: str, params: JsonObject) -> Json:
    for item in LISTS[resource](kube):
        meta = item.get("metadata") if isinstance(item, Mapping) else None
        if not isinstance(meta, Mapping) or meta.get("name") != params.get("name"):
            continue
        if meta.get("namespace", _namespace(params)) == _namespace(params):
            return item
    raise _not_found(resource, params)


def _namespace(params: JsonObject) -> str:
    return str(params.get("namespace") or "default")


def _key(params: JsonObject) -> str:
    return f"{_namespace(params)}/{params.get('name')}"


def _not_found(resource: str, params: JsonObject) -> RemoteError:
    sentence = f'{resource} "{params.get("name")}" not found'
    return RemoteError("kube.not-found", sentence, "list them to see what is there", {"status": NOT_FOUND})


def _found(item: T | None, resource: str, params: JsonObject) -> T:
    if item is None:
        raise _not_found(resource, params)
    return item


def _node(kube: KubeCluster, params: JsonObject) -> KubeNode:
    return _found(kube.controllers.node_named(str(params.get("name"))), "nodes", params)


def _pod(kube: KubeCluster, params: JsonObject) -> Pod:
    return _found(next((pod for pod in kube.pods if pod.key == _key(params)), None), "pods", params)


def _workload(kube: KubeCluster, params: JsonObject) -> Workload:
    resource = str(params.get("resource"))
    found = kube.workload(_key(params))
    return _found(found if found is not None and found.kind == WORKLOADS[resource] else None, resource, params)


def _budget(kube: KubeCluster, params: JsonObject) -> DisruptionBudget:
    budgets = kube.objects.budgets
    return _found(next((found for found in budgets if found.key == _key(params)), None), "poddisruptionbudgets", params)


def _service(kube: KubeCluster, params: JsonObject) -> Service:
    services = kube.objects.services
    return _found(next((found for found in services if found.key == _key(params)), None), "services", params)


def _count(params: JsonObject, name: str) -> int:
    value = params.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise RemoteError("kube.refused", f"{name}: Invalid value: {value!r}", "give a whole number", {"status": INVALID})


# Changes: each returns a word for the trace


def _cordon(kube: KubeCluster, params: JsonObject, by: str, cause: int) -> str:
    _ = by
    kube.cordon(_node(kube, params).alias, cause)
    return "cordoned"


def _uncordon(kube: KubeCluster, params: JsonObject, by: str, cause: int) -> str:
    _ = by
    kube.uncordon(_node(kube, params).alias, cause)
    return "uncordoned"


def _delete_node(kube: KubeCluster, params: JsonObject, by: str, cause: int) -> str:
    _ = by
    kube.remove_node(_node(kube, params).alias, cause)
    return "deleted"


def _evict(kube: KubeCluster, params: JsonObject, by: str, cause: int) -> str:
    pod = _pod(kube, params)
    code = kube.evict(pod, by, cause)
    if code != EVICTED:
        remedy = "let its budget allow a disruption: more pods, or a wider bound"
        raise RemoteError("kube.refused", MESSAGES[code], remedy, {"status": code, "pod": pod.key}, retry=True)
    return "evicted"


def _delete_pod(kube: KubeCluster, params: JsonObject, by: str, cause: int) -> str:
    pod = _pod(kube, params)
    if params.get("force"):
        kube.controllers.remove(pod, cause, f"{by} deleted it with force", forced=True)
    else:
        kube.controllers.terminate(pod, cause, by=by, why="deleted")
    return "deleted"


def _scale(kube: KubeCluster, params: JsonObject, by: str, cause: int) -> str:
    _ = by
    workload, replicas = _workload(kube, params), _count(params, "replicas")
    kube.scale(workload, replicas, cause)
    return f"scaled to {replicas}"


def _delete_workload(kube: KubeCluster, params: JsonObject, by: str, cause: int) -> str:
    _ = by
    kube.delete(_workload(kube, params), cause)
    return "deleted"


def _delete_budget(kube: KubeCluster, params: JsonObject, by: str, cause: int) -> str:
    _ = by
    kube.replace_budget(_budget(kube, params), None, cause)
    return "deleted"


def _patch_budget(kube: KubeCluster, params: JsonObject, by: str, cause: int) -> str:
    _ = by
    old = _budget(kube, params)
    if params.get("minAvailable") is not None:
        new = DisruptionBudget(old.namespace, old.name, old.selector, min_available=_count(params, "minAvailable"))
    else:
        new = DisruptionBudget(old.namespace, old.name, old.selector, max_unavailable=_count(params, "maxUnavailable"))
    kube.replace_budget(old, new, cause)
    return "patched"


def _delete_claim(kube: KubeCluster, params: JsonObject, by: str, cause: int) -> str:
    _ = by
    claims = kube.objects.claims
    claim = _found(next((c for c in claims if c.key == _key(params)), None), "persistentvolumeclaims", params)
    kube.delete_claim(claim, cause)
    return "deleted"


def _delete_service(kube: KubeCluster, params: JsonObject, by: str, cause: int) -> str:
    _ = by
    kube.delete_service(_service(kube, params), cause)
    return "deleted"


def _release_attachment(kube: KubeCluster, params: JsonObject, by: str, cause: int) -> str:
    """Take the finalizer from a VolumeAttachment (guide G-138)."""
    _ = by
    found = next((item for item in kube.attachments if item.name == params.get("name")), None)
    kube.release(_found(found, "volumeattachments", params), cause)
    return "finalizer removed"


Change = Callable[[KubeCluster, JsonObject, str, int], str]
CHANGES: Mapping[tuple[str, str], Change] = {
    ("cordon", "nodes"): _cordon,
    ("uncordon", "nodes"): _uncordon,
    ("delete", "nodes"): _delete_node,
    ("evict", "pods"): _evict,
    ("delete", "pods"): _delete_pod,
    **{("scale", resource): _scale for resource in ("deployments", "statefulsets")},
    **{("delete", resource): _delete_workload for resource in WORKLOADS},
    ("delete", "poddisruptionbudgets"): _delete_budget,
    ("patch", "poddisruptionbudgets"): _patch_budget,
    ("delete", "persistentvolumeclaims"): _delete_claim,
    ("delete", "services"): _delete_service,
    ("delete-finalizer", "volumeattachments"): _release_attachment,
}
"""What can be changed, by verb and resource."""

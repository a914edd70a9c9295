"""One write to Kubernetes, as somebody types it with kubectl; a node may be named by role and number."""

from __future__ import annotations

import json
from dataclasses import dataclass

from qke_core.effects import ChangeObject, Flow, JsonObject, ListNodes, perform_patiently
from qke_core.errors import InputError
from qke_core.workflows.sight import look


@dataclass(frozen=True, slots=True)
class KubectlRequest:
    """What is asked for. With `role`, the object is the node of that role numbered `sid`."""

    cluster_id: str
    verb: str
    resource: str
    more: JsonObject
    role: str = ""
    sid: int = 0


def kubectl(request: KubectlRequest) -> Flow[JsonObject]:
    """Ask the API server once; return its answer.

    Raises:
        InputError: `cluster.unknown`, `kubectl.node-unknown`.
        RemoteError: when the API server says no, or does not answer.
    """
    named: JsonObject = {"name": (yield from _node_name(request))} if request.role else {}
    body = {"verb": request.verb, "resource": request.resource, **request.more, **named}
    effect = ChangeObject(request.cluster_id, json.dumps(body, sort_keys=True, ensure_ascii=False))
    return (yield from perform_patiently(effect))


def _node_name(request: KubectlRequest) -> Flow[str]:
    """Return what Kubernetes calls a node."""
    sight = yield from look(request.cluster_id)
    listed = yield from perform_patiently(ListNodes(request.cluster_id))
    names = {node.instance_id: node.name for node in listed}
    for node in sight.of_role(request.role):
        if node.sid == request.sid and node.instance_id in names:
            return names[node.instance_id]
    sentence = f"Kubernetes of {sight.name} has no node {request.role}{request.sid}"
    raise InputError("kubectl.node-unknown", sentence, "list its nodes")

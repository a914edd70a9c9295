"""Effects through the kube door: Kubernetes reads, and what their answers mean to us."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar, cast

from qke_core.effects.base import Effect, Flow, Json, JsonObject, Settled

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class KubeEffect(Effect[R]):
    """One Kubernetes request, to the API endpoint of a cluster."""

    verb: ClassVar[str] = "list"
    resource: ClassVar[str] = ""
    cluster_id: str

    def params(self) -> JsonObject:
        """Return verb, resource and selectors of the request."""
        return {"verb": self.verb, "resource": self.resource}


@dataclass(frozen=True, slots=True)
class KubeNodeView:
    """What the API server says of one Kubernetes Node."""

    name: str
    ready: bool
    schedulable: bool
    kubelet_version: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class ListNodes(KubeEffect[tuple[KubeNodeView, ...]]):
    """List the cluster's Nodes, ordered by name."""

    name: ClassVar[str] = "kube.list-nodes"
    resource: ClassVar[str] = "nodes"

    def parse_reply(self, reply: Json) -> tuple[KubeNodeView, ...]:
        """Read a NodeList."""
        return tuple(sorted((_node(item) for item in _items(reply)), key=lambda node: node.name))


@dataclass(frozen=True, slots=True)
class ListUnboundClaims(KubeEffect[tuple[str, ...]]):
    """List the PersistentVolumeClaims of all namespaces that are not bound, as `namespace/name`."""

    name: ClassVar[str] = "kube.list-unbound-claims"
    resource: ClassVar[str] = "persistentvolumeclaims"

    def parse_reply(self, reply: Json) -> tuple[str, ...]:
        """Read a PersistentVolumeClaimList."""
        unbound: list[str] = []
        for item in _items(reply):
            meta, status = _part(item, "metadata"), _part(item, "status")
            if status.get("phase") != "Bound":
                unbound.append(f"{meta.get('namespace')}/{meta.get('name')}")
        return tuple(sorted(unbound))


@dataclass(frozen=True, slots=True)
class ChangeObject(KubeEffect[JsonObject]):
    """One Kubernetes write, word for word. `body` is the request as JSON text: verb, resource, name, namespace, more.

    Writes to Kubernetes say what shall be, so one whose answer was lost is simply made again.
    """

    name: ClassVar[str] = "kube.change-object"
    mutates: ClassVar[bool] = True
    body: str

    def params(self) -> JsonObject:
        """What `body` says."""
        return cast("JsonObject", json.loads(self.body))

    def parse_reply(self, reply: Json) -> JsonObject:
        """Return the answer."""
        return reply if isinstance(reply, Mapping) else {}

    def probe(self) -> Flow[Settled | None]:
        """Look at nothing: it may be asked again."""
        yield from ()
        return None


INSTANCE_ID_ANNOTATION = "node.beta.kubernetes.io/instance-id"
"""Set on every node from 3.0.0 on; before that the node's name is the instance id."""


def _node(item: Mapping[str, Json]) -> KubeNodeView:
    meta, spec, status = _part(item, "metadata"), _part(item, "spec"), _part(item, "status")
    conditions = cast("Sequence[Mapping[str, Json]]", status.get("conditions") or ())
    annotations = _part(meta, "annotations")
    name = str(meta.get("name"))
    return KubeNodeView(
        name=name,
        ready=any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions),
        schedulable=not spec.get("unschedulable"),
        kubelet_version=str(_part(status, "nodeInfo").get("kubeletVersion", "")).removeprefix("v"),
        instance_id=str(annotations.get(INSTANCE_ID_ANNOTATION, name)),
    )


def _items(reply: Json) -> Sequence[Mapping[str, Json]]:
    found = reply.get("items") if isinstance(reply, Mapping) else None
    return cast("Sequence[Mapping[str, Json]]", found or ())


def _part(item: Mapping[str, Json], field: str) -> Mapping[str, Json]:
    return cast("Mapping[str, Json]", item.get(field) or {})

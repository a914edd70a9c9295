"""Workloads from ordinary Kubernetes YAML files.

Read are Deployment, StatefulSet, DaemonSet, Pod, Service, PersistentVolumeClaim, PodDisruptionBudget and Namespace, and
of these the fields that the twin acts on: names, labels, replicas, requests, node selectors, tolerations, claims,
emptyDir volumes, grace periods, types and ports of Services, bounds of budgets. Other fields are left alone, as an API
server would accept them. A claim is bound unless its annotation `qke/phase: Pending` says otherwise. A pod's
annotations `qke/start-after` and `qke/stop-after` say how many seconds its containers take to start and to end; it
never ends with `qke/stop-after: never`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from qke_core.documents import Path, Source
from qke_core.errors import InputError, Problem
from qke_core.suggest import did_you_mean
from qke_sim.kube.objects import (
    GRACE_MS,
    Claim,
    ClaimTemplate,
    DisruptionBudget,
    Objects,
    PodTemplate,
    Resources,
    Service,
    ServiceType,
    Toleration,
    Workload,
    WorkloadKind,
)
from qke_sim.kube.quantity import to_bytes, to_millicores

PHASE_ANNOTATION, START_ANNOTATION, STOP_ANNOTATION = "qke/phase", "qke/start-after", "qke/stop-after"
NEVER = "never"
GIB = 1024**3
DEFAULT_GIB, PORT_MAX = 10, 65_535
SERVICE_TYPES: tuple[ServiceType, ...] = ("ClusterIP", "NodePort", "LoadBalancer")
_SECONDS = re.compile(r"\d{1,6}(?:\.\d{1,3})?", re.ASCII)
_BOUND = re.compile(r"\d{1,3}%", re.ASCII)


def read_manifest(sources: list[Source]) -> Objects:
    """Turn the documents of a manifest into objects.

    Raises:
        InputError: with every problem of every document.
    """
    objects = Objects()
    problems: list[Problem] = []
    for source in sources:
        reader = _Reader(source, objects, problems)
        reader.read()
    if problems:
        raise InputError.of(problems)
    return objects


class _Reader:
    """Reads one document into `objects`; what is wrong goes to `problems`."""

    def __init__(self, source: Source, objects: Objects, problems: list[Problem]) -> None:
        self.source = source
        self.objects = objects
        self.problems = problems

    def read(self) -> None:
        data = self.source.data
        if not isinstance(data, Mapping):
            self._refuse((), "manifest.not-object", "This document is no Kubernetes object", "begin with kind: ...")
            return
        kind = str(data.get("kind", ""))
        read = KINDS.get(kind)
        if read is None:
            sentence = f"The twin does not run objects of kind {kind!r}" if kind else "This object has no kind"
            self._refuse(("kind",), "manifest.kind-unknown", sentence, did_you_mean(kind, KINDS))
        else:
            read(self, kind, cast("Mapping[str, Any]", data))

    def workload(self, kind: str, data: Mapping[str, Any]) -> None:
        namespace, name = self._names(data)
        spec = _part(data, "spec")
        replicas = spec.get("replicas", 1)
        if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
            path = ("spec", "replicas")
            self._refuse(path, "manifest.replicas", f"replicas: {replicas!r} is not a count", "write a whole number")
            replicas = 1
        template = self._template(_part(spec, "template"), ("spec", "template"))
        templates = self._list(spec, "volumeClaimTemplates", ("spec",)) if kind == "StatefulSet" else []
        claims = tuple(self._claim_template(claim) for claim in templates)
        self.objects.workloads.append(
            Workload(cast("WorkloadKind", kind), namespace, name, replicas, template, claim_templates=claims)
        )
        self.objects.claims.extend(
            _claim(namespace, f"{claim.name}-{name}-{number}", _phase(data), claim.gib, claim.storage_class)
            for data, claim in zip(templates, claims, strict=True)
            for number in range(replicas)
        )

    def pod(self, kind: str, data: Mapping[str, Any]) -> None:
        namespace, name = self._names(data)
        template = self._template(data, ())
        self.objects.workloads.append(Workload(cast("WorkloadKind", kind), namespace, name, 1, template))

    def service(self, kind: str, data: Mapping[str, Any]) -> None:
        _ = kind
        namespace, name = self._names(data)
        spec = _part(data, "spec")
        type_ = str(spec.get("type") or "ClusterIP")
        if type_ not in SERVICE_TYPES:
            sentence = f"The twin has no Services of type {type_!r}"
            self._refuse(("spec", "type"), "manifest.service-type", sentence, did_you_mean(type_, SERVICE_TYPES))
            type_ = "ClusterIP"
        ports = tuple(
            (self._whole(port, "port", place), self._whole(port, "nodePort", place))
            for place, port in enumerate(self._list(spec, "ports", ("spec",)))
        )
        annotations = _texts(_part(_part(data, "metadata"), "annotations"))
        selector = _texts(_part(spec, "selector"))
        service = Service(namespace, name, selector, type_, ports, annotations)
        self.objects.services.append(service)

    def claim(self, kind: str, data: Mapping[str, Any]) -> None:
        _ = kind
        namespace, name = self._names(data)
        template = self._claim_template(data)
        self.objects.claims.append(_claim(namespace, name, _phase(data), template.gib, template.storage_class))

    def budget(self, kind: str, data: Mapping[str, Any]) -> None:
        _ = kind
        namespace, name = self._names(data)
        spec = _part(data, "spec")
        bounds = {field: spec[field] for field in ("minAvailable", "maxUnavailable") if spec.get(field) is not None}
        if len(bounds) != 1 or not all(_is_bound(bound) for bound in bounds.values()):
            sentence = "A disruption budget has one bound, minAvailable or maxUnavailable, a count or a percentage"
            self._refuse(("spec",), "manifest.budget", sentence, "write maxUnavailable: 1, or minAvailable: 50%")
            return
        if _part(spec, "selector").get("matchExpressions"):
            sentence = "The twin reads a budget's matchLabels, not its matchExpressions"
            self._refuse(("spec", "selector"), "manifest.budget", sentence, "select by matchLabels")
        selector = _texts(_part(_part(spec, "selector"), "matchLabels"))
        least, most = bounds.get("minAvailable"), bounds.get("maxUnavailable")
        self.objects.budgets.append(DisruptionBudget(namespace, name, selector, least, most))

    def namespace(self, kind: str, data: Mapping[str, Any]) -> None:
        _ = kind
        self._names(data)

    def _names(self, data: Mapping[str, Any]) -> tuple[str, str]:
        meta = _part(data, "metadata")
        name = meta.get("name")
        if not isinstance(name, str) or not name:
            self._refuse(("metadata",), "manifest.no-name", "This object has no metadata.name", "give it a name")
        return str(meta.get("namespace") or "default"), str(name or "")

    def _template(self, data: Mapping[str, Any], path: Path) -> PodTemplate:
        spec = _part(data, "spec")
        containers = self._list(spec, "containers", (*path, "spec"))
        if not spec.get("containers"):
            self._refuse((*path, "spec"), "manifest.no-containers", "The pod template has no containers", "add one")
        requests = Resources(pods=1)
        for place, container in enumerate(containers):
            requests += self._requests(container, (*path, "spec", "containers", place, "resources", "requests"))
        tolerations = tuple(
            Toleration(
                key=str(item.get("key") or ""),
                effect=str(item.get("effect") or ""),
                value=None if item.get("operator") == "Exists" else str(item.get("value") or ""),
            )
            for item in self._list(spec, "tolerations", (*path, "spec"))
        )
        meta = _part(data, "metadata")
        annotations, volumes = _part(meta, "annotations"), self._list(spec, "volumes", (*path, "spec"))
        mounted = (_part(volume, "persistentVolumeClaim").get("claimName") for volume in volumes)
        stop = str(annotations.get(STOP_ANNOTATION, ""))
        grace = spec.get("terminationGracePeriodSeconds")
        grace_ms = self._milliseconds(grace, (*path, "spec", "terminationGracePeriodSeconds"))
        noted = (*path, "metadata", "annotations")
        return PodTemplate(
            labels=_texts(_part(meta, "labels")),
            requests=requests,
            node_selector=_texts(_part(spec, "nodeSelector")),
            tolerations=tolerations,
            emptydir=any("emptyDir" in volume for volume in volumes),
            grace_ms=GRACE_MS if grace_ms is None else grace_ms,
            claims=tuple(str(name) for name in mounted if name),
            start_ms=self._milliseconds(annotations.get(START_ANNOTATION), (*noted, START_ANNOTATION)),
            stop_ms=None if stop == NEVER else self._milliseconds(stop or None, (*noted, STOP_ANNOTATION)),
            hangs=stop == NEVER,
        )

    def _claim_template(self, data: Mapping[str, Any]) -> ClaimTemplate:
        spec = _part(data, "spec")
        wanted = _part(_part(spec, "resources"), "requests")
        path = ("spec", "resources", "requests")
        size = self._quantity(wanted, "storage", to_bytes, path) if "storage" in wanted else DEFAULT_GIB * GIB
        name = str(_part(data, "metadata").get("name", "data"))
        return ClaimTemplate(name, -(-size // GIB), str(spec.get("storageClassName") or ""))

    def _milliseconds(self, value: object, path: Path) -> int | None:
        """Read a number of seconds, whole or decimal; None when it is left out."""
        if value is None:
            return None
        text = str(value)
        if not _SECONDS.fullmatch(text):
            self._refuse(path, "manifest.seconds", f"{text!r} is no number of seconds", "write a number such as 30")
            return None
        return int(float(text) * 1000)

    def _whole(self, port: Mapping[str, Any], field: str, place: int) -> int:
        value = port.get(field, 0)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= PORT_MAX:
            return value
        path = ("spec", "ports", place, field)
        self._refuse(path, "manifest.port", f"{field}: {value!r} is no port", f"write a number from 1 to {PORT_MAX}")
        return 0

    def _list(self, data: Mapping[str, Any], field: str, path: Path) -> list[Mapping[str, Any]]:
        """Return the objects listed in a field; none when it is left out, or is something else."""
        found: object = data.get(field) or []
        items = cast("list[object]", found) if isinstance(found, list) else [None]
        if all(isinstance(item, Mapping) for item in items):
            return cast("list[Mapping[str, Any]]", items)
        sentence = f"{field} is no list of objects"
        self._refuse((*path, field), "manifest.not-object", sentence, f"write {field}: and below it - key: value")
        return []

    def _requests(self, container: Mapping[str, Any], path: Path) -> Resources:
        """Read a container's requests; limits stand in for requests that are left out, as in Kubernetes."""
        resources = _part(container, "resources")
        wanted = {**_part(resources, "limits"), **_part(resources, "requests")}
        return Resources(
            cpu_m=self._quantity(wanted, "cpu", to_millicores, path),
            memory=self._quantity(wanted, "memory", to_bytes, path),
        )

    def _quantity(self, wanted: Mapping[str, Any], name: str, parse: Callable[[str], int], path: Path) -> int:
        value = wanted.get(name, 0)
        try:
            return parse(str(value))
        except ValueError as exc:
            sentence, _, remedy = str(exc).partition(": ")
            self._refuse((*path, name), "manifest.quantity", f"{name}: {sentence}", remedy)
            return 0

    def _refuse(self, path: Path, code: str, sentence: str, remedy: str) -> None:
        self.problems.append(self.source.problem(path, code, sentence, remedy))


def _part(data: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    found = data.get(field)
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def _texts(data: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in data.items()}


def _is_bound(value: object) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return value >= 0
    return isinstance(value, str) and _BOUND.fullmatch(value) is not None


def _claim(namespace: str, name: str, phase: str, gib: int, storage_class: str) -> Claim:
    """Make a claim; one that its annotation keeps Pending is nobody's to provision."""
    return Claim(namespace, name, phase, gib, storage_class, held=phase != "Bound")


def _phase(data: Mapping[str, Any]) -> str:
    return str(_part(_part(data, "metadata"), "annotations").get(PHASE_ANNOTATION, "Bound"))


KINDS: Mapping[str, Callable[[_Reader, str, Mapping[str, Any]], None]] = {
    "Deployment": _Reader.workload,
    "StatefulSet": _Reader.workload,
    "DaemonSet": _Reader.workload,
    "Pod": _Reader.pod,
    "Service": _Reader.service,
    "PersistentVolumeClaim": _Reader.claim,
    "PodDisruptionBudget": _Reader.budget,
    "Namespace": _Reader.namespace,
}
"""How each kind of object is read."""

"""Workloads from ordinary Kubernetes YAML files.

Read are Deployment, StatefulSet, DaemonSet, Service, PersistentVolumeClaim and Namespace, and of these the fields that
the twin acts on: names, labels, replicas, requests, node selectors, tolerations, claims. Other fields are left alone,
as an API server would accept them. A claim is bound unless its annotation `qke/phase: Pending` says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from qke_core.documents import Path, Source
from qke_core.errors import InputError, Problem
from qke_core.suggest import did_you_mean
from qke_sim.kube.objects import Claim, Objects, PodTemplate, Resources, Service, Toleration, Workload, WorkloadKind
from qke_sim.kube.quantity import to_bytes, to_millicores

PHASE_ANNOTATION = "qke/phase"


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
        workload = Workload(cast("WorkloadKind", kind), namespace, name, replicas, template)
        self.objects.workloads.append(workload)
        if kind == "StatefulSet":
            for claim in self._list(spec, "volumeClaimTemplates", ("spec",)):
                claim_name = _part(claim, "metadata").get("name", "data")
                phase = _phase(claim)
                self.objects.claims.extend(
                    Claim(namespace, f"{claim_name}-{name}-{number}", phase) for number in range(replicas)
                )

    def service(self, kind: str, data: Mapping[str, Any]) -> None:
        _ = kind
        namespace, name = self._names(data)
        selector = {str(key): str(value) for key, value in _part(_part(data, "spec"), "selector").items()}
        self.objects.services.append(Service(namespace, name, selector))

    def claim(self, kind: str, data: Mapping[str, Any]) -> None:
        _ = kind
        namespace, name = self._names(data)
        self.objects.claims.append(Claim(namespace, name, _phase(data)))

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
        labels = {str(key): str(value) for key, value in _part(_part(data, "metadata"), "labels").items()}
        selector = {str(key): str(value) for key, value in _part(spec, "nodeSelector").items()}
        return PodTemplate(labels, requests, selector, tolerations)

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


def _phase(data: Mapping[str, Any]) -> str:
    return str(_part(_part(data, "metadata"), "annotations").get(PHASE_ANNOTATION, "Bound"))


KINDS: Mapping[str, Callable[[_Reader, str, Mapping[str, Any]], None]] = {
    "Deployment": _Reader.workload,
    "StatefulSet": _Reader.workload,
    "DaemonSet": _Reader.workload,
    "Service": _Reader.service,
    "PersistentVolumeClaim": _Reader.claim,
    "Namespace": _Reader.namespace,
}
"""How each kind of object is read."""

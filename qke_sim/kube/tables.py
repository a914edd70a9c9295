"""The tables that an API server makes of its objects, and how kubectl prints them.

A row has a cell for each column; kubectl writes the columns in capitals, and the namespace first when it lists all.
Events are shown as `kubectl describe` shows those of one object. Rule: Kubernetes' printers; user guide, G-089, G-090,
G-106, G-112, G-129, G-130, G-133.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from qke_core.errors import RemoteError
from qke_core.suggest import did_you_mean
from qke_core.units import MS_PER_S
from qke_sim.kube.cluster import KubeCluster
from qke_sim.kube.objects import Claim, KubeNode, Pod, Service
from qke_sim.kube.views import ATTACHER, volume_name

ROLE_LABEL = "node-role.kubernetes.io/"
NONE, PENDING = "<none>", "<pending>"
GAP = 3
"""Blanks between the widest cell of a column and the next column."""


@dataclass(frozen=True, slots=True)
class Row:
    """One object: where it is, "" for what has no namespace, and its cells, the name first."""

    namespace: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Objects of one kind."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def table_of(kube: KubeCluster, resource: str, namespace: str = "", name: str = "") -> Table:
    """Return the table of a resource: of all objects, those of a namespace, or the one called so.

    Raises:
        RemoteError: `kube.unknown`.
    """
    if resource not in TABLES:
        sentence = f"The twin's API server makes no table of {resource!r}"
        raise RemoteError("kube.unknown", sentence, did_you_mean(resource, TABLES))
    columns, read = TABLES[resource]
    rows = (row for row in read(kube) if namespace in ("", row.namespace) and name in ("", row.cells[0]))
    return Table(columns, tuple(rows))


def events_of(kube: KubeCluster, key: str) -> Table:
    """Return the Events of the object called `namespace/name`, oldest first."""
    namespace = key.partition("/")[0]
    found = (
        Row(namespace, (event.type, event.reason, age(kube.kernel.now - event.t), event.source, event.message))
        for event in kube.events
        if event.object == key
    )
    return Table(("Type", "Reason", "Age", "From", "Message"), tuple(found))


def render(table: Table, *, namespaces: bool = False) -> str:
    """Print a table as `kubectl get` does; with `namespaces` as `kubectl get --all-namespaces`."""
    columns = (("Namespace",) if namespaces else ()) + table.columns
    lines = [tuple(column.upper() for column in columns)]
    lines += [((row.namespace,) if namespaces else ()) + row.cells for row in table.rows]
    widths = [max(map(len, cells)) + GAP for cells in zip(*lines, strict=True)]
    padded = ("".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def age(ms: int) -> str:
    """Return a span as kubectl writes it: `90s`, `5m30s`, `42m`, `3h20m`, `30h`, `5d3h`, `12d`, `2y10d`."""
    seconds = ms // MS_PER_S
    for least, unit, parts in AGES:
        if seconds >= least:
            whole, rest = divmod(seconds, UNITS[unit])
            more = rest // UNITS[parts] if parts else 0
            return f"{whole}{unit}" + (f"{more}{parts}" if more else "")
    return f"{seconds}s"


UNITS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "y": 365 * 86_400}
AGES = (
    (8 * UNITS["y"], "y", ""),
    (2 * UNITS["y"], "y", "d"),
    (8 * UNITS["d"], "d", ""),
    (2 * UNITS["d"], "d", "h"),
    (8 * UNITS["h"], "h", ""),
    (3 * UNITS["h"], "h", "m"),
    (10 * UNITS["m"], "m", ""),
    (2 * UNITS["m"], "m", "s"),
)
"""From how many seconds on a span is told in which units."""


def _pods(kube: KubeCluster) -> Iterator[Row]:
    for pod in kube.pods:
        cells = (pod.name, f"{int(pod.ready)}/1", _pod_status(pod), "0", age(kube.kernel.now - pod.born_ms))
        yield Row(pod.owner.namespace, cells)


def _pod_status(pod: Pod) -> str:
    if pod.finished:
        return "Completed"
    if pod.terminating:
        return "Terminating"
    if pod.running:
        return "Running"
    return "Pending" if pod.node is None else "ContainerCreating"


def _nodes(kube: KubeCluster) -> Iterator[Row]:
    for node in kube.nodes.values():
        status = "Ready" if node.ready else "NotReady"
        said = f"{status},SchedulingDisabled" if node.unschedulable else status
        yield Row("", (node.name, said, _roles(node), age(kube.kernel.now - node.born_ms), f"v{node.kubelet_version}"))


def _roles(node: KubeNode) -> str:
    return ",".join(sorted(key.removeprefix(ROLE_LABEL) for key in node.labels if key.startswith(ROLE_LABEL))) or NONE


def _services(kube: KubeCluster) -> Iterator[Row]:
    for service in kube.objects.services:
        cells = (service.name, service.type, service.cluster_ip or NONE, _external(service), _ports(service))
        yield Row(service.namespace, (*cells, age(kube.kernel.now - service.born_ms)))


def _external(service: Service) -> str:
    return NONE if service.type != "LoadBalancer" else service.address or PENDING


def _ports(service: Service) -> str:
    shown = (f"{port}:{outside}/TCP" if outside else f"{port}/TCP" for port, outside in service.ports)
    return ",".join(shown) or NONE


def _claims(kube: KubeCluster) -> Iterator[Row]:
    for claim in kube.objects.claims:
        volume, size, mode = (volume_name(claim), _size(kube, claim), "RWO") if claim.phase == "Bound" else ("", "", "")
        phase = "Terminating" if claim.deleting else claim.phase
        cells = (claim.name, phase, volume, size, mode, _class(kube, claim), age(kube.kernel.now - claim.born_ms))
        yield Row(claim.namespace, cells)


def _size(kube: KubeCluster, claim: Claim) -> str:
    found = None if kube.storage is None else kube.storage.class_of(claim)
    return f"{(found.size.fit(claim.gib) if found is not None else None) or claim.gib}Gi"


def _class(kube: KubeCluster, claim: Claim) -> str:
    found = None if kube.storage is None else kube.storage.class_of(claim)
    return claim.storage_class if found is None else found.name


def _storage_classes(kube: KubeCluster) -> Iterator[Row]:
    for found in () if kube.storage is None else kube.storage.classes():
        name = f"{found.name} (default)" if found.default else found.name
        yield Row("", (name, ATTACHER, age(kube.kernel.now)))


TABLES: Mapping[str, tuple[tuple[str, ...], Callable[[KubeCluster], Iterator[Row]]]] = {
    "pods": (("Name", "Ready", "Status", "Restarts", "Age"), _pods),
    "nodes": (("Name", "Status", "Roles", "Age", "Version"), _nodes),
    "services": (("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age"), _services),
    "persistentvolumeclaims": (
        ("Name", "Status", "Volume", "Capacity", "Access Modes", "StorageClass", "Age"),
        _claims,
    ),
    "storageclasses": (("Name", "Provisioner", "Age"), _storage_classes),
}
"""Columns and rows of each resource, as of Kubernetes 1.16."""

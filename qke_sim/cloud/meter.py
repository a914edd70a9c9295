"""The meter: what stands and is charged, written into the trace, so that an invoice can be made of a run.

A record `resources.stand` holds everything a cluster occupies from that instant on; it is written at the start and
whenever something changes. Between two records nothing changes, so nothing has to be metered by ticking.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, replace
from typing import Any, cast

from qke_core.billing import Life
from qke_core.effects import Json
from qke_core.inventory import resources_of
from qke_core.models import ClusterState, World
from qke_core.resources import Resource
from qke_core.upgraded import upgraded
from qke_sim.kernel import Kernel
from qke_sim.trace import TraceRecord

KIND = "resources.stand"
_DEFAULTS = {found.name: found.default for found in fields(Resource)}


class Meter:
    """Watches the clusters of a world."""

    def __init__(self, kernel: Kernel, world: World) -> None:
        """Take over what the world says."""
        self._kernel = kernel
        self._zone = world.zone
        self._states = {cluster.name: ClusterState.of_world(cluster, world) for cluster in world.clusters}
        self._stopped = {
            f"{cluster.name}/{node.role}{node.index}"
            for cluster in world.clusters
            for node in cluster.nodes
            if node.status == "stopped"
        }
        self._last: dict[str, list[Json]] = {}

    def begin(self, cause: int) -> None:
        """Record what stands at the start."""
        for name in self._states:
            self._record(name, cause)

    def upgraded(self, name: str, target: str, cause: int) -> None:
        """Take note that a cluster has another version now."""
        self._states[name] = upgraded(self._states[name], target)
        self._record(name, cause)

    def _record(self, name: str, cause: int) -> None:
        standing: list[Json] = [_plain(self._as_it_runs(found)) for found in resources_of(self._states[name])]
        if self._last.get(name) != standing:
            self._last[name] = standing
            self._kernel.trace.add(KIND, name, cause, zone=self._zone, count=len(standing), resources=standing)

    def _as_it_runs(self, found: Resource) -> Resource:
        return replace(found, running=False) if found.id in self._stopped else found


def _plain(found: Resource) -> Mapping[str, Json]:
    """Return a resource as JSON data; figures that have their default are left out."""
    return {key: value for key, value in asdict(found).items() if value != _DEFAULTS.get(key, ...)}


def lives_of(records: Iterable[TraceRecord], ended_ms: int) -> dict[str, tuple[str, list[Life]]]:
    """Return for each cluster its zone and the lives of its resources, from the records of a run."""
    found: dict[str, tuple[str, list[Life]]] = {}
    since: dict[str, dict[str, tuple[Resource, int]]] = {}
    for record in records:
        if record.kind != KIND:
            continue
        _, lives = found.setdefault(record.subject, (str(record.data["zone"]), []))
        rows = cast("list[Mapping[str, Json]]", record.data["resources"])
        now = {resource.id: resource for resource in map(_resource, rows)}
        open_lives = since.setdefault(record.subject, {})
        for name, (resource, begin) in list(open_lives.items()):
            if now.get(name) != resource:
                lives.append(Life(resource, begin, record.t))
                del open_lives[name]
        for name, resource in now.items():
            open_lives.setdefault(name, (resource, record.t))
    for name, open_lives in since.items():
        found[name][1].extend(Life(resource, begin, ended_ms) for resource, begin in open_lives.values())
    return found


def _resource(row: Mapping[str, Json]) -> Resource:
    return Resource(**cast("dict[str, Any]", dict(row)))

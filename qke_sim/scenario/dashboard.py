"""What a run shows across all its clusters: status of each over time, bill, quotas used.

Guide: the dashboard of a user with several clusters. Nothing is sampled: every change is a point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import get_args

from qke_core.models.world import ResourceType
from qke_core.resources import Resource
from qke_sim.cloud.store import Thing
from qke_sim.scenario.member_measures import MemberView
from qke_sim.trace import TraceRecord
from qke_sim.twin import Twin


@dataclass(frozen=True, slots=True)
class Standing:
    """From `t` on a cluster was in this status, with this transition going on ("" for none)."""

    t: int
    status: str
    transition: str


@dataclass(frozen=True, slots=True)
class ClusterShow:
    """One cluster at the end of a run, and how it got there. `bill_cny` is at the example price book."""

    name: str
    version: str
    nodes: int
    bill_cny: float
    lane: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class QuotaShow:
    """How much of one quota was used: points are virtual ms and amount; `limit` None where there is none."""

    kind: str
    limit: int | None
    points: tuple[tuple[int, int], ...]

    @property
    def most(self) -> int:
        """The largest amount."""
        return max(amount for _, amount in self.points)


@dataclass(slots=True)
class Dashboard:
    """Follows a run."""

    twin: Twin
    views: Mapping[str, MemberView]
    lanes: dict[str, list[Standing]] = field(default_factory=dict[str, list[Standing]])
    quotas: dict[str, list[tuple[int, int]]] = field(default_factory=dict[str, list[tuple[int, int]]])

    def begin(self) -> None:
        """Look at what stands, and follow it from now on."""
        for name in self.views:
            self._stand(name)
        self._count(get_args(ResourceType))
        self.twin.kernel.trace.observers.append(self._watch)
        self.twin.cloud.store.watchers.append(self._counted)

    def clusters(self) -> list[ClusterShow]:
        """Return every cluster as it is now."""
        bills = self.twin.meter.charged_by_name(self.twin.kernel.now)
        return [self._show(name, view, float(bills.get(name, 0))) for name, view in self.views.items()]

    def used(self) -> list[QuotaShow]:
        """Return every quota of which something was ever used."""
        limits = self.twin.cloud.allowance.limits
        shown = [QuotaShow(kind, limits.get(kind), tuple(points)) for kind, points in self.quotas.items()]
        return [quota for quota in shown if quota.most]

    def _show(self, name: str, view: MemberView, bill_cny: float) -> ClusterShow:
        cluster = view.cluster()
        version, nodes = ("", 0) if cluster is None else (cluster.version, len(cluster.nodes))
        return ClusterShow(name, version, nodes, bill_cny, tuple(self.lanes[name]))

    def _watch(self, record: TraceRecord) -> None:
        if record.kind == "cluster.changed" and record.subject in self.views:
            self._stand(record.subject)
        elif record.kind == "resource.created" and record.data["what"] == "cluster":
            self._stand(str(record.data["label"]))

    def _stand(self, name: str) -> None:
        view = self.views.get(name)
        if view is None:
            return
        cluster, lane = view.cluster(), self.lanes.setdefault(name, [])
        transition = "" if cluster is None else cluster.transition_status
        now = Standing(self.twin.kernel.now, view.status(), transition)
        if lane and lane[-1].t == now.t:
            lane.pop()
        if not lane or (lane[-1].status, lane[-1].transition) != (now.status, now.transition):
            lane.append(now)

    def _counted(self, thing: Thing, before: Resource | None, after: Resource | None, seq: int) -> None:
        _ = thing, before, after, seq
        self._count(self.quotas)

    def _count(self, kinds: Iterable[str]) -> None:
        used, now = self.twin.cloud.allowance.used, self.twin.kernel.now
        for kind in kinds:
            points = self.quotas.setdefault(kind, [])
            if points and points[-1][0] == now:
                points.pop()
            if not points or points[-1][1] != used[kind]:
                points.append((now, used[kind]))

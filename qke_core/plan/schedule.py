"""A schedule: stages in an order that a graph gives, each with its reason, its guard, who feels it, how long it takes.

Every operation of the platform is a schedule of what happens inside it; a plan strings operations together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeAlias

import networkx as nx

from qke_core.effects.base import JsonObject
from qke_core.errors import InvariantError


@dataclass(frozen=True, slots=True)
class Interval:
    """A span of time in milliseconds, shortest and longest."""

    min_ms: int
    max_ms: int

    def __add__(self, other: Interval) -> Interval:
        """Return the interval of both one after the other."""
        return Interval(self.min_ms + other.min_ms, self.max_ms + other.max_ms)

    def __mul__(self, times: int) -> Interval:
        """Return the interval of the same thing done `times` times, one after the other."""
        return Interval(self.min_ms * times, self.max_ms * times)

    def beside(self, other: Interval) -> Interval:
        """Return the interval of both side by side: until the later one ends."""
        return Interval(max(self.min_ms, other.min_ms), max(self.max_ms, other.max_ms))


NO_TIME = Interval(0, 0)

Manner: TypeAlias = Literal["none", "rolling", "at-once"]
"""Whether nobody is touched, nodes one after another, or all at once."""


@dataclass(frozen=True, slots=True)
class Disruption:
    """Who feels a stage: `restarts` components (or `instance`) on the nodes of `roles`, in this manner.

    Component names are the product's: kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy, kubelet,
    docker, etcd, hostnic-node; `instance` is the whole host.
    """

    restarts: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    manner: Manner = "none"


NO_DISRUPTION = Disruption()


@dataclass(frozen=True, slots=True)
class Stage:
    """One vertex of a schedule.

    `guard` says what must be true before it starts, `disruption` who feels it and how ("" for nobody), `felt` for how
    long, `touches` the same for programs; `after` names the stages that must have ended. `inside` says whether it is
    part of the platform's job, or happens before or after it.
    """

    id: str
    title: str
    reason: str
    guard: str
    disruption: str
    felt: Interval
    duration: Interval
    after: tuple[str, ...]
    touches: Disruption = field(default=NO_DISRUPTION)
    inside: bool = True


@dataclass(frozen=True, slots=True)
class Schedule:
    """Stages in a safe order: whatever a stage is `after` stands before it. Frozen; `graph()` gives it to networkx."""

    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        """Refuse an order that is not safe.

        Raises:
            InvariantError: `plan.order` when a stage stands before one it is after, or twice.
        """
        seen: set[str] = set()
        for stage in self.stages:
            if stage.id in seen or not seen.issuperset(stage.after):
                raise InvariantError("plan.order", f"Stage {stage.id} stands in the wrong place", "report this plan")
            seen.add(stage.id)

    def graph(self) -> nx.DiGraph[str]:
        """Return the stages as a directed acyclic graph; an edge leads to the stage that comes later."""
        graph: nx.DiGraph[str] = nx.DiGraph()
        for stage in self.stages:
            graph.add_node(stage.id)
            graph.add_edges_from((before, stage.id) for before in stage.after)
        return graph

    def ends(self) -> Mapping[str, Interval]:
        """Return for every stage when it ends, counted from the beginning, as an interval."""
        return _ends(self.stages, lambda stage: stage.duration)

    @property
    def total(self) -> Interval:
        """How long all of it takes, along its longest way."""
        return _latest(self.ends())

    @property
    def job(self) -> Interval:
        """How long the platform's job takes: what happens before and after it left out."""
        return _latest(_ends(self.stages, lambda stage: stage.duration if stage.inside else NO_TIME))

    def to_json(self) -> list[JsonObject]:
        """Return the stages as JSON data."""
        return [_stage_json(stage) for stage in self.stages]


def _ends(stages: Iterable[Stage], took: Callable[[Stage], Interval]) -> Mapping[str, Interval]:
    ends: dict[str, Interval] = {}
    for stage in stages:
        begin = _latest({before: ends[before] for before in stage.after})
        ends[stage.id] = begin + took(stage)
    return ends


def _latest(ends: Mapping[str, Interval]) -> Interval:
    latest = NO_TIME
    for end in ends.values():
        latest = latest.beside(end)
    return latest


def _stage_json(stage: Stage) -> JsonObject:
    touched = stage.touches
    touches: JsonObject = {
        "restarts": list(touched.restarts),
        "roles": list(touched.roles),
        "manner": touched.manner,
    }
    return {**asdict(stage), "after": list(stage.after), "touches": touches}

"""A plan: steps in an order that a graph gives, each with its reason, its guard, who feels it, how long it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

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

    def beside(self, other: Interval) -> Interval:
        """Return the interval of both side by side: until the later one ends."""
        return Interval(max(self.min_ms, other.min_ms), max(self.max_ms, other.max_ms))


NO_TIME = Interval(0, 0)


@dataclass(frozen=True, slots=True)
class Step:
    """One vertex of a plan.

    `guard` says what must be true before it starts, `disruption` who feels it and how ("" for nobody), `felt` for how
    long; `after` names the steps that must have ended.
    """

    id: str
    title: str
    reason: str
    guard: str
    disruption: str
    felt: Interval
    duration: Interval
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in a safe order: whatever a step is `after` stands before it. Frozen; `graph()` gives it to networkx."""

    cluster: str
    source: str
    path: tuple[str, ...]
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        """Refuse a plan whose order is not safe.

        Raises:
            InvariantError: `plan.order` when a step stands before one it is after, or twice.
        """
        seen: set[str] = set()
        for step in self.steps:
            if step.id in seen or not seen.issuperset(step.after):
                raise InvariantError(
                    "plan.order",
                    f"Step {step.id} of the plan for {self.cluster} stands in the wrong place",
                    "report this plan",
                )
            seen.add(step.id)

    def graph(self) -> nx.DiGraph[str]:
        """Return the steps as a directed acyclic graph; an edge leads to the step that comes later."""
        graph: nx.DiGraph[str] = nx.DiGraph()
        for step in self.steps:
            graph.add_node(step.id)
            graph.add_edges_from((before, step.id) for before in step.after)
        return graph

    def ends(self) -> Mapping[str, Interval]:
        """Return for every step when it ends, counted from the plan's start, as an interval."""
        ends: dict[str, Interval] = {}
        for step in self.steps:
            begin = NO_TIME
            for before in step.after:
                begin = begin.beside(ends[before])
            ends[step.id] = begin + step.duration
        return ends

    @property
    def total(self) -> Interval:
        """How long the whole plan takes, along its longest way."""
        total = NO_TIME
        for end in self.ends().values():
            total = total.beside(end)
        return total

    def to_json(self) -> JsonObject:
        """Return the plan as JSON data, the total included."""
        return {
            "cluster": self.cluster,
            "source": self.source,
            "path": list(self.path),
            "total": asdict(self.total),
            "steps": [{**asdict(step), "after": list(step.after)} for step in self.steps],
        }

"""A plan: operations of the platform in an order that a graph gives, each explained, timed, counted and priced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import cast

import networkx as nx

from qke_core.effects.base import Json, JsonObject
from qke_core.errors import InvariantError
from qke_core.models.state import ClusterState
from qke_core.plan.change import Change, Create
from qke_core.plan.schedule import NO_TIME, Interval, Schedule
from qke_core.rules.finding import Finding

FORMAT = "qke/v1"


@dataclass(frozen=True, slots=True)
class Edge:
    """`step` must have ended before; `why` says the reason in half a sentence."""

    step: str
    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """One operation.

    `guards` must hold before it starts. `uses` are the resources counted at the step's peak, by resource type, beyond
    what stands before the plan; `frees` and `takes` are what the step gives back and takes for good. `cost_per_hour`
    is the change in CNY per hour from this step on.
    """

    id: str
    title: str
    reason: str
    change: Change
    guards: tuple[str, ...]
    after: tuple[Edge, ...]
    schedule: Schedule
    peak: Mapping[str, int]
    takes: Mapping[str, int]
    frees: Mapping[str, int]
    cost_per_hour: Decimal

    @property
    def operation(self) -> str:
        """What the platform is asked for, such as `add-nodes`."""
        return self.change.operation

    @property
    def duration(self) -> Interval:
        """How long it takes."""
        return self.schedule.total

    def to_json(self) -> JsonObject:
        """Return the step as JSON data."""
        return {
            "id": self.id,
            "operation": self.operation,
            "title": self.title,
            "reason": self.reason,
            "change": change_json(self.change),
            "guards": list(self.guards),
            "after": [asdict(edge) for edge in self.after],
            "duration": asdict(self.duration),
            "stages": self.schedule.to_json(),
            "quota": {"peak": dict(self.peak), "takes": dict(self.takes), "frees": dict(self.frees)},
            "cost_per_hour_cny": str(self.cost_per_hour),
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in a safe order: the platform does one operation of a cluster at a time.

    `before` is the cluster as it was observed, `wish` as it shall be. `findings` are warnings and notes; a plan with
    blockers is never made.
    """

    cluster: str
    before: ClusterState
    wish: ClusterState
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...]
    price_book: str

    def __post_init__(self) -> None:
        """Refuse an order that is not safe.

        Raises:
            InvariantError: `plan.order` when a step stands before one it is after, or twice.
        """
        seen: set[str] = set()
        for step in self.steps:
            if step.id in seen or not seen.issuperset(edge.step for edge in step.after):
                raise InvariantError("plan.order", f"Step {step.id} stands in the wrong place", "report this plan")
            seen.add(step.id)

    def graph(self) -> nx.DiGraph[str]:
        """Return the steps as a directed acyclic graph; an edge leads to the step that comes later, with its `why`."""
        graph: nx.DiGraph[str] = nx.DiGraph()
        for step in self.steps:
            graph.add_node(step.id)
            for edge in step.after:
                graph.add_edge(edge.step, step.id, why=edge.why)
        return graph

    @property
    def total(self) -> Interval:
        """How long all of it takes, one operation after the other."""
        total = NO_TIME
        for step in self.steps:
            total += step.duration
        return total

    @property
    def cost_per_hour(self) -> Decimal:
        """What the whole plan changes, in CNY per hour."""
        return sum((step.cost_per_hour for step in self.steps), Decimal(0))

    def to_json(self) -> JsonObject:
        """Return the plan as JSON data (docs/reference/plan.schema.json)."""
        return {
            "apiVersion": FORMAT,
            "kind": "Plan",
            "cluster": self.cluster,
            "before": state_json(self.before),
            "wish": state_json(self.wish),
            "price_book": self.price_book,
            "total": asdict(self.total),
            "cost_per_hour_cny": str(self.cost_per_hour),
            "steps": [step.to_json() for step in self.steps],
            "findings": [finding.to_json() for finding in self.findings],
        }


def state_json(state: ClusterState) -> JsonObject:
    """Return a state as JSON data."""
    return {
        "name": state.name,
        "zone": state.zone,
        "phase": state.phase,
        "version": state.version,
        "born_as": state.born_as,
        "vxnet": state.vxnet,
        "roles": {role: asdict(shape) for role, shape in state.shape.items()},
        "nodes": {role: list(sids) for role, sids in state.nodes.items()},
        "env": dict(state.settings.values),
        "modules": list(state.modules),
        "links": {"etcd": state.etcd, "elk": state.elk},
        "billing": {"mode": state.billing.mode, "term": state.billing.term},
        "awaits_restart": list(state.awaits_restart),
    }


def change_json(change: Change) -> JsonObject:
    """Return a change as JSON data; the wish of a creation stands in the plan itself."""
    if isinstance(change, Create):
        return {}
    return {found.name: _plain(getattr(change, found.name)) for found in fields(change)}


def _plain(value: object) -> Json:
    if isinstance(value, tuple):
        return list(cast("tuple[Json, ...]", value))
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Json]", value))
    return cast("Json", value)

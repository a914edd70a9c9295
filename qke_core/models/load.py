"""How busy the nodes of a role are over time, as people write it: `load:` of a scenario.

A load is what the whole role has to carry; its nodes share it evenly, so a node more makes every node less busy. The
platform samples once a minute, so a load is a function of whole minutes: constant between them, exact, and made of
monotone pieces. That is what lets the twin compute when a figure will pass a threshold instead of looking each minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from qke_core.models.base import DurationMs, Model, Name, RoleName, refuse
from qke_core.units import MS_PER_DAY, MS_PER_MIN

Meter: TypeAlias = Literal["cpu", "memory", "kubelet_running_containers"]
"""What a policy of autoscaling may look at: CPU and memory in per-mille of a node, and running containers."""

FULL = 1000
"""Per-mille of a node that is fully used; CPU and memory never show more."""

_HALF_DAY_MIN = MS_PER_DAY // MS_PER_MIN // 2
Total = Annotated[int, Field(ge=0)]


class Step(Model):
    """From `at` on, the load is `value`."""

    at: Annotated[DurationMs, Field(description="Since when, counted from the start of the run.")]
    value: Annotated[Total, Field(description="What the whole role carries from then on.")]


class Diurnal(Model):
    """A day: down to `trough` at night, up to `peak`, smoothly."""

    trough: Annotated[Total, Field(description="Least the whole role carries, half a day away from the peak.")]
    peak: Annotated[Total, Field(description="Most the whole role carries.")]
    peak_after: Annotated[
        DurationMs, Field(default=MS_PER_DAY // 2, description="First peak, counted from the start of the run.")
    ]


class Series(Model):
    """One value after another, each for `every`; the last one stays."""

    every: Annotated[DurationMs, Field(description="How long each value holds, such as 15m.", ge=MS_PER_MIN)]
    values: Annotated[tuple[Total, ...], Field(min_length=1, description="What the whole role carries, in order.")]


class Demand(Model):
    """A load over time, written in one of three ways."""

    steps: Annotated[tuple[Step, ...] | None, Field(default=None, description="Values from given times on.")]
    diurnal: Annotated[Diurnal | None, Field(default=None, description="The same curve every day.")]
    series: Annotated[Series | None, Field(default=None, description="Values at a fixed distance.")]

    @model_validator(mode="after")
    def _one_way(self) -> Demand:
        """Exactly one of the three, and steps in order."""
        if sum(way is not None for way in (self.steps, self.diurnal, self.series)) != 1:
            raise refuse("load.shape", "A load is written in exactly one way", "keep one of steps, diurnal and series")
        times = [step.at for step in self.steps or ()]
        if any(after <= before for before, after in pairwise(times)):
            raise refuse("load.order", "Steps of a load are not in order", "sort them by at, each time once")
        return self

    def at(self, ms: int) -> int:
        """Return what the whole role carries at an instant; before the first step nothing."""
        minute = ms // MS_PER_MIN
        if self.diurnal is not None:
            return _day(self.diurnal, minute)
        if self.series is not None:
            values = self.series.values
            return values[min(max(minute * MS_PER_MIN, 0) // self.series.every, len(values) - 1)]
        return next((step.value for step in reversed(self.steps or ()) if step.at <= minute * MS_PER_MIN), 0)

    def turn(self, ms: int) -> int | None:
        """Return the next instant at which a new monotone piece may begin; None when the load stays as it is."""
        if self.diurnal is not None:
            half = MS_PER_DAY // 2
            offset = self.diurnal.peak_after // MS_PER_MIN * MS_PER_MIN
            return ms + half - (ms - offset) % half
        if self.series is not None:
            following = (ms // self.series.every + 1) * self.series.every
            return following if following < self.series.every * len(self.series.values) else None
        return next((step.at for step in self.steps or () if step.at > ms), None)

    @property
    def settles_ms(self) -> int:
        """From when on the load stays as it is, or repeats itself every day."""
        if self.series is not None:
            return self.series.every * len(self.series.values)
        return max((step.at for step in self.steps or ()), default=0)


class RoleLoad(Model):
    """What the nodes of one role of one cluster carry together. A meter that is left out shows an idle node."""

    cluster: Annotated[Name, Field(description="Name of the cluster.")]
    role: Annotated[RoleName, Field(description="Role whose nodes share the load evenly.")]
    cpu: Annotated[
        Demand | None, Field(default=None, description="CPU in per-mille of one node: 2500 keeps 2.5 nodes busy.")
    ]
    memory: Annotated[
        Demand | None, Field(default=None, description="Memory in per-mille of one node: 2500 fills 2.5 nodes.")
    ]
    containers: Annotated[Demand | None, Field(default=None, description="Running containers of the whole role.")]

    @property
    def demands(self) -> Mapping[Meter, Demand]:
        """The demands that are written, by meter."""
        found: dict[Meter, Demand | None] = {
            "cpu": self.cpu,
            "memory": self.memory,
            "kubelet_running_containers": self.containers,
        }
        return {meter: demand for meter, demand in found.items() if demand is not None}

    def figure(self, meter: Meter, ms: int, nodes: int) -> int | None:
        """Return what one of `nodes` nodes shows at an instant; None without a node or a demand."""
        demand = self.demands.get(meter)
        return None if demand is None else share(meter, demand.at(ms), nodes)


def share(meter: Meter, total: int, nodes: int) -> int | None:
    """Return what each of `nodes` nodes shows of a total; None without nodes."""
    if nodes < 1:
        return None
    each = total // nodes
    return each if meter == "kubelet_running_containers" else min(each, FULL)


def _day(found: Diurnal, minute: int) -> int:
    """A smooth curve in whole numbers: 3x^2 - 2x^3 between trough and peak, the same on every machine."""
    away = (minute - found.peak_after // MS_PER_MIN) % (2 * _HALF_DAY_MIN)
    x, half = abs(_HALF_DAY_MIN - away), _HALF_DAY_MIN
    rise = (found.peak - found.trough) * (3 * x * x * half - 2 * x * x * x)
    return found.trough + rise // half**3

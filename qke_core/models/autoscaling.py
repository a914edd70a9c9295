"""A policy of autoscaling, as people write it: `autoscaling:` of a Cluster.

It is the console's "adjust the number of application nodes" for one role (guide G-121 to G-123). What does not fit the
product is said by `qke_core.rules.autoscaling`, all at once; here only what cannot be read is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from qke_core.models.base import Model, RoleName, refuse
from qke_core.models.load import Meter
from qke_core.models.network import ResourceId
from qke_core.units import MS_PER_MIN

Direction: TypeAlias = Literal["increase", "decrease"]
Period: TypeAlias = Literal["1m", "5m"]
PERIODS_MS: dict[Period, int] = {"1m": MS_PER_MIN, "5m": 5 * MS_PER_MIN}


class Condition(Model):
    """A figure of the role's nodes is beyond a threshold in so many checks in a row."""

    meter: Annotated[Meter, Field(description="cpu and memory in per-mille, or kubelet_running_containers per node.")]
    gt: Annotated[int | None, Field(default=None, ge=0, description="True while the figure is greater than this.")]
    lt: Annotated[int | None, Field(default=None, ge=0, description="True while the figure is less than this.")]
    periods: Annotated[int, Field(default=1, ge=1, le=60, description="Checks in a row that must find it so.")]

    @model_validator(mode="after")
    def _one_side(self) -> Condition:
        """Exactly one of gt and lt."""
        if (self.gt is None) == (self.lt is None):
            raise refuse(
                "autoscaling.condition",
                f"A condition on {self.meter} needs exactly one threshold",
                "write gt: 800 or lt: 200, for example",
            )
        return self

    @property
    def threshold(self) -> int:
        """The figure it compares with."""
        return self.gt if self.gt is not None else self.lt or 0

    @property
    def type(self) -> Literal["gt", "lt"]:
        """The API's word for the comparison."""
        return "gt" if self.gt is not None else "lt"

    def holds(self, figure: int | None) -> bool:
        """Whether a figure meets it; no figure never does."""
        return figure is not None and (figure > self.threshold if self.gt is not None else figure < self.threshold)


class ScalingRule(Model):
    """What has to be seen for a change in one direction."""

    when: Annotated[
        Literal["all", "any"], Field(default="any", description="Whether all conditions must hold, or any one.")
    ]
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1, description="What is looked at.")]


class AutoscalingPolicy(Model):
    """When and by how much the number of nodes of one role changes by itself."""

    role: Annotated[RoleName, Field(description="Role whose figures are watched and whose nodes come and go.")]
    period: Annotated[Period, Field(default="1m", description="How often figures are checked: 1m or 5m.")]
    increase: Annotated[ScalingRule | None, Field(default=None, description="When nodes are added.")]
    decrease: Annotated[ScalingRule | None, Field(default=None, description="When nodes are removed.")]
    step: Annotated[int, Field(default=1, ge=1, description="Nodes added or removed per run.")]
    min: Annotated[int, Field(default=0, ge=0, description="Least number of nodes that a run leaves.")]
    max: Annotated[int, Field(ge=0, description="Greatest number of nodes that a run makes.")]
    notify: Annotated[
        ResourceId | None, Field(default=None, description="Notification list told of every run, such as nl-a1b2c3d4.")
    ]
    enabled: Annotated[bool, Field(default=True, description="Whether the policy is on.")]

    @model_validator(mode="after")
    def _some_rule(self) -> AutoscalingPolicy:
        """At least one direction."""
        if self.increase is None and self.decrease is None:
            raise refuse(
                "autoscaling.no-rule",
                f"The policy for {self.role} has no rule",
                "write increase, decrease or both, each with conditions",
            )
        return self

    @property
    def period_ms(self) -> int:
        """How often figures are checked; milliseconds."""
        return PERIODS_MS[self.period]

    def rules(self) -> Iterator[tuple[Direction, ScalingRule]]:
        """Yield the rules there are, growth first: when both fire, more nodes are the safer choice (assumed)."""
        if self.increase is not None:
            yield "increase", self.increase
        if self.decrease is not None:
            yield "decrease", self.decrease

    @property
    def memory(self) -> int:
        """How many checks back the policy has to look."""
        return max(condition.periods for _, rule in self.rules() for condition in rule.conditions)

"""The scenario as people write it: `kind: Scenario`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag, model_validator

from qke_core.models import DurationMs, Model, Name, RoleLoad, World, refuse
from qke_core.models.base import API_VERSION
from qke_sim.scenario.action import Action
from qke_sim.scenario.fault import Fault

GuideId = Annotated[str, StringConstraints(pattern=r"^G-\d{3}$")]


class Metadata(Model):
    """What the scenario is called, and what it teaches."""

    name: Annotated[Name, Field(description="Short name; the run folder is called after it.")]
    description: Annotated[
        str, Field(default="", description="What happens, and what it teaches, in a sentence or two.")
    ]
    guide: Annotated[
        tuple[GuideId, ...],
        Field(default=(), description="Statements of the user guide that its expectations prove, such as G-143."),
    ]


class WorkloadUse(Model):
    """Kubernetes objects that run on a cluster from the beginning."""

    cluster: Annotated[str, Field(description="Name of a cluster of the world, or of one that is created.")]
    manifest: Annotated[str, Field(description="Kubernetes YAML file, beside the scenario file.")]


class Probe(Model):
    """A question of reachability that is asked again and again: does a packet get from here to there?"""

    name: Annotated[Name, Field(description="How expectations call it: <name>.reaches, <name>.blocked_by.")]
    source: Annotated[
        str, Field(alias="from", description="Where the packet starts: internet, a node such as shop/master1, a vxnet.")
    ]
    target: Annotated[str, Field(alias="to", description="Where it goes, such as 139.198.0.10:30880.")]


class Expectation(Model):
    """One promise about the run. Exactly one of always, never, eventually and at_end holds a CEL expression."""

    always: Annotated[str | None, Field(default=None, description="True at every instant.")]
    never: Annotated[str | None, Field(default=None, description="False at every instant.")]
    eventually: Annotated[str | None, Field(default=None, description="True at some instant.")]
    at_end: Annotated[str | None, Field(default=None, description="True when the run ends.")]
    within: Annotated[
        DurationMs | None, Field(default=None, description="With eventually: at the latest this long after the start.")
    ]
    after: Annotated[
        str | None,
        Field(default=None, description="Count (and look) only from this event on, such as upgrade.started."),
    ]

    @model_validator(mode="after")
    def _one_form(self) -> Expectation:
        """Exactly one form; within belongs to eventually."""
        if sum(text is not None for text in (self.always, self.never, self.eventually, self.at_end)) != 1:
            sentence = "An expectation needs exactly one of always, never, eventually and at_end"
            raise refuse(
                "scenario.expectation-form", sentence, "split it into two entries, or add the one that is meant"
            )
        if self.within is not None and self.eventually is None:
            raise refuse(
                "scenario.expectation-form", "within belongs to eventually", "use eventually, or leave within out"
            )
        if self.after is not None and self.at_end is not None:
            raise refuse("scenario.expectation-form", "after does not belong to at_end", "leave after out")
        return self

    @property
    def form(self) -> str:
        """`always`, `never`, `eventually` or `at_end`."""
        return next(form for form in ("always", "never", "eventually", "at_end") if getattr(self, form) is not None)

    @property
    def expression(self) -> str:
        """The CEL expression."""
        return str(getattr(self, self.form))


def _start(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as exc:
        sentence = f"{value!r} is not a moment"
        raise refuse("scenario.start", sentence, "write it like 2020-06-01T01:00:00+08:00") from exc
    if moment.tzinfo is None:
        sentence = f"{value!r} has no time zone"
        raise refuse("scenario.start", sentence, f"write {value}+08:00, for example")
    return value


class Scenario(Model):
    """A world, what happens in it, and what is expected of it."""

    api_version: Annotated[Literal["qke/v1"], Field(alias="apiVersion", default=API_VERSION)]
    kind: Literal["Scenario"]
    metadata: Metadata
    seed: Annotated[int, Field(default=1, ge=0, description="Which luck; the same seed gives the same run.")]
    start: Annotated[
        str,
        BeforeValidator(_start),
        Field(default="2020-06-01T01:00:00+08:00", description="When virtual time begins, with its time zone."),
    ]
    until: Annotated[DurationMs, Field(default=48 * 3600 * 1000, description="End the run at the latest then.")]
    world: Annotated[
        Annotated[World, Tag("inline")] | Annotated[str, Tag("path")],
        Discriminator(lambda value: "path" if isinstance(value, str) else "inline"),
        Field(description="The world, or the path of a World file beside the scenario file."),
    ]
    workloads: Annotated[tuple[WorkloadUse, ...], Field(default=())]
    load: Annotated[tuple[RoleLoad, ...], Field(default=(), description="How busy the nodes of a role are.")]
    timeline: Annotated[tuple[Action, ...], Field(default=())]
    faults: Annotated[tuple[Fault, ...], Field(default=())]
    probes: Annotated[tuple[Probe, ...], Field(default=(), description="Who should reach what.")]
    expect: Annotated[tuple[Expectation, ...], Field(default=())]

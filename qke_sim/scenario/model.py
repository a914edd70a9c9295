"""The scenario as people write it: `kind: Scenario`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag, model_validator

from qke_core.models import DurationMs, Model, Name, RoleName, SizeMib, VersionName, World, refuse
from qke_core.models.base import API_VERSION


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

    cluster: Annotated[str, Field(description="Name of a cluster of the world.")]
    manifest: Annotated[str, Field(description="Kubernetes YAML file, beside the scenario file.")]


class UpgradeAction(Model):
    """An operator upgrades the cluster, hop by hop if need be."""

    to: Annotated[VersionName, Field(description="QKE version to reach.")]
    preflight: Annotated[
        Literal["enforce", "report"],
        Field(default="enforce", description="enforce stops at a blocker; report only tells and asks the platform."),
    ]
    poll: Annotated[DurationMs, Field(default=60_000, description="Pause between two looks at the job.")]


class Action(Model):
    """One entry of the timeline: when, on which cluster, what."""

    name: Annotated[Name | None, Field(default=None, description="How expectations and triggers call it.")]
    cluster: Annotated[str, Field(description="Name of a cluster of the world.")]
    at: Annotated[DurationMs | None, Field(default=None, description="Time since the start, such as 10m.")]
    after: Annotated[str | None, Field(default=None, description="An event of another action, such as first.done.")]
    delay: Annotated[DurationMs, Field(default=0, description="Wait this long after the event.")]
    upgrade: UpgradeAction

    @model_validator(mode="after")
    def _when_is_clear(self) -> Action:
        """Exactly one of at and after."""
        if (self.at is None) == (self.after is None):
            raise refuse("scenario.when", "An action needs exactly one of at and after", "write at: 10m, for example")
        return self

    @property
    def label(self) -> str:
        """The action's name; what it does when it has none."""
        return self.name or "upgrade"


class NodeTarget(Model):
    """One node of a cluster."""

    cluster: str
    role: RoleName
    index: Annotated[int, Field(ge=1, description="Which node of the role, counted from 1.")]

    @property
    def alias(self) -> str:
        """`master2`, as the product's host aliases."""
        return f"{self.role}{self.index}"


class ClusterTarget(Model):
    """A whole cluster."""

    cluster: str


class Trigger(Model):
    """When a fault strikes: at a time, after an event of an action, or when an expression becomes true."""

    at: Annotated[DurationMs | None, Field(default=None, description="Time since the start.")]
    after: Annotated[str | None, Field(default=None, description="An event of an action, such as upgrade.started.")]
    when: Annotated[str | None, Field(default=None, description="A CEL expression; strikes when it becomes true.")]
    delay: Annotated[DurationMs, Field(default=0, description="Wait this long after the event.")]

    @model_validator(mode="after")
    def _trigger_is_clear(self) -> Trigger:
        """Exactly one of at, after and when."""
        if sum(part is not None for part in (self.at, self.after, self.when)) != 1:
            sentence = "A fault needs exactly one of at, after and when"
            raise refuse("scenario.when", sentence, "write after: upgrade.started, for example")
        return self


class NodeCrash(Trigger):
    """The node's host dies; with `for` it comes back, else it stays dead."""

    kind: Literal["node.crash"]
    target: NodeTarget
    lasts: Annotated[DurationMs | None, Field(default=None, alias="for", description="How long it is dead.")]


class KubeletStop(Trigger):
    """The node's kubelet stops; its pods run on. With `for` it comes back."""

    kind: Literal["kubelet.stop"]
    target: NodeTarget
    lasts: Annotated[DurationMs | None, Field(default=None, alias="for", description="How long it is silent.")]


class DiskFill(Trigger):
    """Something fills /data of the node up to what `free` leaves."""

    kind: Literal["disk.fill"]
    target: NodeTarget
    free: Annotated[SizeMib, Field(description="What is left on /data, such as 2GiB.")]


class HostSlow(Trigger):
    """Everything on the node takes `percent` of its usual time."""

    kind: Literal["host.slow"]
    target: NodeTarget
    percent: Annotated[int, Field(ge=1, le=100_000, description="200 is twice as slow.")]


class InstallerSlow(Trigger):
    """The KubeSphere installer takes `percent` of its usual time."""

    kind: Literal["installer.slow"]
    target: ClusterTarget
    percent: Annotated[int, Field(ge=1, le=100_000, description="200 is twice as slow.")]


class InstallerFails(Trigger):
    """An attempt of the KubeSphere installer ends with failed tasks (130) or with incomplete modules (132)."""

    kind: Literal["installer.fails"]
    target: ClusterTarget
    outcome: Annotated[Literal["failed", "incomplete"], Field(default="failed")]
    attempt: Annotated[int, Field(default=1, ge=1, description="Which attempt after a launch, counted from 1.")]
    percent: Annotated[int, Field(default=50, ge=0, le=100, description="How far it comes before it ends so.")]


class CallFails(Trigger):
    """Calls through a door fail, lose their answer, or are slow."""

    kind: Literal["call.fails", "call.answer-lost", "call.slow"]
    door: Annotated[Literal["cloud", "kube", "host"], Field(default="cloud")]
    operation: Annotated[str, Field(default="*", description="Action, verb or command; * for all.")]
    count: Annotated[int | None, Field(default=1, ge=1, description="How many calls; null for all from then on.")]
    percent: Annotated[int, Field(default=100, ge=1, le=100, description="Chance of each call.")]
    ret_code: Annotated[int, Field(default=5100, description="What a failing cloud call answers.")]
    takes: Annotated[DurationMs, Field(default=30_000, description="How much longer a slow call takes.")]


class OperatorCrash(Model):
    """The operator's own run is killed at a journal position and started again."""

    kind: Literal["operator.crash"]
    action: Annotated[str, Field(default="upgrade", description="Which action's run.")]
    position: Annotated[int, Field(ge=1, description="Once this many records are journaled.")]
    phase: Annotated[
        Literal["before", "after"], Field(default="before", description="Before or after the effect reached the world.")
    ]
    restart: Annotated[DurationMs, Field(default=30_000, description="When it is started again.")]


Fault: TypeAlias = Annotated[
    NodeCrash | KubeletStop | DiskFill | HostSlow | InstallerSlow | InstallerFails | CallFails | OperatorCrash,
    Field(discriminator="kind"),
]


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
    timeline: Annotated[tuple[Action, ...], Field(default=())]
    faults: Annotated[tuple[Fault, ...], Field(default=())]
    expect: Annotated[tuple[Expectation, ...], Field(default=())]

"""Faults as people write them: a kind with its parameters, and when it strikes."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from qke_core.models import DurationMs, Model, RoleName, SizeMib, refuse
from qke_core.models.network import ResourceId


class NodeTarget(Model):
    """One node of a cluster."""

    cluster: str
    role: RoleName
    index: Annotated[int, Field(ge=1, description="Which node of the role, counted from 1.")]

    @property
    def alias(self) -> str:
        """`master2`, as the product's host aliases."""
        return f"{self.role}{self.index}"

    @property
    def label(self) -> str:
        """`shop/master2`, as the trace calls it."""
        return f"{self.cluster}/{self.alias}"


class ClusterTarget(Model):
    """A whole cluster."""

    cluster: str

    @property
    def label(self) -> str:
        """Its name."""
        return self.cluster


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


class Passing(Trigger):
    """A fault that may pass by itself."""

    lasts: Annotated[DurationMs | None, Field(default=None, alias="for", description="How long; for ever without.")]


class NodeCrash(Passing):
    """The node's host dies; with `for` it comes back, else it stays dead."""

    kind: Literal["node.crash", "instance.crash"]
    target: NodeTarget


class KubeletStop(Passing):
    """The node's kubelet stops; its pods run on. With `for` it comes back."""

    kind: Literal["kubelet.stop"]
    target: NodeTarget


class DiskFill(Trigger):
    """Something fills /data of the node up to what `free` leaves."""

    kind: Literal["disk.fill"]
    target: NodeTarget
    free: Annotated[SizeMib, Field(description="What is left on /data, such as 2GiB.")]


class HostSlow(Passing):
    """Everything on the node takes `percent` of its usual time."""

    kind: Literal["host.slow"]
    target: NodeTarget
    percent: Annotated[int, Field(ge=1, le=100_000, description="200 is twice as slow.")]


class DiskSlow(Passing):
    """What is heavy on the node's disk takes `percent` of its usual time: images, copies, prunes, etcd's restart."""

    kind: Literal["disk.slow"]
    target: NodeTarget
    percent: Annotated[int, Field(ge=1, le=100_000, description="200 is twice as slow.")]


class ClockSkew(Passing):
    """The node's clock is ahead by `ahead`; beyond what certificates and etcd bear, it is no longer trusted."""

    kind: Literal["clock.skew"]
    target: NodeTarget
    ahead: Annotated[DurationMs, Field(description="How far its clock is ahead, such as 10m.")]


class MemberLost(Trigger):
    """A master's etcd member loses its data. It is away for good: no boot, revive or other operation brings it back."""

    kind: Literal["etcd.member-lost"]
    target: NodeTarget


class CertificateExpired(Trigger):
    """The certificates of a master are over at once."""

    kind: Literal["certificate.expired"]
    target: NodeTarget


class NetworkCut(Passing):
    """No packet passes between a node and another, or all masters when no other is named."""

    kind: Literal["network.cut"]
    target: NodeTarget
    other: Annotated[NodeTarget | None, Field(default=None, description="The other end; all masters without.")]


class LinkedDown(Passing):
    """A linked etcd or ELK service does not serve; without its etcd a cluster has no API server."""

    kind: Literal["linked.down"]
    service: Annotated[ResourceId, Field(description="Id of the linked service, such as cl-e1f2g3h4.")]


class RegistryUnreachable(Passing):
    """Images cannot be fetched: new pods of users wait. The product's own images lie on its nodes."""

    kind: Literal["registry.unreachable"]
    target: ClusterTarget


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


class DrainHang(Passing):
    """A pod of a workload does not end when it is told to, so a drain of its node waits."""

    kind: Literal["drain.hang"]
    target: ClusterTarget
    workload: Annotated[str, Field(description="Name of the workload.")]
    namespace: Annotated[str, Field(default="default")]


class Chance(Passing):
    """Trouble behind the cloud door: it strikes `count` times at most, each time with a chance of `percent`.

    `resource` is an action, or the label or id of a resource such as shop/node_perf3; * for all.
    """

    resource: Annotated[str, Field(default="*", description="Action, label or id; * for all.")]
    count: Annotated[int | None, Field(default=1, ge=1, description="How often; null for always from then on.")]
    chance: Annotated[int, Field(default=100, ge=1, le=100, description="Percent of each time.")]


class CloudTrouble(Chance):
    """A job never ends or fails, an instance does not boot, a volume does not attach, a balancer is never active."""

    kind: Literal[
        "job.stuck", "job.fails", "instance.boot-fails", "volume.attach-stuck", "volume.attach-fails", "lb.never-active"
    ]


class JobSlow(Chance):
    """A job takes `percent` of its usual time."""

    kind: Literal["job.slow"]
    percent: Annotated[int, Field(ge=1, le=100_000, description="300 is three times as slow.")]


class ZoneShort(Passing):
    """The zone has no room for more instances: calls that need some are refused with 5200."""

    kind: Literal["zone.short"]
    left: Annotated[int, Field(default=0, ge=0, description="How many instances still fit.")]


class QuotaShrinks(Passing):
    """A quota is lowered to `to`; what is used stays."""

    kind: Literal["quota.shrinks"]
    resource: Annotated[str, Field(description="What it counts, such as instance, cpu or volume.")]
    to: Annotated[int, Field(ge=0, description="The new limit.")]


class AccountShort(Passing):
    """The balance does not allow for more: what would create or grow anything that costs is refused with 2400."""

    kind: Literal["account.short"]


class AccountArrears(Passing):
    """The account owes money: clusters and instances are suspended until it is topped up, and deleted after 5d."""

    kind: Literal["account.arrears"]


class CallFails(Trigger):
    """Calls through a door fail, lose their answer, are slow, or are too many for the cloud."""

    kind: Literal["call.fails", "call.answer-lost", "call.slow", "call.throttled"]
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
    NodeCrash
    | KubeletStop
    | DiskFill
    | HostSlow
    | DiskSlow
    | ClockSkew
    | MemberLost
    | CertificateExpired
    | NetworkCut
    | RegistryUnreachable
    | LinkedDown
    | InstallerSlow
    | InstallerFails
    | DrainHang
    | CloudTrouble
    | JobSlow
    | ZoneShort
    | QuotaShrinks
    | AccountShort
    | AccountArrears
    | CallFails
    | OperatorCrash,
    Field(discriminator="kind"),
]

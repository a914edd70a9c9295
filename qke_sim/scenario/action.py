"""The timeline as people write it: when, on which cluster, what. Exactly one key of an action says what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from qke_core.models import ClusterWish, DurationMs, Model, Name, RoleName, SizeMib, VersionName, refuse
from qke_core.models.autoscaling import AutoscalingPolicy
from qke_core.models.settings import Env

Preflight: TypeAlias = Literal["enforce", "report"]
POLL_MS = 60_000
EIP_KEYS = ("kubesphere_eip", "kubernetes_eip", "kubernetes_eip_id")


class Plain(Model):
    """Nothing more needs to be said: `stop:` and `stop: {}` are the same."""


def _empty(value: object) -> object:
    return {} if value is None else value


Nothing = Annotated[Plain | None, BeforeValidator(_empty)]


class UpgradeAction(Model):
    """An operator upgrades the cluster, hop by hop if need be."""

    to: Annotated[VersionName, Field(description="QKE version to reach.")]
    preflight: Annotated[Preflight | None, Field(default=None, description="As beside upgrade.")]
    poll: Annotated[DurationMs | None, Field(default=None, description="As beside upgrade.")]


class RestartAction(Model):
    """All nodes of a role restart, from the cluster's menu."""

    role: RoleName


class AddNodesAction(Model):
    """Nodes are added to a role; one that has none yet may be given its sizes."""

    role: RoleName
    count: Annotated[int, Field(default=1, ge=1, le=100, description="How many.")]
    cpu: Annotated[int, Field(default=0, ge=0, description="vCPU per node, for a role without nodes.")]
    memory: Annotated[SizeMib, Field(default=0, description="Memory per node, for a role without nodes.")]
    disk: Annotated[SizeMib, Field(default=0, description="/data per node, for a role without nodes.")]
    instance_class: Annotated[int, Field(default=0, ge=0, description="Host type, for a role without nodes.")]


class DeleteNodesAction(Model):
    """Nodes of a role are deleted: the newest `count`, or those numbered `sids`."""

    role: RoleName
    count: Annotated[int | None, Field(default=None, ge=1, description="How many, the newest first.")]
    sids: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(default=(), description="Which, by number.")]

    @model_validator(mode="after")
    def _which_is_clear(self) -> DeleteNodesAction:
        """Exactly one of count and sids."""
        if (self.count is None) == (not self.sids):
            sentence = "delete_nodes needs exactly one of count and sids"
            raise refuse("scenario.delete-nodes", sentence, "write count: 1, or sids: [4]")
        return self


class ResizeAction(Model):
    """Every node of a role gets another size; disks only grow."""

    role: RoleName
    cpu: Annotated[int, Field(default=0, ge=0, description="vCPU per node.")]
    memory: Annotated[SizeMib, Field(default=0, description="Memory per node, such as 16GiB.")]
    disk: Annotated[SizeMib, Field(default=0, description="/data per node, such as 200GiB.")]

    @model_validator(mode="after")
    def _something_changes(self) -> ResizeAction:
        """At least one figure."""
        if not (self.cpu or self.memory or self.disk):
            raise refuse("scenario.resize", "resize changes nothing", "give cpu, memory or disk")
        return self


class EipAction(Model):
    """A public address is set, or cleared by an empty value."""

    key: Annotated[
        Literal["kubesphere_eip", "kubernetes_eip", "kubernetes_eip_id"],
        Field(description="Which of the cluster's parameters."),
    ]
    value: Annotated[str, Field(default="", description="Id or address, as the parameter takes it.")]


class CustomAction(Model):
    """A service of the cluster's menu runs on a role."""

    service: Literal["docker_prune", "renew_certs"]
    role: Annotated[RoleName, Field(default="master")]
    max_days: Annotated[int | None, Field(default=None, ge=0, description="docker_prune: what is older goes.")]


class CallAction(Model):
    """The user calls the cloud, word for word."""

    action: Annotated[str, Field(description="Name of the action, such as AllocateEips.")]
    params: Annotated[Mapping[str, Any], Field(default_factory=dict[str, Any], description="Its own parameters.")]
    expect_ret_code: Annotated[
        int, Field(default=0, ge=0, description="A refusal with this code is what is wanted; 0 for none.")
    ]


class CordonAction(Model):
    """Somebody marks a node as unschedulable, or takes the mark away (kubectl cordon, uncordon)."""

    role: RoleName
    index: Annotated[int, Field(ge=1, description="Which node of the role, by number.")]


class DrainAction(CordonAction):
    """Somebody empties a node by hand (kubectl drain): cordoned, pods evicted, DaemonSets' pods ignored.

    It ends as done, or as failed with what kubectl says; the node stays cordoned either way.
    """

    force: Annotated[bool, Field(default=False, description="Pods that nobody makes anew go too (--force).")]
    delete_emptydir: Annotated[
        bool, Field(default=False, description="Pods with local data go too (--delete-emptydir-data).")
    ]
    timeout: Annotated[
        DurationMs | None, Field(default=None, description="Give up after so long (--timeout); never without.")
    ]


class ScaleAction(Model):
    """Somebody changes how many pods a workload wishes for (kubectl scale)."""

    workload: Annotated[str, Field(description="Name of a Deployment or StatefulSet.")]
    namespace: Annotated[str, Field(default="default")]
    kind: Annotated[Literal["deployments", "statefulsets"], Field(default="deployments")]
    replicas: Annotated[int, Field(ge=0)]


class KubectlAction(Model):
    """Somebody asks the API server for something, word for word."""

    verb: str
    resource: str
    name: Annotated[str, Field(default="")]
    namespace: Annotated[str, Field(default="default")]
    more: Annotated[
        Mapping[str, str | int | bool], Field(default_factory=dict[str, str | int | bool], description="What else.")
    ]


class WaitAction(Model):
    """Wait until an expression is true; without one the action is over at once and only marks an instant."""

    until: Annotated[str | None, Field(default=None, description="A CEL expression.")]
    within: Annotated[DurationMs | None, Field(default=None, description="Give up after so long.")]


Wish = Annotated[
    Annotated[ClusterWish, Tag("inline")] | Annotated[str, Tag("path")],
    Discriminator(lambda value: "path" if isinstance(value, str) else "inline"),
]
Policy = Annotated[
    Annotated[AutoscalingPolicy, Tag("policy")] | Annotated[Literal["none"], Tag("none")],
    Discriminator(lambda value: "none" if isinstance(value, str) else "policy"),
]

VERBS = (
    *("create", "start", "stop", "restart", "add_nodes", "delete_nodes", "resize", "change", "modules", "eip"),
    *("custom", "upgrade", "delete", "recover", "cease", "autoscaling", "call", "cordon", "uncordon", "drain"),
    *("scale", "kubectl", "wait"),
)
"""What an action may do: the keys of which it has exactly one."""

WITHOUT_CLUSTER = ("create", "call", "wait")
"""What needs no cluster: creating brings its own."""


class Action(Model):
    """One entry of the timeline: when, on which cluster, what."""

    name: Annotated[Name | None, Field(default=None, description="How expectations and triggers call it.")]
    cluster: Annotated[str, Field(default="", description="Name of a cluster of the world, or of one created before.")]
    at: Annotated[DurationMs | None, Field(default=None, description="Time since the start, such as 10m.")]
    after: Annotated[str | None, Field(default=None, description="An event of another action, such as first.done.")]
    delay: Annotated[DurationMs, Field(default=0, description="Wait this long after the event.")]
    preflight: Annotated[
        Preflight,
        Field(default="enforce", description="enforce stops at a blocker; report only tells and asks the platform."),
    ]
    poll: Annotated[DurationMs, Field(default=POLL_MS, description="Pause between two looks at the job.")]
    create: Annotated[Wish | None, Field(default=None, description="A cluster, or the path of a Cluster file.")]
    start: Annotated[Nothing, Field(default=None, description="Start the stopped cluster.")]
    stop: Annotated[Nothing, Field(default=None, description="Stop the cluster.")]
    restart: RestartAction | None = None
    add_nodes: AddNodesAction | None = None
    delete_nodes: DeleteNodesAction | None = None
    resize: ResizeAction | None = None
    change: Annotated[Env | None, Field(default=None, description="Cluster parameters and their new values.")]
    modules: Annotated[tuple[str, ...] | None, Field(default=None, description="KubeSphere modules to choose.")]
    eip: EipAction | None = None
    custom: CustomAction | None = None
    upgrade: UpgradeAction | None = None
    delete: Annotated[Nothing, Field(default=None, description="Move the cluster to the recycle bin.")]
    recover: Annotated[Nothing, Field(default=None, description="Take the cluster out of the recycle bin.")]
    cease: Annotated[Nothing, Field(default=None, description="Destroy the deleted cluster for ever.")]
    autoscaling: Annotated[Policy | None, Field(default=None, description="A policy, or none to have none.")]
    call: CallAction | None = None
    cordon: CordonAction | None = None
    uncordon: CordonAction | None = None
    drain: DrainAction | None = None
    scale: ScaleAction | None = None
    kubectl: KubectlAction | None = None
    wait: Annotated[
        WaitAction | None, BeforeValidator(_empty), Field(default=None, description="Wait, or mark an instant.")
    ]

    @model_validator(mode="after")
    def _when_is_clear(self) -> Action:
        """Exactly one of at and after."""
        if (self.at is None) == (self.after is None):
            raise refuse("scenario.when", "An action needs exactly one of at and after", "write at: 10m, for example")
        return self

    @model_validator(mode="after")
    def _what_is_clear(self) -> Action:
        """Exactly one verb, and the cluster it needs."""
        said = [verb for verb in VERBS if getattr(self, verb) is not None]
        if len(said) != 1:
            sentence = f"An action does exactly one thing, this one {', '.join(said) or 'none'}"
            raise refuse("scenario.verb", sentence, f"write one of {', '.join(VERBS)}")
        if not self.cluster and said[0] not in WITHOUT_CLUSTER:
            raise refuse("scenario.cluster-missing", f"{said[0]} needs a cluster", "add cluster: <its name>")
        if self.cluster and self.create is not None:
            raise refuse("scenario.cluster-twice", "create says the cluster's name itself", "leave cluster out")
        return self

    @property
    def verb(self) -> str:
        """The key that says what it does."""
        return next(verb for verb in VERBS if getattr(self, verb) is not None)

    @property
    def label(self) -> str:
        """The action's name; what it does when it has none."""
        return self.name or self.verb.replace("_", "-")

"""Which operation a cluster takes in which status, what it passes through, and where it ends: as tables.

Beside the cluster: its nodes, the instances under them, and jobs. The diagrams in docs/rules/lifecycle.md are drawn
from these tables. Statuses are the platform's words, except `absent`, which is ours for a cluster that the platform
does not know. Operation names are those of `qke_core.plan.change`.

Rule: docs/rules/lifecycle.md; yunify/qingcloud-docs, API: DescribeClusters (status, transition_status), DescribeJobs
and the page of each action; guide G-084, G-164 to G-166. What the console shows in finer words (scaling, resizing) is
`updating` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

from qke_core.models.state import Phase

TransitionStatus: TypeAlias = Literal[
    "creating",
    "starting",
    "stopping",
    "restarting",
    "updating",
    "resetting",
    "suspending",
    "resuming",
    "deleting",
    "terminating",
    "recovering",
    "ceasing",
    "attaching",
    "detaching",
    "associating",
    "dissociating",
    "releasing",
    "poweroffing",
    "poweroning",
]
NodeStatus: TypeAlias = Literal["pending", "active", "stopped", "suspended", "deleted", "ceased"]
InstanceStatus: TypeAlias = Literal["pending", "running", "stopped", "suspended", "terminated", "ceased"]
VolumeStatus: TypeAlias = Literal["pending", "available", "in-use", "suspended", "deleted", "ceased"]
SnapshotStatus: TypeAlias = Literal["pending", "available", "suspended", "deleted", "ceased"]
BalancerStatus: TypeAlias = Literal["pending", "active", "stopped", "suspended", "deleted", "ceased"]
EipStatus: TypeAlias = Literal["pending", "available", "associated", "suspended", "released", "ceased"]
RouterStatus: TypeAlias = Literal["pending", "active", "poweroffed", "suspended", "deleted", "ceased"]
JobStatus: TypeAlias = Literal["pending", "working", "successful", "failed", "done with failure"]

S_co = TypeVar("S_co", bound=str, covariant=True)

NOT_PERMITTED = 1400
"""`ret_code` with which the cloud refuses an operation that the present status does not take."""
NOT_FOUND = 2100
"""`ret_code` for a cluster that the cloud does not know."""


@dataclass(frozen=True, slots=True)
class Transition(Generic[S_co]):
    """One operation: from which statuses it starts, what `transition_status` shows meanwhile, where it ends.

    `ends_in` None: in the status it started from. `fails_to` is the status after a failed job, None for the status it
    had; it is assumed throughout. `action` is the cloud API's name, "" where there is none: the platform or its console
    does it. `assumed`: nothing public tells from where it starts.
    """

    operation: str
    action: str
    starts_from: tuple[S_co, ...]
    through: TransitionStatus
    ends_in: S_co | None
    fails_to: S_co | None = None
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class Move(Generic[S_co]):
    """A step from one status to another that is no operation of its own, and what brings it about."""

    starts: S_co
    ends: S_co
    why: str


ABSENT: tuple[Phase, ...] = ("absent", "ceased")
ACTIVE: tuple[Phase, ...] = ("active",)
SETTLED: tuple[Phase, ...] = ("active", "stopped", "suspended")
HERE: tuple[InstanceStatus, ...] = ("running", "stopped")

_CLUSTER: tuple[Transition[Phase], ...] = (
    Transition("create", "DeployAppVersion", ABSENT, "creating", "active", "active", assumed=True),
    Transition("add-nodes", "AddClusterNodes", ACTIVE, "updating", None, assumed=True),
    Transition("delete-nodes", "DeleteClusterNodes", ACTIVE, "updating", None, assumed=True),
    Transition("resize", "ResizeCluster", ACTIVE, "updating", None, assumed=True),
    Transition("change-parameters", "UpdateClusterEnvironment", ACTIVE, "updating", None, assumed=True),
    Transition("change-modules", "UpdateClusterEnvironment", ACTIVE, "updating", None, assumed=True),
    Transition("change-eip", "UpdateClusterEnvironment", ACTIVE, "updating", None, assumed=True),
    Transition("start", "StartClusters", ("stopped",), "starting", "active"),
    Transition("stop", "StopClusters", ACTIVE, "stopping", "stopped"),
    Transition("restart", "RestartClusterService", ACTIVE, "updating", None, assumed=True),
    Transition("upgrade", "UpgradeClusters", ACTIVE, "updating", None),
    Transition("delete", "DeleteClusters", SETTLED, "deleting", "deleted", assumed=True),
    Transition("recover", "RecoverClusters", ("deleted",), "starting", "active"),
    Transition("cease", "CeaseClusters", ("deleted",), "ceasing", "ceased"),
)
TABLE: Mapping[str, Transition[Phase]] = {found.operation: found for found in _CLUSTER}
"""Every operation of a cluster by name, in the order in which people meet them."""

BY_ITSELF: tuple[Move[Phase], ...] = (
    Move("active", "suspended", "the account is in arrears"),
    Move("stopped", "suspended", "the account is in arrears"),
    Move("suspended", "active", "the balance is topped up"),
    Move("suspended", "stopped", "topped up after a stop"),
    Move("deleted", "ceased", "2 hours in the recycle bin"),
)
"""What the platform does to a cluster unasked. That a suspended one returns to where it was is assumed."""

NODES: tuple[Move[NodeStatus], ...] = (
    Move("pending", "active", "created or added"),
    Move("pending", "ceased", "adding it failed"),
    Move("active", "stopped", "stop"),
    Move("stopped", "active", "start"),
    Move("active", "ceased", "removed alone"),
    Move("active", "suspended", "arrears"),
    Move("stopped", "suspended", "arrears"),
    Move("suspended", "active", "topped up"),
    Move("suspended", "stopped", "topped up after a stop"),
    Move("active", "deleted", "cluster deleted"),
    Move("stopped", "deleted", "cluster deleted"),
    Move("suspended", "deleted", "cluster deleted"),
    Move("deleted", "active", "cluster recovered"),
    Move("deleted", "ceased", "cluster ceased"),
)
"""Where a node of a cluster goes from each status. A node removed alone leaves no trace in the bin (assumed)."""

_INSTANCE: tuple[Transition[InstanceStatus], ...] = (
    Transition("run", "RunInstances", (), "creating", "running", "ceased", assumed=True),
    Transition("start", "StartInstances", ("stopped",), "starting", "running"),
    Transition("stop", "StopInstances", ("running",), "stopping", "stopped"),
    Transition("restart", "RestartInstances", ("running",), "restarting", None),
    Transition("resize", "ResizeInstances", ("stopped",), "updating", None),
    Transition("bind", "AttachKeyPairs", HERE, "updating", None, assumed=True),
    Transition("reset", "ResetInstances", HERE, "resetting", "running", assumed=True),
    Transition("suspend", "", HERE, "suspending", "suspended", assumed=True),
    Transition("resume", "", ("suspended",), "resuming", "running", assumed=True),
    Transition("terminate", "TerminateInstances", (*HERE, "suspended"), "terminating", "terminated", assumed=True),
    Transition("recover", "", ("terminated",), "recovering", "running", assumed=True),
    Transition("cease", "CeaseInstances", ("terminated",), "ceasing", "ceased"),
)
INSTANCES: Mapping[str, Transition[InstanceStatus]] = {found.operation: found for found in _INSTANCE}
"""Every operation of an instance by name. `bind` is all that gives or takes keys, networks and security groups."""

_VOLUME: tuple[Transition[VolumeStatus], ...] = (
    Transition("create", "CreateVolumes", (), "creating", "available", "ceased", assumed=True),
    Transition("attach", "AttachVolumes", ("available",), "attaching", "in-use"),
    Transition("detach", "DetachVolumes", ("in-use",), "detaching", "available"),
    Transition("resize", "ResizeVolumes", ("available",), "updating", None),
    Transition("resize-online", "ResizeVolumes", ("in-use",), "updating", None, assumed=True),
    Transition("suspend", "", ("available", "in-use"), "suspending", "suspended", assumed=True),
    Transition("resume", "", ("suspended",), "resuming", "available", assumed=True),
    Transition("delete", "DeleteVolumes", ("available",), "deleting", "deleted"),
    Transition("recover", "", ("deleted",), "recovering", "available", assumed=True),
    Transition("cease", "", ("deleted",), "ceasing", "ceased", assumed=True),
)
VOLUMES: Mapping[str, Transition[VolumeStatus]] = {found.operation: found for found in _VOLUME}
"""Every operation of a volume by name; only the platform resizes one in use."""

_SNAPSHOT: tuple[Transition[SnapshotStatus], ...] = (
    Transition("create", "CreateSnapshots", (), "creating", "available", "ceased", assumed=True),
    Transition("apply", "ApplySnapshots", ("available",), "recovering", None, assumed=True),
    Transition("suspend", "", ("available",), "suspending", "suspended", assumed=True),
    Transition("resume", "", ("suspended",), "resuming", "available", assumed=True),
    Transition("delete", "DeleteSnapshots", ("available",), "deleting", "deleted", assumed=True),
    Transition("recover", "", ("deleted",), "recovering", "available", assumed=True),
    Transition("cease", "", ("deleted",), "ceasing", "ceased", assumed=True),
)
SNAPSHOTS: Mapping[str, Transition[SnapshotStatus]] = {found.operation: found for found in _SNAPSHOT}
"""Every operation of a snapshot by name."""

_BALANCER: tuple[Transition[BalancerStatus], ...] = (
    Transition("create", "CreateLoadBalancer", (), "creating", "active", "ceased", assumed=True),
    Transition("start", "StartLoadBalancers", ("stopped",), "starting", "active"),
    Transition("stop", "StopLoadBalancers", ("active",), "stopping", "stopped"),
    Transition("update", "UpdateLoadBalancers", ("active", "stopped"), "updating", None),
    Transition("suspend", "", ("active", "stopped"), "suspending", "suspended", assumed=True),
    Transition("resume", "", ("suspended",), "resuming", "active", assumed=True),
    Transition("delete", "DeleteLoadBalancers", ("active", "stopped"), "deleting", "deleted"),
    Transition("recover", "", ("deleted",), "recovering", "active", assumed=True),
    Transition("cease", "", ("deleted",), "ceasing", "ceased", assumed=True),
)
BALANCERS: Mapping[str, Transition[BalancerStatus]] = {found.operation: found for found in _BALANCER}
"""Every operation of a load balancer by name."""

_EIP: tuple[Transition[EipStatus], ...] = (
    Transition("associate", "AssociateEip", ("available",), "associating", "associated"),
    Transition("dissociate", "DissociateEips", ("associated",), "dissociating", "available"),
    Transition("change", "ChangeEipsBandwidth", ("available", "associated"), "updating", None, assumed=True),
    Transition("suspend", "", ("available", "associated"), "suspending", "suspended", assumed=True),
    Transition("resume", "", ("suspended",), "resuming", "available", assumed=True),
    Transition("release", "ReleaseEips", ("available",), "releasing", "released"),
)
EIPS: Mapping[str, Transition[EipStatus]] = {found.operation: found for found in _EIP}
"""Every operation of an EIP by name; a new one is pending for a moment, without a transition."""

_ROUTER: tuple[Transition[RouterStatus], ...] = (
    Transition("create", "CreateRouters", (), "creating", "active", "ceased", assumed=True),
    Transition("update", "UpdateRouters", ("active", "poweroffed"), "updating", None),
    Transition("power-off", "PowerOffRouters", ("active",), "poweroffing", "poweroffed"),
    Transition("power-on", "PowerOnRouters", ("poweroffed",), "poweroning", "active"),
    Transition("suspend", "", ("active", "poweroffed"), "suspending", "suspended", assumed=True),
    Transition("resume", "", ("suspended",), "resuming", "active", assumed=True),
    Transition("delete", "DeleteRouters", ("active", "poweroffed"), "deleting", "ceased"),
)
ROUTERS: Mapping[str, Transition[RouterStatus]] = {found.operation: found for found in _ROUTER}
"""Every operation of a VPC by name; there is no recycle bin for it."""

CLUSTERS_BY_ITSELF: tuple[Move[NodeStatus], ...] = (
    *BY_ITSELF,
    Move("pending", "ceased", "what could not be created is undone"),
    Move("active", "ceased", "deleted past the bin (direct_cease)"),
    Move("stopped", "ceased", "deleted past the bin (direct_cease)"),
    Move("suspended", "ceased", "deleted past the bin (direct_cease)"),
)
NODES_BY_ITSELF: tuple[Move[NodeStatus], ...] = (
    *NODES,
    Move("stopped", "ceased", "removed, once its machine was off"),
    Move("suspended", "ceased", "its cluster was deleted past the bin (direct_cease)"),
)
INSTANCES_BY_ITSELF: tuple[Move[InstanceStatus], ...] = (
    Move("running", "stopped", "its machine crashed, or it was shut down from inside"),
    Move("stopped", "running", "the platform revived it"),
    Move("suspended", "stopped", "resumed, and stopped before"),
    Move("running", "ceased", "terminated past the bin (direct_cease)"),
    Move("stopped", "ceased", "terminated past the bin (direct_cease)"),
    Move("suspended", "ceased", "terminated past the bin (direct_cease)"),
)
VOLUMES_BY_ITSELF: tuple[Move[VolumeStatus], ...] = (
    Move("in-use", "available", "its instance was ceased"),
    Move("pending", "in-use", "made along with its instance"),
    Move("available", "ceased", "deleted past the bin (direct_cease)"),
    Move("deleted", "ceased", "2 hours in the recycle bin"),
)
EIPS_BY_ITSELF: tuple[Move[EipStatus], ...] = (
    Move("pending", "available", "allocated"),
    Move("available", "associated", "given to a VPC or a load balancer, which take effect when they are updated"),
    Move("associated", "available", "taken from a VPC or a load balancer, or what had it is gone"),
)
BIN_BY_ITSELF: tuple[Move[BalancerStatus], ...] = (
    Move("deleted", "ceased", "2 hours in the recycle bin"),
    Move("active", "ceased", "deleted past the bin (direct_cease)"),
    Move("stopped", "ceased", "deleted past the bin (direct_cease)"),
)
"""What becomes of resources without an operation of their own, by kind."""

JOBS: tuple[Move[JobStatus], ...] = (
    Move("pending", "working", "its turn has come"),
    Move("working", "successful", "all done"),
    Move("working", "failed", "nothing done, or a step failed"),
    Move("working", "done with failure", "some of several resources failed"),
)
"""Where a job goes from each status; what leads nowhere is an end."""


def allowed(operation: str, phase: Phase) -> bool:
    """Whether the platform takes `operation` while the cluster is in `phase` and nothing else goes on."""
    return phase in TABLE[operation].starts_from


def refusal(operation: str, phase: Phase) -> int:
    """Return the `ret_code` for `operation` on a cluster in `phase`: 0 when it is taken, else 2100 or 1400."""
    if allowed(operation, phase):
        return 0
    return NOT_FOUND if phase in ABSENT else NOT_PERMITTED


def outcome(operation: str, phase: Phase, *, failed: bool = False) -> Phase:
    """Return the status that a cluster in `phase` has after the job of `operation`."""
    found = TABLE[operation]
    return (found.fails_to if failed else found.ends_in) or phase


def operations_in(phase: Phase) -> tuple[str, ...]:
    """List the operations that a cluster in `phase` takes."""
    return tuple(name for name in TABLE if allowed(name, phase))

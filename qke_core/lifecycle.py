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
]
NodeStatus: TypeAlias = Literal["pending", "active", "stopped", "suspended", "deleted", "ceased"]
InstanceStatus: TypeAlias = Literal["pending", "running", "stopped", "suspended", "terminated", "ceased"]
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
    had. `action` is the cloud API's name, "" for what the platform does by itself. `assumed`: nothing public tells from
    where it starts or where a failure leads.
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

TABLE: Mapping[str, Transition[Phase]] = {
    found.operation: found
    for found in (
        Transition[Phase]("create", "DeployAppVersion", ABSENT, "creating", "active", "active", assumed=True),
        Transition[Phase]("add-nodes", "AddClusterNodes", ACTIVE, "updating", None),
        Transition[Phase]("delete-nodes", "DeleteClusterNodes", ACTIVE, "updating", None),
        Transition[Phase]("resize", "ResizeCluster", ACTIVE, "updating", None, assumed=True),
        Transition[Phase]("change-parameters", "UpdateClusterEnvironment", ACTIVE, "updating", None, assumed=True),
        Transition[Phase]("change-modules", "UpdateClusterEnvironment", ACTIVE, "updating", None, assumed=True),
        Transition[Phase]("change-eip", "UpdateClusterEnvironment", ACTIVE, "updating", None, assumed=True),
        Transition[Phase]("start", "StartClusters", ("stopped",), "starting", "active", assumed=True),
        Transition[Phase]("stop", "StopClusters", ACTIVE, "stopping", "stopped", assumed=True),
        Transition[Phase]("restart", "RestartClusterService", ACTIVE, "updating", None),
        Transition[Phase]("upgrade", "UpgradeClusters", ACTIVE, "updating", None),
        Transition[Phase]("delete", "DeleteClusters", SETTLED, "deleting", "deleted", assumed=True),
        Transition[Phase]("recover", "RecoverClusters", ("deleted",), "starting", "active"),
        Transition[Phase]("cease", "CeaseClusters", ("deleted",), "ceasing", "ceased"),
    )
}
"""Every operation of a cluster by name, in the order in which people meet them."""

BY_ITSELF: tuple[Move[Phase], ...] = (
    Move[Phase]("active", "suspended", "the account is in arrears"),
    Move[Phase]("stopped", "suspended", "the account is in arrears"),
    Move[Phase]("suspended", "active", "the balance is topped up"),
    Move[Phase]("deleted", "ceased", "2 hours in the recycle bin"),
)
"""What the platform does to a cluster unasked. Where a suspended cluster returns to is assumed."""

NODES: tuple[Move[NodeStatus], ...] = (
    Move[NodeStatus]("pending", "active", "created or added"),
    Move[NodeStatus]("pending", "ceased", "adding it failed"),
    Move[NodeStatus]("active", "stopped", "stop"),
    Move[NodeStatus]("stopped", "active", "start"),
    Move[NodeStatus]("active", "ceased", "removed alone"),
    Move[NodeStatus]("active", "suspended", "arrears"),
    Move[NodeStatus]("stopped", "suspended", "arrears"),
    Move[NodeStatus]("suspended", "active", "topped up"),
    Move[NodeStatus]("active", "deleted", "cluster deleted"),
    Move[NodeStatus]("stopped", "deleted", "cluster deleted"),
    Move[NodeStatus]("suspended", "deleted", "cluster deleted"),
    Move[NodeStatus]("deleted", "active", "cluster recovered"),
    Move[NodeStatus]("deleted", "ceased", "cluster ceased"),
)
"""Where a node of a cluster goes from each status. A node removed alone leaves no trace in the bin (assumed)."""

INSTANCES: Mapping[str, Transition[InstanceStatus]] = {
    found.operation: found
    for found in (
        Transition[InstanceStatus]("run", "RunInstances", (), "creating", "running", "ceased", assumed=True),
        Transition[InstanceStatus]("start", "StartInstances", ("stopped",), "starting", "running"),
        Transition[InstanceStatus]("stop", "StopInstances", ("running",), "stopping", "stopped"),
        Transition[InstanceStatus]("restart", "RestartInstances", ("running",), "restarting", None),
        Transition[InstanceStatus]("resize", "ResizeInstances", ("stopped",), "updating", None),
        Transition[InstanceStatus](
            "reset", "ResetInstances", ("running", "stopped"), "resetting", "running", assumed=True
        ),
        Transition[InstanceStatus]("suspend", "", ("running", "stopped"), "suspending", "suspended", assumed=True),
        Transition[InstanceStatus]("resume", "", ("suspended",), "resuming", "running", assumed=True),
        Transition[InstanceStatus](
            "terminate",
            "TerminateInstances",
            ("running", "stopped", "suspended"),
            "terminating",
            "terminated",
            assumed=True,
        ),
        Transition[InstanceStatus]("recover", "", ("terminated",), "recovering", "running", assumed=True),
        Transition[InstanceStatus]("cease", "CeaseInstances", ("terminated",), "ceasing", "ceased"),
    )
}
"""Every operation of an instance by name."""

JOBS: tuple[Move[JobStatus], ...] = (
    Move[JobStatus]("pending", "working", "its turn has come"),
    Move[JobStatus]("working", "successful", "all done"),
    Move[JobStatus]("working", "failed", "nothing done, or a step failed"),
    Move[JobStatus]("working", "done with failure", "some of several resources failed"),
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

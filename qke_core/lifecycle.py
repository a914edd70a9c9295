"""Which operation a cluster takes in which status, what it passes through, and where it ends: as tables.

The diagrams in docs/rules/lifecycle.md are drawn from these tables. Statuses are the platform's words; `absent` is ours
for a cluster that the platform does not know, `ceased` is the end.

Rule: yunify/qingcloud-docs, API, DescribeClusters (status, transition_status) and DescribeJobs; guide G-084, G-164 to
G-166; what the console shows as finer words (scaling, resizing) is `updating` here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from qke_core.models.state import Phase

Transition: TypeAlias = Literal["creating", "starting", "stopping", "updating", "deleting", "ceasing"]
NodeStatus: TypeAlias = Literal["pending", "active", "stopped", "suspended", "deleted", "ceased"]
JobStatus: TypeAlias = Literal["pending", "working", "successful", "failed", "done with failure"]

NOT_PERMITTED = 1400
"""`ret_code` with which the cloud refuses an operation that the present status does not take."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One operation: from which statuses it starts, what is shown meanwhile, where it ends.

    `fails_to` is the status after a failed job: None where the cluster keeps the status it had. `action` is the cloud
    API's name; `basis` of where it may start is `documented` unless `assumed`.
    """

    operation: str
    action: str
    starts_from: tuple[Phase, ...]
    through: Transition
    ends_in: Phase
    fails_to: Phase | None
    assumed: bool = False


TABLE: Mapping[str, Passage] = {
    passage.operation: passage
    for passage in (
        Passage("create", "DeployAppVersion", ("absent", "ceased"), "creating", "active", "active", assumed=True),
        Passage("add-nodes", "AddClusterNodes", ("active",), "updating", "active", None),
        Passage("delete-nodes", "DeleteClusterNodes", ("active",), "updating", "active", None),
        Passage("resize", "ResizeCluster", ("active",), "updating", "active", None, assumed=True),
        Passage("change-parameters", "UpdateClusterEnvironment", ("active",), "updating", "active", None, assumed=True),
        Passage("change-modules", "UpdateClusterEnvironment", ("active",), "updating", "active", None, assumed=True),
        Passage("change-eip", "UpdateClusterEnvironment", ("active",), "updating", "active", None, assumed=True),
        Passage("start", "StartClusters", ("stopped",), "starting", "active", "stopped", assumed=True),
        Passage("stop", "StopClusters", ("active",), "stopping", "stopped", "active", assumed=True),
        Passage("restart", "RestartClusterService", ("active",), "updating", "active", None),
        Passage("upgrade", "UpgradeClusters", ("active",), "updating", "active", None),
        Passage("delete", "DeleteClusters", ("active", "stopped", "suspended"), "deleting", "deleted", None),
        Passage("recover", "RecoverClusters", ("deleted",), "starting", "active", "deleted"),
        Passage("cease", "CeaseClusters", ("deleted",), "ceasing", "ceased", "deleted"),
    )
}
"""Every operation by name, in the order in which people meet them."""

JOBS: Mapping[JobStatus, tuple[JobStatus, ...]] = {
    "pending": ("working", "failed"),
    "working": ("successful", "failed", "done with failure"),
    "successful": (),
    "failed": (),
    "done with failure": (),
}
"""Where a job may go from each status; what leads nowhere is an end."""

NODES: Mapping[NodeStatus, tuple[NodeStatus, ...]] = {
    "pending": ("active", "ceased"),
    "active": ("stopped", "suspended", "deleted"),
    "stopped": ("active", "deleted"),
    "suspended": ("active", "deleted"),
    "deleted": ("active", "ceased"),
    "ceased": (),
}
"""Where a node of a cluster may go from each status."""


def allowed(operation: str, phase: Phase) -> bool:
    """Whether the platform takes `operation` while the cluster is in `phase` and nothing else goes on."""
    return phase in TABLE[operation].starts_from


def operations_in(phase: Phase) -> tuple[str, ...]:
    """List the operations that a cluster in `phase` takes."""
    return tuple(name for name, passage in TABLE.items() if phase in passage.starts_from)

"""AppCenter as a whole: what every operation on a cluster has in common. It knows nothing of Kubernetes.

One job at a time per cluster. Which operation starts from which status, what it passes through and where it ends is the
lifecycle table of the core. Each operation is a module of its own: what it asks for, and the process that works it off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from qke_core.lifecycle import TABLE, allowed
from qke_sim.cloud import Call, Cloud, Cluster, Job, denied
from qke_sim.hosts.site import Site
from qke_sim.hosts.sites import Sites
from qke_sim.kernel import Kernel, Process
from qke_sim.platform.phases import SAID, phase_of

PLATFORM = "platform"
"""Who calls the cloud for it."""

Work: TypeAlias = Callable[["Task"], Process[int]]


@dataclass(frozen=True, slots=True)
class Task:
    """One operation under way: of which site, as which job, begun by which record."""

    platform: Platform
    site: Site
    job: Job
    cause: int

    @property
    def cluster(self) -> Cluster:
        """The cluster."""
        return self.site.cluster

    @property
    def kernel(self) -> Kernel:
        """Clock, luck and trace."""
        return self.site.kernel

    @property
    def cloud(self) -> Cloud:
        """The cloud."""
        return self.platform.cloud

    def end(self, code: int, seq: int) -> int:
        """Note the newest record of the work; return its code."""
        self.job.last = seq
        return code


class Platform:
    """Works off the jobs of all clusters."""

    def __init__(self, kernel: Kernel, cloud: Cloud, sites: Sites) -> None:
        """Work for the clusters of `sites`."""
        self.kernel = kernel
        self.cloud = cloud
        self.sites = sites
        self.automatic_from: dict[str, int] = {}
        """By cluster id: since when what is made for the cluster goes with it, where that is not since its birth."""
        self.binned: dict[str, int] = {}
        """By cluster id: since when it has been in the recycle bin, milliseconds."""

    def require(self, operation: str, cluster: Cluster) -> None:
        """Refuse an operation that the cluster's status does not take, or while another one goes on.

        Raises:
            CloudRefusal: 1400.
        """
        if cluster.transition_status:
            raise denied(f"cluster [{cluster.id}] is [{cluster.transition_status}], please try later")
        if not allowed(operation, phase_of(cluster)):
            raise denied(f"cluster [{cluster.id}] is [{cluster.status}], can not {SAID[operation]}")

    def begin(self, operation: str, site: Site, call: Call, work: Work, action: str = "") -> Job:
        """Begin an operation that may begin: `work` is its process; `action` the job's word where it is not the call's.

        The cluster ends in the status that the lifecycle table says, whether the work succeeded or not.
        """
        row, cluster = TABLE[operation], site.cluster

        def ends(status: str | None) -> Callable[[int], None]:
            def end(seq: int) -> None:
                if status is not None and cluster.status != "ceased":
                    self.cloud.turn(cluster, seq, status=status)

            return end

        return self.cloud.begin(
            action or row.action,
            [cluster],
            row.through,
            call,
            work=lambda job, cause: work(Task(self, site, job, cause)),
            done=ends(row.ends_in),
            undone=ends(row.fails_to),
            cluster=cluster,
        )

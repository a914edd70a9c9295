"""What becomes of an account that owes money: clusters and instances stand still, and after five days they are deleted.

When the balance is topped up they return to where they were. Until then nothing comes that costs money (2400).

Rule: qke_core.lifecycle.BY_ITSELF; yunify/qingcloud-docs, billing, arrears (the statuses, the five days). That other
resources stand as they are, and that what goes on in a cluster ends before it is suspended, is assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from qke_core.catalog import operations
from qke_core.effects import Json
from qke_sim.cloud import Call, Cluster
from qke_sim.cloud.instance import HERE, STOPPED, SUSPENDED, Instance
from qke_sim.kernel import Process
from qke_sim.platform.bin import delete_clusters
from qke_sim.platform.platform import PLATFORM, Platform
from qke_sim.platform.services import MS_PER_S

STANDING = ("active", "stopped")
MATTERS = frozenset([*STANDING, *HERE, "pending", SUSPENDED])
"""Statuses in which a cluster or an instance is met by the account's trouble."""


class Arrears:
    """The account's debt: while it lasts, what the account has stands still."""

    def __init__(self, platform: Platform) -> None:
        """Begin without debt."""
        self.platform = platform
        self._cloud, self._kernel = platform.cloud, platform.kernel
        self._was: dict[str, str] = {}
        self._followed: set[str] = set()
        self._times = 0
        self.on = False

    def begin(self, cause: int) -> Callable[[int], None]:
        """The account is in arrears from now on; return what ends it, given the record of its end."""
        self.on, self._times = True, self._times + 1
        self._cloud.allowance.shortages += 1
        clusters = [one for one in self._cloud.clusters.values() if one.status in (*STANDING, "pending")]
        own = [one for one in self._own() if one.status in (*HERE, "pending")]
        counts = {"clusters": len(clusters), "instances": len(own)}
        seq = self._kernel.trace.add("account.arrears", self._cloud.zone, cause, **counts)
        self._follow_all(seq)
        kept_ms = operations().constants["arrears_kept_s"] * MS_PER_S
        self._kernel.housekeeping(kept_ms, partial(self._collect, self._times, seq))
        return self._end

    def _end(self, cause: int) -> None:
        """The balance is topped up: whatever is still suspended goes on."""
        self.on = False
        self._cloud.allowance.shortages -= 1
        seq = self._kernel.trace.add("account.settled", self._cloud.zone, cause)
        self._follow_all(seq)
        for site in self.platform.sites.by_name.values():
            site.kube.wake(seq)  # Claims and balancers that wait for money are tried again.

    # One thing after the other

    def _follow_all(self, cause: int) -> None:
        for thing in (*self._cloud.clusters.values(), *self._own()):
            if thing.status in MATTERS and thing.id not in self._followed:
                self._followed.add(thing.id)
                self._kernel.spawn(self._follow(thing, cause))

    def _own(self) -> list[Instance]:
        """List the instances that are no nodes of a cluster."""
        return [one for one in self._cloud.store.all(Instance) if one.origin != "node"]

    def _follow(self, thing: Cluster | Instance, cause: int) -> Process[None]:
        """Have a thing stand still or go on, once nothing goes on with it; the debt may come and go meanwhile."""
        names = [node.instance_id for node in thing.nodes] if isinstance(thing, Cluster) else []
        while True:
            yield from self._idle(thing.id, *names)
            on = self.on
            if thing.status not in ((*STANDING, *HERE) if on else (SUSPENDED,)):
                break
            if isinstance(thing, Cluster):
                cause = yield from (self._halt if on else self._go_on)(thing, cause)
            else:
                cause = yield from self._ask("SuspendInstances" if on else "ResumeInstances", [thing], cause)
            if self.on == on:
                break
        self._followed.discard(thing.id)

    def _idle(self, *names: str) -> Process[None]:
        """Wait until no job is under way with any of some things."""
        while True:
            under_way = (job for job in self._cloud.jobs.values() if not job.ended.triggered)
            job = next((job for job in under_way if not set(names).isdisjoint(job.resource_ids)), None)
            if job is None:
                return
            yield job.ended

    def _halt(self, cluster: Cluster, cause: int) -> Process[int]:
        """Suspend a cluster at once, then its machines; there is no word for the way between (assumed)."""
        self._was[cluster.id] = cluster.status
        seq = self._cloud.turn(cluster, cause, status=SUSPENDED)
        for node in cluster.nodes:
            seq = self._cloud.store.change(node, seq, status=SUSPENDED)
        return (yield from self._ask("SuspendInstances", self._machines(cluster, *HERE), seq))

    def _go_on(self, cluster: Cluster, cause: int) -> Process[int]:
        """Resume the machines of a cluster; then it is what it was, active where nobody knows."""
        machines = self._machines(cluster, SUSPENDED)
        off = {one.id for one in machines if one.resumes_as == STOPPED}
        seq = yield from self._ask("ResumeInstances", machines, cause)
        if cluster.status != SUSPENDED or cluster.transition_status:  # Its deletion was faster.
            return seq
        for node in cluster.nodes:
            seq = self._cloud.store.change(node, seq, status="stopped" if node.instance_id in off else "active")
        return self._cloud.turn(cluster, seq, status=self._was.pop(cluster.id, "active"))

    def _machines(self, cluster: Cluster, *statuses: str) -> list[Instance]:
        found = (self._cloud.store.find(Instance, node.instance_id) for node in cluster.nodes)
        return [one for one in found if one is not None and one.status in statuses and not one.transition_status]

    # The end

    def _collect(self, times: int, cause: int) -> None:
        """The time is over: what is still suspended goes the way of what is deleted."""
        if not self.on or times != self._times:
            return
        for cluster in self._cloud.clusters.values():
            if cluster.status == SUSPENDED and not cluster.transition_status:
                seq = self._kernel.trace.add("account.collected", cluster.name, cause)
                delete_clusters(self.platform, Call(PLATFORM, {"clusters": [cluster.id], "force": 1}, seq))
        for instance in [one for one in self._own() if one.status == SUSPENDED]:
            seq = self._kernel.trace.add("account.collected", instance.label, cause)
            self._kernel.spawn(self._ask("TerminateInstances", [instance], seq))

    def _ask(self, action: str, instances: Sequence[Instance], cause: int) -> Process[int]:
        """Ask for something done to instances; return the newest record."""
        if not instances:
            return cause
        ids: list[Json] = [instance.id for instance in instances]
        outcome = yield from self._cloud.request(action, {"instances": ids}, PLATFORM, cause)
        return outcome.cause

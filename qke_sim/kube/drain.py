"""Draining nodes as `kubectl drain` does: cordon, refuse what the flags forbid, evict, wait.

All nodes are cordoned first and then emptied one after another; the first that fails ends it, and nothing is
uncordoned. An eviction that a disruption budget forbids is tried again every 5 s: only the tries that can end otherwise
are run. The timeout counts for each node; it is noticed at a try, and at once while waiting for a pod to end.
Rule: kubectl 1.13 to 1.20; messages are kubectl's own.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import simpy

from qke_core.catalog import Basis, Budget, catalog
from qke_sim.kernel import PollResult, Process, poll
from qke_sim.kube.budgets import budgets_of, disruptions_allowed
from qke_sim.kube.controllers import Controllers
from qke_sim.kube.objects import KubeNode, Pod

EVICTED, TOO_MANY, CONFLICT, UNAVAILABLE = 201, 429, 500, 503
FOREVER = 10**6
"""Tries of a drain without a timeout: weeks."""
MESSAGES = {
    TOO_MANY: "Cannot evict pod as it would violate the pod's disruption budget.",
    CONFLICT: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    UNAVAILABLE: "the connection to the server was refused",
}
DAEMON = "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
LOCAL = "cannot delete Pods with local storage (use --delete-emptydir-data to override)"
UNMANAGED = (
    "cannot delete Pods not managed by ReplicationController, ReplicaSet, Job, DaemonSet or StatefulSet"
    " (use --force to override)"
)


@dataclass(frozen=True, slots=True)
class DrainManner:
    """The flags of a drain. A timeout of 0 is none."""

    ignore_daemonsets: bool = True
    delete_emptydir: bool = False
    force: bool = False
    timeout_ms: int = 0


@dataclass(frozen=True, slots=True)
class DrainResult:
    """How a drain ended: `why` it failed in kubectl's words, the pods that stood in the way, the record of its end."""

    ok: bool
    why: str
    blockers: tuple[str, ...]
    cause: int


class Drainer:
    """Evictions and drains of one cluster."""

    def __init__(self, controllers: Controllers) -> None:
        """Work on the cluster's pods and nodes."""
        self._controllers = controllers
        self._kernel = controllers.kernel
        self._name = controllers.name

    def cordon(self, alias: str, cause: int) -> int:
        """Mark a node unschedulable; return the record, or `cause` when it was so already."""
        node = self._controllers.nodes[alias]
        if node.unschedulable:
            return cause
        node.unschedulable = True
        return self._kernel.trace.add("node.cordoned", f"{self._name}/{alias}", cause)

    def evict(self, pod: Pod, by: str, cause: int) -> int:
        """Evict one pod through its eviction subresource; return the API server's code, one of `MESSAGES` or 201.

        A pod that is ending already, pending or finished is not judged by budgets.
        """
        pods = self._controllers.pods
        if not self._controllers.plane.available:
            return UNAVAILABLE
        if pod.terminating or pod not in pods:
            return EVICTED
        budgets = budgets_of(pod, self._controllers.objects.budgets)
        if pod.running and not pod.finished and budgets:
            if len(budgets) > 1:
                return CONFLICT
            if disruptions_allowed(budgets[0], pods) == 0:
                return TOO_MANY
        self._controllers.terminate(pod, cause, by=by, why="evicted")
        return EVICTED

    def drain(self, aliases: Sequence[str], manner: DrainManner, by: str, cause: int) -> Process[DrainResult]:
        """Cordon all nodes, then empty them one after another."""
        subject, nodes = self._name, self._controllers.nodes
        unknown = [alias for alias in aliases if alias not in nodes]
        if unknown:
            return DrainResult(ok=False, why=f'nodes "{unknown[0]}" not found', blockers=(), cause=cause)
        trace = self._kernel.trace
        seq = trace.add("drain.started", subject, cause, nodes=", ".join(aliases), by=by)
        if not self._controllers.plane.available:
            result = DrainResult(ok=False, why=MESSAGES[UNAVAILABLE], blockers=(), cause=seq)
        else:
            for alias in aliases:
                self.cordon(alias, seq)
            result = DrainResult(ok=True, why="", blockers=(), cause=seq)
            for alias in aliases:
                result = yield from self._empty(nodes[alias], manner, by, result.cause)
                if not result.ok:
                    break
        end = trace.add("drain.ended", subject, result.cause, nodes=", ".join(aliases), result=result.why or "done")
        return DrainResult(result.ok, result.why, result.blockers, end)

    def _empty(self, node: KubeNode, manner: DrainManner, by: str, cause: int) -> Process[DrainResult]:
        """Evict every pod of a node at once, and wait until each is gone or has failed."""
        pods, refusals = select_pods(self._controllers.on(node), manner)
        if refusals:
            return DrainResult(ok=False, why="; ".join(refusals), blockers=_keys(refusals), cause=cause)
        reports: dict[str, tuple[str, int]] = {}
        tries = [self._kernel.spawn(self._see_out(pod, manner, by, cause, reports)) for pod in pods]
        try:
            yield self._kernel.env.all_of(tries)
        except simpy.Interrupt:
            for one in tries:
                if one.is_alive:
                    one.interrupt()
            raise
        failed = {key: report for key, report in reports.items() if report[0]}
        if failed:
            why = "; ".join(sentence for sentence, _ in failed.values())
            last = max(seq for _, seq in failed.values())
            return DrainResult(ok=False, why=why, blockers=tuple(failed), cause=last)
        return DrainResult(ok=True, why="", blockers=(), cause=max([cause, *(seq for _, seq in reports.values())]))

    def _see_out(
        self, pod: Pod, manner: DrainManner, by: str, cause: int, reports: dict[str, tuple[str, int]]
    ) -> Process[None]:
        """Evict one pod and wait for its end; leave in `reports` why that failed, "" when it is gone."""
        try:
            reports[pod.key] = yield from self._evict_and_wait(pod, manner, by, cause)
        except simpy.Interrupt:
            reports[pod.key] = "the drain was cut off", cause

    def _evict_and_wait(self, pod: Pod, manner: DrainManner, by: str, cause: int) -> Process[tuple[str, int]]:
        end = self._kernel.now + manner.timeout_ms if manner.timeout_ms else None
        result = yield from self._evict_until_allowed(pod, manner, by, cause)
        called = f'error when evicting pods/"{pod.name}" -n "{pod.owner.namespace}"'
        if result.exhausted:
            return f"{called}: global timeout reached: {manner.timeout_ms // 1000}s", result.cause
        if result.code:
            return f"{called}: {MESSAGES[result.code]}", result.cause
        seq = pod.terminating or result.cause
        gone = yield from self._wait_until_gone(pod, end)
        if not gone:
            limit = f"global timeout reached: {manner.timeout_ms // 1000}s"
            return f'error when waiting for pod "{pod.name}" terminating: {limit}', seq
        return "", seq

    def _evict_until_allowed(self, pod: Pod, manner: DrainManner, by: str, cause: int) -> Process[PollResult]:
        refused = 0

        def look() -> int:
            nonlocal refused
            code = self.evict(pod, by, cause)
            if code == TOO_MANY and not refused:
                subject = self._controllers.subject(pod)
                refused = self._kernel.trace.add("eviction.refused", subject, cause, by=by, why=MESSAGES[code])
            return 0 if code == EVICTED else code

        retry_ms = catalog().constant("drain_retry_ms")
        tries = -(-manner.timeout_ms // retry_ms) if manner.timeout_ms else FOREVER
        signals = (self._controllers.changed, self._controllers.plane.changed)
        result = yield from poll(self._kernel, look, signals, _budget(tries, retry_ms), 0, cause)
        return replace(result, cause=refused) if result.code and refused else result

    def _wait_until_gone(self, pod: Pod, end: int | None) -> Generator[simpy.Event, Any, bool]:
        """Wait until a pod is gone; return False when that takes longer than to `end`."""
        while pod in self._controllers.pods:
            left = None if end is None else end - self._kernel.now
            if left is not None and left <= 0:
                return False
            limit = [] if left is None else [self._kernel.pause(left)]
            yield self._kernel.env.any_of([self._controllers.changed.next(), *limit])
        return True


def select_pods(pods: Sequence[Pod], manner: DrainManner) -> tuple[list[Pod], list[str]]:
    """Return the pods of a node that a drain evicts, by key, and kubectl's refusals of those it may not."""
    chosen: list[Pod] = []
    refused: dict[str, list[str]] = {}
    for pod in sorted(pods, key=lambda pod: pod.key):
        template, kind = pod.owner.template, pod.owner.kind
        if kind == "DaemonSet":
            if not manner.ignore_daemonsets:
                refused.setdefault(DAEMON, []).append(pod.key)
        elif kind == "Pod" and not pod.finished and not manner.force:
            refused.setdefault(UNMANAGED, []).append(pod.key)
        elif template.emptydir and not pod.finished and not manner.delete_emptydir:
            refused.setdefault(LOCAL, []).append(pod.key)
        else:
            chosen.append(pod)
    order = (DAEMON, UNMANAGED, LOCAL)
    return chosen, [f"{why}: {', '.join(refused[why])}" for why in order if why in refused]


def _keys(refusals: Sequence[str]) -> tuple[str, ...]:
    return tuple(key for refusal in refusals for key in refusal.rpartition("): ")[2].split(", "))


def _budget(tries: int, retry_ms: int) -> Budget:
    return Budget(
        name="drain-retry",
        attempts=tries,
        interval_ms=retry_ms,
        on_exhausted="last",
        code=None,
        stop_codes=(CONFLICT, UNAVAILABLE),
        requires_ready=False,
        final_sleep=True,
        basis=Basis.DOCUMENTED,
        source="kubectl 1.20: a refused eviction is tried again after 5 s",
    )

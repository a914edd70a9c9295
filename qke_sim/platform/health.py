"""The platform's health check: finds sick nodes and revives them.

A check every minute on every node would be most of what a quiet cluster does, and all of them would pass. So nothing is
ticked: this module hears of changes through the trace, asks at the end of that instant whether a check would pass now,
and lets `qke_core.health` work out when the next verdict is due. Checks of a node begin at a moment of its own within
the minute (assumed).

Rule: docs/rules/operations.md#health-check.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from qke_core.health import NodeHealth, Verdict
from qke_core.units import MS_PER_S
from qke_sim.cloud import Cloud, ClusterNode
from qke_sim.hosts.appctl import Run, run_command
from qke_sim.hosts.certificates import unhealthy_from_ms
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site
from qke_sim.hosts.sites import Sites
from qke_sim.kernel import Kernel, Process
from qke_sim.platform.looks import check_of, failure, stopped_services, watched
from qke_sim.trace import TraceRecord

ONE_NODE = frozenset(["service", "host", "kubelet", "node", "certificate", "certificates"])
WHOLE_CLUSTER = frozenset(["api", "apiserver", "cluster", "etcd", "master"])
"""Families of trace kinds after which a check may say something else, of one node or of all nodes of a cluster."""


@dataclass(slots=True)
class _Watch:
    """One node under watch; `cause` is the record since which its checks fail or pass, `timer` counts its timers.

    `certificates_ms` is since when its checks fail for certificates that nobody renews; a look is set for then.
    """

    site: Site
    host: Host
    health: NodeHealth
    cause: int
    timer: int = 0
    certificates_ms: int | None = None


class Health:
    """Watches the nodes of all clusters."""

    def __init__(self, kernel: Kernel, cloud: Cloud, sites: Sites) -> None:
        """Listen."""
        self._kernel, self._cloud, self._sites = kernel, cloud, sites
        self._watches: dict[str, _Watch] = {}
        self._marked: dict[tuple[str, str], int] = {}
        self._moments: dict[str, int] = {}
        kernel.trace.observers.append(self._hear)
        kernel.on_settle.append(self._judge)

    def start(self, cause: int) -> None:
        """Begin to watch what stands."""
        for name in self._sites.by_name:
            self._marked[name, ""] = cause

    # Hearing of changes

    def _hear(self, record: TraceRecord) -> None:
        """Take note of what has to be judged at the end of this instant."""
        family = record.kind.partition(".")[0]
        if family in ONE_NODE:
            cluster, _, alias = record.subject.partition("/")
            self._marked[cluster, alias] = record.seq
        elif family in WHOLE_CLUSTER:
            self._marked[record.subject.partition("/")[0], ""] = record.seq
        elif record.kind == "resource.changed" and record.data.get("what") == ClusterNode.kind:
            node = self._cloud.store.find(ClusterNode, record.subject)
            if node is not None:
                self._marked[node.cluster, node.alias] = record.seq

    def _judge(self) -> None:
        """Ask of every node that may have changed whether a check would pass now."""
        marked, self._marked = self._marked, {}
        for (cluster, alias), cause in marked.items():
            site = self._sites.by_name.get(cluster)
            if site is None:
                continue
            named = site.hosts.get(alias)
            for host in list(site.hosts.values()) if not alias else [named] if named is not None else []:
                self._judge_host(site, host, cause)

    def _judge_host(self, site: Site, host: Host, cause: int) -> None:
        watch, check = self._watches.get(host.subject), check_of(host, site)
        if check is None or not watched(site, host):
            self._watches.pop(host.subject, None)
            return
        passing = not failure(site, host, check)
        if watch is None or watch.health.check != check or watch.host is not host:
            health = NodeHealth(check, self._first_check(host, check.interval_s * MS_PER_S))
            health.healthy = host.node.health_status != "unhealthy"
            watch = self._watches[host.subject] = _Watch(site, host, health, cause)
        self._await_certificates(watch)
        if watch.health.passing == passing and watch.timer:
            return
        watch.health.turn(self._kernel.now, passing=passing)
        watch.cause = cause
        self._set_timer(watch)

    def _await_certificates(self, watch: _Watch) -> None:
        """Look again when the certificates of a master come near their end."""
        when, site, host = unhealthy_from_ms(watch.host), watch.site, watch.host
        if when == watch.certificates_ms or "certificates" not in watch.health.check.looks:
            return
        watch.certificates_ms = when
        if when is not None and when > self._kernel.now:
            self._kernel.housekeeping(when - self._kernel.now, lambda: self._judge_host(site, host, watch.cause))

    def _first_check(self, host: Host, interval_ms: int) -> int:
        """Return the first check from now on: each node has its own moment within the minute."""
        name, now = f"{host.subject}/health-check", self._kernel.now
        if name not in self._moments:
            self._moments[name] = int(self._kernel.streams.unit(name) * interval_ms)
        return now + (self._moments[name] - now) % interval_ms

    # Verdicts

    def _set_timer(self, watch: _Watch) -> None:
        """Wake up for the next verdict. One that only repeats itself does not keep the run going."""
        watch.timer += 1
        due = watch.health.due_ms()
        if due is None:
            return
        act = partial(self._due, watch, watch.timer)
        if watch.health.passing or watch.health.healthy:
            self._kernel.later(due - self._kernel.now, act)
        elif stopped_services(watch.host):
            self._kernel.housekeeping(due - self._kernel.now, act)

    def _due(self, watch: _Watch, timer: int) -> None:
        """A check brings a verdict, unless the node's state has changed since that was foreseen."""
        stands = watch.site.hosts.get(watch.host.alias) is watch.host
        if not stands or timer != watch.timer or self._watches.get(watch.host.subject) is not watch:
            return
        why = failure(watch.site, watch.host, watch.health.check)
        watch.health.turn(self._kernel.now, passing=not why)
        verdict = watch.health.look(self._kernel.now)
        if verdict:
            self._tell(watch, verdict, why)
        self._set_timer(watch)

    def _tell(self, watch: _Watch, verdict: Verdict, why: str) -> None:
        host, cause = watch.host, watch.cause
        if verdict != "still-unhealthy":
            data = {"why": why} if why else {}
            cause = self._kernel.trace.add(f"health.{verdict}", host.subject, cause, **data)
            cause = self._cloud.store.change(host.node, cause, health_status=verdict)
        if verdict != "healthy" and host.up:
            self._kernel.spawn(self._act(watch.site, host, watch.health.check.action_timeout_s, cause))

    def _act(self, site: Site, host: Host, limit_s: int, cause: int) -> Process[None]:
        """Revive a node; what takes longer than the platform allows is cut off."""
        trace = self._kernel.trace
        seq = trace.add("revive.started", host.subject, cause, timeout_s=limit_s)
        run = Run(site, host, "revive", site.cluster.version)
        running = host.execute(run_command(run, seq))
        limit = self._kernel.pause(limit_s * MS_PER_S)
        yield self._kernel.env.any_of([running.done, limit])
        if running.done.triggered:
            trace.add("revive.ended", host.subject, run.last, code=running.done.value)
        else:
            running.kill()
            trace.add("revive.cut", host.subject, run.last, timeout_s=limit_s)

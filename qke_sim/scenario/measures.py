"""Measurements: the closed list of things that expectations, triggers and metrics may name.

Every measurement has a name, a type, a sentence, and a way to read it from the twin at one instant. Names are built
from the scenario: `shop.api.available` exists when the world has a cluster `shop`. In names, `_` stands for `-`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias

from qke_sim.cloud import Job
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel
from qke_sim.kube import Workload
from qke_sim.trace import TraceRecord
from qke_sim.twin import CONSOLE, Twin

Value: TypeAlias = bool | int | str | timedelta | list[str]
TypeName = Literal["bool", "int", "string", "duration", "list"]


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that can be measured."""

    name: str
    type: TypeName
    about: str
    read: Callable[[], Value]


def identifier(name: str) -> str:
    """Return a name as expressions write it."""
    return name.replace("-", "_").replace(".", "_")


@dataclass(slots=True)
class Outage:
    """How long and how often something was not there."""

    down_since: int | None = None
    total_ms: int = 0
    count: int = 0

    def change(self, now: int, *, available: bool) -> None:
        """It went or came back."""
        if available and self.down_since is not None:
            self.total_ms += now - self.down_since
            self.down_since = None
        elif not available and self.down_since is None:
            self.down_since = now
            self.count += 1

    def so_far(self, now: int) -> int:
        """Milliseconds of absence up to now."""
        return self.total_ms + (0 if self.down_since is None else now - self.down_since)


@dataclass(slots=True)
class ActionState:
    """What became of one action of the timeline."""

    status: str = "waiting"
    code: int = 0
    error: str = ""
    hops: int = 0
    findings: list[str] = field(default_factory=list[str])
    started_ms: int | None = None
    ended_ms: int | None = None

    def took_ms(self, now: int) -> int:
        """Milliseconds from its start to its end, or to now."""
        if self.started_ms is None:
            return 0
        return (now if self.ended_ms is None else self.ended_ms) - self.started_ms


class Board:
    """All measurements of one run. It watches the trace for what has no state of its own."""

    def __init__(self, twin: Twin, actions: list[str]) -> None:
        """Make the list for a twin and the labels of its timeline."""
        self.twin = twin
        self.actions = {label: ActionState() for label in actions}
        self.outages: dict[str, Outage] = {}
        self._touched: set[str] = set()
        self.measures = {measure.name: measure for measure in self._all()}
        twin.kernel.trace.observers.append(self.watch)

    @property
    def kernel(self) -> Kernel:
        """The twin's kernel."""
        return self.twin.kernel

    def watch(self, record: TraceRecord) -> None:
        """Keep count of outages, and of clusters whose nodes were touched."""
        if record.kind in ("api.available", "api.unavailable"):
            key = f"{record.subject}/api"
        elif record.kind in ("workload.available", "workload.unavailable"):
            key = record.subject
        else:
            if record.kind == "service.started":
                self._touched.add(record.subject.partition("/")[0])
            return
        self.outage(key).change(record.t, available=record.kind.endswith(".available"))

    def outage(self, key: str) -> Outage:
        """Return the count of one thing: `<cluster>/api` or `<cluster>/<namespace>/<workload>`."""
        return self.outages.setdefault(key, Outage())

    def _all(self) -> Iterator[Measure]:
        yield Measure("now", "duration", "time since the start", lambda: _span(self.kernel.now))
        for label, state in self.actions.items():
            yield from _action(self.kernel, identifier(label), state)
        for site in self.twin.sites.values():
            yield from self._cluster(site, identifier(site.name))

    def _cluster(self, site: Site, at: str) -> Iterator[Measure]:
        cluster, kube, installer = site.cluster, site.kube, site.installer
        yield Measure(f"{at}.status", "string", "cluster status of the API", lambda: cluster.status)
        yield Measure(f"{at}.transition", "string", "transition going on, or empty", lambda: cluster.transition_status)
        yield Measure(f"{at}.upgrade_status", "string", "upgrading, failed or empty", lambda: cluster.upgrade_status)
        yield Measure(f"{at}.version", "string", "QKE version", lambda: cluster.version)
        yield Measure(f"{at}.touched", "bool", "whether a service ran on its nodes", lambda: site.name in self._touched)
        yield Measure(f"{at}.jobs", "int", "jobs accepted since the start", lambda: len(_jobs(site)))
        yield Measure(
            f"{at}.job.status", "string", "status of the newest job, or empty", lambda: _newest(site, "status", "")
        )
        yield Measure(f"{at}.job.code", "int", "code of the newest job, 0 when fine", lambda: _newest(site, "code", 0))
        yield from self._presence(
            f"{at}.api", "an API server for users", f"{site.name}/api", lambda: site.plane.available
        )
        yield Measure(f"{at}.nodes.total", "int", "Kubernetes nodes", lambda: len(kube.nodes))
        yield Measure(
            f"{at}.nodes.ready", "int", "nodes that are Ready", lambda: sum(n.ready for n in kube.nodes.values())
        )
        yield Measure(
            f"{at}.pods.pending", "int", "pods that no node takes", lambda: sum(p.node is None for p in kube.pods)
        )
        yield Measure(f"{at}.csi.version", "string", "version of the CSI driver", lambda: site.csi_version)
        yield Measure(f"{at}.kubesphere.version", "string", "KubeSphere version, or empty", lambda: installer.version)
        yield Measure(f"{at}.kubesphere.state", "string", "what the installer's log shows", lambda: installer.state)
        yield Measure(f"{at}.kubesphere.restarts", "int", "restarts of the installer", lambda: installer.restarts)
        for alias in site.hosts:
            yield from _node(site, alias, f"{at}.{identifier(alias)}")
        for workload in kube.objects.workloads:
            if workload.name == CONSOLE and workload.system:
                name = f"{at}.console"
            elif workload.system or workload.kind == "DaemonSet":
                continue
            else:
                name = f"{at}.workload.{self._workload_name(site, workload)}"
            yield from self._workload(site, workload, name)

    def _workload_name(self, site: Site, workload: Workload) -> str:
        """The workload's name; with its namespace before it when another namespace has the same name."""
        same = [other for other in site.kube.objects.workloads if other.name == workload.name and not other.system]
        return identifier(workload.name if len(same) == 1 else f"{workload.namespace}_{workload.name}")

    def _workload(self, site: Site, workload: Workload, name: str) -> Iterator[Measure]:
        pods = site.kube.pods
        yield from self._presence(name, "a pod that serves", f"{site.name}/{workload.key}", lambda: workload.available)
        yield Measure(f"{name}.replicas", "int", "pods wished for", lambda: workload.replicas)
        yield Measure(
            f"{name}.ready", "int", "pods that serve", lambda: sum(p.ready for p in pods if p.owner is workload)
        )

    def _presence(self, name: str, what: str, key: str, read: Callable[[], bool]) -> Iterator[Measure]:
        outage = self.outage(key)
        yield Measure(f"{name}.available", "bool", f"whether there is {what}", read)
        yield Measure(
            f"{name}.outage", "duration", f"time without {what}", lambda: _span(outage.so_far(self.kernel.now))
        )
        yield Measure(f"{name}.outages", "int", f"how often there was not {what}", lambda: outage.count)


def _action(kernel: Kernel, at: str, state: ActionState) -> Iterator[Measure]:
    yield Measure(f"{at}.status", "string", "waiting, running, done, refused, failed or stuck", lambda: state.status)
    yield Measure(f"{at}.code", "int", "the product's code it ended with", lambda: state.code)
    yield Measure(f"{at}.error", "string", "our error code it ended with", lambda: state.error)
    yield Measure(f"{at}.hops", "int", "upgrades it needs", lambda: state.hops)
    yield Measure(f"{at}.findings", "list", "codes of what preflight found", lambda: list(state.findings))
    yield Measure(f"{at}.duration", "duration", "time it took so far", lambda: _span(state.took_ms(kernel.now)))


def _node(site: Site, alias: str, at: str) -> Iterator[Measure]:
    host = site.hosts[alias]
    yield Measure(f"{at}.up", "bool", "whether the host runs", lambda: host.up)
    yield Measure(f"{at}.data_free_mb", "int", "MB free on /data", lambda: host.data_free_mib)
    node = site.kube.nodes.get(alias)
    if node is not None:
        yield Measure(f"{at}.ready", "bool", "whether Kubernetes says Ready", lambda: node.ready)
        yield Measure(f"{at}.kubelet", "string", "kubelet version it reports", lambda: node.kubelet_version)
    master = site.plane.masters.get(alias)
    if master is not None:
        yield Measure(f"{at}.api", "bool", "whether its API server answers", lambda: master.answers)


def _jobs(site: Site) -> list[Job]:
    return [job for job in site.cloud.jobs.values() if job.cluster_id == site.cluster.cluster_id]


def _newest(site: Site, field: str, otherwise: Value) -> Value:
    jobs = _jobs(site)
    return getattr(jobs[-1], field) if jobs else otherwise


def _span(ms: int) -> timedelta:
    return timedelta(milliseconds=ms)

"""The plan of an upgrade: from what the product's scripts do, step by step, to a graph that people can read.

The graph is not drawn by hand. Each version's upgrade script (catalogue, `upgrade.toml`) names what a node does and
what it waits for; `WAITS` says which stages such a wait stands for. So 2.0.0, whose workers wait only for the
kubeconfig, and 3.x, whose workers wait for every master, give different graphs from the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass

from qke_core.catalog import Catalog, RoleKind, ScriptStep
from qke_core.effects.base import JsonObject
from qke_core.models.observation import ClusterObservation
from qke_core.models.state import ClusterState
from qke_core.plan.conditions import applies, script_conditions
from qke_core.plan.schedule import NO_DISRUPTION, NO_TIME, Disruption, Interval, Schedule, Stage
from qke_core.plan.times import span, takes
from qke_core.versions import version_path

VERIFY = Interval(1_000, 60_000)
OUTSIDE = ("preflight", "verify")
"""What the operator does before and after the platform's job."""


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """The upgrades from `source` over every version of `path`, and the schedule of all of them, hop after hop."""

    cluster: str
    source: str
    path: tuple[str, ...]
    schedule: Schedule

    @property
    def total(self) -> Interval:
        """How long all hops take."""
        return self.schedule.total

    def to_json(self) -> JsonObject:
        """Return the plan as JSON data, the total included."""
        return {
            "cluster": self.cluster,
            "source": self.source,
            "path": list(self.path),
            "total": asdict(self.total),
            "stages": self.schedule.to_json(),
        }


def plan_upgrade(cluster: ClusterObservation, target: str, catalog: Catalog) -> UpgradePlan:
    """Plan the upgrade of `cluster` to `target`, over as many hops as the product needs.

    Returns:
        A schedule with one block of stages per hop; empty when the cluster has the version already.
    Raises:
        RefusedError: `upgrade.no-path`.
    Rule:
        docs/rules/upgrade.md; order of QKE app repo, upgrade services and scripts of each version.
    """
    path = version_path(catalog, cluster.version, target)
    stages: list[Stage] = []
    fleet = Fleet.observed(cluster)
    source = cluster.version
    for number, version in enumerate(path, start=1):
        prefix = f"hop{number}." if len(path) > 1 else ""
        hop = _Hop(catalog, fleet, source, version, prefix)
        stages.extend(hop.stages(after=(stages[-1].id,) if stages else ()))
        source = version
    return UpgradePlan(cluster.name, cluster.version, path, Schedule(tuple(stages)))


@dataclass(frozen=True, slots=True)
class Fleet:
    """What an upgrade needs to know of a cluster's nodes: masters by number and name, and how many others."""

    masters: Mapping[int, str]
    workers: int
    clients: int
    kubesphere: bool
    built_in_etcd: bool

    @classmethod
    def observed(cls, cluster: ClusterObservation) -> Fleet:
        """Return the fleet of a cluster that was looked at."""
        masters = {master.sid: master.name for master in cluster.masters}
        workers, clients = len(cluster.workers), len(cluster.clients)
        return cls(masters, workers, clients, cluster.kubesphere, cluster.built_in_etcd)

    @classmethod
    def of_state(cls, state: ClusterState) -> Fleet:
        """Return the fleet of a state."""
        masters = {sid: f"master{sid}" for sid in state.nodes["master"]}
        return cls(masters, state.count("worker"), state.count("client"), state.kubesphere, not state.etcd)


def schedule_hop(fleet: Fleet, source: str, target: str, catalog: Catalog) -> Schedule:
    """Return the stages of one upgrade, one legal hop."""
    return Schedule(tuple(_Hop(catalog, fleet, source, target, "").stages(after=())))


@dataclass(frozen=True, slots=True)
class _Hop:
    """One upgrade, from `source` to `target`; every stage id begins with `prefix`."""

    catalog: Catalog
    fleet: Fleet
    source: str
    target: str
    prefix: str

    @property
    def ha(self) -> bool:
        return len(self.fleet.masters) > 1

    def stages(self, after: tuple[str, ...]) -> Iterator[Stage]:
        """Yield the hop's stages in a safe order."""
        yield self._stage("preflight", f"Check the way from {self.source} to {self.target}", after=after)
        yield self._stage("pre-check", "Platform checks every node", after=(self._id("preflight"),))
        yield self._stage("attach", "Attach the upgrade volume to every node", after=(self._id("pre-check"),))
        yield self._stage("prepare", "Load images, back up files, on all nodes at once", after=(self._id("attach"),))
        yield from self._masters()
        if self.fleet.workers:
            waits = self._awaited(self._script("worker"))
            yield self._stage("workers", f"Restart kubelet on {self.fleet.workers} workers at once", after=waits)
        yield self._stage(
            "cluster-wide", "Upgrade what the cluster shares, on the first master", after=self._all_nodes()
        )
        tail = [self._id("cluster-wide")]
        if self.fleet.clients:
            yield self._stage("client", "Client node takes the new configuration", after=(tail[0],))
            tail.append(self._id("client"))
        if self.fleet.kubesphere:
            yield self._stage(
                "kubesphere", "KubeSphere installer upgrades the modules", after=(self._id("cluster-wide"),)
            )
            tail.append(self._id("kubesphere"))
        yield self._stage("detach", "Detach the upgrade volumes", after=tuple(tail[1:] or tail))
        yield self._stage(
            "verify", f"See the cluster active at {self.target}, all nodes Ready", after=(self._id("detach"),)
        )

    def _masters(self) -> Iterator[Stage]:
        before = "prepare"
        for sid, name in self.fleet.masters.items():
            title = f"Restart the control plane and kubelet of {name}"
            yield self._stage(f"master-{sid}", title, after=(self._id(before),), kind="master-n")
            before = f"master-{sid}"

    def _stage(self, name: str, title: str, after: tuple[str, ...], kind: str = "") -> Stage:
        text = TEXTS[kind or name]
        felt = self._felt(kind or name)
        disruption = text.single if not self.ha and text.single else text.disruption
        return Stage(
            id=self._id(name),
            title=title,
            reason=text.reason,
            guard=text.guard,
            disruption=disruption,
            felt=felt if disruption else NO_TIME,
            duration=self._duration(kind or name),
            after=after,
            touches=TOUCHES.get(kind or name, NO_DISRUPTION),
            inside=name not in OUTSIDE,
        )

    def _id(self, name: str) -> str:
        return f"{self.prefix}{name}"

    def _all_nodes(self) -> tuple[str, ...]:
        names = [f"master-{sid}" for sid in self.fleet.masters]
        return tuple(self._id(name) for name in [*names, *(["workers"] if self.fleet.workers else [])])

    def _awaited(self, script: tuple[ScriptStep, ...]) -> tuple[str, ...]:
        """Return the stages that the waits of a worker's script stand for."""
        found = [WAITS[step.wait](self) for step in script if step.wait in WAITS]
        return found[-1] if found else (self._id("prepare"),)

    def _script(self, kind: RoleKind, *, first: bool = False) -> tuple[ScriptStep, ...]:
        holds = script_conditions(
            self.source,
            first_master=first,
            ha=self.ha,
            kubesphere=self.fleet.kubesphere,
            built_in_etcd=self.fleet.built_in_etcd,
        )
        return tuple(step for step in self.catalog.script("upgrade", self.target, kind) if applies(step, holds))

    def _duration(self, name: str) -> Interval:
        return DURATIONS[name](self)

    def _felt(self, name: str) -> Interval:
        return self._sum("regenerate-control-plane", "restart-etcd") if name == "master-n" else NO_TIME

    def _sum(self, *wanted: str) -> Interval:
        steps = [step for step in self._script("master") if step.do in wanted]
        return self._spans(steps)

    def phase(self, kind: RoleKind, phase: str, *, first: bool = False) -> Interval:
        """Return how long the steps of one phase of a script take, its waits counted as one poll each."""
        return self._spans([step for step in self._script(kind, first=first) if step.phase == phase])

    def _spans(self, steps: list[ScriptStep]) -> Interval:
        return span(steps, self.target, self.catalog)

    def named(self, duration: str) -> Interval:
        """Return a duration of the catalogue as an interval."""
        return takes(duration, facts=self.catalog)


@dataclass(frozen=True, slots=True)
class _Text:
    """Why a stage is there, what must hold before it, who feels it (`single`: on a single master)."""

    reason: str
    guard: str
    disruption: str = ""
    single: str = ""


WAITS: Mapping[str | None, Callable[[_Hop], tuple[str, ...]]] = {
    "worker-kubeconfig": lambda hop: (f"{hop.prefix}master-{next(iter(hop.fleet.masters))}",),
    "masters-ready": lambda hop: tuple(f"{hop.prefix}master-{sid}" for sid in hop.fleet.masters),
}
"""Which stages a worker's wait stands for."""

DURATIONS: Mapping[str, Callable[[_Hop], Interval]] = {
    "preflight": lambda hop: hop.named("api-call"),
    "pre-check": lambda hop: hop.named("pre-check"),
    "attach": lambda hop: hop.named("volume-attach"),
    "prepare": lambda hop: hop.phase("master", "prepare"),
    "master-n": lambda hop: Interval(
        hop.phase("master", "control-plane").min_ms, hop.phase("master", "control-plane", first=True).max_ms
    ),
    "workers": lambda hop: hop.phase("worker", "kubelet"),
    "cluster-wide": lambda hop: (
        hop.phase("master", "cluster-wide", first=True) + hop.phase("master", "kubesphere", first=True)
    ),
    "client": lambda hop: hop.named("client-start"),
    "kubesphere": lambda hop: hop.named("installer-pod-start") + hop.named(f"kubesphere-upgrade-{hop.target}"),
    "detach": lambda hop: hop.named("volume-detach"),
    "verify": lambda _: VERIFY,
}
"""How long each stage takes. The first master does more than the others; workers do not wait for that."""

TOUCHES: Mapping[str, Disruption] = {
    "master-n": Disruption(
        ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"), ("master",), "rolling"
    ),
    "workers": Disruption(("kubelet",), ("node_perf", "node_super_perf", "node_gpu"), "at-once"),
}
"""Which components a stage restarts."""

TEXTS: Mapping[str, _Text] = {
    "preflight": _Text("a refusal on paper costs nothing", "the three doors answer"),
    "pre-check": _Text("the platform refuses before anything changes", "cluster active, no other job"),
    "attach": _Text("files and images come on a volume", "pre_check passed on every node"),
    "prepare": _Text(
        "new binaries and images must lie on each node", "volume mounted", "heavy disk and CPU on every node"
    ),
    "master-n": _Text(
        "masters change one after another, so that the API stays up",
        "the masters before it report the new version",
        "this master's API server restarts; the load balancer uses the others",
        "no API server answers: nothing is scheduled or healed",
    ),
    "workers": _Text("workers follow the control plane", "the control plane they wait for is there"),
    "cluster-wide": _Text(
        "CoreDNS, kube-proxy, network, CCM and storage are shared",
        "every node reports the new version",
        "new volumes cannot be created while the CSI driver is replaced",
    ),
    "client": _Text("the client ends the job and carries its code", "all k8s nodes done"),
    "kubesphere": _Text("the console and its modules follow", "installer launched", "KubeSphere pods are replaced"),
    "detach": _Text("nodes keep nothing of the upgrade volume", "every service of the upgrade ended"),
    "verify": _Text("a finished job is not yet a healthy cluster", "job successful"),
}

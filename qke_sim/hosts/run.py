"""One command of the product on one node, while it runs: what its steps know, and what they wait with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from qke_core.catalog import Budget, ScriptStep, catalog, operations
from qke_core.effects import Json
from qke_core.plan import script_conditions
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import FIRST_MASTER, Site
from qke_sim.kernel import PollResult, Process, Signal, poll

FAILED = 1
"""Exit code of a failing command that has no code of its own."""


@dataclass(slots=True)
class Run:
    """A command of `version` on one node; `source` is the version an upgrade comes from.

    `params` are what the platform hands over. `last` is the newest record of it, 0 before the first.
    """

    site: Site
    host: Host
    command: str
    version: str
    source: str = ""
    params: Mapping[str, Json] = field(default_factory=dict[str, Json])
    last: int = 0

    @property
    def kubernetes(self) -> str:
        """The Kubernetes version that the command brings."""
        return catalog().version(self.version).kubernetes

    @property
    def target(self) -> str:
        """Where an upgrade leads: the version whose script runs."""
        return self.version

    def fail(self, why: str, code: int, cause: int) -> int:
        """Record why a step fails; return its code."""
        self.last = self.site.kernel.trace.add("step.failed", self.host.subject, cause, why=why, code=code)
        return code

    def conditions(self) -> frozenset[str]:
        """Return what holds on this node now, in the words that a step's `only` may use."""
        site, host = self.site, self.host
        return script_conditions(
            self.source,
            first_master=host.alias == FIRST_MASTER,
            ha=site.ha,
            kubesphere=site.cluster.env.install_kubesphere,
            built_in_etcd="etcd_service" not in site.cluster.links,
        ) | _named(_facts_of(self))


def _facts_of(run: Run) -> Mapping[str, bool]:
    site, host, cluster = run.site, run.host, run.site.cluster
    leaving = [site.hosts[alias].node.role_kind for alias in site.metadata.deleting if alias in site.hosts]
    joining, balanced = host.alias in site.metadata.adding, needs_balancer(site, run.version)
    return {
        "other-master": host.node.role_kind == "master" and host.alias != FIRST_MASTER,
        "api-lb": balanced,
        "no-lb": not balanced,
        "hostnic": cluster.env.values.get("network_plugin") == "hostnic",
        "no-workers": not any(cluster.of_kind("worker")),
        "gpu": host.node.role == "node_gpu",
        "joining": joining,
        "creating": not joining,
        "fresh-node": "node.init" not in host.system_files,
        "fresh-cluster": "cluster.init" not in host.data_markers,
        "initialised": "cluster.init" in host.data_markers,
        "masters-leave": "master" in leaving,
        "workers-leave": "worker" in leaving,
        "not-joined": host.alias not in site.kube.nodes,
        "not-installed": "install.lock" not in host.data_markers,
    }


def _named(facts: Mapping[str, bool]) -> frozenset[str]:
    return frozenset(name for name, holds in facts.items() if holds)


def needs_balancer(site: Site, version: str) -> bool:
    """Whether a balancer for the API server is made: with three masters, later also with an EIP for Kubernetes."""
    wished = bool(site.cluster.env.values.get("kubernetes_eip_id"))
    return site.ha or (wished and operations().can(version, "apiserver-eip-balancer"))


Behaviour = Callable[[Run, ScriptStep, int], Process[int]]
"""What a step does, given the record of its beginning; it returns the step's exit code."""


def elapse(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """A step that takes its time and changes nothing that the twin knows."""
    _ = cause
    if step.duration is not None:
        yield run.host.take(step.duration)
    return 0


def needs_api(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """A step of kubectl or kubeadm calls: fails when no API server answers at its beginning or at its end."""
    if not run.site.reaches_api(run.host.alias):
        return FAILED
    yield from elapse(run, step, cause)
    return 0 if run.site.reaches_api(run.host.alias) else FAILED


def at_once(act: Callable[[Run, int], int | None]) -> Behaviour:
    """Return the behaviour of a step that takes its duration and then acts; `act` returns a code, None for 0."""

    def behave(run: Run, step: ScriptStep, cause: int) -> Process[int]:
        yield from elapse(run, step, cause)
        return act(run, cause) or 0

    return behave


def by_kubectl(act: Callable[[Run, int], None]) -> Behaviour:
    """Return the behaviour of a step that talks to the API server and then has acted on it."""

    def behave(run: Run, step: ScriptStep, cause: int) -> Process[int]:
        code = yield from needs_api(run, step, cause)
        if code == 0:
            act(run, cause)
        return code

    return behave


def uses_disk(constant: str, code: int = FAILED) -> Behaviour:
    """Return the behaviour of a step that fills /data by a constant of the catalogue."""

    def behave(run: Run, step: ScriptStep, cause: int) -> Process[int]:
        yield from elapse(run, step, cause)
        fits = run.host.use_disk(catalog().constant(constant), step.do, cause)
        return 0 if fits else code

    return behave


def waits(
    check: Callable[[Run, Budget], int], signals: Callable[[Run], tuple[Signal, ...]], then: Behaviour | None = None
) -> Behaviour:
    """Return the behaviour of a step that waits until `check` finds 0; `then` follows when it did."""

    def behave(run: Run, step: ScriptStep, cause: int) -> Process[int]:
        budget = catalog().budget(step.wait or "", run.version)
        result = yield from wait(run, step, cause, lambda: check(run, budget), signals(run))
        code = exit_code(result, budget)
        return code if code or then is None else (yield from then(run, step, result.cause))

    return behave


def wait(
    run: Run, step: ScriptStep, cause: int, check: Callable[[], int], signals: tuple[Signal, ...]
) -> Process[PollResult]:
    """Wait within the budget of a step."""
    name = step.wait or ""
    return (yield from wait_for(run, name, catalog().budget(name, run.version), cause, check, signals))


@dataclass(frozen=True, slots=True)
class Lack:
    """What a wait for nodes still lacks: in words, and the record of what befell that node, if something did."""

    text: str
    cause: int | None


def wait_for(
    run: Run,
    name: str,
    budget: Budget,
    cause: int,
    check: Callable[[], int],
    signals: tuple[Signal, ...],
    react: Callable[[int], None] | None = None,
    lack: Callable[[], Lack | None] = lambda: None,
) -> Process[PollResult]:
    """Poll within a budget, and record when it began, how it ended, and what was lacking then."""
    kernel, subject = run.site.kernel, run.host.subject
    interval_s = budget.interval_ms // 1000
    kernel.trace.add("wait.began", subject, cause, what=name, attempts=budget.attempts, interval_s=interval_s)
    result = yield from poll(kernel, check, signals, budget, catalog().constant("check_ms"), cause, react)
    missing = lack() if result.code else None
    text, befell = ("", None) if missing is None else (missing.text, missing.cause)
    seq = kernel.trace.add(
        "wait.ended",
        subject,
        result.cause if befell is None else befell,
        what=name,
        looks=result.looks,
        code=result.code,
        lacking=text,
    )
    if react is None:
        run.last = seq
    return PollResult(result.code, result.looks, seq, result.exhausted)


def exit_code(result: PollResult, budget: Budget) -> int:
    """Return what a script makes of a wait: an exhausted one may have a code of its own, or be only a warning."""
    if not result.exhausted or budget.on_exhausted == "last":
        return result.code
    return budget.code or 0


def flag(holds: bool) -> int:  # noqa: FBT001 - the exit code of a test
    """Return the exit code of a test."""
    return 0 if holds else FAILED


def api_answers(run: Run, budget: Budget) -> int:
    """Look whether this node finds an API server."""
    _ = budget
    return flag(run.site.reaches_api(run.host.alias))


def kube_signals(run: Run) -> tuple[Signal, ...]:
    """What a wait for something in Kubernetes is woken by."""
    return run.site.kube.changed, run.site.plane.changed


def has_file(name: str) -> Callable[[Run, Budget], int]:
    """Return the look for a file on the node's own disk."""
    return lambda run, _: flag(name in run.host.files)


def file_signals(run: Run) -> tuple[Signal, ...]:
    """What a wait for a file is woken by."""
    return (run.site.files,)

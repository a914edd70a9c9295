"""`appctl upgrade` on one node: the product's upgrade script, step by step.

Which steps a version's script has, in which order and under which conditions, is catalogue data (`upgrade.toml`). This
module knows what each step does to the world: `BEHAVIOURS` by name; a step that is not listed just takes its time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from qke_core.catalog import Budget, ScriptStep, catalog
from qke_core.errors import RemoteError
from qke_core.plan import applies, script_conditions
from qke_sim.cloud import ClusterNode
from qke_sim.hosts.host import Host
from qke_sim.hosts.installer import RECAP_FAILED
from qke_sim.hosts.site import Site
from qke_sim.kernel import PollResult, Process, Signal, poll

FAILED = 1
"""Exit code of a failing command that has no code of its own."""

OVERLAY_FAILED = 138
"""The product's code when image layers cannot be copied to /data."""


@dataclass(slots=True)
class UpgradeRun:
    """One node's way from `source` to `target`. `last` is the newest record of it, 0 before the first."""

    site: Site
    host: Host
    source: str
    target: str
    last: int = 0

    @property
    def kubernetes(self) -> str:
        """The Kubernetes version this upgrade brings."""
        return catalog().version(self.target).kubernetes

    def conditions(self) -> frozenset[str]:
        """Return what holds on this node."""
        return script_conditions(
            self.source,
            first_master=self.host.alias == "master1",
            ha=len(self.site.plane.masters) > 1,
            kubesphere=self.site.cluster.env.install_kubesphere,
            built_in_etcd="etcd_service" not in self.site.cluster.links,
        )


def upgrade_node(run: UpgradeRun, cause: int) -> Process[int]:
    """Run the script to its end, or to the first step that fails; return the exit code."""
    trace, host = run.site.kernel.trace, run.host
    holds = run.conditions()
    phase, code = "", 0
    for step in catalog().script("upgrade", run.target, host.node.role_kind):
        if not applies(step, holds):
            continue
        if step.phase != phase:
            if phase:
                trace.add("phase.ended", host.subject, cause, phase=phase, target=run.target, outcome="done")
            phase = step.phase
            cause = trace.add("phase.started", host.subject, cause, phase=phase, target=run.target)
        begun = trace.add("step.started", host.subject, cause, step=step.do)
        run.last = begun
        code = yield from BEHAVIOURS.get(step.do, _elapse)(run, step, begun)
        cause = run.last = trace.add("step.ended", host.subject, run.last, step=step.do, code=code)
        if code:
            break
    outcome = f"failed with code {code}" if code else "done"
    run.last = trace.add("phase.ended", host.subject, cause, phase=phase, target=run.target, outcome=outcome)
    if code:
        host.trouble = run.last
    return code


Behaviour = Callable[[UpgradeRun, ScriptStep, int], Process[int]]


def _elapse(run: UpgradeRun, step: ScriptStep, cause: int) -> Process[int]:
    _ = cause
    if step.duration is not None:
        yield run.host.take(step.duration)
    return 0


def _needs_api(run: UpgradeRun, step: ScriptStep, cause: int) -> Process[int]:
    """A step of kubectl or kubeadm calls: fails when no API server answers at its beginning or at its end."""
    if not run.site.plane.available:
        return FAILED
    yield from _elapse(run, step, cause)
    return 0 if run.site.plane.available else FAILED


def _uses_disk(constant: str, code: int = FAILED) -> Behaviour:
    """Return the behaviour of a step that fills /data by a constant of the catalogue."""

    def behave(run: UpgradeRun, step: ScriptStep, cause: int) -> Process[int]:
        yield from _elapse(run, step, cause)
        fits = run.host.use_disk(catalog().constant(constant), step.do, cause)
        return 0 if fits else code

    return behave


def _restart_etcd(run: UpgradeRun, step: ScriptStep, cause: int) -> Process[int]:
    seq = run.host.set_service("etcd", active=False, cause=cause)
    run.site.plane.set_etcd(run.host.alias, up=False, cause=seq)
    yield from _elapse(run, step, cause)
    seq = run.host.set_service("etcd", active=True, cause=cause)
    run.site.plane.set_etcd(run.host.alias, up=True, cause=seq)
    return 0


def _regenerate_control_plane(run: UpgradeRun, step: ScriptStep, cause: int) -> Process[int]:
    run.site.plane.set_process(run.host.alias, up=False, cause=cause, why="its manifest was regenerated")
    yield from _elapse(run, step, cause)
    run.site.plane.set_process(run.host.alias, up=True, cause=cause)
    return 0


def _restart_kubelet(run: UpgradeRun, step: ScriptStep, cause: int) -> Process[int]:
    stopped = run.site.stop_kubelet(run.host.alias, cause)
    yield from _elapse(run, step, cause)
    run.site.start_kubelet(run.host.alias, run.kubernetes, stopped)
    return 0


def _copy_to_workers(run: UpgradeRun, step: ScriptStep, cause: int) -> Process[int]:
    yield from _elapse(run, step, cause)
    for host in run.site.hosts.values():
        if host.up and host.node.role_kind != "master":
            host.put_file("kubeconfig", cause)
    return 0


def _fix_lb_listener(run: UpgradeRun, step: ScriptStep, cause: int) -> Process[int]:
    """Two cloud calls; the script only warns when one of them fails."""
    _ = step
    balancer = run.site.cluster.loadbalancer
    if balancer is None:
        return 0
    calls = (
        (
            "ModifyLoadBalancerListenerAttributes",
            {"loadbalancer_listener": balancer.listener_id, "scene": catalog().constant("listener_scene")},
        ),
        ("UpdateLoadBalancers", {"loadbalancers": [balancer.loadbalancer_id]}),
    )
    for action, params in calls:
        try:
            answer = yield from run.site.cloud.call(action, params, run.host.subject, cause)
        except RemoteError:
            break
        if answer["ret_code"] != 0:
            break
    return 0


def _replace_storage(run: UpgradeRun, step: ScriptStep, cause: int) -> Process[int]:
    code = yield from _needs_api(run, step, cause)
    if code == 0:
        run.site.csi_version = catalog().version(run.target).components["csi_qingcloud"]
        run.site.kernel.trace.add("csi.replaced", run.site.name, cause, version=run.site.csi_version)
    return code


def _replace_storage_when_bound(run: UpgradeRun, step: ScriptStep, cause: int) -> Process[int]:
    """Replace the CSI driver once no claim is unbound; leave it, without a word to the user, when one stays so."""
    result = yield from _wait(run, step, cause, lambda: _flag(not _unbound(run)), (run.site.addons,))
    if result.exhausted:
        why = f"{', '.join(_unbound(run))} not bound"
        run.site.kernel.trace.add("csi.skipped", run.site.name, result.cause, why=why)
        return 0
    return (yield from _replace_storage(run, step, result.cause))


def _unbound(run: UpgradeRun) -> list[str]:
    return [f"{claim.namespace}/{claim.name}" for claim in run.site.kube.objects.claims if claim.phase != "Bound"]


def _install_tiller(run: UpgradeRun, step: ScriptStep, cause: int) -> Process[int]:
    code = yield from _needs_api(run, step, cause)
    if code:
        return code
    site = run.site

    def running() -> None:
        site.tiller = True
        site.addons.fire(site.kernel.trace.add("tiller.running", site.name, cause))

    site.kernel.later(site.kernel.streams.draw(site.name, catalog().duration("tiller-start")), running)
    return 0


def _launch_installer(run: UpgradeRun, step: ScriptStep, cause: int) -> Process[int]:
    """Launch the installer; a unit of its own supervises it, and its result is nobody's exit code."""
    code = yield from _needs_api(run, step, cause)
    if code == 0:
        run.site.installer.launch(run.target, cause)
        run.host.execute(_supervise(run, cause))
    return code


def _supervise(run: UpgradeRun, cause: int) -> Process[int]:
    """The first master's unit: look until the installer is done; start it again when its recap reports failures."""
    installer = run.site.installer
    budget = catalog().budget("kubesphere-installer", run.target)

    def react(code: int) -> None:
        if code == RECAP_FAILED:
            installer.restart(run.host.subject, installer.changed.cause)

    result = yield from _wait_for(
        run, "kubesphere-installer", budget, cause, installer.check, (installer.changed, run.site.plane.changed), react
    )
    return result.code


def _wait_behaviour(
    check: Callable[[UpgradeRun, Budget], int], signals: Callable[[UpgradeRun], tuple[Signal, ...]]
) -> Behaviour:
    """Return the behaviour of a step that waits until `check` finds 0, and then takes its duration, if it has one."""

    def behave(run: UpgradeRun, step: ScriptStep, cause: int) -> Process[int]:
        budget = catalog().budget(step.wait or "", run.target)
        result = yield from _wait(run, step, cause, lambda: check(run, budget), signals(run))
        return _exit_code(result, budget)

    return behave


@dataclass(frozen=True, slots=True)
class Lack:
    """What a wait for nodes still lacks: in words, and the record of what befell that node, if something did."""

    text: str
    cause: int | None


def _wait_for_nodes(choose: Callable[[UpgradeRun], Sequence[ClusterNode]]) -> Behaviour:
    """Return the behaviour of a step that waits until the chosen nodes report the new version."""

    def behave(run: UpgradeRun, step: ScriptStep, cause: int) -> Process[int]:
        name = step.wait or ""
        budget = catalog().budget(name, run.target)

        def lack() -> Lack | None:
            return _lack(run, budget, choose(run))

        def check() -> int:
            return _flag(lack() is None)

        signals = (run.site.kube.changed, run.site.plane.changed)
        result = yield from _wait_for(run, name, budget, cause, check, signals, lack=lack)
        return _exit_code(result, budget)

    return behave


def _lack(run: UpgradeRun, budget: Budget, nodes: Sequence[ClusterNode]) -> Lack | None:
    """Return what keeps `nodes` from being at the new version, and Ready if the budget wants that; None for nothing."""
    if nodes and not run.site.plane.available:
        return Lack("no API server answers", None)
    for node in nodes:
        seen, trouble = run.site.kube.nodes[node.alias], run.site.hosts[node.alias].trouble
        if seen.kubelet_version != run.kubernetes:
            return Lack(f"{node.alias} reports kubelet {seen.kubelet_version}", trouble)
        if budget.requires_ready and (not seen.ready or seen.unschedulable):
            return Lack(f"{node.alias} is not Ready", trouble)
    return None


def _masters(run: UpgradeRun) -> list[ClusterNode]:
    return list(run.site.cluster.of_kind("master"))


def _masters_before(run: UpgradeRun) -> list[ClusterNode]:
    return [node for node in _masters(run) if node.sid < run.host.node.sid]


def _all_nodes(run: UpgradeRun) -> list[ClusterNode]:
    return list(run.site.cluster.of_kind("master", "worker"))


def _wait(
    run: UpgradeRun, step: ScriptStep, cause: int, check: Callable[[], int], signals: tuple[Signal, ...]
) -> Process[PollResult]:
    name = step.wait or ""
    return (yield from _wait_for(run, name, catalog().budget(name, run.target), cause, check, signals))


def _wait_for(
    run: UpgradeRun,
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


def _exit_code(result: PollResult, budget: Budget) -> int:
    """Return what a script makes of a wait: an exhausted one may have a code of its own, or be only a warning."""
    if not result.exhausted or budget.on_exhausted == "last":
        return result.code
    return budget.code or 0


def _flag(holds: bool) -> int:  # noqa: FBT001 - the exit code of a test
    return 0 if holds else FAILED


def _api_answers(run: UpgradeRun, budget: Budget) -> int:
    _ = budget
    return _flag(run.site.plane.available)


def _kube_signals(run: UpgradeRun) -> tuple[Signal, ...]:
    return run.site.kube.changed, run.site.plane.changed


BEHAVIOURS: Mapping[str, Behaviour] = {
    "back-up-files": _uses_disk("upgrade_backup_mib"),
    "load-kubernetes-images": _uses_disk("upgrade_kubernetes_images_mib"),
    "load-kubesphere-images": _uses_disk("upgrade_kubesphere_images_mib"),
    "copy-image-layers": _uses_disk("upgrade_layers_mib", OVERLAY_FAILED),
    "wait-previous-masters": _wait_for_nodes(_masters_before),
    "restart-etcd": _restart_etcd,
    "regenerate-control-plane": _regenerate_control_plane,
    "restart-kubelet": _restart_kubelet,
    "copy-to-workers": _copy_to_workers,
    "fix-lb-listener": _fix_lb_listener,
    "wait-all-nodes": _wait_for_nodes(_all_nodes),
    "upload-config": _needs_api,
    "kubeadm-upgrade-apply": _needs_api,
    "fix-coredns-volume": _wait_behaviour(_api_answers, _kube_signals),
    "set-kube-proxy-log-level": _wait_behaviour(_api_answers, _kube_signals),
    "apply-network": _needs_api,
    "apply-cloud-controller": _needs_api,
    "install-tiller": _install_tiller,
    "replace-storage": _replace_storage,
    "replace-storage-when-bound": _replace_storage_when_bound,
    "wait-helm": _wait_behaviour(
        lambda run, _: _flag(run.site.tiller and run.site.plane.available),
        lambda run: (run.site.addons, run.site.plane.changed),
    ),
    "launch-kubesphere-installer": _launch_installer,
    "wait-kubeconfig": _wait_behaviour(
        lambda run, _: _flag("kubeconfig" in run.host.files), lambda run: (run.site.files,)
    ),
    "wait-masters-ready": _wait_for_nodes(_masters),
    "wait-kubesphere": _wait_behaviour(
        lambda run, _: run.site.installer.check(), lambda run: (run.site.installer.changed, run.site.plane.changed)
    ),
}
"""What the steps do, beyond taking time."""

"""What the first master applies to the cluster with kubectl and helm, and how KubeSphere's installer is watched."""

from __future__ import annotations

from collections.abc import Mapping

from qke_core.catalog import ScriptStep, catalog
from qke_sim.hosts.build import system_workloads
from qke_sim.hosts.run import (
    FIRST_MASTER,
    Behaviour,
    Run,
    api_answers,
    by_kubectl,
    exit_code,
    flag,
    kube_signals,
    needs_api,
    wait,
    wait_for,
    waits,
)
from qke_sim.hosts.steps_upgrade import all_nodes, wait_for_nodes
from qke_sim.kernel import Process
from qke_sim.kube.kubesphere import RECAP_FAILED


def _apply_network(run: Run, cause: int) -> None:
    run.site.applied.add("network")
    run.site.kube.apply_network(cause)


def apply_coredns(run: Run, cause: int) -> None:
    """Make CoreDNS, once."""
    if run.site.kube.workload("kube-system/coredns") is None:
        for workload in system_workloads():
            run.site.kube.apply(workload, cause)


def _apply_cloud_controller(run: Run, _: int) -> None:
    run.site.applied.add("cloud-controller")


def _replace_storage(run: Run, cause: int) -> None:
    run.site.applied.add("storage")
    kind = "csi.replaced" if run.site.csi_version else "csi.installed"
    run.site.csi_version = catalog().version(run.version).components["csi_qingcloud"]
    run.site.kernel.trace.add(kind, run.site.name, cause, version=run.site.csi_version)
    run.site.addons.fire(cause)
    run.site.kube.wake(cause)


def _replace_storage_when_bound(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Replace the CSI driver once no claim is unbound; leave it, without a word to the user, when one stays so."""
    result = yield from wait(run, step, cause, lambda: flag(not _unbound(run)), (run.site.addons,))
    if result.exhausted:
        why = f"{', '.join(_unbound(run))} not bound"
        run.site.kernel.trace.add("csi.skipped", run.site.name, result.cause, why=why)
        return 0
    return (yield from STEPS["replace-storage"](run, step, result.cause))


def _unbound(run: Run) -> list[str]:
    return [f"{claim.namespace}/{claim.name}" for claim in run.site.kube.objects.claims if claim.phase != "Bound"]


def _install_tiller(run: Run, cause: int) -> None:
    site = run.site

    def running() -> None:
        site.tiller = True
        site.addons.fire(site.kernel.trace.add("tiller.running", site.name, cause))

    site.kernel.later(site.kernel.streams.draw(site.name, catalog().duration("tiller-start")), running)


# KubeSphere


def _launch_installer(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Launch the installer; a unit of its own supervises it, and its result is nobody's exit code."""
    code = yield from needs_api(run, step, cause)
    if code == 0:
        run.site.installer.launch(run.version, cause)
        run.host.execute(_supervise(run, cause))
    return code


def _start_installer_job(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Start the unit that launches the installer in a new cluster and watches it; the script does not wait for it."""
    run.host.execute(_installer_job(run, step, cause))
    return 0
    yield  # A step is a process, even one that takes no time.


def _installer_job(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    unit = Run(run.site, run.host, run.command, run.version, last=cause)
    if step.wait is not None:
        code = yield from STEPS["wait-helm"](unit, step, cause)
        if code:
            return code
    code = yield from needs_api(unit, step, cause)
    if code == 0:
        _launch_fresh(unit, cause)
        code = yield from _supervise(unit, cause)
        expose_console(unit, cause)
    return code


def _launch_fresh(run: Run, cause: int) -> None:
    run.site.installer.launch(run.version, cause, fresh=True)
    for host in run.site.hosts.values():
        if host.node.role_kind != "client":
            host.use_disk(catalog().constant("fresh_kubesphere_mib"), "install KubeSphere", cause)


def expose_console(run: Run, cause: int) -> None:
    """Give the console's Service the type that the parameters say, whether the installer ended well or not."""
    controller = run.site.kube.cloud_controller
    if controller is not None and run.site.plane.available:
        controller.expose_console(cause)


def _supervise(run: Run, cause: int) -> Process[int]:
    """The first master's unit: look until the installer is done; start it again when its recap reports failures."""
    return (yield from _watch_installer(run, "kubesphere-installer", cause, restarts=True))


def _watch_installer(run: Run, name: str, cause: int, *, restarts: bool) -> Process[int]:
    installer = run.site.installer
    budget = catalog().budget(name, run.version)

    def react(code: int) -> None:
        if code == RECAP_FAILED and restarts:
            installer.restart(run.host.subject, installer.changed.cause)

    signals = (installer.changed, run.site.plane.changed)
    result = yield from wait_for(run, name, budget, cause, installer.check, signals, react)
    run.last = result.cause
    return exit_code(result, budget)


def _wait_kubesphere_installed(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """A new cluster's client watches the installer too; what it sees last is what the creation ends with."""
    restarts = run.version not in ("1.0.0", "1.0.1")
    return (yield from _watch_installer(run, step.wait or "", cause, restarts=restarts))


def _delete_console_service(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Let the cloud controller take the console's balancer away; a failure is nobody's."""
    code, controller = (yield from needs_api(run, step, cause)), run.site.kube.cloud_controller
    if code == 0:
        run.last = run.site.kernel.trace.add("console.withdrawn", run.site.name, cause)
    if code == 0 and controller is not None:
        controller.withdraw_console(run.last)
    return 0


def first_master(run: Run) -> bool:
    """Whether the command runs on the first master."""
    return run.host.alias == FIRST_MASTER


STEPS: Mapping[str, Behaviour] = {
    "set-kube-proxy-log-level": waits(api_answers, kube_signals),
    "create-cloud-secret": needs_api,
    "apply-kube-proxy": needs_api,
    "apply-network": by_kubectl(_apply_network),
    "patch-coredns": by_kubectl(apply_coredns),
    "warm-up-dns": waits(api_answers, kube_signals),
    "wait-nodes-ready": wait_for_nodes(all_nodes, at_version=False),
    "apply-cloud-controller": by_kubectl(_apply_cloud_controller),
    "replace-storage": by_kubectl(_replace_storage),
    "replace-storage-when-bound": _replace_storage_when_bound,
    "install-tiller": by_kubectl(_install_tiller),
    "wait-helm": waits(
        lambda run, _: flag(run.site.tiller and run.site.plane.available),
        lambda run: (run.site.addons, run.site.plane.changed),
    ),
    "launch-kubesphere-installer": _launch_installer,
    "start-installer-job": _start_installer_job,
    "launch-kubesphere-playbook": by_kubectl(_launch_fresh),
    "wait-kubesphere": waits(
        lambda run, _: run.site.installer.check(), lambda run: (run.site.installer.changed, run.site.plane.changed)
    ),
    "wait-kubesphere-installed": _wait_kubesphere_installed,
    "expose-console": by_kubectl(expose_console),
    "delete-console-service": _delete_console_service,
    "annotate-node": needs_api,
}

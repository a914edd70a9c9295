"""What a node does when the parameters of its cluster changed: confd renders its files anew, and reload lines act.

Which lines act, on which nodes, and what restarts, is the catalogue's book of parameter changes. All nodes act as soon
as they see the new values; nothing is coordinated and nothing is rolled back. Nothing acts before the cluster was
initialised, nor while an upgrade goes on. Rule: QKE app repo, confd templates; docs/rules/parameters.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from qke_core.catalog import ParameterChange, ScriptStep, Value, by_trigger, kubesphere, parameter_changes
from qke_core.reload import reload_steps
from qke_sim.hosts.certificates import renew
from qke_sim.hosts.run import FIRST_MASTER, Behaviour, Run, at_once, by_kubectl, elapse, needs_api
from qke_sim.hosts.steps_join import hang_up
from qke_sim.kernel import Process

COMMAND = "reload"

ACTS: Mapping[str, Callable[[Run], bool]] = {
    "nobody": lambda _: False,
    "first-master": lambda run: run.host.alias == FIRST_MASTER,
    "masters": lambda run: run.host.node.role_kind == "master",
    "k8s-nodes": lambda run: run.host.node.role_kind != "client",
    "all-nodes": lambda _: True,
}
"""Which nodes act."""


def script_of(run: Run) -> list[ScriptStep]:
    """Return what this node does, given the values `before` and `after` in the command's parameters."""
    steps = [ScriptStep("render-files", "render-parameters", None, (), "", "")]
    guarded = run.site.cluster.upgrade_status == "upgrading"
    if "cluster.init" not in run.host.data_markers or guarded:
        return steps
    for change in _changes(run):
        if ACTS[change.acts_on](run):
            steps += reload_steps(change)
    return steps


def _changes(run: Run) -> tuple[ParameterChange, ...]:
    before = cast("Mapping[str, Value]", run.params.get("before") or {})
    after = cast("Mapping[str, Value]", run.params.get("after") or {})
    return by_trigger(parameter_changes().effects(run.version, before, after))


def _reload_control_plane(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Certificate or manifest of the API server are written anew; this master's API is gone for a moment."""
    cause = _renewed(run, step, cause)
    plane, alias = run.site.plane, run.host.alias
    if alias in plane.masters:
        plane.set_process(alias, up=False, cause=cause, why=f"{step.note} restarted it")
        yield from elapse(run, step, cause)
        if run.host.services.get("docker", False):
            run.site.start_apiserver(alias, cause)
    return 0


def _hang_up_control_plane(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """The control plane's processes get SIGHUP, and are back in seconds."""
    yield from hang_up(run, _renewed(run, step, cause))
    return 0


def _renewed(run: Run, step: ScriptStep, cause: int) -> int:
    """Issue the API server's certificate anew where the line is about that; return the record of it."""
    if step.note not in ("kubeadm-eip", "reloadKubeApiserverCerts"):
        return cause
    run.last = renew(run.site, run.host, cause, ("apiserver",), reload=False)
    return run.last


def _reload_kubelet(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    stopped = run.site.stop_kubelet(run.host.alias, cause)
    yield from elapse(run, step, cause)
    run.last = run.site.start_kubelet(run.host.alias, run.host.kubelet_version, stopped)
    return 0


def _reload_docker(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Docker restarts, and with it every container of the node."""
    stopped = run.site.stop_services(run.host.alias, cause)
    yield from elapse(run, step, cause)
    run.last = run.site.start_services(run.host.alias, stopped)
    return 0


def _install_modules(run: Run, cause: int) -> None:
    """The first master patches the installer's configuration, and it installs what is new; nobody waits for it."""
    installer, wanted = run.site.installer, kubesphere().modules(run.version, run.site.cluster.env.modules)
    if run.host.alias == FIRST_MASTER and set(wanted) - set(installer.modules):
        installer.launch(run.version, cause, fresh=True)


def _rendered(run: Run, cause: int) -> None:
    """Files are written: the timers see the new figures."""
    run.host.on_garbage(cause)


STEPS: Mapping[str, Behaviour] = {
    "reload-hang-up": _hang_up_control_plane,
    "reload-control-plane": _reload_control_plane,
    "reload-kubelet": _reload_kubelet,
    "reload-docker": _reload_docker,
    "reload-kube-proxy": needs_api,
    "install-modules": by_kubectl(_install_modules),
    "render-files": at_once(_rendered),
}

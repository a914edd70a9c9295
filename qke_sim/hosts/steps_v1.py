"""What only the scripts of 1.x do: a control plane without kubeadm's joins, and locks instead of markers."""

from __future__ import annotations

from collections.abc import Mapping

from qke_core.catalog import ScriptStep
from qke_sim.hosts.kube_lb import LB_FILE, make_v1_balancer
from qke_sim.hosts.run import Behaviour, Run, api_answers, at_once, elapse, flag, kube_signals, waits
from qke_sim.hosts.steps_join import form_master
from qke_sim.kernel import Process
from qke_sim.kube import MASTER_TAINT, Taint


def _share_lb_address(run: Run, cause: int) -> None:
    for host in run.site.hosts.values():
        if host.up and run.site.lb_address:
            host.put_file(LB_FILE, cause)


def _use_lb_address(run: Run, cause: int) -> None:
    _ = cause
    if run.site.lb_address:
        run.host.aliases["loadbalancer"] = run.site.lb_address


def _start_control_plane(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Certificates, kubeconfigs, kubelet, static pods: every master by itself, all side by side."""
    yield from elapse(run, step, cause)
    if run.host.alias not in run.site.plane.masters:
        form_master(run, cause)
    return 0


def _mark_control_plane(run: Run, cause: int) -> None:
    """Label and taint this master; 1.x knows no cluster without workers."""
    site, alias = run.site, run.host.alias
    if alias in site.kube.nodes:
        labels = {**site.kube.nodes[alias].labels, "role": "master"}
        site.kube.relabel(alias, cause, labels=labels, taints=(Taint(MASTER_TAINT, "NoSchedule"),))


def _lock_installation(run: Run, cause: int) -> None:
    _ = cause
    run.host.data_markers.add("install.lock")


STEPS: Mapping[str, Behaviour] = {
    "check-node": waits(lambda run, _: flag(run.host.up), lambda run: (run.site.power,)),
    "make-v1-balancer": make_v1_balancer,
    "share-v1-lb-address": at_once(_share_lb_address),
    "use-v1-lb-address": at_once(_use_lb_address),
    "start-v1-control-plane": _start_control_plane,
    "wait-api": waits(api_answers, kube_signals),
    "mark-control-plane": at_once(_mark_control_plane),
    "lock-installation": at_once(_lock_installation),
}

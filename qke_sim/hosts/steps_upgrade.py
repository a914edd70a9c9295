"""What the steps of an upgrade do, as far as no other command does them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from qke_core.catalog import Budget, ScriptStep, catalog
from qke_core.errors import RemoteError
from qke_sim.cloud import ClusterNode
from qke_sim.hosts.balancer import api_listener
from qke_sim.hosts.certificates import renew
from qke_sim.hosts.run import (
    FAILED,
    Behaviour,
    Lack,
    Run,
    api_answers,
    at_once,
    elapse,
    exit_code,
    flag,
    kube_signals,
    needs_api,
    uses_disk,
    wait_for,
    waits,
)
from qke_sim.kernel import Process

OVERLAY_FAILED = 138
"""The product's code when image layers cannot be copied to /data."""


def _restart_etcd(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    seq = run.host.set_service("etcd", active=False, cause=cause)
    run.site.plane.set_etcd(run.host.alias, up=False, cause=seq)
    yield from elapse(run, step, cause)
    if run.site.plane.masters[run.host.alias].lost:
        return run.fail("etcd does not start: its data is lost", FAILED, cause)
    seq = run.host.set_service("etcd", active=True, cause=cause)
    run.site.plane.set_etcd(run.host.alias, up=True, cause=seq)
    return 0


def _issue_apiserver_certificate(run: Run, cause: int) -> None:
    """The new certificate is shown once the API server restarts."""
    renew(run.site, run.host, cause, ("apiserver",), reload=False)


def _regenerate_control_plane(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    run.site.plane.set_process(run.host.alias, up=False, cause=cause, why="its manifest was regenerated")
    yield from elapse(run, step, cause)
    run.site.start_apiserver(run.host.alias, cause)
    run.host.leave_garbage(catalog().constant("replaced_containers_mib"), "old control-plane containers", cause)
    return 0


def _restart_kubelet(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    stopped = run.site.stop_kubelet(run.host.alias, cause)
    yield from elapse(run, step, cause)
    run.site.start_kubelet(run.host.alias, run.kubernetes, stopped)
    return 0


def _fix_lb_listener(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Two cloud calls; the script only warns when one of them fails."""
    _ = step
    found = api_listener(run.site)
    if found is None:
        return 0
    balancer_id, listener_id, _scene = found
    calls = (
        (
            "ModifyLoadBalancerListenerAttributes",
            {"loadbalancer_listener": listener_id, "scene": catalog().constant("listener_scene")},
        ),
        ("UpdateLoadBalancers", {"loadbalancers": [balancer_id]}),
    )
    for action, params in calls:
        try:
            answer = yield from run.site.cloud.call(action, params, run.host.subject, cause)
        except RemoteError:
            break
        if answer["ret_code"] != 0:
            break
    return 0


def wait_for_nodes(choose: Callable[[Run], Sequence[ClusterNode]], *, at_version: bool = True) -> Behaviour:
    """Return the behaviour of a step that waits until the chosen nodes are Ready, or report the new version."""

    def behave(run: Run, step: ScriptStep, cause: int) -> Process[int]:
        name = step.wait or ""
        budget = catalog().budget(name, run.version)

        def lack() -> Lack | None:
            return _lack(run, budget, choose(run), at_version=at_version)

        result = yield from wait_for(
            run, name, budget, cause, lambda: flag(lack() is None), kube_signals(run), lack=lack
        )
        return exit_code(result, budget)

    return behave


def _lack(run: Run, budget: Budget, nodes: Sequence[ClusterNode], *, at_version: bool) -> Lack | None:
    """Return what keeps `nodes` from being at the new version, and Ready if the budget wants that; None for nothing."""
    if nodes and not run.site.reaches_api(run.host.alias):
        return Lack("no API server answers", None)
    for node in nodes:
        seen, trouble = run.site.kube.nodes.get(node.alias), run.site.hosts[node.alias].trouble
        if seen is None:
            return Lack(f"{node.alias} is not in the node list", trouble)
        if at_version and seen.kubelet_version != run.kubernetes:
            return Lack(f"{node.alias} reports kubelet {seen.kubelet_version}", trouble)
        if budget.requires_ready and (not seen.ready or seen.unschedulable):
            return Lack(f"{node.alias} is not Ready", trouble)
    return None


def masters(run: Run) -> list[ClusterNode]:
    """List the masters."""
    return list(run.site.cluster.of_kind("master"))


def _masters_before(run: Run) -> list[ClusterNode]:
    return [node for node in masters(run) if node.sid < run.host.node.sid]


def all_nodes(run: Run) -> list[ClusterNode]:
    """List the nodes that Kubernetes has."""
    return list(run.site.cluster.of_kind("master", "worker"))


STEPS: Mapping[str, Behaviour] = {
    "back-up-files": uses_disk("upgrade_backup_mib"),
    "load-kubernetes-images": uses_disk("upgrade_kubernetes_images_mib"),
    "load-kubesphere-images": uses_disk("upgrade_kubesphere_images_mib"),
    "copy-image-layers": uses_disk("upgrade_layers_mib", OVERLAY_FAILED),
    "wait-previous-masters": wait_for_nodes(_masters_before),
    "restart-etcd": _restart_etcd,
    "issue-apiserver-certificate": at_once(_issue_apiserver_certificate),
    "regenerate-control-plane": _regenerate_control_plane,
    "restart-kubelet": _restart_kubelet,
    "copy-to-workers": at_once(lambda run, cause: run.site.copy_kubeconfig(cause)),
    "fix-lb-listener": _fix_lb_listener,
    "wait-all-nodes": wait_for_nodes(all_nodes),
    "upload-config": needs_api,
    "kubeadm-upgrade-apply": needs_api,
    "fix-coredns-volume": waits(api_answers, kube_signals),
    "wait-masters-ready": wait_for_nodes(masters),
}

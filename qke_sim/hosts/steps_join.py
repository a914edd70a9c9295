"""How a cluster is formed: kubeadm init and join, files that go from node to node, labels, taints, balancer.

Files: `join` (the join command), `kubeconfig`, `loadbalancer` (what the kube-lb job leaves behind). A joining node
fetches them from the first master instead of waiting. Rule: lifecycle of create and scale out; docs/rules/hosts.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from qke_core.catalog import Budget, ScriptStep, catalog, operations
from qke_sim.hosts.build import make_kube_node
from qke_sim.hosts.certificates import issue_all
from qke_sim.hosts.gpu import GPU_LABELS, device_plugin
from qke_sim.hosts.hostnic import hostnic_status
from qke_sim.hosts.kube_lb import LB_FILE, start_lb_job
from qke_sim.hosts.run import (
    FAILED,
    FIRST_MASTER,
    Behaviour,
    Run,
    api_answers,
    at_once,
    by_kubectl,
    elapse,
    exit_code,
    file_signals,
    flag,
    has_file,
    kube_signals,
    wait,
    waits,
)
from qke_sim.hosts.site import FOREVER_MS
from qke_sim.hosts.steps_cluster import apply_coredns
from qke_sim.hosts.steps_upgrade import masters
from qke_sim.kernel import Process
from qke_sim.kube import MASTER_TAINT, Taint

IAAS_FAILED = 133
"""The product's code when the balancer has no address."""


def _mark_initialised(run: Run, cause: int) -> None:
    """The marker is written first of all: a second init after a failure does nothing."""
    run.host.data_markers.add("cluster.init")
    run.site.kernel.trace.add("marker.written", run.host.subject, cause, marker="cluster.init")


def _check_local_dns(run: Run, budget: Budget) -> int:
    _ = budget
    return flag(not run.host.dns_broken)


# kubeadm


def _kubeadm_init(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    if not _etcd_runs(run):
        return run.fail("etcd does not run", FAILED, cause)
    yield from elapse(run, step, cause)
    form_master(run, cause)
    apply_coredns(run, cause)
    run.site.token_ends_ms = run.site.kernel.now + operations().scale_out(run.version).token_s * 1000
    return 0 if run.site.plane.available else run.fail("no API server answers", FAILED, cause)


def _etcd_runs(run: Run) -> bool:
    if "etcd_service" in run.site.cluster.links:
        return run.site.plane.linked_etcd_up
    return run.host.services.get("etcd", False)


def form_master(run: Run, cause: int) -> None:
    """This node becomes a master: member of the control plane, with certificates, and a node of Kubernetes."""
    site, alias = run.site, run.host.alias
    issue_all(site, run.host, cause)
    run.host.files.add("kubeconfig")
    seq = site.plane.join(alias, cause)
    site.plane.set_process(alias, up=True, cause=seq)
    node = make_kube_node(run.host.node, site.cluster)
    site.kube.add_node(replace(node, taints=(Taint(MASTER_TAINT, "NoSchedule"),)), seq)
    site.start_kubelet(alias, run.kubernetes, seq)


def _form_worker(run: Run, cause: int) -> None:
    site, alias = run.site, run.host.alias
    node = make_kube_node(run.host.node, site.cluster)
    seq = site.kube.add_node(replace(node, labels={}), cause)
    site.start_kubelet(alias, run.kubernetes, seq)


def _joins(form: Callable[[Run, int], None]) -> Behaviour:
    """Return the behaviour of a join: attempts within the step's budget, each of which takes the step's duration."""

    def behave(run: Run, step: ScriptStep, cause: int) -> Process[int]:
        budget = catalog().budget(step.wait or "", run.version)
        why = ""
        for attempt in range(1, budget.attempts + 1):
            yield from elapse(run, step, cause)
            why = _why_not_join(run)
            if not why:
                form(run, cause)
                return 0
            if attempt < budget.attempts or budget.final_sleep:
                yield run.site.kernel.pause(budget.interval_ms)
        return run.fail(why, budget.code or FAILED, cause)

    return behave


def _why_not_join(run: Run) -> str:
    if "join" not in run.host.files:
        return "there is no join command"
    if not run.site.reaches_api(run.host.alias):
        return "no API server answers"
    if run.site.kernel.now >= run.site.token_ends_ms:
        return "the token of the join command has expired"
    return ""


# Files


def _share(name: str, *kinds: str) -> Behaviour:
    """Return the behaviour of copying a file to all nodes of some kinds; who is down gets none, which is ignored."""

    def share(run: Run, cause: int) -> None:
        for host in run.site.hosts.values():
            if host.node.role_kind in kinds and (host.up or host is run.host):
                host.put_file(name, cause)

    return at_once(share)


def _fetch(name: str) -> Behaviour:
    """Return the behaviour of fetching a file from the first master by scp."""

    def fetch(run: Run, cause: int) -> int:
        first = run.site.hosts.get(FIRST_MASTER)
        if first is None or not first.up or name not in first.files or not run.site.linked(run.host.alias, first.alias):
            return run.fail(f"the first master gives no file {name}", FAILED, cause)
        run.host.put_file(name, cause)
        return 0

    return at_once(fetch)


def _fetch_again(run: Run, cause: int) -> None:
    """Fetch what is missing; failures are ignored."""
    first = run.site.hosts.get(FIRST_MASTER)
    for name in ("kubeconfig", LB_FILE):
        if first is not None and first.up and name in first.files and name not in run.host.files:
            run.host.put_file(name, cause)


def _delete_join_file(run: Run, cause: int) -> None:
    _ = cause
    run.host.files.discard("join")


def _delete_tokens(run: Run, cause: int) -> None:
    run.site.token_ends_ms = 0
    run.site.kernel.trace.add("token.deleted", run.site.name, cause)


def _create_join_token(run: Run, cause: int) -> None:
    life_s = operations().scale_out(run.version).token_s
    run.site.token_ends_ms = run.site.kernel.now + life_s * 1000
    run.host.put_file("join", run.site.kernel.trace.add("token.created", run.site.name, cause, life_s=life_s))


def _create_lasting_token(run: Run, cause: int) -> None:
    run.site.token_ends_ms = FOREVER_MS
    run.site.addons.fire(run.site.kernel.trace.add("token.created", run.site.name, cause, life_s=0))


def _token_published(run: Run, budget: Budget) -> int:
    """At 1.x the masters publish the join command as the cluster's token: who sees it has it."""
    _ = budget
    published = run.site.token_ends_ms > run.site.kernel.now
    if published:
        run.host.files.add("join")
    return flag(published)


# The balancer


def _start_lb_job(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    _ = step
    start_lb_job(run, cause)
    return 0
    yield  # A step is a process, even one that takes no time.


def _use_lb_address(run: Run, cause: int) -> int:
    """Put the balancer's address into the hosts file; a file without one ends the init."""
    if not run.site.lb_address:
        return run.fail("the load-balancer file holds no address", IAAS_FAILED, cause)
    run.host.aliases[LB_FILE] = run.site.lb_address
    return 0


def _certify_lb_address(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Issue the API server's certificate with the balancer's address, and restart the control plane's processes."""
    yield from elapse(run, step, cause)
    yield from hang_up(run, cause)
    run.host.files.add("apiserver-certificate-with-lb")
    run.site.files.fire(cause)
    return 0


def hang_up(run: Run, cause: int) -> Process[None]:
    """SIGHUP to API server, controller manager and scheduler: they are back in seconds; if not, that is a warning."""
    plane, alias = run.site.plane, run.host.alias
    if alias in plane.masters and plane.masters[alias].process:
        plane.set_process(alias, up=False, cause=cause, why="it got SIGHUP")
        yield run.host.take("sighup")
        run.site.start_apiserver(alias, cause)


def _wait_lb_certificates(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Wait for one master after another, each within the budget, until it serves a certificate with the address."""
    budget = catalog().budget(step.wait or "", run.version)
    for node in masters(run):

        def served(alias: str = node.alias) -> int:
            return flag(_serves_lb_certificate(run, alias))

        result = yield from wait(run, step, cause, served, (run.site.files, run.site.plane.changed))
        cause, code = result.cause, exit_code(result, budget)
        if code:
            return run.fail(f"{node.alias} serves no certificate with the balancer's address", code, cause)
    return 0


def _serves_lb_certificate(run: Run, alias: str) -> bool:
    master = run.site.plane.masters.get(alias)
    return master is not None and master.answers and "apiserver-certificate-with-lb" in run.site.hosts[alias].files


# Labels and taints


def _label_worker(run: Run, cause: int) -> None:
    wanted = make_kube_node(run.host.node, run.site.cluster)
    labels = {name: value for name, value in wanted.labels.items() if name not in GPU_LABELS}
    run.site.kube.relabel(run.host.alias, cause, labels=labels)


def _enable_gpu(run: Run, cause: int) -> None:
    """Label the node, and have the device plugin run in the cluster."""
    run.site.kube.relabel(run.host.alias, cause, labels=make_kube_node(run.host.node, run.site.cluster).labels)
    plugin = device_plugin()
    if run.site.kube.workload(plugin.key) is None:
        run.site.kube.apply(plugin, cause)


def _remove_master_taint(run: Run, cause: int) -> None:
    run.site.kube.relabel(run.host.alias, cause, taints=())


def _listed(run: Run, budget: Budget) -> int:
    return flag(api_answers(run, budget) == 0 and run.host.alias in run.site.kube.nodes)


def _masters_listed(run: Run, budget: Budget) -> int:
    _ = budget
    return flag(all(node.alias in run.site.kube.nodes for node in masters(run)))


# Hostnic


def _read_hostnic(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    yield from elapse(run, step, cause)
    run.site.hostnic_status = yield from hostnic_status(run, cause)
    return 0


def _return_hostnic(run: Run, cause: int) -> int:
    code = run.site.hostnic_status
    return run.fail("the vxnets of hostnic do not fit", code, cause) if code else 0


STEPS: Mapping[str, Behaviour] = {
    "mark-cluster-initialised": at_once(_mark_initialised),
    "check-local-dns": waits(_check_local_dns, lambda run: (run.site.addons,)),
    "start-lb-job": _start_lb_job,
    "kubeadm-init": _kubeadm_init,
    "share-join-command": _share("join", "master", "worker"),
    "share-kubeconfig": _share("kubeconfig", "worker", "client"),
    "wait-join-file": waits(has_file("join"), file_signals),
    "wait-join-token": waits(_token_published, lambda run: (run.site.files, run.site.addons)),
    "fetch-join-file": _fetch("join"),
    "join-as-master": _joins(form_master),
    "join-as-worker": _joins(_form_worker),
    "wait-masters-joined": waits(_masters_listed, kube_signals),
    "wait-lb-job": waits(lambda run, _: flag(run.site.lb_job in ("done", "failed")), file_signals),
    "wait-lb-file": waits(has_file(LB_FILE), file_signals),
    "fetch-lb-file": _fetch(LB_FILE),
    "use-lb-address": at_once(_use_lb_address),
    "certify-lb-address": _certify_lb_address,
    "wait-lb-certificates": _wait_lb_certificates,
    "wait-kubeconfig": waits(has_file("kubeconfig"), file_signals),
    "fetch-kubeconfig": _fetch("kubeconfig"),
    "fetch-files-again": at_once(_fetch_again),
    "wait-own-node": waits(_listed, kube_signals),
    "remove-master-taint": by_kubectl(_remove_master_taint),
    "label-worker": by_kubectl(_label_worker),
    "enable-gpu": by_kubectl(_enable_gpu),
    "delete-join-file": at_once(_delete_join_file),
    "delete-tokens": by_kubectl(_delete_tokens),
    "create-join-token": by_kubectl(_create_join_token),
    "create-lasting-token": by_kubectl(_create_lasting_token),
    "read-hostnic-status": _read_hostnic,
    "return-hostnic-status": at_once(_return_hostnic),
}

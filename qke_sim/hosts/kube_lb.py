"""How the nodes get the balancer in front of their API servers.

From 2.0.0 on a job on the first master makes it, which goes on by itself; at 1.x the client does in its init.

Everything goes through the cloud door. A call that is refused ends the job with 133; the job's file goes to every node
whether it ended well or not, so the others find a file without an address, or their own wait runs out.
Rule: QKE app repo, iaas.sh, iaas-ctl.sh; tag v1.0.1, script/loadbalancer-manager.sh.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from qke_core.catalog import ScriptStep, catalog
from qke_core.effects import Json
from qke_core.errors import RemoteError
from qke_sim.cloud import Outcome
from qke_sim.cloud.loadbalancer import LoadBalancer
from qke_sim.hosts.run import Run, exit_code, flag, needs_balancer, wait_for
from qke_sim.kernel import Process, Signal, callbacks_of

IAAS_FAILED = 133
PORT = 6443
INHABITANT = "kube-lb"
LB_FILE = "loadbalancer"
LABELS: Mapping[str, str] = {"CreateLoadBalancer": "apiserver-lb", "CreateSecurityGroup": "apiserver-sg"}
"""How bills and people call what is made."""


class _Refused(Exception):
    """A call was refused, or a wait ran out."""

    def __init__(self, why: str, cause: int) -> None:
        """Keep why, and the newest record."""
        super().__init__(why, cause)
        self.why = why
        self.cause = cause


@dataclass(slots=True)
class _Made:
    """What has been made so far."""

    security_group: str = ""
    balancer: str = ""
    listener: str = ""
    address: str = ""
    public: str = ""


def start_lb_job(run: Run, cause: int) -> None:
    """Start the job; it goes on by itself on this host."""
    run.site.lb_job, run.site.lb_address = "running", ""
    unit = Run(run.site, run.host, run.command, run.version)
    unit.last = run.site.kernel.trace.add("unit.started", run.host.subject, cause, unit=INHABITANT)
    run.host.execute(_work(unit))


def _work(run: Run) -> Process[int]:
    made, code, cause = _Made(), 0, run.last
    try:
        cause = yield from _make(run, made, cause)
    except _Refused as refused:
        cause = run.site.kernel.trace.add(
            "step.failed", run.host.subject, refused.cause, why=refused.why, code=IAAS_FAILED
        )
        code = IAAS_FAILED
    _leave_file(run, made, code, cause)
    return code


def _make(run: Run, made: _Made, cause: int) -> Process[int]:
    site, name = run.site, run.host.subject
    cause = yield from _make_security_group(run, made, cause)
    answer, cause = yield from _ask(run, "CreateLoadBalancer", _balancer_params(run, made), cause, job=False)
    made.balancer, job = str(answer["loadbalancer_id"]), _end_of_job(run, answer)
    cause = yield from _tag(run, "loadbalancer", made.balancer, cause)
    yield site.kernel.take(name, catalog().duration("lb-settle"))
    cause = yield from _wait_for(run, "lb-active", lambda: _shown(run, made, "transition_status") == "", job, cause)
    made.address = str(_shown(run, made, "private_ip"))
    job, cause = yield from _configure(run, made, cause)
    cause = yield from _wait_for(run, "lb-applied", lambda: _shown(run, made, "is_applied") == 1, job, cause)
    return (yield from _bind_eip(run, made, cause))


def _make_security_group(run: Run, made: _Made, cause: int) -> Process[int]:
    params: dict[str, Json] = {"security_group_name": run.site.cluster.id}
    answer, cause = yield from _ask(run, "CreateSecurityGroup", params, cause)
    made.security_group = str(answer["security_group_id"])
    cause = yield from _tag(run, "security_group", made.security_group, cause)
    rule: dict[str, Json] = {
        "security_group_rule_name": "apiserver",
        "protocol": "tcp",
        "priority": 0,
        "action": "accept",
        "direction": 0,
        "val1": str(PORT),
        "val2": str(PORT),
    }
    params = {"security_group": made.security_group, "rules": [rule]}
    _, cause = yield from _ask(run, "AddSecurityGroupRules", params, cause)
    _, cause = yield from _ask(run, "ApplySecurityGroup", {"security_group": made.security_group}, cause)
    return cause


def _balancer_params(run: Run, made: _Made) -> dict[str, Json]:
    return {
        "loadbalancer_name": run.site.cluster.id,
        "mode": 1,
        "node_count": 2,
        "vxnet": run.site.cluster.vxnet,
        "security_group": made.security_group,
    }


def _configure(run: Run, made: _Made, cause: int) -> Process[tuple[Signal, int]]:
    """Listener, one backend per master, and the apply; that job is watched by its effect."""
    listener: dict[str, Json] = {
        "loadbalancer_listener_name": "apiserver",
        "listener_protocol": "tcp",
        "listener_port": PORT,
        "backend_protocol": "tcp",
        "scene": catalog().constant("listener_scene"),
        "session_sticky": "insert|3600",
        "forwardfor": 0,
    }
    params: dict[str, Json] = {"loadbalancer": made.balancer, "listeners": [listener]}
    answer, cause = yield from _ask(run, "AddLoadBalancerListeners", params, cause)
    made.listener = str(cast("Sequence[Json]", answer["loadbalancer_listeners"])[0])
    params = {"loadbalancer_listener": made.listener, "backends": cast("Json", _backends(run))}
    _, cause = yield from _ask(run, "AddLoadBalancerBackends", params, cause)
    answer, cause = yield from _ask(run, "UpdateLoadBalancers", {"loadbalancers": [made.balancer]}, cause, job=False)
    return _end_of_job(run, answer), cause


def _backends(run: Run) -> list[dict[str, Json]]:
    return [
        {
            "resource_id": node.instance_id,
            "loadbalancer_backend_name": node.alias,
            "port": PORT,
            "weight": 1,
        }
        for node in run.site.cluster.of_kind("master")
    ]


def _bind_eip(run: Run, made: _Made, cause: int) -> Process[int]:
    """From 3.1.0 on: read the EIP's address and associate it."""
    eip = str(run.site.cluster.env.values.get("kubernetes_eip_id") or "")
    if not eip:
        return cause
    answer, cause = yield from _ask(run, "DescribeEips", {"eips": [eip]}, cause)
    found = cast("Sequence[Mapping[str, Json]]", answer.get("eip_set") or [])
    if not found:
        raise _Refused(f"there is no EIP {eip}", cause)
    made.public = str(found[0].get("eip_addr", ""))
    params: dict[str, Json] = {"loadbalancer": made.balancer, "eips": [eip]}
    _, cause = yield from _ask(run, "AssociateEipsToLoadBalancer", params, cause)
    return cause


# Asking the cloud


def _ask(
    run: Run, action: str, params: dict[str, Json], cause: int, *, job: bool = True
) -> Process[tuple[Mapping[str, Json], int]]:
    """Ask the cloud, and wait for its job if wanted; return answer and record.

    Raises:
        _Refused: on any ret_code but 0.
    """
    label = f"{run.site.name}/{LABELS.get(action, 'apiserver')}"
    made_for: dict[str, Json] = {"_owner": run.site.name, "_label": label, "_origin": "apiserver"}
    if job:
        outcome = yield from run.site.cloud.request(action, {**params, **made_for}, _by(run), cause)
    else:
        outcome = yield from _call(run, action, {**params, **made_for}, cause)
    if outcome.failed:
        raise _Refused(f"{action}: {outcome.ret_code} {outcome.message}", outcome.cause)
    return outcome.answer, outcome.cause


def _call(run: Run, action: str, params: dict[str, Json], cause: int) -> Process[Outcome]:
    """Ask without waiting for the job."""
    try:
        answer = yield from run.site.cloud.call(action, params, _by(run), cause)
    except RemoteError as error:
        return Outcome(5000, error.sentence, {}, cause)
    return Outcome(int(cast("int", answer["ret_code"])), str(answer.get("message", "")), answer, cause)


def _by(run: Run) -> str:
    return f"{run.host.subject} {INHABITANT}"


def _tag(run: Run, kind: str, resource_id: str, cause: int) -> Process[int]:
    """Attach the cluster's tag, if it has one."""
    pairs: list[Json] = [
        {"tag_id": tag, "resource_type": kind, "resource_id": resource_id} for tag in run.site.cluster.tags
    ]
    if pairs:
        _, cause = yield from _ask(run, "AttachTags", {"resource_tag_pairs": pairs}, cause)
    return cause


def _wait_for(run: Run, name: str, holds: Callable[[], bool], job: Signal, cause: int) -> Process[int]:
    """Look within a budget; the looks that see nothing new are not run.

    Raises:
        _Refused: when the budget runs out.
    """
    budget = catalog().budget(name, run.version)
    result = yield from wait_for(run, name, budget, cause, lambda: flag(holds()), (job,))
    if exit_code(result, budget):
        raise _Refused(f"{name}: not within {budget.attempts} looks", result.cause)
    return result.cause


def _end_of_job(run: Run, answer: Mapping[str, Json]) -> Signal:
    """Return a signal that fires when the job of an answer ends; one that is stuck never does."""
    signal, job = Signal(run.site.kernel), run.site.cloud.jobs.get(str(answer.get("job_id", "")))
    if job is not None and not job.finished:
        callbacks_of(job.ended).append(lambda event: signal.fire(cast("int", event.value)))
    return signal


def _shown(run: Run, made: _Made, field: str) -> object:
    """Return what a look at the balancer shows; the looks of a wait are computed, not called."""
    balancer = run.site.cloud.store.find(LoadBalancer, made.balancer)
    return None if balancer is None else getattr(balancer, field)


# What is left behind


def _leave_file(run: Run, made: _Made, code: int, cause: int) -> None:
    """Write the file, copy it to all nodes, and let the balancer take effect."""
    site = run.site
    if code == 0:
        site.lb_address, site.lb_public = made.address, made.public
    seq = site.kernel.trace.add("unit.ended", run.host.subject, cause, unit=INHABITANT, code=code)
    site.lb_job = "done" if code == 0 else "failed"
    for host in site.hosts.values():
        if host.up:
            host.put_file(LB_FILE, seq)
    site.files.fire(seq)


# 1.x: the client makes it, and nobody looks at the codes


def make_v1_balancer(run: Run, step: ScriptStep, cause: int) -> Process[int]:
    """Make firewall and balancer and poll 20 times 5 s; only that poll can fail the client's init, with 255."""
    _ = step
    if not needs_balancer(run.site, run.version):
        return 0
    made = _Made()
    try:
        cause = yield from _make_security_group(run, made, cause)
        answer, cause = yield from _ask(run, "CreateLoadBalancer", _balancer_params(run, made), cause, job=False)
        made.balancer, job = str(answer["loadbalancer_id"]), _end_of_job(run, answer)
    except _Refused as refused:
        run.fail(refused.why, 0, refused.cause)  # The caller ignores codes 101 to 109.
        return 0
    budget = catalog().budget("lb-active", run.version)

    def look() -> int:
        return flag(_shown(run, made, "transition_status") == "")

    result = yield from wait_for(run, "lb-active", budget, cause, look, (job,))
    code = exit_code(result, budget)
    if code:
        return run.fail("the balancer is not active", code, result.cause)
    made.address = str(_shown(run, made, "private_ip"))
    try:
        cause = yield from _configure_v1(run, made, result.cause)
    except _Refused as refused:
        cause = refused.cause
    run.site.lb_address = made.address
    run.last = cause
    return 0


def _configure_v1(run: Run, made: _Made, cause: int) -> Process[int]:
    listener: dict[str, Json] = {
        "loadbalancer_listener_name": "apiserver",
        "listener_protocol": "tcp",
        "listener_port": PORT,
        "backend_protocol": "tcp",
        "balance_mode": "roundrobin",
        "healthy_check_method": "tcp",
        "healthy_check_option": "10|5|2|5",
        "session_sticky": "insert|3600",
    }
    params: dict[str, Json] = {"loadbalancer": made.balancer, "listeners": [listener]}
    answer, cause = yield from _ask(run, "AddLoadBalancerListeners", params, cause)
    made.listener = str(cast("Sequence[Json]", answer["loadbalancer_listeners"])[0])
    for backend in _backends(run):
        params = {"loadbalancer_listener": made.listener, "backends": [backend]}
        try:
            _, cause = yield from _ask(run, "AddLoadBalancerBackends", params, cause)
        except _Refused as refused:
            cause = refused.cause  # Nobody looks at the results of these.
    _, cause = yield from _ask(run, "UpdateLoadBalancers", {"loadbalancers": [made.balancer]}, cause)
    return cause

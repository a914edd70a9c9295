"""What an action of the timeline comes to: words for the trace, and the workflow that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from qke_core.effects import Flow, Json, JsonObject
from qke_core.errors import InvariantError
from qke_core.models import ClusterState
from qke_core.models.autoscaling import AutoscalingPolicy
from qke_core.models.settings import plain_value
from qke_core.plan.change import (
    AddNodes,
    Cease,
    ChangeEip,
    ChangeModules,
    ChangeParameters,
    Create,
    Delete,
    DeleteNodes,
    Recover,
    Resize,
    RestartRole,
    Start,
    Stop,
    Upgrade,
)
from qke_core.rules import Finding
from qke_core.units import render_rough
from qke_core.workflows import (
    CallRequest,
    CustomService,
    DeleteNewest,
    KubectlRequest,
    OperateRequest,
    Order,
    ScalingPolicyRequest,
    UpgradeRequest,
    call_cloud,
    kubectl,
    operate,
    say,
    set_scaling_policy,
    upgrade_cluster,
)
from qke_sim.scenario.action import Action, CustomAction, DeleteNodesAction, DrainAction

MIB_PER_GIB = 1024
MS_PER_S = 1000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deed:
    """One action, ready to be done: `start` makes its workflow anew; `what` says it; the workflow returns how it went.

    `subject` is the cluster, "" for none.
    """

    what: str
    subject: str
    start: Callable[[], Flow[str]]


def deed_of(
    action: Action,
    wish: ClusterState | None,
    cluster_id: str,
    findings: tuple[Finding, ...] = (),
    policies: tuple[AutoscalingPolicy, ...] = (),
) -> Deed:
    """Return what an action comes to.

    Args:
        action: any but a `wait`.
        wish: the cluster to be created, for `create`.
        cluster_id: the cluster's id; "" when it is to be created, or none is needed.
        findings: what the rules say of `wish`.
        policies: those of autoscaling that `wish` is to have.
    """
    verb = action.verb
    if verb in _OTHERS:
        return _OTHERS[verb](action, cluster_id)
    if verb == "upgrade":
        return _upgrade(action, cluster_id)
    order = order_of(action, wish)
    name = wish.name if wish is not None else action.cluster
    request = OperateRequest(cluster_id, order, action.preflight, action.poll, findings, policies)
    return Deed(say(order, name), name, lambda: _said(operate(request), lambda done: render_rough(done.took_ms)))


def order_of(action: Action, wish: ClusterState | None) -> Order:
    """Return the order that an operation of the timeline gives."""
    if action.create is not None and wish is not None:
        return Create(wish)
    make = _ORDERS.get(action.verb)
    if make is None:
        raise InvariantError("scenario.verb-unknown", f"No order is called {action.verb!r}", "report this scenario")
    return make(getattr(action, action.verb))


def _said(flow: Flow[T], say_it: Callable[[T], str]) -> Flow[str]:
    """Run a workflow and say how it went."""
    return f"took {say_it((yield from flow))}"


def _upgrade(action: Action, cluster_id: str) -> Deed:
    wanted = action.upgrade
    if wanted is None:
        raise InvariantError("scenario.verb-unknown", "The action upgrades nothing", "report this scenario")
    preflight, poll = wanted.preflight or action.preflight, wanted.poll or action.poll
    request = UpgradeRequest(cluster_id, wanted.to, preflight, poll)

    def start() -> Flow[str]:
        result = yield from upgrade_cluster(request)
        return f"reached {wanted.to} in {render_rough(result.took_ms)}"

    return Deed(f"upgrade {action.cluster} to {wanted.to}", action.cluster, start)


def _delete_nodes(wanted: DeleteNodesAction) -> Order:
    if wanted.count is not None:
        return DeleteNewest(wanted.role, wanted.count)
    return DeleteNodes(wanted.role, wanted.sids)


def _custom(wanted: CustomAction) -> Order:
    params = () if wanted.max_days is None else (("max_days", wanted.max_days),)
    return CustomService(wanted.role, wanted.service, params)


_ORDERS: Mapping[str, Callable[[Any], Order]] = {
    "start": lambda _: Start(),
    "stop": lambda _: Stop(),
    "delete": lambda _: Delete(),
    "recover": lambda _: Recover(),
    "cease": lambda _: Cease(),
    "restart": lambda wanted: RestartRole(wanted.role),
    "add_nodes": lambda wanted: AddNodes(
        wanted.role, wanted.count, wanted.cpu, wanted.memory, wanted.disk // MIB_PER_GIB, wanted.instance_class
    ),
    "delete_nodes": _delete_nodes,
    "resize": lambda wanted: Resize(wanted.role, wanted.cpu, wanted.memory, wanted.disk // MIB_PER_GIB),
    "change": lambda wanted: ChangeParameters({key: plain_value(value) for key, value in wanted.items()}),
    "modules": lambda wanted: ChangeModules(tuple(wanted)),
    "eip": lambda wanted: ChangeEip(wanted.key, wanted.value),
    "custom": _custom,
    "upgrade": lambda wanted: Upgrade(wanted.to),
}
"""The order of each operation, given what stands under its key."""


def _autoscaling(action: Action, cluster_id: str) -> Deed:
    policy = action.autoscaling
    wanted = policy if isinstance(policy, AutoscalingPolicy) else None
    what = f"autoscaling {action.cluster}" if wanted is not None else f"stopping the autoscaling of {action.cluster}"
    request = ScalingPolicyRequest(cluster_id, wanted)

    def start() -> Flow[str]:
        policy_id = yield from set_scaling_policy(request)
        return f"policy {policy_id} is on" if policy_id else "no policy is on"

    return Deed(what, action.cluster, start)


def _call(action: Action, cluster_id: str) -> Deed:
    _ = cluster_id
    wanted = action.call
    if wanted is None:
        raise InvariantError("scenario.verb-unknown", "The action calls nothing", "report this scenario")
    request = CallRequest(wanted.action, cast("JsonObject", wanted.params), wanted.expect_ret_code)

    def start() -> Flow[str]:
        answer = yield from call_cloud(request)
        return "answered" if answer else f"refused with {wanted.expect_ret_code}, as wanted"

    return Deed(f"calling {wanted.action}", action.cluster, start)


def _kubectl(action: Action, cluster_id: str) -> Deed:
    request = _asked(action, cluster_id)

    def start() -> Flow[str]:
        yield from kubectl(request)
        return "done"

    what = f"kubectl {request.verb} {request.resource} on {action.cluster}"
    return Deed(what, action.cluster, start)


def _asked(action: Action, cluster_id: str) -> KubectlRequest:
    for verb in ("cordon", "uncordon"):
        mark = getattr(action, verb)
        if mark is not None:
            return KubectlRequest(cluster_id, verb, "nodes", {}, mark.role, mark.index)
    if action.drain is not None:
        return _drain(action.drain, cluster_id)
    if action.scale is not None:
        wanted = action.scale
        more: JsonObject = {"name": wanted.workload, "namespace": wanted.namespace, "replicas": wanted.replicas}
        return KubectlRequest(cluster_id, "scale", wanted.kind, more)
    asked = action.kubectl
    if asked is None:
        raise InvariantError("scenario.verb-unknown", "The action asks nothing of Kubernetes", "report this scenario")
    named: JsonObject = {"name": asked.name, "namespace": asked.namespace, **asked.more}
    return KubectlRequest(cluster_id, asked.verb, asked.resource, named)


def _drain(wanted: DrainAction, cluster_id: str) -> KubectlRequest:
    """Return what kubectl is asked for; its timeout has whole seconds."""
    flags: dict[str, Json] = {
        "ignoreDaemonsets": True,
        "force": wanted.force,
        "deleteEmptydirData": wanted.delete_emptydir,
    }
    if wanted.timeout is not None:
        flags["timeoutSeconds"] = -(-wanted.timeout // MS_PER_S)
    return KubectlRequest(cluster_id, "drain", "nodes", flags, wanted.role, wanted.index)


_OTHERS: Mapping[str, Callable[[Action, str], Deed]] = {
    "autoscaling": _autoscaling,
    "call": _call,
    "cordon": _kubectl,
    "uncordon": _kubectl,
    "drain": _kubectl,
    "scale": _kubectl,
    "kubectl": _kubectl,
}
"""What is no order to the platform."""

"""Carry out one operation on a cluster, as an operator does it: look, check, ask once, watch the job, verify.

What the platform and the nodes do by themselves is not in here: it happens behind the doors. What an order means is a
row of a table: which effect asks for it, which services of the nodes it waits for, what must be seen afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from qke_core.catalog import operations
from qke_core.catalog.operation_facts import ServiceName
from qke_core.effects import (
    AddClusterNodes,
    CeaseCluster,
    ClusterChange,
    DeleteCluster,
    DeleteClusterNodes,
    Flow,
    Now,
    RecoverCluster,
    ResizeCluster,
    RestartClusterService,
    RunClusterCustomService,
    StartCluster,
    StopCluster,
    UpdateClusterEnvironment,
    perform,
)
from qke_core.errors import RemoteError
from qke_core.models import AutoscalingPolicy
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
from qke_core.units import MS_PER_MIN
from qke_core.workflows import afterwards, asking
from qke_core.workflows.checks import check_order
from qke_core.workflows.create import create_cluster
from qke_core.workflows.scaling_policy import ScalingPolicyRequest, set_scaling_policy
from qke_core.workflows.sight import CustomService, DeleteNewest, Order, Sight, look, say
from qke_core.workflows.upgrade import UpgradeRequest, upgrade_cluster
from qke_core.workflows.watch import (
    Preflight,
    ask_once,
    check_first,
    errand_of,
    service_bound_ms,
    take_no,
    verify,
    watch_job,
)


@dataclass(frozen=True, slots=True)
class OperateRequest:
    """What is asked for. `cluster_id` is "" for a cluster that is to be created.

    `preflight`: `enforce` stops at a blocker before the platform is asked; `report` only tells the findings.
    `poll_ms` is the pause between two looks at the job. `findings` are what is known beforehand of a cluster that is to
    be created: what the rules say of the wish in its World (`qke_core.rules.check_cluster`). `autoscaling` are the
    policies that it shall have once it is active: the deployment itself takes none (guide G-121).
    """

    cluster_id: str
    order: Order
    preflight: Preflight = "enforce"
    poll_ms: int = MS_PER_MIN
    findings: tuple[Finding, ...] = ()
    autoscaling: tuple[AutoscalingPolicy, ...] = ()


@dataclass(frozen=True, slots=True)
class OperateResult:
    """What came of it: the cluster, and the time from the first question to the last answer."""

    cluster_id: str
    took_ms: int


def operate(request: OperateRequest) -> Flow[OperateResult]:
    """Carry out one order.

    Raises:
        InputError: `cluster.unknown`.
        RefusedError: the first blocker's code, or `operation.refused` when the platform said no (facts:
            `platform_code`).
        RemoteError: `operation.job-failed` with the product's code in `platform_code`, `operation.job-lost`.
        StuckError: `operation.job-stuck` or `operation.unverified`.
    Rule: docs/rules/lifecycle.md.
    """
    began = yield from perform(Now())
    cluster_id, order = request.cluster_id, request.order
    if isinstance(order, Create):
        cluster_id = yield from create_cluster(order.wish, request.preflight, request.poll_ms, request.findings)
        for policy in request.autoscaling:
            yield from set_scaling_policy(ScalingPolicyRequest(cluster_id, policy))
    elif isinstance(order, Upgrade):
        wanted = UpgradeRequest(cluster_id, order.target, request.preflight, request.poll_ms)
        yield from upgrade_cluster(wanted)
    else:
        yield from _change(request)
    ended = yield from perform(Now())
    return OperateResult(cluster_id, ended - began)


def _change(request: OperateRequest) -> Flow[None]:
    sight = yield from look(request.cluster_id)
    order = _settled(request.order, sight)
    row = ROWS[type(order)]
    yield from check_first(sight.name, say(order, sight.name), check_order(order, sight), request.preflight)
    job_id = yield from take_no(ask_once(request.cluster_id, row.kind, partial(row.ask, order, sight)))
    errand = errand_of(say(order, sight.name), order.operation)
    watching = watch_job(
        request.cluster_id, job_id, errand, poll_ms=request.poll_ms, bound_ms=_bound_ms(order, sight, row)
    )
    yield from watching if not isinstance(order, Cease) else _until_gone(watching)
    yield from verify(partial(_differences, order, sight), errand)


def _settled(order: Order, sight: Sight) -> Order:
    """Say which nodes are the newest."""
    if not isinstance(order, DeleteNewest):
        return order
    sids = [node.sid for node in sight.of_role(order.role)]
    return DeleteNodes(order.role, tuple(sids[-order.count :]))


def _until_gone(watching: Flow[None]) -> Flow[None]:
    """Watch until the platform has forgotten cluster and job: whoever is ceased cannot be asked about any more."""
    try:
        yield from watching
    except RemoteError as error:
        if error.code not in ("cloud.refused", "operation.job-lost") or error.retry:
            raise


def _bound_ms(order: Order, sight: Sight, row: Row) -> int:
    """Return the sum of the services' timeouts, name by name and order by order, plus a margin."""
    times = 1
    if isinstance(order, Resize) and operations().resize_manner(order.role, sight.version) == "rolling":
        times = len(sight.of_role(order.role))
    names = (order.service,) if isinstance(order, CustomService) else row.services
    roles = [node.role for node in sight.nodes]
    if isinstance(order, AddNodes):
        roles.append(order.role)
    return service_bound_ms(sight.version, roles, names, times)


def _differences(order: Order, sight: Sight) -> Flow[str]:
    wrong = yield from afterwards.status_differs(order, sight)
    return wrong or (yield from ROWS[type(order)].differs(order, sight))


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of order: the effect that asks for it, the services it waits for, what may differ afterwards."""

    kind: type[ClusterChange]
    ask: Callable[[Any, Sight, tuple[str, ...]], ClusterChange]
    services: tuple[ServiceName, ...]
    differs: Callable[[Any, Sight], Flow[str]]


ROWS: Mapping[type[Order], Row] = {
    AddNodes: Row(AddClusterNodes, asking.add, ("init", "start", "scale_out"), afterwards.added_differ),
    DeleteNodes: Row(DeleteClusterNodes, asking.delete, ("scale_in", "stop", "destroy"), afterwards.deleted_differ),
    Resize: Row(ResizeCluster, asking.resize, ("stop", "start"), afterwards.sizes_differ),
    ChangeParameters: Row(UpdateClusterEnvironment, asking.update, ("restart", "start"), afterwards.values_differ),
    ChangeModules: Row(UpdateClusterEnvironment, asking.update, ("restart", "start"), afterwards.values_differ),
    ChangeEip: Row(UpdateClusterEnvironment, asking.update, ("restart", "start"), afterwards.values_differ),
    RestartRole: Row(RestartClusterService, asking.restart, ("stop", "restart", "start"), afterwards.nodes_differ),
    CustomService: Row(RunClusterCustomService, asking.custom, (), afterwards.nothing_differs),
    Start: Row(StartCluster, asking.whole(StartCluster), ("start",), afterwards.nodes_differ),
    Stop: Row(StopCluster, asking.whole(StopCluster), ("stop",), afterwards.nothing_differs),
    Delete: Row(DeleteCluster, asking.whole(DeleteCluster), ("stop", "destroy"), afterwards.nothing_differs),
    Recover: Row(RecoverCluster, asking.whole(RecoverCluster), ("start",), afterwards.nodes_differ),
    Cease: Row(CeaseCluster, asking.whole(CeaseCluster), (), afterwards.nothing_differs),
}
"""Every order but creating and upgrading, which have a workflow of their own."""

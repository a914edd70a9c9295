"""What a careful operator checks before asking the platform: findings by order, on what was just seen.

Most of it the platform would refuse too; here it is said before anything is asked, in words that help.
Rule: docs/rules/lifecycle.md, docs/rules/topology.md#scaling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qke_core.catalog import catalog, operations, parameters
from qke_core.lifecycle import ACTIVE, NOT_PERMITTED, TABLE, refusal
from qke_core.models.state import Phase
from qke_core.plan.change import (
    AddNodes,
    ChangeEip,
    ChangeModules,
    ChangeParameters,
    DeleteNodes,
    Resize,
    RestartRole,
)
from qke_core.rules import Finding
from qke_core.suggest import did_you_mean
from qke_core.workflows.sight import MODULES_KEY, CustomService, Order, Sight, say

LIFECYCLE = "docs/rules/lifecycle.md; yunify/qingcloud-docs, API: the page of each action"
DEFINITION = "QKE app repo, app/cluster.json.mustache"
FEW_WORKERS = 135
PHASES: tuple[Phase, ...] = ("active", "stopped", "suspended", "deleted", "ceased")


def check_order(order: Order, sight: Sight) -> tuple[Finding, ...]:
    """List what speaks against an order, status first; what cannot be looked at in this status is left out."""
    status = tuple(_status(order, sight))
    return status or (*_CHECKS.get(type(order), _nothing)(order, sight), *_nodes_ready(sight))


def _finding(code: str, sight: Sight, sentence: str, remedy: str, source: str, platform_code: int = 0) -> Finding:
    return Finding(code, "blocker", sight.name, sentence, remedy, platform_code, source)


def _status(order: Order, sight: Sight) -> Iterator[Finding]:
    cluster, doing = sight.cluster, say(order, sight.name)
    if cluster.transition_status:
        sentence = f"{sight.name} is {cluster.transition_status}; {doing} has to wait"
        yield _finding("operation.busy", sight, sentence, "wait until that has ended", LIFECYCLE, NOT_PERMITTED)
    elif cluster.status not in _starts_from(order):
        needed = " or ".join(_starts_from(order))
        sentence = f"{sight.name} is {cluster.status}; {doing} needs it {needed}"
        yield _finding(
            "operation.status", sight, sentence, "look at its status first", LIFECYCLE, _refusal(order, sight)
        )


def _starts_from(order: Order) -> tuple[Phase, ...]:
    return ACTIVE if isinstance(order, CustomService) else TABLE[order.operation].starts_from


def _refusal(order: Order, sight: Sight) -> int:
    if isinstance(order, CustomService):
        return NOT_PERMITTED
    for phase in PHASES:
        if phase == sight.cluster.status:
            return refusal(order.operation, phase)
    return refusal(order.operation, "absent")


def _nodes_ready(sight: Sight) -> Iterator[Finding]:
    if sight.unready:
        sentence = f"{', '.join(sight.unready)} of {sight.name} {'is' if len(sight.unready) == 1 else 'are'} not Ready"
        remedy = "see why first; what runs on it may be lost"
        yield Finding("operation.node-not-ready", "warning", sight.name, sentence, remedy, 0, LIFECYCLE)


def _nothing(order: Order, sight: Sight) -> Iterator[Finding]:
    _ = order, sight
    yield from ()


def _role(role: str, sight: Sight) -> Iterator[Finding]:
    """A role that the version has."""
    known = [name for name in catalog().roles if (sight.version, name) in catalog().shapes]
    if role not in known:
        sentence = f"QKE {sight.version} has no role {role!r}"
        yield _finding("role.unknown", sight, sentence, did_you_mean(role, known), f"{DEFINITION}, roles")


def _scalable(role: str, sight: Sight) -> Iterator[Finding]:
    """A role whose nodes may come and go (guide G-185)."""
    missing = list(_role(role, sight))
    yield from missing
    if not missing and not operations().allows("scale_horizontal", role, sight.version):
        sentence = f"Nodes of {role} can be neither added nor removed in QKE {sight.version}"
        yield _finding("topology.masters-fixed", sight, sentence, "choose a worker role", f"{DEFINITION}; guide G-185")


def _add(order: AddNodes, sight: Sight) -> Iterator[Finding]:
    yield from _scalable(order.role, sight)


def _delete(order: DeleteNodes, sight: Sight) -> Iterator[Finding]:
    yield from _scalable(order.role, sight)
    there = [node.sid for node in sight.of_role(order.role)]
    if not order.sids:
        sentence = f"{sight.name} has no {order.role} nodes to delete"
        yield _finding("operation.node-unknown", sight, sentence, "choose a role that has nodes", LIFECYCLE)
    for sid in order.sids:
        if sid not in there:
            sentence = f"{sight.name} has no {order.role}{sid}"
            remedy = f"it has {', '.join(f'{order.role}{known}' for known in there) or 'none of that role'}"
            yield _finding("operation.node-unknown", sight, sentence, remedy, LIFECYCLE)
    workers = [node for node in sight.nodes if catalog().roles[node.role].kind == "worker"]
    left = len([node for node in workers if node.role != order.role or node.sid not in order.sids])
    least = operations().scale_in(sight.version).min_workers
    if left < least and len(workers) > left:
        sentence = f"{sight.name} would have {left} workers; QKE {sight.version} refuses to go below {least}"
        source = "QKE app repo, scale_in pre_check, code 135; user guide, G-119"
        remedy = f"keep at least {least}"
        yield _finding("topology.workers-left", sight, sentence, remedy, source, FEW_WORKERS)


def _resize(order: Resize, sight: Sight) -> Iterator[Finding]:
    nodes = sight.of_role(order.role)
    if not nodes:
        sentence = f"{sight.name} has no {order.role} nodes to resize"
        yield _finding("operation.node-unknown", sight, sentence, "choose a role that has nodes", LIFECYCLE)
        return
    largest = max(node.volume_gib for node in nodes)
    if order.volume_gib and order.volume_gib < largest:
        sentence = f"{order.role} of {sight.name} has disks of {largest}GiB, which cannot become {order.volume_gib}GiB"
        source = "yunify/qingcloud-docs, ResizeCluster: storage can only grow"
        yield _finding("topology.disk-shrinks", sight, sentence, f"write {largest}GiB or more", source)
    if all(not resized(order, node.cpu, node.memory_mib, node.volume_gib) for node in nodes):
        sentence = f"{order.role} of {sight.name} has this size already"
        yield _finding("operation.nothing-changes", sight, sentence, "leave it out", LIFECYCLE)


def resized(order: Resize, cpu: int, memory_mib: int, volume_gib: int) -> bool:
    """Whether a node of this size still lacks what the order asks for."""
    wanted = (order.cpu or cpu, order.memory_mib or memory_mib, order.volume_gib or volume_gib)
    return wanted != (cpu, memory_mib, volume_gib)


def _restart(order: RestartRole, sight: Sight) -> Iterator[Finding]:
    if not sight.of_role(order.role):
        sentence = f"{sight.name} has no {order.role} nodes to restart"
        yield _finding("operation.node-unknown", sight, sentence, "choose a role that has nodes", LIFECYCLE)


def _parameters(order: ChangeParameters, sight: Sight) -> Iterator[Finding]:
    for key in order.values:
        yield from _parameter(key, sight)


def _parameter(key: str, sight: Sight) -> Iterator[Finding]:
    known = parameters().env(sight.version)
    if key not in known:
        sentence = f"QKE {sight.version} has no parameter {key!r}"
        yield _finding("parameter.unknown", sight, sentence, did_you_mean(key, known), "QKE app repo, app/config.json")
    elif not known[key].changeable:
        sentence = f"{key} cannot change after creation"
        yield _finding("parameter.unchangeable", sight, sentence, "create another cluster", known[key].source)


def _custom(order: CustomService, sight: Sight) -> Iterator[Finding]:
    found = next((name for name in operations().services if name == (order.role, order.service, sight.version)), None)
    if found is None:
        sentence = f"QKE {sight.version} has no service {order.service} for {order.role}"
        remedy = "docker_prune runs on masters and workers, renew_certs on masters, both from 2.0.0 on"
        yield _finding("operation.service-unknown", sight, sentence, remedy, DEFINITION)
    elif not sight.of_role(order.role):
        sentence = f"{sight.name} has no {order.role} nodes to run {order.service} on"
        yield _finding("operation.node-unknown", sight, sentence, "choose a role that has nodes", LIFECYCLE)


_CHECKS: Mapping[type[Order], Callable[[Any, Sight], Iterator[Finding]]] = {
    AddNodes: _add,
    DeleteNodes: _delete,
    Resize: _resize,
    RestartRole: _restart,
    ChangeParameters: _parameters,
    ChangeModules: lambda _, sight: _parameter(MODULES_KEY, sight),
    ChangeEip: lambda order, sight: _parameter(order.key, sight),
    CustomService: _custom,
}

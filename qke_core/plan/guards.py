"""What must be true before an operation starts: sentences that a person can check, and that an apply will."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qke_core.catalog import catalog
from qke_core.models.state import ClusterState
from qke_core.plan.change import (
    AddNodes,
    Cease,
    Change,
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

IDLE = "no other operation of the cluster is under way"


def guards_of(change: Change, before: ClusterState) -> tuple[str, ...]:
    """List what must hold before `change` starts on a cluster that is as `before` says."""
    phase, extra = _GUARDS[type(change)]
    first = (f"the cluster is {phase}", IDLE) if phase else ()
    return (*first, *extra(change, before))


Extra = Callable[[Any, ClusterState], Iterator[str]]


def _none(change: Change, before: ClusterState) -> Iterator[str]:
    _ = change, before
    yield from ()


def _create(change: Create, before: ClusterState) -> Iterator[str]:
    _ = before
    yield f"no cluster is called {change.wish.name}"
    if change.wish.vxnet:
        yield f"{change.wish.vxnet} is managed, has DHCP and has joined a VPC"
    yield "the API access key exists"


def _add(change: AddNodes, before: ClusterState) -> Iterator[str]:
    if before.version.startswith("1."):
        return
    yield f"master{before.nodes['master'][0]} can make a join token"
    _ = change


def _delete(change: DeleteNodes, before: ClusterState) -> Iterator[str]:
    _ = change
    yield "the other nodes have room for the pods that move"
    if not before.version.startswith("1."):
        yield "at least 2 workers are left (else code 135)"
    yield "no disruption budget forbids the drain"


def _resize(change: Resize, before: ClusterState) -> Iterator[str]:
    _ = before
    if not change.online:
        yield "the other nodes have room for the pods of a node that is away"


def _upgrade(change: Upgrade, before: ClusterState) -> Iterator[str]:
    facts = catalog()
    checks = {
        check.check
        for role in before.shape
        if (service := facts.upgrade_service(role, change.target)) is not None
        for check in service.pre_checks
    }
    if "disk" in checks:
        needed = facts.constant("disk_free_required_mb")
        yield f"{needed} MB are free on /data of every master and worker (else code 150)"
    if "nodes-ready" in checks:
        yield "every node is Ready (else code 151)"
    if "sshd-22" in checks:
        yield "sshd listens on port 22 of every node (else code 151)"
    if before.count("client"):
        yield "the client node runs"


def _eip(change: ChangeEip, before: ClusterState) -> Iterator[str]:
    _ = before
    if change.value and change.key == "kubesphere_eip":
        yield f"{change.value} is available"


_GUARDS: Mapping[type[Change], tuple[str, Extra]] = {
    Create: ("", _create),
    AddNodes: ("active", _add),
    DeleteNodes: ("active", _delete),
    Resize: ("active", _resize),
    ChangeParameters: ("active", _none),
    ChangeModules: ("active", _none),
    ChangeEip: ("active", _eip),
    Start: ("stopped", _none),
    Stop: ("active", _none),
    RestartRole: ("active", _none),
    Upgrade: ("active", _upgrade),
    Delete: ("active or stopped", _none),
    Recover: ("in the recycle bin, for less than 2 hours", _none),
    Cease: ("in the recycle bin", _none),
}

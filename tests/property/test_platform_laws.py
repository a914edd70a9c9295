"""Is the twin's platform the one that the planner predicts? After every operation, without faults, both say the same.

`apply` is what plans, quotas and money are made of; the twin does the work step by step. Neither knows of the other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from qke_core.catalog import Value, catalog, operations
from qke_core.inventory import resources_of
from qke_core.lifecycle import TABLE, allowed
from qke_core.models import ClusterState
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
    apply,
)
from qke_sim.testing.office import Office, wish

EXAMPLES = 12
WORKER = "node_super_perf"
"""Of the masters' host type, so that volumes of KubeSphere find a place."""

Asked = tuple[str, Mapping[str, Any]]


WHOLE: Mapping[type[Change], str] = {
    Start: "StartClusters",
    Stop: "StopClusters",
    Delete: "DeleteClusters",
    Recover: "RecoverClusters",
    Cease: "CeaseClusters",
}


def ask_for(change: Change, office: Office) -> Asked:
    """Return action and parameters of a change."""
    here = office.id
    match change:
        case AddNodes(role=role, count=count):
            return "AddClusterNodes", {"cluster": here, "node_role": role, "node_count": count}
        case DeleteNodes(role=role, sids=sids):
            nodes = office.node_ids(*(f"{role}{sid}" for sid in sids))
            return "DeleteClusterNodes", {"cluster": here, "nodes": nodes}
        case Resize(role=role, cpu=cpu, memory_mib=memory, volume_gib=disk):
            figures = {"cpu": cpu, "memory": memory, "storage_size": disk}
            return "ResizeCluster", {"cluster": here, "node_role": [role], **figures}
        case RestartRole(role=role):
            return "RestartClusterService", {"cluster": here, "role": role}
        case ChangeParameters(values=values):
            return _update(here, values)
        case ChangeModules(modules=modules):
            return _update(here, {"extra.modules": ",".join(modules)})
        case ChangeEip(key=key, value=value):
            return _update(here, {key: value})
        case Upgrade(target=target):
            version = catalog().version(target).app_version_id
            return "UpgradeClusters", {"clusters": [here], "app_version": version}
        case _:
            return WHOLE[type(change)], {"clusters": [here]}


def _update(here: str, values: Mapping[str, Value]) -> Asked:
    return "UpdateClusterEnvironment", {"cluster": here, "env": json.dumps(dict(values))}


def _resize(state: ClusterState, draw: Callable[..., Any]) -> Change:
    role = draw(st.sampled_from(["master", WORKER]))
    shape = state.shape[role]
    other = (8, 16384) if (shape.cpu, shape.memory_mib) == (4, 8192) else (4, 8192)
    sizes = draw(st.sampled_from([(*other, 0), (0, 0, shape.volume_gib + 100), (*other, shape.volume_gib + 10)]))
    return Resize(role, *sizes)


def _delete_nodes(state: ClusterState, draw: Callable[..., Any]) -> Change | None:
    sids = state.nodes[WORKER]
    spare = len(sids) - max(operations().scale_in(state.version).min_workers, 1)
    if spare < 1:
        return None
    return DeleteNodes(WORKER, tuple(sorted(draw(st.sets(st.sampled_from(sids), min_size=1, max_size=spare)))))


def _upgrade(state: ClusterState, draw: Callable[..., Any]) -> Change | None:
    _ = draw
    targets = [edge.target for edge in catalog().upgrades if edge.origin == state.version]
    return Upgrade(targets[0]) if targets else None


def _modules(state: ClusterState, draw: Callable[..., Any]) -> Change | None:
    if not operations().can(state.version, "modules"):
        return None
    return ChangeModules(draw(st.sampled_from([(), ("metrics-server",), ("metrics-server", "ks-devops")])))


ORDERS: Mapping[str, Callable[[ClusterState, Callable[..., Any]], Change | None]] = {
    "add-nodes": lambda _, draw: AddNodes(WORKER, draw(st.integers(1, 2))),
    "delete-nodes": _delete_nodes,
    "resize": _resize,
    "change-parameters": lambda _, draw: ChangeParameters(
        draw(
            st.sampled_from(
                [{"docker_bip": "172.31.0.1/16"}, {"kube_log_level": 4}, {"max_pods": 60, "kube_log_level": 1}]
            )
        )
    ),
    "change-modules": _modules,
    "start": lambda *_: Start(),
    "stop": lambda *_: Stop(),
    "restart": lambda _, draw: RestartRole(draw(st.sampled_from(["master", WORKER]))),
    "upgrade": _upgrade,
    "delete": lambda *_: Delete(),
    "recover": lambda *_: Recover(),
    "cease": lambda *_: Cease(),
}


def judge(office: Office, wanted: ClusterState) -> None:
    """See that the twin is what the planner says, and that exactly that is counted."""
    if wanted.phase == "ceased":
        assert office.twin.sites == {}
        return
    assert office.state == wanted
    assert {part.id: part for part in office.charged()} == {part.id: part for part in resources_of(wanted)}
    assert office.site.cluster.transition_status == ""


def shape_of(version: str, masters: int) -> dict[str, Any]:
    roles = {"master": {"count": masters}, WORKER: {"count": 3, "volume": "200GiB"}, "client": {"count": 1}}
    env = {} if version == "1.0.0" else {"install_kubesphere": False}
    return {"version": version, "roles": roles, "env": env}


def do(office: Office, change: Change) -> ClusterState:
    """Have a change made, which must succeed; judge what came of it, and return that."""
    before = office.state
    action, params = ask_for(change, office)
    job = office.ask(action, **params)
    assert (job.status, job.code) == ("successful", 0)
    wanted = apply(change, before)
    judge(office, wanted)
    return wanted


def test_every_operation_has_its_order_here() -> None:
    assert set(ORDERS) | {"create", "change-eip"} == set(TABLE)


@given(st.data(), st.sampled_from(catalog().order), st.sampled_from([1, 3]))
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_twin_does_what_the_planner_predicts(data: st.DataObject, version: str, masters: int) -> None:
    office = Office({"name": "shop", **shape_of(version, masters)})
    for _ in range(data.draw(st.integers(1, 4), label="operations")):
        before = office.state
        names = [name for name in ORDERS if allowed(name, before.phase)]
        change = ORDERS[data.draw(st.sampled_from(names), label="operation")](before, data.draw)
        if change is None:
            continue
        note(str(change))
        if do(office, change).phase == "ceased":
            return


EIPS = [{"id": f"eip-a1b2c3d{n}", "address": f"139.198.0.{n}", "bandwidth": 5} for n in (1, 2)]
VPC = {"id": "rtr-00000001", "network": "192.168.0.0/16", "vxnets": [{"id": "vxnet-in", "network": "192.168.1.0/24"}]}


@pytest.mark.parametrize("version", catalog().order)
def test_with_kubesphere_its_volumes_and_the_consoles_balancer_come_and_go_as_predicted(version: str) -> None:
    shape = {**shape_of(version, 3), "env": {}, "vxnet": "vxnet-in"}
    office = Office({"name": "shop", **shape}, eips=EIPS, vpcs=[VPC])
    do(office, ChangeEip("kubesphere_eip", "eip-a1b2c3d1"))
    do(office, ChangeEip("kubesphere_eip", "eip-a1b2c3d2"))
    if operations().can(version, "modules"):
        do(office, ChangeModules(("metrics-server", "ks-devops")))
    do(office, Stop())
    do(office, Start())
    do(office, ChangeEip("kubesphere_eip", ""))


@pytest.mark.parametrize("masters", [1, 3])
@pytest.mark.parametrize("version", catalog().order)
def test_a_creation_ends_as_the_planner_predicts(version: str, masters: int) -> None:
    office = Office()
    wished = wish(**shape_of(version, masters))
    assert office.deploy(wished).status == "successful"
    judge(office, replace(apply(Create(wished), wished), vxnet=office.site.cluster.vxnet))

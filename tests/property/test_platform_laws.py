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
from qke_core.units import MS_PER_MIN
from qke_sim.cloud import Trouble
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


TROUBLES = ("job.fails", "instance.boot-fails", "volume.attach-fails", "zone.short")


@given(st.data(), st.sampled_from(catalog().order))
@settings(max_examples=EXAMPLES, deadline=None)
def test_whatever_goes_wrong_jobs_end_and_the_cluster_can_be_thrown_away_whole(
    data: st.DataObject, version: str
) -> None:
    """A crash and troubles while operations go on; then the owner throws it away: no machine and no disk is left."""
    office = Office({"name": "shop", **shape_of(version, data.draw(st.sampled_from([1, 3])))})
    for place in range(data.draw(st.integers(1, 3), label="operations")):
        if not office.twin.sites:
            break
        before = office.state
        names = [name for name in ORDERS if allowed(name, before.phase)]
        change = ORDERS[data.draw(st.sampled_from(names), label="operation")](before, data.draw)
        if change is None:
            continue
        note(str(change))
        _trouble(office, data, place)
        action, params = ask_for(change, office)
        office.ask(action, **params)
        assert all(job.finished for job in office.twin.cloud.jobs.values())
        assert all(not site.cluster.transition_status for site in office.twin.sites.values())
    _throw_away(office)
    assert office.twin.sites == {}
    assert [part for part in office.charged() if part.kind in ("instance", "system_disk", "cluster")] == []
    assert [part.id for part in [*office.charged(), *office.charged("")] if part.id.endswith("/data")] == []


def _trouble(office: Office, data: st.DataObject, place: int) -> None:
    """Let a host crash a little later, and let something fail once or twice."""
    aliases = [alias for alias in office.site.hosts if office.site.hosts[alias].up]
    if aliases and data.draw(st.booleans(), label="crash"):
        alias, delay = data.draw(st.sampled_from(aliases)), data.draw(st.integers(1, 300_000))

        def crash() -> None:
            if office.twin.sites and alias in office.site.hosts:
                office.site.crash(alias, 0)

        office.kernel.later(delay, crash)
    for kind in data.draw(st.lists(st.sampled_from(TROUBLES), max_size=2), label="troubles"):
        found = Trouble(f"t{place}{kind}", kind, "*", data.draw(st.integers(1, 2)))
        office.twin.cloud.trouble.active.append(found)


def _throw_away(office: Office) -> None:
    """The owner restarts what does not answer: some versions do not let a node's own farewell be left out."""
    office.twin.cloud.trouble.active.clear()
    for _ in range(3):
        if not office.twin.sites:
            return
        dead = [host.node for host in office.site.hosts.values() if host.node.status == "active" and not host.up]
        for node in dead:
            office.tell("RestartInstances", instances=[node.instance_id])
        office.wait(10 * MS_PER_MIN)
        deleted = office.site.cluster.status == "deleted"
        office.ask("CeaseClusters" if deleted else "DeleteClusters", clusters=[office.id], force=1)

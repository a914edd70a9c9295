"""Adding and deleting nodes: checks, order of steps, what a failure undoes, names and numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qke_core.catalog import catalog
from qke_sim.cloud import ClusterNode, Trouble
from qke_sim.cloud.instance import Instance
from qke_sim.cloud.volume import Volume
from qke_sim.testing.office import Office

BARE = {"install_kubesphere": False}


def office_of(version: str = "3.3.0", workers: int = 3, **parts: Any) -> Office:
    roles = {"master": {"count": 1}, "node_perf": {"count": workers}, "client": {"count": 1}}
    env = {} if version == "1.0.0" else BARE
    return Office({"name": "shop", "version": version, "roles": roles, "env": env}, **parts)


def steps(office: Office) -> list[str]:
    """Say which services ran where, in order, without repetition."""
    rows = [f"{r.data['service']} {r.subject.partition('/')[2]}" for r in office.find("service.started")]
    return list(dict.fromkeys(rows))


# --- Adding


@pytest.mark.guide("G-009")
@pytest.mark.guide("G-116")
@pytest.mark.guide("G-117")
@pytest.mark.parametrize("version", catalog().order)
def test_nodes_are_added_and_the_cluster_is_active(version: str) -> None:
    """G-009, G-116, G-117: one call; afterwards the service is active, and Kubernetes has the node."""
    office = office_of(version)
    job = office.ask("AddClusterNodes", cluster=office.id, node_role="node_perf", node_count=2)
    assert (job.status, job.code) == ("successful", 0)
    assert office.state.nodes["node_perf"] == (1, 2, 3, 4, 5)
    cluster = office.site.cluster
    assert (cluster.status, cluster.transition_status) == ("active", "")
    assert {node.status for node in cluster.nodes} == {"active"}
    assert office.site.kube.nodes["node_perf5"].ready
    assert len({node.private_ip for node in cluster.nodes}) == 7


def test_the_master_prepares_and_cleans_up_around_the_new_nodes() -> None:
    office = office_of()
    office.ask("AddClusterNodes", cluster=office.id, node_role="node_perf", node_count=1)
    assert steps(office) == ["scale_out_check master1", "start node_perf4", "init node_perf4", "scale_out master1"]
    (told, over) = office.find("metadata.changed")
    assert told.data["what"] == "node_perf4 come"
    assert over.t >= told.t
    assert office.site.metadata.adding == ()


def test_up_to_1_0_1_nothing_runs_on_the_master_and_init_comes_first() -> None:
    office = office_of("1.0.1")
    office.ask("AddClusterNodes", cluster=office.id, node_role="node_perf", node_count=1)
    assert steps(office) == ["init node_perf4", "start node_perf4"]


def test_new_nodes_get_the_numbers_after_the_highest_and_ids_of_their_own() -> None:
    office = office_of()
    first = office.node_ids("node_perf3")
    office.ask("DeleteClusterNodes", cluster=office.id, nodes=first)
    office.ask("AddClusterNodes", cluster=office.id, node_role="node_perf", node_count=1)
    assert office.state.nodes["node_perf"] == (1, 2, 3)
    assert office.node_ids("node_perf3") != first


@pytest.mark.guide("G-183")
def test_workers_come_to_a_single_node_cluster_and_masters_never() -> None:
    """G-183."""
    office = office_of(workers=0)
    size = {"cpu": 4, "memory": 8192, "volume_size": 100, "instance_class": 101}
    params = {"cluster": office.id, "node_role": "node_perf", "node_count": 2}
    office.ask("AddClusterNodes", **params, resource_conf=json.dumps({"node_perf": size}))
    shape = office.state.shape["node_perf"]
    assert (shape.count, shape.cpu, shape.memory_mib, shape.volume_gib) == (2, 4, 8192, 100)
    assert office.refused("AddClusterNodes", cluster=office.id, node_role="master", node_count=2)[0] == 1400


def test_a_client_can_come_later_and_go() -> None:
    office = Office({"name": "shop", "version": "3.3.0", "env": BARE, "roles": {"client": {"count": 0}}})
    office.ask("AddClusterNodes", cluster=office.id, node_role="client", node_count=1)
    assert office.state.nodes["client"] == (1,)
    job = office.ask("DeleteClusterNodes", cluster=office.id, nodes=office.node_ids("client1"))
    assert (job.status, office.state.nodes["client"]) == ("successful", ())


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"node_role": "node_gold", "node_count": 1}, 1100),
        ({"node_role": "", "node_count": 1}, 1100),
        ({"node_role": "node_perf", "node_count": 0}, 1100),
        ({"node_role": "node_perf", "node_count": "two"}, 1100),
        ({"node_role": "node_perf"}, 1100),
        ({"node_role": "node_perf", "node_count": 98}, 1400),
        ({"node_role": "client", "node_count": 1}, 1400),
        ({"node_role": "master", "node_count": 2}, 1400),
        ({"node_role": "node_super_perf", "node_count": 1, "resource_conf": "{"}, 1100),
        ({"node_role": "node_super_perf", "node_count": 1, "resource_conf": '{"cpu": 5}'}, 1100),
        ({"node_role": "node_perf", "node_count": 10}, 2500),
    ],
)
def test_what_cannot_be_added_is_refused(params: dict[str, Any], code: int) -> None:
    office = office_of(quotas={"limits": {"cpu": 100}})
    assert office.refused("AddClusterNodes", cluster=office.id, **params)[0] == code


def test_only_one_thing_goes_on_at_a_time() -> None:
    office = office_of()
    office.tell("AddClusterNodes", cluster=office.id, node_role="node_perf", node_count=1)
    code, message = office.refused("StopClusters", clusters=[office.id])
    assert (code, "updating" in message) == (1400, True)


def test_nodes_whose_machines_cannot_be_made_are_gone_again() -> None:
    office = office_of()
    before = office.charged(), office.state
    office.twin.cloud.trouble.active.append(Trouble("t", "zone.short", "shop/node_perf5", 1))
    job = office.ask("AddClusterNodes", cluster=office.id, node_role="node_perf", node_count=2)
    assert (job.status, job.code) == ("failed", 5200)
    assert (office.charged(), office.state) == before
    assert list(office.site.hosts) == ["master1", "node_perf1", "node_perf2", "node_perf3", "client1"]


def test_nodes_that_cannot_join_are_gone_again() -> None:
    """Without an API server the master makes no token."""
    office = office_of()
    before = office.charged()
    office.site.plane.set_process("master1", up=False, cause=0)
    job = office.ask("AddClusterNodes", cluster=office.id, node_role="node_perf", node_count=1)
    assert job.status == "failed"
    assert office.charged() == before
    assert office.state.nodes["node_perf"] == (1, 2, 3)
    assert office.site.metadata.adding == ()


# --- Deleting


@pytest.mark.guide("G-009")
@pytest.mark.guide("G-119")
@pytest.mark.parametrize("version", catalog().order)
def test_nodes_are_deleted_with_all_they_had(version: str) -> None:
    """G-009, G-119."""
    office = office_of(version)
    (node_id,) = office.node_ids("node_perf2")
    node = office.twin.cloud.store.get(ClusterNode, node_id)
    job = office.ask("DeleteClusterNodes", cluster=office.id, nodes=[node_id])
    assert (job.status, job.code) == ("successful", 0)
    assert office.state.nodes["node_perf"] == (1, 3)
    assert "node_perf2" not in office.site.kube.nodes
    assert node.status == "ceased"
    assert office.twin.cloud.store.get(Instance, node.instance_id).status == "ceased"
    assert office.twin.cloud.store.get(Volume, node.volume_id).status == "ceased"
    assert not [part for part in office.charged() if "node_perf2" in part.id]


@pytest.mark.parametrize(
    ("version", "rows"),
    [
        ("1.0.1", ["scale_in master1", "stop node_perf2"]),
        ("3.3.0", ["scale_in_check master1", "scale_in master1", "stop node_perf2", "destroy node_perf2"]),
    ],
)
def test_leaving_nodes_stop_after_the_masters_took_leave(version: str, rows: list[str]) -> None:
    office = office_of(version)
    office.ask("DeleteClusterNodes", cluster=office.id, nodes=office.node_ids("node_perf2"))
    assert steps(office) == rows


def test_below_two_workers_nothing_goes_and_the_code_is_135() -> None:
    office = office_of()
    before = office.charged(), office.state
    job = office.ask("DeleteClusterNodes", cluster=office.id, nodes=office.node_ids("node_perf1", "node_perf2"))
    assert (job.status, job.code) == ("failed", 135)
    assert (office.charged(), office.state) == before
    assert office.site.metadata.deleting == ()
    assert office.site.cluster.transition_status == ""


def test_up_to_1_0_1_nobody_counts_the_workers() -> None:
    office = office_of("1.0.1")
    job = office.ask("DeleteClusterNodes", cluster=office.id, nodes=office.node_ids("node_perf1", "node_perf2"))
    assert (job.status, office.state.nodes["node_perf"]) == ("successful", (3,))


@pytest.mark.guide("G-185")
def test_masters_do_not_go() -> None:
    """G-185."""
    office = office_of()
    code, message = office.refused("DeleteClusterNodes", cluster=office.id, nodes=office.node_ids("master1"))
    assert (code, "master" in message) == (1400, True)


def test_unknown_and_forgotten_node_ids_are_refused() -> None:
    office = office_of()
    gone = office.node_ids("node_perf3")
    office.ask("DeleteClusterNodes", cluster=office.id, nodes=gone)
    for nodes, code in ((["cln-00000000"], 2100), (gone, 2100), ([], 1100)):
        assert office.refused("DeleteClusterNodes", cluster=office.id, nodes=nodes)[0] == code


def test_a_node_that_is_off_goes_without_a_word_of_its_own() -> None:
    office = office_of()
    node = next(node for node in office.site.cluster.nodes if node.alias == "node_perf3")
    office.tell("StopInstances", instances=[node.instance_id])
    office.wait(120_000)
    assert node.status == "stopped"
    job = office.ask("DeleteClusterNodes", cluster=office.id, nodes=[node.id])
    assert job.status == "successful"
    assert not any("node_perf3" in row for row in steps(office))

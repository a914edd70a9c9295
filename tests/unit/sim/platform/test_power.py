"""Starting, stopping and restarting; and resizing, which stops and starts nodes one by one or all at once."""

from __future__ import annotations

from typing import Any

import pytest

from qke_core.catalog import catalog
from qke_sim.cloud.instance import Instance
from qke_sim.testing.office import Office

BARE = {"install_kubesphere": False}
VERSIONS = catalog().order


def office_of(version: str = "3.3.0", masters: int = 1, **parts: Any) -> Office:
    roles = {"master": {"count": masters}, "node_perf": {"count": 2}, "client": {"count": 1}}
    env = {} if version == "1.0.0" else BARE
    return Office({"name": "shop", "version": version, "roles": roles, "env": env, **parts})


def rows(office: Office) -> list[str]:
    """Say which services started, by name, order and role."""
    found = [
        f"{r.data['service']} {r.data['order']} {r.subject.partition('/')[2].rstrip('0123456789')}"
        for r in office.find("service.started")
    ]
    return list(dict.fromkeys(found))


# --- Stop and start


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cluster_stops_and_starts_again(version: str) -> None:
    office = office_of(version)
    assert office.ask("StopClusters", clusters=[office.id]).status == "successful"
    cluster = office.site.cluster
    assert (cluster.status, cluster.transition_status) == ("stopped", "")
    assert {node.status for node in cluster.nodes} == {"stopped"}
    assert not any(host.up for host in office.site.hosts.values())
    assert not any(part.running for part in office.charged() if part.kind == "instance")
    assert office.ask("StartClusters", clusters=[office.id]).status == "successful"
    assert cluster.status == "active"
    assert {node.status for node in cluster.nodes} == {"active"}
    assert office.site.plane.available
    assert all(node.ready for node in office.site.kube.nodes.values())


@pytest.mark.parametrize(
    ("version", "order"),
    [
        ("1.0.1", ["start 1 master", "start 2 node_perf", "start 3 client"]),
        ("2.0.0", ["start 1 master", "start 1 node_perf", "start 2 client"]),
        ("3.3.0", ["start 1 master", "start 1 node_perf", "start 2 client"]),
    ],
)
def test_nodes_start_in_the_order_of_the_version_and_are_not_initialised_again(version: str, order: list[str]) -> None:
    office = office_of(version, status="stopped")
    office.ask("StartClusters", clusters=[office.id])
    assert rows(office) == order


def test_masters_and_workers_stop_together_and_the_client_has_nothing_to_stop() -> None:
    office = office_of()
    office.ask("StopClusters", clusters=[office.id])
    started = office.find("service.started")
    assert {r.subject for r in started} == {"shop/master1", "shop/node_perf1", "shop/node_perf2"}
    assert len({r.t for r in started}) == 1
    machines = [r for r in office.find("cloud.called") if r.data["action"] == "StopInstances"]
    assert min(r.t for r in machines) == max(r.t for r in office.find("service.ended"))
    assert len(machines) == 4


def test_a_service_that_does_not_stop_holds_the_machines_up_unless_it_is_forced() -> None:
    office = office_of()
    office.site.crash("node_perf2", 0)
    job = office.ask("StopClusters", clusters=[office.id])
    assert (job.status, job.code, office.site.cluster.status) == ("failed", 124, "active")
    job = office.ask("StopClusters", clusters=[office.id], force=1)
    assert (job.status, office.site.cluster.status) == ("successful", "stopped")


def test_several_clusters_are_taken_all_or_none() -> None:
    two = [{"name": name, "version": "3.3.0", "env": BARE} for name in ("shop", "bank")]
    office = Office(*two)
    both = [site.cluster.id for site in office.twin.sites.values()]
    office.ask("StopClusters", clusters=both)
    assert {site.cluster.status for site in office.twin.sites.values()} == {"stopped"}
    office.ask("StartClusters", clusters=both[:1])
    assert office.refused("StartClusters", clusters=both)[0] == 1400


def test_the_power_of_an_instance_is_the_power_of_its_node() -> None:
    office = office_of()
    node = next(node for node in office.site.cluster.nodes if node.alias == "node_perf2")
    office.tell("StopInstances", instances=[node.instance_id])
    office.wait(120_000)
    assert (node.status, office.site.hosts["node_perf2"].up) == ("stopped", False)
    office.tell("StartInstances", instances=[node.instance_id])
    office.wait(300_000)
    assert (node.status, office.site.hosts["node_perf2"].up) == ("active", True)


# --- Restart


@pytest.mark.parametrize("version", VERSIONS)
def test_a_role_restarts_all_its_nodes_at_once(version: str) -> None:
    """Up to 1.0.1 there is no service for it: the platform stops and starts (assumed)."""
    office = office_of(version)
    job = office.ask("RestartClusterService", cluster=office.id, role="node_perf")
    assert (job.status, office.site.cluster.status) == ("successful", "active")
    found = office.find("service.started")
    assert {r.subject for r in found} == {"shop/node_perf1", "shop/node_perf2"}
    names = ["stop", "start"] if version.startswith("1.") else ["restart"]
    assert list(dict.fromkeys(r.data["service"] for r in found)) == names
    assert len({r.t for r in found}) == len(names)
    assert not [r for r in office.find("cloud.called") if r.data["action"] == "StopInstances"]


def test_a_role_without_nodes_or_without_a_name_does_not_restart() -> None:
    office = office_of()
    for role, code in (("node_gpu", 1400), ("gold", 1100), ("", 1100)):
        assert office.refused("RestartClusterService", cluster=office.id, role=role)[0] == code


# --- Resize


def resized(office: Office, role: str = "node_perf", **figures: int) -> Any:
    return office.ask("ResizeCluster", cluster=office.id, node_role=role, **figures)


@pytest.mark.guide("G-125")
@pytest.mark.guide("G-126")
@pytest.mark.parametrize("version", VERSIONS)
def test_nodes_of_a_role_get_another_size(version: str) -> None:
    """G-125, G-126: up or down, per role; the node is away meanwhile."""
    office = office_of(version)
    assert resized(office, cpu=8, memory=24576).status == "successful"
    assert resized(office, cpu=4, memory=8192).status == "successful"
    shape = office.state.shape["node_perf"]
    assert (shape.cpu, shape.memory_mib) == (4, 8192)
    instances = [part for part in office.charged() if part.id.startswith("shop/node_perf") and part.kind == "instance"]
    assert {(part.cpu, part.memory_mib) for part in instances} == {(4, 8192)}
    assert [r.subject for r in office.find("host.stopped")].count("shop/node_perf1") == 2
    assert all(node.ready for node in office.site.kube.nodes.values())


def test_kubernetes_learns_the_new_size_when_the_node_comes_back() -> None:
    office = office_of()
    before = office.site.kube.nodes["node_perf1"].allocatable.cpu_m
    resized(office, cpu=16, memory=32768)
    assert office.site.kube.nodes["node_perf1"].allocatable.cpu_m > before


@pytest.mark.parametrize(("version", "together"), [("1.0.1", 2), ("2.0.0", 1), ("3.3.0", 1)])
def test_workers_are_resized_one_after_another_from_2_0_0_on_and_all_at_once_before(
    version: str, together: int
) -> None:
    office = office_of(version)
    resized(office, cpu=8, memory=24576)
    away, most = set[str](), 0
    for record in office.records:
        if record.kind == "host.stopped":
            away.add(record.subject)
        if record.kind == "host.booted":
            away.discard(record.subject)
        most = max(most, len(away))
    assert most == together


def test_masters_are_resized_one_after_another_and_the_api_goes_on() -> None:
    office = office_of(masters=3)
    assert resized(office, "master", cpu=16, memory=32768).status == "successful"
    assert not office.find("api.unavailable")
    assert len(office.find("node.resized")) == 3


def test_disks_alone_grow_while_everything_runs() -> None:
    office = office_of()
    free = office.site.hosts["node_perf1"].data_free_mib
    assert resized(office, storage_size=500).status == "successful"
    assert not office.find("service.started")
    assert not office.find("host.stopped")
    volumes = [part for part in office.charged() if part.id.endswith("/data") and "node_perf" in part.id]
    assert {part.size_gib for part in volumes} == {500}
    calls = [r.t for r in office.find("cloud.called") if r.data["action"] == "ResizeVolumes"]
    assert (len(calls), len(set(calls))) == (2, 1)
    old = 80
    assert office.site.hosts["node_perf1"].data_free_mib == free + (500 - old) * 1024


@pytest.mark.parametrize(
    ("role", "figures", "code"),
    [
        ("node_perf", {}, 1100),
        ("node_perf", {"cpu": 5}, 1100),
        ("node_perf", {"cpu": "fast"}, 1100),
        ("node_perf", {"memory": 1000}, 1100),
        ("node_perf", {"storage_size": 85}, 1100),
        ("node_perf", {"storage_size": 2010}, 1100),
        ("node_perf", {"storage_size": 70}, 1400),
        ("node_perf", {"cpu": 8, "instance_class": 202}, 1400),
        ("client", {"storage_size": 100}, 1400),
        ("node_gpu", {"cpu": 8}, 1400),
        ("gold", {"cpu": 8}, 1100),
        ("master", {"cpu": 64}, 2500),
    ],
)
def test_what_cannot_be_resized_is_refused(role: str, figures: dict[str, Any], code: int) -> None:
    roles = {"master": {"count": 3}, "node_perf": {"count": 2}, "client": {"count": 1}}
    wanted = {"name": "shop", "version": "3.3.0", "roles": roles, "env": BARE}
    office = Office(wanted, quotas={"limits": {"cpu": 60}})
    assert office.refused("ResizeCluster", cluster=office.id, node_role=role, **figures)[0] == code


def test_a_resize_that_fails_half_way_leaves_the_others_as_they_were() -> None:
    office = office_of()
    second = next(node for node in office.site.cluster.nodes if node.alias == "node_perf2")
    office.site.crash("node_perf2", 0)
    job = resized(office, cpu=16, memory=32768)
    assert (job.status, job.code) == ("failed", 124)
    first = office.twin.cloud.store.get(Instance, office.site.hosts["node_perf1"].node.instance_id)
    assert (first.cpu, second.shape.cpu) == (16, 8)
    assert office.site.metadata.vertical_roles == ()

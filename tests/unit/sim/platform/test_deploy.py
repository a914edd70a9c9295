"""Creating a cluster: what the platform accepts, the order in which it begins nodes, and what a failure leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from qke_core.catalog import catalog
from qke_core.inventory import resources_of
from qke_core.plan.change import Create, apply
from qke_core.workflows.create import conf_of
from qke_sim.cloud import Cluster, Trouble
from qke_sim.testing.office import Office, wish

VERSIONS = catalog().order
SMALL: dict[str, Any] = {"master": {"count": 1}, "node_perf": {"count": 2}, "client": {"count": 1}}
BARE = {"install_kubesphere": False}


FULL: dict[str, Any] = {"master": {"count": 1}, "node_super_perf": {"count": 2}, "client": {"count": 1}}
"""Workers of the masters' host type: only they can carry the volumes of a full install."""


def small(version: str = "3.3.0", **parts: object) -> Any:
    shape = {"roles": FULL} if version == "1.0.0" else {"roles": SMALL, "env": BARE}
    return wish(version=version, **{**shape, **parts})


def refusal(office: Office, **changes: object) -> tuple[int, str]:
    """Ask for a small cluster whose `conf` is changed, path by path, and see it refused."""
    conf = json.loads(conf_of(small()))
    for path, value in changes.items():
        place, *names = conf, *path.split("__")
        for name in names[:-1]:
            place = place[name.replace("_DOT_", ".")]
        place[names[-1]] = value
    return office.refused(
        "DeployAppVersion", version_id=catalog().version("3.3.0").app_version_id, conf=json.dumps(conf)
    )


# --- It works


@pytest.mark.guide("G-083")
@pytest.mark.guide("G-084")
@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_can_be_created_and_ends_as_planned(version: str) -> None:
    """G-083, G-084: all nodes normal, the cluster active; every machine was made, and nothing else."""
    office, wished = Office(), small(version)
    job = office.deploy(wished)
    assert (job.status, job.code) == ("successful", 0)
    cluster = office.site.cluster
    assert (cluster.status, cluster.transition_status) == ("active", "")
    assert {node.status for node in cluster.nodes} == {"active"}
    assert all(host.up and all(host.services.values()) for host in office.site.hosts.values())
    assert office.state == replace(apply(Create(wished), office.state), vxnet=cluster.vxnet)
    ours = {part.id: part for part in resources_of(office.state)}
    assert {part.id: part for part in office.charged()} == ours


def test_a_cluster_can_be_seen_and_is_pending_from_the_first_moment() -> None:
    office = Office()
    answer = office.tell("DeployAppVersion", version_id="appv-qke330v1", conf=conf_of(small()))
    (shown,) = office.tell("DescribeClusters", clusters=[answer["cluster_id"]])["cluster_set"]
    assert (shown["status"], shown["transition_status"], shown["node_count"]) == ("pending", "creating", 4)
    nodes = office.tell("DescribeClusterNodes", cluster=answer["cluster_id"])["node_set"]
    assert [node["node_id"] for node in nodes] == answer["node_ids"]
    assert {node["status"] for node in nodes} == {"pending"}
    (job,) = office.tell("DescribeClusterJobs", cluster=answer["cluster_id"])["job_set"]
    assert (job["job_id"], job["job_action"], job["status"]) == (answer["job_id"], "DeployAppVersion", "working")
    assert office.site.cluster.id == answer["cluster_id"]


@pytest.mark.parametrize(
    ("version", "rows"),
    [
        ("1.0.1", ["init 1 client", "init 2 master", "start 1 master", "start 2 node", "start 3 client"]),
        ("3.3.0", ["start 1 master", "start 2 client", "init 1 master", "init 2 client"]),
    ],
)
def test_services_run_in_the_order_of_the_version(version: str, rows: list[str]) -> None:
    """Lifecycle 2: up to 1.0.1 init precedes start; from 2.0.0 on start precedes init, masters and workers together."""
    office = Office()
    office.deploy(small(version))
    seen: list[str] = []
    for record in office.find("service.started"):
        role = record.subject.partition("/")[2].rstrip("0123456789").partition("_")[0]
        row = f"{record.data['service']} {record.data['order']} {role}"
        if row in rows and row not in seen:
            seen.append(row)
    assert seen == rows


def test_an_order_waits_until_all_of_the_one_before_have_ended() -> None:
    office = Office()
    office.deploy(small())
    for service in ("start", "init"):
        started = [r for r in office.find("service.started") if r.data["service"] == service]
        ended = [r for r in office.find("service.ended") if r.data["service"] == service]
        first = [r.t for r in ended if r.subject != "shop/client1"]
        (client,) = (r for r in started if r.subject == "shop/client1")
        assert client.t == max(first)


def test_machines_are_made_side_by_side_and_by_the_platform() -> None:
    office = Office()
    office.deploy(small())
    calls = [r for r in office.find("cloud.called") if r.data["action"] == "RunInstances"]
    assert len(calls) == 4
    assert {str(r.data["by"]) for r in calls} == {"platform"}
    assert len({r.t for r in calls}) == 1


def test_ids_of_a_cluster_are_the_same_in_every_run_and_for_every_luck() -> None:
    def ids(seed: int) -> list[tuple[str, str, str]]:
        office = Office(seed=seed)
        office.deploy(small())
        return [(node.id, node.instance_id, node.volume_id) for node in office.site.cluster.nodes]

    assert ids(1) == ids(2)


def test_a_name_can_be_had_again_after_its_cluster_is_ceased() -> None:
    office = Office()
    office.deploy(small())
    first = office.id
    office.ask("DeleteClusters", clusters=[first], direct_cease=1)
    assert office.twin.sites == {}
    job = office.deploy(small())
    assert job.status == "successful"
    assert office.id != first
    assert len({cluster.id for cluster in office.twin.cloud.store.all(Cluster)}) == 2


# --- What is refused


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cluster__master__count": 2}, "master.count"),
        ({"cluster__client__count": 2}, "client.count"),
        ({"cluster__node_perf__count": 101}, "node_perf.count"),
        ({"cluster__node_perf__cpu": 5}, "node_perf.cpu"),
        ({"cluster__node_perf__memory": 1234}, "node_perf.memory"),
        ({"cluster__node_perf__volume_size": 41}, "node_perf.volume"),
        ({"cluster__node_perf__cpu": "many"}, "node_perf.cpu"),
        ({"cluster__master__instance_class": 7}, "master.instance_class"),
        ({"cluster__name": ""}, "name"),
        ({"cluster__node_perf": [1]}, "node_perf"),
        ({"env__kube_log_level": 11}, "kube_log_level"),
        ({"env__network_plugin": "weave"}, "network_plugin"),
        ({"env__install_kubesphere": "yes"}, "install_kubesphere"),
        ({"env__colour": "blue"}, "colour"),
        ({"env__kube_audit_file": "/a"}, "kube_audit_file"),
        ({"env": 3}, "env"),
    ],
)
def test_a_bad_field_is_refused_with_1100_and_named(changes: dict[str, object], field: str) -> None:
    code, message = refusal(Office(), **changes)
    assert code == 1100
    assert field in message


def test_conf_must_be_an_object_in_json() -> None:
    office = Office()
    for conf in ("", "{", "[]", "3", "[" * 100_000):
        assert office.refused("DeployAppVersion", version_id="appv-qke330v1", conf=conf)[0] == 1100


def test_an_unknown_app_version_is_refused_with_2100() -> None:
    code, message = Office().refused("DeployAppVersion", version_id="appv-00000000", conf=conf_of(small()))
    assert code == 2100
    assert "appv-00000000" in message


def test_a_name_that_is_taken_is_refused() -> None:
    office = Office({"name": "shop", "version": "3.3.0", "roles": SMALL, "env": BARE})
    code, message = office.refused("DeployAppVersion", version_id="appv-qke330v1", conf=conf_of(small()))
    assert (code, "already existed" in message) == (2110, True)


VPC = {"id": "rtr-00000001", "network": "192.168.0.0/16", "vxnets": [{"id": "vxnet-in", "network": "192.168.1.0/24"}]}


@pytest.mark.guide("G-024")
@pytest.mark.guide("G-041")
def test_a_vxnet_must_exist_and_belong_to_a_vpc() -> None:
    """G-024, G-041, where the World tells of its networks."""
    office = Office(vpcs=[VPC])
    assert refusal(office, cluster__vxnet="vxnet-other")[0] == 2100
    assert refusal(office, cluster__vxnet="")[0] == 1100
    assert refusal(office, cluster__vxnet="vxnet-0")[0] == 1400
    job = office.deploy(small(vxnet="vxnet-in"))
    assert job.status == "successful"
    assert all(node.private_ip.startswith("192.168.1.") for node in office.site.cluster.nodes)


def test_an_eip_and_a_linked_service_must_exist() -> None:
    office = Office(eips=[], linked=[{"id": "cl-e1f2g3h4", "app": "etcd", "vxnet": "vxnet-a"}])
    assert refusal(office, env__kubesphere_eip="eip-a1b2c3d4")[0] == 2100
    assert refusal(office, cluster__elk_service="cl-nothere1")[0] == 2100
    assert office.deploy(small(links={"etcd": "cl-e1f2g3h4"})).status == "successful"
    assert office.site.cluster.links == {"etcd_service": "cl-e1f2g3h4"}


# --- Quota, capacity, money


@pytest.mark.guide("G-028")
def test_the_quota_that_the_app_declares_must_be_left_beside_the_nodes() -> None:
    """G-028: 14 volumes and 230 GB. A node's disk each: three volumes here."""
    for limits in ({"volume": 16}, {"volume_size_gb": 469}, {"loadbalancer": 1}, {"security_group": 1}):
        code, message = refusal(Office(quotas={"limits": limits}))
        assert (code, next(iter(limits)) in message) == (2500, True)
    enough = {"volume": 17, "volume_size_gb": 470, "loadbalancer": 2, "security_group": 2}
    assert Office(quotas={"limits": enough}).deploy(small()).status == "successful"


def test_what_runs_short_in_the_middle_undoes_everything() -> None:
    office = Office()
    office.twin.cloud.trouble.active.append(Trouble("t", "zone.short", "shop/node_perf2", 1))
    job = office.deploy(small())
    assert (job.status, job.code) == ("failed", 5200)
    (cluster,) = office.twin.cloud.store.all(Cluster)
    assert (cluster.status, cluster.transition_status) == ("ceased", "")
    assert office.charged() == []
    assert office.twin.sites == {}


def test_quota_that_somebody_else_takes_meanwhile_undoes_a_creation_too() -> None:
    office = Office(quotas={"limits": {"instance": 4}})
    answer = office.tell("DeployAppVersion", version_id="appv-qke330v1", conf=conf_of(small()))
    office.twin.cloud.allowance.used["instance"] += 1  # Another one, at the very moment.
    office.kernel.run(office.kernel.now + 10**9)
    job = office.twin.cloud.jobs[answer["job_id"]]
    assert (job.status, job.code) == ("failed", 2500)
    assert office.charged() == []


def test_a_service_that_fails_leaves_an_active_cluster_and_its_code() -> None:
    """Assumed, as the lifecycle table has it: the machines stay, and the owner looks."""
    office = Office()
    office.tell("DeployAppVersion", version_id="appv-qke330v1", conf=conf_of(small()))

    def crash() -> None:
        office.site.crash("node_perf2", 0)

    office.kernel.later(200_000, crash)
    office.kernel.run(10**9)
    (job,) = (job for job in office.twin.cloud.jobs.values() if job.cluster_id)
    failed = [record.data["code"] for record in office.find("service.ended") if record.data["code"]]
    assert (job.status, job.code) == ("failed", failed[0])
    assert (office.site.cluster.status, len(office.site.cluster.nodes)) == ("active", 4)
    assert office.ask("DeleteClusters", clusters=[office.id], force=1).cluster_id == office.id


def test_a_machine_that_does_not_boot_is_waited_for_and_then_given_up() -> None:
    office = Office()
    office.tell("DeployAppVersion", version_id="appv-qke330v1", conf=conf_of(small()))
    site = office.site
    power_on = site.__class__.power_on
    silent = site.hosts["node_perf1"]

    def boot(alias: str, cause: int) -> None:
        if alias != silent.alias:
            power_on(site, alias, cause)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site.__class__, "power_on", lambda _, alias, cause: boot(alias, cause))
        office.kernel.run(10**9)
    (job,) = (job for job in office.twin.cloud.jobs.values() if job.cluster_id)
    assert (job.status, job.code) == ("failed", 124)
    assert len(office.find("node.silent", "shop/node_perf1")) == 1

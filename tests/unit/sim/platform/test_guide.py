"""Statements of the user guide about creating, accessing, scaling and changing a cluster, seen in the twin."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from qke_core.catalog import catalog, operations
from qke_core.errors import RemoteError
from qke_core.units import MS_PER_H, MS_PER_MIN
from qke_sim.kube import DisruptionBudget, PodTemplate, Resources, Workload
from qke_sim.testing.office import Office, wish

BARE = {"install_kubesphere": False}
SMALL: dict[str, Any] = {"master": {"count": 1}, "node_perf": {"count": 2}, "client": {"count": 1}}
VPC = {"id": "rtr-00000001", "network": "192.168.0.0/16", "vxnets": [{"id": "vxnet-in", "network": "192.168.1.0/24"}]}
EIP = {"id": "eip-a1b2c3d4", "address": "139.198.0.10", "bandwidth": 5}


def created(version: str = "3.3.0", seed: int = 7, **parts: Any) -> Office:
    office = Office(seed=seed, vpcs=[VPC], eips=[EIP])
    job = office.deploy(wish(version=version, vxnet="vxnet-in", **parts))
    assert (job.status, job.code) == ("successful", 0)
    return office


def kinds(office: Office, origin: str) -> Counter[str]:
    return Counter(part.kind for part in office.charged() if part.origin == origin)


# --- Creation


@pytest.mark.guide("G-085")
@pytest.mark.parametrize(("version", "group"), [("2.0.0", "standard prod"), ("3.3.0", "standard dev")])
def test_a_creation_takes_six_to_twelve_minutes(version: str, group: str) -> None:
    """G-085: without optional modules."""
    for seed in range(8):
        office = created(version, seed, express=group, env={"extra.modules": ""})
        (job,) = (job for job in office.twin.cloud.jobs.values() if job.cluster_id)
        assert 6 * MS_PER_MIN <= job.status_ms - job.create_ms <= 12 * MS_PER_MIN


@pytest.mark.guide("G-001")
def test_kubesphere_runs_on_kubernetes_on_machines_disks_and_a_network_and_outlives_a_master() -> None:
    """G-001."""
    office = created(express="high-performance prod", env={"extra.modules": ""})
    (vxnet_id,) = {instance["vxnets"][0]["vxnet_id"] for instance in office.tell("DescribeInstances")["instance_set"]}
    assert vxnet_id == "vxnet-in"
    assert all(node.volume_id for node in office.site.cluster.nodes if node.role != "client")
    console = [pod for pod in office.site.kube.pods if pod.owner.name == "ks-console"]
    assert console
    assert all(pod.ready for pod in console)
    began = len(office.records)
    office.site.crash("master1", 0)
    office.wait(10 * MS_PER_MIN)
    assert office.site.plane.available
    assert not [record for record in office.records[began:] if record.kind == "api.unavailable"]


@pytest.mark.guide("G-034")
@pytest.mark.guide("G-035")
@pytest.mark.guide("G-036")
@pytest.mark.parametrize(
    ("version", "group", "role", "host"),
    [("2.0.0", "standard prod", "node_perf", 101), ("2.0.0", "high-performance prod", "node_super_perf", 202)],
)
def test_a_group_has_one_kind_of_hosts_and_marks_its_workers(version: str, group: str, role: str, host: int) -> None:
    """G-034 to G-036."""
    office = created(version, express=group, env=BARE)
    assert {part.instance_class for part in office.charged() if part.kind == "instance"} <= {host, host - 1}
    workers = [node for alias, node in office.site.kube.nodes.items() if alias.startswith("node_")]
    assert len(workers) >= 3
    assert {node.labels["node-role.kubernetes.io/worker"] for node in workers} == {role}


@pytest.mark.guide("G-010")
@pytest.mark.guide("G-196")
def test_gpu_nodes_and_several_worker_types_come_in_one_step() -> None:
    """G-010, G-196."""
    office = created("2.0.0", roles={**SMALL, "node_gpu": {"count": 1}}, env=BARE)
    assert {part.gpu for part in office.charged() if part.id == "shop/node_gpu1"} == {1}
    assert office.site.kube.nodes["node_gpu1"].ready


@pytest.mark.guide("G-182")
@pytest.mark.parametrize("version", catalog().order)
def test_a_single_node_is_enough_from_2_0_0_on(version: str) -> None:
    """G-182."""
    roles = {"master": {"count": 1}, "client": {"count": 1}}
    if operations().can(version, "single-node"):
        office = created(version, roles=roles, env=BARE)
        assert list(office.site.kube.nodes) == ["master1"]
        assert office.site.kube.nodes["master1"].taints == ()
        return
    conf = {"cluster": {"name": "shop", **roles}, "env": {}}
    version_id = catalog().version(version).app_version_id
    assert Office().refused("DeployAppVersion", version_id=version_id, conf=json.dumps(conf))[0] == 1100


@pytest.mark.guide("G-030")
@pytest.mark.guide("G-170")
@pytest.mark.guide("G-171")
def test_three_masters_bring_a_load_balancer_and_a_firewall() -> None:
    """G-030, and half of G-170 and G-171."""
    three = {**SMALL, "master": {"count": 3}}
    assert kinds(created(roles=three, env=BARE), "apiserver") == {"loadbalancer": 1, "security_group": 1}
    assert kinds(created(roles=SMALL, env=BARE), "apiserver") == {}


@pytest.mark.guide("G-031")
@pytest.mark.guide("G-050")
@pytest.mark.guide("G-115")
@pytest.mark.guide("G-170")
@pytest.mark.guide("G-171")
def test_an_eip_for_the_console_brings_another_of_each_and_a_link() -> None:
    """G-031, G-050, G-115, and the other half of G-170 and G-171."""
    full = {"master": {"count": 1}, "node_super_perf": {"count": 2}, "client": {"count": 1}}
    office = created(roles=full, env={"kubesphere_eip": EIP["id"], "extra.modules": ""})
    assert kinds(office, "console") == {"loadbalancer": 1, "security_group": 1}
    (shown,) = office.tell("DescribeEips", eips=[EIP["id"]])["eip_set"]
    assert shown["status"] == "associated"
    tabs = office.tell("DescribeClusterDisplayTabs", cluster=office.id, display_tabs="kubesphere_console")
    assert tabs["display_tabs"]["data"] == [[f"http://{EIP['address']}:80", ""]]


@pytest.mark.guide("G-050")
def test_without_kubesphere_an_eip_for_the_console_does_nothing() -> None:
    """G-050."""
    assert kinds(created(roles=SMALL, env={**BARE, "kubesphere_eip": EIP["id"]}), "console") == {}


@pytest.mark.guide("G-108")
def test_nodes_are_called_by_their_instances_up_to_2_0_0_and_for_people_afterwards() -> None:
    """G-108."""
    office = created("2.0.0", roles=SMALL, env=BARE)
    assert {node.name for node in office.site.kube.nodes.values()} == {
        node.instance_id for node in office.site.cluster.nodes if node.role != "client"
    }
    names = {node.name for node in created("3.3.0", roles=SMALL, env=BARE).site.kube.nodes.values()}
    assert names == {"master1", "worker-p001", "worker-p002"}


# --- Parameters


def changed(office: Office, **values: object) -> set[str]:
    """Change parameters; return the masters whose API server went down for it."""
    began = len(office.records)
    office.ask("UpdateClusterEnvironment", cluster=office.id, env=json.dumps(values))
    assert all(master.answers for master in office.site.plane.masters.values())
    return {record.subject for record in office.records[began:] if record.kind == "apiserver.down"}


MASTERS = {"shop/master1", "shop/master2", "shop/master3"}


@pytest.mark.parametrize(
    ("values", "masters"),
    [
        pytest.param({"kubernetes_eip": "139.198.0.11"}, MASTERS, marks=pytest.mark.guide("G-055")),
        pytest.param({"kubernetes_eip": "139.198.0.12"}, MASTERS, marks=pytest.mark.guide("G-094")),
        pytest.param({"kube_log_level": 4}, MASTERS, marks=pytest.mark.guide("G-071")),
        pytest.param({"kube_audit_file": "/etc/kubernetes/audit/a.yaml"}, MASTERS, marks=pytest.mark.guide("G-076")),
        pytest.param({"kube_audit_log_maxsize": 7}, set[str](), marks=pytest.mark.guide("G-080")),
        pytest.param({"host_aliases": "192.168.9.9 nas"}, set[str](), marks=pytest.mark.guide("G-056")),
    ],
)
def test_a_change_takes_the_api_servers_down_for_a_moment_or_does_not(
    values: dict[str, object], masters: set[str]
) -> None:
    """G-055, G-071, G-076, G-080 without auditing, G-094."""
    roles = {**SMALL, "master": {"count": 3}}
    office = Office({"name": "shop", "version": "2.0.0", "roles": roles, "env": BARE})
    assert changed(office, **values) == masters


@pytest.mark.guide("G-053")
def test_the_job_does_not_wait_for_modules_and_they_take_longer() -> None:
    """G-053."""
    office = Office({"name": "shop", "version": "3.3.0", "express": "high-performance prod"})
    env = json.dumps({"extra.modules": "metrics-server,ks-devops"})
    job = office.ask("UpdateClusterEnvironment", cluster=office.id, env=env)
    (finished,) = office.find("installer.finished")
    assert job.status_ms - job.create_ms < MS_PER_MIN
    assert finished.t - job.status_ms > MS_PER_MIN // 2


# --- Deleting nodes


def busy(office: Office, replicas: int, cpu_m: int) -> None:
    template = PodTemplate({"app": "web"}, Resources(cpu_m, 64 * 1024 * 1024, 1), {}, ())
    office.site.kube.apply(Workload("Deployment", "default", "web", replicas, template), 0)
    office.kernel.run(10**9)


def deleted(office: Office, alias: str) -> int:
    return office.ask("DeleteClusterNodes", cluster=office.id, nodes=office.node_ids(alias)).code


def office_with_workers(version: str) -> Office:
    roles = {**SMALL, "node_perf": {"count": 3, "cpu": 4, "memory": "8GiB"}}
    return Office({"name": "shop", "version": version, "roles": roles, "env": BARE})


@pytest.mark.guide("G-186")
def test_pods_move_before_the_node_is_deleted_and_its_machine_goes_last() -> None:
    """G-186."""
    office = office_with_workers("2.0.0")
    busy(office, 3, 500)
    assert deleted(office, "node_perf3") == 0
    pods = [pod for pod in office.site.kube.pods if pod.owner.name == "web"]
    assert len([pod for pod in pods if pod.ready]) == 3
    times = [office.find(kind, "shop/node_perf3")[-1].t for kind in ("node.cordoned", "node.removed", "host.stopped")]
    assert times == sorted(times)


@pytest.mark.guide("G-120", "G-187")
def test_a_removal_fails_when_the_others_lack_room_for_pods_that_must_stay_and_a_drain_by_hand_says_why() -> None:
    """G-120, G-187: the first pod that moves finds no room, and the budget lets no second one go."""
    office = office_with_workers("2.0.0")
    kube = office.site.kube
    kube.objects.budgets.append(DisruptionBudget("default", "web", {"app": "web"}, max_unavailable=1))
    busy(office, 6, 1500)
    began = office.kernel.now
    assert deleted(office, "node_perf3") == 134
    assert 2 * MS_PER_H <= office.find("job.ended")[-1].t - began <= 2 * MS_PER_H + 15 * MS_PER_MIN
    assert len(kube.nodes) == 4
    assert all(pod.running for pod in kube.pods)
    params = {"verb": "drain", "resource": "nodes", "name": kube.nodes["node_perf3"].name}
    flags = {"ignoreDaemonsets": True, "deleteEmptydirData": True, "force": True, "timeoutSeconds": 60}
    running = office.kernel.spawn(office.twin.kube.call(office.id, {**params, **flags}, "kubectl", 0))
    running.defused = True
    office.wait(2 * MS_PER_MIN)
    assert isinstance(running.value, RemoteError)
    assert 'error when evicting pods/"web-' in running.value.sentence
    (unplaced,) = (pod for pod in kube.pods if not pod.running)
    assert "Insufficient cpu" in unplaced.why


@pytest.mark.guide("G-120")
def test_without_budgets_a_removal_succeeds_and_pods_that_find_no_room_wait() -> None:
    """G-120: nobody checks before."""
    office = office_with_workers("2.0.0")
    busy(office, 6, 1500)
    assert deleted(office, "node_perf3") == 0
    pods = [pod for pod in office.site.kube.pods if pod.owner.name == "web"]
    assert sorted(pod.running for pod in pods) == [False, False, True, True, True, True]

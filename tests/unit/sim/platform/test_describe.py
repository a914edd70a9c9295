"""What AppCenter shows: clusters, nodes, jobs, versions; tabs with kubeconfig and console; names and addresses."""

from __future__ import annotations

import re
from typing import Any

import pytest

from qke_core.catalog import catalog
from qke_sim.hosts.tabs import tabs_of
from qke_sim.testing.office import Office

ROLES = {"master": {"count": 3}, "node_perf": {"count": 2}, "client": {"count": 1}}
BARE = {"install_kubesphere": False}


def office_of(version: str = "3.3.0", **parts: Any) -> Office:
    world = parts.pop("world", {})
    shape = {"name": "shop", "version": version, "roles": ROLES, "env": BARE}
    return Office({**shape, **parts}, {**shape, "name": "bank", "status": "stopped"}, **world)


def names(answer: Any) -> list[str]:
    return [shown["name"] for shown in answer["cluster_set"]]


def test_clusters_are_found_by_id_status_name_word_version_and_link() -> None:
    office = office_of(links={"etcd": "cl-e1f2g3h4"})
    tell = office.tell
    assert names(tell("DescribeClusters")) == ["shop", "bank"]
    assert names(tell("DescribeClusters", clusters=[office.id])) == ["shop"]
    assert names(tell("DescribeClusters", status=["stopped"])) == ["bank"]
    assert names(tell("DescribeClusters", cluster_name="bank")) == ["bank"]
    assert names(tell("DescribeClusters", search_word="an")) == ["bank"]
    assert names(tell("DescribeClusters", app_versions=["appv-00000000"])) == []
    assert names(tell("DescribeClusters", link="cl-e1f2g3h4")) == ["shop"]
    assert names(tell("DescribeClusters", limit=1, offset=1)) == ["bank"]
    assert tell("DescribeClusters", limit=1)["total_count"] == 2


def test_a_cluster_tells_what_it_may_be_upgraded_to_and_who_is_in_it() -> None:
    office = office_of("3.2.1")
    (shown,) = office.tell("DescribeClusters", clusters=[office.id])["cluster_set"]
    assert shown["upgrade_policy"] == [catalog().version("3.3.0").app_version_id]
    assert shown["role_count"] == {"client": 1, "master": 3, "node_perf": 2}
    assert shown["auto_scale_step"] == {"node_perf": {"count": 1}}
    assert shown["create_time"].endswith("Z")


def test_nodes_are_found_by_role_id_and_status() -> None:
    office = office_of()
    tell = office.tell
    assert tell("DescribeClusterNodes", cluster=office.id)["total_count"] == 6
    (client,) = tell("DescribeClusterNodes", cluster=office.id, role="client")["node_set"]
    assert (client["name"], client["server_id"], client["storage_size"]) == ("client1", 1, 0)
    assert tell("DescribeClusterNodes", cluster=office.id, nodes=[client["node_id"]])["total_count"] == 1
    assert tell("DescribeClusterNodes", cluster=office.id, status="stopped")["total_count"] == 0
    assert office.refused("DescribeClusterNodes", cluster="cl-00000000")[0] == 2100


def test_jobs_come_newest_first_and_an_unknown_one_is_an_error() -> None:
    office = office_of()
    office.ask("StopClusters", clusters=[office.id])
    office.ask("StartClusters", clusters=[office.id])
    jobs = office.tell("DescribeClusterJobs", cluster=office.id)["job_set"]
    assert [job["job_action"] for job in jobs] == ["StartClusters", "StopClusters"]
    assert jobs[0]["resources"] == {"clusters": [office.id]}
    old = office.tell("DescribeClusterJobs", cluster=office.id, reverse=0, limit=1)["job_set"]
    assert old[0]["job_action"] == "StopClusters"
    assert office.tell("DescribeClusterJobs", cluster=office.id, status="failed")["job_set"] == []
    assert office.refused("DescribeClusterJobs", cluster=office.id, jobs=["j-00000000"])[0] == 2100


def test_the_app_has_its_versions() -> None:
    office = office_of()
    (app,) = office.tell("DescribeApps")["app_set"]
    found = office.tell("DescribeAppVersions", app_ids=[app["app_id"]])["version_set"]
    assert [version["name"] for version in found] == list(catalog().order)
    assert office.tell("DescribeAppVersions", version_ids=["appv-qke330v1"])["total_count"] == 1
    assert office.refused("DescribeAppVersions")[0] == 1100


def test_nodes_can_be_renamed_and_clusters_described() -> None:
    office = office_of()
    (node_id,) = office.node_ids("node_perf1")
    office.tell("ModifyClusterNodeAttributes", cluster_node=node_id, name="fast one")
    office.tell("ModifyClusterAttributes", cluster=office.id, description="for everybody")
    (node,) = office.tell("DescribeClusterNodes", cluster=office.id, nodes=[node_id])["node_set"]
    (cluster,) = office.tell("DescribeClusters", clusters=[office.id])["cluster_set"]
    assert (node["name"], cluster["description"]) == ("fast one", "for everybody")
    assert office.refused("ModifyClusterAttributes", cluster=office.id, name="store")[0] == 1400


def test_an_address_goes_to_a_node_and_back() -> None:
    eip = {"id": "eip-a1b2c3d4", "address": "139.198.0.10", "bandwidth": 5}
    office = office_of(world={"eips": [eip]})
    (node_id,) = office.node_ids("node_perf1")
    assert office.refused("AssociateEipToClusterNode", cluster_node=node_id, eip="eip-00000000")[0] == 2100
    assert office.ask("AssociateEipToClusterNode", cluster_node=node_id, eip="eip-a1b2c3d4").status == "successful"
    (shown,) = office.tell("DescribeEips", eips=["eip-a1b2c3d4"])["eip_set"]
    assert shown["status"] == "associated"
    assert office.ask("DissociateEipFromClusterNode", eips=["eip-a1b2c3d4"]).status == "successful"


# --- Tabs


def tab(office: Office, name: str) -> dict[str, Any]:
    return office.tell("DescribeClusterDisplayTabs", cluster=office.id, display_tabs=name)["display_tabs"]


@pytest.mark.guide("G-101")
@pytest.mark.guide("G-104")
def test_the_kubeconfig_tab_shows_the_kubeconfig() -> None:
    """G-101, G-104."""
    found = tab(office_of(), "Kubeconfig")
    ((text,),) = found["data"]
    assert found["labels"] == ["kubeconfig"]
    for part in ("apiVersion: v1", "kind: Config", "preferences: {}", "clusters:", "contexts:", "users:"):
        assert f"{part}\n" in text
    for part in ("  name: kubernetes", "- name: kubernetes-admin", "  name: kubernetes-admin@kubernetes"):
        assert f"{part}\n" in text
    assert "    cluster: kubernetes\n    user: kubernetes-admin\n" in text
    assert "current-context: kubernetes-admin@kubernetes\n" in text
    assert re.search(r"    server: https://\S+:6443\n", text)


@pytest.mark.guide("G-199")
def test_1_0_1_brings_the_kubeconfig_and_a_better_console_link_to_the_clusters_page() -> None:
    """G-199: 1.0.0 shows the bare link only."""
    assert list(tabs_of("1.0.0")) == ["kubesphere_console_url"]
    office = office_of("1.0.1", env={})
    assert list(tabs_of("1.0.1")) == ["kubesphere_console", "Kubeconfig"]
    ((link, *_),) = tab(office, "kubesphere_console")["data"]
    assert link == f"http://{office.site.hosts['master1'].node.private_ip}:30880"
    assert "kind: Config" in tab(office, "Kubeconfig")["data"][0][0]


@pytest.mark.parametrize(
    ("version", "env", "server"),
    [
        ("2.0.0", {"kubernetes_eip": "139.198.0.10"}, "balancer:6443"),
        ("3.0.0", {"kubernetes_eip": "139.198.0.10", "kubernetes_eip_port": 16443}, "139.198.0.10:16443"),
        ("3.3.0", {}, "balancer:6443"),
        ("3.3.0", {"kubernetes_eip": "139.198.0.10", "kubernetes_eip_port": 16443}, "139.198.0.10:16443"),
    ],
)
def test_its_server_is_the_best_address_that_the_version_knows(version: str, env: dict[str, Any], server: str) -> None:
    office = office_of(version, env={**BARE, **env})
    ((text,),) = tab(office, "Kubeconfig")["data"]
    assert f"server: https://{server.replace('balancer', office.site.lb_address)}\n" in text


@pytest.mark.guide("G-110")
def test_without_an_eip_the_console_is_at_the_first_masters_port_30880() -> None:
    """G-110."""
    office = office_of(env={})
    master = office.site.hosts["master1"].node.private_ip
    assert tab(office, "kubesphere_console") == {
        "labels": ["kubesphere_console", "ks_console_notes"],
        "data": [[f"http://{master}:30880", ""]],
    }


def test_without_kubesphere_the_tab_says_so_and_up_to_1_0_1_it_has_one_column() -> None:
    assert tab(office_of(), "kubesphere_console")["data"] == [["", "KubeSphere is not installed"]]
    assert tab(office_of("1.0.1"), "kubesphere_console")["data"] == [["KubeSphere is not installed"]]


def test_a_tab_needs_a_version_that_has_it_and_a_master_that_runs() -> None:
    office = office_of()
    assert office.refused("DescribeClusterDisplayTabs", cluster=office.id, display_tabs="Weather")[0] == 1100
    bank = office.twin.site("bank").cluster.id
    assert office.refused("DescribeClusterDisplayTabs", cluster=bank, display_tabs="Kubeconfig")[0] == 1400

"""What kubectl prints of the twin's objects, column by column."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from qke_core.catalog import catalog, storage
from qke_core.errors import RemoteError
from qke_core.units import MS_PER_DAY, MS_PER_H, MS_PER_MIN, MS_PER_S
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel
from qke_sim.kube import PodTemplate, Resources, Service, Workload
from qke_sim.kube.tables import age, render, table_of
from qke_sim.twin import Twin

GUIDE = {"name": "shop", "version": "2.0.0", "express": "standard prod"}


@pytest.fixture
def site(kernel: Kernel, twin_of: Callable[..., Twin]) -> Site:
    return twin_of(kernel, GUIDE).site("shop")


def printed(site: Site, resource: str, namespace: str = "", name: str = "", **how: bool) -> list[list[str]]:
    """Return what `kubectl get` prints, line by line, cut where columns begin."""
    text = render(table_of(site.kube, resource, namespace, name), **how)
    return [re.split(r" {2,}", line) for line in text.splitlines()]


@pytest.mark.guide("G-089")
def test_all_pods_are_listed_with_their_namespace_first(site: Site) -> None:
    """G-089: kubectl get pods --all-namespaces."""
    head, *rows = printed(site, "pods", namespaces=True)
    assert head == ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert len(rows) == len(site.kube.pods)
    assert {"kube-system", "kubesphere-system"} <= {row[0] for row in rows}
    assert {tuple(row[2:4]) for row in rows} == {("1/1", "Running")}


@pytest.mark.guide("G-090", "G-091")
def test_the_pods_of_kubesphere_system_are_listed(site: Site) -> None:
    """G-090, G-091: ks-console twice, all 1/1 Running."""
    head, *rows = printed(site, "pods", "kubesphere-system")
    assert head == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert sum(row[0].startswith("ks-console-") for row in rows) == 2
    assert {tuple(row[1:3]) for row in rows} == {("1/1", "Running")}


@pytest.mark.guide("G-092")
def test_the_installer_of_1_0_1_is_completed(kernel: Kernel, twin_of: Callable[..., Twin]) -> None:
    """G-092: 0/1 Completed."""
    site = twin_of(kernel, {"name": "shop", "version": "1.0.1", "express": "Prod"}).site("shop")
    (row,) = [row for row in printed(site, "pods", "kubesphere-system") if row[0].startswith("kubesphere-installer")]
    assert row[1:3] == ["0/1", "Completed"]


@pytest.mark.guide("G-106", "G-107")
def test_the_sample_of_the_guide_has_three_masters_and_three_workers(site: Site) -> None:
    """G-106, G-107: all Ready, v1.16.7; G-108: called by their instances."""
    head, *rows = printed(site, "nodes")
    assert head == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert [row[2] for row in rows] == ["master"] * 3 + ["worker"] * 3
    assert {(row[1], row[4]) for row in rows} == {("Ready", "v1.16.7")}
    assert all(re.fullmatch(r"i-[0-9a-z]{8}", row[0]) for row in rows)


def test_a_node_that_takes_no_pods_or_is_silent_is_told(site: Site) -> None:
    site.kube.cordon("node_perf1", 0)
    site.kube.nodes["node_perf2"].ready = False
    states = {row[0]: row[1] for row in printed(site, "nodes")}
    names = site.kube.nodes
    assert states[names["node_perf1"].name] == "Ready,SchedulingDisabled"
    assert states[names["node_perf2"].name] == "NotReady"


@pytest.mark.guide("G-112")
def test_the_service_of_the_console_shows_its_port(site: Site) -> None:
    """G-112: kubectl get svc -n kubesphere-system ks-console."""
    head, row = printed(site, "services", "kubesphere-system", "ks-console")
    assert head == ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"]
    assert row[:2] == ["ks-console", "NodePort"]
    assert row[2].startswith("10.96.")
    assert row[3:5] == ["<none>", "80:30880/TCP"]


def test_a_service_that_waits_for_its_balancer_is_pending_and_addresses_differ(site: Site) -> None:
    for name in ("web", "api"):
        site.kube.apply_service(Service("shop", name, {"app": name}, "LoadBalancer", ((80, 0), (443, 0))), 0)
    rows = printed(site, "services", "shop")[1:]
    assert [(row[0], row[3]) for row in rows] == [("web", "<pending>"), ("api", "<pending>")]
    assert all(re.fullmatch(r"80:3\d{4}/TCP,443:3\d{4}/TCP", row[4]) for row in rows)
    everything = [row[2] for row in printed(site, "services")[1:]]
    assert len(set(everything)) == len(everything)


@pytest.mark.guide("G-179")
@pytest.mark.parametrize("version", catalog().order)
def test_the_console_finds_the_storage_classes_at_the_api_server(
    kernel: Kernel, twin_of: Callable[..., Twin], finished: Callable[..., Any], version: str
) -> None:
    """G-179: what the console's page lists."""
    roles = {"master": {"count": 1}, "node_perf": {"count": 2}, "client": {"count": 1}}
    twin = twin_of(kernel, {"name": "shop", "version": version, "roles": roles, "env": {}})
    params = {"verb": "list", "resource": "storageclasses"}
    answer = finished(kernel, twin.kube.call(twin.site("shop").cluster.id, params, "console", 0))["items"]
    masters = next(twin.site("shop").cluster.of_kind("master")).shape.instance_class
    known = storage().classes(version, "pek3", masters, version)
    assert [item["metadata"]["name"] for item in answer] == [found.name for found in known]
    assert known
    assert [bool(item["metadata"]["annotations"]) for item in answer] == [found.default for found in known]


def test_what_has_no_table_is_refused(site: Site) -> None:
    with pytest.raises(RemoteError, match="no table of 'secrets'") as refusal:
        _ = table_of(site.kube, "secrets")
    assert refusal.value.code == "kube.unknown"


def test_the_door_answers_with_columns_and_cells(
    kernel: Kernel, twin_of: Callable[..., Twin], finished: Callable[..., Any]
) -> None:
    twin = twin_of(kernel, GUIDE)
    kube, cluster_id = twin.site("shop").kube, twin.site("shop").cluster.id
    template = PodTemplate({"app": "web"}, Resources(100, 2**28, 1), {}, (), start_ms=10**9)
    kube.apply(Workload("Deployment", "shop", "web", 1, template), 0)
    kernel.run(30 * MS_PER_S)
    params = {"verb": "table", "resource": "pods", "namespace": "shop"}
    answer = finished(kernel, twin.kube.call(cluster_id, params, "kubectl", 0), kernel.now + MS_PER_S)
    assert [column["name"] for column in answer["columnDefinitions"]] == ["Name", "Ready", "Status", "Restarts", "Age"]
    ((cells, place),) = ((row["cells"], row["object"]) for row in answer["rows"])
    assert (cells[1:], place) == (["0/1", "ContainerCreating", "0", "30s"], {"metadata": {"namespace": "shop"}})


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0, "0s"),
        (119 * MS_PER_S, "119s"),
        (2 * MS_PER_MIN, "2m"),
        (5 * MS_PER_MIN + 30 * MS_PER_S, "5m30s"),
        (42 * MS_PER_MIN + 1, "42m"),
        (3 * MS_PER_H + 20 * MS_PER_MIN, "3h20m"),
        (30 * MS_PER_H, "30h"),
        (5 * MS_PER_DAY + 3 * MS_PER_H, "5d3h"),
        (12 * MS_PER_DAY, "12d"),
        (740 * MS_PER_DAY, "2y10d"),
        (3000 * MS_PER_DAY, "8y"),
    ],
)
def test_ages_are_written_as_kubectl_does(ms: int, said: str) -> None:
    assert age(ms) == said

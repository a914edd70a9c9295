"""KubeSphere's modules in a new cluster: what is brought up, in which order, and what happens when a claim waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qke_core.catalog import kubesphere, storage
from qke_core.inventory import kubesphere_claims
from qke_core.models import ClusterState
from qke_sim.cloud.volume import Volume
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel
from qke_sim.kube.kubesphere import INCOMPLETE, RECAP_FAILED, STILL_RUNNING
from qke_sim.twin import Twin

HOUR_MS = 3_600_000
ALL = "metrics-server,ks-logging,ks-openpitrix,ks-devops,ks-servicemesh,ks-notification,ks-alerting"
KS_PODS = ("ks-account", "ks-apigateway", "ks-apiserver", "ks-console", "ks-controller-manager", "ks-docs")
ROLES = {"node_perf": {"count": 3, "cpu": 8, "memory": "16GiB"}, "node_super_perf": {"count": 0}}


@pytest.fixture
def twin(kernel: Kernel, twin_of: Callable[..., Twin]) -> Callable[..., Twin]:
    def make(version: str, modules: str = "", **parts: Any) -> Twin:
        """Return a twin with a cluster that has no KubeSphere yet; `modules` are what its parameters name."""
        env: dict[str, Any] = {"install_kubesphere": False}
        if modules:
            env["extra.modules"] = modules
        wish = {"name": "shop", "version": version, "env": env, **parts}
        if version.startswith("1."):
            wish["express"] = "Prod" if version == "1.0.1" else "Performance HA"
        else:
            wish["roles"] = ROLES
        return twin_of(kernel, wish)

    return make


def install(site: Site, until_ms: int = HOUR_MS) -> None:
    site.installer.launch(site.cluster.version, 0, fresh=True)
    site.kernel.run(until_ms)


def own_volumes(twin: Twin) -> list[Volume]:
    gone = ("deleted", "ceased")
    return [v for v in twin.cloud.store.all(Volume) if v.origin == "kubesphere" and v.status not in gone]


@pytest.mark.parametrize("version", ["2.0.0", "3.0.0", "3.3.0"])
@pytest.mark.guide("G-082")
def test_without_modules_the_installation_is_minimal(twin: Callable[..., Twin], version: str) -> None:
    """G-082: KubeSphere is installed minimally by default."""
    found = twin(version)
    site = found.site("shop")
    install(site)
    assert site.installer.state == "complete"
    assert set(site.installer.modules) == {"minimal", *site.cluster.env.modules} <= {"minimal", "metrics-server"}
    assert sorted(v.label for v in own_volumes(found)) == [
        f"shop/kubesphere/{name}" for name in ("openldap", "prometheus", "prometheus-system", "redis")
    ]


@pytest.mark.guide("G-091")
def test_the_namespace_runs_what_the_guide_lists(twin: Callable[..., Twin]) -> None:
    """G-091: what runs in kubesphere-system, ks-console twice."""
    site = twin("1.0.1").site("shop")
    install(site)
    pods = [pod.owner.name for pod in site.kube.pods if pod.owner.namespace == "kubesphere-system" and pod.ready]
    assert set(pods) == {*KS_PODS, "openldap", "redis"}
    assert pods.count("ks-console") == 2


@pytest.mark.guide("G-092")
@pytest.mark.parametrize(
    ("version", "name", "phases"),
    [
        ("1.0.0", "kubesphere-installer", []),
        ("1.0.1", "kubesphere-installer", ["Succeeded"]),
        ("2.0.0", "ks-installer", ["Running"]),
        ("3.3.0", "ks-installer", ["Running"]),
    ],
)
def test_the_installer_is_a_job_that_completes_in_1_0_1_and_a_deployment_that_stays_later(
    twin: Callable[..., Twin], version: str, name: str, phases: list[str]
) -> None:
    """G-092: a pod kubesphere-installer is 0/1 Completed in 1.0.1; a Deployment ks-installer stays from 2.0.0."""
    site = twin(version).site("shop")
    install(site)
    assert [pod.phase for pod in site.kube.pods if pod.owner.name == name] == phases


def test_a_full_installation_has_eleven_volumes(twin: Callable[..., Twin]) -> None:
    found = twin("2.0.0", ALL)
    site = found.site("shop")
    install(site)
    assert site.installer.state == "complete"
    assert len(own_volumes(found)) == len(storage().claims) == 11


@pytest.mark.parametrize("version", ["1.0.1", "2.0.0", "3.1.0"])
def test_the_claims_are_those_that_the_inventory_counts(twin: Callable[..., Twin], version: str) -> None:
    found = twin(version, "" if version == "1.0.1" else "ks-logging,ks-devops")
    site = found.site("shop")
    install(site)
    wish = found.world.clusters[0]
    settings = type(wish.settings)(version, {**wish.settings.values, "install_kubesphere": True})
    state = ClusterState.of_world(wish.model_copy(update={"env": settings.values}), found.world)
    counted = {f"shop/kubesphere/{claim.name}" for claim in kubesphere_claims(state)}
    assert {volume.label for volume in own_volumes(found)} == counted


def test_modules_come_up_in_the_order_of_the_book(twin: Callable[..., Twin]) -> None:
    site = twin("2.0.0", ALL).site("shop")
    install(site)
    told = [record.data["module"] for record in site.kernel.trace.records if record.kind == "installer.module"]
    assert tuple(told) == site.installer.modules == kubesphere().modules("2.0.0", ALL.split(","))


def test_modules_that_are_added_later_are_all_that_is_installed_then(twin: Callable[..., Twin]) -> None:
    found = twin("3.3.0")
    site = found.site("shop")
    install(site)
    before = {volume.id for volume in own_volumes(found)}
    site.cluster.env = type(site.cluster.env)("3.3.0", {**site.cluster.env.values, "extra.modules": "ks-devops"})
    install(site, 2 * HOUR_MS)
    assert site.installer.modules == ("minimal", "metrics-server", "ks-devops")
    after = {volume.id: volume.label for volume in own_volumes(found)}
    assert before < set(after)
    assert [label for name, label in after.items() if name not in before] == ["shop/kubesphere/jenkins"]


def test_a_claim_of_the_minimal_part_that_waits_for_a_quota_fails_the_installer_with_130(
    twin: Callable[..., Twin],
) -> None:
    found = twin("3.3.0")
    site, allowance = found.site("shop"), found.cloud.allowance
    allowance.limits["volume"] = allowance.used["volume"] + 3
    install(site)
    assert (site.installer.state, site.installer.check()) == ("failed", RECAP_FAILED)
    assert site.installer.lacking == ("minimal",)
    (lack,) = [record for record in site.kernel.trace.records if record.kind == "installer.module"]
    assert "QuotasExceeded" in str(lack.data["outcome"])


def test_a_claim_of_a_module_that_waits_leaves_it_incomplete_with_132(twin: Callable[..., Twin]) -> None:
    found = twin("2.0.0", ALL)
    site, allowance = found.site("shop"), found.cloud.allowance
    allowance.limits["volume"] = allowance.used["volume"] + 10
    install(site)
    assert (site.installer.state, site.installer.check()) == ("incomplete", INCOMPLETE)
    assert site.installer.lacking == ("ks-alerting",)


def test_room_that_comes_in_time_lets_the_installation_go_on(twin: Callable[..., Twin]) -> None:
    found = twin("3.3.0")
    site, allowance = found.site("shop"), found.cloud.allowance
    allowance.limits["volume"] = allowance.used["volume"] + 3

    def more() -> None:
        assert site.installer.check() == STILL_RUNNING
        allowance.limits["volume"] += 1
        site.kube.wake(0)

    site.kernel.later(7 * 60_000, more)
    install(site)
    assert site.installer.state == "complete"


@pytest.mark.guide("G-045", "G-047")
def test_a_linked_elk_service_stands_in_for_the_volumes_of_logs(twin: Callable[..., Twin]) -> None:
    found = twin("3.3.0", "ks-logging", links={"elk": "cl-elk"})
    site = found.site("shop")
    install(site)
    assert site.installer.modules == ("minimal", "ks-logging")
    assert len(own_volumes(found)) == 4


def external(site: Site) -> list[tuple[str, tuple[tuple[int, int], ...]]]:
    return [(found.type, found.ports) for found in site.kube.objects.services if found.name == "external-elk"]


@pytest.mark.guide("G-045")
def test_kubesphere_finds_a_linked_elk_service_by_a_service(twin: Callable[..., Twin]) -> None:
    linked, alone = twin("3.3.0", links={"elk": "cl-elk"}).site("shop"), twin("3.3.0").site("shop")
    for site in (linked, alone):
        site.installer.launch(site.cluster.version, 0, fresh=True)
    assert external(linked) == [("ClusterIP", ((9200, 0),))]
    assert external(alone) == []
    standing = twin("3.3.0", links={"elk": "cl-elk"}, env={}).site("shop")
    assert external(standing) == external(linked)
    standing.installer.launch(standing.cluster.version, 0)
    assert external(standing) == external(linked)


@pytest.mark.guide("G-184")
def test_a_single_node_holds_no_full_installation(kernel: Kernel, twin_of: Callable[..., Twin]) -> None:
    """G-184: enabling all modules needs workers: a host takes at most 10 volumes, a full installation needs 11."""
    roles = {"master": {"count": 1, "cpu": 16, "memory": "32GiB"}, "node_perf": {"count": 0}, "client": {"count": 0}}
    roles["node_super_perf"] = {"count": 0}
    env = {"install_kubesphere": False, "extra.modules": ALL}
    site = twin_of(kernel, {"name": "shop", "version": "2.0.0", "roles": roles, "env": env}).site("shop")
    install(site, 3 * HOUR_MS)
    assert (site.installer.state, site.installer.check()) == ("incomplete", INCOMPLETE)

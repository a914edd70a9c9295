"""Does each rule speak when its condition is broken, keep silent otherwise, and know the product's own code?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from qke_core.catalog import catalog
from qke_core.models import ClusterObservation
from qke_core.rules import Finding, check_upgrade
from qke_core.rules.upgrade import RULES

MakeCluster = Callable[..., ClusterObservation]

ALWAYS = {"upgrade.data-outside-data", "upgrade.no-rollback"}
TARGETS = ("2.0.0", "3.0.0", "3.1.0", "3.1.1", "3.1.1-1", "3.2.1", "3.3.0")


def source_of(target: str) -> str:
    return [edge.origin for edge in catalog().upgrades if edge.target == target][-1]


def spoil(cluster: ClusterObservation, *names: str, **changes: Any) -> ClusterObservation:
    """Return the cluster with some of its nodes changed."""
    assert set(names) <= {node.name for node in cluster.nodes}
    nodes = tuple(replace(node, **changes) if node.name in names else node for node in cluster.nodes)
    return replace(cluster, nodes=nodes)


def found(cluster: ClusterObservation, target: str, code: str) -> list[Finding]:
    return [finding for finding in check_upgrade(cluster, target, catalog()) if finding.code == code]


def codes(cluster: ClusterObservation, target: str) -> set[str]:
    return {finding.code for finding in check_upgrade(cluster, target, catalog())} - ALWAYS


@pytest.mark.parametrize("target", TARGETS)
def test_a_healthy_cluster_has_no_blocker(cluster: MakeCluster, target: str):
    findings = check_upgrade(cluster(source_of(target)), target, catalog())
    assert [finding.code for finding in findings if finding.severity == "blocker"] == []


@pytest.mark.parametrize("target", TARGETS)
def test_a_healthy_cluster_hears_only_what_the_version_does_to_everybody(cluster: MakeCluster, target: str):
    expected: dict[str, set[str]] = {
        "2.0.0": {"upgrade.all-modules", "upgrade.manual-leftovers"},
        "3.1.0": {"upgrade.audit-reset"},
        "3.1.1": set(),  # From 3.1.0, where the setting was reset already.
        "3.1.1-1": set(),
    }
    assert codes(cluster(source_of(target)), target) == expected.get(target, set())


def test_every_finding_is_complete_and_its_code_is_known(cluster: MakeCluster):
    spoiled = spoil(
        cluster("1.0.0", {"master": 1, "node_perf": 1, "client": 1}, unbound_claims=("shop/data",)),
        "master-1",
        "client-1",
        ready=False,
        data_free_mb=1,
        ssh_port=0,
        status="stopped",
    )
    known = {0, *catalog().codes, *catalog().ret_codes}
    for target in TARGETS:
        for finding in check_upgrade(spoiled, target, catalog()):
            assert finding.code.startswith("upgrade.")
            assert all((finding.subject, finding.sentence, finding.remedy, finding.source))
            assert finding.platform_code in known


def test_blockers_stand_before_warnings_before_notes(cluster: MakeCluster):
    roles = {"master": 1, "node_gpu": 1, "client": 1}  # 2.0.0 does not check the GPU role: a warning, told early.
    spoiled = spoil(cluster("1.0.0", roles), "node_gpu-1", data_free_mb=10)
    spoiled = spoil(spoiled, "client-1", status="stopped")
    severities = [finding.severity for finding in check_upgrade(spoiled, "2.0.0", catalog())]
    assert severities == sorted(severities, key=("blocker", "warning", "note").index)
    assert severities[0] == "blocker"
    assert severities[-1] == "note"


def test_a_finding_is_plain_data(cluster: MakeCluster):
    (finding,) = found(cluster(), "2.0.0", "upgrade.no-rollback")
    assert finding.to_json() == {
        "code": "upgrade.no-rollback",
        "severity": "note",
        "subject": "shop",
        "sentence": "Nothing leads back from 2.0.0: a failed upgrade stays as it is",
        "remedy": finding.remedy,
        "platform_code": 0,
        "source": finding.source,
        "document": "observation",
        "path": [],
    }


# --- Cluster state


@pytest.mark.parametrize(
    ("status", "transition", "state"),
    [("stopped", "", "stopped"), ("active", "upgrading", "upgrading"), ("stopped", "starting", "starting")],
)
def test_a_cluster_that_is_not_active_and_idle_is_blocked(
    cluster: MakeCluster, status: str, transition: str, state: str
):
    (finding,) = found(cluster(status=status, transition=transition), "2.0.0", "upgrade.cluster-not-active")
    assert finding.severity == "blocker"
    assert f"is {state};" in finding.sentence


def test_a_silent_api_server_blocks(cluster: MakeCluster):
    (finding,) = found(cluster(unbound_claims=None), "2.0.0", "upgrade.api-unreachable")
    assert finding.severity == "blocker"


# --- Disk: G-143


@pytest.mark.guide("G-143")
@pytest.mark.parametrize(
    ("target", "code"),
    [("2.0.0", 150), ("3.0.0", 151), ("3.1.0", 150), ("3.1.1", 150), ("3.1.1-1", 150), ("3.2.1", 150), ("3.3.0", 150)],
)
@pytest.mark.parametrize("name", ["master-2", "node_perf-3"])
def test_g_143_a_node_without_50_gb_on_data_blocks_with_the_code_of_the_version(
    cluster: MakeCluster, target: str, code: int, name: str
):
    """At 3.0.0 the platform says 151, because the precedence of its shell operators hides 150."""
    (finding,) = found(spoil(cluster(source_of(target)), name, data_free_mb=51_199), target, "upgrade.disk-short")
    assert (finding.severity, finding.platform_code, finding.subject) == ("blocker", code, name)
    assert finding.sentence == f"{name} has 51199 MB free on /data, the upgrade needs 51200 MB"
    assert finding.remedy.startswith("free 1 MB ")


@pytest.mark.guide("G-143")
def test_g_143_exactly_51200_mb_is_enough(cluster: MakeCluster):
    assert found(spoil(cluster(), "master-1", data_free_mb=51_200), "2.0.0", "upgrade.disk-short") == []


@pytest.mark.guide("G-143")
def test_g_143_every_short_node_is_named(cluster: MakeCluster):
    spoiled = spoil(cluster(), "master-1", "node_perf-2", data_free_mb=0)
    assert [finding.subject for finding in found(spoiled, "2.0.0", "upgrade.disk-short")] == ["master-1", "node_perf-2"]


@pytest.mark.guide("G-143")
def test_g_143_the_gpu_role_is_not_checked_by_2_0_0_but_from_3_0_0_on(cluster: MakeCluster):
    roles = {"master": 3, "node_gpu": 1, "client": 1}
    (unchecked,) = found(spoil(cluster("1.0.1", roles), "node_gpu-1", data_free_mb=9), "2.0.0", "upgrade.disk-short")
    assert (unchecked.severity, unchecked.platform_code) == ("warning", 0)
    (checked,) = found(spoil(cluster("2.0.0", roles), "node_gpu-1", data_free_mb=9), "3.0.0", "upgrade.disk-short")
    assert (checked.severity, checked.platform_code) == ("blocker", 151)


@pytest.mark.guide("G-143")
def test_g_143_the_client_has_no_data_disk_and_an_unknown_figure_says_nothing(cluster: MakeCluster):
    assert found(spoil(cluster(), "client-1", data_free_mb=1), "2.0.0", "upgrade.disk-short") == []
    assert found(spoil(cluster(), "master-1", data_free_mb=None), "2.0.0", "upgrade.disk-short") == []


# --- Nodes Ready


@pytest.mark.parametrize("target", TARGETS)
def test_a_node_that_is_not_ready_blocks_from_3_0_0_on_and_is_only_told_before(cluster: MakeCluster, target: str):
    spoiled = spoil(cluster(source_of(target)), "node_perf-1", ready=False)
    (finding,) = found(spoiled, target, "upgrade.node-not-ready")
    expected = ("warning", 0) if target == "2.0.0" else ("blocker", 151)
    assert (finding.severity, finding.platform_code) == expected
    assert found(spoil(spoiled, "node_perf-1", ready=None), target, "upgrade.node-not-ready") == []


# --- Client: G-145


@pytest.mark.guide("G-145")
@pytest.mark.parametrize("target", ["2.0.0", "3.3.0"])
def test_g_145_a_stopped_client_blocks(cluster: MakeCluster, target: str):
    stopped = spoil(cluster(source_of(target)), "client-1", status="stopped")
    (finding,) = found(stopped, target, "upgrade.client-stopped")
    assert (finding.severity, finding.subject) == ("blocker", "client-1")
    assert "must be running" in finding.sentence


@pytest.mark.guide("G-145")
def test_g_145_is_about_the_client_alone(cluster: MakeCluster):
    assert found(spoil(cluster(), "node_perf-1", status="stopped"), "2.0.0", "upgrade.client-stopped") == []


def test_without_a_client_nobody_waits_for_kubesphere(cluster: MakeCluster):
    roles = {"master": 3, "node_perf": 3}
    (finding,) = found(cluster(roles=roles), "2.0.0", "upgrade.no-client")
    assert finding.severity == "warning"
    assert found(cluster(roles=roles, kubesphere=False), "2.0.0", "upgrade.no-client") == []


# --- sshd


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["master-1", "node_perf-2", "client-1"])
@pytest.mark.parametrize(("port", "words"), [(2222, "listens on port 2222"), (0, "does not run")])
def test_sshd_must_listen_on_22_from_3_1_1_on_the_client_included(
    cluster: MakeCluster, target: str, name: str, port: int, words: str
):
    findings = found(spoil(cluster(source_of(target)), name, ssh_port=port), target, "upgrade.ssh-port")
    if target in {"2.0.0", "3.0.0", "3.1.0"}:
        assert findings == []
    else:
        (finding,) = findings
        assert (finding.severity, finding.platform_code, finding.subject) == ("blocker", 151, name)
        assert words in finding.sentence


def test_an_unknown_port_says_nothing(cluster: MakeCluster):
    assert found(spoil(cluster("3.0.0"), "master-1", ssh_port=None), "3.1.1", "upgrade.ssh-port") == []


# --- What the upgrade does


@pytest.mark.parametrize("target", TARGETS)
def test_an_unbound_claim_is_told_where_the_csi_upgrade_would_be_skipped(cluster: MakeCluster, target: str):
    claims = ("shop/a", "shop/b")
    findings = found(cluster(source_of(target), unbound_claims=claims), target, "upgrade.unbound-claim")
    expected = [] if target in {"2.0.0", "3.0.0"} else [("warning", "shop/a"), ("warning", "shop/b")]
    assert [(finding.severity, finding.subject) for finding in findings] == expected


@pytest.mark.guide("G-141")
def test_g_141_a_single_master_is_an_api_outage(cluster: MakeCluster):
    (finding,) = found(cluster(roles={"master": 1, "node_perf": 2, "client": 1}), "2.0.0", "upgrade.single-master")
    assert finding.severity == "warning"
    assert "API server does not answer" in finding.sentence
    assert found(cluster(), "2.0.0", "upgrade.single-master") == []


@pytest.mark.guide("G-144")
def test_g_144_data_outside_data_is_always_told(cluster: MakeCluster):
    for target in TARGETS:
        (finding,) = found(cluster(source_of(target)), target, "upgrade.data-outside-data")
        assert finding.severity == "warning"
        assert "all data on the client" in finding.sentence


@pytest.mark.parametrize(
    ("source", "target", "reset"),
    [
        ("1.0.1", "2.0.0", False),
        ("2.0.0", "3.0.0", False),
        ("3.0.0", "3.1.0", True),
        ("3.0.0", "3.1.1-1", True),
        ("3.1.0", "3.1.1", False),
        ("3.2.1", "3.3.0", False),
    ],
)
def test_the_audit_policy_is_reset_on_the_way_into_3_1(
    cluster: MakeCluster,
    source: str,
    target: str,
    reset: bool,  # noqa: FBT001 - a parameter of the test
):
    assert bool(found(cluster(source), target, "upgrade.audit-reset")) is reset


@pytest.mark.guide("G-052")
@pytest.mark.parametrize("source", ["1.0.0", "1.0.1"])
def test_all_modules_are_turned_on_only_with_kubesphere_and_only_from_1_x(cluster: MakeCluster, source: str):
    assert len(found(cluster(source), "2.0.0", "upgrade.all-modules")) == 1
    assert found(cluster(source, kubesphere=False), "2.0.0", "upgrade.all-modules") == []
    assert found(cluster("2.0.0"), "3.0.0", "upgrade.all-modules") == []


@pytest.mark.guide("G-192")
def test_g_192_resources_made_before_2_0_0_stay_manual(cluster: MakeCluster):
    (finding,) = found(cluster("1.0.1"), "2.0.0", "upgrade.manual-leftovers")
    assert finding.severity == "note"
    assert found(cluster("2.0.0"), "3.0.0", "upgrade.manual-leftovers") == []


@pytest.mark.guide("G-147")
def test_g_147_a_cluster_born_as_1_0_0_keeps_the_old_kernel(cluster: MakeCluster):
    (finding,) = found(cluster("1.0.0"), "2.0.0", "upgrade.old-kernel")
    assert finding.severity == "note"
    assert "stop and start" in finding.remedy
    assert found(cluster("1.0.1"), "2.0.0", "upgrade.old-kernel") == []


def test_every_rule_can_speak(cluster: MakeCluster):
    """A rule that no test of this file can wake would be dead code."""
    roles = {"master": 1, "node_perf": 1, "client": 1}
    broken = spoil(
        cluster("1.0.0", roles, unbound_claims=None, status="stopped"),
        "master-1",
        "client-1",
        ready=False,
        data_free_mb=1,
        ssh_port=0,
        status="stopped",
    )
    clientless = cluster("3.0.0", {"master": 3}, unbound_claims=("shop/a",))
    worlds = [(broken, "2.0.0"), (broken, "3.1.1"), (clientless, "3.1.1")]
    silent = [rule.__name__ for rule in RULES if not any(list(rule(*world, catalog())) for world in worlds)]
    assert silent == []

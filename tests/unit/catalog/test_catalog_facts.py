"""Do the shipped files say what the product says? The numbers here were copied from the product a second time."""

from __future__ import annotations

from datetime import date

import pytest

from qke_core.catalog import Basis, Catalog, PreCheck, RoleShape, catalog

UPGRADE_TARGETS = ("2.0.0", "3.0.0", "3.1.0", "3.1.1", "3.1.1-1", "3.2.1", "3.3.0")

APPLICATION_CODES = (
    "EC_KS_INSTALL_POD_ERR",
    "EC_KS_INSTALL_LOGS_ERR",
    "EC_KS_INSTALL_FAILED",
    "EC_KS_INSTALL_RUNNING",
    "EC_KS_INSTALL_DONE_WITH_ERR",
    "EC_IAAS_FAILED",
    "EC_DRAIN_FAILED",
    "EC_BELOW_MIN_WORKERS_COUNT",
    "EC_UNCORDON_FAILED",
    "EC_DO_NOT_DELETE_MASTERS",
    "EC_OVERLAY_ERR",
    "EC_HOSTNIC_VXNETS_INVALID",
    "EC_HOSTNIC_VXNETS_LACKING",
    "EC_HOSTNIC_VXNETS_UNKNOWN",
    "EC_HOSTNIC_VPCS_MISMATCHED",
    "EC_DNS_ERR",
)


@pytest.fixture
def facts() -> Catalog:
    return catalog()


def test_every_entry_has_a_source_and_a_basis(facts: Catalog):
    for entry in facts.entries():
        assert entry.source.strip()
        assert isinstance(entry.basis, Basis)
    assert {entry.file for entry in facts.entries()} >= {"versions.toml", "budgets.toml", "codes.toml", "express.toml"}
    names = [(entry.file, entry.name) for entry in facts.entries()]
    assert len(set(names)) == len(names)


def test_nine_versions_stand_oldest_first(facts: Catalog):
    assert facts.order == ("1.0.0", "1.0.1", *UPGRADE_TARGETS)
    released = [facts.version(name).released for name in facts.order]
    assert released == sorted(released)
    assert released[2] == date(2020, 5, 19)


@pytest.mark.parametrize(
    ("version", "kubesphere", "kubernetes"),
    [
        ("1.0.0", "2.0.1", "1.13.5"),
        ("1.0.1", "2.0.2", "1.13.5"),
        ("2.0.0", "2.1.1", "1.16.7"),
        ("3.0.0", "3.0.0", "1.17.9"),
        ("3.1.0", "3.1.0", "1.19.8"),
        ("3.1.1", "3.1.1", "1.20.6"),
        ("3.1.1-1", "3.1.1", "1.20.6"),
        ("3.2.1", "3.2.1", "1.21.5"),
        ("3.3.0", "3.3.0", "1.22.10"),
    ],
)
def test_a_version_carries_its_kubesphere_and_kubernetes(
    facts: Catalog, version: str, kubesphere: str, kubernetes: str
):
    assert facts.version(version).kubesphere == kubesphere
    assert facts.version(version).kubernetes == kubernetes


def test_app_version_ids_lead_back_to_their_version_and_guesses_are_marked(facts: Catalog):
    for name in facts.order:
        assert facts.by_app_version(facts.version(name).app_version_id).name == name
    guessed = {name for name in facts.order if facts.version(name).app_version_basis is Basis.ASSUMED}
    assert guessed == {"1.0.0", "1.0.1", "3.1.1-1", "3.3.0"}


def test_upgrades_are_the_twelve_the_policies_allow(facts: Catalog):
    edges = {(edge.origin, edge.target): edge.basis for edge in facts.upgrades}
    assert len(edges) == len(facts.upgrades) == 12
    assert edges["3.1.1-1", "3.2.1"] is Basis.ASSUMED
    assert edges["3.0.0", "3.1.1"] is Basis.DOCUMENTED
    assert not [origin for origin, target in edges if origin.startswith("1.") and target != "2.0.0"]
    assert {target for _, target in edges} == set(UPGRADE_TARGETS)


@pytest.mark.parametrize("target", UPGRADE_TARGETS)
def test_masters_and_workers_upgrade_first_and_the_client_second(facts: Catalog, target: str):
    for role in ("master", "node_perf", "node_super_perf"):
        service = facts.upgrade_service(role, target)
        assert service is not None
        assert (service.order, service.timeout_ms) == (1, 10_800_000)
    client = facts.upgrade_service("client", target)
    assert client is not None
    assert (client.order, client.timeout_ms) == (2, 43_200_000)


def test_gpu_workers_are_upgraded_from_3_0_0_on(facts: Catalog):
    upgraded = [target for target in UPGRADE_TARGETS if facts.upgrade_service("node_gpu", target)]
    assert upgraded == list(UPGRADE_TARGETS[1:])
    assert facts.upgrade_service("master", "1.0.1") is None


@pytest.mark.parametrize(
    ("target", "role", "checks"),
    [
        ("2.0.0", "master", [("disk", 150)]),
        ("3.0.0", "node_gpu", [("disk", 151), ("nodes-ready", 151)]),
        ("3.1.0", "node_perf", [("disk", 150), ("nodes-ready", 151)]),
        ("3.1.1", "master", [("disk", 150), ("nodes-ready", 151), ("sshd-22", 151)]),
        ("3.3.0", "node_super_perf", [("disk", 150), ("nodes-ready", 151), ("sshd-22", 151)]),
        ("3.1.0", "client", []),
        ("3.1.1", "client", [("sshd-22", 151)]),
    ],
)
def test_pre_checks_are_made_in_order_with_their_codes(
    facts: Catalog, target: str, role: str, checks: list[tuple[str, int]]
):
    service = facts.upgrade_service(role, target)
    assert service is not None
    assert [(check.check, check.code) for check in service.pre_checks] == checks
    assert all(isinstance(check, PreCheck) for check in service.pre_checks)


@pytest.mark.parametrize(
    ("name", "version", "attempts", "interval_ms"),
    [
        ("previous-masters", "2.0.0", 1800, 2_000),
        ("previous-masters", "3.3.0", 20, 30_000),
        ("worker-kubeconfig", "2.0.0", 3600, 1_000),
        ("masters-ready", "3.1.1", 3600, 2_000),
        ("masters-ready", "3.1.1-1", 60, 10_000),
        ("all-nodes", "2.0.0", 3600, 2_000),
        ("all-nodes", "3.0.0", 600, 1_000),
        ("all-nodes", "3.2.1", 60, 20_000),
        ("no-unbound-pvc", "3.1.0", 600, 1_000),
        ("no-unbound-pvc", "3.3.0", 60, 10_000),
        ("helm-ready", "2.0.0", 1800, 1_000),
        ("client-helm-ready", "2.0.0", 1200, 1_000),
        ("kubesphere-installer", "3.0.0", 1800, 2_000),
        ("kubesphere-installer", "3.3.0", 60, 20_000),
        ("kubesphere-client", "3.1.1", 18_000, 2_000),
        ("kubesphere-client", "3.1.1-1", 60, 20_000),
        ("coredns-volume-fix", "3.1.0", 10, 1_000),
    ],
)
def test_a_wait_of_an_upgrade_has_the_budget_of_its_script(
    facts: Catalog, name: str, version: str, attempts: int, interval_ms: int
):
    budget = facts.budget(name, version)
    assert (budget.attempts, budget.interval_ms) == (attempts, interval_ms)


def test_waits_exist_only_where_the_scripts_have_them(facts: Catalog):
    assert not facts.has_budget("masters-ready", "2.0.0")
    assert not facts.has_budget("worker-kubeconfig", "3.0.0")
    assert not facts.has_budget("no-unbound-pvc", "3.0.0")
    assert not facts.has_budget("helm-ready", "3.0.0")
    assert not facts.has_budget("previous-masters", "1.0.1")


def test_readiness_counts_for_all_nodes_from_3_0_0_on(facts: Catalog):
    assert not facts.budget("all-nodes", "2.0.0").requires_ready
    assert all(facts.budget("all-nodes", target).requires_ready for target in UPGRADE_TARGETS[1:])


def test_what_happens_when_a_budget_is_spent(facts: Catalog):
    assert facts.budget("no-unbound-pvc", "3.3.0").on_exhausted == "skip"
    assert facts.budget("control-plane-sighup", "3.3.0").on_exhausted == "warn"
    assert facts.budget("local-dns", "3.3.0").code == 143
    client = facts.budget("kubesphere-client", "3.3.0")
    assert (client.on_exhausted, client.code, client.stop_codes) == ("last", None, (130, 132))
    assert facts.budget("kubesphere-installer", "3.3.0").stop_codes == (132,)


def test_worst_case_adds_the_sleeps_and_the_looks(facts: Catalog):
    assert facts.constant("check_ms") == 300
    assert facts.budget("previous-masters", "3.3.0").worst_ms(300) == 20 * (30_000 + 300)
    assert facts.budget("api-ready", "1.0.1").worst_ms(0) == 59 * 2_000


def test_application_codes_are_numbered_128_plus_position(facts: Catalog):
    for position, name in enumerate(APPLICATION_CODES):
        code = facts.codes[128 + position]
        assert code.number == 128 + position
        assert code.name == name


def test_every_known_code_is_explained(facts: Catalog):
    framework = {*range(200, 206), 224}
    assert set(facts.codes) == {1, 124, *range(128, 144), 150, 151, 255} | framework
    assert [code.number for code in facts.codes.values() if code.basis is not Basis.DOCUMENTED] == [124]


def test_ret_codes_of_the_cloud_are_there(facts: Catalog):
    assert list(facts.ret_codes) == [
        *(0, 1100, 1101, 1200, 1300, 1400, 2100, 2110, 2400, 2500, 5000, 5100, 5200, 5300, 5400),
    ]


def test_express_prod_at_1_0_1_has_three_masters(facts: Catalog):
    shapes = facts.express("1.0.1", "Prod")
    assert shapes["master"] == RoleShape(count=3, instance_class=0, cpu=4, memory_mib=8192, volume_gib=80)
    assert shapes["node_perf"].count == 3
    assert shapes["node_super_perf"].count == 0
    assert list(shapes) == ["master", "node_perf", "node_super_perf", "client"]


def test_a_role_that_a_preset_leaves_out_keeps_its_default_shape(facts: Catalog):
    shapes = facts.express("3.3.0", "standard prod")
    assert shapes["node_gpu"] == facts.default_shape("3.3.0", "node_gpu")
    assert shapes["node_gpu"].count == 0
    assert shapes["client"].volume_gib == 0


@pytest.mark.parametrize(
    ("version", "default"),
    [("1.0.0", "Performance"), ("1.0.1", "DevTest"), ("3.0.0", "standard test"), ("3.1.0", "high-performance test")],
)
def test_the_form_starts_with_the_default_group(facts: Catalog, version: str, default: str):
    assert facts.default_group(version) == default
    assert len(facts.express_groups(version)) == 4
    assert default in facts.express_groups(version)


def test_masters_grew_smaller_disks_at_3_0_0(facts: Catalog):
    assert facts.default_shape("2.0.0", "master").volume_gib == 200
    assert facts.default_shape("3.0.0", "master").volume_gib == 80


def test_disk_space_an_upgrade_asks_for(facts: Catalog):
    assert facts.constant("disk_free_required_mb") == 51_200


def test_cloud_latencies_are_in_the_profile(facts: Catalog):
    assert facts.profile == "default"
    assert facts.duration("volume-attach").mode_ms == 8_000
    for name in ("api-call", "volume-detach", "instance-start", "instance-stop"):
        assert facts.duration(name).min_ms > 0
    for duration in facts.durations.values():
        assert duration.min_ms <= duration.mode_ms <= duration.max_ms


def test_steps_of_scripts_point_at_facts(facts: Catalog):
    for (_, version, _), steps in facts.scripts.items():
        for step in steps:
            assert step.duration is None or step.duration in facts.durations
            assert step.wait is None or facts.has_budget(step.wait, version)

"""Does the book of operations say what the product does? Its numbers were copied from the product a second time."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qke_core.catalog import Basis, catalog, operations
from qke_core.catalog.load import read_text
from qke_core.catalog.operations import build_operations
from qke_core.errors import InvariantError
from qke_core.units import MS_PER_S

ONE = ("1.0.0", "1.0.1")
TWO = ("2.0.0", "3.0.0", "3.1.0", "3.1.1", "3.1.1-1", "3.2.1", "3.3.0")
FORCED = ("3.1.1-1", "3.2.1", "3.3.0")

FEATURES = {
    "private-registry": ("1.0.0", "1.0.0"),
    "gpu-taint-always": ("2.0.0", "3.0.0"),
    "cloud-controller-and-csi": ("1.0.0", ""),
    "install-kubesphere-switch": ("1.0.1", ""),
    "kubernetes-eip": ("1.0.1", ""),
    "autoscaling": ("1.0.1", ""),
    "neonsan-class": ("1.0.1", ""),
    "reserved-resources": ("1.0.1", ""),
    "docker-log-rotation": ("1.0.1", ""),
    "in-place-upgrade": ("2.0.0", ""),
    "gpu-nodes": ("2.0.0", ""),
    "several-worker-types": ("2.0.0", ""),
    "single-node": ("2.0.0", ""),
    "client-optional": ("2.0.0", ""),
    "automatic-destruction": ("2.0.0", ""),
    "restart-service": ("2.0.0", ""),
    "modules": ("2.0.0", ""),
    "volume-expansion": ("2.0.0", ""),
    "scale-in-guard": ("2.0.0", ""),
    "ssh-key": ("2.0.0", ""),
    "client-password": ("2.0.0", "2.0.0"),
    "password-is-cluster-id": ("3.0.0", ""),
    "audit-policy-folder": ("2.0.0", ""),
    "menu-services": ("2.0.0", ""),
    "cpu-model": ("2.0.0", ""),
    "notification-module": ("2.0.0", "3.0.0"),
    "human-readable-names": ("3.0.0", ""),
    "helm-3": ("3.0.0", ""),
    "extra-arguments": ("3.0.0", ""),
    "kubernetes-eip-port": ("3.0.0", ""),
    "supervised-ssh": ("3.0.0", ""),
    "readiness-check-before-upgrade": ("3.0.0", ""),
    "policy-auditing-events-modules": ("3.0.0", ""),
    "hostnic": ("3.1.0", ""),
    "apiserver-eip-balancer": ("3.1.0", ""),
    "audit-policy-text": ("3.1.0", ""),
    "default-eviction": ("3.1.0", ""),
    "topology-labels": ("3.1.0", ""),
    "readiness-in-health-check": ("3.1.0", ""),
    "master-disk-class": ("3.1.1", ""),
    "forced-drain": ("3.1.1-1", ""),
    "console-repair": ("3.2.1", ""),
    "hostnic-ipam": ("3.3.0", ""),
}


def changed(old: str, new: str) -> str:
    text = read_text("operations.toml")
    assert old in text
    return text.replace(old, new, 1)


def refusal(text: str) -> str:
    with pytest.raises(InvariantError) as caught:
        build_operations(text, catalog().order)
    assert caught.value.code == "catalog.malformed"
    return caught.value.sentence


def test_the_book_is_read_once_and_every_entry_has_a_name_and_a_source_of_its_own():
    assert operations() is operations()
    entries = list(operations().entries())
    assert len({entry.name for entry in entries}) == len(entries) > 50
    assert all(entry.source.strip() and isinstance(entry.basis, Basis) for entry in entries)


# --- Services


@pytest.mark.parametrize("version", ONE)
def test_at_1x_the_client_initialises_first_and_starts_last(version: str):
    assert operations().init_order(version) == (("client",), ("master", "worker"))
    assert operations().start_order(version) == (("master",), ("worker",), ("client",))


@pytest.mark.parametrize("version", TWO)
def test_from_2_0_0_masters_and_workers_go_side_by_side_and_the_client_follows(version: str):
    assert operations().init_order(version) == (("master", "worker"), ("client",))
    assert operations().start_order(version) == (("master", "worker"), ("client",))


@pytest.mark.parametrize(
    ("role", "name", "version", "timeout_s"),
    [
        ("master", "init", "1.0.1", 1200),
        ("master", "init", "2.0.0", 1800),
        ("node_gpu", "init", "3.3.0", 1200),
        ("client", "init", "3.0.0", 1200),
        ("client", "init", "3.1.0", 3600),
        ("client", "start", "1.0.0", 1200),
        ("client", "start", "2.0.0", 600),
        ("node_perf", "stop", "3.0.0", 1200),
        ("master", "restart", "2.0.0", 600),
        ("master", "scale_in", "1.0.0", 86400),
        ("master", "scale_in", "3.3.0", 7500),
        ("master", "scale_out", "3.1.0", 1200),
        ("master", "destroy", "1.0.1", 600),
        ("node_super_perf", "destroy", "3.1.1-1", 1200),
        ("node_perf", "destroy", "3.2.1", 600),
        ("node_perf", "destroy", "3.3.0", 1200),
        ("node_gpu", "docker_prune", "2.0.0", 3600),
        ("master", "renew_certs", "3.2.1", 300),
    ],
)
def test_a_service_has_the_time_limit_of_the_definition(role: str, name: str, version: str, timeout_s: int):
    (service,) = [
        found for key, found in operations().services.items() if key[0] == role and key[1:] == (name, version)
    ]
    assert service.timeout_ms == timeout_s * MS_PER_S


def test_what_a_role_does_not_have_is_none():
    book = operations()
    assert book.service("client", "stop", "3.3.0") is None
    assert book.service("master", "restart", "1.0.1") is None
    assert book.service("master", "scale_out", "1.0.1") is None
    assert book.service("node_perf", "renew_certs", "2.0.0") is None
    assert book.service("node_gpu", "start", "1.0.1") is None


def test_init_follows_start_and_destroy_follows_stop_from_2_0_0_on():
    for (_, name, version), service in operations().services.items():
        later = {"init": "start", "destroy": "stop"}.get(name, "") if version in TWO else ""
        assert service.after == later


def test_only_scaling_has_a_pre_check_that_may_refuse_it():
    checked = {(name, version) for (_, name, version), found in operations().services.items() if found.pre_check}
    assert checked == {(name, version) for name in ("scale_in", "scale_out") for version in TWO}


def test_whether_a_failed_destroy_can_be_overruled_differs_by_version_and_role():
    services = operations().services.items()
    said = {(role, version): found.force for (role, name, version), found in services if name == "destroy"}
    assert said["node_perf", "2.0.0"] is None
    assert said["node_gpu", "3.1.1"] is False
    assert said["node_gpu", "3.1.1-1"] is True
    assert said["node_perf", "3.2.1"] is False
    assert (said["node_perf", "3.3.0"], said["node_super_perf", "3.3.0"]) == (True, False)


# --- Scaling


@pytest.mark.guide("G-186")
@pytest.mark.parametrize("version", [version for version in TWO if version not in FORCED])
def test_up_to_3_1_1_a_drain_is_polite_and_may_take_two_hours(version: str):
    fact = operations().scale_in(version)
    assert fact.flags == ("ignore-daemonsets",)
    assert (fact.drain_s, fact.delete_node_s, fact.forced) == (2 * 3600, 600, False)


@pytest.mark.parametrize("version", FORCED)
def test_from_3_1_1_1_a_drain_is_forced_and_takes_six_minutes(version: str):
    fact = operations().scale_in(version)
    assert fact.flags == ("ignore-daemonsets", "delete-emptydir-data", "force")
    assert (fact.drain_s, fact.delete_node_s, fact.forced) == (6 * 60, 180, True)


@pytest.mark.parametrize("version", TWO)
def test_from_2_0_0_two_workers_are_left_and_a_failed_drain_is_taken_back(version: str):
    fact = operations().scale_in(version)
    assert (fact.min_workers, fact.uncordons, fact.attempts) == (2, True, 1)
    assert fact.codes == {"drain-failed": 134, "too-few-workers": 135, "uncordon-failed": 136, "master-leaves": 137}
    assert all(code in catalog().codes for code in fact.codes.values())


def test_at_1x_nothing_guards_the_workers():
    facts = [operations().scale_in(version) for version in ONE]
    assert {(fact.min_workers, fact.uncordons, fact.drain_s, len(fact.codes)) for fact in facts} == {(0, False, 0, 0)}
    assert [fact.attempts for fact in facts] == [1, 60]


def test_a_join_token_lives_two_hours_and_at_1x_for_ever():
    assert {operations().scale_out(version).token_s for version in TWO} == {7200}
    assert {operations().scale_out(version).token_s for version in ONE} == {0}


@pytest.mark.guide("G-125", "G-126")
def test_masters_are_resized_one_after_another_and_workers_too_from_2_0_0_on():
    manner = operations().resize_manner
    assert {manner("master", version) for version in catalog().order} == {"rolling"}
    assert {manner(role, version) for role in ("node_perf", "node_gpu") for version in TWO} == {"rolling"}
    assert {manner("node_super_perf", version) for version in ONE} == {"at-once"}
    assert {manner("client", version) for version in catalog().order} == {"at-once"}


def test_nobody_waits_for_a_resized_node_from_3_0_0_on():
    assert {operations().waits_for_ready(version) for version in TWO[1:]} == {"no"}
    assert {operations().waits_for_ready(version) for version in (*ONE, "2.0.0")} == {"unknown"}


# --- What people may do


@pytest.mark.guide("G-185")
@pytest.mark.parametrize("version", catalog().order)
def test_masters_are_never_added_or_removed(version: str):
    assert not operations().allows("scale_horizontal", "master", version)
    assert operations().allows("scale_horizontal", "node_perf", version)


def test_the_client_can_be_added_where_the_definition_says_so():
    book = operations()
    allowed = [version for version in catalog().order if book.allows("scale_horizontal", "client", version)]
    assert allowed == ["2.0.0", "3.1.0", "3.1.1", "3.1.1-1", "3.2.1", "3.3.0"]


def test_rollback_and_another_host_type_of_masters_are_refused_from_2_0_0_on():
    book = operations()
    assert not any(book.allows("rollback", role, version) for role in catalog().roles for version in TWO)
    assert not any(book.allows("change_instance_class", "master", version) for version in TWO)
    assert book.allows("change_instance_class", "master", "1.0.1")


def test_nodes_are_looked_at_every_minute_and_the_client_never():
    book = operations()
    for version in catalog().order:
        check = book.health_check("node_perf", version)
        assert check is not None
        assert (check.interval_s, check.timeout_s, check.action_timeout_s) == (60, 10, 30)
        assert (check.unhealthy_after, check.healthy_after) == (3, 3)
        assert book.health_check("client", version) is None


@pytest.mark.guide("G-166")
def test_the_recycle_bin_keeps_a_cluster_for_two_hours():
    assert operations().constants["recycle_bin_s"] == 7200


PROVE = {
    "gpu-nodes": ("G-010", "G-196"),
    "several-worker-types": ("G-118", "G-196"),
    "single-node": ("G-182",),
    "in-place-upgrade": ("G-140",),
    "automatic-destruction": ("G-190",),
    "autoscaling": ("G-017", "G-201"),
    "private-registry": ("G-201",),
    "neonsan-class": ("G-203",),
    "kubernetes-eip": ("G-204",),
    "install-kubesphere-switch": ("G-204",),
    "reserved-resources": ("G-207",),
    "docker-log-rotation": ("G-207",),
    "ssh-key": ("G-193",),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.guide(*PROVE[name])] if name in PROVE else []) for name in sorted(FEATURES)],
)
def test_a_feature_is_there_from_its_first_version_to_its_last(name: str):
    order = catalog().order
    since, until = FEATURES[name]
    able = [version for version in order if operations().can(version, name)]
    assert able == list(order[order.index(since) : order.index(until) + 1 if until else len(order)])


def test_no_feature_is_missing_and_an_unknown_one_is_an_error():
    assert set(operations().features) == set(FEATURES)
    with pytest.raises(KeyError):
        _ = operations().can("3.3.0", "time-travel")


# --- Refusals of the file itself


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("token_s = 0", "token_s = 0\nlives = 1", "unknown key lives"),
        ("token_s = 7200", "token_s = -1", "token_s must be a whole number"),
        ('until = "3.0.0"', 'until = "1.0.1"', "until 1.0.1 is before since 2.0.0"),
        ('name = "helm-3"', 'name = "hostnic"', "is there twice"),
        ('after = "start"', 'after = "lunch"', "after must be one of start, stop"),
        ('versions = ["1.0.0"]\nmin_workers', 'versions = ["1.0.1"]\nmin_workers', "is there twice"),
        (
            'versions = ["3.1.1-1", "3.2.1", "3.3.0"]\nmin_workers',
            'versions = ["3.3.0"]\nmin_workers',
            "3.1.1-1, 3.2.1",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(old: str, new: str, said: str):
    sentence = refusal(changed(old, new))
    assert "operations.toml" in sentence
    assert said in sentence


# --- The page that tells people


PAGE = Path(__file__).parents[3] / "docs" / "rules" / "operations.md"


def table(section: str, number: int = 0) -> list[list[str]]:
    """Return the rows of a table of a section of the page, its head first."""
    text = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (found,) = [part for part in text if part.startswith(f"{section}\n")]
    tables = re.findall(r"(?:^\|.*\n)+", found, re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in tables[number].splitlines()]
    return [rows[0], *rows[2:]]


def of_versions(text: str) -> list[str]:
    """Return the versions that the page means by `all`, `1.x`, `from 2.0.0`, `up to 3.0.0`, or a list of them."""
    order = catalog().order
    if text in {"all", "1.x"}:
        return [version for version in order if text == "all" or version in ONE]
    word, _, end = text.rpartition(" ")
    if word == "from":
        return list(order[order.index(end) :])
    if word == "up to":
        return list(order[: order.index(end) + 1])
    return text.split(", ")


def test_the_page_has_the_features_of_the_book():
    rows = {
        name.strip("`"): (since, until.replace("-", "")) for name, since, until in table("What versions can do")[1:]
    }
    assert rows == FEATURES


def test_the_page_has_the_orders_of_the_book():
    head, *rows = table("Order of services")
    for name, *cells in rows[:2]:
        for versions, cell in zip((ONE, TWO), cells, strict=True):
            wanted = tuple(tuple(group.strip().split(", ")) for group in cell.split(";"))
            order = operations().init_order if name == "init" else operations().start_order
            assert {order(version) for version in versions} == {wanted}
    assert head[1:] == ["1.0.0, 1.0.1", "2.0.0 and later"]


def test_the_page_has_the_time_limits_of_the_book():
    kinds = {"masters, workers": ("master", "worker"), "workers": ("worker",)}
    told: dict[tuple[str, str, str], int] = {}
    for name, role, versions, limit in table("Order of services", 1)[1:]:
        for kind in kinds.get(role, (role,)):
            for version in of_versions(versions):
                told.setdefault((name, kind, version), int(limit.split()[0]) * MS_PER_S)
    book = {
        (name, catalog().roles[role].kind, version): found.timeout_ms
        for (role, name, version), found in operations().services.items()
        if name != "destroy"
    }
    assert {key: told.get(key) for key in book} == book
    later = {key for key in told if key not in book}
    assert not later


def test_the_page_has_the_drains_of_the_book():
    head, *rows = table("Delete nodes", 1)
    cells = {row[0]: row[1:] for row in rows}
    for place, versions in enumerate(head[1:]):
        for version in versions.split(", "):
            fact = operations().scale_in(version)
            assert cells["flags"][place].split(", ") == list(fact.flags)
            assert cells["attempts"][place] == str(fact.attempts)
            assert cells["limit of a drain"][place] == (f"{fact.drain_s} s" if fact.drain_s else "none")
            assert cells["limit of a deletion"][place] == (f"{fact.delete_node_s} s" if fact.delete_node_s else "none")
            assert cells["workers left, at least"][place] == str(fact.min_workers)
            assert ("134" in cells["drain fails"][place]) == fact.uncordons


def test_the_page_has_the_attempts_to_join_of_the_book():
    for versions, tries in table("Add nodes", 1)[1:]:
        for version in versions.split(", "):
            budget = catalog().budget("join-worker", version)
            assert tries == f"{budget.attempts}, {budget.interval_ms // MS_PER_S} s apart"

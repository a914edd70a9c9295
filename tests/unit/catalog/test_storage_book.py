"""Does the storage book say what the product says? The numbers here were copied from the product a second time."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qke_core.catalog import Basis, SizeRule, StorageBook, StorageClass, catalog, storage
from qke_core.catalog.load import read_text
from qke_core.catalog.storage import build_storage
from qke_core.errors import InvariantError

ROOT = Path(__file__).parents[3]
MODERN = ("2.0.0", "3.0.0", "3.1.0", "3.1.1", "3.1.1-1", "3.2.1", "3.3.0")
LATE = MODERN[3:]


@pytest.fixture
def book() -> StorageBook:
    return storage()


def names(classes: tuple[StorageClass, ...]) -> list[str]:
    return [found.name for found in classes]


def _replacements(book: StorageBook, version: str, zone: str, what: str) -> dict[int, int]:
    return {key[3]: new for key, new in book.replacements.items() if key[:3] == (version, zone, what)}


def default(book: StorageBook, version: str, zone: str, masters: int, born_as: str | None = None) -> str | None:
    found = [each.name for each in book.classes(version, zone, masters, born_as or version) if each.default]
    return found[0] if found else None


# --- Types of volumes and hosts


@pytest.mark.guide("G-006")
@pytest.mark.parametrize(
    ("code", "csi_name", "storage_class"),
    [
        (0, "HighPerformance", "csi-high-perf"),
        (2, "HighCapacity", "csi-high-capacity-legacy"),
        (3, "SuperHighPerformance", "csi-super-high-perf"),
        (5, "NeonSAN", "csi-neonsan"),
        (6, "NeonSANHDD", "csi-high-capacity"),
        (100, "Standard", "csi-standard"),
        (200, "SSDEnterprise", "csi-ssd-enterprise"),
    ],
)
def test_a_volume_type_has_its_names(book: StorageBook, code: int, csi_name: str, storage_class: str):
    assert (book.volume_types[code].csi_name, book.volume_types[code].storage_class) == (csi_name, storage_class)
    assert len(book.volume_types) == 7


@pytest.mark.parametrize(
    ("volume", "hosts"),
    [
        (0, {0, 101}),
        (2, {0, 1, 101, 201, 202, 301}),
        (3, {1, 201, 202, 301}),
        (5, {0, 1, 101, 201, 202, 301}),
        (6, {0, 1, 101, 201, 202, 301}),
        (100, {0, 101}),
        (200, {1, 201, 202, 301}),
    ],
)
def test_volumes_attach_to_the_hosts_of_the_drivers_table(book: StorageBook, volume: int, hosts: set[int]):
    offered = {0, 1, 101, 201, 202, 301}  # What QKE offers; the driver knows a few more.
    assert {host for host in offered if book.attachable(host, volume)} == hosts


@pytest.mark.guide("G-029")
def test_every_host_prefers_its_own_type(book: StorageBook):
    preferred = {code: host.preferred for code, host in book.host_types.items()}
    assert preferred == {0: 0, 1: 3, 3: 5, 6: 5, 7: 5, 101: 100, 201: 200, 202: 200, 203: 200, 301: 200}


def test_nothing_attaches_to_a_host_that_nobody_knows(book: StorageBook):
    assert not any(book.attachable(999, volume) for volume in book.volume_types)


# --- Sizes


@pytest.mark.parametrize(
    ("types", "versions", "rule"),
    [
        ((0, 3, 6, 100, 200), ("1.0.0", "1.0.1"), (10, 1000, 10)),
        ((2,), ("1.0.0", "1.0.1"), (100, 5000, 100)),
        ((5,), ("1.0.0", "1.0.1"), (100, 50000, 100)),
        ((0, 3, 100, 200), MODERN, (10, 2000, 10)),
        ((2,), MODERN, (100, 5000, 100)),
        ((5,), MODERN[:3], (100, 20000, 100)),
        ((5,), LATE, (20, 20000, 10)),
        ((6,), MODERN[:3], (100, 10000, 100)),
        ((6,), LATE, (20, 10000, 10)),
    ],
)
def test_classes_hand_out_these_sizes(
    book: StorageBook, types: tuple[int, ...], versions: tuple[str, ...], rule: tuple[int, int, int]
):
    for version in versions:
        for code in types:
            assert book.size_rule(code, version) == SizeRule(*rule)


def test_every_type_has_sizes_at_every_version(book: StorageBook):
    assert set(book.sizes) == {(code, version) for code in book.volume_types for version in catalog().order}


@pytest.mark.parametrize(
    ("code", "asked", "version", "size"),
    [
        (100, 1, "2.0.0", 10),
        (100, 11, "2.0.0", 20),
        (100, 2000, "2.0.0", 2000),
        (100, 2001, "2.0.0", None),
        (6, 10, "3.1.0", 100),
        (6, 10, "3.1.1", 20),
        (6, 101, "3.1.0", 200),
        (2, 250, "3.3.0", 300),
    ],
)
def test_a_claim_is_rounded_up_to_what_the_class_hands_out(
    book: StorageBook, code: int, asked: int, version: str, size: int | None
):
    assert book.size_fit(code, asked, version) == size


@given(st.sampled_from(sorted(storage().sizes)), st.integers(1, 60_000), st.integers(1, 60_000))
def test_a_fitted_size_holds_what_is_asked_and_is_the_least_that_does(key: tuple[int, str], asked: int, other: int):
    rule = storage().sizes[key]
    size = rule.fit(asked)
    if size is None:
        assert asked > rule.maximum
        return
    assert asked <= size <= rule.maximum
    assert rule.fit(size) == size
    assert size == rule.minimum or (size % rule.step == 0 and size - rule.step < asked)
    larger = rule.fit(max(asked, other))
    assert larger is None or larger >= size


def test_the_driver_has_limits_of_its_own(book: StorageBook):
    assert book.driver_size(2, "1.1.1") == SizeRule(100, 5000, 50)
    assert book.driver_size(6, "1.3.3") == SizeRule(20, 32000, 10)
    assert book.driver_size(100, "1.3.3").minimum == 10
    assert set(book.driver_sizes) == {(code, driver) for code in book.volume_types for driver in ("1.1.1", "1.3.3")}


def test_old_zones_offer_smaller_disks(book: StorageBook):
    assert book.zone_size(0, "gd1") == SizeRule(10, 1000, 10)
    assert book.zone_size(0, "pek3a") == SizeRule(10, 2000, 10)
    assert book.zone_size(5, "sh1a") == SizeRule(100, 50000, 100)
    assert book.zone_size(5, "gd2") is None
    assert book.zone_size(100, "nowhere1") is None


def test_the_span_of_a_type_is_what_any_list_allows(book: StorageBook):
    assert book.size_span(100) == (10, 2000)
    assert book.size_span(5) == (20, 50000)
    assert book.size_span(99) == (0, 0)


# --- Zones and what they put in place of what


@pytest.mark.parametrize(
    ("zone", "versions", "what", "pairs"),
    [
        ("pek3a", MODERN, "instance_class", {101: 0, 201: 1, 202: 1}),
        ("pek3a", MODERN, "volume_class", {100: 0, 6: 2, 200: 3}),
        ("pek3b", MODERN[:3], "volume_class", {6: 5}),
        ("pek3c", MODERN[:3], "volume_class", {6: 5}),
        ("sh1a", MODERN[:3], "volume_class", {6: 5}),
        ("gd2a", MODERN[:4], "instance_class", {202: 201}),
        ("gd2b", MODERN[:4], "instance_class", {202: 201}),
        ("gd2a", MODERN[:3], "volume_class", {6: 5}),
        ("ap2a", MODERN, "instance_class", {202: 201}),
        ("ap2a", MODERN, "volume_class", {6: 200}),
        ("pekt3d", MODERN[4:], "volume_class", {6: 5}),
        ("pekt3d", MODERN[4:], "instance_class", {202: 201}),
    ],
)
def test_a_zone_replaces_at_these_versions_and_no_other(
    book: StorageBook, zone: str, versions: tuple[str, ...], what: str, pairs: dict[int, int]
):
    found = {version: _replacements(book, version, zone, what) for version in catalog().order}
    assert {version for version, at in found.items() if at} == set(versions)
    assert all(found[version] == pairs for version in versions)


def test_what_no_policy_names_stays_as_it_is(book: StorageBook):
    assert book.replace("3.3.0", "pek3", "volume_class", 6) == 6
    assert book.replace("1.0.1", "pek3a", "instance_class", 101) == 101


def test_a_zone_knows_which_versions_name_it(book: StorageBook):
    assert book.named_by("sh1a") == MODERN[:3]
    assert book.named_by("pekt3d") == MODERN[4:]
    assert book.named_by("pek3") == ()


@pytest.mark.guide("G-155")
def test_neonsan_is_where_lists_or_policies_say_so(book: StorageBook):
    said = {"pek3", "sh1a", "pek3b", "pek3c", "gd2a", "gd2b", "pekt3d"}
    assert {name for name, zone in book.zones.items() if zone.neonsan} == said | {"sh1"}
    assert book.zones["sh1"].basis is Basis.ASSUMED


def test_a_replacement_is_a_type_that_the_zone_offers(book: StorageBook):
    for (_, zone, what, _), new in book.replacements.items():
        if what == "volume_class":
            assert new in book.zones[zone].volume_types


def test_an_unknown_zone_offers_what_pek3_offers(book: StorageBook):
    assert book.offered("nowhere1") == book.zones["pek3"].volume_types


# --- Storage classes


@pytest.mark.guide("G-176")
@pytest.mark.parametrize(
    ("version", "zone", "masters", "expected"),
    [
        ("1.0.0", "pek3", 0, "csi-qingcloud"),
        ("1.0.1", "pek3", 1, "csi-qingcloud"),
        ("2.0.0", "pek3", 101, "csi-standard"),
        ("3.1.0", "pek3", 202, "csi-ssd-enterprise"),
        ("2.0.0", "pek3a", 101, "csi-high-perf"),
        ("3.1.0", "pek3a", 202, "csi-super-high-perf"),
        ("3.1.0", "gd2a", 202, "csi-ssd-enterprise"),
        ("3.1.1", "pek3", 101, "csi-high-capacity"),
        ("3.3.0", "pek3", 202, "csi-high-capacity"),
        ("3.3.0", "pek3a", 101, "csi-high-capacity-legacy"),
        ("3.3.0", "ap2a", 202, "csi-ssd-enterprise"),
        ("3.3.0", "pekt3d", 202, "csi-neonsan"),
        ("2.0.0", "gd1", 101, None),
    ],
)
def test_the_default_class_follows_the_masters_disk(
    book: StorageBook, version: str, zone: str, masters: int, expected: str | None
):
    assert default(book, version, zone, masters) == expected


@pytest.mark.guide("G-155", "G-203")
def test_1_0_1_adds_the_class_neonsan_where_the_zone_has_it(book: StorageBook):
    assert names(book.classes("1.0.1", "pek3", 0, "1.0.1")) == ["csi-qingcloud", "neonsan"]
    assert names(book.classes("1.0.1", "gd2", 0, "1.0.1")) == ["csi-qingcloud"]
    assert names(book.classes("1.0.0", "pek3", 0, "1.0.0")) == ["csi-qingcloud"]
    (neonsan,) = [found for found in book.classes("1.0.1", "pek3", 0, "1.0.1") if found.name == "neonsan"]
    assert neonsan.size == SizeRule(100, 50000, 100)


@pytest.mark.guide("G-155")
def test_from_2_0_0_on_there_is_a_class_for_each_type_of_the_zone(book: StorageBook):
    for version in MODERN:
        for zone in book.zones.values():
            found = book.classes(version, zone.name, 101, version)
            assert [each.type for each in found] == list(zone.volume_types)
            assert all(each.name == book.volume_types[each.type].storage_class for each in found)
            assert all(each.size == book.size_rule(each.type, version) for each in found)
            assert sum(each.default for each in found) <= 1


@pytest.mark.parametrize("version", MODERN)
def test_a_cluster_born_as_1_x_keeps_its_classes_and_learns_to_expand(book: StorageBook, version: str):
    then, now = book.classes("1.0.1", "pek3", 1, "1.0.1"), book.classes(version, "pek3", 1, "1.0.1")
    assert [(each.name, each.type, each.size, each.default) for each in now] == [
        (each.name, each.type, each.size, each.default) for each in then
    ]
    assert not any(each.expansion for each in then)
    assert all(each.expansion for each in now)


@pytest.mark.guide("G-007")
def test_volumes_can_be_expanded_from_2_0_0_on(book: StorageBook):
    for version in catalog().order:
        expected = not version.startswith("1.")
        assert all(found.expansion is expected for found in book.classes(version, "pek3", 101, version))


def test_an_upgrade_does_not_change_the_default_class(book: StorageBook):
    for version in MODERN:
        assert default(book, version, "pek3", 101, "2.0.0") == "csi-standard"


def test_a_data_disk_follows_its_host_and_a_masters_from_3_1_1_on_its_own_class(book: StorageBook):
    assert book.data_disk_type("3.3.0", "pek3", "node_perf", 101) == 100
    assert book.data_disk_type("3.3.0", "pek3", "node_gpu", 201) == 200
    assert book.data_disk_type("3.1.0", "pek3", "master", 202) == 200
    assert book.data_disk_type("3.1.1", "pek3", "master", 202) == 6
    assert book.data_disk_type("3.3.0", "pek3a", "node_super_perf", 202) == 3
    assert book.data_disk_type("1.0.1", "pek3", "master", 1) == 3


# --- KubeSphere


@pytest.mark.guide("G-184")
def test_a_full_kubesphere_claims_eleven_volumes_and_a_minimal_one_few(book: StorageBook):
    full = tuple(claim.module for claim in book.claims)
    count, gib = book.kubesphere_volumes(full, linked_elk=False)
    assert count == book.constants["kubesphere_volumes_full"] == 11
    assert gib <= 230
    few, less = book.kubesphere_volumes((), linked_elk=False)
    assert 0 < few < count
    assert 0 < less < gib
    assert few <= book.constants["volumes_per_host"] == 10 < count


@pytest.mark.guide("G-047")
def test_with_a_linked_elk_nothing_is_claimed_for_logs(book: StorageBook):
    inside = book.kubesphere_volumes(("ks-logging",), linked_elk=False)
    assert book.kubesphere_volumes(("ks-logging",), linked_elk=True) == book.kubesphere_volumes((), linked_elk=False)
    assert inside[0] > book.kubesphere_volumes((), linked_elk=True)[0]


def test_every_claim_is_of_a_module_that_some_version_offers_and_is_assumed(book: StorageBook):
    offered = {"minimal", "ks-logging", "ks-openpitrix", "ks-devops", "ks-alerting"}
    assert {claim.module for claim in book.claims} == offered
    assert {claim.basis for claim in book.claims} == {Basis.ASSUMED}


def test_the_rules_page_tells_of_the_same_claims(book: StorageBook):
    page = (ROOT / "docs" / "rules" / "storage.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (?:`?)([\w -]+?)`?(?:, without[^|]*)? \| (\d+) \| (\d+) GiB \|$", page, re.MULTILINE)
    modules = dict.fromkeys(claim.module for claim in book.claims)
    counted = {
        module: (len(found), sum(found))
        for module in modules
        if (found := [claim.gib for claim in book.claims if claim.module == module])
    }
    counted["always installed"] = counted.pop("minimal")
    counted["all of it"] = book.kubesphere_volumes(tuple(modules), linked_elk=False)
    assert {name: (int(count), int(gib)) for name, count, gib in told} == counted


def test_the_reference_page_is_up_to_date():
    spec = importlib.util.spec_from_file_location("docs_parts_storage", ROOT / "docs" / "parts" / "storage.py")
    assert spec is not None
    assert spec.loader is not None
    part = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(part)
    page = (ROOT / "docs" / "reference" / "storage.md").read_text(encoding="utf-8")
    assert page == "\n".join(part.lines()) + "\n", "run `make docs`"


# --- The file


def test_every_entry_has_a_source(book: StorageBook):
    entries = list(book.entries())
    assert len({entry.name for entry in entries}) == len(entries) > 50
    assert all(entry.source.strip() for entry in entries)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('name = "pek2"', 'name = "pek3"', "is there twice"),
        ("preferred = 0\n", "preferred = 200\n", "takes must name"),
        ("takes = [5, 6]", "takes = [5, 77]", "takes must name"),
        ("volume_types = [0, 2]\n", "volume_types = [0, 77]\n", "volume_types must name"),
        ('zones = ["ap1"]', 'zones = ["ap2a"]', "does not offer"),
        ('versions = ["3.1.1"]', 'versions = ["9.9.9"]', "none of"),
        ('region = "Hong Kong"', 'region = "Hong Kong"\nsea = true', "unknown key sea"),
    ],
)
def test_a_broken_file_is_refused(old: str, new: str, problem: str):
    text = read_text("storage.toml")
    assert old in text
    with pytest.raises(InvariantError, match=problem) as refused:
        build_storage(text.replace(old, new, 1), catalog().order)
    assert refused.value.code == "catalog.malformed"

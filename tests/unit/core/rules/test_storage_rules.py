"""Do volumes attach where pods run, fit on the hosts, and exist in the zone: does each rule speak, and only then?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from qke_core.catalog import catalog, storage
from qke_core.models import ClusterDocument, World
from qke_core.rules import Finding
from qke_core.rules.case import Case
from qke_core.rules.check import check_cluster, check_world
from qke_core.rules.storage import RULES, runners, volume_room

BASIC, ENTERPRISE = {"instance_class": 101}, {"instance_class": 202}
ALL_MODULES = ["ks-logging", "ks-openpitrix", "ks-devops", "ks-alerting"]


def wish(version: str = "2.0.0", **more: Any) -> ClusterDocument:
    data = {"apiVersion": "qke/v1", "kind": "Cluster", "zone": "pek3", "name": "shop", "version": version, **more}
    return ClusterDocument.model_validate_json(json.dumps(data))


def world(*clusters: Mapping[str, Any], **more: Any) -> World:
    return World.model_validate_json(json.dumps({"zone": "pek3", "clusters": clusters, **more}))


def findings(wished: ClusterDocument, around: World | None = None) -> list[Finding]:
    case = Case.of(wished, around)
    return [finding for rule in RULES for finding in rule(case)]


def codes(wished: ClusterDocument, around: World | None = None) -> dict[str, str]:
    return {finding.code: finding.severity for finding in findings(wished, around)}


def one(code: str, wished: ClusterDocument, around: World | None = None) -> Finding:
    (found,) = [finding for finding in findings(wished, around) if finding.code == code]
    return found


def roles(master: Mapping[str, Any] = BASIC, masters: int = 1, **workers: int) -> dict[str, Any]:
    return {"master": {"count": masters, **master}, **{role: {"count": count} for role, count in workers.items()}}


@pytest.mark.parametrize("version", catalog().order)
@pytest.mark.parametrize("zone", ["pek3", "pek3b", "sh1a", "gd2", "gd2a"])
def test_ready_groups_in_today_s_zones_have_no_trouble(version: str, zone: str):
    for group in catalog().express_groups(version):
        found = findings(wish(version, zone=zone, express=group))
        assert not [each.code for each in found if each.severity != "note"]


def test_every_finding_is_complete():
    wishes = [
        wish(zone="nowhere1", roles=roles(node_super_perf=2)),
        wish(zone="gd1", roles=roles(node_perf=2)),
        wish("3.3.0", zone="ap2a", roles=roles(node_perf=2)),
        wish("3.3.0", zone="pek3a", roles=roles(node_perf=1), env={"extra.modules": ALL_MODULES}),
        wish(roles=roles(node_perf=2, node_super_perf=1)),
    ]
    seen = [finding for each in wishes for finding in findings(each)]
    assert {finding.code for finding in seen} == {
        "storage.zone-unknown",
        "storage.default-unattachable",
        "storage.no-default",
        "storage.disk-not-offered",
        "storage.disk-unattachable",
        "storage.host-replaced",
        "storage.volumes-per-host",
        "storage.class-must-be-named",
    }
    for finding in seen:
        assert all((finding.subject, finding.sentence, finding.remedy, finding.source))
        assert finding.document == "cluster"
        assert finding.path
        assert finding.platform_code in {0, *catalog().ret_codes, 5600}


# --- Zones


def test_a_zone_nobody_knows_is_named_with_those_that_are_known():
    found = one("storage.zone-unknown", wish(zone="nowhere1"))
    assert (found.severity, found.path) == ("warning", ("zone",))
    assert "nowhere1" in found.sentence
    assert "pek3, " in found.remedy
    assert not [code for code in codes(wish(zone="pek3")) if code == "storage.zone-unknown"]


def test_a_zone_that_puts_another_host_in_place_says_so_once_for_all_roles():
    found = [each for each in findings(wish(zone="pek3a")) if each.code == "storage.host-replaced"]
    assert {each.severity for each in found} == {"note"}
    assert [each.sentence for each in found] == [
        "In pek3a host type 0, performance (legacy), stands in for 101: master, node_perf, client"
    ]
    there = world({"name": "shop", "version": "2.0.0", "express": "standard prod"}, zone="pek3a")
    assert "storage.host-replaced" not in codes(wish(zone="pek3a"), there)


def test_a_disk_type_that_the_zone_is_not_known_to_offer_is_a_warning():
    found = one("storage.disk-not-offered", wish(zone="gd1", roles=roles(ENTERPRISE, node_super_perf=2)))
    assert (found.severity, found.path) == ("warning", ("zone",))
    assert "type 200 (ssd-enterprise), the data disks of master, node_super_perf" in found.sentence


def test_old_hosts_of_1_x_are_not_judged_by_today_s_zones():
    assert not codes(wish("1.0.1", zone="gd1", express="Prod"))


def test_a_disk_that_the_host_does_not_take_is_a_blocker():
    # From 3.1.1 on a master's disk is of type 6, for which ap2a puts 200; basic hosts do not take that.
    found = one("storage.disk-unattachable", wish("3.1.1", zone="ap2a", roles=roles(node_perf=2)))
    assert (found.severity, found.path, found.platform_code) == ("blocker", ("roles", "master", "instance_class"), 5600)
    assert found.remedy == "write instance_class: 202 for master"
    assert "storage.disk-unattachable" not in codes(wish("3.1.1", zone="ap2a", roles=roles(ENTERPRISE)))
    assert "storage.disk-unattachable" not in codes(wish("3.1.0", zone="ap2a", roles=roles(node_perf=2)))


def test_disks_of_nodes_that_stand_are_nobody_s_business():
    standing = {"name": "shop", "version": "2.0.0", "roles": roles(node_perf=2)}
    assert "storage.disk-not-offered" not in codes(wish(zone="gd1"), world(standing, zone="gd1"))
    grown = wish(zone="gd1", roles=roles(node_perf=3))
    found = one("storage.disk-not-offered", grown, world(standing, zone="gd1"))
    assert found.sentence.endswith("the data disks of node_perf")


# --- The default class


@pytest.mark.guide("G-038", "G-118", "G-177")
@pytest.mark.parametrize(
    ("version", "master", "worker", "attaches"),
    [
        ("1.0.1", {"instance_class": 0}, "node_super_perf", False),
        ("1.0.1", {"instance_class": 0}, "node_perf", True),
        ("2.0.0", BASIC, "node_perf", True),
        ("2.0.0", BASIC, "node_super_perf", False),
        ("2.0.0", ENTERPRISE, "node_super_perf", True),
        ("2.0.0", ENTERPRISE, "node_perf", False),
        ("3.1.0", BASIC, "node_super_perf", False),
        ("3.1.0", ENTERPRISE, "node_gpu", True),
        ("3.1.0", BASIC, "node_gpu", False),
        # From 3.1.1 on the default is a capacity type, which every host takes.
        ("3.1.1", BASIC, "node_super_perf", True),
        ("3.3.0", ENTERPRISE, "node_perf", True),
    ],
)
def test_kubesphere_cannot_be_installed_where_its_volumes_attach_to_no_worker(
    version: str, master: Mapping[str, Any], worker: str, *, attaches: bool
):
    found = codes(wish(version, roles=roles(master, **{worker: 2})))
    assert found.get("storage.default-unattachable") == (None if attaches else "blocker")


@pytest.mark.guide("G-176", "G-177")
def test_the_class_and_what_to_write_are_named():
    found = one("storage.default-unattachable", wish(roles=roles(node_super_perf=2)))
    assert "csi-standard" in found.sentence
    assert "node_super_perf (host type 202)" in found.sentence
    assert "add workers of node_perf, at least 2" in found.remedy
    assert "storageClassName: csi-ssd-enterprise (or csi-high-capacity-legacy, " in found.remedy
    assert "csi-standard" not in found.remedy


def test_without_kubesphere_an_unattachable_default_is_a_warning():
    bare = wish(roles=roles(node_super_perf=2), env={"install_kubesphere": False})
    assert codes(bare)["storage.default-unattachable"] == "warning"


def test_what_stands_already_is_warned_of_and_not_blocked():
    standing = world({"name": "shop", "version": "2.0.0", "roles": roles(node_super_perf=2)})
    assert codes(wish(roles=roles(node_super_perf=3)), standing)["storage.default-unattachable"] == "warning"


@pytest.mark.parametrize("status", ["deleted", "ceased"])
def test_a_cluster_that_goes_needs_no_class(status: str):
    standing = world({"name": "shop", "version": "2.0.0", "roles": roles(node_super_perf=2)})
    assert codes(wish(roles=roles(node_super_perf=2), status=status), standing) == {}


@pytest.mark.guide("G-182")
def test_without_workers_the_masters_themselves_run_pods():
    assert "storage.default-unattachable" not in codes(wish(roles=roles(BASIC)))
    assert list(runners(Case.of(wish(roles=roles(BASIC)), None).goal)) == ["master"]


def test_gpu_nodes_alone_keep_pods_off_before_3_1_0():
    found = one("storage.default-unattachable", wish("3.0.0", roles=roles(ENTERPRISE, node_gpu=2)))
    assert "nvidia.com/gpu" in found.sentence
    assert "storage.default-unattachable" not in codes(wish("3.1.0", roles=roles(ENTERPRISE, node_gpu=2)))
    mixed = Case.of(wish("3.1.0", roles=roles(ENTERPRISE, node_gpu=2, node_super_perf=1)), None).goal
    assert list(runners(mixed)) == ["node_super_perf"]


def test_where_no_role_fits_another_host_type_is_asked_for():
    odd = {**roles(), "node_perf": {"count": 2, "instance_class": 202}}
    assert "add workers of another host type" in one("storage.default-unattachable", wish(roles=odd)).remedy


def test_a_zone_without_the_type_has_no_default_class():
    found = one("storage.no-default", wish(zone="gd1", roles=roles(node_perf=2)))
    assert found.severity == "blocker"
    assert "csi-high-perf, csi-high-capacity-legacy, csi-super-high-perf" in found.remedy
    bare = wish(zone="gd1", roles=roles(node_perf=2), env={"install_kubesphere": False})
    assert codes(bare)["storage.no-default"] == "warning"


@pytest.mark.guide("G-039", "G-040", "G-178")
def test_workloads_on_other_workers_must_name_a_class():
    found = one("storage.class-must-be-named", wish(roles=roles(node_perf=2, node_super_perf=1)))
    assert (found.severity, found.path) == ("note", ("roles", "node_super_perf"))
    assert "storageClassName: csi-ssd-enterprise (or csi-high-capacity-legacy, " in found.remedy
    gpu = one("storage.class-must-be-named", wish(roles=roles(node_perf=2, node_gpu=1)))
    assert "host type 201" in gpu.sentence
    assert "storage.class-must-be-named" not in codes(wish(roles=roles(ENTERPRISE, node_super_perf=2, node_gpu=1)))


@pytest.mark.guide("G-118")
def test_at_1_0_0_no_class_attaches_to_other_workers():
    mixed = roles({"instance_class": 0}, node_perf=2, node_super_perf=1)
    found = one("storage.class-must-be-named", wish("1.0.0", roles=mixed))
    assert found.severity == "warning"
    assert "no class" in found.remedy


def test_at_1_0_1_the_other_class_is_neonsan_where_the_zone_has_it():
    mixed = roles({"instance_class": 0}, node_perf=2, node_super_perf=1)
    assert "neonsan" in one("storage.class-must-be-named", wish("1.0.1", roles=mixed)).remedy
    assert one("storage.class-must-be-named", wish("1.0.1", zone="gd2", roles=mixed)).severity == "warning"


# --- Volumes per host


@pytest.mark.guide("G-184")
@pytest.mark.parametrize(
    ("shape", "modules", "severity"),
    [
        (roles(), [], None),
        (roles(), ["ks-logging", "ks-openpitrix"], None),
        (roles(), ["ks-logging", "ks-openpitrix", "ks-devops"], "warning"),  # All 10: none left.
        (roles(), ALL_MODULES, "blocker"),  # 11 on a host that takes 10.
        (roles(node_perf=1), ALL_MODULES, "blocker"),
        (roles(node_perf=2), ALL_MODULES, None),
        (roles(masters=3), ALL_MODULES, None),
    ],
)
def test_a_host_takes_ten_volumes_and_a_full_kubesphere_needs_eleven(
    shape: dict[str, Any], modules: list[str], severity: str | None
):
    assert codes(wish(roles=shape, env={"extra.modules": modules})).get("storage.volumes-per-host") == severity


@pytest.mark.guide("G-184")
def test_the_numbers_and_the_way_out_are_named():
    found = one("storage.volumes-per-host", wish(roles=roles(), env={"extra.modules": ALL_MODULES}))
    assert found.path == ("env", "extra.modules")
    assert "claims 11 volumes" in found.sentence
    assert "10 attach to the node" in found.sentence
    assert "add workers" in found.remedy


def test_a_linked_elk_makes_room():
    linked = wish(roles=roles(), env={"extra.modules": ALL_MODULES}, links={"elk": "cl-elk00001"})
    assert "storage.volumes-per-host" not in codes(linked)


def test_only_what_makes_it_worse_is_blocked():
    full = {"name": "shop", "version": "2.0.0", "roles": roles(), "env": {"extra.modules": ALL_MODULES}}
    few = {**full, "env": {"extra.modules": []}}
    two = {**full, "roles": roles(node_perf=2)}
    want = wish(roles=roles(), env={"extra.modules": ALL_MODULES})
    assert codes(want, world(full))["storage.volumes-per-host"] == "warning"
    assert codes(want, world(few))["storage.volumes-per-host"] == "blocker"
    assert codes(want, world(two))["storage.volumes-per-host"] == "blocker"


def test_room_counts_only_hosts_that_take_the_default_class():
    shape = roles(node_perf=1, node_super_perf=5)
    assert volume_room(Case.of(wish(roles=shape), None).goal) == 10
    late = Case.of(wish("3.3.0", roles=shape), None).goal
    assert volume_room(late) == 60


# --- Worlds


def volumes(around: World) -> list[tuple[str, str, tuple[str | int, ...]]]:
    return [(each.code, each.severity, each.path) for each in check_world(around) if each.code.startswith("storage.")]


@pytest.mark.guide("G-155", "G-156")
def test_a_neonsan_volume_where_there_is_none_is_a_warning():
    there = world(zone="pek3", volumes=[{"type": 5, "size": "100GiB"}])
    assert volumes(there) == []
    elsewhere = world(zone="gd2", volumes=[{"type": 5, "size": "100GiB"}])
    assert volumes(elsewhere) == [("storage.type-not-offered", "warning", ("volumes", 0, "type"))]
    assert volumes(world(zone="nowhere1", volumes=[{"type": 3, "size": "100GiB"}])) == []


def test_a_volume_type_that_nobody_knows_is_a_blocker_in_its_place():
    shop = {
        "name": "shop",
        "version": "2.0.0",
        "volumes": [{"type": 100, "size": "10GiB"}, {"type": 7, "size": "1GiB"}],
    }
    assert volumes(world(shop)) == [("storage.type-unknown", "blocker", ("clusters", 0, "volumes", 1, "type"))]


@pytest.mark.parametrize(
    ("code", "size", "fits"),
    [
        (100, "10GiB", True),
        (100, "9GiB", False),
        (100, "2000GiB", True),
        (100, "2001GiB", False),
        (5, "50000GiB", True),
    ],
)
def test_a_volume_has_a_size_that_its_type_can_have(code: int, size: str, *, fits: bool):
    found = volumes(world(volumes=[{"type": code, "size": size}]))
    assert found == ([] if fits else [("storage.size", "warning", ("volumes", 0, "size"))])


def test_the_rules_are_asked_with_all_others():
    found = {finding.code for finding in check_cluster(wish(zone="nowhere1"), None)}
    assert "storage.zone-unknown" in found


def test_every_zone_of_the_book_is_known_to_the_rule():
    assert all("storage.zone-unknown" not in codes(wish(zone=name)) for name in storage().zones)

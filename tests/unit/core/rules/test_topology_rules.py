"""Which shapes may a cluster have, what of an existing one can change, and what does a change do to its pods?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qke_core.catalog import catalog
from qke_core.models import ClusterDocument, World
from qke_core.rules import Finding
from qke_core.rules.case import Case
from qke_core.rules.topology import RULES, WORLD_RULES
from qke_sim.testing import express_groups

HA = {"master": {"count": 3}, "node_super_perf": {"count": 3}}
ONE = {"master": {"count": 1}, "client": {"count": 0}}
V1, V2 = ("1.0.0", "1.0.1"), tuple(name for name in catalog().order if not name.startswith("1."))
WORDS = {"blocker", "warning", "note"}


def check(wish: Mapping[str, Any], now: Mapping[str, Any] | None = None, *, known: bool = True) -> list[Finding]:
    """Check a wish, and against it a cluster of the same name; both at 2.0.0 and HA unless they say otherwise."""
    usual = {"name": "shop", "version": "2.0.0", "roles": HA}
    document = {"apiVersion": "qke/v1", "kind": "Cluster", "zone": "pek3", **usual, **wish}
    given_keys = {key: value for key, value in document.items() if value is not None}
    wished = ClusterDocument.model_validate_json(json.dumps(given_keys))
    clusters = [] if now is None else [{**usual, **now}]
    world = World.model_validate_json(json.dumps({"zone": "pek3", "clusters": clusters}))
    case = Case.of(wished, world if known else None)
    return [finding for rule in RULES for finding in rule(case)]


def codes(wish: Mapping[str, Any], now: Mapping[str, Any] | None = None, *severities: str) -> list[str]:
    return [found.code for found in check(wish, now) if found.severity in (severities or WORDS)]


def only(code: str, wish: Mapping[str, Any], now: Mapping[str, Any] | None = None) -> Finding:
    """Return the one finding with this code."""
    (finding,) = [found for found in check(wish, now) if found.code == code]
    assert finding.document == "cluster"
    assert finding.subject == "shop"
    assert all((finding.sentence, finding.remedy, finding.source))
    return finding


def with_counts(**counts: int) -> dict[str, Any]:
    return {"roles": {role: {"count": count} for role, count in counts.items()}}


# --- What no cluster may have


@pytest.mark.guide("G-034", "G-035", "G-036")
@given(express_groups())
def test_no_express_group_breaks_a_rule(drawn: tuple[str, str]):
    version, group = drawn
    assert codes({"version": version, "express": group, "roles": None}) == []


@pytest.mark.guide("G-185")
@pytest.mark.parametrize("count", [0, 2, 5])
def test_masters_are_one_or_three(count: int):
    found = only("cluster.masters", with_counts(master=count, node_super_perf=2))
    assert (found.severity, found.path) == ("blocker", ("roles", "master", "count"))
    assert found.sentence == f"Cluster 'shop' has {count} masters; a QKE cluster has 1 or 3"
    assert found.remedy == "write count: 1 or count: 3 for role master"


@pytest.mark.guide("G-030", "G-185")
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("version", catalog().order)
def test_one_master_and_three_are_fine_in_every_version(version: str, count: int):
    assert codes({"version": version, **with_counts(master=count, node_perf=3)}, None, "blocker") == []


def test_two_client_nodes_are_refused_in_every_version():
    for version in catalog().order:
        found = only("cluster.clients", {"version": version, **with_counts(master=1, node_perf=2, client=2)})
        assert found.path == ("roles", "client", "count")
        assert "has 2 client nodes" in found.sentence
        assert ("count: 0" in found.remedy) == (version in V2)


@pytest.mark.parametrize("version", catalog().order)
def test_the_client_can_be_left_out_from_2_0_0_on(version: str):
    wish = {"version": version, **with_counts(master=3, node_perf=3, client=0)}
    assert codes(wish, None, "blocker") == (["cluster.clients"] if version in V1 else [])


@pytest.mark.guide("G-182")
@pytest.mark.parametrize("version", catalog().order)
def test_a_cluster_without_workers_is_possible_from_2_0_0_on(version: str):
    wish = {"version": version, **with_counts(master=1, client=1)}
    assert codes(wish, None, "blocker") == (["topology.no-workers"] if version in V1 else [])


@pytest.mark.guide("G-182")
def test_a_single_node_is_a_note_and_three_masters_without_workers_are_a_warning():
    single = only("topology.single-node", {"roles": ONE})
    assert (single.severity, single.sentence) == ("note", "There is no worker: everything runs on 1 master")
    three = only("topology.single-node", with_counts(master=3))
    assert three.severity == "warning"
    assert three.sentence.endswith("on 3 masters; the guide knows this with one master only")


# --- What a custom configuration should have


@pytest.mark.guide("G-037", "G-038", "G-177")
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("version", ["2.0.0", "3.3.0"])
def test_two_workers_of_the_masters_host_type_are_advised(version: str, count: int):
    """Masters are on 202 by default, as node_super_perf is; node_perf is on 101."""
    wish = {"version": version, **with_counts(master=3, node_super_perf=count, node_perf=5)}
    assert ("topology.few-workers" in codes(wish)) == (count < 2)
    if count < 2:
        found = only("topology.few-workers", wish)
        assert (found.severity, found.path) == ("warning", ("roles",))
        assert found.sentence == "1 worker has the masters' host type 202; at least 2 are advised"


@pytest.mark.guide("G-038")
def test_basic_masters_want_basic_workers():
    roles = {"master": {"count": 1, "instance_class": 101}, "node_super_perf": {"count": 3}}
    assert only("topology.few-workers", {"roles": roles}).sentence.startswith(
        "0 workers have the masters' host type 101"
    )
    assert "topology.few-workers" not in codes({"roles": {**roles, "node_perf": {"count": 2}}})


@pytest.mark.guide("G-039", "G-196")
@pytest.mark.parametrize("version", V2)
def test_other_worker_types_may_be_added_from_2_0_0_on(version: str):
    wish = {"version": version, **with_counts(master=3, node_super_perf=2, node_perf=1, node_gpu=1)}
    assert codes(wish) == []


@pytest.mark.guide("G-118")
@pytest.mark.parametrize("version", V1)
def test_1_x_supports_one_worker_type(version: str):
    found = only(
        "topology.mixed-workers", {"version": version, **with_counts(master=1, node_perf=2, node_super_perf=2)}
    )
    assert found.severity == "warning"
    assert found.sentence == f"QKE {version} supports one type of workers, the wish has node_perf, node_super_perf"
    assert "topology.mixed-workers" not in codes({"version": version, **with_counts(master=1, node_perf=4)})


# --- Masters and host types are chosen once


@pytest.mark.guide("G-183", "G-185")
@pytest.mark.parametrize("version", catalog().order)
@pytest.mark.parametrize(("old", "new", "code"), [(1, 3, 0), (3, 1, 137)])
def test_masters_can_be_neither_added_nor_removed(version: str, old: int, new: int, code: int):
    now = {"version": version, **with_counts(master=old, node_perf=3)}
    found = only("topology.masters-fixed", {"version": version, **with_counts(master=new, node_perf=3)}, now)
    assert (found.severity, found.platform_code, found.path) == ("blocker", code, ("roles", "master", "count"))
    assert found.sentence == f"shop has {old} masters, the wish {new}: masters can be neither added nor removed"


def test_masters_that_are_not_named_stay():
    assert codes({"roles": {"node_super_perf": {"count": 3}}}, with_counts(master=1, node_super_perf=3)) == []


@pytest.mark.parametrize("role", ["master", "client"])
def test_the_host_type_of_nodes_cannot_change(role: str):
    roles = {**HA, "client": {"count": 1}}
    other = {**roles, role: {**roles[role], "instance_class": 101}}
    found = only("topology.host-type-fixed", {"roles": other}, {"roles": roles})
    assert (found.severity, found.path) == ("blocker", ("roles", role, "instance_class"))
    assert found.sentence == f"{role} runs on host type 202, which cannot become 101"
    assert found.remedy == "write instance_class: 202"


def test_the_way_around_a_workers_host_type_is_another_role():
    roles = {**HA, "node_super_perf": {"count": 3, "instance_class": 101}}
    assert "workers of another role" in only("topology.host-type-fixed", {"roles": roles}, {"roles": HA}).remedy


@given(st.integers(4, 200), st.integers(4, 200), st.sampled_from(["master", "node_super_perf"]))
def test_disks_only_grow(old: int, new: int, role: str):
    def sized(tens: int) -> dict[str, Any]:
        return {"roles": {**HA, role: {"count": 3, "volume": f"{tens * 10}GiB"}}}

    found = [finding for finding in check(sized(new), sized(old)) if finding.code == "topology.disk-shrinks"]
    assert len(found) == (new < old)
    for finding in found:
        assert (finding.severity, finding.path) == ("blocker", ("roles", role, "volume"))
        assert finding.sentence == f"{role} has disks of {old * 10}GiB, the wish {new * 10}GiB: disks only grow"
        assert finding.remedy == f"write volume: {old * 10}GiB or more"


def test_a_role_that_goes_or_comes_has_no_disk_to_compare():
    small = {"count": 3, "volume": "40GiB"}
    assert "topology.disk-shrinks" not in codes({"roles": {**HA, "node_perf": small}}, {"roles": HA})
    now = {"roles": {**HA, "node_perf": {"count": 3, "volume": "400GiB"}}}
    assert "topology.disk-shrinks" not in codes({"roles": {**HA, "node_perf": {**small, "count": 0}}}, now)


# --- Adding


@pytest.mark.guide("G-009", "G-116")
def test_nodes_of_the_masters_type_can_be_added_without_a_word():
    assert codes(with_counts(master=3, node_super_perf=9), {"roles": HA}) == []


@pytest.mark.guide("G-116")
def test_new_nodes_of_another_type_than_the_masters_are_warned_about():
    found = only("topology.other-type", with_counts(master=3, node_super_perf=3, node_perf=1), {"roles": HA})
    assert (found.severity, found.path) == ("warning", ("roles", "node_perf", "count"))
    assert found.sentence == "1 new node_perf node on host type 101; the masters' type 202 is advised"
    mixed = with_counts(master=3, node_super_perf=3, node_perf=1)
    assert "topology.other-type" not in codes(mixed, mixed)
    more = only("topology.other-type", with_counts(master=3, node_super_perf=3, node_perf=3), mixed)
    assert more.sentence.startswith("2 new node_perf nodes ")


@pytest.mark.guide("G-183")
@pytest.mark.parametrize("version", V2)
def test_workers_can_be_added_to_a_single_node_and_its_taint_stays_away(version: str):
    now = {"version": version, "roles": ONE}
    wish = {"version": version, "roles": {**ONE, "node_super_perf": {"count": 2}}}
    assert codes(wish, now, "blocker") == []
    assert only("topology.masters-untainted", wish, now).severity == "warning"
    assert "topology.masters-untainted" not in codes(wish, wish)


# --- Removing


@pytest.mark.guide("G-009", "G-119")
@pytest.mark.parametrize("version", catalog().order)
@pytest.mark.parametrize("left", [0, 1, 2, 3])
def test_two_workers_must_be_left_from_2_0_0_on(version: str, left: int):
    now = {"version": version, **with_counts(master=3, node_super_perf=4)}
    wish = {"version": version, **with_counts(master=3, node_super_perf=left)}
    found = [finding for finding in check(wish, now) if finding.code == "topology.workers-left"]
    assert [finding.platform_code for finding in found] == ([135] if version in V2 and left < 2 else [])
    for finding in found:
        assert finding.severity == "blocker"
        workers = "1 worker" if left == 1 else f"{left} workers"
        assert finding.sentence == f"The wish leaves {workers}; QKE {version} refuses to go below 2"
        assert "topology.drain" not in codes(wish, now)


def test_workers_of_all_roles_count_together():
    now = with_counts(master=3, node_perf=1, node_super_perf=1, node_gpu=1)
    assert "topology.workers-left" not in codes(with_counts(master=3, node_perf=1, node_gpu=1), now)
    assert "topology.workers-left" in codes(with_counts(master=3, node_gpu=1), now)


def test_a_cluster_that_never_had_two_workers_may_stay_so():
    few = with_counts(master=3, node_super_perf=1)
    assert "topology.workers-left" not in codes(few, few)


@pytest.mark.guide("G-119", "G-120")
def test_a_removal_says_what_room_is_left():
    def sized(count: int) -> dict[str, Any]:
        return {"roles": {"master": {"count": 3}, "node_super_perf": {"count": count, "cpu": 8, "memory": "16GiB"}}}

    found = only("topology.room-after-removal", sized(3), sized(4))
    assert (found.severity, found.path) == ("warning", ("roles",))
    assert found.sentence == "1 of 4 workers leaves: afterwards workers have 24 vCPU (now 32) and 48GiB of memory"
    assert "topology.room-after-removal" not in codes(sized(4), sized(3))


@pytest.mark.guide("G-186", "G-187", "G-188")
@pytest.mark.parametrize("version", ["2.0.0", "3.0.0", "3.1.0", "3.1.1"])
def test_up_to_3_1_1_pods_with_local_data_make_the_drain_fail(version: str):
    wish = {"version": version, **with_counts(master=3, node_super_perf=3)}
    found = only("topology.drain", wish, {"version": version, **with_counts(master=3, node_super_perf=4)})
    assert (found.severity, found.platform_code) == ("warning", 134)
    assert found.sentence.endswith("makes the drain fail within 2h00m")
    assert "never kubectl delete nodes" in found.remedy


@pytest.mark.parametrize("version", [*V1, "3.1.1-1", "3.2.1", "3.3.0"])
def test_elsewhere_pods_with_local_data_are_evicted_and_lose_it(version: str):
    wish = {"version": version, **with_counts(master=3, node_super_perf=3)}
    found = only("topology.drain", wish, {"version": version, **with_counts(master=3, node_super_perf=4)})
    assert (found.severity, found.platform_code) == ("warning", 0)
    assert found.sentence.endswith("that data is lost")


# --- Resizing


@pytest.mark.guide("G-125", "G-126")
@pytest.mark.parametrize(
    ("version", "role", "manner"),
    [
        ("1.0.1", "master", "one after another"),
        ("1.0.1", "node_super_perf", "all at once"),
        ("2.0.0", "node_super_perf", "one after another"),
        ("3.3.0", "master", "one after another"),
    ],
)
def test_resized_nodes_are_away_meanwhile(version: str, role: str, manner: str):
    now = {"version": version, "roles": HA}
    wish = {"version": version, "roles": {**HA, role: {"count": 3, "cpu": 16}}}
    found = only("topology.resize-felt", wish, now)
    assert (found.severity, found.path) == ("warning", ("roles", role))
    assert found.sentence == f"Nodes of {role} stop, are resized and start, {manner} and without a drain"


def test_resizing_the_only_master_takes_the_api_away():
    wish = {"roles": {"master": {"count": 1, "cpu": 16}, "node_super_perf": {"count": 2}}}
    assert "no API server" in only("topology.resize-felt", wish, with_counts(master=1, node_super_perf=2)).remedy


def test_resizing_a_single_worker_leaves_the_api_alone():
    wish = {"roles": {"master": {"count": 1}, "node_super_perf": {"count": 1, "cpu": 16}}}
    now = with_counts(master=1, node_super_perf=1)
    assert only("topology.resize-felt", wish, now).remedy.startswith("see that the other nodes")


def test_growing_disks_alone_disturbs_nobody():
    bigger = {"roles": {**HA, "node_super_perf": {"count": 3, "volume": "500GiB"}}}
    assert codes(bigger, {"roles": HA}) == []


# --- Where it stands


@pytest.mark.parametrize(
    ("now", "wish", "path", "sentence"),
    [
        (
            {"vxnet": "vxnet-aaaaaaa"},
            {"vxnet": "vxnet-bbbbbbb"},
            ("vxnet",),
            "The vxnet of shop is vxnet-aaaaaaa and cannot become vxnet-bbbbbbb",
        ),
        (
            {},
            {"links": {"etcd": "cl-etcd0001"}},
            ("links", "etcd"),
            "The linked etcd of shop is not known and cannot become cl-etcd0001",
        ),
        (
            {"links": {"elk": "cl-elk00001"}},
            {"links": {"elk": "cl-elk00002"}},
            ("links", "elk"),
            "The linked ELK of shop is cl-elk00001 and cannot become cl-elk00002",
        ),
    ],
)
@pytest.mark.guide("G-041", "G-044")
def test_vxnet_and_links_are_chosen_when_it_is_created(
    now: Mapping[str, Any], wish: Mapping[str, Any], path: tuple[str, ...], sentence: str
):
    found = only("topology.fixed", wish, now)
    assert (found.severity, found.path, found.sentence) == ("blocker", path, sentence)
    held = next(iter(now.values()), "")
    assert found.remedy.startswith(f"write {path[-1]}: " if held else f"leave {path[-1]} out")
    assert codes(now, now) == []
    assert codes({}, now) == []


def test_a_wish_for_another_zone_is_refused():
    found = only("cluster.zone-differs", {"zone": "sh1a"})
    assert (found.severity, found.path) == ("blocker", ("zone",))
    assert found.sentence == "The wish is for zone sh1a, the world is zone pek3"
    assert "cluster.zone-differs" not in [finding.code for finding in check({"zone": "sh1a"}, known=False)]


@pytest.mark.guide("G-033")
def test_the_billing_mode_of_an_existing_cluster_stays():
    contract = {"billing": {"mode": "contract", "term": "1y"}}
    assert codes(contract) == []
    assert codes(contract, contract) == []
    assert codes({}, contract) == []
    found = only("topology.billing", contract, {})
    assert (found.severity, found.path) == ("warning", ("billing",))
    assert "stays on-demand" in found.sentence


# --- Status


@pytest.mark.guide("G-164")
@pytest.mark.parametrize(("status", "severity", "code"), [("deleted", "blocker", 2100), ("ceased", "note", 0)])
def test_what_is_not_there_cannot_be_deleted(status: str, severity: str, code: int):
    found = only("lifecycle.absent", {"status": status})
    assert (found.severity, found.platform_code, found.path) == (severity, code, ("status",))
    assert found.sentence == "There is no cluster 'shop'; the world has no other"
    assert "lifecycle.absent" not in [finding.code for finding in check({"status": status}, known=False)]


@pytest.mark.parametrize("status", ["active", "stopped"])
def test_what_is_not_there_can_be_created(status: str):
    assert codes({"status": status}) == []


@pytest.mark.parametrize("status", ["active", "stopped", "deleted", "ceased"])
def test_a_suspended_cluster_can_only_be_deleted(status: str):
    suspended = "lifecycle.suspended" in codes({"status": status}, {"status": "suspended"}, "blocker")
    assert suspended == (status in {"active", "stopped"})
    if suspended:
        assert only("lifecycle.suspended", {"status": status}, {"status": "suspended"}).platform_code == 1400


@pytest.mark.guide("G-165", "G-166")
@pytest.mark.parametrize(
    ("deleted_for", "blocked"), [("0s", False), ("1h59m", False), ("2h", False), ("2h1s", True), ("3d", True)]
)
@pytest.mark.parametrize("status", ["active", "stopped", "deleted"])
def test_the_recycle_bin_keeps_two_hours(deleted_for: str, blocked: bool, status: str):  # noqa: FBT001 - a table
    now = {"status": "deleted", "deleted_for": deleted_for}
    assert ("lifecycle.ceased-already" in codes({"status": status}, now, "blocker")) == blocked
    if blocked:
        found = only("lifecycle.ceased-already", {"status": status}, now)
        assert found.sentence == f"shop was deleted {deleted_for} ago and is gone: the recycle bin keeps 2h"
    assert "lifecycle.ceased-already" not in codes({"status": "ceased"}, now)


@pytest.mark.guide("G-165", "G-166")
def test_how_long_there_is_a_way_back_is_said():
    found = only("lifecycle.recycle-bin", {}, {"status": "deleted", "deleted_for": "30m"})
    assert (found.severity, found.sentence) == (
        "note",
        "shop is in the recycle bin and can be recovered for another 1h30m",
    )
    last = only("lifecycle.recycle-bin", {}, {"status": "deleted", "deleted_for": "2h"})
    assert last.sentence.endswith("another 0s")
    unknown = only("lifecycle.recycle-bin", {}, {"status": "deleted"})
    assert "does not say since when" in unknown.sentence
    coming = only("lifecycle.recycle-bin", {"status": "deleted"}, {})
    assert "then it is ceased by itself" in coming.sentence
    assert {unknown.severity, coming.severity} == {"note"}
    gone = only("lifecycle.no-way-back", {"status": "ceased"}, {})
    assert (gone.severity, gone.path) == ("warning", ("status",))
    assert "lifecycle.recycle-bin" not in codes({}, {})


@pytest.mark.guide("G-167", "G-190", "G-191", "G-192")
@pytest.mark.parametrize(
    ("version", "born_as", "said"),
    [
        ("1.0.1", None, "that shop made are not destroyed"),
        ("2.0.0", "1.0.1", "that shop made before its upgrade from 1.0.1 are not destroyed"),
        ("3.3.0", "1.0.0", "that shop made before its upgrade from 1.0.0 are not destroyed"),
        ("2.0.0", None, ""),
        ("3.3.0", "2.0.0", ""),
    ],
)
@pytest.mark.parametrize("status", ["deleted", "ceased"])
def test_what_kubernetes_made_before_2_0_0_must_be_removed_by_hand(
    version: str, born_as: str | None, said: str, status: str
):
    now = {"version": version, "born_as": born_as}
    wish = {"version": version, "status": status}
    if said:
        found = only("lifecycle.leftovers", wish, now)
        assert found.severity == "warning"
        assert said in found.sentence
    else:
        assert "lifecycle.leftovers" not in codes(wish, now)
    assert "lifecycle.leftovers" not in codes({**wish, "status": "active"}, now)


@pytest.mark.guide("G-144")
@pytest.mark.parametrize("status", ["stopped", "deleted"])
def test_what_stops_keeps_only_its_data_disk(status: str):
    assert only("lifecycle.system-disk", {"status": status}, {}).severity == "warning"
    assert "lifecycle.system-disk" not in codes({"status": status}, {"status": "stopped"})
    assert "lifecycle.system-disk" not in codes({}, {})


@pytest.mark.parametrize("version", ["1.0.1", "2.0.0"])
@pytest.mark.parametrize(
    ("status", "said"), [("deleted", "lifecycle.recycle-bin"), ("ceased", "lifecycle.no-way-back")]
)
@pytest.mark.parametrize(
    "roles",
    [
        {"node_perf": {"count": 1, "volume": "40GiB"}, "node_super_perf": {"count": 1, "cpu": 16}},
        {"master": {"count": 1, "instance_class": 101}, "node_super_perf": {"count": 2}},
        {"master": {"count": 3}, "node_perf": {"count": 0}},
    ],
)
def test_of_a_cluster_that_ends_the_shape_is_nobodys_business(
    version: str, status: str, said: str, roles: Mapping[str, Any]
):
    now = {"version": version, "status": "stopped", "roles": {**HA, "node_perf": {"count": 3, "volume": "400GiB"}}}
    found = set(codes({"version": version, "status": status, "roles": roles}, now, "warning", "note"))
    assert found - {"lifecycle.leftovers"} == {said}


# --- Worlds


def test_a_worlds_clusters_have_shapes_that_can_exist():
    clusters = [
        {"name": "shop", "version": "2.0.0", **with_counts(master=2, node_perf=2)},
        {"name": "bank", "version": "1.0.1", **with_counts(master=1, client=0)},
        {"name": "game", "version": "3.3.0", "roles": ONE},
        {"name": "mail", "version": "3.3.0", "status": "deleted", "deleted_for": "3h"},
        {"name": "post", "version": "3.3.0", "status": "deleted", "deleted_for": "2h"},
    ]
    world = World.model_validate_json(json.dumps({"zone": "pek3", "clusters": clusters}))
    found = [finding for rule in WORLD_RULES for finding in rule(world)]
    assert [(finding.code, finding.subject, finding.path) for finding in found] == [
        ("lifecycle.ceased-already", "mail", ("clusters", 3, "deleted_for")),
        ("cluster.masters", "shop", ("clusters", 0, "roles", "master", "count")),
        ("cluster.clients", "bank", ("clusters", 1, "roles", "client", "count")),
        ("topology.no-workers", "bank", ("clusters", 1, "roles")),
    ]
    assert {(finding.severity, finding.document) for finding in found} == {("blocker", "world")}

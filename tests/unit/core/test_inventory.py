"""What does a cluster occupy in the cloud, in every phase of its life?"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from qke_core.catalog import storage
from qke_core.inventory import default_class, kubesphere_claims, resources_of
from qke_core.models import ClusterDocument, ClusterState
from qke_core.models.state import Phase
from qke_core.resources import Resource
from qke_core.upgraded import upgraded

HA = {"master": {"count": 3}, "node_perf": {"count": 3}}
SINGLE = {"master": {"count": 1}, "node_perf": {"count": 2}}
ALL_MODULES = ["ks-logging", "ks-openpitrix", "ks-devops", "ks-alerting"]


def state(version: str = "2.0.0", **more: Any) -> ClusterState:
    data: dict[str, Any] = {"name": "shop", "version": version, "zone": "pek3", "roles": HA, **more}
    document = ClusterDocument.model_validate_json(json.dumps({"apiVersion": "qke/v1", "kind": "Cluster", **data}))
    return ClusterState.of_wish(document)


def kinds(found: ClusterState) -> Counter[tuple[str, str]]:
    return Counter((each.kind, each.origin) for each in resources_of(found))


def of(found: ClusterState, kind: str, origin: str = "node") -> list[Resource]:
    return [each for each in resources_of(found) if (each.kind, each.origin) == (kind, origin)]


def test_a_node_has_an_instance_a_system_disk_and_a_data_disk_and_the_client_no_data_disk():
    found = kinds(state(env={"install_kubesphere": False}))
    assert found["instance", "node"] == found["system_disk", "node"] == 3 + 3 + 1
    assert found["volume", "node"] == 3 + 3
    assert found["cluster", "node"] == 1
    assert found["volume", "kubesphere"] == 0


def test_instances_carry_the_figures_that_quotas_and_prices_need():
    roles = {**HA, "node_gpu": {"count": 1}, "master": {"count": 3, "cpu": 8, "memory": "16GiB", "volume": "200GiB"}}
    by_id = {found.id: found for found in resources_of(state(roles=roles))}
    assert len(by_id) == len(resources_of(state(roles=roles)))
    master = by_id["shop/master1"]
    assert (master.cpu, master.memory_mib, master.instance_class, master.gpu) == (8, 16384, 202, 0)
    assert by_id["shop/master3/data"].size_gib == 200
    assert by_id["shop/node_gpu1"].gpu == 1
    assert by_id["shop/master1/system"].size_gib == 20


@pytest.mark.parametrize(
    ("phase", "running"), [("active", True), ("stopped", False), ("suspended", False), ("deleted", False)]
)
def test_a_cluster_keeps_everything_as_long_as_it_is_there(phase: Phase, *, running: bool):
    active = state()
    then = resources_of(replace(active, phase=phase))
    assert {found.running for found in then if found.kind == "instance"} == {running}
    assert [replace(found, running=True) for found in then] == list(resources_of(active))


@pytest.mark.parametrize("phase", ["absent", "ceased"])
def test_nothing_is_left_of_a_cluster_that_is_gone(phase: Phase):
    assert resources_of(replace(state(), phase=phase)) == ()


# --- Load balancers and security groups


@pytest.mark.guide("G-030", "G-031", "G-050", "G-170", "G-171")
@pytest.mark.parametrize(
    ("version", "more", "expected"),
    [
        ("2.0.0", {"roles": SINGLE}, []),
        ("2.0.0", {"roles": HA}, ["apiserver"]),
        ("2.0.0", {"roles": SINGLE, "env": {"kubesphere_eip": "eip-12345678"}}, ["console"]),
        ("2.0.0", {"roles": HA, "env": {"kubesphere_eip": "eip-12345678"}}, ["apiserver", "console"]),
        ("2.0.0", {"roles": SINGLE, "env": {"kubesphere_eip": "eip-12345678", "install_kubesphere": False}}, []),
        ("2.0.0", {"roles": SINGLE, "env": {"kubernetes_eip": "139.198.0.10"}}, []),
        ("3.1.0", {"roles": SINGLE, "env": {"kubernetes_eip_id": "eip-12345678"}}, ["apiserver"]),
        ("3.1.0", {"roles": HA, "env": {"kubernetes_eip_id": "eip-12345678"}}, ["apiserver"]),
    ],
)
def test_a_balancer_and_a_security_group_for_ha_and_for_each_eip_that_needs_one(
    version: str, more: dict[str, Any], expected: list[str]
):
    found = resources_of(state(version, **more))
    assert [each.origin for each in found if each.kind == "loadbalancer"] == expected
    assert [each.origin for each in found if each.kind == "security_group"] == expected


# --- What a zone puts in place of what


def test_a_zone_replaces_hosts_and_disks():
    found = state(zone="pek3a", roles={"master": {"count": 1}, "node_super_perf": {"count": 2}})
    assert {each.instance_class for each in of(found, "instance")} == {1}
    assert {each.volume_type for each in of(found, "volume")} == {3}


@pytest.mark.guide("G-029")
def test_disks_follow_their_hosts_and_a_masters_has_a_class_of_its_own_from_3_1_1_on():
    roles = {**HA, "node_super_perf": {"count": 1}, "master": {"count": 3, "instance_class": 101}}
    assert [each.volume_type for each in of(state("3.1.0", roles=roles), "volume")] == [100] * 6 + [200]
    assert [each.volume_type for each in of(state("3.1.1", roles=roles), "volume")] == [6] * 3 + [100] * 3 + [200]


def test_an_upgrade_changes_no_type_of_what_stands():
    old = state("3.1.0", zone="gd2a", roles={"master": {"count": 3}, "node_super_perf": {"count": 3}})
    assert {each.instance_class for each in of(old, "instance")} == {201}
    new = upgraded(upgraded(old, "3.1.1"), "3.2.1")
    assert resources_of(new) == resources_of(old)


# --- KubeSphere's volumes


@pytest.mark.guide("G-049", "G-169", "G-184")
@pytest.mark.parametrize(
    ("version", "more", "count", "gib"),
    [
        ("1.0.0", {}, 11, 180),
        ("1.0.1", {}, 11, 180),
        ("1.0.1", {"env": {"install_kubesphere": False}}, 0, 0),
        ("2.0.0", {}, 4, 60),
        ("2.0.0", {"env": {"extra.modules": ALL_MODULES}}, 11, 180),
        ("2.0.0", {"env": {"extra.modules": ["ks-logging"]}}, 6, 90),
        ("2.0.0", {"env": {"extra.modules": ["ks-logging"]}, "links": {"elk": "cl-elk00001"}}, 4, 60),
        ("2.0.0", {"env": {"extra.modules": ALL_MODULES, "install_kubesphere": False}}, 0, 0),
        # The class of 3.1.1 hands out 20 GiB at least, that of pek3a 100.
        ("3.1.1", {}, 4, 80),
        ("3.1.1", {"env": {"extra.modules": ALL_MODULES}}, 11, 220),
        ("3.3.0", {"zone": "pek3a"}, 4, 400),
    ],
)
def test_kubesphere_claims_volumes_for_its_modules(version: str, more: dict[str, Any], count: int, gib: int):
    found = of(state(version, **more), "volume", "kubesphere")
    assert (len(found), sum(each.size_gib for each in found)) == (count, gib)


@pytest.mark.guide("G-176", "G-177")
def test_kubesphere_claims_from_the_default_class():
    basic = state(roles={**HA, "master": {"count": 3, "instance_class": 101}})
    chosen = default_class(basic)
    assert chosen is not None
    assert chosen.name == "csi-standard"
    assert {each.volume_type for each in of(basic, "volume", "kubesphere")} == {chosen.type} == {100}


def test_without_a_default_class_the_claims_count_as_what_they_ask_for():
    lost = state(zone="gd1", roles={**HA, "master": {"count": 3, "instance_class": 101}})
    assert default_class(lost) is None
    claims = kubesphere_claims(lost)
    assert [each.size_gib for each in of(lost, "volume", "kubesphere")] == [claim.gib for claim in claims]


def test_a_full_install_is_the_same_before_and_after_the_upgrade_from_1_x():
    old = state("1.0.1")
    assert of(upgraded(old, "2.0.0"), "volume", "kubesphere") == of(old, "volume", "kubesphere")


# --- NICs


def test_a_node_has_one_nic_and_with_hostnic_as_many_more_as_its_pods_may_take():
    usual = state("3.1.0")
    assert {each.nics for each in of(usual, "instance")} == {1}
    env = {"network_plugin": "hostnic", "hostnic-vxnets": "vxnet-11111111", "hostnic-max-nics": 30}
    found = {each.id: each.nics for each in of(state("3.1.0", env=env), "instance")}
    assert found["shop/master1"] == found["shop/node_perf1"] == 31
    assert found["shop/client1"] == 1


def test_sizes_of_claims_are_sizes_that_their_class_hands_out():
    for version in ("2.0.0", "3.1.1"):
        for zone in storage().zones:
            found = state(version, zone=zone, env={"extra.modules": ALL_MODULES})
            chosen = default_class(found)
            for each in of(found, "volume", "kubesphere") if chosen is not None else ():
                assert chosen is not None
                assert chosen.size.fit(each.size_gib) == each.size_gib

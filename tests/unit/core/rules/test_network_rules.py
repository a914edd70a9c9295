"""Rules of networks: each with a world in which it speaks, and one in which it is silent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from qke_core.models import ClusterDocument, ClusterState, World
from qke_core.rules import Case, Finding
from qke_core.rules.network import RULES, WORLD_RULES, needed_ports

ROLES = {"master": {"count": 3, "instance_class": 101}, "node_perf": {"count": 3}}
VXNET = {"id": "vxnet-a", "network": "192.168.1.0/24"}
VPC = {"id": "rtr-a", "network": "192.168.0.0/16", "vxnets": [VXNET]}
EIP = {"id": "eip-11111111", "address": "139.198.0.10"}


def world(**changes: Any) -> World:
    data = {"zone": "pek3", "vpcs": [VPC], "eips": [EIP], "linked": [], "clusters": [], **changes}
    return World.model_validate_json(json.dumps({key: value for key, value in data.items() if value is not None}))


def find(around: World | None = None, **wish: Any) -> list[Finding]:
    data = {"apiVersion": "qke/v1", "kind": "Cluster", "name": "shop", "version": "3.3.0", "zone": "pek3"}
    document = {**data, "vxnet": "vxnet-a", "roles": ROLES, **wish}
    text = json.dumps({key: value for key, value in document.items() if value is not None})
    case = Case.of(ClusterDocument.model_validate_json(text), around)
    return [finding for rule in RULES for finding in rule(case)]


def codes(findings: list[Finding], *severities: str) -> list[str]:
    return [finding.code for finding in findings if not severities or finding.severity in severities]


def only(findings: list[Finding], code: str) -> Finding:
    (found,) = [finding for finding in findings if finding.code == code]
    return found


def test_a_good_wish_meets_no_blocker_and_no_warning():
    assert codes(find(world()), "blocker", "warning") == []


def test_a_world_without_networks_is_a_note_and_no_world_is_silence():
    assert codes(find(world(vpcs=None))).count("network.unknown") == 1
    assert "network.unknown" not in codes(find(None))


@pytest.mark.guide("G-023", "G-024", "G-025", "G-041")
@pytest.mark.parametrize(
    ("vpc", "vxnet", "code", "word"),
    [
        (VPC, None, "network.vxnet-missing", "names no vxnet"),
        (VPC, "vxnet-b", "network.vxnet-unknown", "vxnet-b"),
        ({**VPC, "vxnets": [{**VXNET, "managed": False}]}, "vxnet-a", "network.vxnet-unfit", "self-managed"),
        ({**VPC, "vxnets": [{**VXNET, "dhcp": False}]}, "vxnet-a", "network.vxnet-unfit", "DHCP"),
        ({**VPC, "type": "free"}, "vxnet-a", "network.vxnet-unfit", "free VPC"),
    ],
)
def test_the_vxnet_is_managed_has_dhcp_and_is_in_a_vpc(vpc: Any, vxnet: str | None, code: str, word: str):
    found = only(find(world(vpcs=[vpc]), vxnet=vxnet), code)
    assert found.severity == "blocker"
    assert found.path == ("vxnet",)
    assert word in found.sentence


@pytest.mark.guide("G-026", "G-059", "G-174")
def test_a_vpc_on_the_docker_bridge_needs_another_bridge():
    vpc = {**VPC, "network": "172.30.0.0/16", "vxnets": [{**VXNET, "network": "172.30.1.0/24"}]}
    found = only(find(world(vpcs=[vpc])), "network.overlap")
    assert (found.severity, found.path) == ("blocker", ("env", "docker_bip"))
    assert "172.30.0.0/16" in found.sentence
    remedy = found.remedy.removeprefix("write docker_bip: ").removesuffix(", which is free")
    assert codes(find(world(vpcs=[vpc]), env={"docker_bip": remedy}), "blocker") == []


@pytest.mark.guide("G-063", "G-064")
@pytest.mark.parametrize(
    ("env", "key"),
    [
        ({"pod_subnet": "192.168.0.0/18"}, "pod_subnet"),
        ({"service_subnet": "192.168.128.0/20"}, "service_subnet"),
        ({"service_subnet": "10.10.128.0/20"}, "pod_subnet"),
        ({"docker_bip": "10.96.0.1/20"}, "docker_bip"),
    ],
)
def test_own_ranges_overlap_neither_the_vpc_nor_each_other(env: Mapping[str, str], key: str):
    found = only(find(world(), env=env), "network.overlap")
    assert (found.severity, found.path) == ("blocker", ("env", key))


def test_pods_of_another_cluster_in_the_vpc_are_a_warning():
    other = {"name": "bank", "version": "3.3.0", "vxnet": "vxnet-a", "roles": ROLES}
    found = [item for item in find(world(clusters=[other])) if item.code == "network.overlap"]
    assert [item.severity for item in found] == ["warning", "warning"]
    assert "cluster bank's pods" in found[0].sentence
    elsewhere = {**other, "env": {"pod_subnet": "10.20.0.0/16", "service_subnet": "10.97.0.0/16"}}
    assert "network.overlap" not in codes(find(world(clusters=[elsewhere])))
    assert "network.overlap" not in codes(find(world(clusters=[{**other, "status": "deleted"}])))
    assert "network.overlap" not in codes(find(world(clusters=[{**other, "vxnet": "vxnet-0"}])))


def test_the_vpn_range_of_vpcs_is_a_warning():
    assert only(find(world(), env={"pod_subnet": "10.255.0.0/16"}), "network.reserved").severity == "warning"


@pytest.mark.parametrize(
    ("env", "code"),
    [
        ({"pod_subnet": "fd00::/64"}, "network.ipv6"),
        ({"docker_bip": "fd00::1/64"}, "network.ipv6"),
        ({"pod_subnet": "10.10.0.1/16"}, "network.host-bits"),
        ({"docker_bip": "172.30.0.1"}, "network.cidr"),
        ({"service_subnet": "10.96.0.0/33"}, "network.cidr"),
    ],
)
def test_a_malformed_range_is_refused_with_its_place(env: dict[str, str], code: str):
    found = only(find(world(), env=env), code)
    assert (found.severity, found.path) == ("blocker", ("env", next(iter(env))))
    assert next(iter(env.values())) in found.sentence


@pytest.mark.guide("G-063", "G-067")
def test_each_node_needs_a_block_of_the_pod_range():
    many = {"master": {"count": 3, "instance_class": 101}, "node_perf": {"count": 14}}
    found = only(find(world(), roles=many, env={"pod_subnet": "10.10.0.0/20"}), "network.pods-short")
    assert "16 blocks of /24" in found.sentence
    assert "17 nodes" in found.sentence
    remedy = found.remedy.removeprefix("write pod_subnet: ").removesuffix(", which is free")
    assert remedy.endswith("/16")
    assert codes(find(world(), roles=many, env={"pod_subnet": remedy}), "blocker") == []
    fits = {"master": {"count": 3, "instance_class": 101}, "node_perf": {"count": 13}}
    assert codes(find(world(), roles=fits, env={"pod_subnet": "10.10.0.0/20"}), "blocker") == []


def test_services_need_room():
    assert "network.services-short" in codes(find(world(), env={"service_subnet": "10.96.0.0/28"}), "blocker")


def test_a_vxnet_has_252_addresses_for_nodes_and_balancers():
    full = {**VXNET, "used": 244}
    roomy = {**VXNET, "used": 243}
    # Three masters, three workers, a client, and the API server's load balancer.
    roles = {**ROLES, "client": {"count": 1}}
    assert "network.vxnet-short" not in codes(find(world(vpcs=[{**VPC, "vxnets": [full]}]), roles=roles))
    more = {**roles, "node_perf": {"count": 4}}
    assert "network.vxnet-short" in codes(find(world(vpcs=[{**VPC, "vxnets": [full]}]), roles=more), "blocker")
    assert "network.vxnet-short" not in codes(find(world(vpcs=[{**VPC, "vxnets": [roomy]}]), roles=more))
    console = {"kubesphere_eip": "eip-11111111"}
    assert "network.vxnet-short" in codes(
        find(world(vpcs=[{**VPC, "vxnets": [full]}]), roles=roles, env=console), "blocker"
    )


HOSTNIC = {"network_plugin": "hostnic", "hostnic-max-nics": 60}


@pytest.mark.parametrize(
    ("vxnets", "code", "platform"),
    [
        ("vxnet-a", "network.hostnic-short", 140),
        ("vxnet-a\nvxnet-zz", "network.hostnic-unknown", 139),
        ("vxnet-a\nvxnet-other", "network.hostnic-vpc", 142),
    ],
)
def test_hostnic_needs_enough_vxnets_of_the_own_vpc(vxnets: str, code: str, platform: int):
    other = {"id": "rtr-b", "network": "172.16.0.0/16", "vxnets": [{"id": "vxnet-other"}]}
    found = find(world(vpcs=[VPC, other]), env={**HOSTNIC, "hostnic-vxnets": vxnets})
    assert only(found, code).platform_code == platform


def test_hostnic_with_enough_vxnets_is_fine():
    vpc = {**VPC, "vxnets": [VXNET, {"id": "vxnet-b", "network": "192.168.2.0/24"}]}
    found = find(world(vpcs=[vpc]), env={**HOSTNIC, "hostnic-vxnets": "vxnet-a\nvxnet-b"})
    assert codes(found, "blocker") == []


@pytest.mark.guide("G-042", "G-043", "G-044", "G-045", "G-046", "G-047")
def test_linked_services_are_in_the_same_vpc_and_advised_for_production():
    other = {"id": "rtr-b", "network": "172.16.0.0/16", "vxnets": [{"id": "vxnet-b"}]}
    services = [
        {"id": "cl-etcd0001", "app": "etcd", "vxnet": "vxnet-a"},
        {"id": "cl-elk00001", "app": "elk", "vxnet": "vxnet-b"},
    ]
    around = world(vpcs=[VPC, other], linked=services)
    assert codes(find(around)).count("network.link-advised") == 2
    good = find(around, links={"etcd": "cl-etcd0001"})
    assert codes(good, "blocker") == []
    assert codes(good).count("network.link-advised") == 1
    assert only(find(around, links={"elk": "cl-elk00001"}), "network.link-vpc").path == ("links", "elk")
    assert only(find(around, links={"etcd": "cl-elk00001"}), "network.link-unknown").path == ("links", "etcd")


@pytest.mark.guide("G-050")
def test_a_public_address_exists_is_free_and_used_once():
    console = {"kubesphere_eip": "eip-11111111"}
    assert codes(find(world(), env=console), "blocker") == []
    taken = world(eips=[{**EIP, "bound_to": "lb-1"}, {"id": "eip-22222222", "address": "139.198.0.11"}])
    found = only(find(taken, env=console), "network.eip-taken")
    assert "lb-1" in found.sentence
    assert "eip-22222222" in found.remedy
    other = {"name": "bank", "version": "3.3.0", "vxnet": "vxnet-a", "roles": ROLES, "env": console}
    assert "cluster bank" in only(find(world(clusters=[other]), env=console), "network.eip-taken").sentence
    assert "network.eip-unknown" in codes(find(world(), env={"kubesphere_eip": "eip-99999999"}), "blocker")
    both = {**console, "kubernetes_eip_id": "eip-11111111"}
    assert "network.eip-twice" in codes(find(world(), env=both), "blocker")


@pytest.mark.guide("G-093", "G-096", "G-099")
def test_the_address_in_the_certificate_must_lead_to_the_api_server():
    env = {"kubernetes_eip": "139.198.0.10"}
    assert "network.eip-foreign" in codes(find(world(), env={"kubernetes_eip": "8.8.8.8"}), "warning")
    vpc = {**VPC, "eip": "eip-11111111"}
    assert "network.no-forward" in codes(find(world(vpcs=[vpc]), env=env), "warning")
    forwarded = {**vpc, "forwards": [{"port": 16443, "to": "192.168.1.2", "to_port": 6443}]}
    assert "network.port-closed" in codes(find(world(vpcs=[forwarded]), env=env), "warning")
    opened = {**forwarded, "open_ports": ["16000-17000"]}
    assert codes(find(world(vpcs=[opened]), env=env), "warning") == []


@pytest.mark.guide("G-110", "G-111", "G-113")
def test_the_console_needs_its_port_forwarded_and_open():
    vpc = {**VPC, "eip": "eip-11111111"}
    assert "network.no-forward" in codes(find(world(vpcs=[vpc])), "note")
    forwarded = {**vpc, "forwards": [{"port": 30880, "to": "192.168.1.2", "to_port": 30880}]}
    assert "network.port-closed" in codes(find(world(vpcs=[forwarded])), "note")
    assert "network.port-closed" not in codes(find(world(vpcs=[{**forwarded, "open_ports": ["30880"]}])))


@pytest.mark.guide("G-181")
def test_the_basic_network_needs_its_ports_open():
    base = {**VPC, "vxnets": [{"id": "vxnet-0"}]}
    found = only(find(world(vpcs=[base]), vxnet="vxnet-0"), "network.base-network")
    assert "6443 and 30000-32767" in found.sentence


@pytest.mark.guide("G-180")
def test_registries_must_be_reached_from_the_nodes():
    public = {"host": "registry.example", "reachable_from": "internet"}
    private = {"host": "harbor.example", "reachable_from": "rtr-b"}
    found = [item for item in find(world(registries=[public, private])) if item.code == "network.registry"]
    assert len(found) == 2
    vpc = {**VPC, "eip": "eip-11111111"}
    near = {**private, "reachable_from": "vxnet-a"}
    assert "network.registry" not in codes(find(world(vpcs=[vpc], registries=[public, near])))


# What stands already


SHOP = {"name": "shop", "version": "3.3.0", "vxnet": "vxnet-a", "roles": ROLES}


def test_what_stands_already_is_a_warning_and_what_is_new_a_blocker():
    lone = {**VPC, "vxnets": [{**VXNET, "dhcp": False}]}
    env = {"pod_subnet": "192.168.128.0/18", "service_subnet": "10.0.0.0/8"}
    around = world(vpcs=[lone], clusters=[{**SHOP, "env": env}])
    found = find(around)
    assert codes(found, "blocker") == []
    assert set(codes(found, "warning")) >= {"network.overlap", "network.too-wide", "network.vxnet-unfit"}
    remedies = {finding.remedy for finding in found if finding.code == "network.overlap"}
    assert remedies == {"pod_subnet cannot change any more; where it hurts, make a new cluster"}
    changed = find(around, env={"docker_bip": "192.168.64.1/24"})
    assert codes(changed, "blocker") == ["network.overlap"]
    assert only([item for item in changed if item.severity == "blocker"], "network.overlap").path == (
        "env",
        "docker_bip",
    )


def test_a_cluster_that_fills_its_range_may_stay_but_not_grow():
    around = world(clusters=[{**SHOP, "env": {"pod_subnet": "10.10.0.0/22"}}])
    same = only(find(around), "network.pods-short")
    assert same.severity == "warning"
    more = only(find(around, roles={**ROLES, "node_perf": {"count": 4}}), "network.pods-short")
    assert (more.severity, more.remedy) == ("blocker", "wish for 4 nodes at most: pod_subnet is fixed")


def test_a_full_vxnet_stops_growth_only():
    vpc = {**VPC, "vxnets": [{**VXNET, "used": 244}, {"id": "vxnet-b", "network": "192.168.2.0/24"}]}
    around = world(vpcs=[vpc], clusters=[SHOP])
    assert "network.vxnet-short" not in codes(find(around))
    found = only(find(around, roles={**ROLES, "node_perf": {"count": 4}}), "network.vxnet-short")
    assert found.sentence == "vxnet-a has 8 addresses left, the wish takes 9"
    assert found.remedy == "wish for 1 node less"


@pytest.mark.parametrize("status", ["deleted", "ceased"])
def test_a_cluster_that_is_wished_away_needs_no_network(status: str):
    around = world(vpcs=[], clusters=[{**SHOP, "env": {"pod_subnet": "172.30.0.0/16"}}])
    assert "network.vxnet-unknown" in codes(find(around), "blocker")
    assert find(around, status=status) == []


def test_a_cluster_in_an_unknown_vxnet_is_a_note():
    around = world(clusters=[{key: value for key, value in SHOP.items() if key != "vxnet"}])
    found = only(find(around, vxnet=None), "network.unknown")
    assert (found.severity, "shop" in found.sentence) == ("note", True)


def test_a_move_to_another_vxnet_is_new():
    vpc = {**VPC, "vxnets": [VXNET, {"id": "vxnet-b", "dhcp": False}]}
    assert only(find(world(vpcs=[vpc], clusters=[SHOP]), vxnet="vxnet-b"), "network.vxnet-unfit").severity == "blocker"


# Ranges, once more


@pytest.mark.guide("G-059")
@pytest.mark.parametrize(
    ("bridge", "remedy"),
    [
        ("172.29.0.0/16", "write the bridge's own address: 172.29.0.1/16"),
        ("172.29.255.255/16", "write the bridge's own address: 172.29.0.1/16"),
        ("172.29.0.1/32", "write it like 172.30.0.1/16"),
    ],
)
def test_the_bridge_has_an_address_of_its_own(bridge: str, remedy: str):
    found = only(find(world(), env={"docker_bip": bridge}), "network.bridge-address")
    assert (found.severity, found.path, found.remedy) == ("blocker", ("env", "docker_bip"), remedy)
    assert "network.bridge-address" not in codes(find(world(), env={"docker_bip": "172.29.0.9/16"}))


@pytest.mark.guide("G-063", "G-064")
@pytest.mark.parametrize(
    ("env", "code", "severity"),
    [
        ({"service_subnet": "10.128.0.0/11"}, "network.too-wide", "blocker"),
        ({"pod_subnet": "100.0.0.0/7"}, "network.too-wide", "blocker"),
        ({"pod_subnet": "127.0.0.0/16"}, "network.unusable", "blocker"),
        ({"docker_bip": "169.254.0.1/16"}, "network.unusable", "blocker"),
        ({"service_subnet": "224.0.0.0/16"}, "network.unusable", "blocker"),
        ({"pod_subnet": "198.19.0.0/16"}, "network.reserved", "warning"),
        ({"pod_subnet": "8.8.0.0/16"}, "network.public", "warning"),
    ],
)
def test_a_range_must_be_one_that_pods_and_services_can_have(env: dict[str, str], code: str, severity: str):
    found = only(find(world(), env=env), code)
    key, value = next(iter(env.items()))
    assert (found.severity, found.path) == (severity, ("env", key))
    network = value.replace(".0.1/", ".0.0/")
    assert network in found.sentence
    advised = found.remedy.removeprefix(f"write {key}: ").removesuffix(", which is free")
    assert codes(find(world(), env={key: advised}), "blocker", "warning") == []


def test_all_hints_together_clear_all_overlaps():
    env = {"docker_bip": "192.168.7.1/24", "pod_subnet": "192.168.0.0/17", "service_subnet": "192.168.0.0/18"}
    wrong = [item for item in find(world(), env=env) if item.code == "network.overlap"]
    assert len(wrong) == 6
    hints = dict(item.remedy.removeprefix("write ").removesuffix(", which is free").split(": ") for item in wrong)
    assert hints.keys() == env.keys()
    assert "network.overlap" not in codes(find(world(), env=hints))


def test_a_hint_avoids_what_vpcs_may_have_and_what_neighbours_have():
    other = {"name": "bank", "version": "3.3.0", "vxnet": "vxnet-a", "roles": ROLES}
    found = [item for item in find(world(clusters=[other])) if item.code == "network.overlap"]
    assert [item.remedy for item in found] == [
        "write pod_subnet: 10.0.0.0/16, which is free",
        "write service_subnet: 10.1.0.0/16, which is free",
    ]
    bridge = only(find(world(), env={"docker_bip": "192.168.9.1/24"}), "network.overlap")
    assert bridge.remedy == "write docker_bip: 172.26.0.1/24, which is free"


def test_many_neighbours_are_one_warning_for_each_own_range():
    others = [
        {
            "name": f"c{n}",
            "version": "3.3.0",
            "vxnet": "vxnet-a",
            "roles": ROLES,
            "env": {"pod_subnet": f"10.{n}.0.0/16", "service_subnet": "172.28.0.0/16"},
        }
        for n in range(20)
    ]
    found = only(find(world(clusters=others), env={"pod_subnet": "10.0.0.0/12"}), "network.overlap")
    assert found.sentence == (
        "pods 10.0.0.0/12 overlaps cluster c0's pods 10.0.0.0/16, cluster c1's pods 10.1.0.0/16, "
        "cluster c2's pods 10.2.0.0/16, and 13 more"
    )
    assert found.remedy == "write pod_subnet: 10.32.0.0/12, which is free"


@pytest.mark.guide("G-043", "G-046")
def test_the_range_of_a_linked_service_outside_the_vpc_is_left_alone():
    service = {"id": "cl-etcd0001", "app": "etcd", "vxnet": "vxnet-a", "network": "10.10.7.0/24"}
    around = world(linked=[service])
    found = only(find(around, links={"etcd": "cl-etcd0001"}), "network.overlap")
    assert (found.severity, found.path) == ("blocker", ("env", "pod_subnet"))
    assert "etcd cl-etcd0001 10.10.7.0/24" in found.sentence
    assert "network.overlap" not in codes(find(around))
    inside = world(linked=[{**service, "network": "192.168.1.0/24"}])
    wish = {"links": {"etcd": "cl-etcd0001"}, "env": {"docker_bip": "192.168.1.1/24"}}
    assert only(find(inside, **wish), "network.overlap").sentence.startswith(
        "docker bridge 192.168.1.0/24 overlaps VPC"
    )


# Room, once more


def test_a_vxnet_holds_252_and_less_or_more_when_its_range_does():
    usual = {**VPC, "vxnets": [{"id": "vxnet-a", "network": "192.168.0.0/24", "used": 246}]}
    unknown = {**VPC, "vxnets": [{"id": "vxnet-a", "used": 246}]}
    small = {**VPC, "vxnets": [{"id": "vxnet-a", "network": "192.168.0.0/28", "used": 7}]}
    for vpc in (usual, unknown, small):
        found = only(find(world(vpcs=[vpc])), "network.vxnet-short")
        assert "6 addresses left, the wish takes 8" in found.sentence
    large = {**VPC, "vxnets": [{"id": "vxnet-a", "network": "192.168.0.0/23", "used": 246}]}
    assert "network.vxnet-short" not in codes(find(world(vpcs=[large])))


def test_a_vxnet_with_room_is_named_when_the_wished_one_is_full():
    vpc = {**VPC, "vxnets": [{**VXNET, "used": 250}, {"id": "vxnet-b", "network": "192.168.2.0/24"}]}
    found = only(find(world(vpcs=[vpc])), "network.vxnet-short")
    assert found.remedy == "wish for 6 nodes less, or stand in vxnet-b, which has room"


def test_a_node_in_another_vxnet_takes_its_address_there():
    strays = [{"role": "node_perf", "index": 1, "vxnet": "vxnet-b"}]
    other = {**SHOP, "name": "bank", "nodes": strays}
    vpc = {**VPC, "vxnets": [{**VXNET, "used": 237}, {"id": "vxnet-b", "network": "192.168.2.0/24"}]}
    assert "network.vxnet-short" not in codes(find(world(vpcs=[vpc], clusters=[other])))
    assert "network.vxnet-short" in codes(find(world(vpcs=[vpc], clusters=[{**other, "nodes": []}])))


def test_a_vxnet_listed_twice_for_hostnic_is_one_too_few():
    env = {**HOSTNIC, "hostnic-vxnets": "vxnet-a\nvxnet-a"}
    assert only(find(world(), env=env), "network.hostnic-unknown").platform_code == 139


@pytest.mark.guide("G-067")
def test_vxnets_for_pods_are_better_left_to_pods():
    vpc = {**VPC, "vxnets": [VXNET, {"id": "vxnet-b"}, {"id": "vxnet-c"}]}
    two = {**HOSTNIC, "hostnic-max-nics": 60, "hostnic-vxnets": "vxnet-b\nvxnet-c"}
    assert "network.hostnic-shared" not in codes(find(world(vpcs=[vpc]), env=two))
    used = {**vpc, "vxnets": [VXNET, {"id": "vxnet-b", "used": 200}, {"id": "vxnet-c"}]}
    found = only(find(world(vpcs=[used]), env=two), "network.hostnic-shared")
    assert "Pods may bind 360 addresses; vxnet-b, vxnet-c have 304 left" in found.sentence
    other = {**SHOP, "name": "bank", "env": {**HOSTNIC, "hostnic-vxnets": "vxnet-c"}}
    found = only(find(world(vpcs=[vpc], clusters=[other]), env=two), "network.hostnic-shared")
    assert "pods of bank too" in found.sentence


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0", "3.0.0"])
def test_hostnic_in_a_version_without_it_is_no_accident(version: str):
    """The parameter rules refuse it; the rules of networks must not fall over it."""
    assert "network.hostnic-short" not in codes(find(world(), version=version, env={"network_plugin": "hostnic"}))


# Addresses and ports, once more


@pytest.mark.guide("G-050", "G-096")
def test_the_address_of_a_vpc_is_taken():
    around = world(vpcs=[{**VPC, "eip": "eip-11111111"}])
    found = only(find(around, env={"kubesphere_eip": "eip-11111111"}), "network.eip-taken")
    assert "bound to rtr-a" in found.sentence
    assert found.remedy == "allocate another one"


@pytest.mark.guide("G-050", "G-094")
def test_an_address_that_the_cluster_has_already_may_stay():
    env = {"kubesphere_eip": "eip-11111111"}
    around = world(eips=[{**EIP, "bound_to": "lb-1"}], clusters=[{**SHOP, "env": env}])
    assert codes(find(around, env=env), "blocker") == []


@pytest.mark.guide("G-093", "G-095", "G-096", "G-100")
def test_an_address_bound_to_nothing_or_to_something_else_does_not_lead_to_the_api_server():
    env = {"kubernetes_eip": "139.198.0.10"}
    lone = {"master": {"count": 1, "instance_class": 101}, "node_perf": {"count": 2}}
    ha, single = (only(find(world(), env=env, **roles), "network.eip-unbound") for roles in ({}, {"roles": lone}))
    assert ha.severity == "note"
    assert "load balancer" in ha.remedy
    assert "load balancer" not in single.remedy
    other = {"id": "rtr-b", "network": "172.16.0.0/16", "eip": "eip-11111111"}
    found = only(find(world(vpcs=[VPC, other]), env=env), "network.eip-elsewhere")
    assert (found.severity, "rtr-b" in found.sentence) == ("warning", True)
    console = find(world(), env={**env, "kubesphere_eip": "eip-11111111"})
    assert "the console" in only(console, "network.eip-elsewhere").sentence
    assert codes(find(world(eips=[{**EIP, "bound_to": "lb-1"}]), env=env), "warning") == []
    assert codes(find(world(), env={**env, "kubernetes_eip_id": "eip-11111111"}), "warning") == []


def known_node(role: str, address: str) -> dict[str, Any]:
    return {**SHOP, "nodes": [{"role": role, "index": 1, "address": address}]}


FORWARD = {"port": 16443, "to": "192.168.1.2", "to_port": 6443}


@pytest.mark.guide("G-097", "G-098")
def test_the_forwarded_port_leads_to_the_master_or_with_three_to_the_load_balancer():
    vpc = {**VPC, "eip": "eip-11111111", "forwards": [FORWARD], "open_ports": ["16443"]}
    wish = {"env": {"kubernetes_eip": "139.198.0.10"}}
    astray = find(world(vpcs=[vpc], clusters=[known_node("master", "192.168.1.2")]), **wish)
    assert "load balancer" in only(astray, "network.forward-astray").remedy
    assert "network.forward-astray" not in codes(find(world(vpcs=[vpc], clusters=[SHOP]), **wish))
    lone = {"roles": {"master": {"count": 1, "instance_class": 101}, "node_perf": {"count": 2}}}
    for address, wrong in (("192.168.1.2", False), ("192.168.1.9", True)):
        around = world(vpcs=[vpc], clusters=[{**known_node("master", address), **lone}])
        assert ("network.forward-astray" in codes(find(around, **wish, **lone))) == wrong


@pytest.mark.guide("G-096", "G-099")
def test_a_port_that_leads_to_another_vxnet_does_not_count():
    vpc = {**VPC, "eip": "eip-11111111", "forwards": [{**FORWARD, "to": "192.168.2.2"}], "open_ports": ["16443"]}
    wish = {"kubernetes_eip": "139.198.0.10", "install_kubesphere": False}
    found = only(find(world(vpcs=[vpc]), env=wish), "network.no-forward")
    assert "vxnet-a" in found.sentence


@pytest.mark.guide("G-111", "G-113", "G-114")
def test_the_console_is_not_on_the_client_and_may_have_another_outer_port():
    console = {"port": 8880, "to": "192.168.1.7", "to_port": 30880}
    vpc = {**VPC, "eip": "eip-11111111", "forwards": [console], "open_ports": ["8880"]}
    assert codes(find(world(vpcs=[vpc])), "warning") == []
    roles = {**ROLES, "client": {"count": 1}}
    client = {**known_node("client", "192.168.1.7"), "roles": roles}
    found = only(find(world(vpcs=[vpc], clusters=[client]), roles=roles), "network.forward-astray")
    assert "client 192.168.1.7" in found.sentence
    assert "network.port-closed" in codes(find(world(vpcs=[{**vpc, "open_ports": ["30880"]}])), "note")


@pytest.mark.guide("G-110", "G-115")
def test_a_console_with_an_address_of_its_own_needs_no_forwarded_port():
    vpc = {**VPC, "eip": "eip-22222222"}
    eips = [EIP, {"id": "eip-22222222", "address": "139.198.0.11"}]
    found = find(world(vpcs=[vpc], eips=eips), env={"kubesphere_eip": "eip-11111111"})
    assert "network.no-forward" not in codes(found)
    bare = find(world(vpcs=[vpc], eips=eips), env={"install_kubesphere": False})
    assert "network.no-forward" not in codes(bare)


@pytest.mark.guide("G-149")
def test_web_ports_and_domains_need_an_icp_filing_on_the_mainland():
    vpc = {**VPC, "eip": "eip-11111111", "forwards": [{"port": 443, "to": "192.168.1.2", "to_port": 30880}]}
    found = only(find(world(vpcs=[vpc])), "network.icp")
    assert (found.severity, "port 443 of 139.198.0.10" in found.sentence) == ("note", True)
    assert "network.icp" not in codes(find(world(vpcs=[vpc], eips=[{**EIP, "icp": True}])))
    assert "network.icp" not in codes(find(world(vpcs=[vpc], zone="ap2a"), zone="ap2a"))
    console = find(world(), env={"kubesphere_eip": "eip-11111111"})
    assert only(console, "network.icp").path == ("env", "kubesphere_eip")
    filed = find(world(eips=[{**EIP, "icp": True}]), env={"kubesphere_eip": "eip-11111111"})
    assert "network.icp" not in codes(filed)


@pytest.mark.guide("G-181")
def test_the_basic_network_is_in_no_vpc_and_still_no_unknown_vxnet():
    found = find(world(), vxnet="vxnet-0")
    assert codes(found, "blocker") == []
    assert "network.base-network" in codes(found, "warning")


@pytest.mark.guide("G-093", "G-102", "G-103")
def test_what_to_write_into_the_kubeconfig_is_said_once_something_leads_there():
    """The addresses are those of the guide's two examples."""
    eip = {"id": "eip-11111111", "address": "139.198.190.141"}
    vpc = {**VPC, "eip": "eip-11111111", "forwards": [FORWARD], "open_ports": ["16443"]}
    env = {"kubernetes_eip": "139.198.190.141"}
    found = only(find(world(vpcs=[vpc], eips=[eip]), env=env), "network.server")
    assert found.sentence == "From outside, the API server is https://139.198.190.141:16443"
    assert (found.severity, found.path) == ("note", ("env", "kubernetes_eip"))
    balancer = {"id": "eip-22222222", "address": "139.198.186.186", "bound_to": "lb-1"}
    through = only(find(world(eips=[balancer]), env={"kubernetes_eip": "139.198.186.186"}), "network.server")
    assert through.sentence == "From outside, the API server is https://139.198.186.186:6443"
    free = {**balancer, "bound_to": ""}
    own = only(find(world(eips=[free]), env={"kubernetes_eip_id": "eip-22222222"}), "network.server")
    assert own.path == ("env", "kubernetes_eip_id")
    for silent in (
        find(world(vpcs=[{**vpc, "open_ports": []}], eips=[eip]), env=env),
        find(world(vpcs=[{**vpc, "forwards": []}], eips=[eip]), env=env),
        find(world(vpcs=[vpc], eips=[eip])),
        find(world(eips=[{**balancer, "bound_to": "rtr-b"}]), env={"kubernetes_eip": "139.198.186.186"}),
        find(world(vpcs=[vpc], eips=[eip], clusters=[{**SHOP, "env": env}]), env=env),
    ):
        assert "network.server" not in codes(silent)


def state(**wish: Any) -> ClusterState:
    data = {"apiVersion": "qke/v1", "kind": "Cluster", "name": "shop", "version": "3.3.0", "zone": "pek3"}
    text = json.dumps({**data, "vxnet": "vxnet-a", "roles": ROLES, **wish})
    return ClusterState.of_wish(ClusterDocument.model_validate_json(text))


@pytest.mark.guide("G-099", "G-113", "G-181")
def test_needed_ports_are_data():
    def ports(vpc: Mapping[str, Any] | None, **wish: Any) -> list[tuple[str, str]]:
        around = world(vpcs=[] if vpc is None else [vpc])
        found = needed_ports(state(**wish), next(iter(around.vpcs or ()), None), around.eips or ())
        return [(port.ports, port.target) for port in found]

    mine = {**VPC, "eip": "eip-11111111", "forwards": [FORWARD]}
    assert ports(None) == []
    assert ports(VPC) == []
    assert ports(mine) == [("30880", "KubeSphere console")]
    assert ports(mine, env={"kubernetes_eip": "139.198.0.10"})[0] == ("16443", "API server")
    assert ports(mine, env={"kubesphere_eip": "eip-22222222"}) == []
    assert ports(None, vxnet="vxnet-0", env={"cluster_port_range": "30000-31000"}) == [
        ("6443", "API server"),
        ("30000-31000", "Services of type NodePort"),
    ]
    assert ports(mine, status="ceased") == []
    assert needed_ports(state(vxnet="vxnet-0"))[0].to_json()["where"] == "the default firewall"


# Worlds


def contradictions(**changes: Any) -> dict[str, tuple[str | int, ...]]:
    return {finding.code: finding.path for rule in WORLD_RULES for finding in rule(world(**changes))}


def test_a_good_world_contradicts_nothing():
    assert contradictions() == {}


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"vpcs": [VPC, VPC]}, "world.twice", ("vpcs", 1, "vxnets", 0, "id")),
        ({"eips": [EIP, {**EIP, "id": "eip-2"}]}, "world.twice", ("eips", 1, "address")),
        (
            {"vpcs": [{**VPC, "vxnets": [{**VXNET, "network": "10.0.0.0/24"}]}]},
            "world.vxnet-outside",
            ("vpcs", 0, "vxnets", 0, "network"),
        ),
        (
            {"vpcs": [{**VPC, "vxnets": [VXNET, {"id": "vxnet-b", "network": "192.168.1.128/25"}]}]},
            "world.vxnet-overlap",
            ("vpcs", 0, "vxnets", 1, "network"),
        ),
        ({"vpcs": [{**VPC, "network": "10.0.0.0/8", "vxnets": []}]}, "network.vpc-range", ("vpcs", 0, "network")),
        (
            {"vpcs": [{**VPC, "vxnets": [{**VXNET, "network": "192.168.0.0/20"}]}]},
            "network.vxnet-prefix",
            ("vpcs", 0, "vxnets", 0, "network"),
        ),
        ({"clusters": [{**SHOP, "vxnet": "vxnet-b"}]}, "world.vxnet-unknown", ("clusters", 0, "vxnet")),
        (
            {"clusters": [{**SHOP, "nodes": [{"role": "master", "index": 1, "vxnet": "vxnet-b"}]}]},
            "world.vxnet-unknown",
            ("clusters", 0, "nodes", 0, "vxnet"),
        ),
        (
            {"clusters": [{**SHOP, "nodes": [{"role": "master", "index": 1, "address": "192.168.9.1"}]}]},
            "world.address-outside",
            ("clusters", 0, "nodes", 0, "address"),
        ),
        (
            {"linked": [{"id": "cl-1", "app": "etcd", "vxnet": "vxnet-b"}]},
            "world.vxnet-unknown",
            ("linked", 0, "vxnet"),
        ),
        ({"vpcs": [{**VPC, "eip": "eip-9"}]}, "world.eip-unknown", ("vpcs", 0, "eip")),
        (
            {"vpcs": [{**VPC, "forwards": [{"port": 1, "to": "192.168.1.2", "to_port": 2}] * 2}]},
            "world.port-twice",
            ("vpcs", 0, "forwards", 1, "port"),
        ),
        (
            {"vpcs": [{**VPC, "vxnets": [{**VXNET, "used": 253}]}]},
            "world.vxnet-full",
            ("vpcs", 0, "vxnets", 0, "used"),
        ),
        (
            {
                "clusters": [
                    {**SHOP, "env": {"kubesphere_eip": "eip-11111111"}},
                    {**SHOP, "name": "bank", "env": {"kubesphere_eip": "eip-11111111"}},
                ]
            },
            "world.eip-twice",
            ("clusters", 1, "env", "kubesphere_eip"),
        ),
        (
            {"vpcs": [{**VPC, "forwards": [{**FORWARD, "to": "10.0.0.2"}]}]},
            "world.forward-outside",
            ("vpcs", 0, "forwards", 0, "to"),
        ),
        (
            {"registries": [{"host": "harbor.example", "reachable_from": "rtr-b"}]},
            "world.vxnet-unknown",
            ("registries", 0, "reachable_from"),
        ),
        (
            {"clusters": [known_node("master", "192.168.1.1")]},
            "world.address-outside",
            ("clusters", 0, "nodes", 0, "address"),
        ),
        (
            {
                "clusters": [
                    known_node("master", "192.168.1.5"),
                    {**known_node("master", "192.168.1.5"), "name": "bank"},
                ]
            },
            "world.twice",
            ("clusters", 1, "nodes", 0, "address"),
        ),
        (
            {
                "vpcs": [{**VPC, "eip": "eip-11111111"}],
                "clusters": [{**SHOP, "env": {"kubesphere_eip": "eip-11111111"}}],
            },
            "world.eip-twice",
            ("clusters", 0, "env", "kubesphere_eip"),
        ),
        (
            {"clusters": [{**SHOP, "env": {"kubernetes_eip_id": "eip-99999999"}}]},
            "world.eip-unknown",
            ("clusters", 0, "env", "kubernetes_eip_id"),
        ),
        ({"eips": [{**EIP, "bound_to": "rtr-b"}]}, "world.eip-bound", ("eips", 0, "bound_to")),
        (
            {"vpcs": [{**VPC, "eip": "eip-11111111"}], "eips": [{**EIP, "bound_to": "lb-1"}]},
            "world.eip-bound",
            ("eips", 0, "bound_to"),
        ),
    ],
)
def test_a_contradiction_is_said_where_it_stands(changes: Any, code: str, path: tuple[str | int, ...]):
    assert contradictions(**changes)[code] == path


def test_an_address_may_name_its_vpc_alone_or_both_each_other():
    bound, vpc = {**EIP, "bound_to": "rtr-a"}, {**VPC, "eip": "eip-11111111"}
    assert contradictions(vpcs=[vpc], eips=[bound]) == {}
    assert contradictions(vpcs=[vpc]) == {}
    assert contradictions(eips=[{**EIP, "bound_to": "lb-1"}]) == {}
    (found,) = [item for rule in WORLD_RULES for item in rule(world(eips=[bound]))]
    assert (found.severity, found.remedy) == ("warning", "write eip: eip-11111111 at the VPC, or correct bound_to")


def test_vpcs_may_overlap_and_what_is_named_may_be_a_vpc_or_the_basic_network():
    twin = {"id": "rtr-b", "network": "192.168.0.0/16", "vxnets": [{"id": "vxnet-b", "network": "192.168.1.0/24"}]}
    assert contradictions(vpcs=[VPC, twin], clusters=[{**SHOP, "vxnet": "vxnet-0"}]) == {}
    assert contradictions(registries=[{"host": "harbor.example", "reachable_from": "rtr-a"}]) == {}
    nodes = [known_node("master", "192.168.1.5"), {**known_node("master", "192.168.1.5"), "name": "bank"}]
    assert contradictions(vpcs=[VPC, twin], clusters=[nodes[0], {**nodes[1], "vxnet": "vxnet-b"}]) == {}

"""Rules of networks: each with a world in which it speaks, and one in which it is silent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from qke_core.models import ClusterDocument, World
from qke_core.rules import Case, Finding
from qke_core.rules.network import RULES, WORLD_RULES

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


# Worlds


def contradictions(**changes: Any) -> dict[str, tuple[str | int, ...]]:
    return {finding.code: finding.path for rule in WORLD_RULES for finding in rule(world(**changes))}


def test_a_good_world_contradicts_nothing():
    assert contradictions() == {}


SHOP = {"name": "shop", "version": "3.3.0", "vxnet": "vxnet-a", "roles": ROLES}


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
    ],
)
def test_a_contradiction_is_said_where_it_stands(changes: Any, code: str, path: tuple[str | int, ...]):
    assert contradictions(**changes)[code] == path

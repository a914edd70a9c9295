"""Does the network book say what guide, documentation and Kubernetes say?"""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

import pytest

from qke_core.catalog import Basis, catalog, networks, parameters, quotas
from qke_core.catalog.load import read_text
from qke_core.catalog.network import build_networks
from qke_core.cidr import PRIVATE, blocks, parse_interface, parse_network
from qke_core.errors import InvariantError


@pytest.mark.guide("G-099", "G-103", "G-110")
def test_ports_are_those_of_the_guide():
    constants = networks().constants
    assert (constants["api_port"], constants["console_port"]) == (6443, 30880)


@pytest.mark.guide("G-066")
@pytest.mark.parametrize("version", catalog().order)
def test_the_default_nodeport_range_holds_the_console(version: str):
    low, _, high = str(parameters().env(version)["cluster_port_range"].default).partition("-")
    assert int(low) <= networks().constants["console_port"] <= int(high)


@pytest.mark.parametrize("network", [f"172.{second}.0.0/16" for second in range(16, 26)] + ["192.168.0.0/16"])
def test_ranges_that_vpcs_may_have(network: str):
    assert any(IPv4Network(network).subnet_of(allowed) for allowed in networks().vpc_networks)


@pytest.mark.parametrize(
    "network", ["172.15.0.0/16", "172.26.0.0/16", "172.31.0.0/16", "192.169.0.0/16", "10.0.0.0/16"]
)
def test_ranges_that_new_vpcs_are_not_offered(network: str):
    assert not any(IPv4Network(network).overlaps(allowed) for allowed in networks().vpc_networks)


@pytest.mark.guide("G-026", "G-059", "G-063", "G-064", "G-174")
@pytest.mark.parametrize("version", catalog().order)
def test_the_defaults_of_every_version_suit_every_vpc_but_that_on_the_docker_bridge(version: str):
    known = parameters().env(version)
    bridge = parse_interface(str(known["docker_bip"].default))
    assert bridge is not None
    assert bridge.ip == bridge.network.network_address + 1
    ranges = [bridge.network, *(parse_network(str(known[key].default)) for key in ("pod_subnet", "service_subnet"))]
    for found in ranges:
        assert found is not None
        assert found.prefixlen == networks().constants["usual_prefix"]
        assert any(found.subnet_of(private) for private in PRIVATE)
        assert not any(found.overlaps(kept) for kept in (*networks().reserved.values(), *networks().unusable.values()))
        met = [network for network in networks().vpc_networks if found.overlaps(network)]
        assert met == ([IPv4Network("172.30.0.0/16")] if found == bridge.network else [])
    assert not any(a.overlaps(b) for a, b in combinations([net for net in ranges if net is not None], 2))


@pytest.mark.guide("G-067")
@pytest.mark.parametrize("version", catalog().order)
def test_a_nodes_block_holds_all_pods_that_max_pods_may_say(version: str):
    usable = 2 ** (32 - networks().constants["node_pod_prefix"]) - 2
    choices = parameters().env(version)["max_pods"].choices
    assert choices
    assert all(int(choice) <= usable for choice in choices)


def test_the_widest_pod_range_is_what_kubernetes_cuts():
    constants = networks().constants
    assert constants["node_pod_prefix"] - constants["pod_prefix_min"] == 16
    assert blocks(IPv4Network("10.0.0.0/8"), constants["node_pod_prefix"]) == 65536


def test_a_vxnet_of_24_has_as_many_addresses_as_nics():
    constants = networks().constants
    assert constants["vxnet_nics_max"] == 252
    assert 256 - constants["vxnet_reserved"] >= constants["vxnet_nics_max"]


def test_limits_agree_with_those_of_the_quota_book():
    assert networks().constants["vxnet_nics_max"] <= quotas().hard["vips_per_vxnet"]


def test_guesses_are_marked():
    assumed = {entry.name for entry in networks().entries() if entry.basis == Basis.ASSUMED}
    assert assumed == {"constant cluster_services", "constant bridge_prefix_max"}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('name = "api_port"', 'name = "console_port"', "is there twice"),
        ("value = 252", "value = 0", "at least 1"),
        ('"10.255.0.0/16"', '"10.255.0.1/16"', "host bits zero"),
        ('"127.0.0.0/8"', '"::1/128"', "IPv4 range"),
        ('network = "172.24.0.0/15"', 'network = "192.168.0.0/16"', "is there twice"),
        ('name = "loopback"', 'name = "loopback"\nnmae = "x"', "unknown key nmae"),
    ],
)
def test_a_broken_file_is_refused(old: str, new: str, problem: str):
    text = read_text("network.toml")
    assert old in text
    with pytest.raises(InvariantError, match=problem):
        build_networks(text.replace(old, new, 1))

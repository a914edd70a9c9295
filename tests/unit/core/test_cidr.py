"""Does range arithmetic keep its word on the ranges that people have? Laws are in tests/property/test_cidr_laws.py."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from qke_core.cidr import (
    PRIVATE,
    Overlap,
    blocks,
    clashes,
    free_range,
    hosts,
    overlaps,
    parse_interface,
    parse_network,
    prefix_for_blocks,
    prefix_for_hosts,
    suggest,
)

BRIDGE, PODS, SERVICES = (IPv4Network(text) for text in ("172.30.0.0/16", "10.10.0.0/16", "10.96.0.0/16"))


@pytest.mark.guide("G-059", "G-063", "G-064")
def test_the_products_defaults_are_apart():
    assert overlaps({"bridge": BRIDGE, "pods": PODS, "services": SERVICES}) == ()


@pytest.mark.guide("G-026", "G-174")
def test_a_vpc_on_the_default_bridge_overlaps_it():
    assert overlaps({"bridge": BRIDGE, "VPC": IPv4Network("172.30.0.0/16")}) == (Overlap("bridge", "VPC"),)


def test_clashes_are_about_own_ranges_only():
    around = {"VPC": IPv4Network("172.30.0.0/16"), "neighbour": IPv4Network("172.30.1.0/24")}
    found = clashes({"bridge": BRIDGE, "pods": IPv4Network("172.30.2.0/24")}, around)
    assert [(pair.first, pair.second) for pair in found] == [
        ("bridge", "pods"),
        ("bridge", "VPC"),
        ("bridge", "neighbour"),
        ("pods", "VPC"),
    ]


@pytest.mark.parametrize(
    ("text", "prefix", "count"), [("10.10.0.0/16", 24, 256), ("10.10.0.0/24", 24, 1), ("10.10.0.0/25", 24, 0)]
)
def test_blocks_of_a_range(text: str, prefix: int, count: int):
    assert blocks(IPv4Network(text), prefix) == count


@pytest.mark.parametrize(
    ("text", "count"), [("10.0.0.0/24", 254), ("10.0.0.0/30", 2), ("10.0.0.0/31", 0), ("10.0.0.0/32", 0)]
)
def test_hosts_of_a_range(text: str, count: int):
    assert hosts(IPv4Network(text)) == count


@pytest.mark.parametrize(("count", "prefix"), [(0, 24), (1, 24), (2, 23), (16, 20), (17, 19), (303, 15), (2**25, -1)])
def test_the_smallest_range_for_blocks(count: int, prefix: int):
    assert prefix_for_blocks(count, 24) == prefix


@pytest.mark.parametrize(
    ("count", "prefix"), [(0, 30), (1, 30), (2, 30), (3, 29), (30, 27), (31, 26), (254, 24), (255, 23)]
)
def test_the_smallest_range_for_hosts(count: int, prefix: int):
    assert prefix_for_hosts(count) == prefix


def test_the_first_free_range_is_taken_after_what_is_busy():
    parent = IPv4Network("192.168.0.0/16")
    taken = [IPv4Network("192.168.0.0/24"), IPv4Network("192.168.2.128/25")]
    assert free_range(24, [parent], taken) == IPv4Network("192.168.1.0/24")
    assert free_range(23, [parent], taken) == IPv4Network("192.168.4.0/23")
    assert free_range(24, [parent], [IPv4Network("192.0.0.0/8")]) is None
    assert free_range(15, [parent], []) is None


def test_parents_are_tried_in_their_order():
    low, high = IPv4Network("10.0.0.0/24"), IPv4Network("10.0.1.0/24")
    assert free_range(25, [high, low], []) == IPv4Network("10.0.1.0/25")
    assert free_range(25, [high, low], [high]) == IPv4Network("10.0.0.0/25")


def test_a_suggestion_is_private_or_none():
    assert list(suggest(16, [])) == [IPv4Network("172.16.0.0/16")]
    assert list(suggest(16, PRIVATE)) == []


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "10.0.0.1/8", "fd00::/64", "10.0.0.0/8/8", "ten", "10.0.0/8"])
def test_what_is_no_range_reads_as_none(text: str):
    assert parse_network(text) is None


def test_an_interface_needs_its_prefix():
    bridge = parse_interface("172.30.0.1/16")
    assert bridge is not None
    assert bridge.network == BRIDGE
    assert parse_interface("172.30.0.1") is None
    assert parse_interface("fd00::1/64") is None

"""Laws of range arithmetic, and of what the rules of ranges advise."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from qke_core.cidr import (
    blocks,
    clashes,
    free_range,
    hosts,
    overlaps,
    parse_interface,
    parse_network,
    prefix_for_blocks,
    prefix_for_hosts,
)
from qke_core.models import ClusterDocument, World
from qke_core.rules import Case, Finding
from qke_core.rules.network import RULES


@st.composite
def ranges(draw: st.DrawFn, shortest: int = 8, longest: int = 28) -> IPv4Network:
    prefix = draw(st.integers(shortest, longest))
    number = draw(st.integers(0, 2**prefix - 1))
    return IPv4Network((number << (32 - prefix), prefix))


@given(ranges(), ranges())
def test_overlapping_is_mutual_and_means_a_shared_address(a: IPv4Network, b: IPv4Network):
    found = bool(overlaps({"a": a, "b": b}))
    assert found == bool(overlaps({"b": b, "a": a}))
    assert found == (max(a[0], b[0]) <= min(a[-1], b[-1]))


@given(st.lists(ranges(), max_size=6))
def test_every_pair_is_named_once(nets: list[IPv4Network]):
    named = {f"n{place}": net for place, net in enumerate(nets)}
    found = overlaps(named)
    pairs = {frozenset((pair.first, pair.second)) for pair in found}
    assert len(pairs) == len(found)
    assert pairs == {frozenset((a, b)) for a in named for b in named if a < b and named[a].overlaps(named[b])}


@given(ranges(longest=24), st.integers(8, 28))
def test_blocks_tile_their_range(parent: IPv4Network, prefix: int):
    count = blocks(parent, prefix)
    assert count * 2 ** (32 - prefix) == (parent.num_addresses if prefix >= parent.prefixlen else 0)


@given(st.integers(10, 28), st.lists(ranges(shortest=10), max_size=8))
def test_a_free_range_is_inside_and_overlaps_nothing_and_is_found_where_there_is_one(
    prefix: int, taken: list[IPv4Network]
):
    parent = IPv4Network("10.0.0.0/10")
    found = free_range(prefix, [parent], taken)
    candidates = parent.subnets(new_prefix=max(prefix, 10)) if prefix <= 16 else ()
    exists = any(not any(net.overlaps(other) for other in taken) for net in candidates)
    if found is None:
        assert not exists
    else:
        assert found.prefixlen == prefix
        assert found.subnet_of(parent)
        assert not any(found.overlaps(other) for other in taken)


@given(ranges())
def test_a_range_is_read_back_from_its_text_and_host_bits_are_refused(net: IPv4Network):
    assert parse_network(str(net)) == net
    inside = f"{net.network_address + 1}/{net.prefixlen}"
    assert parse_network(inside) is None
    interface = parse_interface(inside)
    assert interface is not None
    assert interface.network == net


@given(st.text(max_size=20))
def test_no_text_makes_reading_fail(text: str):
    parse_network(text)
    parse_interface(text)


@given(st.dictionaries(st.sampled_from("abc"), ranges(), max_size=3), st.dictionaries(st.sampled_from("xyz"), ranges()))
def test_clashes_are_the_overlaps_that_an_own_range_is_part_of(
    own: dict[str, IPv4Network], around: dict[str, IPv4Network]
):
    assert set(clashes(own, around)) == {pair for pair in overlaps({**own, **around}) if pair.first in own}


@given(st.integers(0, 2**20), st.integers(20, 30))
def test_the_smallest_range_for_blocks_holds_them_and_half_of_it_does_not(count: int, prefix: int):
    found = prefix_for_blocks(count, prefix)
    assert found >= 0
    assert blocks(IPv4Network((0, found)), prefix) >= max(count, 1)
    assert blocks(IPv4Network((0, found + 1)), prefix) < max(count, 1)


@given(st.integers(3, 2**20))
def test_the_smallest_range_for_hosts_holds_them_and_half_of_it_does_not(count: int):
    found = prefix_for_hosts(count)
    assert hosts(IPv4Network((0, found))) >= count > hosts(IPv4Network((0, found + 1)))


def _written(net: IPv4Network, *, bridge: bool) -> str:
    return f"{net.network_address + 1}/{net.prefixlen}" if bridge else str(net)


@st.composite
def wishes(draw: st.DrawFn) -> tuple[dict[str, str], World]:
    """Ranges of a cluster, and a VPC with neighbours that have ranges of their own."""
    keys = ("docker_bip", "pod_subnet", "service_subnet")
    anywhere = ranges(shortest=4, longest=30)

    def env() -> dict[str, str]:
        return {key: _written(draw(anywhere), bridge=key == "docker_bip") for key in keys}

    roles = {"master": {"count": 3}, "node_perf": {"count": draw(st.integers(2, 20))}}
    vpc = draw(ranges(shortest=12, longest=16))
    clusters = [
        {"name": f"c{n}", "version": "3.3.0", "vxnet": "vxnet-a", "roles": roles, "env": env()}
        for n in range(draw(st.integers(0, 3)))
    ]
    vpcs = [{"id": "rtr-a", "network": str(vpc), "vxnets": [{"id": "vxnet-a"}]}]
    data = {"zone": "pek3", "vpcs": vpcs, "clusters": clusters}
    return env(), World.model_validate_json(json.dumps(data))


def _found(env: dict[str, str], around: World) -> list[Finding]:
    roles = {"master": {"count": 3}, "node_perf": {"count": 20}}
    wish = {"apiVersion": "qke/v1", "kind": "Cluster", "name": "shop", "version": "3.3.0", "zone": "pek3"}
    text = json.dumps({**wish, "vxnet": "vxnet-a", "roles": roles, "env": env})
    case = Case.of(ClusterDocument.model_validate_json(text), around)
    return [finding for rule in RULES for finding in rule(case)]


RANGE_CODES = (
    *("network.overlap", "network.unusable", "network.reserved", "network.public"),
    *("network.pods-short", "network.services-short", "network.too-wide"),
)


@given(wishes())
def test_who_follows_every_hint_of_a_new_cluster_meets_no_rule_of_ranges_any_more(case: tuple[dict[str, str], World]):
    env, around = case
    advised = dict(env)
    for finding in _found(env, around):
        if finding.code in RANGE_CODES:
            assert finding.remedy.endswith(", which is free"), finding
            key, _, text = finding.remedy.removeprefix("write ").removesuffix(", which is free").partition(": ")
            assert finding.path == ("env", key)
            assert advised[key] in (env[key], text), "one range, one advice"
            advised[key] = text
    assert [finding for finding in _found(advised, around) if finding.code in RANGE_CODES] == []


@given(wishes())
def test_two_ranges_overlap_exactly_when_a_rule_says_so(case: tuple[dict[str, str], World]):
    """The rule against the definition: some address lies in both."""
    env, around = case
    vpc = next(iter(around.vpcs or ()))
    nets = {key: IPv4Network(text, strict=False) for key, text in env.items()}
    fields = {"docker_bip": "docker bridge", "pod_subnet": "pods", "service_subnet": "services"}
    expected: set[tuple[str, str]] = set()
    for key, net in nets.items():
        rest = {**{fields[other]: nets[other] for other in fields if other > key}, f"VPC {vpc.id}": vpc.network}
        for name, other in rest.items():
            if max(_first(net), _first(other)) <= min(_last(net), _last(other)):
                expected.add((fields[key], name))
    blockers = [item for item in _found(env, around) if item.code == "network.overlap" and item.severity == "blocker"]
    said = {tuple(_names(finding.sentence)) for finding in blockers}
    assert said == expected


def _first(net: IPv4Network) -> IPv4Address:
    return net.network_address


def _last(net: IPv4Network) -> IPv4Address:
    return net.broadcast_address


def _names(sentence: str) -> list[str]:
    return [part.rpartition(" ")[0] for part in sentence.split(" overlaps ")]

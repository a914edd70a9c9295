"""Laws of range arithmetic."""

from __future__ import annotations

from ipaddress import IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from qke_core.cidr import blocks, free_range, overlaps, parse_interface, parse_network


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

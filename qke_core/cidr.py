"""Range arithmetic: who overlaps whom, how much fits, and which range is free. IPv4 only.

Pure, and never one address at a time: a /8 costs no more than a /30. Which ranges matter, and why, is the business of
`qke_core.rules.network`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network
from itertools import combinations

BITS = 32
"""Bits of an IPv4 address."""

PRIVATE = (IPv4Network("172.16.0.0/12"), IPv4Network("10.0.0.0/8"), IPv4Network("192.168.0.0/16"))
"""Where private ranges are looked for, in this order (RFC 1918)."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two named ranges that share addresses."""

    first: str
    second: str


def overlaps(ranges: Mapping[str, IPv4Network]) -> tuple[Overlap, ...]:
    """List every pair of ranges that share an address, in the order of the mapping."""
    return tuple(Overlap(a, b) for a, b in combinations(ranges, 2) if ranges[a].overlaps(ranges[b]))


def clashes(own: Mapping[str, IPv4Network], around: Mapping[str, IPv4Network]) -> tuple[Overlap, ...]:
    """List the overlaps of `own` ranges, with one another and with those `around`; `first` is always an own one.

    What those around have among themselves is not looked at. No name may be in both.
    """
    both, names = {**own, **around}, [*own, *around]
    pairs = ((a, b) for place, a in enumerate(own) for b in names[place + 1 :])
    return tuple(Overlap(a, b) for a, b in pairs if both[a].overlaps(both[b]))


def blocks(parent: IPv4Network, prefix: int) -> int:
    """Return how many blocks of `/prefix` fit into a range; 0 when the range is smaller than one."""
    return 0 if prefix < parent.prefixlen else 2 ** (prefix - parent.prefixlen)


def hosts(network: IPv4Network) -> int:
    """Return how many addresses of a range can be given away: all but its own and the broadcast address."""
    return max(network.num_addresses - 2, 0)


def prefix_for_blocks(count: int, prefix: int) -> int:
    """Return the prefix length of the smallest range that holds `count` blocks of `/prefix`; 0 or 1 need one block.

    Negative when no range of IPv4 does.
    """
    return prefix - max(count - 1, 0).bit_length()


def prefix_for_hosts(count: int) -> int:
    """Return the prefix length of the smallest range with `count` addresses to give away, a /30 at the smallest."""
    return BITS - max(count + 1, 3).bit_length()


def free_range(prefix: int, parents: Iterable[IPv4Network], taken: Iterable[IPv4Network]) -> IPv4Network | None:
    """Return the first `/prefix` inside one of `parents` that overlaps nothing of `taken`; None when there is none.

    Skips over what is taken instead of trying every block, so a large parent costs no more than the list is long.
    """
    busy = sorted(taken, key=lambda net: int(net.network_address))
    for parent in parents:
        found = _first_gap(prefix, parent, busy)
        if found is not None:
            return found
    return None


def _first_gap(prefix: int, parent: IPv4Network, busy: list[IPv4Network]) -> IPv4Network | None:
    if prefix < parent.prefixlen:
        return None
    size, end = 2 ** (BITS - prefix), int(parent.broadcast_address) + 1
    here = int(parent.network_address)
    for net in busy:
        if here + size <= min(int(net.network_address), end):
            break
        after = int(net.broadcast_address) + 1
        here = max(here, -(-after // size) * size)  # The next multiple of the block's size.
    return IPv4Network((here, prefix)) if here + size <= end else None


def suggest(prefix: int, taken: Iterable[IPv4Network]) -> Iterator[IPv4Network]:
    """Yield one private range that is free, if there is one."""
    found = free_range(prefix, PRIVATE, taken)
    if found is not None:
        yield found


def parse_network(text: str) -> IPv4Network | None:
    """Return a range from its text; None when it is not an IPv4 range with host bits zero."""
    try:
        return IPv4Network(text)
    except ValueError:  # What the standard library raises for bad addresses and masks are kinds of it.
        return None


def parse_interface(text: str) -> IPv4Interface | None:
    """Return an address with its prefix (`172.30.0.1/16`); None when it is not one, or has no prefix."""
    try:
        return IPv4Interface(text) if "/" in text else None
    except ValueError:
        return None

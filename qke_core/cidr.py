"""Range arithmetic: who overlaps whom, how much fits, and which range is free. IPv4 only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Interface, IPv4Network, NetmaskValueError
from itertools import combinations


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two named ranges that share addresses."""

    first: str
    second: str


def overlaps(ranges: Mapping[str, IPv4Network]) -> tuple[Overlap, ...]:
    """List every pair of ranges that share an address, in the order of the mapping."""
    return tuple(Overlap(a, b) for a, b in combinations(ranges, 2) if ranges[a].overlaps(ranges[b]))


def blocks(parent: IPv4Network, prefix: int) -> int:
    """Return how many blocks of `/prefix` fit into a range; 0 when the range is smaller than one."""
    return 0 if prefix < parent.prefixlen else 2 ** (prefix - parent.prefixlen)


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
    size, last = 2 ** (32 - prefix), int(parent.broadcast_address)
    here = int(parent.network_address)
    for net in (*busy, None):
        start = last + 1 if net is None else int(net.network_address)
        if prefix >= parent.prefixlen and here + size <= min(start, last + 1):
            return IPv4Network((here, prefix))
        if net is not None:
            after = int(net.broadcast_address) + 1
            here = max(here, -(-after // size) * size)
    return None


def parse_network(text: str) -> IPv4Network | None:
    """Return a range from its text; None when it is not an IPv4 range with host bits zero."""
    try:
        return IPv4Network(text)
    except (AddressValueError, NetmaskValueError, ValueError):
        return None


def parse_interface(text: str) -> IPv4Interface | None:
    """Return an address with its prefix (`172.30.0.1/16`); None when it is not one, or has no prefix."""
    try:
        return IPv4Interface(text) if "/" in text else None
    except (AddressValueError, NetmaskValueError, ValueError):
        return None


PRIVATE = (IPv4Network("172.16.0.0/12"), IPv4Network("10.0.0.0/8"), IPv4Network("192.168.0.0/16"))
"""Where private ranges are looked for, in this order (RFC 1918)."""


def suggest(prefix: int, taken: Iterable[IPv4Network]) -> Iterator[IPv4Network]:
    """Yield one private range that is free, if there is one."""
    found = free_range(prefix, PRIVATE, taken)
    if found is not None:
        yield found

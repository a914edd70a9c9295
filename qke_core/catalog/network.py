"""Numbers of networks: reserved ranges, limits, ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Network
from types import MappingProxyType

from qke_core.catalog.facts import Entry
from qke_core.catalog.load import read_text
from qke_core.catalog.reader import Document, put_once


@dataclass(frozen=True, slots=True, eq=False)
class NetworkBook:
    """`reserved` are ranges that the cloud keeps for itself; `vpc_networks` those that a VPC may have."""

    constants: Mapping[str, int]
    reserved: Mapping[str, IPv4Network]
    vpc_networks: tuple[IPv4Network, ...]
    ledger: tuple[Entry, ...]

    def entries(self) -> Iterator[Entry]:
        """Return every sourced entry, for the fidelity page."""
        return iter(self.ledger)


@cache
def networks() -> NetworkBook:
    """The network book that ships with this package."""
    return build_networks(read_text("network.toml"))


def build_networks(text: str) -> NetworkBook:
    """Make the book from its TOML text.

    Raises:
        InvariantError: `catalog.malformed`.
    """
    document = Document("network.toml", text)
    constants: dict[str, int] = {}
    for entry in document.tables("constant", by=("name",)):
        put_once(constants, entry, entry.text("name"), entry.integer("value"))
        entry.provenance()
    reserved: dict[str, IPv4Network] = {}
    for entry in document.tables("reserved", by=("name",)):
        put_once(reserved, entry, entry.text("name"), IPv4Network(entry.text("network")))
        entry.provenance()
    allowed: list[IPv4Network] = []
    for entry in document.tables("vpc_network", by=("network",)):
        allowed.append(IPv4Network(entry.text("network")))
        entry.provenance()
    return NetworkBook(MappingProxyType(constants), MappingProxyType(reserved), tuple(allowed), document.close())

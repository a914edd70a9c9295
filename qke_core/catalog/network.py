"""Numbers of networks: reserved ranges, limits, ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Network
from types import MappingProxyType

from qke_core.catalog.facts import Entry
from qke_core.catalog.load import read_text
from qke_core.catalog.reader import Document, Table, put_once


@dataclass(frozen=True, slots=True, eq=False)
class NetworkBook:
    """Facts of networks.

    `constants` are whole numbers by name. `reserved` are ranges that the cloud keeps for itself and a cluster had
    better leave alone; `unusable` those that no network may have at all; `vpc_networks` those that a VPC may have.
    """

    constants: Mapping[str, int]
    reserved: Mapping[str, IPv4Network]
    unusable: Mapping[str, IPv4Network]
    vpc_networks: tuple[IPv4Network, ...]
    ledger: tuple[Entry, ...]

    def console_service_port(self, version: str) -> int:
        """Return the port of the console's Service, which its load balancer listens on.

        QKE app repo, tag v1.0.1, confd/templates/k8s/ks-console-svc.yaml.tmpl: that of the NodePort; from 2.0.0 on the
        Service is KubeSphere's own (kubesphere/ks-installer), at 80.
        """
        return self.constants["console_port" if version.startswith("1.") else "http_port"]

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
        InvariantError: `catalog.malformed`: also for a range with host bits set, and one that is IPv6.
    """
    document = Document("network.toml", text)
    constants: dict[str, int] = {}
    for entry in document.tables("constant", by=("name",)):
        put_once(constants, entry, entry.text("name"), entry.integer("value", at_least=1))
        entry.provenance()
    reserved, unusable = (_named(document, key) for key in ("reserved", "unusable"))
    allowed: dict[str, IPv4Network] = {}
    for entry in document.tables("vpc_network", by=("network",)):
        put_once(allowed, entry, entry.text("network"), _network(entry))
        entry.provenance()
    return NetworkBook(
        MappingProxyType(constants),
        MappingProxyType(reserved),
        MappingProxyType(unusable),
        tuple(allowed.values()),
        document.close(),
    )


def _named(document: Document, key: str) -> dict[str, IPv4Network]:
    found: dict[str, IPv4Network] = {}
    for entry in document.tables(key, by=("name",)):
        put_once(found, entry, entry.text("name"), _network(entry))
        entry.provenance()
    return found


def _network(entry: Table) -> IPv4Network:
    text = entry.text("network")
    try:
        return IPv4Network(text)
    except ValueError as exc:
        raise entry.error(f"network must be an IPv4 range with host bits zero, not {text!r}") from exc

"""Volumes, the hosts that take them, storage classes and zones: what can be attached where, how large, and by default.

A book of its own: most commands need none of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal, TypeAlias

from qke_core.catalog.facts import Basis, Entry
from qke_core.catalog.load import catalog, read_text
from qke_core.catalog.reader import Document, Table, put_once

Replaceable: TypeAlias = Literal["instance_class", "volume_class"]

V1_CLASS, NEONSAN, HIGH_CAPACITY = "csi-qingcloud", 5, 6
MINIMAL = "minimal"
"""The part of KubeSphere that is always installed, among the modules."""


@dataclass(frozen=True, slots=True)
class VolumeType:
    """A type of volume by its code at the cloud API; `storage_class` is its class from 2.0.0 on."""

    code: int
    name: str
    basis: Basis
    source: str

    @property
    def storage_class(self) -> str:
        """Name of the Kubernetes storage class, such as `csi-standard`."""
        return f"csi-{self.name}"


@dataclass(frozen=True, slots=True)
class HostType:
    """A type of instance by its code; `takes` are the volume types that attach to it, `preferred` its own."""

    code: int
    name: str
    takes: tuple[int, ...]
    preferred: int
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True)
class SizeRule:
    """Sizes of a volume in GiB: from `minimum` to `maximum` in steps."""

    minimum: int
    maximum: int
    step: int

    def fit(self, gib: int) -> int | None:
        """Return the smallest size that holds `gib`; None when there is none."""
        size = max(self.minimum, -(-gib // self.step) * self.step)
        return size if size <= self.maximum else None


@dataclass(frozen=True, slots=True)
class StorageClass:
    """A Kubernetes storage class of a cluster; `type` is a volume type code."""

    name: str
    type: int
    size: SizeRule
    default: bool
    expansion: bool


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone of the cloud; `volume_types` are those it offers, oldest first."""

    name: str
    region: str
    volume_types: tuple[int, ...]
    basis: Basis
    source: str

    @property
    def neonsan(self) -> bool:
        """Whether there is NeonSAN (guide G-155)."""
        return NEONSAN in self.volume_types


@dataclass(frozen=True, slots=True, eq=False)
class StorageBook:
    """All of it. Lookups of a code that nobody knows raise KeyError; an unknown zone offers every modern type."""

    volume_types: Mapping[int, VolumeType]
    host_types: Mapping[int, HostType]
    zones: Mapping[str, Zone]
    sizes: Mapping[tuple[int, str], SizeRule]
    replacements: Mapping[tuple[str, str, Replaceable, int], int]
    kubesphere: Mapping[str, tuple[int, int]]
    constants: Mapping[str, int]
    ledger: tuple[Entry, ...]

    def attachable(self, host_class: int, volume_type: int) -> bool:
        """Whether a volume of this type attaches to a host of this class; False for a host nobody knows."""
        host = self.host_types.get(host_class)
        return host is not None and volume_type in host.takes

    def size_rule(self, volume_type: int, version: str) -> SizeRule:
        """Return the sizes that the storage class of a type hands out at a version."""
        return self.sizes[volume_type, version]

    def replace(self, version: str, zone: str, what: Replaceable, code: int) -> int:
        """Return the code that a zone puts in place of a declared one; the same code where it does not."""
        return self.replacements.get((version, zone, what, code), code)

    def offered(self, zone: str) -> tuple[int, ...]:
        """Return the volume types of a zone; of one that nobody knows, all modern ones (assumed)."""
        found = self.zones.get(zone)
        return (2, 5, 6, 100, 200) if found is None else found.volume_types

    def data_disk_type(self, version: str, zone: str, role: str, host_class: int) -> int:
        """Return the volume type of a node's /data disk: the host's own, but for masters from 3.1.1 on.

        Rule: QKE app repo, volume_class of the master (6, replaced by zone) from 3.1.1 on; developer guide: a disk
        whose class is not declared follows the host.
        """
        if role == "master" and _since(version, "3.1.1"):
            return self.replace(version, zone, "volume_class", HIGH_CAPACITY)
        real = self.replace(version, zone, "instance_class", host_class)
        preferred = self.host_types[real].preferred if real in self.host_types else self.host_types[101].preferred
        return self.replace(version, zone, "volume_class", preferred)

    def classes(self, version: str, zone: str, master_class: int, born_as: str) -> tuple[StorageClass, ...]:
        """Return the storage classes of a cluster, the default one flagged.

        Args:
            version: the cluster's version now.
            zone: its zone.
            master_class: instance class of its masters, as declared.
            born_as: the version it was created as.
        Rule: docs/rules/storage.md; QKE app repo, confd template of the storage classes; guide G-155, G-176.
        """
        disk = self.data_disk_type(version, zone, "master", master_class)
        if born_as.startswith("1."):
            return self._v1_classes(version, zone, disk)
        return tuple(
            StorageClass(
                self.volume_types[code].storage_class, code, self.sizes[code, version], code == disk, expansion=True
            )
            for code in self.offered(zone)
        )

    def _v1_classes(self, version: str, zone: str, disk: int) -> tuple[StorageClass, ...]:
        expansion = not version.startswith("1.")
        found = [StorageClass(V1_CLASS, disk, self.sizes[disk, version], default=True, expansion=expansion)]
        if NEONSAN in self.offered(zone) and version != "1.0.0":
            found.append(
                StorageClass("neonsan", NEONSAN, self.sizes[NEONSAN, version], default=False, expansion=expansion)
            )
        return tuple(found)

    def kubesphere_volumes(self, modules: tuple[str, ...], *, linked_elk: bool) -> tuple[int, int]:
        """Return how many volumes KubeSphere claims with these modules, and their size together in GiB."""
        parts = [MINIMAL, *(word for word in modules if word in self.kubesphere)]
        if linked_elk:
            parts = [part for part in parts if part != "ks-logging"]
        return sum(self.kubesphere[part][0] for part in parts), sum(self.kubesphere[part][1] for part in parts)

    def entries(self) -> Iterator[Entry]:
        """Return every sourced entry, for the fidelity page."""
        return iter(self.ledger)


def _since(version: str, first: str) -> bool:
    order = catalog().order
    return order.index(version) >= order.index(first)


@cache
def storage() -> StorageBook:
    """The storage book that ships with this package."""
    return build_storage(read_text("storage.toml"), catalog().order)


def build_storage(text: str, order: tuple[str, ...]) -> StorageBook:
    """Make the book from its TOML text.

    Raises:
        InvariantError: `catalog.malformed`.
    """
    document = Document("storage.toml", text)
    constants: dict[str, int] = {}
    for table in document.tables("constant", by=("name",)):
        put_once(constants, table, table.text("name"), table.integer("value"))
        table.provenance()
    types: dict[int, VolumeType] = {}
    for table in document.tables("volume_type", by=("code",)):
        code, name = table.integer("code"), table.text("name")
        put_once(types, table, code, VolumeType(code, name, *table.provenance()))
    hosts: dict[int, HostType] = {}
    for table in document.tables("host_type", by=("code",)):
        put_once(hosts, table, table.integer("code"), _host_type(table))
    zones: dict[str, Zone] = {}
    for table in document.tables("zone", by=("name",)):
        name, region, offered = table.text("name"), table.text("region"), table.integers("volume_types")
        put_once(zones, table, name, Zone(name, region, offered, *table.provenance()))
    kubesphere: dict[str, tuple[int, int]] = {}
    for table in document.tables("kubesphere_volume", by=("module",)):
        put_once(kubesphere, table, table.text("module"), (table.integer("count"), table.integer("gib")))
        table.provenance()
    sizes, replacements = _sizes(document, order), _replacements(document, order)
    return StorageBook(
        volume_types=MappingProxyType(types),
        host_types=MappingProxyType(hosts),
        zones=MappingProxyType(zones),
        sizes=MappingProxyType(sizes),
        replacements=MappingProxyType(replacements),
        kubesphere=MappingProxyType(kubesphere),
        constants=MappingProxyType(constants),
        ledger=document.close(),
    )


def _host_type(table: Table) -> HostType:
    return HostType(
        table.integer("code"),
        table.text("name"),
        table.integers("takes"),
        table.integer("preferred"),
        *table.provenance(),
    )


def _sizes(document: Document, order: tuple[str, ...]) -> dict[tuple[int, str], SizeRule]:
    sizes: dict[tuple[int, str], SizeRule] = {}
    for table in document.tables("size_rule", by=("types", "versions")):
        rule = SizeRule(table.integer("min"), table.integer("max"), table.integer("step", at_least=1))
        table.provenance()
        versions = table.choices("versions", order)
        for code in table.integers("types"):
            for version in versions:
                put_once(sizes, table, (code, version), rule)
    return sizes


def _replacements(document: Document, order: tuple[str, ...]) -> dict[tuple[str, str, Replaceable, int], int]:
    found: dict[tuple[str, str, Replaceable, int], int] = {}
    kinds: tuple[Replaceable, ...] = ("instance_class", "volume_class")
    for table in document.tables("replacement", by=("versions", "zones")):
        versions, zones = table.choices("versions", order), table.texts("zones")
        pairs: list[tuple[Replaceable, int, int]] = [
            (what, old, new) for what in kinds for old, new in table.pairs(what)
        ]
        table.provenance()
        for version in versions:
            for zone in zones:
                for what, old, new in pairs:
                    put_once(found, table, (version, zone, what, old), new)
    return found

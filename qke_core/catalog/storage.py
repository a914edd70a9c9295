"""Volumes, the hosts that take them, storage classes and zones: what can be attached where, how large, and by default.

A book of its own: most commands need none of it. Codes are the cloud API's, sizes are GiB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from qke_core.catalog.facts import Entry
from qke_core.catalog.load import catalog, read_text
from qke_core.catalog.parse_storage import (
    parse_claims,
    parse_constants,
    parse_driver_sizes,
    parse_host_types,
    parse_replacements,
    parse_sizes,
    parse_volume_types,
    parse_zone_sizes,
    parse_zones,
)
from qke_core.catalog.reader import Document
from qke_core.catalog.storage_facts import (
    HIGH_CAPACITY,
    MINIMAL,
    NEONSAN,
    Claim,
    HostType,
    Replaceable,
    SizeRule,
    StorageClass,
    VolumeType,
    Zone,
)

V1_CLASS, V1_NEONSAN = "csi-qingcloud", "neonsan"
"""The classes of clusters born as 1.x, which they keep for ever."""
BASIC_HOST = 101
MODERN = (2, 5, 6, 100, 200)
"""Volume types of a zone that nobody knows, as those of pek3 (assumed)."""
DRIVERS = ("1.1.1", "1.3.3")


@dataclass(frozen=True, slots=True, eq=False)
class StorageBook:
    """All of it. Lookups of a code that nobody knows raise KeyError; an unknown zone offers every modern type."""

    volume_types: Mapping[int, VolumeType]
    host_types: Mapping[int, HostType]
    zones: Mapping[str, Zone]
    sizes: Mapping[tuple[int, str], SizeRule]
    driver_sizes: Mapping[tuple[int, str], SizeRule]
    zone_sizes: Mapping[tuple[int, str], SizeRule]
    replacements: Mapping[tuple[str, str, Replaceable, int], int]
    claims: tuple[Claim, ...]
    constants: Mapping[str, int]
    ledger: tuple[Entry, ...]

    def attachable(self, host_class: int, volume_type: int) -> bool:
        """Whether a volume of this type attaches to a host of this class; False for a host nobody knows."""
        host = self.host_types.get(host_class)
        return host is not None and volume_type in host.takes

    def size_rule(self, volume_type: int, version: str) -> SizeRule:
        """Return the sizes that the storage class of a type hands out at a version."""
        return self.sizes[volume_type, version]

    def size_fit(self, volume_type: int, size_gib: int, version: str) -> int | None:
        """Return how large a volume gets that is claimed with `size_gib`; None when no size holds that much."""
        return self.size_rule(volume_type, version).fit(size_gib)

    def driver_size(self, volume_type: int, driver: str) -> SizeRule:
        """Return the limits inside the CSI driver, which hold where a class says nothing; `driver` is its version."""
        return self.driver_sizes[volume_type, driver]

    def zone_size(self, volume_type: int, zone: str) -> SizeRule | None:
        """Return the sizes of a type that a zone offers; None where no list tells."""
        return self.zone_sizes.get((volume_type, zone))

    def size_span(self, volume_type: int) -> tuple[int, int]:
        """Return the least and the largest size that any version, driver or zone knows of a type; zeros for none."""
        tables = (self.sizes, self.driver_sizes, self.zone_sizes)
        rules = [rule for table in tables for (code, _), rule in table.items() if code == volume_type]
        return min((rule.minimum for rule in rules), default=0), max((rule.maximum for rule in rules), default=0)

    def replace(self, version: str, zone: str, what: Replaceable, code: int) -> int:
        """Return the code that a zone puts in place of a declared one; the same code where it does not."""
        return self.replacements.get((version, zone, what, code), code)

    def named_by(self, zone: str) -> tuple[str, ...]:
        """Return the versions whose replacement policy names a zone, oldest first."""
        found = {version for version, name, _, _ in self.replacements if name == zone}
        return tuple(version for version in catalog().order if version in found)

    def offered(self, zone: str) -> tuple[int, ...]:
        """Return the volume types of a zone; of one that nobody knows, all modern ones (assumed)."""
        found = self.zones.get(zone)
        return MODERN if found is None else found.volume_types

    def hosts_offered(self, zone: str) -> tuple[int, ...]:
        """Return the instance classes of a zone.

        Those whose own volume type is there, without those that the newest version's policy replaces (derived).
        """
        newest = catalog().order[-1]
        return tuple(
            host.code
            for host in self.host_types.values()
            if host.preferred in self.offered(zone)
            and self.replace(newest, zone, "instance_class", host.code) == host.code
        )

    def data_disk_type(self, version: str, zone: str, role: str, host_class: int) -> int:
        """Return the volume type of the /data disk of a node that is created at `version`.

        It is the host's own, but for masters from 3.1.1 on. `host_class` is as declared; a host that nobody knows
        counts as a basic one.
        Rule: QKE app repo, volume_class of the master (6, replaced by zone) from 3.1.1 on; developer guide: a disk
        whose class is not declared follows the host.
        """
        if role == "master" and _since(version, "3.1.1"):
            return self.replace(version, zone, "volume_class", HIGH_CAPACITY)
        real = self.replace(version, zone, "instance_class", host_class)
        return self.host_types.get(real, self.host_types[BASIC_HOST]).preferred

    def classes(self, version: str, zone: str, master_class: int, born_as: str) -> tuple[StorageClass, ...]:
        """Return the storage classes of a cluster, the default one flagged.

        None is the default when the zone does not offer the type of the masters' data disk. An upgrade does not
        change the type: the disks stay.

        Args:
            version: the cluster's version now.
            zone: its zone.
            master_class: instance class of its masters, as declared.
            born_as: the version it was created as.
        Rule: docs/rules/storage.md#classes; QKE app repo, confd template of the storage classes; guide G-155, G-176.
        """
        disk = self.data_disk_type(born_as, zone, "master", master_class)
        if born_as.startswith("1."):
            return self._v1_classes(version, zone, disk, born_as)
        return tuple(
            StorageClass(
                self.volume_types[code].storage_class, code, self.sizes[code, version], code == disk, expansion=True
            )
            for code in self.offered(zone)
        )

    def _v1_classes(self, version: str, zone: str, disk: int, born_as: str) -> tuple[StorageClass, ...]:
        """Return the classes of a cluster born as 1.x: upgrades turn expansion on, sizes stay as they were."""
        expansion = not version.startswith("1.")
        found = [StorageClass(V1_CLASS, disk, self.sizes[disk, born_as], default=True, expansion=expansion)]
        if NEONSAN in self.offered(zone) and born_as != "1.0.0":
            size = self.sizes[NEONSAN, born_as]
            found.append(StorageClass(V1_NEONSAN, NEONSAN, size, default=False, expansion=expansion))
        return tuple(found)

    def kubesphere_claims(self, modules: tuple[str, ...], *, linked_elk: bool) -> tuple[Claim, ...]:
        """Return what KubeSphere claims with these modules; with a linked ELK service, nothing for logs."""
        chosen = {MINIMAL, *modules} - ({"ks-logging"} if linked_elk else set())
        return tuple(claim for claim in self.claims if claim.module in chosen)

    def kubesphere_volumes(self, modules: tuple[str, ...], *, linked_elk: bool) -> tuple[int, int]:
        """Return how many volumes KubeSphere claims with these modules, and how many GiB it asks for."""
        claims = self.kubesphere_claims(modules, linked_elk=linked_elk)
        return len(claims), sum(claim.gib for claim in claims)

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
    types = parse_volume_types(document)
    zones = parse_zones(document, types)
    constants, hosts, claims = parse_constants(document), parse_host_types(document, types), parse_claims(document)
    sizes, replacements = parse_sizes(document, order), parse_replacements(document, order)
    driver_sizes, zone_sizes = parse_driver_sizes(document, DRIVERS), parse_zone_sizes(document, zones)
    return StorageBook(
        volume_types=MappingProxyType(types),
        host_types=MappingProxyType(hosts),
        zones=MappingProxyType(zones),
        sizes=MappingProxyType(sizes),
        driver_sizes=MappingProxyType(driver_sizes),
        zone_sizes=MappingProxyType(zone_sizes),
        replacements=MappingProxyType(replacements),
        claims=claims,
        constants=MappingProxyType(constants),
        ledger=document.close(),
    )

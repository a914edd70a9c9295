"""Reads the tables of `storage.toml`."""

from __future__ import annotations

from qke_core.catalog.reader import Document, put_once
from qke_core.catalog.storage_facts import Claim, HostType, Replaceable, SizeRule, VolumeType, Zone

KINDS: tuple[Replaceable, ...] = ("instance_class", "volume_class")


def parse_constants(document: Document) -> dict[str, int]:
    """Read the single numbers."""
    found: dict[str, int] = {}
    for table in document.tables("constant", by=("name",)):
        put_once(found, table, table.text("name"), table.integer("value"))
        table.provenance()
    return found


def parse_volume_types(document: Document) -> dict[int, VolumeType]:
    """Read the types of volumes, by code."""
    found: dict[int, VolumeType] = {}
    for table in document.tables("volume_type", by=("code",)):
        code, name, csi_name = table.integer("code"), table.text("name"), table.text("csi_name")
        put_once(found, table, code, VolumeType(code, name, csi_name, *table.provenance()))
    return found


def parse_host_types(document: Document, volume_types: dict[int, VolumeType]) -> dict[int, HostType]:
    """Read the types of hosts, by code; each takes known types of volumes, the one it prefers among them."""
    found: dict[int, HostType] = {}
    for table in document.tables("host_type", by=("code",)):
        code, name, takes = table.integer("code"), table.text("name"), table.integers("takes")
        preferred = table.integer("preferred")
        if not {preferred} <= set(takes) <= set(volume_types):
            raise table.error("takes must name known volume types, the preferred one among them")
        put_once(found, table, code, HostType(code, name, takes, preferred, *table.provenance()))
    return found


def parse_zones(document: Document, volume_types: dict[int, VolumeType]) -> dict[str, Zone]:
    """Read the zones, by name."""
    found: dict[str, Zone] = {}
    for table in document.tables("zone", by=("name",)):
        name, region, offered = table.text("name"), table.text("region"), table.integers("volume_types")
        if not offered or not set(offered) <= set(volume_types):
            raise table.error("volume_types must name known volume types")
        put_once(found, table, name, Zone(name, region, offered, *table.provenance()))
    return found


def parse_claims(document: Document) -> tuple[Claim, ...]:
    """Read what KubeSphere claims, in the order of the file."""
    found: dict[str, Claim] = {}
    for table in document.tables("kubesphere_volume", by=("name",)):
        name, module, gib = table.text("name"), table.text("module"), table.integer("gib", at_least=1)
        put_once(found, table, name, Claim(name, module, gib, *table.provenance()))
    return tuple(found.values())


def parse_sizes(document: Document, order: tuple[str, ...]) -> dict[tuple[int, str], SizeRule]:
    """Read the sizes that storage classes hand out, by volume type and version of QKE."""
    return _ranges(document, "size_rule", "versions", order)


def parse_driver_sizes(document: Document, drivers: tuple[str, ...]) -> dict[tuple[int, str], SizeRule]:
    """Read the limits inside the CSI driver, by volume type and version of the driver."""
    return _ranges(document, "driver_size", "drivers", drivers)


def parse_zone_sizes(document: Document, zones: dict[str, Zone]) -> dict[tuple[int, str], SizeRule]:
    """Read the sizes that zones offer, by volume type and zone; a zone has ranges of what it offers only."""
    found = _ranges(document, "zone_size", "zones", tuple(zones))
    for code, zone in found:
        if code not in zones[zone].volume_types:
            raise document.error(f"zone_size of {zone} names type {code}, which the zone does not offer")
    return found


def _ranges(document: Document, array: str, key: str, allowed: tuple[str, ...]) -> dict[tuple[int, str], SizeRule]:
    found: dict[tuple[int, str], SizeRule] = {}
    for table in document.tables(array, by=("types", key)):
        rule = SizeRule(table.integer("min"), table.integer("max"), table.integer("step", at_least=1))
        table.provenance()
        names = table.choices(key, allowed)
        for code in table.integers("types"):
            for name in names:
                put_once(found, table, (code, name), rule)
    return found


def parse_replacements(document: Document, order: tuple[str, ...]) -> dict[tuple[str, str, Replaceable, int], int]:
    """Read what zones put in place of what, by version, zone, what it is and its declared code."""
    found: dict[tuple[str, str, Replaceable, int], int] = {}
    for table in document.tables("replacement", by=("versions", "zones")):
        versions, zones = table.choices("versions", order), table.texts("zones")
        pairs: list[tuple[Replaceable, int, int]] = [
            (what, old, new) for what in KINDS for old, new in table.pairs(what)
        ]
        table.provenance()
        for version in versions:
            for zone in zones:
                for what, old, new in pairs:
                    put_once(found, table, (version, zone, what, old), new)
    return found

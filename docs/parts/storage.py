"""The page docs/reference/storage.md: volumes, hosts, zones, storage classes and quotas, from their books."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from qke_core.catalog import SizeRule, catalog, quotas, storage
from qke_core.catalog.storage import DRIVERS

GENERATED = "<!-- Made by docs/generate.py from the code: change that, then `make docs`. -->"
MASTERS = ((101, "basic"), (202, "enterprise"))


def lines() -> Iterator[str]:
    """Yield the lines of the page."""
    yield GENERATED
    yield ""
    yield "# Volumes, zones, storage classes, quotas"
    yield ""
    yield "The figures behind the rules of [storage](../rules/storage.md) and of [quotas](../rules/quotas.md). Sizes"
    yield "are GiB. Where each comes from, and how sure we are, is on the page [fidelity](../fidelity.md)."
    for title, part in (
        ("Types of volumes", _volume_types()),
        ("Types of hosts", _host_types()),
        ("Sizes that classes hand out", _sizes()),
        ("Sizes inside the CSI driver", _driver_sizes()),
        ("Zones", _zones()),
        ("What a zone puts in place of what", _replacements()),
        ("Default classes", _defaults()),
        ("What KubeSphere claims", _claims()),
        ("What must be left of the quotas", _needs()),
        ("Quota profiles", _profiles()),
        ("Limits that no ticket raises", _hard()),
    ):
        yield ""
        yield f"## {title}"
        yield ""
        yield from part


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    yield from (f"| {' | '.join(str(cell) for cell in row)} |" for row in rows)


def _volume_types() -> Iterator[str]:
    yield "The class is that of clusters created at 2.0.0 or later."
    yield ""
    book = storage()
    yield from _table(
        ("code", "class", "in the CSI driver", "attaches to host types"),
        (
            (
                code,
                f"`{found.storage_class}`",
                found.csi_name,
                _codes(h for h in book.host_types if book.attachable(h, code)),
            )
            for code, found in book.volume_types.items()
        ),
    )


def _host_types() -> Iterator[str]:
    yield from _table(
        ("code", "name", "takes", "its own"),
        ((code, found.name, _codes(found.takes), found.preferred) for code, found in storage().host_types.items()),
    )


def _codes(codes: Iterable[int]) -> str:
    return ", ".join(str(code) for code in codes)


def _rule(rule: SizeRule) -> str:
    return f"{rule.minimum} to {rule.maximum} by {rule.step}"


def _sizes() -> Iterator[str]:
    book, order = storage(), catalog().order
    yield "A claim is rounded up to the next size. `csi-qingcloud` of clusters born as 1.x keeps the sizes of 1.x."
    yield ""
    groups = [
        list(group) for _, group in groupby(order, lambda at: [book.size_rule(code, at) for code in book.volume_types])
    ]
    yield from _table(
        ("type", *(_span(group) for group in groups)),
        ((code, *(_rule(book.size_rule(code, group[0])) for group in groups)) for code in book.volume_types),
    )


def _span(versions: Sequence[str]) -> str:
    return versions[0] if len(versions) == 1 else f"{versions[0]} to {versions[-1]}"


def _driver_sizes() -> Iterator[str]:
    book = storage()
    yield "They hold only where a class does not say otherwise; the classes of QKE all do."
    yield ""
    yield from _table(
        ("type", *(f"driver {driver}" for driver in DRIVERS)),
        ((code, *(_rule(book.driver_size(code, driver)) for driver in DRIVERS)) for code in book.volume_types),
    )


def _zones() -> Iterator[str]:
    book = storage()
    yield "Sizes are those of the app's own list, where it has any."
    yield ""
    yield from _table(
        ("zone", "region", "volume types", "NeonSAN", "policy of", "sizes", "basis"),
        (
            (
                name,
                zone.region,
                _codes(zone.volume_types),
                "yes" if zone.neonsan else "",
                _span(named) if (named := book.named_by(name)) else "",
                "; ".join(
                    f"{code}: {r.minimum} to {r.maximum}"
                    for code in zone.volume_types
                    if (r := book.zone_size(code, name))
                ),
                zone.basis,
            )
            for name, zone in book.zones.items()
        ),
    )


def _replacements() -> Iterator[str]:
    book, order = storage(), catalog().order
    yield "At creation, a code that the app declares becomes another one."
    yield ""
    found: dict[tuple[str, str, int, int], list[str]] = {}
    for (version, zone, what, old), new in book.replacements.items():
        found.setdefault((zone, what, old, new), []).append(version)
    rows = (
        (zone, {"instance_class": "host", "volume_class": "volume"}[what], old, new, _span(sorted(at, key=order.index)))
        for (zone, what, old, new), at in found.items()
    )
    yield from _table(
        ("zone", "type of", "declared", "given", "versions"), sorted(rows, key=lambda row: (row[0], row[1], row[2]))
    )


def _defaults() -> Iterator[str]:
    yield "By version of creation and host type of the masters; an upgrade does not change it. `-`: the zone is not"
    yield "known to offer the type. 1.x has one class, `csi-qingcloud`, of the type of the masters' disks."
    yield ""
    versions = [name for name in catalog().order if not name.startswith("1.")]
    groups = [list(group) for _, group in groupby(versions, _defaults_at)]
    yield from _table(
        ("zone", *(f"{_span(group)}, {word}" for group in groups for _, word in MASTERS)),
        (
            (zone, *(_default(group[0], zone, code) for group in groups for code, _ in MASTERS))
            for zone in storage().zones
        ),
    )


def _defaults_at(version: str) -> list[str]:
    return [_default(version, zone, code) for zone in storage().zones for code, _ in MASTERS]


def _default(version: str, zone: str, masters: int) -> str:
    classes = storage().classes(version, zone, masters, version)
    return next((f"`{found.name}`" for found in classes if found.default), "-")


def _claims() -> Iterator[str]:
    count, gib = storage().kubesphere_volumes(tuple(claim.module for claim in storage().claims), linked_elk=False)
    reserve = quotas().needs["kubesphere"]
    volumes, size = reserve["volume"], reserve["volume_size_gb"]
    yield f"Together {count} volumes and {gib} GiB. The quota that must be there is for {volumes} volumes and"
    yield f"{size} GB, so {volumes - count} volumes and {size - gib} GB remain."
    yield ""
    yield from _table(
        ("volume", "of", "asks for"), ((claim.name, claim.module, claim.gib) for claim in storage().claims)
    )


def _needs() -> Iterator[str]:
    yield from _amounts("for", quotas().needs)


def _profiles() -> Iterator[str]:
    yield "The twin's own, for a World that writes `quotas: {profile: ...}`: QingCloud publishes no limits."
    yield ""
    yield from _amounts("profile", quotas().profiles)


def _amounts(word: str, found: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    keys = list(dict.fromkeys(key for amounts in found.values() for key in amounts))
    yield from _table(
        ("resource type", *(f"{word} {name}" for name in found)),
        ((f"`{key}`", *(amounts.get(key, "") for amounts in found.values())) for key in keys),
    )


def _hard() -> Iterator[str]:
    numbers = {"volumes_per_instance": storage().constants["volumes_per_host"], **quotas().hard}
    yield from _table(("limit", "value"), ((name.replace("_", " "), value) for name, value in numbers.items()))

"""`qke catalog`: what the product offers, from the catalogue."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from qke_cli.screen import Screen, pad
from qke_core.catalog import Parameter, ParameterChange, catalog, parameter_changes, parameters, storage
from qke_core.errors import InputError
from qke_core.suggest import did_you_mean

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table for people, a line below it, and the same as data, nothing shortened."""

    rows: Sequence[Row]
    data: Sequence[Mapping[str, object]]
    note: str = ""


def show_catalog(part: str, version: str | None, *, as_json: bool, plain: bool) -> int:
    """Show one part of the catalogue, for one version or, where that makes sense, for all.

    Raises:
        InputError: `catalog.part`, `version.unknown`.
    """
    if part not in PARTS:
        raise InputError("catalog.part", f"The catalogue has no part {part!r}", did_you_mean(part, PARTS))
    known = catalog().order
    if version is not None and version not in known:
        raise InputError("version.unknown", f"{version!r} is not a QKE version", did_you_mean(version, known))
    sheet = PARTS[part](version)
    screen = Screen(sys.stdout, plain=plain)
    if as_json:
        rows = [dict(row) for row in sheet.data]
        screen.data({"apiVersion": "qke/v1", "kind": "Catalog", "part": part, "rows": rows})
        return 0
    _table(screen, sheet.rows)
    if sheet.note:
        screen.say("")
        screen.hang("", Text(sheet.note, style="dim"))
    return 0


def _table(screen: Screen, rows: Sequence[Row]) -> None:
    """Write rows aligned; the last column wraps."""
    if not rows:
        screen.say("nothing")
        return
    columns = list(rows[0])
    wide = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns[:-1]}
    lead = Text.assemble(*(pad(name, wide[name] + 2, "bold") for name in columns[:-1]))
    screen.hang(lead, Text(columns[-1], style="bold"))
    for row in rows:
        screen.hang(Text.assemble(*(pad(row[name], wide[name] + 2) for name in columns[:-1])), row[columns[-1]] or " ")


def _latest(version: str | None) -> str:
    return catalog().order[-1] if version is None else version


def _versions(version: str | None) -> Sheet:
    facts = catalog()
    rows = [
        {
            "QKE": name,
            "released": str(found.released),
            "KubeSphere": found.kubesphere,
            "Kubernetes": found.kubernetes,
            "upgrades to": ", ".join(edge.target for edge in facts.upgrades if edge.origin == name) or "nothing",
        }
        for name, found in facts.versions.items()
        if version in {None, name}
    ]
    data = [
        {
            "version": name,
            "released": str(found.released),
            "kubesphere": found.kubesphere,
            "kubernetes": found.kubernetes,
            "upgrades_to": [edge.target for edge in facts.upgrades if edge.origin == name],
        }
        for name, found in facts.versions.items()
        if version in {None, name}
    ]
    return Sheet(rows, data, f"Next: qke catalog parameters --version {_latest(version)}")


def _roles(version: str | None) -> Sheet:
    at = _latest(version)
    rows = [
        {
            "role": role,
            "count": _limits(known["count"]) if "count" in known else "1",
            "vCPU": _span(known["cpu"]),
            "memory GiB": _span(known["memory"], 1024),
            "disk GiB": _span(known["volume_size"]) if "volume_size" in known else "none",
            "for": catalog().roles[role].intent,
        }
        for role in catalog().roles
        if (known := parameters().role(role, at))
    ]
    data = [
        {"role": role, "intent": catalog().roles[role].intent, "parameters": [_all(one) for one in known.values()]}
        for role in catalog().roles
        if (known := parameters().role(role, at))
    ]
    return Sheet(rows, data, f"QKE {at}. Express groups: {', '.join(catalog().express_groups(at))}")


def _parameters(version: str | None) -> Sheet:
    at = _latest(version)
    rows = [
        {
            "parameter": key,
            "default": _short(found.default),
            "change": _change(key, found, at),
            "values": _limits(found),
        }
        for key, found in parameters().env(at).items()
    ]
    data = [
        {**_all(found), "restarts": list(effect.restarts) if effect else [], "menu_restart": _waits(effect)}
        for key, found in parameters().env(at).items()
        for effect in (parameter_changes().change(key, at),)
    ]
    return Sheet(rows, data, f"QKE {at}. {CHANGES}")


CHANGES = (
    "A change of a running cluster: yes; services: yes, and services restart; nodes: yes, once all nodes restarted "
    "from the menu. --json names the services, and every choice."
)


def _change(key: str, found: Parameter, version: str) -> str:
    if not found.changeable:
        return "no"
    effect = parameter_changes().change(key, version)
    if effect is not None and effect.menu_restart:
        return "nodes"
    return "services" if effect is not None and effect.restarts else "yes"


def _waits(effect: ParameterChange | None) -> bool:
    return effect is not None and effect.menu_restart


def _all(found: Parameter) -> Mapping[str, object]:
    """Return what the product declares of a parameter."""
    return {
        "key": found.key,
        "type": found.type,
        "default": found.default,
        "required": found.required,
        "changeable": found.changeable,
        "minimum": found.minimum,
        "maximum": found.maximum,
        "step": found.step,
        "choices": list(found.choices),
        "pattern": found.pattern,
        "source": found.source,
    }


def _storage(version: str | None) -> Sheet:
    at, book = _latest(version), storage()
    rows = [
        {
            "type": str(code),
            "class": found.storage_class,
            "GiB": _sizes(code, at),
            "attaches to": ", ".join(host.name for host in book.host_types.values() if code in host.takes),
        }
        for code, found in book.volume_types.items()
    ]
    data = [
        {
            "type": code,
            "storage_class": found.storage_class,
            "minimum_gib": rule.minimum,
            "maximum_gib": rule.maximum,
            "step_gib": rule.step,
            "attaches_to": [number for number, host in book.host_types.items() if code in host.takes],
        }
        for code, found in book.volume_types.items()
        for rule in (book.size_rule(code, at),)
    ]
    return Sheet(rows, data, f"QKE {at}; clusters born as 1.x have the class csi-qingcloud instead")


def _sizes(code: int, version: str) -> str:
    rule = storage().size_rule(code, version)
    return f"{rule.minimum}..{rule.maximum} by {rule.step}"


def _zones(version: str | None) -> Sheet:
    at, book = _latest(version), storage()
    rows = [
        {
            "zone": name,
            "region": zone.region,
            "NeonSAN": "yes" if zone.neonsan else "no",
            "default of basic masters": _default(at, name, 101) or "none",
            "of enterprise masters": _default(at, name, 202) or "none",
        }
        for name, zone in book.zones.items()
    ]
    data = [
        {
            "zone": name,
            "region": zone.region,
            "neonsan": zone.neonsan,
            "classes": {
                str(master): [found.name for found in book.classes(at, name, master, at)] for master in MASTERS
            },
            "default": {str(master): _default(at, name, master) or None for master in MASTERS},
        }
        for name, zone in book.zones.items()
    ]
    return Sheet(rows, data, f"Storage classes of QKE {at}")


MASTERS = (101, 202)
"""Instance classes of masters: basic, enterprise."""


def _default(version: str, zone: str, master: int) -> str:
    classes = storage().classes(version, zone, master, version)
    return next((found.name for found in classes if found.default), "")


def _limits(found: Parameter) -> str:
    if found.choices:
        return _few([str(choice) or '""' for choice in found.choices])
    if found.minimum is not None or found.maximum is not None:
        step = f" by {found.step}" if found.step else ""
        return f"{found.minimum}..{found.maximum}{step}"
    return found.type


def _span(found: Parameter, unit: int = 1) -> str:
    """Write the least and the most of a number, in `unit`s."""
    numbers = [int(choice) // unit for choice in found.choices] or [found.minimum, found.maximum]
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}..{numbers[-1]}"


def _few(words: Sequence[str]) -> str:
    """Write choices; of many, the first and the last."""
    if len(words) <= CHOICES_MAX:
        return ", ".join(words)
    return f"{words[0]} ... {words[-1]} ({len(words)})"


CHOICES_MAX = 4
"""How many choices a column shows one by one; `--json` has all."""


def _short(value: object) -> str:
    text = '""' if value in ("", None) else str(value).replace("\n", " ")
    text = text.lower() if isinstance(value, bool) else text
    return text if len(text) <= 20 else text[:17] + "..."  # noqa: PLR2004 - a column


PARTS: Mapping[str, Callable[[str | None], Sheet]] = {
    "versions": _versions,
    "roles": _roles,
    "parameters": _parameters,
    "storage": _storage,
    "zones": _zones,
}

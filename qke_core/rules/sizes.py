"""Do the figures of a role fit what one version offers: count, vCPU, memory, disk, host type, CPU model.

Rule: docs/rules/parameters.md#sizes; QKE app repo, app/config.json of each version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from qke_core.catalog import Parameter, Value, catalog, parameters
from qke_core.models.cluster import RoleWish
from qke_core.rules.values import Flaw, check_value
from qke_core.units import render_size

FIELDS: Mapping[str, Callable[[RoleWish], Value | None]] = {
    "count": lambda role: role.count,
    "cpu": lambda role: role.cpu,
    "memory": lambda role: role.memory,
    "volume": lambda role: role.volume,
    "instance_class": lambda role: role.instance_class,
    "cpu_model": lambda role: role.cpu_model,
}
"""What a file writes of a role; memory and volume in MiB."""

KEYS: Mapping[str, str] = {"volume": "volume_size"}
"""How the product calls a field, where it calls it otherwise."""


def role_flaws(version: str, role: str, wished: RoleWish) -> Iterator[tuple[str, Flaw]]:
    """Yield what is wrong with the figures of a role, by field. Counts of masters and clients are topology's."""
    known = parameters().role(role, version)
    for field, read in FIELDS.items():
        value, key = read(wished), KEYS.get(field, field)
        if value is None or (field == "count" and catalog().roles[role].kind != "worker"):
            continue
        if key not in known:
            sentence = f"{field} of {role} cannot be chosen at QKE {version}"
            yield field, Flaw("role.fixed", sentence, "leave it out")
            continue
        check = _SIZE_CHECKS.get(field)
        flaws = check_value(known[key], value, f"{role} {field}") if check is None else check(role, known[key], value)
        yield from ((field, flaw) for flaw in flaws)


def _memory(role: str, known: Parameter, value: Value) -> Iterator[Flaw]:
    if value not in known.choices:
        sizes = [render_size(int(choice)) for choice in known.choices]
        remedy = f"write one of {', '.join(sizes)}" if len(sizes) > 1 else f"write {sizes[0]}"
        yield Flaw("role.memory", f"{role} memory: {render_size(int(value))} is not offered", remedy)


def _disk(role: str, known: Parameter, value: Value) -> Iterator[Flaw]:
    low, high, step = known.minimum or 0, known.maximum or 0, known.step or 1
    gib, rest = divmod(int(value), 1024)
    if rest or not low <= gib <= high or (gib - low) % step:
        remedy = f"write {low}GiB to {high}GiB in steps of {step}GiB"
        yield Flaw("role.volume", f"{role} volume: a /data disk of {render_size(int(value))} is not offered", remedy)


_SIZE_CHECKS: Mapping[str, Callable[[str, Parameter, Value], Iterator[Flaw]]] = {"memory": _memory, "volume": _disk}
"""Fields that files write with a unit."""

"""From tables to nouns, first half: what the product is made of. Versions, roles, presets, codes.

Each function reads one file and returns plain dicts and tuples in file order; `load` freezes them. References between
files (a role, a version, a code) are checked where the second file is read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TypeAlias, get_args

from qke_core.catalog.facts import (
    Code,
    PreCheck,
    PreCheckName,
    RetCode,
    Role,
    RoleKind,
    RoleShape,
    UpgradeEdge,
    UpgradeService,
    Version,
)
from qke_core.catalog.reader import Document, Table, put_once

Shapes: TypeAlias = Mapping[tuple[str, str], RoleShape]
Groups: TypeAlias = dict[str, dict[str, dict[str, RoleShape]]]

_KINDS: tuple[RoleKind, ...] = get_args(RoleKind)
_CHECKS: tuple[PreCheckName, ...] = get_args(PreCheckName)
_SHAPE_MINIMA = {"count": 0, "instance_class": 0, "cpu": 1, "memory_mib": 1, "volume_gib": 0}


def parse_versions(document: Document) -> dict[str, Version]:
    """Read `[[version]]`, oldest first."""
    versions: dict[str, Version] = {}
    ids: dict[str, str] = {}
    for table in document.tables("version", by=("name",)):
        version = _version(table)
        put_once(versions, table, version.name, version)
        put_once(ids, table, version.app_version_id, version.name)
    return versions


def _version(table: Table) -> Version:
    app_version = table.table("app_version")
    app_version_basis, _ = app_version.provenance()
    components = table.text_map("components")
    for required in ("kubesphere", "kubernetes"):
        if required not in components:
            raise table.error(f"components.{required} is missing")
    basis, source = table.provenance()
    return Version(
        name=table.text("name"),
        app_version_id=app_version.text("id"),
        app_version_basis=app_version_basis,
        released=table.day("released"),
        components=components,
        basis=basis,
        source=source,
    )


def parse_upgrades(document: Document, order: tuple[str, ...]) -> tuple[UpgradeEdge, ...]:
    """Read `[[upgrade]]`; an edge leads from a version to a later one."""
    edges: dict[tuple[str, str], UpgradeEdge] = {}
    for table in document.tables("upgrade", by=("from", "to")):
        origin, target = table.choice("from", order), table.choice("to", order)
        if order.index(origin) >= order.index(target):
            raise table.error("an upgrade leads to a later version")
        basis, source = table.provenance()
        put_once(edges, table, (origin, target), UpgradeEdge(origin, target, basis, source))
    return tuple(edges.values())


def parse_roles(document: Document, order: tuple[str, ...]) -> dict[str, Role]:
    """Read `[[role]]`."""
    roles: dict[str, Role] = {}
    for table in document.tables("role", by=("name",)):
        basis, source = table.provenance()
        role = Role(
            name=table.text("name"),
            intent=table.text("intent"),
            kind=table.choice("kind", _KINDS),
            since=table.choice("since", order),
            basis=basis,
            source=source,
        )
        put_once(roles, table, role.name, role)
    return roles


def parse_upgrade_services(
    document: Document, order: tuple[str, ...], roles: Collection[str], codes: Collection[int]
) -> dict[tuple[str, str], UpgradeService]:
    """Read `[[upgrade_service]]`; one table may stand for several roles and targets with the same values."""
    services: dict[tuple[str, str], UpgradeService] = {}
    for table in document.tables("upgrade_service", by=("roles", "targets")):
        rank, timeout_ms = table.integer("order"), table.integer("timeout_s", at_least=1) * 1000
        checks = tuple(_pre_check(row, codes) for row in table.tables("pre_check", by=("check",)))
        basis, source = table.provenance()
        targets = table.choices("targets", order)
        for role in table.choices("roles", roles):
            for target in targets:
                service = UpgradeService(role, target, rank, timeout_ms, checks, basis, source)
                put_once(services, table, (role, target), service)
    return services


def _pre_check(table: Table, codes: Collection[int]) -> PreCheck:
    return PreCheck(table.choice("check", _CHECKS), known_code(table, table.integer("code"), codes))


def known_code(table: Table, code: int, codes: Collection[int]) -> int:
    """Return `code` when codes.toml explains it, refuse it otherwise."""
    if code not in codes:
        raise table.error(f"code {code} is not explained in codes.toml")
    return code


def parse_shapes(
    document: Document, order: tuple[str, ...], roles: Mapping[str, Role]
) -> dict[tuple[str, str], RoleShape]:
    """Read `[[shape]]`: what a role gets when no preset says otherwise. Every version must have one for each role."""
    shapes: dict[tuple[str, str], RoleShape] = {}
    for table in document.tables("shape", by=("role", "versions")):
        _ = table.provenance()
        role, shape = table.choice("role", roles), _shape(table)
        for version in table.choices("versions", order):
            put_once(shapes, table, (version, role), shape)
    for version in order:
        for role in _roles_of(version, order, roles):
            if (version, role) not in shapes:
                raise document.error(f"no shape for role {role} of version {version}")
    return shapes


def parse_groups(
    document: Document, order: tuple[str, ...], roles: Mapping[str, Role], shapes: Shapes
) -> tuple[Groups, dict[str, str]]:
    """Read `[[group]]`: presets, completed with the default shapes, and the default preset of each version."""
    groups: Groups = {version: {} for version in order}
    default_groups: dict[str, str] = {}
    for table in document.tables("group", by=("name", "versions")):
        _ = table.provenance()
        name, settings = table.text("name"), table.table("roles")
        for version in table.choices("versions", order):
            put_once(groups[version], table, name, _group(settings, version, _roles_of(version, order, roles), shapes))
    for table in document.tables("default_group", by=("versions",)):
        _ = table.provenance()
        for version in table.choices("versions", order):
            put_once(default_groups, table, version, table.choice("name", groups[version]))
    for version in order:
        if version not in default_groups:
            raise document.error(f"no default_group for version {version}")
    return groups, default_groups


def _group(settings: Table, version: str, roles: list[str], shapes: Shapes) -> dict[str, RoleShape]:
    group: dict[str, RoleShape] = {}
    for role in roles:
        default = shapes[version, role]
        group[role] = _changed(default, settings.table(role)) if settings.has(role) else default
    return group


def _shape(table: Table) -> RoleShape:
    return RoleShape(**{key: table.integer(key, at_least=least) for key, least in _SHAPE_MINIMA.items()})


def _changed(default: RoleShape, table: Table) -> RoleShape:
    changes = {key: table.integer(key, at_least=least) for key, least in _SHAPE_MINIMA.items() if table.has(key)}
    return replace(default, **changes)


def _roles_of(version: str, order: tuple[str, ...], roles: Mapping[str, Role]) -> list[str]:
    return [role.name for role in roles.values() if order.index(role.since) <= order.index(version)]


def parse_codes(document: Document, order: tuple[str, ...]) -> dict[int, Code]:
    """Read `[[code]]`: exit codes of service commands."""
    codes: dict[int, Code] = {}
    for table in document.tables("code", by=("number",)):
        basis, source = table.provenance()
        code = Code(
            number=table.integer("number", at_least=1),
            name=table.text("name"),
            since=table.choice("since", order),
            meaning=table.text("meaning"),
            message=table.text("message"),
            remedy=table.text("remedy"),
            basis=basis,
            source=source,
        )
        put_once(codes, table, code.number, code)
    return codes


def parse_ret_codes(document: Document) -> dict[int, RetCode]:
    """Read `[[ret_code]]`: answers of the cloud API."""
    codes: dict[int, RetCode] = {}
    for table in document.tables("ret_code", by=("number",)):
        basis, source = table.provenance()
        number = table.integer("number")
        remedy = table.text("remedy") if table.has("remedy") else ""
        put_once(codes, table, number, RetCode(number, table.text("meaning"), remedy, basis, source))
    return codes

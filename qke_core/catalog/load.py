"""Reading the catalogue: texts in, one frozen Catalog out, once per process.

`build_catalog` is the pure part (a mapping of file name to TOML text), so a test can offer it a broken file; `catalog`
feeds it the files of this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import TypeVar

from qke_core.catalog.facts import RoleShape
from qke_core.catalog.model import Catalog
from qke_core.catalog.parse_app import (
    parse_codes,
    parse_groups,
    parse_ret_codes,
    parse_roles,
    parse_shapes,
    parse_upgrade_services,
    parse_upgrades,
    parse_versions,
)
from qke_core.catalog.parse_time import parse_budgets, parse_constants, parse_durations, parse_nights, parse_scripts
from qke_core.catalog.reader import Document, malformed

FILES = (
    "versions.toml",
    "roles.toml",
    "budgets.toml",
    "codes.toml",
    "express.toml",
    "durations.toml",
    "upgrade.toml",
    "kubernetes.toml",
    "scripts.toml",
    "scripts_v1.toml",
    "nodes.toml",
)

_K = TypeVar("_K")
_V = TypeVar("_V")


@cache
def catalog() -> Catalog:
    """The catalogue that ships with this package. Raises InvariantError when a file of it breaks a rule."""
    return build_catalog(read_texts())


def read_texts() -> dict[str, str]:
    """The TOML texts of this package by file name."""
    return {name: read_text(name) for name in FILES}


def read_text(name: str) -> str:
    """The text of one file of this package."""
    from importlib.resources import files  # noqa: PLC0415 - costs 40 ms, and most commands need no fact to start.

    return files("qke_core.catalog").joinpath(name).read_text(encoding="utf-8")


def build_catalog(texts: Mapping[str, str]) -> Catalog:
    """Make a catalogue from the TOML texts of all FILES.

    Raises:
        InvariantError: `catalog.malformed`: a text is missing, is not TOML, has a key nobody reads, a value of the
            wrong shape, a fact stated twice, or a reference to an entry that does not exist. The sentence names file,
            entry and problem.
    """
    documents = {name: Document(name, _text(texts, name)) for name in FILES}
    versions_toml, roles_toml, budgets_toml, codes_toml, express_toml, durations_toml, upgrade_toml, *others = (
        documents.values()
    )
    kubernetes_toml, scripts_toml, scripts_v1_toml, nodes_toml = others
    versions = parse_versions(versions_toml)
    order = tuple(versions)
    roles, codes = parse_roles(roles_toml, order), parse_codes(codes_toml, order)
    budgets, durations = parse_budgets(budgets_toml, order, codes), parse_durations(durations_toml)
    shapes = parse_shapes(express_toml, order, roles)
    groups, default_groups = parse_groups(express_toml, order, roles, shapes)
    facts = Catalog(
        order=order,
        versions=_frozen(versions),
        upgrades=parse_upgrades(versions_toml, order),
        roles=_frozen(roles),
        upgrade_services=_frozen(parse_upgrade_services(roles_toml, order, roles, codes)),
        budgets=_frozen(budgets),
        codes=_frozen(codes),
        ret_codes=_frozen(parse_ret_codes(codes_toml)),
        shapes=_frozen(shapes),
        groups=_frozen({version: _frozen_groups(groups[version]) for version in order}),
        default_groups=_frozen(default_groups),
        profile=durations_toml.text("profile"),
        durations=_frozen(durations),
        scripts=_frozen(parse_scripts((upgrade_toml, scripts_toml, scripts_v1_toml), order, durations, budgets)),
        constants=_frozen(parse_constants((roles_toml, budgets_toml, upgrade_toml, kubernetes_toml, nodes_toml))),
        nights=_frozen(parse_nights(nodes_toml, order, durations)),
        ledger=(),
    )
    return replace(facts, ledger=tuple(entry for document in documents.values() for entry in document.close()))


def _text(texts: Mapping[str, str], name: str) -> str:
    if name not in texts:
        raise malformed(name, "whole file", "is missing")
    return texts[name]


def _frozen(facts: dict[_K, _V]) -> Mapping[_K, _V]:
    return MappingProxyType(facts)


def _frozen_groups(groups: dict[str, dict[str, RoleShape]]) -> Mapping[str, Mapping[str, RoleShape]]:
    return MappingProxyType({name: MappingProxyType(shapes) for name, shapes in groups.items()})

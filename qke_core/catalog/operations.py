"""How operations are carried out, where versions differ: drains, orders, manners, and what a version can do at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal, TypeAlias

from qke_core.catalog.facts import Basis, Entry, RoleKind
from qke_core.catalog.load import catalog, read_text
from qke_core.catalog.reader import Document, put_once

ResizeManner: TypeAlias = Literal["rolling", "at-once"]
KINDS: tuple[RoleKind, ...] = ("master", "worker", "client")


@dataclass(frozen=True, slots=True)
class ScaleIn:
    """How workers are removed. Times in seconds, 0 for no limit; `forced`: pods with local data go too."""

    min_workers: int
    attempts: int
    drain_s: int
    delete_node_s: int
    forced: bool
    uncordons: bool
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that versions from `since` on can do."""

    name: str
    since: str
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class OperationBook:
    """All of it. A lookup of what is not there raises KeyError."""

    scale_ins: Mapping[str, ScaleIn]
    manners: Mapping[tuple[RoleKind, str], ResizeManner]
    starts: Mapping[str, tuple[tuple[RoleKind, ...], ...]]
    features: Mapping[str, Feature]
    constants: Mapping[str, int]
    ledger: tuple[Entry, ...]

    def scale_in(self, version: str) -> ScaleIn:
        """Return how a version removes workers."""
        return self.scale_ins[version]

    def resize_manner(self, role: str, version: str) -> ResizeManner:
        """Return whether the nodes of a role are resized one after another or all at once."""
        return self.manners[catalog().roles[role].kind, version]

    def start_order(self, version: str) -> tuple[tuple[RoleKind, ...], ...]:
        """Return the kinds of roles in the order in which they start; those in one group start side by side."""
        return self.starts[version]

    def can(self, version: str, feature: str) -> bool:
        """Whether a version has a feature."""
        order = catalog().order
        return order.index(version) >= order.index(self.features[feature].since)

    def entries(self) -> Iterator[Entry]:
        """Return every sourced entry, for the fidelity page."""
        return iter(self.ledger)


@cache
def operations() -> OperationBook:
    """The operation book that ships with this package."""
    return build_operations(read_text("operations.toml"), catalog().order)


def build_operations(text: str, order: tuple[str, ...]) -> OperationBook:
    """Make the book from its TOML text.

    Raises:
        InvariantError: `catalog.malformed`.
    """
    document = Document("operations.toml", text)
    constants: dict[str, int] = {}
    for entry in document.tables("constant", by=("name",)):
        put_once(constants, entry, entry.text("name"), entry.integer("value"))
        entry.provenance()
    features: dict[str, Feature] = {}
    for entry in document.tables("feature", by=("name",)):
        name, since = entry.text("name"), entry.choice("since", order)
        put_once(features, entry, name, Feature(name, since, *entry.provenance()))
    scale_ins, manners, starts = _scale_ins(document, order), _manners(document, order), _starts(document, order)
    return OperationBook(
        MappingProxyType(scale_ins),
        MappingProxyType(manners),
        MappingProxyType(starts),
        MappingProxyType(features),
        MappingProxyType(constants),
        document.close(),
    )


def _scale_ins(document: Document, order: tuple[str, ...]) -> dict[str, ScaleIn]:
    found: dict[str, ScaleIn] = {}
    for entry in document.tables("scale_in", by=("versions",)):
        fact = ScaleIn(
            entry.integer("min_workers"),
            entry.integer("attempts", at_least=1),
            entry.integer("drain_s"),
            entry.integer("delete_node_s"),
            entry.flag("forced", default=False),
            entry.flag("uncordons", default=False),
            *entry.provenance(),
        )
        for version in entry.choices("versions", order):
            put_once(found, entry, version, fact)
    return found


def _manners(document: Document, order: tuple[str, ...]) -> dict[tuple[RoleKind, str], ResizeManner]:
    manners: tuple[ResizeManner, ...] = ("rolling", "at-once")
    found: dict[tuple[RoleKind, str], ResizeManner] = {}
    for entry in document.tables("vertical", by=("kinds", "versions")):
        manner, versions, kinds = (
            entry.choice("manner", manners),
            entry.choices("versions", order),
            entry.choices("kinds", KINDS),
        )
        entry.provenance()
        for kind in kinds:
            for version in versions:
                put_once(found, entry, (kind, version), manner)
    return found


def _starts(document: Document, order: tuple[str, ...]) -> dict[str, tuple[tuple[RoleKind, ...], ...]]:
    groups: Mapping[str, tuple[RoleKind, ...]] = {
        "master": ("master",),
        "worker": ("worker",),
        "client": ("client",),
        "master+worker": ("master", "worker"),
    }
    found: dict[str, tuple[tuple[RoleKind, ...], ...]] = {}
    for entry in document.tables("start_order", by=("versions",)):
        kinds = tuple(groups[word] for word in entry.choices("kinds", tuple(groups)))
        versions = entry.choices("versions", order)
        entry.provenance()
        for version in versions:
            put_once(found, entry, version, kinds)
    return found

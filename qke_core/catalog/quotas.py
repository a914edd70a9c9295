"""Quota profiles: ready sets of limits for accounts whose own limits nobody wrote down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from qke_core.catalog.facts import Entry
from qke_core.catalog.load import read_text
from qke_core.catalog.reader import Document, put_once


@dataclass(frozen=True, slots=True, eq=False)
class QuotaBook:
    """Limits by profile and resource type."""

    profiles: Mapping[str, Mapping[str, int]]
    ledger: tuple[Entry, ...]

    def entries(self) -> Iterator[Entry]:
        """Return every sourced entry, for the fidelity page."""
        return iter(self.ledger)


@cache
def quotas() -> QuotaBook:
    """The quota book that ships with this package."""
    return build_quotas(read_text("quotas.toml"))


def build_quotas(text: str) -> QuotaBook:
    """Make the book from its TOML text.

    Raises:
        InvariantError: `catalog.malformed`.
    """
    document = Document("quotas.toml", text)
    profiles: dict[str, Mapping[str, int]] = {}
    for entry in document.tables("profile", by=("name",)):
        put_once(profiles, entry, entry.text("name"), entry.integer_map("limits"))
        entry.provenance()
    return QuotaBook(MappingProxyType(profiles), document.close())

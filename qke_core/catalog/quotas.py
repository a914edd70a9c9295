"""Quotas: what QKE needs of them, ready limits for accounts whose own nobody wrote down, and what no ticket raises.

Amounts are by resource type, as in a World: counts, and `_gb`, `_mb`, `_mbps` where the name says so.
"""

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
    """All of it.

    `profiles` are limits by profile and resource type. `needs` are amounts by occasion and resource type: `kubesphere`,
    `ha` and `console` are the guide's; `declared` is what the app declares for every cluster. `hard` are limits of the
    platform by name.
    """

    profiles: Mapping[str, Mapping[str, int]]
    needs: Mapping[str, Mapping[str, int]]
    hard: Mapping[str, int]
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
    profiles, needs = _amounts(document, "profile", "limits"), _amounts(document, "need", "amounts")
    hard: dict[str, int] = {}
    for entry in document.tables("hard_limit", by=("name",)):
        put_once(hard, entry, entry.text("name"), entry.integer("value", at_least=1))
        entry.provenance()
    return QuotaBook(MappingProxyType(profiles), MappingProxyType(needs), MappingProxyType(hard), document.close())


def _amounts(document: Document, array: str, key: str) -> dict[str, Mapping[str, int]]:
    found: dict[str, Mapping[str, int]] = {}
    for entry in document.tables(array, by=("name",)):
        put_once(found, entry, entry.text("name"), entry.integer_map(key))
        entry.provenance()
    return found

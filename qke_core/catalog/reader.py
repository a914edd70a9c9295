"""Typed reading of a TOML file that refuses what it does not understand.

A `Document` is one file, a `Table` one table of it. Each reader names the key it wants and the shape it must have; a
wrong shape, a missing key or a key nobody asked for raises InvariantError `catalog.malformed` with file, entry and
problem. So a typing error in the catalogue cannot turn into a silently missing fact.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import TypeVar, cast

from qke_core.catalog.facts import Basis, Entry
from qke_core.errors import InvariantError

_K = TypeVar("_K")
_V = TypeVar("_V")
_S = TypeVar("_S", bound=str)


def malformed(file: str, entry: str, problem: str) -> InvariantError:
    """The error `catalog.malformed`: the files ship with the package, so it is a bug of ours and not of a caller."""
    return InvariantError(
        "catalog.malformed",
        f"{file}: {entry}: {problem}",
        "correct the catalogue file; if you did not change it, report this as a bug",
        {"file": file, "entry": entry},
    )


class Table:
    """One TOML table. Values leave it only with a known type; `label` names it in errors and in the ledger."""

    def __init__(self, document: Document, label: str, cells: Mapping[str, object]) -> None:
        self.label = label
        self._document = document
        self._cells = cells
        self._unread = set(cells)

    def error(self, problem: str) -> InvariantError:
        """The error to raise about this table."""
        return malformed(self._document.file, self.label, problem)

    def has(self, key: str) -> bool:
        """Whether the key is there; this alone does not count as reading it."""
        return key in self._cells

    def text(self, key: str, default: str | None = None) -> str:
        """A string that is not empty; `default` when the key is absent."""
        if default is not None and not self.has(key):
            return default
        return self._text_of(key, self._take(key))

    def choice(self, key: str, allowed: Collection[_S]) -> _S:
        """A string that is one of `allowed`."""
        value = self.text(key)
        for option in allowed:
            if option == value:
                return option
        raise self.error(f"{key} must be one of {', '.join(allowed)}, not {value!r}")

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings without repetition; empty when the key is absent."""
        values = tuple(self._text_of(key, value) for value in self._list(key))
        if len(set(values)) != len(values):
            raise self.error(f"{key} names something twice")
        return values

    def choices(self, key: str, allowed: Collection[_S]) -> tuple[_S, ...]:
        """A list of at least one string, each one of `allowed`."""
        values = self.texts(key)
        if not values:
            raise self.error(f"{key} must name at least one of {', '.join(allowed)}")
        for value in values:
            if value not in allowed:
                raise self.error(f"{key} names {value!r}, which is none of {', '.join(allowed)}")
        return cast("tuple[_S, ...]", values)

    def integer(self, key: str, *, at_least: int = 0) -> int:
        """A whole number of at least `at_least`."""
        return self._integer_of(key, self._take(key), at_least)

    def integers(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers; empty when the key is absent."""
        return tuple(self._integer_of(key, value, 0) for value in self._list(key))

    def integer_or_choice(self, key: str, allowed: Collection[_S]) -> int | _S:
        """A whole number, or a string that is one of `allowed`."""
        if isinstance(self._cells.get(key), str):
            return self.choice(key, allowed)
        return self.integer(key)

    def flag(self, key: str, *, default: bool) -> bool:
        """Truth or falsehood; `default` when the key is absent."""
        if not self.has(key):
            return default
        value = self._take(key)
        if not isinstance(value, bool):
            raise self.error(f"{key} must be true or false, not {value!r}")
        return value

    def pairs(self, key: str) -> tuple[tuple[int, int], ...]:
        """A list of pairs of whole numbers, empty when absent."""
        found: list[tuple[int, int]] = []
        for item in self._list(key):
            numbers = cast("list[object]", item) if isinstance(item, list) else []
            if len(numbers) != 2:  # noqa: PLR2004 - a pair
                raise self.error(f"{key} must hold pairs of whole numbers, not {item!r}")
            found.append((self._integer_of(key, numbers[0], 0), self._integer_of(key, numbers[1], 0)))
        return tuple(found)

    def scalar(self, key: str) -> str | int | bool:
        """A text, which may be empty, a whole number or a truth value."""
        return self._scalar_of(key, self._take(key))

    def scalars(self, key: str) -> tuple[str | int | bool, ...]:
        """A list of such values, empty when absent."""
        return tuple(self._scalar_of(key, item) for item in self._list(key))

    def day(self, key: str) -> date:
        """A date without a time."""
        value = self._take(key)
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self.error(f"{key} must be a date such as 2020-05-19, not {value!r}")
        return value

    def text_map(self, key: str) -> Mapping[str, str]:
        """A read-only sub-table in which every value is a string, in file order."""
        cells = self._cells_of(key, self._take(key))
        return MappingProxyType({name: self._text_of(f"{key}.{name}", value) for name, value in cells.items()})

    def integer_map(self, key: str) -> Mapping[str, int]:
        """A read-only sub-table in which every value is a whole number, in file order."""
        cells = self._cells_of(key, self._take(key))
        return MappingProxyType({name: self._integer_of(f"{key}.{name}", value, 0) for name, value in cells.items()})

    def table(self, key: str) -> Table:
        """A sub-table that must be there."""
        return self._document.issue(f"{self.label} {key}", self._cells_of(key, self._take(key)))

    def tables(self, key: str, *, by: tuple[str, ...]) -> list[Table]:
        """An array of tables, none when absent. An entry is called after its values of the keys in `by`."""
        rows = [self._cells_of(key, row) for row in self._list(key)]
        inside = "" if isinstance(self, Document) else f"{self.label} "
        return [self._document.issue(f"{inside}{key} {_name(row, by, n)}", row) for n, row in enumerate(rows, start=1)]

    def provenance(self) -> tuple[Basis, str]:
        """The entry's basis and source, which also go into the ledger."""
        basis, source = self.choice("basis", tuple(Basis)), self.text("source")
        self._document.ledger.append(Entry(self._document.file, self.label, basis, source))
        return basis, source

    def check_all_read(self) -> None:
        """Refuse keys that no reader asked for."""
        if self._unread:
            raise self.error(f"unknown key {', '.join(sorted(self._unread))}")

    def _take(self, key: str) -> object:
        if key not in self._cells:
            raise self.error(f"{key} is missing")
        self._unread.discard(key)
        return self._cells[key]

    def _list(self, key: str) -> list[object]:
        if not self.has(key):
            return []
        value = self._take(key)
        if not isinstance(value, list):
            raise self.error(f"{key} must be a list, not {value!r}")
        return cast("list[object]", value)

    def _cells_of(self, key: str, value: object) -> Mapping[str, object]:
        if not isinstance(value, dict):
            raise self.error(f"{key} must be a table, not {value!r}")
        return cast("dict[str, object]", value)

    def _scalar_of(self, key: str, value: object) -> str | int | bool:
        if not isinstance(value, str | int | bool):
            raise self.error(f"{key} must be a text, a whole number or a truth value, not {value!r}")
        return value

    def _text_of(self, key: str, value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{key} must be a text that is not empty, not {value!r}")
        return value

    def _integer_of(self, key: str, value: object, at_least: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
            raise self.error(f"{key} must be a whole number of at least {at_least}, not {value!r}")
        return value


class Document(Table):
    """One file: its root table, the ledger of its sourced entries, and a check that all of it was read."""

    def __init__(self, file: str, content: str) -> None:
        try:
            cells: Mapping[str, object] = tomllib.loads(content)
        except tomllib.TOMLDecodeError as problem:
            raise malformed(file, "whole file", f"not TOML: {problem}") from problem
        self.file = file
        self.ledger: list[Entry] = []
        self._issued: list[Table] = [self]
        super().__init__(self, "top level", cells)

    def issue(self, label: str, cells: Mapping[str, object]) -> Table:
        """Hand out a table and remember it, so that `close` can ask whether it was read."""
        table = Table(self, label, cells)
        self._issued.append(table)
        return table

    def close(self) -> tuple[Entry, ...]:
        """End of reading: refuse unread keys, return the ledger."""
        for table in self._issued:
            table.check_all_read()
        return tuple(self.ledger)


def put_once(facts: dict[_K, _V], table: Table, key: _K, fact: _V) -> None:
    """Store a fact under a key that must be new."""
    if key in facts:
        raise table.error("is there twice")
    facts[key] = fact


def _name(row: Mapping[str, object], by: tuple[str, ...], number: int) -> str:
    shown = [_shown(row[key]) for key in by if key in row]
    return " ".join(shown) if shown else f"number {number}"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "(" + ", ".join(str(item) for item in cast("list[object]", value)) + ")"
    return str(value)

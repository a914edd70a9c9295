"""Instances as the cloud offers them: shapes by the names of their types, images, limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal, TypeAlias

from qke_core.catalog.facts import Entry
from qke_core.catalog.load import read_text
from qke_core.catalog.reader import Document, put_once

OsPlatform: TypeAlias = Literal["linux", "windows"]

_SAYS_ITS_SHAPE = re.compile(r"c(\d{1,3})m(\d{1,4})")


@dataclass(frozen=True, slots=True)
class InstanceType:
    """A shape of instances that has a name."""

    name: str
    cpu: int
    memory_mib: int


@dataclass(frozen=True, slots=True)
class Image:
    """What an instance begins with; `size_gib` is the least size of its system disk."""

    id: str
    name: str
    os_family: str
    platform: OsPlatform
    size_gib: int


@dataclass(frozen=True, slots=True, eq=False)
class ComputeBook:
    """All of it. `constants` are whole numbers by name."""

    types: Mapping[str, InstanceType]
    images: Mapping[str, Image]
    constants: Mapping[str, int]
    ledger: tuple[Entry, ...]

    def shape(self, name: str) -> InstanceType | None:
        """Return the shape of a type, one that says its shape included; None when nobody knows it."""
        found = self.types.get(name)
        if found is not None:
            return found
        said = _SAYS_ITS_SHAPE.fullmatch(name)
        cpu, memory_gib = (int(said[1]), int(said[2])) if said else (0, 0)
        return InstanceType(name, cpu, memory_gib * 1024) if cpu and memory_gib else None

    def entries(self) -> Iterator[Entry]:
        """Return every sourced entry, for the fidelity page."""
        return iter(self.ledger)


@cache
def compute() -> ComputeBook:
    """The book of instances that ships with this package."""
    return build_compute(read_text("compute.toml"))


def build_compute(text: str) -> ComputeBook:
    """Make the book from its TOML text.

    Raises:
        InvariantError: `catalog.malformed`.
    """
    document = Document("compute.toml", text)
    types: dict[str, InstanceType] = {}
    for entry in document.tables("instance_type", by=("name",)):
        cpu, memory = entry.integer("cpu", at_least=1), entry.integer("memory_mib", at_least=1)
        put_once(types, entry, entry.text("name"), InstanceType(entry.text("name"), cpu, memory))
        entry.provenance()
    constants: dict[str, int] = {}
    for entry in document.tables("constant", by=("name",)):
        put_once(constants, entry, entry.text("name"), entry.integer("value", at_least=1))
        entry.provenance()
    images = _images(document)
    return ComputeBook(MappingProxyType(types), MappingProxyType(images), MappingProxyType(constants), document.close())


def _images(document: Document) -> dict[str, Image]:
    found: dict[str, Image] = {}
    for entry in document.tables("image", by=("id",)):
        image = Image(
            id=entry.text("id"),
            name=entry.text("name"),
            os_family=entry.text("os_family"),
            platform=entry.choice("platform", ("linux", "windows")),
            size_gib=entry.integer("size_gib", at_least=1),
        )
        put_once(found, entry, image.id, image)
        entry.provenance()
    return found

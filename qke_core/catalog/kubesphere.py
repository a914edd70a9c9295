"""What KubeSphere consists of, version by version: the parts of its modules, in the order of their installation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal, TypeAlias

from qke_core.catalog.facts import Entry
from qke_core.catalog.load import catalog, read_text
from qke_core.catalog.reader import Document, Table, put_once
from qke_core.catalog.storage_facts import MINIMAL

PartKind: TypeAlias = Literal["Deployment", "StatefulSet"]
KINDS: tuple[PartKind, ...] = ("Deployment", "StatefulSet")
InstallerKind: TypeAlias = Literal["Job", "Deployment"]
INSTALLER_KINDS: tuple[InstallerKind, ...] = ("Job", "Deployment")


@dataclass(frozen=True, slots=True)
class Part:
    """One workload of KubeSphere. `claims` are names of volumes that it claims; `versions` those that have it."""

    name: str
    module: str
    kind: PartKind
    namespace: str
    replicas: int
    cpu_m: int
    memory_mib: int
    claims: tuple[str, ...]
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InstallerPod:
    """What the installer runs as; `label` is its pods' label `app`."""

    name: str
    kind: InstallerKind
    label: str
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class KubeSphereBook:
    """All parts, in the order of installation; `constants` are whole numbers by name."""

    parts: tuple[Part, ...]
    installers: tuple[InstallerPod, ...]
    constants: Mapping[str, int]
    ledger: tuple[Entry, ...]

    def modules(self, version: str, chosen: Sequence[str]) -> tuple[str, ...]:
        """Return the modules that are installed at a version, in order; 1.x installs all that it has."""
        everything = version.startswith("1.")
        known = dict.fromkeys(part.module for part in self.parts if version in part.versions)
        return tuple(name for name in known if everything or name == MINIMAL or name in chosen)

    def parts_of(self, version: str, module: str) -> tuple[Part, ...]:
        """Return the parts of one module at a version."""
        return tuple(part for part in self.parts if part.module == module and version in part.versions)

    def installer(self, version: str) -> InstallerPod | None:
        """Return what the installer of a version runs as; None where it is no pod."""
        return next((found for found in self.installers if version in found.versions), None)

    def entries(self) -> Iterator[Entry]:
        """Return every sourced entry, for the fidelity page."""
        return iter(self.ledger)


@cache
def kubesphere() -> KubeSphereBook:
    """The book of KubeSphere that ships with this package."""
    return build_kubesphere(read_text("kubesphere.toml"), catalog().order)


def build_kubesphere(text: str, order: tuple[str, ...]) -> KubeSphereBook:
    """Make the book from its TOML text.

    Raises:
        InvariantError: `catalog.malformed`.
    """
    document = Document("kubesphere.toml", text)
    constants: dict[str, int] = {}
    for table in document.tables("constant", by=("name",)):
        put_once(constants, table, table.text("name"), table.integer("value", at_least=1))
        table.provenance()
    installers: list[InstallerPod] = []
    for table in document.tables("installer", by=("name", "since")):
        kind, versions = table.choice("kind", INSTALLER_KINDS), _versions(table, order)
        installers.append(InstallerPod(table.text("name"), kind, table.text("label"), versions))
        table.provenance()
    parts: dict[str, Part] = {}
    for table in document.tables("part", by=("name",)):
        part = Part(
            name=table.text("name"),
            module=table.text("module"),
            kind=table.choice("kind", KINDS),
            namespace=table.text("namespace"),
            replicas=table.integer("replicas", at_least=1),
            cpu_m=table.integer("cpu_m"),
            memory_mib=table.integer("memory_mib"),
            claims=table.texts("claims") if table.has("claims") else (),
            versions=_versions(table, order),
        )
        put_once(parts, table, part.name, part)
        table.provenance()
    return KubeSphereBook(tuple(parts.values()), tuple(installers), MappingProxyType(constants), document.close())


def _versions(table: Table, order: tuple[str, ...]) -> tuple[str, ...]:
    """Read which versions have something: from `since` on, up to `until`, which has it no more."""
    since, until = table.text("since", order[0]), table.text("until", "")
    if since not in order or until not in ("", *order):
        raise table.error("since and until must be versions")
    return order[order.index(since) : order.index(until) if until else len(order)]

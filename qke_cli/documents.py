"""Reading the documents that commands name, with places for everything that is said about them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from qke_core.documents import Source
from qke_core.errors import InputError, Problem
from qke_core.models import ClusterDocument, WorldDocument
from qke_core.repair import examine_mended
from qke_core.rules import Finding
from qke_sim.yamlfile import parse_one, read_file

M = TypeVar("M", bound=BaseModel)

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Loaded(Generic[M]):
    """A document as far as it could be understood.

    `document` is a mended copy when `problems` is not empty, None when nothing could be mended. Places in `source` are
    those of the file as it is.
    """

    document: M | None
    source: Source
    problems: tuple[Problem, ...]

    def sound(self) -> M:
        """Return the document.

        Raises:
            InputError: with every problem.
        """
        if self.problems or self.document is None:
            raise InputError.of(self.problems)
        return self.document


def read_source(path: Path) -> Source:
    """Read one YAML document from a file, or from standard input when the path is `-`.

    Raises:
        InputError: the file is missing, too large, no text or no YAML.
    """
    if str(path) == STDIN:
        return parse_one(sys.stdin.read(), "<stdin>")
    return parse_one(read_file(path), str(path))


def load(path: Path, model: type[M]) -> Loaded[M]:
    """Read a document of one kind; what is wrong in it is part of the answer.

    Raises:
        InputError: as `read_source`.
    """
    return examine(read_source(path), model)


def examine(source: Source, model: type[M]) -> Loaded[M]:
    """Understand a document as far as possible."""
    found = examine_mended(model, source)
    return Loaded(found.document, found.source, tuple(found.problems))


def load_cluster(path: Path) -> Loaded[ClusterDocument]:
    """Read a `kind: Cluster` file."""
    return load(path, ClusterDocument)


def load_world(path: Path) -> Loaded[WorldDocument]:
    """Read a `kind: World` file."""
    return load(path, WorldDocument)


def kind_of(source: Source) -> str:
    """Return what a document says it is; empty when it does not say."""
    data = source.data
    kind = data.get("kind") if isinstance(data, dict) else None
    return kind if isinstance(kind, str) else ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A finding and where its value stands; None for a file that nobody gave."""

    finding: Finding
    source: Source | None

    @property
    def place(self) -> str:
        """`file:line:column`; empty when there is no file."""
        return "" if self.source is None else str(self.source.place(self.finding.path))


def place(findings: Sequence[Finding], cluster: Source | None, world: Source | None) -> list[Placed]:
    """Find the place of each finding in the file it is about."""
    files = {"cluster": cluster, "world": world}
    return [Placed(finding, files.get(finding.document)) for finding in findings]

"""Reading the documents that commands name, with places for everything that is said about them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from qke_cli.failure import UsageError
from qke_core.billing import PriceBook
from qke_core.documents import Source
from qke_core.errors import InputError, Place, Problem
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
    """Understand a document as far as possible; one of another kind is that one problem and no other."""
    other = _of_another_kind(source, model)
    if other is not None:
        return Loaded(None, source, (other,))
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


def _of_another_kind(source: Source, model: type[BaseModel]) -> Problem | None:
    """Say that a document is of a kind that we know but that was not asked for: every other word would be noise."""
    given = kind_of(source)
    wanted = next((kind for kind, known in MODELS.items() if known is model), "")
    if given == wanted or given not in USES:
        return None
    sentence = f"This is a {given}, not a {wanted}"
    return Problem(
        "document.kind", sentence, f"give a file of kind {wanted}; for this one: {USES[given]}", source.place(("kind",))
    )


def require_one_reader(*paths: Path | None) -> None:
    """See that standard input is asked for once at most.

    Raises:
        UsageError: two files are `-`.
    """
    if sum(str(path) == STDIN for path in paths) > 1:
        raise UsageError("Standard input is one file, and - is given for two", "write one of them to a file")


MODELS: Mapping[str, type[BaseModel]] = {"Cluster": ClusterDocument, "World": WorldDocument, "PriceBook": PriceBook}
"""The kinds of documents that are read here."""

USES: Mapping[str, str] = {
    "Cluster": "qke plan FILE --world WORLD",
    "World": "qke validate FILE",
    "PriceBook": "qke cost CLUSTER --prices FILE",
    "Scenario": "qke-sim run FILE",
}
"""What each kind of document is for."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A finding and where its value stands; None for a file that nobody gave."""

    finding: Finding
    source: Source | None

    @property
    def place(self) -> Place | None:
        """Where the value stands."""
        return None if self.source is None else self.source.place(self.finding.path)


def place(findings: Sequence[Finding], cluster: Source | None, world: Source | None) -> list[Placed]:
    """Find the place of each finding in the file it is about."""
    files = {"cluster": cluster, "world": world}
    return [Placed(finding, files.get(finding.document)) for finding in findings]

"""YAML files with positions: plain data, and where every key and value stands.

YAML 1.2 core types: null, booleans, integers, floats, strings; a date stays the text it is written as. Anchors and
aliases work; merge keys, duplicate keys and tags of one's own are refused, because two readers would understand them
differently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from qke_core.documents import Path as DataPath
from qke_core.documents import Source
from qke_core.effects import Json
from qke_core.errors import InputError, Place, Problem

_TAG: Final = "tag:yaml.org,2002:"
SIZE_MAX: Final = 4 * 1024 * 1024
"""Files larger than this (bytes) are refused: no file that a person writes comes near."""


class Node(Protocol):
    """What is used of a node of ruamel.yaml. `id` is mapping, sequence or scalar; marks count from 0."""

    id: str
    tag: str
    value: Any
    start_mark: Any


def read_file(path: Path) -> str:
    """Return the text of a file.

    Raises:
        InputError: `file.missing`, `file.unreadable`, `file.too-large` or `file.not-utf8`.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError as exc:
        raise InputError("file.missing", f"There is no file {str(path)!r}", "check the path") from exc
    except OSError as exc:
        raise InputError("file.unreadable", f"{str(path)!r} cannot be read: {exc.strerror}", "check the path") from exc
    if len(raw) > SIZE_MAX:
        raise InputError("file.too-large", f"{str(path)!r} has {len(raw)} bytes", f"keep it under {SIZE_MAX} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        sentence = f"{str(path)!r} is not UTF-8 text (byte {exc.start})"
        raise InputError("file.not-utf8", sentence, "save it as UTF-8") from exc


def parse_yaml(text: str, file: str) -> list[Source]:
    """Read all documents of a YAML text; empty documents are left out.

    Raises:
        InputError: `yaml.syntax`, or every duplicate or merge key of the text.
    """
    try:
        nodes = list(_compose(text))
    except MarkedYAMLError as exc:
        error: Any = exc
        mark = error.problem_mark or error.context_mark
        place = Place(file, 1, 1) if mark is None else Place(file, int(mark.line) + 1, int(mark.column) + 1)
        sentence = f"This is not YAML: {error.problem or error.context}"
        raise InputError.of([Problem("yaml.syntax", sentence, "mend the line shown", place)]) from exc
    except YAMLError as exc:
        first = str(exc).splitlines()[0]
        raise InputError.of(
            [Problem("yaml.syntax", f"This is not YAML: {first}", "mend the file", Place(file, 1, 1))]
        ) from exc
    sources = [_read_document(node, file) for node in nodes]
    problems = [problem for reader in sources for problem in reader.problems]
    if problems:
        raise InputError.of(problems)
    return [Source(file, reader.data, reader.values, reader.keys) for reader in sources]


def parse_one(text: str, file: str) -> Source:
    """Read a YAML text that must hold exactly one document.

    Raises:
        InputError: as `parse_yaml`, and `yaml.documents` when there is none or more than one.
    """
    sources = parse_yaml(text, file)
    if len(sources) != 1:
        sentence = f"The file holds {len(sources)} documents, one is expected"
        raise InputError.of([Problem("yaml.documents", sentence, "keep one document per file", Place(file, 1, 1))])
    return sources[0]


def _compose(text: str) -> Iterator[Node]:
    loader = YAML(typ="safe", pure=True)
    for node in cast("Iterator[Node | None]", loader.compose_all(text)):
        if node is not None and not (node.id == "scalar" and node.tag == f"{_TAG}null"):
            yield node


@dataclass(slots=True)
class _Reader:
    """Turns nodes into data, and keeps where everything stands."""

    file: str
    data: Json = None
    values: dict[DataPath, Place] = field(default_factory=dict[DataPath, Place])
    keys: dict[DataPath, Place] = field(default_factory=dict[DataPath, Place])
    problems: list[Problem] = field(default_factory=list[Problem])

    def read(self, node: Node, path: DataPath) -> Json:
        """Read one node and everything in it."""
        self.values[path] = self._place(node)
        if node.id == "mapping":
            return self._mapping(node, path)
        if node.id == "sequence":
            items = cast("list[Node]", node.value)
            return [self.read(item, (*path, place)) for place, item in enumerate(items)]
        return self._scalar(node)

    def _mapping(self, node: Node, path: DataPath) -> Json:
        found: dict[str, Json] = {}
        for key_node, value_node in cast("list[tuple[Node, Node]]", node.value):
            key = str(key_node.value)
            place = self._place(key_node)
            if key_node.tag == f"{_TAG}merge":
                self.problems.append(Problem("yaml.merge", "Merge keys (<<) are not read", "write the keys out", place))
            elif key in found:
                sentence = f"The key {key!r} stands here twice"
                self.problems.append(Problem("yaml.duplicate-key", sentence, "keep one of them", place))
            else:
                self.keys[*path, key] = place
                found[key] = self.read(value_node, (*path, key))
        return found

    def _scalar(self, node: Node) -> Json:
        text = str(node.value)
        kind = str(node.tag).removeprefix(_TAG)
        parse = _SCALARS.get(kind)
        if parse is None:
            sentence = f"The tag {node.tag!r} is not read"
            self.problems.append(Problem("yaml.tag", sentence, "leave the tag out", self._place(node)))
            return text
        return parse(text)

    def _place(self, node: Node) -> Place:
        mark: Any = node.start_mark
        return Place(self.file, int(mark.line) + 1, int(mark.column) + 1)


def _integer(text: str) -> int:
    """Read a YAML 1.2 integer: decimal, 0o octal or 0x hexadecimal; underscores between digits are tolerated."""
    plain = text.replace("_", "")
    base = {"0o": 8, "0x": 16}.get(plain.lstrip("+-")[:2].casefold(), 10)
    return int(plain, base)


def _float(text: str) -> float:
    return float(text.replace("_", "").casefold().replace(".inf", "inf").replace(".nan", "nan"))


_SCALARS: Final[Mapping[str, Callable[[str], Json]]] = {
    "int": _integer,
    "float": _float,
    "bool": lambda text: text.casefold() == "true",
    "null": lambda _: None,
    "str": str,
    "timestamp": str,
}
"""How a scalar is read, by its tag; a date stays the text it is written as."""


def _read_document(node: Node, file: str) -> _Reader:
    reader = _Reader(file)
    reader.data = reader.read(node, ())
    return reader

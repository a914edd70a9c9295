"""From parsed text to a checked document: every problem at once, each with file, line and column.

Reading YAML is somebody else's business; this module receives plain data and a map from paths to places. It knows how
to say what is wrong with a value, and which valid key or word is nearest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ValidationError

from qke_core.effects.base import Json
from qke_core.errors import InputError, Place, Problem
from qke_core.suggest import did_you_mean, nearest

M = TypeVar("M", bound=BaseModel)
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One file's data, and where each part of it stands.

    `values` maps a path to the place of the value there, `keys` to the place of the key. A path is the keys and list
    indexes that lead to a part; the empty path is the whole document.
    """

    file: str
    data: Json
    values: Mapping[Path, Place] = field(default_factory=dict[Path, Place])
    keys: Mapping[Path, Place] = field(default_factory=dict[Path, Place])

    def place(self, path: Path) -> Place:
        """Return the place of the value at `path`, or of its nearest parent that the file has."""
        for length in range(len(path), -1, -1):
            found = self.values.get(path[:length])
            if found is not None:
                return found
        return Place(self.file, 1, 1)

    def key_place(self, path: Path) -> Place:
        """Return the place of the key at `path`, or of its nearest parent that the file has."""
        return self.keys.get(path) or self.place(path)

    def problem(self, path: Path, code: str, sentence: str, remedy: str) -> Problem:
        """Make a problem that points at the value at `path`."""
        return Problem(code, sentence, remedy, self.place(path))


@dataclass(frozen=True, slots=True)
class Flaw:
    """A problem of a document, and the part that has it.

    `extra`: the part is a key that does not belong there. `lacks`: the key that the part does not have.
    """

    problem: Problem
    path: Path
    extra: bool
    lacks: str = ""


def validate(model: type[M], source: Source) -> M:
    """Check a document against its model.

    Raises:
        InputError: with one problem for every wrong part of the document.
    """
    document, flaws = examine(model, source)
    if document is None:
        raise InputError.of([flaw.problem for flaw in flaws])
    return document


def examine(model: type[M], source: Source) -> tuple[M | None, list[Flaw]]:
    """Check a document against its model; return it, or None and every flaw."""
    try:
        return model.model_validate_json(json.dumps(source.data)), []
    except ValidationError as exc:
        schema = model.model_json_schema(by_alias=True)
        errors = cast("list[Mapping[str, Any]]", exc.errors())
        found = [_flaw(error, source, schema) for error in errors if not _follows(error, errors)]
        return None, list(dict.fromkeys(found))


def _flaw(error: Mapping[str, Any], source: Source, schema: Mapping[str, Any]) -> Flaw:
    path = tuple(_real_path(source.data, error["loc"]))
    context: Mapping[str, Any] = error.get("ctx") or {}
    kind: str = error["type"]
    last = str(error["loc"][-1]) if error["loc"] else ""
    if "remedy" in context:
        place = source.key_place(path) if last == "[key]" else source.place(path)
        problem = Problem(kind, str(context["sentence"]), str(context["remedy"]), place, context.get("suggestion"))
        return Flaw(problem, path, extra=last == "[key]")
    if kind == "extra_forbidden":
        keys = _keys(schema, path[:-1], source.data)
        sentence = f"There is no key {last!r} in {render_path(path[:-1])}"
        place = source.key_place(path)
        remedy = did_you_mean(last, keys) if keys else "leave it out: every key that fits is there"
        problem = Problem("document.key-unknown", sentence, remedy, place, nearest(last, keys))
        return Flaw(problem, path, extra=True)
    if kind in {"missing", "union_tag_not_found"}:
        key = last if kind == "missing" else str(context["discriminator"]).strip("'")
        sentence = f"{render_path(path) if path else 'The document'} lacks the key {key!r}"
        problem = source.problem(path, "document.key-missing", sentence, f"add {key}: ...")
        return Flaw(problem, path, extra=False, lacks=key)
    if kind == "union_tag_invalid":
        path = (*path, str(context["discriminator"]).strip("'"))
    if last == "[key]":
        return _wrong_key(path, source, _choices(kind, context))
    name = str(path[-1]) if path and isinstance(path[-1], str) else render_path(path)
    code, sentence, remedy = _say(kind, name, error.get("input"), context, str(error["msg"]))
    suggestion = nearest(str(context.get("tag", error.get("input"))), _choices(kind, context))
    if kind == "string_pattern_mismatch":
        suggestion = _near_form(str(error.get("input")), str(context["pattern"]))
    return Flaw(Problem(code, sentence, remedy, source.place(path), suggestion), path, extra=False)


def _wrong_key(path: Path, source: Source, choices: Sequence[str]) -> Flaw:
    """Say that a key of a mapping is none of those there may be."""
    key = str(path[-1])
    sentence = f"There is no key {key!r} in {render_path(path[:-1])}"
    remedy, suggestion = did_you_mean(key, choices), nearest(key, choices)
    problem = Problem("document.key-unknown", sentence, remedy, source.key_place(path), suggestion)
    return Flaw(problem, path, extra=True)


def _near_form(text: str, pattern: str) -> str | None:
    """Return a text like this one that fits the pattern, if letters and hyphens are all that is wrong."""
    found = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")
    return found if found and re.fullmatch(pattern, found) else None


def _follows(error: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a list is too short only because its own entries are broken: pydantic counts the sound ones alone."""
    loc = error["loc"]
    return error["type"] == "too_short" and any(
        len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc for other in errors
    )


def _choices(kind: str, context: Mapping[str, Any]) -> list[str]:
    """Return the words that would have fitted, where there is a list of them."""
    field_name = {"literal_error": "expected", "enum": "expected", "union_tag_invalid": "expected_tags"}.get(kind)
    listed = str(context[field_name]).replace(" or ", ", ").split(", ") if field_name else []
    return [word.strip("'") for word in listed]


def _say(kind: str, name: str, given: object, context: Mapping[str, Any], message: str) -> tuple[str, str, str]:
    """Return code, sentence and remedy for a value that does not fit."""
    shown = json.dumps(given, ensure_ascii=False, default=str)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."  # noqa: PLR2004 - one line of a terminal
    if kind in {"literal_error", "enum"}:
        remedy = did_you_mean(str(given), _choices(kind, context))
        return "document.value-unknown", f"{name}: {shown} is not a valid value", remedy
    if kind == "union_tag_invalid":
        tag = str(context["tag"])
        return "document.value-unknown", f"There is no {name} {tag!r}", did_you_mean(tag, _choices(kind, context))
    if kind.endswith("_type"):
        quoted = isinstance(given, int | float) and kind == "string_type"
        remedy = (
            f"write it in quotes: {name}: '{given}'" if quoted else message.replace("Input should be", "it must be")
        )
        return "document.type", f"{name}: {shown} has the wrong type", remedy
    if kind == "string_pattern_mismatch":
        return "document.value", f"{name}: {shown} does not fit {context['pattern']}", "write it so that it fits"
    return "document.value", f"{name}: {shown} does not fit", message.replace("Input should be", "it must be")


def _real_path(data: Json, loc: Sequence[str | int]) -> Iterator[str | int]:
    """Walk the data along `loc`, leaving out what it does not have: pydantic's additions (union tags), absent keys."""
    here: object = data
    for part in loc:
        for found in _inside(here, part):
            here = found
            yield part


def _inside(here: object, part: str | int) -> Iterator[object]:
    """Yield what stands at `part` of `here`: one thing, or nothing."""
    if isinstance(here, Mapping):
        mapping = cast("Mapping[str | int, object]", here)
        if part in mapping:
            yield mapping[part]
    elif isinstance(here, list) and isinstance(part, int):
        yield from cast("list[object]", here)[part : part + 1]


def _keys(schema: Mapping[str, Any], path: Path, data: Json) -> set[str]:
    """Return the keys that the schema allows at `path` and that are not there yet."""
    nodes = _variants(schema, schema, data)
    here: object = data
    for part in path:
        here = next(_inside(here, part), None)
        nodes = [variant for node in nodes for step in _step(node, part) for variant in _variants(schema, step, here)]
    return {key for node in nodes for key in node.get("properties", {}) if not list(_inside(here, key))}


def _step(node: Mapping[str, Any], part: str | int) -> Iterator[Mapping[str, Any]]:
    if isinstance(part, int):
        if isinstance(node.get("items"), Mapping):
            yield node["items"]
    elif part in node.get("properties", {}):
        yield node["properties"][part]
    elif isinstance(node.get("additionalProperties"), Mapping):
        yield node["additionalProperties"]


def _variants(root: Mapping[str, Any], node: Mapping[str, Any], data: object) -> list[Mapping[str, Any]]:
    """Resolve references and alternatives; of kinds told apart by a key such as `kind`, keep the one the data names."""
    if "$ref" in node:
        return _variants(root, root["$defs"][node["$ref"].rpartition("/")[2]], data)
    discriminator = node.get("discriminator", {})
    for tag in _inside(data, discriminator.get("propertyName", "")):
        if isinstance(tag, str) and tag in discriminator["mapping"]:
            return _variants(root, {"$ref": discriminator["mapping"][tag]}, data)
    choices = [*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())]
    return [found for choice in choices for found in _variants(root, choice, data)] if choices else [node]


def render_path(path: Path) -> str:
    """Write a path as people do: `timeline[0].upgrade`; the empty path is `the document`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the document"

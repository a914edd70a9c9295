"""From a broken document to the nearest sound one, so that checks which need a sound one can go on.

People want all errors of a file at once. Some checks (does the cluster exist, does the expression parse) need a
document that fits its model. So what is broken is mended in a copy: a mistyped word becomes the nearest valid one, an
entry that cannot be mended is left out. The copy is only looked at, never used; places still point into the file as it
is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias, TypeVar, cast

from pydantic import BaseModel

from qke_core.documents import Flaw, Path, Source, examine
from qke_core.effects.base import Json
from qke_core.errors import Place, Problem

M = TypeVar("M", bound=BaseModel)

Holder: TypeAlias = "MutableMapping[str | int, Json]"
"""A mapping or a list that is edited; both are set and cleared by key."""

Change: TypeAlias = Callable[[Holder, str | int], None]

ROUNDS = 8
"""How often mending may bring new flaws to light before we stop."""


@dataclass(frozen=True, slots=True)
class Examined(Generic[M]):
    """A document after examination.

    `document` is None when it could not be mended; `problems` are those of the file as it is; `source` fits
    `document`; `left_out` names the lists from which entries are missing, and keys that
    were dropped, as paths.
    """

    document: M | None
    source: Source
    problems: list[Problem]
    left_out: frozenset[Path]


def examine_mended(model: type[M], source: Source) -> Examined[M]:
    """Examine a document; mend a copy of it as long as that helps."""
    problems: list[Problem] = []
    left_out: set[Path] = set()
    for _ in range(ROUNDS):
        document, flaws = examine(model, source)
        if any((*flaw.path, flaw.lacks) in left_out for flaw in flaws):
            return Examined(None, source, problems, frozenset(left_out))  # What was dropped is needed.
        problems.extend(flaw.problem for flaw in flaws if flaw.problem not in problems)
        if document is not None:
            return Examined(document, source, problems, frozenset(left_out))
        words = [flaw for flaw in flaws if flaw.extra or flaw.problem.suggestion is not None]
        # Words first: a mistyped key that gets its right name is not missing any more.
        for flaw in sorted(words or flaws, key=lambda flaw: _depth_last(flaw.path), reverse=True):
            mended = _mend(source, flaw, left_out)
            if mended is None:
                return Examined(None, source, problems, frozenset(left_out))
            source = mended
    return Examined(None, source, problems, frozenset(left_out))


def _depth_last(path: Path) -> tuple[tuple[int, str], ...]:
    """Order paths so that later entries of a list come last: mending the last first keeps the other indexes true."""
    return tuple((part, "") if isinstance(part, int) else (-1, part) for part in path)


def _mend(source: Source, flaw: Flaw, left_out: set[Path]) -> Source | None:
    """Mend one flaw; None when it cannot be."""
    path, suggestion = flaw.path, flaw.problem.suggestion
    if not _has(source.data, path):
        return source  # Mending another flaw took it away already.
    if flaw.extra:
        return _rename(source, path, suggestion)
    if suggestion is not None and path:
        return replace(source, data=_edit(source.data, path, _set(suggestion)))
    place = next((n for n in range(len(path) - 1, -1, -1) if isinstance(path[n], int)), None)
    if place is None and path:
        left_out.add(path)
        return replace(source, data=_edit(source.data, path, _drop))
    if place is None or path[:place] == ("world", "clusters"):
        return None
    left_out.add(path[:place])
    return _without(source, path[: place + 1])


def _rename(source: Source, path: Path, name: str | None) -> Source:
    """Give a key its right name, or drop it when there is none or the place is taken."""
    if name is None or _has(source.data, (*path[:-1], name)):
        return replace(source, data=_edit(source.data, path, _drop))

    def rename(holder: Holder, key: str | int) -> None:
        holder[name] = holder[key]
        del holder[key]

    moved = (*path[:-1], name)
    return Source(
        source.file,
        _edit(source.data, path, rename),
        _moved(source.values, path, moved),
        _moved(source.keys, path, moved),
    )


def _moved(places: Mapping[Path, Place], old: Path, new: Path) -> dict[Path, Place]:
    return {(*new, *path[len(old) :]) if path[: len(old)] == old else path: place for path, place in places.items()}


def _without(source: Source, path: Path) -> Source:
    """Leave out one entry of a list; the places of the later ones move up with them."""
    parent, gone = path[:-1], cast("int", path[-1])

    def shift(places: Mapping[Path, Place]) -> dict[Path, Place]:
        found: dict[Path, Place] = {}
        for at, place in places.items():
            index = at[len(parent)] if at[: len(parent)] == parent and len(at) > len(parent) else None
            if not isinstance(index, int) or index < gone:
                found[at] = place
            elif index > gone:
                found[(*parent, index - 1, *at[len(path) :])] = place
        return found

    return Source(source.file, _edit(source.data, path, _drop), shift(source.values), shift(source.keys))


def _has(data: Json, path: Path) -> bool:
    here: Any = data
    for part in path:
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _edit(data: Json, path: Path, change: Change) -> Json:
    """Return a copy of `data` in which `change` was done to the holder of `path`."""
    top = cast("Json", json.loads(json.dumps(data)))
    here = cast("Holder", top)
    for part in path[:-1]:
        here = cast("Holder", here[part])
    change(here, path[-1])
    return top


def _set(value: Json) -> Change:
    def change(holder: Holder, key: str | int) -> None:
        holder[key] = value

    return change


def _drop(holder: Holder, key: str | int) -> None:
    del holder[key]

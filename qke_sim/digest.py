"""One number for everything that is true of a twin, so that a refused operation can be proven to change nothing.

What is true is taken from the objects themselves, field by field, whatever they are; so a part that is added later is
in it without a word here. Left out is what is no state: clock, luck, trace, waiting processes, and instants.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from functools import partial
from hashlib import sha256
from types import BuiltinFunctionType, FunctionType, GeneratorType, MethodType
from typing import cast

import simpy

from qke_core.effects import Json
from qke_sim.cloud import Cloud, Thing
from qke_sim.kernel import Kernel, Signal
from qke_sim.streams import Streams
from qke_sim.trace import Trace

_CODE = (FunctionType, MethodType, BuiltinFunctionType, GeneratorType, partial, type)
_WORLD = (simpy.Environment, simpy.Event, Kernel, Signal, Streams, Trace, Cloud)
_SKIP = object()
PACKAGES = ("qke_core", "qke_sim")


def digest_of(parts: Mapping[str, object]) -> str:
    """Return SHA-256, 64 hex digits, over the canonical JSON of everything in `parts`."""
    text = json.dumps(_Walk().facts(parts), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class _Walk:
    """Turns objects into plain data; what was met before is named by when it was met."""

    met: dict[int, int] = field(default_factory=dict[int, int])
    kept: list[object] = field(default_factory=list[object])

    def facts(self, value: object) -> Json:
        """Return a value as JSON data; what is no state becomes None."""
        found = self._facts(value)
        return None if found is _SKIP else cast("Json", found)

    def _facts(self, value: object) -> object:
        if value is None or isinstance(value, str | int | float | bool):
            return value
        if isinstance(value, Enum):
            return value.name
        if isinstance(value, _CODE + _WORLD):
            return _SKIP
        if isinstance(value, Mapping):
            return self._mapping(cast("Mapping[object, object]", value))
        if isinstance(value, AbstractSet):
            return sorted(json.dumps(self.facts(item), sort_keys=True) for item in cast("AbstractSet[object]", value))
        if isinstance(value, list | tuple):
            found = (self._facts(item) for item in cast("list[object]", value))
            return [item for item in found if item is not _SKIP]
        return self._object(value)

    def _mapping(self, value: Mapping[object, object]) -> object:
        return {str(key): found for key, item in value.items() if (found := self._facts(item)) is not _SKIP}

    def _object(self, value: object) -> object:
        if not type(value).__module__.startswith(PACKAGES):
            return str(value)
        if id(value) in self.met:
            return f"met {self.met[id(value)]}"
        self.met[id(value)] = len(self.met)
        self.kept.append(value)  # So that no other object is given its place in memory.
        found = {name: fact for name, part in _parts(value) if (fact := self._facts(part)) is not _SKIP}
        return {"is": value.id, **found} if isinstance(value, Thing) else found


def _parts(value: object) -> Iterator[tuple[str, object]]:
    """Yield the fields of an object, instants left out."""
    if is_dataclass(value):
        names = [part.name for part in fields(value)]
    else:
        names = sorted(vars(value)) if hasattr(value, "__dict__") else list(getattr(type(value), "__slots__", ()))
    for name in names:
        if not name.endswith("_ms") and name != "cause":
            yield name, getattr(value, name, None)

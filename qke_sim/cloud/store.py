"""Every resource of the account, and the one way to change one.

All changes go through `Store.change`: it writes the trace, and tells quotas and meter what a resource counts as now. So
quotas used are what is alive and a bill is what was recorded, by construction; checkers count again from the outside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import ClassVar, TypeVar, cast

from qke_core.effects import Json
from qke_core.errors import InvariantError
from qke_core.resources import Origin, Resource
from qke_sim.cloud.call import not_found
from qke_sim.ids import make_id
from qke_sim.kernel import Kernel

Watcher = Callable[["Thing", Resource | None, Resource | None, int], None]
"""Is told of a thing, what it counted as, what it counts as now, and the record of the change."""


@dataclass(slots=True, kw_only=True, eq=False)
class Thing:
    """One resource of the account.

    `owner` is the name of the cluster it was made for, "" for the user's own; `label` is its stable name for people and
    bills, such as `shop/master1`, the id unless told; `origin` is why it is there. Instants are virtual milliseconds.
    """

    kind: ClassVar[str] = ""
    prefix: ClassVar[str] = ""

    id: str
    name: str = ""
    description: str = ""
    status: str = ""
    transition_status: str = ""
    owner: str = ""
    label: str = ""
    origin: Origin = "user"
    tags: list[str] = field(default_factory=list[str])
    create_ms: int = 0
    status_ms: int = 0

    def __post_init__(self) -> None:
        """A thing without a label goes by its id."""
        self.label = self.label or self.id

    def charged(self) -> Resource | None:
        """Return what quotas and prices count it as now; None when it counts as nothing."""
        return None

    def describe(self) -> dict[str, Json]:
        """Return it as its Describe action shows it; times are left to the caller."""
        return {}


T = TypeVar("T", bound=Thing)


class Store:
    """All things by id, those that are gone included, in the order of their making."""

    def __init__(self, kernel: Kernel) -> None:
        """Begin empty."""
        self._kernel = kernel
        self._things: dict[str, Thing] = {}
        self._by_type: dict[type[Thing], dict[str, Thing]] = {}
        self._made: dict[str, int] = {}
        self._charged: dict[str, Resource] = {}
        self.watchers: list[Watcher] = []

    def new_id(self, kind: type[Thing], length: int = 8) -> str:
        """Return an id that no thing has."""
        while True:
            count = self._made[kind.prefix] = self._made.get(kind.prefix, 0) + 1
            found = make_id(kind.prefix, "made", count, length=length)
            if found not in self._things:
                return found

    def add(self, thing: T, cause: int, by: str = "") -> T:
        """Keep a new thing; its instants are now."""
        if thing.id in self._things:
            raise InvariantError("cloud.id-twice", f"There are two resources {thing.id}", "report this run")
        thing.create_ms = thing.status_ms = self._kernel.now
        self._things[thing.id] = thing
        self._by_type.setdefault(type(thing), {})[thing.id] = thing
        seq = self._kernel.trace.add(
            "resource.created", thing.id, cause, what=thing.kind, label=thing.label, by=by, status=thing.status
        )
        self.count(thing, seq)
        return thing

    def place(self, thing: T, cause: int = 0) -> T:
        """Keep a thing that has stood since before the run; nothing is recorded but what it counts as."""
        if thing.id in self._things:
            raise InvariantError("cloud.id-twice", f"There are two resources {thing.id}", "report this run")
        self._things[thing.id] = thing
        self._by_type.setdefault(type(thing), {})[thing.id] = thing
        self.count(thing, cause)
        return thing

    def has(self, resource_id: str) -> bool:
        """Whether there is a thing of that id, whatever its kind, or ever was."""
        return resource_id in self._things

    def find(self, kind: type[T], resource_id: str) -> T | None:
        """Return the thing of that kind and id; None when there is none."""
        return cast("T | None", self._by_type.get(kind, {}).get(resource_id))

    def get(self, kind: type[T], resource_id: str) -> T:
        """Return the thing of that kind and id.

        Raises:
            CloudRefusal: 2100.
        """
        found = self.find(kind, resource_id)
        if found is None:
            raise not_found(kind.kind, resource_id)
        return found

    def by_id(self, resource_id: str) -> Thing | None:
        """Return the thing of an id, whatever it is; None when there is none."""
        return self._things.get(resource_id)

    def all(self, kind: type[T]) -> list[T]:
        """List the things of a kind, in the order of their making."""
        return cast("list[T]", list(self._by_type.get(kind, {}).values()))

    def everything(self) -> list[Thing]:
        """List all things."""
        return list(self._things.values())

    def change(self, thing: Thing, cause: int, **fields: object) -> int:
        """Set fields of a thing and record what differs; return the record, or `cause` when nothing does."""
        differs = {name: value for name, value in fields.items() if getattr(thing, name) != value}
        for name, value in differs.items():
            setattr(thing, name, value)
        if not differs:
            return self.count(thing, cause)
        if "status" in differs:
            thing.status_ms = self._kernel.now
        shown = {name: _plain(value) for name, value in differs.items()}
        seq = self._kernel.trace.add("resource.changed", thing.id, cause, what=thing.kind, fields=cast("Json", shown))
        return self.count(thing, seq)

    def count(self, thing: Thing, seq: int) -> int:
        """Look what a thing counts as now; tell the watchers when that is something else than before. Return `seq`."""
        before, after = self._charged.get(thing.id), thing.charged()
        if before != after:
            if after is None:
                del self._charged[thing.id]
            else:
                self._charged[thing.id] = after
            for watch in self.watchers:
                watch(thing, before, after, seq)
        return seq

    def counted(self) -> dict[str, Resource]:
        """Ask every thing again what it counts as; return what counts, by id."""
        found = {thing.id: thing.charged() for thing in self._things.values()}
        return {name: resource for name, resource in found.items() if resource is not None}

    def state(self) -> Mapping[str, Json]:
        """Return everything that is true of all things, without instants: equal states are equal worlds."""
        return {thing.id: cast("Json", _facts(thing)) for thing in self._things.values()}


def _facts(thing: Thing) -> dict[str, Json]:
    return {
        name: value
        for name, value in cast("dict[str, Json]", _plain(thing)).items()
        if not name.endswith("_ms") and value not in ("", [], {}, None)
    }


def _plain(value: object) -> Json:
    """Return a value as JSON data."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(part) for name, part in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in cast("list[object]", value)]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)

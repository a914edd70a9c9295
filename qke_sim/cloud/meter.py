"""The meter: what stands and is charged, written into the trace, so that an invoice can be made of a run.

It is told of every change of what a thing counts as, so nothing is metered by ticking. At the start one record for each
owner says everything that stands (`resources.stand`); later records say one thing each: what it is charged as from that
instant on (`resource.stands`), or that it is charged no more (`resource.gone`). An owner is a cluster, or the account
itself for what is the user's own. A cluster under a contract has its term on its records. Of several clusters of one
name, one after the other, each is an owner of its own: `shop`, `shop (2)`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import cast

from pydantic import TypeAdapter

from qke_core.billing import Life, default_prices
from qke_core.effects import Json
from qke_core.errors import InputError
from qke_core.models import ON_DEMAND, Billing
from qke_core.resources import Resource
from qke_sim.cloud.cluster import Cluster
from qke_sim.cloud.ledger import Lives, Tally
from qke_sim.cloud.store import Thing
from qke_sim.kernel import Kernel
from qke_sim.trace import TraceRecord

KIND, STANDS, GONE = KINDS = "resources.stand", "resource.stands", "resource.gone"
ACCOUNT = "(account)"
"""The owner of what is the user's own; no cluster can be called so."""

_RESOURCE, _RESOURCES = TypeAdapter(Resource), TypeAdapter(tuple[Resource, ...])
_DEFAULTS = {found.name: found.default for found in fields(Resource)}


class Meter:
    """Watches the store: what everything costs, by owner."""

    def __init__(self, kernel: Kernel, zone: str) -> None:
        """Begin with nothing; the example price book is what running totals are counted with."""
        self._kernel = kernel
        self._zone = zone
        self._billing: dict[str, Billing] = {}
        self._owners: dict[str, Tally] = {}
        self._owner_of: dict[str, str] = {}
        self._name_of: dict[str, str] = {}
        self._called: Counter[str] = Counter()
        self._begun = False

    def watch(self, thing: Thing, before: Resource | None, after: Resource | None, seq: int) -> None:
        """Follow a change of a thing; once the run has begun, record it.

        What a cluster leaves behind goes on being charged to its name: so a bill shows what nobody removed.
        """
        owner = self._owner_of.get(thing.id)
        if owner is None:
            owner = self._owner_of[thing.id] = self._whose(thing)
        if isinstance(thing, Cluster):
            self._billing[owner] = thing.billing
        self._tally(owner).stand(thing.id, after, self._kernel.now)
        if self._begun:
            self._record(owner, thing.id, before, after, seq)

    def begin(self, cause: int) -> None:
        """Record what stands at the start, and from now on every change."""
        self._begun = True
        for owner, tally in self._owners.items():
            standing = {name: found for name, found in tally.fresh.items() if found is not None}
            resources: list[Json] = [_plain(found) for found in standing.values()]
            about = {"count": len(standing), "resources": resources, "things": cast("Json", list(standing))}
            self._kernel.trace.add(KIND, owner, cause, **self._terms(owner), **about)

    def charged_so_far(self, now: int) -> Mapping[str, Decimal]:
        """Return CNY by owner from the start up to `now`, in ten-thousandths: what an invoice of it would come to."""
        return {owner: tally.until(now) for owner, tally in self._owners.items()}

    def charged_by_name(self, now: int) -> Mapping[str, Decimal]:
        """Return the same, of clusters that were called the same, one after the other, together."""
        sums: dict[str, Decimal] = {}
        for owner, amount in self.charged_so_far(now).items():
            name = self._name_of.get(owner, owner)
            sums[name] = sums.get(name, Decimal(0)) + amount
        return sums

    def _whose(self, thing: Thing) -> str:
        """Return who owns a thing that was not seen before: of several clusters of its owner's name, the newest."""
        name = thing.owner
        if not name:
            return ACCOUNT
        if isinstance(thing, Cluster):
            self._called[name] += 1
        count = self._called[name]
        owner = name if count <= 1 else f"{name} ({count})"
        self._name_of[owner] = name
        return owner

    def _tally(self, owner: str) -> Tally:
        if owner not in self._owners:
            billing = self._billing.get(owner, ON_DEMAND)
            self._owners[owner] = Tally(self._zone, billing, prices=default_prices(), fresh_ms=self._kernel.now)
        return self._owners[owner]

    def _record(self, owner: str, name: str, was: Resource | None, now: Resource | None, seq: int) -> None:
        if now is not None:
            facts = {**self._terms(owner), "resource": _plain(now)}
            self._kernel.trace.add(STANDS, now.id, seq, owner=owner, thing=name, **facts)
        elif was is not None:
            self._kernel.trace.add(GONE, was.id, seq, owner=owner, thing=name)

    def _terms(self, owner: str) -> dict[str, Json]:
        term = self._owners[owner].billing.term
        return {"zone": self._zone} if term is None else {"zone": self._zone, "term": term}


def _plain(found: Resource) -> Mapping[str, Json]:
    """Return a resource as JSON data; figures that have their default are left out."""
    return {key: value for key, value in asdict(found).items() if value != _DEFAULTS.get(key, ...)}


@dataclass(frozen=True, slots=True)
class Metered:
    """What the trace of a run says of one owner: where it stood, how it is paid for, what stood how long."""

    zone: str
    billing: Billing
    lives: tuple[Life, ...]


class Reader:
    """Reads the meter's records, one after the other, in the order in which they were written."""

    def __init__(self) -> None:
        """Begin with none."""
        self._owners: dict[str, Lives] = {}

    def read(self, record: TraceRecord) -> None:
        """Take note of a record; those that are not the meter's say nothing.

        Raises:
            InputError: `run.trace-damaged` when it is not one of ours.
        """
        note = _NOTES.get(record.kind)
        if note is None:
            return
        try:
            note(self, record)
        except (KeyError, TypeError, ValueError) as exc:
            sentence = f"Record {record.seq} of the trace does not say what {record.subject} occupies"
            raise InputError("run.trace-damaged", sentence, "run the scenario again") from exc

    def close(self, ended_ms: int) -> dict[str, Metered]:
        """Return what stood how long, by owner, up to `ended_ms`."""
        return {name: Metered(found.zone, found.billing, found.until(ended_ms)) for name, found in self._owners.items()}

    def standing(self) -> dict[str, Mapping[str, Resource]]:
        """Return what stands by owner, by the name of each part, after all that was read."""
        return {owner: found.standing() for owner, found in self._owners.items()}

    def all(self, record: TraceRecord) -> None:
        """Everything that an owner has."""
        found = _RESOURCES.validate_python(record.data["resources"])
        names = record.data.get("things", [one.id for one in found])
        standing = dict(zip(cast("list[str]", names), found, strict=True))
        self._owner(record.subject, record).replace(standing, record.t)

    def one(self, record: TraceRecord) -> None:
        """One thing that an owner has."""
        found = _RESOURCE.validate_python(record.data["resource"])
        self._owner(str(record.data["owner"]), record).stand(str(record.data["thing"]), found, record.t)

    def gone(self, record: TraceRecord) -> None:
        """One thing that an owner had."""
        self._owners[str(record.data["owner"])].stand(str(record.data["thing"]), None, record.t)

    def _owner(self, name: str, record: TraceRecord) -> Lives:
        term = record.data.get("term")
        billing = ON_DEMAND if term is None else Billing.model_validate({"mode": "contract", "term": term})
        zone = str(record.data["zone"])
        return self._owners.setdefault(name, Lives(zone, billing, fresh_ms=record.t))


_NOTES: Mapping[str, Callable[[Reader, TraceRecord], None]] = {
    KIND: Reader.all,
    STANDS: Reader.one,
    GONE: Reader.gone,
}


def lives_of(records: Iterable[TraceRecord], ended_ms: int) -> dict[str, Metered]:
    """Return what stood how long, by owner, from the records of a run that ended at `ended_ms`.

    Of several records at one instant the last one counts: what stood for no time costs nothing.

    Raises:
        InputError: `run.trace-damaged` when a record is not one of ours.
    """
    reader = Reader()
    for record in records:
        reader.read(record)
    return reader.close(ended_ms)

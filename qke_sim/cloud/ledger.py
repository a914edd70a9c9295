"""Ledgers: from changes in order of time to lives, spans in which a resource did not change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from qke_core.billing import Life, PriceBook, fees, price_of
from qke_core.models import Billing
from qke_core.resources import Resource


@dataclass(slots=True)
class Ledger:
    """The resources of one owner, by the id of the thing that each is.

    What happens at one instant counts once time has gone on: so whatever is undone at the same instant cuts no life in
    two, and what stood for no time has no life.
    """

    zone: str
    billing: Billing
    since: dict[str, tuple[Resource, int]] = field(default_factory=dict[str, tuple[Resource, int]])
    fresh: dict[str, Resource | None] = field(default_factory=dict[str, Resource | None])
    fresh_ms: int = 0

    def stand(self, name: str, resource: Resource | None, t: int) -> None:
        """Take note that a thing counts as `resource` from `t` on; None: as nothing."""
        self.settle(t)
        self.fresh[name] = resource

    def replace(self, standing: Mapping[str, Resource], t: int) -> None:
        """Take note that exactly `standing` stands from `t` on."""
        self.settle(t)
        self.fresh = {**dict.fromkeys(self.since, None), **standing}

    def settle(self, t: int) -> None:
        """Time has come to `t`: what was noted before it has ended or begun."""
        if t <= self.fresh_ms:
            return
        fresh, at, self.fresh, self.fresh_ms = self.fresh, self.fresh_ms, {}, t
        for name, resource in fresh.items():
            was = self.since.get(name)
            if was is not None and was[0] != resource:
                del self.since[name]
                self.ended(was[0], was[1], at)
            if resource is not None and name not in self.since:
                self.since[name] = resource, at
                self.begun(resource, at)

    def standing(self) -> dict[str, Resource]:
        """Return what stands after all that was noted."""
        found = {name: resource for name, (resource, _) in self.since.items()} | self.fresh
        return {name: resource for name, resource in found.items() if resource is not None}

    def begun(self, resource: Resource, t: int) -> None:
        """A life begins."""

    def ended(self, resource: Resource, begin: int, end: int) -> None:
        """A life has ended."""


@dataclass(slots=True)
class Lives(Ledger):
    """Keeps every life that has ended."""

    over: list[Life] = field(default_factory=list[Life])

    def ended(self, resource: Resource, begin: int, end: int) -> None:
        """Keep it."""
        if begin < end:
            self.over.append(Life(resource, begin, end))

    def until(self, t: int) -> tuple[Life, ...]:
        """Return all lives, as if what stands ended at `t`; `t` is not before anything noted."""
        self.settle(t)
        going = [Life(resource, begin, t) for resource, begin in self.since.values() if begin < t]
        return (*self.over, *going)


@dataclass(slots=True, kw_only=True)
class Tally(Ledger):
    """Keeps a sum: what has ended is added up, what stands is counted by price and by the instant it began."""

    prices: PriceBook
    over: Decimal = Decimal(0)
    going: Counter[tuple[Decimal, int]] = field(default_factory=Counter[tuple[Decimal, int]])
    known: dict[Resource, Decimal] = field(default_factory=dict[Resource, Decimal])

    def begun(self, resource: Resource, t: int) -> None:
        """Count it among those that stand."""
        self.going[self._price(resource), t] += 1

    def ended(self, resource: Resource, begin: int, end: int) -> None:
        """Add up what it cost."""
        price = self._price(resource)
        self.going[price, begin] -= 1
        if not self.going[price, begin]:
            del self.going[price, begin]
        self.over += fees(price, begin, end)

    def until(self, t: int) -> Decimal:
        """Return CNY for everything up to `t`, in ten-thousandths."""
        self.settle(t)
        return self.over + sum((fees(price, begin, t) * n for (price, begin), n in self.going.items()), Decimal(0))

    def _price(self, resource: Resource) -> Decimal:
        found = self.known.get(resource)
        if found is None:
            found = self.known[resource] = price_of(resource, self.prices, self.zone, self.billing)
        return found

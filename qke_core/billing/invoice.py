"""An invoice: what recorded lives of resources cost, to the cent.

A life is a span in which a resource did not change. Its time is cut at every full hour since the record began, as the
charging does, and each piece is one charge: price x seconds / 3600, rounded half up to four decimals. So an invoice is
additive over resources, additive over time at hour boundaries, and does not depend on the order of lives.

Rule: docs/rules/billing.md; rounding as in charge records (yunify/qingcloud-docs, GetChargeRecords: four decimals).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from qke_core.billing.bill import BASE, FEE, cents, describe, discount, plain
from qke_core.billing.prices import PriceBook
from qke_core.effects.base import JsonObject
from qke_core.models.money import ON_DEMAND, Billing
from qke_core.resources import Origin, Resource
from qke_core.units import MS_PER_H


@dataclass(frozen=True, slots=True)
class Life:
    """A resource from `from_ms` up to `to_ms` since the record's start, unchanged."""

    resource: Resource
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge record: one resource, at most one hour, at `price` CNY per hour.

    `priced`: False where the book does not know the price, so that the fee is too low.
    """

    resource_id: str
    what: str
    origin: Origin
    from_ms: int
    to_ms: int
    price: Decimal
    fee: Decimal
    priced: bool = True

    def to_json(self) -> JsonObject:
        """Return the record as JSON data; money as text."""
        return {
            "resource": self.resource_id,
            "what": self.what,
            "origin": self.origin,
            "from_ms": self.from_ms,
            "to_ms": self.to_ms,
            "price_cny_per_hour": plain(self.price),
            "fee_cny": plain(self.fee),
            "priced": self.priced,
        }


@dataclass(frozen=True, slots=True)
class Invoice:
    """Charges in order of resource and time."""

    charges: tuple[Charge, ...]

    @property
    def exact(self) -> Decimal:
        """The sum of all fees, in ten-thousandths of a yuan."""
        return sum((charge.fee for charge in self.charges), Decimal("0.0000"))

    @property
    def total(self) -> Decimal:
        """The sum of all fees, to the cent, half up."""
        return cents(self.exact)


def invoice(lives: Iterable[Life], prices: PriceBook, zone: str, billing: Billing = ON_DEMAND) -> Invoice:
    """Charge every life.

    Args:
        lives: spans of resources; their order does not matter.
        prices: what things cost.
        zone: where they stood.
        billing: under a contract, what belongs to nodes is charged at its discount, for the time it stood.
    """
    found = [charge for life in lives for charge in _charges(life, prices, zone, billing)]
    return Invoice(tuple(sorted(found, key=lambda charge: (charge.resource_id, charge.from_ms, charge.to_ms))))


def price_of(resource: Resource, prices: PriceBook, zone: str, billing: Billing = ON_DEMAND) -> Decimal:
    """Return CNY per hour of a resource, all `count` of it, as it is charged: under a contract at its discount."""
    return _paid(describe(resource, prices, zone).unit, resource, prices, billing)


def fees(price: Decimal, from_ms: int, to_ms: int) -> Decimal:
    """Return the sum of a life's charges at a price per hour, without listing them."""
    first = min(to_ms, _next_hour(from_ms))
    last = max(first, to_ms // MS_PER_H * MS_PER_H)
    whole = _fee(price, MS_PER_H) * ((last - first) // MS_PER_H)
    return _fee(price, first - from_ms) + whole + _fee(price, to_ms - last)


def _charges(life: Life, prices: PriceBook, zone: str, billing: Billing) -> Iterator[Charge]:
    resource, begin = life.resource, life.from_ms
    found = describe(resource, prices, zone)
    price = _paid(found.unit, resource, prices, billing)
    while begin < life.to_ms:
        end = min(life.to_ms, _next_hour(begin))
        fee = _fee(price, end - begin)
        yield Charge(resource.id, found.what, resource.origin, begin, end, price, fee, found.priced)
        begin = end


def _paid(unit: Decimal, resource: Resource, prices: PriceBook, billing: Billing) -> Decimal:
    return unit * resource.count * (discount(prices, billing) if resource.origin in BASE else 1)


def _next_hour(t: int) -> int:
    return (t // MS_PER_H + 1) * MS_PER_H


def _fee(price: Decimal, ms: int) -> Decimal:
    return (price * ms / MS_PER_H).quantize(FEE, ROUND_HALF_UP)

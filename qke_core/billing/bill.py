"""A bill: what resources cost per hour and per period, line by line, the hidden extras apart.

Rule: docs/rules/billing.md; guide G-168 to G-173.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from qke_core.billing.prices import MONTH_HOURS, PriceBook
from qke_core.effects.base import JsonObject
from qke_core.models.money import Billing, Term
from qke_core.resources import Origin, Resource, ResourceKind

MIB_PER_GIB = 1024
CENT, FEE = Decimal("0.01"), Decimal("0.0001")

BASE: tuple[Origin, ...] = ("node",)
"""What the console's price preview shows (guide G-168): servers, their system disks and data disks."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `count` equal things at `unit` CNY per hour each.

    `extra`: the console's preview leaves it out. `priced`: False where the book does not know the price, so that the
    line, and every sum with it, is too low.
    """

    what: str
    origin: Origin
    count: int
    unit: Decimal
    extra: bool
    note: str
    priced: bool = True

    @property
    def per_hour(self) -> Decimal:
        """CNY per hour of all of them."""
        return self.unit * self.count

    def to_json(self) -> JsonObject:
        """Return the line as JSON data; money as text."""
        return {
            "what": self.what,
            "origin": self.origin,
            "count": self.count,
            "unit_cny_per_hour": plain(self.unit),
            "cny_per_hour": plain(self.per_hour),
            "extra": self.extra,
            "priced": self.priced,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Bill:
    """Lines of what stands; sums are exact."""

    lines: tuple[Line, ...]

    @property
    def base(self) -> Decimal:
        """CNY per hour of what the console's preview shows."""
        return sum((line.per_hour for line in self.lines if not line.extra), Decimal(0))

    @property
    def extras(self) -> Decimal:
        """CNY per hour of the rest."""
        return sum((line.per_hour for line in self.lines if line.extra), Decimal(0))

    @property
    def per_hour(self) -> Decimal:
        """CNY per hour of everything."""
        return self.base + self.extras

    @property
    def unpriced(self) -> int:
        """How many things have no price in the book: the sums lack them."""
        return sum(line.count for line in self.lines if not line.priced)

    def over(self, hours: int) -> Decimal:
        """CNY for so many hours, rounded to the cent, half up."""
        return cents(self.per_hour * hours)


def cents(amount: Decimal) -> Decimal:
    """Round CNY to the cent, half up (away from 0); what comes to nothing is 0.00, never -0.00."""
    return amount.quantize(CENT, ROUND_HALF_UP) + 0


def plain(amount: Decimal) -> str:
    """Write a decimal with every digit it has, without an exponent."""
    return f"{amount:f}"


def bill(resources: Iterable[Resource], prices: PriceBook, zone: str) -> Bill:
    """Put equal resources on one line each, in the order given.

    Args:
        resources: what stands.
        prices: what it costs.
        zone: zone of all of it, whose factor multiplies every price.
    """
    counts: dict[tuple[Origin, Priced], int] = {}
    for resource in resources:
        key = (resource.origin, describe(resource, prices, zone))
        counts[key] = counts.get(key, 0) + resource.count
    return Bill(
        tuple(
            Line(found.what, origin, count, found.unit, origin not in BASE, found.note, found.priced)
            for (origin, found), count in counts.items()
        )
    )


def hourly(resources: Iterable[Resource], prices: PriceBook, zone: str, billing: Billing) -> Decimal:
    """Return CNY per hour of all resources; under a contract, what is under it at its discount.

    Clusters' nodes go under a contract; what Kubernetes creates stays on demand (docs/rules/billing.md).
    """
    found = bill(resources, prices, zone)
    return found.base * discount(prices, billing) + found.extras


def discount(prices: PriceBook, billing: Billing) -> Decimal:
    """Return which part of the price is paid: 1 on demand, the term's discount under a contract.

    A term without a discount in the book has that of the next shorter one.
    """
    if billing.term is None:
        return Decimal(1)
    terms: list[Term] = list(TERM_MONTHS)
    shorter: list[Term] = [term for term in terms[: terms.index(billing.term) + 1] if term in prices.contract_discount]
    return prices.contract_discount[shorter[-1]] if shorter else Decimal(1)


TERM_MONTHS: Mapping[Term, int] = {"1m": 1, "3m": 3, "6m": 6, "1y": 12, "2y": 24, "3y": 36, "4y": 48, "5y": 60}


def contract_month(per_hour: Decimal, prices: PriceBook, billing: Billing) -> Decimal:
    """Return the price of a month: hour price x 720 x discount, rounded to the cent."""
    return cents(per_hour * MONTH_HOURS * discount(prices, billing))


@dataclass(frozen=True, slots=True)
class Priced:
    """What a resource is called on a bill, its price in CNY per hour, and a note where one is due."""

    what: str
    unit: Decimal
    note: str = ""
    priced: bool = True


Describe = Callable[[Resource, PriceBook], Priced]

NO_PRICE = "no price in the book"


def describe(resource: Resource, prices: PriceBook, zone: str) -> Priced:
    """Return what one of a resource costs in a zone."""
    found = _KINDS[resource.kind](resource, prices)
    return replace(found, unit=found.unit * prices.zone_factor.get(zone, Decimal(1)))


def _unknown(what: str, note: str = NO_PRICE) -> Priced:
    return Priced(what, Decimal(0), note, priced=False)


def _instance(found: Resource, prices: PriceBook) -> Priced:
    gib = Decimal(found.memory_mib) / MIB_PER_GIB
    what = f"instance, class {found.instance_class}, {found.cpu} vCPU, {gib.normalize():f} GiB"
    if found.gpu:
        what += f", {found.gpu} GPU"
    price = prices.instance.get(str(found.instance_class))
    if price is None:
        return _unknown(what)
    parts = price.vcpu_hour * found.cpu, price.memory_gib_hour * gib, prices.gpu_hour * found.gpu
    if found.running:
        return Priced(what, sum(parts, Decimal(0)))
    share = prices.stopped_share
    shares = share.vcpu, share.memory, share.gpu
    return Priced(what, sum((part * paid for part, paid in zip(parts, shares, strict=True)), Decimal(0)), "stopped")


def _system_disk(found: Resource, prices: PriceBook) -> Priced:
    return Priced(f"system disk, {found.size_gib} GiB", prices.system_disk_gib_hour * found.size_gib)


def _volume(found: Resource, prices: PriceBook) -> Priced:
    what = f"volume, type {found.volume_type}, {found.size_gib} GiB"
    price = prices.volume_gib_hour.get(str(found.volume_type))
    return _unknown(what) if price is None else Priced(what, price * found.size_gib)


def _loadbalancer(found: Resource, prices: PriceBook) -> Priced:
    what = f"load balancer, type {found.lb_type}"
    price = prices.loadbalancer_hour.get(str(found.lb_type))
    return _unknown(what) if price is None else Priced(what, price * found.lb_nodes / 2)


def _eip(found: Resource, prices: PriceBook) -> Priced:
    """An address pays a fee, and for its bandwidth tier by tier; by traffic, what flows comes on top and is unknown."""
    if not found.bandwidth_mbps:
        return _unknown(f"EIP {found.id}", "bandwidth not known: give --world with its eips")
    what = f"EIP {found.id}, {found.bandwidth_mbps} Mbps"
    if found.eip_billing == "traffic":
        return Priced(f"{what}, by traffic", prices.eip.address_hour, "traffic comes on top")
    total, below = prices.eip.address_hour, 0
    for tier in prices.eip.tiers:
        total += tier.mbps_hour * max(0, min(found.bandwidth_mbps, tier.up_to) - below)
        below = tier.up_to
    if found.bandwidth_mbps > below:
        return Priced(what, total, f"no price above {below} Mbps in the book", priced=False)
    return Priced(what, total)


def _router(found: Resource, prices: PriceBook) -> Priced:
    if not found.router_type:
        return _unknown(f"VPC of {found.id}" if found.id else "VPC", "size not known: give --world with its vpcs")
    what = f"VPC {found.id}, {found.router_type}"
    price = prices.router_hour.get(found.router_type)
    return _unknown(what) if price is None else Priced(what, price)


def _linked(found: Resource, _prices: PriceBook) -> Priced:
    return _unknown(f"linked service {found.id}", "a cluster of its own, with nodes not known here")


def _free(what: str, note: str) -> Describe:
    return lambda _found, _prices: Priced(what, Decimal(0), note)


_KINDS: Mapping[ResourceKind, Describe] = {
    "cluster": _free("QKE itself", "no fee is named"),
    "instance": _instance,
    "system_disk": _system_disk,
    "volume": _volume,
    "loadbalancer": _loadbalancer,
    "security_group": _free("security group (firewall)", "free, needs quota"),
    "eip": _eip,
    "router": _router,
    "snapshot": lambda found, _prices: _unknown(f"snapshot {found.id}"),
    "vxnet": _free("private network", "free, needs quota"),
    "keypair": _free("key pair", "free, needs quota"),
    "nic": _free("network interface", "free, needs quota"),
    "linked_service": _linked,
}

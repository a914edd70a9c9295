"""What the account may use in the zone: quotas, what its balance allows, and how many calls it may make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

from qke_core.billing import default_prices, price_of
from qke_core.catalog import operations
from qke_core.models import World
from qke_core.quota import limits, usage_of
from qke_core.resources import Resource
from qke_sim.cloud.call import BALANCE_SHORT, QUOTAS_EXCEEDED, CloudRefusal
from qke_sim.cloud.store import Thing
from qke_sim.kernel import Kernel

MS_PER_H = 3_600_000


class Allowance:
    """Quotas of one zone: limits from the World, use counted from what is alive. A type without a limit is free.

    `shortages` counts the troubles of money that are on: while there is one, nothing comes that costs more.
    """

    def __init__(self, world: World) -> None:
        """Begin with what the World says that others use."""
        given = world.quotas
        self.limits: dict[str, int] = {} if given is None else dict(limits(given))
        self.elsewhere: dict[str, int] = {} if given is None else {str(key): n for key, n in given.used.items()}
        self.used: Counter[str] = Counter(self.elsewhere)
        self.shortages = 0
        self._zone = world.zone

    def watch(self, thing: Thing, before: Resource | None, after: Resource | None, seq: int) -> None:
        """Follow a change of a thing."""
        _ = thing, seq
        if before is not None:
            self.used.subtract(usage_of([before]).amounts)
        if after is not None:
            self.used.update(usage_of([after]).amounts)

    def left(self, kind: str) -> int | None:
        """Return how much of a type is left; None when it has no limit."""
        return self.limits[kind] - self.used[kind] if kind in self.limits else None

    def require(self, resources: Iterable[Resource], instead_of: Iterable[Resource] = ()) -> None:
        """Refuse when `resources` do not fit beside everything else; `instead_of` goes when they come.

        Raises:
            CloudRefusal: 2500, naming the first type that runs short; 2400 when they cost more than the balance allows.
        """
        coming, going = list(resources), list(instead_of)
        more, less = usage_of(coming), usage_of(going)
        for kind in more.beyond(less):
            left, needs = self.left(kind), more.get(kind) - less.get(kind)
            if left is not None and needs > left:
                sentence = f"quota [{kind}] has [{max(left, 0)}] left of [{self.limits[kind]}], [{needs}] needed"
                raise CloudRefusal(QUOTAS_EXCEEDED, f"QuotasExceeded, {sentence}")

        if self.shortages and self._per_hour(coming) > self._per_hour(going):
            self.require_balance()

    def require_balance(self) -> None:
        """Refuse what costs money while there is none; quotas are looked at first (assumed).

        Raises:
            CloudRefusal: 2400. Its error word is assumed.
        """
        if self.shortages:
            raise CloudRefusal(BALANCE_SHORT, "BalanceNotEnough, the balance of the account is not enough")

    def _per_hour(self, resources: Iterable[Resource]) -> Decimal:
        """Return what resources cost per hour at the example price book: what is free there needs no balance."""
        prices = default_prices()
        return sum((price_of(found, prices, self._zone) for found in resources), Decimal(0))

    def state(self) -> Mapping[str, int]:
        """Return what is used, by type."""
        return {kind: amount for kind, amount in sorted(self.used.items()) if amount}


class CallRate:
    """How many calls the account makes: 2000 an hour, counted from one full hour to the next (assumed)."""

    def __init__(self, kernel: Kernel) -> None:
        """Begin with none."""
        self._kernel = kernel
        self._hour = -1
        self._count = 0

    def admit(self) -> bool:
        """Count a call; return whether it is within the rate."""
        hour = self._kernel.now // MS_PER_H
        if hour != self._hour:
            self._hour, self._count = hour, 0
        self._count += 1
        return self._count <= operations().constants["api_calls_per_hour"]

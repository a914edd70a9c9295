"""Bill = price book x recorded lifetimes, to the last of its four decimals; and what is recorded is what stands.

The meter adds up as it goes. Here its own records are read as an invoice would read them, and the lives found there are
priced from the book.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from qke_core.billing import default_prices, fees, price_of
from qke_sim.checkers.finding import Finding
from qke_sim.cloud import Metered, Reader
from qke_sim.twin import Twin


def check(twin: Twin, reader: Reader) -> Iterator[Finding]:
    """Yield every owner whose running total is not what its recorded lives come to; `reader` has read all records."""
    now = twin.kernel.now
    billed, recorded = twin.meter.charged_so_far(now), reader.close(now)
    for owner in sorted({*billed, *recorded}):
        due = total(recorded[owner]) if owner in recorded else Decimal(0)
        if billed.get(owner, Decimal(0)) != due:
            sentence = f"{owner} is charged {billed.get(owner, 0)} CNY, its recorded lives cost {due}"
            yield Finding("check.bill", owner, sentence)
    standing = {name: found for metered in reader.standing().values() for name, found in metered.items()}
    alive = twin.cloud.store.counted()
    for name in sorted({*standing, *alive}):
        if standing.get(name) != alive.get(name):
            sentence = f"{name} is recorded as {standing.get(name)}, it stands as {alive.get(name)}"
            yield Finding("check.bill", name, sentence)


def total(metered: Metered) -> Decimal:
    """Return what lives cost by the price book."""
    prices = default_prices()
    found = (
        fees(price_of(life.resource, prices, metered.zone, metered.billing), life.from_ms, life.to_ms)
        for life in metered.lives
    )
    return sum(found, Decimal(0))

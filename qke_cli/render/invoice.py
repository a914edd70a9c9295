"""Invoices of recorded runs: what each resource was charged, and the sum to the cent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich.text import Text

from qke_cli.render.cost import at_the_right
from qke_cli.screen import Screen
from qke_core.billing import Charge, Invoice, PriceBook, cents, plain
from qke_core.billing.bill import BASE
from qke_core.models import Billing
from qke_core.units import MS_PER_H, render_duration


@dataclass(frozen=True, slots=True)
class Invoiced:
    """The invoice of one cluster of a run."""

    name: str
    zone: str
    billing: Billing
    invoice: Invoice

    @property
    def unpriced(self) -> int:
        """How many resources have no price in the book."""
        return len({charge.resource_id for charge in self.invoice.charges if not charge.priced})


def render_invoices(screen: Screen, run: str, ended_ms: int, found: Sequence[Invoiced], prices: PriceBook) -> None:
    """Show for each cluster what its resources came to, alike ones together."""
    screen.say(Text(f"Invoice of {run}: {render_duration(ended_ms)} of virtual time, in CNY", style="bold"), "")
    for each in found:
        mode = "" if each.billing.term is None else f", nodes under a contract for {each.billing.term}"
        screen.say(Text(f"{each.name}, zone {each.zone}{mode}", style="cyan"))
        for what, row in _together(each.invoice).items():
            count = f"{len(row.resources)} x " if len(row.resources) > 1 else ""
            fee = plain(row.fee) if row.priced else "?"
            at_the_right(screen, f"  {count}{what}", f"{cents(row.hours):>10} h {fee:>10}")
        at_the_right(screen, "  total", f"{each.invoice.total:>10}", "bold")
        screen.say("")
    if len(found) > 1:
        at_the_right(screen, "Together", f"{_sum(found):>10}", "bold")
        screen.say("")
    unpriced = sum(each.unpriced for each in found)
    if unpriced:
        screen.say(Text(f"Without a price: {unpriced}; the sums are too low.", style="yellow"))
    screen.say(Text(f"Prices: {prices.label}", style="dim"))
    screen.say(Text("Not metered: linked services, traffic.", style="dim"))


@dataclass(slots=True)
class _Row:
    """Charges of one sort: for which resources, for how many hours of all of them, and the fees."""

    resources: set[str]
    hours: Decimal
    fee: Decimal
    priced: bool


def _together(found: Invoice) -> dict[str, _Row]:
    """Sum charges by what was charged; nodes first, as bills have it."""
    rows: dict[str, _Row] = {}
    for charge in sorted(found.charges, key=lambda charge: charge.origin not in BASE):
        row = rows.setdefault(_title(charge), _Row(set(), Decimal(0), Decimal("0.0000"), charge.priced))
        row.resources.add(charge.resource_id)
        row.hours += Decimal(charge.to_ms - charge.from_ms) / MS_PER_H
        row.fee += charge.fee
    return rows


def _title(charge: Charge) -> str:
    return charge.what if charge.origin in BASE else f"{charge.what} ({charge.origin})"


def _sum(found: Sequence[Invoiced]) -> Decimal:
    """Add up totals: each cluster is charged to the cent, and the sum is that of what is shown."""
    return sum((each.invoice.total for each in found), Decimal("0.00"))


def invoices_json(run: str, ended_ms: int, found: Sequence[Invoiced], prices: PriceBook) -> dict[str, object]:
    """Return invoices as JSON data, every charge included; money as text."""
    return {
        "apiVersion": "qke/v1",
        "kind": "Invoice",
        "run": run,
        "ended_ms": ended_ms,
        "price_book": prices.label,
        "total_cny": plain(_sum(found)),
        "clusters": [
            {
                "name": each.name,
                "zone": each.zone,
                "billing": {"mode": each.billing.mode, "term": each.billing.term},
                "total_cny": plain(each.invoice.total),
                "unpriced": each.unpriced,
                "charges": [charge.to_json() for charge in each.invoice.charges],
            }
            for each in found
        ],
    }

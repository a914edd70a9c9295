"""Invoices of recorded runs: what each resource was charged, and the sum to the cent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from rich.text import Text

from qke_cli.screen import Screen
from qke_core.billing import Invoice, PriceBook
from qke_core.billing.bill import CENT
from qke_core.units import MS_PER_H, render_duration

Invoices = Mapping[str, tuple[str, Invoice]]


def render_invoices(screen: Screen, run: str, ended_ms: int, invoices: Invoices, prices: PriceBook) -> None:
    """Show for each cluster what its resources came to, alike ones together."""
    screen.say(Text(f"Invoice of {run}: {render_duration(ended_ms)} of virtual time, in CNY", style="bold"), "")
    for name, (zone, found) in invoices.items():
        screen.say(Text(f"{name}, zone {zone}", style="cyan"))
        for what, (count, hours, fee) in _together(found).items():
            amount = f"{hours:>10.2f} h {fee:>10.4f}"
            room = screen.width - len(amount) - 2
            text = f"  {count} x {what}" if count > 1 else f"  {what}"
            screen.say(f"{text[:room]:<{room}}  {amount}")
        screen.say(Text(f"{'  total':<{screen.width - 12}}{found.total:>12}", style="bold"), "")
    if len(invoices) > 1:
        total = _sum(invoices)
        screen.say(Text(f"{'Together':<{screen.width - 12}}{total:>12}", style="bold"), "")
    screen.say(Text(f"Prices: {prices.label}", style="dim"))


def _together(found: Invoice) -> dict[str, tuple[int, Decimal, Decimal]]:
    """Sum charges by what was charged: how many resources, hours of all of them, fees."""
    names: dict[str, set[str]] = {}
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for charge in found.charges:
        hours, fee = sums.get(charge.what, (Decimal(0), Decimal(0)))
        sums[charge.what] = hours + Decimal(charge.to_ms - charge.from_ms) / MS_PER_H, fee + charge.fee
        names.setdefault(charge.what, set()).add(charge.resource_id)
    return {what: (len(names[what]), *pair) for what, pair in sums.items()}


def _sum(invoices: Invoices) -> Decimal:
    return sum((found.exact for _, found in invoices.values()), Decimal(0)).quantize(CENT, ROUND_HALF_UP)


def invoices_json(run: str, ended_ms: int, invoices: Invoices, prices: PriceBook) -> dict[str, object]:
    """Return invoices as JSON data, every charge included; money as text."""
    return {
        "apiVersion": "qke/v1",
        "kind": "Invoice",
        "run": run,
        "ended_ms": ended_ms,
        "price_book": prices.label,
        "total_cny": str(_sum(invoices)),
        "clusters": [
            {
                "name": name,
                "zone": zone,
                "total_cny": str(found.total),
                "charges": [charge.to_json() for charge in found.charges],
            }
            for name, (zone, found) in invoices.items()
        ],
    }

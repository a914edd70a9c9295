"""Bills as people read them: what the console's preview shows, then what it leaves out, then contracts."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from rich.text import Text

from qke_cli.screen import Screen
from qke_core.billing import Bill, Line, PriceBook, contract_month
from qke_core.billing.bill import TERM_MONTHS
from qke_core.billing.prices import MONTH_HOURS
from qke_core.models import Billing, ClusterState

EXTRAS = "What the console's price preview leaves out (guide G-168 to G-173)"


def render_bill(screen: Screen, state: ClusterState, bill: Bill, prices: PriceBook, hours: int) -> None:
    """Show a bill: base, extras, total, and the price under contracts."""
    screen.say(Text(f"{state.name}, QKE {state.version}, zone {state.zone}: CNY for {hours} hours", style="bold"), "")
    for title, lines, total in (
        ("Nodes, as the console's price preview shows them", [x for x in bill.lines if not x.extra], bill.base),
        (EXTRAS, [x for x in bill.lines if x.extra], bill.extras),
    ):
        screen.say(Text(title, style="cyan"))
        for line in lines:
            _row(screen, _what(line), line.per_hour, hours)
        _row(screen, "subtotal", total, hours, "bold")
        screen.say("")
    _row(screen, "Total on demand", bill.per_hour, hours, "bold")
    screen.say("")
    screen.say(Text(f"Nodes under a contract, per month of {MONTH_HOURS} hours; extras stay on demand", style="cyan"))
    on_demand = bill.base * MONTH_HOURS
    for term in TERM_MONTHS:
        if term in prices.contract_discount:
            month = contract_month(bill.base, prices, Billing(mode="contract", term=term))
            saved = f"saves {on_demand - month:.2f}"
            screen.say(f"  {term:<4}{month:>12.2f}   {saved}")
    screen.say("", Text(f"Prices: {prices.label}", style="dim"))
    screen.say(Text("Not counted: linked etcd and ELK clusters, EIPs and the VPC, and what users create.", style="dim"))


def _what(line: Line) -> str:
    count = f"{line.count} x " if line.count > 1 else ""
    note = f" ({line.note})" if line.note else ""
    return f"{count}{line.what}{note}"


def _row(screen: Screen, what: str, per_hour: Decimal, hours: int, style: str = "") -> None:
    figures = f"{per_hour:>10.4f} /h {per_hour * hours:>12.2f}"
    room = screen.width - len(figures) - 2
    text = Text(f"  {what}", style=style)
    if text.cell_len > room:
        screen.hang("  ", Text(what, style=style))
        text = Text("")
    screen.say(Text.assemble(text, " " * (room - text.cell_len + 2), (figures, style)))


def bill_json(state: ClusterState, bill: Bill, prices: PriceBook, hours: int) -> dict[str, object]:
    """Return a bill as JSON data; money as text."""
    return {
        "apiVersion": "qke/v1",
        "kind": "Bill",
        "cluster": state.name,
        "zone": state.zone,
        "hours": hours,
        "price_book": prices.label,
        "lines": [{**line.to_json(), "cny": str(line.per_hour * hours)} for line in bill.lines],
        "base_cny_per_hour": str(bill.base),
        "extras_cny_per_hour": str(bill.extras),
        "total_cny_per_hour": str(bill.per_hour),
        "total_cny": str(bill.over(hours)),
        "contract_month_cny": {
            term: str(contract_month(bill.base, prices, Billing(mode="contract", term=term)))
            for term in TERM_MONTHS
            if term in prices.contract_discount
        },
    }


def render_diff(
    screen: Screen, names: tuple[str, str], bills: tuple[Bill, Bill], prices: PriceBook, hours: int
) -> None:
    """Show the lines that differ, and by how much the total does."""
    screen.say(Text(f"From {names[0]} to {names[1]}: CNY for {hours} hours", style="bold"), "")
    before, after = (_by_what(bill.lines) for bill in bills)
    for what in _differing(before, after):
        old, new = before.get(what), after.get(what)
        if old is not None:
            _signed(screen, "-", _what(old), -old.per_hour, hours, "red")
        if new is not None:
            _signed(screen, "+", _what(new), new.per_hour, hours, "green")
    change = bills[1].per_hour - bills[0].per_hour
    if before == after:
        screen.say("No line differs.")
    screen.say("")
    _row(screen, "Total before", bills[0].per_hour, hours)
    _row(screen, "Total after", bills[1].per_hour, hours)
    _row(screen, "Difference", change, hours, "bold")
    screen.say("", Text(f"Prices: {prices.label}", style="dim"))


def _signed(screen: Screen, sign: str, what: str, per_hour: Decimal, hours: int, style: str) -> None:
    _row(screen, f"{sign} {what}", per_hour, hours, style)


def _by_what(lines: Iterable[Line]) -> dict[tuple[str, str], Line]:
    return {(line.origin, line.what): line for line in lines}


def _differing(before: dict[tuple[str, str], Line], after: dict[tuple[str, str], Line]) -> list[tuple[str, str]]:
    keys = dict.fromkeys((*before, *after))
    return [key for key in keys if before.get(key) != after.get(key)]


def diff_json(names: tuple[str, str], bills: tuple[Bill, Bill], prices: PriceBook, hours: int) -> dict[str, object]:
    """Return the difference of two bills as JSON data; money as text."""
    before, after = (_by_what(bill.lines) for bill in bills)
    return {
        "apiVersion": "qke/v1",
        "kind": "BillDifference",
        "from": names[0],
        "to": names[1],
        "hours": hours,
        "price_book": prices.label,
        "removed": [before[key].to_json() for key in _differing(before, after) if key in before],
        "added": [after[key].to_json() for key in _differing(before, after) if key in after],
        "change_cny_per_hour": str(bills[1].per_hour - bills[0].per_hour),
        "change_cny": str(bills[1].over(hours) - bills[0].over(hours)),
    }

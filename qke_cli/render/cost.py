"""Bills as people read them: what the console's preview shows, what it leaves out, contracts, what stands beside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from rich.text import Text

from qke_cli.screen import Screen
from qke_core.billing import Bill, Line, PriceBook, cents, contract_month, plain
from qke_core.billing.bill import TERM_MONTHS
from qke_core.billing.prices import MONTH_HOURS
from qke_core.models import Billing, ClusterState
from qke_core.models.money import Term

PREVIEW = "Nodes, as the console's price preview shows them"
EXTRAS = "What the console's price preview leaves out (guide G-168 to G-173)"
BESIDE = "Beside the cluster, charged apart; a VPC may serve several clusters"


@dataclass(frozen=True, slots=True)
class Costs:
    """A cluster and its prices: its own bill, and one of what stands beside it (addresses, VPC, linked services)."""

    state: ClusterState
    own: Bill
    beside: Bill

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every line of both bills."""
        return (*self.own.lines, *self.beside.lines)

    @property
    def per_hour(self) -> Decimal:
        """CNY per hour of both bills."""
        return self.own.per_hour + self.beside.per_hour

    @property
    def unpriced(self) -> int:
        """How many things have no price."""
        return self.own.unpriced + self.beside.unpriced


def render_bill(screen: Screen, costs: Costs, prices: PriceBook, hours: int) -> None:
    """Show a bill: base, extras, total, what stands beside, and the price under contracts."""
    state, own = costs.state, costs.own
    screen.say(Text(f"{state.name}, QKE {state.version}, zone {state.zone}: CNY for {hours} hours", style="bold"), "")
    _section(screen, PREVIEW, (line for line in own.lines if not line.extra), own.base, hours)
    _section(screen, EXTRAS, (line for line in own.lines if line.extra), own.extras, hours)
    _row(screen, "  Total on demand", own.per_hour, hours, "bold")
    screen.say("")
    _contracts(screen, costs, prices)
    if costs.beside.lines:
        _section(screen, BESIDE, costs.beside.lines, costs.beside.per_hour, hours)
        _row(screen, "  Together, on demand", costs.per_hour, hours, "bold")
        screen.say("")
    _foot(screen, costs.unpriced, prices)
    screen.say(Text("Not counted: traffic, and what users create later (guide G-173).", style="dim"))


def _section(screen: Screen, title: str, lines: Iterable[Line], total: Decimal, hours: int) -> None:
    screen.say(Text(title, style="cyan"))
    for line in lines:
        _row(screen, f"  {_what(line)}", line.per_hour, hours, priced=line.priced)
    _row(screen, "  subtotal", total, hours, "bold")
    screen.say("")


def _contracts(screen: Screen, costs: Costs, prices: PriceBook) -> None:
    on_demand = cents(costs.own.base * MONTH_HOURS)
    title = f"Nodes under a contract, per month of {MONTH_HOURS} hours; extras stay on demand"
    screen.say(Text(title, style="cyan"))
    for term, month in _months(costs.own, prices):
        mark = f"   {screen.marks.arrow} as wished" if term == costs.state.billing.term else ""
        screen.say(f"  {term:<4}{month:>12}   saves {on_demand - month:>10}{mark}")
    screen.say("")


def _months(bill: Bill, prices: PriceBook) -> Iterator[tuple[Term, Decimal]]:
    """Yield what a month of the nodes costs under each contract that the book has."""
    for term in TERM_MONTHS:
        if term in prices.contract_discount:
            yield term, contract_month(bill.base, prices, Billing(mode="contract", term=term))


def _foot(screen: Screen, unpriced: int, prices: PriceBook) -> None:
    if unpriced:
        things = "1 thing has no price" if unpriced == 1 else f"{unpriced} things have no price"
        screen.say(Text(f"{things} here: the sums are too low.", style="yellow"))
    screen.say(Text(f"Prices: {prices.label}", style="dim"))


def _what(line: Line) -> str:
    count = f"{line.count} x " if line.count > 1 else ""
    note = f" ({line.note})" if line.note else ""
    return f"{count}{line.what}{note}"


def _row(screen: Screen, what: str, per_hour: Decimal, hours: int, style: str = "", *, priced: bool = True) -> None:
    """Write a line with what it costs per hour and for the period.

    Money of the period is rounded half up like all money; what has no price at all shows a question mark.
    """
    period = cents(per_hour * hours)
    figures = f"{_four(per_hour):>10} /h {period:>12}" if priced or per_hour else f"{'?':>10} /h {'?':>12}"
    at_the_right(screen, what, figures, style)


def at_the_right(screen: Screen, what: str, figures: str, style: str = "") -> None:
    """Write a line with figures at the right edge; one that is too long for that stands above them."""
    room = screen.width - len(figures) - 2
    text = Text(what, style=style)
    if text.cell_len > room:
        indent = len(what) - len(what.lstrip())
        screen.hang(" " * indent, Text(what.lstrip(), style=style))
        text = Text("")
    screen.say(Text.assemble(text, " " * (room - text.cell_len + 2), (figures, style)))


def _four(amount: Decimal) -> str:
    """Return a price with at least four decimals, more where it has more."""
    text = plain(amount.normalize())
    return text if len(text.partition(".")[2]) > PLACES else f"{amount:.{PLACES}f}"


PLACES = 4


def bill_json(costs: Costs, prices: PriceBook, hours: int) -> dict[str, object]:
    """Return a bill as JSON data; money as text. The total is the cluster's own; `together` has what stands beside."""
    state, own = costs.state, costs.own
    return {
        "apiVersion": "qke/v1",
        "kind": "Bill",
        "cluster": state.name,
        "zone": state.zone,
        "hours": hours,
        "price_book": prices.label,
        "lines": [_line_json(line, hours) for line in own.lines],
        "base_cny_per_hour": plain(own.base),
        "extras_cny_per_hour": plain(own.extras),
        "total_cny_per_hour": plain(own.per_hour),
        "total_cny": plain(own.over(hours)),
        "contract_month_cny": {term: plain(month) for term, month in _months(own, prices)},
        "beside": [_line_json(line, hours) for line in costs.beside.lines],
        "together_cny_per_hour": plain(costs.per_hour),
        "together_cny": plain(cents(costs.per_hour * hours)),
        "unpriced": costs.unpriced,
    }


def _line_json(line: Line, hours: int) -> dict[str, object]:
    return {**line.to_json(), "cny": plain(line.per_hour * hours)}


Key: TypeAlias = tuple[str, str, Decimal, str]


def render_diff(
    screen: Screen, names: tuple[str, str], costs: tuple[Costs, Costs], prices: PriceBook, hours: int
) -> None:
    """Show the lines that differ, and by how much the total does."""
    screen.say(Text(f"From {names[0]} to {names[1]}: CNY for {hours} hours", style="bold"), "")
    before, after = (_by_key(found.lines) for found in costs)
    for key in _differing(before, after):
        old, new = before.get(key), after.get(key)
        if old is not None:
            _row(screen, f"- {_what(old)}", -old.per_hour, hours, "red", priced=old.priced)
        if new is not None:
            _row(screen, f"+ {_what(new)}", new.per_hour, hours, "green", priced=new.priced)
    if before == after:
        screen.say("No line differs.")
    screen.say("")
    _row(screen, "  Total before", costs[0].per_hour, hours)
    _row(screen, "  Total after", costs[1].per_hour, hours)
    change = cents(costs[1].per_hour * hours) - cents(costs[0].per_hour * hours)  # As the two lines above show them.
    figures = f"{_four(costs[1].per_hour - costs[0].per_hour):>10} /h {change:>12}"
    at_the_right(screen, "  Difference", figures, "bold")
    screen.say("")
    _foot(screen, max(found.unpriced for found in costs), prices)


def _by_key(lines: Iterable[Line]) -> dict[Key, Line]:
    """Return the lines by everything but their count; equal ones of two bills become one."""
    found: dict[Key, Line] = {}
    for line in lines:
        found[line.origin, line.what, line.unit, line.note] = line
    return found


def _differing(before: dict[Key, Line], after: dict[Key, Line]) -> list[Key]:
    keys = dict.fromkeys((*before, *after))
    return [key for key in keys if before.get(key) != after.get(key)]


def diff_json(names: tuple[str, str], costs: tuple[Costs, Costs], prices: PriceBook, hours: int) -> dict[str, object]:
    """Return the difference of two bills as JSON data; money as text."""
    before, after = (_by_key(found.lines) for found in costs)
    totals = [cents(found.per_hour * hours) for found in costs]
    return {
        "apiVersion": "qke/v1",
        "kind": "BillDifference",
        "from": names[0],
        "to": names[1],
        "hours": hours,
        "price_book": prices.label,
        "removed": [before[key].to_json() for key in _differing(before, after) if key in before],
        "added": [after[key].to_json() for key in _differing(before, after) if key in after],
        "before_cny": plain(totals[0]),
        "after_cny": plain(totals[1]),
        "change_cny_per_hour": plain(costs[1].per_hour - costs[0].per_hour),
        "change_cny": plain(totals[1] - totals[0]),
        "unpriced": [found.unpriced for found in costs],
    }

"""`qke cost`: what a cluster costs, line by line; what two differ by; what a recorded life came to."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from qke_adapters.run_store import read_text
from qke_cli.documents import load, load_cluster
from qke_cli.render.cost import bill_json, diff_json, render_bill, render_diff
from qke_cli.render.invoice import invoices_json, render_invoices
from qke_cli.screen import Screen
from qke_core.billing import Bill, PriceBook, bill, default_prices, invoice
from qke_core.errors import InputError
from qke_core.inventory import resources_of
from qke_core.models import ClusterDocument, ClusterState
from qke_sim.cloud import lives_of
from qke_sim.report.folder import read_trace


def load_prices(path: Path | None) -> PriceBook:
    """Read a price book; the example book when no file is given.

    Raises:
        InputError: every problem of the file.
    """
    return default_prices() if path is None else load(path, PriceBook).sound()


def show_cost(cluster: Path, *, hours: int, prices: Path | None, as_json: bool, plain: bool) -> int:
    """Show the bill of a wish."""
    book = load_prices(prices)
    wish = load_cluster(cluster).sound()
    found = bill_of(wish, book)
    screen = Screen(sys.stdout, plain=plain)
    if as_json:
        screen.data(bill_json(wish, found, book, hours))
    else:
        render_bill(screen, wish, found, book, hours)
    return 0


def show_difference(first: Path, second: Path, *, hours: int, prices: Path | None, as_json: bool, plain: bool) -> int:
    """Show what two wishes differ by."""
    book = load_prices(prices)
    a, b = load_cluster(first).sound(), load_cluster(second).sound()
    bills = bill_of(a, book), bill_of(b, book)
    screen = Screen(sys.stdout, plain=plain)
    if as_json:
        screen.data(diff_json(str(first), str(second), bills, book, hours))
    else:
        render_diff(screen, str(first), str(second), bills, book, hours)
    return 0


def show_invoice(run: Path, *, prices: Path | None, as_json: bool, plain: bool) -> int:
    """Show what the resources of a recorded run cost, from its first to its last instant."""
    book = load_prices(prices)
    records = read_trace(partial(read_text, run))
    ended_ms = max((record.t for record in records), default=0)
    invoices = {name: (zone, invoice(lives, book, zone)) for name, (zone, lives) in lives_of(records, ended_ms).items()}
    screen = Screen(sys.stdout, plain=plain)
    if as_json:
        screen.data(invoices_json(str(run), ended_ms, invoices, book))
    else:
        render_invoices(screen, str(run), ended_ms, invoices, book)
    return 0


def bill_of(wish: ClusterDocument, book: PriceBook) -> Bill:
    """Return the bill of a wish as if it were created so."""
    return bill(resources_of(ClusterState.of_wish(wish)), book, wish.zone)


def cost(
    cluster: Path | None,
    diff: tuple[Path, Path] | None,
    run: Path | None,
    *,
    hours: int,
    prices: Path | None,
    as_json: bool,
    plain: bool,
) -> int:
    """Show a bill, a difference or an invoice: exactly one of the three is asked for.

    Raises:
        InputError: `cost.what` when none or several are.
    """
    if sum(given is not None for given in (cluster, diff, run)) != 1:
        sentence = "Give exactly one of a Cluster file, --diff A B, and --run RUN"
        raise InputError("cost.what", sentence, "for example: qke cost cluster.yaml")
    if diff is not None:
        return show_difference(*diff, hours=hours, prices=prices, as_json=as_json, plain=plain)
    if run is not None:
        return show_invoice(run, prices=prices, as_json=as_json, plain=plain)
    return show_cost(Path() if cluster is None else cluster, hours=hours, prices=prices, as_json=as_json, plain=plain)

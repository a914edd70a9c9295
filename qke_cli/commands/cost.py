"""`qke cost`: what a cluster costs, line by line; what two differ by; what a recorded life came to."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qke_adapters.run_store import read_text
from qke_cli.documents import load, load_cluster, load_world
from qke_cli.render.cost import bill_json, diff_json, render_bill, render_diff
from qke_cli.render.invoice import invoices_json, render_invoices
from qke_cli.screen import Screen
from qke_core.billing import PriceBook, bill, default_prices, invoice
from qke_core.errors import InputError
from qke_core.goal import goal_of
from qke_core.inventory import resources_of
from qke_core.models import ClusterState
from qke_sim.cloud import lives_of
from qke_sim.report.folder import read_trace


def load_prices(path: Path | None) -> PriceBook:
    """Read a price book; the example book when no file is given.

    Raises:
        InputError: every problem of the file.
    """
    return default_prices() if path is None else load(path, PriceBook).sound()


@dataclass(frozen=True, slots=True)
class Options:
    """What to count with, and how to show it. With a world, what a wish does not write stays as it is there."""

    world: Path | None = None
    hours: int = 720
    prices: Path | None = None
    as_json: bool = False
    plain: bool = False


def cost(cluster: Path | None, diff: tuple[Path, Path] | None, run: Path | None, options: Options) -> int:
    """Show a bill, a difference or an invoice: exactly one of the three is asked for.

    Raises:
        InputError: `cost.what` when none or several are.
    """
    if sum(given is not None for given in (cluster, diff, run)) != 1:
        sentence = "Give exactly one of a Cluster file, --diff A B, and --run RUN"
        raise InputError("cost.what", sentence, "for example: qke cost cluster.yaml")
    if diff is not None:
        return _difference(*diff, options)
    return _invoice(run, options) if run is not None else _bill(Path() if cluster is None else cluster, options)


def _bill(cluster: Path, options: Options) -> int:
    book = load_prices(options.prices)
    state = _goal(cluster, options)
    found = bill(resources_of(state), book, state.zone)
    screen = Screen(sys.stdout, plain=options.plain)
    if options.as_json:
        screen.data(bill_json(state, found, book, options.hours))
    else:
        render_bill(screen, state, found, book, options.hours)
    return 0


def _difference(first: Path, second: Path, options: Options) -> int:
    book = load_prices(options.prices)
    states = _goal(first, options), _goal(second, options)
    bills = tuple(bill(resources_of(state), book, state.zone) for state in states)
    screen = Screen(sys.stdout, plain=options.plain)
    names = str(first), str(second)
    if options.as_json:
        screen.data(diff_json(names, (bills[0], bills[1]), book, options.hours))
    else:
        render_diff(screen, names, (bills[0], bills[1]), book, options.hours)
    return 0


def _goal(cluster: Path, options: Options) -> ClusterState:
    """Return the state a wish asks for: as it would be created, or as it would be made of what exists."""
    wish = load_cluster(cluster).sound()
    world = None if options.world is None else load_world(options.world).sound()
    present = None if world is None else world.cluster(wish.name)
    return goal_of(wish, None if world is None or present is None else ClusterState.of_world(present, world))


def _invoice(run: Path, options: Options) -> int:
    """Show what the resources of a recorded run cost, from its first to its last instant."""
    book = load_prices(options.prices)
    records = read_trace(partial(read_text, run))
    ended_ms = max((record.t for record in records), default=0)
    invoices = {name: (zone, invoice(lives, book, zone)) for name, (zone, lives) in lives_of(records, ended_ms).items()}
    screen = Screen(sys.stdout, plain=options.plain)
    if options.as_json:
        screen.data(invoices_json(str(run), ended_ms, invoices, book))
    else:
        render_invoices(screen, str(run), ended_ms, invoices, book)
    return 0

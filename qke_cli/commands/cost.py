"""`qke cost`: what a cluster costs, line by line; what two differ by; what a recorded life came to."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qke_adapters.run_store import read_text
from qke_cli.documents import load, load_cluster, load_world, require_one_reader
from qke_cli.render.cost import Costs, bill_json, diff_json, render_bill, render_diff
from qke_cli.render.invoice import Invoiced, invoices_json, render_invoices
from qke_cli.screen import Screen
from qke_core.billing import PriceBook, beside, bill, default_prices, invoice
from qke_core.errors import InputError
from qke_core.goal import goal_of
from qke_core.inventory import resources_of
from qke_core.models import ClusterState, World
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
        InputError: `cost.what` when none or several are; every problem of the files.
    """
    if sum(given is not None for given in (cluster, diff, run)) != 1:
        sentence = "Give exactly one of a Cluster file, --diff A B, and --run RUN"
        raise InputError("cost.what", sentence, "for example: qke cost cluster.yaml")
    require_one_reader(*(diff or (cluster,)), options.world, options.prices)
    if diff is not None:
        return diff_cost(*diff, options)
    return show_invoice(run, options) if run is not None else show_cost(Path() if cluster is None else cluster, options)


def show_cost(cluster: Path, options: Options) -> int:
    """Show what one cluster costs, with its hidden extras and under contracts."""
    book, world = load_prices(options.prices), _world(options)
    found = _costs(cluster, world, book)
    screen = Screen(sys.stdout, plain=options.plain)
    if options.as_json:
        screen.data(bill_json(found, book, options.hours))
    else:
        render_bill(screen, found, book, options.hours)
    return 0


def diff_cost(first: Path, second: Path, options: Options) -> int:
    """Show the lines that differ between two clusters, and by how much their totals do."""
    book, world = load_prices(options.prices), _world(options)
    found = _costs(first, world, book), _costs(second, world, book)
    names = str(first), str(second)
    screen = Screen(sys.stdout, plain=options.plain)
    if options.as_json:
        screen.data(diff_json(names, found, book, options.hours))
    else:
        render_diff(screen, names, found, book, options.hours)
    return 0


def show_invoice(run: Path, options: Options) -> int:
    """Show what the resources of a recorded run cost, from its first to its last instant.

    Raises:
        InputError: `run.unmetered` when its trace does not say what stood.
    """
    book = load_prices(options.prices)
    records = read_trace(partial(read_text, run))
    ended_ms = max((record.t for record in records), default=0)
    found = tuple(
        Invoiced(name, metered.zone, metered.billing, invoice(metered.lives, book, metered.zone, metered.billing))
        for name, metered in lives_of(records, ended_ms).items()
    )
    if not found:
        sentence = f"The trace of {str(run)!r} does not say what its clusters occupied"
        raise InputError("run.unmetered", sentence, "run the scenario again; its world must have a cluster")
    screen = Screen(sys.stdout, plain=options.plain)
    if options.as_json:
        screen.data(invoices_json(str(run), ended_ms, found, book))
    else:
        render_invoices(screen, str(run), ended_ms, found, book)
    return 0


def _world(options: Options) -> World | None:
    return None if options.world is None else load_world(options.world).sound()


def _costs(cluster: Path, world: World | None, book: PriceBook) -> Costs:
    """Price the state a wish asks for: as it would be created, or as it would be made of what exists."""
    wish = load_cluster(cluster).sound()
    present = None if world is None else world.cluster(wish.name)
    state = goal_of(wish, None if world is None or present is None else ClusterState.of_world(present, world))
    own, others = resources_of(state), beside(state, world)
    return Costs(state, bill(own, book, state.zone), bill(others, book, state.zone))

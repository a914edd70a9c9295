"""A quiet year of a large cluster: what it costs here, and what it would cost if every periodic check were an event.

    .venv/bin/python benchmarks/year.py [--write]

The cluster has 100 nodes (3 masters, 97 workers, 3.3.0, KubeSphere) and no faults. Its health checks, certificate and
prune timers work as in any run: a check that changes nothing is computed, not run. The naive year ticks: on the same
twin, each node has a SimPy process for its health check (every 60 s), one for its certificate timer and one for its
prune timer (each day), and every tick looks at what the twin looks at. It is measured over six hours and scaled to a
year, because nobody wants to wait for it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qke_core.effects import Json
from qke_core.models import World
from qke_core.units import MS_PER_H, MS_PER_S
from qke_sim.hosts.certificates import due
from qke_sim.hosts.prune import prunable
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel, Process
from qke_sim.platform.looks import check_of, failure
from qke_sim.twin import Twin

BASELINE = Path(__file__).with_name("year-baseline.json")
DAY_MS = 24 * MS_PER_H
YEAR_MS = 365 * DAY_MS
NAIVE_MS = 6 * MS_PER_H
CHECK_MS = 60 * MS_PER_S
MASTERS, WORKERS = 3, 97
SEED = 1


@dataclass(frozen=True, slots=True)
class Cost:
    """What a span of virtual time came to: seconds of wall time, SimPy events, trace records."""

    wall_s: float
    events: int
    records: int

    def scaled(self, factor: float) -> Cost:
        """Return the cost of a span so many times as long."""
        return Cost(self.wall_s * factor, round(self.events * factor), round(self.records * factor))


def main() -> None:
    """Measure, print, and with `--write` keep the ratios as the new baseline."""
    ours = year()
    naive = naive_span().scaled(YEAR_MS / NAIVE_MS)
    print(f"a fault-free year of {MASTERS} masters and {WORKERS} workers, 3.3.0 with KubeSphere, seed {SEED}\n")
    print(f"{'':<34}{'wall time':>12}{'events':>14}{'records':>10}")
    print(f"{'this twin':<34}{ours.wall_s:>10.2f} s{ours.events:>14,}{ours.records:>10,}")
    print(f"{'ticked naively, scaled from 6 h':<34}{naive.wall_s:>10.0f} s{naive.events:>14,}{naive.records:>10,}")
    figures = {
        "events of the year": ours.events,
        "naive year / this twin, events": round(naive.events / max(ours.events, 1)),
        "naive year / this twin, wall time": round(naive.wall_s / ours.wall_s),
    }
    baseline: dict[str, int] = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else {}
    print()
    for name, figure in figures.items():
        known = f"   baseline {baseline[name]:,}" if name in baseline else ""
        print(f"{figure:>14,}{known}   {name}")
    if "--write" in sys.argv[1:]:
        BASELINE.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def world() -> World:
    """Return the world with the one cluster."""
    roles: dict[str, Json] = {"master": {"count": MASTERS}, "node_perf": {"count": WORKERS}}
    cluster: dict[str, Json] = {"name": "shop", "version": "3.3.0", "roles": roles}
    return World.model_validate_json(json.dumps({"zone": "pek3", "clusters": [cluster]}))


def started() -> Twin:
    """Return the twin at the beginning of the year."""
    kernel = Kernel(SEED, "summary")
    root = kernel.trace.add("run.started", "year", None, scenario="year", seed=SEED)
    twin = Twin(kernel, world(), {})
    twin.start(root)
    return twin


def year() -> Cost:
    """Run the year."""
    return span(started(), YEAR_MS)


def naive_span() -> Cost:
    """Run a part of the year with a process for every timer of every node."""
    twin = started()
    for site in twin.sites.values():
        for process in ticking(site):
            twin.kernel.spawn(process)
    return span(twin, NAIVE_MS)


def span(twin: Twin, ms: int) -> Cost:
    """Let virtual time go on by `ms`: timers alone would keep no run going, so something waits for its end."""
    kernel = twin.kernel
    kernel.later(ms, lambda: None)
    records, events, began = kernel.trace.count, kernel.steps, time.perf_counter()
    kernel.run(kernel.now + ms)
    return Cost(time.perf_counter() - began, kernel.steps - events, kernel.trace.count - records)


def ticking(site: Site) -> Iterator[Process[None]]:
    """Yield what ticks on every node, naively."""
    for host in site.hosts.values():
        check = check_of(host, site)
        if check is not None:
            yield tick(site.kernel, CHECK_MS, partial(failure, site, host, check))
        yield tick(site.kernel, DAY_MS, partial(due, host))
        yield tick(site.kernel, DAY_MS, partial(prunable, host, 3, YEAR_MS))


def tick(kernel: Kernel, every_ms: int, look: Callable[[], object]) -> Process[None]:
    """Look again and again."""
    while True:
        yield kernel.pause(every_ms)
        look()


if __name__ == "__main__":
    main()

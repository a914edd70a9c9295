"""What the planner says how long each operation takes, beside what the twin's jobs took over many seeds.

    python benchmarks/predictions.py [SEEDS] [VERSION]

Prints a table: the plan's interval of the job and the shortest, middle and longest job; the longest time without an API
server that the plan names, and the longest of the runs. Plan and twin are two parts of ours with one catalogue of
durations: the table says that they agree, not that either is true.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TypeAlias

from qke_core.units import MS_PER_S, render_rough
from qke_sim.testing.rehearsal import Foretold, Rehearsal, play
from qke_sim.testing.repertoire import repertoire

SEEDS, VERSION = 100, "3.2.1"
Run: TypeAlias = tuple[int, int | None]
SHOWN = (
    *("create", "create, one master", "create, a single node", "create, modules", "add-nodes", "delete-nodes"),
    *("resize, master", "resize, node_super_perf", "resize, one master", "resize, disks alone"),
    *("change-parameters, registry_mirrors", "change-parameters, kube_audit_policy", "change-modules"),
    *("change-eip, kubesphere_eip set", "change-eip, kubernetes_eip set", "stop", "start"),
    *("restart, master", "restart, node_super_perf", "delete", "recover", "cease"),
)
"""The rows for a version, beside its upgrades."""


def rows(version: str) -> list[Rehearsal]:
    """Return what is shown of a version; upgrades to others belong to the version they begin at."""
    return [case for case in repertoire(version) if case.name in SHOWN or case.name.startswith("upgrade")]


def runs(case: Rehearsal, seeds: int) -> list[Run]:
    """Play an operation with seeds 1 to `seeds`; return how long each job took, and how long the API was gone."""
    story = case.story()
    played = [play(story, seed) for seed in range(1, seeds + 1)]
    return [(run.took_ms, run.gone_ms) for run in played]


def table(version: str, seeds: int) -> Iterator[str]:
    """Yield the table's lines."""
    yield "| Operation | Plan | Shortest | Middle | Longest | API gone, plan | API gone, longest |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    cases = rows(version)
    with ProcessPoolExecutor() as pool:
        for case, played in zip(cases, pool.map(partial(runs, seeds=seeds), cases), strict=True):
            yield f"| {' | '.join(cells(case, case.plan(), played))} |"


def cells(case: Rehearsal, foretold: Foretold, played: list[Run]) -> Iterator[str]:
    """Yield the cells of one operation."""
    job, took = foretold.step.schedule.job, [took_ms for took_ms, _ in played]
    yield case.name
    yield f"{span(job.min_ms)} to {span(job.max_ms)}"
    yield from (span(ms) for ms in (min(took), round(statistics.median(took)), max(took)))
    yield away([foretold.gone_ms])
    yield away([gone_ms for _, gone_ms in played])


def span(ms: int) -> str:
    """Write a time, seconds at least."""
    return render_rough(max(ms // MS_PER_S, 1) * MS_PER_S)


def away(gone: list[int | None]) -> str:
    """Write the longest of several absences; None is for good."""
    known = [ms for ms in gone if ms is not None]
    if len(known) < len(gone):
        return "for good"
    return span(max(known)) if max(known) else "-"


def main(arguments: list[str]) -> None:
    """Print the table."""
    seeds = int(arguments[0]) if arguments else SEEDS
    for line in table(arguments[1] if len(arguments) > 1 else VERSION, seeds):
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])

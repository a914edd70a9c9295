"""How long a create takes, over many seeds: each express group of each version without optional modules (guide G-085).

    python benchmarks/creates.py [SEEDS] [VERSION ...]

Prints for each group: runs that succeed within the guide's 6 to 12 minutes, and the shortest, middle and longest
duration of those that succeed. The guide speaks of 2.0.0; a cluster of 1.x always gets everything KubeSphere has.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from qke_core.catalog import catalog
from qke_core.units import MS_PER_MIN, render_rough
from qke_sim.scenario import Story, build_story, run_story

SEEDS = 100
SCENARIO = """
apiVersion: qke/v1
kind: Scenario
metadata: {{name: create}}
world: {{zone: pek3}}
timeline:
  - {{at: 0s, poll: 1s, create: {{name: shop, version: {version}, express: {group}}}}}
"""


def story(version: str, group: str) -> Story:
    """Return the story in which an operator creates one cluster and looks at its job every second."""
    return build_story(SCENARIO.format(version=version, group=group), f"{version} {group}", lambda _: "")


def durations(pair: tuple[str, str], seeds: int) -> list[int]:
    """Return how long the create takes, milliseconds, for each of `seeds` seeds in which it succeeds."""
    told, found = story(*pair), list[int]()
    for seed in range(1, seeds + 1):
        result = run_story(told, seed=seed, level="summary")
        action = result.actions["create"]
        if action.status == "done":
            found.append(action.took_ms(result.ended_ms))
    return found


def within(took: list[int]) -> int:
    """Return how many lie within the guide's 6 to 12 minutes."""
    return sum(6 * MS_PER_MIN <= ms <= 12 * MS_PER_MIN for ms in took)


def groups(versions: list[str]) -> Iterator[tuple[str, str]]:
    """Yield version and express group, in the order of the catalogue."""
    for version in versions:
        for group in catalog().express_groups(version):
            yield version, group


def main(arguments: list[str]) -> None:
    """Run every group with every seed, and print one line for each."""
    seeds = int(arguments[0]) if arguments else SEEDS
    pairs = list(groups(arguments[1:] or list(catalog().order)))
    print(f"{'version':<9}{'express group':<24}{'6 to 12 min':>14}{'shortest':>10}{'middle':>10}{'longest':>10}")
    with ProcessPoolExecutor() as pool:
        for (version, group), took in zip(pairs, pool.map(partial(durations, seeds=seeds), pairs), strict=True):
            times = (min(took), round(statistics.median(took)), max(took))
            share = f"{within(took)} of {seeds}"
            print(f"{version:<9}{group:<24}{share:>14}" + "".join(f"{render_rough(ms):>10}" for ms in times))


if __name__ == "__main__":
    main(sys.argv[1:])

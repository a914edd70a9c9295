"""The figures of the twin over many seeds: how long upgrades take, and how long users found no API server.

    make figures

Prints, for each scenario below and seeds 1 to 100: shortest, middle and longest duration, runs within the guide's 1 to
2 hours (G-146), and the interval of API outages (G-141).
"""

from __future__ import annotations

import statistics
from pathlib import Path

from qke_core.units import MS_PER_H, render_rough
from qke_sim.scenario import load_story, run_story

SCENARIOS = Path(__file__).parents[1] / "scenarios"
NAMES = ("upgrade", "upgrade-single-master", "upgrade-multi-hop")
SEEDS = range(1, 101)


def main() -> None:
    """Run every scenario with every seed, and print one line for each."""
    print(f"{'scenario':<24}{'shortest':>10}{'middle':>10}{'longest':>10}{'1 to 2 h':>10}   API gone")
    for name in NAMES:
        story = load_story(SCENARIOS / f"{name}.yaml")
        results = [run_story(story, seed=seed, level="summary") for seed in SEEDS]
        took = sorted(result.actions["upgrade"].took_ms(result.ended_ms) for result in results)
        gone = sorted(result.outages["shop/api"].so_far(result.ended_ms) for result in results)
        times = "".join(f"{render_rough(ms):>10}" for ms in (took[0], round(statistics.median(took)), took[-1]))
        within = sum(MS_PER_H <= ms <= 2 * MS_PER_H for ms in took)
        runs = f"in {sum(ms > 0 for ms in gone)} of {len(gone)} runs"
        print(f"{name:<24}{times}{within:>10}   {runs}, {render_rough(gone[0])} to {render_rough(gone[-1])}")


if __name__ == "__main__":
    main()

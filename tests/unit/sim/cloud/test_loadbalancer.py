"""The API server's load balancer: when a backend leaves the rotation, and when it is used again."""

from __future__ import annotations

import pytest

from qke_sim.cloud import BalancerHealth, HealthOption
from qke_sim.kernel import Kernel

OPTION = HealthOption(inter_s=10, fall=2, rise=5)
OUT_MS, IN_MS = 20_000, 50_000


class Watched:
    """A balancer of two backends, and what became of their rotation, as (ms, alias, in rotation)."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.changes: list[tuple[int, str, bool]] = []
        self.health = BalancerHealth(kernel, "shop", ("master1", "master2"), OPTION, self._changed)

    def _changed(self, seq: int) -> None:
        record = self.kernel.trace.records[seq]
        alias = record.subject.removeprefix("shop/")
        self.changes.append((record.t, alias, self.health.backends[alias].in_rotation))

    def at(self, ms: int, alias: str, *, serving: bool) -> None:
        self.kernel.later(ms, lambda: self.health.report(alias, serving=serving, cause=0))


@pytest.fixture
def watched(kernel: Kernel) -> Watched:
    return Watched(kernel)


def test_checks_take_interval_times_count() -> None:
    """10 s between checks, out after 2 failures, in after 5 successes (QKE app repo, v1 listener: 10, 5, 2, 5)."""
    assert (OPTION.out_ms, OPTION.in_ms) == (OUT_MS, IN_MS)


def test_a_dead_backend_leaves_after_fall_and_returns_after_rise(watched: Watched, kernel: Kernel) -> None:
    watched.at(1000, "master1", serving=False)
    watched.at(100_000, "master1", serving=True)
    kernel.run(10**6)
    assert watched.changes == [(1000 + OUT_MS, "master1", False), (100_000 + IN_MS, "master1", True)]


def test_a_short_gap_changes_nothing(watched: Watched, kernel: Kernel) -> None:
    watched.at(1000, "master1", serving=False)
    watched.at(1000 + OUT_MS - 1, "master1", serving=True)
    kernel.run(10**6)
    assert watched.changes == []


def test_flapping_counts_only_from_the_last_change(watched: Watched, kernel: Kernel) -> None:
    for ms in range(0, 100_000, 10_000):
        watched.at(ms, "master1", serving=ms % 20_000 != 0)
    watched.at(100_000, "master1", serving=False)
    kernel.run(10**6)
    assert watched.changes == [(100_000 + OUT_MS, "master1", False)]


def test_a_backend_that_flaps_while_out_stays_out(watched: Watched, kernel: Kernel) -> None:
    watched.at(0, "master1", serving=False)
    for ms in range(30_000, 200_000, 20_000):
        watched.at(ms, "master1", serving=True)
        watched.at(ms + 10_000, "master1", serving=False)
    kernel.run(10**6)
    assert watched.changes == [(OUT_MS, "master1", False)]


def test_the_same_news_twice_is_no_news(watched: Watched, kernel: Kernel) -> None:
    watched.at(0, "master1", serving=False)
    watched.at(15_000, "master1", serving=False)
    kernel.run(10**6)
    assert watched.changes == [(OUT_MS, "master1", False)]


def test_backends_are_judged_apart(watched: Watched, kernel: Kernel) -> None:
    watched.at(0, "master1", serving=False)
    watched.at(5000, "master2", serving=False)
    kernel.run(10**6)
    assert watched.changes == [(OUT_MS, "master1", False), (5000 + OUT_MS, "master2", False)]


def test_users_find_an_api_server_where_one_both_answers_and_is_in_rotation(watched: Watched, kernel: Kernel) -> None:
    """Refused connections are tried elsewhere at once, so one good backend is enough; a good one that is out is not."""
    seen: list[tuple[int, bool]] = []
    watched.at(0, "master1", serving=False)
    watched.at(30_000, "master1", serving=True)
    watched.at(40_000, "master2", serving=False)
    for ms in (1, 29_999, 39_999, 40_001, 30_000 + IN_MS - 1, 30_000 + IN_MS + 1):
        kernel.later(ms, lambda: seen.append((kernel.now, watched.health.available)))
    kernel.run(10**6)
    assert seen == [(1, True), (29_999, True), (39_999, True), (40_001, False), (79_999, False), (80_001, True)]


def test_what_has_been_so_for_long_is_not_judged(watched: Watched, kernel: Kernel) -> None:
    watched.health.begin("master1", serving=False)
    assert not watched.health.backends["master1"].in_rotation
    assert kernel.run(10**6)
    assert (kernel.now, watched.changes) == (0, [])

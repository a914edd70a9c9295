"""Kill the operator at every journal position, before and after its effect reached the world; resume; compare.

Enumerated, not sampled. The world at the end must equal the one whose operator was never killed, and the platform must
have been asked exactly once per hop.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import pytest

from qke_core.journal import Intent, Replay, parse_record, render_record
from qke_sim.interpreter import KillPoint
from qke_sim.scenario import RunResult, Story, load_story, run_story

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SHARDS = 8
Phase = Literal["before", "after"]


@cache
def story(name: str) -> Story:
    return load_story(SCENARIOS / f"{name}.yaml")


@cache
def never_killed(name: str) -> RunResult:
    return run_story(story(name), level="summary")


def kill_points(name: str) -> list[tuple[int, Phase]]:
    """Every position, and for intents also the instant after the effect."""
    journal = next(iter(never_killed(name).journals.values()))
    before: list[tuple[int, Phase]] = [(position, "before") for position in range(1, len(journal) + 1)]
    after: list[tuple[int, Phase]] = [(n, "after") for n, record in enumerate(journal, 1) if isinstance(record, Intent)]
    return sorted([*before, *after])


def resumed(name: str, *kills: tuple[int, Phase]) -> RunResult:
    return run_story(story(name), level="summary", kills=tuple(KillPoint(*kill) for kill in kills))


def told(result: RunResult, kind: str) -> int:
    return sum(record.kind == kind for record in result.records)


def check(name: str, *kills: tuple[int, Phase]) -> None:
    result, reference = resumed(name, *kills), never_killed(name)
    where = f"killed at {kills}"
    assert told(result, "operator.killed") == len(kills), where
    assert told(result, "operator.resumed") == len(kills), where
    assert result.state == reference.state, where
    assert told(result, "job.created") == told(reference, "job.created"), where
    for label, action in result.actions.items():
        assert (action.status, action.error, action.code) == (
            reference.actions[label].status,
            reference.actions[label].error,
            reference.actions[label].code,
        ), where


@pytest.mark.parametrize("shard", range(SHARDS))
def test_upgrade_killed_anywhere_ends_in_the_same_world(shard: int) -> None:
    for kill in kill_points("upgrade")[shard::SHARDS]:
        check("upgrade", kill)


@pytest.mark.parametrize("name", ["upgrade-low-disk", "upgrade-low-disk-unchecked"])
def test_refused_upgrade_killed_anywhere_stays_refused(name: str) -> None:
    for kill in kill_points(name):
        check(name, kill)


def test_upgrade_killed_twice_ends_in_the_same_world() -> None:
    points = kill_points("upgrade")
    for first, second in zip(points[::60], points[30::60], strict=False):
        check("upgrade", first, second)


def test_the_ask_is_killed_after_it_reached_the_cloud_and_not_asked_again() -> None:
    """The one write of the workflow: its intent is in the journal, its reply is not, and the job exists."""
    journal = next(iter(never_killed("upgrade").journals.values()))
    position = next(
        place
        for place, record in enumerate(journal, 1)
        if isinstance(record, Intent) and record.effect["name"] == "cloud.upgrade-cluster"
    )
    result = resumed("upgrade", (position, "after"))
    upgrades = [record for record in result.records if record.data.get("action") == "UpgradeClusters"]
    assert sum(record.kind == "job.created" for record in upgrades) == 1
    assert result.state == never_killed("upgrade").state


def test_a_journal_survives_being_written_and_read() -> None:
    journal = next(iter(never_killed("upgrade").journals.values()))
    again = [parse_record(render_record(record)) for record in journal]
    assert again == journal
    assert Replay(again).reply("0") is not None


@pytest.mark.nightly
@pytest.mark.parametrize("shard", range(SHARDS))
def test_multi_hop_upgrade_killed_anywhere_ends_in_the_same_world(shard: int) -> None:
    for kill in kill_points("upgrade-multi-hop")[shard::SHARDS]:
        check("upgrade-multi-hop", kill)

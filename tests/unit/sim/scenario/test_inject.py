"""What each kind of fault does to the twin, when, and how it is lifted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from qke_core.catalog import catalog
from qke_core.journal import Intent
from qke_sim.scenario import RunResult, Story, run_story
from qke_sim.trace import TraceRecord

UPGRADE = [{"at": "10m", "cluster": "shop", "upgrade": {"to": "2.0.0"}}]
WORKER = {"cluster": "shop", "role": "node_perf", "index": 1}
MIN = 60_000

Run = Callable[..., RunResult]


def find(result: RunResult, kind: str, **data: object) -> list[TraceRecord]:
    return [
        record
        for record in result.records
        if record.kind == kind and all(record.data.get(name) == value for name, value in data.items())
    ]


def fault(kind: str, **parts: Any) -> dict[str, Any]:
    return {"kind": kind, **parts}


def test_a_crash_at_a_time_lasts_as_long_as_it_says(run_of: Run) -> None:
    result = run_of(faults=[fault("node.crash", target=WORKER, at="5m", **{"for": "2m"})])
    assert [(r.t, r.subject) for r in find(result, "host.crashed")] == [(5 * MIN, "shop/node_perf1")]
    (booted,) = find(result, "host.booted")
    assert booted.subject == "shop/node_perf1"
    boot = catalog().duration("host-boot")
    assert 7 * MIN + boot.min_ms <= booted.t <= 7 * MIN + boot.max_ms
    assert [r.t for r in find(result, "fault.injected")] == [5 * MIN]
    assert [r.t for r in find(result, "fault.lifted")] == [7 * MIN]


def test_a_crash_without_an_end_stays(run_of: Run) -> None:
    result = run_of(faults=[fault("node.crash", target=WORKER, at="5m")])
    assert find(result, "host.booted") == []
    assert result.measures["shop.node_perf1.up"] is False


def test_what_is_dead_already_does_not_crash_again_and_is_not_revived_by_that(run_of: Run) -> None:
    twice = [fault("node.crash", target=WORKER, at="5m"), fault("node.crash", target=WORKER, at="6m", **{"for": "1m"})]
    result = run_of(faults=twice)
    assert len(find(result, "fault.injected")) == 2
    assert len(find(result, "host.crashed")) == 1
    assert find(result, "host.booted") == []


def test_a_stopped_node_is_not_started_by_a_crash_that_ends(run_of: Run) -> None:
    world = {
        "name": "shop",
        "version": "1.0.1",
        "express": "Prod",
        "nodes": [{"role": "node_perf", "index": 1, "status": "stopped"}],
    }
    result = run_of(world, faults=[fault("node.crash", target=WORKER, at="5m", **{"for": "1m"})])
    assert result.measures["shop.node_perf1.up"] is False


def test_a_delay_counts_from_the_event(run_of: Run) -> None:
    result = run_of(timeline=UPGRADE, faults=[fault("node.crash", target=WORKER, after="upgrade.started", delay="90s")])
    assert [r.t for r in find(result, "host.crashed")] == [10 * MIN + 90_000]


@pytest.mark.parametrize("event", ["started", "asked", "done", "ended"])
def test_a_fault_can_wait_for_any_event_of_an_action(run_of: Run, event: str) -> None:
    """It strikes at the very instant of the event, and is caused by it."""
    result = run_of(timeline=UPGRADE, faults=[fault("disk.fill", target=WORKER, free="1GiB", after=f"upgrade.{event}")])
    (injected,) = find(result, "fault.injected")
    kind = {"started": "action.started", "asked": "job.created"}.get(event, "action.ended")
    (cause,) = find(result, kind)
    assert (injected.t, injected.cause) == (cause.t, cause.seq)


def test_a_fault_that_waits_for_an_event_that_never_comes_does_not_strike(run_of: Run) -> None:
    result = run_of(timeline=UPGRADE, faults=[fault("node.crash", target=WORKER, after="upgrade.failed")])
    assert find(result, "fault.injected") == []


def test_a_fault_strikes_once_when_its_expression_becomes_true(run_of: Run) -> None:
    when = "shop.master1.kubelet == '1.16.7'"
    result = run_of(timeline=UPGRADE, faults=[fault("disk.fill", target=WORKER, free="1GiB", when=when)])
    (injected,) = find(result, "fault.injected")
    reported = next(r for r in find(result, "node.version") if r.subject == "shop/master1")
    assert injected.t == reported.t


def test_a_fault_may_strike_when_all_is_over_and_the_run_goes_on_from_there(run_of: Run) -> None:
    result = run_of(
        timeline=UPGRADE,
        faults=[fault("node.crash", target=WORKER, when="upgrade.status == 'done'")],
        expect=[{"never": "shop.nodes.ready < 6", "after": "upgrade.done"}],
    )
    (ended,), (crashed,) = find(result, "action.ended"), find(result, "host.crashed")
    assert crashed.t == ended.t
    (gone,) = find(result, "node.not-ready")
    assert gone.t == crashed.t + 40_000
    assert [(verdict.held, verdict.t) for verdict in result.verdicts] == [(False, gone.t)]
    assert result.ended_ms < result.story.scenario.until


def test_a_kubelet_stops_and_starts_again_at_its_old_version(run_of: Run) -> None:
    result = run_of(faults=[fault("kubelet.stop", target=WORKER, at="5m", **{"for": "2m"})])
    assert [r.t for r in find(result, "node.not-ready")] == [5 * MIN + 40_000]
    assert [r.t for r in find(result, "node.ready")] == [7 * MIN]
    assert result.measures["shop.node_perf1.kubelet"] == "1.13.5"


def test_a_kubelet_does_not_come_back_on_a_host_that_died_meanwhile(run_of: Run) -> None:
    faults = [
        fault("kubelet.stop", target=WORKER, at="5m", **{"for": "2m"}),
        fault("node.crash", target=WORKER, at="6m"),
    ]
    result = run_of(faults=faults)
    assert result.measures["shop.node_perf1.ready"] is False
    assert find(result, "kubelet.started") == []


@pytest.mark.parametrize(("free", "left"), [("2GiB", 2048), ("900GiB", 61440)])
def test_a_disk_is_filled_down_to_what_is_left_and_never_emptied(run_of: Run, free: str, left: int) -> None:
    result = run_of(faults=[fault("disk.fill", target=WORKER, free=free, at="1m")])
    assert result.measures["shop.node_perf1.data_free_mb"] == left


def test_a_slow_host_finishes_its_part_later(run_of: Run) -> None:
    calm = run_of(timeline=UPGRADE)
    slow = run_of(timeline=UPGRADE, faults=[fault("host.slow", target=WORKER, percent=200, at="0s")])

    def prepared(result: RunResult) -> int:
        began, ended = (
            next(r.t for r in find(result, kind, phase="prepare") if r.subject == "shop/node_perf1")
            for kind in ("phase.started", "phase.ended")
        )
        return ended - began

    assert abs(prepared(slow) - 2 * prepared(calm)) <= 10  # Each step is rounded down by itself.


@pytest.mark.parametrize(("outcome", "code"), [("failed", 130), ("incomplete", 132)])
def test_an_installer_fault_is_the_installers_outcome(run_of: Run, outcome: str, code: int) -> None:
    trouble = fault("installer.fails", target={"cluster": "shop"}, outcome=outcome, attempt=1, at="0s")
    result = run_of(timeline=UPGRADE, faults=[trouble])
    found = {
        str(r.data.get("outcome", "failed"))
        for kind in ("installer.failed", "installer.finished")
        for r in find(result, kind)
    }
    assert outcome in found
    assert result.actions["upgrade"].code in (0, code)


def test_an_answer_that_was_lost_does_not_make_a_second_job(run_of: Run) -> None:
    lost = fault("call.answer-lost", operation="UpgradeClusters", at="0s")
    result = run_of(timeline=UPGRADE, faults=[lost])
    assert len(find(result, "cloud.lost")) == 1
    made = [record.data["action"] for record in find(result, "job.created")]
    assert made.count("UpgradeClusters") == 1
    assert result.actions["upgrade"].status == "done"


def test_a_busy_cloud_is_asked_again(run_of: Run) -> None:
    busy = fault("call.fails", operation="UpgradeClusters", count=3, ret_code=5100, at="0s")
    result = run_of(timeline=UPGRADE, faults=[busy])
    answers = [r.data["ret_code"] for r in find(result, "cloud.answered", action="UpgradeClusters")]
    assert answers == [5100, 5100, 5100, 0]
    assert result.actions["upgrade"].status == "done"


def test_a_refusal_that_lasts_ends_the_action(run_of: Run) -> None:
    refused = fault("call.fails", operation="UpgradeClusters", ret_code=2400, at="0s")
    result = run_of(timeline=UPGRADE, faults=[refused])
    assert (result.actions["upgrade"].status, result.actions["upgrade"].error) == ("failed", "cloud.refused")
    assert find(result, "job.created") == []


@pytest.mark.parametrize("door", ["cloud", "kube", "host"])
def test_slow_calls_only_take_longer(run_of: Run, door: str) -> None:
    slow = fault("call.slow", door=door, count=5, takes="1m", at="0s")
    result = run_of(timeline=UPGRADE, faults=[slow])
    assert result.actions["upgrade"].status == "done"
    assert result.state == run_of(timeline=UPGRADE).state


@pytest.mark.parametrize("phase", ["before", "after"])
def test_an_operator_that_dies_goes_on_where_it_was(run_of: Run, phase: str) -> None:
    crash = fault("operator.crash", position=9, phase=phase)
    result = run_of(timeline=UPGRADE, faults=[crash])
    assert len(find(result, "operator.killed")) == len(find(result, "operator.resumed")) == 1
    assert result.state == run_of(timeline=UPGRADE).state


def test_a_second_death_at_the_same_place_is_missed_and_later_ones_still_come(run_of: Run) -> None:
    crashes = [fault("operator.crash", position=position) for position in (9, 9, 20)]
    result = run_of(timeline=UPGRADE, faults=crashes)
    assert [record.data["position"] for record in find(result, "operator.killed")] == [9, 20]
    assert result.state == run_of(timeline=UPGRADE).state


@pytest.mark.parametrize("position", [1, 2, 30])
def test_a_death_before_and_one_after_the_same_record_both_come(run_of: Run, position: int) -> None:
    """Unless the record is an answer: then both are the same moment."""
    calm = run_of(timeline=UPGRADE)
    crashes = [fault("operator.crash", position=position, phase=phase) for phase in ("before", "after")]
    result = run_of(timeline=UPGRADE, faults=crashes)
    intent = isinstance(calm.journals["upgrade"][position - 1], Intent)
    assert len(find(result, "operator.killed")) == 1 + intent
    assert result.state == calm.state


# --- The run around the faults


def test_actions_follow_each_other_by_events(run_of: Run) -> None:
    timeline = [
        {"at": "10m", "name": "first", "cluster": "shop", "upgrade": {"to": "2.0.0"}},
        {"after": "first.done", "delay": "1h", "name": "second", "cluster": "shop", "upgrade": {"to": "3.0.0"}},
    ]
    roles = {"master": {"count": 3, "volume": "200GiB"}, "node_perf": {"count": 2, "volume": "200GiB"}}
    result = run_of({"name": "shop", "version": "1.0.1", "roles": roles}, timeline=timeline)
    first, second = result.actions["first"], result.actions["second"]
    assert (first.status, second.status) == ("done", "done")
    assert first.ended_ms is not None
    assert second.started_ms == first.ended_ms + 60 * MIN
    assert result.measures["shop.version"] == "3.0.0"


def test_a_run_that_is_not_over_at_its_limit_says_so(run_of: Run) -> None:
    result = run_of(timeline=UPGRADE, until="30m", expect=[{"eventually": "upgrade.status == 'done'"}])
    assert (result.complete, result.ended_ms, result.held) == (False, 30 * MIN, False)
    assert "time limit" in str(result.records[-1].data["reason"])


def test_a_world_in_which_nothing_happens_ends_at_once(run_of: Run) -> None:
    result = run_of(expect=[{"always": "shop.api.available && shop.nodes.ready == 6"}])
    assert (result.complete, result.ended_ms, result.held) == (True, 0, True)


def test_outages_count_from_the_beginning_where_there_was_no_api_at_all(run_of: Run) -> None:
    dead = [{"role": "master", "index": 1, "status": "stopped"}]
    solo = {"name": "shop", "version": "1.0.1", "express": "DevTest", "nodes": dead}
    late = {"cluster": "shop", "role": "node_perf", "index": 1}
    faults = [fault("disk.fill", target=late, free="1GiB", at="10m")]
    result = run_of(
        solo, faults=faults, expect=[{"at_end": "shop.api.outage == duration('10m') && shop.api.outages == 1"}]
    )
    assert result.held


def test_observers_hear_every_record_and_metrics_keep_every_change(story_of: Callable[..., Story]) -> None:
    heard: list[int] = []
    story = story_of(timeline=UPGRADE)
    result = run_story(story, metrics=True, level="summary", observer=lambda record: heard.append(record.seq))
    assert heard == list(range(result.record_count))
    versions = [(sample.t, sample.value) for sample in result.samples if sample.name == "shop.version"]
    changed = next(r.t for r in result.records if r.kind == "cluster.changed" and r.data["field"] == "version")
    assert versions == [(0, "1.0.1"), (changed, "2.0.0")]
    last: Mapping[str, object] = {sample.name: sample.value for sample in result.samples}
    assert {name: result.measures[name] for name in last} == last

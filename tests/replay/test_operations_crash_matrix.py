"""Kill the operator of every operation at its journal positions, before and after the effect; resume; compare.

The world at the end must equal the one whose operator was never killed, and the platform must have been asked once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import pytest

from qke_core.journal import Intent
from qke_sim.interpreter import KillPoint
from qke_sim.scenario import RunResult, Story, build_story, run_story

Phase = Literal["before", "after"]
SIZE = {"cpu": 4, "memory": "8GiB"}
ROLES = {"master": {"count": 1, **SIZE}, "node_perf": {"count": 3, **SIZE}, "client": {"count": 0}}
SHOP: Mapping[str, Any] = {"name": "shop", "version": "3.3.0", "roles": ROLES, "env": {"install_kubesphere": False}}
READS = ("describe", "find", "list", "now", "sleep", "tell", "ssh", "disk", "all")
REFUSALS = {"refused": "operation.refused", "blocked": "operation.status"}
POLICY = {
    "role": "node_perf",
    "max": 5,
    "notify": "nl-a1b2c3d4",
    "increase": {"conditions": [{"meter": "cpu", "gt": 800}]},
}

OPERATIONS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "create": ({"create": SHOP}, ""),
    "create-autoscaled": ({"create": {**SHOP, "autoscaling": [POLICY]}}, ""),
    "start": ({"start": None}, "stopped"),
    "stop": ({"stop": None}, "active"),
    "restart": ({"restart": {"role": "node_perf"}}, "active"),
    "add": ({"add_nodes": {"role": "node_perf", "count": 1}}, "active"),
    "remove": ({"delete_nodes": {"role": "node_perf", "count": 1}}, "active"),
    "resize": ({"resize": {"role": "node_perf", "cpu": 8, "memory": "16GiB"}}, "active"),
    "grow": ({"resize": {"role": "node_perf", "disk": "300GiB"}}, "active"),
    "change": ({"change": {"registry_mirrors": "https://mirror.example"}}, "active"),
    "prune": ({"custom": {"service": "docker_prune", "role": "node_perf", "max_days": 3}}, "active"),
    "renew": ({"custom": {"service": "renew_certs"}}, "active"),
    "bin": ({"delete": None}, "active"),
    "recover": ({"recover": None}, "deleted"),
    "cease": ({"cease": None}, "deleted"),
    "autoscaling": ({"autoscaling": POLICY}, "active"),
    "cordon": ({"cordon": {"role": "node_perf", "index": 1}}, "active"),
    "refused": ({"stop": None, "preflight": "report"}, "stopped"),
    "blocked": ({"start": None}, "active"),
}
"""What the timeline does, and the status of the cluster before; "" for none."""


@cache
def story(name: str) -> Story:
    verb, status = OPERATIONS[name]
    action = {"at": "1m", **verb, **({"cluster": "shop"} if status else {})}
    world = {"zone": "pek3", "clusters": [{**SHOP, "status": status}] if status else []}
    document = {"kind": "Scenario", "metadata": {"name": name}, "world": world, "timeline": [action]}
    return build_story(json.dumps(document), "story.yaml", str)


@cache
def never_killed(name: str) -> RunResult:
    return run_story(story(name), level="summary")


def kill_points(name: str) -> list[tuple[int, Phase]]:
    """Every position, and for intents also the instant after the effect."""
    journal = next(iter(never_killed(name).journals.values()))
    before: list[tuple[int, Phase]] = [(position, "before") for position in range(1, len(journal) + 1)]
    after: list[tuple[int, Phase]] = [(n, "after") for n, record in enumerate(journal, 1) if isinstance(record, Intent)]
    return sorted([*before, *after])


def writes(name: str) -> list[tuple[int, Phase]]:
    """The positions around each effect that changes the world."""
    journal = next(iter(never_killed(name).journals.values()))
    found = [
        place
        for place, record in enumerate(journal, 1)
        if isinstance(record, Intent) and str(record.effect["name"]).rpartition(".")[2].partition("-")[0] not in READS
    ]
    around: list[tuple[int, Phase]] = []
    for place in found:
        around.extend([(place, "before"), (place, "after"), (place + 1, "before")])
    return around


def made(result: RunResult) -> list[str]:
    jobs = [str(record.data["action"]) for record in result.records if record.kind == "job.created"]
    made = [record for record in result.records if record.kind == "resource.created"]
    return sorted([*jobs, *(record.subject for record in made if record.data["what"] == "autoscaling_policy")])


def check(name: str, kill: tuple[int, Phase]) -> None:
    result, reference = run_story(story(name), level="summary", kills=(KillPoint(*kill),)), never_killed(name)
    where = f"{name} killed at {kill}"
    assert sum(record.kind == "operator.killed" for record in result.records) == 1, where
    assert made(result) == made(reference), where
    assert result.state == reference.state, where
    for label, action in result.actions.items():
        expected = reference.actions[label]
        assert (action.status, action.error, action.code) == (expected.status, expected.error, expected.code), where


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_ends_as_it_should(name: str) -> None:
    (action,) = never_killed(name).actions.values()
    wanted = "refused" if name in ("refused", "blocked") else "done"
    assert (action.status, action.error) == (wanted, REFUSALS.get(name, ""))


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "blocked"])
def test_an_operation_killed_around_its_writes_happens_once(name: str) -> None:
    points = writes(name)
    assert points
    for kill in points:
        check(name, kill)


@pytest.mark.nightly
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_killed_anywhere_ends_in_the_same_world(name: str) -> None:
    for kill in kill_points(name):
        check(name, kill)


def test_a_raw_call_whose_reply_was_lost_is_not_made_twice_and_says_so() -> None:
    """Nothing in the cloud tells whether an address was allocated for us, so the run stops for a person to look."""
    action = {"at": "1m", "call": {"action": "AllocateEips", "params": {"bandwidth": 1}}}
    document = {"kind": "Scenario", "metadata": {"name": "raw"}, "world": {"zone": "pek3"}, "timeline": [action]}
    told = build_story(json.dumps(document), "story.yaml", str)
    journal = next(iter(run_story(told).journals.values()))
    position = next(
        n for n, record in enumerate(journal, 1) if isinstance(record, Intent) and record.effect["name"] == "cloud.call"
    )
    result = run_story(told, kills=(KillPoint(position, "after"),))
    assert result.actions["call"].error == "cloud.in-doubt"
    assert result.measures["quota.eip.used"] == 1

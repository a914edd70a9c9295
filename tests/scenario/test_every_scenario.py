"""Every story in scenarios/ is told twice, ends as it promises, and leaves the bytes it left before.

`golden.json` holds what each run left when it was last looked at. A change that alters behaviour alters it: look at the
difference, and if it is meant, write it anew with `make golden`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from qke_sim.scenario import RunResult, load_story, run_story

SCENARIOS = Path(__file__).parents[2] / "scenarios"
GOLDEN = Path(__file__).with_name("golden.json")
NAMES = sorted(path.stem for path in SCENARIOS.glob("*.yaml"))


def figures(result: RunResult) -> dict[str, object]:
    return {
        "digest": result.digest,
        "records": result.record_count,
        "ended_ms": result.ended_ms,
        "actions": {label: [state.status, state.code] for label, state in result.actions.items()},
    }


@pytest.mark.parametrize("name", NAMES)
def test_scenario_keeps_its_promises_and_its_bytes(name: str) -> None:
    story = load_story(SCENARIOS / f"{name}.yaml")
    result = run_story(story)
    broken = [verdict for verdict in result.verdicts if not verdict.held]
    assert not broken
    assert result.complete or "until" in story.scenario.model_fields_set
    assert result.verdicts, "a story without expectations teaches nothing"
    assert run_story(story, level="summary").digest == result.digest
    golden = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.exists() else {}
    if os.environ.get("QKE_GOLDEN") == "write":
        golden[name] = figures(result)
        GOLDEN.write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert figures(result) == golden.get(name), "behaviour changed: if it is meant, run `make golden`"


def test_golden_file_has_exactly_the_scenarios() -> None:
    assert sorted(json.loads(GOLDEN.read_text(encoding="utf-8"))) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_story_is_named_after_its_file_and_says_what_it_teaches(name: str) -> None:
    metadata = load_story(SCENARIOS / f"{name}.yaml").scenario.metadata
    assert metadata.name == name
    assert "teaches" in metadata.description or "teach" in metadata.description

"""Same scenario, same seed, same bytes: under any hash seed, time zone and language."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from qke_sim.interpreter import KillPoint
from qke_sim.report.folder import render_folder
from qke_sim.scenario import load_story, run_story
from qke_sim.trace import TraceRecord

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from hashlib import sha256
from pathlib import Path
from qke_sim.report.folder import render_folder
from qke_sim.scenario import load_story, run_story
from qke_sim.trace import TraceRecord
result = run_story(load_story(Path(sys.argv[1])), metrics=True)
files = render_folder(result, "test").items()
print(result.digest, *(f"{name}:{sha256(content).hexdigest()}" for name, content in files))
"""
ENVIRONMENTS = {
    "hash seed 0": {"PYTHONHASHSEED": "0"},
    "hash seed 1": {"PYTHONHASHSEED": "1"},
    "time zone": {"PYTHONHASHSEED": "2", "TZ": "America/St_Johns"},
    "language": {"PYTHONHASHSEED": "3", "LANG": "zh_CN.UTF-8", "LC_ALL": "C", "TZ": "Asia/Shanghai"},
    "without asserts": {"PYTHONHASHSEED": "4", "PYTHONOPTIMIZE": "1"},
}


@pytest.mark.parametrize("scenario", ["upgrade", "upgrade-master-crash"])
def test_every_file_of_the_run_folder_is_the_same_in_every_environment(scenario: str) -> None:
    path = ROOT / "scenarios" / f"{scenario}.yaml"
    result = run_story(load_story(path), metrics=True)
    here = {name: sha256(content).hexdigest() for name, content in render_folder(result, "test").items()}
    expected = f"{result.digest} " + " ".join(f"{name}:{digest}" for name, digest in here.items())
    for about, environment in ENVIRONMENTS.items():
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(path)],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        assert run.stdout.strip() == expected, about


def test_another_seed_is_another_run() -> None:
    story = load_story(ROOT / "scenarios" / "upgrade.yaml")
    assert len({run_story(story, seed=seed, level="summary").digest for seed in range(5)}) == 5


def test_killing_the_operator_does_not_change_the_luck_of_the_nodes() -> None:
    """The nodes draw from streams of their own, so their steps take as long as in the undisturbed run."""
    story = load_story(ROOT / "scenarios" / "upgrade.yaml")
    calm = run_story(story)
    killed = run_story(story, kills=(KillPoint(40),))

    def lengths(records: list[TraceRecord]) -> dict[tuple[str, str], int]:
        began: dict[tuple[str, str], int] = {}
        found: dict[tuple[str, str], int] = {}
        for record in records:
            if record.kind == "step.started":
                began[record.subject, str(record.data["step"])] = record.t
            elif record.kind == "step.ended" and not str(record.data["step"]).startswith("wait"):
                key = record.subject, str(record.data["step"])
                found[key] = record.t - began[key]
        return found

    timed = lengths(calm.records)
    assert len(timed) > 40
    differing = {key for key, length in lengths(killed.records).items() if timed[key] != length}
    assert not differing

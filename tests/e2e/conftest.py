"""The real program, started the way a person starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"

Start = Callable[..., subprocess.CompletedProcess[str]]

STARTER = """\
apiVersion: qke/v1
kind: Scenario
metadata: {name: small}
seed: 7
world:
  zone: pek3
  clusters:
    - {name: shop, version: 1.0.1, express: DevTest}
timeline:
  - {at: 10m, cluster: shop, upgrade: {to: 2.0.0}}
"""


def surroundings(home: Path, changes: Mapping[str, str]) -> dict[str, str]:
    """Return an environment that nothing of this machine leaks into, except where programs are."""
    keep = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return {**keep, "HOME": str(home), "LANG": "C.UTF-8", "COLUMNS": "80", **changes}


def starter(module: str, tmp_path: Path) -> Start:
    """Return what starts a command with words in an empty folder; keyword arguments are environment variables."""

    def start(*words: str | Path, cwd: Path = tmp_path, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, words)],
            cwd=cwd,
            env=surroundings(tmp_path, changes),
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return start


@pytest.fixture
def qke_sim(tmp_path: Path) -> Start:
    """Start `qke-sim`."""
    return starter("qke_cli.sim", tmp_path)


@pytest.fixture
def qke(tmp_path: Path) -> Start:
    """Start `qke` beside the example files."""
    for example in EXAMPLES.iterdir():
        (tmp_path / example.name).write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    return starter("qke_cli.qke", tmp_path)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A scenario that runs in a moment and expects nothing."""
    path = tmp_path / "small.yaml"
    path.write_text(STARTER, encoding="utf-8")
    return path

"""A kernel that has begun, worlds and stories made of plain data, and a way to run one process to its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from qke_core.models import World
from qke_sim.kernel import Kernel, Process
from qke_sim.kube import Objects
from qke_sim.scenario import RunResult, Story, build_story, run_story
from qke_sim.twin import Twin

SEED = 7
FOREVER_MS = 10_000_000_000


def make_kernel(seed: int = SEED) -> Kernel:
    """Return a kernel whose trace has its first record, so that everything may have cause 0."""
    kernel = Kernel(seed)
    kernel.trace.add("run.started", "test", None, scenario="test", seed=seed)
    return kernel


def make_twin(kernel: Kernel, *clusters: Mapping[str, Any], objects: Mapping[str, Objects] | None = None) -> Twin:
    """Return a started twin; without `clusters` an HA cluster `shop` at 1.0.1."""
    wished = clusters or ({"name": "shop", "version": "1.0.1", "express": "Prod"},)
    world = World.model_validate_json(json.dumps({"zone": "pek3", "clusters": wished}))
    twin = Twin(kernel, world, objects or {})
    twin.start(0)
    return twin


def finish(kernel: Kernel, process: Process[Any], until_ms: int = FOREVER_MS) -> Any:
    """Run a process to its end and return its value; what it raises is raised here."""
    running = kernel.spawn(process)
    kernel.run(until_ms)
    assert running.triggered, f"the process still runs at {until_ms} ms"
    return running.value


def make_story(*clusters: Mapping[str, Any], files: Mapping[str, str] | None = None, **parts: Any) -> Story:
    """Return a story with the given parts of a scenario; JSON is YAML."""
    wished = clusters or ({"name": "shop", "version": "1.0.1", "express": "Prod"},)
    document = {
        "kind": "Scenario",
        "metadata": {"name": "story"},
        "seed": SEED,
        "world": {"zone": "pek3", "clusters": wished},
        **parts,
    }
    return build_story(json.dumps(document), "story.yaml", lambda name: (files or {})[name])


def run_parts(*clusters: Mapping[str, Any], **parts: Any) -> RunResult:
    """Build a story and run it once."""
    return run_story(make_story(*clusters, **parts))


@pytest.fixture
def kernel() -> Kernel:
    return make_kernel()


@pytest.fixture
def new_kernel() -> Callable[..., Kernel]:
    return make_kernel


@pytest.fixture
def twin_of() -> Callable[..., Twin]:
    return make_twin


@pytest.fixture
def finished() -> Callable[..., Any]:
    return finish


@pytest.fixture
def story_of() -> Callable[..., Story]:
    return make_story


@pytest.fixture
def run_of() -> Callable[..., RunResult]:
    return run_parts

"""Looking into a run at one instant: what is asked then changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TypeVar

from qke_core.errors import InputError
from qke_core.units import render_duration
from qke_sim.kernel import Kernel
from qke_sim.scenario.run import run_story
from qke_sim.scenario.story import Story
from qke_sim.twin import Twin

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Watched(Story):
    """A story whose twin somebody looks at."""

    at_ms: int
    look: Callable[[Twin], None]

    def twin(self, kernel: Kernel) -> Twin:
        """Build the world, and look at it when its time comes."""
        twin = Story.twin(self, kernel)
        kernel.later(self.at_ms, lambda: self.look(twin))
        return twin


def look_into(story: Story, at_ms: int, ask: Callable[[Twin], T], *, seed: int | None = None) -> T:
    """Run a story and return what `ask` says of its twin at virtual time `at_ms`.

    Raises:
        InputError: `reach.too-late` when the run ends before; whatever `ask` raises.
    """
    answers: list[T] = []
    refusals: list[InputError] = []

    def look(twin: Twin) -> None:
        try:
            answers.append(ask(twin))
        except InputError as error:
            refusals.append(error)

    parts = {part.name: getattr(story, part.name) for part in fields(Story)}
    run_story(_Watched(**parts, at_ms=at_ms, look=look), seed=seed, level="summary")
    for error in refusals:
        raise error
    if not answers:
        limit = render_duration(story.scenario.until)
        raise InputError(
            "reach.too-late",
            f"The scenario ends at {limit}, before {render_duration(at_ms)}",
            "ask for an earlier time",
        )
    return answers[0]

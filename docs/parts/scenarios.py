"""The page docs/guides/scenarios.md: every story of the library, what it teaches and what it proves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from qke_sim.scenario import Story, load_story

GENERATED = "<!-- Made by docs/generate.py from scenarios/: change those, then `make docs`. -->"
SCENARIOS = Path(__file__).parents[2] / "scenarios"

QUESTIONS: Mapping[str, str] = {
    "life": "What does the whole life of a cluster of my version look like?",
    "create": "How long does a create take, and what can stop it?",
    "scale": "What happens when workers come and go?",
    "resize": "What does another size cost?",
    "change": "What does a changed parameter or module do?",
    "access": "Who reaches the API server and the console?",
    "power": "What does a stop, a start or a restart leave?",
    "care": "What do the timers and health checks do by themselves?",
    "autoscale": "Does my autoscaling rule do what I want?",
    "fault": "What if something breaks?",
    "upgrade": "How does an upgrade go, and how does it fail?",
    "bin": "What is left of a deleted cluster?",
    "many": "What if clusters share quotas and networks?",
}
"""The stories are grouped by the first word of their names."""


def lines() -> Iterator[str]:
    """Yield the lines of the page."""
    stories = {path.stem: load_story(path) for path in sorted(SCENARIOS.glob("*.yaml"))}
    groups = {word: [name for name in stories if name.partition("-")[0] == word] for word in QUESTIONS}
    yield GENERATED
    yield ""
    yield "# The scenario library"
    yield ""
    yield f"{len(stories)} stories, one file each in `scenarios/`. Each runs in a second or a few; CI runs them all."
    yield "*Proves* names the statements of the user guide that its expectations show to hold in the twin; the whole"
    yield "list is in [the guide, statement by statement](../reference/guide.md)."
    yield ""
    yield "| Question | Stories |"
    yield "| --- | --- |"
    for word, names in groups.items():
        yield f"| {QUESTIONS[word]} | {', '.join(f'[{name}](#{name})' for name in names)} |"
    for names in groups.values():
        for name in names:
            yield from _story(name, stories[name])
    yield ""
    yield "## More luck"
    yield ""
    yield "Every story can be run with another seed: `--seed 3`. Things then take other times, and what hangs on a race"
    yield "may end otherwise: `upgrade-installer-fails` and `upgrade-installer-restarted` may end like each other."


def _story(name: str, story: Story) -> Iterator[str]:
    metadata = story.scenario.metadata
    yield ""
    yield f"## {name}"
    yield ""
    yield metadata.description.strip()
    yield ""
    if metadata.guide:
        yield f"Proves {', '.join(metadata.guide)}."
        yield ""
    yield "```console"
    yield f"$ qke-sim run scenarios/{name}.yaml"
    yield "```"

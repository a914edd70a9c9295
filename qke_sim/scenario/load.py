"""From a scenario file to a story that can be run: everything it names is read and checked, all errors at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from qke_core.documents import Path as DataPath
from qke_core.documents import Source, validate
from qke_core.errors import InputError, Problem
from qke_core.models import ClusterDocument, ClusterWish, World, WorldDocument
from qke_core.repair import examine_mended
from qke_core.rules import check_world
from qke_sim.kube.manifest import read_manifest
from qke_sim.scenario.action import Action
from qke_sim.scenario.check import Check
from qke_sim.scenario.model import Scenario
from qke_sim.scenario.story import Story
from qke_sim.yamlfile import parse_one, parse_yaml, read_file

SCENARIO_FILE = "scenario.yaml"
"""What the scenario is called in a run folder."""


def load_story(path: Path) -> Story:
    """Read a scenario file and the files it names.

    Raises:
        InputError: every problem of the scenario; when it is sound, every problem of the files it names; then every
        name
            and expression that fits nothing.
    """
    return build_story(read_file(path), str(path), lambda name: read_file(path.parent / name))


def build_story(text: str, file: str, read: Callable[[str], str]) -> Story:
    """Make a story from a scenario's text; `read` returns the text of a file it names.

    Raises:
        InputError: as `load_story`.
    """
    examined = examine_mended(Scenario, parse_one(text, file))
    scenario, source, problems = examined.document, examined.source, examined.problems
    if scenario is None:
        raise InputError.of(problems)
    named = _Named(scenario, source, read)
    problems.extend(named.problems)
    if named.world is None:
        raise InputError.of(problems)
    story = Story(scenario, named.world, {SCENARIO_FILE: text, **named.files}, named.manifests, named.births)
    incomplete = bool(named.problems) or bool(examined.left_out & {("timeline",), ("workloads",)})
    contradictions = list(_contradictions(named.world, named.world_source, named.world_path))
    problems.extend(contradictions)
    problems.extend(Check(story, source, text, incomplete=incomplete).problems(sound=not contradictions))
    if problems:
        raise InputError.of(list(dict.fromkeys(problems)))
    return story


def _contradictions(world: World, source: Source, prefix: DataPath) -> Iterator[Problem]:
    """Yield what the rules of worlds refuse, where it stands; `prefix` leads to the world in its file."""
    for finding in check_world(world):
        if finding.severity == "blocker":
            yield source.problem((*prefix, *finding.path), finding.code, finding.sentence, finding.remedy)


class _Named:
    """The files that a scenario names: manifests, clusters and world; all beside or below the scenario file.

    `world` is None when it could not be read; a manifest that could not be read has no objects.
    """

    def __init__(self, scenario: Scenario, source: Source, read: Callable[[str], str]) -> None:
        self.files: dict[str, str] = {}
        self.manifests: dict[str, list[Source]] = {}
        self.problems: list[Problem] = []
        self.births: dict[str, ClusterWish] = {}
        self.world: World | None = None
        self.world_source: Source = source
        self.world_path: DataPath = ("world",)
        self._source = source
        self._read = read
        for place, use in enumerate(scenario.workloads):
            self._try(use.manifest, ("workloads", place, "manifest"), self._manifest)
        for place, action in enumerate(scenario.timeline):
            if isinstance(action.create, str):
                self._try(action.create, ("timeline", place, "create"), partial(self._cluster, action))
            elif action.create is not None:
                self.births.setdefault(action.label, action.create)
        if isinstance(scenario.world, World):
            self.world = scenario.world
        else:
            self._try(scenario.world, ("world",), self._world)

    def _try(self, name: str, path: DataPath, take: Callable[[str, str], None]) -> None:
        """Read one file and take what is in it; what is wrong without a place is wrong where the file is named."""
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts:
            sentence = f"{name!r} leads out of the scenario's folder"
            remedy = "keep the file beside or below the scenario"
            self.problems.append(self._source.problem(path, "scenario.path", sentence, remedy))
            return
        try:
            text = self._read(name)
            take(name, text)
            self.files[name] = text
        except InputError as error:
            self.problems.extend(
                found
                if found.place is not None
                else self._source.problem(path, found.code, found.sentence, found.remedy)
                for found in error.problems
            )

    def _manifest(self, name: str, text: str) -> None:
        self.manifests[name] = []
        sources = parse_yaml(text, name)
        read_manifest(sources)
        self.manifests[name] = sources

    def _cluster(self, action: Action, name: str, text: str) -> None:
        self.births.setdefault(action.label, validate(ClusterDocument, parse_one(text, name)))

    def _world(self, name: str, text: str) -> None:
        self.world_source, self.world_path = parse_one(text, name), ()
        self.world = validate(WorldDocument, self.world_source)

"""From a scenario file to a story that can be run: everything it names is read and checked, all errors at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from qke_core.catalog import catalog
from qke_core.documents import Path as DataPath
from qke_core.documents import Source, validate
from qke_core.errors import InputError, Place, Problem
from qke_core.models import World, WorldCluster, WorldDocument
from qke_core.repair import examine_mended
from qke_core.rules import check_world
from qke_core.suggest import did_you_mean
from qke_sim.kernel import Kernel
from qke_sim.kube import Objects
from qke_sim.kube.manifest import read_manifest
from qke_sim.scenario.expressions import ExpressionError, Expressions
from qke_sim.scenario.measures import Board
from qke_sim.scenario.model import (
    CallFails,
    ClusterTarget,
    Fault,
    InstallerFails,
    InstallerSlow,
    NodeTarget,
    OperatorCrash,
    Scenario,
)
from qke_sim.twin import ACTION_NAMES, Twin
from qke_sim.yamlfile import parse_one, parse_yaml, read_file

SCENARIO_FILE = "scenario.yaml"
"""What the scenario is called in a run folder."""

EVENTS = ("started", "asked", "done", "failed", "refused", "stuck", "ended")
"""What can happen to an action; `ended` is any end."""


@dataclass(frozen=True, slots=True)
class Story:
    """A checked scenario with everything it needs.

    `files` are the texts it is made of, by name: the scenario as `scenario.yaml`, manifests and world under their
    paths. A run folder holds them, so that the run can be repeated from it alone. `manifests` are the parsed ones
    among them.
    """

    scenario: Scenario
    world: World
    files: Mapping[str, str]
    manifests: Mapping[str, list[Source]]

    def objects(self) -> dict[str, Objects]:
        """Return fresh Kubernetes objects, by cluster name: a run changes them."""
        found: dict[str, Objects] = {cluster.name: Objects() for cluster in self.world.clusters}
        for use in self.scenario.workloads:
            loaded = read_manifest(self.manifests.get(use.manifest, []))
            into = found[use.cluster]
            into.workloads.extend(loaded.workloads)
            into.claims.extend(loaded.claims)
            into.services.extend(loaded.services)
        return found

    def twin(self, kernel: Kernel) -> Twin:
        """Build the story's world."""
        return Twin(kernel, self.world, self.objects())


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
    story = Story(scenario, named.world, {SCENARIO_FILE: text, **named.files}, named.manifests)
    incomplete = bool(named.problems) or bool(examined.left_out & {("timeline",), ("workloads",)})
    contradictions = list(_contradictions(named.world, named.world_source, named.world_path))
    problems.extend(contradictions)
    problems.extend(_Check(story, source, text, incomplete=incomplete).problems(sound=not contradictions))
    if problems:
        raise InputError.of(list(dict.fromkeys(problems)))
    return story


def _contradictions(world: World, source: Source, prefix: DataPath) -> Iterator[Problem]:
    """Yield what the rules of worlds refuse, where it stands; `prefix` leads to the world in its file."""
    for finding in check_world(world):
        if finding.severity == "blocker":
            yield source.problem((*prefix, *finding.path), finding.code, finding.sentence, finding.remedy)


class _Named:
    """The files that a scenario names: manifests and world. A path must stay beside or below the scenario file.

    `world` is None when it could not be read; a manifest that could not be read has no objects.
    """

    def __init__(self, scenario: Scenario, source: Source, read: Callable[[str], str]) -> None:
        self.files: dict[str, str] = {}
        self.manifests: dict[str, list[Source]] = {}
        self.problems: list[Problem] = []
        self.world: World | None = None
        self.world_source: Source = source
        self.world_path: DataPath = ("world",)
        self._source = source
        self._read = read
        for place, use in enumerate(scenario.workloads):
            self._try(use.manifest, ("workloads", place, "manifest"), self._manifest)
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

    def _world(self, name: str, text: str) -> None:
        self.world_source, self.world_path = parse_one(text, name), ()
        self.world = validate(WorldDocument, self.world_source)


class _Check:
    """Checks what the scenario names against what the story has."""

    def __init__(self, story: Story, source: Source, text: str, *, incomplete: bool) -> None:
        """`incomplete`: parts of the scenario are broken and left out, so a name that is missing proves nothing."""
        self.incomplete = incomplete
        self.story = story
        self.source = source
        self.scenario = story.scenario
        self.clusters = {cluster.name: cluster for cluster in story.world.clusters}
        self.labels = [action.label for action in self.scenario.timeline]
        self.lines = text.splitlines()

    def problems(self, *, sound: bool) -> list[Problem]:
        """Return everything that fits nothing; `sound`: the world does not contradict itself."""
        found = list(self._names())
        if found:
            return found  # Without sound names no reference can be followed.
        # Without a sound world there is no twin to check expressions against.
        return [*self._references(), *(self._expressions() if sound else ())]

    def _names(self) -> Iterator[Problem]:
        for place, label in enumerate(self.labels):
            if label in self.labels[:place]:
                sentence = f"Two actions are called {label!r}"
                yield self._problem(("timeline", place), "scenario.name-twice", sentence, "give one another name")
        for name in set(self.labels) & set(self.clusters):
            sentence = f"An action and a cluster are both called {name!r}"
            remedy = "give the action a name of its own"
            yield self._problem(("timeline", self.labels.index(name)), "scenario.name-twice", sentence, remedy)
        for place, use in enumerate(self.scenario.workloads):
            yield from self._cluster(use.cluster, ("workloads", place, "cluster"))

    def _references(self) -> Iterator[Problem]:
        for place, action in enumerate(self.scenario.timeline):
            yield from self._cluster(action.cluster, ("timeline", place, "cluster"))
            yield from self._event(action.after, ("timeline", place, "after"))
        for place, fault in enumerate(self.scenario.faults):
            yield from self._fault(fault, ("faults", place))
        for place, expectation in enumerate(self.scenario.expect):
            yield from self._event(expectation.after, ("expect", place, "after"))

    def _fault(self, fault: Fault, path: DataPath) -> Iterator[Problem]:
        if isinstance(fault, OperatorCrash):
            if fault.action not in self.labels and not self.incomplete:
                sentence = f"No action is called {fault.action!r}"
                yield self._problem(
                    (*path, "action"), "scenario.action-unknown", sentence, did_you_mean(fault.action, self.labels)
                )
            return
        yield from self._event(fault.after, (*path, "after"))
        if isinstance(fault, CallFails):
            yield from self._call(fault, path)
            return
        target: NodeTarget | ClusterTarget = fault.target
        missing = list(self._cluster(target.cluster, (*path, "target", "cluster")))
        yield from missing
        if missing:
            return
        cluster = self.clusters[target.cluster]
        if isinstance(target, NodeTarget):
            yield from self._node(cluster, target.role, target.index, (*path, "target"))
        if isinstance(fault, InstallerFails | InstallerSlow) and not cluster.settings.install_kubesphere:
            sentence = f"Cluster {cluster.name!r} has no KubeSphere, so no installer runs"
            yield self._problem((*path, "target"), "scenario.no-kubesphere", sentence, "set install_kubesphere: true")

    def _call(self, fault: CallFails, path: DataPath) -> Iterator[Problem]:
        if fault.door == "cloud" and fault.operation != "*" and fault.operation not in ACTION_NAMES:
            sentence = f"The cloud has no action {fault.operation!r}"
            remedy = did_you_mean(fault.operation, ACTION_NAMES)
            yield self._problem((*path, "operation"), "scenario.action-unknown", sentence, remedy)
        if fault.ret_code not in catalog().ret_codes or fault.ret_code == 0:
            codes = [str(code) for code in catalog().ret_codes if code]
            sentence = f"{fault.ret_code} is not an error code of the cloud"
            yield self._problem(
                (*path, "ret_code"), "scenario.ret-code", sentence, did_you_mean(str(fault.ret_code), codes)
            )

    def _cluster(self, name: str, path: DataPath) -> Iterator[Problem]:
        if name not in self.clusters:
            sentence = f"There is no cluster {name!r} in the world"
            yield self._problem(path, "scenario.cluster-unknown", sentence, did_you_mean(name, self.clusters))

    def _node(self, cluster: WorldCluster, role: str, index: int, path: DataPath) -> Iterator[Problem]:
        shapes = cluster.shape()
        if role not in shapes:
            sentence = f"Cluster {cluster.name!r} has no {role} nodes"
            yield self._problem((*path, "role"), "scenario.node-unknown", sentence, did_you_mean(role, shapes))
        elif index > shapes[role].count:
            count = shapes[role].count
            sentence = f"There is no {role}{index}: cluster {cluster.name!r} has {count} {role} node{'s' * (count > 1)}"
            remedy = f"use an index from 1 to {count}" if count > 1 else "use index 1"
            yield self._problem((*path, "index"), "scenario.node-unknown", sentence, remedy)

    def _event(self, event: str | None, path: DataPath) -> Iterator[Problem]:
        known = [f"{label}.{event}" for label in self.labels for event in EVENTS]
        if event is not None and event not in known and not self.incomplete:
            sentence = f"No event is called {event!r}"
            yield self._problem(path, "scenario.event-unknown", sentence, did_you_mean(event, known))

    def _expressions(self) -> Iterator[Problem]:
        board = Board(self.story.twin(Kernel(0)), self.labels)
        expressions = Expressions(board.measures)
        texts: list[tuple[str, DataPath]] = [
            (expectation.expression, ("expect", place, expectation.form))
            for place, expectation in enumerate(self.scenario.expect)
        ]
        for place, fault in enumerate(self.scenario.faults):
            if not isinstance(fault, OperatorCrash) and fault.when is not None:
                texts.append((fault.when, ("faults", place, "when")))
        for text, path in texts:
            try:
                expressions.compile(text)
            except ExpressionError as error:
                for flaw in error.flaws:
                    if self.incomplete and flaw.code == "expression.unknown":
                        continue
                    yield Problem(flaw.code, flaw.sentence, flaw.remedy, self._inside(path, flaw.column))

    def _inside(self, path: DataPath, column: int) -> Place:
        """Return the place of a column inside a one-line scalar; quotes count."""
        place = self.source.place(path)
        line = self.lines[place.line - 1] if place.line <= len(self.lines) else ""
        opening = line[place.column - 1 : place.column]
        if opening in ("|", ">"):
            return place
        return Place(place.file, place.line, place.column + column + (opening in ("'", '"')))

    def _problem(self, path: DataPath, code: str, sentence: str, remedy: str) -> Problem:
        return self.source.problem(path, code, sentence, remedy)

"""Does what a scenario names exist? Every wrong reference with its place, and every expression that does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from qke_core.catalog import catalog
from qke_core.documents import Path as DataPath
from qke_core.documents import Source
from qke_core.errors import InputError, Place, Problem
from qke_core.models import ClusterDocument
from qke_core.models.world import ResourceType
from qke_core.suggest import did_you_mean
from qke_sim.access import reach
from qke_sim.kernel import Kernel
from qke_sim.scenario.action import Action
from qke_sim.scenario.cast import Member
from qke_sim.scenario.expressions import ExpressionError, Expressions
from qke_sim.scenario.fault import (
    AccountArrears,
    AccountShort,
    CallFails,
    CloudTrouble,
    ClusterTarget,
    DrainHang,
    Fault,
    InstallerFails,
    InstallerSlow,
    JobSlow,
    LinkedDown,
    NetworkCut,
    NodeTarget,
    OperatorCrash,
    QuotaShrinks,
    ZoneShort,
)
from qke_sim.scenario.story import Story
from qke_sim.twin import ACTION_NAMES, Twin

EVENTS = ("started", "asked", "done", "failed", "refused", "stuck", "ended")
"""What can happen to an action; `ended` is any end."""


RESERVED = ("account", "quota", "bill", "leftovers", "count", "now")
"""First words of measurements that belong to nobody."""


class Check:
    """Checks what the scenario names against what the story has."""

    def __init__(self, story: Story, source: Source, text: str, *, incomplete: bool) -> None:
        """`incomplete`: parts of the scenario are broken and left out, so a name that is missing proves nothing."""
        self.incomplete = incomplete
        self.story = story
        self.source = source
        self.scenario = story.scenario
        self.cast = story.cast()
        self.labels = [action.label for action in self.scenario.timeline]
        self.lines = text.splitlines()

    def problems(self, *, sound: bool) -> list[Problem]:
        """Return everything that fits nothing; `sound`: the world does not contradict itself."""
        found = list(self._names())
        if found:
            return found  # Without sound names no reference can be followed.
        # Without a sound world there is no twin to check expressions against.
        return [*self._references(), *(self._expressions() if sound else ())]

    # Names

    def _names(self) -> Iterator[Problem]:
        for place, label in enumerate(self.labels):
            if label in self.labels[:place]:
                sentence = f"Two actions are called {label!r}"
                yield self._problem(("timeline", place), "scenario.name-twice", sentence, "give one another name")
        for name in sorted(set(self.labels) & set(self.cast)):
            sentence = f"An action and a cluster are both called {name!r}"
            remedy = "give the action a name of its own"
            yield self._problem(("timeline", self.labels.index(name)), "scenario.name-twice", sentence, remedy)
        yield from self._probe_names()
        yield from self._reserved()
        yield from self._births()
        for place, use in enumerate(self.scenario.workloads):
            yield from self._cluster(use.cluster, ("workloads", place, "cluster"))
        for place, load in enumerate(self.scenario.load):
            yield from self._cluster(load.cluster, ("load", place, "cluster"))

    def _probe_names(self) -> Iterator[Problem]:
        taken = {*self.labels, *self.cast}
        for place, probe in enumerate(self.scenario.probes):
            if probe.name in taken:
                sentence = f"Something else is called {probe.name!r} already"
                remedy = "give the probe a name of its own"
                yield self._problem(("probes", place, "name"), "scenario.name-twice", sentence, remedy)
            taken.add(probe.name)

    def _reserved(self) -> Iterator[Problem]:
        named: list[tuple[str, DataPath]] = [(label, ("timeline", n)) for n, label in enumerate(self.labels)]
        named += [(probe.name, ("probes", n, "name")) for n, probe in enumerate(self.scenario.probes)]
        named += [(name, ("world",)) for name in self.cast]
        for name, path in named:
            if name in RESERVED:
                sentence = f"{name!r} cannot be a name: measurements begin with it"
                yield self._problem(path, "scenario.name-reserved", sentence, f"call it {name}1, for example")

    def _births(self) -> Iterator[Problem]:
        """A cluster is born under a name that no other has, unless that one is deleted before, in the world's zone."""
        taken, freed = {cluster.name for cluster in self.story.world.clusters}, set[str]()
        for place, action in enumerate(self.scenario.timeline):
            if action.verb in ("delete", "cease"):
                freed.add(action.cluster)
            wish = self.story.births.get(action.label) if action.create is not None else None
            if wish is None:
                continue
            path: DataPath = ("timeline", place, "create")
            if wish.name in taken - freed:
                sentence = f"There is a cluster called {wish.name!r} already"
                yield self._problem(path, "scenario.cluster-twice", sentence, "give the new one another name")
            if isinstance(wish, ClusterDocument) and wish.zone != self.story.world.zone:
                sentence = f"{wish.name} is wished for in {wish.zone}, the world is {self.story.world.zone}"
                yield self._problem(path, "scenario.zone", sentence, "give both the same zone")
            taken.add(wish.name)

    # References

    def _references(self) -> Iterator[Problem]:
        for place, action in enumerate(self.scenario.timeline):
            yield from self._action(action, ("timeline", place))
        for place, fault in enumerate(self.scenario.faults):
            yield from self._fault(fault, ("faults", place))
        for place, expectation in enumerate(self.scenario.expect):
            yield from self._event(expectation.after, ("expect", place, "after"))

    def _action(self, action: Action, path: DataPath) -> Iterator[Problem]:
        yield from self._event(action.after, (*path, "after"))
        missing = list(self._cluster(action.cluster, (*path, "cluster"))) if action.cluster else []
        yield from missing
        if action.call is not None:
            yield from self._called(action.call.action, action.call.expect_ret_code, (*path, "call"))
        if action.cluster and not missing and action.preflight == "enforce":
            yield from self._nodes_of(action, self.cast[action.cluster], (*path, action.verb))

    def _nodes_of(self, action: Action, member: Member, path: DataPath) -> Iterator[Problem]:
        """The nodes that an action names may exist when it starts."""
        wanted = getattr(action, action.verb)
        if action.verb in ("restart", "resize", "custom", "delete_nodes"):
            yield from self._node(member, wanted.role, 1, path)
        if action.verb in ("cordon", "uncordon", "drain"):
            yield from self._node(member, wanted.role, wanted.index, path)
        for n, sid in enumerate(action.delete_nodes.sids if action.delete_nodes is not None else ()):
            yield from self._node(member, wanted.role, sid, path, ("sids", n))
        if action.scale is not None:
            yield from self._workload(member, f"{wanted.namespace}/{wanted.workload}", (*path, "workload"))

    def _called(self, name: str, ret_code: int, path: DataPath) -> Iterator[Problem]:
        if name not in ACTION_NAMES:
            sentence = f"The cloud has no action {name!r}"
            remedy = did_you_mean(name, ACTION_NAMES)
            yield self._problem((*path, "action"), "scenario.action-unknown", sentence, remedy)
        if ret_code:
            yield from self._ret_code(ret_code, (*path, "expect_ret_code"))

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
        elif isinstance(fault, CloudTrouble | JobSlow):
            yield from self._resource(fault.resource, (*path, "resource"))
        elif isinstance(fault, QuotaShrinks):
            yield from self._quota(fault.resource, (*path, "resource"))
        elif isinstance(fault, LinkedDown):
            yield from self._linked(fault.service, (*path, "service"))
        elif not isinstance(fault, ZoneShort | AccountShort | AccountArrears):
            yield from self._target(fault, fault.target, (*path, "target"))

    def _linked(self, service: str, path: DataPath) -> Iterator[Problem]:
        world = self.story.world
        named = [link for wish in world.clusters for link in (wish.links.etcd, wish.links.elk) if link is not None]
        known = {*named, *(found.id for found in world.linked or ())}
        if service not in known:
            sentence = f"There is no linked service {service!r}"
            yield self._problem(path, "scenario.service-unknown", sentence, did_you_mean(service, sorted(known)))

    def _target(self, fault: Fault, target: NodeTarget | ClusterTarget, path: DataPath) -> Iterator[Problem]:
        missing = list(self._cluster(target.cluster, (*path, "cluster")))
        yield from missing
        if missing:
            return
        member = self.cast[target.cluster]
        if isinstance(target, NodeTarget):
            yield from self._node(member, target.role, target.index, path)
        if isinstance(fault, NetworkCut) and fault.other is not None:
            other = NetworkCut.model_construct(target=fault.other, other=None)
            yield from self._target(other, fault.other, (*path[:-1], "other"))
        if isinstance(fault, DrainHang):
            yield from self._workload(member, f"{fault.namespace}/{fault.workload}", (*path[:-1], "workload"))
        if isinstance(fault, InstallerFails | InstallerSlow) and not member.wish.settings.install_kubesphere:
            sentence = f"Cluster {member.name!r} has no KubeSphere, so no installer runs"
            yield self._problem(path, "scenario.no-kubesphere", sentence, "set install_kubesphere: true")

    def _call(self, fault: CallFails, path: DataPath) -> Iterator[Problem]:
        if fault.door == "cloud" and fault.operation != "*" and fault.operation not in ACTION_NAMES:
            sentence = f"The cloud has no action {fault.operation!r}"
            remedy = did_you_mean(fault.operation, ACTION_NAMES)
            yield self._problem((*path, "operation"), "scenario.action-unknown", sentence, remedy)
        yield from self._ret_code(fault.ret_code, (*path, "ret_code"))

    def _ret_code(self, ret_code: int, path: DataPath) -> Iterator[Problem]:
        if ret_code not in catalog().ret_codes or ret_code == 0:
            codes = [str(code) for code in catalog().ret_codes if code]
            sentence = f"{ret_code} is not an error code of the cloud"
            yield self._problem(path, "scenario.ret-code", sentence, did_you_mean(str(ret_code), codes))

    def _resource(self, name: str, path: DataPath) -> Iterator[Problem]:
        """Trouble strikes everything, an action, a resource by its id, or one by its label `<cluster>/...`."""
        cluster = name.partition("/")[0]
        if "/" in name:
            yield from self._cluster(cluster, path)
        elif name != "*" and name[:1].isupper() and name not in ACTION_NAMES:
            sentence = f"The cloud has no action {name!r}"
            yield self._problem(path, "scenario.action-unknown", sentence, did_you_mean(name, ACTION_NAMES))

    def _quota(self, kind: str, path: DataPath) -> Iterator[Problem]:
        kinds: tuple[str, ...] = get_args(ResourceType)
        if kind not in kinds:
            sentence = f"No quota counts {kind!r}"
            yield self._problem(path, "scenario.quota-unknown", sentence, did_you_mean(kind, kinds))

    def _cluster(self, name: str, path: DataPath) -> Iterator[Problem]:
        if name not in self.cast and not (self.incomplete and self._may_be_born()):
            sentence = f"There is no cluster {name!r} in the world or the timeline"
            yield self._problem(path, "scenario.cluster-unknown", sentence, did_you_mean(name, self.cast))

    def _may_be_born(self) -> bool:
        """Whether an entry of the timeline that was left out may have created something."""
        return "create:" in "\n".join(self.lines)

    def _node(
        self, member: Member, role: str, index: int, path: DataPath, at: DataPath = ("index",)
    ) -> Iterator[Problem]:
        """A node that may come to be; `at` is where its number stands below `path`."""
        count = sum(found == role for found in member.nodes.values())
        if not count:
            roles = list(dict.fromkeys(member.nodes.values()))
            sentence = f"Cluster {member.name!r} has no {role} nodes"
            yield self._problem((*path, "role"), "scenario.node-unknown", sentence, did_you_mean(role, roles))
        elif index > count:
            nodes = f"{count} {role} node{'s' * (count > 1)}"
            sentence = f"There is no {role}{index}: cluster {member.name!r} has {nodes}"
            remedy = f"use an index from 1 to {count}" if count > 1 else "use index 1"
            yield self._problem((*path, *at), "scenario.node-unknown", sentence, remedy)

    def _workload(self, member: Member, key: str, path: DataPath) -> Iterator[Problem]:
        known = list(member.workloads)
        if key not in known and not key.startswith(("kube", "kubesphere")) and not self.incomplete:
            sentence = f"No workload of {member.name!r} is called {key!r}"
            yield self._problem(path, "scenario.workload-unknown", sentence, did_you_mean(key, known))

    def _event(self, event: str | None, path: DataPath) -> Iterator[Problem]:
        known = [f"{label}.{event}" for label in self.labels for event in EVENTS]
        if event is not None and event not in known and not self.incomplete:
            sentence = f"No event is called {event!r}"
            yield self._problem(path, "scenario.event-unknown", sentence, did_you_mean(event, known))

    # Expressions

    def _expressions(self) -> Iterator[Problem]:
        twin = self.story.twin(Kernel(0))
        yield from self._probes(twin)
        expressions = Expressions(self.story.board(twin).measures)
        for text, path in self._texts():
            try:
                expressions.compile(text)
            except ExpressionError as error:
                for flaw in error.flaws:
                    if self.incomplete and flaw.code == "expression.unknown":
                        continue
                    yield Problem(flaw.code, flaw.sentence, flaw.remedy, self._inside(path, flaw.column))

    def _probes(self, twin: Twin) -> Iterator[Problem]:
        """Both ends of a probe are there from the beginning, or may come with a cluster that is created."""
        for place, probe in enumerate(self.scenario.probes):
            try:
                reach(twin, probe.source, probe.target)
            except InputError as error:
                if not self.story.births and not self.incomplete:
                    for found in error.problems:
                        path: DataPath = ("probes", place, "from" if found.code.endswith("source") else "to")
                        yield self._problem(path, found.code, found.sentence, found.remedy)

    def _texts(self) -> Iterator[tuple[str, DataPath]]:
        for place, expectation in enumerate(self.scenario.expect):
            yield expectation.expression, ("expect", place, expectation.form)
        for place, fault in enumerate(self.scenario.faults):
            if not isinstance(fault, OperatorCrash) and fault.when is not None:
                yield fault.when, ("faults", place, "when")
        for place, action in enumerate(self.scenario.timeline):
            if action.wait is not None and action.wait.until is not None:
                yield action.wait.until, ("timeline", place, "wait", "until")

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

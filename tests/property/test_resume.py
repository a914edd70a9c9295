"""Killed anywhere and resumed, any workflow ends the same, and every write is done exactly once.

A program is a small tree; `flow_of` turns it into a workflow. The world counts how often each write really happened,
and makes trouble by plan: a busy answer, an answer lost before the write, an answer lost after it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from qke_core.effects import Effect, Flow, Json, Settled, Sleep, perform, perform_all, perform_patiently
from qke_core.errors import InvariantError, QkeError, RefusedError, RemoteError
from qke_core.journal import Intent, JournalRecord, Replay, Reply, parse_record, render_record
from qke_core.runner import Append, Do, Fork, Runner, step_through

Program: TypeAlias = tuple[Any, ...]
Ticks: TypeAlias = Generator[None, None, Any]


# --- Effects of the test


@dataclass(frozen=True, slots=True)
class Look(Effect[bool]):
    """Whether a write of this label happened."""

    name: ClassVar[str] = "test.look"
    label: str


@dataclass(frozen=True, slots=True)
class Read(Effect[str]):
    name: ClassVar[str] = "test.read"
    label: str
    trouble: str

    def parse_reply(self, reply: Json) -> str:
        return f"read {reply}"


@dataclass(frozen=True, slots=True)
class Write(Effect[str]):
    name: ClassVar[str] = "test.write"
    mutates: ClassVar[bool] = True
    label: str
    trouble: str

    def parse_reply(self, reply: Json) -> str:
        return f"wrote {reply}"

    def probe(self) -> Flow[Settled | None]:
        happened = yield from perform_patiently(Look(self.label), pause_ms=3)
        return Settled(self.label) if happened else None


# --- Programs


def flow_of(program: Program, label: str = "p") -> Flow[Any]:
    """Turn a program into a workflow; the labels of its effects are their places in the tree."""
    match program:
        case ("read", trouble):
            return (yield from perform_patiently(Read(label, trouble), pause_ms=5))
        case ("write", trouble):
            return (yield from perform_patiently(Write(label, trouble), pause_ms=5))
        case ("sleep", duration_ms):
            return (yield from perform(Sleep(duration_ms)))
        case ("raise",):
            raise RefusedError("test.refused", label, "nothing")
        case ("try", body, handler):
            try:
                return (yield from flow_of(body, f"{label}.t"))
            except QkeError as error:
                handled = yield from flow_of(handler, f"{label}.h")
                return [error.code, error.sentence, handled]
        case ("all", *children):
            flows = [flow_of(child, f"{label}.{number}") for number, child in enumerate(children)]
            return (yield from perform_all(flows))
        case ("seq", *parts):
            results: list[Any] = []
            for number, part in enumerate(parts):
                results.append((yield from flow_of(part, f"{label}.{number}")))
            return results
        case _:
            raise AssertionError(program)


troubles = st.sampled_from(["", "", "busy", "lost-before", "lost-after", "refused"])
leaves: st.SearchStrategy[Program] = st.one_of(
    st.tuples(st.just("read"), troubles),
    st.tuples(st.just("write"), troubles),
    st.tuples(st.just("write"), troubles),
    st.tuples(st.just("sleep"), st.integers(1, 20)),
    st.just(("raise",)),
)


def trees(*kinds: str) -> st.SearchStrategy[Program]:
    """Return programs made of the leaves and of the given inner nodes."""

    def inner(programs: st.SearchStrategy[Program]) -> st.SearchStrategy[Program]:
        several = st.lists(programs, min_size=2, max_size=4)
        tries = st.tuples(st.just("try"), programs, programs)
        return st.one_of([tries, *(several.map(lambda parts, kind=kind: (kind, *parts)) for kind in kinds)])

    return st.recursive(leaves, inner, max_leaves=8)


programs = trees("seq", "all")
lines = trees("seq")
"""Programs without children side by side."""


# --- The world


class Killed(BaseException):
    """The process ended here."""


class World:
    """Counts writes, makes the planned trouble once per label, and drives runners side by side, step by step."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.done: Counter[str] = Counter()
        self.met: set[str] = set()
        self.journal: list[str] = []
        self.stop_at = (0, "")

    def run(self, program: Program, stop_at: tuple[int, str] = (0, "")) -> Any:
        """Run the program on the journal; return its result, or its error as plain data."""
        self.stop_at = stop_at
        replay = Replay(parse_record(line) for line in self.journal)
        ticks = self._child(step_through(flow_of(program), replay, lambda: self.now_ms))
        while True:
            try:
                next(ticks)
            except StopIteration as stop:
                result = stop.value
                return ["error", result.code, result.sentence] if isinstance(result, QkeError) else result

    def _child(self, runner: Runner[Any]) -> Ticks:
        try:
            return (yield from self._drive(runner))
        except InvariantError:
            raise
        except QkeError as error:
            return error

    def _drive(self, runner: Runner[Any]) -> Ticks:
        sent: Any = None
        while True:
            try:
                step = runner.send(sent)
            except StopIteration as stop:
                return stop.value
            match step:
                case Append(record):
                    self._append(record)
                    sent = None
                case Do():
                    sent = self._do(step)
                case Fork(children=children):
                    sent = yield from self._side_by_side([self._child(child) for child in children])
            yield

    def _side_by_side(self, children: Sequence[Ticks]) -> Ticks:
        results: dict[int, Any] = {}
        while len(results) < len(children):
            for number, child in enumerate(children):
                if number not in results:
                    try:
                        next(child)
                    except StopIteration as stop:
                        results[number] = stop.value
            yield
        return tuple(results[number] for number in range(len(children)))

    def _append(self, record: JournalRecord) -> None:
        self.journal.append(render_record(record))
        if self.stop_at == (len(self.journal), "before"):
            raise Killed

    def _do(self, step: Do) -> Json | QkeError:
        answer = self._answer(step.effect, step.asked_ms)
        if self.stop_at[1] == "after" and step.key is not None:
            (place,) = [n for n, line in enumerate(self.journal, 1) if is_intent_of(step.key, line)]
            if place == self.stop_at[0]:
                raise Killed
        return answer

    def _answer(self, effect: Effect[Any], asked_ms: int) -> Json | QkeError:
        match effect:
            case Sleep(duration_ms):
                self.now_ms = max(self.now_ms, asked_ms + duration_ms)
                return None
            case Look(label):
                return self._trouble("busy", f"look {label}") or self.done[label] > 0
            case Read(label, trouble):
                return self._trouble(trouble, label) or label
            case Write(label, trouble):
                met = self._trouble(trouble, label)
                if met is None or trouble == "lost-after":
                    self.done[label] += 1
                return met or label
            case _:
                raise AssertionError(effect)

    def _trouble(self, trouble: str, label: str) -> QkeError | None:
        """Return the trouble when it is met for the first time; a refusal lasts."""
        if trouble == "refused":
            return RemoteError("test.no", label, "stop")
        if not trouble or label in self.met:
            return None
        self.met.add(label)
        return RemoteError(f"test.{trouble}", label, "wait", retry=True, in_doubt=trouble.startswith("lost"))


def is_intent_of(key: str, line: str) -> bool:
    record = parse_record(line)
    return isinstance(record, Intent) and record.key == key


def intents(world: World) -> dict[str, str]:
    found = [record for record in map(parse_record, world.journal) if isinstance(record, Intent)]
    return {record.key: json.dumps(record.effect, sort_keys=True) for record in found}


def resumed_after(program: Program, kills: Sequence[tuple[int, str]], pause_ms: int = 0) -> tuple[World, Any]:
    """Run a program, killed at each of `kills` in turn, then to its end."""
    world = World()
    for kill in kills:
        try:
            world.run(program, kill)
        except Killed:
            world.now_ms += pause_ms
    return world, world.run(program)


# --- The laws

moments = st.sampled_from(["before", "after"])
kills_anywhere = st.tuples(st.integers(1, 30), moments)


@pytest.mark.parametrize("moment", ["before", "after"])
@given(program=programs)
@example(program=("seq", ("write", "lost-after"), ("all", ("write", ""), ("write", "lost-before")), ("write", "busy")))
@example(program=("try", ("all", ("write", "lost-after"), ("raise",)), ("write", "")))
def test_killed_at_every_record_and_resumed_it_ends_the_same_with_each_write_once(program: Program, moment: str):
    calm = World()
    result = calm.run(program)
    assert set(calm.done.values()) <= {1}
    for position in range(1, len(calm.journal) + 1):
        world, again = resumed_after(program, [(position, moment)])
        assert again == result
        assert world.done == calm.done


@given(program=programs, kills=st.lists(kills_anywhere, max_size=6), pause_ms=st.integers(0, 50))
def test_killed_again_and_again_it_still_ends_the_same(program: Program, kills: list[tuple[int, str]], pause_ms: int):
    calm = World()
    result = calm.run(program)
    world, again = resumed_after(program, kills, pause_ms)
    assert again == result
    assert world.done == calm.done


@given(program=programs)
def test_a_whole_journal_is_replayed_without_touching_the_world(program: Program):
    calm = World()
    result = calm.run(program)
    replayed = World()
    replayed.journal = list(calm.journal)
    assert replayed.run(program) == result
    assert replayed.journal == calm.journal
    assert (replayed.now_ms, replayed.done, replayed.met) == (0, Counter(), set())


@given(program=programs, kill=kills_anywhere)
def test_the_journal_only_grows_and_pairs_each_intent_with_one_reply(program: Program, kill: tuple[int, str]):
    world = World()
    with suppress(Killed):
        world.run(program, kill)
    before = list(world.journal)
    world.run(program)
    assert world.journal[: len(before)] == before
    parsed = [parse_record(line) for line in world.journal]
    asked = Counter(record.key for record in parsed if isinstance(record, Intent) and record.effect["name"] != "all")
    assert asked == Counter(record.key for record in parsed if isinstance(record, Reply))
    assert set(asked.values()) <= {1}


@given(
    durations=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    position=st.integers(1, 10),
    moment=moments,
    pause_ms=st.integers(0, 50),
)
def test_a_pause_that_was_cut_short_ends_when_it_would_have(
    durations: list[int], position: int, moment: str, pause_ms: int
):
    program = ("seq", *(("sleep", duration) for duration in durations))
    world, _ = resumed_after(program, [(position, moment)], pause_ms)
    assert sum(durations) <= world.now_ms <= sum(durations) + pause_ms
    if not pause_ms:
        assert world.now_ms == sum(durations)


@given(old=programs, new=programs, share=st.integers(0, 3))
def test_a_changed_workflow_is_a_divergence(old: Program, new: Program, share: int):
    """Unless the new one only goes on where the old one ended: that cannot be told from a run that was killed."""
    beginning = (("write", ""),) * share
    old, new = ("seq", *beginning, old), ("seq", *beginning, new)
    old_world, new_world = World(), World()
    old_world.run(old)
    new_world.run(new)
    changed = not intents(old_world).items() <= intents(new_world).items()
    assume(changed)
    world = World()
    world.journal = list(old_world.journal)
    with pytest.raises(InvariantError) as caught:
        world.run(new)
    assert caught.value.code == "journal.divergence"


@given(program=lines, data=st.data())
def test_one_effect_less_is_a_divergence(program: Program, data: st.DataObject):
    old = ("seq", program, ("read", ""), ("write", ""))
    world = World()
    world.run(old)
    assume(intents(world))
    cut = data.draw(st.sampled_from([("seq", program, *rest) for rest in ((), (("read", ""),), (("write", ""),))]))
    cut_world = World()
    cut_world.run(cut)
    assume(intents(cut_world) != intents(world))
    with pytest.raises(InvariantError, match=r"journal\.divergence"):
        world.run(cut)

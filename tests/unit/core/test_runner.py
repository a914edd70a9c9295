"""When is a record written, what is asked again after a crash, and how does an error reach the workflow?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, TypeVar

import pytest

from qke_core.effects import Effect, Flow, Json, Now, Settled, Sleep, perform, perform_all
from qke_core.errors import InvariantError, QkeError, RefusedError, RemoteError
from qke_core.journal import Intent, JournalRecord, Replay, Reply
from qke_core.runner import Append, Do, Fork, Runner, step_through

T = TypeVar("T")
Answer: TypeAlias = "Callable[[Do], Json | QkeError]"

BUSY = RemoteError("cloud.refused", "Busy", "wait", retry=True)


@dataclass(frozen=True, slots=True)
class Ask(Effect[str]):
    name: ClassVar[str] = "test.ask"
    what: str

    def parse_reply(self, reply: Json) -> str:
        return f"parsed {reply}"


@dataclass(frozen=True, slots=True)
class Write(Effect[str]):
    name: ClassVar[str] = "test.write"
    mutates: ClassVar[bool] = True
    what: str

    def parse_reply(self, reply: Json) -> str:
        return f"wrote {reply}"

    def probe(self) -> Flow[Settled | None]:
        seen = yield from perform(Ask(self.what))
        return None if seen == "parsed None" else Settled(seen)


class Log:
    """Runs a flow to its end and remembers the steps in their order."""

    def __init__(self, answer: Answer, known: Sequence[JournalRecord] = (), at_ms: int = 0) -> None:
        self.answer = answer
        self.known = list(known)
        self.at_ms = at_ms
        self.steps: list[Append | Do] = []

    def run(self, flow: Flow[T]) -> T:
        return self.drive(step_through(flow, Replay(self.known), self.clock))

    def clock(self) -> int:
        self.at_ms += 10
        return self.at_ms

    def drive(self, runner: Runner[T]) -> T:
        sent: Any = None
        while True:
            try:
                step = runner.send(sent)
            except StopIteration as stop:
                return stop.value
            if isinstance(step, Fork):
                sent = tuple(self.child(child) for child in step.children)
            else:
                self.steps.append(step)
                sent = self.answer(step) if isinstance(step, Do) else None

    def child(self, runner: Runner[Any]) -> Any:
        try:
            return self.drive(runner)
        except QkeError as error:
            return error

    @property
    def records(self) -> list[JournalRecord]:
        return [step.record for step in self.steps if isinstance(step, Append)]

    @property
    def done(self) -> list[tuple[str | None, Effect[Any]]]:
        return [(step.key, step.effect) for step in self.steps if isinstance(step, Do)]


def echo(step: Do) -> Json:
    return getattr(step.effect, "what", None)


def two_questions() -> Flow[list[str]]:
    first = yield from perform(Ask("a"))
    second = yield from perform(Ask("b"))
    return [first, second]


def one_write() -> Flow[str]:
    return (yield from perform(Write("x")))


def test_intent_is_durable_before_the_effect_and_reply_after():
    log = Log(echo)
    assert log.run(two_questions()) == ["parsed a", "parsed b"]
    assert log.steps == [
        Append(Intent("0", 10, {"name": "test.ask", "what": "a"})),
        Do(Ask("a"), 10, "0"),
        Append(Reply("0", 20, "a")),
        Append(Intent("1", 30, {"name": "test.ask", "what": "b"})),
        Do(Ask("b"), 30, "1"),
        Append(Reply("1", 40, "b")),
    ]


def test_a_workflow_without_effects_ends_at_once():
    def nothing() -> Flow[int]:
        return 3
        yield

    assert Log(echo).run(nothing()) == 3


def test_a_full_journal_answers_everything_and_nothing_is_done():
    first = Log(echo)
    first.run(two_questions())
    again = Log(echo, first.records)
    assert again.run(two_questions()) == ["parsed a", "parsed b"]
    assert again.steps == []


def test_what_the_journal_does_not_know_is_new():
    first = Log(echo)
    first.run(two_questions())
    again = Log(echo, first.records[:2], at_ms=500)
    assert again.run(two_questions()) == ["parsed a", "parsed b"]
    assert again.done == [("1", Ask("b"))]
    assert again.records == [Intent("1", 510, Ask("b").to_json()), Reply("1", 520, "b")]


def test_a_read_without_reply_is_read_again_under_its_first_instant():
    log = Log(echo, [Intent("0", 3, Ask("a").to_json())], at_ms=500)
    assert log.run(two_questions())[0] == "parsed a"
    assert log.steps[0] == Do(Ask("a"), 3, "0")
    assert log.steps[1] == Append(Reply("0", 510, "a"))


def test_a_pause_without_reply_lasts_from_its_first_instant():
    log = Log(echo, [Intent("0", 3, Sleep(1_000).to_json())], at_ms=500)
    log.run(perform(Sleep(1_000)))
    assert log.steps[0] == Do(Sleep(1_000), 3, "0")


def test_a_write_that_happened_is_found_by_its_probe_and_not_done_again():
    log = Log(echo, [Intent("0", 3, Write("x").to_json())])
    assert log.run(one_write()) == "wrote parsed x"
    assert log.done == [(None, Ask("x"))]
    assert log.records == [Reply("0", 20, "parsed x")]


def test_a_write_that_did_not_happen_is_done_after_its_probe():
    def answer(step: Do) -> Json:
        return "done" if isinstance(step.effect, Write) else None

    log = Log(answer, [Intent("0", 3, Write("x").to_json())])
    assert log.run(one_write()) == "wrote done"
    assert log.done == [(None, Ask("x")), ("0", Write("x"))]


def test_a_write_whose_probe_fails_stays_in_doubt():
    """Otherwise a workflow that repeats what is not in doubt would write twice."""
    log = Log(lambda _: BUSY, [Intent("0", 3, Write("x").to_json())])
    with pytest.raises(RemoteError) as caught:
        log.run(one_write())
    assert (caught.value.code, caught.value.retry, caught.value.in_doubt) == ("cloud.refused", True, True)
    assert log.done == [(None, Ask("x"))]
    with pytest.raises(RemoteError) as again:
        Log(echo, [Intent("0", 3, Write("x").to_json()), *log.records]).run(one_write())
    assert again.value.in_doubt


def test_a_new_write_is_not_probed():
    log = Log(echo)
    assert log.run(one_write()) == "wrote x"
    assert log.done == [("0", Write("x"))]


def test_an_error_reaches_the_workflow_and_its_replay():
    def careful() -> Flow[str]:
        try:
            return (yield from perform(Ask("a")))
        except RemoteError as error:
            again = yield from perform(Ask("b"))
            return f"{error.code} {error.retry} {again}"

    def answer(step: Do) -> Json | QkeError:
        return BUSY if step.effect == Ask("a") else echo(step)

    log = Log(answer)
    assert log.run(careful()) == "cloud.refused True parsed b"
    again = Log(answer, log.records)
    assert again.run(careful()) == "cloud.refused True parsed b"
    assert again.steps == []


def test_an_error_that_nobody_catches_ends_the_workflow():
    log = Log(lambda _: BUSY)
    with pytest.raises(RemoteError, match="Busy"):
        log.run(two_questions())
    assert [type(record) for record in log.records] == [Intent, Reply]


def test_children_answer_in_order_and_have_keys_of_their_own():
    def parent() -> Flow[tuple[str, ...]]:
        yield from perform(Now())
        return (yield from perform_all([perform(Ask("a")), perform(Ask("b"))]))

    log = Log(echo)
    assert log.run(parent()) == ("parsed a", "parsed b")
    assert [(type(record).__name__, record.key) for record in log.records] == [
        ("Intent", "0"),
        ("Reply", "0"),
        ("Intent", "1"),
        ("Intent", "1.0.0"),
        ("Reply", "1.0.0"),
        ("Intent", "1.1.0"),
        ("Reply", "1.1.0"),
    ]
    again = Log(echo, log.records)
    assert again.run(parent()) == ("parsed a", "parsed b")
    assert again.steps == []


def test_the_first_error_in_order_is_raised_after_all_children_have_ended():
    def child(name: str) -> Flow[str]:
        said = yield from perform(Ask(name))
        if name != "a":
            raise RefusedError(f"no.{name}", name, "stop")
        return said

    log = Log(echo)
    with pytest.raises(RefusedError) as caught:
        log.run(perform_all([child("a"), child("b"), child("c")]))
    assert caught.value.code == "no.b"
    assert [effect for _, effect in log.done] == [Ask("a"), Ask("b"), Ask("c")]


def test_a_bug_passes_the_workflow_and_is_not_journaled():
    def careless() -> Flow[str]:
        try:
            return (yield from perform(Ask("a")))
        except QkeError:
            return "swallowed"

    def careless_parent() -> Flow[object]:
        try:
            return (yield from perform_all([perform(Ask("a"))]))
        except QkeError:
            return "swallowed"

    bug = InvariantError("our.bug", "Bug", "report")
    for flow in (careless(), careless_parent()):
        log = Log(lambda _: bug)
        with pytest.raises(InvariantError, match=r"our\.bug"):
            log.run(flow)
        assert not [record for record in log.records if isinstance(record, Reply)]


def test_another_question_in_the_same_place_is_a_divergence():
    first = Log(echo)
    first.run(two_questions())
    with pytest.raises(InvariantError) as caught:
        Log(echo, first.records).run(perform(Ask("z")))
    assert (caught.value.code, caught.value.facts["key"]) == ("journal.divergence", "0")


def test_another_number_of_children_is_a_divergence():
    first = Log(echo)
    first.run(perform_all([perform(Ask("a"))]))
    with pytest.raises(InvariantError, match=r"journal\.divergence"):
        Log(echo, first.records).run(perform_all([perform(Ask("a")), perform(Ask("b"))]))


def test_an_early_end_is_a_divergence():
    first = Log(echo)
    first.run(two_questions())
    with pytest.raises(InvariantError) as caught:
        Log(echo, first.records).run(perform(Ask("a")))
    assert (caught.value.code, caught.value.facts["key"]) == ("journal.divergence", "1")


def test_an_early_error_is_a_divergence():
    def short() -> Flow[str]:
        yield from perform(Ask("a"))
        raise RefusedError("no", "No", "stop")

    first = Log(echo)
    first.run(two_questions())
    with pytest.raises(InvariantError, match=r"journal\.divergence"):
        Log(echo, first.records).run(short())

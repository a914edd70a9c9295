"""Does an error survive pickling, SimPy and a journal, and does it say everything at once?"""

from __future__ import annotations

import copy
import pickle

import pytest

from qke_core.errors import (
    BRANCHES,
    InputError,
    InvariantError,
    Place,
    Problem,
    QkeError,
    RefusedError,
    RemoteError,
    StuckError,
    rebuild,
)

ONE_OF_EACH = [
    InputError("key.unknown", "There is no key 'x'", "did you mean 'y'?", {"key": "x"}),
    InputError("a", "b", "c", None, [Problem("a", "b", "c", Place("f.yaml", 3, 4)), Problem("d", "e", "f")]),
    RefusedError("quota.exceeded", "14 CPUs are too many", "use 10", {"cpus": 14, "hard": True}),
    RemoteError("cloud.no-answer", "No answer", "look first", {"action": "UpgradeClusters"}, retry=True, in_doubt=True),
    RemoteError("cloud.refused", "No", "stop"),
    StuckError("drain.timeout", "Nothing more will come", "look at the pod", {"waited_s": 600}),
    InvariantError("plan.order", "Step b stands before a", "report this plan"),
]


def told(error: QkeError) -> tuple[object, ...]:
    problems = error.problems if isinstance(error, InputError) else ()
    return type(error), error.code, error.sentence, error.remedy, error.facts, str(error), problems


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_pickle_and_copy_keep_everything(error: QkeError):
    assert told(pickle.loads(pickle.dumps(error))) == told(error)  # noqa: S301 - our own bytes
    assert told(copy.copy(error)) == told(error)


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_args_alone_rebuild_an_error_as_simpy_does(error: QkeError):
    assert told(type(error)(*error.args)) == told(error)


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_rebuild_makes_the_same_error_from_plain_data(error: QkeError):
    again = rebuild(type(error).__name__, error.code, error.sentence, error.remedy, error.facts)
    assert told(again)[:6] == told(error)[:6]


def test_every_branch_is_in_the_sample():
    assert {type(error) for error in ONE_OF_EACH} == set(BRANCHES.values())


def test_an_unknown_branch_is_our_bug():
    with pytest.raises(InvariantError) as caught:
        rebuild("SomeError", "a", "b", "c", {})
    assert caught.value.code == "error.branch-unknown"
    assert "'SomeError'" in caught.value.sentence


def test_exit_status_tells_the_branch():
    status = {name: branch.exit_status for name, branch in BRANCHES.items()}
    assert status == {"InputError": 2, "RefusedError": 3, "RemoteError": 4, "StuckError": 5, "InvariantError": 70}


def test_text_is_code_and_sentence():
    assert str(RefusedError("quota.exceeded", "14 CPUs are too many", "use 10")) == (
        "quota.exceeded: 14 CPUs are too many"
    )


def test_flags_of_a_remote_error_are_off_unless_said():
    plain = RemoteError("cloud.refused", "No", "stop")
    assert (plain.retry, plain.in_doubt) == (False, False)
    assert RemoteError("a", "b", "c", retry=True).retry
    assert RemoteError("a", "b", "c", {"in_doubt": True}).in_doubt


def test_facts_are_a_copy():
    facts: dict[str, str | int | bool] = {"cpus": 14}
    error = RefusedError("a", "b", "c", facts)
    facts["cpus"] = 15
    assert error.facts == {"cpus": 14}


def test_problems_are_ordered_by_place_and_the_first_speaks():
    late = Problem("late", "late", "r", Place("b.yaml", 1, 1))
    middle = Problem("middle", "middle", "r", Place("a.yaml", 10, 2))
    early = Problem("early", "early", "r", Place("a.yaml", 2, 30))
    placeless = Problem("placeless", "placeless", "r")
    error = InputError.of([late, middle, placeless, early])
    assert [problem.code for problem in error.problems] == ["placeless", "early", "middle", "late"]
    assert (error.code, error.sentence) == ("placeless", "placeless")
    assert InputError.of([middle, early]).code == "early"


def test_a_single_input_error_is_its_own_problem():
    assert InputError("a", "b", "c").problems == (Problem("a", "b", "c"),)


def test_a_place_reads_as_editors_open_it():
    assert str(Place("shop.yaml", 3, 14)) == "shop.yaml:3:14"

"""The one error tree: what went wrong, for whom, and what to do about it.

Every error raised on purpose is a `QkeError`: a machine code, one sentence that shows the offending value, a remedy,
and the facts as plain data. The branch decides the exit status, so a caller never parses text:

| branch           | means                                                    | exit |
| ---------------- | -------------------------------------------------------- | ---- |
| `InputError`     | the request is wrong: fix the file or the option         | 2    |
| `RefusedError`   | a rule says no (disk, version path, quota)               | 3    |
| `RemoteError`    | the cloud, the API server, a host or the disk said no    | 4    |
| `StuckError`     | a deadline passed and nothing more will come             | 5    |
| `InvariantError` | our own bug                                              | 70   |

An `InputError` carries every problem found in the input, not just the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

Fact: TypeAlias = str | int | bool
Facts: TypeAlias = Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands. Line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """Render as `file:line:column`, the form editors open."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input.

    `place` is None for input that has no file, such as a command-line option. `suggestion` is the word to write
    instead, where one is near enough.
    """

    code: str
    sentence: str
    remedy: str
    place: Place | None = None
    suggestion: str | None = None


class QkeError(Exception):
    """Root of everything this project raises on purpose."""

    exit_status: ClassVar[int] = 70

    def __init__(self, code: str, sentence: str, remedy: str, facts: Facts | None = None) -> None:
        """Keep the four parts as `args` too: pickling and SimPy rebuild an exception from `args` alone."""
        super().__init__(code, sentence, remedy, dict(facts or {}))
        self.code = code
        self.sentence = sentence
        self.remedy = remedy
        self.facts: dict[str, Fact] = dict(facts or {})

    def __str__(self) -> str:
        """Render as `code: sentence`."""
        return f"{self.code}: {self.sentence}"


class InputError(QkeError):
    """The request itself is wrong; nothing was started. Holds every problem found (`problems`)."""

    exit_status = 2

    def __init__(
        self,
        code: str,
        sentence: str,
        remedy: str,
        facts: Facts | None = None,
        problems: Sequence[Problem] = (),
    ) -> None:
        """Make an error of one problem, or of many when `problems` is given."""
        super().__init__(code, sentence, remedy, facts)
        self.args = (code, sentence, remedy, dict(facts or {}), tuple(problems))
        self.problems: tuple[Problem, ...] = tuple(problems) or (Problem(code, sentence, remedy),)

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> InputError:
        """Bundle problems in order of place; the first one speaks for all."""
        ordered = sorted(problems, key=_by_place)
        first = ordered[0]
        return cls(first.code, first.sentence, first.remedy, None, ordered)


class RefusedError(QkeError):
    """A rule says no. The request is well formed; the world does not allow it."""

    exit_status = 3


class RemoteError(QkeError):
    """Something outside said no, or said nothing.

    `retry` tells whether the same call may work later; `in_doubt` that the call may have worked although no answer
    came, so that a write must be probed before it is repeated.
    """

    exit_status = 4

    def __init__(
        self,
        code: str,
        sentence: str,
        remedy: str,
        facts: Facts | None = None,
        *,
        retry: bool = False,
        in_doubt: bool = False,
    ) -> None:
        """Build the error. The flags also stand in `facts` and are read from there, so that `args` alone rebuild it."""
        known = facts or {}
        flags = {"retry": retry or bool(known.get("retry")), "in_doubt": in_doubt or bool(known.get("in_doubt"))}
        super().__init__(code, sentence, remedy, {**known, **flags})

    @property
    def retry(self) -> bool:
        """Whether the same call may work later."""
        return bool(self.facts["retry"])

    @property
    def in_doubt(self) -> bool:
        """Whether the call may have worked although no answer came."""
        return bool(self.facts["in_doubt"])


class StuckError(QkeError):
    """A deadline passed."""

    exit_status = 5


class InvariantError(QkeError):
    """Our own bug: a promise of the code was broken."""

    exit_status = 70


def _by_place(problem: Problem) -> tuple[str, int, int]:
    place = problem.place
    return ("", 0, 0) if place is None else (place.file, place.line, place.column)


BRANCHES: Mapping[str, type[QkeError]] = {
    branch.__name__: branch for branch in (InputError, RefusedError, RemoteError, StuckError, InvariantError)
}
"""Branch by class name: how a journal names the kind of an error it stores."""


def rebuild(branch: str, code: str, sentence: str, remedy: str, facts: Facts) -> QkeError:
    """Make the error again that `branch`, `code`, `sentence`, `remedy` and `facts` describe.

    Raises:
        InvariantError: `error.branch-unknown` for a branch that does not exist.
    """
    kind = BRANCHES.get(branch)
    if kind is None:
        raise InvariantError(
            "error.branch-unknown",
            f"No error branch is called {branch!r}",
            "the record was written by another version; use that version to read it",
        )
    return kind(code, sentence, remedy, facts)

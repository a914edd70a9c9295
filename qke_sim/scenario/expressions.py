"""CEL expressions over measurements: checked before the run, evaluated at single instants.

A name is declared to CEL with its type, so an unknown measurement or a comparison of unlike things is an error before
anything runs, with its column. CEL is the expression language of Kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cel_expr_python import cel

from qke_core.errors import InputError
from qke_core.suggest import did_you_mean
from qke_sim.scenario.measure import Measure, Value

_TYPES: Final[Mapping[str, Any]] = {
    "bool": cel.Type.BOOL,
    "int": cel.Type.INT,
    "double": cel.Type.DOUBLE,
    "string": cel.Type.STRING,
    "duration": cel.Type.DURATION,
    "list": cel.Type.List(cel.Type.STRING),
}
_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']+)'")
_NAMES = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)""")


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with an expression, and at which column (from 0) of it."""

    code: str
    sentence: str
    remedy: str
    column: int


class ExpressionError(Exception):
    """An expression that cannot be used; `flaws` says why, all at once."""

    def __init__(self, flaws: list[Flaw]) -> None:
        """Keep the flaws."""
        super().__init__(flaws)
        self.flaws = flaws


class Expressions:
    """Compiles expressions against one list of measurements."""

    def __init__(self, measures: Mapping[str, Measure]) -> None:
        """Declare every measurement with its type."""
        self._measures = measures
        self._env = cel.NewEnv(variables={name: _TYPES[measure.type] for name, measure in measures.items()})

    def compile(self, text: str) -> Expression:
        """Compile one expression that says yes or no.

        Raises:
            ExpressionError: with every flaw and its column.
        """
        try:
            program = self._env.compile(text)
        except RuntimeError as exc:
            raise ExpressionError(
                [self._flaw(text, *found) for found in _ERROR.findall(str(exc))] or [_unclear(str(exc))]
            ) from exc
        if program.return_type() != cel.Type.BOOL:
            kind = program.return_type().name().casefold()
            sentence = f"The expression is of type {kind}; it must say yes or no"
            raise ExpressionError([Flaw("expression.not-bool", sentence, "compare it with something", 0)])
        return Expression(text, program, tuple(self._measures[name] for name in self._used(text)))

    def _used(self, text: str) -> list[str]:
        found = [match.group(1) for match in _NAMES.finditer(text) if match.group(1)]
        return list(dict.fromkeys(name for word in found for name in _prefixes(word) if name in self._measures))

    def _flaw(self, text: str, line: str, column: str, message: str) -> Flaw:
        """Turn one complaint of CEL (line and column from 1) into a flaw."""
        before = "".join(text.splitlines(keepends=True)[: int(line) - 1])
        undeclared = _UNDECLARED.search(message)
        if undeclared is None:
            at = len(before) + int(column) - 1
            if "Syntax error" in message:
                what = message.removeprefix("Syntax error: ").partition(" expecting {")[0]
                remedy = "write it in CEL, such as shop.jobs == 1 && shop.api.available"
                return Flaw("expression.syntax", f"The expression does not parse: {what}", remedy, at)
            remedy = "compare things of one type; `qke-sim measures` lists the types"
            return Flaw("expression.type", f"The expression does not fit together: {message}", remedy, at)
        name = undeclared.group(1)
        place = re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", text)
        remedy = did_you_mean(name, self._measures)
        return Flaw("expression.unknown", f"There is no measurement {name!r}", remedy, place.start() if place else 0)


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression, and the measurements it names."""

    text: str
    program: Any
    measures: tuple[Measure, ...]

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Evaluate with what `values()` returned.

        Raises:
            InputError: `expression.evaluation`, when the values make it fail (an index out of range, say).
        """
        result = self.program.eval(data=values).value()
        if isinstance(result, bool):
            return result
        sentence = f"The expression {self.text!r} fails with the values of this run: {result}"
        raise InputError("expression.evaluation", sentence, "guard it, such as size(list) > 3 && list[3] == ...")

    def values(self) -> dict[str, Value]:
        """Read the measurements that the expression names."""
        return {measure.name: measure.read() for measure in self.measures}


def _prefixes(word: str) -> list[str]:
    """Return a dotted name and everything it may be a member of: `a.b.size` may be `a.b` and a method."""
    parts = word.split(".")
    return [".".join(parts[:length]) for length in range(len(parts), 0, -1)]


def _unclear(message: str) -> Flaw:
    return Flaw("expression.syntax", f"The expression does not parse: {message[:120]}", "see the CEL definition", 0)

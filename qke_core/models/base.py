"""What every document of ours is made of: strict frozen models, and fields with units.

A value that does not fit raises a `PydanticCustomError` whose type is our error code and whose context holds the
remedy, so that `qke_core.documents` can print it with file, line and column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from qke_core.catalog import catalog
from qke_core.suggest import did_you_mean, nearest
from qke_core.units import DURATION_PATTERN, SIZE_PATTERN, parse_duration, parse_size, render_duration, render_size

T = TypeVar("T")

API_VERSION = "qke/v1"

RESERVED_NAMES = frozenset(
    [
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"),
        *("namespace", "now", "null", "package", "return", "true", "var", "void", "while"),
    ]
)
"""Words that a name may not be, because expressions (CEL) could not name it, and `now`, our own."""


class Model(BaseModel):
    """A frozen, strict document part: unknown keys are errors, nothing is converted silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


def refuse(code: str, sentence: str, remedy: str, suggestion: str | None = None) -> PydanticCustomError:
    """Return the exception a validator raises to refuse a value with our code, sentence and remedy."""
    escaped = sentence.replace("{", "(").replace("}", ")")
    return PydanticCustomError(code, "{sentence}", {"sentence": escaped, "remedy": remedy, "suggestion": suggestion})  # pyright: ignore[reportArgumentType] - a code is a plain str here, the stub wants a literal


def _reader(code: str, parse: Callable[[str], int], example: str) -> Callable[[object], int]:
    def read(value: object) -> int:
        if not isinstance(value, str):
            sentence = f"{value!r} has no unit"
            raise refuse(
                code, sentence, f"write it with its unit, such as {example}", example.split(",", maxsplit=1)[0]
            )
        try:
            return parse(value)
        except ValueError as exc:
            sentence, _, remedy = str(exc).rpartition(": ")
            raise refuse(code, sentence, remedy, example.split(",", maxsplit=1)[0]) from exc

    return read


DurationMs = Annotated[
    int,
    BeforeValidator(_reader("document.duration", parse_duration, "90s, 6m or 2h")),
    PlainSerializer(render_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["90s", "6m", "1h30m"]}),
]
"""A duration in a file (`90s`, `6m`, `1h30m`); milliseconds inside."""

SizeMib = Annotated[
    int,
    BeforeValidator(_reader("document.size", parse_size, "40GiB")),
    PlainSerializer(render_size, return_type=str),
    WithJsonSchema({"type": "string", "pattern": SIZE_PATTERN, "examples": ["40GiB", "51200MiB"]}),
]
"""A size in a file (`40GiB`); MiB inside."""


def one_of(code: str, noun: str, choices: Callable[[], Iterable[str]]) -> Callable[[object], object]:
    """Return a validator that accepts one of `choices()` and otherwise names the nearest one."""

    def check(value: object) -> object:
        valid = list(choices())
        if value in valid:
            return value
        remedy = did_you_mean(str(value), valid)
        if isinstance(value, float | int):
            remedy = f"write it in quotes or with three parts; {remedy}"
        sentence = f"{value!r} is not {noun}"
        raise refuse(code, sentence, remedy, nearest(str(value), valid))

    return check


def _name(value: object) -> object:
    if value in RESERVED_NAMES:
        sentence = f"{value!r} cannot be a name: expressions reserve the word"
        raise refuse("document.name-reserved", sentence, f"call it {value}1, for example")
    return value


Name = Annotated[str, BeforeValidator(_name), StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,38}$")]
"""A name people choose: lower case letters, digits and hyphens, beginning with a letter."""


VersionName = Annotated[
    str,
    BeforeValidator(one_of("version.unknown", "a QKE version", lambda: catalog().order)),
    WithJsonSchema({"type": "string", "examples": ["1.0.1", "2.0.0"]}),
]
"""A QKE version of the catalogue, such as `2.0.0`."""

RoleName = Annotated[
    str,
    BeforeValidator(one_of("role.unknown", "a role of a QKE cluster", lambda: catalog().roles)),
    WithJsonSchema({"type": "string", "examples": ["master", "node_perf", "client"]}),
]
"""A role of the catalogue, such as `master`."""

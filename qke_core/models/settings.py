"""Cluster parameters: what people write under `env`, and what they come to once the version's defaults are in.

Which parameters exist, and which values fit, is the catalogue's knowledge; whether a value breaks a rule is said by
`qke_core.rules.parameters`, so that all broken rules come at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias, cast

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic.functional_validators import PlainValidator

from qke_core.catalog import Value, parameters
from qke_core.models.base import one_of, refuse

ParameterKey = Annotated[
    str, BeforeValidator(one_of("parameter.unknown", "a cluster parameter", lambda: parameters().env_keys))
]
"""The product's own key of a cluster parameter, such as `docker_bip`."""

Given: TypeAlias = str | int | bool | tuple[str, ...]


def _given(value: object) -> Given:
    if isinstance(value, str | int):
        return value
    if isinstance(value, list | tuple):
        words = cast("list[object]", value)
        if all(isinstance(word, str) for word in words):
            return tuple(cast("list[str]", words))
    sentence = f"{value!r} is not a parameter value"
    raise refuse("parameter.type", sentence, "write a text, a whole number, true or false, or a list of words")


def _written(value: Given) -> str | int | bool | list[str]:
    return list(value) if isinstance(value, tuple) else value


ParameterValue = Annotated[
    Given,
    PlainValidator(_given),
    PlainSerializer(_written),
    WithJsonSchema(
        {"anyOf": [{"type": ["string", "integer", "boolean"]}, {"type": "array", "items": {"type": "string"}}]}
    ),
]
"""A value as people write it; a choice of several words is a list, or one text with commas."""

Env = Annotated[
    Mapping[ParameterKey, ParameterValue],
    Field(description="Cluster parameters by the product's own keys, such as install_kubesphere: false."),
]


@dataclass(frozen=True, slots=True)
class Settings:
    """Every parameter of one version with its value; `version` is a QKE version.

    Asking for a parameter that the version does not have raises KeyError, except for the two properties.
    """

    version: str
    values: Mapping[str, Value]

    @classmethod
    def resolve(cls, version: str, given: Mapping[str, Given]) -> Settings:
        """Fill in the defaults of `version`; a key that the version does not have is left out."""
        known = parameters().env(version)
        values: dict[str, Value] = {key: _default(found.default) for key, found in known.items()}
        values.update((key, plain_value(value)) for key, value in given.items() if key in known)
        return cls(version, values)

    def text(self, key: str) -> str:
        """The value of a text parameter."""
        return str(self.values[key])

    def number(self, key: str) -> int:
        """The value of a whole-number parameter; 0 for a value of another type, which a rule refuses."""
        value = self.values[key]
        return value if isinstance(value, int) else 0

    def flag(self, key: str) -> bool:
        """The value of a yes-or-no parameter."""
        return bool(self.values[key])

    def has(self, key: str) -> bool:
        """Whether the version has such a parameter."""
        return key in self.values

    @property
    def install_kubesphere(self) -> bool:
        """Whether KubeSphere is installed; 1.0.0 always installs it."""
        return bool(self.values.get("install_kubesphere", True))

    @property
    def modules(self) -> tuple[str, ...]:
        """Optional modules chosen; 1.x has no such choice."""
        return tuple(word.strip() for word in str(self.values.get("extra.modules", "")).split(",") if word.strip())


def plain_value(given: Given) -> Value:
    """Return what a form would hold: words joined by commas, and no line break at the end (YAML's `|` leaves one)."""
    if isinstance(given, tuple):
        return ",".join(given)
    return given.removesuffix("\n") if isinstance(given, str) else given


def _default(value: Value | None) -> Value:
    return "" if value is None else value

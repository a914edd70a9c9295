"""The parameters of a cluster, per version: what may be set, to what, and what a change does at run time.

A book of its own, read when it is first asked for: many commands need no parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from qke_core.catalog.facts import Basis, Entry
from qke_core.catalog.load import catalog, read_text
from qke_core.catalog.reader import Document, Table, put_once

Value: TypeAlias = str | int | bool
"""What a parameter may be set to."""

Scope: TypeAlias = Literal["cluster", "role", "env", "service"]
ParameterType: TypeAlias = Literal["integer", "string", "boolean", "password", "eip", "accesskey", "service"]

SCOPES: tuple[Scope, ...] = ("cluster", "role", "env", "service")
TYPES: tuple[ParameterType, ...] = ("integer", "string", "boolean", "password", "eip", "accesskey", "service")


@dataclass(frozen=True, slots=True)
class Dependency:
    """The parameter is offered only while `key` has one of `values`."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as one version declares it.

    `default` is None where the form starts empty and a value is required. `choices` is empty where any value of the
    type fits; `minimum`, `maximum` and `step` bound whole numbers; `pattern` is a regular expression as declared, ""
    for none. `changeable`: after creation; `changeable_when_create`: in the form. `express_values` are the values of
    the express groups in the order of the form; `old_version_default` is what an upgraded cluster gets.
    """

    key: str
    scope: Scope
    role: str
    version: str
    type: ParameterType
    default: Value | None
    required: bool
    changeable: bool
    changeable_when_create: bool
    minimum: int | None
    maximum: int | None
    step: int | None
    choices: tuple[Value, ...]
    pattern: str
    multiline: bool
    multichoice: bool
    depends_on: tuple[Dependency, ...]
    auto_scale_step: int
    express_values: tuple[Value, ...]
    old_version_default: Value | None
    meaning: str
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class ParameterBook:
    """All parameters of all versions."""

    table: Mapping[tuple[str, str, str, str], Parameter]  # (scope, role, key, version)
    env_keys: tuple[str, ...]
    ledger: tuple[Entry, ...]

    def env(self, version: str) -> Mapping[str, Parameter]:
        """Return the env parameters of a version by key, in the order of the form."""
        return self._of("env", "", version)

    def role(self, role: str, version: str) -> Mapping[str, Parameter]:
        """Return the parameters of a role: count, cpu, memory, volume_size, instance_class and more, by name."""
        return self._of("role", role, version)

    def cluster(self, version: str) -> Mapping[str, Parameter]:
        """Return the parameters of the whole cluster: name, vxnet, linked services, express group."""
        return self._of("cluster", "", version)

    def service(self, version: str) -> Mapping[str, Parameter]:
        """Return the arguments of the services in the cluster's menu."""
        return self._of("service", "", version)

    def entries(self) -> Iterator[Entry]:
        """Return every sourced entry, for the fidelity page."""
        return iter(self.ledger)

    def _of(self, scope: Scope, role: str, version: str) -> Mapping[str, Parameter]:
        return {key: found for (s, r, key, v), found in self.table.items() if (s, r, v) == (scope, role, version)}


@cache
def parameters() -> ParameterBook:
    """The parameter book that ships with this package."""
    return build_parameters(read_text("parameters.toml"), catalog().order)


def build_parameters(text: str, order: tuple[str, ...]) -> ParameterBook:
    """Make the book from its TOML text.

    Raises:
        InvariantError: `catalog.malformed`.
    """
    document = Document("parameters.toml", text)
    table: dict[tuple[str, str, str, str], Parameter] = {}
    for entry in document.tables("parameter", by=("scope", "role", "key")):
        scope = entry.choice("scope", SCOPES)
        role = entry.text("role") if scope == "role" else ""
        key, meaning = entry.text("key"), entry.text("meaning")
        basis, source = entry.provenance()
        heading = _Heading(key, scope, role, meaning, basis, source)
        for definition in entry.tables("definition", by=("versions",)):
            found = _parameter(definition, heading)
            for version in definition.choices("versions", order):
                put_once(table, definition, (scope, role, key, version), replace(found, version=version))
    keys = dict.fromkeys(key for scope, _, key, _ in table if scope == "env")
    return ParameterBook(MappingProxyType(table), tuple(keys), document.close())


class _Heading(NamedTuple):
    """What all definitions of a parameter share."""

    key: str
    scope: Scope
    role: str
    meaning: str
    basis: Basis
    source: str


def _parameter(table: Table, heading: _Heading) -> Parameter:
    depends_on = tuple(
        Dependency(found.text("key"), found.texts("values")) for found in table.tables("depends_on", by=("key",))
    )
    return Parameter(
        key=heading.key,
        scope=heading.scope,
        role=heading.role,
        version="",
        type=table.choice("type", TYPES),
        default=table.scalar("default") if table.has("default") else None,
        required=table.flag("required", default=False),
        changeable=table.flag("changeable", default=True),
        changeable_when_create=table.flag("changeable_when_create", default=True),
        minimum=table.integer("min") if table.has("min") else None,
        maximum=table.integer("max") if table.has("max") else None,
        step=table.integer("step") if table.has("step") else None,
        choices=table.scalars("choices"),
        pattern=table.text("pattern", ""),
        multiline=table.flag("multiline", default=False),
        multichoice=table.flag("multichoice", default=False),
        depends_on=depends_on,
        auto_scale_step=table.integer("auto_scale_step") if table.has("auto_scale_step") else 0,
        express_values=table.scalars("express_values"),
        old_version_default=table.scalar("old_version_default") if table.has("old_version_default") else None,
        meaning=heading.meaning,
        basis=heading.basis,
        source=heading.source,
    )

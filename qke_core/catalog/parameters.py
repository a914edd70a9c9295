"""The parameters of a cluster, per version: what may be set, to what, and what the product sets by itself.

A book of its own, read when it is first asked for: many commands need no parameter. What a change does at run time
stands in `parameter_changes`.
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
    for none, and `matcher` one that accepts the same texts and answers in time that grows with the text alone.
    `changeable`: after creation; `changeable_when_create`: in the form. `express_values` are the values of the express
    groups in the order of the form; `old_version_default` is what an upgraded cluster gets.
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
    matcher: str
    multiline: bool
    multichoice: bool
    depends_on: tuple[Dependency, ...]
    auto_scale_step: int
    express_values: tuple[Value, ...]
    old_version_default: Value | None
    meaning: str
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True)
class Hidden:
    """A value that the product hands to the nodes and no form offers: a constant, or what templates read without it."""

    key: str
    version: str
    value: str
    meaning: str
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class ParameterBook:
    """All parameters of all versions. `forms` is keyed by (scope, role, version), `env_keys` are those of any version.

    Asking for a version or role that does not exist gives an empty mapping.
    """

    forms: Mapping[tuple[str, str, str], Mapping[str, Parameter]]
    hidden_values: tuple[Hidden, ...]
    env_keys: tuple[str, ...]
    env_versions: Mapping[str, tuple[str, ...]]
    ledger: tuple[Entry, ...]

    def env(self, version: str) -> Mapping[str, Parameter]:
        """Return the env parameters of a version by key, in the order of the newest form."""
        return self._of("env", "", version)

    def versions_with(self, key: str) -> tuple[str, ...]:
        """Return the versions that have the env parameter `key`, oldest first; none for a key nobody knows."""
        return self.env_versions.get(key, ())

    def role(self, role: str, version: str) -> Mapping[str, Parameter]:
        """Return the parameters of a role: count, cpu, memory, volume_size, instance_class and more, by name."""
        return self._of("role", role, version)

    def cluster(self, version: str) -> Mapping[str, Parameter]:
        """Return the parameters of the whole cluster: name, vxnet, linked services, express group."""
        return self._of("cluster", "", version)

    def service(self, version: str) -> Mapping[str, Parameter]:
        """Return the arguments of the services in the cluster's menu."""
        return self._of("service", "", version)

    def hidden(self, version: str) -> Mapping[str, Hidden]:
        """Return what a version sets by itself, by key."""
        return {found.key: found for found in self.hidden_values if found.version == version}

    def entries(self) -> Iterator[Entry]:
        """Return every sourced entry, for the fidelity page."""
        return iter(self.ledger)

    def _of(self, scope: Scope, role: str, version: str) -> Mapping[str, Parameter]:
        return self.forms.get((scope, role, version), _NOTHING)


_NOTHING: Mapping[str, Parameter] = MappingProxyType({})


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
    forms: dict[tuple[str, str, str], dict[str, Parameter]] = {}
    keys: list[str] = []
    for entry in document.tables("parameter", by=("scope", "role", "key")):
        scope = entry.choice("scope", SCOPES)
        role = entry.text("role") if scope == "role" else ""
        key, meaning = entry.text("key"), entry.text("meaning")
        basis, source = entry.provenance()
        heading = _Heading(key, scope, role, meaning, basis, source)
        if scope == "env":
            keys.append(key)
        for definition in entry.tables("definition", by=("versions",)):
            found = _parameter(definition, heading)
            for version in definition.choices("versions", order):
                form = forms.setdefault((scope, role, version), {})
                put_once(form, definition, key, replace(found, version=version))
    hidden = tuple(
        found for entry in document.tables("hidden", by=("key", "versions")) for found in _hidden(entry, order)
    )
    having = {key: tuple(v for v in order if key in forms.get(("env", "", v), {})) for key in keys}
    frozen = {place: MappingProxyType(form) for place, form in forms.items()}
    return ParameterBook(MappingProxyType(frozen), hidden, tuple(keys), MappingProxyType(having), document.close())


class _Heading(NamedTuple):
    """What all definitions of a parameter share."""

    key: str
    scope: Scope
    role: str
    meaning: str
    basis: Basis
    source: str


def _hidden(table: Table, order: tuple[str, ...]) -> Iterator[Hidden]:
    key, value, meaning = table.text("key"), table.text("value"), table.text("meaning")
    basis, source = table.provenance()
    for version in table.choices("versions", order):
        yield Hidden(key, version, value, meaning, basis, source)


def _parameter(table: Table, heading: _Heading) -> Parameter:
    pattern = table.text("pattern", "")
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
        pattern=pattern,
        matcher=table.text("fast_pattern", pattern),
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

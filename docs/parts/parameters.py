"""The page docs/reference/parameters.md, made from the books of parameters and of their changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from qke_core.catalog import Parameter, ParameterChange, Value, catalog, parameter_changes, parameters
from qke_core.catalog.parameter_changes import Condition
from qke_core.rules.values import FORMS, SPECIAL_FORMS

SHORT = 40
WHERE: Mapping[str, str] = {
    "first-master": "the first master",
    "masters": "all masters",
    "k8s-nodes": "all masters and workers",
    "all-nodes": "all nodes",
}
WHEN: Mapping[Condition, str] = {
    "always": "",
    "kubesphere": "only with KubeSphere",
    "hostnic": "only with hostnic",
    "not-hostnic": "not with hostnic",
    "auditing-on": "only while auditing is on",
    "audit-log": "only while audit events go to the log file",
    "registry-login": "only with both user and password",
}


def render_parameter_reference() -> Iterator[str]:
    """Yield the lines of the page: cluster parameters, what a change restarts, sizes of roles, hidden values."""
    yield "# Parameters"
    yield ""
    yield "What the form of each version offers, in its own words. How values are checked, and what a change sets off,"
    yield "is on the page [rules of parameters](../rules/parameters.md)."
    yield ""
    yield "## Cluster parameters (`env`)"
    yield ""
    yield "*Fixed*: cannot change after creation."
    yield ""
    for key in parameters().env_keys:
        yield from _parameter(key)
    yield "## Sizes of roles (`roles`)"
    yield ""
    yield "Memory in MiB, disks in GiB."
    yield ""
    yield from _table(("role", "figure", "versions", "starts with", "offers"), _roles())
    yield ""
    yield "## Arguments of services in the menu"
    yield ""
    yield from _table(("argument", "versions", "starts with", "offers"), _services())
    yield ""
    yield "## Values that no form offers"
    yield ""
    yield from _table(("key", "versions", "value", "meaning"), _hidden())


def _parameter(key: str) -> Iterator[str]:
    having = parameters().versions_with(key)
    newest = parameters().env(having[-1])[key]
    yield f"### `{key}`"
    yield ""
    yield _text(newest.meaning)
    yield ""
    found = [(version, parameters().env(version)[key]) for version in having]
    rows = [
        (span(versions), default(one), offers(one), _shown_while(one), "" if one.changeable else "fixed")
        for versions, one in _groups(found)
    ]
    yield from _table(("versions", "starts with", "takes", "shown while", ""), rows)
    yield ""
    patterns: dict[str, list[str]] = {}
    for version, one in found:
        patterns.setdefault(one.pattern, []).append(version)
    for pattern, versions in patterns.items():
        if pattern:
            yield f"Pattern as declared ({span(versions)}):"
            yield ""
            yield from ("```text", pattern, "```", "")
    changes = [(version, parameter_changes().changes(key, version)) for version in having]
    told = [(versions, effects) for versions, effects in _alike(changes) if effects]
    if told:
        yield from _table(("changed at", "what happens"), [(span(v), _effect(effects)) for v, effects in told])
        yield ""


def span(versions: Sequence[str]) -> str:
    """Write versions that follow each other as a span: `1.0.0`, `1.0.1 to 3.0.0`, `3.1.0 on`, or one by one."""
    order = catalog().order
    places = [order.index(version) for version in versions]
    if places != list(range(places[0], places[-1] + 1)):
        return ", ".join(versions)
    if tuple(versions) == order:
        return "all"
    if len(versions) == 1:
        return versions[0]
    return f"{versions[0]} on" if versions[-1] == order[-1] else f"{versions[0]} to {versions[-1]}"


def default(found: Parameter) -> str:
    """Write what the form starts with."""
    if found.default is None:
        return "nothing; required"
    return _code(found.default)


def offers(found: Parameter) -> str:
    """Write what a parameter takes."""
    if found.choices:
        words = ", ".join(_code(choice) for choice in found.choices)
        return f"any of {words}" if found.multichoice else words
    if found.minimum is not None:
        step = "" if found.step is None else f", steps of {found.step}"
        return f"{found.minimum} to {found.maximum}{step}"
    if found.pattern:
        what, _ = SPECIAL_FORMS.get((found.key, found.version)) or FORMS[found.key]
        return what
    if found.type == "boolean":
        return "`true`, `false`"
    return "text of several lines" if found.multiline else "text"


def _code(value: Value) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value).replace("\n", " ")
    text = text if len(text) <= SHORT else text[: SHORT - 3] + "..."
    return f"`{text}`" if text else "empty"


def _shown_while(found: Parameter) -> str:
    return " and ".join(f"`{need.key}` is {' or '.join(need.values)}" for need in found.depends_on)


def _effect(changes: Sequence[ParameterChange]) -> str:
    """Write what a change sets off, in the order of a node."""
    said: list[str] = []
    for change in changes:
        told = _text(change.effect)
        if change.only_when != "always":
            told += f"; {WHEN[change.only_when]}"
        if change.restarts:
            told += f". Restarts {', '.join(change.restarts)} on {WHERE[change.acts_on]}"
        said.append(f"`{change.trigger}`: {told}")
    return "<br>".join(said)


def _roles() -> Iterator[tuple[str, ...]]:
    for role in catalog().roles:
        having = [version for version in catalog().order if parameters().role(role, version)]
        for key in dict.fromkeys(key for version in having for key in parameters().role(role, version)):
            found = [
                (version, parameters().role(role, version)[key])
                for version in having
                if key in parameters().role(role, version)
            ]
            for versions, one in _groups(found):
                yield f"`{role}`", key, span(versions), default(one), offers(one)


def _services() -> Iterator[tuple[str, ...]]:
    found = [
        (version, form["docker_prune_days"]) for version in catalog().order if (form := parameters().service(version))
    ]
    for versions, one in _groups(found):
        yield f"`{one.key}`", span(versions), default(one), offers(one)


def _hidden() -> Iterator[tuple[str, ...]]:
    for key in dict.fromkeys(found.key for found in parameters().hidden_values):
        found = [one for one in parameters().hidden_values if one.key == key]
        yield f"`{key}`", span(tuple(one.version for one in found)), f"`{found[0].value}`", _text(found[0].meaning)


def _groups(found: Iterable[tuple[str, Parameter]]) -> Iterator[tuple[tuple[str, ...], Parameter]]:
    """Put versions together that declare a parameter alike."""
    groups: dict[tuple[object, ...], list[tuple[str, Parameter]]] = {}
    for version, one in found:
        look = (default(one), offers(one), _shown_while(one), one.changeable)
        groups.setdefault(look, []).append((version, one))
    for members in groups.values():
        yield tuple(version for version, _ in members), members[0][1]


def _alike(
    changes: Iterable[tuple[str, tuple[ParameterChange, ...]]],
) -> Iterator[tuple[tuple[str, ...], tuple[ParameterChange, ...]]]:
    """Put versions together in which a change does the same."""
    groups: dict[str, list[tuple[str, tuple[ParameterChange, ...]]]] = {}
    for version, effects in changes:
        groups.setdefault(_effect(effects), []).append((version, effects))
    for members in groups.values():
        yield tuple(version for version, _ in members), members[0][1]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(_cell(cell) for cell in row)} |"


def _text(text: str) -> str:
    """Return a sentence of the catalogue as Markdown."""
    return text.replace("<", "\\<")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

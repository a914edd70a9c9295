"""What a change of cluster parameters does at run time: which components restart, on which nodes, and in which order.

A node compares the values it sees, line by line, with those it saw last, and works through the lines that differ. That
is done here too, so that values which share a line, lines that end the work and values that nobody looks at come out as
they do on the node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Literal, TypeAlias

from qke_core.catalog.facts import Basis, Entry
from qke_core.catalog.load import catalog, read_text
from qke_core.catalog.parameters import Value
from qke_core.catalog.reader import Document, Table, put_once

ActsOn: TypeAlias = Literal["nobody", "first-master", "masters", "k8s-nodes", "all-nodes"]
Manner: TypeAlias = Literal["none", "rolling", "at-once"]
Condition: TypeAlias = Literal[
    "always", "kubesphere", "hostnic", "not-hostnic", "auditing-on", "audit-log", "registry-login"
]
Watches: TypeAlias = Literal["value", "set"]

ACTS_ON: tuple[ActsOn, ...] = ("nobody", "first-master", "masters", "k8s-nodes", "all-nodes")
"""Who acts, from nobody to all; `all-nodes` are the Kubernetes nodes and the client."""

RENDER = "render"
"""The line of changes that only write a file anew: nothing reloads."""

Seen: TypeAlias = str | bool | None


def _hostnic(values: Mapping[str, Value]) -> bool:
    return values.get("network_plugin") == "hostnic"


def _auditing(values: Mapping[str, Value]) -> bool:
    return bool(values.get("kube_audit_file") or values.get("kube_audit_policy"))


CONDITIONS: Mapping[Condition, Callable[[Mapping[str, Value]], bool]] = {
    "always": lambda _: True,
    "kubesphere": lambda values: bool(values.get("install_kubesphere", True)),  # 1.0.0 always installs it.
    "hostnic": _hostnic,
    "not-hostnic": lambda values: not _hostnic(values),
    "auditing-on": _auditing,
    "audit-log": lambda values: _auditing(values) and not values.get("kube_audit_webhook"),
    "registry-login": lambda values: bool(values.get("dockerhub_username") and values.get("dockerhub_password")),
}
"""When a value counts, by all values of the cluster. `audit-log`: audit events go to the log file."""


@dataclass(frozen=True, slots=True)
class ReloadLine:
    """One thing a node may do when it sees new values; `stops`: then it skips the lines after this one.

    `links`: linked services (etcd, elk) whose addresses set it off too.
    """

    name: str
    version: str
    stops: bool
    links: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """What changing one parameter at one version sets off: the line `trigger`.

    `restarts` names components, restarted in this `manner` on the nodes of `acts_on`; `staggered`: each node waits a
    little first, at random. `interruption` says what people feel, "" for nothing. `watches` "set": only a change
    between empty and not empty counts. `menu_restart`: it takes effect only when all Kubernetes nodes are restarted
    from the cluster's menu.
    """

    key: str
    version: str
    trigger: str
    watches: Watches
    only_when: Condition
    acts_on: ActsOn
    restarts: tuple[str, ...]
    manner: Manner
    staggered: bool
    menu_restart: bool
    interruption: str
    effect: str
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class ChangeBook:
    """Reload lines by version, in the order of a node, and the changes of each line."""

    reload_lines: Mapping[str, tuple[ReloadLine, ...]]
    by_line: Mapping[tuple[str, str], tuple[ParameterChange, ...]]  # (version, line)
    ledger: tuple[Entry, ...]

    def lines(self, version: str) -> tuple[ReloadLine, ...]:
        """Return what a node of that version works through, in its order."""
        return self.reload_lines[version]

    def changes(self, key: str, version: str) -> tuple[ParameterChange, ...]:
        """Return all that changing a parameter may set off, in the order of a node; nothing for one that cannot change.

        Which of them really comes depends on the values: see `effects`.
        """
        found = (change for line in self.lines(version) for change in self._of(line))
        return tuple(change for change in found if change.key == key)

    def change(self, key: str, version: str) -> ParameterChange | None:
        """Return the change that is felt most: one that restarts something if any does; None when it cannot change."""
        found = self.changes(key, version)
        return next((change for change in found if change.restarts), found[0] if found else None)

    def effects(
        self, version: str, before: Mapping[str, Value], after: Mapping[str, Value]
    ) -> tuple[ParameterChange, ...]:
        """List what really happens when values change.

        Args:
            version: the QKE version, which does not change with them.
            before: every env parameter of the cluster with its value.
            after: the same afterwards; a parameter that is not in it keeps its value.
        Returns:
            One entry for each parameter and line, in the order of a node; empty when nothing happens. Several entries
            with one `trigger` are one event (`by_trigger`). A line that `stops` is the last.
        """
        then = {**before, **after}
        found: list[ParameterChange] = []
        for line in self.lines(version):
            acting = [change for change in self._of(line) if _acts(change, before, then)]
            found += acting
            if acting and line.stops:
                break
        return tuple(found)

    def entries(self) -> Iterator[Entry]:
        """Return every sourced entry, for the fidelity page."""
        return iter(self.ledger)

    def _of(self, line: ReloadLine) -> tuple[ParameterChange, ...]:
        return self.by_line.get((line.version, line.name), ())


def by_trigger(found: Iterable[ParameterChange]) -> tuple[ParameterChange, ...]:
    """Put together what one line does for several parameters: it acts once, on the most nodes, and restarts them all.

    Key and texts are those of the parameter that restarts most, or waits for a restart.
    """
    merged: dict[str, list[ParameterChange]] = {}
    for change in found:
        merged.setdefault(change.trigger, []).append(change)
    return tuple(_together(changes) for changes in merged.values())


def _together(changes: list[ParameterChange]) -> ParameterChange:
    most = max(changes, key=lambda change: (len(change.restarts), change.menu_restart))
    widest = max((change.acts_on for change in changes), key=ACTS_ON.index)
    restarts = dict.fromkeys(component for change in (most, *changes) for component in change.restarts)
    waits = any(change.menu_restart for change in changes)
    return replace(most, acts_on=widest, restarts=tuple(restarts), menu_restart=waits)


def _acts(change: ParameterChange, before: Mapping[str, Value], after: Mapping[str, Value]) -> bool:
    """Whether the node notices: the parameter has another value, and it is one that the line looks at."""
    key = change.key
    return before.get(key) != after.get(key) and _seen(change, before) != _seen(change, after)


def _seen(change: ParameterChange, values: Mapping[str, Value]) -> Seen:
    """Return what a line sees of a value; line breaks are taken out before it compares."""
    if not CONDITIONS[change.only_when](values):
        return None
    value = values.get(change.key, "")
    return bool(value) if change.watches == "set" else str(value).replace("\n", "").replace("\r", "")


@cache
def parameter_changes() -> ChangeBook:
    """The book of parameter changes that ships with this package."""
    return build_parameter_changes(read_text("parameter_changes.toml"), catalog().order)


def build_parameter_changes(text: str, order: tuple[str, ...]) -> ChangeBook:
    """Make the book from its TOML text.

    Raises:
        InvariantError: `catalog.malformed`; also for a change that no line of its version sets off.
    """
    document = Document("parameter_changes.toml", text)
    lines: dict[tuple[str, str], ReloadLine] = {}
    for entry in document.tables("line", by=("name", "versions")):
        for line in _lines(entry, order):
            put_once(lines, entry, (line.version, line.name), line)
    changes: dict[tuple[str, str, str], ParameterChange] = {}
    for entry in document.tables("change", by=("trigger", "keys", "versions")):
        for change in _changes(entry, order):
            if (change.version, change.trigger) not in lines:
                raise entry.error(f"QKE {change.version} has no line {change.trigger}")
            put_once(changes, entry, (change.version, change.trigger, change.key), change)
    by_line: dict[tuple[str, str], tuple[ParameterChange, ...]] = {}
    for (version, name, _), change in changes.items():
        by_line[version, name] = (*by_line.get((version, name), ()), change)
    by_version = {version: tuple(line for line in lines.values() if line.version == version) for version in order}
    return ChangeBook(MappingProxyType(by_version), MappingProxyType(by_line), document.close())


def _lines(table: Table, order: tuple[str, ...]) -> Iterator[ReloadLine]:
    name, meaning, links = table.text("name"), table.text("meaning"), table.texts("links")
    stops = table.flag("stops", default=False)
    _ = table.provenance()
    for version in table.choices("versions", order):
        yield ReloadLine(name, version, stops, links, meaning)


def _changes(table: Table, order: tuple[str, ...]) -> Iterator[ParameterChange]:
    keys, versions = table.texts("keys"), table.choices("versions", order)
    basis, source = table.provenance()
    first = ParameterChange(
        key="",
        version="",
        trigger=table.text("trigger"),
        watches=table.choice("watches", _WATCHES) if table.has("watches") else "value",
        only_when=table.choice("only_when", tuple(CONDITIONS)) if table.has("only_when") else "always",
        acts_on=table.choice("acts_on", ACTS_ON),
        restarts=table.texts("restarts"),
        manner=table.choice("manner", _MANNERS) if table.has("manner") else "none",
        staggered=table.flag("staggered", default=False),
        menu_restart=table.flag("menu_restart", default=False),
        interruption=table.text("interruption", ""),
        effect=table.text("effect"),
        basis=basis,
        source=source,
    )
    if bool(first.restarts) != (first.manner != "none"):
        raise table.error("restarts and manner go together")
    for key in keys:
        for version in versions:
            yield replace(first, key=key, version=version)


_WATCHES: tuple[Watches, ...] = ("value", "set")
_MANNERS: tuple[Manner, ...] = ("none", "rolling", "at-once")

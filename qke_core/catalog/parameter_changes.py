"""What a change of parameters does at run time: which components restart, on which nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal, TypeAlias

from qke_core.catalog.facts import Basis, Entry
from qke_core.catalog.load import catalog, read_text
from qke_core.catalog.parameters import Value
from qke_core.catalog.reader import Document, put_once

ActsOn: TypeAlias = Literal["first-master", "masters", "k8s-nodes"]
Condition: TypeAlias = Literal["always", "auditing", "hostnic"]

ACTS_ON: tuple[ActsOn, ...] = ("first-master", "masters", "k8s-nodes")
CONDITIONS: tuple[Condition, ...] = ("always", "auditing", "hostnic")


@dataclass(frozen=True, slots=True)
class ParameterChange:
    """The effect of changing one parameter at one version.

    `restarts` are components, all at once on the nodes named by `acts_on`. `menu_restart`: it takes effect only when
    all Kubernetes nodes are restarted from the cluster's menu.
    """

    key: str
    version: str
    trigger: str
    acts_on: ActsOn
    restarts: tuple[str, ...]
    only_when: Condition
    menu_restart: bool
    effect: str
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class ChangeBook:
    """Effects by key and version. A changeable parameter that is not in it restarts nothing."""

    table: Mapping[tuple[str, str], ParameterChange]
    ledger: tuple[Entry, ...]

    def change(self, key: str, version: str) -> ParameterChange | None:
        """Return the effect of changing a parameter; None when nothing restarts."""
        return self.table.get((key, version))

    def effects(
        self, version: str, before: Mapping[str, Value], after: Mapping[str, Value]
    ) -> tuple[ParameterChange, ...]:
        """List what really happens when values change from `before` to `after`, in the order of the file.

        What is bound to a condition counts only where it holds after the change: auditing is on, hostnic is in use.
        """
        changed = {key for key in after if before.get(key) != after[key]}
        return tuple(
            found
            for (key, at), found in self.table.items()
            if at == version and key in changed and _holds(found.only_when, after)
        )

    def entries(self) -> Iterator[Entry]:
        """Return every sourced entry, for the fidelity page."""
        return iter(self.ledger)


def _holds(condition: Condition, values: Mapping[str, Value]) -> bool:
    if condition == "hostnic":
        return values.get("network_plugin") == "hostnic"
    if condition == "auditing":
        policy = values.get("kube_audit_file") or values.get("kube_audit_policy")
        return bool(policy) and not values.get("kube_audit_webhook")
    return True


@cache
def parameter_changes() -> ChangeBook:
    """The book of parameter changes that ships with this package."""
    return build_parameter_changes(read_text("parameter_changes.toml"), catalog().order)


def build_parameter_changes(text: str, order: tuple[str, ...]) -> ChangeBook:
    """Make the book from its TOML text.

    Raises:
        InvariantError: `catalog.malformed`.
    """
    document = Document("parameter_changes.toml", text)
    table: dict[tuple[str, str], ParameterChange] = {}
    for entry in document.tables("change", by=("keys", "versions")):
        keys, versions, trigger = entry.texts("keys"), entry.choices("versions", order), entry.text("trigger")
        acts_on, restarts = entry.choice("acts_on", ACTS_ON), entry.texts("restarts")
        only_when: Condition = entry.choice("only_when", CONDITIONS) if entry.has("only_when") else "always"
        menu_restart, effect = entry.flag("menu_restart", default=False), entry.text("effect")
        basis, source = entry.provenance()
        for key in keys:
            for version in versions:
                fact = ParameterChange(
                    key, version, trigger, acts_on, restarts, only_when, menu_restart, effect, basis, source
                )
                put_once(table, entry, (key, version), fact)
    return ChangeBook(MappingProxyType(table), document.close())

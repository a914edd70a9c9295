"""The catalogue as one frozen object: look a fact up by name and, where it changes over time, by version.

Every lookup of something that is not there raises KeyError with a sentence; nothing is guessed. The two exceptions say
so: `upgrade_service` answers None for a role that is not upgraded, `has_*` answer with a bool.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from qke_core.catalog.facts import (
    Budget,
    Code,
    Command,
    Duration,
    Entry,
    Night,
    RetCode,
    Role,
    RoleKind,
    RoleShape,
    ScriptKey,
    ScriptStep,
    UpgradeEdge,
    UpgradeService,
    Version,
)

_K = TypeVar("_K")
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """All facts. Mappings are read-only and keep the order of the files; `order` lists versions oldest first.

    `budgets` and `shapes` are keyed by (name, version) and (version, role), `upgrade_services` by (role, target),
    `scripts` by (command, version, kind), `groups` by version and then group name.
    """

    order: tuple[str, ...]
    versions: Mapping[str, Version]
    upgrades: tuple[UpgradeEdge, ...]
    roles: Mapping[str, Role]
    upgrade_services: Mapping[tuple[str, str], UpgradeService]
    budgets: Mapping[tuple[str, str], Budget]
    codes: Mapping[int, Code]
    ret_codes: Mapping[int, RetCode]
    shapes: Mapping[tuple[str, str], RoleShape]
    groups: Mapping[str, Mapping[str, Mapping[str, RoleShape]]]
    default_groups: Mapping[str, str]
    profile: str
    durations: Mapping[str, Duration]
    scripts: Mapping[ScriptKey, tuple[ScriptStep, ...]]
    constants: Mapping[str, int]
    nights: Mapping[str, Night]
    ledger: tuple[Entry, ...]

    def version(self, name: str) -> Version:
        """The version called `name`, such as `3.1.1-1`."""
        return _find(self.versions, name, f"QKE version {name!r}")

    def by_app_version(self, app_version_id: str) -> Version:
        """The version the platform knows as `app_version_id`, such as `appv-egh21tjg`."""
        for version in self.versions.values():
            if version.app_version_id == app_version_id:
                return version
        raise KeyError(f"app version id {app_version_id!r} is not in the catalogue")

    def upgrade_service(self, role: str, target: str) -> UpgradeService | None:
        """How `role` is upgraded to `target`; None when that version does not upgrade the role."""
        _ = self.version(target), _find(self.roles, role, f"role {role!r}")
        return self.upgrade_services.get((role, target))

    def budget(self, name: str, version: str) -> Budget:
        """The wait called `name` as the scripts of `version` do it."""
        return _find(self.budgets, (name, version), f"budget {name!r} of version {version}")

    def has_budget(self, name: str, version: str) -> bool:
        """Whether the scripts of `version` have a wait called `name`."""
        return (name, version) in self.budgets

    def express(self, version: str, group: str) -> Mapping[str, RoleShape]:
        """The shape of every role of `version` when the preset `group` is chosen, roles with no node included."""
        return _find(self._groups_of(version), group, f"express group {group!r} of version {version}")

    def express_groups(self, version: str) -> tuple[str, ...]:
        """The presets of `version`, in the order of the console's form."""
        return tuple(self._groups_of(version))

    def default_group(self, version: str) -> str:
        """The preset the console's form starts with."""
        return _find(self.default_groups, version, f"default express group of version {version}")

    def default_shape(self, version: str, role: str) -> RoleShape:
        """What `role` gets when the form is filled in by hand and nothing is changed."""
        return _find(self.shapes, (version, role), f"role {role!r} of version {version}")

    def duration(self, name: str) -> Duration:
        """How long the thing called `name` takes, in the loaded profile."""
        return _find(self.durations, name, f"duration {name!r}")

    def script(self, command: Command, version: str, kind: RoleKind) -> tuple[ScriptStep, ...]:
        """The steps of a command on a node of `kind`; of an upgrade, `version` is where it leads.

        A script nobody wrote raises: it is not empty.
        """
        key = (command, version, kind)
        return _find(self.scripts, key, f"script {command} of version {version} for kind {kind!r}")

    def has_script(self, command: Command, version: str, kind: RoleKind) -> bool:
        """Whether the steps of a command are written down for nodes of `kind`."""
        return (command, version, kind) in self.scripts

    def constant(self, name: str) -> int:
        """A single number that is the same in all versions. Its unit is the end of its name."""
        return _find(self.constants, name, f"constant {name!r}")

    def night(self, version: str) -> Night:
        """What the nodes of a version do by themselves at night."""
        return _find(self.nights, version, f"night of version {version!r}")

    def entries(self) -> Iterator[Entry]:
        """Every sourced entry, file by file in file order; the fidelity page is made of these."""
        return iter(self.ledger)

    def _groups_of(self, version: str) -> Mapping[str, Mapping[str, RoleShape]]:
        return _find(self.groups, version, f"QKE version {version!r}")


def _find(facts: Mapping[_K, _V], key: _K, what: str) -> _V:
    try:
        return facts[key]
    except KeyError:
        raise KeyError(f"{what} is not in the catalogue") from None

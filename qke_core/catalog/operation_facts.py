"""The nouns of the operation book. Times are in the unit that ends their name; `0` stands for no limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from qke_core.catalog.facts import Basis, RoleKind

ResizeManner: TypeAlias = Literal["rolling", "at-once"]
HealthLook: TypeAlias = Literal["docker", "kubelet", "services", "apiserver", "ready", "certificates", "console"]
WaitsForReady: TypeAlias = Literal["no", "unknown"]
ServiceName: TypeAlias = Literal[
    "init", "start", "stop", "restart", "scale_in", "scale_out", "destroy", "docker_prune", "renew_certs"
]
Refused: TypeAlias = Literal["rollback", "change_instance_class", "scale_horizontal"]
After: TypeAlias = Literal["", "start", "stop"]

KINDS: tuple[RoleKind, ...] = ("master", "worker", "client")


@dataclass(frozen=True, slots=True)
class Service:
    """A command that the platform runs on every node of a role, or on one (`one_node`).

    Roles go in ascending `order`, equal ones side by side. `after` names the service it follows instead of preceding
    it: `init` comes before `start`, `destroy` before `stop`, unless it says so. `pre_check`: a command before it may
    refuse the operation with a code. `force`: whether people may go on when it fails; None where nothing is declared.
    """

    name: ServiceName
    order: int
    timeout_ms: int
    after: After
    pre_check: bool
    one_node: bool
    force: bool | None
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True)
class ScaleIn:
    """How workers are removed. `drain_s` is the limit of one node's drain, `codes` what a refusal is called."""

    min_workers: int
    attempts: int
    drain_s: int
    delete_node_s: int
    flags: tuple[str, ...]
    uncordons: bool
    codes: Mapping[str, int]
    basis: Basis
    source: str

    @property
    def forced(self) -> bool:
        """Whether pods without a controller, and those with data on their node, go too."""
        return "force" in self.flags


@dataclass(frozen=True, slots=True)
class ScaleOut:
    """How workers are added: how long the token lives that they join with, 0 for ever."""

    token_s: int
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """The platform looks at each node every `interval_s`; after `unhealthy_after` failures in a row it acts.

    `looks` is what it looks at, `early` what of that counts on a node that is not initialised yet.
    """

    looks: tuple[HealthLook, ...]
    early: tuple[HealthLook, ...]
    interval_s: int
    timeout_s: int
    action_timeout_s: int
    unhealthy_after: int
    healthy_after: int
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that versions from `since` to `until` can do; `until` "" when the newest still can."""

    name: str
    since: str
    until: str
    basis: Basis
    source: str

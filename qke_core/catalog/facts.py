"""The nouns of the catalogue: one frozen class per kind of entry.

They hold values and nothing else. Where a noun carries `basis` and `source`, these are the entry's own: `source` names
a public text (a file of the QKE app repo at a tag, a numbered statement of the user guide), `basis` says how far to
trust the value. Times are integers in milliseconds, as everywhere in the twin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias

RoleKind: TypeAlias = Literal["master", "worker", "client"]
PreCheckName: TypeAlias = Literal["disk", "nodes-ready", "sshd-22"]
Exhaustion: TypeAlias = Literal["code", "last", "skip", "warn"]
Command: TypeAlias = Literal[
    "init",
    "start",
    "stop",
    "restart",
    "destroy",
    "scale_in_check",
    "scale_in",
    "scale_out_check",
    "scale_out",
    "upgrade",
    "docker_prune",
    "renew_certs",
    "revive",
]
"""What the product can be asked to do on one node."""
ScriptKey: TypeAlias = tuple[Command, str, RoleKind]
"""Command, version, kind of node."""


class Basis(StrEnum):
    """How an entry came to be known."""

    DOCUMENTED = "documented"  # Stated by the product: its definition, its scripts or its guide.
    DERIVED = "derived"  # Follows from what is stated, but nobody states it.
    ASSUMED = "assumed"  # Our choice, because nothing public tells.


class Entry(NamedTuple):
    """One line of the fidelity ledger: which entry of which file rests on what."""

    file: str
    name: str
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True)
class Version:
    """One released version of QKE, named without the leading v of its tag.

    `components` maps a component (`kubernetes`, `docker`, `calico`, ...) to its version; a component the release does
    not have, or whose version nobody recorded, is absent. `kubesphere` and `kubernetes` are always there. The platform
    id has a basis of its own, `app_version_basis`: several ids are guesses.
    """

    name: str
    app_version_id: str
    app_version_basis: Basis
    released: date
    components: Mapping[str, str]
    basis: Basis
    source: str

    @property
    def kubesphere(self) -> str:
        """KubeSphere version as a bare number, such as `2.0.2`."""
        return self.components["kubesphere"]

    @property
    def kubernetes(self) -> str:
        """Kubernetes version as a bare number, such as `1.13.5`."""
        return self.components["kubernetes"]


@dataclass(frozen=True, slots=True)
class UpgradeEdge:
    """`target` accepts a cluster that runs `origin`. In the file the keys are `from` and `to`."""

    origin: str
    target: str
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the cluster definition: what its nodes are for, and the first version that has it."""

    name: str
    intent: str
    kind: RoleKind
    since: str
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True)
class PreCheck:
    """One look at a node before an upgrade, and the exit code that refuses the upgrade when it fails.

    `disk`: /data has at least constant `disk_free_required_mb` free. `nodes-ready`: every master and worker is Ready;
    unlike the wait `nodes-ready`, this check accepts a cordoned node. `sshd-22`: sshd listens on port 22.
    """

    check: PreCheckName
    code: int


@dataclass(frozen=True, slots=True)
class UpgradeService:
    """How the platform runs the upgrade command on one role: rank, time limit, checks in the order they are made.

    Roles of equal `order` run in parallel, lower before higher. The first failing check ends the list.
    """

    role: str
    target: str
    order: int
    timeout_ms: int
    pre_checks: tuple[PreCheck, ...]
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a script waits for something, and what it does when that does not come.

    At most `attempts` looks, `interval_ms` of sleep after each look that fails; the sleep after the last look is left
    out when `final_sleep` is false. A look that ends with one of `stop_codes` ends the wait at once with that code.

    `on_exhausted` tells what follows when all looks failed. `code`: the script ends with `code`, which is None in the
    other cases. `last`: it ends with the code of the last look. `skip`: it leaves out what the wait was guarding and
    goes on. `warn`: it writes a line and goes on.

    `requires_ready`: it is not enough that a node is there, or at the new version; it must be Ready too.
    """

    name: str
    attempts: int
    interval_ms: int
    on_exhausted: Exhaustion
    code: int | None
    stop_codes: tuple[int, ...]
    requires_ready: bool
    final_sleep: bool
    basis: Basis
    source: str

    def worst_ms(self, check_ms: int) -> int:
        """Milliseconds until the budget is spent, when every look takes `check_ms` and fails."""
        sleeps = self.attempts if self.final_sleep else self.attempts - 1
        return self.attempts * check_ms + sleeps * self.interval_ms


@dataclass(frozen=True, slots=True)
class Code:
    """An exit code of a QKE service command.

    `name` is the constant of the product's scripts where there is one, in capitals; ours are lower case with dashes.
    `message` is what a person should be told, `remedy` what they can do about it.
    """

    number: int
    name: str
    since: str
    meaning: str
    message: str
    remedy: str
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True)
class RetCode:
    """A `ret_code` in an answer of the cloud API. 0 is success. `remedy` is what to do when a job ends with it."""

    number: int
    meaning: str
    remedy: str
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True)
class RoleShape:
    """How many nodes a role gets and how big they are. `volume_gib` is the data disk, 0 for a role without one."""

    count: int
    instance_class: int
    cpu: int
    memory_mib: int
    volume_gib: int


@dataclass(frozen=True, slots=True)
class Duration:
    """How long something takes: a triangular distribution, or a fixed value when all three numbers are equal.

    `spread_percent` not None: the nodes of one cluster do this alike. They share one draw, and each differs from it by
    at most that many percent. `on_disk`: the time goes into reading and writing the node's disk, so a slow disk
    stretches it.
    """

    name: str
    min_ms: int
    mode_ms: int
    max_ms: int
    spread_percent: int | None
    basis: Basis
    source: str
    note: str
    on_disk: bool = False


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """One step of what a command does on a node.

    `duration` names an entry of the duration profile, `wait` a budget of the version. The step applies only
    where all conditions in `only` hold; what a condition means is the interpreter's business.
    """

    do: str
    duration: str | None
    wait: str | None
    only: tuple[str, ...]
    phase: str
    note: str


@dataclass(frozen=True, slots=True)
class Night:
    """What a version's nodes do by themselves at night. Instants are seconds after local midnight.

    `renews`: certificates "each" by itself or "all" together once one is due. `restarts`: the control plane of a master
    "never", "always", or when something was "renewed". `days`: a prune takes what has the "age" every night, or
    everything unused on "every" so many days of the year; `zero` is what 0 days mean. `delay` and `prune_delay` name
    durations, "" for none.
    """

    at_s: int
    delay: str
    renews: Literal["each", "all"]
    restarts: Literal["never", "always", "renewed"]
    prune_at_s: int
    prune_delay: str
    days: Literal["age", "every"]
    zero: Literal["skip", "everything"]
    basis: Basis
    source: str

"""The meter: what stands and is charged, written into the trace, so that an invoice can be made of a run.

A record `resources.stand` holds everything a cluster occupies from that instant on; it is written at the start and
whenever something changes. Between two records nothing changes, so nothing has to be metered by ticking. A cluster
under a contract has its term on the record.

What has no cluster (addresses, VPCs, volumes that stand free) is not metered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace

from pydantic import TypeAdapter

from qke_core.billing import Life
from qke_core.effects import Json
from qke_core.errors import InputError
from qke_core.inventory import resources_of
from qke_core.models import ON_DEMAND, Billing, ClusterState, World
from qke_core.resources import Resource
from qke_core.upgraded import upgraded
from qke_sim.kernel import Kernel
from qke_sim.trace import TraceRecord

KIND = "resources.stand"
_RESOURCES = TypeAdapter(tuple[Resource, ...])
_DEFAULTS = {found.name: found.default for found in fields(Resource)}


class Meter:
    """Watches the clusters of a world."""

    def __init__(self, kernel: Kernel, world: World) -> None:
        """Take over what the world says."""
        self._kernel = kernel
        self._zone = world.zone
        self._states = {cluster.name: ClusterState.of_world(cluster, world) for cluster in world.clusters}
        self._stopped = {
            f"{cluster.name}/{node.role}{node.index}"
            for cluster in world.clusters
            for node in cluster.nodes
            if node.status == "stopped"
        }
        self._last: dict[str, list[Json]] = {}

    def begin(self, cause: int) -> None:
        """Record what stands at the start."""
        for name in self._states:
            self._record(name, cause)

    def upgraded(self, name: str, target: str, cause: int) -> None:
        """Take note that a cluster has another version now."""
        self._states[name] = upgraded(self._states[name], target)
        self._record(name, cause)

    def _record(self, name: str, cause: int) -> None:
        standing: list[Json] = [_plain(self._as_it_runs(found)) for found in resources_of(self._states[name])]
        if self._last.get(name) != standing:
            self._last[name] = standing
            term = self._states[name].billing.term
            contract: dict[str, Json] = {} if term is None else {"term": term}
            self._kernel.trace.add(
                KIND, name, cause, zone=self._zone, count=len(standing), **contract, resources=standing
            )

    def _as_it_runs(self, found: Resource) -> Resource:
        return replace(found, running=False) if found.id in self._stopped else found


def _plain(found: Resource) -> Mapping[str, Json]:
    """Return a resource as JSON data; figures that have their default are left out."""
    return {key: value for key, value in asdict(found).items() if value != _DEFAULTS.get(key, ...)}


@dataclass(frozen=True, slots=True)
class Metered:
    """What the trace of a run says of one cluster: where it stood, how it is paid for, what stood how long."""

    zone: str
    billing: Billing
    lives: tuple[Life, ...]


def lives_of(records: Iterable[TraceRecord], ended_ms: int) -> dict[str, Metered]:
    """Return what stood how long, by cluster, from the records of a run that ended at `ended_ms`.

    Of several records at one instant the last one counts: what stood for no time costs nothing.

    Raises:
        InputError: `run.trace-damaged` when a record is not one of ours.
    """
    ledgers: dict[str, _Ledger] = {}
    for record in records:
        if record.kind == KIND:
            try:
                standing = {found.id: found for found in _RESOURCES.validate_python(record.data["resources"])}
                billing = _billing(record.data.get("term"))
                ledger = ledgers.setdefault(record.subject, _Ledger(str(record.data["zone"]), billing))
            except (KeyError, TypeError, ValueError) as exc:
                sentence = f"Record {record.seq} of the trace does not say what {record.subject} occupies"
                raise InputError("run.trace-damaged", sentence, "run the scenario again") from exc
            ledger.stand(standing, record.t)
    return {name: ledger.close(ended_ms) for name, ledger in ledgers.items()}


def _billing(term: Json) -> Billing:
    return ON_DEMAND if term is None else Billing.model_validate({"mode": "contract", "term": term})


@dataclass(slots=True)
class _Ledger:
    """One cluster's resources while its records are read.

    `since` holds those that stand, and from when on; `latest` what the newest record says, which counts once time has
    gone on: so whatever is undone at the same instant cuts no life in two.
    """

    zone: str
    billing: Billing
    lives: list[Life] = field(default_factory=list[Life])
    since: dict[str, tuple[Resource, int]] = field(default_factory=dict[str, tuple[Resource, int]])
    latest: tuple[int, Mapping[str, Resource]] = (0, {})

    def stand(self, standing: Mapping[str, Resource], t: int) -> None:
        """Take note of what stands from `t` on."""
        if t > self.latest[0]:
            self._settle()
        self.latest = t, standing

    def close(self, t: int) -> Metered:
        """End what still stands."""
        self._settle()
        for resource, begin in self.since.values():
            self._end(resource, begin, t)
        return Metered(self.zone, self.billing, tuple(self.lives))

    def _settle(self) -> None:
        """What is gone or different has ended, what is new or different begins."""
        t, standing = self.latest
        for name, (resource, begin) in list(self.since.items()):
            if standing.get(name) != resource:
                self._end(resource, begin, t)
                del self.since[name]
        for name, resource in standing.items():
            self.since.setdefault(name, (resource, t))

    def _end(self, resource: Resource, begin: int, end: int) -> None:
        if begin < end:
            self.lives.append(Life(resource, begin, end))

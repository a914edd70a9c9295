"""Measurements: the closed list of things that expectations, triggers and metrics may name.

Names are built from the scenario: `shop.api.available` exists when the world or the timeline has a cluster `shop`, from
the beginning to the end, whether the cluster is there or not. In names, `_` stands for `-`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import get_args

from qke_core.errors import InputError
from qke_core.models.world import ResourceType
from qke_sim.access import reach
from qke_sim.cloud import Job
from qke_sim.cloud.meter import ACCOUNT
from qke_sim.cloud.store import Thing
from qke_sim.kernel import Kernel
from qke_sim.scenario.cast import Member
from qke_sim.scenario.measure import ActionState, Measure, Outage, identifier, span
from qke_sim.scenario.member_measures import MemberView, member_measures
from qke_sim.scenario.model import Probe
from qke_sim.trace import TraceRecord
from qke_sim.trace.kinds import KINDS
from qke_sim.twin import Twin

NO_LIMIT = 1_000_000_000
"""What a quota without a limit counts as."""


class Board:
    """All measurements of one run. It watches the trace for what has no state of its own."""

    def __init__(
        self, twin: Twin, actions: Sequence[str], cast: Mapping[str, Member], probes: Sequence[Probe] = ()
    ) -> None:
        """Make the list for a twin, the labels of its timeline, everybody who may appear, and the probes."""
        self.twin = twin
        self.actions = {label: ActionState() for label in actions}
        self.outages: dict[str, Outage] = {}
        self.counts: Counter[str] = Counter()
        self._touched: set[str] = set()
        self._jobs: dict[str, list[Job]] = {}
        self.views = {
            name: MemberView(twin, member, self.outage, self._touched, self._jobs) for name, member in cast.items()
        }
        self.measures = {measure.name: measure for measure in self._all(probes)}
        twin.kernel.trace.observers.append(self.watch)

    @property
    def kernel(self) -> Kernel:
        """The twin's kernel."""
        return self.twin.kernel

    def watch(self, record: TraceRecord) -> None:
        """Keep count of everything, of outages, of jobs, and of clusters whose nodes were touched."""
        self.counts[record.kind] += 1
        if record.kind in ("api.available", "api.unavailable"):
            self._presence(f"{record.subject}/api", record)
        elif record.kind in ("workload.available", "workload.unavailable"):
            self._presence(record.subject, record)
        elif record.kind == "service.started":
            self._touched.add(record.subject.partition("/")[0])
        elif record.kind == "job.created":
            job = self.twin.cloud.jobs[record.subject]
            self._jobs.setdefault(job.cluster_id, []).append(job)

    def _presence(self, key: str, record: TraceRecord) -> None:
        """Count what is measured: the parts of KubeSphere come and go without anybody asking for them."""
        if key in self.outages:
            self.outages[key].change(record.t, available=record.kind.endswith(".available"))

    def outage(self, key: str) -> Outage:
        """Return the count of one thing: `<cluster>/api` or `<cluster>/<namespace>/<workload>`."""
        return self.outages.setdefault(key, Outage())

    def _all(self, probes: Sequence[Probe]) -> Iterator[Measure]:
        yield Measure("now", "duration", "time since the start", lambda: span(self.kernel.now))
        for label, state in self.actions.items():
            yield from _action(self.kernel, identifier(label), state)
        for view in self.views.values():
            yield from member_measures(view)
        yield from _money(self.twin, list(self.views))
        yield from _account(self.twin)
        yield from _quotas(self.twin)
        yield from _leftovers(self.twin, self.views)
        for probe in probes:
            yield from _probe(self.twin, probe)
        for kind in KINDS:
            yield Measure(
                f"count.{identifier(kind)}", "int", f"how often {kind} was recorded", self._counted(kind), quiet=True
            )

    def _counted(self, kind: str) -> Callable[[], int]:
        return lambda: self.counts[kind]


def _action(kernel: Kernel, at: str, state: ActionState) -> Iterator[Measure]:
    yield Measure(f"{at}.status", "string", "waiting, running, done, refused, failed or stuck", lambda: state.status)
    yield Measure(f"{at}.code", "int", "the product's code it ended with", lambda: state.code)
    yield Measure(f"{at}.error", "string", "our error code it ended with", lambda: state.error)
    yield Measure(f"{at}.hops", "int", "upgrades it needs", lambda: state.hops)
    yield Measure(f"{at}.findings", "list", "codes of what preflight found", lambda: list(state.findings))
    yield Measure(f"{at}.duration", "duration", "time it took so far", lambda: span(state.took_ms(kernel.now)))


def _money(twin: Twin, names: Sequence[str]) -> Iterator[Measure]:
    """What everything has cost so far, at the example price book."""

    def owners() -> Mapping[str, float]:
        return {owner: float(cny) for owner, cny in twin.meter.charged_by_name(twin.kernel.now).items()}

    def of(owner: str) -> Callable[[], float]:
        return lambda: owners().get(owner, 0.0)

    total = "CNY that everything has cost so far"
    yield Measure("bill.total_cny", "double", total, lambda: round(sum(owners().values()), 4), quiet=True)
    yield Measure("bill.account_cny", "double", "CNY for what no cluster owns", of(ACCOUNT), quiet=True)
    for name in names:
        yield Measure(f"{identifier(name)}.bill_cny", "double", "CNY that it has cost so far", of(name), quiet=True)


def _account(twin: Twin) -> Iterator[Measure]:
    def status() -> str:
        return "arrears" if twin.arrears.on else "short" if twin.cloud.allowance.shortages else "ok"

    yield Measure("account.status", "string", "ok, short of money, or in arrears", status)


def _quotas(twin: Twin) -> Iterator[Measure]:
    allowance = twin.cloud.allowance

    def used(kind: str) -> Callable[[], int]:
        return lambda: allowance.used[kind]

    def limit(kind: str) -> Callable[[], int]:
        return lambda: allowance.limits.get(kind, NO_LIMIT)

    def left(kind: str) -> Callable[[], int]:
        return lambda: allowance.limits.get(kind, NO_LIMIT) - allowance.used[kind]

    for kind in get_args(ResourceType):
        yield Measure(f"quota.{kind}.used", "int", f"{kind} in use", used(kind))
        yield Measure(
            f"quota.{kind}.limit", "int", f"{kind} allowed; 1000000000 without a limit", limit(kind), quiet=True
        )
        yield Measure(f"quota.{kind}.left", "int", f"{kind} still free", left(kind), quiet=True)


def _leftovers(twin: Twin, views: Mapping[str, MemberView]) -> Iterator[Measure]:
    """What counts still although its cluster is gone for ever (guide G-168 to G-173): labels tell whose it was."""

    def maker(thing: Thing) -> str:
        return thing.label.partition("/")[0]

    def left(owner: str | None = None) -> list[Thing]:
        gone = {name for name, view in views.items() if view.status() in ("ceased", "absent")}
        return [
            thing
            for thing in twin.cloud.store.everything()
            if maker(thing) in gone and owner in (None, maker(thing)) and thing.charged() is not None
        ]

    def labels() -> list[str]:
        return sorted(f"{thing.kind} {thing.label}" for thing in left())

    def of(name: str) -> Callable[[], int]:
        return lambda: len(left(name))

    yield Measure("leftovers.count", "int", "resources whose cluster is gone", lambda: len(left()), quiet=True)
    yield Measure("leftovers.list", "list", "kind and label of each of them", labels, quiet=True)
    for name in views:
        yield Measure(f"{identifier(name)}.leftovers", "int", "resources it left behind", of(name), quiet=True)


def _probe(twin: Twin, probe: Probe) -> Iterator[Measure]:
    """Whether a packet gets from here to there now, and what stops it."""
    at, way = identifier(probe.name), f"from {probe.source} to {probe.target}"

    def blocked_by() -> str:
        try:
            return reach(twin, probe.source, probe.target).blocked_by
        except InputError as error:  # One end is not there, yet or any more.
            return error.code

    def reaches() -> bool:
        return not blocked_by()

    yield Measure(f"{at}.reaches", "bool", f"whether a packet gets {way}", reaches)
    yield Measure(f"{at}.blocked_by", "string", f"what stops it {way}, or empty", blocked_by)

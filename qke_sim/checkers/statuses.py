"""Statuses are legal: each is one of its kind's, fits what goes on, and came from one that leads there.

The tables are those of qke_core.lifecycle. A move is judged as it happens; the pair of status and transition at the end
of an instant, when nothing is half way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from qke_core import lifecycle
from qke_core.lifecycle import Move, Transition
from qke_sim.checkers.finding import Finding
from qke_sim.cloud import Thing
from qke_sim.trace import TraceRecord
from qke_sim.twin import Twin

PENDING = "pending"
KINDS = ("resource.created", "resource.changed", "cluster.changed")
"""Kinds of records that tell of statuses."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is legal for one kind: pairs of status and transition, and moves from one status to another."""

    pairs: Collection[tuple[str, str]]
    moves: Collection[tuple[str, str]]


def rules_of(transitions: Iterable[Transition[str]], itself: Iterable[Move[str]] = ()) -> Rules:
    """Return what operations, and moves without one, make legal. What is being created is pending."""
    pairs: set[tuple[str, str]] = {(PENDING, "")}
    moves: set[tuple[str, str]] = set()
    for found in transitions:
        for start in found.starts_from or (PENDING,):
            begins = PENDING if start in lifecycle.ABSENT and found.operation == "create" else start
            ends = {found.ends_in or begins, found.fails_to or begins}
            pairs |= {(begins, found.through), (begins, ""), *((end, "") for end in ends)}
            moves |= {(begins, end) for end in ends}
    for move in itself:
        pairs |= {(move.starts, ""), (move.ends, "")}
        moves.add((move.starts, move.ends))
    return Rules(pairs, moves)


RULES: Mapping[str, Rules] = {
    "cluster": rules_of(lifecycle.TABLE.values(), lifecycle.CLUSTERS_BY_ITSELF),
    "cluster_node": rules_of((), lifecycle.NODES_BY_ITSELF),
    "instance": rules_of(lifecycle.INSTANCES.values(), lifecycle.INSTANCES_BY_ITSELF),
    "volume": rules_of(lifecycle.VOLUMES.values(), lifecycle.VOLUMES_BY_ITSELF),
    "snapshot": rules_of(lifecycle.SNAPSHOTS.values(), lifecycle.VOLUMES_BY_ITSELF),
    "loadbalancer": rules_of(lifecycle.BALANCERS.values(), lifecycle.BIN_BY_ITSELF),
    "eip": rules_of(lifecycle.EIPS.values(), lifecycle.EIPS_BY_ITSELF),
    "router": rules_of(lifecycle.ROUTERS.values()),
}
"""Legal statuses by kind; kinds that are not listed have none."""


def check(twin: Twin) -> Iterator[Finding]:
    """Yield every pair of status and transition that cannot be."""
    for thing in twin.cloud.store.everything():
        yield from check_pair(thing)


def check_pair(thing: Thing) -> Iterator[Finding]:
    """Yield when a thing's pair of status and transition cannot be."""
    rules = RULES.get(thing.kind)
    if rules is not None and (thing.status, thing.transition_status) not in rules.pairs:
        sentence = f"{thing.kind} {thing.id} ({thing.label}) cannot be {thing.status or 'without status'}"
        yield Finding("check.status", thing.id, f"{sentence} while it is {thing.transition_status or 'idle'}")


@dataclass(slots=True)
class Moves:
    """Follows every status by the records of its changes."""

    known: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, twin: Twin) -> Moves:
        """Begin with what stands."""
        things = twin.cloud.store.everything()
        return cls({thing.id: thing.status for thing in things})

    def see(self, record: TraceRecord) -> Iterator[Finding]:
        """Yield when a record tells of a move that no table has."""
        if record.kind == "resource.created":
            self.known[record.subject] = str(record.data["status"])
        elif record.kind == "resource.changed":
            fields = record.data["fields"]
            if isinstance(fields, Mapping) and "status" in fields:
                yield from self._moved(str(record.data["what"]), record.subject, str(fields["status"]))
        elif record.kind == "cluster.changed" and record.data["field"] == "status":
            before, after = str(record.data["before"]), str(record.data["after"])
            yield from _judge("cluster", record.subject, before, after)

    def _moved(self, kind: str, subject: str, after: str) -> Iterator[Finding]:
        before, self.known[subject] = self.known.get(subject, after), after
        yield from _judge(kind, subject, before, after)


def _judge(kind: str, subject: str, before: str, after: str) -> Iterator[Finding]:
    rules = RULES.get(kind)
    if rules is not None and before != after and (before, after) not in rules.moves:
        yield Finding("check.status", subject, f"{kind} {subject} went from {before} to {after}, which no table allows")

"""No resource without an owner: what is charged and was made for a cluster goes with it.

What stays behind must be what the version leaves to be removed by hand. Of a cluster's machines and disks each belongs
to one of its nodes, whenever nothing goes on with the cluster.

Rule: guide G-167, G-190 to G-192; QKE app repo, destruction of resources from 2.0.0 on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from qke_core.catalog import operations
from qke_sim.checkers.finding import Finding
from qke_sim.cloud import Cluster, Thing
from qke_sim.trace import TraceRecord
from qke_sim.twin import Twin

AUTOMATIC = "automatic-destruction"
KINDS = ("fault.injected", "resource.created", "resource.left", "cluster.changed")
"""Kinds of records that `Leavings` follows."""

STANDING = ("active", "stopped")
"""Statuses of a cluster in which every machine is a node's."""


def check(twin: Twin) -> Iterator[Finding]:
    """Yield what is charged for nobody."""
    clusters = {cluster.name: cluster for cluster in twin.cloud.store.all(Cluster)}  # Of one name, the newest.
    nodes = {name: {node.label for node in cluster.nodes} for name, cluster in clusters.items()}
    for thing in twin.cloud.store.everything():
        if thing.owner and not isinstance(thing, Cluster) and thing.charged() is not None:
            owner = clusters.get(thing.owner)
            since = None if owner is None else twin.platform.automatic_from.get(owner.id)
            yield from _thing(thing, owner, nodes, since)


def _thing(
    thing: Thing, owner: Cluster | None, nodes: Mapping[str, set[str]], since_ms: int | None
) -> Iterator[Finding]:
    what = f"{thing.kind} {thing.id} ({thing.label})"
    if owner is None:
        yield Finding("check.owner", thing.id, f"{what} was made for {thing.owner}, which never was")
    elif owner.status == "ceased" and not _left_by_hand(thing, owner, since_ms):
        yield Finding("check.owner", thing.id, f"{what} outlived its cluster {thing.owner}")
    elif thing.origin == "node" and _at_rest(owner) and "/".join(thing.label.split("/")[:2]) not in nodes[owner.name]:
        yield Finding("check.owner", thing.id, f"{what} belongs to no node of {thing.owner}")


def _at_rest(cluster: Cluster) -> bool:
    """Whether every machine is a node's now: nothing comes or goes."""
    return cluster.status in STANDING and not cluster.transition_status


@dataclass(slots=True)
class Leavings:
    """Follows what the platform leaves behind when it destroys a cluster; after an injected fault anything may stay.

    `since_ms` is, by cluster name, when an upgrade of this run brought the cluster to where what is made goes with it.
    """

    twin: Twin
    faulty: bool = False
    since_ms: dict[str, int] = field(default_factory=dict[str, int])

    def see(self, record: TraceRecord) -> Iterator[Finding]:
        """Yield when a record tells that something stays which should have gone."""
        self.faulty |= record.kind == "fault.injected"
        self._upgraded(record)
        if record.kind != "resource.left" or self.faulty:
            return
        clusters = {cluster.name: cluster for cluster in self.twin.cloud.store.all(Cluster)}
        thing, owner = self.twin.cloud.store.by_id(record.subject), clusters[str(record.data["cluster"])]
        if thing is not None and not _left_by_hand(thing, owner, self.since_ms.get(owner.name)):
            sentence = f"{thing.kind} {thing.id} ({thing.label}) was left behind by {owner.name}, which should take it"
            yield Finding("check.owner", thing.id, sentence)

    def _upgraded(self, record: TraceRecord) -> None:
        """Take note of an upgrade out of the versions that leave everything; a new cluster begins without one."""
        if record.kind == "resource.created" and record.data["what"] == Cluster.kind:
            self.since_ms.pop(str(record.data["label"]), None)
        elif record.kind == "cluster.changed" and record.data["field"] == "version":
            before, after = (operations().can(str(record.data[name]), AUTOMATIC) for name in ("before", "after"))
            if after and not before:
                self.since_ms[record.subject] = record.t


def _left_by_hand(thing: Thing, owner: Cluster, since_ms: int | None) -> bool:
    """Whether it may stay: what Kubernetes and the nodes' scripts made before 2.0.0 is removed by hand.

    `since_ms` is when the cluster came to be of a version that takes along what is made; None: before the run, so that
    all that did not stand at its beginning goes.
    """
    if thing.origin == "node" or operations().can(owner.born_as, AUTOMATIC):
        return False
    return not operations().can(owner.version, AUTOMATIC) or thing.create_ms < (1 if since_ms is None else since_ms)

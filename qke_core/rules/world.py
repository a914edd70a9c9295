"""Rules of a world by itself: what contradicts itself, whatever anyone wishes.

Rule: docs/rules/topology.md#worlds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qke_core.catalog import catalog
from qke_core.models.world import World
from qke_core.rules.case import WorldRule, world_finding
from qke_core.rules.finding import Finding
from qke_core.suggest import did_you_mean

SOURCE = "a world must not contradict itself"


def _twice(world: World) -> Iterator[Finding]:
    for noun, values in (
        ("called", [cluster.name for cluster in world.clusters]),
        ("numbered", [cluster.id for cluster in world.clusters]),
    ):
        for place in _repeated(values):
            sentence = f"Two clusters are {noun} {values[place]!r}"
            path = ("clusters", place, "name" if noun == "called" else "id")
            yield world_finding("world.twice", "blocker", path, sentence, "give one of them another", SOURCE)


def _repeated(values: Iterable[object]) -> Iterator[int]:
    """Yield the places of values that were there before; None is no value."""
    seen: list[object] = []
    for place, value in enumerate(values):
        if value is not None and value in seen:
            yield place
        seen.append(value)


def _nodes(world: World) -> Iterator[Finding]:
    for place, cluster in enumerate(world.clusters):
        shape = cluster.shape()
        for number, state in enumerate(cluster.nodes):
            path = ("clusters", place, "nodes", number)
            if state.role not in shape:
                sentence = f"Cluster {cluster.name!r} has no {state.role} nodes"
                remedy = did_you_mean(state.role, shape)
                yield world_finding("world.node-unknown", "blocker", (*path, "role"), sentence, remedy, SOURCE)
            elif state.index > shape[state.role].count:
                count = shape[state.role].count
                nodes = f"{count} {state.role} node{'s' * (count > 1)}"
                sentence = f"There is no {state.role}{state.index}: cluster {cluster.name!r} has {nodes}"
                remedy = f"use an index from 1 to {count}" if count > 1 else "use index 1"
                yield world_finding("world.node-unknown", "blocker", (*path, "index"), sentence, remedy, SOURCE)
        for number in _repeated([(state.role, state.index) for state in cluster.nodes]):
            state = cluster.nodes[number]
            sentence = f"{state.role}{state.index} of cluster {cluster.name!r} is described twice"
            path = ("clusters", place, "nodes", number)
            yield world_finding("world.twice", "blocker", path, sentence, "put both into one entry", SOURCE)


def _history(world: World) -> Iterator[Finding]:
    order = catalog().order
    for place, cluster in enumerate(world.clusters):
        path = ("clusters", place)
        if cluster.born_as is not None and order.index(cluster.born_as) > order.index(cluster.version):
            sentence = f"Cluster {cluster.name!r} was born as {cluster.born_as} and is {cluster.version} now"
            remedy = f"write a version up to {cluster.version}; nothing is ever downgraded"
            yield world_finding("world.born-later", "blocker", (*path, "born_as"), sentence, remedy, SOURCE)
        if cluster.deleted_for is not None and cluster.status != "deleted":
            sentence = f"Cluster {cluster.name!r} is {cluster.status} and deleted_for is written"
            remedy = "write status: deleted, or leave deleted_for out"
            yield world_finding("world.deleted-for", "blocker", (*path, "deleted_for"), sentence, remedy, SOURCE)
        shape = cluster.shape()
        for number, role in enumerate(cluster.awaits_restart):
            if role not in shape:
                sentence = f"Cluster {cluster.name!r} has no {role} nodes that could await a restart"
                where = (*path, "awaits_restart", number)
                yield world_finding("world.node-unknown", "blocker", where, sentence, "leave it out", SOURCE)


WORLD_RULES: tuple[WorldRule, ...] = (_twice, _nodes, _history)

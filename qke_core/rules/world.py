"""Rules of a world by itself: what contradicts itself, whatever anyone wishes.

Rule: docs/rules/topology.md#worlds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qke_core.catalog import catalog, parameters
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
            name, remedy = world.clusters[place].name, "give one of them another"
            yield world_finding("world.twice", "blocker", path, sentence, remedy, SOURCE, name)


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
                where = (*path, "role")
                yield world_finding("world.node-unknown", "blocker", where, sentence, remedy, SOURCE, cluster.name)
            elif state.index > shape[state.role].count:
                count = shape[state.role].count
                nodes = f"{count} {state.role} node{'s' * (count > 1)}"
                sentence = f"There is no {state.role}{state.index}: cluster {cluster.name!r} has {nodes}"
                remedy = f"use an index from 1 to {count}" if count > 1 else "use index 1"
                where = (*path, "index")
                yield world_finding("world.node-unknown", "blocker", where, sentence, remedy, SOURCE, cluster.name)
        for number in _repeated([(state.role, state.index) for state in cluster.nodes]):
            state = cluster.nodes[number]
            sentence = f"{state.role}{state.index} of cluster {cluster.name!r} is described twice"
            path, remedy = ("clusters", place, "nodes", number), "put both into one entry"
            yield world_finding("world.twice", "blocker", path, sentence, remedy, SOURCE, cluster.name)


def _history(world: World) -> Iterator[Finding]:
    order = catalog().order
    for place, cluster in enumerate(world.clusters):
        path, name = ("clusters", place), cluster.name
        if cluster.born_as is not None and order.index(cluster.born_as) > order.index(cluster.version):
            sentence = f"Cluster {name!r} was born as {cluster.born_as} and is {cluster.version} now"
            where, remedy = (*path, "born_as"), f"write a version up to {cluster.version}; nothing is ever downgraded"
            yield world_finding("world.born-later", "blocker", where, sentence, remedy, SOURCE, name)
        if cluster.deleted_for is not None and cluster.status != "deleted":
            sentence = f"Cluster {name!r} is {cluster.status} and deleted_for is written"
            where, remedy = (*path, "deleted_for"), "write status: deleted, or leave deleted_for out"
            yield world_finding("world.deleted-for", "blocker", where, sentence, remedy, SOURCE, name)


def _restarts(world: World) -> Iterator[Finding]:
    """Only what runs docker has a bridge to take over, and only where there are nodes."""
    for place, cluster in enumerate(world.clusters):
        shape, roles = cluster.shape(), catalog().roles
        with_bridge = [role for role in shape if roles[role].kind != "client"]
        for number, role in enumerate(cluster.awaits_restart):
            if role not in with_bridge:
                sentence = f"Cluster {cluster.name!r} has no {role} nodes that could await a restart"
                where, remedy = ("clusters", place, "awaits_restart", number), did_you_mean(role, with_bridge)
                yield world_finding("world.node-unknown", "blocker", where, sentence, remedy, SOURCE, cluster.name)


def _modules(world: World) -> Iterator[Finding]:
    books = [parameters().env(version).get("extra.modules") for version in catalog().order]
    known = list(dict.fromkeys(str(word) for book in books if book is not None for word in book.choices))
    for place, cluster in enumerate(world.clusters):
        for number, word in enumerate(cluster.modules_installed):
            if word not in known:
                sentence = f"{word!r} is no optional module of any QKE version"
                where, remedy = ("clusters", place, "modules_installed", number), did_you_mean(word, known)
                yield world_finding("world.module-unknown", "blocker", where, sentence, remedy, SOURCE, cluster.name)
            elif not cluster.settings.install_kubesphere:
                sentence = f"Cluster {cluster.name!r} has no KubeSphere, so {word!r} cannot be installed"
                where, remedy = ("clusters", place, "modules_installed", number), "leave it out"
                yield world_finding("world.module-unknown", "blocker", where, sentence, remedy, SOURCE, cluster.name)


WORLD_RULES: tuple[WorldRule, ...] = (_twice, _nodes, _history, _restarts, _modules)

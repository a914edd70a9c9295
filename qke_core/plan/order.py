"""The order of operations: which must come before which, and why; from that, one line.

`CONSTRAINTS` is the whole knowledge. The platform does one operation of a cluster at a time, so the partial order
becomes a line: at each point, of what may come next, the one that stands first in `RANKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import networkx as nx

from qke_core.plan.change import (
    MENU_RESTART_KEY,
    AddNodes,
    Cease,
    Change,
    ChangeEip,
    ChangeModules,
    ChangeParameters,
    Create,
    Delete,
    DeleteNodes,
    Recover,
    Resize,
    RestartRole,
    Start,
    Stop,
    Upgrade,
)
from qke_core.plan.diff import Draft
from qke_core.plan.model import Edge

ONE_AT_A_TIME = "the platform does one operation of a cluster at a time"

RANKS: tuple[type[Change], ...] = (
    Create,
    Recover,
    Start,
    Resize,
    Upgrade,
    ChangeParameters,
    ChangeEip,
    AddNodes,
    ChangeModules,
    RestartRole,
    DeleteNodes,
    Stop,
    Delete,
    Cease,
)
"""Who goes first where nothing else decides: what disturbs least, and what makes room, before the rest."""

Test: TypeAlias = Callable[[Draft], bool]


@dataclass(frozen=True, slots=True)
class Constraint:
    """Whatever passes `first` comes before whatever passes `then`."""

    first: Test
    then: Test
    why: str


def _is(*kinds: type[Change]) -> Test:
    return lambda draft: isinstance(draft.change, kinds)


def _disk(draft: Draft) -> bool:
    return isinstance(draft.change, Resize) and draft.change.online


def _size(draft: Draft) -> bool:
    return isinstance(draft.change, Resize) and not draft.change.online


def _bridge(draft: Draft) -> bool:
    return isinstance(draft.change, ChangeParameters) and MENU_RESTART_KEY in draft.change.values


def _setting(draft: Draft) -> bool:
    return isinstance(draft.change, ChangeParameters | ChangeEip | ChangeModules)


def _running(draft: Draft) -> bool:
    return not isinstance(draft.change, Create | Recover | Start | Stop | Delete | Cease)


CONSTRAINTS: tuple[Constraint, ...] = (
    Constraint(_is(Create, Recover, Start), _running, "changes are made on an active cluster"),
    Constraint(_disk, _is(Upgrade), "an upgrade needs 51200 MB free on /data"),
    Constraint(_is(Upgrade), _size, "sizes are those of the version wished for"),
    Constraint(_is(Upgrade), _setting, "parameters are those of the version wished for"),
    Constraint(_is(Upgrade), _is(AddNodes, DeleteNodes), "new nodes come at the new version"),
    Constraint(_is(Upgrade), _is(RestartRole), "an upgrade expects the nodes as they are"),
    Constraint(_bridge, _is(AddNodes), "new nodes come up with the new docker bridge"),
    Constraint(_bridge, _size, "the resize restarts the nodes, which brings the new docker bridge"),
    Constraint(_bridge, _is(RestartRole), "the restart brings the new docker bridge"),
    Constraint(_is(AddNodes), _size, "the other nodes must hold the pods of a node that restarts"),
    Constraint(_is(AddNodes), _is(RestartRole), "the other nodes must hold the pods of a node that restarts"),
    Constraint(_is(AddNodes), _is(ChangeModules), "modules need room"),
    Constraint(_is(AddNodes), _is(DeleteNodes), "at least two workers must be left, and room for the pods"),
    Constraint(_size, _is(DeleteNodes), "the pods of deleted nodes need room"),
    Constraint(_is(RestartRole), _is(DeleteNodes), "the other nodes must hold the pods of a node that restarts"),
    Constraint(_running, _is(Stop, Delete), "changes are made on an active cluster"),
    Constraint(_is(Create, Recover, Start), _is(Stop, Delete), "only what runs can be stopped"),
    Constraint(_is(Delete), _is(Cease), "only a deleted cluster can be ceased"),
)


@dataclass(frozen=True, slots=True)
class Ordered:
    """A draft in its place, and what it comes after."""

    draft: Draft
    after: tuple[Edge, ...]


def order(drafts: Sequence[Draft]) -> tuple[Ordered, ...]:
    """Put operations into a line that keeps every constraint.

    Returns:
        The line; each operation with the edges that nothing else implies.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    known = {draft.id: draft for draft in drafts}
    graph.add_nodes_from(known)
    for constraint in CONSTRAINTS:
        for first in drafts:
            for then in drafts:
                if first is not then and constraint.first(first) and constraint.then(then):
                    _link(graph, first.id, then.id, constraint.why)
    hops = [draft.id for draft in drafts if isinstance(draft.change, Upgrade)]
    for first, then in pairwise(hops):
        _link(graph, first, then, "no version is skipped")
    places = {draft.id: place for place, draft in enumerate(drafts)}

    def turn(name: str) -> tuple[int, int]:
        return RANKS.index(type(known[name].change)), places[name]

    line = list(nx.lexicographical_topological_sort(graph, key=turn))
    kept = nx.transitive_reduction(graph)
    for first, then in pairwise(line):
        if not kept.has_edge(first, then):
            kept.add_edge(first, then)
            _link(graph, first, then, ONE_AT_A_TIME)
    return tuple(
        Ordered(
            known[name], tuple(Edge(before, graph.edges[before, name]["why"]) for before in _before(kept, name, line))
        )
        for name in line
    )


def _link(graph: nx.DiGraph[str], first: str, then: str, why: str) -> None:
    """Add an edge; the first reason stands."""
    if not graph.has_edge(first, then):
        graph.add_edge(first, then, why=why)


def _before(graph: nx.DiGraph[str], name: str, line: Sequence[str]) -> list[str]:
    return sorted(graph.predecessors(name), key=line.index)

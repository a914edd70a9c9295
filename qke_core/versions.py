"""The way from one version to another: which upgrades, in which order.

The product allows an upgrade only from the versions its definition lists (catalogue, `versions.toml`), so a long way is
a chain of upgrades. Of all shortest chains the one with the fewest assumed links is taken, then the one through the
newest versions: later releases of a line carry the repairs of the earlier ones.
"""

from __future__ import annotations

from itertools import pairwise

import networkx as nx

from qke_core.catalog import Basis, Catalog
from qke_core.errors import InputError, RefusedError
from qke_core.suggest import did_you_mean


def version_path(catalog: Catalog, source: str, target: str) -> tuple[str, ...]:
    """List the versions to upgrade to, in order, from `source` (left out) to `target`.

    Args:
        catalog: the facts.
        source: version the cluster has.
        target: version it shall have.
    Returns:
        One or more versions; empty when source and target are the same.
    Raises:
        InputError: `version.unknown` for a version that is not in the catalogue.
        RefusedError: `upgrade.no-path` when the product allows no such chain; the remedy names the nearest legal one.
    Rule:
        QKE app repo, upgrade_policy of each version; docs/rules/upgrade.md#paths.
    """
    for name in (source, target):
        if name not in catalog.order:
            raise InputError("version.unknown", f"{name!r} is not a QKE version", did_you_mean(name, catalog.order))
    if source == target:
        return ()
    graph = _graph(catalog)
    order = {name: place for place, name in enumerate(catalog.order)}
    if not nx.has_path(graph, source, target):
        raise _no_path(catalog, graph, source, target)

    def cost(path: list[str]) -> tuple[int, tuple[int, ...]]:
        assumed = sum(graph.edges[a, b]["assumed"] for a, b in pairwise(path))
        return assumed, tuple(-order[name] for name in reversed(path))

    best = min(nx.all_shortest_paths(graph, source, target), key=cost)
    return tuple(best[1:])


def reachable(catalog: Catalog, source: str) -> tuple[str, ...]:
    """List every version that some chain of upgrades leads to from `source`, oldest first."""
    return _descendants(catalog, _graph(catalog), source)


def _descendants(catalog: Catalog, graph: nx.DiGraph[str], source: str) -> tuple[str, ...]:
    found: set[str] = nx.descendants(graph, source)  # pyright: ignore[reportUnknownMemberType] - its source has no type
    return tuple(name for name in catalog.order if name in found)


def _graph(catalog: Catalog) -> nx.DiGraph[str]:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(catalog.order)
    for edge in catalog.upgrades:
        graph.add_edge(edge.origin, edge.target, assumed=int(edge.basis is Basis.ASSUMED))
    return graph


def _no_path(catalog: Catalog, graph: nx.DiGraph[str], source: str, target: str) -> RefusedError:
    order = list(catalog.order)
    legal = _descendants(catalog, graph, source)
    if order.index(target) < order.index(source):
        why = "a downgrade; the product supports no rollback from 2.0.0 on"
    else:
        why = "no chain of allowed upgrades"
    if legal:
        nearest = min(legal, key=lambda name: (abs(order.index(name) - order.index(target)), -order.index(name)))
        remedy = f"the nearest version it can go to is {nearest}"
    else:
        remedy = f"{source} is the last version of its line: create a new cluster and move the workloads"
    return RefusedError(
        "upgrade.no-path",
        f"QKE {source} cannot be upgraded to {target}: {why}",
        remedy,
        {"from": source, "to": target},
    )

"""Is the chain of upgrades legal, shortest, and is a refusal helpful?"""

from __future__ import annotations

from itertools import pairwise, product

import networkx as nx
import pytest

from qke_core.catalog import catalog
from qke_core.errors import InputError, RefusedError
from qke_core.versions import reachable, version_path

ORDER = catalog().order
EDGES = {(edge.origin, edge.target) for edge in catalog().upgrades}
DOWNGRADES = [(a, b) for a, b in product(ORDER, ORDER) if ORDER.index(a) > ORDER.index(b)]
GRAPH: nx.DiGraph[str] = nx.DiGraph(EDGES)


@pytest.mark.parametrize(("source", "target"), list(product(ORDER, ORDER)))
def test_a_path_exists_where_the_graph_has_one_and_is_legal_and_shortest(source: str, target: str):
    if source == target:
        assert version_path(catalog(), source, target) == ()
    elif nx.has_path(GRAPH, source, target):
        path = version_path(catalog(), source, target)
        assert path[-1] == target
        assert all(hop in EDGES for hop in pairwise((source, *path)))
        assert len(path) == nx.shortest_path_length(GRAPH, source, target)
    else:
        with pytest.raises(RefusedError) as caught:
            version_path(catalog(), source, target)
        assert caught.value.code == "upgrade.no-path"
        assert caught.value.facts == {"from": source, "to": target}


def test_the_long_way_takes_the_latest_release_of_a_line_and_no_assumed_hop():
    assert version_path(catalog(), "1.0.1", "3.3.0") == ("2.0.0", "3.0.0", "3.1.1", "3.2.1", "3.3.0")


@pytest.mark.parametrize(
    ("source", "target", "path"),
    [
        ("1.0.0", "2.0.0", ("2.0.0",)),
        ("1.0.1", "3.0.0", ("2.0.0", "3.0.0")),
        ("3.0.0", "3.1.1-1", ("3.1.1-1",)),
        ("3.0.0", "3.2.1", ("3.1.1", "3.2.1")),
        ("3.1.0", "3.3.0", ("3.2.1", "3.3.0")),
        ("3.1.1-1", "3.3.0", ("3.2.1", "3.3.0")),
    ],
)
def test_known_ways(source: str, target: str, path: tuple[str, ...]):
    assert version_path(catalog(), source, target) == path


@pytest.mark.parametrize(("source", "target"), DOWNGRADES)
def test_a_downgrade_is_refused(source: str, target: str):
    with pytest.raises(RefusedError, match="a downgrade; the product supports no rollback"):
        version_path(catalog(), source, target)


@pytest.mark.parametrize(
    ("source", "target", "remedy"),
    [
        ("1.0.0", "1.0.1", "the nearest version it can go to is 2.0.0"),
        ("3.1.1", "3.1.1-1", "the nearest version it can go to is 3.2.1"),
        ("3.2.1", "2.0.0", "the nearest version it can go to is 3.3.0"),
        ("3.3.0", "1.0.1", "3.3.0 is the last version of its line: create a new cluster and move the workloads"),
    ],
)
def test_a_refusal_names_the_nearest_legal_target(source: str, target: str, remedy: str):
    with pytest.raises(RefusedError) as caught:
        version_path(catalog(), source, target)
    assert caught.value.remedy == remedy


def test_a_refusal_proposes_only_what_can_be_reached():
    for source, target in product(ORDER, ORDER):
        try:
            version_path(catalog(), source, target)
        except RefusedError as error:
            proposed = [name for name in ORDER if error.remedy.endswith(f" is {name}")]
            assert all(version_path(catalog(), source, name) for name in proposed)
            assert bool(proposed) == bool(reachable(catalog(), source))


@pytest.mark.parametrize(("source", "target"), [("9.9.9", "2.0.0"), ("1.0.1", "3.2.0"), ("v1.0.1", "v1.0.1")])
def test_an_unknown_version_is_an_input_error(source: str, target: str):
    with pytest.raises(InputError) as caught:
        version_path(catalog(), source, target)
    assert caught.value.code == "version.unknown"


def test_the_nearest_version_is_proposed_for_an_unknown_one():
    with pytest.raises(InputError) as caught:
        version_path(catalog(), "1.0.1", "3.2.0")
    assert caught.value.remedy == "did you mean '3.2.1'?"


@pytest.mark.parametrize("source", ORDER)
def test_reachable_is_what_has_a_path_oldest_first(source: str):
    expected = [name for name in ORDER if name != source and nx.has_path(GRAPH, source, name)]
    assert list(reachable(catalog(), source)) == expected

"""Does a world that contradicts itself hear of every contradiction at once, at its place?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from qke_core.models import World
from qke_core.rules import Finding
from qke_core.rules.world import WORLD_RULES
from qke_sim.testing import worlds

SHOP = {"name": "shop", "version": "2.0.0", "roles": {"master": {"count": 3}, "node_perf": {"count": 3}}}


def check(*clusters: dict[str, Any]) -> list[Finding]:
    """Check a world with these clusters, each the usual one with some keys of its own."""
    data = {"zone": "pek3", "clusters": [{**SHOP, **cluster} for cluster in clusters]}
    world = World.model_validate_json(json.dumps(data))
    return [finding for rule in WORLD_RULES for finding in rule(world)]


def only(*clusters: dict[str, Any]) -> tuple[str, tuple[str | int, ...], str, str]:
    """Return code, path, sentence and remedy of the one contradiction."""
    (found,) = check(*clusters)
    assert (found.severity, found.document) == ("blocker", "world")
    assert found.source
    return found.code, found.path, found.sentence, found.remedy


@given(worlds(clusters=3))
def test_a_sound_world_has_no_finding(world: World):
    assert [finding for rule in WORLD_RULES for finding in rule(world)] == []


def test_two_clusters_cannot_have_one_name_or_one_id():
    named = only({"id": "cl-11111111"}, {"id": "cl-22222222"})
    assert named == (
        "world.twice",
        ("clusters", 1, "name"),
        "Two clusters are called 'shop'",
        "give one of them another",
    )
    code, path, sentence, _ = only({"id": "cl-11111111"}, {"name": "bank", "id": "cl-11111111"})
    assert (code, path, sentence) == ("world.twice", ("clusters", 1, "id"), "Two clusters are numbered 'cl-11111111'")
    assert check({}, {"name": "bank"}) == []  # An id that is not known is not the same as another such.


def test_a_node_that_the_cluster_does_not_have_is_named():
    state = {"role": "node_gpu", "index": 1}
    code, path, sentence, remedy = only({"nodes": [{"role": "client", "index": 1}, state]})
    assert (code, path) == ("world.node-unknown", ("clusters", 0, "nodes", 1, "role"))
    assert sentence == "Cluster 'shop' has no node_gpu nodes"
    assert "node_perf" in remedy


@pytest.mark.parametrize(
    ("role", "index", "has", "remedy"),
    [
        ("master", 4, "3 master nodes", "use an index from 1 to 3"),
        ("client", 2, "1 client node", "use index 1"),
    ],
)
def test_an_index_beyond_the_count_is_named(role: str, index: int, has: str, remedy: str):
    found = only({"nodes": [{"role": role, "index": index}]})
    path = ("clusters", 0, "nodes", 0, "index")
    sentence = f"There is no {role}{index}: cluster 'shop' has {has}"
    assert found == ("world.node-unknown", path, sentence, remedy)


def test_a_node_is_described_once():
    node = {"role": "master", "index": 2}
    code, path, sentence, _ = only({"nodes": [node, {"role": "master", "index": 1}, {**node, "ready": False}]})
    assert (code, path) == ("world.twice", ("clusters", 0, "nodes", 2))
    assert sentence == "master2 of cluster 'shop' is described twice"


def test_a_cluster_cannot_be_born_as_a_later_version():
    code, path, sentence, remedy = only({"version": "2.0.0", "born_as": "3.0.0"})
    assert (code, path) == ("world.born-later", ("clusters", 0, "born_as"))
    assert sentence == "Cluster 'shop' was born as 3.0.0 and is 2.0.0 now"
    assert remedy.startswith("write a version up to 2.0.0")
    assert check({"born_as": "2.0.0"}) == check({"born_as": "1.0.0"}) == []


@pytest.mark.parametrize("status", ["active", "stopped", "suspended"])
def test_only_a_deleted_cluster_has_been_deleted_for_some_time(status: str):
    code, path, sentence, _ = only({"status": status, "deleted_for": "30m"})
    assert (code, path) == ("world.deleted-for", ("clusters", 0, "deleted_for"))
    assert sentence == f"Cluster 'shop' is {status} and deleted_for is written"
    assert check({"status": "deleted", "deleted_for": "30m"}) == []


@pytest.mark.parametrize("role", ["node_gpu", "client"])
def test_only_nodes_with_docker_await_a_restart(role: str):
    code, path, sentence, _ = only({"awaits_restart": ["master", role]})
    assert (code, path) == ("world.node-unknown", ("clusters", 0, "awaits_restart", 1))
    assert sentence == f"Cluster 'shop' has no {role} nodes that could await a restart"


def test_a_module_that_no_version_has_is_named_with_the_nearest():
    code, path, sentence, remedy = only({"modules_installed": ["ks-logging", "ks-devop"]})
    assert (code, path) == ("world.module-unknown", ("clusters", 0, "modules_installed", 1))
    assert sentence == "'ks-devop' is no optional module of any QKE version"
    assert remedy == "did you mean 'ks-devops'?"


def test_without_kubesphere_no_module_is_installed():
    code, _, sentence, _ = only({"modules_installed": ["ks-logging"], "env": {"install_kubesphere": False}})
    assert code == "world.module-unknown"
    assert sentence == "Cluster 'shop' has no KubeSphere, so 'ks-logging' cannot be installed"


def test_all_contradictions_come_at_once():
    found = check({"nodes": [{"role": "master", "index": 9}], "born_as": "3.0.0"}, {"deleted_for": "5m"})
    assert {finding.code for finding in found} == {
        "world.twice",
        "world.node-unknown",
        "world.born-later",
        "world.deleted-for",
    }
    assert {finding.subject for finding in found} == {"shop"}

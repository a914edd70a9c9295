"""Which operations lie between a cluster and a wish, and in which order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import networkx as nx
import pytest

from qke_core.errors import RefusedError
from qke_core.goal import goal_of
from qke_core.models import ClusterDocument, ClusterState, World
from qke_core.plan.change import AddNodes, ChangeParameters, DeleteNodes, Resize, apply
from qke_core.plan.diff import diff
from qke_core.plan.order import CONSTRAINTS, ONE_AT_A_TIME, Ordered, order

HA = {"master": {"count": 3}, "node_perf": {"count": 3, "cpu": 8, "memory": "16GiB", "volume": "80GiB"}}


def between(now: Mapping[str, Any] | None, wish: Mapping[str, Any], *restart: str) -> tuple[Ordered, ...]:
    """Order what lies between a cluster of a world and a wish; both are HA at 2.0.0 unless they say otherwise."""
    usual = {"name": "shop", "version": "2.0.0", "roles": HA}
    world = World.model_validate_json(
        json.dumps({"zone": "pek3", "clusters": [] if now is None else [{**usual, **now}]})
    )
    document = {"apiVersion": "qke/v1", "kind": "Cluster", "zone": "pek3", **usual, **wish}
    wished = ClusterDocument.model_validate_json(json.dumps({k: v for k, v in document.items() if v is not None}))
    cluster = world.cluster("shop")
    state = None if cluster is None else ClusterState.of_world(cluster, world)
    return order(diff(state, goal_of(wished, state), restart))


def ids(line: tuple[Ordered, ...]) -> list[str]:
    return [ordered.draft.id for ordered in line]


@pytest.mark.parametrize(
    ("now", "wish", "expected"),
    [
        (None, {}, ["create"]),
        (None, {"status": "stopped"}, ["create", "stop"]),
        ({}, {}, []),
        ({}, {"roles": None}, []),
        ({}, {"status": "stopped"}, ["stop"]),
        ({}, {"status": "deleted"}, ["delete"]),
        ({}, {"status": "ceased"}, ["delete", "cease"]),
        ({"status": "stopped"}, {}, ["start"]),
        ({"status": "stopped"}, {"status": "stopped"}, []),
        ({"status": "stopped"}, {"status": "deleted"}, ["delete"]),
        ({"status": "deleted"}, {}, ["recover"]),
        ({"status": "deleted"}, {"status": "stopped"}, ["recover", "stop"]),
        ({"status": "deleted"}, {"status": "deleted"}, []),
        ({"status": "deleted"}, {"status": "ceased"}, ["cease"]),
        ({}, {"version": "3.0.0"}, ["upgrade-3.0.0"]),
        ({}, {"version": "3.3.0"}, ["upgrade-3.0.0", "upgrade-3.1.1", "upgrade-3.2.1", "upgrade-3.3.0"]),
        ({}, {"env": {"max_pods": 180}}, ["parameters"]),
        ({}, {"env": {"extra.modules": ["ks-devops"]}}, ["modules"]),
        ({}, {"env": {"kubesphere_eip": "eip-12345678"}}, ["eip-kubesphere_eip"]),
        ({"status": "stopped"}, {"status": "stopped", "env": {"max_pods": 180}}, ["start", "parameters", "stop"]),
    ],
)
def test_each_difference_has_its_operation(now: Mapping[str, Any] | None, wish: Mapping[str, Any], expected: list[str]):
    assert ids(between(now, wish)) == expected


def test_what_the_wish_leaves_out_stays():
    now = {"env": {"docker_bip": "172.29.0.1/16", "max_pods": 240, "extra.modules": ["ks-devops"]}}
    assert ids(between(now, {"env": {"max_pods": 240}})) == []
    sized = {"master": {"count": 3}, "node_perf": {"count": 3}}
    assert ids(between({}, {"roles": sized})) == []


def test_an_upgrade_keeps_parameters_and_takes_new_ones_as_upgraded_clusters_do():
    # node.name.human.readable is true for new clusters of 3.0.0 and false for upgraded ones: no difference.
    assert ids(between({"env": {"max_pods": 240}}, {"version": "3.0.0"})) == ["upgrade-3.0.0"]


@pytest.mark.guide("G-052")
def test_a_module_that_is_no_longer_chosen_stays_installed():
    now = {"env": {"extra.modules": ["ks-devops", "ks-logging"]}}
    (only,) = between(now, {"env": {"extra.modules": ["ks-logging"]}})
    assert only.draft.title == "Choose modules anew; none is installed or removed"


@pytest.mark.guide("G-060")
def test_a_new_docker_bridge_restarts_every_kubernetes_role_one_after_another():
    line = between({}, {"env": {"docker_bip": "172.29.0.1/16"}})
    assert ids(line) == ["parameters", "restart-master", "restart-node_perf"]


def test_a_new_docker_bridge_needs_no_restart_at_1_x_nor_where_nodes_restart_anyway():
    old = {"version": "1.0.1"}
    assert ids(between(old, {**old, "env": {"docker_bip": "172.29.0.1/16"}})) == ["parameters"]
    bigger = {"roles": {**HA, "node_perf": {"count": 3, "cpu": 16}}, "env": {"docker_bip": "172.29.0.1/16"}}
    assert ids(between({}, bigger)) == ["parameters", "resize-node_perf", "restart-master"]
    assert ids(between({}, {"status": "stopped", "env": {"docker_bip": "172.29.0.1/16"}})) == ["parameters", "stop"]


def test_a_restart_that_is_asked_for_is_planned_once():
    assert ids(between({}, {}, "node_perf")) == ["restart-node_perf"]
    assert ids(between({}, {"env": {"docker_bip": "172.29.0.1/16"}}, "master")).count("restart-master") == 1


def test_workers_change_type_without_ever_being_fewer_than_two():
    swapped = {"master": {"count": 3}, "node_super_perf": {"count": 3}}
    line = between({}, {"roles": swapped})
    assert ids(line) == ["add-node_super_perf", "delete-node_perf"]
    assert line[1].after[0].why == "at least two workers must be left, and room for the pods"


def test_the_first_nodes_of_a_role_come_with_size_and_host_type():
    without = {"roles": {**HA, "client": {"count": 0}}}
    (added,) = between(without, {"roles": {**HA, "client": {"count": 1, "instance_class": 101}}})
    assert added.draft.change == AddNodes("client", 1, 2, 4096, 0, 101)


def test_nodes_go_from_the_highest_number_and_come_after_it():
    (gone,) = between({}, {"roles": {**HA, "node_perf": {"count": 2}}})
    assert gone.draft.change == DeleteNodes("node_perf", (3,))
    (added,) = between({}, {"roles": {**HA, "node_perf": {"count": 5}}})
    assert added.draft.change == AddNodes("node_perf", 2)


def test_disks_grow_before_an_upgrade_and_sizes_change_after_it():
    bigger = {"master": {"count": 3}, "node_perf": {"count": 3, "cpu": 24, "volume": "200GiB"}}
    line = between({"version": "1.0.1", "born_as": "1.0.1"}, {"version": "2.0.0", "roles": bigger})
    assert ids(line) == ["disk-node_perf", "upgrade-2.0.0", "resize-node_perf"]
    first, _, last = (ordered.draft.change for ordered in line)
    assert isinstance(first, Resize)
    assert isinstance(last, Resize)
    assert (first.cpu, first.volume_gib, last.cpu, last.volume_gib) == (0, 200, 24, 0)


def test_all_parameters_are_set_in_one_call():
    values = {"controller.manager.params": "kube-api-qps: 80", "kube_log_level": 3, "max_pods": 180}
    (only,) = between({"version": "3.0.0"}, {"version": "3.0.0", "env": values})
    assert only.draft.change == ChangeParameters(values)


def test_no_way_to_a_version_is_refused():
    with pytest.raises(RefusedError) as caught:
        between({"version": "3.0.0"}, {"version": "2.0.0"})
    assert caught.value.code == "upgrade.no-path"


EVERYTHING = {
    "version": "3.0.0",
    "status": "stopped",
    "roles": {
        "master": {"count": 3, "cpu": 16},
        "node_perf": {"count": 5, "volume": "200GiB"},
        "node_gpu": {"count": 1},
    },
    "env": {"docker_bip": "172.29.0.1/16", "extra.modules": ["ks-events"], "kubernetes_eip": "139.198.0.10"},
}


def test_a_line_keeps_every_constraint_and_says_why_of_every_edge():
    line = between({}, EVERYTHING)
    assert len(line) > 6
    names = ids(line)
    for constraint in CONSTRAINTS:
        firsts = [place for place, ordered in enumerate(line) if constraint.first(ordered.draft)]
        thens = [place for place, ordered in enumerate(line) if constraint.then(ordered.draft)]
        assert all(first < then for first in firsts for then in thens if first != then), constraint.why
    graph = nx.DiGraph([(edge.step, ordered.draft.id) for ordered in line for edge in ordered.after])
    assert nx.is_directed_acyclic_graph(graph)
    # The platform does one at a time: the longest chain is the whole line.
    assert nx.dag_longest_path(graph) == names
    assert all(edge.why for ordered in line for edge in ordered.after)
    assert any(edge.why == ONE_AT_A_TIME for ordered in line for edge in ordered.after)


def test_a_goal_names_nodes_as_the_changes_do():
    data = {"zone": "pek3", "clusters": [{"name": "shop", "version": "2.0.0", "roles": HA}]}
    world = World.model_validate_json(json.dumps(data))
    state = ClusterState.of_world(world.clusters[0], world)
    without = apply(DeleteNodes("node_perf", (3,)), apply(AddNodes("node_perf", 1), state))
    assert without.nodes["node_perf"] == (1, 2, 4)
    assert apply(AddNodes("node_perf", 1), without).nodes["node_perf"] == (1, 2, 4, 5)
    data = {"apiVersion": "qke/v1", "kind": "Cluster", "zone": "pek3", "name": "shop", "version": "2.0.0"}
    for count, nodes in ((2, (1, 2)), (3, (1, 2, 4)), (5, (1, 2, 4, 5, 6))):
        wish = ClusterDocument.model_validate_json(json.dumps({**data, "roles": {"node_perf": {"count": count}}}))
        assert goal_of(wish, without).nodes["node_perf"] == nodes

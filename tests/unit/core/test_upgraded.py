"""What an upgrade carries over, brings, and loses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qke_core.catalog import catalog, parameters
from qke_core.models import ClusterState, World
from qke_core.upgraded import upgraded


def state(version: str, **more: Any) -> ClusterState:
    roles = {"master": {"count": 3}, "node_perf": {"count": 3}}
    cluster = {"name": "shop", "version": version, "roles": roles, **more}
    world = World.model_validate_json(json.dumps({"zone": "pek3", "clusters": [cluster]}))
    return ClusterState.of_world(world.clusters[0], world)


@pytest.mark.parametrize("edge", catalog().upgrades, ids=lambda edge: f"{edge.origin}-{edge.target}")
def test_every_parameter_of_the_target_has_a_value(edge: Any):
    after = upgraded(state(edge.origin), edge.target)
    assert list(after.settings.values) == list(parameters().env(edge.target))
    assert after.settings.version == after.version == edge.target
    assert set(after.shape) == set(after.nodes)


def test_values_are_carried_over_and_new_parameters_get_what_upgraded_clusters_get():
    after = upgraded(state("2.0.0", env={"max_pods": 240}), "3.0.0")
    assert after.settings.number("max_pods") == 240
    assert after.settings.flag("node.name.human.readable") is False


def test_the_audit_policy_file_is_lost_at_3_1_0():
    before = state("3.0.0", env={"kube_audit_file": "/etc/kubernetes/audit/policies/default.yaml"})
    after = upgraded(before, "3.1.0")
    assert not after.settings.has("kube_audit_file")
    assert after.settings.text("kube_audit_policy") == ""


@pytest.mark.guide("G-196")
def test_the_gpu_role_comes_without_nodes():
    after = upgraded(state("1.0.1"), "2.0.0")
    assert after.shape["node_gpu"].count == 0
    assert after.nodes["node_gpu"] == ()


@pytest.mark.parametrize(("version", "target", "installed"), [("1.0.1", "2.0.0", 7), ("2.0.0", "3.0.0", 0)])
def test_a_cluster_of_1_x_was_a_full_install_and_stays_one(version: str, target: str, installed: int):
    after = upgraded(state(version), target)
    assert len(after.modules) == installed
    assert set(after.settings.modules) == set(after.modules)


def test_a_module_that_the_target_does_not_know_is_not_chosen_but_stays_installed():
    after = upgraded(state("3.0.0", env={"extra.modules": ["ks-notification", "ks-events"]}), "3.1.0")
    assert after.settings.modules == ("ks-events",)
    assert "ks-notification" in after.modules


def test_without_kubesphere_no_module_is_turned_on():
    after = upgraded(state("1.0.1", env={"install_kubesphere": False}), "2.0.0")
    assert after.modules == ()

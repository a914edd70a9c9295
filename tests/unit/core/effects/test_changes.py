"""Does every effect that changes a cluster ask what the API takes, read its reply, and find itself again?"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from qke_core.effects import (
    AddClusterNodes,
    CeaseCluster,
    CloudCall,
    CloudEffect,
    ClusterChange,
    CreateScalingPolicy,
    DeleteCluster,
    DeleteClusterNodes,
    DeleteScalingPolicies,
    DeployCluster,
    Deployed,
    Effect,
    Flow,
    Json,
    JsonObject,
    RecoverCluster,
    ResizeCluster,
    RestartClusterService,
    RunClusterCustomService,
    Settled,
    StartCluster,
    StopCluster,
    UpdateClusterEnvironment,
    UpgradeCluster,
)
from qke_core.errors import RemoteError

T = TypeVar("T")
KNOWN = ("j-1",)

WIRE: list[tuple[ClusterChange, str, JsonObject]] = [
    (StartCluster("cl-1", known_jobs=KNOWN), "StartClusters", {"clusters": ["cl-1"]}),
    (StopCluster("cl-1", known_jobs=KNOWN), "StopClusters", {"clusters": ["cl-1"]}),
    (DeleteCluster("cl-1", known_jobs=KNOWN), "DeleteClusters", {"clusters": ["cl-1"]}),
    (RecoverCluster("cl-1", known_jobs=KNOWN), "RecoverClusters", {"clusters": ["cl-1"]}),
    (CeaseCluster("cl-1", known_jobs=KNOWN), "CeaseClusters", {"clusters": ["cl-1"]}),
    (
        UpgradeCluster("cl-1", "appv-2", known_jobs=KNOWN),
        "UpgradeClusters",
        {"clusters": ["cl-1"], "app_version": "appv-2"},
    ),
    (
        AddClusterNodes("cl-1", "node_perf", 2, known_jobs=KNOWN),
        "AddClusterNodes",
        {"cluster": "cl-1", "node_role": "node_perf", "node_count": 2},
    ),
    (
        AddClusterNodes("cl-1", "node_perf", 2, '{"node_perf": {"cpu": 8}}', known_jobs=KNOWN),
        "AddClusterNodes",
        {"cluster": "cl-1", "node_role": "node_perf", "node_count": 2, "resource_conf": '{"node_perf": {"cpu": 8}}'},
    ),
    (
        DeleteClusterNodes("cl-1", ("cln-1", "cln-2"), known_jobs=KNOWN),
        "DeleteClusterNodes",
        {"cluster": "cl-1", "nodes": ["cln-1", "cln-2"]},
    ),
    (
        ResizeCluster("cl-1", "master", cpu=8, volume_gib=100, known_jobs=KNOWN),
        "ResizeCluster",
        {"cluster": "cl-1", "node_role": "master", "cpu": 8, "storage_size": 100},
    ),
    (
        UpdateClusterEnvironment("cl-1", '{"a": 1}', known_jobs=KNOWN),
        "UpdateClusterEnvironment",
        {"cluster": "cl-1", "env": '{"a": 1}'},
    ),
    (
        RestartClusterService("cl-1", "master", known_jobs=KNOWN),
        "RestartClusterService",
        {"cluster": "cl-1", "role": "master"},
    ),
    (
        RunClusterCustomService("cl-1", "master", "docker_prune", '{"max_days": 3}', known_jobs=KNOWN),
        "RunClusterCustomService",
        {"cluster": "cl-1", "role": "master", "service": "docker_prune", "service_params": '{"max_days": 3}'},
    ),
]
CHANGES = [effect for effect, _, _ in WIRE]


def named(value: object) -> str:
    return type(value).__name__ if isinstance(value, Effect) else ""


def answered(flow: Flow[T], answer: Callable[[Effect[Any]], Json]) -> T:
    """Run a flow on JSON answers; a list of answers is given out one after the other."""
    sent: Any = None
    while True:
        try:
            effect = flow.send(sent)
        except StopIteration as stop:
            return stop.value
        assert not effect.mutates
        sent = effect.parse_reply(answer(effect))


@pytest.mark.parametrize(("effect", "action", "params"), WIRE, ids=named)
def test_an_action_and_its_parameters_are_the_apis(effect: CloudEffect[str], action: str, params: JsonObject) -> None:
    assert (effect.action, effect.params()) == (action, params)


@pytest.mark.parametrize("effect", CHANGES, ids=named)
def test_the_job_is_read_from_either_form_of_the_answer(effect: ClusterChange) -> None:
    assert effect.parse_reply({"job_id": "j-2"}) == "j-2"
    assert effect.parse_reply({"job_ids": {"cl-2": "j-3", "cl-1": "j-2"}}) == "j-2"
    assert effect.parse_reply(None) == ""


@pytest.mark.parametrize("effect", CHANGES, ids=named)
def test_a_probe_finds_the_job_of_its_action_that_was_not_known(effect: ClusterChange) -> None:
    word = effect.job_action or effect.action

    def jobs(*found: tuple[str, str]) -> Callable[[Effect[Any]], Json]:
        return lambda _: {"job_set": [{"job_id": name, "job_action": action} for name, action in found]}

    settled = answered(effect.probe(), jobs(("j-3", "Other"), ("j-2", word), ("j-1", word)))
    assert settled is not None
    assert effect.parse_reply(settled.reply) == "j-2"
    assert answered(effect.probe(), jobs(("j-3", "Other"), ("j-1", word))) is None


def test_ceasing_is_called_otherwise_in_job_lists() -> None:
    assert CeaseCluster.job_action == "CeaseResources"


DEPLOY = DeployCluster("appv-1", "shop", '{"cluster": {}}', "elastic", ("cl-1",))


def test_a_deployment_is_asked_for_by_version_and_conf_and_read_by_cluster_and_job() -> None:
    assert DEPLOY.params() == {"version_id": "appv-1", "conf": '{"cluster": {}}', "charge_mode": "elastic"}
    assert DEPLOY.parse_reply({"cluster_id": "cl-2", "job_id": "j-1"}) == Deployed("cl-2", "j-1")


@pytest.mark.parametrize(
    ("clusters", "found"),
    [
        ([("cl-1", "shop", "active")], None),
        ([("cl-1", "shop", "active"), ("cl-2", "shop", "pending")], Deployed("cl-2", "j-7")),
        ([("cl-2", "shop2", "pending")], None),
        ([("cl-2", "shop", "ceased")], None),
    ],
    ids=["the one known before", "a new one", "another name", "one that is gone"],
)
def test_the_probe_of_a_deployment_finds_the_cluster_of_that_name(
    clusters: list[tuple[str, str, str]], found: Deployed | None
) -> None:
    def answer(effect: Effect[Any]) -> Json:
        if effect.name == "cloud.find-clusters":
            return {"cluster_set": [{"cluster_id": i, "name": n, "status": s} for i, n, s in clusters]}
        return {"job_set": [{"job_id": "j-8"}, {"job_id": "j-7"}]}

    settled = answered(DEPLOY.probe(), answer)
    assert (None if settled is None else DEPLOY.parse_reply(settled.reply)) == found


def policies(*ids: str) -> Callable[[Effect[Any]], Json]:
    return lambda _: {"autoscaling_policy_set": [{"autoscaling_policy_id": found, "role": "r"} for found in ids]}


def test_a_policy_that_was_not_there_before_is_ours() -> None:
    effect = CreateScalingPolicy("cl-1", json.dumps({"role": "node_perf"}), ("asp-1",))
    assert effect.params() == {"resource": "cl-1", "role": "node_perf"}
    assert answered(effect.probe(), policies("asp-1")) is None
    settled = answered(effect.probe(), policies("asp-1", "asp-2"))
    assert settled is not None
    assert effect.parse_reply(settled.reply) == "asp-2"


def test_policies_are_gone_when_none_of_them_is_left() -> None:
    effect = DeleteScalingPolicies("cl-1", ("asp-1", "asp-2"))
    assert effect.params() == {"autoscaling_policies": ["asp-1", "asp-2"]}
    assert answered(effect.probe(), policies("asp-2")) is None
    assert answered(effect.probe(), policies("asp-3")) == Settled({})


def test_a_call_that_reads_may_be_made_again() -> None:
    assert answered(CloudCall("DescribeEips", "{}").probe(), lambda _: {}) is None


def test_a_call_that_made_a_job_is_found_by_it() -> None:
    effect = CloudCall("StopInstances", '{"instances": ["i-1"]}', ("j-1",))
    assert effect.action == "StopInstances"
    assert effect.params() == {"instances": ["i-1"]}
    jobs: Json = {"job_set": [{"job_id": "j-2", "job_action": "StopInstances"}]}
    assert answered(effect.probe(), lambda _: jobs) == Settled({"job_id": "j-2"})


def test_a_call_that_left_no_job_stays_in_doubt() -> None:
    with pytest.raises(RemoteError, match=r"cloud\.in-doubt"):
        answered(CloudCall("AllocateEips", "{}").probe(), lambda _: {"job_set": []})

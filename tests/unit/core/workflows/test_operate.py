"""Does an operation look and check before it asks, ask once, watch within bounds, and believe only its own eyes?"""

from __future__ import annotations

import json

import pytest

from qke_core.errors import InputError, RefusedError, RemoteError, StuckError
from qke_core.plan.change import (
    AddNodes,
    Cease,
    ChangeEip,
    ChangeModules,
    ChangeParameters,
    Delete,
    DeleteNodes,
    Recover,
    Resize,
    RestartRole,
    Start,
    Stop,
    Upgrade,
)
from qke_core.units import MS_PER_H, MS_PER_MIN
from qke_core.workflows import CustomService, DeleteNewest, OperateRequest, OperateResult, Order, operate, say
from qke_core.workflows.operate import ROWS


def doing(order: Order, **options):
    return operate(OperateRequest("cl-1", order, **options))


@pytest.fixture
def world(make_world):
    """A cluster at 3.3.0 whose platform does what it is asked, within five minutes."""
    world = make_world("3.3.0")
    world.job_takes_ms = 5 * MS_PER_MIN

    def become(status: str):
        return lambda _: world.cluster.update(status=status)

    def add(params):
        role, count = params["node_role"], params["node_count"]
        last = max(node["server_id"] for node in world.nodes if node["role"] == role)
        like = world.node(f"{role}-{last}")
        for sid in range(last + 1, last + 1 + count):
            name = f"{role}-{sid}"
            new = {"node_id": f"cln-{name}", "instance_id": f"i-{name}", "name": name, "server_id": sid}
            world.nodes.append(like | new)

    def delete(params):
        world.nodes[:] = [node for node in world.nodes if node["node_id"] not in params["nodes"]]

    def resize(params):
        sizes = {key: params[key] for key in ("cpu", "memory", "storage_size") if key in params}
        for node in world.nodes:
            if node["role"] == params["node_role"]:
                node.update(sizes)

    world.on_end = {
        "StartClusters": become("active"),
        "StopClusters": become("stopped"),
        "DeleteClusters": become("deleted"),
        "RecoverClusters": become("active"),
        "CeaseResources": become("ceased"),
        "AddClusterNodes": add,
        "DeleteClusterNodes": delete,
        "ResizeCluster": resize,
        "UpdateClusterEnvironment": lambda params: world.env.update(json.loads(params["env"])),
    }
    return world


ORDERS: list[tuple[Order, str]] = [
    (Start(), "stopped"),
    (Stop(), "active"),
    (Delete(), "active"),
    (Delete(), "stopped"),
    (Recover(), "deleted"),
    (Cease(), "deleted"),
    (AddNodes("node_perf", 2), "active"),
    (DeleteNodes("node_perf", (2,)), "active"),
    (DeleteNewest("node_perf", 1), "active"),
    (Resize("node_perf", 8, 16384), "active"),
    (Resize("master", volume_gib=200), "active"),
    (ChangeParameters({"registry_mirrors": "https://m.example"}), "active"),
    (ChangeModules(("ks-devops",)), "active"),
    (ChangeEip("kubernetes_eip", "139.198.0.1"), "active"),
    (RestartRole("node_perf"), "active"),
    (CustomService("master", "renew_certs"), "active"),
    (CustomService("node_perf", "docker_prune", (("max_days", 3),)), "active"),
]
IDS = [f"{say(order, 'shop')} ({status})" for order, status in ORDERS]


@pytest.mark.parametrize(("order", "status"), ORDERS, ids=IDS)
def test_an_order_is_asked_once_watched_and_seen(world, order: Order, status: str) -> None:
    world.cluster["status"] = status
    if isinstance(order, ChangeModules):
        world.on_end["UpdateClusterEnvironment"] = lambda _: setattr(world, "modules", "ks-devops")
    result: OperateResult = world.run(doing(order))
    assert result.cluster_id == "cl-1"
    assert 5 * MS_PER_MIN <= result.took_ms <= 7 * MS_PER_MIN
    assert len(world.jobs) == 1
    assert [topic for topic, _ in world.told] == ["preflight"]


def test_the_newest_nodes_are_those_with_the_highest_numbers(world) -> None:
    world.run(doing(DeleteNewest("node_perf", 1)))
    assert world.jobs[0]["params"]["nodes"] == ["cln-node_perf-3"]


def test_an_upgrade_is_the_upgrade_workflow(make_world) -> None:
    world = make_world()
    world.run(doing(Upgrade("2.0.0")))
    assert world.version == "2.0.0"


BLOCKED: list[tuple[Order, str, str, int]] = [
    (Start(), "active", "operation.status", 1400),
    (Stop(), "stopped", "operation.status", 1400),
    (Stop(), "ceased", "operation.status", 2100),
    (CustomService("master", "renew_certs"), "stopped", "operation.status", 1400),
    (AddNodes("master", 1), "active", "topology.masters-fixed", 0),
    (DeleteNodes("node_perf", (9,)), "active", "operation.node-unknown", 0),
    (DeleteNodes("node_perf", (2, 3)), "active", "topology.workers-left", 135),
    (DeleteNewest("node_super_perf", 1), "active", "operation.node-unknown", 0),
    (Resize("node_gpu", 8), "active", "operation.node-unknown", 0),
    (Resize("master", volume_gib=50), "active", "topology.disk-shrinks", 0),
    (Resize("master", 4, 8192, 100), "active", "operation.nothing-changes", 0),
    (RestartRole("node_gpu"), "active", "operation.node-unknown", 0),
    (ChangeParameters({"install_kubesphere": False}), "active", "parameter.unchangeable", 0),
    (ChangeParameters({"no.such": 1}), "active", "parameter.unknown", 0),
    (CustomService("client", "docker_prune"), "active", "operation.service-unknown", 0),
]


@pytest.mark.parametrize(("order", "status", "code", "platform_code"), BLOCKED)
def test_a_blocker_is_refused_before_anything_is_asked(
    world, order: Order, status: str, code: str, platform_code: int
) -> None:
    world.cluster["status"] = status
    with pytest.raises(RefusedError) as caught:
        world.run(doing(order))
    assert (caught.value.code, caught.value.facts["platform_code"]) == (code, platform_code)
    assert world.jobs == []


def test_a_cluster_in_transition_has_to_be_waited_for(world) -> None:
    world.cluster["transition_status"] = "updating"
    with pytest.raises(RefusedError, match=r"operation\.busy"):
        world.run(doing(Stop()))


def test_a_reported_blocker_is_told_and_the_platform_decides(world) -> None:
    world.refusals["DeleteClusterNodes"] = 2100
    with pytest.raises(RefusedError) as caught:
        world.run(doing(DeleteNodes("node_perf", (9,)), preflight="report"))
    assert (caught.value.code, caught.value.facts["platform_code"]) == ("operation.refused", 2100)
    assert "blocker" in {finding["severity"] for finding in world.told[0][1]["findings"]}


def test_a_node_that_is_not_ready_before_is_told_and_need_not_be_ready_after(world) -> None:
    world.node("node_perf-1")["ready"] = False
    world.run(doing(RestartRole("master")))
    assert [finding["code"] for finding in world.told[0][1]["findings"]] == ["operation.node-not-ready"]


def test_an_unknown_cluster_is_an_input_error(world) -> None:
    world.cluster["status"] = "unknown"
    with pytest.raises(InputError, match=r"cluster\.unknown"):
        world.run(doing(Stop()))


def test_a_failed_job_carries_the_products_code(world) -> None:
    world.job_ends = {"status": "failed", "error_codes": "134"}
    with pytest.raises(RemoteError) as caught:
        world.run(doing(DeleteNodes("node_perf", (3,))))
    error = caught.value
    assert (error.code, error.facts["platform_code"]) == ("operation.job-failed", 134)
    assert error.sentence.startswith("Deleting node_perf3 of shop ended as failed with code 134")


@pytest.mark.parametrize(("code", "remedy"), [(2400, "top up"), (2500, "quotas"), (5200, "size or host type")])
def test_a_job_that_failed_for_want_of_something_says_what_to_do(world, code: int, remedy: str) -> None:
    world.job_ends = {"status": "failed", "error_codes": str(code)}
    with pytest.raises(RemoteError) as caught:
        world.run(doing(AddNodes("node_perf", 1)))
    assert remedy in caught.value.remedy
    assert "no further code" not in caught.value.sentence


@pytest.mark.parametrize(
    ("order", "least_h", "most_h"),
    [(CustomService("master", "renew_certs"), 2, 4), (DeleteNodes("node_perf", (3,)), 4, 6)],
)
def test_a_job_that_never_ends_is_given_up_after_its_services_and_a_margin(
    world, order: Order, least_h: int, most_h: int
) -> None:
    world.job_takes_ms = 1000 * MS_PER_H
    with pytest.raises(StuckError) as caught:
        world.run(doing(order, poll_ms=MS_PER_H))
    assert caught.value.code == "operation.job-stuck"
    assert least_h * MS_PER_H < world.now_ms <= most_h * MS_PER_H


UNSEEN: list[tuple[Order, str, str]] = [
    (Stop(), "StopClusters", "not yet stopped"),
    (AddNodes("node_perf", 2), "AddClusterNodes", "the cluster has 3 of 5 node_perf nodes"),
    (DeleteNodes("node_perf", (3,)), "DeleteClusterNodes", "node_perf3 is still there"),
    (Resize("node_perf", 8), "ResizeCluster", "node_perf1 has another size"),
    (ChangeEip("kubernetes_eip", "139.198.0.1"), "UpdateClusterEnvironment", "kubernetes_eip is still ''"),
]


@pytest.mark.parametrize(("order", "action", "words"), UNSEEN, ids=[action for _, action, _ in UNSEEN])
def test_a_successful_job_that_did_nothing_is_stuck(world, order: Order, action: str, words: str) -> None:
    del world.on_end[action]
    with pytest.raises(StuckError) as caught:
        world.run(doing(order))
    assert caught.value.code == "operation.unverified"
    assert words in caught.value.sentence


def test_a_node_that_kubernetes_still_lists_is_not_gone(world) -> None:
    kube = world._kube
    listed = kube({"resource": "nodes"})
    world._kube = lambda _: listed
    with pytest.raises(StuckError, match="its API server still lists i-node_perf-3"):
        world.run(doing(DeleteNodes("node_perf", (3,))))


@pytest.mark.parametrize("when", ["lost-before", "lost-after"])
@pytest.mark.parametrize(("order", "status"), ORDERS, ids=IDS)
def test_a_lost_answer_is_settled_and_not_asked_twice(world, order: Order, status: str, when: str) -> None:
    world.cluster["status"] = status
    if isinstance(order, ChangeModules):
        world.on_end["UpdateClusterEnvironment"] = lambda _: setattr(world, "modules", "ks-devops")
    ask = ROWS[DeleteNodes if isinstance(order, DeleteNewest) else type(order)].kind.name
    world.trouble = [(ask, when)]
    world.run(doing(order))
    assert world.trouble == []
    assert len(world.jobs) == world.asked[ask] == 1

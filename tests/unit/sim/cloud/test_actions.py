"""Every action of the simulated cloud: what it answers when all is well, and how it says no."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from qke_core.catalog import catalog, parameters
from qke_sim.hosts.balancer import api_listener
from qke_sim.kernel import Kernel
from qke_sim.twin import ACTION_NAMES, Twin

Ask = Callable[..., Mapping[str, Any]]
MANY = {"name": "many", "version": "2.0.0", "roles": {"master": {"count": 3}, "node_perf": {"count": 100}}}


@pytest.fixture
def twin(kernel: Kernel, twin_of: Callable[..., Twin]) -> Twin:
    return twin_of(kernel, {"name": "shop", "version": "1.0.1", "express": "Prod"}, MANY)


@pytest.fixture
def ask(kernel: Kernel, twin: Twin, finished: Callable[..., Any]) -> Ask:
    """Call an action as a client does, without waiting for what it begins."""

    def call(action: str, **params: Any) -> Mapping[str, Any]:
        running = kernel.spawn(twin.cloud.call(action, params, "test", 0))
        while not running.triggered:
            kernel.env.step()
        answer: Mapping[str, Any] = running.value or {}
        return answer

    return call


def cluster_id(twin: Twin, name: str = "shop") -> str:
    return twin.site(name).cluster.cluster_id


def app_version(version: str) -> str:
    return catalog().version(version).app_version_id


def test_every_action_is_answered_by_one_handler_alone(twin: Twin) -> None:
    assert len(set(ACTION_NAMES)) == len(ACTION_NAMES)
    assert set(twin.cloud.handlers) == set(ACTION_NAMES)


@pytest.mark.parametrize("action", ["RunDatabases", "", "describeclusters"])
def test_an_unknown_action_gets_the_apis_own_refusal(ask: Ask, action: str) -> None:
    assert ask(action) == {"ret_code": 1400, "message": "PermissionDenied, can't handle this request"}


def test_clusters_are_described_as_the_api_does(ask: Ask, twin: Twin) -> None:
    answer = ask("DescribeClusters", clusters=[cluster_id(twin)])
    assert (answer["action"], answer["ret_code"], answer["total_count"]) == ("DescribeClustersResponse", 0, 1)
    (shop,) = answer["cluster_set"]
    expected = {
        "cluster_id": cluster_id(twin),
        "name": "shop",
        "app_version": app_version("1.0.1"),
        "status": "active",
        "transition_status": "",
        "upgrade_status": "",
        "node_count": 7,
        "roles": ["client", "master", "node_perf"],
        "role_count": {"client": 1, "master": 3, "node_perf": 3},
        "links": {},
    }
    assert {key: shop[key] for key in expected} == expected


def test_clusters_can_be_asked_for_by_status(ask: Ask, twin: Twin) -> None:
    twin.site("many").cluster.status = "stopped"
    assert [found["name"] for found in ask("DescribeClusters", status=["stopped"])["cluster_set"]] == ["many"]
    assert ask("DescribeClusters")["total_count"] == 2


def test_a_cluster_nobody_has_is_an_empty_answer_and_no_error(ask: Ask) -> None:
    answer = ask("DescribeClusters", clusters=["cl-nothing1"])
    assert (answer["ret_code"], answer["cluster_set"], answer["total_count"]) == (0, [], 0)


def test_nodes_show_role_sid_and_address(ask: Ask, twin: Twin) -> None:
    answer = ask("DescribeClusterNodes", cluster=cluster_id(twin), role="master")
    assert [(node["name"], node["role"], node["server_id"]) for node in answer["node_set"]] == [
        ("master1", "master", 1),
        ("master2", "master", 2),
        ("master3", "master", 3),
    ]
    assert {node["cluster_id"] for node in answer["node_set"]} == {cluster_id(twin)}
    assert all(
        node["node_id"].startswith("cln-") and node["instance_id"].startswith("i-") for node in answer["node_set"]
    )
    addresses = {node["private_ip"] for node in ask("DescribeClusterNodes", cluster=cluster_id(twin))["node_set"]}
    assert len(addresses) == 7


@pytest.mark.parametrize(
    ("page", "first", "count"),
    [
        ({}, 0, 20),
        ({"limit": 5}, 0, 5),
        ({"offset": 5, "limit": 5}, 5, 5),
        ({"limit": 100}, 0, 100),
        ({"limit": 1000}, 0, 100),
        ({"offset": 100, "limit": 100}, 100, 4),
        ({"offset": 104}, 104, 0),
        ({"offset": 500}, 500, 0),
        ({"limit": 0}, 0, 0),
        ({"offset": "5", "limit": "5"}, 5, 5),  # From the wire everything comes as text.
    ],
)
def test_answers_come_in_pages_of_20_and_of_100_at_most(
    ask: Ask, twin: Twin, page: Mapping[str, Any], first: int, count: int
) -> None:
    """103 Kubernetes nodes and a client."""
    everybody = [node.node_id for node in twin.site("many").cluster.nodes]
    answer = ask("DescribeClusterNodes", cluster=cluster_id(twin, "many"), **page)
    assert [node["node_id"] for node in answer["node_set"]] == everybody[first : first + count]
    assert answer["total_count"] == 104


@pytest.mark.guide("G-049")
def test_the_environment_tells_whether_kubesphere_is_installed(ask: Ask, twin: Twin) -> None:
    """True unless somebody chose otherwise."""
    answer = ask("DescribeClusterEnvironment", cluster=cluster_id(twin))
    values = {item["key"]: item["default"] for item in answer["config"]["properties"]}
    assert values["install_kubesphere"] is True
    assert list(values) == list(parameters().env("1.0.1"))


@pytest.mark.parametrize("action", ["DescribeClusterNodes", "DescribeClusterEnvironment", "DescribeClusterJobs"])
def test_details_of_a_cluster_that_is_not_there_are_refused(ask: Ask, action: str) -> None:
    answer = ask(action, cluster="cl-nothing1")
    assert answer["ret_code"] == 2100
    assert answer["message"].startswith("ResourceNotFound, cluster [")


@pytest.mark.parametrize("action", ["DescribeClusterNodes", "DescribeClusterEnvironment"])
def test_details_of_no_cluster_are_refused(ask: Ask, action: str) -> None:
    answer = ask(action)
    assert answer["ret_code"] == 1100
    assert "cluster" in answer["message"]


@pytest.mark.guide("G-140")
def test_an_upgrade_is_accepted_as_a_job_and_the_cluster_is_in_transition(ask: Ask, twin: Twin) -> None:
    """G-140: 1.0.1 can be upgraded to 2.0.0 in place."""
    shop = cluster_id(twin)
    answer = ask("UpgradeClusters", clusters=[shop], app_version=app_version("2.0.0"))
    assert (answer["ret_code"], answer["cluster_id"], list(answer["job_ids"])) == (0, [shop], [shop])
    (job,) = ask("DescribeClusterJobs", cluster=shop)["job_set"]
    assert job["job_id"] == answer["job_ids"][shop]
    assert (job["job_action"], job["status"], job["error_codes"], job["resource_ids"]) == (
        "UpgradeClusters",
        "working",
        "",
        shop,
    )
    (seen,) = ask("DescribeClusters", clusters=[shop])["cluster_set"]
    assert seen["transition_status"] == "updating"
    assert seen["app_version"] == app_version("1.0.1")


def test_an_upgrade_in_transition_is_refused(ask: Ask, twin: Twin) -> None:
    shop = cluster_id(twin)
    ask("UpgradeClusters", clusters=[shop], app_version=app_version("2.0.0"))
    again = ask("UpgradeClusters", clusters=[shop], app_version=app_version("2.0.0"))
    assert again["ret_code"] == 1400
    assert again["message"] == f"PermissionDenied, cluster [{shop}] is [updating], please try later"
    assert len(twin.cloud.jobs) == 1


@pytest.mark.parametrize("target", ["1.0.0", "1.0.1", "3.0.0", "3.3.0"])
def test_only_the_versions_that_the_target_lists_may_come(ask: Ask, twin: Twin, target: str) -> None:
    """Upgrade policy: 2.0.0 accepts 1.x, 3.0.0 only 2.0.0. Nothing goes down, nothing jumps."""
    answer = ask("UpgradeClusters", clusters=[cluster_id(twin)], app_version=app_version(target))
    assert answer["ret_code"] == 1400
    assert answer["message"].endswith(f"can not be upgraded to app version [{app_version(target)}]")
    assert not twin.cloud.jobs


def test_a_stopped_cluster_is_not_upgraded(ask: Ask, twin: Twin) -> None:
    twin.site("shop").cluster.status = "stopped"
    answer = ask("UpgradeClusters", clusters=[cluster_id(twin)], app_version=app_version("2.0.0"))
    assert (answer["ret_code"], answer["message"].rpartition("] ")[2]) == (1400, "is [stopped], can not be upgraded")


def test_one_bad_cluster_of_several_refuses_all(ask: Ask, twin: Twin) -> None:
    both = [cluster_id(twin), cluster_id(twin, "many")]
    answer = ask("UpgradeClusters", clusters=both, app_version=app_version("2.0.0"))
    assert answer["ret_code"] == 1400
    assert cluster_id(twin, "many") in answer["message"]
    assert not twin.cloud.jobs


@pytest.mark.parametrize("missing", ["cluster", "version"])
def test_an_upgrade_of_or_to_what_is_not_there_is_refused(ask: Ask, twin: Twin, missing: str) -> None:
    clusters = ["cl-nothing1"] if missing == "cluster" else [cluster_id(twin)]
    version = "appv-nothing1" if missing == "version" else app_version("2.0.0")
    answer = ask("UpgradeClusters", clusters=clusters, app_version=version)
    assert answer["ret_code"] == 2100
    assert "nothing1" in answer["message"]


def test_a_cluster_named_twice_gets_one_job(ask: Ask, twin: Twin) -> None:
    shop = cluster_id(twin)
    answer = ask("UpgradeClusters", clusters=[shop, shop], app_version=app_version("2.0.0"))
    assert answer["cluster_id"] == [shop]
    assert len(twin.cloud.jobs) == 1


def test_an_upgrade_of_nothing_is_malformed(ask: Ask) -> None:
    answer = ask("UpgradeClusters", app_version=app_version("2.0.0"))
    assert answer["ret_code"] == 1100


def test_jobs_come_newest_first_unless_asked_otherwise(ask: Ask, twin: Twin, kernel: Kernel) -> None:
    shop = twin.site("shop").cluster
    ask("UpgradeClusters", clusters=[shop.cluster_id], app_version=app_version("2.0.0"))
    kernel.run(12 * 3600 * 1000)
    assert shop.version == "2.0.0"
    ask("UpgradeClusters", clusters=[shop.cluster_id], app_version=app_version("3.0.0"))
    newest = ask("DescribeClusterJobs", cluster=shop.cluster_id)["job_set"]
    oldest = ask("DescribeClusterJobs", cluster=shop.cluster_id, reverse=0)["job_set"]
    assert [job["status"] for job in newest] == ["working", "successful"]
    assert newest == oldest[::-1]
    assert len({job["job_id"] for job in newest}) == 2
    done = ask("DescribeClusterJobs", cluster=shop.cluster_id, status="successful")
    assert [job["job_id"] for job in done["job_set"]] == [oldest[0]["job_id"]]
    one = ask("DescribeClusterJobs", cluster=shop.cluster_id, jobs=[oldest[0]["job_id"]])
    assert (one["job_set"], one["total_count"]) == ([oldest[0]], 1)


def test_a_job_that_is_not_there_is_refused(ask: Ask, twin: Twin) -> None:
    answer = ask("DescribeClusterJobs", cluster=cluster_id(twin), jobs=["j-nothing1"])
    assert (answer["ret_code"], answer["message"]) == (2100, "ResourceNotFound, job [j-nothing1] not found")


def test_jobs_of_another_cluster_are_not_shown(ask: Ask, twin: Twin) -> None:
    ask("UpgradeClusters", clusters=[cluster_id(twin)], app_version=app_version("2.0.0"))
    assert ask("DescribeClusterJobs", cluster=cluster_id(twin, "many"))["job_set"] == []


def test_a_listener_of_a_1_x_cluster_gets_the_new_scene(ask: Ask, twin: Twin) -> None:
    """The upgrade to 2.0.0 fixes the scene of the listener that 1.x made without one."""
    found = api_listener(twin.site("shop"))
    assert found is not None
    balancer, listener, scene = found
    assert scene == 0
    assert ask("ModifyLoadBalancerListenerAttributes", loadbalancer_listener=listener, scene=11)["ret_code"] == 0
    assert api_listener(twin.site("shop")) == (balancer, listener, 11)
    assert ask("UpdateLoadBalancers", loadbalancers=[balancer])["ret_code"] == 0


def test_a_listener_or_balancer_that_is_not_there_is_refused(ask: Ask) -> None:
    listener = ask("ModifyLoadBalancerListenerAttributes", loadbalancer_listener="lbl-nothing1", scene=11)
    balancer = ask("UpdateLoadBalancers", loadbalancers=["lb-nothing1"])
    assert (listener["ret_code"], balancer["ret_code"]) == (2100, 2100)
    assert "lbl-nothing1" in listener["message"]
    assert "lb-nothing1" in balancer["message"]


@pytest.mark.guide("G-030", "G-170")
def test_a_single_master_has_no_balancer(kernel: Kernel, twin_of: Callable[..., Twin]) -> None:
    """G-030, G-170: only an HA cluster has one."""
    twin = twin_of(kernel, {"name": "solo", "version": "1.0.1", "express": "DevTest"})
    assert api_listener(twin.site("solo")) is None


def test_a_call_is_recorded_with_its_answer_and_takes_time(ask: Ask, kernel: Kernel) -> None:
    ask("DescribeClusters")
    called, answered = kernel.trace.records[-2:]
    assert (called.kind, called.data) == ("cloud.called", {"by": "test", "action": "DescribeClusters"})
    assert (answered.kind, answered.data) == ("cloud.answered", {"action": "DescribeClusters", "ret_code": 0})
    assert answered.cause == called.seq
    bounds = catalog().duration("api-call")
    assert bounds.min_ms <= answered.t - called.t <= bounds.max_ms

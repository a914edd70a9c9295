"""Trouble at the doors: calls that fail, answers that are lost, calls that are slow; by count and by chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qke_core.catalog import catalog
from qke_core.errors import RemoteError
from qke_sim.cloud.cloud import ANSWER_TIMEOUT_MS
from qke_sim.faults import DoorFault, DoorName, Effect, Gate
from qke_sim.hosts.host import SSH_TIMEOUT_MS
from qke_sim.kernel import Kernel
from qke_sim.kube.door import REQUEST_TIMEOUT_MS
from qke_sim.streams import Streams
from qke_sim.twin import Twin

Finished = Callable[..., Any]
API_CALL = catalog().duration("api-call")


def trouble(
    effect: Effect,
    *,
    door: DoorName = "cloud",
    operation: str = "*",
    left: int | None = 1,
    percent: int = 100,
    name: str = "1",
) -> DoorFault:
    return DoorFault(name, door, effect, operation, left, percent, ret_code=5100, delay_ms=7000)


@pytest.fixture
def twin(kernel: Kernel, twin_of: Callable[..., Twin]) -> Twin:
    return twin_of(kernel)


@pytest.fixture
def upgrade(twin: Twin) -> dict[str, Any]:
    return {
        "clusters": [twin.site("shop").cluster.cluster_id],
        "app_version": catalog().version("2.0.0").app_version_id,
    }


def test_a_gate_without_trouble_lets_everything_pass() -> None:
    assert Gate(Streams(1)).meet("DescribeClusters") is None


def test_a_counted_fault_hits_that_many_calls_and_is_gone() -> None:
    gate = Gate(Streams(1))
    gate.faults.append(trouble("fails", left=2))
    hits = [gate.meet("DescribeClusters") is not None for _ in range(4)]
    assert hits == [True, True, False, False]
    assert gate.faults == []


def test_an_uncounted_fault_stays() -> None:
    gate = Gate(Streams(1))
    gate.faults.append(trouble("fails", left=None))
    assert all(gate.meet("x") for _ in range(50))


def test_a_fault_meets_only_its_operation() -> None:
    gate = Gate(Streams(1))
    gate.faults.append(trouble("fails", operation="UpgradeClusters"))
    assert gate.meet("DescribeClusters") is None
    assert gate.meet("UpgradeClusters") is not None


def test_of_two_faults_the_one_put_there_first_strikes() -> None:
    gate = Gate(Streams(1))
    gate.faults += [trouble("slow", name="1"), trouble("fails", name="2")]
    assert [found.effect for found in (gate.meet("x"), gate.meet("x")) if found] == ["slow", "fails"]


@pytest.mark.parametrize("percent", [1, 30, 99])
def test_chance_hits_as_often_as_it_says(percent: int) -> None:
    """Binomial: within five standard deviations of n p."""
    gate, calls = Gate(Streams(3)), 2000
    gate.faults.append(trouble("fails", left=None, percent=percent))
    hits = sum(gate.meet("x") is not None for _ in range(calls))
    chance = percent / 100
    assert abs(hits - calls * chance) <= 5 * (calls * chance * (1 - chance)) ** 0.5


def test_a_missed_chance_does_not_use_up_the_count() -> None:
    gate = Gate(Streams(3))
    gate.faults.append(trouble("fails", left=3, percent=20))
    hits = [gate.meet("x") is not None for _ in range(500)]
    assert sum(hits) == 3


def test_chance_has_a_stream_of_its_own_and_shifts_no_other_luck() -> None:
    streams = Streams(9)
    gate = Gate(streams)
    gate.faults.append(trouble("fails", left=None, percent=50))
    gate.meet("x")
    assert streams.unit("shop/master1") == Streams(9).unit("shop/master1")


def test_a_failing_cloud_call_answers_its_ret_code_and_does_nothing(
    twin: Twin, kernel: Kernel, finished: Finished, upgrade: dict[str, Any]
) -> None:
    twin.cloud.gate.faults.append(trouble("fails"))
    answer = finished(kernel, twin.cloud.call("UpgradeClusters", upgrade, "test", 0))
    assert answer == {"ret_code": 5100, "message": catalog().ret_codes[5100].meaning}
    assert not twin.cloud.jobs


def test_an_action_whose_answer_was_lost_really_happened(
    twin: Twin, kernel: Kernel, finished: Finished, upgrade: dict[str, Any]
) -> None:
    twin.cloud.gate.faults.append(trouble("answer-lost", operation="UpgradeClusters"))
    with pytest.raises(RemoteError) as caught:
        finished(kernel, twin.cloud.call("UpgradeClusters", upgrade, "test", 0))
    assert (caught.value.code, caught.value.retry, caught.value.in_doubt) == ("cloud.no-answer", True, True)
    (job,) = twin.cloud.jobs.values()
    assert job.action == "UpgradeClusters"
    lost = next(record for record in kernel.trace.records if record.kind == "cloud.lost")
    created = next(record for record in kernel.trace.records if record.kind == "job.created")
    assert lost.t - created.t == ANSWER_TIMEOUT_MS
    assert not any(record.kind == "cloud.answered" for record in kernel.trace.records)


def test_a_slow_cloud_call_is_late_and_right(twin: Twin, kernel: Kernel, finished: Finished) -> None:
    twin.cloud.gate.faults.append(trouble("slow"))
    answer = finished(kernel, twin.cloud.call("DescribeClusters", {}, "test", 0))
    assert answer["total_count"] == 1
    assert 7000 + API_CALL.min_ms <= kernel.now <= 7000 + API_CALL.max_ms


@pytest.mark.parametrize("effect", ["fails", "answer-lost"])
def test_a_kube_call_in_trouble_ends_without_an_answer(
    twin: Twin, kernel: Kernel, finished: Finished, effect: Effect
) -> None:
    twin.kube.gate.faults.append(trouble(effect, door="kube", operation="list"))
    shop = twin.site("shop").cluster.cluster_id
    call = {"verb": "list", "resource": "nodes"}
    with pytest.raises(RemoteError) as caught:
        finished(kernel, twin.kube.call(shop, call, "test", 0))
    assert (caught.value.code, caught.value.retry) == ("kube.unavailable", True)
    assert kernel.now == REQUEST_TIMEOUT_MS
    assert len(finished(kernel, twin.kube.call(shop, call, "test", 0))["items"]) == 6


@pytest.mark.parametrize("effect", ["fails", "answer-lost"])
def test_a_host_call_in_trouble_ends_without_an_answer(
    twin: Twin, kernel: Kernel, finished: Finished, effect: Effect
) -> None:
    twin.host.gate.faults.append(trouble(effect, door="host", operation="df"))
    node = twin.site("shop").hosts["master1"].node.node_id
    call = {"command": "df", "path": "/data"}
    with pytest.raises(RemoteError) as caught:
        finished(kernel, twin.host.call(node, call, "test", 0))
    assert (caught.value.code, caught.value.retry) == ("host.unreachable", True)
    assert kernel.now == SSH_TIMEOUT_MS
    assert finished(kernel, twin.host.call(node, call, "test", 0)) == twin.site("shop").hosts["master1"].data_free_mib


@pytest.mark.parametrize("door", ["kube", "host"])
def test_slow_calls_of_the_other_doors_are_late_and_right(
    twin: Twin, kernel: Kernel, finished: Finished, door: DoorName
) -> None:
    site = twin.site("shop")
    if door == "kube":
        twin.kube.gate.faults.append(trouble("slow", door=door))
        params = {"verb": "list", "resource": "pods"}
        assert finished(kernel, twin.kube.call(site.cluster.cluster_id, params, "test", 0))["items"]
    else:
        twin.host.gate.faults.append(trouble("slow", door=door))
        node = site.hosts["client1"].node.node_id
        assert finished(kernel, twin.host.call(node, {"command": "sshd-port"}, "test", 0)) == 22
    assert 7000 + API_CALL.min_ms <= kernel.now <= 7000 + API_CALL.max_ms


def test_the_kube_door_says_what_it_serves(twin: Twin, kernel: Kernel, finished: Finished) -> None:
    shop = twin.site("shop").cluster.cluster_id
    for call in ({"verb": "patch", "resource": "pods"}, {"verb": "list", "resource": "secrets"}):
        with pytest.raises(RemoteError) as caught:
            finished(kernel, twin.kube.call(shop, call, "test", 0))
        assert (caught.value.code, caught.value.retry) == ("kube.unknown", False)
        assert "persistentvolumeclaims" in caught.value.remedy


def test_nobody_reaches_kubernetes_without_an_api_server(twin: Twin, kernel: Kernel, finished: Finished) -> None:
    site = twin.site("shop")
    for alias in ("master1", "master2"):
        site.crash(alias, 0)
    with pytest.raises(RemoteError, match=r"kube\.unavailable"):
        finished(kernel, twin.kube.call(site.cluster.cluster_id, {"verb": "list", "resource": "nodes"}, "test", 0))


@pytest.mark.parametrize(
    ("params", "answer"),
    [
        ({"command": "df", "path": "/data"}, 61440),
        ({"command": "sshd-port"}, 22),
        ({"command": "kubelet-version"}, "1.13.5"),
        ({"command": "is-active", "service": "kubelet"}, "active"),
        ({"command": "is-active", "service": "nonsense"}, "inactive"),
    ],
)
def test_the_host_door_answers_its_questions(
    twin: Twin, kernel: Kernel, finished: Finished, params: dict[str, str], answer: object
) -> None:
    node = twin.site("shop").hosts["node_perf1"].node.node_id
    assert finished(kernel, twin.host.call(node, params, "test", 0)) == answer


def test_a_host_that_is_down_does_not_answer(twin: Twin, kernel: Kernel, finished: Finished) -> None:
    site = twin.site("shop")
    site.crash("node_perf1", 0)
    node = site.hosts["node_perf1"].node.node_id
    with pytest.raises(RemoteError, match=r"host\.unreachable"):
        finished(kernel, twin.host.call(node, {"command": "sshd-port"}, "test", 0))
    assert kernel.now >= SSH_TIMEOUT_MS


@pytest.mark.parametrize("command", ["reboot", "", "df"])
def test_other_commands_are_unknown(twin: Twin, kernel: Kernel, finished: Finished, command: str) -> None:
    node = twin.site("shop").hosts["node_perf1"].node.node_id
    with pytest.raises(RemoteError, match=r"host\.command-unknown"):
        finished(kernel, twin.host.call(node, {"command": command}, "test", 0))


def test_a_node_nobody_has_is_unknown_at_once(twin: Twin, kernel: Kernel, finished: Finished) -> None:
    with pytest.raises(RemoteError, match=r"host\.unknown"):
        finished(kernel, twin.host.call("cln-nothing1", {"command": "sshd-port"}, "test", 0))
    assert kernel.now == 0

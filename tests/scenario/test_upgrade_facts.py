"""What the stories must show, to the second: waits, codes, order, outages. Facts from the product's own scripts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from qke_core.catalog import catalog
from qke_sim.scenario import RunResult, Story, load_story, run_story
from qke_sim.trace import TraceRecord, causes

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SEEDS = range(100)


@cache
def story(name: str) -> Story:
    return load_story(SCENARIOS / f"{name}.yaml")


@cache
def run(name: str) -> RunResult:
    return run_story(story(name))


def find(result: RunResult, kind: str, subject: str = "", **data: object) -> list[TraceRecord]:
    return [
        record
        for record in result.records
        if record.kind == kind
        and subject in ("", record.subject)
        and all(record.data.get(name) == value for name, value in data.items())
    ]


def only(result: RunResult, kind: str, subject: str = "", **data: object) -> TraceRecord:
    found = find(result, kind, subject, **data)
    assert len(found) == 1, (kind, subject, data, found)
    return found[0]


def verdict(result: RunResult) -> TraceRecord:
    """Return how the job of the upgrade ended."""
    job = only(result, "job.created", action="UpgradeClusters")
    return only(result, "job.ended", job.subject)


@pytest.mark.guide("G-141", "G-146")
def test_ha_upgrade_keeps_the_api_for_100_seeds_and_takes_one_to_two_hours_g141_g146() -> None:
    """The figures of the guide: no interruption on an HA cluster, 1 to 2 hours in at least 95 of 100 runs."""
    results = [run_story(story("upgrade"), seed=seed, level="summary") for seed in SEEDS]
    assert [result.outages["shop/api"].count for result in results] == [0] * 100
    assert [result.outages["shop/shop/web"].count for result in results] == [0] * 100
    hours = [result.actions["upgrade"].took_ms(result.ended_ms) / 3_600_000 for result in results]
    assert sum(1 <= length <= 2 for length in hours) >= 95


@pytest.mark.guide("G-141")
def test_single_master_loses_the_api_in_every_run_g141() -> None:
    outages = [
        run_story(story("upgrade-single-master"), seed=seed, level="summary").outages["shop/api"] for seed in SEEDS
    ]
    assert all(outage.count >= 1 for outage in outages)
    assert all(20_000 <= outage.total_ms <= 120_000 for outage in outages)


@pytest.mark.parametrize(
    ("waiting", "wait", "looks", "interval_ms"),
    [("shop/master3", "previous-masters", 1800, 2000), ("shop/master1", "all-nodes", 3600, 2000)],
)
def test_masters_wait_for_the_dead_one_until_their_budget_is_spent(
    waiting: str, wait: str, looks: int, interval_ms: int
) -> None:
    result = run("upgrade-master-crash")
    began = find(result, "wait.began", waiting, what=wait)[-1]
    ended = find(result, "wait.ended", waiting, what=wait)[-1]
    assert ended.data["looks"] == looks
    assert ended.data["code"] == 1
    assert ended.t - began.t == looks * (interval_ms + catalog().constant("check_ms"))


def test_a_failed_job_leads_back_to_the_crash_that_broke_it() -> None:
    result = run("upgrade-master-crash")
    chain = [record.kind for record in causes(result.records, verdict(result).seq)]
    assert chain[:4] == ["run.started", "action.started", "fault.injected", "host.crashed"]
    waited = next(record for record in find(result, "wait.ended", "shop/master3", code=1))
    assert waited.data["lacking"] == "master2 reports kubelet 1.13.5"


def test_platform_cuts_the_dead_masters_service_after_three_hours_and_reports_the_first_code() -> None:
    result = run("upgrade-master-crash")
    started = only(result, "service.started", "shop/master2")
    cut = only(result, "service.cut", "shop/master2")
    assert cut.t - started.t == 10_800_000
    assert verdict(result).data["code"] == 1
    codes = {record.subject: record.data["code"] for record in find(result, "service.ended")}
    assert codes["shop/master2"] == 124
    assert codes["shop/master3"] == 1
    assert "shop/client1" not in codes, "order 2 does not begin when order 1 failed"


def test_api_outage_with_a_dead_master_is_the_lost_quorum_of_the_next_etcd_restart() -> None:
    result = run("upgrade-master-crash")
    gone = only(result, "api.unavailable", "shop")
    back = only(result, "api.available", "shop")
    step = next(
        record for record in find(result, "step.started", "shop/master1", step="restart-etcd") if record.t == gone.t
    )
    ended = next(record for record in find(result, "step.ended", "shop/master1", step="restart-etcd"))
    assert (step.t, ended.t) == (gone.t, back.t)


def test_masters_change_one_after_another_and_workers_of_2_0_0_wait_only_for_the_first() -> None:
    result = run("upgrade")
    at = {record.subject: record.t for record in find(result, "node.version")}
    assert at["shop/master1"] < at["shop/master2"] < at["shop/master3"]
    assert all(at["shop/master1"] < at[f"shop/node_perf{number}"] for number in (1, 2, 3))
    assert min(at[f"shop/node_perf{number}"] for number in (1, 2, 3)) < at["shop/master3"]


def test_workers_of_3_x_wait_for_all_masters() -> None:
    result = run("upgrade-multi-hop")
    for version in ("3.0.0", "3.1.1", "3.2.1", "3.3.0"):
        kubernetes = catalog().version(version).kubernetes
        at = {record.subject: record.t for record in find(result, "node.version", version=kubernetes)}
        last_master = max(at[f"shop/master{number}"] for number in (1, 2, 3))
        assert all(at[f"shop/node_perf{number}"] > last_master for number in (1, 2, 3))


def test_multi_hop_goes_through_every_stop() -> None:
    result = run("upgrade-multi-hop")
    stops = [record.data["after"] for record in find(result, "cluster.changed", "shop", field="version")]
    assert stops == ["2.0.0", "3.0.0", "3.1.1", "3.2.1", "3.3.0"]


@pytest.mark.guide("G-143")
def test_low_disk_is_refused_before_the_cloud_is_asked_g143() -> None:
    result = run("upgrade-low-disk")
    assert not find(result, "job.created")
    assert not find(result, "cloud.called", action="UpgradeClusters")
    assert not find(result, "cluster.changed")
    assert result.actions["upgrade"].code == 150


@pytest.mark.guide("G-143")
def test_platform_refuses_low_disk_before_it_attaches_anything_g143() -> None:
    result = run("upgrade-low-disk-unchecked")
    assert only(result, "precheck.failed").data == {"check": "disk", "code": 150}
    ended = verdict(result)
    assert ended.data["code"] == 150
    assert causes(result.records, ended.seq)[-2].kind == "precheck.failed"
    assert not find(result, "volume.attached")
    assert not find(result, "service.started")


@pytest.mark.guide("G-145")
def test_stopped_client_is_found_on_paper_and_costs_the_whole_upgrade_otherwise_g145() -> None:
    result = run("upgrade-client-stopped")
    assert result.actions["careful"].error == "upgrade.client-stopped"
    assert not find(result, "job.created", cluster="shop")
    failed = only(result, "service.ended", "hasty/client1")
    upgraded = max(record.t for record in find(result, "service.ended") if record.subject == "hasty/master1")
    assert failed.t >= upgraded


def test_slow_installer_ends_as_131_after_60_looks_of_20_seconds() -> None:
    result = run("upgrade-slow-installer")
    ended = only(result, "wait.ended", "shop/client1", what="kubesphere-client")
    assert (ended.data["looks"], ended.data["code"]) == (60, 131)
    assert verdict(result).data["code"] == 131
    assert only(result, "installer.finished").t > verdict(result).t


def test_130_stops_the_client_at_once_and_the_first_master_restarts_the_installer() -> None:
    result = run("upgrade-installer-fails")
    failed = only(result, "installer.failed")
    stopped = only(result, "wait.ended", "shop/client1", what="kubesphere-client")
    assert stopped.data["code"] == 130
    assert 0 <= stopped.t - failed.t <= 2 * 2_300
    assert only(result, "installer.restarted").data["by"] == "shop/master1"
    assert verdict(result).data["code"] == 130


def test_132_stops_everybody_at_once() -> None:
    result = run("upgrade-installer-incomplete")
    finished = only(result, "installer.finished")
    waits = find(result, "wait.ended", what="kubesphere-client") + find(
        result, "wait.ended", what="kubesphere-installer"
    )
    assert [record.data["code"] for record in waits] == [132, 132]
    assert all(record.t - finished.t <= 2 * 2_300 for record in waits)
    assert not find(result, "installer.restarted")


def test_no_step_of_a_failed_upgrade_is_taken_back() -> None:
    """Nothing is reverted automatically: nodes that were upgraded stay so, the cluster keeps its old version."""
    state = run("upgrade-installer-incomplete").state["shop"]
    assert isinstance(state, dict)
    assert state["version"] == "1.0.1"
    nodes = state["nodes"]
    assert isinstance(nodes, dict)
    reported = {str(node["reported"]) for node in nodes.values() if isinstance(node, dict) and node["reported"]}
    assert reported == {"1.16.7"}


def test_listener_of_a_1_x_balancer_gets_its_scene_once() -> None:
    assert only(run("upgrade"), "listener.fixed", "shop").data == {"scene": 11}
    assert not find(run("upgrade-single-master"), "listener.fixed")

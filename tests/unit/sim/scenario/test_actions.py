"""The timeline: short to write, exact in its errors, and every verb does what it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from qke_core.errors import InputError
from qke_sim.scenario import RunResult, Story, build_story, run_story

Run = Callable[..., RunResult]

SIZE = {"cpu": 4, "memory": "8GiB"}
ROLES = {"master": {"count": 1, **SIZE}, "node_perf": {"count": 3, **SIZE}, "client": {"count": 0}}
SHOP: Mapping[str, Any] = {"name": "shop", "version": "3.3.0", "roles": ROLES, "env": {"install_kubesphere": False}}
BANK = {**SHOP, "name": "bank"}
DEPLOYMENT = "kind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: web}]}}}\n"
CLUSTER = """\
apiVersion: qke/v1
kind: Cluster
name: bank
version: 3.3.0
zone: pek3
roles: {master: {count: 1}, node_perf: {count: 2}}
env: {install_kubesphere: false}
"""


def build(timeline: str, files: Mapping[str, str] | None = None, more: str = "") -> Story:
    world = json.dumps({"zone": "pek3", "clusters": [SHOP]})
    head = f"kind: Scenario\nmetadata: {{name: t}}\nworld: {world}\n"

    def read(name: str) -> str:
        if name not in (files or {}):
            raise InputError("file.missing", f"There is no file {name!r}", "check the path")
        return (files or {})[name]

    return build_story(f"{head}timeline:\n  - {timeline}\n{more}", "s.yaml", read)


def wrong(timeline: str, files: Mapping[str, str] | None = None, more: str = "") -> list[tuple[str, str]]:
    with pytest.raises(InputError) as caught:
        build(timeline, files, more)
    return [(problem.code, str(problem.place)) for problem in caught.value.problems]


@pytest.mark.parametrize("verb", ["start", "stop", "delete", "recover", "cease", "wait"])
@pytest.mark.parametrize("value", [" ", " {}", " null"])
def test_what_needs_no_more_words_takes_none(verb: str, value: str) -> None:
    (action,) = build(f"{{at: 1m, cluster: shop, {verb}:{value}}}").scenario.timeline
    assert (action.verb, action.label) == (verb, verb)


def test_an_action_without_a_name_is_called_after_what_it_does() -> None:
    (action,) = build("{at: 1m, cluster: shop, add_nodes: {role: node_perf}}").scenario.timeline
    assert (action.label, action.poll, action.preflight) == ("add-nodes", 60_000, "enforce")


WRONG = [
    ("{at: 1m, cluster: shop}", "scenario.verb"),
    ("{at: 1m, cluster: shop, stop: , start: }", "scenario.verb"),
    ("{at: 1m, stop: }", "scenario.cluster-missing"),
    ("{at: 1m, cluster: shop, create: {name: new, version: 3.3.0}}", "scenario.cluster-twice"),
    ("{at: 1m, create: {name: shop, version: 3.3.0}}", "scenario.cluster-twice"),
    ("{at: 1m, create: bank.yaml}", "file.missing"),
    ("{at: 1m, cluster: shop, delete_nodes: {role: node_perf}}", "scenario.delete-nodes"),
    ("{at: 1m, cluster: shop, delete_nodes: {role: node_perf, count: 1, sids: [1]}}", "scenario.delete-nodes"),
    ("{at: 1m, cluster: shop, resize: {role: node_perf}}", "scenario.resize"),
    ("{at: 1m, cluster: shap, stop: }", "scenario.cluster-unknown"),
    ("{at: 1m, cluster: shop, restart: {role: node_gpu}}", "scenario.node-unknown"),
    ("{at: 1m, cluster: shop, restart: {role: nodes}}", "role.unknown"),
    ("{at: 1m, cluster: shop, delete_nodes: {role: node_perf, sids: [1, 9]}}", "scenario.node-unknown"),
    ("{at: 1m, cluster: shop, cordon: {role: node_perf, index: 4}}", "scenario.node-unknown"),
    ("{at: 1m, cluster: shop, drain: {role: node_perf, index: 4}}", "scenario.node-unknown"),
    ("{at: 1m, cluster: shop, change: {docker_bib: 1}}", "parameter.unknown"),
    ("{at: 1m, cluster: shop, custom: {service: prune}}", "document.value-unknown"),
    ("{at: 1m, cluster: shop, scale: {workload: web, replicas: 3}}", "scenario.workload-unknown"),
    ("{at: 1m, cluster: shop, autoscaling: off}", "document.value-unknown"),
    ("{at: 1m, call: {action: StopCluster}}", "scenario.action-unknown"),
    ("{at: 1m, call: {action: StopClusters, expect_ret_code: 9}}", "scenario.ret-code"),
    ("{at: 1m, cluster: shop, name: quota, stop: }", "scenario.name-reserved"),
    ("{at: 1m, wait: {until: shop.node.ready == 3}}", "expression.unknown"),
    ("{at: 1m, wait: {until: shop.nodes.ready}}", "expression.not-bool"),
]


@pytest.mark.parametrize(("timeline", "code"), WRONG)
def test_what_fits_nothing_is_told_with_its_place(timeline: str, code: str) -> None:
    found = wrong(timeline)
    assert code in {name for name, _ in found}
    assert all(place.startswith("s.yaml:") for _, place in found)


def test_a_wrong_number_is_pointed_at() -> None:
    found = wrong("{at: 1m, cluster: shop, delete_nodes: {role: node_perf, sids: [1, 9]}}")
    assert found == [("scenario.node-unknown", "s.yaml:5:71")]


def test_what_is_asked_on_purpose_is_let_through() -> None:
    build("{at: 1m, cluster: shop, preflight: report, delete_nodes: {role: node_perf, sids: [9]}}")


def test_nodes_that_are_added_may_be_named_before() -> None:
    more = "expect:\n  - {eventually: shop.node_perf5.ready}\n"
    story = build("{at: 1m, cluster: shop, add_nodes: {role: node_perf, count: 2}}", more=more)
    assert "node_perf5" in story.cast()["shop"].nodes
    assert "node_perf6" not in story.cast()["shop"].nodes


def test_a_cluster_may_come_from_a_file_and_be_named_everywhere() -> None:
    more = "expect:\n  - {at_end: bank.status == 'active' && bank.master1.ready}\n"
    story = build(
        "{at: 1m, create: bank.yaml}\n  - {after: create.done, cluster: bank, stop: }", {"bank.yaml": CLUSTER}, more
    )
    assert set(story.files) == {"scenario.yaml", "bank.yaml"}
    wish = story.wish_of(story.scenario.timeline[0])
    assert wish is not None
    assert (wish.name, wish.phase, wish.zone) == ("bank", "active", "pek3")


def test_a_cluster_of_another_zone_is_refused() -> None:
    found = wrong("{at: 1m, create: bank.yaml}", {"bank.yaml": CLUSTER.replace("pek3", "gd2")})
    assert found == [("scenario.zone", "s.yaml:5:22")]


def test_two_clusters_of_one_name_are_not_born() -> None:
    found = wrong(f"{{at: 1m, create: {json.dumps(BANK)}}}\n  - {{at: 2m, name: again, create: {json.dumps(BANK)}}}")
    assert [code for code, _ in found] == ["scenario.cluster-twice"]


def test_a_name_is_free_again_for_what_is_born_after_a_deletion() -> None:
    deleted = "{at: 1m, name: end, cluster: bank, delete: {}}"
    again = f"{{at: 9h, name: again, create: {json.dumps(BANK)}}}"
    born = f"{{at: 0s, create: {json.dumps(BANK)}}}"
    assert len(build(f"{born}\n  - {deleted}\n  - {again}").scenario.timeline) == 3
    assert wrong(f"{born}\n  - {again}\n  - {deleted}")[0][0] == "scenario.cluster-twice"


@pytest.fixture
def run(run_of: Run) -> Run:
    return lambda *timeline, **parts: run_of(parts.pop("cluster", SHOP), timeline=timeline, **parts)


def statuses(result: RunResult) -> dict[str, str]:
    return {label: state.status for label, state in result.actions.items()}


def test_a_whole_life(run_of: Run) -> None:
    timeline: list[dict[str, Any]] = [
        {"at": "1m", "create": BANK},
        {"after": "create.done", "cluster": "bank", "add_nodes": {"role": "node_perf", "count": 1}},
        {"after": "add-nodes.done", "cluster": "bank", "delete_nodes": {"role": "node_perf", "count": 1}},
        {"after": "delete-nodes.done", "cluster": "bank", "stop": None},
        {"after": "stop.done", "cluster": "bank", "start": {}},
        {"after": "start.done", "cluster": "bank", "delete": None},
        {"after": "delete.done", "cluster": "bank", "cease": None},
    ]
    expect = [
        {"eventually": "bank.status == 'active' && bank.nodes.node_perf == 4 && bank.node_perf4.ready"},
        {"at_end": "bank.status == 'ceased' && bank.leftovers == 0 && bank.job.action == 'CeaseResources'"},
        {"at_end": "quota.cluster.used == 0 && bill.total_cny > 0.0 && bank.bill_cny == bill.total_cny"},
    ]
    world: list[Mapping[str, Any]] = [{**SHOP, "status": "deleted"}]
    result = run_of(*world, timeline=timeline, expect=expect[:2])
    assert set(statuses(result).values()) == {"done"}
    assert [verdict.held for verdict in result.verdicts] == [True, True]


def test_a_cluster_that_is_not_born_yet_is_absent(run: Run) -> None:
    expect = [{"always": "bank.status == 'absent' || bank.jobs > 0"}, {"at_end": "bank.nodes.total == 0"}]
    result = run({"at": "9h", "create": BANK}, until="1h", expect=expect)
    assert [verdict.held for verdict in result.verdicts] == [True, True]


def test_users_workloads_come_to_a_cluster_once_it_is_born(story_of: Callable[..., Story]) -> None:
    story = story_of(
        SHOP,
        files={"web.yaml": DEPLOYMENT},
        timeline=[{"at": "1m", "create": BANK}],
        workloads=[{"cluster": "bank", "manifest": "web.yaml"}],
        expect=[{"eventually": "bank.workload.web.available", "after": "create.done"}],
    )
    assert run_story(story).held


def test_an_operation_on_what_is_not_born_is_an_input_error(run: Run) -> None:
    result = run({"at": "1m", "cluster": "bank", "stop": None}, {"at": "9h", "create": BANK}, until="1h")
    assert (result.actions["stop"].status, result.actions["stop"].error) == ("failed", "cluster.unknown")


def test_the_platforms_refusal_is_the_actions_code(run: Run) -> None:
    result = run({"at": "1m", "cluster": "shop", "preflight": "report", "start": None})
    assert (result.actions["start"].status, result.actions["start"].code) == ("refused", 1400)


def test_a_wait_ends_when_it_is_true_and_gives_up_when_it_is_late(run: Run) -> None:
    result = run(
        {"at": "1m", "cluster": "shop", "add_nodes": {"role": "node_perf"}},
        {"at": "2m", "name": "seen", "wait": {"until": "shop.nodes.ready == 5", "within": "20m"}},
        {"at": "2m", "name": "late", "wait": {"until": "shop.nodes.ready == 9", "within": "20m"}},
        {"at": "2m", "name": "mark", "wait": None},
    )
    assert statuses(result) == {"add-nodes": "done", "seen": "done", "late": "stuck", "mark": "done"}
    assert result.actions["late"].took_ms(0) == 20 * 60_000


def test_a_wait_that_is_over_keeps_no_run_going(run: Run) -> None:
    result = run({"at": "1m", "wait": {"until": "shop.status == 'active'", "within": "9h"}})
    assert result.ended_ms == 60_000


def test_raw_calls_and_what_they_are_refused_with(run: Run) -> None:
    result = run(
        {"at": "1m", "name": "look", "call": {"action": "DescribeClusters"}},
        {"at": "2m", "name": "buy", "call": {"action": "AllocateEips", "params": {"bandwidth": 1}}},
        {"at": "3m", "name": "wrong", "call": {"action": "StopClusters", "params": {"clusters": ["cl-no"]}}},
        {
            "at": "4m",
            "name": "wanted",
            "call": {"action": "StopClusters", "params": {"clusters": ["cl-no"]}, "expect_ret_code": 2100},
        },
        {"at": "5m", "name": "taken", "call": {"action": "DescribeClusters", "expect_ret_code": 2100}},
    )
    assert statuses(result) == {
        "look": "done",
        "buy": "done",
        "wrong": "refused",
        "wanted": "done",
        "taken": "refused",
    }
    assert (result.actions["wrong"].code, result.actions["taken"].error) == (2100, "call.not-refused")
    assert result.measures["quota.eip.used"] == 1


def test_somebody_types_kubectl(run: Run) -> None:
    result = run(
        {"at": "1m", "cluster": "shop", "cordon": {"role": "node_perf", "index": 1}},
        {"at": "2m", "cluster": "shop", "uncordon": {"role": "node_perf", "index": 1}},
        {
            "at": "3m",
            "cluster": "shop",
            "scale": {"workload": "coredns", "namespace": "kube-system", "replicas": 3},
        },
        {"at": "4m", "cluster": "shop", "kubectl": {"verb": "list", "resource": "pods"}},
        expect=[{"at_end": "shop.dns.ready == 3"}],
    )
    assert set(statuses(result).values()) == {"done"}
    assert result.held


def test_somebody_drains_a_node_by_hand(run: Run) -> None:
    result = run(
        {"at": "1m", "cluster": "shop", "drain": {"role": "node_perf", "index": 1, "timeout": "90s"}},
        {"after": "drain.done", "cluster": "shop", "uncordon": {"role": "node_perf", "index": 1}},
    )
    assert set(statuses(result).values()) == {"done"}
    told = [r.kind for r in result.records if r.kind in ("node.cordoned", "drain.ended", "node.uncordoned")]
    assert told == ["node.cordoned", "drain.ended", "node.uncordoned"]


def test_a_drain_that_may_not_go_on_fails_with_what_kubectl_says(run: Run) -> None:
    pod = {"verb": "drain", "resource": "nodes", "name": "nobody"}
    result = run(
        {"at": "1m", "name": "unknown", "cluster": "shop", "kubectl": pod},
        {"at": "2m", "cluster": "shop", "drain": {"role": "node_perf", "index": 1, "timeout": "1ms"}},
    )
    assert statuses(result) == {"unknown": "failed", "drain": "failed"}
    assert result.actions["drain"].error == "kube.drain-failed"


def test_a_policy_is_set_replaced_and_cleared(run: Run) -> None:
    policy = {"role": "node_perf", "max": 5, "increase": {"conditions": [{"meter": "cpu", "gt": 800}]}}
    result = run(
        {"at": "1m", "name": "on", "cluster": "shop", "autoscaling": policy},
        {"at": "2m", "name": "again", "cluster": "shop", "autoscaling": {**policy, "max": 6}},
        {"at": "3m", "name": "off", "cluster": "shop", "autoscaling": "none"},
        expect=[
            {"eventually": "shop.autoscaling.policies == 1"},
            {"never": "shop.autoscaling.policies > 1"},
            {"at_end": "shop.autoscaling.policies == 0"},
        ],
    )
    assert set(statuses(result).values()) == {"done"}
    assert result.held

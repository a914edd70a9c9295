"""Each kind of fault does what it says, for as long as it says, and finds nothing where nothing is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from qke_core.errors import InputError
from qke_sim.scenario import RunResult, Story, run_story

Run = Callable[..., RunResult]

SIZE = {"cpu": 4, "memory": "8GiB"}
ROLES = {"master": {"count": 3, **SIZE}, "node_perf": {"count": 3, **SIZE}, "client": {"count": 0}}
SHOP: Mapping[str, Any] = {"name": "shop", "version": "3.3.0", "roles": ROLES, "env": {"install_kubesphere": False}}
ADD = {"at": "10m", "cluster": "shop", "add_nodes": {"role": "node_perf", "count": 1}}


def node(role: str, index: int) -> dict[str, Any]:
    return {"cluster": "shop", "role": role, "index": index}


@pytest.fixture
def struck(run_of: Run) -> Run:
    """Run with one fault at 1m, expectations, and a timeline."""

    def run(kind: str, *expect: Mapping[str, str], timeline: tuple[Any, ...] = (), **fault: Any) -> RunResult:
        parts = {"at": "1m", "kind": kind, **fault}
        return run_of(SHOP, timeline=timeline, faults=[parts], expect=expect, until="3h")

    return run


def held(result: RunResult) -> bool:
    assert result.verdicts
    return all(verdict.held for verdict in result.verdicts)


def test_a_crash_has_two_names(struck: Run) -> None:
    result = struck("instance.crash", {"eventually": "!shop.node_perf1.up"}, target=node("node_perf", 1))
    assert held(result)


def test_a_worker_that_is_cut_off_is_not_ready_until_the_cut_is_mended(struck: Run) -> None:
    result = struck(
        "network.cut",
        {"eventually": "!shop.node_perf1.ready", "within": "3m"},
        {"always": "shop.node_perf1.up && shop.node_perf2.ready && shop.api.available"},
        {"at_end": "shop.node_perf1.ready"},
        target=node("node_perf", 1),
        **{"for": "5m"},
    )
    assert held(result)


def test_a_cut_between_two_workers_silences_nobody(struck: Run) -> None:
    result = struck(
        "network.cut",
        {"always": "shop.nodes.ready == 6"},
        target=node("node_perf", 1),
        other=node("node_perf", 2),
        **{"for": "5m"},
    )
    assert held(result)


def test_a_master_that_is_cut_off_leaves_etcd_with_its_quorum(struck: Run) -> None:
    result = struck(
        "network.cut",
        {"eventually": "!shop.master2.ready"},
        {"at_end": "shop.master2.ready && shop.api.available && count.etcd_left == 1 && count.etcd_joined == 1"},
        target=node("master", 2),
        **{"for": "5m"},
    )
    assert held(result)


def test_etcd_bears_one_lost_member(struck: Run) -> None:
    result = struck("etcd.member-lost", {"always": "shop.api.available"}, target=node("master", 2))
    assert held(result)
    assert [record.kind for record in result.records].count("etcd.left") == 1


def test_two_lost_members_take_the_api_away(run_of: Run) -> None:
    faults = [{"at": "1m", "kind": "etcd.member-lost", "target": node("master", n)} for n in (1, 2)]
    result = run_of(SHOP, faults=faults, expect=[{"eventually": "!shop.api.available"}], until="10m")
    assert held(result)


def test_an_api_server_without_a_valid_certificate_serves_nobody(struck: Run) -> None:
    result = struck("certificate.expired", {"eventually": "!shop.master1.api"}, target=node("master", 1))
    assert held(result)


def test_a_wrong_clock_is_told_and_set_right(struck: Run) -> None:
    result = struck("clock.skew", target=node("master", 1), ahead="10m", **{"for": "5m"})
    told = [record.data["skew_ms"] for record in result.records if record.kind == "clock.set"]
    assert told == [600_000, 0]


def test_a_member_without_its_data_does_not_come_back_by_a_boot(run_of: Run) -> None:
    faults = [
        {"at": "1m", "kind": "etcd.member-lost", "target": node("master", 2)},
        {"at": "5m", "kind": "node.crash", "target": node("master", 2), "for": "1m"},
        {"at": "30m", "kind": "node.crash", "target": node("master", 3), "for": "20m"},
    ]
    expect = [
        {"eventually": "!shop.api.available"},  # One of three is lost, the second is down: no quorum.
        {"at_end": "shop.api.available && shop.nodes.ready == 6"},
        {"at_end": "count.etcd_left == 2 && count.etcd_joined == 1"},
    ]
    assert held(run_of(SHOP, faults=faults, expect=expect, until="2h"))


def test_a_member_without_its_data_makes_its_master_unhealthy_for_good(struck: Run) -> None:
    result = struck("etcd.member-lost", {"always": "shop.api.available"}, target=node("master", 2), at="1m")
    told = [r.kind for r in result.records if r.subject == "shop/master2" and r.kind.startswith(("health.", "etcd."))]
    assert told == ["etcd.lost", "etcd.left", "health.unhealthy"]


def test_a_slow_disk_stretches_only_what_is_heavy_on_the_disk(run_of: Run) -> None:
    def took(*kinds: str) -> dict[str, int]:
        """Return how long each step of an upgrade takes the first master."""
        faults = [{"at": "1m", "kind": kind, "target": node("master", 1), "percent": 300} for kind in kinds]
        timeline = [{"at": "5m", "cluster": "shop", "upgrade": {"to": "2.0.0"}}]
        shop = {**SHOP, "version": "1.0.1", "roles": {**ROLES, "client": {"count": 1}}}
        result = run_of(shop, faults=faults, timeline=timeline)
        records = {
            kind: {str(r.data["step"]): r.t for r in result.records if r.kind == kind and r.subject == "shop/master1"}
            for kind in ("step.started", "step.ended")
        }
        return {step: t - records["step.started"][step] for step, t in records["step.ended"].items()}

    usual, disk, host = took(), took("disk.slow"), took("host.slow")
    for heavy in ("load-kubernetes-images", "restart-etcd"):
        assert disk[heavy] == host[heavy] == pytest.approx(3 * usual[heavy], abs=3)
    assert disk["kubeadm-upgrade-apply"] == usual["kubeadm-upgrade-apply"] < host["kubeadm-upgrade-apply"]


@pytest.mark.parametrize("kind", ["host.slow", "disk.slow"])
def test_a_slow_node_is_as_fast_as_before_afterwards(struck: Run, kind: str) -> None:
    late = struck(kind, timeline=(ADD,), target=node("master", 1), percent=1000)
    soon = struck(kind, timeline=(ADD,), target=node("master", 1), percent=1000, **{"for": "5m"})
    assert late.actions["add-nodes"].status in ("done", "failed")
    assert soon.actions["add-nodes"].status == "done"
    assert len([record for record in soon.records if record.kind == "fault.lifted"]) == 1


def test_a_zone_without_room_ends_the_job_with_5200(struck: Run) -> None:
    result = struck("zone.short", timeline=(ADD,))
    assert (result.actions["add-nodes"].status, result.actions["add-nodes"].code) == ("failed", 5200)
    assert struck("zone.short", timeline=(ADD,), left=1).actions["add-nodes"].status == "done"
    assert struck("zone.short", timeline=(ADD,), **{"for": "5m"}).actions["add-nodes"].status == "done"


def test_a_quota_that_shrinks_refuses_with_2500(struck: Run) -> None:
    result = struck(
        "quota.shrinks", {"at_end": "quota.instance.left == -1"}, timeline=(ADD,), resource="instance", to=5
    )
    assert (result.actions["add-nodes"].status, result.actions["add-nodes"].code) == ("refused", 2500)
    assert held(result)
    lifted = struck("quota.shrinks", timeline=(ADD,), resource="instance", to=5, **{"for": "5m"})
    assert lifted.actions["add-nodes"].status == "done"


def test_an_account_that_is_short_refuses_with_2400(struck: Run) -> None:
    result = struck("account.short", {"at_end": 'account.status == "short"'}, timeline=(ADD,))
    assert (result.actions["add-nodes"].status, result.actions["add-nodes"].code) == ("refused", 2400)
    assert held(result)
    lifted = struck("account.short", {"at_end": 'account.status == "ok"'}, timeline=(ADD,), **{"for": "5m"})
    assert lifted.actions["add-nodes"].status == "done"
    assert held(lifted)


def test_an_account_in_arrears_has_its_clusters_suspended_until_it_is_topped_up(struck: Run) -> None:
    lasting = struck("account.arrears", {"at_end": 'account.status == "arrears" && shop.status == "suspended"'})
    passing = struck("account.arrears", {"at_end": 'shop.status == "active" && shop.nodes.ready == 6'}, **{"for": "1h"})
    assert held(lasting)
    assert held(passing)


def test_two_debts_at_once_are_one(run_of: Run) -> None:
    faults = [
        {"at": "1m", "kind": "account.arrears", "for": "1h"},
        {"at": "2m", "kind": "account.arrears", "for": "5m"},
    ]
    held_up = {"always": "now < duration('10m') || now > duration('1h') || shop.status == 'suspended'"}
    result = run_of(SHOP, timeline=[{"at": "90m", "wait": {}}], faults=faults, expect=[held_up], until="2h")
    assert held(result)


def test_a_job_that_hangs_is_given_up(run_of: Run) -> None:
    faults = [{"at": "1m", "kind": "job.stuck", "resource": "AddClusterNodes"}]
    result = run_of(SHOP, timeline=[{**ADD, "poll": "10m"}], faults=faults, until="2d")
    assert (result.actions["add-nodes"].status, result.actions["add-nodes"].error) == ("stuck", "operation.job-stuck")


def test_a_job_can_be_slow(struck: Run) -> None:
    usual = struck("job.slow", timeline=(ADD,), resource="CreateVolumes", percent=100)
    slow = struck("job.slow", timeline=(ADD,), resource="CreateVolumes", percent=3000)
    took = [result.actions["add-nodes"].took_ms(0) for result in (usual, slow)]
    assert took[1] > took[0]


@pytest.mark.parametrize("kind", ["instance.boot-fails", "volume.attach-fails"])
def test_an_instance_that_does_not_come_ends_the_operation(struck: Run, kind: str) -> None:
    result = struck(kind, timeline=(ADD,), count=None)
    assert result.actions["add-nodes"].status in ("failed", "stuck")


def test_too_many_calls_are_asked_again_until_they_pass(struck: Run) -> None:
    result = struck("call.throttled", timeline=(ADD,), operation="AddClusterNodes", count=3)
    assert result.actions["add-nodes"].status == "done"
    assert [r.data["ret_code"] for r in result.records if r.kind == "cloud.answered" and r.data["ret_code"]] == [
        2500
    ] * 3


def test_what_is_not_there_is_not_struck(run_of: Run) -> None:
    born = {**SHOP, "name": "bank"}
    faults = [{"at": "1m", "kind": "node.crash", "target": {"cluster": "bank", "role": "master", "index": 1}}]
    result = run_of(SHOP, timeline=[{"at": "9h", "create": born}], faults=faults, until="10m")
    assert [record.kind for record in result.records if record.kind.startswith("fault.")] == ["fault.missed"]


WRONG = [
    ({"kind": "network.cut", "target": node("node_perf", 1), "other": node("node_perf", 9)}, "scenario.node-unknown"),
    ({"kind": "job.stuck", "resource": "AddClusterNode"}, "scenario.action-unknown"),
    ({"kind": "job.stuck", "resource": "shap/node_perf1"}, "scenario.cluster-unknown"),
    ({"kind": "quota.shrinks", "resource": "instances", "to": 1}, "scenario.quota-unknown"),
    ({"kind": "drain.hang", "target": {"cluster": "shop"}, "workload": "web"}, "scenario.workload-unknown"),
    ({"kind": "call.throttled", "operation": "AddClusterNode"}, "scenario.action-unknown"),
]


@pytest.mark.parametrize(("fault", "code"), WRONG)
def test_a_fault_that_can_strike_nothing_is_refused(
    story_of: Callable[..., Story], fault: Mapping[str, Any], code: str
) -> None:
    with pytest.raises(InputError) as caught:
        story_of(SHOP, faults=[{"at": "1m", **fault}])
    assert [problem.code for problem in caught.value.problems] == [code]


WEB = "kind: Deployment\nmetadata: {name: web}\nspec: {replicas: 2, template: {spec: {containers: [{name: web}]}}}\n"


def test_images_that_cannot_be_fetched_keep_new_pods_waiting(story_of: Callable[..., Story]) -> None:
    story = story_of(
        SHOP,
        files={"web.yaml": WEB},
        workloads=[{"cluster": "shop", "manifest": "web.yaml"}],
        timeline=[{"at": "5m", "cluster": "shop", "scale": {"workload": "web", "replicas": 4}}],
        faults=[{"kind": "registry.unreachable", "at": "1m", "target": {"cluster": "shop"}, "for": "20m"}],
        expect=[
            {"always": "shop.workload.web.ready <= 2 || now >= duration('21m')"},
            {"at_end": "shop.workload.web.ready == 4"},
        ],
    )
    assert held(run_story(story))


def test_a_pod_that_never_ends_makes_the_drain_fail_with_134(story_of: Callable[..., Story]) -> None:
    story = story_of(
        SHOP,
        files={"web.yaml": WEB.replace("replicas: 2", "replicas: 6")},
        workloads=[{"cluster": "shop", "manifest": "web.yaml"}],
        timeline=[{"at": "5m", "cluster": "shop", "delete_nodes": {"role": "node_perf", "count": 1}}],
        faults=[{"kind": "drain.hang", "at": "1m", "target": {"cluster": "shop"}, "workload": "web"}],
    )
    state = run_story(story).actions["delete-nodes"]
    assert (state.status, state.code) == ("failed", 134)

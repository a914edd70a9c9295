"""Whatever goes wrong in a world, a run keeps its promises: it ends, it repeats, it explains itself, it does not lie.

Scenarios are drawn: HA and single-master worlds of every version, one upgrade, and faults of every kind at any time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from qke_core.catalog import catalog
from qke_core.units import MS_PER_DAY, MS_PER_H
from qke_sim.scenario import RunResult, build_story, run_story
from qke_sim.trace import TraceRecord, digest_of

Document = Mapping[str, Any]
MIN = 60_000
TARGETS: dict[str, list[str]] = {}
for edge in catalog().upgrades:
    TARGETS.setdefault(edge.origin, []).append(edge.target)
MULTI_HOP = {"1.0.1": ["3.0.0", "3.1.1"], "3.0.0": ["3.1.1"]}
MANIFEST = """\
kind: Deployment
metadata: {name: web}
spec: {replicas: 3, template: {spec: {containers: [{name: web, resources: {requests: {cpu: 250m, memory: 256Mi}}}]}}}
---
kind: StatefulSet
metadata: {name: db}
spec:
  template: {spec: {containers: [{name: db}]}}
  volumeClaimTemplates: [{metadata: {name: data}}]
---
kind: DaemonSet
metadata: {name: agent}
spec: {template: {spec: {containers: [{name: agent}]}}}
"""


# --- Scenarios


def minutes(most: int) -> st.SearchStrategy[str]:
    return st.integers(0, most * 60).map(lambda seconds: f"{seconds}s")


EXPRESSIONS = [
    "shop.touched",
    "shop.version != 'none' && upgrade.status == 'running'",
    "upgrade.status == 'done' || upgrade.status == 'failed'",
    "shop.master1.kubelet != shop.node_perf1.kubelet",
    "shop.kubesphere.state == 'running'",
    "!shop.api.available",
    "shop.nodes.ready < shop.nodes.total",
]


@st.composite
def triggers(draw: st.DrawFn) -> dict[str, str]:
    match draw(st.sampled_from(["at", "after", "when"])):
        case "at":
            return {"at": draw(minutes(200))}
        case "after":
            event_name = draw(st.sampled_from(["started", "asked", "done", "failed", "ended"]))
            return {"after": f"upgrade.{event_name}", "delay": draw(minutes(90))}
        case _:
            return {"when": draw(st.sampled_from(EXPRESSIONS)), "delay": draw(minutes(20))}


@st.composite
def world_faults(draw: st.DrawFn, nodes: list[tuple[str, int]]) -> dict[str, Any]:
    """A fault that strikes machines or the cloud."""
    role, index = draw(st.sampled_from(nodes))
    target = {"cluster": "shop", "role": role, "index": index}
    kubernetes_nodes = [node for node in nodes if node[0] != "client"]
    kinds = ["node.crash", "disk.fill", "host.slow", "kubelet.stop", "call"]
    kind = draw(st.sampled_from(kinds))
    lasts = draw(st.none() | minutes(40))
    fault: dict[str, Any] = {"kind": kind, "target": target, **draw(triggers())}
    if kind == "call":
        return draw(call_faults(["cloud", "cloud", "kube", "host"]))
    if kind == "kubelet.stop":
        role, index = draw(st.sampled_from(kubernetes_nodes))
        fault["target"] = {"cluster": "shop", "role": role, "index": index}
    if kind in ("node.crash", "kubelet.stop") and lasts is not None:
        fault["for"] = lasts
    if kind == "disk.fill":
        fault["free"] = f"{draw(st.integers(0, 60_000))}MiB"
    if kind == "host.slow":
        fault["percent"] = draw(st.sampled_from([1, 50, 200, 1000, 100_000]))
    return fault


@st.composite
def call_faults(draw: st.DrawFn, doors: list[str]) -> dict[str, Any]:
    door = draw(st.sampled_from(doors))
    operations = {
        "cloud": ["*", "UpgradeClusters", "DescribeClusterJobs", "ModifyLoadBalancerListenerAttributes"],
        "kube": ["*", "list"],
        "host": ["*", "df", "sshd-port"],
    }
    return {
        "kind": draw(st.sampled_from(["call.fails", "call.answer-lost", "call.slow"])),
        "door": door,
        "operation": draw(st.sampled_from(operations[door])),
        "count": draw(st.none() | st.integers(1, 6)),
        "percent": draw(st.sampled_from([1, 20, 100])),
        "ret_code": draw(st.sampled_from([5000, 5100, 1400])),
        "takes": draw(minutes(3)),
        **draw(triggers()),
    }


@st.composite
def mild_faults(draw: st.DrawFn, kubesphere: bool) -> dict[str, Any]:  # noqa: FBT001 - drawn
    """A fault that touches neither machines nor the cloud: the operator, the installer, other doors."""
    kind = draw(st.sampled_from(["operator.crash", "call", *(["installer.slow", "installer.fails"] * kubesphere)]))
    if kind == "operator.crash":
        phase = draw(st.sampled_from(["before", "after"]))
        return {"kind": kind, "position": draw(st.integers(1, 300)), "phase": phase, "restart": draw(minutes(10))}
    if kind == "call":
        return draw(call_faults(["kube", "host"]))
    fault = {"kind": kind, "target": {"cluster": "shop"}, **draw(triggers())}
    if kind == "installer.slow":
        return {**fault, "percent": draw(st.sampled_from([10, 300, 5000]))}
    outcome = draw(st.sampled_from(["failed", "incomplete"]))
    return {**fault, "outcome": outcome, "attempt": draw(st.integers(1, 3)), "percent": draw(st.integers(0, 100))}


@st.composite
def scenarios(
    draw: st.DrawFn, *, worst: str = "any", faults_max: int = 4, masters: tuple[int, ...] = (1, 3)
) -> Document:
    """Draw a scenario; `worst` is `none`, `mild` or `any`."""
    origin = draw(st.sampled_from(sorted(TARGETS)))
    target = draw(st.sampled_from(TARGETS[origin] + MULTI_HOP.get(origin, [])))
    counts = {"master": draw(st.sampled_from(masters)), "node_perf": draw(st.integers(1, 4)), "client": 1}
    choice = origin != "1.0.0"  # 1.0.0 always installs KubeSphere and has no such parameter.
    kubesphere = not choice or draw(st.booleans())
    roles: dict[str, Any] = {role: {"count": count} for role, count in counts.items()}
    for role in ("master", "node_perf"):
        roles[role]["volume"] = draw(st.sampled_from(["200GiB", "200GiB", "80GiB"]))
    cluster: dict[str, Any] = {"name": "shop", "version": origin, "roles": roles}
    if choice:
        cluster["env"] = {"install_kubesphere": kubesphere}
    if draw(st.integers(0, 3)) == 0:
        cluster["links"] = {"etcd": "cl-etcd0001"}
    nodes = [(role, index) for role, count in counts.items() for index in range(1, count + 1)]
    kinds = {"none": [], "mild": [mild_faults(kubesphere)], "any": [mild_faults(kubesphere), world_faults(nodes)]}
    drawn = st.lists(st.one_of(kinds[worst]), max_size=faults_max) if kinds[worst] else st.just([])
    upgrade = {"to": target, "preflight": draw(st.sampled_from(["enforce", "report"]))}
    return {
        "kind": "Scenario",
        "metadata": {"name": "drawn"},
        "seed": draw(st.integers(0, 10**6)),
        "until": draw(st.sampled_from(["48h", "48h", "2h", "30m"])),
        "world": {"zone": "pek3", "clusters": [cluster]},
        "workloads": [{"cluster": "shop", "manifest": "web.yaml"}],
        "timeline": [{"at": "10m", "cluster": "shop", "upgrade": upgrade}],
        "faults": draw(drawn),
        "expect": [
            {"never": "shop.jobs > upgrade.hops"},
            {"always": "shop.nodes.ready <= shop.nodes.total"},
            {"eventually": "upgrade.status == 'done'", "after": "upgrade.started", "within": "3h"},
        ],
    }


def run(document: Document, *, level: str = "full") -> RunResult:
    story = build_story(json.dumps(document), "drawn.yaml", lambda _: MANIFEST)
    return run_story(story, level="summary" if level == "summary" else "full")


def of_kind(records: list[TraceRecord], *kinds: str) -> list[TraceRecord]:
    return [record for record in records if record.kind in kinds]


# --- Laws of every run


def check_trace(result: RunResult) -> None:
    records = result.records
    assert [record.seq for record in records] == list(range(result.record_count))
    assert all(one.t <= two.t for one, two in pairwise(records))
    assert [record.seq for record in records if record.cause is None] == [0]
    assert all(record.cause < record.seq for record in records if record.cause is not None)
    assert all(records[record.cause].t <= record.t for record in records if record.cause is not None)
    assert digest_of(records) == result.digest


def check_end(result: RunResult) -> None:
    assert result.ended_ms <= result.story.scenario.until
    state = result.actions["upgrade"]
    if result.complete:
        assert state.status in ("done", "refused", "failed", "stuck")
    else:
        assert result.ended_ms == result.story.scenario.until
    event(f"upgrade {state.status} {state.error}")


def check_jobs(result: RunResult) -> None:
    """No more jobs than hops; a version comes from a successful job alone, and is the next one of the path."""
    jobs = [job for job in of_kind(result.records, "job.created") if job.data["action"] == "UpgradeClusters"]
    made = {job.subject for job in jobs}
    ended = [record for record in of_kind(result.records, "job.ended") if record.subject in made]
    assert sum(r.data["action"] == "UpgradeClusters" for r in jobs) <= result.actions["upgrade"].hops
    changes = [record for record in of_kind(result.records, "cluster.changed") if record.data["field"] == "version"]
    successful = [record for record in ended if record.data["status"] == "successful"]
    assert [record.t for record in changes] == [record.t for record in successful]
    if changes:
        (planned,) = of_kind(result.records, "operator.planned")[-1:]
        path = planned.data["path"]
        assert isinstance(path, list)
        assert [record.data["after"] for record in changes] == path[1 : len(changes) + 1]
        assert [record.data["before"] for record in changes] == path[: len(changes)]
    if result.actions["upgrade"].status == "done":
        assert len(successful) == result.actions["upgrade"].hops


def check_nodes(result: RunResult) -> None:
    """In the end no node is Ready whose machine is down, as long as an API server was there to notice it."""
    shop: Any = result.state["shop"]
    if result.complete and shop["api"]:
        assert [alias for alias, node in shop["nodes"].items() if node["ready"] and not node["up"]] == []


def check_operator(result: RunResult) -> None:
    kinds = Counter(record.kind for record in result.records)
    crashes = sum(fault.kind == "operator.crash" for fault in result.story.scenario.faults)
    assert kinds["operator.resumed"] <= kinds["operator.killed"] <= crashes
    journaled = len(result.journals.get("upgrade", []))
    reached = {
        f.position for f in result.story.scenario.faults if f.kind == "operator.crash" and f.position <= journaled
    }
    assert kinds["operator.killed"] >= len(reached)
    if result.complete:
        assert kinds["operator.resumed"] == kinds["operator.killed"]


def check_services(result: RunResult) -> None:
    """Every service that started ended once, within its limit; what was cut has code 124."""
    open_since: dict[str, TraceRecord] = {}
    for record in of_kind(result.records, "service.started", "service.ended", "service.cut"):
        if record.kind == "service.started":
            assert record.subject not in open_since
            open_since[record.subject] = record
        elif record.kind == "service.cut":
            begun = open_since[record.subject]
            assert record.t - begun.t == begun.data["timeout_s"] * 1000  # pyright: ignore[reportOperatorIssue] - a number
        else:
            open_since.pop(record.subject)
    if result.complete:
        assert open_since == {}


def check_all(document: Document) -> None:
    result = run(document)
    for check in (check_trace, check_end, check_jobs, check_nodes, check_operator, check_services):
        check(result)
    assert run(document).digest == result.digest
    brief = run(document, level="summary")
    assert (brief.digest, brief.record_count, brief.state) == (result.digest, result.record_count, result.state)
    assert [(v.held, v.t) for v in brief.verdicts] == [(v.held, v.t) for v in result.verdicts]


LOST_LISTENER_ANSWER: Document = {
    "kind": "Scenario",
    "metadata": {"name": "drawn"},
    "world": {"zone": "pek3", "clusters": [{"name": "shop", "version": "1.0.1", "express": "Prod"}]},
    "timeline": [{"at": "10m", "cluster": "shop", "upgrade": {"to": "2.0.0"}}],
    "faults": [
        {
            "kind": "call.answer-lost",
            "operation": "ModifyLoadBalancerListenerAttributes",
            "at": "0s",
        }
    ],
}
"""Once this ended the whole run with a RemoteError, raised in the node's script."""


@given(document=scenarios())
@example(document=LOST_LISTENER_ANSWER)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_whatever_strikes_a_run_ends_repeats_and_explains_itself(document: Document) -> None:
    check_all(document)


MIDNIGHT_MS = 23 * MS_PER_H
"""The first midnight of a run: stories begin at 01:00."""


@pytest.mark.guide("G-141")
@given(document=scenarios(worst="mild", masters=(3,)))
@settings(max_examples=30)
def test_an_ha_cluster_whose_machines_and_cloud_are_well_never_loses_its_api_g141(document: Document) -> None:
    """Apart from the midnights of 1.0.1, which kills its control plane every night."""
    result = run(document, level="summary")
    gone = [record.t for record in of_kind(result.records, "api.unavailable")]
    assert all(t % MS_PER_DAY == MIDNIGHT_MS for t in gone)
    assert result.outages["shop/api"].count == len(gone)
    assert result.outages["shop/default/web"].count == 0


@given(document=scenarios(worst="none"))
@settings(max_examples=30)
def test_without_faults_api_servers_restart_one_at_a_time_and_everything_ends_well(document: Document) -> None:
    result = run(document)
    down: set[str] = set()
    for record in of_kind(result.records, "apiserver.down", "apiserver.up"):
        if record.kind == "apiserver.down":
            assert down == set(), record
            down.add(record.subject)
        else:
            down.remove(record.subject)
    assert of_kind(result.records, "node.not-ready") == []
    large = all(role.volume in (None, 200 * 1024) for role in _roles(result))
    if large and result.complete:
        assert result.actions["upgrade"].status == "done"
        assert down == set()


def _roles(result: RunResult) -> list[Any]:
    return [role for cluster in result.story.world.clusters for role in (cluster.roles or {}).values()]


@given(document=scenarios(worst="mild"), seeds=st.lists(st.integers(0, 10**9), min_size=2, max_size=2, unique=True))
@settings(max_examples=20)
def test_another_seed_is_another_run_of_the_same_story(document: Document, seeds: list[int]) -> None:
    first, second = (run({**document, "seed": seed}) for seed in seeds)
    assert first.digest != second.digest
    for result in (first, second):
        check_trace(result)
        check_jobs(result)


@pytest.mark.nightly
@given(document=scenarios(faults_max=12))
@settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_strikes_and_however_often(document: Document) -> None:
    check_all(document)


@pytest.mark.guide("G-141")
@pytest.mark.nightly
@given(document=scenarios(worst="mild", masters=(3,), faults_max=8))
@settings(max_examples=1000)
def test_an_ha_cluster_keeps_its_api_in_a_thousand_worlds_g141(document: Document) -> None:
    result = run(document, level="summary")
    assert of_kind(result.records, "api.unavailable") == []

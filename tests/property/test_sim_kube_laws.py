"""Laws of pods and volumes: a drain never breaks a budget, and a bound claim has one live volume of its own."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qke_core.models import World
from qke_sim.cloud.volume import Volume
from qke_sim.kernel import Kernel
from qke_sim.kube import (
    ClaimTemplate,
    ControlPlane,
    DisruptionBudget,
    DrainManner,
    KubeCluster,
    KubeNode,
    Objects,
    PodTemplate,
    Resources,
    Workload,
)
from qke_sim.kube.budgets import disruptions_allowed
from qke_sim.kube.objects import WorkloadKind
from qke_sim.twin import Twin

NODES = ("a", "b", "c", "d")
ROOM = Resources(4000, 2**33, 110)
GONE = ("deleted", "ceased")
KINDS: tuple[WorkloadKind, ...] = ("Deployment", "StatefulSet", "DaemonSet", "Pod")


def make_kernel() -> Kernel:
    kernel = Kernel(7)
    kernel.trace.add("run.started", "test", None, scenario="test", seed=7)
    return kernel


@st.composite
def workloads(draw: st.DrawFn) -> list[Workload]:
    """Draw workloads of all kinds; those of one name share labels, so that budgets may speak of several."""
    found: list[Workload] = []
    for number in range(draw(st.integers(1, 4))):
        template = PodTemplate(
            {"app": draw(st.sampled_from("xy"))},
            Resources(draw(st.sampled_from([100, 700, 1900])), 2**20, 1),
            {},
            (),
            emptydir=draw(st.booleans()),
            start_ms=draw(st.integers(0, 20_000)),
            stop_ms=draw(st.integers(0, 40_000)),
        )
        kind = draw(st.sampled_from(KINDS))
        replicas = 1 if kind == "Pod" else draw(st.integers(1, 5))
        found.append(Workload(kind, "shop", f"w{number}", replicas, template))
    return found


@st.composite
def budgets(draw: st.DrawFn) -> list[DisruptionBudget]:
    found: list[DisruptionBudget] = []
    for app in draw(st.sets(st.sampled_from("xy"))):
        bound: int | str = draw(st.one_of(st.integers(0, 6), st.sampled_from(["0%", "25%", "50%", "100%"])))
        if draw(st.booleans()):
            found.append(DisruptionBudget("shop", app, {"app": app}, min_available=bound))
        else:
            found.append(DisruptionBudget("shop", app, {"app": app}, max_unavailable=bound))
    return sorted(found, key=lambda budget: budget.key)


def healthy(kube: KubeCluster, budget: DisruptionBudget) -> int:
    labels = budget.selector["app"]
    return sum(p.ready and not p.terminating for p in kube.pods if p.owner.template.labels["app"] == labels)


@given(
    found=workloads(),
    rules=budgets(),
    nodes=st.lists(st.sampled_from(NODES), min_size=1, max_size=3, unique=True),
    timeout_s=st.integers(1, 600),
)
@settings(max_examples=50)
def test_a_drain_never_breaks_a_budget_and_leaves_an_empty_node_or_says_who_stands_in_the_way(
    found: list[Workload], rules: list[DisruptionBudget], nodes: list[str], timeout_s: int
) -> None:
    """Whenever an eviction succeeds its budget allowed one; a drain that is done leaves daemons only, in time."""
    kernel = make_kernel()
    plane = ControlPlane(kernel, "shop", ("m",), built_in_etcd=True)
    members = [KubeNode(name, name, name, {}, (), ROOM, "1.20.9") for name in NODES]
    kube = KubeCluster(kernel, "shop", plane, members, Objects(found, budgets=rules))
    kube.start(0)
    broken: list[str] = []
    before = {budget.key: (healthy(kube, budget), disruptions_allowed(budget, kube.pods)) for budget in rules}

    def watch() -> None:
        for budget in rules:
            now = healthy(kube, budget)
            was, allowed = before[budget.key]
            if was - now > allowed:
                broken.append(f"{budget.key}: {was} -> {now}, allowed {allowed}")
            before[budget.key] = now, disruptions_allowed(budget, kube.pods)

    kernel.on_settle.append(watch)
    manner = DrainManner(ignore_daemonsets=True, delete_emptydir=True, force=True, timeout_ms=timeout_s * 1000)
    running = kernel.spawn(kube.drain(tuple(nodes), manner, "kubectl", 0))
    kernel.run(10**9)
    result: Any = running.value
    assert broken == []
    left = [p for p in kube.pods if p.node in nodes and p.owner.kind != "DaemonSet"]
    (ended,) = [record.t for record in kernel.trace.records if record.kind == "drain.ended"]
    assert ended <= (timeout_s * 1000 + 5000) * len(nodes)
    if result.ok:
        assert left == []
    else:
        assert result.blockers
        assert set(result.blockers) <= {p.key for p in kube.pods} | {r.subject[5:] for r in kernel.trace.records}
    assert all(kube.nodes[name].unschedulable for name in nodes)


class Volumes(RuleBasedStateMachine):
    """A StatefulSet grows, shrinks, loses nodes and volumes' quota; time passes."""

    @initialize(version=st.sampled_from(["1.0.1", "3.0.0", "3.3.0"]), seed=st.integers(0, 10**6))
    def build(self, version: str, seed: int) -> None:
        self.kernel = Kernel(seed)
        self.kernel.trace.add("run.started", "test", None, scenario="test", seed=seed)
        wish: dict[str, Any] = {"name": "shop", "version": version, "env": {"install_kubesphere": False}}
        if version == "1.0.1":
            wish["express"] = "Prod"
        else:
            wish["roles"] = {"node_perf": {"count": 3}, "node_super_perf": {"count": 0}}
        world = World.model_validate_json(json.dumps({"zone": "pek3", "clusters": [wish]}))
        self.twin = Twin(self.kernel, world, {})
        self.twin.start(0)
        self.site = self.twin.site("shop")
        self.kube = self.site.kube
        template = PodTemplate({"app": "db"}, Resources(100, 2**28, 1), {}, ())
        claims = (ClaimTemplate("data", 100, "csi-neonsan" if version == "3.0.0" else ""),)
        self.db = Workload("StatefulSet", "shop", "db", 2, template, claim_templates=claims)
        self.kube.apply(self.db, 0)

    def _let_pass(self, ms: int) -> None:
        end = self.kernel.now + ms
        self.kernel.later(ms, lambda: None)
        while self.kernel.env.peek() <= end:
            self.kernel.env.step()

    @rule(replicas=st.integers(0, 4))
    def scale(self, replicas: int) -> None:
        self.kube.scale(self.db, replicas, 0)

    @rule(ms=st.sampled_from([100, 5000, 30_000, 600_000]))
    def wait(self, ms: int) -> None:
        self._let_pass(ms)

    @rule(alias=st.sampled_from(["node_perf1", "node_perf2", "node_perf3"]), force=st.booleans())
    def evict(self, alias: str, *, force: bool) -> None:
        node = self.kube.nodes[alias]
        for pod in self.kube.controllers.on(node):
            if force:
                self.kube.controllers.remove(pod, 0, "deleted with force", forced=True)
            else:
                self.kube.evict(pod, "kubectl", 0)

    @rule(alias=st.sampled_from(["node_perf1", "node_perf2", "node_perf3"]))
    def crash_or_boot(self, alias: str) -> None:
        if self.site.hosts[alias].up:
            self.site.crash(alias, 0)
        else:
            self.site.boot(alias, 0)

    @rule(room=st.integers(0, 2))
    def limit(self, room: int) -> None:
        self.twin.cloud.allowance.limits["volume"] = self.twin.cloud.allowance.used["volume"] + room
        self.kube.wake(0)

    @rule()
    def drop_spare_claims(self) -> None:
        for claim in list(self.kube.objects.claims):
            if not any(claim.key in pod.claims for pod in self.kube.pods):
                self.kube.delete_claim(claim, 0)

    @precondition(lambda self: hasattr(self, "db"))
    @invariant()
    def a_bound_claim_has_one_live_volume_of_its_own(self) -> None:
        alive = {v.id: v for v in self.twin.cloud.store.all(Volume) if v.status not in GONE and v.origin == "workload"}
        bound = [claim for claim in self.kube.objects.claims if claim.phase == "Bound" and not claim.deleting]
        assert all(claim.volume_id in alive for claim in bound)
        assert max(Counter(claim.volume_id for claim in bound).values(), default=1) == 1

    @precondition(lambda self: hasattr(self, "db"))
    @invariant()
    def a_pod_runs_only_where_its_volume_is_attached(self) -> None:
        for pod in self.kube.pods:
            if pod.running and pod.claims:
                (found,) = [a for a in self.kube.attachments if a.claim.key == pod.claims[0]]
                node = self.kube.controllers.node_named(pod.node)
                assert node is not None
                assert (found.node, found.attached) == (pod.node, True)
                volume = self.twin.cloud.store.get(Volume, found.claim.volume_id)
                assert volume.instance_id == node.instance_id

    def teardown(self) -> None:
        """With room, with all machines up and with time, every pod runs and no volume is left over."""
        if not hasattr(self, "db"):
            return
        self.twin.cloud.allowance.limits.pop("volume", None)
        for alias, host in self.site.hosts.items():
            if not host.up:
                self.site.boot(alias, 0)
        self.kube.wake(0)
        self._let_pass(40 * 60_000)
        assert sum(pod.ready for pod in self.kube.controllers.of(self.db)) == self.db.replicas
        alive = [v for v in self.twin.cloud.store.all(Volume) if v.status not in GONE and v.origin == "workload"]
        assert sorted(v.id for v in alive) == sorted(claim.volume_id for claim in self.kube.objects.claims)


TestVolumes = Volumes.TestCase
TestVolumes.settings = settings(max_examples=15, stateful_step_count=20)


@pytest.mark.nightly
class TestVolumesForLong(Volumes.TestCase):
    settings = settings(max_examples=500, stateful_step_count=60)

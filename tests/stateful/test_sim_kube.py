"""Any order of machines dying and coming back, kubelets falling silent and time passing, against a small model.

The model knows when each node was last heard of and which machines run; the twin knows pods, controllers and API
servers. After every step both must agree, and what can never be true must not be.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qke_core.catalog import catalog
from qke_core.models import World
from qke_sim.kernel import Kernel
from qke_sim.kube import Objects, PodTemplate, Resources, Workload
from qke_sim.twin import Twin

MASTERS = ("master1", "master2", "master3")
NODES = (*MASTERS, "node_perf1", "node_perf2", "node_perf3")
GRACE_MS, TOLERATION_MS = catalog().constant("node_monitor_grace_ms"), catalog().constant("pod_toleration_ms")
API_START_MS = catalog().duration("apiserver-start").max_ms
SETTLED_MS = 10 * 60_000
"""Longer than checks of the balancer, grace, toleration and the start of a pod together."""


@dataclass
class Model:
    """What must be true of nodes and API servers."""

    now: int = 0
    up: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(NODES, True))
    kubelet: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(NODES, True))
    silent_since: dict[str, int] = field(default_factory=dict[str, int])
    ready: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(NODES, True))
    booted: dict[str, int] = field(default_factory=dict[str, int])

    def set(self, alias: str, *, up: bool, kubelet: bool) -> None:
        if up > self.up[alias]:
            self.booted[alias] = self.now
        self.up[alias], self.kubelet[alias] = up, kubelet
        if kubelet:
            self.silent_since.pop(alias, None)
        else:
            self.silent_since.setdefault(alias, self.now)

    def may_answer(self, alias: str) -> bool:
        """Two of three etcd members are a quorum; with it a master that runs answers."""
        return self.up[alias] and sum(self.up[other] for other in MASTERS) >= 2

    def must_answer(self, alias: str) -> bool:
        """A master that has just booted may take a while."""
        return self.may_answer(alias) and self.now >= self.booted.get(alias, -API_START_MS) + API_START_MS

    def judge(self, *, works: bool) -> None:
        """What an API server knows of the nodes now; without one nothing new."""
        if works:
            for alias in NODES:
                silent_ms = self.now - self.silent_since.get(alias, self.now)
                if self.kubelet[alias]:
                    self.ready[alias] = True
                elif silent_ms >= GRACE_MS:
                    self.ready[alias] = False


class Machines(RuleBasedStateMachine):
    """Six machines, three of them masters, with a Deployment, a StatefulSet and a DaemonSet on them."""

    @initialize(replicas=st.integers(1, 6), seed=st.integers(0, 10**6))
    def build(self, replicas: int, seed: int) -> None:
        self.kernel = Kernel(seed)
        self.kernel.trace.add("run.started", "test", None, scenario="test", seed=seed)
        cluster = {"name": "shop", "version": "1.0.1", "express": "Prod"}
        world = World.model_validate_json(json.dumps({"zone": "pek3", "clusters": [cluster]}))
        template = PodTemplate({}, Resources(500, 2**28, 1), {}, ())
        self.workloads = [
            Workload("Deployment", "shop", "web", replicas, template),
            Workload("StatefulSet", "shop", "db", 3, template),
            Workload("DaemonSet", "shop", "agent", 1, template),
        ]
        twin = Twin(self.kernel, world, {"shop": Objects(list(self.workloads))})
        twin.start(0)
        self.site = twin.site("shop")
        self.model = Model()

    def _let_pass(self, ms: int) -> None:
        end = self.kernel.now + ms
        self.kernel.later(ms, lambda: None)
        while self.kernel.env.peek() <= end:
            self.kernel.env.step()

    @rule(alias=st.sampled_from(NODES))
    def crash(self, alias: str) -> None:
        if self.model.up[alias]:
            self.site.crash(alias, 0)
            self.model.set(alias, up=False, kubelet=False)

    @rule(alias=st.sampled_from(NODES))
    def boot(self, alias: str) -> None:
        if not self.model.up[alias]:
            self.site.boot(alias, 0)
            self.model.set(alias, up=True, kubelet=True)

    @rule(alias=st.sampled_from(NODES))
    def stop_kubelet(self, alias: str) -> None:
        if self.model.up[alias]:
            self.site.stop_kubelet(alias, 0)
            self.model.set(alias, up=True, kubelet=False)

    @rule(alias=st.sampled_from(NODES))
    def start_kubelet(self, alias: str) -> None:
        if self.model.up[alias]:
            self.site.start_kubelet(alias, "1.13.5", 0)
            self.model.set(alias, up=True, kubelet=True)

    @rule(ms=st.sampled_from([1, 1000, 10_000, GRACE_MS - 1, GRACE_MS, 60_000, TOLERATION_MS, SETTLED_MS]))
    def wait(self, ms: int) -> None:
        self._let_pass(ms)
        self.model.now += ms

    @rule()
    def heal(self) -> None:
        """Everything is repaired, and time passes: everything runs as it is wished."""
        for alias in NODES:
            self.boot(alias)
            self.start_kubelet(alias)
        self.wait(SETTLED_MS)
        assert self.site.plane.available
        for workload in self.workloads:
            wanted = 3 if workload.kind == "DaemonSet" else workload.replicas
            pods = [pod for pod in self.site.kube.pods if pod.owner is workload]
            assert len(pods) == wanted
            assert all(pod.ready and pod.phase == "Running" for pod in pods)

    @precondition(lambda self: hasattr(self, "model"))
    @invariant()
    def both_agree_on_nodes_and_api_servers(self) -> None:
        self._let_pass(0)
        answering = {alias for alias, master in self.site.plane.masters.items() if master.answers}
        assert answering <= set(filter(self.model.may_answer, MASTERS))
        assert answering >= set(filter(self.model.must_answer, MASTERS))
        assert self.site.plane.works == bool(answering)
        self.model.judge(works=bool(answering))
        assert {alias: node.ready for alias, node in self.site.kube.nodes.items()} == self.model.ready
        assert self.kernel.now == self.model.now

    @precondition(lambda self: hasattr(self, "model"))
    @invariant()
    def a_pod_serves_only_on_a_ready_node_whose_machine_runs(self) -> None:
        nodes = {node.name: node for node in self.site.kube.nodes.values()}
        for pod in self.site.kube.pods:
            if pod.ready:
                assert pod.running
                assert pod.node is not None
                assert nodes[pod.node].ready
            if pod.running:
                assert pod.node is not None
                assert self.model.up[nodes[pod.node].alias]

    @precondition(lambda self: hasattr(self, "model"))
    @invariant()
    def there_are_as_many_pods_as_wished_and_each_is_there_once(self) -> None:
        pods = self.site.kube.pods
        assert len({pod.key for pod in pods}) == len(pods)
        for workload in self.workloads:
            own = [pod for pod in pods if pod.owner is workload]
            if workload.kind == "DaemonSet":
                assert sorted(str(pod.node) for pod in own) == sorted({str(pod.node) for pod in own})
            else:
                assert len(own) == workload.replicas

    @precondition(lambda self: hasattr(self, "model"))
    @invariant()
    def a_workload_is_available_when_any_of_its_pods_serves(self) -> None:
        for workload in self.site.kube.objects.workloads:
            if workload.kind != "DaemonSet":
                serves = any(pod.ready for pod in self.site.kube.pods if pod.owner is workload)
                assert workload.available == serves, workload.key

    @precondition(lambda self: hasattr(self, "model"))
    @invariant()
    def no_node_holds_more_than_it_has(self) -> None:
        for alias, left in self.site.kube.free().items():
            assert min(left.cpu_m, left.memory, left.pods) >= 0, alias

    @precondition(lambda self: hasattr(self, "model"))
    @invariant()
    def users_find_an_api_server_only_where_one_answers(self) -> None:
        assert self.site.plane.works or not self.site.plane.available

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.heal()


TestMachines = Machines.TestCase
TestMachines.settings = settings(max_examples=40, stateful_step_count=30)


@pytest.mark.nightly
class TestMachinesForLong(Machines.TestCase):
    settings = settings(max_examples=1000, stateful_step_count=80)

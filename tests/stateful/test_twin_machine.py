"""Any order of platform operations on a twin, with faults between, against a small model and all conservation laws.

The model says what a cluster is in plain words. After each operation has come to its end both must agree, and no law of
the checkers may be broken: nothing without an owner, quotas, bills, jobs, statuses, bindings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qke_core.catalog import catalog, parameters
from qke_core.models import World
from qke_core.units import MS_PER_H, MS_PER_MIN
from qke_sim.checkers import Watch
from qke_sim.cloud import Call, CloudRefusal, Cluster, Trouble
from qke_sim.cloud.instance import Instance
from qke_sim.faults import DoorFault, Effect
from qke_sim.kernel import Kernel
from qke_sim.twin import Twin

ROLE = "node_perf"
WORLD = {"zone": "pek3", "quotas": {"limits": {"instance": 9, "volume": 60, "cpu": 90}}}
VERSIONS = st.sampled_from(catalog().order)
MASTERS = st.sampled_from([1, 3])
HAZARDS = ("instance.run", "instance.start", "volume.create", "volume.attach")
MADE_BY = ("RunInstances", "CreateVolumes", "AttachVolumes")


@dataclass
class Model:
    """A cluster in plain words."""

    status: str = "absent"
    version: str = ""
    workers: list[int] = field(default_factory=list[int])
    disk_gib: int = 0

    def takes(self, operation: str) -> bool:
        table = {"absent": {"create"}, "stopped": {"start", "delete"}, "deleted": {"recover", "cease"}}
        usual = {"add", "remove", "grow", "stop", "restart", "upgrade", "delete"}
        return operation in table.get(self.status, usual)

    def create(self, version: str) -> None:
        self.status, self.version, self.workers, self.disk_gib = "active", version, [1, 2], 100

    def add(self, count: int) -> None:
        highest = max(self.workers)
        self.workers.extend(range(highest + 1, highest + 1 + count))


class TwinMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        kernel = Kernel(5)
        root = kernel.trace.add("run.started", "machine", None, scenario="machine", seed=5)
        self.twin = Twin(kernel, World.model_validate_json(json.dumps(WORLD)), {})
        self.watch = Watch(self.twin)
        self.twin.start(root)
        self.model = Model()
        self.leaves = False  # Whether a cluster was made whose volumes and load balancers are removed by hand.

    # What it is done with

    @property
    def cluster(self) -> Cluster | None:
        found = [cluster for cluster in self.twin.cloud.store.all(Cluster) if cluster.status != "ceased"]
        return found[-1] if found else None

    def operate(self, operation: str, action: str, **params: Any) -> bool:
        """Ask for an operation and let it come to its end; return whether it went well."""
        cluster = self.cluster
        ids = {} if cluster is None else {"cluster": cluster.id, "clusters": [cluster.id]}
        before, code, answer = self.twin.digest(), 0, dict[str, Any]()
        call = Call("somebody", {**ids, **params}, self.twin.kernel.trace.count - 1)
        try:
            answer = self.twin.cloud.handlers[action](call)
        except CloudRefusal as refusal:
            code = refusal.ret_code
        if code:
            assert self.twin.digest() == before
            assert code in {1100, 1400, 2100, 2500}
            assert code == 2500 or not self.model.takes(operation), f"{operation} was refused with {code}"
            return False
        assert self.model.takes(operation), f"{operation} was taken in {self.model.status}"
        self.wait(8 * MS_PER_H)
        jobs = answer.get("job_ids")
        job_id = next(iter(jobs.values())) if isinstance(jobs, Mapping) and jobs else answer["job_id"]
        job = self.twin.cloud.jobs[str(job_id)]
        assert job.finished, f"{action} did not end"
        return job.status == "successful"

    def wait(self, ms: int) -> None:
        self.twin.kernel.run(self.twin.kernel.now + ms)

    # Operations

    @initialize(version=VERSIONS, masters=MASTERS, kubesphere=st.booleans())
    def begin(self, *, version: str, masters: int, kubesphere: bool) -> None:
        self.create(version=version, masters=masters, kubesphere=kubesphere)

    @precondition(lambda self: self.model.status == "absent")
    @rule(version=VERSIONS, masters=MASTERS, kubesphere=st.booleans())
    def create(self, *, version: str, masters: int, kubesphere: bool) -> None:
        roles = {"master": {"count": masters}, ROLE: {"count": 2, "volume_size": 100}, "client": {"count": 1}}
        known = "install_kubesphere" in parameters().env(version)
        env = {"install_kubesphere": kubesphere} if known else {}
        conf = json.dumps({"cluster": {"name": "shop", **roles}, "env": env})
        well = self.operate("create", "DeployAppVersion", conf=conf, version_id=app_id(version))
        if well or self.cluster is not None:  # When a service fails, the cluster is there as it is.
            self.model.create(version)
            self.leaves |= version.startswith("1.")

    @rule(count=st.integers(1, 2))
    def add(self, count: int) -> None:
        if self.operate("add", "AddClusterNodes", node_role=ROLE, node_count=count):
            self.model.add(count)

    @precondition(lambda self: len(self.model.workers) > 2)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        sid = data.draw(st.sampled_from(self.model.workers))
        assert self.cluster is not None
        node = next(node for node in self.cluster.nodes if (node.role, node.sid) == (ROLE, sid))
        if self.operate("remove", "DeleteClusterNodes", nodes=[node.id]):
            self.model.workers.remove(sid)

    @rule(more=st.sampled_from([10, 100]))
    def grow(self, more: int) -> None:
        size = self.model.disk_gib + more
        if self.operate("grow", "ResizeCluster", node_role=ROLE, storage_size=size):
            self.model.disk_gib = size

    @rule()
    def stop(self) -> None:
        if self.operate("stop", "StopClusters"):
            self.model.status = "stopped"

    @rule()
    def start(self) -> None:
        if self.operate("start", "StartClusters"):
            self.model.status = "active"

    @rule()
    def restart(self) -> None:
        self.operate("restart", "RestartClusterService", role=ROLE)

    @rule(data=st.data())
    def upgrade(self, data: st.DataObject) -> None:
        targets = [edge.target for edge in catalog().upgrades if edge.origin == self.model.version]
        target = data.draw(st.sampled_from(targets or [catalog().order[-1]]))
        legal = bool(targets)
        if self.operate("upgrade" if legal else "nothing", "UpgradeClusters", app_version=app_id(target)):
            self.model.version = target

    @rule()
    def delete(self) -> None:
        if self.operate("delete", "DeleteClusters"):
            self.model.status = "deleted"
            if self.cluster is None:
                self.model = Model()

    @rule()
    def recover(self) -> None:
        if self.operate("recover", "RecoverClusters"):
            self.model.status = "active"

    @rule()
    def cease(self) -> None:
        if self.operate("cease", "CeaseClusters"):
            self.model = Model()

    @rule(minutes=st.integers(1, 200))
    def time_passes(self, minutes: int) -> None:
        """After two hours in the recycle bin a cluster is gone."""
        self.twin.kernel.later(minutes * MS_PER_MIN, lambda: None)
        self.wait(minutes * MS_PER_MIN)
        if self.model.status == "deleted" and self.cluster is None:
            self.model = Model()

    # Faults

    @rule(action=st.sampled_from(MADE_BY), effect=st.sampled_from(["fails", "answer-lost"]), count=st.integers(1, 2))
    def calls_fail(self, action: str, effect: Effect, count: int) -> None:
        """The next calls of an action fail, before or after having worked; what is being made is undone."""
        fault = DoorFault(f"f{len(self.twin.cloud.jobs)}", "cloud", effect, action, count, 100, 5000, 0)
        self.twin.cloud.gate.faults = [fault]

    @rule(hazard=st.sampled_from(HAZARDS))
    def jobs_fail(self, hazard: str) -> None:
        """The next job of a kind takes its time and fails."""
        trouble = Trouble(f"t{len(self.twin.cloud.jobs)}", f"{hazard}-fails", left=1)
        self.twin.cloud.trouble.active = [trouble]

    @precondition(lambda self: self.model.status == "active")
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        assert self.cluster is not None
        site = self.twin.site(self.cluster.name)
        alias = data.draw(st.sampled_from([alias for alias in site.hosts if alias != "master1"]))
        site.crash(alias, self.twin.kernel.trace.count - 1)
        site.power_on(alias, self.twin.kernel.trace.count - 1)
        self.wait(MS_PER_H)

    # What must be true

    @invariant()
    def no_law_is_broken(self) -> None:
        assert self.watch.findings() == []

    @invariant()
    def model_and_twin_agree(self) -> None:
        cluster = self.cluster
        assert (self.model.status == "absent") == (cluster is None)
        if cluster is None:
            used = set(self.twin.cloud.allowance.state())
            assert not used & {"cluster", "instance", "cpu"}
            assert self.leaves or not used
            return
        assert (cluster.status, cluster.version) == (self.model.status, self.model.version)
        assert [node.sid for node in cluster.nodes if node.role == ROLE] == self.model.workers
        disks = {node.shape.volume_gib for node in cluster.nodes if node.role == ROLE}
        assert disks == {self.model.disk_gib}
        machines = [found for found in self.twin.cloud.store.all(Instance) if found.charged() is not None]
        assert len(machines) == len(cluster.nodes)


def app_id(version: str) -> str:
    return catalog().version(version).app_version_id


TestTwin = TwinMachine.TestCase
TestTwin.settings = settings(max_examples=20, stateful_step_count=12, deadline=None)

"""Any order of operations on a cluster, against a small model: statuses, nodes, disks, modules, versions.

`apply` says what a change makes of a cluster; the model says the same in its own, plainer words. Operations that the
present status does not take must be refused. After every step both must agree, and what can never be true must not be.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qke_core.catalog import catalog, parameters
from qke_core.inventory import resources_of
from qke_core.lifecycle import TABLE, allowed, outcome, refusal
from qke_core.models import ClusterDocument, ClusterState
from qke_core.plan import Change, apply
from qke_core.plan.change import (
    AddNodes,
    Cease,
    ChangeEip,
    ChangeModules,
    ChangeParameters,
    Create,
    Delete,
    DeleteNodes,
    Recover,
    Resize,
    RestartRole,
    Start,
    Stop,
    Upgrade,
)
from qke_core.quota import usage_of

WORKERS = ("node_perf", "node_super_perf")
HOPS = {(edge.origin, edge.target) for edge in catalog().upgrades}
VALUES = {"max_pods": (60, 240), "kube_log_level": (0, 5)}
SIZES = st.tuples(st.sampled_from([8, 16]), st.sampled_from([16_384, 32_768]), st.sampled_from([40, 80, 200]))


@dataclass
class Model:
    """A cluster in plain words. `nodes` and `sizes` are those of roles that have nodes: cpu, memory, disk."""

    status: str = "absent"
    version: str = ""
    masters: int = 0
    nodes: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    sizes: dict[str, tuple[int, int, int]] = field(default_factory=dict[str, tuple[int, int, int]])
    modules: set[str] = field(default_factory=set[str])
    values: dict[str, str | int] = field(default_factory=dict[str, str | int])
    waiting: set[str] = field(default_factory=set[str])

    def takes(self, operation: str) -> bool:
        if self.status in {"absent", "ceased"}:
            return operation == "create"
        if self.status == "active":
            return operation not in {"create", "start", "recover", "cease"}
        return operation in {"stopped": {"start", "delete"}, "deleted": {"recover", "cease"}}[self.status]

    def create(self, state: ClusterState) -> None:
        self.status, self.version = "active", state.version
        self.nodes = {role: [*range(1, shape.count + 1)] for role, shape in state.shape.items() if shape.count}
        self.masters = len(self.nodes["master"])
        self.sizes = {role: size_of(state, role) for role in self.nodes}
        self.modules, self.values, self.waiting = set(state.settings.modules), {}, set()

    def add(self, role: str, count: int, size: tuple[int, int, int]) -> None:
        had = self.nodes.setdefault(role, [])
        if not had:
            self.sizes[role] = size
        had.extend(range(max(had, default=0) + 1, max(had, default=0) + 1 + count))

    def remove(self, role: str, gone: set[int]) -> None:
        self.nodes[role] = [sid for sid in self.nodes[role] if sid not in gone]
        if not self.nodes[role]:
            del self.nodes[role], self.sizes[role]
            self.waiting.discard(role)

    def workers(self) -> int:
        return sum(len(self.nodes.get(role, ())) for role in (*WORKERS, "node_gpu"))

    def halt(self, status: str) -> None:
        self.status = status
        self.waiting.clear()


def size_of(state: ClusterState, role: str) -> tuple[int, int, int]:
    shape = state.shape[role]
    return shape.cpu, shape.memory_mib, shape.volume_gib


def active(machine: Operations) -> bool:
    return machine.model.status == "active"


class Operations(RuleBasedStateMachine):
    """One cluster from nothing to nothing, again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.seen: list[ClusterState] = []

    @initialize(version=st.sampled_from(catalog().order))
    def begin(self, version: str) -> None:
        self.state = ClusterState.absent(self._wish(version, 3, 2))

    def _wish(self, version: str, masters: int, workers: int) -> ClusterDocument:
        roles = {"master": {"count": masters}, "node_perf": {"count": workers}}
        data = {"kind": "Cluster", "zone": "pek3", "name": "shop", "version": version, "roles": roles}
        return ClusterDocument.model_validate_json(json.dumps(data))

    def _do(self, change: Change) -> None:
        """Apply a change that the present status takes, and see that the status afterwards is that of the tables."""
        assert self.model.takes(change.operation)
        assert allowed(change.operation, self.state.phase)
        before, self.state = self.state, apply(change, self.state)
        assert self.state.phase == outcome(change.operation, before.phase)
        self.seen.append(before)

    @rule(operation=st.sampled_from(list(TABLE)))
    def ask(self, operation: str) -> None:
        assert (refusal(operation, self.state.phase) == 0) == self.model.takes(operation)

    @precondition(lambda self: self.model.status in {"absent", "ceased"})
    @rule(
        version=st.sampled_from(catalog().order),
        masters=st.sampled_from([1, 3]),
        workers=st.integers(0, 4),
        modules=st.booleans(),
    )
    def create(self, version: str, masters: int, workers: int, *, modules: bool) -> None:
        v1 = version.startswith("1.")
        wish = self._wish(version, masters, max(workers, 2) if v1 else workers)
        if modules and not v1:
            wish = wish.model_copy(update={"env": {"extra.modules": ("ks-devops",)}})
        goal = ClusterState.of_wish(wish)
        self._do(Create(goal))
        self.model.create(goal)

    @precondition(active)
    @rule(role=st.sampled_from(WORKERS), count=st.integers(1, 3), size=SIZES)
    def add(self, role: str, count: int, size: tuple[int, int, int]) -> None:
        self._do(AddNodes(role, count, *size))
        self.model.add(role, count, size)

    @precondition(lambda self: active(self) and self.model.workers() > 2)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        role = data.draw(st.sampled_from([role for role in WORKERS if role in self.model.nodes]))
        most = min(len(self.model.nodes[role]), self.model.workers() - 2)
        sids = st.lists(st.sampled_from(self.model.nodes[role]), unique=True, min_size=1, max_size=most)
        whole = most == len(self.model.nodes[role]) and data.draw(st.booleans())
        gone = self.model.nodes[role] if whole else data.draw(sids)
        self._do(DeleteNodes(role, tuple(gone)))
        self.model.remove(role, set(gone))

    @precondition(active)
    @rule(data=st.data(), grown=st.integers(0, 3), size=SIZES, part=st.sampled_from(["disk", "cpu", "memory", "all"]))
    def resize(self, data: st.DataObject, grown: int, size: tuple[int, int, int], part: str) -> None:
        """Figures that are left out stay; whatever is no disk restarts the nodes."""
        role = data.draw(st.sampled_from([role for role in self.model.nodes if role != "client"]))
        cpu, memory, disk = self.model.sizes[role]
        new_cpu = size[0] if part in {"cpu", "all"} else 0
        new_memory = size[1] if part in {"memory", "all"} else 0
        new_disk = disk + 10 * grown if part in {"disk", "all"} else 0
        self._do(Resize(role, new_cpu, new_memory, new_disk))
        self.model.sizes[role] = (new_cpu or cpu, new_memory or memory, new_disk or disk)
        if part != "disk":
            self.model.waiting.discard(role)

    @precondition(lambda self: active(self) and not self.model.version.startswith("1."))
    @rule(value=st.sampled_from(["172.29.0.1/16", "172.31.0.1/16"]))
    def set_bridge(self, value: str) -> None:
        self._do(ChangeParameters({"docker_bip": value}))
        self.model.values["docker_bip"] = value
        self.model.waiting = {role for role in self.model.nodes if role != "client"}

    @precondition(active)
    @rule(data=st.data(), key=st.sampled_from(sorted(VALUES)))
    def set_parameter(self, data: st.DataObject, key: str) -> None:
        value = data.draw(st.sampled_from(VALUES[key]))
        self._do(ChangeParameters({key: value}))
        self.model.values[key] = value

    @precondition(lambda self: active(self) and not self.model.version.startswith("1."))
    @rule(data=st.data())
    def choose(self, data: st.DataObject) -> None:
        words = [str(word) for word in parameters().env(self.model.version)["extra.modules"].choices]
        chosen = data.draw(st.lists(st.sampled_from(words), unique=True, max_size=3))
        self._do(ChangeModules(tuple(chosen)))
        self.model.modules.update(chosen)

    @precondition(lambda self: active(self) and self.state.settings.has("kubesphere_eip"))
    @rule(value=st.sampled_from(["", "eip-11111111", "eip-22222222"]))
    def set_eip(self, value: str) -> None:
        self._do(ChangeEip("kubesphere_eip", value))
        self.model.values["kubesphere_eip"] = value

    @precondition(active)
    @rule(data=st.data())
    def upgrade(self, data: st.DataObject) -> None:
        targets = sorted(target for origin, target in HOPS if origin == self.model.version)
        if targets:
            target = data.draw(st.sampled_from(targets))
            self._do(Upgrade(target))
            self.model.version = target

    @precondition(active)
    @rule(data=st.data())
    def restart(self, data: st.DataObject) -> None:
        role = data.draw(st.sampled_from(sorted(self.model.nodes)))
        self._do(RestartRole(role))
        self.model.waiting.discard(role)

    @precondition(active)
    @rule()
    def stop(self) -> None:
        self._do(Stop())
        self.model.halt("stopped")

    @precondition(lambda self: self.model.takes("start"))
    @rule()
    def start(self) -> None:
        self._do(Start())
        self.model.status = "active"

    @precondition(lambda self: self.model.takes("delete"))
    @rule()
    def delete(self) -> None:
        self._do(Delete())
        self.model.halt("deleted")

    @precondition(lambda self: self.model.takes("recover"))
    @rule()
    def recover(self) -> None:
        self._do(Recover())
        self.model.status = "active"

    @precondition(lambda self: self.model.takes("cease"))
    @rule()
    def cease(self) -> None:
        self._do(Cease())
        self.model.halt("ceased")

    @precondition(lambda self: hasattr(self, "state"))
    @invariant()
    def both_agree(self) -> None:
        state, model = self.state, self.model
        assert state.phase == model.status
        if not state.exists:
            return
        assert state.version == state.settings.version == model.version
        assert {role: list(sids) for role, sids in state.nodes.items() if sids} == model.nodes
        assert {role: size_of(state, role) for role, shape in state.shape.items() if shape.count} == model.sizes
        assert set(state.modules) >= model.modules
        assert {key: state.settings.values[key] for key in model.values} == model.values
        assert set(state.awaits_restart) == model.waiting

    @precondition(lambda self: hasattr(self, "state"))
    @invariant()
    def what_can_never_be_true_is_not(self) -> None:
        state = self.state
        assert usage_positive(state)
        if not state.exists:
            assert resources_of(state) == ()
            return
        assert state.count("master") == self.model.masters in {1, 3}
        for role, sids in state.nodes.items():
            assert sids == tuple(sorted({*sids}))
            assert len(sids) == state.shape[role].count
        assert set(state.settings.values) == set(parameters().env(state.version))
        assert state.phase == "active" or not state.awaits_restart

    @precondition(lambda self: bool(self.seen) and self.seen[-1].exists)
    @invariant()
    def what_only_grows_has_not_shrunk(self) -> None:
        before, state = self.seen[-1], self.state
        if not state.exists:
            return
        assert set(before.modules) <= set(state.modules)
        assert before.version == state.version or (before.version, state.version) in HOPS
        assert before.born_as == state.born_as
        assert before.count("worker") <= state.count("worker") or state.count("worker") >= 2
        for role, sids in before.nodes.items():
            if sids and state.nodes[role]:
                assert before.shape[role].volume_gib <= state.shape[role].volume_gib
            added = set(state.nodes[role]) - set(sids)
            assert not added or min(added) > max(sids, default=0)


def usage_positive(state: ClusterState) -> bool:
    used = usage_of(resources_of(state))
    return all(used.get(key) > 0 for key in used)


TestOperations = Operations.TestCase
TestOperations.settings = settings(max_examples=60, stateful_step_count=40)


@pytest.mark.nightly
class TestOperationsForLong(Operations.TestCase):
    settings = settings(max_examples=1000, stateful_step_count=100)

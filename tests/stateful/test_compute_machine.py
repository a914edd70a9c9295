"""Any order of calls on instances, volumes, snapshots, NICs, key pairs and tags: what must hold whatever happens.

Calls name things that are there, things that are gone and things that never were; some values are wrong. The handler is
asked at one instant, so that a refusal can be seen to change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from qke_core.catalog import storage
from qke_sim.checkers import Finding
from qke_sim.checkers.statuses import Moves, check_pair
from qke_sim.cloud.call import Call
from qke_sim.cloud.instance import Instance, SystemDisk
from qke_sim.cloud.keypair import KeyPair
from qke_sim.cloud.nic import Nic
from qke_sim.cloud.snapshot import Snapshot
from qke_sim.cloud.store import Thing
from qke_sim.cloud.tag import Tag
from qke_sim.cloud.volume import Volume
from qke_sim.cloud.vxnet import Vxnet
from qke_sim.testing import Desk

T = TypeVar("T", bound=Thing)
LONGEST_JOB_MS = 600_000
PLAIN: Mapping[str, Any] = {"image_id": "centos7x64d", "login_mode": "passwd", "login_passwd": "Qing12345"}
LIMITS: Mapping[str, int] = {
    "instance": 6,
    "cpu": 20,
    "volume": 13,
    "volume_size_gb": 600,
    "snapshot": 4,
    "nic": 12,
    "keypair": 2,
}
ENDS = ("Terminate", "Cease", "Recover")
DEBT = ("Suspend", "Resume")
PICK = st.integers(0, 30)
ACTORS = st.sampled_from(["user", "user", "platform", "shop csi"])


LEGAL: Mapping[type[Thing], set[tuple[str, str]]] = {
    Nic: {("available", ""), ("available", "attaching"), ("in-use", ""), ("in-use", "detaching"), ("ceased", "")},
    KeyPair: {("", ""), ("ceased", "")},
    Tag: {("", ""), ("ceased", "")},
    SystemDisk: {("", ""), ("ceased", "")},
}
"""Pairs of status and transition of what has no table in qke_core.lifecycle; the rest is a checker's business."""


class ComputeMachine(RuleBasedStateMachine):
    """An account at work."""

    pause_ms = 0

    @initialize(seed=st.integers(0, 5))
    def begin(self, seed: int) -> None:
        self.desk = Desk(seed, limits=LIMITS)
        self.cloud = self.desk.cloud
        self.ids: set[str] = set()
        self.findings: list[Finding] = []
        moves = Moves()
        self.desk.kernel.trace.observers.append(lambda record: self.findings.extend(moves.see(record)))
        self.call("CreateVxnets", "user", vxnet_name="net")
        vxnet = self.cloud.store.all(Vxnet)[0]
        self.cloud.store.change(vxnet, 0, ip_network="192.168.0.0/24", manager_ip="192.168.0.1")
        self.cloud.store.change(vxnet, 0, dyn_ip_start="192.168.0.2", dyn_ip_end="192.168.0.9")
        self.vxnet = vxnet.id
        for host in (101, 202):
            self.call("RunInstances", "user", **PLAIN, cpu=2, memory=2048, instance_class=host, vxnets=[self.vxnet])
            self.call("CreateVolumes", "user", size=20, volume_type=6, count=3)
        for name in ("a", "b"):
            self.call("CreateKeyPair", "user", keypair_name=name)
            self.call("CreateTag", "user", tag_name=name)
        self.call("CreateNics", "user", vxnet=self.vxnet, count=2)
        self.desk.wait(120_000)

    def call(self, action: str, by: str, **params: Any) -> None:
        """Ask a handler at this instant; a refusal must leave everything as it was."""
        before = self.desk.digest()
        seq = self.desk.kernel.trace.add("cloud.called", action, 0, by=by, action=action)
        answer = self.cloud._handle(action, Call(by, params, seq))
        if answer["ret_code"]:
            assert self.desk.digest() == before, f"{action} was refused and changed something"
            assert "," in str(answer["message"])
        self.desk.wait(self.pause_ms)

    def one(self, kind: type[T], pick: int) -> str:
        """Choose a thing, mostly one that is there."""
        things = self.cloud.store.all(kind)
        there = [thing.id for thing in things if thing.status != "ceased"]
        found = there if pick < 28 else [thing.id for thing in things]
        return found[pick % len(found)] if found and pick < 30 else f"{kind.prefix}-none0000"

    # Rules

    @rule(
        by=ACTORS,
        count=st.sampled_from([1, 1, 1, 2]),
        cpu=st.sampled_from([1, 4, 8]),
        host=st.sampled_from([101, 202, 202, 0]),
        networks=st.sampled_from([(), ("net",), ("net|192.168.0.5",), ("elsewhere",)]),
        volume=st.none() | PICK,
    )
    def run(self, by: str, count: int, cpu: int, host: int, networks: tuple[str, ...], volume: int | None) -> None:
        params: dict[str, Any] = {**PLAIN, "count": count, "cpu": cpu, "memory": 2048, "instance_class": host}
        if networks:
            params["vxnets"] = [text.replace("net", self.vxnet) for text in networks]
        if volume is not None:
            params["volumes"] = [self.one(Volume, volume)]
        self.call("RunInstances", by, **params)

    @rule(
        action=st.sampled_from(
            [f"{verb}Instances" for verb in ("Start", "Stop", "Restart", "Reset", "Resize", *DEBT, *ENDS)],
        ),
        by=ACTORS,
        picks=st.lists(PICK, min_size=1, max_size=2),
        cpu=st.sampled_from([1, 8]),
        flag=st.sampled_from([0, 0, 1]),
    )
    def operate(self, action: str, by: str, picks: list[int], cpu: int, flag: int) -> None:
        names = [self.one(Instance, pick) for pick in picks]
        login = {key: PLAIN[key] for key in ("login_mode", "login_passwd")}
        self.call(action, by, instances=names, cpu=cpu, force=flag, direct_cease=flag, _keep=flag, **login)

    @rule(action=st.sampled_from(["CeaseInstances", "RecoverInstances"]), by=ACTORS)
    def look_into_the_bin(self, action: str, by: str) -> None:
        thrown = [found.id for found in self.cloud.store.all(Instance) if found.status == "terminated"]
        self.call(action, by, instances=thrown[:1])

    @rule(by=ACTORS, size=st.sampled_from([20, 100]), kind=st.sampled_from([100, 200, 6, 6]), count=st.integers(1, 6))
    def create_volumes(self, by: str, size: int, kind: int, count: int) -> None:
        self.call("CreateVolumes", by, size=size, volume_type=kind, count=count)

    @rule(
        action=st.sampled_from(["AttachVolumes", "DetachVolumes", "ResizeVolumes", "DeleteVolumes"]),
        by=ACTORS,
        picks=st.lists(PICK, min_size=1, max_size=2),
        host=PICK,
        size=st.sampled_from([40, 110]),
    )
    def handle_volumes(self, action: str, by: str, picks: list[int], host: int, size: int) -> None:
        names = [self.one(Volume, pick) for pick in picks]
        first = self.cloud.store.find(Volume, names[0])
        held_by = "" if first is None else first.instance_id
        self.call(action, by, volumes=names, instance=held_by or self.one(Instance, host), size=size)

    @rule(action=st.sampled_from(["CloneVolumes", "CreateSnapshots"]), pick=PICK)
    def copy(self, action: str, pick: int) -> None:
        name = self.one(Volume, pick)
        self.call(action, "user", volume=name, resources=[name])

    @rule(action=st.sampled_from(["DeleteSnapshots", "ApplySnapshots", "CreateVolumeFromSnapshot"]), pick=PICK)
    def handle_snapshots(self, action: str, pick: int) -> None:
        name = self.one(Snapshot, pick)
        self.call(action, "user", snapshot=name, snapshots=[name])

    @rule(
        action=st.sampled_from(["CreateNics", "AttachNics", "DetachNics", "DeleteNics"]),
        picks=st.lists(PICK, min_size=1, max_size=2),
        host=PICK,
    )
    def handle_nics(self, action: str, picks: list[int], host: int) -> None:
        names, instance = [self.one(Nic, pick) for pick in picks], self.one(Instance, host)
        self.call(action, "user", nics=names, instance=instance, vxnet=self.vxnet, count=2)

    @rule(
        action=st.sampled_from(["CreateKeyPair", "DeleteKeyPairs", "AttachKeyPairs", "DetachKeyPairs"]),
        pick=PICK,
        host=PICK,
    )
    def handle_keys(self, action: str, pick: int, host: int) -> None:
        names, instances = [self.one(KeyPair, pick)], [self.one(Instance, host)]
        self.call(action, "user", keypair_name="k", keypairs=names, instances=instances)

    @rule(action=st.sampled_from(["CreateTag", "DeleteTags", "AttachTags", "DetachTags"]), pick=PICK, host=PICK)
    def handle_tags(self, action: str, pick: int, host: int) -> None:
        tag, instance = self.one(Tag, pick), self.one(Instance, host)
        pair = {"tag_id": tag, "resource_type": "instance", "resource_id": instance}
        self.call(action, "user", tag_name=f"t{pick % 3}", tags=[tag], resource_tag_pairs=[pair])

    @rule(
        kind=st.sampled_from(["volume.attach-fails", "instance.boot-fails", "zone.short", "job.fails"]),
    )
    def meet_trouble(self, kind: str) -> None:
        self.desk.trouble(kind, left=1)

    @rule(ms=st.sampled_from([1, 5_000, 20_000, 60_000, 7_200_000]), pause_ms=st.sampled_from([0, 5_000, 120_000]))
    def wait(self, ms: int, pause_ms: int) -> None:
        """Let time pass, and from now on some after every call."""
        self.desk.wait(ms)
        self.pause_ms = pause_ms

    # What always holds

    @invariant()
    def statuses_are_legal_pairs(self) -> None:
        found = [finding for thing in self.cloud.store.everything() for finding in check_pair(thing)]
        assert [*self.findings, *found] == []
        for kind, legal in LEGAL.items():
            for thing in self.cloud.store.all(kind):
                assert (thing.status, thing.transition_status) in legal, (thing.kind, thing.id)

    @invariant()
    def quota_used_is_what_is_there(self) -> None:
        assert dict(self.cloud.allowance.state()) == self.desk.recount()
        for kind, limit in LIMITS.items():
            assert self.cloud.allowance.used[kind] <= limit

    @invariant()
    def jobs_end(self) -> None:
        for job in self.cloud.jobs.values():
            assert job.finished or self.desk.kernel.now - job.create_ms <= LONGEST_JOB_MS, job

    @invariant()
    def things_are_where_they_can_be(self) -> None:
        for instance in self.cloud.store.all(Instance):
            held = [found for found in self.cloud.store.all(Volume) if found.instance_id == instance.id]
            there = [found for found in held if found.status == "in-use"]
            assert len(held) <= 10
            assert len({found.device for found in there}) == len(there)
            assert all(storage().attachable(instance.instance_class, found.volume_type) for found in held)
            assert not [found for found in there if instance.status == "ceased" and not found.transition_status]

    @invariant()
    def addresses_are_given_out_once(self) -> None:
        here: list[Any] = [*self.cloud.store.all(Instance), *self.cloud.store.all(Nic)]
        taken = [
            found.private_ip for found in here if found.private_ip and found.status not in ("ceased", "terminated")
        ]
        assert len(taken) == len(set(taken))

    @invariant()
    def ids_stay(self) -> None:
        now = {thing.id for thing in self.cloud.store.everything()}
        assert self.ids <= now
        self.ids = now

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            assert self.desk.kernel.run(self.desk.kernel.now + LONGEST_JOB_MS)
            assert all(job.finished for job in self.cloud.jobs.values())


class TestComputeCalls(ComputeMachine.TestCase):
    settings = settings(max_examples=25, stateful_step_count=30)


@pytest.mark.nightly
class TestComputeCallsForLong(ComputeMachine.TestCase):
    settings = settings(max_examples=1000, stateful_step_count=100)

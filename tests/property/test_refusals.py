"""Does everything that is refused leave the twin as it was, and say no in the platform's own words?

Handlers are asked directly: so no time passes between the two looks, and whatever differs is their doing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qke_core.catalog import catalog
from qke_core.lifecycle import INSTANCES, InstanceStatus, Transition
from qke_core.models import World
from qke_core.units import MS_PER_S
from qke_sim.checkers import Watch
from qke_sim.cloud import Call, CloudRefusal
from qke_sim.cloud.instance import Instance
from qke_sim.kernel import Kernel
from qke_sim.twin import ACTION_NAMES, Twin

SMALL = {"master": {"count": 1}, "node_perf": {"count": 2}, "client": {"count": 1}}
ENV = {"install_kubesphere": False}
VPC = {"id": "rtr-00000001", "network": "192.168.0.0/16", "eip": "eip-00000001"}
VXNETS = [{"id": f"vxnet-000000{n}", "network": f"192.168.{n}.0/24"} for n in range(3)]
EIPS = [{"id": f"eip-0000000{n}", "address": f"139.198.0.{n}", "bandwidth": 5} for n in range(1, 4)]
QUOTAS = {"limits": {"instance": 12, "volume": 12, "eip": 4, "loadbalancer": 2, "cpu": 200}}
TARGET = catalog().version(catalog().order[-1]).app_version_id


def world(status: str) -> World:
    clusters = [
        {"name": name, "version": "3.3.0", "roles": SMALL, "env": ENV, "status": how, "vxnet": f"vxnet-000000{place}"}
        for place, (name, how) in enumerate([("shop", status), ("bank", "active")])
    ]
    vpcs = [{**VPC, "vxnets": VXNETS}]
    data = {"zone": "pek3", "vpcs": vpcs, "eips": EIPS, "quotas": QUOTAS, "clusters": clusters}
    return World.model_validate_json(json.dumps(data))


def begin(status: str = "active", watched: Callable[[Twin], object] = lambda _: None) -> Twin:
    kernel = Kernel(3, "summary")
    kernel.trace.add("run.started", "test", None, scenario="test", seed=3)
    twin = Twin(kernel, world(status), {})
    watched(twin)
    twin.start(0)
    return twin


def ask(twin: Twin, action: str, params: Mapping[str, Any], by: str = "somebody") -> tuple[int, str]:
    """Return code and message of an answer; 0 when it was taken."""
    try:
        twin.cloud.handlers[action](Call(by, params, 0))
    except CloudRefusal as refusal:
        return refusal.ret_code, refusal.message
    return 0, ""


def ids(twin: Twin, name: str) -> dict[str, Any]:
    """Return the ids that calls about a cluster need."""
    cluster = next(found for found in twin.cloud.clusters.values() if found.name == name)
    nodes = {node.alias: node.id for node in cluster.nodes}
    return {"cluster": cluster.id, "clusters": [cluster.id], **nodes}


OPERATIONS: Mapping[str, Mapping[str, Any]] = {
    "AddClusterNodes": {"node_role": "node_perf", "node_count": 1},
    "DeleteClusterNodes": {"nodes": ["node_perf2"]},
    "ResizeCluster": {"node_role": "node_perf", "cpu": 8, "memory": 16384, "storage_size": 200},
    "UpdateClusterEnvironment": {"env": '{"kube_log_level": 3}'},
    "StartClusters": {},
    "StopClusters": {},
    "RestartClusterService": {"role": "node_perf"},
    "RunClusterCustomService": {"role": "node_perf", "service": "docker_prune", "service_params": '{"max_days": 3}'},
    "DeleteClusters": {},
    "RecoverClusters": {},
    "CeaseClusters": {},
}
"""Every operation on a cluster, with parameters that are right."""

TAKES: Mapping[str, set[str]] = {
    "active": set(OPERATIONS) - {"StartClusters", "RecoverClusters", "CeaseClusters"},
    "stopped": {"StartClusters", "DeleteClusters"},
    "suspended": {"DeleteClusters"},
    "deleted": {"RecoverClusters", "CeaseClusters"},
}


def params(twin: Twin, action: str, name: str = "shop", **more: Any) -> dict[str, Any]:
    found = ids(twin, name)
    wanted = {**OPERATIONS[action], **more}
    if "nodes" in wanted:
        wanted["nodes"] = [found.get(node, node) for node in wanted["nodes"]]
    return {"cluster": found["cluster"], "clusters": found["clusters"], "resources": found["clusters"], **wanted}


REFUSED = [(action, status) for status, takes in TAKES.items() for action in OPERATIONS if action not in takes]


@pytest.mark.parametrize(("action", "status"), REFUSED)
def test_an_operation_in_a_status_that_does_not_take_it_changes_nothing(action: str, status: str):
    twin = begin(status)
    before = twin.digest()
    code, message = ask(twin, action, params(twin, action))
    assert code == 1400
    assert message.startswith("PermissionDenied, cluster [cl-")
    assert f"is [{status}]" in message
    assert twin.digest() == before


def indebted() -> Twin:
    """A twin whose account is in arrears: both clusters and an instance of its own are suspended."""
    twin = begin()
    login = {"login_mode": "passwd", "login_passwd": "Secret123456"}
    own = {"image_id": "centos7x64d", "instance_class": 101, "cpu": 2, "memory": 4096, **login}
    assert ask(twin, "RunInstances", own) == (0, "")
    twin.kernel.run(10 * 60 * MS_PER_S)
    twin.arrears.begin(0)
    twin.kernel.run(20 * 60 * MS_PER_S)
    return twin


@pytest.mark.parametrize("action", sorted(set(OPERATIONS) - TAKES["suspended"]))
def test_a_cluster_that_debt_suspended_takes_no_operation_and_nothing_changes(action: str):
    twin = indebted()
    before = twin.digest()
    code, message = ask(twin, action, params(twin, action))
    assert (code, "is [suspended]" in message) == (1400, True)
    assert twin.digest() == before


@pytest.mark.parametrize("row", [row for row in INSTANCES.values() if row.action and row.starts_from], ids=str)
def test_an_instance_that_debt_suspended_can_only_be_terminated(row: Transition[InstanceStatus]):
    twin = indebted()
    own = next(one for one in twin.cloud.store.all(Instance) if one.origin == "user")
    before = twin.digest()
    keys = {"login_mode": "keypair", "login_keypair": "kp-unknown1", "keypairs": ["kp-unknown1"], "cpu": 4}
    code, message = ask(twin, row.action, {"instances": [own.id], **keys})
    if own.status in row.starts_from:
        assert (row.operation, code) == ("terminate", 0)
    elif row.operation == "bind":
        assert code == 2100  # The key is looked for first.
    else:
        assert (code, f"instance [{own.id}] is [suspended]" in message) == (1400, True)
    assert code == 0 or twin.digest() == before


@pytest.mark.parametrize("action", sorted(TAKES["active"]))
def test_an_operation_while_another_goes_on_changes_nothing(action: str):
    twin = begin()
    assert ask(twin, "RestartClusterService", params(twin, "RestartClusterService")) == (0, "")
    before = twin.digest()
    code, message = ask(twin, action, params(twin, action))
    assert code == 1400
    assert "is [updating], please try later" in message
    assert twin.digest() == before


@pytest.mark.parametrize("action", OPERATIONS)
def test_an_unknown_cluster_is_refused_with_the_code_of_what_is_not_found(action: str):
    twin = begin()
    before = twin.digest()
    unknown = {"cluster": "cl-unknown1", "clusters": ["cl-unknown1"], "resources": ["cl-unknown1"]}
    code, message = ask(twin, action, {**OPERATIONS[action], **unknown})
    assert code == 2100
    assert "cl-unknown1" in message
    assert twin.digest() == before


WRONG: list[tuple[str, dict[str, Any], int]] = [
    ("AddClusterNodes", {"node_role": "node_rocket"}, 1100),
    ("AddClusterNodes", {"node_role": "master"}, 1400),
    ("AddClusterNodes", {"node_count": 0}, 1100),
    ("AddClusterNodes", {"node_count": "many"}, 1100),
    ("AddClusterNodes", {"node_count": 60}, 2500),
    ("DeleteClusterNodes", {"nodes": []}, 1100),
    ("DeleteClusterNodes", {"nodes": ["cln-unknown1"]}, 2100),
    ("DeleteClusterNodes", {"nodes": ["master1"]}, 1400),
    ("ResizeCluster", {"node_role": "node_perf", "cpu": 7}, 1100),
    ("ResizeCluster", {"node_role": "node_perf", "storage_size": 10}, 1100),
    ("ResizeCluster", {"node_role": "node_gpu"}, 1400),
    ("UpdateClusterEnvironment", {"env": "{}"}, 1100),
    ("UpdateClusterEnvironment", {"env": "no json"}, 1100),
    ("UpdateClusterEnvironment", {"env": '{"colour": "red"}'}, 1100),
    ("UpdateClusterEnvironment", {"env": '{"kube_log_level": 99}'}, 1100),
    ("UpdateClusterEnvironment", {"env": '{"pod_subnet": "10.20.0.0/16"}'}, 1400),
    ("UpdateClusterEnvironment", {"env": '{"kube_log_level": 3, "pod_subnet": "10.20.0.0/16"}'}, 1400),
    ("RestartClusterService", {"role": "nobody"}, 1100),
    ("RunClusterCustomService", {"service": "wash_dishes"}, 1400),
    ("RunClusterCustomService", {"service_params": '{"max_days": 0}'}, 1100),
]


@pytest.mark.parametrize(("action", "wrong", "code"), WRONG, ids=lambda value: str(value)[:60])
def test_a_parameter_that_is_wrong_changes_nothing(action: str, wrong: dict[str, Any], code: int):
    twin = begin()
    before = twin.digest()
    assert ask(twin, action, params(twin, action, **wrong))[0] == code
    assert twin.digest() == before


def test_the_node_of_another_cluster_is_not_found():
    twin = begin()
    other = ids(twin, "bank")["node_perf2"]
    before = twin.digest()
    assert ask(twin, "DeleteClusterNodes", params(twin, "DeleteClusterNodes", nodes=[other]))[0] == 2100
    assert twin.digest() == before


def test_one_cluster_that_does_not_take_it_refuses_it_for_all():
    twin = begin("stopped")
    both = [*ids(twin, "bank")["clusters"], *ids(twin, "shop")["clusters"]]
    before = twin.digest()
    assert ask(twin, "StopClusters", {"clusters": both})[0] == 1400
    assert twin.digest() == before


def test_an_upgrade_to_the_present_version_changes_nothing():
    twin = begin()
    before = twin.digest()
    assert ask(twin, "UpgradeClusters", {**params(twin, "StopClusters"), "app_version": TARGET})[0] == 1400
    assert twin.digest() == before


# Anything at all

JUNK = (
    *(
        "",
        "x-unknown1",
        "0",
        "1",
        "2",
        "-1",
        "many",
        "100",
        "node_perf",
        "master",
        "pek3",
        "{}",
        "[]",
        "192.168.9.0/24",
    ),
    *(0, 1, 7, 200, True, None, 1.5, [], [""], [{}], {}, ["x-unknown1"], [{"port": 1}], {"a": 1}),
)


FITTING: Mapping[str, tuple[Any, ...]] = {
    "size": (10, 40),
    "count": (1, 2),
    "bandwidth": (5, 10),
    "volume_type": (100, 200),
    "cpu": (2, 4),
    "memory": (4096, 8192),
    "image_id": ("centos7x64d",),
    "instance_class": (0, 101),
    "loadbalancer_type": (0, 1),
    "router_type": (0, 1),
    "vpc_network": ("172.30.0.0/16", "192.168.0.0/16"),
    "ip_network": ("192.168.9.0/24", "172.30.1.0/24"),
    "login_mode": ("keypair", "passwd"),
    "billing_mode": ("bandwidth", "traffic"),
    "statics": ([{"static_type": 1, "val1": "80", "val2": "192.168.0.2", "val3": "80", "val4": "tcp"}],),
    "listeners": ([{"listener_port": 80, "listener_protocol": "tcp", "backend_protocol": "tcp"}],),
    "rules": ([{"priority": 1, "protocol": "tcp", "val1": "80"}],),
    "node_role": ("node_perf",),
    "role": ("node_perf",),
    "env": ('{"kube_log_level": 3}',),
    "version_id": (TARGET,),
    "app_version": (TARGET,),
    "conf": ('{"cluster": {"name": "third", "vxnet": "vxnet-0000002"}, "env": {}}',),
    "service": ("docker_prune",),
    "service_params": ('{"max_days": 3}',),
    "zone": ("pek3",),
}
"""Values that are right for parameters that are no ids."""


class Asking(dict[str, Any]):
    """Parameters that take note of what a handler looked for and did not find."""

    missed: list[str]

    def get(self, key: str, default: Any = None) -> Any:
        if key not in self and key not in self.missed:
            self.missed.append(key)
        return super().get(key, default)


def values(twin: Twin, name: str) -> st.SearchStrategy[Any]:
    """Return values for a parameter: right ones more often than not, and anything at all."""
    things = twin.cloud.store.everything()
    ids = [thing.id for thing in things if thing.kind in (name, name.removesuffix("s"))]
    known = st.sampled_from(ids or [thing.id for thing in things])
    listed = st.lists(known, min_size=1, max_size=2)
    right = st.sampled_from(FITTING[name]) if name in FITTING else listed if name.endswith("s") else known
    return st.one_of(*[right] * 7, st.sampled_from(JUNK))


def draw_answer(data: st.DataObject, twin: Twin, action: str) -> tuple[int, str, Mapping[str, Any]]:
    """Ask something; what the handler looked for is given to it, or not, and it is asked again."""
    found = Asking()
    found.missed = []
    code, message = ask(twin, action, found)
    while code and found.missed:
        missed, found.missed = found.missed, []
        chosen = [name for name in missed if data.draw(st.integers(0, 9), label=f"give {name}?")]
        found.update({name: data.draw(values(twin, name), label=name) for name in chosen})
        code, message = ask(twin, action, found)
        found.missed = [name for name in found.missed if name not in missed]
    return code, message, found


@given(
    st.data(), st.sampled_from(["active", "active", "stopped", "deleted"]), st.sampled_from(["", "", "short", "debt"])
)
@settings(max_examples=25, deadline=None)
def test_whatever_is_asked_and_refused_changes_nothing(data: st.DataObject, status: str, money: str):
    """Any action with anything: it is taken, or refused with a code of the API and not a trace of it in the world."""
    watches: list[Watch] = []
    twin = begin(status, lambda twin: watches.append(Watch(twin)))
    twin.cloud.allowance.shortages = int(money == "short")
    if money == "debt":
        twin.arrears.begin(0)
        twin.kernel.run(data.draw(st.sampled_from([0, 20, 600])) * MS_PER_S)
    before = twin.digest()
    for _ in range(data.draw(st.integers(1, 12))):
        action = data.draw(st.sampled_from(ACTION_NAMES))
        code, message, asked = draw_answer(data, twin, action)
        if code:
            assert twin.digest() == before, (action, asked, message)
            assert code in catalog().ret_codes
            assert message
        else:
            twin.kernel.run(twin.kernel.now + data.draw(st.integers(0, 600)) * MS_PER_S)
            before = twin.digest()
    assert watches[0].findings() == []


def turn_a_service_off(twin: Twin) -> None:
    twin.site("shop").hosts["master1"].services["docker"] = False


def lose_a_pod(twin: Twin) -> None:
    twin.site("shop").kube.pods.pop()


def rename_a_thing(twin: Twin) -> None:
    twin.cloud.store.everything()[-1].name = "other"


def tell_metadata(twin: Twin) -> None:
    twin.site("shop").metadata.adding = ("node_perf3",)


def use_quota(twin: Twin) -> None:
    twin.cloud.allowance.used["cpu"] += 1


@pytest.mark.parametrize("change", [turn_a_service_off, lose_a_pod, rename_a_thing, tell_metadata, use_quota])
def test_a_digest_sees_every_corner_of_the_twin(change: Callable[[Twin], None]):
    twin = begin()
    before = twin.digest()
    assert begin().digest() == before
    change(twin)
    assert twin.digest() != before

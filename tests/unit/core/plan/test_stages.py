"""What happens inside each operation: which stages, in which order, who feels them, for how long."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import networkx as nx
import pytest

from qke_core.catalog import Catalog, UpgradeEdge, Value, catalog, operations
from qke_core.models import ClusterDocument, ClusterState
from qke_core.plan import Change, Schedule, Stage, times
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
from qke_core.plan.stages import schedule_of, upgrade
from qke_core.units import MS_PER_H, MS_PER_MIN, MS_PER_S

VERSIONS = catalog().order
ONE = ("1.0.0", "1.0.1")
TWO = VERSIONS[2:]


def wish(version: str, masters: int = 3, workers: int = 3, client: int = 1, **more: Any) -> ClusterDocument:
    roles = {"master": {"count": masters}, "node_perf": {"count": workers}, "client": {"count": client}}
    data = {"apiVersion": "qke/v1", "kind": "Cluster", "name": "shop", "zone": "pek3", "version": version}
    return ClusterDocument.model_validate_json(json.dumps({**data, "roles": roles, **more}))


def state(version: str, masters: int = 3, workers: int = 3, client: int = 1, **more: Any) -> ClusterState:
    return ClusterState.of_wish(wish(version, masters, workers, client, **more))


def created(version: str, masters: int = 3, workers: int = 3, client: int = 1, **more: Any) -> Schedule:
    wished = wish(version, masters, workers, client, **more)
    return schedule_of(Create(ClusterState.of_wish(wished)), ClusterState.absent(wished))


def ids(schedule: Schedule) -> list[str]:
    return [stage.id for stage in schedule.stages]


def stage(schedule: Schedule, name: str) -> Stage:
    (found,) = [found for found in schedule.stages if found.id == name]
    return found


def felt(schedule: Schedule) -> str:
    return "; ".join(found.disruption for found in schedule.stages if found.disruption)


def assert_order(schedule: Schedule, *names: str) -> None:
    """See that each stage must have ended before the next begins."""
    closed = nx.transitive_closure_dag(schedule.graph())
    for before, after in pairwise(names):
        assert closed.has_edge(before, after), (before, after)


def assert_side_by_side(schedule: Schedule, one: str, other: str) -> None:
    closed = nx.transitive_closure_dag(schedule.graph())
    assert not closed.has_edge(one, other)
    assert not closed.has_edge(other, one)


# --- Create


@pytest.mark.guide("G-084")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_creation_ends_when_all_nodes_are_normal(version: str):
    schedule = created(version)
    assert "normal" in schedule.stages[-1].title
    assert schedule.ends()["done"] == schedule.total


@pytest.mark.parametrize("version", TWO)
def test_a_creation_makes_master_1_then_the_others_then_the_client(version: str):
    schedule = created(version)
    assert_order(schedule, "machines", "start", "first-master", "masters", "certificates", "workers", "ready")
    assert_order(schedule, "ready", "integration", "kubesphere", "client", "done")
    assert_side_by_side(schedule, "balancer", "first-master")
    assert_side_by_side(schedule, "network", "workers")


@pytest.mark.parametrize("version", ONE)
def test_a_creation_at_1x_begins_with_the_client_and_ends_with_it(version: str):
    schedule = created(version)
    assert_order(schedule, "machines", "client-init", "masters-init", "masters", "workers", "client", "kubesphere")
    assert_side_by_side(schedule, "masters-init", "workers-init")
    assert "load balancer" in stage(schedule, "client-init").title
    assert "load balancer" not in stage(created(version, masters=1), "client-init").title


@pytest.mark.guide("G-030")
@pytest.mark.parametrize("version", TWO)
def test_three_masters_get_a_balancer_and_one_does_not(version: str):
    assert {"masters", "balancer", "certificates"} <= set(ids(created(version)))
    assert not {"masters", "balancer", "certificates"} & set(ids(created(version, masters=1)))


def test_an_eip_for_the_api_server_brings_a_balancer_to_one_master_too():
    schedule = created("3.1.0", masters=1, env={"kubernetes_eip_id": "eip-12345678"})
    assert "balancer" in ids(schedule)
    assert "masters" not in ids(schedule)


@pytest.mark.guide("G-182")
def test_without_workers_masters_drop_their_taint():
    schedule = created("2.0.0", masters=1, workers=0)
    assert "workers" not in ids(schedule)
    assert_order(schedule, "network", "taint", "ready")
    assert "taint" not in ids(created("2.0.0", masters=1))


def test_without_a_client_the_job_does_not_wait_for_kubesphere():
    schedule = created("3.3.0", client=0)
    assert "client" not in ids(schedule)
    assert_side_by_side(schedule, "kubesphere", "done")
    assert_order(created("3.3.0"), "kubesphere", "done")


def test_the_nodes_own_dns_is_a_guard_from_3_1_0_on():
    assert "143" in stage(created("3.1.0"), "first-master").guard
    assert "143" not in stage(created("3.0.0"), "first-master").guard


def test_hostnic_has_guards_of_its_own():
    assert "139 to 142" in stage(created("3.1.0", env={"network_plugin": "hostnic"}), "network").guard
    assert "139" not in stage(created("3.1.0"), "network").guard


@pytest.mark.parametrize("version", VERSIONS)
def test_tiller_is_there_until_helm_3(version: str):
    titles = " ".join(found.title for found in created(version).stages)
    assert ("tiller" in titles) == (version in {"1.0.0", "1.0.1", "2.0.0"})


@pytest.mark.guide("G-031", "G-050")
@pytest.mark.parametrize("version", VERSIONS)
def test_an_eip_gives_the_console_a_balancer_once_kubesphere_is_there(version: str):
    schedule = created(version, env={"kubesphere_eip": "eip-12345678"})
    assert_order(schedule, "kubesphere", "console")
    assert "console" not in ids(created(version))


@pytest.mark.guide("G-049", "G-051")
def test_without_kubesphere_neither_installer_nor_console_comes():
    schedule = created("2.0.0", env={"install_kubesphere": False, "kubesphere_eip": "eip-12345678"})
    assert not {"kubesphere", "console"} & set(ids(schedule))
    assert_order(schedule, "integration", "client", "done")


@pytest.mark.guide("G-053")
def test_each_module_takes_its_time():
    none, two = created("2.0.0"), created("2.0.0", env={"extra.modules": ["ks-logging", "ks-devops"]})
    assert "minimal" in stage(none, "kubesphere").title
    assert "2 modules" in stage(two, "kubesphere").title
    each = catalog().duration("kubesphere-install-module")
    assert two.job.min_ms >= none.job.min_ms + 2 * each.min_ms
    assert two.job.max_ms >= none.job.max_ms + 2 * each.max_ms


EXPRESS = [(version, group) for version in VERSIONS for group in catalog().express_groups(version)]


def express(version: str, group: str, **env: Value) -> Schedule:
    data = {"apiVersion": "qke/v1", "kind": "Cluster", "name": "shop", "zone": "pek3", "version": version}
    wished = ClusterDocument.model_validate_json(json.dumps({**data, "express": group, "env": env}))
    return schedule_of(Create(ClusterState.of_wish(wished)), ClusterState.absent(wished))


def at_its_likeliest() -> Catalog:
    """Return the catalogue with every duration at its mode."""
    facts = catalog()
    usual = {
        name: replace(took, min_ms=took.mode_ms, max_ms=took.mode_ms, spread_percent=None)
        for name, took in facts.durations.items()
    }
    return replace(facts, durations=usual)


@pytest.mark.guide("G-085")
@pytest.mark.parametrize(("version", "group"), EXPRESS)
def test_creating_an_express_group_takes_6_to_12_minutes(version: str, group: str, monkeypatch: pytest.MonkeyPatch):
    total = express(version, group).total
    assert total.min_ms <= 12 * MS_PER_MIN
    assert total.max_ms >= 6 * MS_PER_MIN
    monkeypatch.setattr(times, "catalog", at_its_likeliest)
    likely = express(version, group).job
    # Of several nodes side by side the slowest counts: runs take longer (tests/scenario/test_create_times.py).
    assert likely.min_ms <= 12 * MS_PER_MIN
    assert likely.max_ms >= 6 * MS_PER_MIN * 9 // 10


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_is_disturbed_by_a_creation(version: str):
    assert not felt(created(version))


# --- Nodes


@pytest.mark.parametrize("version", VERSIONS)
def test_new_workers_disturb_nobody_and_join_with_a_token(version: str):
    schedule = schedule_of(AddNodes("node_perf", 2), state(version))
    assert not felt(schedule)
    assert_order(schedule, "machines", "hosts", "start", "join")
    assert ({"token", "clean"} <= set(ids(schedule))) == (version not in ONE)


def test_a_join_names_the_tries_that_the_version_gives_it():
    assert "60 attempts, 1 s apart" in stage(schedule_of(AddNodes("node_perf", 1), state("3.1.1")), "join").reason
    assert "3 attempts, 2 s apart" in stage(schedule_of(AddNodes("node_perf", 1), state("3.1.1-1")), "join").reason
    assert "60 attempts, 2 s apart" in stage(schedule_of(AddNodes("node_perf", 1), state("1.0.1")), "join").reason


def test_many_new_workers_take_no_longer_than_one():
    one, many = (schedule_of(AddNodes("node_perf", count), state("3.3.0")).total for count in (1, 50))
    assert one == many


@pytest.mark.guide("G-183")
def test_workers_can_join_a_single_node_which_keeps_taking_pods():
    schedule = schedule_of(AddNodes("node_perf", 2), state("2.0.0", masters=1, workers=0))
    assert "taint does not come back" in stage(schedule, "join").reason
    assert "taint" not in stage(schedule_of(AddNodes("node_perf", 2), state("2.0.0")), "join").reason


def test_a_client_does_not_join_though_master_1_makes_a_token():
    schedule = schedule_of(AddNodes("client", 1), state("3.3.0", client=0))
    assert ids(schedule) == ["machines", "hosts", "token", "client", "clean"]


@pytest.mark.guide("G-186")
@pytest.mark.parametrize("version", TWO)
def test_removing_a_worker_drains_it_and_then_deletes_it(version: str):
    schedule = schedule_of(DeleteNodes("node_perf", (3,)), state(version))
    assert ids(schedule) == ["hosts", "pre-check", "drain", "forget", "stop", "destroy", "forgotten"]
    assert "--ignore-daemonsets" in stage(schedule, "drain").reason
    assert "135" in stage(schedule, "pre-check").reason
    assert all(code in stage(schedule, "drain").reason for code in ("134", "136"))


@pytest.mark.parametrize(
    ("version", "count", "limit_ms"),
    [
        ("1.0.0", 1, 24 * MS_PER_H),
        ("1.0.1", 3, 24 * MS_PER_H),
        ("2.0.0", 1, 2 * MS_PER_H),
        ("3.1.1", 2, 7500 * MS_PER_S),
        ("3.1.1-1", 1, 6 * MS_PER_MIN),
        ("3.3.0", 3, 18 * MS_PER_MIN),
        ("3.3.0", 40, 7500 * MS_PER_S),
    ],
)
def test_a_drain_may_take_what_script_and_platform_allow(version: str, count: int, limit_ms: int):
    leaving = tuple(range(1, count + 1))
    schedule = schedule_of(DeleteNodes("node_perf", leaving), state(version, workers=count + 2))
    assert stage(schedule, "drain").duration.max_ms == limit_ms


def test_a_forced_drain_costs_local_data_and_a_polite_one_does_not():
    polite, forced = (schedule_of(DeleteNodes("node_perf", (3,)), state(version)) for version in ("3.1.1", "3.1.1-1"))
    assert "emptyDir data are lost" not in felt(polite)
    assert "emptyDir data are lost" in felt(forced)


@pytest.mark.parametrize("version", ONE)
def test_at_1x_no_check_comes_before_the_drain(version: str):
    schedule = schedule_of(DeleteNodes("node_perf", (3,)), state(version))
    assert ids(schedule)[:2] == ["hosts", "drain"]
    assert "134" not in stage(schedule, "drain").reason


# --- Resize


@pytest.mark.guide("G-125")
@pytest.mark.parametrize("version", VERSIONS)
def test_masters_are_resized_one_after_another(version: str):
    schedule = schedule_of(Resize("master", cpu=16), state(version))
    assert_order(schedule, "resize-1", "resize-2", "resize-3")
    assert {found.touches.manner for found in schedule.stages} == {"rolling"}
    assert "load balancer" in felt(schedule)
    assert "no API server answers" not in felt(schedule)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_single_master_that_is_resized_takes_the_api_away(version: str):
    schedule = schedule_of(Resize("master", cpu=16), state(version, masters=1))
    assert "no API server answers" in felt(schedule)
    assert stage(schedule, "resize-1").felt == schedule.job


@pytest.mark.guide("G-125")
@pytest.mark.parametrize("version", VERSIONS)
def test_workers_are_resized_at_once_at_1x_and_one_after_another_later(version: str):
    schedule = schedule_of(Resize("node_perf", cpu=16), state(version))
    assert len(schedule.stages) == (1 if version in ONE else 3)
    assert {found.touches.manner for found in schedule.stages} == {"at-once" if version in ONE else "rolling"}
    assert not any(found.id == "drain" for found in schedule.stages)


def test_nobody_waits_until_a_resized_node_is_ready():
    third = stage(schedule_of(Resize("node_perf", cpu=16), state("3.0.0")), "resize-3")
    assert "nobody waits until it is Ready" in third.guard
    assert "not known" in stage(schedule_of(Resize("node_perf", cpu=16), state("2.0.0")), "resize-3").guard


def test_many_workers_are_one_stage_as_long_as_all_of_them():
    few, many = (schedule_of(Resize("node_perf", cpu=16), state("3.3.0", workers=count)) for count in (10, 100))
    assert (len(few.stages), len(many.stages)) == (10, 1)
    assert many.total == few.total * 10
    assert many.stages[0].felt == few.stages[0].felt


def test_with_an_etcd_of_its_own_no_second_master_may_fail():
    linked = state("3.3.0", links={"etcd": "cl-etcd0001"})
    assert "etcd" in felt(schedule_of(Resize("master", cpu=16), state("3.3.0")))
    assert "etcd" not in felt(schedule_of(Resize("master", cpu=16), linked))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("role", ["master", "node_perf"])
def test_a_disk_alone_grows_online(version: str, role: str):
    schedule = schedule_of(Resize(role, volume_gib=500), state(version))
    assert (len(schedule.stages), felt(schedule)) == (1, "")


# --- Parameters


@pytest.mark.guide("G-060")
def test_a_new_docker_bridge_restarts_nothing_until_the_menu_does():
    schedule = schedule_of(ChangeParameters({"docker_bip": "172.29.0.1/16"}), state("2.0.0"))
    assert not felt(schedule)
    assert "menu" in schedule.stages[-1].reason


def test_at_1x_a_new_docker_bridge_restarts_every_container_the_api_servers_too():
    schedule = schedule_of(ChangeParameters({"docker_bip": "172.29.0.1/16"}), state("1.0.1", masters=1))
    assert "docker restarts on all masters and workers at once" in felt(schedule)
    assert "API" in felt(schedule)


@pytest.mark.guide("G-071")
@pytest.mark.parametrize("version", TWO)
def test_a_new_log_level_restarts_the_control_plane_on_masters_and_kube_proxy_everywhere(version: str):
    found, back = [found for found in _changed(version, {"kube_log_level": 5}).stages if found.disruption]
    assert (back.inside, back.disruption) == (False, found.disruption)
    control_plane = {"kube-apiserver", "kube-controller-manager", "kube-scheduler"}
    assert set(found.touches.restarts) == {*control_plane, "kube-proxy"}
    assert found.touches.roles == ("master", "node_perf")
    assert "kube-proxy restarts on all masters and workers" in found.disruption
    assert "kube-scheduler restart on all masters at once" in found.disruption


@pytest.mark.guide("G-055", "G-094")
@pytest.mark.parametrize("version", VERSIONS[1:])
def test_another_kubernetes_eip_restarts_the_api_server_on_all_masters(version: str):
    schedule = schedule_of(ChangeEip("kubernetes_eip", "139.198.0.10"), state(version))
    assert "the API is gone for a moment" in felt(schedule)
    api = [found.touches for found in schedule.stages if "kube-apiserver" in found.touches.restarts]
    assert {touches.manner for touches in api} == {"at-once"}
    assert "master" in api[0].roles


@pytest.mark.guide("G-050")
@pytest.mark.parametrize(
    ("old", "new", "title", "longest"),
    [
        ("", "eip-1", "gets a load balancer", "lb-create"),
        ("eip-1", "eip-2", "gets another address", "lb-update"),
        ("eip-1", "", "loses its load balancer", "lb-delete"),
    ],
)
def test_the_console_gets_changes_and_loses_its_balancer(old: str, new: str, title: str, longest: str):
    schedule = schedule_of(ChangeEip("kubesphere_eip", new), state("2.0.0", env={"kubesphere_eip": old}))
    console = stage(schedule, "console")
    assert title in console.title
    assert console.duration.max_ms > catalog().duration(longest).max_ms
    assert console.disruption.startswith("the console's address changes")


def test_without_kubesphere_an_eip_of_the_console_does_nothing():
    bare = state("2.0.0", env={"install_kubesphere": False})
    assert ids(schedule_of(ChangeEip("kubesphere_eip", "eip-1"), bare)) == ["render"]


@pytest.mark.guide("G-052", "G-053")
def test_modules_are_installed_and_never_taken_out():
    now = state("2.0.0", env={"extra.modules": ["ks-logging"]})
    more = schedule_of(ChangeModules(("ks-logging", "ks-devops")), now)
    assert "adds 1 module" in stage(more, "install").title
    assert ids(schedule_of(ChangeModules(()), now)) == ["render"]


def _changed(version: str, values: dict[str, Value]) -> Schedule:
    return schedule_of(ChangeParameters(values), state(version))


# --- Power


@pytest.mark.parametrize("version", VERSIONS)
def test_a_start_follows_the_order_of_the_version(version: str):
    started = ids(schedule_of(Start(), replace(state(version), phase="stopped")))
    one = ["machines", "start-master", "start-worker", "start-client", "api"]
    assert started == (one if version in ONE else ["machines", "start-master", "start-client", "api"])


@pytest.mark.guide("G-147")
def test_a_cluster_from_1_0_0_gets_its_new_system_with_a_start():
    old = replace(state("2.0.0"), phase="stopped", born_as="1.0.0")
    assert "18.04" in schedule_of(Start(), old).stages[0].reason
    assert "18.04" not in schedule_of(Start(), replace(old, born_as="1.0.1")).stages[0].reason


@pytest.mark.guide("G-144")
@pytest.mark.parametrize("change", [Stop(), Delete()])
def test_a_stop_takes_everything_away_and_all_but_the_data_disks(change: Change):
    schedule = schedule_of(change, state("2.0.0"))
    assert "everything on the cluster stops, the API too; nothing is drained" in felt(schedule)
    assert "keep /data alone" in felt(schedule)
    touches = stage(schedule, "services").touches
    assert (touches.restarts, touches.manner) == (("instance",), "at-once")
    assert touches.roles == ("master", "node_perf", "client")


@pytest.mark.parametrize("version", TWO)
def test_restarting_the_masters_takes_the_api_away_even_with_three(version: str):
    found = schedule_of(RestartRole("master"), state(version)).stages[0]
    assert "no API server answers while all masters restart together" in found.disruption
    assert {"etcd", "kube-apiserver", "docker", "kubelet"} <= set(found.touches.restarts)
    assert found.touches.manner == "at-once"
    linked = state(version, links={"etcd": "cl-etcd0001"})
    assert "etcd" not in schedule_of(RestartRole("master"), linked).stages[0].touches.restarts


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_restart_does_at_1x_is_not_known(version: str):
    found = schedule_of(RestartRole("node_perf"), state(version)).stages[0]
    assert ("not known" in found.guard) == (version in ONE)


# --- Upgrade


def test_an_upgrade_keeps_the_stages_of_its_script():
    schedule = schedule_of(Upgrade("3.0.0"), state("2.0.0"))
    assert_order(schedule, "preflight", "pre-check", "master-1", "master-2", "master-3", "workers", "cluster-wide")
    assert schedule.stages[-1].id == "verify"


@pytest.mark.guide("G-141")
@pytest.mark.parametrize("edge", catalog().upgrades, ids=lambda edge: f"{edge.origin}-{edge.target}")
def test_an_upgrade_takes_the_api_of_a_single_master_away_and_no_other(edge: UpgradeEdge):
    gap = "no API server answers"
    assert gap in felt(schedule_of(Upgrade(edge.target), state(edge.origin, masters=1)))
    assert gap not in felt(schedule_of(Upgrade(edge.target), state(edge.origin)))


@pytest.mark.guide("G-142")
def test_an_upgrade_is_felt_as_heavy_disk_and_cpu_on_every_node():
    assert "heavy disk and CPU on every node" in felt(schedule_of(Upgrade("2.0.0"), state("1.0.1")))


@pytest.mark.guide("G-146")
@pytest.mark.parametrize("masters", [1, 3])
def test_an_upgrade_to_2_0_0_takes_one_to_two_hours(masters: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(upgrade, "catalog", at_its_likeliest)
    likely = schedule_of(Upgrade("2.0.0"), state("1.0.1", masters)).total
    assert MS_PER_H <= likely.min_ms <= likely.max_ms <= 2 * MS_PER_H


# --- The end


@pytest.mark.guide("G-165", "G-166")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_deleted_cluster_stops_and_waits_two_hours_in_the_bin(version: str):
    schedule = schedule_of(Delete(), state(version))
    assert ids(schedule)[-2:] == ["services", "recycle"]
    assert ("console" in ids(schedule)) == (version in ONE)
    assert "2h" in stage(schedule, "recycle").reason


def test_a_stopped_cluster_goes_to_the_bin_at_once():
    assert ids(schedule_of(Delete(), replace(state("1.0.1"), phase="stopped"))) == ["recycle"]


@pytest.mark.guide("G-165")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_recovered_cluster_starts_again_and_initialises_nothing(version: str):
    gone = replace(state(version), phase="deleted")
    assert ids(schedule_of(Recover(), gone)) == ids(schedule_of(Start(), replace(gone, phase="stopped")))
    assert not any("kubeadm" in found.title for found in schedule_of(Recover(), gone).stages)


@pytest.mark.guide("G-167", "G-190", "G-191", "G-192")
@pytest.mark.parametrize(
    ("version", "born_as", "left"),
    [("1.0.1", "1.0.1", True), ("2.0.0", "1.0.1", True), ("3.3.0", "1.0.0", True), ("2.0.0", "2.0.0", False)],
)
def test_what_was_made_before_2_0_0_is_left_behind(version: str, born_as: str, *, left: bool):
    gone = replace(state(version), phase="deleted", born_as=born_as)
    assert ("remove it by hand" in felt(schedule_of(Cease(), gone))) is left


def test_leftovers_are_named():
    text = felt(schedule_of(Cease(), replace(state("1.0.1"), phase="deleted")))
    assert "1 load balancer, 1 security group" in text
    assert "volumes" in text
    lone = felt(schedule_of(Cease(), replace(state("1.0.1", masters=1), phase="deleted")))
    assert "load balancer" not in lone


@pytest.mark.parametrize("version", VERSIONS)
def test_services_stop_within_their_time_limit(version: str):
    limit = operations().service("master", "stop", version)
    assert limit is not None
    assert stage(schedule_of(Stop(), state(version)), "services").duration.max_ms <= limit.timeout_ms

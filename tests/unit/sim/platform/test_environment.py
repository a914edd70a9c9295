"""Changing parameters: what the form takes, how all nodes hear of it, what follows; and the services of the menu."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qke_core.catalog import catalog, parameters
from qke_sim.cloud import Job
from qke_sim.testing.office import Office

ROLES = {"master": {"count": 1}, "node_perf": {"count": 2}, "client": {"count": 1}}
BARE = {"install_kubesphere": False}
VERSIONS = catalog().order


def office_of(version: str = "3.3.0", **parts: Any) -> Office:
    env = parts.pop("env", {} if version == "1.0.0" else BARE)
    world = parts.pop("world", {})
    return Office({"name": "shop", "version": version, "roles": ROLES, "env": env, **parts}, **world)


def change(office: Office, **values: object) -> Job:
    return office.ask("UpdateClusterEnvironment", cluster=office.id, env=json.dumps(values))


def refused(office: Office, env: object) -> int:
    text = env if isinstance(env, str) else json.dumps(env)
    return office.refused("UpdateClusterEnvironment", cluster=office.id, env=text)[0]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_parameter_changes_and_is_shown(version: str) -> None:
    office = office_of(version)
    job = change(office, kube_log_level=3)
    assert (job.status, office.site.cluster.status) == ("successful", "active")
    shown = office.tell("DescribeClusterEnvironment", cluster=office.id)["config"]["properties"]
    assert {row["key"]: row["default"] for row in shown}["kube_log_level"] == 3
    assert office.state.settings.values["kube_log_level"] == 3


def test_all_nodes_hear_of_it_at_once_and_reload_at_once() -> None:
    office = office_of()
    change(office, registry_mirrors="https://mirror.example")
    (told,) = office.find("metadata.changed")
    reloads = [r for r in office.find("service.started") if r.data["service"] == "reload"]
    assert {r.t for r in reloads} == {told.t}
    assert {r.subject for r in reloads} == {f"shop/{alias}" for alias in office.site.hosts}


@pytest.mark.guide("G-060")
@pytest.mark.parametrize("version", VERSIONS)
def test_the_docker_bridge_awaits_a_restart_of_every_role_from_the_menu(version: str) -> None:
    """G-060; at 1.x docker restarts by itself."""
    office = office_of(version)
    change(office, docker_bip="172.31.0.1/16")
    awaits = () if version.startswith("1.") else ("master", "node_perf")
    assert office.state.awaits_restart == awaits
    for role in awaits:
        office.ask("RestartClusterService", cluster=office.id, role=role)
    assert office.state.awaits_restart == ()


@pytest.mark.guide("G-175")
@pytest.mark.parametrize("version", [version for version in VERSIONS if version != "1.0.0"])
def test_kubesphere_can_neither_come_nor_go_afterwards(version: str) -> None:
    """G-175."""
    assert refused(office_of(version), {"install_kubesphere": True}) == 1400


@pytest.mark.parametrize("version", VERSIONS)
def test_whatever_the_form_does_not_let_change_is_refused_with_1400(version: str) -> None:
    office = office_of(version)
    present = office.state.settings.values
    for key, known in parameters().env(version).items():
        choices = [choice for choice in known.choices if choice != present[key]]
        if known.type == "boolean" or (choices and not known.changeable):
            value = not present[key] if known.type == "boolean" else choices[0]
            assert known.changeable or refused(office, {key: value}) == 1400
    assert refused(office, {"pod_subnet": "10.20.0.0/16"}) == 1400
    assert refused(office, {"network_plugin": "flannel"}) == 1400


@pytest.mark.parametrize(
    "env",
    [
        "",
        "{",
        "[]",
        {},
        {"colour": "blue"},
        {"kube_log_level": 11},
        {"kube_log_level": "3"},
        {"kube_log_level": None},
        {"host_aliases": "nonsense"},
        {"docker_bip": 7},
        {"kube_audit_file": "/etc/a"},
    ],
)
def test_a_bad_message_is_refused_with_1100(env: object) -> None:
    assert refused(office_of(), env) == 1100


def test_one_bad_value_refuses_all_of_the_call() -> None:
    office = office_of()
    assert refused(office, {"kube_log_level": 3, "pod_subnet": "10.20.0.0/16"}) == 1400
    assert office.state.settings.values["kube_log_level"] == 0


def test_a_value_that_is_there_already_changes_nothing() -> None:
    office = office_of()
    before = office.state
    job = change(office, kube_log_level=0, pod_subnet="10.10.0.0/16")
    assert (job.status, office.state) == ("successful", before)
    assert not office.find("metadata.changed")


def test_an_eip_that_is_not_there_is_refused() -> None:
    office = office_of(world={"eips": []})
    assert refused(office, {"kubesphere_eip": "eip-a1b2c3d4"}) == 2100


@pytest.mark.guide("G-051")
def test_modules_mean_nothing_without_kubesphere() -> None:
    """G-051."""
    office = office_of()
    change(office, **{"extra.modules": "metrics-server,ks-devops"})
    assert office.state.modules == ()
    assert not office.find("installer.launched")


@pytest.mark.guide("G-052")
def test_modules_are_only_ever_installed() -> None:
    """G-052."""
    office = office_of(env={"extra.modules": "metrics-server"})
    change(office, **{"extra.modules": "metrics-server,ks-events"})
    assert office.state.modules == ("ks-events", "metrics-server")
    change(office, **{"extra.modules": ""})
    assert office.state.modules == ("ks-events", "metrics-server")
    assert office.state.settings.modules == ()


# --- The menu


@pytest.mark.parametrize("version", [version for version in VERSIONS if not version.startswith("1.")])
def test_the_menu_prunes_and_renews_on_all_nodes_of_a_role(version: str) -> None:
    office = office_of(version)
    custom: dict[str, Any] = {"cluster": office.id, "role": "node_perf", "service": "docker_prune"}
    job = office.ask("RunClusterCustomService", **custom, service_params='{"max_days": 7}')
    assert (job.status, job.action) == ("successful", "RunClusterCustomService")
    office.ask("RunClusterCustomService", cluster=office.id, role="master", service="renew_certs")
    rows = [(r.data["service"], r.subject, r.data["timeout_s"]) for r in office.find("service.started")]
    assert rows == [
        ("docker_prune", "shop/node_perf1", 3600),
        ("docker_prune", "shop/node_perf2", 3600),
        ("renew_certs", "shop/master1", 300),
    ]


@pytest.mark.parametrize(
    ("role", "service", "params", "code"),
    [
        ("node_perf", "renew_certs", "{}", 1400),
        ("client", "docker_prune", "{}", 1400),
        ("node_perf", "stop", "{}", 1400),
        ("node_perf", "nonsense", "{}", 1400),
        ("node_perf", "docker_prune", '{"max_days": 0}', 1100),
        ("node_perf", "docker_prune", '{"max_days": 366}', 1100),
        ("node_perf", "docker_prune", '{"max_days": "soon"}', 1100),
        ("node_perf", "docker_prune", '{"days": 3}', 1100),
        ("node_perf", "docker_prune", "[]", 1100),
        ("node_perf", "", "{}", 1100),
        ("node_gpu", "docker_prune", "{}", 1400),
    ],
)
def test_what_is_not_in_the_menu_is_refused(role: str, service: str, params: str, code: int) -> None:
    office = office_of()
    custom = {"cluster": office.id, "role": role, "service": service, "service_params": params}
    assert office.refused("RunClusterCustomService", **custom)[0] == code


def test_1_x_has_no_menu() -> None:
    office = office_of("1.0.1")
    custom = {"cluster": office.id, "role": "node_perf", "service": "docker_prune"}
    assert office.refused("RunClusterCustomService", **custom)[0] == 1400

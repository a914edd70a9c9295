"""Does the book know what a change of parameters really sets off on the nodes?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from qke_core.catalog import ChangeBook, ParameterChange, Value, by_trigger, catalog, parameter_changes, parameters
from qke_core.catalog.load import read_text
from qke_core.catalog.parameter_changes import RENDER, build_parameter_changes
from qke_core.errors import InvariantError
from qke_core.models.settings import Settings

VERSIONS = catalog().order
SINCE_2, SINCE_3, SINCE_31 = VERSIONS[2:], VERSIONS[3:], VERSIONS[4:]
API = ("kube-apiserver",)
DAYS = ("keep_audit_days", "kube_audit_log_maxsize", "kube_audit_log_maxbackup")


@pytest.fixture
def book() -> ChangeBook:
    return parameter_changes()


def effects(version: str, new: Mapping[str, Value], **old: Value) -> tuple[ParameterChange, ...]:
    """What comes of giving parameters new values; `old` are values from before that are not the default."""
    before = {**Settings.resolve(version, {}).values, **old}
    return parameter_changes().effects(version, before, new)


def triggers(version: str, new: Mapping[str, Value], **old: Value) -> list[str]:
    return [change.trigger for change in by_trigger(effects(version, new, **old))]


def restarts(version: str, new: Mapping[str, Value], **old: Value) -> set[str]:
    return {component for change in effects(version, new, **old) for component in change.restarts}


@pytest.mark.parametrize("version", VERSIONS)
def test_what_can_change_has_an_effect_and_what_cannot_has_none(book: ChangeBook, version: str):
    for key, found in parameters().env(version).items():
        assert bool(book.changes(key, version)) == found.changeable
        assert (book.change(key, version) is not None) == found.changeable


@pytest.mark.parametrize("version", VERSIONS)
def test_only_parameters_of_the_version_are_spoken_of(book: ChangeBook, version: str):
    lines = {line.name for line in book.lines(version)}
    for name in lines:
        for change in book.by_line.get((version, name), ()):
            assert change.key in parameters().env(version)
            assert change.acts_on != "nobody" or not change.restarts


@pytest.mark.guide("G-055", "G-094")
@pytest.mark.parametrize("version", SINCE_2)
def test_a_new_kubernetes_eip_restarts_the_api_server_of_all_masters_at_once(version: str):
    certificate, process = effects(version, {"kubernetes_eip": "139.198.0.10"})
    assert (certificate.trigger, certificate.restarts) == ("reloadKubeApiserverCerts", ())
    assert (process.acts_on, process.restarts, process.manner, process.staggered) == ("masters", API, "at-once", False)
    assert process.interruption == "the API is gone for a moment"


@pytest.mark.guide("G-055", "G-094", "G-204")
def test_at_1_0_1_a_new_kubernetes_eip_restarts_kubelets_too():
    assert restarts("1.0.1", {"kubernetes_eip": "139.198.0.10"}) == {"kube-apiserver", "kubelet"}
    assert "kubernetes_eip" not in parameters().env("1.0.0")


@pytest.mark.guide("G-060")
@pytest.mark.parametrize("version", SINCE_2)
def test_a_new_docker_bridge_waits_for_a_restart_of_all_kubernetes_nodes(version: str):
    (change,) = effects(version, {"docker_bip": "172.29.0.1/16"})
    assert (change.menu_restart, change.acts_on, change.restarts) == (True, "k8s-nodes", ())


@pytest.mark.parametrize("key", ["docker_bip", "registry_mirrors", "insecure_registry"])
def test_docker_restarts_at_1_x_and_is_only_reloaded_later(key: str):
    value = "https://mirror.example"
    for version in VERSIONS[:2]:
        (change,) = effects(version, {key: value})
        assert (change.restarts, change.manner, change.menu_restart) == (("docker",), "at-once", False)
    for version in SINCE_2:
        assert restarts(version, {key: value}) == set()


@pytest.mark.guide("G-071")
@pytest.mark.parametrize("version", SINCE_2)
def test_a_new_log_level_restarts_the_control_plane_and_kube_proxy(version: str):
    (change,) = effects(version, {"kube_log_level": 4})
    assert set(change.restarts) == {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"}
    assert (change.acts_on, change.staggered) == ("masters", True)


@pytest.mark.guide("G-071")
def test_a_new_log_level_restarts_kubelets_at_1_x_alone():
    control_plane = {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"}
    for version in VERSIONS[:2]:
        assert restarts(version, {"kube_log_level": 4}) == control_plane | {"kubelet"}
        assert triggers(version, {"kube_log_level": 4}) == ["kubeadm-config", "kube-proxy-ds"]
    for version in SINCE_2:
        assert "kubelet" not in restarts(version, {"kube_log_level": 4})


@pytest.mark.guide("G-076")
@pytest.mark.parametrize("version", ["2.0.0", "3.0.0"])
def test_another_audit_policy_file_restarts_the_api_server(version: str):
    (change,) = effects(version, {"kube_audit_file": "/etc/kubernetes/audit/policies/mine.yaml"})
    assert (change.acts_on, change.restarts) == ("masters", API)


@pytest.mark.guide("G-080")
@pytest.mark.parametrize("key", DAYS)
@pytest.mark.parametrize("version", ["2.0.0", "3.0.0"])
def test_audit_log_limits_restart_the_api_server_only_while_auditing_is_on(version: str, key: str):
    assert effects(version, {key: 7}) == ()
    assert restarts(version, {key: 7}, kube_audit_file="/etc/kubernetes/audit/policies/default.yaml") == set(API)


@pytest.mark.guide("G-080")
@pytest.mark.parametrize("key", DAYS)
@pytest.mark.parametrize("version", SINCE_31)
def test_from_3_1_0_on_only_while_events_go_to_the_log_file(version: str, key: str):
    assert effects(version, {key: 7}) == ()
    assert restarts(version, {key: 7}, kube_audit_policy="rules: []") == set(API)
    assert effects(version, {key: 7}, kube_audit_policy="rules: []", kube_audit_webhook="clusters: []") == ()


def test_at_1_x_audit_days_restart_the_api_server_in_any_case():
    for version in VERSIONS[:2]:
        assert restarts(version, {"keep_audit_days": 7}) == {"kubelet", "kube-apiserver"}


@pytest.mark.parametrize("version", SINCE_31)
def test_an_audit_policy_that_comes_or_goes_changes_arguments_and_another_text_only_the_process(version: str):
    arguments, process = "reloadKubeMasterArgs:apiserver", "reloadKubeMasterProcs:apiserver"
    assert triggers(version, {"kube_audit_policy": "rules: []"}) == [arguments]
    assert triggers(version, {"kube_audit_policy": ""}, kube_audit_policy="rules: []") == [arguments]
    assert triggers(version, {"kube_audit_policy": "rules: [a]"}, kube_audit_policy="rules: []") == [process]
    assert triggers(version, {"kube_audit_policy": "rules:\n []"}, kube_audit_policy="rules: []") == []  # Line breaks.


@pytest.mark.parametrize("version", SINCE_31)
def test_a_webhook_without_a_policy_still_restarts_the_process(version: str):
    arguments, process = "reloadKubeMasterArgs:apiserver", "reloadKubeMasterProcs:apiserver"
    assert triggers(version, {"kube_audit_webhook": "clusters: []"}) == [process]
    assert triggers(version, {"kube_audit_webhook": "clusters: []"}, kube_audit_policy="rules: []") == [arguments]


@pytest.mark.parametrize("version", SINCE_3)
def test_after_the_log_level_later_lines_are_skipped(version: str):
    new: dict[str, Value] = {
        "kubernetes_eip": "139.198.0.10",
        "kube_log_level": 4,
        "max_pods": 60,
        "controller.manager.params": "node-monitor-grace-period: 60s",
        "apiserver.params": "max-requests-inflight: 800",
    }
    assert triggers(version, new) == ["reload:kubelet", "reloadKubeApiserverCerts", "reloadKubeLogLevel"]
    del new["kube_log_level"]
    assert triggers(version, new) == [
        "reload:kubelet",
        "reloadKubeApiserverCerts",
        "reloadKubeMasterArgs:controller-manager",
        "reloadKubeMasterArgs:apiserver",
    ]
    del new["apiserver.params"]
    assert triggers(version, new)[-1] == "reloadKubeMasterProcs:apiserver"


def test_lines_stand_in_the_order_of_the_nodes_own_list(book: ChangeBook):
    assert [line.name for line in book.lines("3.3.0")] == [
        "render",
        "daemon.json",
        "reloadHostnic",
        "reloadExternalElk",
        "reloadKsEip",
        "reloadKsConf",
        "reload:kubelet",
        "reloadKubeApiserverCerts",
        "reloadKubeProxy",
        "reloadKubeLogLevel",
        "reloadKubeMasterArgs:controller-manager",
        "reloadKubeMasterArgs:scheduler",
        "reloadKubeMasterArgs:apiserver",
        "reloadKubeMasterProcs:apiserver",
    ]
    stops = {version: [line.name for line in book.lines(version) if line.stops] for version in VERSIONS}
    assert stops["1.0.1"] == []
    assert stops["2.0.0"] == ["reloadKubeLogLevel", "reloadKubeApiserverArgs"]
    assert stops["3.0.0"] == stops["3.3.0"] == ["reloadKubeLogLevel", "reloadKubeMasterArgs:apiserver"]
    assert {line.name: line.links for line in book.lines("2.0.0") if line.links} == {
        "reloadExternalElk": ("elk",),
        "reloadKsConf": ("etcd",),
        "reloadKubeApiserverArgs": ("etcd",),
    }


@pytest.mark.guide("G-208")
def test_more_pods_per_node_restart_kubelets_and_nothing_else():
    for version in VERSIONS:
        (change,) = effects(version, {"max_pods": 240})
        assert (change.acts_on, change.restarts, change.manner) == ("k8s-nodes", ("kubelet",), "at-once")
    assert "do not take the value" in effects("1.0.0", {"max_pods": 240})[0].effect


@pytest.mark.parametrize("version", SINCE_31)
def test_vxnets_of_hostnic_count_only_with_hostnic(version: str):
    new: dict[str, Value] = {"hostnic-vxnets": "vxnet-a1b2c3d"}
    assert effects(version, new) == ()
    (change,) = effects(version, new, network_plugin="hostnic")
    assert change.restarts == (() if version == "3.3.0" else ("hostnic-node",))
    assert effects(version, {"max_pods": 240}, network_plugin="hostnic") == ()


@pytest.mark.guide("G-050", "G-051")
@pytest.mark.parametrize("version", SINCE_2)
def test_console_eip_and_modules_do_nothing_without_kubesphere(version: str):
    new: dict[str, Value] = {"kubesphere_eip": "eip-12345678", "extra.modules": "ks-devops"}
    assert triggers(version, new) == ["reloadKsEip", "reloadKsConf"]
    assert effects(version, new, install_kubesphere=False) == ()
    assert restarts(version, new) == set()


def test_every_master_patches_the_console_at_2_0_0_and_one_later():
    found = [effects(version, {"kubesphere_eip": "eip-12345678"})[0].acts_on for version in VERSIONS]
    assert found == ["first-master", "first-master", "masters", *["first-master"] * len(SINCE_3)]


@pytest.mark.guide("G-056", "G-081")
@pytest.mark.parametrize(("key", "value"), [("host_aliases", "192.168.9.9 nas"), ("user.ssh.key", "ssh-rsa AAAA")])
def test_host_records_and_keys_are_files_on_every_node(key: str, value: str):
    (change,) = effects("2.0.0", {key: value})
    assert (change.trigger, change.acts_on, change.restarts) == (RENDER, "all-nodes", ())


def test_a_port_for_the_kubeconfig_touches_no_node():
    (change,) = effects("3.0.0", {"kubernetes_eip_port": 16443})
    assert (change.acts_on, change.restarts) == ("nobody", ())


def test_nodes_log_in_to_a_registry_once_user_and_password_are_there():
    assert effects("1.0.0", {"dockerhub_username": "me"}) == ()
    assert triggers("1.0.0", {"dockerhub_username": "me", "dockerhub_password": "secret"}) == ["docker-login"]


def test_what_shares_a_line_happens_once_and_restarts_the_most():
    found = effects("1.0.1", {"max_pods": 60, "kube_audit_file": "/etc/kubernetes/audit/mine.yaml"})
    assert [change.key for change in found] == ["max_pods", "kube_audit_file"]
    (event,) = by_trigger(found)
    assert (event.key, set(event.restarts)) == ("kube_audit_file", {"kubelet", "kube-apiserver"})
    (event,) = by_trigger(effects("2.0.0", {"registry_mirrors": "https://m.example", "docker_bip": "172.29.0.1/16"}))
    assert (event.key, event.menu_restart) == ("docker_bip", True)


def test_of_several_effects_the_one_that_restarts_is_the_change(book: ChangeBook):
    change = book.change("kubernetes_eip", "3.0.0")
    assert change is not None
    assert change.restarts == API
    assert book.change("pod_subnet", "3.0.0") is None
    assert book.change("nothing", "3.0.0") is None


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('trigger = "reload:kubelet"', 'trigger = "reload:kublet"', "has no line reload:kublet"),
        ('manner = "at-once"', 'manner = "none"', "restarts and manner go together"),
        ('acts_on = "masters"', 'acts_on = "master"', "acts_on must be one of"),
        ('only_when = "hostnic"', 'only_when = "always-on"', "only_when must be one of"),
        ('name = "daemon.json"', 'name = "render"', "is there twice"),
    ],
)
def test_a_wrong_catalogue_is_refused(old: str, new: str, problem: str):
    text = read_text("parameter_changes.toml")
    assert old in text
    with pytest.raises(InvariantError) as caught:
        build_parameter_changes(text.replace(old, new, 1), catalog().order)
    assert caught.value.code == "catalog.malformed"
    assert problem in caught.value.sentence


def test_every_entry_has_a_source_of_its_own(book: ChangeBook):
    entries = list(book.entries())
    assert len({entry.name for entry in entries}) == len(entries)
    assert all(entry.source.startswith("QKE app repo, ") for entry in entries)


def test_the_page_of_rules_names_every_line_in_the_order_of_the_nodes(book: ChangeBook):
    page = (Path(__file__).parents[3] / "docs" / "rules" / "parameters.md").read_text(encoding="utf-8")
    table = page.partition("### What a node does")[2]
    for version in SINCE_2:
        names = [line.name for line in book.lines(version) if line.name.startswith("reload")]
        places = [table.find(f"`{name}`") for name in names]
        assert -1 not in places
        assert places == sorted(places)

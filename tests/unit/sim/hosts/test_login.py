"""Who gets into which node, and which names and registries the nodes know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qke_core.catalog import catalog, parameters
from qke_sim.hosts.files import AUDIT_FOLDER, audits, default_audit_policy, docker_config, hosts_file, read
from qke_sim.hosts.login import by_console, by_key, by_password, by_screen, first_password, hop
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel
from qke_sim.twin import Twin

KEY = "ssh-rsa AAAAB3NzaC1yc2E somebody@home"
TWO = [version for version in catalog().order if not version.startswith("1.")]
Stand = Callable[..., Site]


@pytest.fixture
def standing(new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin]) -> Stand:
    def make(version: str, masters: int = 1, **env: object) -> Site:
        roles = {"master": {"count": masters}, "node_perf": {"count": 2}, "client": {"count": 1}}
        return twin_of(new_kernel(), {"name": "shop", "version": version, "roles": roles, "env": env}).site("shop")

    return make


@pytest.mark.guide("G-086", "G-087", "G-189")
@pytest.mark.parametrize("version", catalog().order)
def test_the_first_login_on_the_clients_screen_forces_a_new_password(standing: Stand, version: str) -> None:
    """G-086, G-087, G-189: root / k8s, from 3.0.0 on the cluster's id."""
    site = standing(version)
    known = site.cluster.id if version.startswith("3.") else "k8s"
    assert first_password(site) == known
    assert by_screen(site, "client1", "wrong").why
    assert by_screen(site, "client1", known).change
    assert by_screen(site, "client1", known, chosen="a-longer-one").ok
    assert by_screen(site, "client1", known).why == "wrong password"
    assert by_screen(site, "client1", "a-longer-one").ok
    assert by_screen(site, "master1", known).why


@pytest.mark.guide("G-088", "G-189")
@pytest.mark.parametrize("version", catalog().order)
def test_from_the_client_all_nodes_are_reached_without_a_password(standing: Stand, version: str) -> None:
    """G-088, G-189."""
    site = standing(version)
    assert all(hop(site, "client1", alias).ok for alias in ("master1", "node_perf1", "node_perf2"))
    assert not hop(site, "node_perf1", "master1").ok


@pytest.mark.guide("G-081", "G-193")
@pytest.mark.parametrize("version", TWO)
def test_the_key_of_the_parameter_opens_every_node(standing: Stand, version: str) -> None:
    """G-081, G-193: algorithm and key count, the comment does not."""
    site = standing(version, **{"user.ssh.key": KEY})
    assert all(by_key(site, alias, "ssh-rsa AAAAB3NzaC1yc2E").ok for alias in site.hosts)
    assert not by_key(site, "master1", "ssh-rsa BBBB").ok


def test_without_a_key_no_key_opens_anything(standing: Stand) -> None:
    assert not by_key(standing("3.3.0"), "master1", KEY).ok
    assert not by_key(standing("1.0.1"), "master1", KEY).ok


@pytest.mark.guide("G-194")
@pytest.mark.parametrize("version", TWO)
def test_no_node_takes_a_password_but_the_client_of_2_0_0(standing: Stand, version: str) -> None:
    """G-194."""
    site = standing(version)
    assert not any(by_password(site, alias, first_password(site)).ok for alias in ("master1", "node_perf1"))
    assert by_password(site, "client1", first_password(site)).change == (version == "2.0.0")


def test_a_node_that_is_off_or_without_sshd_lets_nobody_in(standing: Stand) -> None:
    site = standing("3.3.0", **{"user.ssh.key": KEY})
    site.hosts["node_perf1"].set_service("ssh", active=False, cause=0)
    site.crash("node_perf2", 0)
    assert by_key(site, "node_perf1", KEY).why == "sshd does not run"
    assert by_key(site, "node_perf2", KEY).why == "it is switched off"


@pytest.mark.guide("G-109")
@pytest.mark.parametrize("version", catalog().order)
def test_the_first_account_of_the_console_has_a_password_that_everybody_knows(standing: Stand, version: str) -> None:
    """G-109: admin@kubesphere.io / P@88w0rd, to be changed at once."""
    site = standing(version)
    first = by_console(site, "admin@kubesphere.io", "P@88w0rd")
    assert first.ok
    assert first.known
    changed = by_console(site, "admin@kubesphere.io", "P@88w0rd", chosen="a-longer-one")
    assert (changed.ok, changed.known) == (True, False)
    assert by_console(site, "admin@kubesphere.io", "P@88w0rd").why == "wrong account or password"
    assert by_console(site, "admin@kubesphere.io", "a-longer-one").ok
    assert not by_console(site, "root", "a-longer-one").ok


def test_without_a_console_nobody_signs_in(standing: Stand) -> None:
    site = standing("3.3.0", install_kubesphere=False)
    assert by_console(site, "admin@kubesphere.io", "P@88w0rd").why == "the console does not answer"


@pytest.mark.guide("G-056")
def test_host_aliases_stand_in_the_hosts_file_beside_the_nodes(standing: Stand) -> None:
    """G-056."""
    site = standing("3.3.0", host_aliases="192.168.9.9 git.local wiki.local,10.1.1.1 db")
    found = hosts_file(site, "node_perf1")
    assert (found["git.local"], found["wiki.local"], found["db"]) == ("192.168.9.9", "192.168.9.9", "10.1.1.1")
    assert found["master1"] == site.hosts["master1"].node.private_ip


@pytest.mark.guide("G-057", "G-058")
def test_registries_are_separated_by_blanks(standing: Stand) -> None:
    """G-057, G-058; the platform's own registry is no mirror."""
    mirrors = "https://one.example https://two.example https://dockerhub.qingcloud.com"
    found = docker_config(standing("3.3.0", registry_mirrors=mirrors, insecure_registry="a.example b.example"))
    assert found["registry-mirrors"] == ["https://one.example", "https://two.example"]
    assert found["insecure-registries"] == ["a.example", "b.example"]


@pytest.mark.guide("G-105")
@pytest.mark.parametrize("alias", ["client1", "master1"])
def test_the_administrators_kubeconfig_can_be_printed(
    new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin], finished: Callable[..., Any], alias: str
) -> None:
    """G-105: cat admin.conf."""
    roles = {"master": {"count": 1}, "node_perf": {"count": 2}, "client": {"count": 1}}
    twin = twin_of(kernel := new_kernel(), {"name": "shop", "version": "2.0.0", "roles": roles, "env": {}})
    node, params = twin.site("shop").hosts[alias].node, {"command": "cat", "path": "/etc/kubernetes/admin.conf"}
    text = finished(kernel, twin.host.call(node.id, params, "somebody", 0), kernel.now + 60_000)
    for part in ("kind: Config\n", "server: https://loadbalancer:6443\n", "  name: kubernetes-admin@kubernetes\n"):
        assert part in text
    assert "- name: kubernetes-admin\n" in text


def test_files_are_what_nodes_have(standing: Stand) -> None:
    site = standing("3.3.0", host_aliases="192.168.9.9 git.local")
    sites, hosts = {"shop": site}, site.hosts
    assert "192.168.9.9 git.local\n" in (read(sites, hosts["client1"], "/etc/hosts") or "")
    assert '"bip": "172.30.0.1/16"' in (read(sites, hosts["node_perf1"], "/etc/docker/daemon.json") or "")
    assert read(sites, hosts["client1"], "/etc/docker/daemon.json") is None
    assert read(sites, hosts["node_perf1"], "/etc/kubernetes/admin.conf") is None
    assert read(sites, hosts["master1"], "/etc/shadow") is None
    assert read({}, hosts["master1"], "/etc/hosts") is None


# --- Policies of the audit log


PATHS = [version for version in catalog().order if "kube_audit_file" in parameters().env(version)]
MASTERS = ("master1", "master2", "master3")


def with_policy(site: Site, path: str) -> Site:
    env = site.cluster.env
    site.cluster.env = type(env)(env.version, {**env.values, "kube_audit_file": path})
    return site


@pytest.mark.guide("G-075")
@pytest.mark.parametrize("version", PATHS)
def test_a_default_policy_lies_on_every_master(standing: Stand, version: str) -> None:
    """G-075; 1.x has it one folder above, under another name."""
    site = standing(version, masters=3)
    path = default_audit_policy(version)
    if version in TWO:
        assert path == "/etc/kubernetes/audit/policies/default.yaml"
    assert not any(audits(site, alias) for alias in MASTERS)
    assert all(audits(with_policy(site, path), alias) for alias in MASTERS)


@pytest.mark.guide("G-073", "G-074")
@pytest.mark.parametrize("version", [version for version in PATHS if version in TWO])
def test_an_own_policy_counts_on_the_masters_that_people_put_it_on(standing: Stand, version: str) -> None:
    """G-073: a missing file means no audit log. G-074: it goes to all masters, by way of the client."""
    path = f"{AUDIT_FOLDER}/strict.yaml"
    site = with_policy(standing(version, masters=3), path)
    for alias in MASTERS:
        assert not audits(site, alias)
        assert hop(site, "client1", alias).ok
        site.hosts[alias].put_file(path, 0)
        assert audits(site, alias)
    site.hosts["master1"].renew_system_disk()
    assert audits(site, "master1")
    assert not audits(with_policy(site, ""), "master1")


@pytest.mark.parametrize(("webhook", "logs"), [("", True), ("kind: Config", False)])
def test_from_3_1_0_on_the_policy_is_text_and_a_webhook_takes_the_events(
    standing: Stand,
    webhook: str,
    logs: bool,  # noqa: FBT001 - parameter of a table
) -> None:
    site = standing("3.3.0", kube_audit_policy="kind: Policy", kube_audit_webhook=webhook)
    assert audits(site, "master1") == logs

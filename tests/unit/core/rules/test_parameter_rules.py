"""Does each rule of parameters speak when it is broken, at the right place, with a remedy that names what to write?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from qke_core.models import ClusterDocument, World
from qke_core.rules.case import Case
from qke_core.rules.finding import Finding
from qke_core.rules.parameters import RULES, WORLD_RULES

Env = Mapping[str, Any]
SSH_KEY = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB me@example"
DEFAULT_POLICY = "/etc/kubernetes/audit/policies/default.yaml"


def world(*clusters: Mapping[str, Any], keys: Sequence[str] | None = None) -> World:
    data: dict[str, Any] = {"zone": "pek3", "clusters": list(clusters)}
    return World.model_validate_json(json.dumps(data if keys is None else {**data, "access_keys": keys}))


def standing(env: Env | None = None, version: str = "2.0.0", **rest: Any) -> World:
    """A world with the cluster that the wish is about."""
    return world({"name": "shop", "version": version, "env": {} if env is None else env, **rest})


def findings(env: Env, version: str = "2.0.0", there: World | None = None, **rest: Any) -> list[Finding]:
    """Everything the rules of parameters say about a wish, the question of an access key left out."""
    return [finding for finding in all_findings(env, version, there, **rest) if finding.path != ("env",)]


def all_findings(env: Env, version: str = "2.0.0", there: World | None = None, **rest: Any) -> list[Finding]:
    data = {"apiVersion": "qke/v1", "kind": "Cluster", "zone": "pek3", "name": "shop", "version": version, "env": env}
    case = Case.of(ClusterDocument.model_validate_json(json.dumps(data | rest)), there)
    return [finding for rule in RULES for finding in rule(case)]


def one(env: Env, version: str = "2.0.0", there: World | None = None, **rest: Any) -> Finding:
    """The only finding."""
    (finding,) = findings(env, version, there, **rest)
    assert finding.document == "cluster"
    assert finding.source
    return finding


def codes(env: Env, version: str = "2.0.0", there: World | None = None, **rest: Any) -> list[str]:
    return [finding.code for finding in findings(env, version, there, **rest)]


def of_world(there: World) -> list[Finding]:
    return [finding for rule in WORLD_RULES for finding in rule(there)]


# --- One value


@pytest.mark.parametrize(
    ("key", "value", "version", "code", "sentence", "remedy"),
    [
        ("max_pods", "120", "2.0.0", "parameter.type", "'120' is not a whole number", "write 120 without quotes"),
        ("max_pods", "many", "2.0.0", "parameter.type", "'many' is not a whole number", "a whole number such as 120"),
        ("max_pods", True, "2.0.0", "parameter.type", "true is not a whole number", "a whole number such as 120"),
        ("install_kubesphere", "no", "2.0.0", "parameter.type", "'no' is not true or false", "true or false"),
        ("install_kubesphere", 1, "2.0.0", "parameter.type", "1 is not true or false", "true or false"),
        ("docker_bip", 172, "2.0.0", "parameter.type", "172 is not a text", "write it in quotes: '172'"),
        ("docker_bip", ["a", "b"], "2.0.0", "parameter.type", "takes one value, not a list of 2", "write one value"),
        ("max_pods", 100, "2.0.0", "parameter.choice", "100 is not offered", "write one of 60, 120, 180, 240"),
        pytest.param(
            *("proxy_mode", "ipvsx", "2.0.0", "parameter.choice", "'ipvsx' is not offered", "did you mean 'ipvs'?"),
            marks=pytest.mark.guide("G-005", "G-069"),
        ),
        pytest.param(
            *("network_plugin", "hostnic", "2.0.0", "parameter.choice", "'hostnic' is not offered", "calico, flannel"),
            marks=pytest.mark.guide("G-004", "G-068"),
        ),
        ("extra.modules", ["ks-devop"], "2.0.0", "parameter.choice", "'ks-devop' is not offered", "'ks-devops'?"),
        ("extra.modules", "ks-events", "2.0.0", "parameter.choice", "'ks-events' is not offered", "did you mean"),
        ("extra.modules", "ks-notification", "3.1.0", "parameter.choice", "not offered", "use one of: ks-"),
        pytest.param(
            *("docker_prune_days", 31, "2.0.0", "parameter.range", "31 is out of range", "from 0 to 30"),
            marks=pytest.mark.guide("G-062"),
        ),
        pytest.param(
            *("kube_log_level", 11, "2.0.0", "parameter.range", "11 is out of range", "from 0 to 10"),
            marks=pytest.mark.guide("G-070"),
        ),
        pytest.param(
            *("keep_log_days", -1, "2.0.0", "parameter.range", "-1 is out of range", "from 0 to 30"),
            marks=pytest.mark.guide("G-072"),
        ),
        pytest.param(
            *("keep_audit_days", 31, "2.0.0", "parameter.range", "31 is out of range", "from 0 to 30"),
            marks=pytest.mark.guide("G-077"),
        ),
        pytest.param(
            *("kube_audit_log_maxsize", 201, "2.0.0", "parameter.range", "201 is out of range", "from 1 to 200"),
            marks=pytest.mark.guide("G-078"),
        ),
        pytest.param(
            *("kube_audit_log_maxbackup", 0, "2.0.0", "parameter.range", "0 is out of range", "from 1 to 100"),
            marks=pytest.mark.guide("G-079"),
        ),
        ("kubesphere_eip", "eip-1", "2.0.0", "parameter.pattern", "'eip-1' is not the id of an EIP", "eip-a1b2c3d4"),
        pytest.param(
            *("kubernetes_eip", "1.2.3.256", "2.0.0", "parameter.pattern", "not an IPv4 address", "139.198.0.10"),
            marks=pytest.mark.guide("G-054"),
        ),
        pytest.param(
            *("kubernetes_eip", "2001:db8::1", "2.0.0", "parameter.pattern", "not an IPv4 address", "139.198.0.10"),
            marks=pytest.mark.guide("G-054"),
        ),
        pytest.param(
            *("host_aliases", "nas 192.168.9.9", "2.0.0", "parameter.pattern", "pairs of address and name", "192."),
            marks=pytest.mark.guide("G-056", "G-205"),
        ),
        pytest.param(
            *("registry_mirrors", "mirror.example", "2.0.0", "parameter.pattern", "full addresses", "https://"),
            marks=pytest.mark.guide("G-057"),
        ),
        pytest.param(
            *("insecure_registry", "a  b", "2.0.0", "parameter.pattern", "names with single blanks", "registry."),
            marks=pytest.mark.guide("G-058", "G-205"),
        ),
        pytest.param(
            *("registry_mirrors", "https://dockerhub.qingcloud.com", "1.0.1", "parameter.pattern"),
            *("is not a list without dockerhub.qingcloud.com", "QKE 1.0.1 refuses it as a mirror"),
            marks=pytest.mark.guide("G-200"),
        ),
        pytest.param(
            *("pod_subnet", "10.10.0.0", "2.0.0", "parameter.pattern", "a range of IPv4 addresses", "10.10.0.0/16"),
            marks=pytest.mark.guide("G-063"),
        ),
        pytest.param(
            *("service_subnet", "10.96.0.0/33", "2.0.0", "parameter.pattern", "a range of IPv4 addresses", "/16"),
            marks=pytest.mark.guide("G-064"),
        ),
        pytest.param(
            *("api_external_domain", "local", "2.0.0", "parameter.pattern", "a domain of two parts", "cluster.local"),
            marks=pytest.mark.guide("G-065"),
        ),
        ("cluster_port_range", "30000", "2.0.0", "parameter.pattern", "a range of ports", "30000-32767"),
        pytest.param(
            *("kube_audit_file", "policies/mine.yaml", "2.0.0", "parameter.pattern", "a path from the root", "/etc/"),
            marks=pytest.mark.guide("G-073", "G-205"),
        ),
        ("kube_audit_file", "/etc/my audit.yaml", "1.0.1", "parameter.pattern", "a path from the root", "/etc/"),
        ("kube_audit_policy", " rules: []", "3.1.0", "parameter.pattern", "begins at once", "take out the blanks"),
        ("apiserver.params", "--v=4", "3.0.0", "parameter.pattern", "one argument per line", "without dashes"),
        ("kubelet.params", "v: 4", "3.0.0", "parameter.pattern", "one flag per line", "with their dashes"),
        ("docker_bip", "172.29.0.1/16\nrm", "2.0.0", "parameter.pattern", "has line breaks", "write it in one line"),
        ("registry_mirrors", "", "2.0.0", "", "", ""),
    ],
)
def test_a_value_that_does_not_fit_is_refused_at_its_place(
    key: str, value: object, version: str, code: str, sentence: str, remedy: str
):
    if not code:
        assert findings({key: value}, version) == []
        return
    finding = one({key: value}, version)
    assert (finding.code, finding.severity, finding.path) == (code, "blocker", ("env", key))
    assert finding.sentence.startswith(key)
    assert sentence in finding.sentence
    assert remedy in finding.remedy


def test_all_broken_rules_come_at_once():
    env = {"max_pods": "120", "kube_log_level": 11, "proxy_mode": "ipvsx", "user.ssh.key": "AAAA"}
    assert {finding.path for finding in findings(env)} == {("env", key) for key in env}


@pytest.mark.parametrize(
    ("key", "version", "sentence", "remedy"),
    [
        pytest.param(
            *("install_kubesphere", "1.0.0", "QKE 1.0.0 has no parameter install_kubesphere; it came with 1.0.1"),
            "leave it out",
            marks=pytest.mark.guide("G-204"),
        ),
        pytest.param(
            *("private_registry", "2.0.0", "QKE 2.0.0 has no parameter private_registry; only 1.0.0 has it"),
            "leave it out",
            marks=pytest.mark.guide("G-201"),
        ),
        (
            *("kube_audit_file", "3.1.0", "QKE 3.1.0 has no parameter kube_audit_file; 1.0.0 to 3.0.0 have it"),
            "write kube_audit_policy instead",
        ),
        (
            *("hostnic-hairpin", "3.3.0", "QKE 3.3.0 has no parameter hostnic-hairpin; 3.1.0 to 3.2.1 have it"),
            "leave it out",
        ),
    ],
)
def test_a_parameter_of_another_version_is_refused_and_says_which_have_it(
    key: str, version: str, sentence: str, remedy: str
):
    finding = one({key: "x"}, version)
    assert (finding.code, finding.severity) == ("parameter.not-in-version", "blocker")
    assert (finding.sentence, finding.remedy) == (sentence, remedy)


def test_a_long_value_is_shortened_and_a_password_not_shown():
    finding = one({"host_aliases": "x" * 1000})
    assert len(finding.sentence) < 200
    assert "..." in finding.sentence
    finding = one({"dockerhub_password": 12345}, "1.0.0")
    assert "12345" not in finding.sentence


def test_subnets_of_hostnic_are_json():
    env = {"network_plugin": "hostnic", "hostnic-vxnets": "vxnet-a1b2c3d", "hostnic-autoassign": False}
    for text in ("{", "[]", '{"shop": []}', '{"Default": "x"}', "[" * 5000):
        finding = one(env | {"hostnic-ipam": text}, "3.3.0")
        assert (finding.code, finding.path) == ("parameter.pattern", ("env", "hostnic-ipam"))
    assert findings(env | {"hostnic-ipam": '{"Default": ["192.168.0.0/26"], "shop": []}'}, "3.3.0") == []


def test_a_text_block_may_end_with_a_line_break():
    assert findings({"apiserver.params": "max-requests-inflight: 800\n"}, "3.0.0") == []


# --- Access key


@pytest.mark.guide("G-027", "G-048")
def test_a_new_cluster_needs_an_access_key_of_the_account():
    (asked,) = all_findings({})
    assert (asked.code, asked.severity, asked.path) == ("parameter.access-key", "warning", ("env",))
    assert "will be asked for" in asked.sentence
    assert all_findings({"access_key_id": "MINE"}) == []
    assert all_findings({"access_key_id": "MINE"}, there=world(keys=["MINE"])) == []
    (unknown,) = all_findings({"access_key_id": "MINT"}, there=world(keys=["MINE"]))
    assert (unknown.severity, unknown.path, unknown.remedy) == (
        "blocker",
        ("env", "access_key_id"),
        "did you mean 'MINE'?",
    )
    for env in ({}, {"access_key_id": "MINE"}):
        (none,) = all_findings(env, there=world(keys=[]))
        assert (none.severity, none.remedy) == ("blocker", "create an API access key first")


def test_a_cluster_that_exists_or_goes_needs_no_new_key():
    assert all_findings({}, there=standing()) == []
    assert all_findings({}, status="ceased") == []
    assert all_findings({"access_key_id": "MINE"}, there=standing()) == []  # The world does not say which it has.
    assert codes({"access_key_id": "NEW"}, there=standing({"access_key_id": "OLD"})) == ["parameter.unchangeable"]


# --- Texts


@pytest.mark.guide("G-066", "G-110")
@pytest.mark.parametrize(
    ("text", "env", "sentence"),
    [
        ("32767-30000", {}, "is no range"),
        ("30000-30000", {"install_kubesphere": False}, "is no range"),
        ("0-30880", {}, "is no range"),
        ("30000-65536", {}, "is no range"),
        ("31000-32767", {}, "lacks 30880"),
        ("30000-30879", {}, "lacks 30880"),
        ("31000-32767", {"install_kubesphere": False}, ""),
        ("30880-30881", {}, ""),
        ("20000-30880", {}, ""),
    ],
)
def test_node_ports_are_a_range_with_the_consoles_port_in_it(text: str, env: Env, sentence: str):
    found = findings({"cluster_port_range": text, **env})
    if not sentence:
        assert found == []
        return
    (finding,) = found
    assert (finding.code, finding.severity, finding.path) == (
        "parameter.port-range",
        "blocker",
        ("env", "cluster_port_range"),
    )
    assert f"{text} {sentence}" in finding.sentence


@pytest.mark.parametrize("version", ["3.0.0", "3.3.0"])
@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        ("--eviction-soft=memory.available<10%", "--eviction-soft-grace-period"),
        ("--eviction-soft-grace-period=memory.available=2m", "--eviction-soft"),
        ("--eviction-soft=memory.available<10%\n--eviction-soft-grace-period=memory.available=2m", ""),
        ("--eviction-hard=memory.available<5%", ""),
    ],
)
def test_soft_eviction_and_its_grace_period_go_together(version: str, lines: str, missing: str):
    found = findings({"kubelet.params": lines}, version)
    assert [finding.code for finding in found] == (["parameter.kubelet"] if missing else [])
    assert all(f"without {missing}: kubelet does not start" in finding.sentence for finding in found)


@pytest.mark.guide("G-081", "G-193")
@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (SSH_KEY, ""),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==", ""),
        (f"{SSH_KEY}\n", ""),
        ("", ""),
        ("AAAAB3NzaC1yc2EAAAADAQAB me", "begins with 'AAAAB3NzaC1yc2EAAAADAQAB'"),
        ("ssh-rsaAAAAB3NzaC1yc2E", "begins with 'ssh-rsaAAAAB3NzaC1yc2E'"),
        ("ssh-rsa", "what follows ssh-rsa is not a key"),
        ("ssh-rsa not,a,key me", "what follows ssh-rsa is not a key"),
        ("-----BEGIN OPENSSH PRIVATE KEY----- b3BlbnNzaC1rZXk=", "is a private key"),
    ],
)
def test_an_ssh_key_is_algorithm_key_and_comment(key: str, sentence: str):
    found = findings({"user.ssh.key": key})
    if not sentence:
        assert found == []
        return
    (finding,) = found
    assert (finding.code, finding.severity, finding.path) == ("parameter.ssh-key", "blocker", ("env", "user.ssh.key"))
    assert sentence in finding.sentence
    assert ".pub file" in finding.remedy
    assert "b3BlbnNzaC1rZXk" not in finding.sentence


@pytest.mark.guide("G-057", "G-200")
def test_mirrors_are_full_addresses_and_not_the_platforms_registry():
    for version in ("1.0.0", "1.0.1"):
        finding = one({"registry_mirrors": "mirror.example"}, version)
        assert (finding.code, finding.severity) == ("parameter.mirror", "blocker")
        assert finding.remedy == "write https://mirror.example"
    env = {"registry_mirrors": "https://mirror.example https://dockerhub.qingcloud.com"}
    for version in ("2.0.0", "3.3.0"):
        finding = one(env, version)
        assert (finding.code, finding.severity) == ("parameter.mirror", "warning")
        assert "'https://dockerhub.qingcloud.com' is dropped" in finding.sentence
    assert codes(env, "1.0.1") == ["parameter.pattern"]
    assert codes(env, "1.0.0") == []


@pytest.mark.guide("G-056")
def test_a_host_record_whose_address_is_none_does_nothing():
    finding = one({"host_aliases": "192.168.9.9 nas,192.168.9.999 git"})
    assert (finding.code, finding.severity) == ("parameter.no-effect", "warning")
    assert "192.168.9.999 is no IPv4 address" in finding.sentence
    assert findings({"host_aliases": "192.168.9.9 nas,192.168.9.10 git.example"}) == []


@pytest.mark.guide("G-205")
def test_1_0_1_takes_more_host_records_and_names_than_1_0_0():
    three = {"host_aliases": "192.168.9.1 a,192.168.9.2 b,192.168.9.3 c"}
    assert codes(three, "1.0.0") == ["parameter.pattern"]
    assert codes(three, "1.0.1") == []
    dashed = {"kube_audit_file": "/etc/kubernetes/audit/my-policy.yaml"}
    assert codes(dashed, "1.0.0") == ["parameter.pattern"]
    assert codes(dashed, "1.0.1") == []


# --- Together


@pytest.mark.guide("G-050", "G-051")
@pytest.mark.parametrize(("key", "value"), [("kubesphere_eip", "eip-12345678"), ("extra.modules", ["ks-devops"])])
def test_without_kubesphere_console_eip_and_modules_do_nothing(key: str, value: object):
    finding = one({"install_kubesphere": False, key: value})
    assert (finding.code, finding.severity, finding.path) == ("parameter.no-effect", "warning", ("env", key))
    assert findings({key: value}) == []
    assert findings({"install_kubesphere": False}) == []


def test_1_0_0_has_kubesphere_always():
    assert findings({"kubesphere_eip": "eip-12345678"}, "1.0.0") == []


@pytest.mark.parametrize(
    ("env", "version", "path", "sentence"),
    [
        ({"hostnic-max-nics": 30}, "3.1.0", "hostnic-max-nics", "while network_plugin is calico"),
        ({"network_plugin": "hostnic", "max_pods": 60}, "3.1.0", "max_pods", "while network_plugin is hostnic"),
        (
            {"network_plugin": "hostnic", "hostnic-hairpin": True},
            *("3.1.0", "hostnic-hairpin", "while proxy_mode is ipvs"),
        ),
        ({"kube_audit_webhook": "clusters: []"}, "3.1.0", "kube_audit_webhook", "kube_audit_policy is empty"),
        ({"kubernetes_eip_port": 16443}, "3.0.0", "kubernetes_eip_port", "kubernetes_eip is empty"),
        (
            {"kubernetes_eip": "1.2.3.4", "kubernetes_eip_id": "eip-12345678", "kubernetes_eip_port": 16443},
            *("3.1.0", "kubernetes_eip_port", "kubernetes_eip_id wins"),
        ),
        (
            {"network_plugin": "hostnic", "hostnic-networkpolicy": "Calico"},
            *("3.3.0", "hostnic-networkpolicy", "network policies are not enforced"),
        ),
        (
            {"network_plugin": "hostnic", "hostnic-ipam": '{"Default": ["192.168.0.0/26"]}'},
            *("3.3.0", "hostnic-ipam", "ignored while hostnic-autoassign is on"),
        ),
    ],
)
def test_what_is_written_and_does_nothing_is_said(env: Env, version: str, path: str, sentence: str):
    finding = one(env, version)
    assert (finding.code, finding.severity, finding.path) == ("parameter.no-effect", "warning", ("env", path))
    assert sentence in finding.sentence
    assert finding.remedy


def test_parameters_with_all_they_need_are_not_spoken_of():
    hostnic = {"network_plugin": "hostnic", "hostnic-vxnets": "vxnet-a1b2c3d\nvxnet-b1b2c3d", "hostnic-max-nics": 30}
    assert findings(hostnic, "3.1.0") == []
    assert findings({**hostnic, "proxy_mode": "iptables", "hostnic-hairpin": True}, "3.1.0") == []
    assert findings({"kube_audit_webhook": "clusters: []", "kube_audit_policy": "rules: []"}, "3.1.0") == []
    assert findings({"kubernetes_eip": "139.198.0.10", "kubernetes_eip_port": 16443}, "3.0.0") == []
    assert findings({**hostnic, "hostnic-networkpolicy": ""}, "3.3.0") == []


def test_from_3_0_0_on_a_console_eip_asks_for_a_worker():
    alone = {"master": {"count": 1}}
    finding = one({"kubesphere_eip": "eip-12345678"}, "3.0.0", roles=alone)
    assert (finding.code, finding.severity) == ("parameter.eip-without-worker", "warning")
    assert findings({"kubesphere_eip": "eip-12345678"}, "2.0.0", roles=alone) == []
    assert findings({}, "3.0.0", roles=alone) == []
    roles = {"master": {"count": 1}, "node_perf": {"count": 1}}
    assert findings({"kubesphere_eip": "eip-12345678"}, "3.0.0", roles=roles) == []


@pytest.mark.guide("G-062")
def test_to_prune_after_0_days_prunes_everything_at_2_0_0_and_3_0_0():
    for version in ("2.0.0", "3.0.0"):
        finding = one({"docker_prune_days": 0}, version)
        assert (finding.code, finding.severity) == ("parameter.prune-all", "warning")
        assert findings({"docker_prune_days": 1}, version) == []
    for version in ("1.0.1", "3.1.0"):
        assert findings({"docker_prune_days": 0}, version) == []
    carried = one({}, "2.0.0", standing({"docker_prune_days": 0}, "1.0.1"))
    assert (carried.code, carried.path) == ("parameter.prune-all", ("version",))


# --- Sizes


@pytest.mark.parametrize(
    ("role", "figures", "version", "code", "field", "remedy"),
    [
        ("node_perf", {"count": 101}, "2.0.0", "parameter.range", "count", "write a number from 0 to 100"),
        ("node_perf", {"count": 2, "cpu": 24}, "1.0.1", "parameter.choice", "cpu", "write one of 4, 8, 12, 16, 32"),
        ("node_perf", {"count": 2, "memory": "9GiB"}, "2.0.0", "role.memory", "memory", "write one of 8GiB, 12GiB"),
        ("master", {"count": 3, "memory": "12GiB"}, "1.0.1", "role.memory", "memory", "write one of 8GiB, 16GiB"),
        ("node_perf", {"count": 2, "volume": "45GiB"}, "2.0.0", "role.volume", "volume", "write 40GiB to 2000GiB in"),
        ("node_perf", {"count": 2, "volume": "30GiB"}, "2.0.0", "role.volume", "volume", "steps of 10GiB"),
        ("node_perf", {"count": 2, "volume": "2010GiB"}, "2.0.0", "role.volume", "volume", "steps of 10GiB"),
        ("node_perf", {"count": 2, "volume": "41000MiB"}, "2.0.0", "role.volume", "volume", "steps of 10GiB"),
        ("node_perf", {"count": 2, "instance_class": 202}, "2.0.0", "parameter.choice", "instance_class", "write 101"),
        ("master", {"count": 3, "instance_class": 1}, "2.0.0", "parameter.choice", "instance_class", "101, 202"),
        ("node_perf", {"count": 2, "cpu_model": "Skylak"}, "2.0.0", "parameter.choice", "cpu_model", "'Skylake'?"),
        ("node_perf", {"count": 2, "cpu_model": "Skylake"}, "1.0.1", "role.fixed", "cpu_model", "leave it out"),
        ("node_perf", {"count": 2, "instance_class": 0}, "1.0.1", "role.fixed", "instance_class", "leave it out"),
        ("client", {"count": 1, "volume": "40GiB"}, "2.0.0", "role.fixed", "volume", "leave it out"),
        ("client", {"count": 1, "cpu": 4}, "2.0.0", "parameter.choice", "cpu", "write one of 1, 2"),
        pytest.param(
            *("node_gpu", {"count": 1, "cpu_model": "Haswell"}, "2.0.0", "parameter.choice", "cpu_model", "Broadwell"),
            marks=pytest.mark.guide("G-010"),
        ),
        ("node_gpu", {"count": 1, "cpu_model": ""}, "2.0.0", "parameter.choice", "cpu_model", "Broadwell"),
        ("node_gpu", {"count": 1, "memory": "32GiB"}, "2.0.0", "role.memory", "memory", "write 64GiB"),
    ],
)
def test_a_size_that_is_not_offered_is_refused_at_its_place(
    role: str, figures: Mapping[str, Any], version: str, code: str, field: str, remedy: str
):
    finding = one({}, version, roles={"master": {"count": 3}, role: figures})
    assert (finding.code, finding.severity, finding.path) == (code, "blocker", ("roles", role, field))
    assert role in finding.sentence
    assert remedy in finding.remedy


def test_sizes_that_are_offered_pass():
    roles = {
        "master": {"count": 3, "cpu": 24, "memory": "256GiB", "volume": "2000GiB", "instance_class": 101},
        "node_perf": {"count": 100, "cpu_model": "Skylake", "volume": "40GiB"},
        "node_gpu": {"count": 1, "cpu": 16, "memory": "64GiB", "cpu_model": "CascadeLake"},
        "client": {"count": 0, "memory": "1GiB"},
    }
    assert findings({}, "2.0.0", roles=roles) == []


def test_host_types_of_1_x_may_stay_through_upgrades():
    roles = {"master": {"count": 3, "instance_class": 1}, "node_perf": {"count": 2}}
    there = standing(version="2.0.0", born_as="1.0.1", roles=roles)
    assert of_world(there) == []
    assert findings({}, "2.0.0", there, roles=roles) == []
    (finding,) = of_world(standing(version="2.0.0", roles=roles))
    assert finding.path == ("clusters", 0, "roles", "master", "instance_class")


# --- Changes


@pytest.mark.guide("G-175")
def test_kubesphere_cannot_come_or_go_after_creation():
    gone = one({"install_kubesphere": False}, there=standing())
    assert (gone.code, gone.severity) == ("parameter.unchangeable", "blocker")
    assert (
        gone.sentence
        == "shop has KubeSphere, and it cannot be taken out: install_kubesphere cannot change after creation"
    )
    assert "G-175" in gone.source
    come = one({"install_kubesphere": True}, there=standing({"install_kubesphere": False}))
    assert come.sentence.startswith("shop was created without KubeSphere")
    assert come.remedy == "write install_kubesphere: false, or create another cluster"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pod_subnet", "10.11.0.0/16"),
        ("service_subnet", "10.97.0.0/16"),
        ("network_plugin", "flannel"),
        ("proxy_mode", "iptables"),
        ("api_external_domain", "shop.local"),
        ("cluster_port_range", "30000-31000"),
        ("keep_log_days", 7),
    ],
)
def test_what_is_fixed_after_creation_is_refused_with_what_to_write(key: str, value: object):
    finding = one({key: value}, there=standing())
    assert (finding.code, finding.severity, finding.path) == ("parameter.unchangeable", "blocker", ("env", key))
    assert str(value) in finding.sentence
    assert finding.remedy.startswith(f"write {key}: ")
    assert findings({key: value}, there=standing({key: value})) == []
    assert findings({key: value}) == []


def test_an_upgraded_cluster_gets_its_node_names_from_the_product():
    """From 3.0.0 on new clusters have readable names; an upgraded one cannot get them."""
    finding = one({"node.name.human.readable": True}, "3.0.0", standing(version="2.0.0"))
    assert (finding.code, finding.severity) == ("parameter.unchangeable", "blocker")
    assert findings({"node.name.human.readable": False}, "3.0.0", standing(version="2.0.0")) == []


@pytest.mark.parametrize(
    ("new", "old", "version", "sentence"),
    [
        pytest.param(
            {"kubernetes_eip": "139.198.0.10"},
            *({}, "2.0.0", "restarts kube-apiserver on all masters at once: the API is gone for a moment"),
            marks=pytest.mark.guide("G-055", "G-094"),
        ),
        pytest.param(
            {"kube_log_level": 4},
            *({}, "2.0.0", "kube-scheduler on all masters within seconds of each other and kube-proxy node by node"),
            marks=pytest.mark.guide("G-071"),
        ),
        pytest.param(
            {"kube_audit_file": DEFAULT_POLICY},
            *({}, "2.0.0", "restarts kube-apiserver on all masters at once"),
            marks=pytest.mark.guide("G-076"),
        ),
        pytest.param(
            {"keep_audit_days": 7},
            *({"kube_audit_file": DEFAULT_POLICY}, "2.0.0", "restarts kube-apiserver on all masters at once"),
            marks=pytest.mark.guide("G-080"),
        ),
        ({"max_pods": 240}, {}, "2.0.0", "restarts kubelet on all masters and workers at once"),
        ({"docker_bip": "172.29.0.1/16"}, {}, "1.0.1", "restarts docker on all masters and workers at once"),
        (
            {"hostnic-vxnets": "vxnet-b1b2c3d"},
            *({"network_plugin": "hostnic", "hostnic-vxnets": "vxnet-a1b2c3d"}, "3.1.0", "hostnic-node node by node"),
        ),
    ],
)
def test_a_change_says_what_restarts(new: Env, old: Env, version: str, sentence: str):
    finding = one(new, version, standing(old, version))
    (key,) = new
    assert (finding.code, finding.severity, finding.path) == ("parameter.restarts", "warning", ("env", key))
    assert finding.sentence.startswith(f"Changing {key} restarts ")
    assert sentence in finding.sentence
    both = {**old, **new}
    assert findings(both, version, standing(both, version)) == []


@pytest.mark.guide("G-080")
def test_audit_limits_restart_nothing_while_auditing_is_off():
    new = {"keep_audit_days": 7, "kube_audit_log_maxsize": 2, "kube_audit_log_maxbackup": 5}
    assert findings(new, there=standing()) == []
    found = findings(new, there=standing({"kube_audit_file": DEFAULT_POLICY}))
    assert [finding.code for finding in found] == ["parameter.restarts"]
    assert found[0].sentence.startswith(f"Changing {', '.join(new)} restarts kube-apiserver")


@pytest.mark.guide("G-060")
def test_a_new_docker_bridge_waits_for_a_restart_from_the_menu():
    finding = one({"docker_bip": "172.29.0.1/16"}, there=standing())
    assert (finding.code, finding.severity, finding.path) == (
        "parameter.menu-restart",
        "warning",
        ("env", "docker_bip"),
    )
    assert "all masters and workers" in finding.sentence
    assert "G-060" in finding.source


@pytest.mark.guide("G-050")
def test_another_console_eip_moves_the_console_and_restarts_nothing():
    finding = one({"kubesphere_eip": "eip-12345678"}, there=standing())
    assert (finding.code, finding.severity) == ("parameter.interrupts", "warning")
    assert "the console's address changes" in finding.sentence


def test_changes_that_nobody_feels_are_not_spoken_of():
    quiet = {"host_aliases": "192.168.9.9 nas", "registry_mirrors": "https://m.example", "user.ssh.key": SSH_KEY}
    assert findings(quiet, there=standing()) == []


@pytest.mark.guide("G-052")
def test_modules_that_are_no_longer_chosen_stay():
    there = standing({"extra.modules": ["ks-devops", "ks-logging"]})
    finding = one({"extra.modules": ["ks-devops"]}, there=there)
    assert (finding.code, finding.severity) == ("modules.never-removed", "warning")
    assert finding.sentence == "ks-logging stays installed: clearing a choice uninstalls nothing"
    assert findings({"extra.modules": ["ks-logging", "ks-devops"]}, there=there) == []
    assert findings({}, there=there) == []


@pytest.mark.guide("G-053")
def test_installing_modules_can_take_long():
    finding = one({"extra.modules": ["ks-devops"]}, there=standing())
    assert (finding.code, finding.severity) == ("modules.take-long", "note")
    assert "ks-devops" in finding.sentence


def test_a_value_that_is_refused_is_no_change_too():
    assert codes({"max_pods": 100}, there=standing()) == ["parameter.choice"]


def test_a_wish_that_ends_the_cluster_changes_nothing():
    for status in ("deleted", "ceased"):
        assert findings({"install_kubesphere": False, "max_pods": 60}, there=standing(), status=status) == []


def test_what_an_upgrade_carries_over_is_compared_with_the_target():
    there = standing({"max_pods": 240}, "2.0.0")
    assert findings({"max_pods": 240}, "3.0.0", there) == []
    assert codes({"max_pods": 120}, "3.0.0", there) == ["parameter.restarts"]


def test_a_value_that_came_from_an_older_version_may_stay():
    old = {"registry_mirrors": "mirror.example"}
    assert codes(old, "2.0.0") == ["parameter.pattern"]
    assert codes(old, "2.0.0", standing(old, "1.0.1")) == []
    assert codes({"registry_mirrors": "other.example"}, "2.0.0", standing(old, "1.0.1")) == ["parameter.pattern"]


# --- Worlds


def test_parameters_of_a_world_are_judged_where_they_stand():
    there = world(
        {"name": "good", "version": "2.0.0", "env": {"max_pods": 60}},
        {"name": "bad", "version": "2.0.0", "env": {"max_pods": 61, "hostnic-ipam": "{}"}},
    )
    found = of_world(there)
    assert [(finding.code, finding.severity, finding.document, finding.subject) for finding in found] == [
        ("parameter.choice", "blocker", "world", "bad"),
        ("parameter.not-in-version", "blocker", "world", "bad"),
    ]
    assert [finding.path for finding in found] == [
        ("clusters", 1, "env", "max_pods"),
        ("clusters", 1, "env", "hostnic-ipam"),
    ]


def test_what_a_cluster_brought_along_from_an_older_version_may_stand_in_a_world():
    env = {"registry_mirrors": "mirror.example"}
    assert of_world(standing(env, "2.0.0", born_as="1.0.1")) == []
    assert [finding.code for finding in of_world(standing(env, "2.0.0"))] == ["parameter.pattern"]


@pytest.mark.guide("G-027")
def test_a_cluster_of_a_world_uses_a_key_that_the_world_lists():
    cluster = {"name": "shop", "version": "2.0.0", "env": {"access_key_id": "MINE"}}
    assert of_world(world(cluster, keys=["MINE"])) == []
    assert of_world(world(cluster)) == []
    (finding,) = of_world(world(cluster, keys=["OTHER"]))
    assert (finding.code, finding.path) == ("parameter.access-key", ("clusters", 0, "env", "access_key_id"))

"""Does the parameter book say what the product's forms say? The figures here were copied from them a second time."""

from __future__ import annotations

import re

import pytest

from qke_core.catalog import ParameterBook, RoleShape, Value, catalog, parameters
from qke_core.catalog.load import read_text
from qke_core.catalog.parameters import build_parameters
from qke_core.errors import InvariantError

VERSIONS = ("1.0.0", "1.0.1", "2.0.0", "3.0.0", "3.1.0", "3.1.1", "3.1.1-1", "3.2.1", "3.3.0")
SINCE_2, SINCE_3, SINCE_31 = VERSIONS[2:], VERSIONS[3:], VERSIONS[4:]

HAVING: dict[str, tuple[str, ...]] = {
    "access_key_id": VERSIONS,
    "install_kubesphere": VERSIONS[1:],
    "extra.modules": SINCE_2,
    "kubesphere_eip": VERSIONS,
    "kubernetes_eip_id": SINCE_31,
    "kubernetes_eip": VERSIONS[1:],
    "kubernetes_eip_port": SINCE_3,
    "node.name.human.readable": SINCE_3,
    "proxy_mode": VERSIONS,
    "network_plugin": VERSIONS,
    "hostnic-blocksize": ("3.3.0",),
    "hostnic-max-nics": SINCE_31,
    "hostnic-vxnets": SINCE_31,
    "hostnic-hairpin": SINCE_31[:-1],
    "hostnic-ipam": ("3.3.0",),
    "hostnic-networkpolicy": ("3.3.0",),
    "hostnic-autoassign": ("3.3.0",),
    "host_aliases": VERSIONS,
    "registry_mirrors": VERSIONS,
    "insecure_registry": VERSIONS,
    "private_registry": ("1.0.0",),
    "dockerhub_username": ("1.0.0",),
    "dockerhub_password": ("1.0.0",),
    "docker_bip": VERSIONS,
    "docker_prune_days": VERSIONS,
    "pod_subnet": VERSIONS,
    "service_subnet": VERSIONS,
    "api_external_domain": VERSIONS,
    "cluster_port_range": VERSIONS,
    "max_pods": VERSIONS,
    "kube_log_level": VERSIONS,
    "keep_log_days": VERSIONS,
    "kube_audit_file": VERSIONS[:4],
    "kube_audit_policy": SINCE_31,
    "kube_audit_webhook": SINCE_31,
    "keep_audit_days": VERSIONS,
    "kube_audit_log_maxsize": SINCE_2,
    "kube_audit_log_maxbackup": SINCE_2,
    "controller.manager.params": SINCE_3,
    "apiserver.params": SINCE_3,
    "scheduler.params": SINCE_3,
    "proxy.iptables.params": SINCE_3,
    "kubelet.params": SINCE_3,
    "user.ssh.key": SINCE_2,
}

UNCHANGEABLE = {
    "access_key_id",
    "install_kubesphere",
    "kubernetes_eip_id",
    "node.name.human.readable",
    "proxy_mode",
    "network_plugin",
    "hostnic-blocksize",
    "hostnic-max-nics",
    "hostnic-hairpin",
    "hostnic-networkpolicy",
    "hostnic-autoassign",
    "pod_subnet",
    "service_subnet",
    "api_external_domain",
    "cluster_port_range",
    "keep_log_days",
}


@pytest.fixture
def book() -> ParameterBook:
    return parameters()


def test_each_parameter_exists_in_the_versions_whose_form_has_it(book: ParameterBook):
    assert {key: book.versions_with(key) for key in book.env_keys} == HAVING
    for version in VERSIONS:
        assert list(book.env(version)) == [key for key, having in HAVING.items() if version in having]
    assert book.versions_with("nothing") == ()


@pytest.mark.guide("G-175", "G-072")
@pytest.mark.parametrize("version", VERSIONS)
def test_what_cannot_change_after_creation(book: ParameterBook, version: str):
    fixed = {key for key, found in book.env(version).items() if not found.changeable}
    assert fixed == {key for key in UNCHANGEABLE if version in HAVING[key]}


@pytest.mark.parametrize(
    ("key", "version", "default"),
    [
        pytest.param("install_kubesphere", "2.0.0", True, marks=pytest.mark.guide("G-049", "G-175", "G-204")),
        pytest.param("extra.modules", "2.0.0", "", marks=pytest.mark.guide("G-082")),
        ("extra.modules", "3.0.0", "metrics-server"),
        pytest.param("docker_bip", "2.0.0", "172.30.0.1/16", marks=pytest.mark.guide("G-059")),
        pytest.param("docker_prune_days", "2.0.0", 3, marks=pytest.mark.guide("G-062")),
        pytest.param("pod_subnet", "2.0.0", "10.10.0.0/16", marks=pytest.mark.guide("G-063")),
        pytest.param("service_subnet", "2.0.0", "10.96.0.0/16", marks=pytest.mark.guide("G-064")),
        pytest.param("api_external_domain", "2.0.0", "cluster.local", marks=pytest.mark.guide("G-065")),
        pytest.param("cluster_port_range", "2.0.0", "30000-32767", marks=pytest.mark.guide("G-066")),
        pytest.param("max_pods", "2.0.0", 120, marks=pytest.mark.guide("G-067")),
        pytest.param("network_plugin", "2.0.0", "calico", marks=pytest.mark.guide("G-068")),
        pytest.param("proxy_mode", "2.0.0", "ipvs", marks=pytest.mark.guide("G-069")),
        ("kube_log_level", "2.0.0", 0),
        ("keep_log_days", "2.0.0", 3),
        ("kube_audit_file", "2.0.0", ""),
        pytest.param("keep_audit_days", "2.0.0", 3, marks=pytest.mark.guide("G-077")),  # The guide says 7.
        pytest.param("kube_audit_log_maxsize", "2.0.0", 1, marks=pytest.mark.guide("G-078")),
        pytest.param("kube_audit_log_maxbackup", "2.0.0", 100, marks=pytest.mark.guide("G-079")),
        ("kubernetes_eip_port", "3.0.0", 6443),
        ("node.name.human.readable", "3.0.0", True),
        ("hostnic-max-nics", "3.1.0", 60),
        ("hostnic-blocksize", "3.3.0", 26),
        ("access_key_id", "3.3.0", None),
    ],
)
def test_what_the_form_starts_with(book: ParameterBook, key: str, version: str, default: Value | None):
    assert book.env(version)[key].default == default


@pytest.mark.parametrize(
    ("key", "version", "low", "high"),
    [
        pytest.param("docker_prune_days", "2.0.0", 0, 30, marks=pytest.mark.guide("G-062")),
        pytest.param("kube_log_level", "1.0.0", 0, 10, marks=pytest.mark.guide("G-070")),
        pytest.param("keep_log_days", "2.0.0", 0, 30, marks=pytest.mark.guide("G-072")),
        pytest.param("keep_audit_days", "2.0.0", 0, 30, marks=pytest.mark.guide("G-077")),
        pytest.param("kube_audit_log_maxsize", "2.0.0", 1, 200, marks=pytest.mark.guide("G-078")),
        pytest.param("kube_audit_log_maxbackup", "2.0.0", 1, 100, marks=pytest.mark.guide("G-079")),
        ("kubernetes_eip_port", "3.3.0", 1, 65_535),
        ("hostnic-max-nics", "3.3.0", 1, 60),
        ("hostnic-blocksize", "3.3.0", 24, 28),
    ],
)
def test_between_which_numbers_a_value_lies(book: ParameterBook, key: str, version: str, low: int, high: int):
    found = book.env(version)[key]
    assert (found.minimum, found.maximum) == (low, high)


@pytest.mark.parametrize(
    ("key", "version", "choices"),
    [
        pytest.param("network_plugin", "3.0.0", ("calico", "flannel"), marks=pytest.mark.guide("G-004", "G-068")),
        ("network_plugin", "3.1.0", ("calico", "flannel", "hostnic")),
        pytest.param("proxy_mode", "1.0.0", ("ipvs", "iptables"), marks=pytest.mark.guide("G-005", "G-069")),
        ("max_pods", "3.3.0", (60, 120, 180, 240)),
    ],
)
def test_what_there_is_to_choose_from(book: ParameterBook, key: str, version: str, choices: tuple[Value, ...]):
    assert book.env(version)[key].choices == choices


@pytest.mark.guide("G-011", "G-012", "G-013", "G-014", "G-015", "G-016")
def test_modules_are_a_choice_of_several_words_that_grows_and_shrinks(book: ParameterBook):
    found = {version: book.env(version)["extra.modules"] for version in SINCE_2}
    assert all(parameter.multichoice for parameter in found.values())
    first = {"metrics-server", "ks-logging", "ks-openpitrix", "ks-devops", "ks-servicemesh", "ks-alerting"}
    assert set(found["2.0.0"].choices) == first | {"ks-notification"}
    assert set(found["3.0.0"].choices) == set(found["2.0.0"].choices) | {"networkpolicy", "ks-auditing", "ks-events"}
    assert set(found["3.1.0"].choices) == set(found["3.0.0"].choices) - {"ks-notification"}


def test_what_hides_a_parameter(book: ParameterBook):
    def needs(key: str, version: str) -> dict[str, tuple[str, ...]]:
        return {need.key: need.values for need in book.env(version)[key].depends_on}

    assert needs("max_pods", "3.0.0") == {}
    assert needs("max_pods", "3.1.0") == needs("pod_subnet", "3.3.0") == {"network_plugin": ("calico", "flannel")}
    assert needs("hostnic-vxnets", "3.1.0") == {"network_plugin": ("hostnic",)}
    assert needs("hostnic-hairpin", "3.2.1") == {"network_plugin": ("hostnic",), "proxy_mode": ("iptables",)}
    for version in VERSIONS:
        for found in book.env(version).values():
            assert all(set(need.values) <= set(book.env(version)[need.key].choices) for need in found.depends_on)


@pytest.mark.guide("G-185")
def test_roles_have_their_figures(book: ParameterBook):
    masters = book.role("master", "2.0.0")["count"]
    assert (masters.choices, masters.changeable) == ((1, 3), False)
    assert book.role("master", "1.0.1")["count"].choices == (1, 3)
    disk = book.role("node_perf", "2.0.0")["volume_size"]
    assert (disk.minimum, disk.maximum, disk.step) == (40, 2000, 10)
    assert book.role("client", "2.0.0")["count"].choices == (0, 1)
    assert "count" not in book.role("client", "1.0.1")
    assert [book.role("node_perf", version)["count"].auto_scale_step for version in VERSIONS[:3]] == [0, 1, 1]
    assert book.role("nobody", "2.0.0") == {}


@pytest.mark.guide("G-010", "G-196")
def test_gpu_nodes_came_with_2_0_0_and_need_a_cpu_model(book: ParameterBook):
    assert book.role("node_gpu", "1.0.1") == {}
    model = book.role("node_gpu", "2.0.0")["cpu_model"]
    assert (model.required, model.default) == (True, "Broadwell")
    assert model.choices == ("Broadwell", "Skylake", "CascadeLake")
    assert "" in book.role("node_perf", "2.0.0")["cpu_model"].choices


@pytest.mark.guide("G-034", "G-035", "G-036", "G-037")
@pytest.mark.parametrize("version", VERSIONS)
def test_express_groups_are_what_the_forms_lists_give(book: ParameterBook, version: str):
    """Element N of every list belongs to group N; a figure without a list keeps its default."""
    facts = catalog()
    groups = book.cluster(version)["resource_group"]
    assert groups.choices == facts.express_groups(version)
    assert groups.default == facts.default_group(version)
    for place, group in enumerate(facts.express_groups(version)):
        for role, shape in facts.express(version, group).items():
            assert shape == _shape(book, version, role, place), (group, role)


def _shape(book: ParameterBook, version: str, role: str, place: int) -> RoleShape:
    known = book.role(role, version)

    def figure(key: str, missing: int) -> int:
        if key not in known:
            return missing
        values = known[key].express_values
        value = values[place] if values else known[key].default
        assert isinstance(value, int)
        return value

    default = catalog().default_shape(version, role)
    return RoleShape(
        count=figure("count", 1),  # The client of 1.x: there is always one.
        instance_class=figure("instance_class", default.instance_class),
        cpu=figure("cpu", 0),
        memory_mib=figure("memory", 0),
        volume_gib=figure("volume_size", 0),
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_default_shapes_are_the_forms_defaults(book: ParameterBook, version: str):
    facts = catalog()
    for role in facts.roles:
        known = book.role(role, version)
        assert bool(known) == ((version, role) in facts.shapes)
        shape = facts.shapes.get((version, role))
        if shape is not None:
            assert (shape.cpu, shape.memory_mib) == (known["cpu"].default, known["memory"].default)
            assert shape.volume_gib == (known["volume_size"].default if "volume_size" in known else 0)


def test_menu_services_have_arguments_from_2_0_0_on(book: ParameterBook):
    assert book.service("1.0.1") == {}
    days = book.service("2.0.0")["docker_prune_days"]
    assert (days.minimum, days.maximum, days.default) == (1, 365, 3)


def test_what_no_form_offers_is_named(book: ParameterBook):
    assert book.hidden("2.0.0")["node.name.human.readable"].value == "false"
    assert "node.name.human.readable" not in book.hidden("3.0.0")
    assert set(book.hidden("1.0.1")) == {"master_count", "kubernetes_version"}
    assert all(book.hidden(version)["nodelocaldns.enabled"].value == "false" for version in SINCE_2)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_parameter_is_declared_soundly(book: ParameterBook, version: str):
    roles = [book.role(role, version) for role in catalog().roles]
    for form in (book.env(version), book.cluster(version), book.service(version), *roles):
        for key, found in form.items():
            assert (found.key, found.version) == (key, version)
            assert (found.minimum is None) == (found.maximum is None)
            assert found.choices or found.type != "boolean" or isinstance(found.default, bool)
            assert found.default is not None or found.required
            assert found.meaning
            re.compile(found.pattern)
            re.compile(found.matcher)


def test_every_entry_has_a_source_of_its_own_and_names_no_file_of_ours(book: ParameterBook):
    entries = list(book.entries())
    assert len({entry.name for entry in entries}) == len(entries)
    assert all(entry.source.startswith("QKE app repo, ") for entry in entries)
    assert not [entry for entry in entries if ".yaml" in entry.source]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('scope = "env"', 'scope = "node"', "scope must be one of"),
        ('type = "accesskey"', 'type = "key"', "type must be one of"),
        ('versions = ["3.3.0"]', 'versions = ["3.4.0"]', "'3.4.0'"),
        ("changeable = false", "changable = false", "unknown key changable"),
        ('key = "proxy_mode"', 'key = "network_plugin"', "is there twice"),
    ],
)
def test_a_wrong_catalogue_is_refused(old: str, new: str, problem: str):
    text = read_text("parameters.toml")
    assert old in text
    with pytest.raises(InvariantError) as caught:
        build_parameters(text.replace(old, new, 1), catalog().order)
    assert caught.value.code == "catalog.malformed"
    assert problem in caught.value.sentence

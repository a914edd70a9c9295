"""What does a cluster wish resolve to, and which wishes are refused?"""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from pydantic import ValidationError

from qke_core.catalog import RoleShape, catalog
from qke_core.models import ClusterWish, Model, World, WorldDocument


def wish(**keys: object) -> ClusterWish:
    return ClusterWish.model_validate_json(json.dumps({"name": "shop", "version": "2.0.0"} | keys))


def refusal(model: type[Model], **keys: object) -> tuple[str, str, str]:
    """Return code, sentence and remedy of the one reason why the wish is refused."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(json.dumps(keys))
    (error,) = caught.value.errors()
    context = cast("dict[str, Any]", error.get("ctx"))
    return error["type"], context["sentence"], context["remedy"]


def refused_wish(**keys: object) -> tuple[str, str, str]:
    return refusal(ClusterWish, **({"name": "shop", "version": "2.0.0"} | keys))


def test_express_prod_of_1_0_1_has_three_masters_three_workers_and_a_client():
    shape = wish(version="1.0.1", express="Prod").shape()
    assert list(shape) == ["master", "node_perf", "client"]
    assert [shape[role].count for role in shape] == [3, 3, 1]
    assert shape["master"] == RoleShape(count=3, instance_class=0, cpu=4, memory_mib=8192, volume_gib=80)
    assert shape["node_perf"].memory_mib == 12_288
    assert shape["client"].volume_gib == 0


def test_without_express_and_roles_the_default_group_of_the_version_counts():
    assert wish(version="1.0.1").shape() == wish(version="1.0.1", express="DevTest").shape()
    assert wish(version="3.3.0").shape() == wish(version="3.3.0", express="high-performance test").shape()


def test_roles_fill_what_they_leave_out_with_the_defaults_of_the_version():
    shape = wish(roles={"node_super_perf": {"count": 5, "memory": "32GiB"}}).shape()
    default = catalog().default_shape("2.0.0", "node_super_perf")
    assert shape["node_super_perf"] == RoleShape(
        count=5,
        instance_class=default.instance_class,
        cpu=default.cpu,
        memory_mib=32_768,
        volume_gib=default.volume_gib,
    )
    assert list(shape) == ["master", "node_super_perf", "client"]
    assert shape["master"] == catalog().default_shape("2.0.0", "master")
    assert shape["client"] == catalog().default_shape("2.0.0", "client")


def test_own_sizes_beat_the_defaults():
    shape = wish(roles={"master": {"count": 1, "cpu": 16, "memory": "64GiB", "volume": "500GiB"}}).shape()
    master = shape["master"]
    assert (master.count, master.cpu, master.memory_mib, master.volume_gib) == (1, 16, 65_536, 500)


def test_roles_stand_in_the_order_of_the_catalogue_and_empty_ones_are_left_out():
    shape = wish(roles={"client": {"count": 0}, "node_gpu": {"count": 1}, "node_perf": {"count": 2}}).shape()
    assert list(shape) == ["master", "node_perf", "node_gpu"]


@pytest.mark.guide("G-182")
def test_a_single_node_cluster_is_allowed_from_2_0_0_on():
    """From 2.0.0 a cluster may be one master only."""
    assert list(wish(roles={"master": {"count": 1}, "client": {"count": 0}}).shape()) == ["master"]


@pytest.mark.parametrize(("role", "count"), [("master", 0), ("master", 2), ("client", 2), ("node_perf", 101)])
def test_a_count_that_is_not_offered_is_left_to_the_rules(role: str, count: int):
    """So that `qke validate` names it beside every other broken rule."""
    assert wish(roles={role: {"count": count}}).roles is not None


def test_express_and_roles_together_are_refused():
    code, sentence, _ = refused_wish(express="standard prod", roles={"master": {"count": 3}})
    assert (code, sentence) == ("cluster.shape-twice", "Cluster 'shop' has both express and roles")


def test_a_group_of_another_version_is_refused_with_the_nearest():
    assert refused_wish(version="1.0.1", express="prod") == (
        "cluster.express-unknown",
        "'prod' is not an express group of QKE 1.0.1",
        "did you mean 'Prod'?",
    )


@pytest.mark.guide("G-010", "G-196")
def test_a_role_that_the_version_does_not_have_is_refused():
    """GPU nodes came with 2.0.0."""
    code, sentence, remedy = refused_wish(version="1.0.1", roles={"node_gpu": {"count": 1}})
    assert (code, sentence) == ("role.unknown", "QKE 1.0.1 has no role 'node_gpu'")
    assert remedy.startswith("did you mean 'node_")
    assert wish(version="2.0.0", roles={"node_gpu": {"count": 1}}).shape()["node_gpu"].count == 1


@pytest.mark.parametrize("word", ["true", "in", "now"])
def test_a_name_that_expressions_reserve_is_refused(word: str):
    assert refused_wish(name=word) == (
        "document.name-reserved",
        f"'{word}' cannot be a name: expressions reserve the word",
        f"call it {word}1, for example",
    )


@pytest.mark.parametrize("name", ["shop", "a", "x-1", "a" * 39])
def test_a_name_is_letters_digits_and_hyphens(name: str):
    assert wish(name=name).name == name


@pytest.mark.parametrize("name", ["Shop", "1shop", "shop_1", "", "a" * 40, "-a"])
def test_another_name_is_refused(name: str):
    with pytest.raises(ValidationError, match="pattern"):
        wish(name=name)


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ({"env": {"install_kubesphere": 0.5}}, "parameter.type"),
        ({"env": {"extra.modules": ["ks-devops", 7]}}, "parameter.type"),
        ({"env": {"modules": ["ks-devops"]}}, "parameter.unknown"),
        ({"roles": {"master": {"count": "3"}}}, "int_type"),
        ({"roles": {"node_perf": {"count": -1}}}, "greater_than_equal"),
        ({"roles": {"node_perf": {}}}, "missing"),
        ({"size": 3}, "extra_forbidden"),
    ],
)
def test_nothing_is_converted_guessed_or_ignored(keys: dict[str, object], kind: str):
    with pytest.raises(ValidationError) as caught:
        wish(**keys)
    assert [error["type"] for error in caught.value.errors()] == [kind]


def test_a_wish_cannot_be_changed():
    shop = wish()
    with pytest.raises(ValidationError, match="frozen"):
        shop.version = "3.0.0"


@pytest.mark.guide("G-044", "G-047", "G-049", "G-082")
def test_env_and_links_have_the_defaults_of_the_form():
    """KubeSphere is installed, minimally, unless one says otherwise; etcd and Elasticsearch are the built-in ones."""
    shop = wish()
    assert (shop.settings.install_kubesphere, shop.settings.modules) == (True, ())
    assert (shop.links.etcd, shop.links.elk) == (None, None)


def test_env_takes_the_products_own_keys():
    shop = wish(env={"install_kubesphere": False, "extra.modules": ["ks-devops", "ks-logging"], "max_pods": 180})
    assert (shop.settings.install_kubesphere, shop.settings.number("max_pods")) == (False, 180)
    assert shop.settings.modules == ("ks-devops", "ks-logging")
    assert wish(env={"extra.modules": "ks-devops, ks-logging"}).settings.modules == ("ks-devops", "ks-logging")


def test_1_0_0_always_has_kubesphere():
    assert wish(version="1.0.0", env={"install_kubesphere": False}).settings.install_kubesphere


def test_a_written_wish_is_read_back():
    shop = wish(roles={"master": {"count": 1, "memory": "12GiB"}}, env={"extra.modules": ["ks-devops"]})
    text = shop.model_dump_json(by_alias=True)
    assert '"memory":"12GiB"' in text
    assert ClusterWish.model_validate_json(text) == shop


def test_a_world_knows_what_is_particular():
    clusters = [
        {
            "name": "shop",
            "version": "2.0.0",
            "born_as": "1.0.1",
            "nodes": [{"role": "master", "index": 2, "data_free": "40GiB", "ssh_port": 2222}],
        }
    ]
    text = json.dumps({"kind": "World", "zone": "pek3", "clusters": clusters})
    world = WorldDocument.model_validate_json(text)
    (node,) = world.clusters[0].nodes
    assert (node.index, node.status, node.ready, node.data_free, node.ssh_port) == (2, "active", True, 40_960, 2222)
    assert world.clusters[0].born_as == "1.0.1"
    with pytest.raises(ValidationError, match="version"):
        World.model_validate_json(json.dumps({"zone": "pek3", "clusters": [{**clusters[0], "born_as": "1.0"}]}))


def test_a_world_may_have_no_cluster_and_what_it_leaves_out_is_unknown():
    world = World.model_validate_json(json.dumps({"zone": "pek3"}))
    assert world.clusters == ()
    assert (world.quotas, world.access_keys, world.vpcs, world.eips, world.linked) == (None,) * 5

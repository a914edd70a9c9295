"""Does a wish fit into what is left, and does each quota that does not say so with need, limit and rest?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from qke_core.models import ClusterDocument, World
from qke_core.rules import Finding
from qke_core.rules.case import Case
from qke_core.rules.check import check_world
from qke_core.rules.quota import RULES, amount

HA = {"master": {"count": 3, "volume": "80GiB"}, "node_perf": {"count": 3, "volume": "80GiB"}}
SINGLE = {"master": {"count": 1, "volume": "80GiB"}, "node_perf": {"count": 2, "volume": "80GiB"}}
SHOP = {"name": "shop", "version": "2.0.0", "roles": SINGLE}
EIP = {"kubesphere_eip": "eip-12345678"}


def wish(**more: Any) -> ClusterDocument:
    data = {"apiVersion": "qke/v1", "kind": "Cluster", "zone": "pek3", **SHOP, **more}
    return ClusterDocument.model_validate_json(json.dumps(data))


def world(*clusters: Mapping[str, Any], limits: Mapping[str, int] | None = None, **more: Any) -> World:
    quotas = {} if limits is None else {"quotas": {"limits": limits}}
    return World.model_validate_json(json.dumps({"zone": "pek3", "clusters": clusters, **quotas, **more}))


def findings(wished: ClusterDocument, around: World | None) -> list[Finding]:
    case = Case.of(wished, around)
    return [finding for rule in RULES for finding in rule(case)]


def short(wished: ClusterDocument, around: World) -> dict[str, Finding]:
    return {each.subject: each for each in findings(wished, around) if each.code == "quota.short"}


# --- Known or not


def test_nothing_is_said_where_nothing_is_known():
    assert findings(wish(), None) == []


def test_a_world_without_quotas_gets_a_note_and_no_refusal():
    (found,) = findings(wish(), world())
    assert (found.code, found.severity) == ("quota.unknown", "note")
    assert "{profile: enterprise}" in found.remedy


def test_one_that_fits_hears_nothing():
    assert findings(wish(), world(quotas={"profile": "enterprise"})) == []


# --- What a creation needs


@pytest.mark.guide("G-028")
@pytest.mark.parametrize(("key", "nodes", "reserve"), [("volume", 3, 14), ("volume_size_gb", 240, 230)])
def test_a_creation_with_kubesphere_needs_14_volumes_and_230_gb_beside_its_nodes(key: str, nodes: int, reserve: int):
    assert short(wish(), world(limits={key: nodes + reserve})) == {}
    found = short(wish(), world(limits={key: nodes + reserve - 1}))[key]
    assert (found.severity, found.platform_code) == ("blocker", 2500)
    assert f"({nodes} for nodes, {reserve} for KubeSphere)" in found.sentence
    assert f"quota of {nodes + reserve - 1} " in found.sentence
    bare = wish(env={"install_kubesphere": False})
    assert short(bare, world(limits={key: nodes})) == {}
    assert set(short(bare, world(limits={key: nodes - 1}))) == {key}


@pytest.mark.guide("G-030", "G-031")
@pytest.mark.parametrize("key", ["loadbalancer", "security_group"])
@pytest.mark.parametrize(
    ("more", "needs"),
    [({}, 0), ({"roles": HA}, 1), ({"env": EIP}, 1), ({"roles": HA, "env": EIP}, 2)],
)
def test_ha_and_the_consoles_eip_need_a_balancer_and_a_security_group_each(key: str, more: dict[str, Any], needs: int):
    assert short(wish(**more), world(limits={key: needs})) == {}
    if needs:
        found = short(wish(**more), world(limits={key: needs - 1}))
        assert set(found) == {key}
        assert "for the" in found[key].sentence


def test_a_finding_stands_where_the_wish_asks_for_it():
    console = short(wish(env=EIP), world(limits={"loadbalancer": 0, "cpu": 0, "cluster": 0}))
    assert console["loadbalancer"].path == ("env", "kubesphere_eip")
    assert console["cpu"].path == ("roles",)
    assert console["cluster"].path == ("name",)
    assert short(wish(roles=HA), world(limits={"loadbalancer": 0}))["loadbalancer"].path == ("roles", "master", "count")


def test_a_balancer_that_ha_needs_too_stands_at_the_masters():
    both = short(wish(roles=HA, env=EIP), world(limits={"loadbalancer": 1}))["loadbalancer"]
    assert both.path == ("roles", "master", "count")
    assert "(1 for the API server, 1 for the console's EIP)" in both.sentence


def test_every_quota_that_is_short_is_named_at_once():
    found = short(wish(), world(limits=dict.fromkeys(["cpu", "instance", "memory_mb", "volume", "nic"], 0)))
    assert set(found) == {"cpu", "instance", "memory_mb", "volume", "nic"}


@pytest.mark.guide("G-032")
def test_the_remedy_says_how_much_to_ask_for():
    found = short(wish(), world(limits={"instance": 3}))["instance"]
    assert found.sentence == "The wish needs 4 instances more; 3 of the quota of 3 are left"
    assert found.remedy == "ask for 1 instance more by ticket, or wish for less"


def test_what_others_use_is_not_left():
    other = {**SHOP, "name": "bank"}
    assert short(wish(), world(other, limits={"instance": 8})) == {}
    assert "3 of the quota of 7 are left" in short(wish(), world(other, limits={"instance": 7}))["instance"].sentence
    assert "0 of the quota of 3 are left; 1 too many are in use already" in (
        short(wish(), world(other, limits={"instance": 3}))["instance"].sentence
    )


def test_gpu_nodes_need_gpus():
    found = short(wish(roles={**SINGLE, "node_gpu": {"count": 2}}), world(quotas={"profile": "basic"}))
    assert "2 GPU more" in found["gpu"].sentence


# --- What a change needs


def test_growth_needs_the_difference_only():
    grown = wish(roles={**SINGLE, "node_perf": {"count": 5, "volume": "80GiB"}})
    assert short(grown, world(SHOP, limits={"instance": 7, "volume": 3 + 4 + 3})) == {}
    found = short(grown, world(SHOP, limits={"instance": 6}))["instance"]
    assert "3 instances more; 2 of the quota of 6 are left" in found.sentence


def test_more_modules_need_volumes():
    logs = wish(env={"extra.modules": ["ks-logging"]})
    assert set(short(logs, world(SHOP, limits={"volume": 8}))) == {"volume"}
    assert "(2 for KubeSphere)" in short(logs, world(SHOP, limits={"volume": 8}))["volume"].sentence
    assert short(logs, world(SHOP, limits={"volume": 9})) == {}


def test_what_a_wish_frees_counts_against_what_it_takes():
    now = {**SHOP, "roles": {**SINGLE, "node_perf": {"count": 4, "volume": "80GiB"}}}
    logs = wish(env={"extra.modules": ["ks-logging"]})
    assert short(logs, world(now, limits={"volume": 9})) == {}


def test_where_something_is_freed_the_sentence_gives_the_sum_alone():
    now = {**SHOP, "roles": {**SINGLE, "node_perf": {"count": 3, "volume": "80GiB"}}}
    logs = wish(env={"extra.modules": ["ks-logging"]})
    found = short(logs, world(now, limits={"volume": 8}))["volume"]
    assert found.sentence == "The wish needs 1 volume more; 0 of the quota of 8 are left"


def test_shrinking_is_allowed_even_where_too_much_is_used():
    now = {**SHOP, "roles": {**SINGLE, "node_perf": {"count": 4}}}
    assert short(wish(), world(now, limits={"instance": 1, "cpu": 1})) == {}


@pytest.mark.parametrize("status", ["stopped", "deleted", "ceased"])
def test_a_cluster_that_stops_or_goes_needs_nothing(status: str):
    assert short(wish(status=status), world(SHOP, limits=dict.fromkeys(["instance", "volume", "cluster"], 0))) == {}


# --- What the app declares


@pytest.mark.guide("G-030", "G-031")
def test_what_the_app_declares_beyond_the_wish_is_a_warning_only():
    found = [each for each in findings(wish(), world(limits={"loadbalancer": 1})) if each.code == "quota.declared"]
    assert [(each.severity, each.subject) for each in found] == [("warning", "loadbalancer")]
    assert found[0].sentence == "The app declares 2 load balancers for every cluster; 1 left"
    assert findings(wish(), world(limits={"loadbalancer": 2})) == []
    assert findings(wish(), world(SHOP, limits={"loadbalancer": 1})) == []


def test_without_kubesphere_the_app_declares_volumes_still():
    bare = wish(env={"install_kubesphere": False})
    (found,) = findings(bare, world(limits={"volume": 16}))
    assert found.code == "quota.declared"
    assert "14 volumes for every cluster beside 3 for nodes; 16 left" in found.sentence
    assert "1 volume more" in found.remedy


# --- Worlds


def test_a_world_that_uses_more_than_its_limit_contradicts_itself_at_that_limit():
    found = [each for each in check_world(world(SHOP, limits={"instance": 3})) if each.code == "world.quota-exceeded"]
    assert [(each.severity, each.path) for each in found] == [("blocker", ("quotas", "limits", "instance"))]
    assert found[0].sentence == "4 instances in use, the quota is 3"
    assert "instance: 4 or more" in found[0].remedy
    fits = world(SHOP, limits={"instance": 4})
    assert "world.quota-exceeded" not in {each.code for each in check_world(fits)}


def test_a_limit_of_a_profile_is_shown_at_the_profile():
    many = [{**SHOP, "name": name} for name in ("shop", "bank", "game", "mill", "farm", "mine")]
    found = [
        each for each in check_world(world(*many, quotas={"profile": "basic"})) if each.code == "world.quota-exceeded"
    ]
    assert "cluster" in {each.subject for each in found}
    assert {each.path for each in found} == {("quotas", "profile")}


@pytest.mark.parametrize(
    ("key", "number", "text"),
    [
        ("volume", 1, "1 volume"),
        ("volume", 2, "2 volumes"),
        ("cpu", 2, "2 vCPU"),
        ("memory_mb", 2, "2 MB of memory"),
        ("loadbalancer", 2, "2 load balancers"),
        ("security_group", 0, "0 security groups"),
    ],
)
def test_amounts_read_as_people_say_them(key: str, number: int, text: str):
    assert amount(key, number) == text

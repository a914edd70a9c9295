"""Statements of the user guide that belong to no single rule: what a wish chooses, and what each release brought."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from qke_core.catalog import catalog
from qke_core.models import ClusterDocument, World
from qke_core.rules.check import check_cluster

DOCUMENT = {"apiVersion": "qke/v1", "kind": "Cluster", "zone": "pek3", "name": "shop", "version": "2.0.0"}


def wish(**keys: Any) -> ClusterDocument:
    data = {key: value for key, value in {**DOCUMENT, **keys}.items() if value is not None}
    return ClusterDocument.model_validate_json(json.dumps(data))


def blockers(document: ClusterDocument, world: World | None = None) -> list[str]:
    return [found.code for found in check_cluster(document, world) if found.severity == "blocker"]


@pytest.mark.guide("G-033")
def test_a_wish_chooses_name_version_and_billing_mode():
    shop = wish()
    assert (shop.name, shop.version, shop.billing.mode) == ("shop", "2.0.0", "on-demand")
    yearly = wish(billing={"mode": "contract", "term": "1y"})
    assert (yearly.billing.mode, yearly.billing.term) == ("contract", "1y")
    for key in ("name", "version"):
        with pytest.raises(ValidationError, match=key):
            wish(**{key: None})


@pytest.mark.guide("G-037")
def test_a_configuration_of_ones_own_needs_no_group():
    roles = {"master": {"count": 1, "cpu": 16}, "node_super_perf": {"count": 4, "memory": "32GiB"}}
    own = wish(roles=roles)
    assert own.express is None
    assert (own.shape()["master"].cpu, own.shape()["node_super_perf"].memory_mib) == (16, 32_768)
    assert blockers(own) == []


@pytest.mark.guide("G-195")
def test_2_0_0_has_the_components_of_its_release_notes():
    has = catalog().version("2.0.0").components
    assert (has["os"], has["docker"], has["kubernetes"]) == ("Ubuntu 18.04.3 LTS", "19.03.4", "1.16.7")
    assert (has["csi_qingcloud"], has["ccm"], has["helm"], has["kubesphere"]) == ("1.1.1", "1.4.4", "2.14.3", "2.1.1")


@pytest.mark.guide("G-197")
def test_1_0_1_has_the_components_of_its_release_notes():
    """But for Ubuntu: the release notes say 18.04.1, the guide's table of components 18.04.2."""
    has = catalog().version("1.0.1").components
    assert (has["kubesphere"], has["ccm"]) == ("2.0.2", "1.3.6")
    assert has["os"].startswith("Ubuntu 18.04.")


@pytest.mark.guide("G-209")
def test_1_0_0_has_the_components_of_its_release_notes():
    has = catalog().version("1.0.0").components
    assert (has["kubernetes"], has["kubesphere"]) == ("1.13.5", "2.0.1")
    assert (has["csi_qingcloud"], has["ccm"]) == ("0.2.1", "1.3.4")


@pytest.mark.guide("G-210")
@pytest.mark.parametrize("links", [{}, {"etcd": "cl-etcd0001"}, {"elk": "cl-elk00001"}])
def test_1_0_0_offers_three_masters_and_etcd_and_elasticsearch_inside_or_linked(links: dict[str, str]):
    linked = [
        {"id": "cl-etcd0001", "app": "etcd", "vxnet": "vxnet-aaaaaaa"},
        {"id": "cl-elk00001", "app": "elk", "vxnet": "vxnet-aaaaaaa"},
    ]
    world = World.model_validate_json(json.dumps({"zone": "pek3", "linked": linked}))
    shop = wish(version="1.0.0", express="Performance HA", links=links)
    assert shop.shape()["master"].count == 3
    assert blockers(shop, world) == []
    assert (shop.links.etcd, shop.links.elk) == (links.get("etcd"), links.get("elk"))

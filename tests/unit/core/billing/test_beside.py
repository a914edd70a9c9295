"""What is charged beside a cluster, and what is said when nobody knows it?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from qke_core.billing import beside, bill, default_prices
from qke_core.models import ClusterDocument, ClusterState, World
from qke_core.resources import Resource

EIP = {"id": "eip-11111111", "address": "139.198.0.10", "bandwidth": 5, "billing": "traffic"}
VPC_EIP = {"id": "eip-22222222", "address": "139.198.0.11", "bandwidth": 20}
VPC = {
    "id": "rtr-a1b2c3d4",
    "network": "192.168.0.0/16",
    "type": "large",
    "eip": "eip-22222222",
    "vxnets": [{"id": "vxnet-shop001", "network": "192.168.1.0/24"}],
}
OTHER_VPC = {"id": "rtr-00000000", "network": "10.0.0.0/16", "vxnets": [{"id": "vxnet-other01"}]}


def state(**more: Any) -> ClusterState:
    data = {"apiVersion": "qke/v1", "kind": "Cluster", "name": "shop", "version": "3.0.0", "zone": "pek3"}
    wish = {**data, "express": "standard prod", "vxnet": "vxnet-shop001", **more}
    return ClusterState.of_wish(ClusterDocument.model_validate_json(json.dumps(wish)))


def world(**more: Any) -> World:
    data = {"zone": "pek3", "vpcs": [OTHER_VPC, VPC], "eips": [EIP, VPC_EIP], **more}
    return World.model_validate_json(json.dumps(data))


@pytest.mark.guide("G-168")
def test_addresses_and_the_vpc_have_the_figures_of_the_world():
    assert beside(state(env={"kubesphere_eip": "eip-11111111"}), world()) == (
        Resource("eip-11111111", "eip", "console", bandwidth_mbps=5, eip_billing="traffic"),
        Resource("rtr-a1b2c3d4", "router", "user", router_type="large"),
        Resource("eip-22222222", "eip", "user", bandwidth_mbps=20, eip_billing="bandwidth"),
    )


@pytest.mark.parametrize("known", [None, world(vpcs=None, eips=None), world(vpcs=[OTHER_VPC], eips=[])])
def test_what_nobody_knows_is_there_without_a_price(known: World | None):
    found = beside(state(env={"kubesphere_eip": "eip-11111111"}), known)
    assert [(each.id, each.kind) for each in found] == [("eip-11111111", "eip"), ("vxnet-shop001", "router")]
    assert bill(found, default_prices(), "pek3").unpriced == len(found)


@pytest.mark.guide("G-172")
def test_linked_services_are_named_and_their_price_is_said_to_be_unknown():
    found = beside(state(links={"etcd": "cl-e1000000", "elk": "cl-e2000000"}), world())
    lines = bill([each for each in found if each.origin == "dependency"], default_prices(), "pek3").lines
    assert [(line.what, line.priced, line.extra) for line in lines] == [
        ("linked service cl-e1000000", False, True),
        ("linked service cl-e2000000", False, True),
    ]


@pytest.mark.guide("G-173")
def test_volumes_that_workloads_claimed_are_charged_apart():
    volumes = [{"type": 100, "size": "20GiB", "count": 3}, {"id": "vol-a1b2c3d4", "type": 200, "size": "10241MiB"}]
    present = {"name": "shop", "version": "3.0.0", "express": "standard prod", "volumes": volumes}
    found = beside(state(), world(clusters=[present, {**present, "name": "other"}]))
    assert [each for each in found if each.origin == "workload"] == [
        Resource("shop/volumes/0", "volume", "workload", count=3, size_gib=20, volume_type=100),
        Resource("vol-a1b2c3d4", "volume", "workload", size_gib=11, volume_type=200),
    ]


def test_a_cluster_that_is_not_there_has_nothing_beside_it():
    assert beside(state(status="ceased"), world()) == ()

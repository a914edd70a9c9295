"""A name used again: the second cluster called shop has nothing to do with the first, which is gone for ever."""

from __future__ import annotations

from typing import Any

import pytest

from qke_core.models import Billing
from qke_core.units import MS_PER_H
from qke_sim.checkers import Watch
from qke_sim.cloud import Metered, lives_of
from qke_sim.platform.scalingpolicy import ScalingPolicy
from qke_sim.testing.office import Office, wish

ROLES = {"master": {"count": 1}, "node_perf": {"count": 2}, "client": {"count": 0}}
SHOP: dict[str, Any] = {"name": "shop", "version": "3.3.0", "roles": ROLES, "env": {"install_kubesphere": False}}
MONTH, YEAR = {"mode": "contract", "term": "1m"}, {"mode": "contract", "term": "1y"}
POLICY = {"role": "node_perf", "max": 4, "increase": {"conditions": [{"meter": "cpu", "gt": 800}]}}


def again(first: dict[str, Any], second: dict[str, Any]) -> tuple[Office, Watch]:
    """Cease a cluster of the World, and create one of its name."""
    watches: list[Watch] = []
    office = Office({**SHOP, **first}, watched=lambda twin: watches.append(Watch(twin)))
    office.wait(MS_PER_H)
    office.ask("DeleteClusters", clusters=[office.id])
    office.ask("CeaseClusters", clusters=[office.id])
    assert office.deploy(wish(**{**SHOP, **second})).status == "successful"
    office.wait(MS_PER_H)
    return office, watches[0]


def bills(office: Office) -> dict[str, Metered]:
    return {name: found for name, found in lives_of(office.records, office.kernel.now).items() if "shop" in name}


@pytest.mark.parametrize(("first", "second"), [(MONTH, YEAR), (YEAR, None), (None, MONTH)])
def test_each_is_billed_by_its_own_contract(first: dict[str, str] | None, second: dict[str, str] | None) -> None:
    contracts = [{} if billing is None else {"billing": billing} for billing in (first, second)]
    office, watch = again(*contracts)
    assert [found.billing for found in bills(office).values()] == [
        Billing.model_validate(billing or {"mode": "on-demand"}) for billing in (first, second)
    ]
    assert list(bills(office)) == ["shop", "shop (2)"]
    charged = office.twin.meter.charged_so_far(office.kernel.now)
    assert office.twin.meter.charged_by_name(office.kernel.now)["shop"] == charged["shop"] + charged["shop (2)"]
    assert watch.findings() == []


def test_the_second_is_reached_by_the_name_and_takes_operations() -> None:
    office, watch = again({}, {"version": "3.2.1"})
    assert office.site.cluster.version == "3.2.1"
    assert office.site.plane.available
    assert office.ask("AddClusterNodes", cluster=office.id, node_role="node_perf", node_count=1).status == "successful"
    assert all(node.ready for node in office.site.kube.nodes.values())
    assert office.ask("StopClusters", clusters=[office.id]).status == "successful"
    assert {host.up for host in office.site.hosts.values()} == {False}
    assert office.ask("StartClusters", clusters=[office.id]).status == "successful"
    assert office.site.plane.available
    assert watch.findings() == []


def test_the_first_ones_autoscaling_does_not_touch_the_second() -> None:
    office, watch = again({"autoscaling": [POLICY]}, {})
    assert [policy.status for policy in office.twin.cloud.store.all(ScalingPolicy)] == ["ceased"]
    assert office.tell("DescribeAutoScalingPolicies")["total_count"] == 0
    assert watch.findings() == []


def test_what_the_first_one_left_is_charged_to_the_first_one() -> None:
    """What 1.0.1 leaves behind goes on being the first one's, whatever comes after it."""
    claimed = {"version": "1.0.1", "env": {}, "volumes": [{"id": "vol-claimed1", "type": 200, "size": "20GiB"}]}
    office, watch = again(claimed, {})
    going = [life.resource for life in bills(office)["shop"].lives if life.to_ms == office.kernel.now]
    assert {resource.kind for resource in going} <= {"volume", "loadbalancer", "security_group"}
    assert [resource for resource in going if resource.size_gib == 20]
    assert watch.findings() == []

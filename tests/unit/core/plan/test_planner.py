"""Plans end to end: refused with every reason, counted against quotas, priced, explained, plain as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import jsonschema
import pytest

from qke_core.models import ClusterDocument, World
from qke_core.plan import Planned, plan_cluster
from qke_core.plan.form import SCHEMA

HA = {"master": {"count": 3, "instance_class": 101}, "node_perf": {"count": 3}}
SHOP = {"name": "shop", "version": "2.0.0", "roles": HA}
KEY = {"access_key_id": "KEY"}


def world(clusters: Sequence[Mapping[str, Any]] | None = None, **more: Any) -> World:
    return World.model_validate_json(
        json.dumps({"zone": "pek3", "clusters": [SHOP] if clusters is None else clusters} | more)
    )


def wish(**more: Any) -> ClusterDocument:
    return ClusterDocument.model_validate_json(
        json.dumps({"apiVersion": "qke/v1", "kind": "Cluster", "zone": "pek3", **SHOP, **more})
    )


def titles(planned: Planned) -> list[str]:
    assert planned.plan is not None, planned.blockers
    return [step.title for step in planned.plan.steps]


def test_no_difference_gives_a_plan_without_steps():
    planned = plan_cluster(wish(), world())
    assert planned.plan is not None
    assert (planned.plan.steps, planned.plan.total.max_ms, planned.plan.cost_per_hour) == ((), 0, 0)


def test_an_impossible_wish_is_refused_with_every_reason_and_place():
    impossible = wish(
        version="1.0.1",
        roles={"master": {"count": 1}, "node_perf": {"count": 1, "volume": "40GiB"}},
        env={"install_kubesphere": False},
        links={"etcd": "cl-etcd0001"},
    )
    now = {**SHOP, "version": "2.0.0", "roles": {"master": {"count": 3}, "node_perf": {"count": 3, "volume": "80GiB"}}}
    planned = plan_cluster(impossible, world([now]))
    assert planned.plan is None
    found = {finding.code: finding.path for finding in planned.blockers}
    assert found["upgrade.no-path"] == ("version",)
    assert found["topology.masters-fixed"] == ("roles", "master", "count")
    assert found["parameter.unchangeable"] == ("env", "install_kubesphere")
    assert {"topology.disk-shrinks"} <= set(found)
    assert len(found) >= 5


@pytest.mark.guide("G-028", "G-030", "G-032")
def test_the_first_step_that_runs_short_is_named():
    # Room for the new node's own figures, but not for the larger size of all afterwards.
    limits = {"cpu": 200, "instance": 8, "volume": 100}
    planned = plan_cluster(
        wish(roles={"master": {"count": 3}, "node_perf": {"count": 5}}), world(quotas={"limits": limits})
    )
    assert planned.plan is None
    (short,) = planned.blockers
    assert short.code == "quota.short"
    assert short.platform_code == 2500
    assert "Step add-node_perf needs 2 instances" in short.sentence


@pytest.mark.guide("G-028", "G-169")
def test_a_creation_needs_room_for_the_volumes_that_kubesphere_may_claim():
    quotas = {"limits": {"volume": 19, "volume_size_gb": 5000}}
    new = wish(name="bank", env=KEY)
    refused = plan_cluster(new, world([], quotas=quotas))
    assert [finding.code for finding in refused.blockers] == ["quota.short"]
    # Six data disks and fourteen volumes.
    quotas["limits"]["volume"] = 20
    assert plan_cluster(new, world([], quotas=quotas)).plan is not None


def test_unknown_quotas_refuse_nothing():
    assert titles(plan_cluster(wish(name="bank", env=KEY), world([]))) == ["Create bank as QKE 2.0.0"]


@pytest.mark.guide("G-030", "G-170", "G-171")
def test_an_ha_cluster_takes_a_balancer_and_a_security_group():
    planned = plan_cluster(wish(name="bank", env=KEY), world([]))
    assert planned.plan is not None
    takes = planned.plan.steps[0].takes
    assert (takes["loadbalancer"], takes["security_group"], takes["instance"]) == (1, 1, 7)
    with_console = plan_cluster(wish(name="bank", env={**KEY, "kubesphere_eip": "eip-12345678"}), world([]))
    assert with_console.plan is not None
    assert with_console.plan.steps[0].takes["loadbalancer"] == 2


def test_replacing_nodes_peaks_between():
    swapped = wish(roles={"master": {"count": 3}, "node_super_perf": {"count": 3}})
    planned = plan_cluster(swapped, world())
    assert planned.plan is not None
    add, delete = planned.plan.steps
    assert add.peak["instance"] == 3
    assert delete.frees["instance"] == 3
    assert "instance" not in delete.takes
    assert add.cost_per_hour > 0 > delete.cost_per_hour


def test_stopping_costs_less_and_frees_no_quota():
    planned = plan_cluster(wish(status="stopped"), world())
    assert planned.plan is not None
    (stop,) = planned.plan.steps
    assert stop.cost_per_hour < 0
    assert (stop.takes, stop.frees) == ({}, {})


def test_a_plan_is_plain_data_that_says_everything():
    planned = plan_cluster(wish(version="3.0.0", roles={"master": {"count": 3}, "node_perf": {"count": 5}}), world())
    assert planned.plan is not None
    data = json.loads(json.dumps(planned.plan.to_json()))
    assert (data["apiVersion"], data["kind"], data["cluster"]) == ("qke/v1", "Plan", "shop")
    assert [step["operation"] for step in data["steps"]] == ["upgrade", "add-nodes"]
    assert data["steps"][1]["after"] == [{"step": "upgrade-3.0.0", "why": "new nodes come at the new version"}]
    assert data["steps"][1]["change"]["count"] == 2
    assert data["total"]["min_ms"] == sum(step["duration"]["min_ms"] for step in data["steps"])
    assert Decimal(data["cost_per_hour_cny"]) == planned.plan.cost_per_hour
    assert "EXAMPLE" in data["price_book"]


def test_a_plan_fits_its_schema():
    full = wish(version="3.0.0", roles={"master": {"count": 3}, "node_perf": {"count": 5}}, env={"max_pods": 180})
    for planned in (
        plan_cluster(full, world()),
        plan_cluster(wish(), world()),
        plan_cluster(wish(name="n"), world([])),
    ):
        assert planned.plan is not None
        jsonschema.validate(json.loads(json.dumps(planned.plan.to_json())), dict(SCHEMA))


@pytest.mark.guide("G-141")
def test_an_upgrade_says_that_a_single_master_has_a_gap():
    single = {"master": {"count": 1}, "node_perf": {"count": 2}}
    planned = plan_cluster(wish(version="3.0.0", roles=single), world([{**SHOP, "roles": single}]))
    assert planned.plan is not None
    felt = [stage.disruption for stage in planned.plan.steps[0].schedule.stages if stage.disruption]
    assert any("no API server answers" in text for text in felt)


@pytest.mark.guide("G-143")
def test_a_disk_that_grows_first_makes_an_upgrade_possible():
    small = {"master": {"count": 3, "volume": "60GiB"}, "node_perf": {"count": 3, "volume": "200GiB"}}
    now = [{**SHOP, "roles": small}]
    refused = plan_cluster(wish(version="3.0.0", roles=small), world(now))
    assert {finding.code for finding in refused.blockers} == {"upgrade.disk-short"}
    grown = {**small, "master": {"count": 3, "volume": "200GiB"}}
    planned = plan_cluster(wish(version="3.0.0", roles=grown), world(now))
    assert planned.plan is not None
    assert [step.id for step in planned.plan.steps] == ["disk-master", "upgrade-3.0.0"]

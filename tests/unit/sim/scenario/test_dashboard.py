"""What a run shows across clusters: lanes of statuses, quotas over time, bills that add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from qke_sim.scenario import RunResult

SIZE = {"cpu": 4, "memory": "8GiB"}
ROLES = {"master": {"count": 1, **SIZE}, "node_perf": {"count": 2, **SIZE}, "client": {"count": 0}}
SHOP: Mapping[str, Any] = {"name": "shop", "version": "3.3.0", "roles": ROLES, "env": {"install_kubesphere": False}}


@pytest.fixture
def result(run_of: Callable[..., RunResult]) -> RunResult:
    timeline = [
        {"at": "1m", "create": {**SHOP, "name": "bank"}},
        {"after": "create.done", "cluster": "shop", "stop": None},
    ]
    return run_of(SHOP, timeline=timeline, expect=[{"at_end": "bill.total_cny > 0.0"}])


def test_every_cluster_has_a_lane_from_the_beginning(result: RunResult) -> None:
    shop, bank = result.clusters
    words = [(standing.status, standing.transition) for standing in shop.lane]
    assert words == [("active", ""), ("active", "stopping"), ("stopped", "")]
    assert bank.lane[0].status == "absent"
    assert (bank.lane[-1].status, bank.nodes, bank.version) == ("active", 3, "3.3.0")


def test_lanes_and_quotas_change_in_order_of_time(result: RunResult) -> None:
    for show in result.clusters:
        times = [standing.t for standing in show.lane]
        assert times == sorted(set(times))
    for quota in result.quotas:
        times = [t for t, _ in quota.points]
        assert times == sorted(set(times))
        assert times[0] == 0


def test_quotas_follow_what_is_made(result: RunResult) -> None:
    (instances,) = [quota for quota in result.quotas if quota.kind == "instance"]
    assert (instances.points[0][1], instances.points[-1][1], instances.most, instances.limit) == (3, 6, 6, None)
    assert result.measures["quota.instance.used"] == 6


def test_bills_of_clusters_add_up(result: RunResult) -> None:
    total = result.measures["bill.total_cny"]
    assert isinstance(total, float)
    assert abs(sum(show.bill_cny for show in result.clusters) - total) < 0.0001

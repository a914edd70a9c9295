"""Do quotas count what there is, once each, and is the first step that runs short the one named?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from qke_core.catalog import quotas
from qke_core.inventory import resources_of
from qke_core.models import ClusterState, World
from qke_core.quota import (
    Shortage,
    Usage,
    first_short,
    kubesphere_reserve,
    left,
    limits,
    usage_by_origin,
    usage_of,
    world_usage,
)
from qke_core.resources import Resource

SHOP = {
    "name": "shop",
    "version": "2.0.0",
    "roles": {
        "master": {"count": 1, "cpu": 4, "memory": "8GiB", "volume": "80GiB"},
        "node_perf": {"count": 2, "cpu": 8, "memory": "16GiB", "volume": "100GiB"},
        "client": {"count": 1, "cpu": 2, "memory": "4GiB"},
    },
}


def world(**more: Any) -> World:
    return World.model_validate_json(json.dumps({"zone": "pek3", "clusters": [SHOP], **more}))


def shop(**more: Any) -> ClusterState:
    found = world(clusters=[{**SHOP, **more}])
    return ClusterState.of_world(found.clusters[0], found)


def test_a_cluster_counts_by_type_and_its_system_disks_belong_to_the_instances():
    assert usage_of(resources_of(shop())).amounts == {
        "cluster": 1,
        "instance": 4,
        "cpu": 4 + 2 * 8 + 2,
        "memory_mb": 1024 * (8 + 2 * 16 + 4),
        "nic": 4,
        "volume": 3 + 4,
        "volume_size_gb": 80 + 2 * 100 + 60,
    }


def test_equal_resources_may_stand_as_one_with_a_count():
    one = Resource("a", "volume", "workload", size_gib=20)
    assert usage_of([one] * 3) == usage_of([Resource("a", "volume", "workload", count=3, size_gib=20)])


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (Resource("e", "eip", "user", bandwidth_mbps=4), {"eip": 1, "eip_bandwidth_mbps": 4}),
        (Resource("r", "router", "user"), {"router": 1}),
        (Resource("l", "loadbalancer", "console"), {"loadbalancer": 1}),
        (Resource("s", "security_group", "console"), {"security_group": 1}),
        (Resource("d", "system_disk", "node", size_gib=20), {}),
        (Resource("x", "linked_service", "dependency"), {}),
    ],
)
def test_every_kind_of_resource_counts_as_something(resource: Resource, expected: dict[str, int]):
    assert usage_of([resource]).amounts == expected


def test_usage_is_told_apart_by_why_a_resource_is_there():
    apart = usage_by_origin(resources_of(shop(env={"kubesphere_eip": "eip-12345678"})))
    assert list(apart) == ["node", "kubesphere", "console"]
    assert apart["kubesphere"].amounts == {"volume": 4, "volume_size_gb": 60}
    assert apart["console"].amounts == {"loadbalancer": 1, "security_group": 1}
    together = Usage()
    for usage in apart.values():
        together += usage
    assert together == usage_of(resources_of(shop(env={"kubesphere_eip": "eip-12345678"})))


@pytest.mark.guide("G-028", "G-169")
def test_a_new_kubesphere_reserves_14_volumes_and_230_gb_in_all():
    claimed = usage_of(found for found in resources_of(shop()) if found.origin == "kubesphere")
    together = claimed + kubesphere_reserve(shop())
    assert together.amounts == {"volume": 14, "volume_size_gb": 230}
    assert not kubesphere_reserve(shop(env={"install_kubesphere": False})).amounts


def test_more_than_the_reserve_is_needed_where_the_class_hands_out_large_volumes():
    # In pek3a the class of 3.3.0 begins at 100 GiB.
    found = World.model_validate_json(
        json.dumps({"zone": "pek3a", "clusters": [{**SHOP, "version": "3.3.0", "env": {"extra.modules": []}}]})
    )
    state = ClusterState.of_world(found.clusters[0], found)
    assert kubesphere_reserve(state).amounts == {"volume": 10}


def test_a_world_counts_clusters_volumes_addresses_and_networks_and_what_else_is_used():
    found = world(
        clusters=[{**SHOP, "volumes": [{"type": 100, "size": "20GiB", "count": 3}]}],
        volumes=[{"type": 200, "size": "10241MiB"}],
        eips=[{"id": "eip-12345678", "address": "139.198.0.10", "bandwidth": 4}],
        vpcs=[{"id": "rtr-12345678", "network": "192.168.0.0/16", "vxnets": [{"id": "vxnet-12345678"}]}],
        quotas={"limits": {}, "used": {"instance": 5, "keypair": 2}},
    )
    alone = usage_of(resources_of(shop()))
    more = {"volume": 4, "volume_size_gb": 60 + 11, "eip": 1, "eip_bandwidth_mbps": 4, "router": 1, "vxnet": 1}
    assert world_usage(found) == alone + Usage.of(more) + Usage.of({"instance": 5, "keypair": 2})


def test_a_stopped_or_deleted_cluster_uses_as_much_as_a_running_one():
    used = {world_usage(world(clusters=[{**SHOP, "status": at}])).get("cpu") for at in ("active", "stopped", "deleted")}
    assert len(used) == 1


def test_written_limits_win_over_the_profile_and_what_is_not_limited_is_absent():
    found = world(quotas={"profile": "basic", "limits": {"cpu": 7}}).quotas
    assert found is not None
    assert limits(found) == {**quotas().profiles["basic"], "cpu": 7}
    bare = world(quotas={"limits": {"cpu": 7}}).quotas
    assert bare is not None
    assert limits(bare) == {"cpu": 7}


def test_what_is_left_is_the_limit_less_what_is_used_and_may_be_negative():
    assert left(world()) is None
    assert left(world(quotas={"limits": {"cpu": 30, "instance": 3, "eip": 2}})) == {"cpu": 8, "instance": -1, "eip": 2}


# --- Plans


def test_the_first_step_whose_peak_does_not_fit_is_named_with_need_and_rest():
    peaks = [
        ("grow", Usage.of({"cpu": 8, "volume": 2})),
        ("swap", Usage.of({"cpu": 9, "volume": 1})),
        ("more", Usage.of({"cpu": 99})),
    ]
    assert first_short(peaks, {"cpu": 8, "volume": 2}) == Shortage("swap", "cpu", needs=9, left=8)
    assert first_short(peaks, {"cpu": 99}) is None
    assert first_short(peaks, {"cpu": 8, "volume": 1}) == Shortage("grow", "volume", needs=2, left=1)


def test_what_has_no_limit_never_runs_short():
    assert first_short([("grow", Usage.of({"cpu": 10**9}))], {}) is None


def test_a_step_that_takes_nothing_fits_even_where_too_much_is_used():
    assert first_short([("shrink", Usage())], {"cpu": -5}) is None


def test_beyond_leaves_out_what_does_not_exceed():
    assert Usage.of({"cpu": 5, "volume": 2}).beyond(Usage.of({"cpu": 3, "volume": 2, "nic": 1})).amounts == {"cpu": 2}

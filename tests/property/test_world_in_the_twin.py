"""Does a twin begin with exactly what its World says: quotas used, what is charged, and every law of the checkers?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qke_core.billing import default_prices, fees, invoice, price_of
from qke_core.inventory import resources_of
from qke_core.models import ClusterState, World
from qke_core.quota import world_usage
from qke_core.units import MS_PER_H
from qke_sim.checkers import check_twin
from qke_sim.cloud import lives_of
from qke_sim.cloud.instance import Instance
from qke_sim.cloud.router import Router
from qke_sim.cloud.volume import Volume
from qke_sim.cloud.vxnet import Vxnet
from qke_sim.kernel import Kernel
from qke_sim.testing import worlds
from qke_sim.twin import Twin


def begin(world: World, seed: int = 7) -> Twin:
    kernel = Kernel(seed)
    kernel.trace.add("run.started", "test", None, scenario="test", seed=seed)
    twin = Twin(kernel, world, {})
    twin.start(0)
    return twin


@st.composite
def rich_worlds(draw: st.DrawFn) -> World:
    """Worlds that also know networks, addresses, quotas and volumes."""
    data = json.loads(draw(worlds()).model_dump_json(by_alias=True, exclude_unset=True))
    sizes = st.integers(1, 400).map(lambda gib: f"{gib * 512}MiB")
    volume = st.fixed_dictionaries({"type": st.sampled_from([100, 200]), "size": sizes, "count": st.integers(1, 3)})
    vxnets = [{"id": f"vxnet-{n:07d}", "network": f"172.16.{n}.0/24"} for n in range(draw(st.integers(0, 3)))]
    more: dict[str, Any] = {
        "vpcs": [{"id": "rtr-00000001", "network": "172.16.0.0/16", "vxnets": vxnets, "open_ports": ["6443"]}],
        "eips": [
            {"id": f"eip-{n:08d}", "address": f"139.198.0.{n + 1}", "bandwidth": draw(st.integers(1, 300))}
            for n in range(draw(st.integers(0, 3)))
        ],
        "quotas": {"profile": "basic", "used": {"cpu": draw(st.integers(0, 9)), "image": draw(st.integers(0, 2))}},
        "volumes": draw(st.lists(volume, max_size=2)),
    }
    known = draw(st.lists(st.sampled_from(sorted(more)), unique=True))
    data.update((key, more[key]) for key in known)
    for cluster in data["clusters"]:
        cluster["volumes"] = draw(st.lists(volume, max_size=2))
    return World.model_validate_json(json.dumps(data))


@given(rich_worlds())
def test_quota_used_at_the_start_is_what_the_world_uses(world: World):
    assert begin(world).cloud.allowance.state() == dict(sorted(world_usage(world).amounts.items()))


@given(rich_worlds())
def test_no_law_is_broken_at_the_start(world: World):
    assert check_twin(begin(world)) == []


@given(worlds())
def test_what_a_cluster_is_charged_for_is_what_it_occupies(world: World):
    twin = begin(world)
    found = lives_of(twin.kernel.trace.records, MS_PER_H)
    for cluster in world.clusters:
        expected = resources_of(ClusterState.of_world(cluster, world))
        standing = [life.resource for life in found[cluster.name].lives]
        assert sorted(standing, key=lambda part: part.id) == sorted(expected, key=lambda part: part.id)


@given(worlds(clusters=1), st.integers(1, 5 * MS_PER_H), st.integers(1, 5 * MS_PER_H))
@settings(max_examples=15)
def test_the_running_total_is_the_invoice_of_the_recorded_lives(world: World, first: int, second: int):
    twin = begin(world)
    changed = next(iter(twin.cloud.store.all(Volume)))

    def grow() -> None:
        twin.cloud.store.change(changed, 0, size_gib=changed.size_gib + 10)

    twin.kernel.later(first, grow)
    ended = first + second
    twin.kernel.run(ended)
    charged = twin.meter.charged_so_far(ended)
    for owner, metered in lives_of(twin.kernel.trace.records, ended).items():
        assert charged[owner] == invoice(metered.lives, default_prices(), metered.zone, metered.billing).exact


@given(st.integers(0, 9 * MS_PER_H), st.integers(0, 9 * MS_PER_H), st.decimals(0, 100, places=8))
def test_fees_of_a_life_are_the_sum_of_its_charges(begin_ms: int, took_ms: int, price: Any):
    assert fees(price, begin_ms, begin_ms) == 0
    middle = (begin_ms // MS_PER_H + 1) * MS_PER_H
    whole = fees(price, begin_ms, middle + took_ms)
    assert whole == fees(price, begin_ms, middle) + fees(price, middle, middle + took_ms)


def test_a_world_that_knows_no_network_has_one_that_does_not_count():
    twin = begin(World.model_validate_json('{"zone": "pek3", "clusters": [{"name": "shop", "version": "3.3.0"}]}'))
    store = twin.cloud.store
    assert len(store.all(Router)) == 1
    assert "router" not in twin.cloud.allowance.state()
    addresses = [instance.private_ip for instance in store.all(Instance)]
    (network,) = {vxnet.network for vxnet in store.all(Vxnet) if vxnet.id == store.all(Instance)[0].vxnet_id}
    assert network is not None
    assert len(set(addresses)) == len(addresses)
    assert all(address.startswith("192.168.0.") for address in addresses)


def test_nodes_stand_in_the_network_that_the_world_says():
    vpc = {"id": "rtr-1", "network": "10.8.0.0/16", "vxnets": [{"id": "vxnet-a", "network": "10.8.7.0/24", "used": 3}]}
    cluster = {"name": "shop", "version": "3.3.0", "vxnet": "vxnet-a"}
    twin = begin(World.model_validate_json(json.dumps({"zone": "pek3", "vpcs": [vpc], "clusters": [cluster]})))
    addresses = [node.private_ip for node in twin.sites["shop"].cluster.nodes]
    assert addresses == [f"10.8.7.{number}" for number in range(5, 5 + len(addresses))]
    assert addresses == [instance.private_ip for instance in twin.cloud.store.all(Instance)]


@pytest.mark.parametrize("billing", [{"mode": "contract", "term": "1y"}, {"mode": "on-demand"}])
def test_a_price_under_contract_is_the_discounted_one(billing: dict[str, str]):
    data = {"zone": "pek3", "clusters": [{"name": "shop", "version": "3.3.0", "billing": billing}]}
    world = World.model_validate_json(json.dumps(data))
    twin = begin(world)
    book, state = default_prices(), ClusterState.of_world(world.clusters[0], world)
    due = sum(fees(price_of(part, book, "pek3", state.billing), 0, MS_PER_H) for part in resources_of(state))
    assert twin.meter.charged_so_far(MS_PER_H)["shop"] == due

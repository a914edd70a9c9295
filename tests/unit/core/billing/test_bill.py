"""Bills, price books and contracts by example: every figure here can be worked out by hand."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from qke_core.billing import (
    Life,
    PriceBook,
    bill,
    cents,
    contract_month,
    default_prices,
    invoice,
    term_for,
    upgrade_fee,
)
from qke_core.catalog import catalog, storage
from qke_core.documents import Source, validate
from qke_core.errors import InputError
from qke_core.inventory import resources_of
from qke_core.models import Billing, ClusterDocument, ClusterState
from qke_core.resources import Resource
from qke_core.units import MS_PER_H, MS_PER_MIN
from qke_sim.yamlfile import parse_one

BOOK: dict[str, Any] = {
    "kind": "PriceBook",
    "label": "ours",
    "instance": {"101": {"vcpu_hour": 0.05, "memory_gib_hour": "0.03"}},
    "gpu_hour": 6,
    "system_disk_gib_hour": 0.0005,
    "volume_gib_hour": {"100": 0.0006},
    "eip": {
        "address_hour": 0.02,
        "traffic_gib": 0.8,
        "tiers": [{"up_to": 5, "mbps_hour": 0.03}, {"up_to": 1000, "mbps_hour": 0.09}],
    },
    "router_hour": {"small": 0.05},
    "loadbalancer_hour": {"0": 0.05},
    "contract_discount": {"1m": 0.95, "1y": 0.8},
}


def book(**changes: Any) -> PriceBook:
    return validate(PriceBook, Source("prices.yaml", {**BOOK, **changes}))


def test_prices_are_exactly_what_was_written():
    prices = book()
    assert prices.instance["101"].vcpu_hour == Decimal("0.05")
    assert prices.system_disk_gib_hour == Decimal("0.0005")
    assert prices.gpu_hour == 6
    assert book(gpu_hour="0.1").gpu_hour == Decimal("0.1")


@pytest.mark.parametrize("wrong", [-1, "cheap", True, None, [1], "NaN", "-0.5", float("inf")])
def test_what_is_no_price_is_refused_with_its_place(wrong: Any):
    with pytest.raises(InputError) as caught:
        validate(PriceBook, Source("prices.yaml", json.loads(json.dumps({**BOOK, "gpu_hour": wrong}))))
    assert {problem.code for problem in caught.value.problems} <= {"price.value", "document.value", "document.type"}


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        ("0.05", "0.05"),
        ("0.1", "0.1"),
        ("'0.30'", "0.30"),
        ("6", "6"),
        ("6.00", "6"),
        ("5e-4", "0.0005"),
        ("0.00000001", "0.00000001"),
        ("9999.12345678", "9999.12345678"),
    ],
)
def test_prices_of_a_yaml_file_are_exactly_what_was_written(written: str, exact: str):
    text = "\n".join(f"{key}: {json.dumps(value)}" for key, value in BOOK.items() if key != "gpu_hour")
    made = validate(PriceBook, parse_one(f"{text}\ngpu_hour: {written}\n", "prices.yaml"))
    assert made.gpu_hour == Decimal(exact)
    assert Decimal(json.loads(made.model_dump_json())["gpu_hour"]) == Decimal(exact)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"gpu_hour": 10000.5}, "10000.5 is more than 10000"),
        ({"gpu_hour": "0.123456789"}, "'0.123456789' has more than 8 decimals"),
        ({"gpu_hour": 1e-9}, "1e-09 has more than 8 decimals"),
        ({"gpu_hour": "1e3"}, "'1e3' is not a price"),
        ({"gpu_hour": "\u0663"}, "'\u0663' is not a price"),
        ({"contract_discount": {"1y": 80}}, "80 is more than 1"),
        ({"zone_factor": {"ap2a": 125}}, "125 is more than 100"),
        ({"stopped_share": {"vcpu": 1.5}}, "1.5 is more than 1"),
    ],
)
def test_figures_that_cannot_be_meant_are_refused(changes: Any, shown: str):
    with pytest.raises(InputError) as caught:
        book(**changes)
    assert [(problem.code, problem.sentence) for problem in caught.value.problems] == [("price.value", shown)]


def test_tiers_must_rise():
    tiers = [{"up_to": 10, "mbps_hour": 1}, {"up_to": 5, "mbps_hour": 1}]
    with pytest.raises(InputError) as caught:
        book(eip={**BOOK["eip"], "tiers": tiers})
    assert caught.value.code == "price.tiers"


@pytest.mark.parametrize(
    ("resource", "per_hour"),
    [
        (Resource("a", "instance", "node", instance_class=101, cpu=8, memory_mib=16384), "0.88"),
        (Resource("a", "instance", "node", instance_class=101, cpu=8, memory_mib=16384, gpu=1), "6.88"),
        (Resource("a", "instance", "node", instance_class=101, cpu=8, memory_mib=16384, running=False), "0"),
        (Resource("a", "volume", "node", volume_type=100, size_gib=200), "0.12"),
        (Resource("a", "system_disk", "node", size_gib=20), "0.01"),
        (Resource("a", "loadbalancer", "apiserver", lb_nodes=2), "0.05"),
        (Resource("a", "loadbalancer", "apiserver", lb_nodes=4), "0.1"),
        (Resource("a", "eip", "user", bandwidth_mbps=5), "0.17"),
        (Resource("a", "eip", "user", bandwidth_mbps=10), "0.62"),
        (Resource("a", "eip", "user", bandwidth_mbps=10, eip_billing="traffic"), "0.02"),
        (Resource("a", "router", "user", router_type="small"), "0.05"),
        (Resource("a", "security_group", "apiserver"), "0"),
        (Resource("a", "instance", "node", instance_class=202, cpu=8, memory_mib=16384), "0"),
    ],
)
def test_each_kind_has_its_price(resource: Resource, per_hour: str):
    assert bill([resource], book(), "pek3").per_hour == Decimal(per_hour)


@pytest.mark.parametrize(
    ("resource", "note"),
    [
        (Resource("a", "volume", "node", volume_type=200, size_gib=10), "no price in the book"),
        (Resource("a", "instance", "node", instance_class=202, cpu=8, memory_mib=16384), "no price in the book"),
        (Resource("a", "loadbalancer", "console", lb_type=5, lb_nodes=2), "no price in the book"),
        (Resource("a", "router", "user", router_type="xlarge"), "no price in the book"),
        (Resource("a", "router", "user"), "size not known: give --world with its vpcs"),
        (Resource("a", "eip", "user"), "bandwidth not known: give --world with its eips"),
        (Resource("a", "eip", "user", bandwidth_mbps=1001), "no price above 1000 Mbps in the book"),
        (Resource("a", "linked_service", "dependency"), "a cluster of its own, with nodes not known here"),
    ],
)
def test_what_has_no_price_says_so_and_is_counted(resource: Resource, note: str):
    found = bill([resource, Resource("b", "security_group", "apiserver")], book(), "pek3")
    assert [(line.priced, line.note) for line in found.lines] == [(False, note), (True, "free, needs quota")]
    assert found.unpriced == 1


def test_a_book_may_charge_part_of_a_stopped_instance():
    stopped = Resource("a", "instance", "node", instance_class=101, cpu=8, memory_mib=16384, gpu=1, running=False)
    prices = book(stopped_share={"vcpu": 0.5, "memory": 1, "gpu": 0.25})
    # Half of 0.40 for 8 vCPU, all of 0.48 for 16 GiB, a quarter of 6 for the GPU.
    assert bill([stopped], prices, "pek3").per_hour == Decimal("2.18")


@pytest.mark.parametrize(
    ("amount", "shown"), [("0.005", "0.01"), ("0.015", "0.02"), ("-0.001", "0.00"), ("-0.005", "-0.01"), ("1", "1.00")]
)
def test_money_is_rounded_half_up(amount: str, shown: str):
    assert str(cents(Decimal(amount))) == shown


def test_a_zone_may_be_dearer():
    volume = [Resource("a", "volume", "node", volume_type=100, size_gib=100)]
    assert bill(volume, book(zone_factor={"ap2a": 1.25}), "ap2a").per_hour == Decimal("0.075")


def test_an_hour_and_a_half_is_two_charges():
    volume = Resource("a", "volume", "node", volume_type=100, size_gib=100)
    made = invoice([Life(volume, 30 * MS_PER_MIN, 2 * MS_PER_H)], book(), "pek3")
    assert [charge.fee for charge in made.charges] == [Decimal("0.0300"), Decimal("0.0600")]
    assert made.total == Decimal("0.09")


def test_under_a_contract_nodes_are_charged_at_its_discount_and_extras_are_not():
    node, extra = (
        Life(Resource(origin, "volume", origin, volume_type=100, size_gib=100), 0, MS_PER_H)
        for origin in ("node", "kubesphere")
    )
    yearly = Billing(mode="contract", term="1y")
    made = invoice([node, extra], book(), "pek3", yearly)
    assert {charge.resource_id: charge.fee for charge in made.charges} == {
        "node": Decimal("0.0480"),
        "kubesphere": Decimal("0.0600"),
    }


def test_fees_are_rounded_half_up_to_four_decimals():
    disk = Resource("a", "volume", "node", volume_type=100, size_gib=10)
    # 0.006 per hour for 30 s is 0.00005.
    assert invoice([Life(disk, 0, 30_000)], book(), "pek3").exact == Decimal("0.0001")
    assert invoice([Life(disk, 0, 29_999)], book(), "pek3").exact == Decimal("0.0000")


def test_contracts_by_hand():
    yearly = Billing(mode="contract", term="1y")
    assert contract_month(Decimal("0.88"), book(), yearly) == Decimal("506.88")
    # A term without a discount has that of the next shorter one.
    assert contract_month(Decimal("0.88"), book(), Billing(mode="contract", term="6m")) == Decimal("601.92")
    assert term_for(Decimal(7)) == "6m"
    assert term_for(Decimal("0.5")) == "1m"
    # From 100 to 160 CNY a month, 12 months left, at 0.8.
    assert upgrade_fee(Decimal(100), Decimal(160), Decimal(12), book()) == Decimal("576.00")


@pytest.mark.guide("G-168", "G-169", "G-170", "G-171")
def test_an_express_cluster_has_its_hidden_extras_on_lines_of_their_own():
    data = {"apiVersion": "qke/v1", "kind": "Cluster", "name": "shop", "version": "2.0.0", "zone": "pek3"}
    env = {"kubesphere_eip": "eip-11111111"}
    wish = ClusterDocument.model_validate_json(json.dumps({**data, "express": "standard prod", "env": env}))
    found = bill(resources_of(ClusterState.of_wish(wish)), default_prices(), "pek3")
    extras = {line.origin: 0 for line in found.lines if line.extra}
    for line in found.lines:
        if line.extra:
            extras[line.origin] += line.count
    assert set(extras) == {"kubesphere", "apiserver", "console"}
    # A balancer and a security group each.
    assert (extras["apiserver"], extras["console"]) == (2, 2)
    assert all(line.origin == "node" for line in found.lines if not line.extra)


def test_the_example_book_says_that_it_is_one():
    assert "EXAMPLE" in default_prices().label


def test_the_prices_of_routers_are_the_published_ones():
    published = {"free": "0", "small": "0.05", "medium": "0.19", "large": "0.39", "xlarge": "0.75"}
    assert default_prices().router_hour == {size: Decimal(price) for size, price in published.items()}


def test_the_example_book_prices_every_class_and_volume_that_the_catalogue_has():
    prices, book_of_storage = default_prices(), storage()
    classes = {str(shape.instance_class) for shape in catalog().shapes.values()}
    assert classes <= set(prices.instance)
    assert {str(code) for code in book_of_storage.volume_types} <= set(prices.volume_gib_hour)

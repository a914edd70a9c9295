"""Laws of money: docs/rules/billing.md lists them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qke_core.billing import (
    Life,
    bill,
    contract_month,
    default_prices,
    downgrade_refund,
    hourly,
    invoice,
    upgrade_fee,
)
from qke_core.billing.bill import FEE, TERM_MONTHS
from qke_core.billing.prices import StoppedShare
from qke_core.models import ON_DEMAND, Billing
from qke_core.models.money import Term
from qke_core.resources import Resource, ResourceKind
from qke_core.units import MS_PER_H

PRICES = default_prices()
ZONES = st.sampled_from(["pek3", "ap2a", "elsewhere"])


KINDS: tuple[ResourceKind, ...] = (
    "instance",
    "system_disk",
    "volume",
    "loadbalancer",
    "eip",
    "router",
    "security_group",
    "linked_service",
    "cluster",
)


@st.composite
def resources(draw: st.DrawFn) -> Resource:
    name = f"shop/r{draw(st.integers(0, 9))}"
    kind: ResourceKind = draw(st.sampled_from(KINDS))
    return Resource(
        name,
        kind,
        draw(st.sampled_from(["node", "kubesphere", "apiserver", "user"])),
        count=draw(st.integers(1, 20)),
        instance_class=draw(st.sampled_from([0, 1, 101, 202, 999])),
        cpu=draw(st.integers(1, 64)),
        memory_mib=draw(st.integers(1, 256)) * 1024,
        gpu=draw(st.integers(0, 1)),
        size_gib=draw(st.integers(10, 2000)),
        volume_type=draw(st.sampled_from([0, 2, 5, 100, 200, 999])),
        lb_type=draw(st.integers(0, 6)),
        lb_nodes=2,
        bandwidth_mbps=draw(st.integers(1, 1000)),
        router_type=draw(st.sampled_from(["free", "small", "xlarge"])),
        eip_billing=draw(st.sampled_from(["", "bandwidth", "traffic"])),
        running=draw(st.booleans()),
    )


INSTANTS = st.integers(0, 50 * MS_PER_H)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    begin, end = sorted((draw(INSTANTS), draw(INSTANTS)))
    return Life(draw(resources()), begin, end)


@given(st.lists(resources(), max_size=6), st.lists(resources(), max_size=6), ZONES)
def test_a_bill_is_additive_over_resources(some: list[Resource], others: list[Resource], zone: str):
    together = bill([*some, *others], PRICES, zone).per_hour
    assert together == bill(some, PRICES, zone).per_hour + bill(others, PRICES, zone).per_hour
    assert bill([*some, *others], PRICES, zone).base == bill([*others, *some], PRICES, zone).base


@given(st.lists(lives(), max_size=5), st.lists(lives(), max_size=5), ZONES)
def test_an_invoice_is_additive_over_resources(some: list[Life], others: list[Life], zone: str):
    both = invoice([*some, *others], PRICES, zone).exact
    assert both == invoice(some, PRICES, zone).exact + invoice(others, PRICES, zone).exact


@given(lives(), st.integers(0, 50), ZONES)
def test_an_invoice_is_additive_over_time_at_every_hour(life: Life, hour: int, zone: str):
    cut = min(max(hour * MS_PER_H, life.from_ms), life.to_ms)
    if cut % MS_PER_H and cut not in {life.from_ms, life.to_ms}:
        return
    parts = [replace(life, to_ms=cut), replace(life, from_ms=cut)]
    assert invoice(parts, PRICES, zone).exact == invoice([life], PRICES, zone).exact


@given(lives(), INSTANTS, ZONES)
def test_elsewhere_a_cut_costs_a_rounding_at_most(life: Life, instant: int, zone: str):
    cut = min(max(instant, life.from_ms), life.to_ms)
    parts = [replace(life, to_ms=cut), replace(life, from_ms=cut)]
    assert abs(invoice(parts, PRICES, zone).exact - invoice([life], PRICES, zone).exact) <= FEE


@given(st.lists(lives(), max_size=6), st.randoms(use_true_random=False), ZONES)
def test_the_order_of_events_does_not_matter(found: list[Life], luck: Random, zone: str):
    mixed = list(found)
    luck.shuffle(mixed)
    ours, theirs = invoice(found, PRICES, zone), invoice(mixed, PRICES, zone)
    assert ours.exact == theirs.exact
    assert sorted(ours.charges, key=repr) == sorted(theirs.charges, key=repr)


@given(st.lists(lives(), max_size=6), ZONES)
def test_nothing_is_ever_negative_and_no_charge_is_longer_than_an_hour(found: list[Life], zone: str):
    made = invoice(found, PRICES, zone)
    assert made.total >= 0
    for charge in made.charges:
        assert charge.fee >= 0
        assert 0 < charge.to_ms - charge.from_ms <= MS_PER_H
        assert charge.fee == charge.fee.quantize(FEE)


@given(st.lists(lives(), max_size=6), st.sampled_from(list(TERM_MONTHS)), ZONES)
def test_an_invoice_under_a_contract_is_never_dearer(found: list[Life], term: Term, zone: str):
    contract = Billing(mode="contract", term=term)
    ours, theirs = invoice(found, PRICES, zone, contract), invoice(found, PRICES, zone)
    assert len(ours.charges) == len(theirs.charges)
    assert ours.exact <= theirs.exact
    extras = [life for life in found if life.resource.origin != "node"]
    assert invoice(extras, PRICES, zone, contract) == invoice(extras, PRICES, zone)


@given(resources(), st.integers(0, 200), ZONES)
def test_an_invoice_of_whole_hours_is_what_the_bill_said(found: Resource, hours: int, zone: str):
    said = bill([found], PRICES, zone).per_hour * hours
    made = invoice([Life(found, 0, hours * MS_PER_H)], PRICES, zone)
    # Each of the hours is rounded to four decimals.
    assert abs(made.exact - said) <= FEE / 2 * hours


@given(resources(), INSTANTS, ZONES)
def test_no_time_costs_nothing(found: Resource, instant: int, zone: str):
    assert invoice([Life(found, instant, instant)], PRICES, zone).charges == ()


SHARES = st.decimals(0, 1, places=2)


@given(resources(), ZONES, st.tuples(SHARES, SHARES, SHARES))
def test_stopping_never_costs_more_than_running(found: Resource, zone: str, shares: tuple[Decimal, Decimal, Decimal]):
    vcpu, memory, gpu = shares
    book = PRICES.model_copy(update={"stopped_share": StoppedShare(vcpu=vcpu, memory=memory, gpu=gpu)})
    for prices in (PRICES, book):
        running, stopped = (bill([replace(found, running=runs)], prices, zone).per_hour for runs in (True, False))
        assert 0 <= stopped <= running


@given(st.lists(resources(), max_size=6), st.sampled_from(list(TERM_MONTHS)), ZONES)
def test_a_contract_is_never_dearer_and_leaves_the_extras_alone(found: list[Resource], term: Term, zone: str):
    contract = Billing(mode="contract", term=term)
    on_demand = hourly(found, PRICES, zone, ON_DEMAND)
    assert hourly(found, PRICES, zone, contract) <= on_demand
    extras = [item for item in found if item.origin != "node"]
    assert hourly(extras, PRICES, zone, contract) == hourly(extras, PRICES, zone, ON_DEMAND)


MONEY = st.decimals(0, 100_000, places=2)


@given(MONEY, MONEY, st.decimals(0, 60, places=2))
def test_growing_costs_and_shrinking_gives_back_and_only_one_of_them(old: Decimal, new: Decimal, months: Decimal):
    fee, refund = (act(old, new, months, PRICES) for act in (upgrade_fee, downgrade_refund))
    assert fee >= 0
    assert refund >= 0
    assert not (fee and refund)
    assert downgrade_refund(new, old, months, PRICES) == fee


@given(st.decimals(0, 1000, places=4), st.sampled_from(list(TERM_MONTHS)))
def test_a_contract_month_is_at_most_720_hours(per_hour: Decimal, term: Term):
    month = contract_month(per_hour, PRICES, Billing(mode="contract", term=term))
    assert month <= (per_hour * 720).quantize(Decimal("0.01")) + Decimal("0.01")


@pytest.mark.guide("G-173")
@given(resources(), ZONES)
def test_what_users_create_is_an_extra(found: Resource, zone: str):
    (line,) = bill([replace(found, origin="user")], PRICES, zone).lines
    assert line.extra

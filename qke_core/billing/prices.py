"""The price book: `kind: PriceBook`. Prices are exact decimals in CNY; QingCloud's own are not public.

The book that ships is an example and says so wherever it is used. Users bring their own file.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, field_validator

from qke_core.catalog.load import read_text
from qke_core.models.base import API_VERSION, Model, refuse
from qke_core.models.money import Term

MONTH_HOURS = 720
"""Hours of a month in prices (derived from published monthly prices: yunify/qingcloud-docs, VPC billing)."""


PRICE_MAX, FACTOR_MAX, SHARE_MAX = Decimal(10_000), Decimal(100), Decimal(1)
DECIMALS_MAX = 8
"""Figures of a book stay below 13 digits, so that a number read by a YAML or JSON parser as binary floating point is
still the decimal that was written (it keeps 15), and sums of them stay exact in 28 digits."""


TEXT = r"[0-9]+(\.[0-9]+)?"
"""How a price is written as text."""


def _decimal(value: object, most: Decimal) -> Decimal:
    """Read a figure exactly: a text, or a number as it was written; from 0 up to `most`."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and not re.fullmatch(TEXT, value):
        raise refuse("price.value", f"{value!r} is not a price", "write digits and a point: 0.05, or '0.05'")
    remedy = f"write a number from 0 to {most} with at most {DECIMALS_MAX} decimals, such as 0.05"
    try:
        found = Decimal(repr(value) if isinstance(value, float) else str(value))
    except ArithmeticError as exc:
        raise refuse("price.value", f"{value!r} is not a price", remedy) from exc
    if isinstance(value, bool) or not found.is_finite() or found.is_signed():
        raise refuse("price.value", f"{value!r} is not a price", remedy)
    if found > most:
        raise refuse("price.value", f"{value!r} is more than {most}", remedy)
    if found != round(found, DECIMALS_MAX):
        raise refuse("price.value", f"{value!r} has more than {DECIMALS_MAX} decimals", remedy)
    return found


def _price(value: object) -> Decimal:
    return _decimal(value, PRICE_MAX)


def _factor(value: object) -> Decimal:
    return _decimal(value, FACTOR_MAX)


def _share(value: object) -> Decimal:
    return _decimal(value, SHARE_MAX)


def _plain(value: Decimal) -> str:
    return f"{value:f}"


def _form(most: Decimal) -> WithJsonSchema:
    number = {"type": "number", "minimum": 0, "maximum": int(most)}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": f"^{TEXT}$"}]})


_AS_TEXT = PlainSerializer(_plain, return_type=str)

Price = Annotated[Decimal, BeforeValidator(_price), _AS_TEXT, _form(PRICE_MAX)]
"""CNY per hour and unit: an exact decimal from 0 on."""

Factor = Annotated[Decimal, BeforeValidator(_factor), _AS_TEXT, _form(FACTOR_MAX)]
"""How many times as dear."""

Share = Annotated[Decimal, BeforeValidator(_share), _AS_TEXT, _form(SHARE_MAX)]
"""Which part of a price is paid: 0 to 1."""

Code = Annotated[str, Field(pattern=r"^\d+$")]


class InstancePrice(Model):
    """Price of one class of instances."""

    vcpu_hour: Price
    memory_gib_hour: Price


class StoppedShare(Model):
    """Which part of an instance's price is paid while it does not run, in the recycle bin included.

    That nothing is paid is assumed: whether CPU and memory of a stopped instance are charged is not public.
    """

    vcpu: Share = Decimal(0)
    memory: Share = Decimal(0)
    gpu: Share = Decimal(0)


NOTHING_STOPPED = StoppedShare()


class BandwidthTier(Model):
    """Price per Mbps and hour for the part of a bandwidth that is above the tier before and up to `up_to`."""

    up_to: Annotated[int, Field(ge=1)]
    mbps_hour: Price


class EipPrice(Model):
    """Price of public addresses: by bandwidth tier, or address fee and traffic."""

    address_hour: Price
    traffic_gib: Price
    tiers: Annotated[tuple[BandwidthTier, ...], Field(min_length=1)]

    @field_validator("tiers")
    @classmethod
    def _tiers_rise(cls, value: tuple[BandwidthTier, ...]) -> tuple[BandwidthTier, ...]:
        limits = [tier.up_to for tier in value]
        if limits != sorted(set(limits)):
            raise refuse("price.tiers", f"The tiers {limits} do not rise", "list them from small to large, each once")
        return value


class PriceBook(Model):
    """What everything costs per hour, by code; a code without a price costs nothing and is said so on the bill."""

    api_version: Annotated[Literal["qke/v1"], Field(alias="apiVersion", default=API_VERSION)]
    kind: Literal["PriceBook"]
    label: Annotated[str, Field(description="Where the prices come from; shown on every bill.", min_length=1)]
    zone_factor: Annotated[
        Mapping[str, Factor], Field(default_factory=dict[str, Decimal], description="Factor by zone; 1 where absent.")
    ]
    instance: Annotated[Mapping[Code, InstancePrice], Field(description="By instance class code.")]
    gpu_hour: Annotated[Price, Field(description="Per GPU.")]
    stopped_share: Annotated[
        StoppedShare,
        Field(default=NOTHING_STOPPED, description="What is paid of an instance that does not run; disks pay in full."),
    ]
    system_disk_gib_hour: Annotated[Price, Field(description="Per GiB of a system disk.")]
    volume_gib_hour: Annotated[Mapping[Code, Price], Field(description="Per GiB, by volume type code.")]
    eip: EipPrice
    router_hour: Annotated[Mapping[str, Price], Field(description="By size of the VPC.")]
    loadbalancer_hour: Annotated[Mapping[Code, Price], Field(description="Two nodes, by load balancer type code.")]
    contract_discount: Annotated[
        Mapping[Term, Share], Field(description="What is paid of the monthly price under a contract, by term.")
    ]


@cache
def default_prices() -> PriceBook:
    """Return the example book that ships with this package."""
    return PriceBook.model_validate_json(json.dumps(tomllib.loads(read_text("prices.toml"))))

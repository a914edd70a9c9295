"""The price book: `kind: PriceBook`. Prices are exact decimals in CNY; QingCloud's own are not public.

The book that ships is an example and says so wherever it is used. Users bring their own file.
"""

from __future__ import annotations

import json
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


def _price(value: object) -> Decimal:
    """Read a price exactly: a text, or a number as it was written; never below zero."""
    if isinstance(value, Decimal):
        return value
    try:
        found = Decimal(repr(value) if isinstance(value, float) else str(value))
    except ArithmeticError as exc:
        raise refuse("price.value", f"{value!r} is not a price", "write it like 0.05, or '0.05'") from exc
    if isinstance(value, bool) or not found.is_finite() or found < 0:
        raise refuse("price.value", f"{value!r} is not a price", "write a number of CNY from 0 on, such as 0.05")
    return found


Price = Annotated[
    Decimal,
    BeforeValidator(_price),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^\d+(\.\d+)?$"}]}),
]
"""CNY, or a factor: an exact decimal from 0 on."""

Code = Annotated[str, Field(pattern=r"^\d+$")]


class InstancePrice(Model):
    """Price of one class of instances."""

    vcpu_hour: Price
    memory_gib_hour: Price


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
        Mapping[str, Price], Field(default_factory=dict[str, Decimal], description="Factor by zone; 1 where absent.")
    ]
    instance: Annotated[Mapping[Code, InstancePrice], Field(description="By instance class code.")]
    gpu_hour: Annotated[Price, Field(description="Per GPU.")]
    system_disk_gib_hour: Annotated[Price, Field(description="Per GiB of a system disk.")]
    volume_gib_hour: Annotated[Mapping[Code, Price], Field(description="Per GiB, by volume type code.")]
    eip: EipPrice
    router_hour: Annotated[Mapping[str, Price], Field(description="By size of the VPC.")]
    loadbalancer_hour: Annotated[Mapping[Code, Price], Field(description="Two nodes, by load balancer type code.")]
    contract_discount: Annotated[
        Mapping[Term, Price], Field(description="What is paid of the monthly price under a contract, by term.")
    ]


@cache
def default_prices() -> PriceBook:
    """Return the example book that ships with this package."""
    return PriceBook.model_validate_json(json.dumps(tomllib.loads(read_text("prices.toml"))))

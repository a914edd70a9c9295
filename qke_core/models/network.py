"""Networks and addresses as a World knows them: VPCs, vxnets, EIPs, and text forms of ranges.

Only IPv4: the product switches IPv6 off on its nodes (QKE app repo, sysctl of the image, from 2.0.0 on).
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, StringConstraints, WithJsonSchema

from qke_core.models.base import Model, refuse


def _network(value: object) -> IPv4Network:
    """Read a range strictly: IPv4, with a prefix, no host bits."""
    if isinstance(value, IPv4Network):
        return value
    text = value if isinstance(value, str) else ""
    if ":" in text:
        raise refuse("network.ipv6", f"{text!r} is IPv6; only IPv4 is offered", "write an IPv4 range: 192.168.0.0/16")
    address, slash, _ = text.partition("/")
    try:
        found = IPv4Network(text, strict=False)
        IPv4Address(address)
    except (AddressValueError, NetmaskValueError, ValueError) as exc:
        raise refuse("network.cidr", f"{value!r} is not an IPv4 range", "write it like 192.168.0.0/16") from exc
    if not slash:
        raise refuse("network.cidr", f"{text!r} has no prefix length", f"write {text}/24, for example")
    if str(found.network_address) != address:
        sentence = f"{text!r} has host bits set: the range that holds it is {found}"
        raise refuse("network.host-bits", sentence, f"write {found}", str(found))
    return found


Cidr = Annotated[
    IPv4Network,
    PlainValidator(_network),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["192.168.0.0/16"]}),
]
"""An IPv4 range in CIDR notation, host bits zero."""


def _address(value: object) -> IPv4Address:
    if isinstance(value, IPv4Address):
        return value
    text = value if isinstance(value, str) else ""
    if ":" in text:
        raise refuse("network.ipv6", f"{text!r} is IPv6; only IPv4 is offered", "write an IPv4 address: 139.198.0.10")
    try:
        return IPv4Address(text)
    except AddressValueError as exc:
        raise refuse("network.address", f"{value!r} is not an IPv4 address", "write it like 139.198.0.10") from exc


Address = Annotated[
    IPv4Address,
    PlainValidator(_address),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["139.198.0.10"]}),
]
"""An IPv4 address."""

ResourceId = Annotated[str, StringConstraints(pattern=r"^[a-z]+-[a-z0-9]+$", max_length=40)]
"""Id of a cloud resource, such as `vxnet-a1b2c3d`."""

PORT_MAX = 65535


def _ports(text: str) -> str:
    """Read ports strictly: from 1 to 65535, the lower end first."""
    low, _, high = text.partition("-")
    first, last = int(low), int(high or low)
    if not 1 <= first <= PORT_MAX or not 1 <= last <= PORT_MAX:
        raise refuse("network.port", f"{text!r} is not within 1 to {PORT_MAX}", "write it like 6443, or 30000-32767")
    if first > last:
        raise refuse("network.port", f"{text!r} ends before it begins", f"write {last}-{first}", f"{last}-{first}")
    return text


PortRange = Annotated[str, StringConstraints(pattern=r"^\d{1,5}(-\d{1,5})?$"), AfterValidator(_ports)]
"""A port, or a range of ports with both ends: `6443`, `30000-32767`."""


class Vxnet(Model):
    """A private network. `used` counts addresses that something outside this World's clusters has taken."""

    id: Annotated[ResourceId, Field(description="Such as vxnet-a1b2c3d.")]
    network: Annotated[Cidr | None, Field(default=None, description="Its range inside the VPC; a /24 as a rule.")]
    managed: Annotated[bool, Field(default=True, description="Managed network (guide G-023); false: self-managed.")]
    dhcp: Annotated[bool, Field(default=True, description="Whether DHCP is on (guide G-025).")]
    used: Annotated[int, Field(default=0, ge=0, description="Addresses taken by things this file does not list.")]


class PortForward(Model):
    """A port of the VPC's public address that leads to an inner address (guide G-096 to G-099)."""

    port: Annotated[int, Field(ge=1, le=65535, description="Port on the VPC's public address.")]
    to: Annotated[Address, Field(description="Inner address.")]
    to_port: Annotated[int, Field(ge=1, le=65535, description="Port there.")]


class Vpc(Model):
    """A VPC (router) with the private networks that joined it."""

    id: Annotated[ResourceId, Field(description="Such as rtr-a1b2c3d4.")]
    network: Annotated[Cidr, Field(description="Its range, such as 192.168.0.0/16.")]
    type: Annotated[
        Literal["free", "small", "medium", "large", "xlarge"],
        Field(default="medium", description="Size; the free one carries neither EIPs nor QKE."),
    ]
    eip: Annotated[ResourceId | None, Field(default=None, description="Id of the EIP bound to it.")]
    open_ports: Annotated[
        tuple[PortRange, ...], Field(default=(), description="Inward TCP ports its firewall accepts, such as 6443.")
    ]
    forwards: Annotated[tuple[PortForward, ...], Field(default=(), description="Port forwarding rules.")]
    vxnets: Annotated[tuple[Vxnet, ...], Field(default=(), description="Private networks that joined it.")]


class Eip(Model):
    """A public address. `bound_to` is the id of what has it; empty when it is available."""

    id: Annotated[ResourceId, Field(description="Such as eip-a1b2c3d4.")]
    address: Address
    bandwidth: Annotated[int, Field(default=10, ge=1, le=1000, description="Mbps.")]
    billing: Annotated[Literal["bandwidth", "traffic"], Field(default="bandwidth")]
    bound_to: Annotated[str, Field(default="", description="Id of what it is bound to; empty: available.")]
    icp: Annotated[bool, Field(default=False, description="Whether a domain on it has an ICP filing (guide G-149).")]

"""Are ranges, addresses, ids and ports read strictly, and refused with what to write?"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from pydantic import TypeAdapter, ValidationError

from qke_core.models.network import Address, Cidr, Eip, PortRange, ResourceId, Vpc, Vxnet

CIDR, ADDRESS, PORTS, ID = (TypeAdapter[object](kind) for kind in (Cidr, Address, PortRange, ResourceId))


def flaw(adapter: TypeAdapter[object], value: object) -> tuple[str, str, str]:
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(value)
    (found,) = caught.value.errors()
    return found["type"], found["msg"], found.get("ctx", {}).get("remedy", "")


@pytest.mark.parametrize("text", ["192.168.0.0/16", "10.0.0.0/8", "192.168.1.7/32", "0.0.0.0/0"])
def test_a_range_is_read_and_written_back(text: str):
    found = CIDR.validate_python(text)
    assert found == IPv4Network(text)
    assert CIDR.dump_python(found) == text
    assert CIDR.validate_python(found) is found


@pytest.mark.parametrize(
    ("value", "code", "remedy"),
    [
        ("fd00::/64", "network.ipv6", "write an IPv4 range: 192.168.0.0/16"),
        ("10.10.0.1/16", "network.host-bits", "write 10.10.0.0/16"),
        ("192.168.0.0", "network.cidr", "write 192.168.0.0/24, for example"),
        ("192.168.0.0/33", "network.cidr", "write it like 192.168.0.0/16"),
        ("192.168.0/16", "network.cidr", "write it like 192.168.0.0/16"),
        ("192.168.0.0/255.255.0.0/16", "network.cidr", "write it like 192.168.0.0/16"),
        ("", "network.cidr", "write it like 192.168.0.0/16"),
        (16, "network.cidr", "write it like 192.168.0.0/16"),
        (None, "network.cidr", "write it like 192.168.0.0/16"),
    ],
)
def test_a_range_that_is_none_is_refused(value: object, code: str, remedy: str):
    kind, sentence, says = flaw(CIDR, value)
    assert (kind, says) == (code, remedy)
    assert str(value) in sentence


def test_an_address_is_read_and_written_back():
    found = ADDRESS.validate_python("139.198.0.10")
    assert found == IPv4Address("139.198.0.10")
    assert ADDRESS.dump_python(found) == "139.198.0.10"
    assert ADDRESS.validate_python(found) is found


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("2001:db8::1", "network.ipv6"),
        ("139.198.0", "network.address"),
        ("139.198.0.256", "network.address"),
        ("139.198.0.10/24", "network.address"),
        (2344878090, "network.address"),
    ],
)
def test_an_address_that_is_none_is_refused(value: object, code: str):
    kind, sentence, remedy = flaw(ADDRESS, value)
    assert kind == code
    assert str(value) in sentence
    assert "139.198.0.10" in remedy


@pytest.mark.parametrize("text", ["1", "6443", "65535", "30000-32767", "80-80"])
def test_ports_are_one_or_a_range(text: str):
    assert PORTS.validate_python(text) == text


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("0", "write it like 6443, or 30000-32767"),
        ("65536", "write it like 6443, or 30000-32767"),
        ("6443-70000", "write it like 6443, or 30000-32767"),
        ("300-200", "write 200-300"),
    ],
)
def test_ports_out_of_range_are_refused(text: str, remedy: str):
    kind, sentence, says = flaw(PORTS, text)
    assert (kind, says) == ("network.port", remedy)
    assert text in sentence


@pytest.mark.parametrize("text", ["", "-1", "1-", "http", "1-2-3", "123456", " 80"])
def test_what_is_no_port_is_refused(text: str):
    with pytest.raises(ValidationError):
        PORTS.validate_python(text)


@pytest.mark.parametrize("text", ["vxnet-a1b2c3d", "vxnet-0", "rtr-x"])
def test_ids_have_a_kind_and_a_tail(text: str):
    assert ID.validate_python(text) == text


@pytest.mark.parametrize("text", ["VXNET-A", "vxnet", "vxnet-", "vxnet-a b"])
def test_what_is_no_id_is_refused(text: str):
    with pytest.raises(ValidationError):
        ID.validate_python(text)


@pytest.mark.guide("G-023", "G-025")
def test_a_vxnet_is_managed_with_dhcp_unless_it_says_otherwise():
    found = Vxnet.model_validate_json('{"id": "vxnet-a"}')
    assert (found.managed, found.dhcp, found.used, found.network) == (True, True, 0, None)


def test_a_vpc_and_an_eip_are_frozen_and_know_their_keys():
    vpc = Vpc.model_validate_json('{"id": "rtr-a", "network": "192.168.0.0/16"}')
    with pytest.raises(ValidationError):
        vpc.eip = "eip-a"  # type: ignore[misc] - that it fails is the point
    with pytest.raises(ValidationError, match="addres"):
        Eip.model_validate_json('{"id": "eip-a", "addres": "139.198.0.10"}')

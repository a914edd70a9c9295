"""Where the API server answers from outside: the last of the guide's three steps is to write it into the kubeconfig."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address

from qke_core.catalog import networks
from qke_core.models.network import Eip, Vpc, Vxnet
from qke_core.models.state import ClusterState
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding
from qke_core.rules.network.place import place_of, stands
from qke_core.rules.network.ports import is_open, towards

KEYS = ("kubernetes_eip", "kubernetes_eip_id")


def api_servers(state: ClusterState, place: tuple[Vpc, Vxnet] | None, eips: Sequence[Eip]) -> tuple[str, ...]:
    """List the values that `server` in a kubeconfig may have outside, best first; none when nothing leads there yet.

    Through the VPC it is the VPC's address with the forwarded port (guide G-102), where that is open; through the load
    balancer its address with 6443 (guide G-103). An address that is not in `kubernetes_eip` or `kubernetes_eip_id` is
    not in the certificate and does not count; what is bound to another VPC does not either.
    """
    wished, id_wished = (str(state.settings.values.get(key, "")) for key in KEYS)
    port = networks().constants["api_port"]
    found: list[str] = []
    for eip in eips:
        if eip.id == id_wished:
            found.append(_url(eip.address, port))
        elif str(eip.address) != wished:
            continue
        elif place is not None and eip.id == place[0].eip:
            outer = [forward.port for forward in towards(port, *place) if is_open(forward.port, place[0].open_ports)]
            found.extend(_url(eip.address, number) for number in outer)
        elif eip.bound_to.startswith("lb-"):
            found.append(_url(eip.address, port))
    return tuple(found)


def _url(address: IPv4Address, port: int) -> str:
    return f"https://{address}:{port}"


def _server(case: Case) -> Iterator[Finding]:
    """Whoever gives the API server an address wants to know what it is then."""
    if case.world is None or stands(case, *KEYS):
        return
    found = api_servers(case.goal, place_of(case), case.world.eips or ())
    if found:
        key = next(key for key in KEYS if case.settings.values.get(key))
        sentence = f"From outside, the API server is {' or '.join(found)}"
        source = "user guide, Access through an EIP, G-093, G-102, G-103"
        remedy = "write that as server in the kubeconfig"
        yield case.finding("network.server", "note", ("env", key), sentence, remedy, source)


RULES: tuple[Rule, ...] = (_server,)

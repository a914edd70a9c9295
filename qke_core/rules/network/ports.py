"""Ports that a firewall must open for what the wish wants reached from outside: as data, and whether they are open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address

from qke_core.catalog import networks
from qke_core.effects.base import JsonObject
from qke_core.models.network import Eip, PortForward, Vpc, Vxnet
from qke_core.models.state import ClusterState
from qke_core.models.world import WorldCluster
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding
from qke_core.rules.network.place import BASE_NETWORK, place_of

BASE_FIREWALL = "the default firewall"
FORWARDING = "user guide, Access through an EIP, G-095 to G-099"
CONSOLE = "user guide, KubeSphere console, G-110 to G-113"


@dataclass(frozen=True, slots=True)
class NeededPort:
    """Inward TCP ports that must be open.

    `ports` is a port or a range such as `30000-32767`. `where` names the firewall. `target` is what the port leads to.
    """

    ports: str
    where: str
    target: str
    source: str

    def to_json(self) -> JsonObject:
        """Return it as JSON data."""
        return dict(asdict(self))


def needed_ports(state: ClusterState, vpc: Vpc | None = None, eips: Sequence[Eip] = ()) -> tuple[NeededPort, ...]:
    """List what must be open for a cluster to be reached from outside: API server, console, Services.

    Args:
        state: the cluster; one that is absent or ceased needs nothing.
        vpc: the VPC it stands in, None when unknown. Its forwarding rules give the outer ports.
        eips: addresses of the account, to see whether `kubernetes_eip` is the VPC's own.
    Returns:
        What the VPC's firewall must open, in the basic network what the default firewall must (guide G-181). An EIP
        bound to a load balancer needs nothing here: the product makes that firewall along with it (guide G-031).
    """
    if not state.exists:
        return ()
    if state.vxnet == BASE_NETWORK:
        faq = "user guide, FAQ, G-181"
        return (
            NeededPort(str(networks().constants["api_port"]), BASE_FIREWALL, "API server", faq),
            NeededPort(state.settings.text("cluster_port_range"), BASE_FIREWALL, "Services of type NodePort", faq),
        )
    if vpc is None or vpc.eip is None:
        return ()
    where, found = f"the firewall of VPC {vpc.id}", list[NeededPort]()
    if _is_own(str(state.settings.values.get("kubernetes_eip", "")), vpc, eips):
        outer = [forward.port for forward in vpc.forwards if forward.to_port == networks().constants["api_port"]]
        found.extend(NeededPort(str(port), where, "API server", FORWARDING) for port in outer)
    if state.kubesphere and not state.settings.values.get("kubesphere_eip"):
        port = networks().constants["console_port"]
        outer = [forward.port for forward in vpc.forwards if forward.to_port == port] or [port]
        found.extend(NeededPort(str(port), where, "KubeSphere console", CONSOLE) for port in outer)
    return tuple(found)


def is_open(port: int, ranges: Sequence[str]) -> bool:
    """Whether a port lies in one of the ranges: `6443`, `30000-32767`."""
    for text in ranges:
        low, _, high = text.partition("-")
        if int(low) <= port <= int(high or low):
            return True
    return False


def towards(port: int, vpc: Vpc, vxnet: Vxnet) -> tuple[PortForward, ...]:
    """Return the forwarding rules to a port of the cluster's vxnet; those of a vxnet without a range count all."""
    to_port = (forward for forward in vpc.forwards if forward.to_port == port)
    return tuple(forward for forward in to_port if vxnet.network is None or forward.to in vxnet.network)


def _is_own(address: str, vpc: Vpc, eips: Sequence[Eip]) -> bool:
    return bool(address) and address in {str(eip.address) for eip in eips if eip.id == vpc.eip}


def _api(case: Case) -> Iterator[Finding]:
    """With kubernetes_eip on the VPC's own address, a forwarded port must be open (guide G-096 to G-099)."""
    place, world = place_of(case), case.world
    wished, path = str(case.settings.values.get("kubernetes_eip", "")), ("env", "kubernetes_eip")
    if place is None or world is None or not _is_own(wished, place[0], world.eips or ()):
        return  # It leads elsewhere: to a load balancer, which has its own firewall.
    vpc, port = place[0], networks().constants["api_port"]
    forwards = towards(port, *place)
    if not forwards:
        sentence = f"VPC {vpc.id} forwards no port to {port} of {place[1].id}, so {wished} leads to no API server"
        remedy = f"forward a port such as 16443 to {port} of {_api_address(case)}, and open it in the firewall"
        yield case.finding("network.no-forward", "warning", path, sentence, remedy, FORWARDING)
        return
    if not any(is_open(forward.port, vpc.open_ports) for forward in forwards):
        ports = ", ".join(str(forward.port) for forward in forwards)
        sentence = f"The firewall of VPC {vpc.id} does not open {ports}, which is forwarded to the API server"
        yield case.finding("network.port-closed", "warning", path, sentence, f"open {ports} there", FORWARDING)
    nodes = _addresses(case.present, None if case.goal.ha else ("master",))
    for forward in forwards:
        # With three masters the load balancer is the way: a single node's address is not (guide G-098).
        if (case.goal.ha and forward.to in nodes) or (not case.goal.ha and nodes and forward.to not in nodes):
            sentence = f"Port {forward.port} of VPC {vpc.id} leads to {forward.to}, which is not {_api_address(case)}"
            remedy = f"forward it to {port} of {_api_address(case)}"
            yield case.finding("network.forward-astray", "warning", path, sentence, remedy, FORWARDING)


def _console(case: Case) -> Iterator[Finding]:
    """Without an EIP of its own the console is on a NodePort of the VPC's address (guide G-110 to G-114)."""
    place = place_of(case)
    if place is None or not case.goal.kubesphere or case.settings.values.get("kubesphere_eip"):
        return
    vpc, port, path = place[0], networks().constants["console_port"], ("env",)
    if vpc.eip is None:
        return
    forwards, clients = towards(port, *place), _addresses(case.present, ("client",))
    outer = ", ".join(str(forward.port) for forward in forwards)
    if not forwards:
        sentence = f"VPC {vpc.id} forwards no port to {port}: the console is not reached from outside"
        remedy = f"forward {port} to any node but the client, and open it in the VPC's firewall"
        yield case.finding("network.no-forward", "note", path, sentence, remedy, CONSOLE)
    elif not any(is_open(forward.port, vpc.open_ports) for forward in forwards):
        sentence = f"The firewall of VPC {vpc.id} does not open {outer}, which is forwarded to the console"
        yield case.finding("network.port-closed", "note", path, sentence, f"open {outer} there", CONSOLE)
    for forward in forwards:
        if forward.to in clients:
            sentence = f"Port {forward.port} of VPC {vpc.id} leads to the client {forward.to}, which has no console"
            remedy = f"forward it to {port} of a master or worker"
            yield case.finding("network.forward-astray", "warning", path, sentence, remedy, CONSOLE)


def _base_network(case: Case) -> Iterator[Finding]:
    if case.goal.vxnet == BASE_NETWORK:
        ports = " and ".join(needed.ports for needed in needed_ports(case.goal))
        sentence = f"In the basic network the default firewall must open {ports}"
        source, remedy = "user guide, FAQ, G-181", "open them, or choose a managed vxnet in a VPC"
        yield case.finding("network.base-network", "warning", ("vxnet",), sentence, remedy, source)


def _api_address(case: Case) -> str:
    return "the load balancer named like the cluster's id" if case.goal.ha else "the master"


def _addresses(cluster: WorldCluster | None, roles: tuple[str, ...] | None) -> frozenset[IPv4Address]:
    """Return the addresses of a cluster's nodes that a World knows; of all roles with None."""
    nodes = () if cluster is None else cluster.nodes
    known = (node.address for node in nodes if roles is None or node.role in roles)
    return frozenset(address for address in known if address is not None)


RULES: tuple[Rule, ...] = (_api, _console, _base_network)

"""Ports that a firewall must open for what the wish wants reached from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qke_core.catalog import networks
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding
from qke_core.rules.network.place import place_of

BASE_NETWORK = "vxnet-0"


def is_open(port: int, ranges: Sequence[str]) -> bool:
    """Whether a port lies in one of the ranges: `6443`, `30000-32767`."""
    for text in ranges:
        low, _, high = text.partition("-")
        if int(low) <= port <= int(high or low):
            return True
    return False


def _api(case: Case) -> Iterator[Finding]:
    """With kubernetes_eip on the VPC's own address, a forwarded port must be open (guide G-096 to G-099)."""
    place, world = place_of(case), case.world
    wished = str(case.settings.values.get("kubernetes_eip", ""))
    if place is None or world is None or not wished:
        return
    vpc = place[0]
    mine = {str(eip.address) for eip in world.eips or () if eip.id == vpc.eip}
    if wished not in mine:
        return  # It leads elsewhere: to a load balancer, which has its own firewall.
    port = networks().constants["api_port"]
    forwards = [forward for forward in vpc.forwards if forward.to_port == port]
    source, path = "user guide, Access through an EIP, G-095 to G-099", ("env", "kubernetes_eip")
    if not forwards:
        sentence = f"VPC {vpc.id} forwards no port to {port}, so {wished} does not lead to the API server"
        remedy = f"forward a port such as 16443 to {port} of the master, or of the load balancer with three masters"
        yield case.finding("network.no-forward", "warning", path, sentence, remedy, source)
    elif not any(is_open(forward.port, vpc.open_ports) for forward in forwards):
        ports = ", ".join(str(forward.port) for forward in forwards)
        sentence = f"The firewall of VPC {vpc.id} does not open {ports}, which is forwarded to the API server"
        yield case.finding("network.port-closed", "warning", path, sentence, f"open {ports} there", source)


def _console(case: Case) -> Iterator[Finding]:
    """Without an EIP of its own the console is on a NodePort of the VPC's address (guide G-110 to G-114)."""
    place = place_of(case)
    if place is None or not case.settings.install_kubesphere or case.settings.values.get("kubesphere_eip"):
        return
    vpc, port = place[0], networks().constants["console_port"]
    if vpc.eip is not None and not any(forward.to_port == port for forward in vpc.forwards):
        sentence = f"VPC {vpc.id} forwards no port to {port}: the console is not reached from outside"
        remedy = f"forward {port} to any node but the client, and open it in the VPC's firewall"
        source = "user guide, KubeSphere console, G-110 to G-113"
        yield case.finding("network.no-forward", "note", ("env",), sentence, remedy, source)
    elif vpc.eip is not None and not is_open(port, vpc.open_ports):
        sentence = f"The firewall of VPC {vpc.id} does not open {port}, the port of the console"
        source = "user guide, KubeSphere console, G-113"
        yield case.finding("network.port-closed", "note", ("env",), sentence, f"open {port} there", source)


def _base_network(case: Case) -> Iterator[Finding]:
    if case.goal.vxnet == BASE_NETWORK:
        ports = f"{networks().constants['api_port']} and {case.settings.text('cluster_port_range')}"
        sentence = f"In the basic network the default firewall must open {ports}"
        source, remedy = "user guide, FAQ, G-181", "open them, or choose a managed vxnet"
        yield case.finding("network.base-network", "warning", ("vxnet",), sentence, remedy, source)


RULES: tuple[Rule, ...] = (_api, _console, _base_network)

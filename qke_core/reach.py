"""Whether a packet gets there: from the internet or an inner address to `address:port`, hop by hop.

A route is walked as a packet would go: public address, firewall, port forwarding or load balancer, host, listening
port. The first hop that blocks ends it and says what opens it. Nothing here knows the twin: it asks a `NetworkView`.

Rule: docs/rules/network.md; user guide, Access through an EIP and KubeSphere console, G-093 to G-115; FAQ, G-181.
Inside a VPC no firewall stands between hosts (assumed: security groups guard what comes from outside, and the basic
network); a load balancer's own security group guards its inner address too (assumed).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal

from qke_core.catalog import networks
from qke_core.errors import InputError
from qke_core.models.network import PORT_MAX
from qke_core.netview import (
    BackendView,
    BalancerView,
    EipView,
    Firewall,
    Forward,
    ListenerView,
    MachineView,
    NetworkView,
    VpcView,
)
from qke_core.suggest import did_you_mean

INTERNET = "internet"
BASE_NETWORK = "vxnet-0"
GUIDE_EIP = "user guide, Access through an EIP"
GUIDE_CONSOLE = "user guide, KubeSphere console"
CLOUD_DOCS = "yunify/qingcloud-docs"

HopKind = Literal["address", "eip", "vpc", "firewall", "forwarding", "balancer", "listener", "backend", "host", "port"]
Verdict = Literal["passes", "blocks", "answers"]


@dataclass(frozen=True, slots=True)
class Hop:
    """One place on the way. `rule` is the source of the rule; `remedy` what opens it, "" where nothing blocks."""

    kind: HopKind
    name: str
    verdict: Verdict
    why: str
    rule: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A way that was walked: the last hop answers or blocks, all before it pass."""

    source: str
    target: str
    hops: tuple[Hop, ...]

    @property
    def blocked(self) -> Hop | None:
        """The hop that blocks; None when the packet gets there."""
        last = self.hops[-1]
        return last if last.verdict == "blocks" else None

    @property
    def reached(self) -> bool:
        """Whether something answers at the end."""
        return self.blocked is None

    @property
    def blocked_by(self) -> str:
        """The kind of the hop that blocks, "" when none does."""
        return "" if self.blocked is None else self.blocked.kind


@dataclass(frozen=True, slots=True)
class _Packet:
    """What travels: where it is heading, and who sent it. `sender` None: somebody in the internet."""

    address: IPv4Address
    port: int
    sender: IPv4Address | None
    machine: MachineView | None = None
    protocol: str = "tcp"

    def to(self, address: IPv4Address, port: int) -> _Packet:
        """Return it with another destination."""
        return _Packet(address, port, self.sender, self.machine, self.protocol)

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


def reach(view: NetworkView, source: str, target: str) -> Route:
    """Walk from `source` to `target` and return the way.

    Args:
        view: the network as it is.
        source: `internet`, an inner address, or the name of a host or id of its instance.
        target: `place:port`; the place is an address, a host, or the id or name of an EIP or load balancer.

    Raises:
        InputError: `reach.target`, `reach.source`.
    """
    packet = _packet(view, source, target)
    hops: list[Hop] = []
    start = _from_internet(view, packet) if source == INTERNET else _from_inside(view, packet, source)
    for hop in start:
        hops.append(hop)
        if hop.verdict != "passes":
            break
    return Route(source, target, tuple(hops))


def _packet(view: NetworkView, source: str, target: str) -> _Packet:
    place, colon, digits = target.rpartition(":")
    port = int(digits) if digits.isascii() and digits.isdecimal() else 0
    if not colon or not 1 <= port <= PORT_MAX:
        raise InputError(
            "reach.target",
            f"{target!r} is not a place and a port",
            "write it like 139.198.0.10:6443 or eip-a1b2c3d4:6443",
        )
    address = _address(view, place)
    if address is None:
        raise InputError("reach.target", f"There is no {place!r}", did_you_mean(place, _names(view)))
    if source == INTERNET:
        return _Packet(address, port, None)
    machine = view.machine(source)
    sender = _as_address(source) if machine is None else machine.address
    if sender is None:
        names = [INTERNET, *(found.name for found in view.machines)]
        raise InputError("reach.source", f"There is no {source!r} to start from", did_you_mean(source, names))
    if machine is None:
        machine = next((found for found in view.machines if found.address == sender), None)
    return _Packet(address, port, sender, machine)


def _as_address(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except ValueError:
        return None


def _address(view: NetworkView, place: str) -> IPv4Address | None:
    """Return the address that a place names; of a load balancer the inner one, else that of its first EIP."""
    if (found := _as_address(place)) is not None:
        return found
    if (machine := view.machine(place)) is not None:
        return machine.address
    for eip in view.eips:
        if eip.id == place:
            return eip.address
    for balancer in view.balancers:
        if place in (balancer.id, balancer.name):
            own = next((eip.address for eip in view.eips if eip.bound_to == balancer.id), None)
            return balancer.address or own
    return None


def _names(view: NetworkView) -> list[str]:
    return [
        *(eip.id for eip in view.eips),
        *(machine.name for machine in view.machines),
        *(balancer.id for balancer in view.balancers),
    ]


# ---- From outside ----------------------------------------------------------------------------------------------------


def _from_internet(view: NetworkView, packet: _Packet) -> Iterator[Hop]:
    eip = view.eip_at(packet.address)
    if eip is None:
        if packet.address.is_private:
            why, remedy = "it is a private address: no way leads there from outside", "ask for an EIP, or from inside"
        else:
            why, remedy = "it is no public address of this account", "take one of the account's EIPs"
        yield Hop("address", str(packet.address), "blocks", why, CLOUD_DOCS + ", EIP", remedy)
        return
    closed = {networks().constants["http_port"], networks().constants["https_port"]}
    if packet.sender is None and packet.port in closed and not eip.icp:
        why = f"port {packet.port} is closed on an address without an ICP filing"
        yield Hop(
            "eip",
            _eip_name(eip),
            "blocks",
            why,
            "user guide, LB integration, G-149",
            "file for ICP, or take another port",
        )
    yield from _eip(view, packet, eip)


def _eip_name(eip: EipView) -> str:
    return f"EIP {eip.id} ({eip.address})"


def _eip(view: NetworkView, packet: _Packet, eip: EipView) -> Iterator[Hop]:
    """Go on at whatever the address is bound to."""
    name = _eip_name(eip)
    if eip.status not in ("associated", "available"):
        yield Hop("eip", name, "blocks", f"it is {eip.status}", f"{CLOUD_DOCS}, EIP", "resume it, or take another one")
    if not eip.bound_to:
        rule = f"{GUIDE_EIP}, G-096, G-100"
        yield Hop("eip", name, "blocks", "it is bound to nothing", rule, "bind it to the VPC, or to a load balancer")
        return
    yield Hop("eip", name, "passes", f"is bound to {eip.bound_to}")
    for vpc in view.vpcs:
        if vpc.id == eip.bound_to:
            yield from _through_vpc(view, packet, eip, vpc)
            return
    for balancer in view.balancers:
        if balancer.id == eip.bound_to:
            yield from _balancer(view, packet, balancer)
            return
    machine = view.machine(eip.bound_to)
    if machine is None:
        yield Hop(
            "eip", name, "blocks", f"{eip.bound_to} is gone", f"{CLOUD_DOCS}, EIP", "bind it to something that stands"
        )
        return
    yield from _guard(
        packet, machine.firewall, f"instance {machine.id}", "the address of an instance leads to it alone"
    )
    yield from _machine(view, packet.to(machine.address, packet.port), machine)


def _through_vpc(view: NetworkView, packet: _Packet, eip: EipView, vpc: VpcView) -> Iterator[Hop]:
    """Pass the VPC: its power, its firewall at the outer port, and a forwarding rule (guide G-096 to G-099)."""
    name = f"VPC {vpc.id}"
    yield from _runs(name, vpc)
    if vpc.eip != eip.id:
        why = f"it does not use {eip.id} yet: the change is not applied"
        yield Hop("vpc", name, "blocks", why, f"{CLOUD_DOCS}, UpdateRouters", f"apply it: UpdateRouters {vpc.id}")
    yield Hop("vpc", name, "passes", f"uses {eip.address} as its public address", f"{GUIDE_EIP}, G-096")
    yield from _guard(packet, vpc.firewall, name, f"{GUIDE_EIP}, G-099; {GUIDE_CONSOLE}, G-113")
    forward = _forward(packet, vpc)
    if forward is None:
        yield _no_forward(packet, vpc)
        return
    inner = packet.to(forward.to, forward.to_port)
    yield Hop("forwarding", f"forwarding {forward.port}", "passes", f"leads to {inner}", f"{GUIDE_EIP}, G-097 to G-099")
    yield from _inside(view, inner, vpc, "the forwarding rule")


def _runs(name: str, vpc: VpcView) -> Iterator[Hop]:
    if vpc.status != "active":
        rule = f"{CLOUD_DOCS}, VPC"
        yield Hop("vpc", name, "blocks", f"it is {vpc.status}", rule, f"switch it on: PowerOnRouters {vpc.id}")


def _forward(packet: _Packet, vpc: VpcView) -> Forward | None:
    fits = (rule for rule in vpc.forwards if (rule.port, rule.protocol) == (packet.port, packet.protocol))
    return next(fits, None)


def _no_forward(packet: _Packet, vpc: VpcView) -> Hop:
    remedy = f"forward port {packet.port} of the VPC to an inner address and port, then UpdateRouters {vpc.id}"
    if vpc.edited:
        remedy = f"apply what was edited: UpdateRouters {vpc.id}; else {remedy}"
    why = f"no rule in effect forwards port {packet.port}"
    rule = f"{GUIDE_EIP}, G-099; {GUIDE_CONSOLE}, G-111"
    return Hop("forwarding", f"forwarding of VPC {vpc.id}", "blocks", why, rule, remedy)


def _guard(packet: _Packet, firewall: Firewall | None, of: str, rule: str) -> Iterator[Hop]:
    """Pass the firewall of something; what no rule accepts is dropped."""
    opens = f"TCP port {packet.port}"
    if firewall is None:
        why = f"{of} has no security group, so nothing accepts {opens}"
        yield Hop("firewall", f"firewall of {of}", "blocks", why, rule, f"bind one that accepts {opens} to it")
        return
    name, decides = f"firewall {firewall.id}", firewall.decide(packet.port, packet.protocol, packet.sender)
    if decides is not None and decides.accepts:
        yield Hop("firewall", name, "passes", f"rule {decides.id} accepts {opens}", rule)
        return
    why = f"no rule in effect accepts {opens}" if decides is None else f"rule {decides.id} drops {opens}"
    remedy = f"accept {opens} in it, then ApplySecurityGroup {firewall.id}"
    if firewall.edited:
        remedy = f"apply what was edited: ApplySecurityGroup {firewall.id}; else {remedy}"
    yield Hop("firewall", name, "blocks", why, rule, remedy)


# ---- Inside ----------------------------------------------------------------------------------------------------------


def _from_inside(view: NetworkView, packet: _Packet, source: str) -> Iterator[Hop]:
    """Leave an inner address: to a neighbour directly, to a public address through the own VPC's."""
    if packet.machine is not None and not packet.machine.up:
        yield Hop("host", packet.machine.name, "blocks", "it is down, so nothing starts there", "", "start it")
    vxnet, vpc = _home(view, packet.sender, packet.machine)
    if vxnet is None:
        why, remedy = "it lies in no private network of this account", "start from an address of one of its vxnets"
        yield Hop("address", source, "blocks", why, f"{CLOUD_DOCS}, vxnet", remedy)
        return
    if view.eip_at(packet.address) is None and packet.address.is_private:
        yield Hop("address", source, "passes", f"stands in {vxnet}" + ("" if vpc is None else f" of VPC {vpc.id}"))
        yield from _neighbour(view, packet, vxnet, vpc)
        return
    if vxnet != BASE_NETWORK:
        own = None if vpc is None else next((eip for eip in view.eips if eip.id == vpc.eip), None)
        if vpc is None or own is None:
            why, remedy = "its VPC has no public address, so nothing gets out", "bind an EIP to the VPC"
            yield Hop("vpc", vxnet if vpc is None else f"VPC {vpc.id}", "blocks", why, "user guide, FAQ, G-180", remedy)
            return
        yield from _runs(f"VPC {vpc.id}", vpc)
        yield Hop("vpc", f"VPC {vpc.id}", "passes", f"sends it out as {own.address}", "user guide, FAQ, G-180")
        packet = _Packet(packet.address, packet.port, own.address)
    yield from _from_internet(view, packet)


def _home(
    view: NetworkView, address: IPv4Address | None, machine: MachineView | None
) -> tuple[str | None, VpcView | None]:
    """Return the vxnet an inner address lies in, and the VPC of that."""
    if machine is not None and machine.vxnet:
        return machine.vxnet, view.vpc_of(machine.vxnet)
    for vxnet in view.vxnets:
        if vxnet.network is not None and address in vxnet.network:
            return vxnet.id, view.vpc_of(vxnet.id)
    return None, None


def _neighbour(view: NetworkView, packet: _Packet, vxnet: str, vpc: VpcView | None) -> Iterator[Hop]:
    """Go to a private address from a vxnet: within it directly, to another one through the VPC that both joined."""
    there, there_vpc = _place(view, packet.address)
    if there is not None and there != vxnet:
        if vpc is None or there_vpc is None or vpc.id != there_vpc.id:
            why = f"{packet.address} stands in {there}, and no VPC joins that with {vxnet}"
            yield Hop(
                "vpc",
                vxnet if vpc is None else f"VPC {vpc.id}",
                "blocks",
                why,
                f"{CLOUD_DOCS}, JoinRouter",
                "put both into one VPC",
            )
            return
        yield from _runs(f"VPC {vpc.id}", vpc)
        yield Hop("vpc", f"VPC {vpc.id}", "passes", f"joins {vxnet} and {there}", f"{CLOUD_DOCS}, JoinRouter")
    yield from _deliver(view, packet)


def _place(view: NetworkView, address: IPv4Address) -> tuple[str | None, VpcView | None]:
    """Return the vxnet of whatever has a private address, else of the range it lies in."""
    for found in (*view.machines, *view.balancers):
        if found.address == address and found.vxnet:
            return found.vxnet, view.vpc_of(found.vxnet)
    return _home(view, address, None)


def _inside(view: NetworkView, packet: _Packet, vpc: VpcView, by: str) -> Iterator[Hop]:
    """Go on inside a VPC to an address that somebody wrote down there."""
    _, there = _place(view, packet.address)
    if there is None or there.id != vpc.id:
        why = f"{packet.address} is not in a vxnet of this VPC"
        yield Hop("vpc", f"VPC {vpc.id}", "blocks", why, f"{GUIDE_EIP}, G-097, G-098", f"correct {by}")
    yield from _deliver(view, packet)


def _deliver(view: NetworkView, packet: _Packet) -> Iterator[Hop]:
    """Hand a packet to whoever has the private address."""
    for balancer in view.balancers:
        if balancer.address == packet.address and balancer.status not in ("deleted", "ceased"):
            yield from _balancer(view, packet, balancer)
            return
    for machine in view.machines:
        if machine.address == packet.address:
            yield from _machine(view, packet, machine)
            return
    why = f"nothing has the address {packet.address}"
    yield Hop("host", str(packet.address), "blocks", why, "", "take the address of a host, or of a load balancer")


def _balancer(view: NetworkView, packet: _Packet, balancer: BalancerView) -> Iterator[Hop]:
    """Pass a load balancer: it runs, lets the port in, listens there, and has somebody to hand it to (guide G-098)."""
    name = f"load balancer {balancer.id}"
    docs = f"{CLOUD_DOCS}, load balancer"
    if balancer.status != "active":
        yield Hop("balancer", name, "blocks", f"it is {balancer.status}", docs, "start it, or wait until it is active")
    yield Hop("balancer", name, "passes", "is active")
    yield from _guard(packet, balancer.firewall, name, "user guide, Preparation, G-030, G-031")
    listener = next((found for found in balancer.listeners if found.port == packet.port), None)
    if listener is None:
        remedy = f"add a listener on {packet.port}, then UpdateLoadBalancers {balancer.id}"
        if balancer.edited:
            remedy = f"apply what was edited: UpdateLoadBalancers {balancer.id}; else {remedy}"
        why = f"it has no listener on port {packet.port} in effect"
        yield Hop("listener", name, "blocks", why, docs, remedy)
        return
    yield Hop("listener", f"listener {listener.id}", "passes", f"takes port {listener.port}")
    yield from _backends(view, packet, balancer, listener)


def _backends(view: NetworkView, packet: _Packet, balancer: BalancerView, listener: ListenerView) -> Iterator[Hop]:
    """Take the first backend that answers: a refused connection is tried on another at once (assumed: redispatch)."""
    used = [backend for backend in listener.backends if backend.uses]
    if not used:
        why = "it has no backend" if not listener.backends else "no backend passes its health checks"
        remedy = (
            f"add backends, then UpdateLoadBalancers {balancer.id}" if not listener.backends else "repair its backends"
        )
        yield Hop("backend", f"listener {listener.id}", "blocks", why, f"{CLOUD_DOCS}, load balancer", remedy)
        return
    ways = [_way(view, packet, backend) for backend in used]
    yield from next((way for way in ways if way[-1].verdict == "answers"), ways[0])


def _way(view: NetworkView, packet: _Packet, backend: BackendView) -> list[Hop]:
    inner = _Packet(backend.address, backend.port, packet.sender)  # The balancer sends it on: a cut is not in its way.
    hops = [Hop("backend", f"backend {backend.id}", "passes", f"leads to {inner}")]
    for hop in _deliver(view, inner):
        hops.append(hop)
        if hop.verdict != "passes":
            break
    return hops


def _machine(view: NetworkView, packet: _Packet, machine: MachineView) -> Iterator[Hop]:
    """Arrive: the host runs, and something listens and answers."""
    if packet.machine is not None and frozenset((packet.machine.name, machine.name)) in view.cuts:
        why = f"the network between {packet.machine.name} and it is cut"
        yield Hop("host", machine.name, "blocks", why, "", "wait until the network is whole again")
    if not machine.up:
        yield Hop("host", machine.name, "blocks", "it is down", "", f"start instance {machine.id}")
    if machine.vxnet == BASE_NETWORK and packet.machine is not machine:
        yield from _guard(packet, machine.firewall, f"instance {machine.id}", "user guide, FAQ, G-181")
    yield Hop("host", machine.name, "passes", "is up")
    found = machine.ports.get(packet.port)
    name = f"port {packet.port}"
    if found is None:
        why = f"nothing on {machine.name} listens on port {packet.port}"
        yield Hop("port", name, "blocks", why, "", "take a port that something listens on")
    elif found.silent:
        yield Hop(
            "port", name, "blocks", f"{found.what} does not answer: {found.silent}", "", "repair what is behind it"
        )
    else:
        yield Hop("port", name, "answers", f"{found.what} answers")

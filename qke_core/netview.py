"""A network as packets meet it at one instant: what is in effect, not what somebody has edited meanwhile.

Plain and immutable: the twin, a World or a test can make one. `qke_core.reach` asks it what gets where.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from types import MappingProxyType

PRIORITY_MAX = 100
"""Rules of a firewall have priorities from 0, which decides first, to this."""


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """One inward rule in effect. `ports` has both ends, None means all; `peers` may send, None means anybody."""

    id: str
    priority: int
    accepts: bool = True
    protocol: str = "tcp"
    ports: tuple[int, int] | None = None
    peers: tuple[IPv4Network, ...] | None = None

    def covers(self, port: int, protocol: str, sender: IPv4Address | None) -> bool:
        """Whether it speaks about such a packet; `sender` None is somebody in the internet, of unknown address."""
        if protocol != self.protocol or (self.ports is not None and not self.ports[0] <= port <= self.ports[1]):
            return False
        if self.peers is None:
            return True
        return any(peer.prefixlen == 0 or (sender is not None and sender in peer) for peer in self.peers)


@dataclass(frozen=True, slots=True)
class Firewall:
    """The rules of a security group that are in effect. `edited`: others wait for being applied."""

    id: str
    rules: tuple[FirewallRule, ...] = ()
    edited: bool = False

    def decide(self, port: int, protocol: str, sender: IPv4Address | None) -> FirewallRule | None:
        """Return the rule that decides: the first that covers, by priority, then in order; None when none does."""
        covering = (rule for rule in self.rules if rule.covers(port, protocol, sender))
        return min(covering, key=lambda rule: rule.priority, default=None)


@dataclass(frozen=True, slots=True)
class Forward:
    """A port of a VPC's public address that leads to an inner address, in effect."""

    id: str
    port: int
    to: IPv4Address
    to_port: int
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class VpcView:
    """A VPC. `eip` is the id of the address in effect, "" for none; `edited`: changes wait for being applied."""

    id: str
    network: IPv4Network | None
    status: str = "active"
    eip: str = ""
    firewall: Firewall | None = None
    forwards: tuple[Forward, ...] = ()
    edited: bool = False


@dataclass(frozen=True, slots=True)
class VxnetView:
    """A private network. `vpc` is the id of the VPC it joined, "" for none."""

    id: str
    network: IPv4Network | None = None
    vpc: str = ""


@dataclass(frozen=True, slots=True)
class EipView:
    """A public address. `bound_to` is the id of what has it, "" for nothing; `icp`: a domain on it has a filing."""

    id: str
    address: IPv4Address
    bound_to: str = ""
    status: str = "associated"
    icp: bool = False


@dataclass(frozen=True, slots=True)
class BackendView:
    """Who serves a listener. `uses`: the health checks let the balancer use it."""

    id: str
    address: IPv4Address
    port: int
    uses: bool = True


@dataclass(frozen=True, slots=True)
class ListenerView:
    """A port a load balancer listens on, in effect."""

    id: str
    port: int
    protocol: str = "tcp"
    backends: tuple[BackendView, ...] = ()


@dataclass(frozen=True, slots=True)
class BalancerView:
    """A load balancer. `edited`: listeners or backends wait for being applied."""

    id: str
    name: str
    status: str = "active"
    vxnet: str = ""
    address: IPv4Address | None = None
    firewall: Firewall | None = None
    listeners: tuple[ListenerView, ...] = ()
    edited: bool = False


@dataclass(frozen=True, slots=True)
class PortView:
    """A port that something on a machine listens on; `silent` says why nobody answers behind it, "" when one does."""

    what: str
    silent: str = ""


@dataclass(frozen=True, slots=True)
class MachineView:
    """A host. `id` is its instance's; `ports` are what it listens on, by TCP port."""

    id: str
    name: str
    address: IPv4Address
    vxnet: str = ""
    up: bool = True
    ports: Mapping[int, PortView] = field(default_factory=lambda: MappingProxyType({}))
    firewall: Firewall | None = None


@dataclass(frozen=True, slots=True)
class NetworkView:
    """All of it. `cuts` are pairs of machine names between which no packet passes, either way."""

    vpcs: tuple[VpcView, ...] = ()
    vxnets: tuple[VxnetView, ...] = ()
    eips: tuple[EipView, ...] = ()
    balancers: tuple[BalancerView, ...] = ()
    machines: tuple[MachineView, ...] = ()
    cuts: frozenset[frozenset[str]] = frozenset()

    def vpc_of(self, vxnet_id: str) -> VpcView | None:
        """Return the VPC that a vxnet joined; None when it is in none."""
        joined = next((vxnet.vpc for vxnet in self.vxnets if vxnet.id == vxnet_id), "")
        return next((vpc for vpc in self.vpcs if vpc.id == joined), None)

    def eip_at(self, address: IPv4Address) -> EipView | None:
        """Return the account's public address of that number."""
        return next((eip for eip in self.eips if eip.address == address), None)

    def machine(self, key: str) -> MachineView | None:
        """Return a machine by its name or the id of its instance."""
        return next((found for found in self.machines if key in (found.name, found.id)), None)

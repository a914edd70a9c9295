"""Networks of a World as things: VPCs with firewall and forwarding, vxnets, EIPs; and what a World leaves unsaid.

A twin's clusters must stand somewhere. Where the World lists no VPC for a cluster, one is implied: a VPC of
192.168.0.0/16 in which every such cluster has a vxnet of its own. Its firewall lets nothing in, and it counts nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network
from itertools import count

from qke_core.models import World
from qke_core.models.network import Eip as ListedEip
from qke_core.models.network import Vpc
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.eip import Eip
from qke_sim.cloud.router import FORWARDING, FREE, SIZES, Router, RouterForm, RouterStatic, StaticForm
from qke_sim.cloud.securitygroup import RuleForm, SecurityGroup, SecurityRule
from qke_sim.cloud.vxnet import BASE_NETWORK, MANAGED, SELF_MANAGED, Vxnet, joined
from qke_sim.ids import make_id
from qke_sim.populate.balancer import balancer_id

IMPLIED_NETWORK = IPv4Network("192.168.0.0/16")
BASE_RANGE = IPv4Network("10.140.0.0/24")
"""Addresses of the shared base network (assumed: its real range is the zone's business)."""

NEWCOMERS = "newcomers"
"""Whose vxnet is for clusters that a World without networks does not know yet."""

DEFAULT_RULES = (("icmp", ""), ("tcp", "22"))
"""What the default firewall accepts: ping and ssh (assumed)."""


def place_networks(cloud: Cloud, world: World) -> None:
    """Place every network that the World lists or implies, before the clusters that stand in them."""
    _place_group(cloud, make_id("sg", "default"), "default security group", DEFAULT_RULES, is_default=1)
    base = Vxnet(id=BASE_NETWORK, name="base network", **joined(BASE_RANGE))
    cloud.store.place(base)
    bound = {eip.id for vpc in world.vpcs or () if (eip := _eip_of(vpc, world.eips or ())) is not None}
    for eip in world.eips or ():
        cloud.store.place(_eip(eip, world, bound))
    for vpc in world.vpcs or ():
        _place_vpc(cloud, vpc)
    _imply(cloud, world)


def vxnet_of(cloud: Cloud, name: str, vxnet_id: str | None) -> Vxnet:
    """Return the vxnet that a cluster stands in: the one it names, else one implied: its own, or for newcomers."""
    for wanted in (vxnet_id or "", _implied_id(name), _implied_id(NEWCOMERS)):
        if (found := cloud.store.find(Vxnet, wanted)) is not None:
            return found
    return cloud.store.get(Vxnet, BASE_NETWORK)


def _implied_id(name: str) -> str:
    return make_id("vxnet", name, length=7)


def _imply(cloud: Cloud, world: World) -> None:
    """Place the VPC and vxnets that clusters need and the World does not list; one for those yet to be created."""
    lost = [
        (place, wish.vxnet or _implied_id(wish.name))
        for place, wish in enumerate(world.clusters)
        if cloud.store.find(Vxnet, wish.vxnet or "") is None
    ]
    if world.vpcs is None:
        lost.append((len(world.clusters), _implied_id(NEWCOMERS)))
    if not lost:
        return
    router_id = make_id("rtr", "implied")
    group = _place_group(cloud, make_id("sg", router_id), f"firewall of {router_id}", ())
    cloud.store.place(
        Router(
            id=router_id,
            name="implied",
            status="active",
            vpc_network=str(IMPLIED_NETWORK),
            security_group_id=group,
            in_effect=RouterForm(security_group_id=group),
            counted=False,
        )
    )
    ranges = list(IMPLIED_NETWORK.subnets(new_prefix=24))
    for place, vxnet_id in lost:
        if cloud.store.find(Vxnet, vxnet_id) is None:
            fields = joined(ranges[place])
            cloud.store.place(Vxnet(id=vxnet_id, router_id=router_id, counted=False, **fields))


def _place_vpc(cloud: Cloud, vpc: Vpc) -> None:
    group = _place_group(
        cloud, make_id("sg", vpc.id), f"firewall of {vpc.id}", [("tcp", text) for text in vpc.open_ports]
    )
    statics = [
        StaticForm(
            make_id("rtrs", vpc.id, forward.port),
            FORWARDING,
            (str(forward.port), str(forward.to), str(forward.to_port), "tcp"),
        )
        for forward in vpc.forwards
    ]
    codes = {size: code for code, size in SIZES.items()}
    cloud.store.place(
        Router(
            id=vpc.id,
            status="active",
            router_type=codes.get(vpc.type, FREE),
            vpc_network=str(vpc.network),
            eip_id=vpc.eip or "",
            security_group_id=group,
            in_effect=RouterForm(vpc.eip or "", group, tuple(statics)),
        )
    )
    for form in statics:
        cloud.store.place(RouterStatic(id=form.id, router_id=vpc.id, form=form))
    ranges = _free_ranges(vpc)
    for listed in vpc.vxnets:
        network = listed.network or next(ranges)
        cloud.store.place(
            Vxnet(
                id=listed.id,
                vxnet_type=MANAGED if listed.managed else SELF_MANAGED,
                features=int(listed.dhcp),
                router_id=vpc.id,
                elsewhere=listed.used,
                **joined(network),
            )
        )


def _free_ranges(vpc: Vpc) -> Iterator[IPv4Network]:
    """Yield ranges for vxnets of which the World does not say theirs: a /24 after the other that overlaps none."""
    known = [vxnet.network for vxnet in vpc.vxnets if vxnet.network is not None]
    for network in vpc.network.subnets(new_prefix=max(24, vpc.network.prefixlen)):
        if not any(network.overlaps(other) for other in known):
            yield network
    while True:
        yield vpc.network  # More vxnets than ranges: the rules of networks have said so.


def _place_group(
    cloud: Cloud, group_id: str, name: str, accepts: Iterable[tuple[str, str]], *, is_default: int = 0
) -> str:
    """Place a firewall with its rules in effect; `accepts` are protocols with a port or a range of ports."""
    forms: list[RuleForm] = []
    for number, (protocol, ports) in zip(count(1), accepts, strict=False):
        low, _, high = ports.partition("-")
        form = RuleForm(make_id("sgr", group_id, number), number, protocol, val1=low, val2=high or low)
        cloud.store.place(SecurityRule(id=form.id, group_id=group_id, form=form))
        forms.append(form)
    cloud.store.place(
        SecurityGroup(id=group_id, name=name, is_default=is_default, in_effect=tuple(forms), counted=False)
    )
    return group_id


def _eip_of(vpc: Vpc, eips: Iterable[ListedEip]) -> ListedEip | None:
    return next((eip for eip in eips if eip.id == vpc.eip), None)


def _wanted_by(listed: ListedEip, world: World) -> str:
    """Return the id of the cluster's own balancer that has an address, by the parameters that choose one; else ""."""
    for wish in world.clusters:
        values = wish.settings.values
        if values.get("kubesphere_eip") == listed.id:
            return balancer_id(wish.name, "console")
        by_address = values.get("kubernetes_eip") == str(listed.address) and listed.bound_to.startswith("lb-")
        if by_address or values.get("kubernetes_eip_id") == listed.id:
            return balancer_id(wish.name, "apiserver")
    return ""


def _eip(listed: ListedEip, world: World, of_vpcs: set[str]) -> Eip:
    """Return an EIP as a thing; one that a VPC or a cluster names is bound to that, whatever `bound_to` leaves out."""
    holder = _wanted_by(listed, world) or listed.bound_to
    holder = holder or next((vpc.id for vpc in world.vpcs or () if vpc.eip == listed.id), "")
    if listed.id in of_vpcs:
        kind = "router"
    else:
        kind = {"i": "instance", "rtr": "router"}.get(holder.partition("-")[0], "loadbalancer")
    return Eip(
        id=listed.id,
        status="associated" if holder else "available",
        eip_addr=str(listed.address),
        bandwidth=listed.bandwidth,
        billing_mode=listed.billing,
        need_icp=int(listed.icp),
        icp_codes="filed" if listed.icp else "",
        resource_id=holder,
        resource_type=kind if holder else "",
    )

"""Networks of a world that contradict themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from qke_core.catalog import networks
from qke_core.documents import Path
from qke_core.models.network import Vpc
from qke_core.models.world import World
from qke_core.rules.case import WorldRule, world_finding
from qke_core.rules.finding import Finding
from qke_core.rules.network.address import ID_KEYS
from qke_core.rules.network.place import BASE_NETWORK, vxnets_of
from qke_core.rules.network.room import USUAL_PREFIX, left_in, room_of, taken_by
from qke_core.suggest import did_you_mean

SOURCE = "a world must not contradict itself"
DOCS = "yunify/qingcloud-docs, VPC and vxnet"
CHECK = "write the range that the cloud shows"


def _ids(world: World) -> Iterator[Finding]:
    """One id names one thing, one address one EIP, one private address of a VPC one node."""
    seen: set[tuple[str, str]] = set()
    for path, name, within in _all_ids(world):
        if (name, within) in seen:
            yield world_finding("world.twice", "blocker", path, f"{name!r} is there twice", "keep one", SOURCE)
        seen.add((name, within))


def _all_ids(world: World) -> Iterator[tuple[Path, str, str]]:
    """Yield every name, where it stands, and the part of the world in which it must be the only one."""
    for n, vpc in enumerate(world.vpcs or ()):
        yield ("vpcs", n, "id"), vpc.id, ""
        for m, vxnet in enumerate(vpc.vxnets):
            yield ("vpcs", n, "vxnets", m, "id"), vxnet.id, ""
    for n, eip in enumerate(world.eips or ()):
        yield ("eips", n, "id"), eip.id, ""
        yield ("eips", n, "address"), str(eip.address), ""
    for n, service in enumerate(world.linked or ()):
        yield ("linked", n, "id"), service.id, ""
    known = vxnets_of(world)
    for n, cluster in enumerate(world.clusters):
        for m, node in enumerate(cluster.nodes):
            found = known.get(node.vxnet or cluster.vxnet or "")
            if node.address is not None and found is not None:
                yield ("clusters", n, "nodes", m, "address"), str(node.address), found[0].id


def _ranges(world: World) -> Iterator[Finding]:
    """A vxnet lies inside its VPC and beside the others. VPCs know nothing of one another and may overlap."""
    for n, vpc in enumerate(world.vpcs or ()):
        if not any(vpc.network.subnet_of(allowed) for allowed in networks().vpc_networks):
            names = ", ".join(str(allowed) for allowed in networks().vpc_networks)
            sentence = f"VPC {vpc.id} has {vpc.network}; new VPCs are offered inside {names}"
            yield world_finding("network.vpc-range", "warning", ("vpcs", n, "network"), sentence, CHECK, DOCS)
        for m, vxnet in enumerate(vpc.vxnets):
            path, network = ("vpcs", n, "vxnets", m, "network"), vxnet.network
            if network is None:
                continue
            if not network.subnet_of(vpc.network):
                sentence = f"{vxnet.id} {network} lies outside its VPC {vpc.id} {vpc.network}"
                yield world_finding("world.vxnet-outside", "blocker", path, sentence, "correct one of them", SOURCE)
            if network.prefixlen != USUAL_PREFIX:
                sentence = f"{vxnet.id} has {network}; vxnets are /24"
                yield world_finding("network.vxnet-prefix", "warning", path, sentence, CHECK, DOCS)
            for other in vpc.vxnets[:m]:
                if other.network is not None and other.network.overlaps(network):
                    sentence = f"{vxnet.id} {network} overlaps {other.id} {other.network}"
                    yield world_finding("world.vxnet-overlap", "blocker", path, sentence, "correct one of them", SOURCE)


def _named(world: World) -> Iterator[Finding]:
    """What is named must be there: vxnets of clusters, nodes, services and registries. The basic network always is."""
    if world.vpcs is None:
        return
    known = vxnets_of(world)
    vpcs = {vpc.id for vpc in world.vpcs}
    for path, name in _vxnets_named(world):
        if name not in known and name not in vpcs and name != BASE_NETWORK:
            sentence, remedy = f"There is no vxnet {name!r}", did_you_mean(name, known)
            yield world_finding("world.vxnet-unknown", "blocker", path, sentence, remedy, SOURCE)


def _vxnets_named(world: World) -> Iterator[tuple[Path, str]]:
    for n, cluster in enumerate(world.clusters):
        if cluster.vxnet is not None:
            yield ("clusters", n, "vxnet"), cluster.vxnet
        for m, node in enumerate(cluster.nodes):
            if node.vxnet is not None:
                yield ("clusters", n, "nodes", m, "vxnet"), node.vxnet
    for n, service in enumerate(world.linked or ()):
        yield ("linked", n, "vxnet"), service.vxnet
    for n, registry in enumerate(world.registries or ()):
        if registry.reachable_from != "internet":
            yield ("registries", n, "reachable_from"), registry.reachable_from


def _forwards(world: World) -> Iterator[Finding]:
    """A port of a VPC leads to one address, which is inside the VPC."""
    for n, vpc in enumerate(world.vpcs or ()):
        seen: set[int] = set()
        for m, forward in enumerate(vpc.forwards):
            path = ("vpcs", n, "forwards", m)
            if forward.port in seen:
                sentence = f"Port {forward.port} of VPC {vpc.id} is forwarded twice"
                yield world_finding("world.port-twice", "blocker", (*path, "port"), sentence, "keep one", SOURCE)
            if forward.to not in vpc.network:
                sentence = f"Port {forward.port} of VPC {vpc.id} leads to {forward.to}, outside {vpc.network}"
                yield world_finding("world.forward-outside", "warning", (*path, "to"), sentence, "correct it", DOCS)
            seen.add(forward.port)


def _addresses(world: World) -> Iterator[Finding]:
    """A node's address lies in its vxnet and is free for nodes; a vxnet holds what stands in it."""
    known = vxnets_of(world)
    for n, cluster in enumerate(world.clusters):
        for m, node in enumerate(cluster.nodes):
            found = known.get(node.vxnet or cluster.vxnet or "")
            network = None if found is None else found[1].network
            if node.address is None or found is None or network is None:
                continue
            path, mine = ("clusters", n, "nodes", m, "address"), f"{found[1].id} {network}"
            if node.address not in network:
                sentence = f"{node.address} is not in {mine}"
                yield world_finding("world.address-outside", "blocker", path, sentence, "correct it", SOURCE)
            elif node.address in (network.network_address, network.network_address + 1, network.broadcast_address):
                sentence = f"{node.address} is no node's: the first two and the last address of {mine} are kept back"
                yield world_finding("world.address-outside", "blocker", path, sentence, "correct it", DOCS)
    taken = taken_by(world.clusters, world)
    for n, vpc in enumerate(world.vpcs or ()):
        for m, vxnet in enumerate(vpc.vxnets):
            left, room = left_in(vxnet, taken), room_of(vxnet)
            if left < 0:
                sentence = f"{room - left} addresses of {vxnet.id} are taken, it has {room}"
                path = ("vpcs", n, "vxnets", m, "used")
                yield world_finding("world.vxnet-full", "blocker", path, sentence, "correct the figures", SOURCE)


def _eips(world: World) -> Iterator[Finding]:
    """An address has one user: one VPC, the console or the API server of one cluster."""
    seen: dict[str, str] = {}
    for path, name, user in _users(world):
        if name in seen:
            sentence = f"{name} is used by {seen[name]} and {user}"
            yield world_finding("world.eip-twice", "blocker", path, sentence, "correct one of them", SOURCE)
        seen.setdefault(name, user)
    if world.eips is None:
        return
    known = [eip.id for eip in world.eips]
    for path, name, _ in _users(world):
        if name not in known:
            sentence, remedy = f"There is no address {name!r}", did_you_mean(name, known)
            yield world_finding("world.eip-unknown", "blocker", path, sentence, remedy, SOURCE)


def _users(world: World) -> Iterator[tuple[Path, str, str]]:
    for n, vpc in enumerate(world.vpcs or ()):
        if vpc.eip is not None:
            yield ("vpcs", n, "eip"), vpc.eip, vpc.id
    for n, cluster in enumerate(world.clusters):
        for key in ID_KEYS:
            name = str(cluster.settings.values.get(key, ""))
            if name:
                yield ("clusters", n, "env", key), name, cluster.name


def _bound(world: World) -> Iterator[Finding]:
    """What an address is bound to, and what says it has the address, agree. Balancers and instances are not listed."""
    by_id: dict[str, Vpc] = {vpc.id: vpc for vpc in world.vpcs or ()}
    holders = {vpc.eip: vpc.id for vpc in world.vpcs or () if vpc.eip is not None}
    bound = Counter(eip.bound_to for eip in world.eips or () if eip.bound_to.startswith("rtr-"))
    for n, eip in enumerate(world.eips or ()):
        path = ("eips", n, "bound_to")
        if eip.id in holders and eip.bound_to not in ("", holders[eip.id]):
            sentence = f"{eip.id} is bound to {eip.bound_to}, and {holders[eip.id]} says it has it"
            yield world_finding("world.eip-bound", "blocker", path, sentence, "correct one of them", SOURCE)
        elif world.vpcs is None or not eip.bound_to.startswith("rtr-"):
            continue
        elif eip.bound_to not in by_id:
            sentence, remedy = (
                f"{eip.id} is bound to {eip.bound_to!r}, which is not here",
                did_you_mean(eip.bound_to, by_id),
            )
            yield world_finding("world.eip-bound", "warning", path, sentence, remedy, SOURCE)
        elif by_id[eip.bound_to].eip != eip.id:
            other = by_id[eip.bound_to].eip
            severity = "warning" if other is None and bound[eip.bound_to] == 1 else "blocker"
            sentence = f"{eip.id} is bound to {eip.bound_to}, which has {other or 'no eip'}"
            remedy = f"write eip: {eip.id} at the VPC, or correct bound_to"
            yield world_finding("world.eip-bound", severity, path, sentence, remedy, SOURCE)


RULES: tuple[WorldRule, ...] = (_ids, _ranges, _named, _forwards, _addresses, _eips, _bound)

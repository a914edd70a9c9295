"""Networks of a world that contradict themselves."""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.catalog import networks
from qke_core.documents import Path
from qke_core.models.state import ClusterState
from qke_core.models.world import World
from qke_core.rules.case import WorldRule, world_finding
from qke_core.rules.finding import Finding
from qke_core.rules.network.place import find_vxnet
from qke_core.rules.network.room import addresses_of
from qke_core.suggest import did_you_mean

SOURCE = "a world must not contradict itself"
DOCS = "yunify/qingcloud-docs, VPC and vxnet"
USUAL_PREFIX = 24


def _ids(world: World) -> Iterator[Finding]:
    """One id names one thing, one address one EIP."""
    seen: set[str] = set()
    for path, name in _all_ids(world):
        if name in seen:
            yield world_finding("world.twice", "blocker", path, f"{name!r} is there twice", "keep one", SOURCE)
        seen.add(name)


def _all_ids(world: World) -> Iterator[tuple[Path, str]]:
    for n, vpc in enumerate(world.vpcs or ()):
        yield ("vpcs", n, "id"), vpc.id
        for m, vxnet in enumerate(vpc.vxnets):
            yield ("vpcs", n, "vxnets", m, "id"), vxnet.id
    for n, eip in enumerate(world.eips or ()):
        yield ("eips", n, "id"), eip.id
        yield ("eips", n, "address"), str(eip.address)
    for n, service in enumerate(world.linked or ()):
        yield ("linked", n, "id"), service.id


def _ranges(world: World) -> Iterator[Finding]:
    """A vxnet lies inside its VPC and beside the others."""
    for n, vpc in enumerate(world.vpcs or ()):
        if not any(vpc.network.subnet_of(allowed) for allowed in networks().vpc_networks):
            names = ", ".join(str(allowed) for allowed in networks().vpc_networks)
            sentence = f"VPC {vpc.id} has {vpc.network}; new VPCs are offered inside {names}"
            yield world_finding("network.vpc-range", "warning", ("vpcs", n, "network"), sentence, "check it", DOCS)
        for m, vxnet in enumerate(vpc.vxnets):
            path, network = ("vpcs", n, "vxnets", m, "network"), vxnet.network
            if network is None:
                continue
            if not network.subnet_of(vpc.network):
                sentence = f"{vxnet.id} {network} lies outside its VPC {vpc.id} {vpc.network}"
                yield world_finding("world.vxnet-outside", "blocker", path, sentence, "correct one of them", SOURCE)
            if network.prefixlen != USUAL_PREFIX:
                sentence = f"{vxnet.id} has {network}; vxnets are /24"
                yield world_finding("network.vxnet-prefix", "warning", path, sentence, "check it", DOCS)
            for other in vpc.vxnets[:m]:
                if other.network is not None and other.network.overlaps(network):
                    sentence = f"{vxnet.id} {network} overlaps {other.id} {other.network}"
                    yield world_finding("world.vxnet-overlap", "blocker", path, sentence, "correct one of them", SOURCE)


def _named(world: World) -> Iterator[Finding]:
    """What is named must be there: vxnets of clusters, nodes and services, EIPs of VPCs."""
    if world.vpcs is None:
        return
    known = [vxnet.id for vpc in world.vpcs for vxnet in vpc.vxnets]
    for path, name in _vxnets_named(world):
        if name not in known:
            sentence, remedy = f"There is no vxnet {name!r}", did_you_mean(name, known)
            yield world_finding("world.vxnet-unknown", "blocker", path, sentence, remedy, SOURCE)
    eips = [eip.id for eip in world.eips or ()]
    for n, vpc in enumerate(world.vpcs):
        if vpc.eip is not None and world.eips is not None and vpc.eip not in eips:
            sentence, remedy = f"There is no address {vpc.eip!r}", did_you_mean(vpc.eip, eips)
            yield world_finding("world.eip-unknown", "blocker", ("vpcs", n, "eip"), sentence, remedy, SOURCE)
        ports = [forward.port for forward in vpc.forwards]
        for m, port in enumerate(ports):
            if port in ports[:m]:
                path = ("vpcs", n, "forwards", m, "port")
                sentence = f"Port {port} of VPC {vpc.id} is forwarded twice"
                yield world_finding("world.port-twice", "blocker", path, sentence, "keep one", SOURCE)


def _vxnets_named(world: World) -> Iterator[tuple[Path, str]]:
    for n, cluster in enumerate(world.clusters):
        if cluster.vxnet is not None:
            yield ("clusters", n, "vxnet"), cluster.vxnet
        for m, node in enumerate(cluster.nodes):
            if node.vxnet is not None:
                yield ("clusters", n, "nodes", m, "vxnet"), node.vxnet
    for n, service in enumerate(world.linked or ()):
        yield ("linked", n, "vxnet"), service.vxnet


def _addresses(world: World) -> Iterator[Finding]:
    """A node's address lies in its vxnet; a vxnet holds what stands in it."""
    for n, cluster in enumerate(world.clusters):
        for m, node in enumerate(cluster.nodes):
            found = find_vxnet(world, node.vxnet or cluster.vxnet or "")
            if node.address is None or found is None or found[1].network is None:
                continue
            if node.address not in found[1].network:
                path = ("clusters", n, "nodes", m, "address")
                sentence = f"{node.address} is not in {found[1].id} {found[1].network}"
                yield world_finding("world.address-outside", "blocker", path, sentence, "correct it", SOURCE)
    for n, vpc in enumerate(world.vpcs or ()):
        for m, vxnet in enumerate(vpc.vxnets):
            stands = [cluster for cluster in world.clusters if cluster.vxnet == vxnet.id]
            used = vxnet.used + sum(addresses_of(ClusterState.of_world(cluster, world)) for cluster in stands)
            room = 252 if vxnet.network is None else max(vxnet.network.num_addresses - 4, 0)
            if used > room:
                sentence = f"{used} addresses of {vxnet.id} are taken, it has {room}"
                path = ("vpcs", n, "vxnets", m, "used")
                yield world_finding("world.vxnet-full", "blocker", path, sentence, "correct the figures", SOURCE)


def _eips(world: World) -> Iterator[Finding]:
    """Two clusters cannot have one console address."""
    seen: dict[str, str] = {}
    for n, cluster in enumerate(world.clusters):
        for key in ("kubesphere_eip", "kubernetes_eip_id"):
            name = str(cluster.settings.values.get(key, ""))
            if name and name in seen:
                sentence = f"{name} is used by {seen[name]} and {cluster.name}"
                path = ("clusters", n, "env", key)
                yield world_finding("world.eip-twice", "blocker", path, sentence, "correct one of them", SOURCE)
            if name:
                seen[name] = cluster.name


RULES: tuple[WorldRule, ...] = (_ids, _ranges, _named, _addresses, _eips)

"""Room: enough pod blocks for the nodes, enough pods in a block, enough services, enough addresses in the vxnet."""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.catalog import networks
from qke_core.cidr import blocks, parse_network
from qke_core.inventory import api_balancer, console_balancer
from qke_core.models.state import ClusterState
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding
from qke_core.rules.network.place import find_vxnet, place_of
from qke_core.suggest import did_you_mean


def _pods(case: Case) -> Iterator[Finding]:
    if case.settings.values.get("network_plugin") == "hostnic":
        return
    pods = parse_network(case.settings.text("pod_subnet"))
    if pods is None:
        return
    prefix = networks().constants["node_pod_prefix"]
    source = "Kubernetes, node-cidr-mask-size 24; user guide, G-063, G-067"
    nodes, fit = case.goal.count("master", "worker"), blocks(pods, prefix)
    path = ("env", "pod_subnet")
    if nodes > fit:
        sentence = f"pod_subnet {pods} holds {fit} blocks of /{prefix}, one per node, and there are {nodes} nodes"
        remedy = f"write a range of /{prefix - max(nodes - 1, 0).bit_length()} or larger"
        yield case.finding("network.pods-short", "blocker", path, sentence, remedy, source)
    most, usable = case.settings.number("max_pods"), 2 ** (32 - prefix) - 2
    if most > usable:
        sentence = f"max_pods {most} is more than the {usable} addresses of a node's block"
        path = ("env", "max_pods")
        yield case.finding("network.block-short", "blocker", path, sentence, f"write {usable} or less", source)


def _services(case: Case) -> Iterator[Finding]:
    services = parse_network(case.settings.text("service_subnet"))
    if services is None:
        return
    needed = networks().constants["cluster_services"] + (0 if case.present is None else case.present.services)
    fit = max(services.num_addresses - 2, 0)
    if needed > fit:
        sentence = f"service_subnet {services} has {fit} addresses, the cluster needs about {needed}"
        source = "user guide, G-064; services of KubeSphere are an estimate"
        path = ("env", "service_subnet")
        yield case.finding("network.services-short", "blocker", path, sentence, "write a larger range", source)


def addresses_of(state: ClusterState) -> int:
    """Return how many addresses of its vxnet a cluster takes: one per node and per load balancer."""
    if not state.exists:
        return 0
    return state.count("master", "worker", "client") + api_balancer(state) + console_balancer(state)


def _vxnet(case: Case) -> Iterator[Finding]:
    place = place_of(case)
    if place is None or case.world is None or case.wish.status in {"deleted", "ceased"}:
        return
    vxnet = place[1]
    room = networks().constants["vxnet_nics_max"]
    if vxnet.network is not None:
        room = max(vxnet.network.num_addresses - 4, 0)  # Network, broadcast, .1 for the router, one kept (252 of 256).
    taken = vxnet.used + sum(
        addresses_of(ClusterState.of_world(other, case.world)) for other in case.others if other.vxnet == vxnet.id
    )
    needed = addresses_of(case.goal)
    if taken + needed > room:
        sentence = f"{vxnet.id} has {max(room - taken, 0)} addresses left, the wish takes {needed}"
        source = "yunify/qingcloud-docs, vxnet: .1 is the router; yunify/hostnic-cni: 252 per /24"
        remedy = "choose another vxnet, or fewer nodes"
        yield case.finding("network.vxnet-short", "blocker", ("vxnet",), sentence, remedy, source)


def _hostnic(case: Case) -> Iterator[Finding]:
    """With hostnic every pod has an address of a vxnet (codes 139, 140, 142)."""
    if case.settings.values.get("network_plugin") != "hostnic":
        return
    listed = case.settings.text("hostnic-vxnets").split()
    source, path = "QKE app repo, codes 139 to 142", ("env", "hostnic-vxnets")
    nics, nodes = case.settings.number("hostnic-max-nics"), case.goal.count("master", "worker")
    each = networks().constants["vxnet_nics_max"]
    if len(listed) * each < nodes * nics:
        sentence = f"{len(listed)} vxnets carry {len(listed) * each} pods, {nodes} nodes may bind {nodes * nics}"
        missing = -(-nodes * nics // each)
        remedy = f"list {missing} vxnets, or lower hostnic-max-nics"
        yield case.finding("network.hostnic-short", "blocker", path, sentence, remedy, source, 140)
    place = place_of(case)
    if place is None:
        return
    for name in listed:
        found = find_vxnet(case.world, name)
        if found is None:
            known = [vxnet.id for vxnet in place[0].vxnets]
            sentence = f"No VPC of the world has a vxnet {name!r}"
            yield case.finding(
                "network.hostnic-unknown", "blocker", path, sentence, did_you_mean(name, known), source, 139
            )
        elif found[0].id != place[0].id:
            sentence = f"{name} is in VPC {found[0].id}, the cluster in {place[0].id}"
            remedy = f"list vxnets of {place[0].id} only"
            yield case.finding("network.hostnic-vpc", "blocker", path, sentence, remedy, source, 142)


RULES: tuple[Rule, ...] = (_pods, _services, _vxnet, _hostnic)

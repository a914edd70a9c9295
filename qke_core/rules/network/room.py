"""Room: enough pod blocks for the nodes, enough pods in a block, enough services, enough addresses in the vxnet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from qke_core.catalog import networks
from qke_core.cidr import blocks, hosts, parse_network
from qke_core.inventory import api_balancer, console_balancer
from qke_core.models.network import Vxnet
from qke_core.models.state import ClusterState
from qke_core.models.world import World, WorldCluster
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding, Severity
from qke_core.rules.network.own import advice, has_pod_range, services_needed
from qke_core.rules.network.place import place_of, stands


def _pods(case: Case) -> Iterator[Finding]:
    """Each node takes one block of the pod range; a block holds what a node may run."""
    pods = parse_network(case.settings.text("pod_subnet"))
    if pods is None or not has_pod_range(case.settings):
        return
    prefix, widest = networks().constants["node_pod_prefix"], networks().constants["pod_prefix_min"]
    source = f"Kubernetes, --node-cidr-mask-size {prefix}; user guide, G-063, G-067"
    nodes, fit = case.goal.count("master", "worker"), blocks(pods, prefix)
    path = ("env", "pod_subnet")
    if nodes > fit:
        had = 0 if case.now is None else case.now.count("master", "worker")
        severity: Severity = "warning" if stands(case, "pod_subnet") and nodes <= had else "blocker"
        sentence = f"pod_subnet {pods} holds {fit} blocks of /{prefix}, one per node, and there are {nodes} nodes"
        remedy = _larger(case, "pod_subnet") if case.creates else f"wish for {fit} nodes at most: pod_subnet is fixed"
        yield case.finding("network.pods-short", severity, path, sentence, remedy, source)
    elif pods.prefixlen < widest:
        severity = "warning" if stands(case, "pod_subnet") else "blocker"
        sentence = f"pod_subnet {pods} is wider than /{widest}: Kubernetes cuts at most {2 ** (prefix - widest)} blocks"
        yield case.finding("network.too-wide", severity, path, sentence, _larger(case, "pod_subnet"), source)
    most, usable = case.settings.number("max_pods"), 2 ** (32 - prefix) - 2
    if most > usable:
        sentence = f"max_pods {most} is more than the {usable} addresses of a node's block"
        path = ("env", "max_pods")
        yield case.finding("network.block-short", "blocker", path, sentence, f"write {usable} or less", source)


def _services(case: Case) -> Iterator[Finding]:
    services = parse_network(case.settings.text("service_subnet"))
    if services is None:
        return
    needed, fit = services_needed(case), hosts(services)
    widest = networks().constants["service_prefix_min"]
    severity: Severity = "warning" if stands(case, "service_subnet") else "blocker"
    path, remedy = ("env", "service_subnet"), _larger(case, "service_subnet")
    if needed > fit:
        sentence = f"service_subnet {services} has {fit} addresses, the cluster needs about {needed}"
        source = "user guide, G-064; services of KubeSphere are an estimate"
        yield case.finding("network.services-short", severity, path, sentence, remedy, source)
    elif services.prefixlen < widest:
        sentence = f"service_subnet {services} is wider than /{widest}, and the API server does not start with it"
        source = "Kubernetes, kube-apiserver, --service-cluster-ip-range; user guide, G-064"
        yield case.finding("network.too-wide", severity, path, sentence, remedy, source)


def _larger(case: Case, key: str) -> str:
    """Say which range to write instead."""
    if not case.creates:
        return f"{key} cannot change any more: make a new cluster with another range"
    free = advice(case).get(key)
    return "choose another range" if free is None else f"write {key}: {free}, which is free"


USUAL_PREFIX = 24
"""What a vxnet has (yunify/qingcloud-docs, vxnet)."""


def room_of(vxnet: Vxnet) -> int:
    """Return how many addresses of a vxnet can be taken: what its range holds; 252, as of a /24, when it is not known.

    A vxnet is a /24; a World that gives it a larger range is warned elsewhere and taken at its word here.
    """
    facts = networks().constants
    if vxnet.network is None or vxnet.network.prefixlen == USUAL_PREFIX:
        return facts["vxnet_nics_max"]
    return max(vxnet.network.num_addresses - facts["vxnet_reserved"], 0)


def addresses_of(state: ClusterState) -> int:
    """Return how many addresses of its vxnet a cluster takes: one per node and per load balancer."""
    if not state.exists:
        return 0
    return state.count("master", "worker", "client") + api_balancer(state) + console_balancer(state)


def taken_by(clusters: Iterable[WorldCluster], world: World) -> Mapping[str, int]:
    """Return how many addresses clusters take, by vxnet.

    A node that stands in another vxnet than its cluster takes its address there.
    """
    taken = Counter[str]()
    for cluster in clusters:
        home = cluster.vxnet or ""
        taken[home] += addresses_of(ClusterState.of_world(cluster, world))
        strays = [node.vxnet for node in cluster.nodes if node.vxnet is not None and node.vxnet != home]
        taken.update(strays)
        taken[home] -= len(strays)
    return taken


def left_in(vxnet: Vxnet, taken: Mapping[str, int]) -> int:
    """Return how many addresses of a vxnet are left beside those `taken` by vxnet; negative when there are too many."""
    return room_of(vxnet) - vxnet.used - taken.get(vxnet.id, 0)


def _vxnet(case: Case) -> Iterator[Finding]:
    """The vxnet has an address for each node and each load balancer."""
    place = place_of(case)
    if place is None or case.world is None:
        return
    (vpc, vxnet), taken = place, taken_by(case.others, case.world)
    needed, left = addresses_of(case.goal), max(left_in(vxnet, taken), 0)
    if needed <= left or (stands(case) and case.now is not None and needed <= addresses_of(case.now)):
        return
    others = [other.id for other in vpc.vxnets if left_in(other, taken) >= needed]
    nodes = f"wish for {needed - left} node{'s' * (needed - left > 1)} less"
    remedy = f"{nodes}, or stand in {others[0]}, which has room" if others and case.creates else nodes
    sentence = f"{vxnet.id} has {left} addresses left, the wish takes {needed}"
    source = "yunify/qingcloud-docs, vxnet: .1 is the router; yunify/hostnic-cni: 252 per vxnet"
    yield case.finding("network.vxnet-short", "blocker", ("vxnet",), sentence, remedy, source)


RULES: tuple[Rule, ...] = (_pods, _services, _vxnet)

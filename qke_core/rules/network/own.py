"""Ranges that a cluster brings along, those around it, and which ranges would suit it.

Theory: a packet takes the most special route to its address. The docker bridge and the pods of a node are routes of
that node, and services are rewritten on it, so an address of theirs that also means something else is out of reach
for this cluster: that is why its own ranges, its VPC's and a linked service's must be disjoint. Pods and services of
*other* clusters never show outside their nodes (traffic is masqueraded), so sharing those only hurts what one cluster
wants from the other's pods directly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network

from qke_core.catalog import networks
from qke_core.cidr import (
    PRIVATE,
    clashes,
    free_range,
    parse_interface,
    parse_network,
    prefix_for_blocks,
    prefix_for_hosts,
)
from qke_core.models.settings import Settings
from qke_core.rules.case import Case
from qke_core.rules.network.place import place_of

KEYS = {"docker bridge": "docker_bip", "pods": "pod_subnet", "services": "service_subnet"}
"""What each own range is for, and the parameter that holds it."""


def has_pod_range(settings: Settings) -> bool:
    """Whether pods have a range of their own; with hostnic they have addresses of vxnets."""
    return settings.values.get("network_plugin") != "hostnic" or not settings.has("hostnic-vxnets")


def own_ranges(settings: Settings) -> dict[str, IPv4Network]:
    """Return the ranges that a cluster brings along, by what they are; those that cannot be read are left out."""
    bridge = parse_interface(settings.text("docker_bip"))
    found = {"docker bridge": None if bridge is None else bridge.network}
    if has_pod_range(settings):
        found["pods"] = parse_network(settings.text("pod_subnet"))
    found["services"] = parse_network(settings.text("service_subnet"))
    return {name: network for name, network in found.items() if network is not None}


def near_ranges(case: Case) -> dict[str, IPv4Network]:
    """Return the ranges around a cluster that its own must leave alone: its VPC's, and linked services' outside it."""
    place = place_of(case)
    if place is None or case.world is None:
        return {}
    vpc = place[0]
    found = {f"VPC {vpc.id}": vpc.network}
    for service in case.world.linked or ():
        linked = service.id in (case.goal.etcd, case.goal.elk)
        if linked and service.network is not None and not service.network.subnet_of(vpc.network):
            found[f"{service.app} {service.id}"] = service.network
    return found


def other_ranges(case: Case) -> dict[str, IPv4Network]:
    """Return pods and services of the other clusters in the VPC, those in the recycle bin left out."""
    place = place_of(case)
    if place is None:
        return {}
    inside = {vxnet.id for vxnet in place[0].vxnets}
    return {
        f"cluster {other.name}'s {what}": network
        for other in case.others
        if other.vxnet in inside and other.status != "deleted"
        for what, network in own_ranges(other.settings).items()
        if what != "docker bridge"
    }


def services_needed(case: Case) -> int:
    """Return how many Services the cluster will have, about."""
    return networks().constants["cluster_services"] + (0 if case.present is None else case.present.services)


@dataclass(frozen=True, slots=True)
class Size:
    """Prefix lengths for one range: the one to wish for, and the longest that is still enough."""

    wanted: int
    least: int


def sizes(case: Case, own: Mapping[str, IPv4Network]) -> Mapping[str, Size]:
    """Return how large each own range should be: as it is, or as large as the product's default where that is wrong."""
    facts = networks().constants
    usual, nodes = facts["usual_prefix"], case.goal.count("master", "worker")
    bounds = {  # The shortest prefix that works, and the longest.
        "docker bridge": (usual, facts["bridge_prefix_max"]),
        "pods": (facts["pod_prefix_min"], prefix_for_blocks(nodes, facts["node_pod_prefix"])),
        "services": (facts["service_prefix_min"], prefix_for_hosts(services_needed(case))),
    }
    found: dict[str, Size] = {}
    for what, network in own.items():
        shortest, longest = bounds[what]
        right = shortest <= network.prefixlen <= longest
        found[what] = Size(network.prefixlen if right else min(usual, longest), longest)
    return found


def advice(case: Case) -> Mapping[str, str]:
    """Return what to write, by parameter, so that every own range suits once all of it is written.

    Ranges that suit are left out, and so are those for which nothing is free. Where it can be, the advice also avoids
    what is written now, so that any part of it may be taken alone, and what a VPC may have, so that it still holds when
    there are more VPCs. Pods and services are looked for in 10.0.0.0/8 first, the docker bridge in 172.16.0.0/12.
    """
    book, own = networks(), own_ranges(case.settings)
    around = {**near_ranges(case), **other_ranges(case), **book.reserved, **book.unusable}
    fit = sizes(case, own)
    moved = {pair.first for pair in clashes(own, around)}
    for what, network in own.items():
        resized = what != "docker bridge" and network.prefixlen != fit[what].wanted  # The bridge works at any size.
        if resized or not is_private(network):
            moved.add(what)
    taken = [*(network for what, network in own.items() if what not in moved), *around.values()]
    found: dict[str, str] = {}
    for what in own:
        if what not in moved:
            continue
        parents = PRIVATE if what == "docker bridge" else sorted(PRIVATE, key=lambda parent: parent.prefixlen)
        shy = ([*own.values(), *book.vpc_networks], list(own.values()), list[IPv4Network]())
        lengths = range(fit[what].wanted, fit[what].least + 1)
        tries = (free_range(length, parents, [*taken, *also]) for also in shy for length in lengths)
        free = next((network for network in tries if network is not None), None)
        if free is not None:
            found[KEYS[what]] = written(KEYS[what], free)
            taken.append(free)
    return found


def written(key: str, network: IPv4Network) -> str:
    """Return a range as its parameter holds it: the docker bridge as the first address inside it."""
    return f"{network.network_address + 1}/{network.prefixlen}" if key == "docker_bip" else str(network)


def is_private(network: IPv4Network) -> bool:
    """Whether a range lies among the private ones."""
    return any(network.subnet_of(private) for private in PRIVATE)

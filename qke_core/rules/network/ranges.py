"""Ranges must not overlap: VPC, docker bridge, pods, services, linked services, and other clusters of the VPC."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from qke_core.catalog import networks
from qke_core.cidr import overlaps, parse_interface, parse_network, suggest
from qke_core.documents import Path
from qke_core.models.settings import Settings
from qke_core.models.state import ClusterState
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding
from qke_core.rules.network.place import place_of

SOURCE = "user guide, Preparation, G-026; Environment parameters, G-059, G-063, G-064; FAQ, G-174"
KEYS = {"docker bridge": "docker_bip", "pods": "pod_subnet", "services": "service_subnet"}


def own_ranges(settings: Settings) -> dict[str, IPv4Network]:
    """Return the ranges that a cluster brings along, by what they are; those that cannot be read are left out."""
    bridge = parse_interface(settings.text("docker_bip"))
    found = {"docker bridge": None if bridge is None else bridge.network}
    if settings.values.get("network_plugin") != "hostnic":
        found["pods"] = parse_network(settings.text("pod_subnet"))
    found["services"] = parse_network(settings.text("service_subnet"))
    return {name: network for name, network in found.items() if network is not None}


def _forms(case: Case) -> Iterator[Finding]:
    """Each range is IPv4 with a prefix; the bridge is an address inside its range."""
    for what, key in KEYS.items():
        text = case.settings.text(key)
        path: Path = ("env", key)
        bridge = key == "docker_bip"
        if ":" in text:
            sentence = f"{key}: {text!r} is IPv6; only IPv4 is offered"
            yield case.finding("network.ipv6", "blocker", path, sentence, "write an IPv4 range", SOURCE)
        elif bridge and parse_interface(text) is None:
            sentence, remedy = f"{key}: {text!r} is not an address with its prefix", "write it like 172.30.0.1/16"
            yield case.finding("network.cidr", "blocker", path, sentence, remedy, SOURCE)
        elif not bridge and parse_network(text) is None:
            loose = parse_interface(text)
            if loose is not None:
                sentence = f"{key}: {text!r} has host bits set: the range that holds it is {loose.network}"
                yield case.finding("network.host-bits", "blocker", path, sentence, f"write {loose.network}", SOURCE)
            else:
                sentence, remedy = f"{key}: {text!r} is no range for {what}", "write it like 10.10.0.0/16"
                yield case.finding("network.cidr", "blocker", path, sentence, remedy, SOURCE)


def _overlap(case: Case) -> Iterator[Finding]:
    own, around = own_ranges(case.settings), _around(case)
    taken = [*own.values(), *around.values(), *networks().reserved.values()]
    for pair in overlaps({**own, **around}):
        if pair.first not in own:
            continue  # What others have among themselves is not this wish's business.
        mine, theirs = own[pair.first], {**own, **around}[pair.second]
        key = KEYS[pair.first]
        free = next(suggest(mine.prefixlen, taken), None)
        remedy = "choose another range" if free is None else f"write {key}: {_written(key, free)}, which is free"
        foreign = pair.second.startswith("cluster ")
        severity = "warning" if foreign else "blocker"
        sentence = f"{pair.first} {mine} overlaps {pair.second} {theirs}"
        yield case.finding("network.overlap", severity, ("env", key), sentence, remedy, SOURCE)
    for name, network in networks().reserved.items():
        for what, mine in own.items():
            if mine.overlaps(network):
                sentence = f"{what} {mine} overlaps {network}, which VPCs use for {name}"
                remedy = "choose another range, or never use the VPN of the VPC"
                path = ("env", KEYS[what])
                source = "yunify/qingcloud-docs, VPC, VPN"
                yield case.finding("network.reserved", "warning", path, sentence, remedy, source)


def _written(key: str, network: IPv4Network) -> str:
    return f"{network.network_address + 1}/{network.prefixlen}" if key == "docker_bip" else str(network)


def _around(case: Case) -> dict[str, IPv4Network]:
    """Return the ranges around the cluster that its own must leave alone.

    Of other clusters in the VPC, pods and services: they are hidden behind their nodes, so an overlap only hurts
    traffic between the clusters (a warning).
    """
    place = place_of(case)
    if place is None or case.world is None:
        return {}
    vpc = place[0]
    found = {f"VPC {vpc.id}": vpc.network}
    inside = {vxnet.id for vxnet in vpc.vxnets}
    for service in case.world.linked or ():
        linked = {case.goal.etcd, case.goal.elk}
        if service.id in linked and service.network is not None and not service.network.subnet_of(vpc.network):
            found[f"{service.app} {service.id}"] = service.network
    for other in case.others:
        if other.vxnet in inside and other.status != "deleted":
            state = ClusterState.of_world(other, case.world)
            for what in ("pods", "services"):
                network = own_ranges(state.settings).get(what)
                if network is not None:
                    found[f"cluster {other.name}'s {what}"] = network
    return found


RULES: tuple[Rule, ...] = (_forms, _overlap)

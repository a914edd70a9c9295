"""Ranges must not overlap: VPC, docker bridge, pods, services, linked services, and other clusters of the VPC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network

from qke_core.catalog import networks
from qke_core.cidr import clashes, parse_interface, parse_network
from qke_core.documents import Path
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding, Severity
from qke_core.rules.network.own import (
    KEYS,
    advice,
    has_pod_range,
    is_private,
    near_ranges,
    other_ranges,
    own_ranges,
    written,
)
from qke_core.rules.network.place import stands

SOURCE = "user guide, Preparation, G-026; Environment parameters, G-059, G-063, G-064; FAQ, G-174"

SHOWN = 3
"""How many ranges of other clusters a sentence names."""


def _forms(case: Case) -> Iterator[Finding]:
    """Each range is IPv4 with a prefix; the bridge is an address inside its range."""
    for what, key in KEYS.items():
        if what == "pods" and not has_pod_range(case.settings):
            continue
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


def _bridge(case: Case) -> Iterator[Finding]:
    """The bridge has an address of its own, which is neither the first nor the last of its range."""
    text = case.settings.text("docker_bip")
    bridge = parse_interface(text)
    if bridge is None or stands(case, "docker_bip"):
        return
    network, path = bridge.network, ("env", "docker_bip")
    source = "moby/moby, issue 27496: failed to allocate gateway: Address already in use; user guide, G-059"
    if network.prefixlen > 30:  # noqa: PLR2004 - a /31 has no address besides those two.
        sentence, remedy = f"docker_bip: {text} leaves no address for a container", "write it like 172.30.0.1/16"
        yield case.finding("network.bridge-address", "blocker", path, sentence, remedy, source)
    elif bridge.ip in (network.network_address, network.broadcast_address):
        end = "range" if bridge.ip == network.network_address else "broadcast address"
        sentence = f"docker_bip: {bridge.ip} is the {end} itself, and docker does not start with it"
        remedy = f"write the bridge's own address: {written('docker_bip', network)}"
        yield case.finding("network.bridge-address", "blocker", path, sentence, remedy, source)


def _overlap(case: Case) -> Iterator[Finding]:
    """Own ranges are apart from one another, from the VPC's and from those of linked services."""
    own, near, free = own_ranges(case.settings), near_ranges(case), advice(case)
    for pair in clashes(own, near):
        mine, theirs, key = own[pair.first], {**own, **near}[pair.second], KEYS[pair.first]
        touched = [KEYS[what] for what in (pair.first, pair.second) if what in KEYS]
        severity: Severity = "warning" if stands(case, *touched) else "blocker"
        sentence = f"{pair.first} {mine} overlaps {pair.second} {theirs}"
        remedy = _remedy(case, key, free.get(key))
        yield case.finding("network.overlap", severity, ("env", key), sentence, remedy, SOURCE)


def _neighbours(case: Case) -> Iterator[Finding]:
    """Own ranges had better be apart from those of other clusters in the VPC: one warning for each own range."""
    own, others, free = own_ranges(case.settings), other_ranges(case), advice(case)
    for what, mine in own.items():
        met = [f"{name} {network}" for name, network in others.items() if mine.overlaps(network)]
        if met:
            more = f", and {len(met) - SHOWN} more" if len(met) > SHOWN else ""
            sentence = f"{what} {mine} overlaps {', '.join(met[:SHOWN])}{more}"
            key = KEYS[what]
            remedy = _remedy(case, key, free.get(key))
            yield case.finding("network.overlap", "warning", ("env", key), sentence, remedy, SOURCE)


def _remedy(case: Case, key: str, free: str | None) -> str:
    if not case.creates and key != "docker_bip":
        return f"{key} cannot change any more; where it hurts, make a new cluster"
    return "choose another range" if free is None else f"write {key}: {free}, which is free"


def _special(case: Case) -> Iterator[Finding]:
    """Own ranges are private ones, and none that the cloud or the protocol keeps for something else."""
    own, free = own_ranges(case.settings), advice(case)
    for what, mine in own.items():
        key = KEYS[what]
        path, remedy = ("env", key), _remedy(case, key, free.get(key))
        reserved, unusable = _hit(mine, networks().reserved), _hit(mine, networks().unusable)
        if unusable:
            severity: Severity = "warning" if stands(case, key) else "blocker"
            sentence = f"{what} {mine} overlaps {networks().unusable[unusable]}, which is for {unusable} only"
            yield case.finding("network.unusable", severity, path, sentence, remedy, "RFC 6890, RFC 5771")
        elif reserved:
            sentence = f"{what} {mine} overlaps {networks().reserved[reserved]}, which is used for {reserved}"
            source = "yunify/qingcloud-docs, VPC, VPN; yunify/qingcloud-cloud-controller-manager"
            yield case.finding("network.reserved", "warning", path, sentence, remedy, source)
        elif not is_private(mine):
            sentence = f"{what} {mine} is no private range: what has these addresses on the internet is out of reach"
            yield case.finding("network.public", "warning", path, sentence, remedy, "RFC 1918")


def _hit(mine: IPv4Network, table: Mapping[str, IPv4Network]) -> str:
    return next((name for name, network in table.items() if mine.overlaps(network)), "")


RULES: tuple[Rule, ...] = (_forms, _bridge, _overlap, _neighbours, _special)

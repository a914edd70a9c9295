"""Public addresses: they exist, are available, are used once, and lead to the cluster."""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.catalog import Value, networks, storage
from qke_core.models.network import Eip, Vpc
from qke_core.models.world import World
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding
from qke_core.rules.network.place import place_of
from qke_core.suggest import did_you_mean

ID_KEYS = ("kubesphere_eip", "kubernetes_eip_id")
SOURCE = "user guide, Environment parameters, G-050, G-054; Access through an EIP, G-093 to G-100"
ABROAD = ("Hong Kong",)
"""Regions of the catalogue where no ICP filing is asked for."""


def holder_of(eip: Eip, case: Case, world: World) -> str:
    """Return what has an address already: a resource, a VPC, or another cluster; empty when it is available."""
    if eip.bound_to:
        return eip.bound_to
    for vpc in world.vpcs or ():
        if vpc.eip == eip.id:
            return vpc.id
    users = [other.name for other in case.others if eip.id in {other.settings.values.get(key) for key in ID_KEYS}]
    return f"cluster {users[0]}" if users else ""


def _available(case: Case) -> Iterator[Finding]:
    world = case.world
    if world is None or world.eips is None:
        return
    known = {eip.id: eip for eip in world.eips}
    had = case.now is not None and case.now.exists
    before = case.now.settings.values if had and case.now is not None else dict[str, Value]()
    for key in ID_KEYS:
        wished, path = str(case.settings.values.get(key, "")), ("env", key)
        if not wished or before.get(key) == wished:
            continue
        free = [eip.id for eip in world.eips if eip.id != wished and not holder_of(eip, case, world)]
        if wished not in known:
            sentence, remedy = f"{key}: the account has no address {wished!r}", did_you_mean(wished, known)
            yield case.finding("network.eip-unknown", "blocker", path, sentence, remedy, SOURCE)
        elif holder := holder_of(known[wished], case, world):
            remedy = f"write an available one, such as {free[0]}" if free else "allocate another one"
            sentence = f"{key}: {wished} is bound to {holder}"
            yield case.finding("network.eip-taken", "blocker", path, sentence, remedy, SOURCE)
    console, api = (case.settings.values.get(key) for key in ID_KEYS)
    if console and console == api:
        sentence = f"{console} is wished for the console and for the API server"
        path = ("env", "kubernetes_eip_id")
        yield case.finding("network.eip-twice", "blocker", path, sentence, "use two addresses", SOURCE)


def _reaches(case: Case) -> Iterator[Finding]:
    """The address in the certificate should be one that leads to the cluster (guide G-093, G-096, G-100)."""
    wished, world, place = str(case.settings.values.get("kubernetes_eip", "")), case.world, place_of(case)
    if not wished or world is None or world.eips is None:
        return
    found = next((eip for eip in world.eips if str(eip.address) == wished), None)
    path = ("env", "kubernetes_eip")
    if found is None:
        sentence = f"kubernetes_eip: {wished} is no address of the account"
        remedy = "write the address of the VPC's EIP, or of one bound to the load balancer"
        yield case.finding("network.eip-foreign", "warning", path, sentence, remedy, SOURCE)
        return
    if found.id == case.settings.values.get("kubernetes_eip_id") or (place and found.id == place[0].eip):
        return  # The product binds it itself; or it is the VPC's own, and `ports` looks whether it is forwarded.
    console = found.id == case.settings.values.get("kubesphere_eip")
    holder = "the console" if console else holder_of(found, case, world)
    if not holder:
        sentence = f"kubernetes_eip: {wished} is {found.id}, which is bound to nothing yet"
        yield case.finding("network.eip-unbound", "note", path, sentence, _way(case, found), SOURCE)
    elif console or holder.startswith(("cluster ", "rtr-")):
        sentence = f"kubernetes_eip: {wished} is {found.id}, which leads to {holder}"
        yield case.finding("network.eip-elsewhere", "warning", path, sentence, _way(case, found), SOURCE)


def _way(case: Case, eip: Eip) -> str:
    """Say how an address comes to lead to the API server."""
    forward = f"bind {eip.id} to the VPC and forward a port to 6443"
    if case.goal.ha:
        return f"{forward}, or bind it to the load balancer named like the cluster's id"
    return f"{forward} of the master"


def _icp(case: Case) -> Iterator[Finding]:
    """On the mainland a domain needs an ICP filing; without one, ports 80 and 443 are blocked (guide G-149)."""
    world, zone = case.world, storage().zones.get(case.goal.zone)
    if world is None or zone is None or zone.region in ABROAD:
        return
    source = "user guide, Load balancer plugin, G-149; yunify/qingcloud-docs, EIP"
    known = {eip.id: eip for eip in world.eips or ()}
    console = known.get(str(case.settings.values.get("kubesphere_eip", "")))
    if console is not None and not console.icp and case.goal.kubesphere:
        sentence = f"A domain on {console.id} ({console.address}) needs an ICP filing; the bare address does not"
        remedy = "file the domain before people use it, and write icp: true"
        yield case.finding("network.icp", "note", ("env", "kubesphere_eip"), sentence, remedy, source)
    place = place_of(case)
    mine = known.get(place[0].eip or "") if place is not None else None
    if place is None or mine is None or mine.icp:
        return
    web = [str(port) for port in _web_ports(place[0])]
    if web:
        sentence = f"{place[0].id} forwards port {' and '.join(web)} of {mine.address}, which has no ICP filing"
        remedy = f"file a domain on {mine.id}; until then these ports are blocked"
        yield case.finding("network.icp", "note", ("vxnet",), sentence, remedy, source)


def _web_ports(vpc: Vpc) -> tuple[int, ...]:
    web = (networks().constants["http_port"], networks().constants["https_port"])
    return tuple(sorted({forward.port for forward in vpc.forwards if forward.port in web}))


RULES: tuple[Rule, ...] = (_available, _reaches, _icp)

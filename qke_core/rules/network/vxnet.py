"""The private network: it must exist, be managed, hand out addresses and belong to a VPC that carries QKE."""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding, Severity
from qke_core.rules.network.place import BASE_NETWORK, find_vxnet, place_of, stands, vxnets_of
from qke_core.suggest import did_you_mean

SOURCE = "user guide, Preparation, G-023 to G-025; Network, G-041"


def _known(case: Case) -> Iterator[Finding]:
    """The wish names a vxnet, and the world has it. The basic network is in no VPC: `ports` speaks of it."""
    if case.world is None or case.goal.vxnet == BASE_NETWORK:
        return
    if case.world.vpcs is None:
        sentence = "The world says nothing of VPCs: no rule of networks was checked"
        yield case.finding("network.unknown", "note", (), sentence, "describe vpcs in the World file", SOURCE)
        return
    known = list(vxnets_of(case.world))
    if not case.goal.vxnet and not case.creates:
        sentence = f"The world does not say which vxnet {case.wish.name} stands in: no rule of networks was checked"
        yield case.finding("network.unknown", "note", (), sentence, "write its vxnet in the World file", SOURCE)
    elif not case.goal.vxnet:
        sentence = "The wish names no vxnet, and all nodes join one"
        remedy = f"add vxnet: {known[0]}" if known else "create a vxnet first and join it to a VPC"
        yield case.finding("network.vxnet-missing", "blocker", ("vxnet",), sentence, remedy, SOURCE)
    elif case.goal.vxnet not in known:
        sentence = f"No VPC of the world has a vxnet {case.goal.vxnet!r}"
        remedy = did_you_mean(case.goal.vxnet, known) if known else "create it and join it to a VPC"
        yield case.finding("network.vxnet-unknown", "blocker", ("vxnet",), sentence, remedy, SOURCE)


def _fit(case: Case) -> Iterator[Finding]:
    place = place_of(case)
    if place is None:
        return
    vpc, vxnet = place
    severity: Severity = "warning" if stands(case) else "blocker"
    wrong = (
        (not vxnet.managed, "is self-managed; QKE needs a managed one (G-023)", "choose a managed vxnet"),
        (not vxnet.dhcp, "has DHCP off (G-025)", "turn DHCP on, or choose another vxnet"),
        (vpc.type == "free", f"is in {vpc.id}, a free VPC, which carries no QKE", "enlarge the VPC, or choose another"),
    )
    for broken, says, remedy in wrong:
        if broken:
            sentence = f"{vxnet.id} {says}"
            yield case.finding("network.vxnet-unfit", severity, ("vxnet",), sentence, remedy, SOURCE)


def _links(case: Case) -> Iterator[Finding]:
    """Linked etcd and ELK must be in the cluster's VPC (G-043, G-046); without them there is advice."""
    world, place = case.world, place_of(case)
    for app, link in (("etcd", case.goal.etcd), ("elk", case.goal.elk)):
        source = "user guide, Network and dependencies, G-042 to G-047"
        path = ("links", app)
        if not link:
            if case.creates and case.goal.ha:
                inside = "the etcd on the masters" if app == "etcd" else "the Elasticsearch in the cluster"
                sentence = f"No {app} service is linked: {inside} is used, which takes its resources from the cluster"
                remedy = "link one for production; it can only be chosen at creation"
                yield case.finding("network.link-advised", "note", path, sentence, remedy, source)
            continue
        if world is None or world.linked is None:
            continue
        found = next((service for service in world.linked if service.id == link), None)
        if found is None or found.app != app:
            known = [service.id for service in world.linked if service.app == app]
            sentence = f"{link!r} is no {app} cluster of the account"
            yield case.finding("network.link-unknown", "blocker", path, sentence, did_you_mean(link, known), source)
            continue
        there = find_vxnet(world, found.vxnet)
        if place is not None and there is not None and place[0].id != there[0].id:
            sentence = f"{link} is in VPC {there[0].id}, the cluster in {place[0].id}"
            remedy = f"link one in {place[0].id}, or choose a vxnet of {there[0].id}"
            yield case.finding("network.link-vpc", "blocker", path, sentence, remedy, source)


RULES: tuple[Rule, ...] = (_known, _fit, _links)

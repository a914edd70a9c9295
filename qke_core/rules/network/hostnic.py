"""With hostnic every pod has an address of a vxnet: those listed are there, in the own VPC, and enough (139 to 142).

Code 141 is about the platform not answering just then: nothing that can be seen beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.catalog import networks
from qke_core.inventory import pod_nics
from qke_core.models.state import ClusterState
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding
from qke_core.rules.network.own import has_pod_range
from qke_core.rules.network.place import place_of, vxnets_of
from qke_core.rules.network.room import addresses_of, left_in, taken_by
from qke_core.suggest import did_you_mean

SOURCE = "QKE app repo, codes 139 to 142"
PATH = ("env", "hostnic-vxnets")


def listed_vxnets(state: ClusterState) -> tuple[str, ...]:
    """Return the vxnets that a cluster's pods have addresses of; none without hostnic."""
    if has_pod_range(state.settings) or not state.exists:
        return ()
    return tuple(str(state.settings.values.get("hostnic-vxnets", "")).split())


def pod_addresses(state: ClusterState) -> int:
    """Return how many addresses a cluster's pods may take at most: as many per node as a node may bind."""
    return state.count("master", "worker") * pod_nics(state)


def _enough(case: Case) -> Iterator[Finding]:
    """The platform's own rule, by whole vxnets (code 140)."""
    if has_pod_range(case.settings):
        return
    listed, nics = listed_vxnets(case.goal), pod_nics(case.goal)
    each, most = networks().constants["vxnet_nics_max"], pod_addresses(case.goal)
    if len(listed) * each < most:
        nodes = case.goal.count("master", "worker")
        sentence = f"{len(listed)} vxnets carry {len(listed) * each} pods, {nodes} nodes may bind {nodes * nics}"
        fits = len(listed) * each // nodes
        fewer = f", or lower hostnic-max-nics to {fits}" if fits and case.creates else ""
        enough = -(-most // each)
        remedy = f"list {enough} vxnet{'s' * (enough > 1)}{fewer}"
        yield case.finding("network.hostnic-short", "blocker", PATH, sentence, remedy, SOURCE, 140)


def _found(case: Case) -> Iterator[Finding]:
    """All vxnets listed are found, each once (139), and in the cluster's VPC (142)."""
    place, listed, known = place_of(case), listed_vxnets(case.goal), vxnets_of(case.world)
    for number, name in enumerate(listed):
        if name in listed[:number]:
            sentence = f"{name} is listed twice, so fewer vxnets are found than are listed"
            yield case.finding("network.hostnic-unknown", "blocker", PATH, sentence, "list it once", SOURCE, 139)
        elif place is None:
            continue
        elif name not in known:
            sentence = f"No VPC of the world has a vxnet {name!r}"
            remedy = did_you_mean(name, [vxnet.id for vxnet in place[0].vxnets])
            yield case.finding("network.hostnic-unknown", "blocker", PATH, sentence, remedy, SOURCE, 139)
        elif known[name][0].id != place[0].id:
            sentence = f"{name} is in VPC {known[name][0].id}, the cluster in {place[0].id}"
            remedy = f"list vxnets of {place[0].id} only"
            yield case.finding("network.hostnic-vpc", "blocker", PATH, sentence, remedy, SOURCE, 142)


def _shared(case: Case) -> Iterator[Finding]:
    """The platform counts whole vxnets; what nodes, balancers and others take of them is missing for pods."""
    known, world = vxnets_of(case.world), case.world
    listed = [name for name in dict.fromkeys(listed_vxnets(case.goal)) if name in known]
    most, each = pod_addresses(case.goal), networks().constants["vxnet_nics_max"]
    if not listed or world is None or len(listed) * each < most:
        return
    taken = taken_by(case.others, world)
    left = sum(left_in(known[name][1], taken) for name in listed)
    left -= addresses_of(case.goal) if case.goal.vxnet in listed else 0
    shared = [
        other.name
        for other in case.others
        if set(listed) & set(listed_vxnets(ClusterState.of_world(other, world))) and other.status != "deleted"
    ]
    if left < most or shared:
        whom = f", and pods of {', '.join(shared)} too" if shared else ""
        sentence = f"Pods may bind {most} addresses; {', '.join(listed)} have {max(left, 0)} left{whom}"
        remedy = "list vxnets that nothing else stands in"
        yield case.finding("network.hostnic-shared", "warning", PATH, sentence, remedy, "yunify/hostnic-cni")


RULES: tuple[Rule, ...] = (_enough, _found, _shared)

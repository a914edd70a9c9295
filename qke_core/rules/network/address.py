"""Public addresses: they exist, are available, and are used once."""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.catalog import Value
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding
from qke_core.rules.network.place import place_of
from qke_core.suggest import did_you_mean

ID_KEYS = ("kubesphere_eip", "kubernetes_eip_id")
SOURCE = "user guide, Environment parameters, G-050, G-054; Access through an EIP, G-093 to G-100"


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
        users = [other.name for other in case.others if wished in {other.settings.values.get(name) for name in ID_KEYS}]
        if wished not in known:
            sentence = f"{key}: the account has no address {wished!r}"
            yield case.finding("network.eip-unknown", "blocker", path, sentence, did_you_mean(wished, known), SOURCE)
        elif known[wished].bound_to or users:
            holder = known[wished].bound_to or f"cluster {users[0]}"
            free = [eip.id for eip in world.eips if not eip.bound_to and eip.id != wished]
            remedy = f"write an available one, such as {free[0]}" if free else "allocate another one"
            sentence = f"{key}: {wished} is bound to {holder}"
            yield case.finding("network.eip-taken", "blocker", path, sentence, remedy, SOURCE)
    console, api = (case.settings.values.get(key) for key in ID_KEYS)
    if console and console == api:
        sentence = f"{console} is wished for the console and for the API server"
        path = ("env", "kubernetes_eip_id")
        yield case.finding("network.eip-twice", "blocker", path, sentence, "use two addresses", SOURCE)


def _reaches(case: Case) -> Iterator[Finding]:
    """The address in the certificate should be one that leads to the cluster (guide G-093, G-096)."""
    wished = str(case.settings.values.get("kubernetes_eip", ""))
    if not wished or case.world is None or case.world.eips is None:
        return
    if wished not in {str(eip.address) for eip in case.world.eips}:
        sentence = f"kubernetes_eip: {wished} is no address of the account"
        remedy = "write the address of the VPC's EIP, or of one bound to the load balancer"
        yield case.finding("network.eip-foreign", "warning", ("env", "kubernetes_eip"), sentence, remedy, SOURCE)


def _registries(case: Case) -> Iterator[Finding]:
    """Images come over the network: a public registry needs a public address on the VPC (guide G-180)."""
    place = place_of(case)
    if place is None or case.world is None:
        return
    vpc, _ = place
    inside = {vpc.id, *(vxnet.id for vxnet in vpc.vxnets)}
    for registry in case.world.registries or ():
        if registry.reachable_from == "internet" and vpc.eip is None:
            sentence = f"{registry.host} is on the internet, and VPC {vpc.id} has no public address"
            remedy = f"bind an EIP to {vpc.id}"
        elif registry.reachable_from != "internet" and registry.reachable_from not in inside:
            sentence = f"{registry.host} is reached from {registry.reachable_from}, not from VPC {vpc.id}"
            remedy = "put the registry, or its load balancer, where all nodes reach it"
        else:
            continue
        source = "user guide, FAQ, G-180"
        yield case.finding("network.registry", "warning", ("vxnet",), sentence, remedy, source)


RULES: tuple[Rule, ...] = (_available, _reaches, _registries)

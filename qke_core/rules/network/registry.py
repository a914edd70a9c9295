"""Image registries: nodes must reach them (guide G-180)."""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding
from qke_core.rules.network.place import place_of


def _registries(case: Case) -> Iterator[Finding]:
    """A public registry needs a public address on the VPC, a private one must be in it."""
    place = place_of(case)
    if place is None or case.world is None:
        return
    vpc, source = place[0], "user guide, FAQ, G-180"
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
        yield case.finding("network.registry", "warning", ("vxnet",), sentence, remedy, source)


RULES: tuple[Rule, ...] = (_registries,)

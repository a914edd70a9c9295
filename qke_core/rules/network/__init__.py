"""Rules of networks: ranges, room, private networks, public addresses, ports and registries.

What a World does not tell is not judged: without `vpcs` only what the wish says by itself is looked at. A cluster that
is wished away needs no network, so none of these rules speaks of it; what stands already, and stays, is a warning where
the same in a new cluster is a blocker.

Rule: docs/rules/network.md; guide, Preparation, Network and dependencies, Environment parameters, FAQ.
"""

from collections.abc import Iterator
from functools import wraps

from qke_core.rules.case import Case, Rule, WorldRule
from qke_core.rules.finding import Finding
from qke_core.rules.network import address, hostnic, ports, ranges, registry, room, server, vxnet, world
from qke_core.rules.network.ports import NeededPort, needed_ports
from qke_core.rules.network.server import api_servers

GONE = ("deleted", "ceased")
"""Statuses that one wishes a cluster away with."""


def _of_what_stays(rule: Rule) -> Rule:
    @wraps(rule)
    def checked(case: Case) -> Iterator[Finding]:
        return iter(()) if case.wish.status in GONE else rule(case)

    return checked


MODULES = (vxnet, ranges, room, hostnic, address, ports, server, registry)
"""In the order in which people read findings."""

RULES: tuple[Rule, ...] = tuple(_of_what_stays(rule) for module in MODULES for rule in module.RULES)
WORLD_RULES: tuple[WorldRule, ...] = world.RULES

__all__ = ["RULES", "WORLD_RULES", "NeededPort", "api_servers", "needed_ports"]

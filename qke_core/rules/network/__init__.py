"""Rules of networks: ranges, room, private networks, public addresses, ports and registries.

What a World does not tell is not judged: without `vpcs` only what the wish says by itself is looked at.

Rule: docs/rules/network.md; guide, Preparation, Network and dependencies, Environment parameters, FAQ.
"""

from qke_core.rules.case import Rule, WorldRule
from qke_core.rules.network import address, ports, ranges, room, vxnet, world

RULES: tuple[Rule, ...] = (*vxnet.RULES, *ranges.RULES, *room.RULES, *address.RULES, *ports.RULES)
WORLD_RULES: tuple[WorldRule, ...] = world.RULES

__all__ = ["RULES", "WORLD_RULES"]

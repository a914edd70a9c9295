"""All rules at once: of a wish in its world, and of a world by itself."""

from __future__ import annotations

from qke_core.models.cluster import ClusterDocument
from qke_core.models.world import World
from qke_core.rules import autoscaling, network, parameters, quota, storage, topology, version
from qke_core.rules import world as worlds
from qke_core.rules.case import Case, Rule, WorldRule
from qke_core.rules.finding import Finding, by_rank

RULES: tuple[Rule, ...] = (
    *topology.RULES,
    *version.RULES,
    *parameters.RULES,
    *network.RULES,
    *storage.RULES,
    *quota.RULES,
    *autoscaling.RULES,
)
"""Every rule of a wish, in the order in which people read findings."""

WORLD_RULES: tuple[WorldRule, ...] = (
    *worlds.WORLD_RULES,
    *topology.WORLD_RULES,
    *parameters.WORLD_RULES,
    *network.WORLD_RULES,
    *storage.WORLD_RULES,
    *quota.WORLD_RULES,
)
"""Every rule of a world."""


def check_cluster(wish: ClusterDocument, world: World | None) -> tuple[Finding, ...]:
    """List everything that would block a wish or that its owner should know; without a world, what is wrong by itself.

    Returns:
        Findings: blockers first, then warnings, then notes. Paths lead into the Cluster document, or, where `document`
        says so, into the World document.
    """
    case = Case.of(wish, world)
    return by_rank(_once([finding for rule in RULES for finding in rule(case)]))


def _once(findings: list[Finding]) -> list[Finding]:
    """Leave out that a value has the wrong form where a rule of networks says what is wrong with it."""
    told = {finding.path for finding in findings if finding.code in RANGE_FORMS}
    return [finding for finding in findings if finding.code != "parameter.pattern" or finding.path not in told]


RANGE_FORMS = ("network.cidr", "network.host-bits", "network.ipv6")


def check_world(world: World) -> tuple[Finding, ...]:
    """List everything by which a world contradicts itself or the product."""
    return by_rank([finding for rule in WORLD_RULES for finding in rule(world)])

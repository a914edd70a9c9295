"""Rules of quotas: does the wish fit into what is left, and does a world stay within its own limits.

What a plan needs step by step, and which step runs short first, the planner says.

Rule: docs/rules/quotas.md; guide G-028 to G-032.
"""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.inventory import resources_of
from qke_core.models.world import World
from qke_core.quota import kubesphere_reserve, left, limits, usage_of, world_usage
from qke_core.rules.case import Case, Rule, WorldRule, world_finding
from qke_core.rules.finding import Finding

SOURCE = "user guide, Preparation, G-028 to G-032; QKE app repo, extra_quota of the master; ret_code 2500"
REFUSED = 2500
"""`ret_code` of the cloud when a quota does not allow it."""


def _fits(case: Case) -> Iterator[Finding]:
    """Every quota that the wish exceeds in the end, one finding each."""
    if case.world is None:
        return
    if case.world.quotas is None:
        sentence = "The world says nothing of quotas: whether the wish fits was not checked"
        remedy = "describe quotas in the World file, for example {profile: enterprise}"
        yield case.finding("quota.unknown", "note", (), sentence, remedy, SOURCE)
        return
    remaining = left(case.world) or {}
    wanted = usage_of(resources_of(case.goal))
    if case.creates:
        wanted += kubesphere_reserve(case.goal)
    had = usage_of(resources_of(case.now)) if case.now is not None else usage_of(())
    bounds = limits(case.world.quotas)
    for key in wanted.beyond(had):
        needs = wanted.get(key) - had.get(key)
        if key in remaining and needs > remaining[key]:
            sentence = (
                f"The wish needs {needs} more {key}; the quota is {bounds[key]}, {max(remaining[key], 0)} are left"
            )
            remedy = f"ask for {needs - remaining[key]} more {key} by ticket, or wish for less"
            yield case.finding("quota.short", "blocker", (), sentence, remedy, SOURCE, REFUSED, key)


RULES: tuple[Rule, ...] = (_fits,)


def _within(world: World) -> Iterator[Finding]:
    """More used than allowed contradicts itself."""
    if world.quotas is None:
        return
    used = world_usage(world)
    for key, limit in limits(world.quotas).items():
        if used.get(key) > limit:
            sentence = f"{used.get(key)} {key} are in use, the quota is {limit}"
            path = ("quotas", "limits", key)
            remedy = "correct the limit, or what uses it"
            yield world_finding("world.quota-exceeded", "blocker", path, sentence, remedy, SOURCE, key)


WORLD_RULES: tuple[WorldRule, ...] = (_within,)

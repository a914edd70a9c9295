"""How long things take in a plan: durations of the catalogue, and what the product's scripts are made of.

The nodes of the twin play the same scripts with the same durations, so a plan and a run differ by luck alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from qke_core.catalog import Catalog, Command, RoleKind, ScriptStep, catalog, networks
from qke_core.inventory import api_balancer
from qke_core.models.state import ClusterState
from qke_core.plan.conditions import applies, script_conditions
from qke_core.plan.schedule import NO_TIME, Interval
from qke_core.units import MS_PER_S


def takes(*names: str, facts: Catalog | None = None) -> Interval:
    """Return the catalogue's durations one after the other, as an interval; what nodes do alike has a little spread."""
    total, book = NO_TIME, facts or catalog()
    for name in names:
        found = book.duration(name)
        spread = found.spread_percent or 0
        total += Interval(found.min_ms * (100 - spread) // 100, found.max_ms * (100 + spread) // 100)
    return total


def span(steps: Iterable[ScriptStep], version: str, facts: Catalog | None = None) -> Interval:
    """Return how long steps of a version's script take; of a wait, what counts here is that it looks now and then.

    It looks once at least; what it waits for may come just after a look.
    """
    total, book = NO_TIME, facts or catalog()
    for step in steps:
        if step.duration is not None:
            total += takes(step.duration, facts=book)
        if step.wait is not None:
            look_ms = book.constants["check_ms"]
            first_ms = 0 if step.duration is not None else look_ms  # Else the wait may be the tries of the step itself.
            total += Interval(first_ms, 2 * look_ms + book.budget(step.wait, version).interval_ms)
    return total


def steps_of(command: Command, state: ClusterState, kind: RoleKind, *words: str) -> tuple[ScriptStep, ...]:
    """Return the steps of a command on one kind of node, the first of its kind, where `words` hold beside.

    A kind of node that has no such script has no steps.
    """
    if not catalog().has_script(command, state.version, kind):
        return ()
    holds = _holds(state, "other-master" not in words) | set(words)
    return tuple(step for step in catalog().script(command, state.version, kind) if applies(step, holds))


def scripted(command: Command, state: ClusterState, kind: RoleKind, *words: str) -> Interval:
    """Return how long a command takes on one node; the words as in `steps_of`.

    Who waits for the API may begin when its servers have long been starting.
    """
    steps = steps_of(command, state, kind, *words)
    waits = any(step.wait == "api-ready" for step in steps)
    return span(steps, state.version) + Interval(0, api_back(state).max_ms if waits else 0)


def api_back(state: ClusterState) -> Interval:
    """Return how long it takes until users find API servers that start: a load balancer checks them first."""
    rule = networks().constants
    checks = rule["lb_check_s"] * rule["lb_check_rise"] * MS_PER_S if api_balancer(state) else 0
    return takes("apiserver-start") + Interval(0, checks)


def _holds(state: ClusterState, first_master: bool) -> frozenset[str]:  # noqa: FBT001 - one of the conditions
    facts = {
        "api-lb": api_balancer(state),
        "no-lb": not api_balancer(state),
        "hostnic": state.settings.values.get("network_plugin") == "hostnic",
        "no-workers": not state.count("worker"),
    }
    common = script_conditions(
        "", first_master=first_master, ha=state.ha, kubesphere=state.kubesphere, built_in_etcd=not state.etcd
    )
    return common | {word for word, holds in facts.items() if holds}

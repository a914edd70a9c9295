"""Rules of quotas: does the wish fit into what is left, and does a world stay within its own limits.

What a plan needs step by step, and which step runs short first, the planner says.

Rule: docs/rules/quotas.md; guide G-028 to G-032.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qke_core.catalog import quotas
from qke_core.documents import Path
from qke_core.inventory import resources_of
from qke_core.models.world import World
from qke_core.quota import Amounts, Usage, kubesphere_reserve, left, limits, usage_by_origin, usage_of, world_usage
from qke_core.resources import Origin
from qke_core.rules.case import Case, Rule, WorldRule, world_finding
from qke_core.rules.finding import Finding

SOURCE = "user guide, Preparation, G-028 to G-032; yunify/qingcloud-docs, ret_code 2500"
DECLARED = "QKE app repo, app/cluster.json.mustache, extra_quota of the master; how the platform checks it is assumed"
REFUSED = 2500
"""`ret_code` of the cloud when a quota does not allow it."""

UNITS: Mapping[str, str] = {
    "cpu": "vCPU",
    "memory_mb": "MB of memory",
    "gpu": "GPU",
    "volume_size_gb": "GB of volumes",
    "eip_bandwidth_mbps": "Mbps of public bandwidth",
    "nic": "NIC",
    "loadbalancer": "load balancer",
    "security_group": "security group",
}
"""What a resource type is called in a sentence, where not by its name; plain nouns get an s."""
COUNTED = ("instance", "volume", "nic", "loadbalancer", "security_group", "cluster")

PLACES: Mapping[str, Path] = {
    "cluster": ("name",),
    "loadbalancer": ("roles", "master", "count"),
    "security_group": ("roles", "master", "count"),
}
"""What of a wish asks for a resource type; everything else comes with the nodes."""

REASONS: Mapping[Origin, str] = {
    "node": "for nodes",
    "kubesphere": "for KubeSphere",
    "apiserver": "for the API server",
    "console": "for the console's EIP",
}


def amount(key: str, number: int) -> str:
    """Write an amount of a resource type, such as `3 volumes` or `230 GB of volumes`."""
    noun = UNITS.get(key, key.replace("_", " "))
    return f"{number} {noun}{'s' * (key in COUNTED and number != 1)}"


def needs_of(case: Case) -> Mapping[Origin, Usage]:
    """Return what the wish needs beyond what the cluster has, apart by what for.

    A creation reserves for KubeSphere's volumes. What one origin frees another may take: see `net_of`.
    """
    had = usage_by_origin(() if case.now is None else resources_of(case.now))
    wanted = usage_by_origin(resources_of(case.goal))
    needs: dict[Origin, Usage] = {name: usage.beyond(had.get(name, Usage())) for name, usage in wanted.items()}
    if case.creates:
        needs["kubesphere"] = needs.get("kubesphere", Usage()) + kubesphere_reserve(case.goal)
    return needs


def net_of(case: Case) -> Usage:
    """Return what the wish needs beyond what the cluster has; what it frees counts against what it takes."""
    had = usage_of(() if case.now is None else resources_of(case.now))
    wanted = usage_of(resources_of(case.goal))
    return (wanted + kubesphere_reserve(case.goal) if case.creates else wanted).beyond(had)


def _quotas(case: Case) -> Iterator[Finding]:
    """Ask both rules of quotas with what is left, which is costly to count."""
    if case.world is None:
        return
    remaining = left(case.world)
    if case.world.quotas is None or remaining is None:
        sentence = "The world says nothing of quotas: whether the wish fits was not checked"
        remedy = "describe quotas in the World file, for example {profile: enterprise}"
        yield case.finding("quota.unknown", "note", (), sentence, remedy, SOURCE)
        return
    yield from _fits(case, remaining, limits(case.world.quotas))
    yield from _declared(case, remaining)


def _fits(case: Case, remaining: Amounts, bounds: Amounts) -> Iterator[Finding]:
    """Every quota that the wish exceeds in the end, one finding each (guide G-028 to G-032)."""
    needs, net = needs_of(case), net_of(case)
    for key in net:
        number = net.get(key)
        if key in remaining and number > remaining[key]:
            parts: dict[Origin, int] = {name: usage.get(key) for name, usage in needs.items() if usage.get(key)}
            sentence = f"The wish needs {amount(key, number)} more{_why(parts, number)}"
            sentence += f"; {_left(remaining[key], bounds[key])}"
            remedy = f"ask for {amount(key, number - remaining[key])} more by ticket, or wish for less"
            yield case.finding("quota.short", "blocker", _place(key, parts), sentence, remedy, SOURCE, REFUSED, key)


def _why(parts: Mapping[Origin, int], number: int) -> str:
    """Say what an amount is for, where that is more than the nodes themselves and nothing is freed."""
    if list(parts) == ["node"] or sum(parts.values()) != number:
        return ""
    return " (" + ", ".join(f"{part} {REASONS[origin]}" for origin, part in parts.items()) + ")"


def _left(number: int, limit: int) -> str:
    overdrawn = f"; {-number} too many are in use already" if number < 0 else ""
    return f"{max(number, 0)} of the quota of {limit} {'is' if number == 1 else 'are'} left{overdrawn}"


def _place(key: str, parts: Mapping[Origin, int]) -> Path:
    """Return what in the wish asks for most of it."""
    return ("env", "kubesphere_eip") if set(parts) == {"console"} else PLACES.get(key, ("roles",))


def _declared(case: Case, remaining: Amounts) -> Iterator[Finding]:
    """The app declares volumes, load balancers and security groups for every cluster, whether it uses them or not."""
    if not case.creates or not case.goal.exists:
        return
    needs, net = needs_of(case), net_of(case)
    for key, declared in quotas().needs["declared"].items():
        nodes = needs["node"].get(key)
        if key in remaining and net.get(key) <= remaining[key] < nodes + declared:
            beside = f" beside {nodes} for nodes" if nodes else ""
            sentence = f"The app declares {amount(key, declared)} for every cluster{beside}; {remaining[key]} left"
            remedy = f"ask for {amount(key, nodes + declared - remaining[key])} more by ticket if creation is refused"
            yield case.finding("quota.declared", "warning", PLACES.get(key, ()), sentence, remedy, DECLARED, 0, key)


RULES: tuple[Rule, ...] = (_quotas,)


def _within(world: World) -> Iterator[Finding]:
    """More used than allowed contradicts itself."""
    if world.quotas is None:
        return
    used = world_usage(world)
    for key, limit in limits(world.quotas).items():
        if used.get(key) > limit:
            sentence = f"{amount(key, used.get(key))} in use, the quota is {limit}"
            written = key in {str(name) for name in world.quotas.limits}
            path = ("quotas", "limits", key) if written else ("quotas", "profile")
            remedy = f"write {key}: {used.get(key)} or more under limits, or correct what uses it"
            yield world_finding("world.quota-exceeded", "blocker", path, sentence, remedy, SOURCE, key)


WORLD_RULES: tuple[WorldRule, ...] = (_within,)

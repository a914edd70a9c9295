"""Rules of cluster parameters and of the sizes of roles: the table of all, and whether each value fits by itself.

* `parameter_texts`: what stands inside a text.
* `parameter_pairs`: parameters that make something of each other.
* `parameter_changes`: what a change does to a cluster that exists.

Rule: docs/rules/parameters.md; QKE app repo, app/config.json of each version; guide, Environment parameters, G-048 to
G-082.
"""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.catalog import catalog, parameters
from qke_core.models.world import World, WorldCluster
from qke_core.rules import parameter_changes, parameter_pairs, parameter_texts
from qke_core.rules.case import Case, Rule, WorldRule, world_finding
from qke_core.rules.finding import Finding
from qke_core.rules.sizes import FIELDS, role_flaws
from qke_core.rules.values import env_flaws
from qke_core.suggest import did_you_mean

CONFIG = "QKE app repo, app/config.json"
KEY_SOURCE = "user guide, Preparation, G-027; Environment parameters, G-048"


def _values(case: Case) -> Iterator[Finding]:
    """Each parameter fits what the version offers. What the cluster has already may stay: an upgrade asks nobody."""
    known = parameters().env(case.version)
    wished, now = case.wish.settings.values, case.now
    for key, flaw in env_flaws(case.version, case.wish.env):
        stays = now is not None and now.exists and key in wished and now.settings.values.get(key) == wished[key]
        if not stays:
            source = known[key].source if key in known else CONFIG
            yield case.finding(flaw.code, "blocker", ("env", key), flaw.sentence, flaw.remedy, source)


def _sizes(case: Case) -> Iterator[Finding]:
    """Each figure of a role fits what the version offers; nodes may keep what they have, such as host types of 1.x."""
    for role, wished in (case.wish.roles or {}).items():
        for field, flaw in role_flaws(case.version, role, wished):
            if not _has(case, role, field, FIELDS[field](wished)):
                source = parameters().role(role, case.version)["cpu"].source
                path = ("roles", role, field)
                yield case.finding(flaw.code, "blocker", path, flaw.sentence, flaw.remedy, source)


def _has(case: Case, role: str, field: str, value: object) -> bool:
    """Whether the nodes of a role are of this size already."""
    if case.now is None or not case.now.exists or not case.now.nodes.get(role):
        return False
    shape = case.now.shape[role]
    sizes = {
        "cpu": shape.cpu,
        "memory": shape.memory_mib,
        "volume": shape.volume_gib * 1024,
        "instance_class": shape.instance_class,
    }
    return field in sizes and sizes[field] == value


def _key(case: Case) -> Iterator[Finding]:
    """An API access key must exist before creation; storage and network plugins use it (guide G-027, G-048)."""
    keys = None if case.world is None else case.world.access_keys
    given = case.wish.env.get("access_key_id")
    creates = case.creates and case.wish.status in {"active", "stopped"}
    if given and keys:
        if given not in keys:
            sentence = f"The account has no API access key {given!r}"
            path, remedy = ("env", "access_key_id"), did_you_mean(str(given), keys)
            yield case.finding("parameter.access-key", "blocker", path, sentence, remedy, KEY_SOURCE)
    elif keys is not None and not keys and (given or creates):
        sentence = "The account has no API access key; storage and network plugins need one"
        path, remedy = ("env", "access_key_id"), "create an API access key first"
        yield case.finding("parameter.access-key", "blocker", path, sentence, remedy, KEY_SOURCE)
    elif not given and creates:
        sentence = "No API access key is named: one will be asked for when the plan is applied"
        remedy = f"write access_key_id: {keys[0] if keys else '...'}"
        yield case.finding("parameter.access-key", "warning", ("env",), sentence, remedy, KEY_SOURCE)


RULES: tuple[Rule, ...] = (
    _values,
    _sizes,
    _key,
    *parameter_texts.RULES,
    *parameter_pairs.RULES,
    *parameter_changes.RULES,
)


def _world_values(world: World) -> Iterator[Finding]:
    """Each value of a cluster fits its version, or one that the cluster was upgraded through."""
    for place, cluster in enumerate(world.clusters):
        past = _past(cluster)
        fitted = [dict(env_flaws(version, cluster.env)) for version in past]
        for key, flaw in env_flaws(cluster.version, cluster.env):
            if flaw.code == "parameter.not-in-version" or all(key in flaws for flaws in fitted):
                path = ("clusters", place, "env", key)
                yield world_finding(flaw.code, "blocker", path, flaw.sentence, flaw.remedy, CONFIG, cluster.name)


def _world_sizes(world: World) -> Iterator[Finding]:
    """The same for the sizes of roles."""
    for place, cluster in enumerate(world.clusters):
        for role, wished in (cluster.roles or {}).items():
            fitted = [dict(role_flaws(version, role, wished)) for version in _past(cluster)]
            for field, flaw in role_flaws(cluster.version, role, wished):
                if all(field in flaws for flaws in fitted):
                    path = ("clusters", place, "roles", role, field)
                    yield world_finding(flaw.code, "blocker", path, flaw.sentence, flaw.remedy, CONFIG, cluster.name)


def _past(cluster: WorldCluster) -> tuple[str, ...]:
    """Return the versions that a cluster may have had before the present one, from its birth on."""
    order = catalog().order
    return order[order.index(cluster.born_as or cluster.version) : order.index(cluster.version)]


def _world_keys(world: World) -> Iterator[Finding]:
    """A cluster's access key is one of the account's, where these are listed."""
    for place, cluster in enumerate(world.clusters):
        given = cluster.env.get("access_key_id")
        if given and world.access_keys is not None and given not in world.access_keys:
            sentence = f"Cluster {cluster.name!r} uses API access key {given!r}, which access_keys does not list"
            path, remedy = ("clusters", place, "env", "access_key_id"), "add it to access_keys"
            yield world_finding("parameter.access-key", "blocker", path, sentence, remedy, KEY_SOURCE, cluster.name)


WORLD_RULES: tuple[WorldRule, ...] = (_world_values, _world_sizes, _world_keys)

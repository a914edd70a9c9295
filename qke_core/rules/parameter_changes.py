"""Rules of changing parameters of a cluster that exists: what cannot change, and what a change does to who is on it.

Only parameters that the file writes are judged, and against what the cluster would have at the wished version: an
upgrade carries values over.

Rule: docs/rules/parameters.md#changes; QKE app repo, app/config.json and confd templates; guide G-052 to G-055, G-060,
G-071, G-076, G-080, G-094, G-175.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qke_core.catalog import ParameterChange, Value, by_trigger, parameter_changes, parameters
from qke_core.goal import carry
from qke_core.models.state import ClusterState
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding
from qke_core.rules.values import env_flaws, shown

MODULES = "extra.modules"

DAEMON_SETS = ("kube-proxy", "hostnic-node")

WHERE: Mapping[str, str] = {
    "first-master": "the first master",
    "masters": "all masters",
    "k8s-nodes": "all masters and workers",
    "all-nodes": "all nodes",
}


def _standing(case: Case) -> ClusterState | None:
    """Return the cluster as it comes to the wished version; None when there is none, or the wish ends it."""
    if case.now is None or case.creates or case.wish.status in {"deleted", "ceased"}:
        return None
    return carry(case.now, case.version)


def _changed(case: Case) -> Mapping[str, tuple[Value, Value]]:
    """Return the parameters that the file changes, with old and new value, but those whose value is refused anyway.

    Modules are not compared by their order.
    """
    standing = _standing(case)
    if standing is None:
        return {}
    old, new = standing.settings.values, case.wish.settings.values
    flawed = {key for key, _ in env_flaws(case.version, case.wish.env)}
    keys = [key for key in case.wish.env if key not in flawed and old[key] != new[key]]
    return {key: (old[key], new[key]) for key in keys if not (_unknown(case, key) or _same_words(case, key))}


def _unknown(case: Case, key: str) -> bool:
    """Whether nobody knows the present value: it has no default and the World does not write it."""
    present = case.present
    known = parameters().env(case.version)[key]
    return known.default is None and present is not None and key not in present.env


def _same_words(case: Case, key: str) -> bool:
    standing = _standing(case)
    return key == MODULES and standing is not None and set(standing.settings.modules) == set(case.wish.settings.modules)


def _fixed(case: Case) -> Iterator[Finding]:
    """What cannot change after creation (app/config.json, changeable: false; guide G-175 for KubeSphere)."""
    known = parameters().env(case.version)
    for key, (old, new) in _changed(case).items():
        if known[key].changeable:
            continue
        path, source = ("env", key), known[key].source
        before, after = shown(known[key], old), shown(known[key], new)
        if key == "install_kubesphere":
            verb = "has KubeSphere, and it cannot be taken out" if old else "was created without KubeSphere"
            sentence = f"{case.wish.name} {verb}: install_kubesphere cannot change after creation"
        else:
            sentence = f"{key} is {before} and cannot become {after}: it cannot change after creation"
        remedy = f"write {key}: {before}, or create another cluster"
        yield case.finding("parameter.unchangeable", "blocker", path, sentence, remedy, source)


def _felt(case: Case) -> Iterator[Finding]:
    """Say what restarts where, and what waits for a restart (guide G-055, G-060, G-071, G-076, G-080)."""
    standing = _standing(case)
    if standing is None:
        return
    changed = _changed(case)
    after = {**standing.settings.values, **{key: new for key, (_, new) in changed.items()}}
    found = parameter_changes().effects(case.version, standing.settings.values, after)
    for event in by_trigger(found):
        keys = tuple(dict.fromkeys(change.key for change in found if change.trigger == event.trigger))
        yield from _event(case, event, keys)


def _event(case: Case, event: ParameterChange, keys: tuple[str, ...]) -> Iterator[Finding]:
    """Say one event: its path is that of the first parameter that sets it off."""
    path, names = ("env", keys[0]), ", ".join(keys)
    if event.restarts:
        sentence = f"Changing {names} restarts {_restarts(event)}: {event.interruption}"
        remedy = "choose a quiet hour, and change it rarely"
        yield case.finding("parameter.restarts", "warning", path, sentence, remedy, event.source)
    elif event.interruption:
        sentence = f"Changing {names}: {event.interruption}"
        yield case.finding("parameter.interrupts", "warning", path, sentence, "tell those who use it", event.source)
    if event.menu_restart:
        sentence = "docker_bip takes effect when all masters and workers have been restarted from the menu"
        remedy = "choose a quiet hour: the plan restarts role after role"
        yield case.finding("parameter.menu-restart", "warning", ("env", "docker_bip"), sentence, remedy, event.source)


def _restarts(event: ParameterChange) -> str:
    """Say what restarts where: pods of a DaemonSet are replaced node by node, whoever asked for it."""
    own = [component for component in event.restarts if component not in DAEMON_SETS]
    pods = [component for component in event.restarts if component in DAEMON_SETS]
    how = "within seconds of each other" if event.staggered else "at once"
    said = [f"{', '.join(own)} on {WHERE[event.acts_on]} {how}"] if own else []
    said += [f"{', '.join(pods)} node by node"] if pods else []
    return " and ".join(said)


def _modules(case: Case) -> Iterator[Finding]:
    """Modules are only ever installed, which takes long (guide G-052, G-053)."""
    standing, path = _standing(case), ("env", MODULES)
    if standing is None or MODULES not in case.wish.env or not standing.kubesphere:
        return
    chosen = case.wish.settings.modules
    kept = [word for word in standing.modules if word not in chosen]
    new = [word for word in chosen if word not in standing.modules]
    if kept:
        stay = "stays" if len(kept) == 1 else "stay"
        sentence = f"{', '.join(kept)} {stay} installed: clearing a choice uninstalls nothing"
        source = "user guide, Environment parameters, G-052"
        remedy = "take it out by hand if it must go"
        yield case.finding("modules.never-removed", "warning", path, sentence, remedy, source)
    if new:
        sentence = f"Installing {', '.join(new)} can take long"
        source = "user guide, Environment parameters, G-053"
        yield case.finding("modules.take-long", "note", path, sentence, "wait for the installer to end", source)


RULES: tuple[Rule, ...] = (_fixed, _felt, _modules)

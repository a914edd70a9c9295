"""Rules of cluster parameters and of the sizes of roles: does the value fit, may it change, what does a change do.

Rule: docs/rules/parameters.md; QKE app repo, app/config.json of each version; guide, Environment parameters, G-048 to
G-082.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from qke_core.catalog import Parameter, Value, catalog, parameter_changes, parameters
from qke_core.documents import Path
from qke_core.models.cluster import ClusterWish, RoleWish
from qke_core.models.settings import Given, Settings
from qke_core.models.world import World
from qke_core.rules.case import Case, Rule, WorldRule, world_finding
from qke_core.rules.finding import Finding
from qke_core.suggest import did_you_mean

CONFIG = "QKE app repo, app/config.json"
GUIDE = "user guide, Environment parameters"
SHOWN_MAX = 60

PATTERNS: Mapping[str, str] = {
    "kubesphere_eip": "write an id such as eip-a1b2c3d4, or nothing",
    "kubernetes_eip_id": "write an id such as eip-a1b2c3d4, or nothing",
    "kubernetes_eip": "write an IPv4 address such as 139.198.0.10, or nothing",
    "host_aliases": "write pairs of address and name with commas between: '192.168.0.9 nas,192.168.0.10 git'",
    "registry_mirrors": "write full addresses with blanks between: 'https://mirror.example https://other.example'",
    "insecure_registry": "write names with single blanks between",
    "pod_subnet": "write an IPv4 range such as 10.10.0.0/16",
    "service_subnet": "write an IPv4 range such as 10.96.0.0/16",
    "api_external_domain": "write a domain such as cluster.local",
    "cluster_port_range": "write it like 30000-32767",
    "kube_audit_file": "write an absolute path such as /etc/kubernetes/audit/policies/default.yaml",
    "hostnic-vxnets": "write vxnet ids, one per line",
    "kubelet.params": "write flags with their dashes, one per line: --key=value",
}
"""What to write, for parameters whose form is a pattern; for others the pattern itself is shown."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A value that does not fit: code, sentence, remedy."""

    code: str
    sentence: str
    remedy: str


Check: TypeAlias = Callable[[str, Parameter, Value], Iterator[Flaw]]


def check_value(key: str, known: Parameter, given: Given) -> Iterator[Flaw]:
    """Say what is wrong with a value: its type first, else every limit it breaks."""
    value: Value = ",".join(given) if isinstance(given, tuple) else given
    if isinstance(given, tuple) and not known.multichoice:
        yield Flaw("parameter.type", f"{key} takes one value, not a list", f"write one value; {known.meaning}")
        return
    wrong = _wrong_type(known, value)
    if wrong:
        yield Flaw("parameter.type", f"{key}: {_short(value)} is not {wrong}", f"write {wrong}")
        return
    for check in CHECKS:
        yield from check(key, known, value)


def _wrong_type(known: Parameter, value: Value) -> str:
    """Return what the value should have been; empty when its type fits."""
    if known.type == "integer":
        return "" if isinstance(value, int) and not isinstance(value, bool) else "a whole number"
    if known.type == "boolean":
        return "" if isinstance(value, bool) else "true or false"
    return "" if isinstance(value, str) else "a text: put it in quotes"


def _choice(key: str, known: Parameter, value: Value) -> Iterator[Flaw]:
    if not known.choices:
        return
    words = [word for word in str(value).split(",") if word] if known.multichoice else [value]
    for word in words:
        if word not in known.choices:
            choices = [str(choice) for choice in known.choices]
            yield Flaw("parameter.choice", f"{key}: {_short(word)} is not offered", did_you_mean(str(word), choices))


def _range(key: str, known: Parameter, value: Value) -> Iterator[Flaw]:
    if not isinstance(value, int) or isinstance(value, bool):
        return
    low, high, step = known.minimum, known.maximum, known.step
    outside = (low is not None and value < low) or (high is not None and value > high)
    if outside or (step is not None and low is not None and (value - low) % step):
        steps = "" if step is None else f" in steps of {step}"
        remedy = f"write a number from {low} to {high}{steps}"
        yield Flaw("parameter.range", f"{key}: {value} is out of range", remedy)


def _pattern(key: str, known: Parameter, value: Value) -> Iterator[Flaw]:
    if known.pattern and isinstance(value, str) and re.search(known.pattern, value, re.ASCII) is None:
        remedy = PATTERNS.get(key, f"write it so that it fits {known.pattern}")
        yield Flaw("parameter.pattern", f"{key}: {_short(value)} has the wrong form", remedy)


CHECKS: tuple[Check, ...] = (_choice, _range, _pattern)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 3] + "..."


def written_values(wish: ClusterWish) -> Iterator[tuple[Path, Flaw]]:
    """Say what is wrong with the parameters that a cluster's file writes, with the path inside the cluster."""
    known = parameters().env(wish.version)
    for key, given in wish.env.items():
        if key not in known:
            yield ("env", key), _not_there(key, wish.version)
            continue
        for flaw in check_value(key, known[key], given):
            yield ("env", key), flaw


def _not_there(key: str, version: str) -> Flaw:
    having = [name for name in catalog().order if key in parameters().env(name)]
    span = having[0] if len(having) == 1 else f"{having[0]} to {having[-1]}"
    remedy = f"leave it out, or wish for a version that has it: {span}"
    return Flaw("parameter.not-in-version", f"QKE {version} has no parameter {key}", remedy)


SIZES: Mapping[str, Callable[[RoleWish], Value | None]] = {
    "count": lambda role: role.count,
    "cpu": lambda role: role.cpu,
    "memory": lambda role: role.memory,
    "volume_size": lambda role: None if role.volume is None else role.volume // 1024,
    "instance_class": lambda role: role.instance_class,
    "cpu_model": lambda role: role.cpu_model,
}
"""The parameters of a role, and where a wish writes them. Memory counts in MiB, disks in GiB, as the product does."""

FIELDS: Mapping[str, str] = {"volume_size": "volume"}


def role_values(wish: ClusterWish) -> Iterator[tuple[Path, Flaw]]:
    """Say what is wrong with the sizes that a cluster's file writes. Counts of masters and clients are topology."""
    for role, wished in (wish.roles or {}).items():
        known = parameters().role(role, wish.version)
        for name, read in SIZES.items():
            value, field = read(wished), FIELDS.get(name, name)
            if value is None or (name == "count" and catalog().roles[role].kind != "worker"):
                continue
            if name not in known:
                sentence = f"{field} of {role} cannot be chosen at QKE {wish.version}"
                yield ("roles", role, field), Flaw("role.fixed", sentence, "leave it out")
                continue
            for flaw in check_value(f"{role} {field}", known[name], value):
                code = "role.volume" if name == "volume_size" else flaw.code
                yield ("roles", role, field), Flaw(code, flaw.sentence, flaw.remedy)


def _values(case: Case) -> Iterator[Finding]:
    for path, flaw in (*written_values(case.wish), *role_values(case.wish)):
        yield case.finding(flaw.code, "blocker", path, flaw.sentence, flaw.remedy, CONFIG)


def _key(case: Case) -> Iterator[Finding]:
    """The API access key must be one of the account's (guide G-027, G-048)."""
    known = None if case.world is None else case.world.access_keys
    source = "user guide, Preparation, G-027; Environment parameters, G-048"
    given = case.wish.env.get("access_key_id")
    if given is None and case.creates:
        sentence = "No API access key is named; storage and network plugins need one"
        yield case.finding("parameter.access-key", "warning", ("env",), sentence, "add access_key_id: ...", source)
    elif given is not None and known is not None and given not in known:
        sentence = f"The account has no API access key {_short(given)}"
        remedy = did_you_mean(str(given), known) if known else "create one first"
        yield case.finding("parameter.access-key", "blocker", ("env", "access_key_id"), sentence, remedy, source)


def _hidden(case: Case) -> Iterator[Finding]:
    """A parameter that another one hides does nothing (app/config.json, dependencies)."""
    known = parameters().env(case.version)
    for key in case.wish.env:
        for need in known[key].depends_on if key in known else ():
            if case.settings.values.get(need.key) not in need.values:
                sentence = f"{key} does nothing while {need.key} is {case.settings.values.get(need.key)}"
                remedy = f"leave it out, or set {need.key} to {' or '.join(need.values)}"
                yield case.finding("parameter.hidden", "warning", ("env", key), sentence, remedy, CONFIG)


def _without_kubesphere(case: Case) -> Iterator[Finding]:
    for key, statement in (("kubesphere_eip", "G-050"), ("extra.modules", "G-051")):
        if case.wish.env.get(key) and not case.settings.install_kubesphere:
            sentence = f"{key} has no effect: KubeSphere is not installed"
            remedy = "leave it out, or set install_kubesphere: true"
            yield case.finding(
                "parameter.needs-kubesphere", "warning", ("env", key), sentence, remedy, f"{GUIDE}, {statement}"
            )


def _port_range(case: Case) -> Iterator[Finding]:
    low, _, high = case.settings.text("cluster_port_range").partition("-")
    if not (low.isdigit() and high.isdigit()):
        return  # The pattern says so already.
    path, source = ("env", "cluster_port_range"), f"{GUIDE}, G-066; app/config.json, description"
    if not 0 < int(low) <= int(high) <= 65535:  # noqa: PLR2004 - the last port
        sentence = f"cluster_port_range: {low}-{high} is no range of ports"
        yield case.finding("parameter.port-range", "blocker", path, sentence, "write it like 30000-32767", source)
    elif case.settings.install_kubesphere and not int(low) <= CONSOLE_PORT <= int(high):
        sentence = f"cluster_port_range: {low}-{high} lacks {CONSOLE_PORT}, the port of the KubeSphere console"
        remedy = f"choose a range that holds {CONSOLE_PORT}"
        yield case.finding("parameter.port-range", "blocker", path, sentence, remedy, source)


CONSOLE_PORT = 30880
"""NodePort of the KubeSphere console (guide G-110)."""


def _kubelet_flags(case: Case) -> Iterator[Finding]:
    if not case.settings.has("kubelet.params"):
        return
    flags = case.settings.text("kubelet.params")
    if ("--eviction-soft=" in flags) != ("--eviction-soft-grace-period=" in flags):
        sentence = "kubelet does not start: eviction-soft and eviction-soft-grace-period go together"
        path = ("env", "kubelet.params")
        yield case.finding("parameter.kubelet", "blocker", path, sentence, "write both, or neither", CONFIG)


def _ssh_key(case: Case) -> Iterator[Finding]:
    key = str(case.wish.env.get("user.ssh.key", ""))
    if key and re.fullmatch(r"[a-z0-9@.-]+ [A-Za-z0-9+/=]+( .+)?", key) is None:
        sentence = f"user.ssh.key: {_short(key)} is not algorithm, key and comment"
        remedy = "write it as in the .pub file: ssh-rsa AAAA... name"
        source = "user guide, FAQ, G-081, G-193"
        yield case.finding("parameter.ssh-key", "blocker", ("env", "user.ssh.key"), sentence, remedy, source)


def _webhook(case: Case) -> Iterator[Finding]:
    if case.wish.env.get("kube_audit_webhook") and not case.settings.values.get("kube_audit_policy"):
        sentence = "kube_audit_webhook is ignored: there is no audit policy"
        path, source = ("env", "kube_audit_webhook"), "QKE app repo, tag v3.1.0, kubeadm template"
        yield case.finding("parameter.hidden", "warning", path, sentence, "set kube_audit_policy too", source)


def _prune(case: Case) -> Iterator[Finding]:
    if case.version in {"2.0.0", "3.0.0"} and case.settings.number("docker_prune_days") == 0:
        sentence = f"docker_prune_days: 0 prunes everything unused each night at QKE {case.version}, not nothing"
        source = f"{GUIDE}, G-061, G-062; QKE app repo, tag v{case.version}, docker prune"
        path = ("env", "docker_prune_days")
        yield case.finding("parameter.prune-all", "warning", path, sentence, "write 30 to keep images longest", source)


def _fixed(case: Case) -> Iterator[Finding]:
    """What cannot change after creation must not (app/config.json, changeable; guide G-175 for KubeSphere)."""
    for key, known, old, new in _changed(case):
        if known.changeable:
            continue
        source = "user guide, FAQ, G-175" if key == "install_kubesphere" else CONFIG
        sentence = f"{key} is {_short(old)} and cannot change after creation, wished for is {_short(new)}"
        remedy = f"write {key}: {str(old).lower() if isinstance(old, bool) else old}, or create another cluster"
        yield case.finding("parameter.unchangeable", "blocker", ("env", key), sentence, remedy, source)


def _felt(case: Case) -> Iterator[Finding]:
    """Say what restarts (guide G-055, G-060, G-071, G-076, G-080)."""
    changed = {key: new for key, _, _, new in _changed(case)}
    before = {key: old for key, _, old, _ in _changed(case)}
    after = {**case.settings.values}
    for effect in parameter_changes().effects(case.version, {**after, **before}, after):
        if effect.key not in changed:
            continue
        path = ("env", effect.key)
        if effect.menu_restart:
            sentence = f"{effect.key}: {effect.effect}"
            remedy = "choose a quiet hour; the plan restarts role after role"
            yield case.finding("parameter.menu-restart", "warning", path, sentence, remedy, effect.source)
        elif effect.restarts:
            sentence = f"Changing {effect.key}: {effect.effect}"
            yield case.finding("parameter.restarts", "warning", path, sentence, "choose a quiet hour", effect.source)


def _never_removed(case: Case) -> Iterator[Finding]:
    if case.now is None or not case.now.exists or "extra.modules" not in case.wish.env:
        return
    kept = [word for word in case.now.modules if word not in case.settings.modules]
    if kept:
        sentence = f"{', '.join(kept)} stay installed: modules are only ever added"
        source = f"{GUIDE}, G-052"
        remedy = "remove them by hand if they must go"
        yield case.finding("modules.never-removed", "warning", ("env", "extra.modules"), sentence, remedy, source)


def _changed(case: Case) -> Iterator[tuple[str, Parameter, Value, Value]]:
    """Yield the parameters that the wish changes: key, facts, old and new value."""
    if case.now is None or not case.now.exists:
        return
    known = parameters().env(case.version)
    written = Settings.resolve(case.version, case.wish.env)
    for key in case.wish.env:
        if key in known and key in case.now.settings.values:
            old, new = case.now.settings.values[key], written.values[key]
            if not known[key].multichoice and old != new:
                yield key, known[key], old, new


RULES: tuple[Rule, ...] = (
    _values,
    _key,
    _fixed,
    _port_range,
    _kubelet_flags,
    _ssh_key,
    _without_kubesphere,
    _hidden,
    _webhook,
    _prune,
    _felt,
    _never_removed,
)


def _world_values(world: World) -> Iterator[Finding]:
    for place, cluster in enumerate(world.clusters):
        for path, flaw in (*written_values(cluster), *role_values(cluster)):
            where = ("clusters", place, *path)
            yield world_finding(flaw.code, "blocker", where, flaw.sentence, flaw.remedy, CONFIG, cluster.name)


WORLD_RULES: tuple[WorldRule, ...] = (_world_values,)

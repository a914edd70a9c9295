"""Does a value fit what the form of one version offers: type, choices, limits, form of the text.

Rule: docs/rules/parameters.md#values; QKE app repo, app/config.json of each version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast

from qke_core.catalog import Parameter, Value, catalog, parameters
from qke_core.models.settings import Given, plain_value
from qke_core.suggest import did_you_mean

SHOWN_MAX = 60
SUCCESSORS: Mapping[str, str] = {"kube_audit_file": "kube_audit_policy", "kube_audit_policy": "kube_audit_file"}
"""Parameters that do the same in other versions."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A value that does not fit: code, sentence, remedy."""

    code: str
    sentence: str
    remedy: str


Check: TypeAlias = Callable[[Parameter, Value], Iterator[Flaw]]

_EIP = ("the id of an EIP", "write it like eip-a1b2c3d4, or nothing")
_RANGE = ("a range of IPv4 addresses", "write it like 10.10.0.0/16")
_ARGUMENTS = ("one argument per line", "write lines like max-requests-inflight: 800, without dashes")
_YAML = ("YAML text that begins at once", "take out the blanks and line breaks before its first character")

FORMS: Mapping[str, tuple[str, str]] = {
    "kubesphere_eip": _EIP,
    "kubernetes_eip_id": _EIP,
    "kubernetes_eip": ("an IPv4 address", "write it like 139.198.0.10, or nothing"),
    "hostnic-vxnets": ("ids of vxnets, one per line", "write lines like vxnet-a1b2c3d"),
    "hostnic-ipam": (
        "a JSON object of lists with a key Default",
        'write it like {"Default": [], "shop": ["192.168.0.0/26"]}',
    ),
    "host_aliases": (
        "pairs of address and name with commas between",
        "write it like 192.168.9.9 nas,192.168.9.10 git.example",
    ),
    "registry_mirrors": (
        "full addresses with single blanks between",
        "write it like https://mirror.example https://other.example",
    ),
    "insecure_registry": (
        "names with single blanks between",
        "write it like registry.example 192.168.9.9:5000",
    ),
    "pod_subnet": _RANGE,
    "service_subnet": _RANGE,
    "api_external_domain": ("a domain of two parts or more", "write it like cluster.local"),
    "cluster_port_range": ("a range of ports", "write it like 30000-32767"),
    "kube_audit_file": (
        "a path from the root",
        "write it like /etc/kubernetes/audit/policies/mine.yaml, or nothing",
    ),
    "kube_audit_policy": _YAML,
    "kube_audit_webhook": _YAML,
    "controller.manager.params": _ARGUMENTS,
    "apiserver.params": _ARGUMENTS,
    "scheduler.params": _ARGUMENTS,
    "proxy.iptables.params": ("one setting per line", "write lines like masqueradeAll: true"),
    "kubelet.params": ("one flag per line", "write lines like --max-open-files=1000000, with their dashes"),
}
"""What a text must be, and how to write it: for every parameter with a pattern."""

PLATFORM_REGISTRY = "dockerhub.qingcloud.com"
"""The product's own registry, which is no mirror (guide G-200)."""

SPECIAL_FORMS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("registry_mirrors", "1.0.1"): (
        f"a list without {PLATFORM_REGISTRY}, the platform's own registry",
        "take that address out: QKE 1.0.1 refuses it as a mirror",
    ),
}
"""The same where one version differs."""


def check_value(known: Parameter, given: Given, name: str = "") -> Iterator[Flaw]:
    """Say what is wrong with a value: its type first, else everything else.

    Args:
        known: the parameter as the version declares it.
        given: the value as people write it.
        name: how sentences call it; its key when empty.
    """
    name = name or known.key
    value = plain_value(given)
    if isinstance(given, tuple) and not known.multichoice:
        yield Flaw("parameter.type", f"{name} takes one value, not a list of {len(given)}", "write one value")
        return
    wrong = _wrong_type(known, value)
    if wrong:
        yield Flaw("parameter.type", f"{name}: {shown(known, value)} is not {wrong}", f"write {_typed(known, value)}")
        return
    for check in CHECKS:
        for flaw in check(known, value):
            yield Flaw(flaw.code, f"{name}: {flaw.sentence}", flaw.remedy)


def _wrong_type(known: Parameter, value: Value) -> str:
    """Return what the value should have been; empty when its type fits."""
    if known.type == "integer":
        return "" if isinstance(value, int) and not isinstance(value, bool) else "a whole number"
    if known.type == "boolean":
        return "" if isinstance(value, bool) else "true or false"
    return "" if isinstance(value, str) else "a text"


def _typed(known: Parameter, value: Value) -> str:
    """Say how to write a value of the right type."""
    if known.type == "integer":
        bare = value.strip() if isinstance(value, str) else ""
        return f"{bare} without quotes" if bare.isdecimal() else f"a whole number such as {known.default}"
    if known.type == "boolean":
        return "true or false, without quotes"
    return f"it in quotes: '{str(value).lower() if isinstance(value, bool) else value}'"


def _choice(known: Parameter, value: Value) -> Iterator[Flaw]:
    if not known.choices:
        return
    words: list[Value] = [word.strip() for word in str(value).split(",") if word.strip()]
    for word in words if known.multichoice else [value]:
        if word not in known.choices:
            yield Flaw("parameter.choice", f"{shown(known, word)} is not offered", _offered(word, known.choices))


def _offered(word: Value, choices: tuple[Value, ...]) -> str:
    if isinstance(word, str):
        texts = [str(choice) for choice in choices if choice]
        return did_you_mean(word, texts)
    numbers = ", ".join(str(choice) for choice in choices)
    return f"write one of {numbers}" if len(choices) > 1 else f"write {numbers}"


def _range(known: Parameter, value: Value) -> Iterator[Flaw]:
    low, high, step = known.minimum, known.maximum, known.step
    if not isinstance(value, int) or low is None or high is None:
        return
    if not low <= value <= high or (step is not None and (value - low) % step):
        remedy = f"write a number from {low} to {high}"
        if step is not None:
            remedy += f" in steps of {step}"
        yield Flaw("parameter.range", f"{value} is out of range", remedy)


def _lines(known: Parameter, value: Value) -> Iterator[Flaw]:
    """A field of one line takes one line; patterns alone would let a line break at the end pass."""
    if isinstance(value, str) and not known.multiline and ("\n" in value or "\r" in value):
        sentence = f"{shown(known, value)} has line breaks, and the field takes one line"
        yield Flaw("parameter.pattern", sentence, "write it in one line")


def _pattern(known: Parameter, value: Value) -> Iterator[Flaw]:
    if known.matcher and isinstance(value, str) and re.search(known.matcher, value, re.ASCII) is None:
        what, remedy = SPECIAL_FORMS.get((known.key, known.version)) or FORMS[known.key]
        yield Flaw("parameter.pattern", f"{shown(known, value)} is not {what}", remedy)


def _json(known: Parameter, value: Value) -> Iterator[Flaw]:
    """Subnets by namespace: a JSON object of lists, with a list Default (QKE 3.3.0, description in the form)."""
    if known.key == "hostnic-ipam" and read_pools(str(value)) is None:
        what, remedy = FORMS[known.key]
        yield Flaw("parameter.pattern", f"{shown(known, value)} is not {what}", remedy)


def read_pools(text: str) -> Mapping[str, list[object]] | None:
    """Return the pools that hostnic-ipam lists, by namespace; None when the text is something else."""
    try:
        data: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    pools = cast("dict[str, object]", data)
    lists = {name: cast("list[object]", pool) for name, pool in pools.items() if isinstance(pool, list)}
    return lists if "Default" in pools and len(lists) == len(pools) else None


CHECKS: tuple[Check, ...] = (_choice, _range, _lines, _pattern, _json)


def shown(known: Parameter, value: object) -> str:
    """Return a value as sentences show it: shortened, and a password not at all."""
    if known.type == "password":
        return "the value"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 3] + "..."


def not_there(key: str, version: str) -> Flaw:
    """Say that a version has no such parameter, and which have it."""
    known, order = parameters(), catalog().order
    having = known.versions_with(key)
    places = [order.index(name) for name in having]
    if places == list(range(places[0], len(order))):
        span = f"it came with {having[0]}"
    elif len(having) == 1:
        span = f"only {having[0]} has it"
    else:
        span = f"{having[0]} to {having[-1]} have it"
    other = SUCCESSORS.get(key)
    remedy = f"write {other} instead" if other in known.env(version) else "leave it out"
    return Flaw("parameter.not-in-version", f"QKE {version} has no parameter {key}; {span}", remedy)


def env_flaws(version: str, env: Mapping[str, Given]) -> Iterator[tuple[str, Flaw]]:
    """Yield what is wrong with the parameters that a file writes, by key."""
    known = parameters().env(version)
    for key, given in env.items():
        flaws = check_value(known[key], given) if key in known else iter((not_there(key, version),))
        yield from ((key, flaw) for flaw in flaws)


def written(version: str, env: Mapping[str, Given], key: str) -> str:
    """Return the text that a file writes for a parameter; "" when it writes none, or the version has no such."""
    value = plain_value(env.get(key, ""))
    return value if isinstance(value, str) and key in parameters().env(version) else ""

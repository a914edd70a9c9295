"""The page docs/reference/faults.md: every kind of fault with its keys, and examples that load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from qke_core.units import render_duration
from qke_sim.scenario.fault import ClusterTarget, Fault, NodeTarget

GENERATED = "<!-- Made by docs/generate.py from the code: change that, then `make docs`. -->"
WHEN = {"at", "after", "when", "delay", "kind", "lasts", "target"}
"""Keys that are told once for all, or in a column of their own."""
DURATIONS = {"takes", "restart"}

WORDS = {
    "job.stuck": "A job never ends.",
    "job.fails": "A job takes its time and fails.",
    "instance.boot-fails": "An instance does not come up.",
    "volume.attach-stuck": "A volume is being attached for ever.",
    "volume.attach-fails": "A volume does not attach.",
    "lb.never-active": "A load balancer is never active.",
    "call.fails": "Calls through a door are refused; at the kube and the host door nobody answers.",
    "call.answer-lost": "Calls happen, and their answers are lost.",
    "call.slow": "Calls take so much longer.",
    "call.throttled": "The cloud refuses calls as too frequent (2500).",
}
"""What kinds do that share a model with others."""

KEYS = {"call.fails": {"ret_code"}, "call.slow": {"takes"}}
"""Keys that only these of the kinds with one model look at."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Nodes": (
        "{kind: node.crash, target: {cluster: shop, role: master, index: 2}, at: 20m, for: 15m}",
        "{kind: disk.fill, target: {cluster: shop, role: node_perf, index: 1}, free: 2GiB, at: 5m}",
        "{kind: clock.skew, target: {cluster: shop, role: master, index: 1}, ahead: 10m, at: 5m, for: 1h}",
    ),
    "Networks and images": (
        "{kind: network.cut, target: {cluster: shop, role: node_perf, index: 1}, at: 20m, for: 20m}",
        "{kind: registry.unreachable, target: {cluster: shop}, when: 'shop.nodes.ready < 6', for: 1h}",
    ),
    "KubeSphere and workloads": (
        "{kind: installer.fails, target: {cluster: shop}, attempt: 1, percent: 80, at: 1m}",
        "{kind: drain.hang, target: {cluster: shop}, workload: web, namespace: shop, at: 1m}",
    ),
    "Behind the cloud door": (
        "{kind: volume.attach-stuck, resource: shop/node_perf4, after: upgrade.started}",
        "{kind: job.slow, resource: UpgradeClusters, percent: 300, at: 1m}",
        "{kind: job.fails, chance: 5, count: null, at: 1m, for: 6h}",
        "{kind: quota.shrinks, resource: volume, to: 10, at: 30m}",
        "{kind: account.arrears, at: 30m, for: 1d}",
    ),
    "At a door": (
        "{kind: call.fails, operation: DescribeClusterJobs, count: 3, at: 30m}",
        "{kind: call.slow, door: kube, operation: list, count: null, percent: 20, takes: 90s, at: 30m}",
        "{kind: operator.crash, position: 12, phase: after}",
    ),
}
"""Kinds by where they strike, with examples; a kind's place is in PLACES."""

PLACES = {
    "NodeCrash": "Nodes",
    "KubeletStop": "Nodes",
    "DiskFill": "Nodes",
    "HostSlow": "Nodes",
    "DiskSlow": "Nodes",
    "ClockSkew": "Nodes",
    "MemberLost": "Nodes",
    "CertificateExpired": "Nodes",
    "NetworkCut": "Networks and images",
    "RegistryUnreachable": "Networks and images",
    "LinkedDown": "Networks and images",
    "InstallerSlow": "KubeSphere and workloads",
    "InstallerFails": "KubeSphere and workloads",
    "DrainHang": "KubeSphere and workloads",
    "CallFails": "At a door",
    "OperatorCrash": "At a door",
}
"""Where each model strikes; all others behind the cloud door."""


def lines() -> Iterator[str]:
    """Yield the lines of the page."""
    models = get_args(get_args(Fault)[0])
    kinds = sum(len(get_args(model.model_fields["kind"].annotation)) for model in models)
    yield GENERATED
    yield "# Faults"
    yield ""
    yield f"{kinds} kinds, made from the models that scenarios are checked with. How to use them is told in"
    yield "[write a scenario](../guides/write-a-scenario.md#faults)."
    yield ""
    yield "- **Trigger.** Every kind but `operator.crash` has exactly one of `at`, `after`, `when`, and `delay` (0s)."
    yield "- **`for`.** Where a kind takes it, the fault passes after so long; without it, never."
    yield "- **Target.** A *node* is `target: {cluster, role, index}`, a *cluster* `target: {cluster}`."
    yield "- A target that does not stand at its moment makes the fault miss: the trace has `fault.missed`."
    for title, examples in GROUPS.items():
        yield ""
        yield f"## {title}"
        yield ""
        yield "| kind | what happens | target | `for` | keys (default) |"
        yield "| --- | --- | --- | :---: | --- |"
        for model in models:
            if PLACES.get(model.__name__, "Behind the cloud door") == title:
                yield from _rows(model)
        yield ""
        if title == "Behind the cloud door":
            yield "`resource` is an action such as `CreateVolumes`, or the label or id of a resource, such as"
            yield "`shop/node_perf3`; `*` means all. `count: null` means from then on."
            yield ""
        if title == "At a door":
            yield "`operation` is an [action](cloud-actions.md) at the cloud door, `list` or another verb at the kube"
            yield "door, `df` or `sshd-port` at the host door; `*` means all. `percent` is the chance of each call."
            yield "`operator.crash` with `phase: after` kills the operator after its effect reached the world and"
            yield "before the answer is written down: the hardest moment."
            yield ""
        yield "<!-- part -->"
        yield "```yaml"
        yield "faults:"
        yield from (f"  - {example}" for example in examples)
        yield "```"


def _rows(model: type[BaseModel]) -> Iterator[str]:
    shared = " ".join((model.__doc__ or "").split("\n\n")[0].split())
    passes = "yes" if "lasts" in model.model_fields else ""
    for kind in get_args(model.model_fields["kind"].annotation):
        near = [keys for other, keys in KEYS.items() if other != kind and other[:5] == kind[:5]]
        others = {key for keys in near for key in keys}
        keys = [_key(name, field) for name, field in model.model_fields.items() if name not in WHEN | others]
        yield f"| `{kind}` | {WORDS.get(kind, shared)} | {_target(model)} | {passes} | {', '.join(keys)} |"


def _target(model: type[BaseModel]) -> str:
    target = model.model_fields.get("target")
    words: Mapping[object, str] = {NodeTarget: "node", ClusterTarget: "cluster"}
    return "" if target is None else words.get(target.annotation, "")


def _key(name: str, field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return f"**`{name}`**"
    default = render_duration(field.default) if name in DURATIONS else field.default
    return f"`{name}` ({'none' if default is None else default})"

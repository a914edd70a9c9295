"""The page docs/reference/timeline.md: everything a timeline may do, and every kind of fault, with its keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from qke_core.units import render_duration
from qke_sim.scenario.action import VERBS, Action
from qke_sim.scenario.fault import Fault

GENERATED = "<!-- Made by docs/generate.py from the code: change that, then `make docs`. -->"
WHEN = {"at", "after", "when", "delay", "kind"}
"""Keys of faults that are told once for all."""
EXAMPLES = {
    "create": "create: {name: bank, version: 3.3.0, express: standard prod}",
    "start": "start:",
    "stop": "stop:",
    "restart": "restart: {role: node_perf}",
    "add_nodes": "add_nodes: {role: node_perf, count: 2}",
    "delete_nodes": "delete_nodes: {role: node_perf, count: 1}",
    "resize": "resize: {role: node_perf, cpu: 8, memory: 16GiB}",
    "change": "change: {docker_bip: 172.31.0.1/16}",
    "modules": "modules: [ks-devops, ks-logging]",
    "eip": "eip: {key: kubernetes_eip, value: 139.198.0.10}",
    "custom": "custom: {service: docker_prune, role: node_perf, max_days: 3}",
    "upgrade": "upgrade: {to: 3.3.0}",
    "delete": "delete:",
    "recover": "recover:",
    "cease": "cease:",
    "autoscaling": "autoscaling: {role: node_perf, max: 5, increase: {conditions: [{meter: cpu, gt: 800}]}}",
    "call": "call: {action: AllocateEips, params: {bandwidth: 1}}",
    "cordon": "cordon: {role: node_perf, index: 2}",
    "uncordon": "uncordon: {role: node_perf, index: 2}",
    "scale": "scale: {workload: web, namespace: shop, replicas: 6}",
    "kubectl": "kubectl: {verb: delete, resource: pods, name: web-1, namespace: shop}",
    "wait": "wait: {until: shop.nodes.ready == 6, within: 20m}",
}


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


def lines() -> Iterator[str]:
    """Yield the lines of the page."""
    yield GENERATED
    yield "# Timeline and faults"
    yield ""
    yield "What an entry of `timeline:` may do, and what may befall a run: every key, made from the models that"
    yield "scenarios are checked with. How the parts go together is told in"
    yield "[write a scenario](../guides/write-a-scenario.md)."
    yield ""
    yield "## What an action does"
    yield ""
    yield "An action has exactly one of these keys. `create` brings its own cluster, `call` and `wait` need none; all"
    yield "others need `cluster:`. `start`, `stop`, `delete`, `recover`, `cease` and `wait` may stand alone."
    yield ""
    yield "| key | what happens | example |"
    yield "| --- | --- | --- |"
    yield from (f"| `{verb}` | {_cell(_about(verb))} | `{_cell(EXAMPLES[verb])}` |" for verb in VERBS)
    yield ""
    yield "## Kinds of faults"
    yield ""
    yield "Every kind but `operator.crash` has a trigger: one of `at`, `after` and `when`, and `delay`."
    yield ""
    yield "| kind | what happens | keys (default) |"
    yield "| --- | --- | --- |"
    for model in get_args(get_args(Fault)[0]):
        yield from _fault(model)


def _about(verb: str) -> str:
    """Say what a verb does: the description of its key, else the first line of its model."""
    field = Action.model_fields[verb]
    if field.description:
        return field.description
    model = next(part for part in _parts(field.annotation) if isinstance(part, type) and issubclass(part, BaseModel))
    return (model.__doc__ or "").splitlines()[0]


def _parts(annotation: object) -> Iterator[object]:
    inner = get_args(annotation)
    yield from (part for one in inner for part in _parts(one)) if inner else (annotation,)


def _fault(model: type[BaseModel]) -> Iterator[str]:
    shared = " ".join((model.__doc__ or "").split())
    keys = ", ".join(_key(name, field) for name, field in model.model_fields.items() if name not in WHEN)
    for kind in get_args(model.model_fields["kind"].annotation):
        yield f"| `{kind}` | {_cell(WORDS.get(kind, shared))} | {_cell(keys)} |"


def _key(name: str, field: FieldInfo) -> str:
    written = field.alias or name
    if field.default is PydanticUndefined:
        return f"`{written}`"
    default = render_duration(field.default) if written in ("takes", "restart") else field.default
    return f"`{written}` ({'none' if default is None else default})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

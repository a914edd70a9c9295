"""The page docs/reference/timeline.md: everything a timeline may do, with an example of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel

from qke_sim.scenario.action import VERBS, Action

GENERATED = "<!-- Made by docs/generate.py from the code: change that, then `make docs`. -->"
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
    "drain": "drain: {role: node_perf, index: 2, delete_emptydir: true, timeout: 10m}",
    "scale": "scale: {workload: web, namespace: shop, replicas: 6}",
    "kubectl": "kubectl: {verb: delete, resource: pods, name: web-1, namespace: shop}",
    "wait": "wait: {until: shop.nodes.ready == 6, within: 20m}",
}


def lines() -> Iterator[str]:
    """Yield the lines of the page."""
    yield GENERATED
    yield "# Timeline"
    yield ""
    yield "What an entry of `timeline:` may do, made from the models that scenarios are checked with. How the parts go"
    yield "together is told in [write a scenario](../guides/write-a-scenario.md), what may befall a run in"
    yield "[faults](faults.md)."
    yield ""
    yield "An action has exactly one of these keys. `create` brings its own cluster, `call` and `wait` need none; all"
    yield "others need `cluster:`. `start`, `stop`, `delete`, `recover`, `cease` and `wait` may stand alone."
    yield ""
    yield "| key | what happens | example |"
    yield "| --- | --- | --- |"
    yield from (f"| `{verb}` | {_cell(_about(verb))} | `{_cell(EXAMPLES[verb])}` |" for verb in VERBS)


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


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

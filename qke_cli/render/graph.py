"""A plan as a graph, for Graphviz (`dot`) and Mermaid: steps with their stages, edges with their reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from qke_core.plan import Plan

FORMATS = ("dot", "mermaid")


def render_graph(plan: Plan, form: str) -> str:
    """Return the text of the graph; `form` is one of `FORMATS`."""
    return "\n".join(_WRITERS[form](plan)) + "\n"


def _dot(plan: Plan) -> Iterator[str]:
    yield "digraph plan {"
    yield "  rankdir=TB; node [shape=box, fontname=Helvetica]; compound=true;"
    for number, step in enumerate(plan.steps, start=1):
        yield f"  subgraph cluster_{number} {{"
        yield f"    label={_quote(f'{number}. {step.title}')};"
        for stage in step.schedule.stages:
            yield f"    {_quote(f'{step.id}/{stage.id}')} [label={_quote(stage.title)}];"
        for stage in step.schedule.stages:
            for before in stage.after:
                yield f"    {_quote(f'{step.id}/{before}')} -> {_quote(f'{step.id}/{stage.id}')};"
        yield "  }"
    ends = {step.id: (step.schedule.stages[0].id, step.schedule.stages[-1].id) for step in plan.steps}
    for step in plan.steps:
        for edge in step.after:
            tail, head = f"{edge.step}/{ends[edge.step][1]}", f"{step.id}/{ends[step.id][0]}"
            yield f"  {_quote(tail)} -> {_quote(head)} [style=bold, label={_quote(edge.why)}];"
    yield "}"


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _mermaid(plan: Plan) -> Iterator[str]:
    yield "flowchart TB"
    for number, step in enumerate(plan.steps, start=1):
        yield f'  subgraph s{number}["{number}. {_plain(step.title)}"]'
        names = {stage.id: f"s{number}_{place}" for place, stage in enumerate(step.schedule.stages)}
        for stage in step.schedule.stages:
            yield f'    {names[stage.id]}["{_plain(stage.title)}"]'
        for stage in step.schedule.stages:
            for before in stage.after:
                yield f"    {names[before]} --> {names[stage.id]}"
        yield "  end"
    numbers = {step.id: number for number, step in enumerate(plan.steps, start=1)}
    for step in plan.steps:
        for edge in step.after:
            yield f'  s{numbers[edge.step]} ==>|"{_plain(edge.why)}"| s{numbers[step.id]}'


def _plain(text: str) -> str:
    """Return text that Mermaid takes inside quotes."""
    return text.replace('"', "'").replace("#", "no. ").replace("<", "less than ").replace("\n", " ")


_WRITERS: Mapping[str, Callable[[Plan], Iterator[str]]] = {"dot": _dot, "mermaid": _mermaid}

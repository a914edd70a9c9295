"""Whatever the plan: its table fits the screen and leaves nothing out, its graphs name what they join."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from qke_cli.render.graph import FORMATS, render_graph
from qke_cli.render.operations import SIGNS, render_steps
from qke_cli.screen import Screen
from qke_core.plan import Plan, plan_cluster
from qke_core.plan.order import ONE_AT_A_TIME
from qke_sim.testing import cluster_wishes, worlds


class Paper(io.StringIO):
    """A stream as wide as the environment says."""

    encoding = "utf-8"  # What a terminal says of itself.


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw a plan with at least one step."""
    world = draw(worlds())
    planned = plan_cluster(draw(cluster_wishes(world)), world)
    assume(planned.plan is not None and planned.plan.steps)
    assert planned.plan is not None
    return planned.plan


def page(plan: Plan) -> list[str]:
    paper = Paper()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        patch.delenv("FORCE_COLOR", raising=False)
        render_steps(Screen(paper, plain=True), plan)
    return paper.getvalue().splitlines()


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(plans())
def test_a_page_fits_the_screen_and_leaves_out_no_step_reason_or_need(plan: Plan):
    lines = page(plan)
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line != line.rstrip()] == []
    signs = [line.split()[:2] for line in lines if re.match(r" {0,2}\d+ \S ", line)]
    assert signs == [
        [str(number), SIGNS.get(step.operation, ("~", ""))[0]] for number, step in enumerate(plan.steps, start=1)
    ]
    text = squeezed("".join(lines))
    heading = squeezed(lines[1]) if lines[1] else ""
    for step in plan.steps:
        assert squeezed(step.reason) in text
        for edge in step.after:
            assert edge.why == ONE_AT_A_TIME or squeezed(edge.why) in text
        for guard in step.guards:
            said_once = "active" in heading if guard == "the cluster is active" else "elsegoes" in heading
            said_once = said_once or (guard.startswith("no other operation") and "nothingelse" in heading)
            assert squeezed(guard) in text or said_once, guard


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(plans())
def test_a_graph_joins_only_what_it_has(plan: Plan):
    dot = render_graph(plan, "dot")
    nodes = set(re.findall(r'^    ("[^"]+") \[label=', dot, re.MULTILINE))
    joined = {end for pair in re.findall(r'^ +("[^"]+") -> ("[^"]+")', dot, re.MULTILINE) for end in pair}
    assert len(nodes) == sum(len(step.schedule.stages) for step in plan.steps)
    assert joined <= nodes
    mermaid = render_graph(plan, "mermaid")
    names = set(re.findall(r"^ +(s\d+_\d+)\[", mermaid, re.MULTILINE)) | set(re.findall(r"subgraph (s\d+)\[", mermaid))
    ends = {end for pair in re.findall(r"^ +(s\S+) (?:-->|==>\|.*\|) (s\S+)$", mermaid, re.MULTILINE) for end in pair}
    assert ends <= names
    assert mermaid.count("==>") == sum(len(step.after) for step in plan.steps) == dot.count("style=bold")
    for form in FORMATS:
        text = render_graph(plan, form)
        assert text.count("{") == text.count("}")
        assert text.count("[") == text.count("]")
        assert text.replace('\\"', "").count('"') % 2 == 0

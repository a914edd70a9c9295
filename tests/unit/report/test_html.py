"""The report as HTML: what it says, and that nothing can get in or is fetched from outside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser

import pytest

from qke_sim.report.analysis import Analysis, Moment, Span, analyse
from qke_sim.report.html import render_report
from qke_sim.report.html_axis import Flag, Window, fits, flags_of, ticks, window_of
from qke_sim.report.html_base import Markup, escape, h, join, natural
from qke_sim.report.html_timeline import nodes_of
from qke_sim.report.summary import summarise
from qke_sim.scenario import build_story, run_story

STORY = """
kind: Scenario
metadata: {{name: told, description: {description}}}
seed: 7
world:
  zone: pek3
  clusters:
    - {{name: shop, version: 1.0.1, express: {express}}}
timeline:
  - {{at: 10m, cluster: shop, upgrade: {{to: 2.0.0}}}}
{rest}
"""
CRASH = (
    "faults: [{kind: node.crash, target: {cluster: shop, role: master, index: 2}, after: upgrade.started, delay: 20m}]"
)
BROKEN = "expect: [{at_end: 'upgrade.status == \"done\"'}, {always: 'shop.jobs <= 1'}]"


@cache
def told(express: str = "DevTest", rest: str = "", description: str = "A run."):
    """Run a story; return its summary, its analysis and its report."""
    text = STORY.format(description=f"'{description}'", express=express, rest=rest)
    result = run_story(build_story(text, "story.yaml", lambda name: name))
    analysis = analyse(result.records, result.ended_ms)
    summary = summarise(result, analysis, "0.1.0")
    return summary, analysis, render_report(summary, analysis)


class Outline(HTMLParser):
    """Follows a page: fails on what is not closed, keeps its tags, attributes and words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag} has an attribute twice"
        self.seen.append((tag, dict(attrs)))
        if tag != "meta":
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def having(self, name: str) -> list[tuple[str, dict[str, str | None]]]:
        return [(tag, found) for tag, found in self.seen if name in (found.get("class") or "").split()]


# Safe by construction


def test_text_is_escaped_and_markup_is_not():
    assert h("p", "a < b & c", Markup("<i>d</i>")) == "<p>a &lt; b &amp; c<i>d</i></p>"
    assert h("p", title='"x"') == '<p title="&quot;x&quot;"></p>'
    assert join(("<", "&"), ">") == "&lt;&gt;&amp;"


def test_what_html_cannot_hold_is_left_out_or_replaced():
    assert escape("a\x07b\x00c\nd") == "abc\nd"
    assert escape("\ud800").encode() == "\N{REPLACEMENT CHARACTER}".encode()


def test_a_scenario_cannot_bring_in_a_tag():
    _, _, page = told(description="<script>alert(1)</script> & 升级")
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; 升级" in page
    assert [tag for tag, _ in Outline(page).seen].count("script") == 1


def test_every_word_a_trace_says_is_escaped():
    summary, analysis, _ = told()
    evil = "<b onclick=x>"
    finding = dict.fromkeys(("code", "subject", "sentence", "remedy", "source"), evil) | {
        "severity": "note",
        "platform_code": 0,
    }
    interval = {"min_ms": 1, "max_ms": 2}
    step = dict.fromkeys(("id", "title", "reason", "guard", "disruption"), evil) | {
        "after": [evil],
        "felt": interval,
        "duration": interval,
    }
    read = Analysis(
        ended_ms=analysis.ended_ms,
        spans=[Span("phase", f"{evil}/{evil}", evil, evil, 0, 700_000, evil)],
        moments=[Moment(700_000, 1, kind, evil, evil) for kind in ("fault.injected", "action.started", "job.ended")],
        plans=[{"cluster": evil, "source": evil, "path": [evil], "stages": [step], "total": interval}],
        checks=[{"cluster": evil, "target": evil, "findings": [finding]}],
    )
    outage = {"count": 1, "total_ms": 1, "total": evil, "gaps_ms": [[0, 1]]}
    page = render_report({**summary, "scenario": evil, "outages": {f"{evil}/{evil}": outage}}, read)
    assert "<b" not in page.replace("<body>", "")
    Outline(page)


def test_nothing_is_fetched_from_outside():
    _, _, page = told("Prod", f"{CRASH}\n{BROKEN}")
    assert "http://" not in page
    assert "https://" not in page
    assert "@import" not in page
    outline = Outline(page)
    assert {name for _, found in outline.seen for name in found}.isdisjoint({"src", "srcset", "data", "xlink:href"})
    assert {tag for tag, _ in outline.seen}.isdisjoint({"link", "img", "iframe", "object", "image"})
    assert all((found["href"] or "").startswith("#") for _, found in outline.seen if "href" in found)
    assert set(re.findall(r"url\((.)", page)) == {"#"}


def test_every_link_and_fill_has_its_target():
    _, _, page = told("Prod", f"{CRASH}\n{BROKEN}")
    ids = [found["id"] for _, found in Outline(page).seen if "id" in found]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', page)) <= {(name, "") for name in ids} | {
        ("", name) for name in ids
    }


# The same bytes, and not many


def test_the_same_run_gives_the_same_bytes():
    summary, analysis, page = told("Prod", f"{CRASH}\n{BROKEN}")
    assert render_report(summary, analysis) == page
    assert len(page.encode()) < 300_000


def test_the_order_of_sets_does_not_show():
    code = (
        "import sys; from hashlib import sha256; from qke_sim.report.analysis import analyse; "
        "from qke_sim.report.html import render_report; from qke_sim.report.summary import summarise; "
        "from qke_sim.scenario import build_story, run_story; "
        "r = run_story(build_story(sys.argv[1], 'story.yaml', str)); a = analyse(r.records, r.ended_ms); "
        "print(sha256(render_report(summarise(r, a, '0.1.0'), a).encode()).hexdigest())"
    )
    text = STORY.format(description="A run.", express="Prod", rest=CRASH)
    digests = {
        subprocess.run(
            [sys.executable, "-c", code, text],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


# What it says


def test_sections_stand_in_the_order_people_ask():
    _, _, page = told()
    headings = re.findall(r"<h2[^>]*>([^<]+)</h2>", page)
    assert headings == [
        "Actions",
        "Timeline",
        "Clusters",
        "Availability",
        "Expectations",
        "Preflight",
        "Plan",
        "What happened",
        "Repeat it, and what to believe",
    ]


def test_each_node_has_one_row_and_its_words():
    summary, analysis, page = told("Prod")
    rows = Outline(page).having("node")
    assert len(rows) == len(summary["state"]["shop"]["nodes"]) == 7
    pictures = [
        found["aria-label"] or "" for tag, found in Outline(page).seen if tag == "svg" and "aria-label" in found
    ]
    for node in summary["state"]["shop"]["nodes"]:
        assert sum(label.startswith(f"{node}: ") for label in pictures) == 1
    assert nodes_of(summary, analysis)["shop"][0] == "master1"
    assert nodes_of(summary, analysis)["shop"][-1] == "client1"


TWO = """
kind: Scenario
metadata: {name: two, description: 'Two clusters.'}
seed: 7
world:
  zone: pek3
  clusters:
    - {name: shop, version: 3.3.0, express: standard prod, env: {install_kubesphere: false}}
    - {name: bank, version: 2.0.0, express: standard prod, env: {install_kubesphere: false}}
timeline: [{at: 1m, cluster: shop, add_nodes: {role: node_perf, count: 1}}]
"""


@pytest.mark.guide("G-018", "G-124")
def test_several_clusters_are_watched_on_one_page_by_cluster_by_node_and_by_figure():
    """G-018, G-124: a chart for each cluster, each node, and each quota over time."""
    result = run_story(build_story(TWO, "two.yaml", lambda name: name))
    analysis = analyse(result.records, result.ended_ms)
    summary = summarise(result, analysis, "0.1.0")
    charts = [
        str(found["aria-label"])
        for tag, found in Outline(render_report(summary, analysis)).seen
        if tag == "svg" and found.get("aria-label")
    ]
    for cluster in ("shop", "bank"):
        assert sum(chart.startswith(f"{cluster}: active from") for chart in charts) == 1
        for node in summary["state"][cluster]["nodes"]:
            assert sum(chart.startswith(f"{node}: ") for chart in charts) >= 1
    (instances,) = (chart for chart in charts if chart.startswith("instance: "))
    assert re.match(r"instance: 14 from [^;]+; 15 from ", instances)


def test_nodes_are_in_natural_order():
    names = ["client1", "node_perf10", "node_perf2", "master2", "master10", "master1"]
    summary = {"state": {"shop": {"nodes": dict.fromkeys(names)}}}
    ordered = nodes_of(summary, Analysis(0))["shop"]
    assert ordered == ["master1", "master2", "master10", "node_perf2", "node_perf10", "client1"]
    assert natural("a2b") < natural("a10b")


def test_a_single_master_has_a_gap_and_its_length_in_words():
    summary, analysis, page = told("DevTest")
    outage = summary["outages"]["shop/api"]
    assert len(Outline(page).having("gone")) == len(analysis.gaps["shop/api"]) == outage["count"] > 0
    assert f"{outage['count']} outages, {outage['total']} in all" in page
    assert "The outages as a table" in page


def test_three_masters_have_none():
    summary, _, page = told("Prod")
    assert summary["outages"]["shop/api"]["count"] == 0
    assert Outline(page).having("gone") == []
    assert "0 s" in Outline(page).words


def test_a_gap_of_a_moment_still_has_a_width():
    window = Window(0, 10**9, "2020-06-01T01:00:00+08:00")
    assert float(window.width(5, 5).removesuffix("%")) > 0


def test_a_crash_shows_in_words_marks_and_flags():
    summary, analysis, page = told("Prod", f"{CRASH}\n{BROKEN}")
    outline = Outline(page)
    assert len(outline.having("badge")) > 1
    assert len(outline.having("down")) > 0
    assert "✗ host crashed" in re.sub(r"<[^>]+>", "", page)
    labels = [flag.label for flag in flags_of(summary, analysis.moments)]
    assert labels[:2] == ["upgrade started", "node.crash on master2"]
    assert labels[-1] == "upgrade failed"
    assert "1 of 2 expectations broken" in outline.words
    assert ("a", {"href": "#expectation-1"}) in outline.seen


def test_an_action_that_failed_tells_its_code_and_what_it_means():
    _, _, page = told("Prod", f"{CRASH}\n{BROKEN}")
    text = re.sub(r"<[^>]+>", "", page)
    assert "code 1, failure: A command failed that has no code of its own" in text
    assert "✗ failed" in text


@pytest.mark.parametrize(
    ("held", "line"),
    [
        ([], "No expectations: nothing was judged"),
        ([True], "The one expectation held"),
        ([True, True], "All 2 expectations held"),
        ([False, True, False], "2 of 3 expectations broken"),
    ],
)
def test_the_verdict_is_a_sentence(held: list[bool], line: str):
    summary, analysis, _ = told()
    case = {"title": "always x", "at_ms": 0, "sentence": "was so", "values": {"x": True, "y": [], "z": ""}}
    cases = [{**case, "held": each} for each in held]
    page = render_report({**summary, "held": all(held), "expectations": cases}, analysis)
    assert line in Outline(page).words


def test_a_run_in_which_nothing_happened_has_a_report():
    summary, _, _ = told()
    empty = {
        **summary,
        "actions": {},
        "outages": {},
        "expectations": [],
        "state": {},
        "description": "",
        "complete": False,
    }
    words = Outline(render_report(empty, Analysis(ended_ms=0))).words
    assert "The run was cut at its time limit; something was still going on." in words
    assert "The scenario's timeline is empty: the world was left alone." in words


def test_what_is_still_going_on_is_shown_as_unfinished():
    summary, _, _ = told()
    span = Span("phase", "shop/master1", "prepare", "2.0.0", 600_000, 900_000, "unfinished", open=True)
    page = render_report(summary, Analysis(ended_ms=900_000, spans=[span]))
    assert len(Outline(page).having("open")) == 1
    assert "… unfinished" in re.sub(r"<[^>]+>", "", page)


def test_long_lists_are_folded_hour_by_hour():
    summary, analysis, _ = told()
    told_often = [Moment(n * 60_000, n, "node.version", "shop/master1", f"thing {n}") for n in range(100)]
    page = render_report(summary, Analysis(ended_ms=analysis.ended_ms, moments=told_often))
    assert "00:00 to 01:00 (60 moments)" in page
    assert "01:00 to 02:00 (40 moments)" in page


def test_hops_are_folded_apart():
    summary, analysis, _ = told()
    plan = analysis.plans[0]
    steps = [{**step, "id": f"hop{hop}.{step['id']}", "after": []} for hop in (1, 2) for step in plan["stages"]]
    page = render_report(summary, Analysis(ended_ms=1, plans=[{**plan, "path": ["2.0.0", "3.0.0"], "stages": steps}]))
    assert "Hop 1 of 2: 1.0.1 → 2.0.0" in page
    assert "Hop 2 of 2: 2.0.0 → 3.0.0" in page
    assert "hop1." not in page


def test_how_to_repeat_and_to_ask_why_is_told():
    summary, _, page = told()
    folder = f"told-7-{summary['digest'][:8]}"
    assert f"qke-sim replay {folder}" in page
    assert f"qke-sim why {folder} SEQ" in page


# The axis


def test_the_window_begins_shortly_before_the_first_action():
    summary, analysis, _ = told()
    window = window_of(summary, analysis)
    took = summary["actions"]["upgrade"]["took_ms"]
    assert 600_000 - window.start == took // 50
    assert window.place(600_000) == pytest.approx(1 / 52, abs=0.002)
    assert window.place(0) == 0
    assert window.place(10**12) == 1


def test_a_refusal_of_a_second_has_five_minutes_around_it():
    summary = {
        "actions": {"upgrade": {"started_ms": 600_000, "took_ms": 1000, "status": "refused"}},
        "start": "2020-06-01T01:00:00+08:00",
    }
    window = window_of(summary, Analysis(ended_ms=601_000))
    assert window.end - window.start >= 300_000
    assert window.start < 600_000 < window.end


@pytest.mark.parametrize("hours", [0.1, 1, 2, 5, 12, 48, 400])
def test_ticks_are_few_and_inside(hours: float):
    window = Window(123_456, 123_456 + int(hours * 3_600_000), "2020-06-01T01:00:00+08:00")
    marks = ticks(window)
    majors = [ms for ms, kind in marks if kind == "major"]
    assert majors
    assert len(majors) <= 7 or hours > 100
    assert all(window.start <= ms <= window.end for ms, _ in marks)


def test_a_label_is_shown_only_where_it_has_room():
    assert fits("prepare", 0.9) == "from320"
    assert fits("prepare", 0.1) == "from640"
    assert fits("prepare", 0.01) is None


def test_labels_of_flags_do_not_cover_each_other():
    from qke_sim.report.html_axis import _lanes

    window = Window(0, 100_000, "2020-06-01T01:00:00+08:00")
    moments = [Moment(t, t, "action.started", "x", "") for t in (1000, 2000, 3000, 50_000, 97_000, 98_000, 99_000)]
    flags = [Flag(n, moment, "upgrade started", "plain") for n, moment in enumerate(moments, start=1)]
    lanes = _lanes(window, flags)
    assert [lanes[n] for n in (1, 2, 3)] == [0, 1, 2]
    assert [lanes[n] for n in (5, 6, 7)] == [2, 1, 0]


def test_what_lies_before_the_window_is_put_on_its_edge():
    assert Window(1000, 2000, "").x(0) == "0%"

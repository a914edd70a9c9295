"""How results are laid out: plan, chart, expressions, progress, records."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest

from qke_cli.render.outcome import break_expression
from qke_cli.render.plan import render_plan
from qke_cli.render.progress import Progress
from qke_cli.render.records import render_difference, words
from qke_cli.render.timeline import render_timeline
from qke_cli.screen import Screen, pad
from qke_core.plan.schedule import NO_TIME, Interval, Schedule, Stage
from qke_core.plan.upgrade import UpgradePlan
from qke_sim.report.analysis import Analysis, Gap, Moment, Span
from qke_sim.report.folder import Difference
from qke_sim.scenario import build_story
from qke_sim.trace import TraceRecord

MIN = 60_000
ROWS = ["shop/master1", "shop/node_perf1"]


class Paper(io.StringIO):
    """A stream in memory with an encoding of one's own."""

    encoding = "utf-8"


@pytest.fixture(autouse=True)
def eighty(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


@pytest.fixture
def paper() -> Paper:
    return Paper()


@pytest.fixture
def screen(paper) -> Screen:
    return Screen(paper)


def step(name: str, after: tuple[str, ...] = (), disruption: str = "", felt: Interval = NO_TIME) -> Stage:
    return Stage(name, f"Do {name}", "because", "when", disruption, felt, Interval(60_000, 120_000), after)


def test_a_plan_with_one_hop_shows_every_step_and_who_feels_it(screen, paper):
    steps = (step("one"), step("two", ("one",), "the API is gone", Interval(1_000, 5_000)))

    render_plan(screen, UpgradePlan("shop", "1.0.1", ("2.0.0",), Schedule(steps)).to_json())

    assert paper.getvalue().splitlines() == [
        f"{'Plan for shop: 1.0.1 → 2.0.0':<66}2m00s to 4m00s",
        f"{'     1  Do one':<66}1m00s to 2m00s",
        f"{'     2  Do two':<66}1m00s to 2m00s",
        "        ~ the API is gone; felt 1s to 5s",
    ]


def test_a_plan_with_two_hops_shows_each_with_its_own_time(screen, paper):
    steps = (
        step("hop1.a"),
        step("hop1.b", ("hop1.a",), "all feel it"),
        step("hop2.a", ("hop1.b",)),
        step("hop2.b", ("hop2.a",), "all feel it"),
    )

    render_plan(screen, UpgradePlan("shop", "1.0.1", ("2.0.0", "3.0.0"), Schedule(steps)).to_json())

    assert [line.split("  ")[0:3] for line in paper.getvalue().splitlines() if "  hop " in line] == [
        ["", "hop 1", "1.0.1 → 2.0.0"],
        ["", "hop 2", "2.0.0 → 3.0.0"],
    ]
    assert paper.getvalue().count("2m00s to 4m00s") == 2
    assert paper.getvalue().count("~ all feel it") == 1
    assert "Do hop1.a" not in paper.getvalue()


def test_a_plan_with_nothing_to_do_says_so(screen, paper):
    render_plan(screen, UpgradePlan("shop", "2.0.0", (), Schedule(())).to_json())

    assert paper.getvalue() == "Plan for shop: nothing to do, it has 2.0.0 already\n"


def test_every_phase_has_a_cell_and_every_row_fits(screen, paper):
    spans = [
        Span("phase", "shop/master1", "prepare", "2.0.0", 10 * MIN, 40 * MIN, "done"),
        Span("phase", "shop/master1", "control-plane", "2.0.0", 40 * MIN, 40 * MIN + 900, "done"),
        Span("phase", "shop/master1", "cluster-wide", "2.0.0", 40 * MIN + 900, 70 * MIN, "failed with code 1"),
        Span("wait", "shop/master1", "all-nodes", "", 41 * MIN, 60 * MIN, "done"),
        Span("phase", "shop/node_perf1", "a new phase", "2.0.0", 10 * MIN, 20 * MIN, "done"),
    ]
    moments = [
        Moment(25 * MIN, 7, "host.crashed", "shop/node_perf1", ""),
        Moment(30 * MIN, 9, "host.booted", ROWS[1], ""),
    ]
    gaps = {"shop/api": [Gap(40 * MIN, 40 * MIN + 10)], "shop/shop/web": []}

    render_timeline(screen, Analysis(80 * MIN, spans=spans, gaps=gaps, moments=moments), ROWS, "shop")

    axis, master, worker, api, *legend = paper.getvalue().splitlines()
    assert axis.split() == ["|00:10", "|00:20", "|00:30", "|00:40", "|00:50", "|01:00"]
    assert master.replace("━", "").replace("┄", "").split() == ["master1", "PMWx"]
    assert "┄" in master
    assert worker.split()[1].startswith("A━")
    assert worker.split()[2].strip("█") == ""
    assert api.split() == ["API", "█"]
    assert api.index("█") == axis.index("|00:40")
    assert " ".join(legend) == "P prepare  M control-plane  W cluster-wide  A a new phase  ┄ waits  x broken off █ gone"
    assert max(len(line) for line in paper.getvalue().splitlines()) <= 80


@pytest.mark.parametrize("minutes", [1, 3, 7, 59, 61, 240, 1441, 10_000, 200_000])
def test_ticks_are_full_and_equally_far_apart_for_any_length(screen, paper, minutes):
    spans = [Span("phase", "shop/master1", "prepare", "2.0.0", 7 * MIN, (7 + minutes) * MIN, "done")]

    render_timeline(screen, Analysis(minutes * MIN, spans=spans), ROWS[:1], "shop")

    axis, row, *_ = paper.getvalue().splitlines()
    at = [place for place, sign in enumerate(axis) if sign == "|"]
    assert len({after - before for before, after in pairwise(at)}) <= 1
    assert len(row) <= 80
    assert at


def test_a_long_expression_breaks_where_people_would():
    text = "at end shop.a == 1 && shop.b == 2 || shop.c"

    assert break_expression(text, 80) == text
    assert break_expression(text, 30) == "at end shop.a == 1\n&& shop.b == 2 || shop.c"
    assert break_expression("word " * 20, 30) == "word " * 20


def test_chinese_text_takes_two_cells(screen, paper):
    assert pad("升级", 6).plain == "升级  "
    screen.hang("  ", "升" * 60)
    assert [len(line.strip()) for line in paper.getvalue().splitlines()] == [39, 21]


def test_what_the_end_decides_is_left_to_the_verdict(screen, paper):
    text = (
        "apiVersion: qke/v1\nkind: Scenario\nmetadata: {name: x}\n"
        "world: {zone: pek3, clusters: [{name: shop, version: 1.0.1, express: Prod}]}\n"
    )
    progress = Progress(screen, build_story(text, "x.yaml", str), 7)
    during = TraceRecord(5_000, 3, "expectation.decided", "#1", 0, {"verdict": "broken at x, was true", "held": False})
    after = TraceRecord(5_000, 4, "host.crashed", "shop/master1", 0, {})
    at_end = TraceRecord(9_000, 5, "expectation.decided", "#2", 0, {"verdict": "broken at y, was so", "held": False})
    ended = TraceRecord(9_000, 6, "run.ended", "x", 0, {"reason": "none"})

    for record in (during, after, at_end, ended):
        progress(record)

    assert paper.getvalue().splitlines()[-2:] == [
        "00:00:05  #1          expectation 1 broken: was true",
        "00:00:05  master1     host crashed",
    ]


def test_a_record_of_an_unknown_kind_is_shown_as_it_stands():
    assert words(TraceRecord(0, 3, "moon.rose", "sky", 1, {"how": "slowly"})) == 'moon.rose sky {"how": "slowly"}'


def test_a_digest_that_is_nobodys_is_said(screen, paper):
    render_difference(screen, Difference(12, None, None))

    assert paper.getvalue().startswith("All records are the same; the digest of the run folder's summary is not")


def test_a_stream_that_cannot_carry_marks_gets_ascii(paper):
    paper.encoding = "latin-1"

    screen = Screen(paper)
    screen.data({"name": "升级"})

    assert screen.marks.held == "ok"
    assert paper.getvalue() == '{\n  "name": "\\u5347\\u7ea7"\n}\n'

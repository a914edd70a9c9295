"""The axis that both charts share: which stretch of virtual time is shown, its ticks, and the flags of turning points.

Places are fractions of the width, written as percentages: the charts stretch with the page while their text keeps its
size. A label that needs room names the smallest plot in which it has it (`fits`), and the style sheet hides it in
smaller ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from qke_core.units import MS_PER_MIN, render_clock
from qke_sim.report.analysis import Analysis, Moment
from qke_sim.report.html_base import Markup, clock_at, h, join, text_width

SHORTEST_MS: Final = 5 * MS_PER_MIN
"""A refusal takes a second; it is shown with some calm around it."""
STEPS_MIN: Final = (
    (1, 1),
    (2, 1),
    (5, 1),
    (10, 5),
    (15, 5),
    (20, 10),
    (30, 10),
    (60, 20),
    (120, 60),
    (180, 60),
    (360, 120),
)
"""Ticks with a label everywhere, and those between them that wide plots show too, in minutes."""
TICKS_MAX: Final = 6
SIZES: Final = (320, 480, 640, 800, 1000)
"""Plot widths in pixels from which a label may be shown; the style sheet has a rule for each."""
FLAG_PLOT: Final = 560
"""The plot width for which flags are laid out; in narrower ones they show their numbers alone."""
LANES_MAX: Final = 6
LANE_HEIGHT: Final = 18


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of virtual time that is shown, in ms; `clock` is the moment at which virtual time begins."""

    start: int
    end: int
    clock: str

    def place(self, ms: int) -> float:
        """Return where an instant is, from 0 (left) to 1; what lies outside is put on the edge."""
        return min(max((ms - self.start) / (self.end - self.start), 0.0), 1.0)

    def x(self, ms: int) -> str:
        """Return where an instant is, as SVG writes it."""
        return percent(self.place(ms))

    def width(self, start: int, end: int) -> str:
        """Return how wide something that lasted is, as SVG writes it."""
        return percent(max(self.place(end) - self.place(start), 0.0001))  # SVG draws nothing of what has no width.


@dataclass(frozen=True, slots=True)
class Flag:
    """A turning point that is marked in the charts."""

    number: int
    moment: Moment
    label: str
    kind: str


def percent(fraction: float) -> str:
    """Return a fraction as a percentage that is exact enough for a wall of screens."""
    return f"{fraction * 100:.3f}".rstrip("0").rstrip(".") + "%"


def fits(text: str, room: float) -> str | None:
    """Return the class of a label that has `room`, a fraction of the plot; None when it has it in no plot."""
    needed = text_width(text) + 8
    return next((f"from{size}" for size in SIZES if needed <= room * size), None)


def window_of(summary: Mapping[str, Any], analysis: Analysis) -> Window:
    """Return the interesting stretch: from the first action to the last thing that happened, and 2 % on both sides."""
    actions = [action for action in summary["actions"].values() if action["started_ms"] is not None]
    begun = min((action["started_ms"] for action in actions), default=0)
    open_end = not actions or any(action["status"] == "running" for action in actions)
    last = [action["started_ms"] + action["took_ms"] for action in actions]
    last += [moment.t for moment in analysis.moments] + [span.end for span in analysis.spans if not span.open]
    end = analysis.ended_ms if open_end or any(span.open for span in analysis.spans) else max(last)
    margin = (end - begun) // 50
    missing = max(0, SHORTEST_MS - (end - begun) - 2 * margin)
    start = max(0, begun - margin - missing // 2)
    return Window(start, max(end + margin, start + SHORTEST_MS), str(summary["start"]))


def axis(window: Window) -> Markup:
    """Return the ticks as an SVG: virtual time, below it the clock of the scenario's world and its new days."""
    parts: list[Markup] = []
    marks = ticks(window)
    between = fits("00:00 ", (marks[1][0] - marks[0][0]) / (window.end - window.start)) if len(marks) > 1 else None
    today = clock_at(window.clock, window.start).date()
    height = 32
    for ms, kind in marks:
        shown = kind if kind == "major" else f"between {between}"
        if kind == "minor" and between is None:
            continue
        moment, x = clock_at(window.clock, ms), window.x(ms)
        parts.append(h("text", render_clock(ms)[:5], x=x, y=12, class_=shown))
        parts.append(h("text", f"{moment:%H:%M}", x=x, y=27, class_=f"{shown} clock"))
        if kind == "major" and moment.date() != today:
            today, height = moment.date(), 46
            parts.append(h("text", f"{moment:%m-%d}", x=x, y=41, class_=f"{shown} clock"))
    return h("svg", *parts, height=height, aria_hidden="true", class_="axis")


def ticks(window: Window) -> list[tuple[int, str]]:
    """Return the ticks inside the window, in ms, and whether each is `major` or `minor`."""
    length = window.end - window.start
    day = 24 * 60
    fallback = (day, day // 2)
    major, minor = next((step for step in STEPS_MIN if length <= step[0] * MS_PER_MIN * TICKS_MAX), fallback)
    step = minor * MS_PER_MIN
    first = -(-window.start // step) * step
    return [(ms, "minor" if ms % (major * MS_PER_MIN) else "major") for ms in range(first, window.end + 1, step)]


def grid(window: Window, flags: Sequence[Flag]) -> Markup:
    """Return the lines behind every row, once; each row uses them."""
    lines = [
        h("line", x1=window.x(ms), x2=window.x(ms), y1=0, y2="100%", class_=f"grid {kind}")
        for ms, kind in ticks(window)
    ]
    lines += [_flag_line(window, flag, 0) for flag in flags]
    return h("g", *lines, id="grid")


def flags_of(summary: Mapping[str, Any], moments: Sequence[Moment]) -> list[Flag]:
    """Return the turning points that are marked, in order. A crash that a fault caused is the fault's flag."""
    faults = {(moment.t, moment.subject) for moment in moments if moment.kind.startswith("fault.")}
    arrived = {
        moment.t: f", {moment.subject} at {moment.text.rpartition(' ')[2]}"
        for moment in moments
        if moment.kind == "cluster.changed" and ": version went from " in moment.text
    }
    found: list[Flag] = []
    for moment in moments:
        if moment.kind in ("host.crashed", "host.booted") and (moment.t, moment.subject) in faults:
            continue
        said = _label(summary, moment)
        if said is not None:
            label, kind = said
            label += arrived.get(moment.t, "") if moment.kind == "job.ended" else ""
            found.append(Flag(len(found) + 1, moment, label, kind))
    return found


def flag_band(window: Window, flags: Sequence[Flag]) -> Markup:
    """Return the flags with their labels as an SVG, so that neither labels nor their lines run into each other."""
    lanes = _lanes(window, flags)
    height = LANE_HEIGHT * (1 + max(lanes.values(), default=0))
    parts: list[Markup] = []
    for flag in flags:
        lane = lanes[flag.number]
        x, top = window.x(flag.moment.t), lane * LANE_HEIGHT
        left = _leftwards(window, flag)
        parts.append(_flag_line(window, flag, top + 8))
        number = h("tspan", str(flag.number), class_="number")
        words = _words(window, flag)
        label = h("tspan", f"{words} " if left else f" {words}", class_="label")
        inner = (label, number) if left else (number, label)
        said = h("title", f"{render_clock(flag.moment.t)} {flag.moment.text}")
        anchor = "end" if left else "start"
        shift = -4 if left else 4
        parts.append(h("text", said, *inner, x=x, dx=shift, y=top + 13, text_anchor=anchor, class_=f"flag {flag.kind}"))
    return h("svg", *parts, height=height, aria_hidden="true", class_="flags")


def legend_of_flags(flags: Sequence[Flag], start: str) -> Markup:
    """Return the flags as a numbered list, in words."""
    items = join(
        h(
            "li",
            h("span", str(flag.number), class_=f"number {flag.kind}"),
            h("time", render_clock(flag.moment.t), title=f"{clock_at(start, flag.moment.t):%Y-%m-%d %H:%M:%S}"),
            h("span", flag.label),
        )
        for flag in flags
    )
    return h("ol", items, class_="turning", aria_label="Turning points")


def _label(summary: Mapping[str, Any], moment: Moment) -> tuple[str, str] | None:
    """Return a few words for a turning point, and its kind: plain, good, bad or fault; None when it is none."""
    subject, text = moment.subject, moment.text
    node = subject.partition("/")[2] or subject
    if moment.kind == "action.ended":
        status = str(summary["actions"].get(subject, {}).get("status", "ended"))
        return f"{subject} {status}", "good" if status == "done" else "bad"
    if moment.kind == "job.ended":
        outcome = text.partition(" ended as ")[2]
        good = outcome.endswith(" code 0")
        return f"job {outcome.removesuffix(' with code 0')}", "good" if good else "bad"
    if moment.kind == "fault.injected":
        fault = text.removeprefix("the scenario injected ").partition(" into ")[0]
        return f"{fault} on {node}", "fault"
    if moment.kind == "fault.lifted":
        fault = text.removeprefix("the fault ").partition(" on ")[0]
        return f"{fault} on {node} lifted", "fault"
    known = {
        "action.started": (f"{subject} started", "plain"),
        "operator.killed": ("operator killed", "fault"),
        "operator.resumed": ("operator resumed", "plain"),
        "host.crashed": (f"{node} crashed", "bad"),
        "host.booted": (f"{node} runs again", "plain"),
        "service.cut": (f"command on {node} cut", "bad"),
        "precheck.failed": (f"check of {node} failed", "bad"),
        "installer.failed": ("installer failed", "bad"),
        "installer.restarted": ("installer restarted", "plain"),
    }
    return known.get(moment.kind)


def _words(window: Window, flag: Flag) -> str:
    """Return a flag's label; one that stands on the left edge says that its place is further left."""
    return f"earlier: {flag.label}" if flag.moment.t < window.start else flag.label


def _leftwards(window: Window, flag: Flag) -> bool:
    return window.place(flag.moment.t) > 0.6  # noqa: PLR2004 - the right part of the plot


def _flag_line(window: Window, flag: Flag, top: int) -> Markup:
    x = window.x(flag.moment.t)
    return h("line", x1=x, x2=x, y1=top, y2="100%", class_=f"mark {flag.kind}")


def _lanes(window: Window, flags: Sequence[Flag]) -> dict[int, int]:
    """Return the lane of each flag, 0 on top.

    Lines go down from their labels. So of two labels that grow to the right the later goes below, of two that grow to
    the left the earlier: then no line crosses a label. Where that cannot be, labels at least do not cover each other.
    """
    rightwards = [flag for flag in flags if not _leftwards(window, flag)]
    leftwards = [flag for flag in flags if _leftwards(window, flag)]
    placed: list[tuple[int, int, float, float, float]] = []
    for flag in rightwards + leftwards[::-1]:
        x = window.place(flag.moment.t) * FLAG_PLOT
        width = text_width(f"{flag.number} {_words(window, flag)}") + 10
        low, high = (x - width, x) if _leftwards(window, flag) else (x, x + width)

        def free(lane: int, low: float = low, high: float = high) -> bool:
            return all(lane != other or high < left or right < low for _, other, _, left, right in placed)

        def clear(lane: int, x: float = x, low: float = low, high: float = high) -> bool:
            crossed = any(other > lane and left < x < right for _, other, _, left, right in placed)
            crossing = any(other < lane and low < line < high for _, other, line, _, _ in placed)
            return not crossed and not crossing

        lanes = range(LANES_MAX)
        best = next((lane for lane in lanes if free(lane) and clear(lane)), None)
        lane = best if best is not None else next((lane for lane in lanes if free(lane)), LANES_MAX - 1)
        placed.append((flag.number, lane, x, low, high))
    return {number: lane for number, lane, *_ in placed}

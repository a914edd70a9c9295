"""The timeline: who did what when, as a chart with one row per node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from qke_core.catalog import catalog
from qke_core.units import render_clock, render_rough
from qke_sim.report.analysis import OVER, Analysis, Gap, Span
from qke_sim.report.html_axis import Flag, Window, fits, flag_band, legend_of_flags
from qke_sim.report.html_base import Markup, count, folded, h, instant, join, muted, natural, table, tone
from qke_sim.report.html_rows import axis_row, for_pointer, group, interval, plot, row

PHASES: Final = ("prepare", "control-plane", "kubelet", "cluster-wide", "kubesphere", "client")
"""Phases that have a colour and a texture of their own, in the order of an upgrade."""
TEXTURES: Final[Mapping[str, str]] = {
    "prepare": "",
    "control-plane": "M0 3H6",
    "kubelet": "M1.5 1.5h1M4.5 4.5h1",
    "cluster-wide": "M3 0V6",
    "kubesphere": "M0 6L6 0M-1 1L1 -1M5 7L7 5",
    "client": "M0 3H6M3 0V6",
    "other": "",
    "wait": "M0 0L6 6M-1 5L1 7M5 -1L7 1",
    "down": "M0 0L6 6M6 0L0 6",
}
"""What is drawn on a tile of 6 by 6 pixels, besides its colour."""
KIND_RANK: Final = {"master": 0, "worker": 1, "client": 2}
BAR_TOP, BAR_HEIGHT = 4, 22
ROOMY: Final = ("from320", "from480", "from640")
"""Plots in which how a phase failed is worth the place of its name alone."""


def textures() -> Markup:
    """Return the fills of the bars, once for all charts."""
    return join(
        h(
            "pattern",
            Markup(f'<rect width="6" height="6" class="ground {name}"/>'),
            Markup(f'<path d="{path}" class="texture {name}"/>') if path else "",
            id=f"fill-{name}",
            width=6,
            height=6,
            patternUnits="userSpaceOnUse",
        )
        for name, path in TEXTURES.items()
    )


def timeline(summary: Mapping[str, Any], analysis: Analysis, window: Window, flags: Sequence[Flag]) -> Markup:
    """Return the chart of phases, one row per node, with its legend, and the same as a table."""
    rows: list[Markup] = []
    for cluster, nodes in nodes_of(summary, analysis).items():
        rows.append(group(cluster, _way(summary, analysis, cluster)))
        rows.extend(_node_row(f"{cluster}/{node}", node, summary, analysis, window) for node in nodes)
    if not rows:
        return h("p", "There is no cluster in this world.")
    head = row("", flag_band(window, flags), "", "head")
    return join(
        (
            h("div", head, axis_row(window), *rows, class_="chart", **for_pointer(window)),
            _legend(analysis),
            legend_of_flags(flags, window.clock),
            _span_table(analysis, window.clock),
        )
    )


def nodes_of(summary: Mapping[str, Any], analysis: Analysis) -> dict[str, list[str]]:
    """Return the nodes of each cluster: masters, workers, clients, each in natural order."""
    found: dict[str, set[str]] = {cluster: set(state["nodes"]) for cluster, state in summary["state"].items()}
    for span in analysis.spans:
        cluster, _, node = span.subject.partition("/")
        found.setdefault(cluster, set()).add(node)
    return {cluster: sorted(nodes, key=_node_rank) for cluster, nodes in found.items()}


def _node_rank(node: str) -> tuple[int, tuple[tuple[int, str], ...]]:
    role = catalog().roles.get(node.rstrip("0123456789"))
    return (KIND_RANK[role.kind] if role is not None else len(KIND_RANK), natural(node))


def _way(summary: Mapping[str, Any], analysis: Analysis, cluster: str) -> str:
    """Return which versions a cluster came from and where it is now."""
    sources = [str(plan["source"]) for plan in analysis.plans if plan["cluster"] == cluster]
    state = summary["state"].get(cluster)
    now = str(state["version"]) if state else ""
    return f"{sources[0]} \N{RIGHTWARDS ARROW} {now}" if sources and sources[0] != now else now


def _node_row(subject: str, node: str, summary: Mapping[str, Any], analysis: Analysis, window: Window) -> Markup:
    spans = [span for span in analysis.spans if span.subject == subject]
    phases = [span for span in spans if span.kind == "phase"]
    waits = [span for span in spans if span.kind == "wait"]
    downs = _downs(subject, analysis)
    parts: list[Markup] = [_down(gap, window) for gap in downs]
    for place, span in enumerate(phases):
        begins = [gap.start for gap in downs] + [later.start for later in phases[place + 1 :]]
        room_to = min((begin for begin in begins if begin >= span.end), default=window.end)
        shared = any(wait.start < span.end and wait.end > span.start for wait in waits)
        parts.append(_bar(span, room_to, window, text_y=BAR_TOP + (11 if shared else 15)))
    parts += [_wait(span, window) for span in waits]
    parts += [_badge(span, window) for span in phases if span.outcome not in OVER]
    parts += [
        h(
            "line",
            h("title", f"{render_clock(moment.t)} {moment.text}"),
            **_at(window, moment.t, 0, 6),
            class_="reports",
        )
        for moment in analysis.moments
        if moment.kind == "node.version" and moment.subject == subject
    ]
    about = "; ".join(_said(span) for span in phases) or "no phase of an upgrade"
    return row(node, plot(node, about, parts), _node_note(subject, phases, summary), "node")


def _bar(span: Span, room_to: int, window: Window, text_y: int) -> Markup:
    """Return the bar of a phase, with its name inside where there is room, and how it failed inside or after it."""
    kind = span.name if span.name in PHASES else "other"
    state = " open" if span.open else " bad" if span.outcome not in OVER else ""
    width = window.place(span.end) - window.place(span.start)
    parts = [
        h(
            "rect",
            h("title", _said(span)),
            x=window.x(span.start),
            y=BAR_TOP,
            width=window.width(span.start, span.end),
            height=BAR_HEIGHT,
            class_=f"bar {kind}{state}",
        )
    ]
    failed = "" if span.outcome in OVER else f"{span.name}: {span.outcome}"
    label, inside = span.name, fits(span.name, width)
    if failed and fits(failed, width - 0.02) in ROOMY:
        label, inside, failed = failed, fits(failed, width - 0.02), ""
    outside = fits(failed, window.place(room_to) - window.place(span.end) - 0.02) if failed else None
    if inside is not None:
        parts.append(h("text", label, x=window.x(span.start), dx=4, y=text_y, class_=f"in {kind} {inside}"))
    if outside is not None:
        parts.append(h("text", failed, x=window.x(span.end), dx=11, y=BAR_TOP + 15, class_=f"in bad {outside}"))
    return join(parts)


def _wait(span: Span, window: Window) -> Markup:
    return h(
        "rect",
        h("title", _said(span)),
        x=window.x(span.start),
        y=BAR_TOP + BAR_HEIGHT - 7,
        width=window.width(span.start, span.end),
        height=7,
        class_="wait" if span.outcome in OVER else "wait bad",
    )


def _badge(span: Span, window: Window) -> Markup:
    """Return the mark at the end of a phase that did not end well."""
    x, middle = window.x(span.end), BAR_TOP + BAR_HEIGHT // 2
    if span.open:
        return h("text", "\N{HORIZONTAL ELLIPSIS}", x=x, dx=-12, y=middle + 4, class_="in")
    circle = h("circle", h("title", _said(span)), cx=x, cy=middle, r=7, class_="badge")
    return join((circle, h("text", "\N{MULTIPLICATION SIGN}", x=x, y=middle + 4, text_anchor="middle", class_="cross")))


def _downs(subject: str, analysis: Analysis) -> list[Gap]:
    """Return when a host was down."""
    found: list[Gap] = []
    since: int | None = None
    for moment in analysis.moments:
        if moment.subject != subject:
            continue
        if moment.kind == "host.crashed" and since is None:
            since = moment.t
        elif moment.kind == "host.booted" and since is not None:
            found.append(Gap(since, moment.t))
            since = None
    return found if since is None else [*found, Gap(since, analysis.ended_ms)]


def _down(gap: Gap, window: Window) -> Markup:
    said = f"host down: {interval(gap.start, gap.end)}"
    label = fits("host down", window.place(gap.end) - window.place(gap.start))
    box = h(
        "rect",
        h("title", said),
        x=window.x(gap.start),
        y=BAR_TOP + 4,
        width=window.width(gap.start, gap.end),
        height=BAR_HEIGHT - 8,
        class_="down",
    )
    words = h("text", "host down", x=window.x(gap.start), dx=12, y=BAR_TOP + 15, class_=f"in halo {label}")
    return box if label is None else join((box, words))


def _node_note(subject: str, phases: Sequence[Span], summary: Mapping[str, Any]) -> Markup:
    """Return how it ended on a node."""
    cluster, _, node = subject.partition("/")
    state = summary["state"].get(cluster, {}).get("nodes", {}).get(node, {})
    if phases and phases[-1].open:
        return tone("plain", "\N{HORIZONTAL ELLIPSIS}", "unfinished")
    if phases and phases[-1].outcome not in OVER:
        return tone("bad", "\N{BALLOT X}", phases[-1].outcome)
    if state.get("up") is False:
        return tone("bad", "\N{BALLOT X}", "down at the end")
    if state.get("reported"):
        return muted(f"kubelet {state['reported']}")
    return tone("good", "\N{CHECK MARK}", "done") if phases else muted("untouched")


def _said(span: Span) -> str:
    """Return a span in words."""
    what = (
        f"waits for {span.name}"
        if span.kind == "wait"
        else f"{span.name} to {span.target}"
        if span.target
        else span.name
    )
    outcome = span.outcome if not span.outcome.isdigit() else f"code {span.outcome}"
    return f"{what}: {interval(span.start, span.end)}, {outcome}"


def _at(window: Window, ms: int, top: int, bottom: int) -> dict[str, str | int]:
    x = window.x(ms)
    return {"x1": x, "x2": x, "y1": top, "y2": bottom}


def _legend(analysis: Analysis) -> Markup:
    """Return what colours, textures and marks mean; only those that occur."""
    names = {span.name for span in analysis.spans if span.kind == "phase"}
    shown = [(name, name) for name in PHASES if name in names]
    shown += [("other", ", ".join(sorted(names - set(PHASES))))] if names - set(PHASES) else []
    shown += [("wait", "waiting")] if any(span.kind == "wait" for span in analysis.spans) else []
    items = [h("li", _swatch(kind), label) for kind, label in shown]
    kinds = {moment.kind for moment in analysis.moments}
    if "host.crashed" in kinds:
        items.append(h("li", _swatch("down"), "host down"))
    if any(span.kind == "phase" and span.outcome not in OVER for span in analysis.spans):
        items.append(h("li", _swatch("badge"), "failed, cut or crashed"))
    if "node.version" in kinds:
        items.append(h("li", _swatch("reports"), "reports a new kubelet"))
    return h("ul", *items, class_="legend", aria_label="Legend") if items else Markup()


def _swatch(kind: str) -> Markup:
    shape = Markup(f'<rect x="1" y="1" width="26" height="12" class="bar {kind}"/>')
    if kind == "wait":
        shape = Markup('<rect x="1" y="4" width="26" height="7" class="wait"/>')
    elif kind == "down":
        shape = Markup('<rect x="1" y="1" width="26" height="12" class="down"/>')
    elif kind == "reports":
        shape = Markup('<line x1="14" x2="14" y1="4" y2="10" class="reports"/>')
    elif kind == "badge":
        cross = h("text", "\N{MULTIPLICATION SIGN}", x=14, y=11, text_anchor="middle", class_="cross")
        shape = join((Markup('<circle cx="14" cy="7" r="7" class="badge"/>'), cross))
    return h("svg", shape, width=28, height=14, aria_hidden="true")


def _span_table(analysis: Analysis, start: str) -> Markup:
    rows = [
        (
            span.subject,
            f"waits for {span.name}" if span.kind == "wait" else span.name,
            span.target,
            instant(start, span.start),
            instant(start, span.end),
            render_rough(span.end - span.start),
            f"code {span.outcome}" if span.outcome.isdigit() else span.outcome,
        )
        for span in analysis.spans
    ]
    if not rows:
        return Markup()
    head = ("Node", "Phase", "To", "From", "Until", "Took", "Outcome")
    return folded(f"The timeline as a table ({count(len(rows), 'row')})", table(head, rows, class_="small"))

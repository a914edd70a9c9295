"""The chart of availability: what was not there, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qke_core.units import render_rough
from qke_sim.report.analysis import Gap
from qke_sim.report.html_axis import Window
from qke_sim.report.html_base import Markup, count, folded, h, instant, join, mono, muted, natural, table, tone
from qke_sim.report.html_rows import axis_row, for_pointer, group, interval, plot, row


def availability(summary: Mapping[str, Any], window: Window) -> Markup:
    """Return the chart of absences: one row per thing, with the absences at their place."""
    order = list(summary["state"])
    outages = sorted(summary["outages"].items(), key=lambda item: _thing_rank(item[0], order))
    if not outages:
        return h("p", "Nothing in this world can be absent.")
    rows: list[Markup] = []
    clusters: list[str] = []
    for key, outage in outages:
        cluster, _, thing = key.partition("/")
        if cluster not in clusters:
            clusters.append(cluster)
            rows.append(group(cluster, ""))
        rows.append(_outage_row(cluster, thing, outage, window))
    chart = h("div", axis_row(window), *rows, class_="chart", **for_pointer(window))
    return join((chart, _outage_table(outages, window.clock)))


def _thing_rank(key: str, order: Sequence[str]) -> tuple[int, str, int, tuple[tuple[int, str], ...]]:
    """Return a key that sorts things as people ask for them; clusters keep the order of the timeline."""
    cluster, _, thing = key.partition("/")
    place = order.index(cluster) if cluster in order else len(order)
    return place, cluster, 0 if thing == "api" else 1 if thing.endswith("/ks-console") else 2, natural(thing)


def _outage_row(cluster: str, thing: str, outage: Mapping[str, Any], window: Window) -> Markup:
    gaps = [Gap(start, end) for start, end in outage["gaps_ms"]]
    parts = [h("rect", x=0, y=13, width="100%", height=6, class_="there")]
    for gap in gaps:
        said = h("title", f"not there: {interval(gap.start, gap.end)}")
        x, width = window.x(gap.start), window.width(gap.start, gap.end)
        parts.append(h("rect", x=x, y=12, width=width, height=8, class_="ground-page"))
        parts.append(h("rect", said, x=x, y=5, width=width, height=22, class_="gone"))
    name, full = _thing(thing)
    note = _total(outage)
    about = "; ".join(interval(gap.start, gap.end) for gap in gaps) or "there all the time"
    marked = tone("bad", "\N{BALLOT X}", note) if outage["count"] else muted(note)
    label = join((name, " ", muted(full))) if full else name
    return row(label, plot(f"{name} of {cluster}", about, parts), marked, "thing")


def _thing(thing: str) -> tuple[str, str]:
    """Return what people call it, and the namespace that says which one."""
    if thing == "api":
        return "API server", ""
    namespace, _, name = thing.rpartition("/")
    return ("console", "") if name == "ks-console" else (name, namespace)


def _total(outage: Mapping[str, Any]) -> str:
    if not outage["count"]:
        return "0 s"
    times = count(outage["count"], "outage")
    return f"{times}, {outage['total']}" + (" in all" if outage["count"] > 1 else "")


def _outage_table(outages: Sequence[tuple[str, Mapping[str, Any]]], start: str) -> Markup:
    rows = [
        (mono(key), instant(start, begun), instant(start, ended), render_rough(ended - begun))
        for key, outage in outages
        for begun, ended in outage["gaps_ms"]
    ]
    if not rows:
        return Markup()
    shown = table(("What", "From", "Until", "Lasted"), rows, class_="small")
    return folded(f"The outages as a table ({count(len(rows), 'row')})", shown)

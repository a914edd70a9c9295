"""The chart across clusters: the status of each over time, what it cost, and how full each quota was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from qke_core.units import render_clock
from qke_sim.report.html_axis import Window, percent
from qke_sim.report.html_base import Markup, count, h, muted, tone
from qke_sim.report.html_rows import ROW_HEIGHT, axis_row, for_pointer, group, interval, plot, row

BASE: Final = ROW_HEIGHT - 4
"""Where the steps of a quota stand."""
ROOM: Final = ROW_HEIGHT - 8
"""How high a full quota is."""


def clusters(summary: Mapping[str, Any], window: Window) -> Markup:
    """Return the chart: a lane for each cluster, a row of steps for each quota."""
    shown, quotas = summary["clusters"], summary["quotas"]
    if not shown:
        return h("p", "There is no cluster in this world.")
    total = sum(cluster["bill_cny"] for cluster in shown.values())
    about = f"{count(len(shown), 'cluster')}, {total:.4f} CNY at the example prices"
    rows = [group("Status", about), *(_lane(name, cluster, summary, window) for name, cluster in shown.items())]
    if quotas:
        rows.append(group("Quotas", "used over the run"))
        rows += [_quota(kind, quota, summary, window) for kind, quota in quotas.items()]
    return h("div", axis_row(window), *rows, class_="chart", **for_pointer(window))


def _lane(name: str, cluster: Mapping[str, Any], summary: Mapping[str, Any], window: Window) -> Markup:
    parts: list[Markup] = []
    said: list[str] = []
    for (start, status, transition), end in _until(cluster["lane"], summary["ended_ms"]):
        words = f"{status}, {transition}" if transition else status
        said.append(f"{words} from {render_clock(start)}")
        x, width = window.x(start), window.width(start, end)
        title = h("title", f"{words}: {interval(start, end)}")
        kind = "busy" if transition else status
        parts.append(h("rect", title, x=x, y=8, width=width, height=16, class_=f"lane {kind}"))
    note = f"{cluster['status']}, {count(cluster['nodes'], 'node')}, {cluster['bill_cny']:.4f} CNY"
    return row(name, plot(name, "; ".join(said), parts), muted(note), "thing")


def _quota(kind: str, quota: Mapping[str, Any], summary: Mapping[str, Any], window: Window) -> Markup:
    limit, most, points = quota["limit"], quota["most"], quota["points"]
    full = max(most, limit or 0, 1)
    parts = [_step(start, end, amount, full, window) for (start, amount), end in _until(points, summary["ended_ms"])]
    if limit is not None:
        y = BASE - ROOM * limit // full
        parts.append(h("line", x1=0, x2=percent(1), y1=y, y2=y, class_="limit"))
    now = points[-1][1]
    note = f"{now} of {limit}, at most {most}" if limit is not None else f"{now}, at most {most}"
    over = limit is not None and most >= limit
    about = "; ".join(f"{amount} from {render_clock(start)}" for start, amount in points)
    marked = tone("warn", "!", note) if over else muted(note)
    return row(kind, plot(kind, about, parts), marked, "thing")


def _step(start: int, end: int, amount: int, full: int, window: Window) -> Markup:
    height = max(ROOM * amount // full, 1 if amount else 0)
    title = h("title", f"{amount}: {interval(start, end)}")
    x, width = window.x(start), window.width(start, end)
    return h("rect", title, x=x, y=BASE - height, width=width, height=height, class_="used")


def _until(points: Sequence[Sequence[Any]], ended_ms: int) -> list[tuple[Sequence[Any], int]]:
    """Return every point with the instant at which the next one comes."""
    return list(zip(points, [*(point[0] for point in points[1:]), ended_ms], strict=True))

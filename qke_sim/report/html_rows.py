"""What both charts are made of: rows with a name, a plot and a note, over one axis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from qke_core.units import render_clock, render_rough
from qke_sim.report.html_axis import Window, axis
from qke_sim.report.html_base import Markup, h, join, muted, offset_of

ROW_HEIGHT: Final = 32


def row(name: str, content: Markup, note: str, kind: str = "") -> Markup:
    """Return a row of a chart; on narrow screens name and note stand above the plot."""
    return h(
        "div",
        h("div", name, class_="name"),
        h("div", content, class_="plot"),
        h("div", note, class_="note"),
        class_=f"row {kind}".rstrip(),
    )


def axis_row(window: Window) -> Markup:
    """Return the row of the axis."""
    names = join((h("span", "virtual time"), h("span", f"clock {offset_of(window.clock)}", class_="muted")))
    return row(names, axis(window), "", "scale")


def group(cluster: str, about: str) -> Markup:
    """Return the heading over the rows of a cluster."""
    return h("h3", cluster, muted(f" {about}") if about else "", class_="group")


def plot(title: str, about: str, parts: Iterable[str]) -> Markup:
    """Return the SVG of one row, with its content in words."""
    inner = join((h("title", title), h("desc", about), Markup('<use href="#grid"/>'), *parts))
    return h("svg", inner, height=ROW_HEIGHT, role="img", aria_label=f"{title}: {about}")


def for_pointer(window: Window) -> dict[str, str | int]:
    """Return what the script needs to tell the time under the pointer."""
    return {"data_from": window.start, "data_to": window.end}


def interval(start: int, end: int) -> str:
    """Return when something was, and how long, in words."""
    return f"{render_clock(start)} to {render_clock(end)}, {render_rough(end - start)}"

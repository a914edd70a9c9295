"""HTML by hand: elements as pure functions, no template engine.

A plain string is text and is escaped; only `Markup` is taken as it is. So a scenario cannot bring a tag into a report
by accident of the code.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from qke_core.units import MS_PER_S, render_clock

VOID: Final = frozenset({"meta"})
"""Elements of HTML that have no end tag; the others of ours have one, or are of SVG and empty."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escape(text: str) -> Markup:
    """Return text as HTML. Control characters have no picture and are not allowed in HTML: they are left out."""
    if isinstance(text, Markup):
        return text
    kept = (char for char in text if char in "\n\t" or unicodedata.category(char) != "Cc")
    shown = ("\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) == "Cs" else char for char in kept)
    return Markup(html.escape("".join(shown)))


def join(parts: Iterable[str], between: str = "") -> Markup:
    """Return parts one after another."""
    return Markup(escape(between).join(escape(part) for part in parts))


def h(tag: str, *children: str, **attributes: str | int | None) -> Markup:
    """Return an element. `class_` is written as class, `aria_label` as aria-label; None leaves an attribute out."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{join(children)}</{tag}>")


def table(head: Iterable[str], rows: Iterable[Iterable[str]], **attributes: str | int | None) -> Markup:
    """Return a table. Its cells carry their column's name, for narrow screens where a row is shown as a card."""
    names = tuple(head)
    body = join(
        h("tr", *(h("td", cell, data_label=name) for name, cell in zip(names, row, strict=True))) for row in rows
    )
    header = h("thead", h("tr", *(h("th", name, scope="col") for name in names)))
    return h("table", header, h("tbody", body), **attributes)


def folded(title: str, *children: str, is_open: bool = False) -> Markup:
    """Return something that opens when its title is clicked."""
    return h("details", h("summary", title), *children, open="" if is_open else None)


def section(name: str, title: str, *children: str) -> Markup:
    """Return a section of the page."""
    return h("section", h("h2", title, id=name), *children, aria_labelledby=name)


def mono(text: str) -> Markup:
    """Return text that is code: names, expressions, commands."""
    return h("code", text)


def muted(text: str) -> Markup:
    """Return text that stands back."""
    return h("span", text, class_="muted")


def tone(kind: str, mark: str, text: str) -> Markup:
    """Return a word with its mark; the colour only repeats what they say."""
    return h("span", h("span", mark, aria_hidden="true"), f" {text}", class_=f"tone {kind}")


def count(number: int, noun: str) -> str:
    """Return `1 outage`, `2 outages`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def clock_at(start: str, ms: int) -> datetime:
    """Return the wall clock of the scenario's world at a virtual instant."""
    return datetime.fromisoformat(start) + timedelta(seconds=ms // MS_PER_S)


def offset_of(start: str) -> str:
    """Return the time zone of the scenario's world, such as UTC+08:00."""
    return "UTC" if start.endswith("Z") else f"UTC{datetime.fromisoformat(start).isoformat()[-6:]}"


def instant(start: str, ms: int) -> Markup:
    """Return a virtual instant, with the clock of the scenario's world when pointed at."""
    return h("time", render_clock(ms), title=f"{clock_at(start, ms):%Y-%m-%d %H:%M:%S}")


def text_width(text: str) -> int:
    """Return about how many pixels a text takes in a chart, rather too many: fonts differ."""
    return sum(12 if unicodedata.east_asian_width(char) in "WF" else 7 for char in text)


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts `node2` before `node10`."""
    return tuple((int(part), "") if part.isdigit() else (0, part) for part in _runs(text))


def _runs(text: str) -> Iterator[str]:
    run = ""
    for char in text:
        if run and (char.isdecimal() != run[-1].isdecimal()):
            yield run
            run = ""
        run += char
    if run:
        yield run

"""The phases of a run as a chart in text: one row per node, virtual time to the right.

A phase is its letter and a bar, so the chart reads without colour; a phase shorter than a cell still gets one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.text import Text

from qke_cli.render.names import node_name, thing_name, titled
from qke_cli.screen import Screen, pad
from qke_core.units import MS_PER_H, MS_PER_MIN
from qke_sim.report.analysis import Analysis, Gap, Span

_LETTERS: Final = {
    "prepare": "P",
    "control-plane": "M",
    "kubelet": "K",
    "cluster-wide": "W",
    "kubesphere": "S",
    "client": "C",
    "init": "i",
    "start": "s",
    "stop": "t",
    "restart": "r",
    "reload": "e",
    "scale_in": "l",
    "scale_out": "j",
    "destroy": "d",
    "docker_prune": "p",
    "renew_certs": "c",
}
"""Capitals are phases of an upgrade, small letters the services of all other operations."""

_COLOURS: Final = {
    "P": "blue",
    "M": "magenta",
    "K": "cyan",
    "W": "green",
    "S": "yellow",
    "C": "bright_blue",
    "I": "yellow",
    "i": "magenta",
    "s": "green",
    "t": "blue",
    "r": "cyan",
    "e": "cyan",
    "l": "blue",
    "j": "green",
    "d": "blue",
    "p": "yellow",
    "c": "yellow",
}
_SPARE: Final = "ABDEFGHJLNOQRTUVYZ"
_INSTALLER: Final = "I"
_TICKS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 20160, 40320)
_TICK_CELLS: Final = 9
_ENDED_WELL: Final = "done"


@dataclass(slots=True)
class _Row:
    """One line of the chart, cell by cell: which sign, which style."""

    title: str
    signs: list[str]
    styles: list[str]

    @classmethod
    def empty(cls, title: str, cells: int) -> _Row:
        return cls(title, [" "] * cells, [""] * cells)

    def paint(self, cells: range, sign: str, style: str) -> None:
        for cell in cells:
            self.signs[cell], self.styles[cell] = sign, style


@dataclass(slots=True)
class Chart:
    """A chart under construction: which virtual time its first cell, each cell and each tick stand for."""

    screen: Screen
    start: int
    cell_ms: int
    tick_ms: int
    cells: int
    letters: dict[str, str] = field(default_factory=lambda: dict(_LETTERS))
    used: set[str] = field(default_factory=set[str])

    def span(self, start: int, end: int) -> range:
        """Return the cells of a span of time; at least one."""
        first = min((start - self.start) // self.cell_ms, self.cells - 1)
        last = min(max((end - self.start) // self.cell_ms, first + 1), self.cells)
        return range(max(first, 0), max(last, 1))

    def letter(self, phase: str) -> str:
        """Return a phase's letter."""
        if phase not in self.letters:
            taken = set(self.letters.values())
            self.letters[phase] = next((spare for spare in _SPARE if spare not in taken), "?")
        self.used.add(phase)
        return self.letters[phase]


def render_timeline(screen: Screen, analysis: Analysis, nodes: Sequence[str], alone: str | None) -> None:
    """Draw the chart, or say that there is nothing to draw.

    Args:
        screen: where to.
        analysis: a trace, read.
        nodes: `<cluster>/<alias>` in the order of the rows.
        alone: the only cluster's name, which the rows then leave out.
    """
    if not analysis.spans:
        screen.say("No service ran on a node.")
        return
    touched = {span.subject.partition("/")[0] for span in analysis.spans}
    rows = [node for node in nodes if node.partition("/")[0] in touched]
    short = {name: node_name(name, alone) for name in rows}
    things = {thing_name(key, alone): gaps for key, gaps in analysis.gaps.items() if gaps}
    installers = _installers(analysis)
    titles = [*short.values(), *things, *(titled("KubeSphere", name, alone) for name in installers)]
    margin = max(len(title) for title in titles) + 2
    chart = _scale(screen, analysis, screen.width - margin)
    screen.say(_axis(chart, margin))
    downs = _downs(analysis)
    for node in rows:
        spans = [span for span in analysis.spans if span.subject == node]
        _say(chart, _node_row(chart, short[node], spans, downs.get(node, [])), margin)
    for name, (began, ended) in installers.items():
        row = _Row.empty(titled("KubeSphere", name, alone), chart.cells)
        for start, end in zip(began, ended, strict=True):
            cells = chart.span(start, end)
            row.paint(cells, screen.marks.bar, _COLOURS[_INSTALLER])
            row.signs[cells[0]] = _INSTALLER
        _say(chart, row, margin)
    for title, gaps in things.items():
        row = _Row.empty(title, chart.cells)
        for gap in gaps:
            row.paint(chart.span(gap.start, gap.end), screen.marks.gone, "bold red")
        _say(chart, row, margin)
    _legend(chart, installers=bool(installers), down=bool(downs) or bool(things), spans=analysis.spans)


def _scale(screen: Screen, analysis: Analysis, cells: int) -> Chart:
    """Choose the window: from the first to the last thing there is to see, begun on a full tick."""
    gaps = [gap for found in analysis.gaps.values() for gap in found]
    first = min(thing.start for thing in (*analysis.spans, *gaps))
    ends = [thing.end for thing in (*analysis.spans, *gaps)]
    last = max([*ends, *(moment.t for moment in analysis.moments if moment.kind.startswith("installer."))])
    tick = _tick(last - first, cells)
    start = first // tick * tick
    least = -(-(last - start + 1) // cells)
    cell = tick // max(1, tick // least)  # A tick is a whole number of cells, so that all ticks are equally far apart.
    return Chart(screen, start, cell, tick, (last - start) // cell + 1)


def _tick(length: int, cells: int) -> int:
    most = max(1, cells // _TICK_CELLS)
    return next((tick * MS_PER_MIN for tick in _TICKS if length // (tick * MS_PER_MIN) < most), _TICKS[-1] * MS_PER_MIN)


def _axis(chart: Chart, margin: int) -> Text:
    line = ""
    for number, cell in enumerate(range(0, chart.cells, max(1, chart.tick_ms // chart.cell_ms))):
        at = chart.start + number * chart.tick_ms
        label = f"|{at // MS_PER_H:02d}:{at // MS_PER_MIN % 60:02d}"
        if margin + cell + len(label) <= chart.screen.width:
            line = line.ljust(cell) + label
    return Text(" " * margin + line, style="dim")


def _node_row(chart: Chart, title: str, spans: Sequence[Span], downs: Sequence[Gap]) -> _Row:
    """Draw long phases first and short ones over them, so that every phase is seen."""
    row = _Row.empty(title, chart.cells)
    phases = sorted((span for span in spans if span.kind == "phase"), key=lambda span: span.start - span.end)
    _paint_phases(chart, row, phases)
    _paint_waits(chart, row, [span for span in spans if span.kind == "wait"])
    for phase in phases:
        if phase.outcome != _ENDED_WELL:
            row.paint(chart.span(phase.end, phase.end), "x", "bold red")
    for down in downs:
        row.paint(chart.span(down.start, down.end), chart.screen.marks.gone, "bold red")
    return row


def _paint_phases(chart: Chart, row: _Row, phases: Sequence[Span]) -> None:
    """Give each cell to the last phase that claims it; a phase's first cell shows its letter."""
    owner: list[Span | None] = [None] * chart.cells
    for phase in phases:
        for cell in chart.span(phase.start, phase.end):
            owner[cell] = phase
    for cell, phase in enumerate(owner):
        if phase is not None:
            letter = chart.letter(phase.name)
            first = cell == 0 or owner[cell - 1] is not phase
            row.paint(range(cell, cell + 1), letter if first else chart.screen.marks.bar, _COLOURS.get(letter, ""))


def _paint_waits(chart: Chart, row: _Row, waits: Sequence[Span]) -> None:
    """Thin the bar where a phase waits for a whole cell; letters stay."""
    for wait in waits:
        first, last = -((chart.start - wait.start) // chart.cell_ms), (wait.end - chart.start) // chart.cell_ms
        for cell in range(max(0, first), min(last, chart.cells)):
            if row.signs[cell] == chart.screen.marks.bar:
                row.paint(range(cell, cell + 1), chart.screen.marks.waits, "dim")


def _downs(analysis: Analysis) -> Mapping[str, list[Gap]]:
    """Return when hosts were down, by node."""
    since: dict[str, int] = {}
    found: dict[str, list[Gap]] = {}
    for moment in analysis.moments:
        if moment.kind == "host.crashed":
            since[moment.subject] = moment.t
        elif moment.kind == "host.booted" and moment.subject in since:
            found.setdefault(moment.subject, []).append(Gap(since.pop(moment.subject), moment.t))
    for node, start in since.items():
        found.setdefault(node, []).append(Gap(start, analysis.ended_ms))
    return found


def _installers(analysis: Analysis) -> Mapping[str, tuple[list[int], list[int]]]:
    """Return when the KubeSphere installer ran: starts and ends, by cluster."""
    found: dict[str, tuple[list[int], list[int]]] = {}
    for moment in analysis.moments:
        began, ended = found.setdefault(moment.subject, ([], [])) if moment.kind.startswith("installer.") else ([], [])
        if moment.kind in ("installer.launched", "installer.restarted"):
            began.append(moment.t)
        elif moment.kind in ("installer.failed", "installer.finished") and len(ended) < len(began):
            ended.append(moment.t)
    for began, ended in found.values():
        ended.extend([analysis.ended_ms] * (len(began) - len(ended)))
    return {name: times for name, times in found.items() if times[0]}


def _say(chart: Chart, row: _Row, margin: int) -> None:
    line = pad(row.title, margin)
    for sign, style in zip(row.signs, row.styles, strict=True):
        line.append(sign, style)
    chart.screen.say(line)


def _legend(chart: Chart, *, installers: bool, down: bool, spans: Iterable[Span]) -> None:
    entries = [(letter, phase) for phase, letter in chart.letters.items() if phase in chart.used]
    if installers:
        entries.append((_INSTALLER, "installer"))
    every = list(spans)
    if any(span.kind == "wait" for span in every):
        entries.append((chart.screen.marks.waits, "waits"))
    if any(span.kind == "phase" and span.outcome != _ENDED_WELL for span in every):
        entries.append(("x", "broken off"))
    if down:
        entries.append((chart.screen.marks.gone, "gone"))
    line = Text()
    for sign, word in entries:
        style = _COLOURS.get(sign, "bold red" if sign in ("x", chart.screen.marks.gone) else "")
        entry = Text.assemble((sign, style), (f" {word}", "dim"))
        if line and line.cell_len + 2 + entry.cell_len > chart.screen.width:
            chart.screen.say(line)
            line = Text()
        line.append("  " if line else "").append_text(entry)
    chart.screen.say(line)

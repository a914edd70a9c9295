"""The report of a run: one HTML file that needs nothing else, not even a network.

It holds its style, its pictures (SVG) and a few lines of script, without which it reads as well. The same run gives the
same bytes. What a scenario says enters as text only (`html_base`), and a content policy forbids everything else.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from qke_sim.report.analysis import Analysis
from qke_sim.report.html_availability import availability
from qke_sim.report.html_axis import flags_of, grid, window_of
from qke_sim.report.html_base import Markup, h, join, section
from qke_sim.report.html_clusters import clusters
from qke_sim.report.html_tables import actions, expectations, findings, footer, moments, plans, verdict
from qke_sim.report.html_timeline import textures, timeline

SCRIPT: Final = """
'use strict';
const clock = s => [s / 3600, s / 60 % 60, s % 60].map(n => String(Math.floor(n)).padStart(2, '0')).join(':');
for (const chart of document.querySelectorAll('.chart')) {
  const hair = chart.appendChild(document.createElement('div'));
  hair.className = 'hair';
  hair.hidden = true;
  const {from, to} = chart.dataset;
  chart.addEventListener('pointermove', event => {
    const plot = chart.querySelector('.plot').getBoundingClientRect();
    const place = (event.clientX - plot.left) / plot.width;
    hair.hidden = place < 0 || place > 1;
    hair.style.left = event.clientX - chart.getBoundingClientRect().left + 'px';
    hair.classList.toggle('left', place > 0.85);
    hair.textContent = clock((Number(from) + place * (to - from)) / 1000);
  });
  chart.addEventListener('pointerleave', () => { hair.hidden = true; });
}
const closed = () => document.querySelectorAll('details:not([open])');
let opened = [];
addEventListener('beforeprint', () => { opened = [...closed()]; opened.forEach(part => { part.open = true; }); });
addEventListener('afterprint', () => { opened.forEach(part => { part.open = false; }); });
"""
"""Tells the time under the pointer, and opens what is folded before it is printed."""
NAV: Final = (
    ("actions", "Actions"),
    ("timeline", "Timeline"),
    ("clusters", "Clusters"),
    ("availability", "Availability"),
    ("expectations", "Expectations"),
    ("preflight", "Preflight"),
    ("plan", "Plan"),
    ("moments", "What happened"),
)


def render_report(summary: Mapping[str, Any], analysis: Analysis) -> str:
    """Return the report of a run as the text of an HTML file.

    Args:
        summary: what `summarise` returned.
        analysis: the run's trace, read.
    """
    window, flags = window_of(summary, analysis), flags_of(summary, analysis.moments)
    folder = f"{summary['scenario']}-{summary['seed']}-{summary['digest'][:8]}"
    titles = dict(NAV)
    content = {
        "actions": actions(summary, analysis),
        "timeline": timeline(summary, analysis, window, flags),
        "clusters": clusters(summary, window),
        "availability": availability(summary, window),
        "expectations": expectations(summary),
        "preflight": findings(analysis),
        "plan": plans(analysis),
        "moments": moments(analysis, summary["start"], folder),
    }
    shared = h(
        "svg", h("defs", textures(), grid(window, flags)), class_="shared", width=0, height=0, aria_hidden="true"
    )
    body = h(
        "body",
        shared,
        _header(summary),
        h("main", *(section(name, titles[name], part) for name, part in content.items())),
        footer(summary, folder),
        h("script", Markup(SCRIPT)),
    )
    page = h("html", _head(summary), "\n", body, lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


@cache
def style() -> str:
    """Return the style sheet."""
    return files("qke_sim.report").joinpath("report.css").read_text(encoding="utf-8")


def _head(summary: Mapping[str, Any]) -> Markup:
    digest = b64encode(sha256(SCRIPT.encode()).digest()).decode()
    allowed = f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    held = "held" if summary["held"] else "broken"
    return h(
        "head",
        h("meta", charset="utf-8"),
        h("meta", http_equiv="Content-Security-Policy", content=policy),
        h("meta", name="viewport", content="width=device-width, initial-scale=1"),
        h("meta", name="color-scheme", content="light dark"),
        h("title", f"{summary['scenario']}, seed {summary['seed']}: {held}"),
        h("style", Markup(style())),
    )


def _header(summary: Mapping[str, Any]) -> Markup:
    links = join(h("li", h("a", title, href=f"#{name}")) for name, title in NAV)
    described = h("p", summary["description"], class_="lead") if summary["description"] else ""
    return h(
        "header",
        h("p", "QKE twin, report of a run", class_="eyebrow"),
        h("h1", summary["scenario"]),
        described,
        verdict(summary),
        h("nav", h("ul", links), aria_label="Sections"),
    )

"""The report of a run as one self-contained HTML file."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qke_sim.report.analysis import Analysis


def render_report(summary: Mapping[str, Any], analysis: Analysis) -> str:
    """The report as HTML text."""
    del analysis
    title = escape(str(summary.get("scenario", "run")))
    return f"<!doctype html>\n<html lang=en><meta charset=utf-8><title>{title}</title></html>\n"

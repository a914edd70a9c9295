"""Findings of rules as people and programs read them: the gravest first, each with its place, remedy and source."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence

from rich.text import Text

from qke_cli.documents import Placed
from qke_cli.screen import Screen
from qke_core.errors import Place, Problem
from qke_core.rules import Severity

WORDS: Mapping[Severity, tuple[str, str]] = {
    "blocker": ("error", "bold red"),
    "warning": ("warning", "bold yellow"),
    "note": ("note", "bold blue"),
}
"""What a severity is called in front of a code, and its colour."""


def render_problems(screen: Screen, problems: Sequence[Problem]) -> None:
    """Show what is wrong with the documents themselves."""
    for problem in problems:
        _head(screen, "error", "bold red", problem.code, problem.sentence)
        if problem.place is not None:
            screen.say(f"  --> {problem.place}")
        _line(screen, "hint", problem.remedy)
        screen.say("")


def render_findings(screen: Screen, placed: Sequence[Placed]) -> None:
    """Show findings, each with a blank line after it."""
    for item in placed:
        finding = item.finding
        word, style = WORDS[finding.severity]
        _head(screen, word, style, finding.code, finding.sentence)
        if item.place is not None:
            screen.say(f"  --> {item.place}")
        _line(screen, "hint", finding.remedy)
        code = f" (the product's code {finding.platform_code})" if finding.platform_code else ""
        _line(screen, "rule", finding.source + code)
        screen.say("")


def _head(screen: Screen, word: str, style: str, code: str, sentence: str) -> None:
    lead = f"{word}[{code}]: "
    for number, line in enumerate(textwrap.wrap(lead + sentence, screen.width, subsequent_indent="    ")):
        text = Text(line)
        if not number:
            text.stylize(style, 0, len(lead))
        screen.say(text)


def _line(screen: Screen, word: str, text: str) -> None:
    screen.hang(Text(f"  {word}: ", style="cyan"), Text(text, style="dim" if word == "rule" else ""))


def count_findings(problems: Sequence[Problem], placed: Sequence[Placed]) -> dict[str, int]:
    """Count by word: errors, warnings, notes."""
    found = Counter(WORDS[item.finding.severity][0] for item in placed)
    return {"errors": found["error"] + len(problems), "warnings": found["warning"], "notes": found["note"]}


def render_counts(counts: Mapping[str, int]) -> str:
    """Write counts: `2 errors, 1 warning`; empty when there is nothing."""
    said = [f"{number} {word if number != 1 else word[:-1]}" for word, number in counts.items() if number]
    return ", ".join(said)


def findings_json(problems: Sequence[Problem], placed: Sequence[Placed]) -> list[dict[str, object]]:
    """Return problems and findings as JSON data, with file, line and column."""
    broken: list[dict[str, object]] = [
        {
            "code": problem.code,
            "severity": "blocker",
            "subject": "",
            "sentence": problem.sentence,
            "remedy": problem.remedy,
            "platform_code": 0,
            "source": "the document's own form",
            "document": "",
            "path": [],
            **_where(problem.place),
        }
        for problem in problems
    ]
    return [*broken, *({**item.finding.to_json(), **_where(item.place)} for item in placed)]


def _where(place: Place | None) -> dict[str, object]:
    """Return a place as text that editors open, and in parts; all None for what stands in no file."""
    if place is None:
        return {"place": None, "file": None, "line": None, "column": None}
    return {"place": str(place), "file": place.file, "line": place.line, "column": place.column}

"""Where lines meet a terminal, a pipe or a file: width, colour, and marks that the encoding can carry.

stdout is data, stderr is talk; each gets a `Screen`. Colour is for terminals alone, and never when `NO_COLOR` is set.
Layout is made for 80 columns and uses up to 100.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.text import Text

WIDTH_MIN, WIDTH_MAX = 60, 100


@dataclass(frozen=True, slots=True)
class Marks:
    """The few signs that say more than a word."""

    held: str
    broken: str
    arrow: str
    led_to: str
    bar: str
    waits: str
    gone: str
    felt: str


UNICODE = Marks(held="✓", broken="✗", arrow="→", led_to="↳", bar="━", waits="┄", gone="█", felt="~")
ASCII = Marks(held="ok", broken="XX", arrow="->", led_to="`-", bar="=", waits=".", gone="#", felt="~")


class _Console(Console):
    """A rich console that lets a closed pipe be the caller's business."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704 - rich calls this while it handles the BrokenPipeError


class Screen:
    """Lines of text on their way to a stream."""

    def __init__(self, stream: TextIO, *, plain: bool = False) -> None:
        """Look at the stream once. `plain` wishes no colour, whatever the stream is."""
        plain = plain or bool(os.environ.get("NO_COLOR"))
        self.stream = stream
        self.unicode = (stream.encoding or "ascii").replace("-", "").casefold() in ("utf8", "utf8sig")
        self.marks = UNICODE if self.unicode else ASCII
        self._console = _Console(file=stream, color_system=None if plain else "auto", highlight=False, markup=False)
        self.width = max(WIDTH_MIN, min(self._console.width, WIDTH_MAX))

    def say(self, *lines: Text | str) -> None:
        """Write lines as they are; what is longer than the screen is left to the terminal."""
        for line in lines:
            text = Text(line) if isinstance(line, str) else line
            text.rstrip()
            self._console.print(text, soft_wrap=True)

    def hang(self, lead: Text | str, body: Text | str) -> None:
        """Write `body` after `lead`, wrapped, every further line indented to where the body began."""
        head = Text(lead) if isinstance(lead, str) else lead
        text = Text(body) if isinstance(body, str) else body
        indent = head.cell_len
        for number, line in enumerate(text.wrap(self._console, max(20, self.width - indent)) or [Text()]):
            line.rstrip()
            self.say(Text.assemble(head if number == 0 else " " * indent, line))

    def data(self, value: object) -> None:
        """Write a value as JSON; escaped where the encoding cannot carry it."""
        self.stream.write(json.dumps(value, indent=2, ensure_ascii=not self.unicode) + "\n")


def pad(text: str, width: int, style: str = "") -> Text:
    """Return text filled up to a width in cells: a Chinese character takes two."""
    found = Text(text, style=style)
    found.append(" " * (width - found.cell_len))
    return found

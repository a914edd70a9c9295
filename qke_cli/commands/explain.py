"""`qke explain`: what a code means, from the page of errors, and the product's own numbers from the catalogue."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from rich.text import Text

from qke_cli.screen import Screen, pad
from qke_core.catalog import catalog
from qke_core.errors import InputError, InvariantError
from qke_core.suggest import nearest

FENCE = "```"


def explain(code: str, *, as_json: bool, plain: bool) -> int:
    """Print the page of a code.

    Raises:
        InputError: `explain.unknown`.
    """
    pages = {**read_pages(), **product_pages()}
    if code not in pages:
        near = None if code.isdigit() else nearest(code, pages)  # A number that looks alike means something else.
        remedy = "see qke explain --list" if near is None else f"did you mean {near!r}?"
        raise InputError("explain.unknown", f"There is no code {code!r}", remedy)
    screen = Screen(sys.stdout, plain=plain)
    if as_json:
        screen.data({"code": code, "text": pages[code]})
    else:
        screen.say(Text(code, style="bold"), "")
        _page(screen, pages[code])
    return 0


def list_codes(*, as_json: bool, plain: bool) -> int:
    """List every code with the first sentence of its page: ours by their first word, then the product's numbers."""
    pages = {**read_pages(), **product_pages()}
    screen = Screen(sys.stdout, plain=plain)
    if as_json:
        screen.data([{"code": code, "group": _group(code), "title": _first(text)} for code, text in pages.items()])
        return 0
    wide = max(len(code) for code in pages)
    said = ""
    for code in sorted(pages, key=_order):
        if _group(code) != said:
            screen.say(*([""] if said else []), Text(_group(code), style="bold"))
            said = _group(code)
        screen.hang(Text("  ").append_text(pad(code, wide + 2, "cyan")), _first(pages[code]))
    return 0


PRODUCT = "the product's own numbers"


def _group(code: str) -> str:
    return PRODUCT if code.isdigit() else code.partition(".")[0]


def _order(code: str) -> tuple[bool, int, str]:
    return (code.isdigit(), int(code) if code.isdigit() else 0, code)


def read_pages() -> Mapping[str, str]:
    """Return the sections of docs/errors.md by code.

    Raises:
        InvariantError: `explain.missing` when the page was not installed along.
    """
    packaged = files("qke_cli").joinpath("pages", "errors.md")
    beside = Path(__file__).parents[2] / "docs" / "errors.md"  # A checkout: the page stands where people read it.
    text = packaged.read_text(encoding="utf-8") if packaged.is_file() else ""
    if not text and beside.is_file():
        text = beside.read_text(encoding="utf-8")
    if not text:
        raise InvariantError("explain.missing", "The page of errors was not installed along", "install qke again")
    sections = text.split("\n## ")[1:]
    return {head.strip("`\n "): body.strip() for head, _, body in (section.partition("\n") for section in sections)}


def product_pages() -> Mapping[str, str]:
    """Return a page for every number of the product: exit codes of its scripts, answers of the cloud."""
    exits = {
        str(code.number): f"{code.meaning}\n\n{code.name}, since QKE {code.since}. {code.message}\n\n"
        f"**What to do.** {code.remedy}\n\nSource: {code.source}"
        for code in catalog().codes.values()
    }
    answers = {
        str(code.number): f"{code.meaning}\n\nA ret_code of the cloud's API.\n\nSource: {code.source}"
        for code in catalog().ret_codes.values()
        if code.number
    }
    return {**answers, **exits}


def _first(text: str) -> str:
    paragraph = " ".join(text.split("\n\n", 1)[0].split())
    return paragraph.split(". ", 1)[0].rstrip(".").replace("`", "")


def _page(screen: Screen, text: str) -> None:
    """Write Markdown for a terminal: paragraphs wrapped, code as it is."""
    inside = False
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if inside or (lines and lines[0].startswith(FENCE)):
            for line in lines:
                if line.startswith(FENCE):
                    inside = not inside
                else:
                    screen.hang("    ", line or " ")
        else:
            words = " ".join(block.split()).replace("**", "").replace("`", "")
            screen.hang("", words)
        screen.say("")

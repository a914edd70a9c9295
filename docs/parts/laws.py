"""The page docs/reference/laws.md: every law that Hypothesis tries to break, and with how many examples."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

GENERATED = "<!-- Made by docs/generate.py from the code: change that, then `make docs`. -->"
TESTS = Path(__file__).parents[2] / "tests"
PROFILES = {"make test": 50, "CI": 100, "make nightly": 2000}
"""Examples of each law; tests/conftest.py has the profiles."""


def lines() -> Iterator[str]:
    """Yield the lines of the page."""
    files = [path for folder in ("property", "stateful") for path in sorted((TESTS / folder).glob("test_*.py"))]
    pages = {path: list(laws(path)) for path in files}
    total = sum(len(found) for found in pages.values())
    yield GENERATED
    yield "# Laws"
    yield ""
    yield f"{total} laws that must hold for all inputs. Hypothesis draws examples, tries to break them, and shrinks"
    yield "what breaks one to the smallest case. A failing law prints how to repeat it."
    yield ""
    yield "| run by | examples of each law |"
    yield "| --- | ---: |"
    for name, examples in PROFILES.items():
        yield f"| {name} | {examples} |"
    for path, found in pages.items():
        if found:
            yield ""
            yield f"## {title(path)}"
            yield ""
            yield f"`{path.relative_to(TESTS.parent)}`"
            yield ""
            for law in found:
                yield f"- {law}"


def title(path: Path) -> str:
    """Return what a file of laws is about: the first sentence of its docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or path.stem
    return text.split("\n\n", 1)[0].replace("\n", " ").split(". ")[0].split(": docs/")[0].rstrip(".:")


def laws(path: Path) -> Iterator[str]:
    """Yield the laws of one file, as sentences."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and _drawn(node):
            yield _sentence(node.name.removeprefix("test_"))
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and _decorated(part, "invariant"):
                    yield _sentence(part.name)


def _drawn(node: ast.FunctionDef) -> bool:
    return _decorated(node, "given")


def _decorated(node: ast.FunctionDef, name: str) -> bool:
    called = [found.func if isinstance(found, ast.Call) else found for found in node.decorator_list]
    return any(isinstance(found, ast.Name) and found.id == name for found in called)


def _sentence(name: str) -> str:
    text = name.replace("_", " ")
    return text[0].upper() + text[1:] + "."

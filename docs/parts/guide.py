"""The page docs/reference/guide.md: every statement of the user guide, and the tests that prove it.

Statements are data (tests/guide.toml). Tests name them with `@pytest.mark.guide("G-143")`. They are found by reading
the tests' source, so the page needs no test to run. Where ids are not written inside the marker (`guide(*IDS["x"])`),
all ids count that stand in what the module assigns to that name.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GENERATED = "<!-- Made by docs/generate.py from the tests: change those, then `make docs`. -->"
TESTS = Path(__file__).parents[2] / "tests"
ID = re.compile(r"G-\d{3}")
SHOWN = 3
"""Proving tests named per statement; of more, the number is told."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. `later`: to what its proof, or the rest of it, is left; "" where tests should prove it."""

    id: str
    section: str
    kind: str
    text: str
    later: str


def lines() -> Iterator[str]:
    """Yield the lines of the page."""
    known, proven = statements(), proofs(TESTS)
    count = sum(found.id in proven for found in known)
    yield GENERATED
    yield ""
    yield "# The user guide, statement by statement"
    yield ""
    yield f"{count} of {len(known)} proven."
    yield ""
    yield "The user guide of QKE 2.0.0, in our words, with the tests that prove each statement of the twin, the rules"
    yield "or the planner. *Rules* are what a wish, a World or a plan may break or must say, *facts* behaviours of the"
    yield "product, *displays* what a console or a command shows, *history* what a release brought. *Later* says to"
    yield "which part of the twin the proof, or the rest of it, is left."
    yield ""
    yield "| section | statements | rules | rules proven | all proven |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for letter, title in titles().items():
        mine = [found for found in known if found.section == letter]
        rules = [found for found in mine if found.kind == "rule"]
        done = [sum(found.id in proven for found in group) for group in (rules, mine)]
        yield f"| {letter}. {title} | {len(mine)} | {len(rules)} | {done[0]} | {done[1]} |"
    for letter, title in titles().items():
        yield ""
        yield f"## {letter}. {title}"
        yield ""
        yield "| id | kind | statement | proven by |"
        yield "| --- | --- | --- | --- |"
        for found in known:
            if found.section == letter:
                yield f"| {found.id} | {found.kind} | {found.text} | {_told(found, proven.get(found.id, ()))} |"


def _told(found: Statement, tests: tuple[str, ...]) -> str:
    shown = [f"`{name}`" for name in tests[:SHOWN]]
    more = [f"and {len(tests) - SHOWN} more"] if len(tests) > SHOWN else []
    later = [f"later: {found.later}"] if found.later else []
    return "<br>".join([*shown, *more, *later]) or "nothing yet"


def statements() -> tuple[Statement, ...]:
    """Return all statements in the order of the guide."""
    found: list[dict[str, str]] = _document()["statement"]
    return tuple(
        Statement(each["id"], each["section"], each["kind"], each["text"], each.get("later", "")) for each in found
    )


def titles() -> Mapping[str, str]:
    """Return the guide's sections: letter to title."""
    found: dict[str, dict[str, str]] = _document()["section"]
    return {letter: each["title"] for letter, each in found.items()}


def _document() -> dict[str, Any]:
    return tomllib.loads((TESTS / "guide.toml").read_text(encoding="utf-8"))


def proofs(folder: Path) -> Mapping[str, tuple[str, ...]]:
    """Return for each statement what proves it, sorted: tests as `tests/path.py::name`, scenarios as their path."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if ".guide(" not in text:
            continue
        place = path.relative_to(folder.parent).as_posix()
        for name, ids in _marked(ast.parse(text)):
            for each in ids:
                found.setdefault(each, set()).add(f"{place}::{name}")
    for path in sorted((folder.parent / "scenarios").glob("*.yaml")):
        for each in _of_story(path):
            found.setdefault(each, set()).add(path.relative_to(folder.parent).as_posix())
    return {each: tuple(sorted(names)) for each, names in sorted(found.items())}


def _of_story(path: Path) -> frozenset[str]:
    """Return the statements that a scenario says it proves; every scenario is run by a test."""
    written = re.search(r"^  guide: \[(.*?)\]", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return frozenset(ID.findall(written.group(1))) if written else frozenset[str]()


def _marked(module: ast.Module) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield every test of a module that a marker stands on, and the ids; markers of a class or module count for all."""
    assigned = {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    everywhere = _ids(assigned["pytestmark"], assigned) if "pytestmark" in assigned else frozenset[str]()
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            yield from _of_test(node, "", everywhere, assigned)
        elif isinstance(node, ast.ClassDef):
            here = everywhere.union(*(_ids(each, assigned) for each in node.decorator_list))
            for part in node.body:
                if isinstance(part, ast.FunctionDef):
                    yield from _of_test(part, f"{node.name}::", here, assigned)


def _of_test(
    node: ast.FunctionDef, prefix: str, outer: frozenset[str], assigned: Mapping[str, ast.expr]
) -> Iterator[tuple[str, frozenset[str]]]:
    ids = outer.union(*(_ids(each, assigned) for each in node.decorator_list))
    if ids and node.name.startswith("test_"):
        yield f"{prefix}{node.name}", ids


def _ids(tree: ast.AST, assigned: Mapping[str, ast.expr]) -> frozenset[str]:
    """Return the ids inside all `guide(...)` markers below a node."""
    found: set[str] = set()
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "guide":
            for argument in call.args:
                names = [part.id for part in ast.walk(argument) if isinstance(part, ast.Name)]
                for part in (argument, *(assigned[name] for name in names if name in assigned)):
                    found.update(_texts(part))
    return frozenset(found)


def _texts(tree: ast.AST) -> Iterator[str]:
    for part in ast.walk(tree):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and ID.fullmatch(part.value):
            yield part.value

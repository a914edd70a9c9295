"""Does docs/errors.md tell of every code that people can meet, and of no other?

The codes are read from the source: `MAKERS` says which calls take one, and at which place. A code that is chosen first
(`code = "a.b" if ... else "a.c"`) or returned by a helper of the same module is followed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "errors.md"
PACKAGES = ("qke_core", "qke_sim", "qke_cli", "adapters/qke_adapters")

MAKERS = {
    "InputError": 0,
    "RefusedError": 0,
    "RemoteError": 0,
    "StuckError": 0,
    "InvariantError": 0,
    "Problem": 0,
    "Finding": 0,
    "finding": 0,
    "world_finding": 0,
    "Flaw": 0,
    "refuse": 0,
    "one_of": 0,
    "_reader": 0,
    "problem": 1,
    "_problem": 1,
    "_refuse": 1,
    "_finding": 0,
    "JobCodes": 0,
}
"""Which argument of which call is a code."""

ALL_CODES = ("JobCodes",)
"""Calls all of whose arguments are codes."""

CODE = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)?")


def codes_in(module: ast.Module) -> Iterator[str]:
    functions = {node.name: node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}
    for scope in [module, *functions.values()]:
        for call in ast.walk(scope):
            if isinstance(call, ast.Call) and (place := MAKERS.get(_called(call))) is not None:
                last = None if _called(call) in ALL_CODES else place + 1
                for argument in call.args[place:last]:
                    yield from _codes(argument, scope, functions)
            if isinstance(call, ast.Yield) and isinstance(call.value, ast.Tuple):
                yield from _yielded(call.value.elts[0])


def _yielded(first: ast.expr) -> Iterator[str]:
    """Yield the code that a generator gives out as the first part of a tuple: it has a dot."""
    text = first.value if isinstance(first, ast.Constant) else None
    if isinstance(text, str) and "." in text and CODE.fullmatch(text):
        yield text


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _codes(argument: ast.expr, scope: ast.AST, functions: dict[str, ast.FunctionDef]) -> Iterator[str]:
    """Yield the codes that an argument may be."""
    match argument:
        case ast.Constant(value=str(text)) if CODE.fullmatch(text):
            yield text
        case ast.IfExp():
            yield from _codes(argument.body, scope, functions)
            yield from _codes(argument.orelse, scope, functions)
        case ast.Name(id=name):
            for node in ast.walk(scope):
                if isinstance(node, ast.Assign):
                    yield from _assigned(name, node, scope, functions)
        case ast.Starred(value=ast.Call(func=ast.Name(id=name))) if name in functions:
            yield from _returned(functions[name], 0, functions)
        case _:
            return


def _assigned(name: str, node: ast.Assign, scope: ast.AST, functions: dict[str, ast.FunctionDef]) -> Iterator[str]:
    """Yield the codes that an assignment may give to `name`: alone, or as one of several names at once."""
    for target in node.targets:
        if isinstance(target, ast.Name) and target.id == name:
            yield from _codes(node.value, scope, functions)
        elif isinstance(target, ast.Tuple):
            names = [element.id if isinstance(element, ast.Name) else "" for element in target.elts]
            if name in names and isinstance(node.value, ast.Call) and _called(node.value) in functions:
                yield from _returned(functions[_called(node.value)], names.index(name), functions)


def _returned(function: ast.FunctionDef, place: int, functions: dict[str, ast.FunctionDef]) -> Iterator[str]:
    """Yield the codes that a function may return at one place of its tuple."""
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            yield from _codes(node.value.elts[place], function, functions)


def codes_in_source() -> dict[str, set[str]]:
    """Every code, and the modules that use it."""
    found: dict[str, set[str]] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for code in codes_in(ast.parse(path.read_text(encoding="utf-8"))):
                found.setdefault(code, set()).add(str(path.relative_to(ROOT)))
    return found


def sections() -> dict[str, str]:
    """The page's sections: code to text."""
    parts = re.split(r"^## `([^`]+)`$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_code_in_the_source_has_a_section():
    missing = {code: sorted(where) for code, where in codes_in_source().items() if code not in sections()}
    assert not missing


def test_every_section_is_about_a_code_in_the_source():
    assert not sorted(set(sections()) - set(codes_in_source()))


def test_sections_are_sorted():
    assert list(sections()) == sorted(sections())


@pytest.mark.parametrize("code", sorted(sections()))
def test_section_says_what_it_means_shows_one_and_says_what_to_do(code: str):
    text = sections()[code]
    assert re.search(
        rf"^((error|warning|note)\[{re.escape(code)}\]: |(blocker|warning|note) +)", text, flags=re.MULTILINE
    ), "no example"
    assert "**What to do.**" in text


def test_codes_are_found_however_they_are_passed():
    module = ast.parse(
        "def f(x):\n"
        "    kind = 'a.b' if x else 'a.c'\n"
        "    raise InputError('a.a', sentence)\n"
        "    Flaw(kind, 'sentence')\n"
        "    source.problem(path, *g())\n"
        "def g():\n"
        "    return 'a.d', 'sentence'\n"
        "def h():\n"
        "    code, sentence = i()\n"
        "    Problem(code, sentence)\n"
        "def i():\n"
        "    return 'a.e', 'sentence'\n"
    )
    assert sorted(set(codes_in(module))) == ["a.a", "a.b", "a.c", "a.d", "a.e"]

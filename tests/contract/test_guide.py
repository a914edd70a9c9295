"""Is every rule of the user guide proven by a test, and is everything else either proven or left to something named?"""

from __future__ import annotations

import ast
import runpy
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PART: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "parts" / "guide.py"))
STATEMENTS, PROOFS = PART["statements"](), PART["proofs"](ROOT / "tests")

MUST = frozenset("BCDEIKLMNO")
"""Sections whose rules are all proven."""


WHOLE = frozenset("BCDEFGHIJKLNO")
"""Sections of which the twin, the rules and the planner prove everything."""


def test_every_statement_is_there_once_and_in_order():
    assert [found.id for found in STATEMENTS] == [f"G-{number:03d}" for number in range(1, 211)]
    assert {found.section for found in STATEMENTS} == set(PART["titles"]())
    assert {found.kind for found in STATEMENTS} == {"rule", "fact", "display", "history"}
    assert all(found.text for found in STATEMENTS)


@pytest.mark.parametrize("section", sorted(MUST))
def test_every_rule_of_these_sections_is_proven(section: str):
    rules = [found.id for found in STATEMENTS if found.section == section and found.kind == "rule"]
    assert rules
    assert [name for name in rules if name not in PROOFS] == []


def test_everything_in_these_sections_is_proven():
    assert [found.id for found in STATEMENTS if found.section in WHOLE and found.id not in PROOFS] == []


def test_what_no_test_proves_is_left_to_something():
    assert [found.id for found in STATEMENTS if found.id not in PROOFS and not found.later] == []


def test_nothing_proves_a_statement_that_does_not_exist():
    assert set(PROOFS) <= {found.id for found in STATEMENTS}


def test_no_proof_is_expected_to_fail_or_skipped_or_expects_nothing():
    names = sorted({name for found in PROOFS.values() for name in found})
    assert [name for name in names if _excused(name)] == []


def _excused(name: str) -> bool:
    path, _, test = name.partition("::")
    if not test:  # A story, which tests/scenario runs: what it expects is what it proves.
        return "\nexpect:\n" not in (ROOT / path).read_text(encoding="utf-8")
    node = _functions(path)[test.rpartition("::")[2]]
    return any(word in ast.unparse(node) for word in ("xfail", "mark.skip", "pytest.skip"))


@cache
def _functions(path: str) -> dict[str, ast.FunctionDef]:
    module = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name: node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}


def test_the_page_names_every_statement_and_counts_the_proven_ones():
    lines = list(PART["lines"]())
    assert f"{len(PROOFS)} of 210 proven." in lines
    rows = [line.split(" | ") for line in lines if line.startswith("| G-")]
    assert [row[0].removeprefix("| ") for row in rows] == [found.id for found in STATEMENTS]
    assert all(row[3].startswith(("`tests/", "`scenarios/", "later: ")) for row in rows)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("guide: [G-001, G-002]", {"G-001", "G-002"}),
        ("guide: [\n    G-001,\n    G-002]", {"G-001", "G-002"}),
        ("description: guide: [G-001]", set[str]()),
        ("name: story", set[str]()),
    ],
)
def test_a_scenario_names_what_it_proves(written: str, expected: set[str], tmp_path: Path):
    for name in ("tests", "scenarios"):
        (tmp_path / name).mkdir()
    (tmp_path / "scenarios" / "story.yaml").write_text(f"metadata:\n  {written}\n", encoding="utf-8")
    assert PART["proofs"](tmp_path / "tests") == dict.fromkeys(sorted(expected), ("scenarios/story.yaml",))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('@pytest.mark.guide("G-001", "G-002")\ndef test_a(): ...', {"test_a": {"G-001", "G-002"}}),
        ('@pytest.mark.guide("G-001")\ndef helper(): ...', {}),
        ('pytestmark = pytest.mark.guide("G-001")\ndef test_a(): ...', {"test_a": {"G-001"}}),
        (
            """
            pytestmark = [pytest.mark.slow, pytest.mark.guide("G-001")]
            @pytest.mark.guide("G-002")
            def test_a(): ...
            def test_b(): ...
            """,
            {"test_a": {"G-001", "G-002"}, "test_b": {"G-001"}},
        ),
        (
            '@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.guide("G-003")), 2])\ndef test_a(x): ...',
            {"test_a": {"G-003"}},
        ),
        (
            """
            IDS = {"x": ("G-004",), "y": ("G-005",)}
            @pytest.mark.parametrize("x", [pytest.param(n, marks=pytest.mark.guide(*IDS[n])) for n in IDS])
            def test_a(x): ...
            """,
            {"test_a": {"G-004", "G-005"}},
        ),
        (
            '@pytest.mark.guide("G-001")\nclass TestA:\n    @pytest.mark.guide("G-002")\n    def test_a(self): ...\n',
            {"TestA::test_a": {"G-001", "G-002"}},
        ),
        ('@pytest.mark.parametrize("text", ["guide", "G-001"])\ndef test_a(text): ...', {}),
    ],
)
def test_markers_are_found_however_they_are_written(source: str, expected: dict[str, set[str]], tmp_path: Path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(f"# .guide(\n{dedent(source)}", encoding="utf-8")
    found: dict[str, set[str]] = {}
    for each, names in PART["proofs"](tmp_path / "tests").items():
        for name in names:
            found.setdefault(name.removeprefix("tests/test_it.py::"), set()).add(each)
    assert found == expected

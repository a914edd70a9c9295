"""`qke validate`: every broken rule of a file at once."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from qke_cli.documents import Loaded, Placed, examine, kind_of, load_world, place, read_source, require_one_reader
from qke_cli.render.findings import count_findings, findings_json, render_counts, render_findings, render_problems
from qke_cli.screen import Screen
from qke_core.documents import Source
from qke_core.errors import Problem
from qke_core.models import ClusterDocument, WorldDocument
from qke_core.rules import check_cluster, check_world

SOUND, BROKEN, REFUSED = 0, 2, 3


def validate(path: Path, world: Path | None, *, as_json: bool, strict: bool, plain: bool) -> int:
    """Check a Cluster or World file; return 0 when it is sound, 2 for a broken document, 3 for a broken rule."""
    require_one_reader(path, world)
    source = read_source(path)
    around = None if world is None else load_world(world)
    problems: list[Problem] = [*around.problems] if around is not None else []
    if kind_of(source) == "World" and around is None:
        found = examine(source, WorldDocument)
        problems.extend(found.problems)
        placed = _of_world(found)
    else:
        wish = examine(source, ClusterDocument)
        problems.extend(wish.problems)
        placed = judge(wish, around)
    return report(str(path), problems, placed, as_json=as_json, strict=strict, plain=plain)


def _of_world(world: Loaded[WorldDocument]) -> list[Placed]:
    findings = () if world.document is None else check_world(world.document)
    return _apart(place(findings, None, world.source), world.problems)


def judge(wish: Loaded[ClusterDocument], world: Loaded[WorldDocument] | None) -> list[Placed]:
    """Check what can be understood of both; a wish is not judged in a world that contradicts itself."""
    contradictions = [] if world is None else _of_world(world)
    broken = any(item.finding.severity == "blocker" for item in contradictions)
    known = None if world is None or broken else world.document
    findings = () if wish.document is None else check_cluster(wish.document, known)
    around: Source | None = None if world is None else world.source
    return [*contradictions, *_apart(place(findings, wish.source, around), wish.problems)]


def _apart(placed: Sequence[Placed], problems: Sequence[Problem]) -> list[Placed]:
    """Leave out findings about values that are broken themselves: what was judged there is only their mended form."""
    broken = {problem.place for problem in problems}
    return [item for item in placed if item.place not in broken]


def report(
    name: str, problems: Sequence[Problem], placed: Sequence[Placed], *, as_json: bool, strict: bool, plain: bool
) -> int:
    """Show what was found; return the exit status."""
    screen = Screen(sys.stdout, plain=plain)
    ranks = ("blocker", "warning", "note")
    placed = sorted(placed, key=lambda item: ranks.index(item.finding.severity))
    counts = count_findings(problems, placed)
    refused = bool(counts["errors"] or (strict and counts["warnings"]))
    if as_json:
        listed = findings_json(problems, placed)
        screen.data({"apiVersion": "qke/v1", "kind": "Findings", "file": name, "counts": counts, "findings": listed})
    else:
        render_problems(screen, problems)
        render_findings(screen, placed)
        screen.say(_verdict(name, counts, refused=refused))
    if problems:
        return BROKEN
    return REFUSED if refused else SOUND


def _verdict(name: str, counts: Mapping[str, int], *, refused: bool) -> str:
    said = render_counts(counts)
    why = "" if counts["errors"] or not refused else " (--strict: warnings count)"
    return f"{name} is {'not ' if refused else ''}sound{': ' + said if said else ''}{why}"

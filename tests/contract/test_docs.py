"""Do the pages keep their word: links lead somewhere, commands print what is shown, examples load, tables are facts?

What is checked is said by a comment above a fenced block:

* `<!-- run -->` above a console block: every `$ qke ...` and `$ qke-sim ...` in it is run, and its output compared. A
  line `...` stands for any number of lines, `...` at the end of a line for the rest of it. `<!-- run: 1 -->`: the last
  command ends with that status, the others with 0.
* `<!-- scenario -->` above a YAML block: it loads. `<!-- scenario: name.yaml -->`: it also lies beside the commands
  that follow on the page. `<!-- broken: name.yaml -->`: the same, but it need not load.
* `<!-- part -->` above a YAML block: it loads when its sections replace those of a small scenario.

The commands of one page run one after another in a folder that holds `scenarios/` and `docs/examples/`, as a checkout
does. With `QKE_DOCS=write` in the environment, outputs that changed are written anew: what is left out stays left out.
Look at the difference before you keep it.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest

from qke_core.catalog import catalog
from qke_sim.scenario import load_story

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
SCENARIOS = sorted((ROOT / "scenarios").glob("*.yaml"))
LIBRARY = DOCS / "guides" / "scenarios.md"

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- (run|scenario|broken|part)(?:: (\S+))? -->\s*\Z")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")

MODULES = {"qke": "qke_cli.qke", "qke-sim": "qke_cli.sim"}
"""Which module a command is."""

BASE = """\
apiVersion: qke/v1
kind: Scenario
metadata: {name: example}
world:
  zone: pek3
  clusters:
    - {name: shop, version: 1.0.1, express: Prod}
workloads:
  - {cluster: shop, manifest: manifests/shop.yaml}
timeline:
  - {at: 10m, cluster: shop, upgrade: {to: 2.0.0}}
"""


def shown(page: Path) -> str:
    return str(page.relative_to(ROOT))


# Links


def slug(heading: str, seen: list[str]) -> str:
    """Return the anchor of a heading, as the hosts of Markdown make it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    found = re.sub(r"[^\w\- ]", "", text.casefold()).strip().replace(" ", "-")
    seen.append(found)
    count = seen.count(found) - 1
    return f"{found}-{count}" if count else found


@cache
def anchors(page: Path) -> frozenset[str]:
    text, seen = FENCE.sub("", page.read_text(encoding="utf-8")), list[str]()
    return frozenset(slug(heading, seen) for heading in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE))


def dead(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    place = page if not path else (page.parent / path).resolve()
    return not place.exists() or (bool(anchor) and anchor not in anchors(place))


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page: Path):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [target for target in LINK.findall(text) if not re.match(r"[a-z]+:", target)]
    assert not [target for target in targets if dead(page, target)]


def test_pages_named_in_the_source_exist():
    named = {
        match
        for package in ("qke_core", "qke_sim", "qke_cli", "adapters")
        for path in (ROOT / package).rglob("*.py")
        for match in re.findall(r"docs/[\w/-]+\.md(?:#[\w-]+)?", path.read_text(encoding="utf-8"))
    }
    assert named
    assert not [target for target in sorted(named) if dead(ROOT / "page", target)]


def test_every_page_can_be_reached_from_the_readme():
    reached, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        targets = [target.partition("#")[0] for target in LINK.findall(text)]
        ahead += [place for target in targets if target and (place := (page.parent / target).resolve()).is_file()]
    assert not [shown(page) for page in PAGES if page not in reached and page.parent.name != "changelog.d"]


# Examples


@dataclass(frozen=True)
class Block:
    """A marked block: what for, with which argument, where it begins, what it says."""

    mark: str
    argument: str
    line: int
    body: str


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for fence in FENCE.finditer(text):
        mark = MARK.search(text, 0, fence.start())
        if mark is not None:
            yield Block(mark[1], mark[2] or "", text.count("\n", 0, fence.start()) + 1, fence[2])


def commands(body: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a console block with the lines that it shall print."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output.splitlines()


def arguments(command: str, place: Path) -> list[str]:
    """Return a command's module and words; `make demo` is what the Makefile says. Stars mean files, as in a shell."""
    if command == "make demo":
        recipe = re.search(
            r"^demo:.*\n\t@\$\(BIN\)/(.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
        )
        assert recipe is not None
        command = recipe[1]
    program, *words = shlex.split(command)
    assert program in MODULES, f"only qke and qke-sim are run, not {command!r}"
    return [MODULES[program], *(found for word in words for found in (expand(word, place) if "*" in word else [word]))]


def expand(pattern: str, place: Path) -> list[str]:
    found = sorted(str(path.relative_to(place)) for path in place.glob(pattern))
    assert found, f"nothing fits {pattern!r}"
    return found


def run(command: str, place: Path) -> tuple[int, list[str]]:
    quiet = {
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "PYTHONUTF8": "1",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'adapters'}",
    }
    done = subprocess.run(
        [sys.executable, "-m", *arguments(command, place)],
        cwd=place,
        env={**os.environ, **quiet},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def misfit(expected: list[str], actual: list[str]) -> str | None:
    """Return the first line shown that the output does not have, None when all is as shown."""
    wanted, printed = [line.rstrip() for line in expected], [line.rstrip() for line in actual]
    parts = [list(part) for dots, part in groupby(wanted, lambda line: line == "...") if not dots]
    place = 0
    for number, part in enumerate(parts):
        last = len(printed) - len(part)
        begin = last if number == len(parts) - 1 and wanted[-1] != "..." else place
        end = 0 if number == 0 and wanted[0] != "..." else last
        at = next((at for at in range(max(begin, place), end + 1) if alike(part, printed[at : at + len(part)])), None)
        if at is None:
            return next((line for line in part if not any(alike([line], [other]) for other in printed)), part[0])
        place = at + len(part)
    complete = bool(wanted) and wanted[-1] == "..."
    return None if complete or place == len(printed) else f"nothing more, but there is: {printed[place]}"


def mended(expected: list[str], actual: list[str]) -> list[str]:
    """Return what is shown, each run of lines replaced by those lines of the output that are most like it."""
    wanted, printed = [line.rstrip() for line in expected], [line.rstrip() for line in actual]
    if "..." not in wanted:
        return [shortened(*pair) for pair in zip(wanted, printed, strict=False)] + printed[len(wanted) :]
    found, place = list[str](), 0
    for dots, part in groupby(wanted, lambda line: line == "..."):
        lines = list(part)
        if dots:
            found += lines
            continue
        starts = range(place, max(place, len(printed) - len(lines)) + 1)
        place = max(starts, key=lambda at: likeness(lines, printed[at : at + len(lines)]))
        found += [shortened(*pair) for pair in zip(lines, printed[place:], strict=False)]
        place += len(lines)
    return found


def likeness(some: list[str], others: list[str]) -> float:
    return sum(SequenceMatcher(None, *pair, autojunk=False).ratio() for pair in zip(some, others, strict=False))


def shortened(wanted: str, printed: str) -> str:
    """Return a line of output, cut where the line shown was cut."""
    return f"{printed[: len(wanted) - 3]}..." if wanted.endswith("...") else printed


def alike(wanted: list[str], printed: list[str]) -> bool:
    return len(wanted) == len(printed) and all(
        line == other or (line.endswith("...") and other.startswith(line[:-3]))
        for line, other in zip(wanted, printed, strict=True)
    )


def with_parts(part: str) -> str:
    """Return the small scenario with the sections of `part` in the place of its own."""
    sections = re.split(r"^(?=\w)", BASE, flags=re.MULTILINE)
    names = re.findall(r"^(\w+):", part, re.MULTILINE)
    return "".join(section for section in sections if section.partition(":")[0] not in names) + part


def make_place(place: Path) -> None:
    shutil.copytree(ROOT / "scenarios", place / "scenarios", dirs_exist_ok=True)
    shutil.copytree(ROOT / "scenarios" / "manifests", place / "manifests", dirs_exist_ok=True)
    shutil.copytree(DOCS / "examples", place / "docs" / "examples", dirs_exist_ok=True)


def write(block: Block, place: Path) -> None:
    path = place / (block.argument or "example.yaml")
    path.write_text(with_parts(block.body) if block.mark == "part" else block.body, encoding="utf-8")
    if block.mark != "broken":
        load_story(path)


def check(block: Block, page: Path, place: Path) -> Iterator[str]:
    """Do what the mark of a block says; yield what is not as shown."""
    if block.mark != "run":
        write(block, place)
        return
    asked = list(commands(block.body))
    assert asked, f"line {block.line}: no command"
    for number, (command, expected) in enumerate(asked, start=1):
        wanted = int(block.argument or 0) if number == len(asked) else 0
        status, actual = run(command, place)
        missing = misfit(expected, actual)
        if missing is not None and os.environ.get("QKE_DOCS") == "write":
            old, new = ("\n".join([f"$ {command}", *lines, ""]) for lines in (expected, mended(expected, actual)))
            page.write_text(page.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
            missing = misfit(mended(expected, actual), actual)
        if status != wanted or missing is not None:
            told = f"line {block.line}: $ {command}\nended with {status}, wanted {wanted}; does not print: {missing}\n"
            yield told + "\n".join(f"    {line}" for line in actual)


MARKED = [page for page in PAGES if any(blocks(page))]


@pytest.mark.parametrize("page", MARKED, ids=shown)
def test_examples_are_true(page: Path, tmp_path: Path):
    make_place(tmp_path)
    wrong = [problem for block in list(blocks(page)) for problem in check(block, page, tmp_path)]
    assert not wrong, "\n\n".join(wrong)


def test_console_blocks_with_our_commands_are_marked():
    """A command with output that nobody runs is a promise that nobody keeps."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for fence in FENCE.finditer(text):
            if fence[1] == "console" and any(output for _, output in commands(fence[2])):
                assert MARK.search(text, 0, fence.start()), f"{shown(page)}: {fence[2].splitlines()[0]}"


@pytest.mark.parametrize(
    ("expected", "actual", "good"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a", "..."], ["a", "b", "c"], True),
        (["...", "c"], ["a", "b", "c"], True),
        (["a", "...", "c"], ["a", "c"], True),
        (["a"], ["a", "b"], False),
        (["a", "...", "d"], ["a", "b", "c"], False),
        (["a.c"], ["abc"], False),
        (["ab..."], ["abc"], True),
        (["ab..."], ["bc"], False),
        (["b"], ["a", "b"], False),
        (["a"], [], False),
        ([], ["a"], False),
        (["a", "...", "a"], ["a"], False),
        (["...", "b", "...", "b"], ["a", "b", "c", "b"], True),
        (["...", "b"], ["b", "b"], True),
    ],
)
def test_three_dots_stand_for_any_lines(expected: list[str], actual: list[str], good: bool):  # noqa: FBT001 - a case
    assert (misfit(expected, actual) is None) is good


def test_what_is_left_out_stays_left_out_when_outputs_are_written_anew():
    shown, printed = ["ab 1", "...", "cd 2", "ef 3...", "..."], ["ab 7", "xx", "cd 8", "ef 9 etc", "yy"]
    assert mended(shown, printed) == ["ab 7", "...", "cd 8", "ef 9...", "..."]
    assert mended(["a 1"], ["a 2", "b"]) == ["a 2", "b"]


# The scenario library


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_has_an_entry_in_the_library(scenario: Path):
    assert f"\n## {scenario.stem}\n" in LIBRARY.read_text(encoding="utf-8")
    assert f"qke-sim run scenarios/{scenario.name}" in LIBRARY.read_text(encoding="utf-8")


def test_the_library_has_no_entry_without_a_scenario():
    entries = re.findall(r"^## (\S+)$", LIBRARY.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(entries) == sorted(path.stem for path in SCENARIOS)


# Tables of facts


def table(section: str) -> list[list[str]]:
    """Return the first table of a section of the rules page, its head first."""
    text = (DOCS / "rules" / "upgrade.md").read_text(encoding="utf-8")
    rows = re.search(r"(?:^\|.*\n)+", text.partition(f"\n## {section}\n")[2], re.MULTILINE)
    assert rows is not None
    found = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[0].splitlines()]
    return [found[0], *found[2:]]


def test_paths_are_those_of_the_catalogue():
    edges = [[edge.origin, edge.target, edge.basis.value] for edge in catalog().upgrades]
    assert table("Paths")[1:] == edges


def test_checks_before_are_those_of_the_catalogue():
    def said(role: str, version: str) -> str:
        service = catalog().upgrade_service(role, version)
        assert service is not None
        return ", ".join(f"{check.check} {check.code}" for check in service.pre_checks) or "none"

    for versions, workers, client in table("Checks before")[1:]:
        for version in versions.split(", "):
            assert [said("master", version), said("node_perf", version), said("client", version)] == [
                workers,
                workers,
                client,
            ]


def test_waits_are_those_of_the_catalogue():
    head, *rows = table("Waits")

    def said(name: str, version: str) -> str:
        if not catalog().has_budget(name, version):
            return "-"
        budget = catalog().budget(name, version)
        return f"{budget.attempts} x {budget.interval_ms // 1000} s" + ", Ready" * budget.requires_ready

    scripts = [steps for (command, _, _), steps in catalog().scripts.items() if command == "upgrade"]
    used = {step.wait for steps in scripts for step in steps if step.wait}
    assert {row[0].strip("`") for row in rows} == {*used, "kubesphere-installer"}
    for name, *cells in rows:
        for versions, cell in zip(head[1:], cells, strict=True):
            assert {said(name.strip("`"), version) for version in versions.split(", ")} == {cell}, name

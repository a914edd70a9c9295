"""Reading what a command names: kinds, places, standard input, and all that is wrong at once."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from qke_cli.documents import examine, load_cluster, place
from qke_cli.qke import main
from qke_core.errors import InputError
from qke_core.models import ClusterDocument, WorldDocument
from qke_core.rules import Finding
from qke_core.rules.finding import Document
from qke_sim.yamlfile import parse_one

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
CLUSTER = (EXAMPLES / "cluster.yaml").read_text(encoding="utf-8")
WORLD = (EXAMPLES / "world.yaml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "cluster.yaml").write_text(CLUSTER, encoding="utf-8")
    (tmp_path / "world.yaml").write_text(WORLD, encoding="utf-8")
    return tmp_path


def test_a_sound_document_comes_without_problems():
    loaded = load_cluster(Path("cluster.yaml"))
    assert loaded.problems == ()
    assert loaded.sound().name == "shop"


def test_a_broken_document_comes_mended_and_places_are_those_of_the_file(folder: Path):
    (folder / "cluster.yaml").write_text(CLUSTER.replace("zone: pek3", "zoone: pek3"), encoding="utf-8")
    loaded = load_cluster(Path("cluster.yaml"))
    assert loaded.document is not None
    assert loaded.document.zone == "pek3"
    assert {problem.code for problem in loaded.problems} == {"document.key-unknown", "document.key-missing"}
    assert [str(problem.place) for problem in loaded.problems if problem.code == "document.key-unknown"] == [
        "cluster.yaml:6:1"
    ]
    with pytest.raises(InputError):
        loaded.sound()


@pytest.mark.parametrize(
    ("text", "model", "sentence", "hint"),
    [
        (WORLD, ClusterDocument, "This is a World, not a Cluster", "qke validate FILE"),
        (CLUSTER, WorldDocument, "This is a Cluster, not a World", "qke plan FILE --world WORLD"),
        (CLUSTER.replace("kind: Cluster", "kind: Scenario"), ClusterDocument, "This is a Scenario", "qke-sim run FILE"),
    ],
)
def test_a_file_of_another_kind_is_one_problem_and_no_other(
    text: str, model: type[ClusterDocument | WorldDocument], sentence: str, hint: str
):
    loaded = examine(parse_one(text, "x.yaml"), model)
    (problem,) = loaded.problems
    assert loaded.document is None
    assert (problem.code, str(problem.place)) == ("document.kind", "x.yaml:3:7")
    assert problem.sentence.startswith(sentence)
    assert hint in problem.remedy


def test_a_kind_that_nobody_knows_is_judged_with_the_rest_of_the_file():
    loaded = examine(parse_one("kind: Clutser\nname: shop\n", "x.yaml"), ClusterDocument)
    codes = {problem.code for problem in loaded.problems}
    assert {"document.value-unknown", "document.key-missing"} <= codes


PLACES: tuple[tuple[Document, tuple[str, ...]], ...] = (
    ("cluster", ("b",)),
    ("world", ("y", "z")),
    ("observation", ()),
)


def test_findings_are_placed_in_the_document_they_are_about():
    sources = parse_one("a: 1\nb: 2\n", "c.yaml"), parse_one("x: 1\ny:\n  z: 2\n", "w.yaml")
    about = [Finding("a.b", "note", "shop", "s", "r", 0, "src", document, path) for document, path in PLACES]
    places = [item.place for item in place(about, *sources)]
    assert [str(where) for where in places[:2]] == ["c.yaml:2:4", "w.yaml:3:6"]
    assert places[2] is None


@pytest.mark.parametrize(
    "words",
    [
        ["validate", "-", "--world", "-"],
        ["plan", "-", "--world", "-"],
        ["cost", "--diff", "-", "-"],
        ["cost", "-", "--world", "-"],
    ],
    ids=" ".join,
)
def test_standard_input_is_not_read_twice(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error[usage]: Standard input is one file")


def test_a_world_may_come_from_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr("sys.stdin", io.StringIO(WORLD.replace("192.168.1.0/24", "192.168.1.1/24")))
    assert main(["validate", "cluster.yaml", "--world", "-"]) == 2
    assert "  --> <stdin>:" in capsys.readouterr().out


def test_a_finding_as_json_says_file_line_and_column(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "world.yaml").write_text(WORLD.replace("zone: pek3", "zone: pek3\nsone: pek3"), encoding="utf-8")
    assert main(["validate", "cluster.yaml", "--world", "world.yaml", "--json"]) == 2
    data = json.loads(capsys.readouterr().out)
    assert data["counts"]["errors"] == 1
    problem, *findings = data["findings"]
    assert (problem["file"], problem["line"], problem["column"]) == ("world.yaml", 5, 1)
    assert findings
    for found in data["findings"]:
        assert found["place"] == f"{found['file']}:{found['line']}:{found['column']}"
        assert found.keys() == problem.keys()


def test_strict_says_why_a_file_without_errors_is_not_sound(capsys: pytest.CaptureFixture[str]):
    assert main(["validate", "cluster.yaml", "--world", "world.yaml", "--strict"]) == 3
    verdict = capsys.readouterr().out.splitlines()[-1]
    assert verdict.startswith("cluster.yaml is not sound: 2 warnings")
    assert verdict.endswith("(--strict: warnings count)")


def test_errors_come_before_warnings_and_warnings_before_notes(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "cluster.yaml").write_text(CLUSTER.replace("master: {count: 3,", "master: {count: 1,"), encoding="utf-8")
    assert main(["validate", "cluster.yaml", "--world", "world.yaml"]) == 3
    words = [line.partition("[")[0] for line in capsys.readouterr().out.splitlines() if "[" in line[:9]]
    assert set(words) == {"error", "warning", "note"}
    assert words == sorted(words, key=["error", "warning", "note"].index)

"""`qke` from words to output, in this process: the catalogue, explanations, starters, and wrong command lines."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from qke_cli.commands import explain as pages
from qke_cli.complete import PARTS
from qke_cli.qke import main
from qke_core.catalog import catalog, parameters, storage
from qke_core.errors import InvariantError

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"

Out = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("cluster.yaml", "world.yaml"):
        (tmp_path / name).write_text((EXAMPLES / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def rows(part: str, capsys: Out, *words: str) -> list[dict[str, object]]:
    assert main(["catalog", part, "--json", *words]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["rows"]
    return found


# catalog


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("version", [None, *catalog().order])
def test_every_table_fits_in_80_columns_and_breaks_no_word(part: str, version: str | None, capsys: Out):
    assert main(["catalog", part, *(["--version", version] if version else [])]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line != line.rstrip()]
    indents = [len(line) - len(line.lstrip()) for line in lines if line.startswith("  ")]
    assert all(indent <= 60 for indent in indents), "the last column is too narrow to be read"


@pytest.mark.parametrize("version", catalog().order)
def test_the_catalogue_as_json_holds_every_parameter_with_every_choice(version: str, capsys: Out):
    found = {row["key"]: row for row in rows("parameters", capsys, "--version", version)}
    assert found.keys() == parameters().env(version).keys()
    for key, declared in parameters().env(version).items():
        assert found[key]["choices"] == list(declared.choices)
        assert found[key]["default"] == declared.default
        assert found[key]["changeable"] is declared.changeable


def test_the_catalogue_says_what_a_change_restarts(capsys: Out):
    found = {row["key"]: row for row in rows("parameters", capsys)}
    assert found["max_pods"]["restarts"] == ["kubelet"]
    assert found["docker_bip"]["menu_restart"] is True
    assert main(["catalog", "parameters"]) == 0
    table = capsys.readouterr().out
    for key, change in (
        ("max_pods", "services"),
        ("docker_bip", "nodes"),
        ("pod_subnet", "no"),
        ("host_aliases", "yes"),
    ):
        assert re.search(rf"^{re.escape(key)} .* {change}  ", table, re.MULTILINE), key


def test_the_catalogue_as_json_has_the_host_types_a_volume_attaches_to(capsys: Out):
    for row in rows("storage", capsys):
        takes = [number for number, host in storage().host_types.items() if row["type"] in host.takes]
        assert row["attaches_to"] == takes


def test_the_catalogue_as_json_has_each_zone_and_no_default_where_there_is_none(capsys: Out):
    found = {row["zone"]: row for row in rows("zones", capsys)}
    assert found.keys() == storage().zones.keys()
    assert found["pek2"]["default"] == {"101": None, "202": None}


# explain


def test_every_code_of_the_page_is_listed_once_below_its_group(capsys: Out):
    assert main(["explain", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    group, listed = "", dict[str, str]()
    for line in lines:
        if line and not line.startswith(" "):
            group = line
        elif line and not line.startswith("   "):
            listed[line.split()[0]] = group
    assert listed.keys() == {*pages.read_pages(), *pages.product_pages()}
    assert all(known == (pages.PRODUCT if code.isdigit() else code.partition(".")[0]) for code, known in listed.items())
    assert max(map(len, lines)) <= 80


def test_numbers_of_the_product_are_listed_as_numbers(capsys: Out):
    assert main(["explain", "--list"]) == 0
    numbers = [int(word) for word in re.findall(r"^  (\d+) ", capsys.readouterr().out, re.MULTILINE)]
    assert numbers == sorted(numbers)
    assert {1, 135, 150, 2500} <= set(numbers)


@pytest.mark.parametrize("code", [*pages.read_pages(), *pages.product_pages()])
def test_every_page_is_readable_in_a_terminal(code: str, capsys: Out):
    assert main(["explain", code]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0] == code
    assert "```" not in text
    assert "**" not in text
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("network.overlaps", "did you mean 'network.overlap'?"),
        ("100", "see qke explain --list"),  # 1400 looks alike and means something else.
        ("qqqqqq", "see qke explain --list"),
    ],
)
def test_an_unknown_code_is_refused_in_two_lines(code: str, hint: str, capsys: Out):
    assert main(["explain", code]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"error[explain.unknown]: There is no code {code!r}\n  hint: {hint}\n"


def test_an_installation_without_the_page_is_our_bug(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(pages, "__file__", str(tmp_path / "a" / "b" / "explain.py"))
    monkeypatch.setattr(pages, "files", lambda _: tmp_path)
    with pytest.raises(InvariantError):
        pages.read_pages()


# new


def test_the_starters_are_sound_together(tmp_path: Path, capsys: Out):
    (tmp_path / "cluster.yaml").unlink()
    (tmp_path / "world.yaml").unlink()
    assert main(["new", "world"]) == 0
    assert main(["new", "cluster"]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == "Wrote cluster.yaml. Next: qke validate cluster.yaml"
    assert main(["validate", "world.yaml", "--strict"]) == 0
    assert main(["validate", "cluster.yaml", "--world", "world.yaml", "--strict"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "cluster.yaml is sound"
    assert main(["plan", "cluster.yaml", "--world", "world.yaml"]) == 0
    assert "Create my-cluster as QKE 3.3.0" in capsys.readouterr().out


def test_what_the_starters_have_commented_out_is_valid(tmp_path: Path, capsys: Out):
    """Every commented line is valid: an example that is refused teaches nonsense."""
    for kind in ("cluster", "world"):
        assert main(["new", kind, "-"]) == 0
        text = re.sub(r"^( *)# ((?: *- | *)[\w{.-]+:(?: .*)?)$", r"\1\2", capsys.readouterr().out, flags=re.MULTILINE)
        drop = r"^(express|  profile|eips: \[\]|clusters: \[\]).*\n"
        text = re.sub(drop, "", text, flags=re.MULTILINE)
        (tmp_path / f"all-{kind}.yaml").write_text(text, encoding="utf-8")
        assert not re.findall(r"^ *# +- ", text, re.MULTILINE)
        status = main(["validate", f"all-{kind}.yaml", "--json"])
        broken = [
            found["sentence"]
            for found in json.loads(capsys.readouterr().out)["findings"]
            if found["code"].startswith("document.")
        ]
        assert not broken
        assert status != 2


def test_a_starter_never_overwrites_a_file_unasked(capsys: Out):
    assert main(["new", "cluster"]) == 2
    assert capsys.readouterr().err.startswith("error[output.exists]: 'cluster.yaml' is there already\n")
    assert main(["new", "cluster", "--force"]) == 0


# plan


def test_a_plan_is_not_written_over_a_folder(tmp_path: Path, capsys: Out):
    (tmp_path / "out").mkdir()
    for target in ("out", "no/such/plan.json"):
        assert main(["plan", "cluster.yaml", "--world", "world.yaml", "-o", target]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(f"error[output.unwritable]: {target!r} cannot be written")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cluster.yaml", "out", "world.yaml"]


def test_a_plan_is_replaced_as_a_whole(tmp_path: Path):
    (tmp_path / "plan.json").write_text("old", encoding="utf-8")
    assert main(["plan", "cluster.yaml", "--world", "world.yaml", "-o", "plan.json"]) == 0
    first = (tmp_path / "plan.json").read_bytes()
    assert json.loads(first)["kind"] == "Plan"
    assert main(["plan", "cluster.yaml", "--world", "world.yaml", "-o", "plan.json"]) == 0
    assert (tmp_path / "plan.json").read_bytes() == first


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--graph", "dot", "--json"], "error[usage]: --graph and --json print different things"),
        (["--graph", "svg"], "error[plan.graph]: There is no graph format 'svg'"),
        (["--restart", "node_gpu"], "error[role.unknown]: shop has no node of role 'node_gpu' to restart"),
        (["--restart", "workers"], "error[role.unknown]: 'workers' is not a role of a QKE cluster"),
        (["--prices", "none.yaml"], "error[file.missing]: "),
        (["--prices", "world.yaml"], "error[document.kind]: This is a World, not a PriceBook"),
    ],
)
def test_what_a_plan_cannot_be_asked_is_refused(words: list[str], sentence: str, capsys: Out):
    assert main(["plan", "cluster.yaml", "--world", "world.yaml", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(sentence)


def test_every_summary_of_help_is_whole(capsys: Out):
    assert main(["--help"]) == 0
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]


def test_a_plan_says_once_what_every_step_needs(tmp_path: Path, capsys: Out):
    assert main(["plan", "cluster.yaml", "--world", "world.yaml"]) == 0
    text = capsys.readouterr().out
    assert "One after another; each needs the cluster active with nothing else going on." in text
    assert "the cluster is active" not in text

    wish = "apiVersion: qke/v1\nkind: Cluster\nname: shop\nversion: 2.0.0\nzone: pek3\nstatus: ceased\n"
    (tmp_path / "gone.yaml").write_text(wish, encoding="utf-8")
    assert main(["plan", "gone.yaml", "--world", "world.yaml"]) == 0
    text = capsys.readouterr().out
    assert "One after another; each needs that nothing else goes on." in text
    assert re.search(r"needs +the cluster is active or stopped$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("changes", "sign"),
    [
        ([("version: 2.0.0\n    vxnet", "version: 3.0.0\n    vxnet")], "!"),
        ([], "^"),
    ],
)
def test_signs_tell_operations_apart(tmp_path: Path, capsys: Out, changes: list[tuple[str, str]], sign: str):
    text = (tmp_path / "world.yaml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "world.yaml").write_text(text, encoding="utf-8")
    assert main(["plan", "cluster.yaml", "--world", "world.yaml"]) == 0
    found = re.findall(r"^ +\d+ (\S) ", capsys.readouterr().out, re.MULTILINE)
    assert sign in found
    assert ("^" in found) is (not changes)


def test_a_terminal_without_utf8_gets_ascii_alone(tmp_path: Path):
    import os
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "qke_cli.qke", "plan", "cluster.yaml", "--world", "world.yaml"],
        cwd=tmp_path,
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.isascii()


def test_a_plan_that_cannot_be_says_all_that_validate_says(tmp_path: Path, capsys: Out):
    text = (tmp_path / "cluster.yaml").read_text(encoding="utf-8")
    text = text.replace("zone: pek3", "zone: pek3\nsone: pek3").replace("count: 3", "count: 1")
    (tmp_path / "cluster.yaml").write_text(text, encoding="utf-8")
    assert main(["validate", "cluster.yaml", "--world", "world.yaml"]) == 2
    judged = capsys.readouterr().out
    assert "error[document.key-unknown]" in judged
    assert "error[topology.masters-fixed]" in judged
    assert main(["plan", "cluster.yaml", "--world", "world.yaml", "-o", "plan.json"]) == 2
    assert capsys.readouterr().out == judged + "There is no plan: correct the errors first.\n"
    assert not (tmp_path / "plan.json").exists()
    assert main(["plan", "cluster.yaml", "--world", "world.yaml", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["kind"] == "Findings"

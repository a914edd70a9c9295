"""What is wrong with what people write is said with place, value and the nearest valid one; exit status 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

GOOD = """\
apiVersion: qke/v1
kind: Scenario
metadata: {name: bad}
world:
  zone: pek3
  clusters:
    - {name: shop, version: 1.0.1, express: Prod}
timeline:
  - {at: 10m, cluster: shop, upgrade: {to: 2.0.0}}
faults:
  - {kind: node.crash, target: {cluster: shop, role: master, index: 2}, at: 30m}
expect:
  - {never: '!shop.api.available'}
"""

CASES = {
    "a typo in a key": (
        ("timeline:", "timelin:"),
        "error[document.key-unknown]: There is no key 'timelin' in the document",
        "timelin:",
        "did you mean 'timeline'?",
    ),
    "an unknown version": (
        ("to: 2.0.0", "to: 2.0.1"),
        "error[version.unknown]: '2.0.1' is not a QKE version",
        "2.0.1",
        "did you mean '2.0.0'?",
    ),
    "a duration without a unit": (
        ("at: 10m", "at: 10"),
        "error[document.duration]: 10 has no unit",
        "10,",
        "write it with its unit, such as 90s, 6m or 2h",
    ),
    "an unknown kind of fault": (
        ("node.crash", "node.crahs"),
        "error[document.value-unknown]: There is no kind 'node.crahs'",
        "node.crahs",
        "did you mean 'node.crash'?",
    ),
    "a fault on a node that is not there": (
        ("index: 2", "index: 9"),
        "error[scenario.node-unknown]: There is no master9: cluster 'shop' has 3 master nodes",
        "9}",
        "use an index from 1 to 3",
    ),
    "a cluster that is not there": (
        ("at: 10m, cluster: shop", "at: 10m, cluster: shep"),
        "error[scenario.cluster-unknown]: There is no cluster 'shep' in the world",
        "shep",
        "did you mean 'shop'?",
    ),
    "an expectation that does not parse": (
        ("'!shop.api.available'", "'!shop.api.available &&'"),
        "error[expression.syntax]: ",
        "'}",
        "",
    ),
    "an unknown measurement": (
        ("shop.api.available", "shop.api.availble"),
        "error[expression.unknown]: There is no measurement 'shop.api.availble'",
        "shop.api.availble",
        "did you mean 'shop.api.available'?",
    ),
    "no YAML": (
        ("metadata: {name: bad}", "metadata: {name: bad"),
        "error[yaml.syntax]: This is not YAML: ",
        ":\n  zone",
        "",
    ),
}
"""What is written instead of what, the sentence, the text it points at, the remedy."""


def place_of(text: str, needle: str) -> str:
    """Return `line:column` of a text, counted from 1."""
    before = text[: text.index(needle)]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_is_said_with_place_value_and_remedy(qke_sim, tmp_path, case):
    (old, new), sentence, needle, remedy = CASES[case]
    text = GOOD.replace(old, new, 1)
    (tmp_path / "bad.yaml").write_text(text, encoding="utf-8")

    done = qke_sim("run", "bad.yaml")

    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(sentence))
    assert lines[at + 1].startswith(f"  --> bad.yaml:{place_of(text, needle)}")
    assert lines[at + 2].startswith("  hint: ")
    assert remedy in lines[at + 2]
    assert not (tmp_path / "runs").exists()


def test_all_errors_of_a_file_are_said_at_once_in_order_of_place(qke_sim, tmp_path):
    text = GOOD.replace("at: 10m", "at: 10").replace("1.0.1", "1.0.7").replace("node.crash", "node.crahs")
    (tmp_path / "bad.yaml").write_text(text, encoding="utf-8")

    done = qke_sim("run", "bad.yaml")

    assert done.returncode == 2
    lines = done.stderr.splitlines()
    places = [int(line.split(":")[1]) for line in lines if line.startswith("  --> ")]
    assert {7, 9, 11} <= set(places)
    assert places == sorted(places)
    assert lines[-1] == f"{len(places)} errors"


def test_a_world_file_that_is_missing_points_at_its_name(qke_sim, tmp_path):
    start, end = GOOD.index("world:"), GOOD.index("timeline:")
    (tmp_path / "bad.yaml").write_text(f"{GOOD[:start]}world: wold.yaml\n{GOOD[end:]}", encoding="utf-8")

    done = qke_sim("run", "bad.yaml")

    assert done.returncode == 2
    assert "wold.yaml" in done.stderr.splitlines()[0]
    assert done.stderr.splitlines()[1] == "  --> bad.yaml:4:8"


def test_a_place_in_a_named_file_is_where_an_editor_finds_it(qke_sim, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "web.yaml").write_text("kind: Deployment\nmetadata: {nam: x}\n", encoding="utf-8")
    text = GOOD.replace("timeline:", "workloads:\n  - {cluster: shop, manifest: web.yaml}\ntimeline:")
    (tmp_path / "deep" / "bad.yaml").write_text(text, encoding="utf-8")

    done = qke_sim("run", "deep/bad.yaml")

    assert done.returncode == 2
    assert "  --> deep/web.yaml:2:" in done.stderr


def test_an_expression_that_fails_while_it_runs_is_the_users_to_mend(qke_sim, tmp_path):
    text = GOOD.replace("'!shop.api.available'", "'upgrade.findings[7] == \"x\"'")
    (tmp_path / "bad.yaml").write_text(text, encoding="utf-8")

    done = qke_sim("run", "bad.yaml", "--json")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error[expression.evaluation]: ")
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "sentence", "hint"),
    [
        (["rnu"], "No such command 'rnu'", "did you mean 'run'? see qke-sim --help"),
        (["run"], "Missing argument 'SCENARIO'", "see qke-sim run --help"),
        (["run", "x.yaml", "--sed", "3"], "No such option: --sed", "did you mean '--seed'? see qke-sim run --help"),
        (
            ["run", "x.yaml", "--seed", "many"],
            "Invalid value for '--seed': 'many' is not a whole number from 0 on",
            "see qke-sim run --help",
        ),
        (["new", "cluster"], "No such command 'cluster'", "see qke-sim new --help"),
    ],
)
def test_a_wrong_command_line_is_said_in_the_same_form(qke_sim, words, sentence, hint):
    done = qke_sim(*words)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error[usage]: {sentence}\n  hint: {hint}\n"


def test_a_folder_that_cannot_be_written_is_refused_before_the_run(qke_sim, small, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")

    done = qke_sim("run", small, "--out", "file/runs")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error[output.unwritable]: No run folder can be written in 'file/runs': ")
    assert "00:10:00" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_no_traceback(qke_sim, tmp_path):
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "qke_cli.sim", "schema", "world"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 4
    assert done.stderr.startswith("error[output.full]: ")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr

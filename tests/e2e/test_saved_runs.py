"""`qke-sim replay` and `qke-sim why` on a run folder."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCENARIO = Path(__file__).parents[2] / "scenarios" / "upgrade-single-master.yaml"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made")
    command = [sys.executable, "-m", "qke_cli.sim", "run", str(SCENARIO), "--quiet", "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return next(out.iterdir())


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A run folder of one's own, to damage."""
    return Path(shutil.copytree(made, tmp_path / "run"))


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_run_replays_to_the_same_digest(qke_sim, run):
    digest = json.loads((run / "summary.json").read_text(encoding="utf-8"))["digest"]

    done = qke_sim("replay", "run")

    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(rf"same \d+ records, digest {digest[:16]}\n", done.stdout)


def test_a_changed_record_is_named_with_both_records_in_words(qke_sim, run):
    change(run / "trace.jsonl", '"version":"1.16.7"', '"version":"1.16.8"')

    done = qke_sim("replay", "run")

    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"The runs part at record \d+, 00:\d\d:\d\d", lines[0])
    said = " ".join(done.stdout.split())
    assert re.search(r" saved .+1\.16\.8.+\(\S+ at 00:\d\d:\d\d, caused by #\d+\) now .+1\.16\.7", said)
    assert lines[-1] == '         version: "1.16.8" → "1.16.7"'


def test_a_trace_that_was_cut_is_different(qke_sim, run):
    lines = (run / "trace.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (run / "trace.jsonl").write_text("".join(lines[:-1]), encoding="utf-8")

    done = qke_sim("replay", "run")

    assert done.returncode == 1
    assert f"The runs part at record {len(lines) - 1}, " in done.stdout
    assert "  saved  the run had ended\n" in done.stdout


def test_a_folder_of_another_version_says_so(qke_sim, run):
    change(run / "summary.json", '"qke": "', '"qke": "0.0.')

    done = qke_sim("replay", "run")

    assert done.returncode == 0
    assert re.match(r"note: The run folder was written by qke 0\.0\.\S+, this is qke \S+\.", done.stderr)


def test_replay_as_json(qke_sim, run):
    change(run / "trace.jsonl", '"version":"1.16.7"', '"version":"1.16.8"')

    done = qke_sim("replay", "run", "--json")

    said = json.loads(done.stdout)
    assert (done.returncode, said["same"]) == (1, False)
    assert said["difference"]["saved"]["data"] == {"version": "1.16.8"}
    assert said["difference"]["now"]["data"] == {"version": "1.16.7"}


def test_why_tells_the_chain_of_causes_oldest_first(qke_sim, run):
    records = [json.loads(line) for line in (run / "trace.jsonl").read_text(encoding="utf-8").splitlines()]
    gone = next(record for record in records if record["kind"] == "api.unavailable")

    done = qke_sim("why", "run", str(gone["seq"]))

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert re.fullmatch(r" +#0  00:00:00    the run of upgrade-single-master began with seed 7", lines[0])
    assert re.match(rf" *#{gone['seq']}  00:\d\d:\d\d  ↳ users of shop find no API server", lines[-1])
    assert all(len(line) <= 80 for line in lines)
    chain = json.loads(qke_sim("why", "run", str(gone["seq"]), "--json").stdout)
    assert [link["cause"] for link in chain[1:]] == [link["seq"] for link in chain[:-1]]
    assert chain[-1]["data"] == gone["data"]


def test_why_of_a_record_that_is_not_there_exits_2(qke_sim, run):
    done = qke_sim("why", "run", "99999")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error[trace.no-record]: The trace has no record 99999\n  hint: give a number from 0")


def test_a_damaged_trace_exits_2(qke_sim, run):
    change(run / "trace.jsonl", '"seq"', '"sequence"')

    done = qke_sim("why", "run", "3")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error[run.trace-damaged]: Line 1 of trace.jsonl is no trace record\n")


def test_a_record_that_is_its_own_cause_exits_2(qke_sim, run):
    path = run / "trace.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[3] = re.sub(r'"cause":\d+', '"cause":3', lines[3])
    path.write_text("".join(lines), encoding="utf-8")

    done = qke_sim("why", "run", "3")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error[run.trace-damaged]: Record 3 of the trace names 3 as its cause")

"""`qke-sim run`, as a person and as a script see it."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

SCENARIOS = Path(__file__).parents[2] / "scenarios"
BROKEN = """
expect:
  - {eventually: 'upgrade.status == "done"'}
  - {never: '!shop.api.available'}
  - {at_end: 'shop.version == "1.0.1"'}
"""


def test_a_run_that_holds_tells_everything_and_exits_0(qke_sim, tmp_path):
    done = qke_sim("run", SCENARIOS / "upgrade.yaml")

    assert done.returncode == 0, done.stderr
    talk, data = done.stderr, done.stdout
    assert talk.startswith("upgrade, seed 7, virtual time from 2020-06-01T01:00:00+08:00\n")
    assert re.search(r"^Plan for shop: 1\.0\.1 → 2\.0\.0 +\S+ to \S+$", talk, re.MULTILINE)
    assert "  preflight for 2.0.0: " in talk
    assert re.search(r"^\d\d:\d\d:\d\d  master1     control-plane  done in \S+$", talk, re.MULTILINE)
    assert re.search(r"^\d\d:\d\d:\d\d  shop        version: 1\.0\.1 → 2\.0\.0$", talk, re.MULTILINE)
    assert re.search(r"^\d\d:\d\d:\d\d  upgrade     done: reached 2\.0\.0 in \S+$", talk, re.MULTILINE)
    headings = re.findall(r"^(?:Phases|Actions|What users felt|Expectations)$", data, re.MULTILINE)
    assert headings == ["Phases", "Actions", "What users felt", "Expectations"]
    assert "P prepare  M control-plane  K kubelet  W cluster-wide" in data
    assert "  API       0 s\n  DNS       0 s\n  console   0 s\n  shop/web  0 s\n" in data
    assert '  ✓ eventually upgrade.status == "done" within 2h10m\n' in data
    assert "8 expectations held; 01:" in data
    (folder,) = (tmp_path / "runs").iterdir()
    assert {"scenario.yaml", "trace.jsonl", "metrics.parquet", "summary.json", "report.html"} <= {
        path.name for path in folder.iterdir()
    }
    assert (
        f"run folder  runs/{folder.name}\nreport      runs/{folder.name}/report.html\nnext        qke-sim why" in data
    )
    assert hashlib.sha256((folder / "trace.jsonl").read_bytes()).hexdigest()[:16] in data


def test_every_line_fits_80_columns_and_has_no_colour_in_a_pipe(qke_sim):
    done = qke_sim("run", SCENARIOS / "upgrade-master-crash.yaml")

    assert done.returncode == 0, done.stderr
    assert [line for line in (done.stdout + done.stderr).splitlines() if len(line) > 80] == []
    assert "\x1b" not in done.stdout + done.stderr


def test_a_row_of_the_chart_per_node_and_phases_in_order(qke_sim, small):
    done = qke_sim("run", small)

    chart = done.stdout.partition("Phases\n")[2].partition("P prepare")[0].splitlines()
    assert re.fullmatch(r" +\|00:00( +\|\d\d:\d\d)+", chart[0])
    rows = {line.split()[0]: line for line in chart[1:]}
    assert list(rows) == ["master1", "node_perf1", "node_perf2", "client1", "KubeSphere", "API"]
    assert re.fullmatch(r"master1 +P━+MW[━┄]+S", rows["master1"])
    assert re.fullmatch(r"client1 +C[━┄]+", rows["client1"])
    assert "█" in rows["API"]


def test_a_broken_expectation_shows_when_and_which_values_and_exits_1(qke_sim, small):
    small.write_text(small.read_text(encoding="utf-8") + BROKEN, encoding="utf-8")

    done = qke_sim("run", small)

    assert done.returncode == 1
    said = done.stdout.partition("Expectations\n")[2]
    assert said.startswith('  ✓ eventually upgrade.status == "done"\n  ✗ never !shop.api.available\n')
    assert re.search(r"^    00:\d\d:\d\d  was true\n {14}shop\.api\.available = false$", said, re.MULTILINE)
    assert re.search(r'^    01:\d\d:\d\d  was false at the end\n {14}shop\.version = "2\.0\.0"$', said, re.MULTILINE)
    assert "2 of 3 expectations broken; " in said
    assert re.search(r"^00:\d\d:\d\d  #2 +expectation 2 broken: was true$", done.stderr, re.MULTILINE)
    assert re.search(
        r"^  API +\S+ in 2 outages: 00:\d\d:\d\d for \S+, 00:\d\d:\d\d for \S+$", done.stdout, re.MULTILINE
    )


def test_the_record_named_for_why_is_what_broke_the_expectation(qke_sim, small):
    small.write_text(small.read_text(encoding="utf-8") + BROKEN, encoding="utf-8")
    done = qke_sim("run", small)
    command = re.search(r"qke-sim (why \S+ \d+)$", done.stdout, re.MULTILINE)
    assert command is not None

    last = qke_sim(*command.group(1).split()).stdout.splitlines()[-1]

    assert "users of shop find no API server" in last


def test_quiet_prints_the_verdict_and_the_broken_expectations_alone(qke_sim, small):
    small.write_text(small.read_text(encoding="utf-8") + BROKEN, encoding="utf-8")

    done = qke_sim("run", small, "--quiet")

    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"✗ small: 2 of 3 expectations broken, seed 7, runs/small-7-[0-9a-f]{8}", lines[0])
    assert [line[:4] for line in lines[1:] if not line.startswith("    ")] == ["  ✗ ", "  ✗ "]


def test_json_is_the_summary_with_the_run_folder_and_stderr_is_silent(qke_sim, small, tmp_path):
    done = qke_sim("run", small, "--json", "--seed", "3", "--out", "somewhere/else")

    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    folder = tmp_path / said.pop("run")
    assert folder.parent == tmp_path / "somewhere" / "else"
    assert said == json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert said["seed"] == 3


def test_a_run_is_the_same_bytes_under_any_hash_seed_time_zone_and_locale(qke_sim, small, tmp_path):
    places = [
        {"PYTHONHASHSEED": "0", "TZ": "UTC", "LANG": "C"},
        {"PYTHONHASHSEED": "1", "TZ": "Asia/Shanghai", "LANG": "zh_CN.UTF-8", "LC_ALL": "zh_CN.UTF-8"},
    ]
    said = [qke_sim("run", small, "--out", f"out{number}", **place) for number, place in enumerate(places)]

    assert [done.returncode for done in said] == [0, 0]
    first, second = (done.stdout.replace("out1", "out0") for done in said)
    assert first == second
    assert said[0].stderr == said[1].stderr
    one, two = (next((tmp_path / f"out{number}").iterdir()) for number in range(2))
    assert one.name == two.name
    for name in ("trace.jsonl", "summary.json", "report.html", "metrics.parquet"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_an_encoding_without_the_marks_gets_ascii(qke_sim, small):
    text = small.read_text(encoding="utf-8").replace("{name: small}", "{name: small, description: 升级 1.0.1}")
    small.write_text(text + BROKEN, encoding="utf-8")

    done = qke_sim("run", small, PYTHONIOENCODING="ascii")
    as_json = qke_sim("run", small, "--json", PYTHONIOENCODING="ascii")

    assert done.returncode == 1
    assert (done.stdout + done.stderr).isascii()
    assert "  ok eventually " in done.stdout
    assert "  XX never " in done.stdout
    assert "P===" in done.stdout
    assert json.loads(as_json.stdout)["description"] == "升级 1.0.1"


def test_the_c_locale_does_not_crash(qke_sim, small):
    assert qke_sim("run", small, LANG="C", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0").returncode == 0


@pytest.mark.parametrize("changes", [{"NO_COLOR": "1", "FORCE_COLOR": "1"}, {"FORCE_COLOR": "1"}])
def test_no_color_wins_over_everything(qke_sim, small, changes):
    words = [] if "NO_COLOR" in changes else ["--no-color"]

    done = qke_sim("run", small, *words, TERM="xterm-256color", **changes)

    assert "\x1b" not in done.stdout + done.stderr


def test_colour_is_there_when_it_is_wanted(qke_sim, small):
    assert "\x1b[" in qke_sim("run", small, TERM="xterm-256color", FORCE_COLOR="1").stdout


def test_a_refused_upgrade_touches_no_node(qke_sim):
    done = qke_sim("run", SCENARIOS / "upgrade-low-disk.yaml")

    assert done.returncode == 0, done.stderr
    assert "Phases\nNo service ran on a node.\n" in done.stdout
    assert "    blocker  node_perf2 has 40960 MB free on /data" in done.stderr


def test_a_long_plan_shows_each_hop_and_only_what_is_felt(qke_sim):
    done = qke_sim("run", SCENARIOS / "upgrade-disk-runs-out.yaml")

    hops = re.findall(r"^  hop (\d)  (\S+) → (\S+) +\S+ to \S+$", done.stderr, re.MULTILINE)
    assert hops[0] == ("1", "1.0.1", "2.0.0")
    assert hops[-1][2] == "3.3.0"
    assert all(before[2] == after[1] for before, after in pairwise(hops))
    plan = done.stderr.partition("Plan for")[2].partition("preflight")[0]
    assert "Platform checks every node" not in plan
    assert plan.count("KubeSphere pods are replaced") == 1


def test_a_closed_pipe_ends_the_run_in_silence(qke_sim, small, tmp_path):
    program = f"{sys.executable} -m qke_cli.sim run {small} 2>/dev/null | true; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(["bash", "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() in ("141", "0")  # 0 when everything was written before the reader left
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_an_interrupted_run_says_how_far_it_came_and_leaves_no_folder(small, tmp_path):
    many = range(10)  # More than a second of work after the first line.
    big = "{count: 3, volume: 300GiB}"
    roles = f"{{master: {big}, node_perf: {big}}}"
    clusters = "".join(f"    - {{name: c{n}, version: 1.0.1, roles: {roles}}}\n" for n in many)
    timeline = "".join(f"  - {{name: u{n}, at: 10m, cluster: c{n}, upgrade: {{to: 3.3.0}}}}\n" for n in many)
    head = small.read_text(encoding="utf-8").partition("    - {name")[0]
    small.write_text(f"{head}{clusters}timeline:\n{timeline}", encoding="utf-8")
    run = subprocess.Popen(
        [sys.executable, "-m", "qke_cli.sim", "run", str(small)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        # A test run in the background ignores SIGINT, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )
    with run:
        assert run.stderr is not None
        assert run.stdout is not None
        for line in run.stderr:
            if line.startswith("00:10:00"):
                break
        run.send_signal(signal.SIGINT)
        said, data = run.stderr.read(), run.stdout.read()

    assert run.returncode == 130
    assert re.search(r"^Stopped at virtual \d\d:\d\d:\d\d; no run folder was written\.\n\Z", said, re.MULTILINE)
    assert data == ""
    assert list((tmp_path / "runs").iterdir()) == []

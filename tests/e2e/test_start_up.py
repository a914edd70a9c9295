"""Help, version, completion: what must be quick and always work."""

from __future__ import annotations

import subprocess
import sys

import pytest

COMMANDS = [["run"], ["replay"], ["why"], ["measures"], ["reach"], ["schema"], ["new"], ["new", "scenario"]]
HEAVY = {
    "numpy",
    "simpy",
    "pyarrow",
    "kubernetes",
    "pydantic",
    "networkx",
    "rich",
    "ruamel",
    "cel_expr_python",
    "qke_sim",
}


QKE_COMMANDS = ["validate", "plan", "cost", "catalog", "explain", "schema", "new", "new cluster", "new world"]


def loaded(words: list[str], module: str = "qke_cli.sim", **changes: str) -> set[str]:
    """Return the top-level modules that a command line has loaded when it is done."""
    program = (
        f"import sys; from {module} import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=changes or None,
    )
    return set(done.stdout.rpartition("LOADED ")[2].split())


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"], []], ids=" ".join)
def test_help_loads_nothing_heavy(words):
    assert loaded(words) & HEAVY == set()


@pytest.mark.parametrize("words", [["--help"], ["plan", "--help"], ["--version"], []], ids=" ".join)
def test_help_of_qke_loads_nothing_heavy(words):
    assert loaded(words, "qke_cli.qke") & HEAVY == set()


@pytest.mark.parametrize("word", QKE_COMMANDS)
def test_every_command_of_qke_has_help_with_an_example_in_80_columns(qke, word):
    done = qke(*word.split(), "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert f"Example: qke {word}" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_in_80_columns(qke_sim, words):
    done = qke_sim(*words, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert f"Example: qke-sim {' '.join(words)}" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


def test_alone_it_prints_help(qke_sim):
    done = qke_sim()

    assert (done.returncode, done.stdout) == (0, qke_sim("--help").stdout)
    assert done.stdout.startswith("Usage: qke-sim [OPTIONS] COMMAND")
    assert "..." not in done.stdout.partition("Commands:")[2], "a summary is cut off"


def test_version(qke_sim):
    from importlib.metadata import version

    assert qke_sim("--version").stdout == f"qke-sim {version('qke')}\n"


def complete(qke_sim, line: str) -> list[str]:
    words = line.split(" ")
    return qke_sim(
        _QKE_SIM_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1)
    ).stdout.splitlines()


def test_the_shell_completes_commands_scenarios_runs_and_schemas(qke_sim, tmp_path):
    for name in ("scenarios/up.yaml", "scenarios/up.txt", "runs/up-7-12345678/summary.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")

    assert complete(qke_sim, "qke-sim re") == ["replay", "reach"]
    assert complete(qke_sim, "qke-sim run s") == ["scenarios/up.yaml"]
    assert complete(qke_sim, "qke-sim why ") == ["runs/up-7-12345678"]
    assert complete(qke_sim, "qke-sim schema ") == ["scenario", "world", "cluster", "prices", "plan"]
    assert "--seed" in complete(qke_sim, "qke-sim run --s")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_shown_and_installed(qke_sim, tmp_path, shell):
    unasked = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}

    shown = qke_sim("--show-completion", shell, **unasked)
    installed = qke_sim("--install-completion", shell, **unasked)

    assert (shown.returncode, installed.returncode) == (0, 0), shown.stderr + installed.stderr
    assert "_QKE_SIM_COMPLETE" in shown.stdout
    written = [path for path in tmp_path.rglob("*") if path.is_file() and "qke-sim" in path.name]
    assert len(written) == 1
    assert shown.stdout.strip() in written[0].read_text(encoding="utf-8")

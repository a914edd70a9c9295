"""`main` from words to exit status, in this process: what cannot be provoked from outside, or not as fast."""

from __future__ import annotations

import errno
import os

import pytest

from qke_cli import failure
from qke_cli.commands import run as run_command
from qke_cli.render.progress import Progress
from qke_cli.sim import main
from qke_core.errors import InvariantError, RefusedError, StuckError

SMALL = """\
apiVersion: qke/v1
kind: Scenario
metadata: {name: small}
seed: 7
world:
  zone: pek3
  clusters:
    - {name: shop, version: 1.0.1, express: DevTest}
timeline:
  - {at: 10m, cluster: shop, upgrade: {to: 2.0.0}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("QKE_DEBUG", raising=False)
    (tmp_path / "small.yaml").write_text(SMALL, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["run", "nope.yaml"], "file.missing"),
        (["run", "."], "file.unreadable"),
        (["measures", "nope.yaml"], "file.missing"),
        (["replay", "runs/nope"], "run.missing"),
        (["why", "runs/nope", "3"], "run.missing"),
        (["replay", "."], "run.incomplete"),
        (["schema", "scenaro"], "schema.unknown"),
        (["new", "scenario", "no/such/folder.yaml"], "output.unwritable"),
    ],
)
def test_what_is_not_there_exits_2(words, code, capsys):
    assert main(words) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error[{code}]: ")


def test_ctrl_c_in_the_middle_says_how_far_and_leaves_no_folder(monkeypatch, capsys, folder):
    tell = Progress.__call__

    def tell_then_stop(self: Progress, record):
        tell(self, record)
        if self.now > 30 * 60_000:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "__call__", tell_then_stop)

    assert main(["run", "small.yaml"]) == 130

    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("Stopped at virtual 00:")
    assert err.endswith("; no run folder was written.\n")
    assert list((folder / "runs").iterdir()) == []


def test_ctrl_c_while_the_folder_is_written_leaves_none(monkeypatch, capsys, folder):
    def interrupt(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)

    assert main(["run", "small.yaml", "-q"]) == 130
    assert list((folder / "runs").iterdir()) == []
    assert "no run folder was written" in capsys.readouterr().err


def test_a_full_disk_exits_4_and_leaves_nothing(monkeypatch, capsys, folder):
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    assert main(["run", "small.yaml", "-q"]) == 4

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error[output.full]: The disk of 'runs' is full")
    assert list((folder / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RefusedError("a.b", "Not so", "do that"), 3),
        (StuckError("a.b", "Too late", "wait"), 5),
        (InvariantError("a.b", "Our fault", "report it"), 70),
    ],
)
def test_the_branch_of_an_error_decides_the_exit_status(monkeypatch, capsys, error, status):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(run_command, "run_story", fail)

    assert main(["run", "small.yaml", "--seed", "9", "-q"]) == status
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == [f"error[a.b]: {error.sentence}", f"  hint: {error.remedy}"]
    repeat = "  repeat: qke-sim run small.yaml --seed 9 -q"
    assert (repeat in lines, "  seed 9, virtual time 00:00:00" in lines) == ((status == 70),) * 2


def test_a_bug_is_a_short_message_that_can_be_reported(monkeypatch, capsys):
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(run_command, "run_story", fail)

    assert main(["run", "small.yaml", "-q"]) == 70
    err = capsys.readouterr().err
    assert err.startswith("error[internal]: Something unexpected happened: ZeroDivisionError: division by zero\n")
    assert "  repeat: qke-sim run small.yaml -q\n" in err
    assert "Traceback" not in err

    monkeypatch.setenv("QKE_DEBUG", "1")
    assert main(["run", "small.yaml", "-q"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_who_left_is_no_error(capsys):
    def left() -> int:
        raise BrokenPipeError

    forget, failure._forget_stdout = failure._forget_stdout, lambda: None
    try:
        assert failure.guard(left, []) == 141
    finally:
        failure._forget_stdout = forget
    assert capsys.readouterr() == ("", "")


def test_a_run_without_timeline_or_expectations_is_still_a_run(capsys, folder):
    (folder / "bare.yaml").write_text(SMALL.partition("timeline")[0], encoding="utf-8")

    assert main(["run", "bare.yaml"]) == 0

    out, _ = capsys.readouterr()
    assert "No service ran on a node." in out
    assert "nothing was expected; " in out

"""A run folder is on the disk whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from qke_adapters import run_store
from qke_core.errors import InputError, RemoteError

FILES = {"scenario.yaml": b"a: 1\n", "manifests/web.yaml": b"b: 2\n", "summary.json": b"{}\n"}


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_folder_holds_exactly_its_files(tmp_path: Path) -> None:
    place = run_store.write_run(tmp_path, "run-1", FILES)
    assert names(tmp_path) == [
        "run-1",
        "run-1/manifests",
        "run-1/manifests/web.yaml",
        "run-1/scenario.yaml",
        "run-1/summary.json",
    ]
    assert {name: (place / name).read_bytes() for name in FILES} == FILES
    assert run_store.read_text(place, "scenario.yaml") == "a: 1\n"


def test_a_folder_of_the_same_name_is_replaced_whole(tmp_path: Path) -> None:
    run_store.write_run(tmp_path, "run-1", {**FILES, "old.txt": b"x"})
    run_store.write_run(tmp_path, "run-1", FILES)
    assert "run-1/old.txt" not in names(tmp_path)
    assert [name for name in names(tmp_path) if name.startswith(".")] == []


@pytest.mark.parametrize("number", range(1, 4))
@pytest.mark.parametrize(
    ("failure", "expected", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), RemoteError, "output.full"),
        (OSError(errno.EACCES, "Permission denied"), InputError, "output.unwritable"),
        (KeyboardInterrupt(), KeyboardInterrupt, ""),
    ],
)
def test_a_failure_at_any_file_leaves_nothing_behind(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    failure: BaseException,
    expected: type[BaseException],
    code: str,
) -> None:
    written = 0
    sync = os.fsync

    def fail(handle: int) -> None:
        nonlocal written
        written += 1
        if written == number:
            raise failure
        sync(handle)

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(expected) as caught:
        run_store.write_run(tmp_path, "run-1", FILES)
    assert code in str(caught.value)
    assert names(tmp_path) == []


def test_the_old_folder_survives_a_failed_replacement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = run_store.write_run(tmp_path, "run-1", FILES)

    def fail(handle: int) -> None:
        _ = handle
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(RemoteError):
        run_store.write_run(tmp_path, "run-1", {"scenario.yaml": b"new"})
    assert {name: (place / name).read_bytes() for name in FILES} == FILES


def test_a_place_that_cannot_be_written_is_found_before_any_work(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(InputError) as caught:
        run_store.require_writable(blocked / "runs")
    assert caught.value.code == "output.unwritable"
    run_store.require_writable(tmp_path / "new" / "runs")
    assert names(tmp_path / "new") == ["runs"]


def test_a_folder_that_is_missing_or_incomplete_says_so(tmp_path: Path) -> None:
    for folder, code in ((tmp_path / "nowhere", "run.missing"), (tmp_path, "run.incomplete")):
        with pytest.raises(InputError) as caught:
            run_store.read_text(folder, "summary.json")
        assert caught.value.code == code

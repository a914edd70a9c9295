"""Run folders on a real disk: written whole or not at all.

A folder is made under a hidden name beside its place, every file is synced, and only then it gets its name. Whoever
looks sees a complete folder or none: an interruption, a full disk or a power cut leaves at most a hidden remainder,
which the next run removes.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from qke_core.errors import InputError, RemoteError

PARTIAL_PREFIX = ".partial-"


def require_writable(parent: Path) -> None:
    """See that run folders can be made in `parent`, making it if need be, before any work is done.

    Raises:
        InputError: `output.unwritable` with the reason.
    """
    probe = parent / f"{PARTIAL_PREFIX}probe-{os.getpid()}"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        probe.mkdir()
        probe.rmdir()
    except OSError as exc:
        raise _unwritable(parent, exc) from exc


def write_run(parent: Path, name: str, files: Mapping[str, bytes]) -> Path:
    """Write a run folder; return its path. A folder of the same name is replaced.

    Raises:
        InputError: `output.unwritable`.
        RemoteError: `output.full` when the disk is full; nothing is left behind.
    """
    partial = parent / f"{PARTIAL_PREFIX}{name}"
    place = parent / name
    try:
        shutil.rmtree(partial, ignore_errors=True)
        for relative, content in files.items():
            _write_file(partial / PurePosixPath(relative), content)
        _sync_folder(partial)
        _swap(partial, place)
        _sync_folder(parent)
    except OSError as exc:
        shutil.rmtree(partial, ignore_errors=True)
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RemoteError(
                "output.full",
                f"The disk of {str(parent)!r} is full; the run folder was not written",
                "free some space, or give another folder with --out",
                retry=True,
            ) from exc
        raise _unwritable(parent, exc) from exc
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return place


def read_text(folder: Path, name: str) -> str:
    """Return the text of one file of a run folder.

    Raises:
        InputError: `run.missing` when there is no such folder, `run.incomplete` when it lacks the file.
    """
    if not folder.is_dir():
        raise InputError("run.missing", f"There is no run folder {str(folder)!r}", "give the folder that a run printed")
    try:
        return (folder / PurePosixPath(name)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        sentence = f"{str(folder)!r} is no complete run folder: {name} cannot be read"
        raise InputError("run.incomplete", sentence, "run the scenario again") from exc


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _swap(partial: Path, place: Path) -> None:
    """Give the new folder its name; an old one of that name steps aside first."""
    if place.exists():
        old = place.with_name(f"{PARTIAL_PREFIX}old-{place.name}")
        shutil.rmtree(old, ignore_errors=True)
        place.rename(old)
        try:
            partial.rename(place)
        except BaseException:
            old.rename(place)
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        partial.rename(place)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(parent: Path, exc: OSError) -> InputError:
    return InputError(
        "output.unwritable",
        f"No run folder can be written in {str(parent)!r}: {exc.strerror}",
        "give a folder of yours with --out",
    )

"""Single files, whole or not at all: written beside their place, flushed to disk, then moved."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from qke_core.errors import InputError


def write_text(path: Path, text: str) -> None:
    """Write a text file; what was there before is replaced only when the new one is complete.

    Raises:
        InputError: `output.unwritable`.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        with partial.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as exc:
        with contextlib.suppress(OSError):
            partial.unlink()
        sentence = f"{str(path)!r} cannot be written: {exc.strerror}"
        raise InputError("output.unwritable", sentence, "give another path") from exc

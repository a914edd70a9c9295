"""What the shell offers at the tab key. Standard library only: a key press waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

SCHEMAS = ("scenario", "world", "cluster", "prices", "plan")
PARTS = ("versions", "roles", "parameters", "storage", "zones")
_YAML = (".yaml", ".yml")


def schemas(incomplete: str) -> list[str]:
    """Offer the kinds of documents."""
    return [name for name in SCHEMAS if name.startswith(incomplete)]


def parts(incomplete: str) -> list[str]:
    """Offer the parts of the catalogue."""
    return [name for name in PARTS if name.startswith(incomplete)]


def scenarios(incomplete: str) -> list[str]:
    """Offer YAML files, and folders on the way to them."""
    return _descend(incomplete, lambda path: path.suffix in _YAML)


def runs(incomplete: str) -> list[str]:
    """Offer run folders; without a beginning, those in `runs/`."""
    start = incomplete or ("runs/" if Path("runs").is_dir() else "")
    return _descend(start, lambda path: (path / "summary.json").is_file())


def _descend(incomplete: str, fits: Callable[[Path], bool]) -> list[str]:
    """List what fits; where a single folder is all there is, look into it at once: a shell adds a space otherwise."""
    while True:
        found = list(_list(incomplete, fits))
        if len(found) != 1 or not found[0].endswith("/") or found[0] == incomplete:
            return found
        incomplete = found[0]


def _list(incomplete: str, fits: Callable[[Path], bool]) -> Iterable[str]:
    begin = incomplete.rpartition("/")[2]
    prefix = incomplete[: len(incomplete) - len(begin)]
    try:
        entries = sorted(Path(prefix or ".").iterdir())
    except OSError:
        return
    for entry in entries:
        hidden = entry.name.startswith(".") and not begin.startswith(".")
        if hidden or not entry.name.startswith(begin):
            continue
        if fits(entry):
            yield f"{prefix}{entry.name}"
        elif entry.is_dir() and not entry.name.startswith("__"):
            yield f"{prefix}{entry.name}/"

"""`schema`, `measures` and `new`: what can be written, and files to start from."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path
from typing import Final

from pydantic import BaseModel
from rich.text import Text

from qke_cli.commands.run import load
from qke_cli.complete import SCHEMAS
from qke_cli.screen import Screen, pad
from qke_core.billing import PriceBook
from qke_core.errors import InputError
from qke_core.models import ClusterDocument, WorldDocument
from qke_core.plan.form import SCHEMA
from qke_core.suggest import did_you_mean
from qke_sim.kernel import Kernel
from qke_sim.scenario import Scenario

_MODELS: Final[dict[str, type[BaseModel]]] = {
    "scenario": Scenario,
    "world": WorldDocument,
    "cluster": ClusterDocument,
    "prices": PriceBook,
}
_NEXT: Final = {"scenario": "qke-sim run", "cluster": "qke validate", "world": "qke validate"}
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def print_schema(kind: str) -> int:
    """Print a document's JSON Schema."""
    Screen(sys.stdout).data(json_schema(kind))
    return 0


def json_schema(kind: str) -> dict[str, object]:
    """Return the JSON Schema of a kind of document.

    Raises:
        InputError: `schema.unknown`.
    """
    if kind == "plan":
        return {"$schema": _DIALECT, "title": "QKE plan", **SCHEMA}
    if kind not in _MODELS:
        raise InputError("schema.unknown", f"There is no schema {kind!r}", did_you_mean(kind, SCHEMAS))
    schema = _MODELS[kind].model_json_schema(by_alias=True)
    return {"$schema": _DIALECT, "title": f"QKE {kind}", **{k: v for k, v in schema.items() if k != "title"}}


def list_measures(scenario: Path, *, as_json: bool, plain: bool) -> int:
    """List what expectations of a scenario may name."""
    story = load(scenario)
    board = story.board(story.twin(Kernel(story.scenario.seed)))
    measures = list(board.measures.values())
    screen = Screen(sys.stdout, plain=plain)
    if as_json:
        screen.data([{"name": measure.name, "type": measure.type, "about": measure.about} for measure in measures])
        return 0
    wide = max(len(measure.name) for measure in measures)
    for measure in measures:
        lead = Text.assemble(pad(measure.name, wide), (f"  {measure.type:<8}  ", "cyan"))
        screen.hang(lead, Text(measure.about, style="dim"))
    return 0


def write_starter(kind: str, path: Path, *, force: bool) -> int:
    """Write the starter file of a kind, or print it when the path is `-`."""
    text = files("qke_cli").joinpath("templates", f"{kind}.yaml").read_text(encoding="utf-8")
    if str(path) == "-":
        sys.stdout.write(text)
        return 0
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as exc:
        raise InputError("output.exists", f"{str(path)!r} is there already", "give another path, or --force") from exc
    except OSError as exc:
        sentence = f"{str(path)!r} cannot be written: {exc.strerror}"
        raise InputError("output.unwritable", sentence, "give another path") from exc
    Screen(sys.stderr).say(f"Wrote {path}. Next: {_NEXT[kind]} {path}")
    return 0

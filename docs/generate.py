"""Writes the pages that are made from the code: `make docs`. A test sees that they are up to date.

* docs/fidelity.md: every number and rule of the catalogue with its basis and source.
* docs/reference/trace.md: every kind of trace record.
* docs/reference/measurements.md: every measurement, for a world with one cluster.
* docs/reference/{scenario,world,cluster,prices,plan}.schema.json: what editors and programs check files against.
* what the modules in docs/parts/ make: parameters, storage, laws, timeline, faults, actions of the cloud door, coverage
  of the guide, the scenario library, diagrams of statuses.
"""

from __future__ import annotations

import json
import runpy
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from qke_cli.commands.describe import json_schema
from qke_cli.complete import SCHEMAS
from qke_core.catalog import Basis, Duration, catalog, ledger
from qke_core.units import render_rough
from qke_sim.kernel import Kernel
from qke_sim.scenario import load_story
from qke_sim.trace import KINDS

DOCS = Path(__file__).parent
ROOT = DOCS.parent
GENERATED = "<!-- Made by docs/generate.py from the code: change that, then `make docs`. -->\n"


def pages() -> Mapping[str, str]:
    """Return every generated page, by its path below docs/."""
    schemas = {f"reference/{kind}.schema.json": json.dumps(json_schema(kind), indent=1) + "\n" for kind in SCHEMAS}
    return {
        "fidelity.md": "\n".join(fidelity()) + "\n",
        "reference/trace.md": "\n".join(trace()) + "\n",
        "reference/measurements.md": "\n".join(measurements()) + "\n",
        "reference/parameters.md": GENERATED + "\n" + part("parameters", "render_parameter_reference"),
        "reference/storage.md": part("storage"),
        "reference/laws.md": part("laws"),
        "reference/guide.md": part("guide"),
        "reference/timeline.md": part("timeline"),
        "reference/faults.md": part("faults"),
        "reference/cloud-actions.md": part("actions"),
        "guides/scenarios.md": part("scenarios"),
        "rules/lifecycle.md": diagrams(),
        **schemas,
    }


def part(name: str, function: str = "lines") -> str:
    """Return a page that a module of docs/parts/ makes. The modules are found by path: docs is no package."""
    return "\n".join(runpy.run_path(str(DOCS / "parts" / f"{name}.py"))[function]()) + "\n"


def diagrams() -> str:
    """Return the page of statuses with its diagrams drawn anew; the rest of the page is written by hand."""
    page = (DOCS / "rules" / "lifecycle.md").read_text(encoding="utf-8")
    return str(runpy.run_path(str(DOCS / "parts" / "lifecycle.py"))["fill"](page))


def fidelity() -> Iterator[str]:
    """Yield the lines of the ledger."""
    entries = list(ledger())
    count = Counter(entry.basis for entry in entries)
    yield GENERATED
    yield "# Fidelity: what is known, what is inferred, what is a guess"
    yield ""
    yield "Every number and rule that the twin uses stands in the catalogue (`qke_core/catalog/`) with its"
    yield "source and its basis. *Documented*: the product's definition, scripts or guide say it. *Derived*: it"
    yield "follows from what they say. *Assumed*: nothing public tells, so we chose something plausible."
    yield ""
    yield "| basis | entries |"
    yield "| --- | ---: |"
    for basis in Basis:
        yield f"| {basis} | {count[basis]} |"
    yield ""
    yield "What the twin gets wrong, and by how much, is on the page [critique](concepts/critique.md)."
    yield ""
    yield "## Durations"
    yield ""
    yield "Nearly all durations are assumed, as one profile (`default`): the product publishes only totals. They were"
    yield "chosen so that the guide's case, an HA cluster going from 1.0.1 to 2.0.0, takes the 1 to 2 hours"
    yield "that the guide states (G-146). *Alike*: the nodes of one cluster share one draw and differ from it"
    yield "by at most so many percent."
    yield ""
    yield "| duration | shortest | most likely | longest | alike | what it is |"
    yield "| --- | ---: | ---: | ---: | ---: | --- |"
    yield from (_duration(duration) for duration in catalog().durations.values())
    for basis in (Basis.ASSUMED, Basis.DERIVED, Basis.DOCUMENTED):
        yield ""
        yield f"## Everything else that is {basis}"
        yield ""
        yield "| file | entry | source |"
        yield "| --- | --- | --- |"
        for entry in entries:
            if entry.basis is basis and entry.file != "durations.toml":
                yield f"| {entry.file} | {_cell(entry.name)} | {_cell(entry.source)} |"


def trace() -> Iterator[str]:
    """Yield the lines of the page on trace records."""
    yield GENERATED
    yield "# Trace records"
    yield ""
    yield "A run's `trace.jsonl` holds one JSON object per line: `t` (virtual milliseconds), `seq` (counts from"
    yield "0), `kind`, `subject`, `cause` (the `seq` of the record that led to this one, null only for the"
    yield "first) and `data`. The kinds are a closed list. Words in braces are the record's subject and data."
    yield "*Brief* kinds are kept at level `summary` too."
    yield ""
    yield "| kind | what it says | brief |"
    yield "| --- | --- | :---: |"
    for name, kind in KINDS.items():
        yield f"| `{name}` | {_cell(kind.sentence)} | {'yes' if kind.brief else ''} |"


def measurements() -> Iterator[str]:
    """Yield the lines of the page on measurements."""
    story = load_story(ROOT / "scenarios" / "upgrade.yaml")
    board = story.board(story.twin(Kernel(0)))
    yield GENERATED
    yield "# Measurements"
    yield ""
    yield "What expectations and triggers may name. Names follow the scenario: this is the list for"
    yield "`scenarios/upgrade.yaml`, with a cluster `shop`, an action `upgrade` and the workloads `web` and"
    yield "`db`. In names, `_` stands for `-`. `qke-sim measures SCENARIO` prints the list of any scenario."
    yield ""
    yield "| measurement | type | meaning |"
    yield "| --- | --- | --- |"
    for measure in board.measures.values():
        yield f"| `{measure.name}` | {measure.type} | {_cell(measure.about)} |"


def _duration(duration: Duration) -> str:
    alike = "" if duration.spread_percent is None else f"±{duration.spread_percent} %"
    times = " | ".join(render_rough(ms) for ms in (duration.min_ms, duration.mode_ms, duration.max_ms))
    return f"| `{duration.name}` | {times} | {alike} | {_cell(duration.note)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / name).write_text(text, encoding="utf-8")

"""The diagrams of docs/rules/lifecycle.md, drawn from the tables of `qke_core.lifecycle`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from qke_core.lifecycle import BY_ITSELF, INSTANCES, JOBS, NODES, SNAPSHOTS, TABLE, VOLUMES, Move, Transition

BEGIN, END = "<!-- generated: lifecycle -->", "<!-- end -->"


def fill(page: str) -> str:
    """Return the page with the part between the two markers written anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{chr(10).join(lines())}\n\n{END}{after}"


def lines() -> Iterator[str]:
    """Yield the lines of the table of operations and of the diagrams."""
    yield "### Cluster"
    yield ""
    yield from _table()
    yield ""
    yield from diagram(_edges(TABLE.values()), ("absent",), ("ceased",), _moves(BY_ITSELF))
    yield ""
    yield "In (brackets): what no action of the API asks for; the platform or its console does it."
    yield ""
    yield "### Node of a cluster"
    yield ""
    yield from diagram(_moves(NODES, "{}"), ("pending",), ("ceased",))
    yield ""
    yield "### Instance"
    yield ""
    yield from diagram(_edges(INSTANCES.values()), (), ("ceased",), (("[*]", "running", "run"),))
    yield ""
    yield "### Volume"
    yield ""
    yield from diagram(_edges(VOLUMES.values()), (), ("ceased",), (("[*]", "available", "create"),))
    yield ""
    yield "### Snapshot"
    yield ""
    yield from diagram(_edges(SNAPSHOTS.values()), (), ("ceased",), (("[*]", "available", "create"),))
    yield ""
    yield "### Job"
    yield ""
    ends = [move.ends for move in JOBS if move.ends not in {other.starts for other in JOBS}]
    yield from diagram(_moves(JOBS, "{}"), ("pending",), ends)


def diagram(
    edges: Iterable[tuple[str, str, str]],
    begins: Sequence[str],
    ends: Sequence[str],
    more: Iterable[tuple[str, str, str]] = (),
) -> Iterator[str]:
    """Yield a state diagram in mermaid; edges of one pair of states share one arrow."""
    labels: dict[tuple[str, str], list[str]] = {}
    for start, end, label in (*edges, *more):
        labels.setdefault((start, end), []).append(label)
    yield "```mermaid"
    yield "stateDiagram-v2"
    names = dict.fromkeys(name for pair in labels for name in pair if name != "[*]")
    yield from (f'    state "{name}" as {_id(name)}' for name in names if name != _id(name))
    yield from (f"    [*] --> {_id(name)}" for name in begins)
    yield from (f"    {_id(start)} --> {_id(end)}: {', '.join(told)}" for (start, end), told in labels.items())
    yield from (f"    {_id(name)} --> [*]" for name in ends)
    yield "```"


def _id(name: str) -> str:
    return name.replace(" ", "_")


def _edges(found: Iterable[Transition[str]]) -> Iterator[tuple[str, str, str]]:
    for each in found:
        for start in each.starts_from:
            label = each.operation if each.action else f"({each.operation})"
            yield start, each.ends_in or start, label


def _moves(found: Iterable[Move[str]], form: str = "({})") -> Iterator[tuple[str, str, str]]:
    for move in found:
        yield move.starts, move.ends, form.format(move.why)


def _table() -> Iterator[str]:
    yield "| Operation | Action | From | Meanwhile | After | After a failure | Basis |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for found in TABLE.values():
        after = found.ends_in or "the same"
        failed = found.fails_to or "the same"
        basis = "assumed" if found.assumed else "documented"
        starts = ", ".join(found.starts_from)
        cells = (found.operation, f"`{found.action}`", starts, found.through, after, failed, basis)
        yield f"| {' | '.join(cells)} |"

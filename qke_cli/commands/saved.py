"""`qke-sim replay` and `qke-sim why`: what a run folder still tells."""

from __future__ import annotations

import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path

from qke_adapters.run_store import read_text
from qke_cli.render.records import record_json, render_chain, render_difference
from qke_cli.screen import Screen
from qke_sim.report.folder import read_folder, read_trace, replay
from qke_sim.trace import causes


def replay_run(run: Path, *, as_json: bool, plain: bool) -> int:
    """Run a saved run again; return 0 when it is the same to the byte, else 1."""
    saved = read_folder(partial(read_text, run))
    ours = version("qke")
    result, difference = replay(saved)
    screen = Screen(sys.stdout, plain=plain)
    if as_json:
        parts = (
            None
            if difference is None
            else {
                "seq": difference.seq,
                "saved": None if difference.saved is None else record_json(difference.saved),
                "now": None if difference.now is None else record_json(difference.now),
            }
        )
        screen.data(
            {
                "run": str(run),
                "same": difference is None,
                "records": result.record_count,
                "digest": result.digest,
                "written_by": saved.version,
                "replayed_by": ours,
                "difference": parts,
            }
        )
    elif difference is None:
        screen.say(f"same {result.record_count} records, digest {result.digest[:16]}")
    else:
        render_difference(screen, difference)
    if saved.version != ours and not as_json:
        note = f"The run folder was written by qke {saved.version}, this is qke {ours}."
        Screen(sys.stderr, plain=plain).hang("note: ", note)
    return 0 if difference is None else 1


def explain_record(run: Path, seq: int, *, as_json: bool, plain: bool) -> int:
    """Show what led to record `seq`."""
    chain = causes(read_trace(partial(read_text, run)), seq)
    screen = Screen(sys.stdout, plain=plain)
    if as_json:
        screen.data([record_json(record) for record in chain])
    else:
        render_chain(screen, chain)
    return 0

"""Quota used is what is alive: counted again from all things, beside what the World says is used elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.quota import Usage, usage_of
from qke_sim.checkers.finding import Finding
from qke_sim.twin import Twin


def check(twin: Twin) -> Iterator[Finding]:
    """Yield every type whose use is not what is alive."""
    allowance = twin.cloud.allowance
    alive = Usage.of(allowance.elsewhere) + usage_of(twin.cloud.store.counted().values())
    used = allowance.state()
    for kind in sorted({*alive, *used}):
        if alive.get(kind) != used.get(kind, 0):
            sentence = f"quota {kind} says {used.get(kind, 0)} is used, what is alive uses {alive.get(kind)}"
            yield Finding("check.quota", kind, sentence)

"""The recycle bin: what is thrown away can be had back for two hours and ceases then by itself.

Rule: guide G-166; yunify/qingcloud-docs, recycle bin.
"""

from __future__ import annotations

from collections.abc import Callable

from qke_core.catalog import operations
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.store import Thing


def throw_away(cloud: Cloud, thing: Thing, cause: int, status: str, cease: Callable[[int], object]) -> int:
    """Put a thing into the bin, as `status`, and have `cease` called when its time is over; return the record.

    The timer keeps no run alive. It does nothing once the thing is out of the bin, or while something goes on with it.
    """
    seq = cloud.store.change(thing, cause, status=status, transition_status="")
    thrown_ms, kernel = thing.status_ms, cloud.kernel

    def empty() -> None:
        if thing.status == status and thing.status_ms == thrown_ms and not thing.transition_status:
            cease(kernel.trace.add("recycle.emptied", thing.id, seq, what=thing.kind, label=thing.label))

    kernel.housekeeping(operations().constants["recycle_bin_s"] * 1000, empty)
    return seq

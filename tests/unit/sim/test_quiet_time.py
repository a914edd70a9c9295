"""Does time in which nothing changes cost nothing, however large the cluster?"""

from __future__ import annotations

from collections.abc import Callable

from qke_core.units import MS_PER_H
from qke_sim.kernel import Kernel
from qke_sim.twin import Twin

DAY_MS = 24 * MS_PER_H


def quiet(twin: Twin, days: int) -> tuple[int, int]:
    """Let days go by; return how many events they took and how many records they left."""
    kernel = twin.kernel
    kernel.later(days * DAY_MS, lambda: None)
    events, records = kernel.steps, kernel.trace.count
    kernel.run(kernel.now + days * DAY_MS)
    return kernel.steps - events, kernel.trace.count - records


def cluster(twin_of: Callable[..., Twin], kernel: Kernel, workers: int) -> Twin:
    roles = {"master": {"count": 3}, "node_perf": {"count": workers}}
    return twin_of(kernel, {"name": "shop", "version": "3.3.0", "roles": roles})


def test_a_month_without_anything_due_takes_one_event_for_its_end(
    new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin]
):
    twin = cluster(twin_of, new_kernel(), 60)
    quiet(twin, 1)
    assert quiet(twin, 30) == (1, 0)


def test_a_year_takes_what_its_certificates_take(new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin]):
    twin = cluster(twin_of, new_kernel(), 20)
    quiet(twin, 1)
    events, records = quiet(twin, 364)
    assert events < 100
    assert 0 < records < 100
    kinds = {record.kind for record in twin.kernel.trace.records}
    assert "certificates.renewed" in kinds

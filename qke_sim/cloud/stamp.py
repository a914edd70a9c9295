"""What every answer carries, whatever its family: instants as people write them, and who owns things."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from qke_core.effects import Json
from qke_sim.cloud.store import Thing
from qke_sim.ids import make_id
from qke_sim.kernel import Kernel

USER = make_id("usr", "account")
"""The one user of the account."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def render_time(kernel: Kernel, ms: int) -> str:
    """Write an instant of virtual time as answers have it, `YYYY-MM-DDThh:mm:ssZ` in UTC."""
    return (_EPOCH + timedelta(milliseconds=kernel.epoch_ms + ms)).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamped(kernel: Kernel, thing: Thing) -> dict[str, Json]:
    """Return when a thing was made, since when it has its status, and whose it is."""
    return {
        "create_time": render_time(kernel, thing.create_ms),
        "status_time": render_time(kernel, thing.status_ms),
        "owner": USER,
    }

"""How a thing looks in an answer: its own fields, and what all things show."""

from __future__ import annotations

from qke_core.effects import Json
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.stamp import stamped
from qke_sim.cloud.store import Thing
from qke_sim.cloud.tag import tags_of


def shown(cloud: Cloud, thing: Thing) -> dict[str, Json]:
    """Return a thing as its Describe action shows it, with statuses, times, owner and tags."""
    return {
        "description": thing.description,
        "status": thing.status,
        "transition_status": thing.transition_status,
        "sub_code": 0,
        **stamped(cloud.kernel, thing),
        **thing.describe(),
        "tags": tags_of(cloud, thing),
    }

"""Ids that inhabitants choose for what they make, so that a cluster's parts have the same ids in every run."""

from __future__ import annotations

from qke_sim.cloud.call import Call, invalid
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.store import Thing

_CHOSEN = "_id"


def require_free_id(cloud: Cloud, call: Call, count: int) -> None:
    """Refuse a chosen id, or a label, that is for one thing when several are to be made, and an id that is taken.

    Raises:
        CloudRefusal: 1100.
    """
    if not call.internal:
        return
    for name in (_CHOSEN, "_label"):
        if count > 1 and call.text(name):
            raise invalid(name, call.text(name))
    if cloud.store.has(call.text(_CHOSEN)):
        raise invalid(_CHOSEN, call.text(_CHOSEN))


def named_id(cloud: Cloud, call: Call, kind: type[Thing]) -> str:
    """Return the id an inhabitant chose, else a new one."""
    return (call.text(_CHOSEN) if call.internal else "") or cloud.store.new_id(kind)

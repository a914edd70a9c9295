"""Where a wish stands: its vxnet and VPC in a world, and what of it stands already."""

from __future__ import annotations

from collections.abc import Mapping

from qke_core.models.network import Vpc, Vxnet
from qke_core.models.world import World
from qke_core.rules.case import Case

BASE_NETWORK = "vxnet-0"
"""The basic network: shared, in no VPC (guide G-181)."""


def vxnets_of(world: World | None) -> Mapping[str, tuple[Vpc, Vxnet]]:
    """Return every vxnet of a world by its id, with the VPC it has joined; the first of two with one id."""
    found: dict[str, tuple[Vpc, Vxnet]] = {}
    for vpc in (world.vpcs or ()) if world is not None else ():
        for vxnet in vpc.vxnets:
            found.setdefault(vxnet.id, (vpc, vxnet))
    return found


def find_vxnet(world: World | None, name: str) -> tuple[Vpc, Vxnet] | None:
    """Return a vxnet and the VPC it has joined; None when the world has no such vxnet."""
    return vxnets_of(world).get(name)


def place_of(case: Case) -> tuple[Vpc, Vxnet] | None:
    """Return where the wished cluster stands, if that is known."""
    return find_vxnet(case.world, case.goal.vxnet) if case.goal.vxnet else None


def stands(case: Case, *keys: str) -> bool:
    """Whether the cluster exists in its vxnet and has these values already.

    What stands has shown that it can: it is a reason to warn, not one to refuse whatever else is wished.
    """
    if case.now is None or not case.now.exists or case.now.vxnet != case.goal.vxnet:
        return False
    before, wished = case.now.settings.values, case.settings.values
    return all(before.get(key) == wished.get(key) for key in keys)

"""Where a wish stands: its vxnet and VPC in a world."""

from __future__ import annotations

from qke_core.models.network import Vpc, Vxnet
from qke_core.models.world import World
from qke_core.rules.case import Case


def find_vxnet(world: World | None, name: str) -> tuple[Vpc, Vxnet] | None:
    """Return a vxnet and the VPC it has joined; None when the world has no such vxnet."""
    for vpc in (world.vpcs or ()) if world is not None else ():
        for vxnet in vpc.vxnets:
            if vxnet.id == name:
                return vpc, vxnet
    return None


def place_of(case: Case) -> tuple[Vpc, Vxnet] | None:
    """Return where the wished cluster stands, if that is known."""
    return find_vxnet(case.world, case.goal.vxnet) if case.goal.vxnet else None

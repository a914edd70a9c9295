"""What tests of several families need."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qke_sim.cloud.instance import Instance
from qke_sim.cloud.vxnet import Vxnet, take_address
from qke_sim.testing import Desk


@pytest.fixture
def instance_in() -> Callable[[Desk, str], str]:
    """Return what puts a running instance into a vxnet and returns its id."""

    def put(desk: Desk, vxnet: str) -> str:
        store = desk.cloud.store
        address = take_address(store, store.get(Vxnet, vxnet))
        new = Instance(
            id=store.new_id(Instance),
            status="running",
            instance_class=101,
            cpu=2,
            memory_mib=4096,
            vxnet_id=vxnet,
            private_ip=address,
        )
        return store.add(new, 0).id

    return put

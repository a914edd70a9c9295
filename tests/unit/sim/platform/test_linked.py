"""What a linked etcd or ELK service takes along when it does not serve."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qke_core.models import World
from qke_core.units import MS_PER_MIN
from qke_sim.cloud import CloudRefusal
from qke_sim.kernel import Kernel
from qke_sim.trace import causes
from qke_sim.twin import Twin

LINKS = {"etcd": "cl-e1f2g3h4", "elk": "cl-k1f2g3h4"}


def make(kernel: Kernel, *, etcd_status: str = "active") -> Twin:
    services: list[dict[str, Any]] = [
        {"id": "cl-e1f2g3h4", "app": "etcd", "vxnet": "vxnet-a1b2c3d", "status": etcd_status},
        {"id": "cl-k1f2g3h4", "app": "elk", "vxnet": "vxnet-a1b2c3d"},
    ]
    shop = {"name": "shop", "version": "3.3.0", "express": "standard prod", "links": LINKS}
    lone = {"name": "lone", "version": "3.3.0", "express": "standard prod"}
    document = {"zone": "pek3", "linked": services, "clusters": [shop, lone]}
    twin = Twin(kernel, World.model_validate_json(json.dumps(document)), {})
    twin.start(0)
    return twin


@pytest.mark.guide("G-042", "G-044")
def test_without_its_linked_etcd_a_cluster_has_no_api_server_and_others_do_not_notice(kernel: Kernel):
    twin = make(kernel)
    twin.linked.set_up("cl-e1f2g3h4", up=False, cause=0)
    kernel.run(MS_PER_MIN)
    assert not twin.site("shop").plane.available
    assert twin.site("lone").plane.available
    lost = next(record for record in kernel.trace.records if record.kind == "api.unavailable")
    assert "linked.down" in [record.kind for record in causes(kernel.trace.records, lost.seq)]
    twin.linked.set_up("cl-e1f2g3h4", up=True, cause=0)
    kernel.run(3 * MS_PER_MIN)
    assert twin.site("shop").plane.available


def test_a_service_may_be_missing_from_the_beginning(kernel: Kernel):
    twin = make(kernel, etcd_status="stopped")
    assert not twin.site("shop").plane.works
    assert twin.site("lone").plane.works


def test_without_its_linked_elk_a_cluster_works_on(kernel: Kernel):
    twin = make(kernel)
    twin.linked.set_up("cl-k1f2g3h4", up=False, cause=0)
    kernel.run(MS_PER_MIN)
    assert twin.site("shop").plane.available


def test_masters_with_a_linked_etcd_run_none_of_their_own(kernel: Kernel):
    twin = make(kernel)
    assert "etcd" not in twin.site("shop").hosts["master1"].services
    assert "etcd" in twin.site("lone").hosts["master1"].services


def test_a_service_that_is_not_there_cannot_fail(kernel: Kernel):
    with pytest.raises(CloudRefusal):
        make(kernel).linked.set_up("cl-nothere1", up=False, cause=0)


def test_what_happens_already_happens_once(kernel: Kernel):
    twin = make(kernel)
    first = twin.linked.set_up("cl-k1f2g3h4", up=False, cause=0)
    assert twin.linked.set_up("cl-k1f2g3h4", up=False, cause=first) == first

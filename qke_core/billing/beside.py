"""What stands beside a cluster and is charged apart: addresses, the VPC, linked services, volumes of workloads.

None of it is the cluster's own (`resources_of` lists that), and a VPC or a linked service may serve several clusters;
but no QKE cluster works without some of it, and the console's preview names none.

Rule: docs/rules/billing.md#what-stands-beside; guide G-168, G-172, G-173; G-024 (a VPC there must be).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qke_core.models import ClusterState, World
from qke_core.models.network import Vpc
from qke_core.resources import Origin, Resource

EIP_KEYS: Mapping[str, Origin] = {"kubesphere_eip": "console", "kubernetes_eip_id": "apiserver"}
"""Parameters that hold the id of an EIP, and what it is for."""

MIB_PER_GIB = 1024


def beside(state: ClusterState, world: World | None) -> tuple[Resource, ...]:
    """List what is charged beside a cluster; nothing when there is no cluster.

    What the world does not tell (or nobody gave one) is there without figures: a bill says that its price is unknown.
    """
    if not state.exists:
        return ()
    return (*_eips(state, world), *_vpc(state, world), *_linked(state), *_claimed(state, world))


def _eips(state: ClusterState, world: World | None) -> Iterator[Resource]:
    for key, origin in EIP_KEYS.items():
        name = str(state.settings.values.get(key) or "")
        if name:
            yield _eip(name, origin, world)


def _eip(name: str, origin: Origin, world: World | None) -> Resource:
    known = (world.eips if world is not None else None) or ()
    found = next((eip for eip in known if eip.id == name), None)
    if found is None:
        return Resource(name, "eip", origin)
    return Resource(name, "eip", origin, bandwidth_mbps=found.bandwidth, eip_billing=found.billing)


def _vpc(state: ClusterState, world: World | None) -> Iterator[Resource]:
    """The VPC that the private network has joined, and its own address."""
    found = _vpc_of(state.vxnet, world)
    if found is None:
        yield Resource(state.vxnet, "router", "user")
        return
    yield Resource(found.id, "router", "user", router_type=found.type)
    if found.eip is not None:
        yield _eip(found.eip, "user", world)


def _vpc_of(vxnet: str, world: World | None) -> Vpc | None:
    vpcs = (world.vpcs if world is not None else None) or ()
    return next((vpc for vpc in vpcs if any(joined.id == vxnet for joined in vpc.vxnets)), None)


def _linked(state: ClusterState) -> Iterator[Resource]:
    for name in (state.etcd, state.elk):
        if name:
            yield Resource(name, "linked_service", "dependency")


def _claimed(state: ClusterState, world: World | None) -> Iterator[Resource]:
    """Volumes that workloads claimed; a part of a GiB counts as one."""
    present = None if world is None else world.cluster(state.name)
    for place, volume in enumerate(() if present is None else present.volumes):
        name = volume.id or f"{state.name}/volumes/{place}"
        size = -(-volume.size // MIB_PER_GIB)
        yield Resource(name, "volume", "workload", count=volume.count, size_gib=size, volume_type=volume.type)

"""What one cluster occupies, as things: machines with their disks, volumes, load balancers and firewalls.

Which there are is said by the inventory; here each gets what the cloud must know besides its figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from qke_core.inventory import resources_of
from qke_core.models import ClusterState, WorldCluster
from qke_core.resources import Resource
from qke_sim.cloud import Cloud, Cluster, ClusterNode, Thing
from qke_sim.cloud.instance import Instance, system_disk_of
from qke_sim.cloud.volume import DEVICES, Volume
from qke_sim.cloud.vxnet import free_addresses
from qke_sim.ids import make_id
from qke_sim.populate.balancer import standing_balancer, standing_group
from qke_sim.populate.network import vxnet_of

INSTANCE_STATUS: Mapping[str, str] = {"active": "running", "deleted": "terminated"}
"""Status of an instance by that of its node, where it is another word."""


@dataclass(frozen=True, slots=True)
class _Site:
    """What the parts of one cluster need to know."""

    cluster: Cluster
    nodes: Mapping[str, ClusterNode]
    system_gib: Mapping[str, int]


def place_cluster(cloud: Cloud, cluster: Cluster, wish: WorldCluster, state: ClusterState) -> None:
    """Place everything that a cluster itself occupies, in the order in which the inventory lists it."""
    _into_network(cloud, cluster, wish)
    found = resources_of(state)
    disks = {part.id: part.size_gib for part in found if part.kind == "system_disk"}
    site = _Site(cluster, {node.label: node for node in cluster.nodes}, disks)
    for part in found:
        for thing in BUILDERS[part.kind](site, part):
            cloud.store.place(thing)


def _into_network(cloud: Cloud, cluster: Cluster, wish: WorldCluster) -> None:
    """Have the cluster stand in its private network: each node has an address there."""
    vxnet = vxnet_of(cloud, cluster.name, cluster.vxnet)
    cluster.vxnet = vxnet.id
    given = {f"{node.role}{node.index}": str(node.address) for node in wish.nodes if node.address is not None}
    free = free_addresses(cloud.store, vxnet)
    for node in cluster.nodes:
        if node.alias in given:
            node.private_ip = given[node.alias]
        elif vxnet.network is not None and IPv4Address(node.private_ip) not in vxnet.network:
            node.private_ip = next((found for found in free if found not in given.values()), node.private_ip)


def _instance(site: _Site, part: Resource) -> Iterator[Thing]:
    node = site.nodes[part.id]
    instance = Instance(
        id=node.instance_id,
        name=node.alias,
        status=INSTANCE_STATUS.get(node.status, node.status),
        owner=node.owner,
        label=node.label,
        origin=part.origin,
        instance_class=part.instance_class,
        cpu=part.cpu,
        memory_mib=part.memory_mib,
        gpu=part.gpu,
        nics=part.nics,
        image=f"qke-{site.cluster.born_as}",
        hostname=node.alias,
        vxnet_id=site.cluster.vxnet,
        private_ip=node.private_ip,
    )
    yield instance
    yield system_disk_of(instance, site.system_gib[f"{part.id}/system"])


def _volume(site: _Site, part: Resource) -> Iterator[Thing]:
    """A node's data disk is on its machine; what KubeSphere claims is where the cluster's Kubernetes has it."""
    node = site.nodes.get(part.id.removesuffix("/data"))
    names = part.id.split("/") if node is None else (node.owner, node.role, str(node.sid))
    volume = Volume(
        id=make_id("vol", *names),
        name="-".join(part.id.split("/")[1:]),
        status="available",
        owner=site.cluster.name,
        label=part.id,
        origin=part.origin,
        size_gib=part.size_gib,
        volume_type=part.volume_type,
    )
    if node is not None:
        node.volume_id = volume.id
        volume.status, volume.instance_id, volume.device = "in-use", node.instance_id, DEVICES[0]
    yield volume


def _group(site: _Site, part: Resource) -> Iterator[Thing]:
    yield from standing_group(site.cluster, part)


def _balancer(site: _Site, part: Resource) -> Iterator[Thing]:
    first = next(site.cluster.of_kind("master")).private_ip
    yield from standing_balancer(site.cluster, part, first.rpartition(".")[0])


def _nothing(site: _Site, part: Resource) -> Iterator[Thing]:
    _ = site, part
    yield from ()


BUILDERS: Mapping[str, Callable[[_Site, Resource], Iterator[Thing]]] = {
    "cluster": _nothing,
    "instance": _instance,
    "system_disk": _nothing,
    "volume": _volume,
    "loadbalancer": _balancer,
    "security_group": _group,
}
"""What makes a thing of each kind of resource. The cluster's own record stands already; a system disk comes with its
instance."""

"""Everything a cluster occupies in the cloud in a given state, resource by resource.

Rule: docs/rules/quotas.md#what-a-cluster-occupies; QKE app repo (one data disk per Kubernetes node, none on the client;
load balancer and security group of the API server and of the console); guide G-028 to G-031, G-169 to G-171.
"""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.catalog import Claim, StorageClass, catalog, operations, storage
from qke_core.models.state import ClusterState
from qke_core.resources import Resource


def resources_of(state: ClusterState) -> tuple[Resource, ...]:
    """List what the cluster itself occupies; nothing when it is absent or ceased.

    A stopped cluster, and one in the recycle bin, keeps everything; its instances do not run. Volumes that workloads
    claim are not the cluster's own: a World lists them. What a zone puts in place of a declared type was decided when
    the cluster was created, so an upgrade changes no type.
    """
    if not state.exists:
        return ()
    return (
        Resource(f"{state.name}", "cluster", "node"),
        *_nodes(state),
        *_kubesphere_volumes(state),
        *_balancers(state),
    )


def left_behind(state: ClusterState) -> tuple[Resource, ...]:
    """List what at most stays when the cluster is ceased: what was made inside one born as 1.x (G-190 to G-192).

    What was made since an upgrade goes with the cluster, and nobody can tell it apart beforehand. The console's
    balancer goes when 1.x deletes the Service.
    """
    if operations().can(state.born_as, "automatic-destruction"):
        return ()
    gone = {"node", "console"} if not operations().can(state.version, "automatic-destruction") else {"node"}
    return tuple(found for found in resources_of(state) if found.origin not in gone)


def api_balancer(state: ClusterState) -> bool:
    """Whether the API server has a load balancer: three masters, or from 3.1.0 on an EIP for it."""
    return state.ha or bool(state.settings.values.get("kubernetes_eip_id"))


def console_balancer(state: ClusterState) -> bool:
    """Whether the console has a load balancer: KubeSphere with an EIP (guide G-031, G-050)."""
    return state.kubesphere and bool(state.settings.values.get("kubesphere_eip"))


def pod_nics(state: ClusterState) -> int:
    """Return how many NICs a Kubernetes node may take for its pods: with hostnic as many as are allowed, else none."""
    settings = state.settings
    if settings.values.get("network_plugin") != "hostnic" or not settings.has("hostnic-max-nics"):
        return 0
    return settings.number("hostnic-max-nics")


def default_class(state: ClusterState) -> StorageClass | None:
    """Return the default storage class; None when the zone does not offer the type of the masters' data disks."""
    masters = state.shape["master"].instance_class
    classes = storage().classes(state.version, state.zone, masters, state.born_as)
    return next((found for found in classes if found.default), None)


def kubesphere_claims(state: ClusterState) -> tuple[Claim, ...]:
    """Return what KubeSphere claims from the default class: by its modules; 1.x is a full install."""
    if not state.kubesphere:
        return ()
    book = storage()
    modules = tuple(claim.module for claim in book.claims) if state.version.startswith("1.") else state.modules
    return book.kubesphere_claims(modules, linked_elk=bool(state.elk))


def _nodes(state: ClusterState) -> Iterator[Resource]:
    book, running, extra_nics = storage(), state.phase == "active", pod_nics(state)
    for role, shape in state.shape.items():
        client = catalog().roles[role].kind == "client"
        real = book.replace(state.born_as, state.zone, "instance_class", shape.instance_class)
        disk = book.data_disk_type(state.born_as, state.zone, role, shape.instance_class)
        for sid in state.nodes[role]:
            name = f"{state.name}/{role}{sid}"
            yield Resource(
                name,
                "instance",
                "node",
                instance_class=real,
                cpu=shape.cpu,
                memory_mib=shape.memory_mib,
                gpu=int(role == "node_gpu"),
                nics=1 if client else 1 + extra_nics,
                running=running,
            )
            yield Resource(f"{name}/system", "system_disk", "node", size_gib=book.constants["system_disk_gib"])
            if shape.volume_gib and not client:
                yield Resource(f"{name}/data", "volume", "node", size_gib=shape.volume_gib, volume_type=disk)


def _kubesphere_volumes(state: ClusterState) -> Iterator[Resource]:
    """KubeSphere's own volumes.

    A class hands out whole steps from its least size on, so a volume may be larger than what is claimed. Without a
    default class the claims wait; they count as what they ask for.
    """
    found, masters = default_class(state), state.shape["master"].instance_class
    disk = storage().data_disk_type(state.born_as, state.zone, "master", masters)
    for claim in kubesphere_claims(state):
        name = f"{state.name}/kubesphere/{claim.name}"
        size = claim.gib if found is None else found.size.fit(claim.gib) or claim.gib
        code = disk if found is None else found.type
        yield Resource(name, "volume", "kubesphere", size_gib=size, volume_type=code)


def _balancers(state: ClusterState) -> Iterator[Resource]:
    if api_balancer(state):
        yield Resource(f"{state.name}/apiserver-lb", "loadbalancer", "apiserver", lb_nodes=2)
        yield Resource(f"{state.name}/apiserver-sg", "security_group", "apiserver")
    if console_balancer(state):
        yield Resource(f"{state.name}/console-lb", "loadbalancer", "console", lb_nodes=2)
        yield Resource(f"{state.name}/console-sg", "security_group", "console")

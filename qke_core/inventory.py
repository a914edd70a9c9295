"""Everything a cluster occupies in the cloud in a given state, resource by resource.

Rule: docs/rules/quotas.md; QKE app repo (one data disk per Kubernetes node, none on the client; load balancer and
security group of the API server and of the console); guide G-028 to G-031, G-169 to G-171.
"""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.catalog import catalog, storage
from qke_core.models.state import ClusterState
from qke_core.resources import Resource


def resources_of(state: ClusterState) -> tuple[Resource, ...]:
    """List what the cluster itself occupies; nothing when it is absent or ceased.

    A stopped cluster, and one in the recycle bin, keeps everything; its instances do not run. Volumes that workloads
    claim are not the cluster's own: a World lists them.
    """
    if not state.exists:
        return ()
    return (
        Resource(f"{state.name}", "cluster", "node"),
        *_nodes(state),
        *_kubesphere_volumes(state),
        *_balancers(state),
    )


def api_balancer(state: ClusterState) -> bool:
    """Whether the API server has a load balancer: three masters, or from 3.1.0 on an EIP for it."""
    return state.ha or bool(state.settings.values.get("kubernetes_eip_id"))


def console_balancer(state: ClusterState) -> bool:
    """Whether the console has a load balancer: KubeSphere with an EIP (guide G-031, G-050)."""
    return state.kubesphere and bool(state.settings.values.get("kubesphere_eip"))


def _nodes(state: ClusterState) -> Iterator[Resource]:
    book, running = storage(), state.phase == "active"
    for role, shape in state.shape.items():
        gpu = int(role == "node_gpu")
        real = book.replace(state.version, state.zone, "instance_class", shape.instance_class)
        disk = book.data_disk_type(state.version, state.zone, role, shape.instance_class)
        for sid in state.nodes[role]:
            name = f"{state.name}/{role}{sid}"
            yield Resource(
                name,
                "instance",
                "node",
                instance_class=real,
                cpu=shape.cpu,
                memory_mib=shape.memory_mib,
                gpu=gpu,
                running=running,
            )
            yield Resource(f"{name}/system", "system_disk", "node", size_gib=book.constants["system_disk_gib"])
            if shape.volume_gib and catalog().roles[role].kind != "client":
                yield Resource(f"{name}/data", "volume", "node", size_gib=shape.volume_gib, volume_type=disk)


def _kubesphere_volumes(state: ClusterState) -> Iterator[Resource]:
    """KubeSphere's own volumes: of its default storage class, those of the modules; all of them at 1.x."""
    if not state.kubesphere:
        return
    book = storage()
    modules = tuple(book.kubesphere) if state.version.startswith("1.") else state.modules
    count, gib = book.kubesphere_volumes(modules, linked_elk=bool(state.elk))
    masters = state.shape["master"].instance_class
    default = next(
        (found.type for found in book.classes(state.version, state.zone, masters, state.born_as) if found.default),
        book.data_disk_type(state.version, state.zone, "master", masters),
    )
    for number in range(1, count + 1):
        size = gib // count + (number <= gib % count)
        name = f"{state.name}/kubesphere-volume{number}"
        yield Resource(name, "volume", "kubesphere", size_gib=size, volume_type=default)


def _balancers(state: ClusterState) -> Iterator[Resource]:
    if api_balancer(state):
        yield Resource(f"{state.name}/apiserver-lb", "loadbalancer", "apiserver", lb_nodes=2)
        yield Resource(f"{state.name}/apiserver-sg", "security_group", "apiserver")
    if console_balancer(state):
        yield Resource(f"{state.name}/console-lb", "loadbalancer", "console", lb_nodes=2)
        yield Resource(f"{state.name}/console-sg", "security_group", "console")

"""How the sites of clusters are made: a cluster that has stood for long, one that begins with nothing, node by node."""

from __future__ import annotations

from collections.abc import Mapping

from qke_core.catalog import RoleShape, catalog
from qke_core.models import ClusterState, NodeState, WorldCluster
from qke_sim.cloud import Cloud, Cluster, ClusterNode
from qke_sim.hosts.capacity import allocatable
from qke_sim.hosts.gpu import GPU_LABELS, GPU_ROLE, device_plugin, gpu_taints
from qke_sim.hosts.host import Host
from qke_sim.hosts.settled import settle
from qke_sim.hosts.site import FOREVER_MS, Site
from qke_sim.hosts.timers import attach_timers
from qke_sim.ids import make_id
from qke_sim.kernel import Signal
from qke_sim.kube import (
    MASTER_TAINT,
    ControlPlane,
    KubeCluster,
    KubeNode,
    Objects,
    PodTemplate,
    Resources,
    Taint,
    Toleration,
    Workload,
)
from qke_sim.kube.kubesphere import Installer

NAME_PREFIXES: Mapping[str, str] = {"node_perf": "p", "node_super_perf": "s", "node_gpu": "g"}


def standing_site(cloud: Cloud, wish: WorldCluster, place: int, objects: Objects) -> Site:
    """Make a cluster that has stood since before the run, with its nodes; `place` is its /24 of the vxnet."""
    state = ClusterState.of_world(wish, cloud.world)
    cluster = cloud.store.place(
        Cluster(
            id=wish.id or make_id("cl", wish.name),
            name=wish.name,
            owner=wish.name,
            label=wish.name,
            origin="node",
            version=wish.version,
            born_as=wish.born_as or wish.version,
            env=wish.settings,
            links=linked(wish.links.etcd, wish.links.elk),
            shapes=state.shape,
            modules=state.modules,
            awaits_restart=state.awaits_restart,
            status=wish.status,
            vxnet=wish.vxnet or "",
            billing=wish.billing,
            place=place,
        )
    )
    for role, shape in wish.shape().items():
        for sid in range(1, shape.count + 1):
            cloud.store.place(make_node(cluster, role, sid, shape, ids=(wish.name, role, str(sid))))
    site = new_site(cloud, cluster, objects)
    for node in cluster.nodes:
        add_host(site, node, up=True)
    own, objects.workloads[:] = list(objects.workloads), system_workloads()
    if any(node.role == GPU_ROLE for node in cluster.nodes):
        objects.workloads.append(device_plugin())
    if wish.settings.install_kubesphere:
        site.installer.stand()
    objects.workloads.extend(own)
    for particular in wish.nodes:
        _apply_state(site, particular)
    if wish.status != "active":
        _rest(site)
    return site


def new_site(cloud: Cloud, cluster: Cluster, objects: Objects) -> Site:
    """Make the site of a cluster that has its nodes' records; hosts are added one by one.

    Kubernetes begins with what `cluster.nodes` holds when the cluster has stood for long, and with nothing when it is
    being created (`status` pending): then nodes join.
    """
    kernel, stands = cloud.kernel, cluster.status != "pending"
    masters = tuple(node.alias for node in cluster.of_kind("master")) if stands else ()
    plane = ControlPlane(kernel, cluster.name, masters, built_in_etcd="etcd_service" not in cluster.links)
    nodes = [make_kube_node(node, cluster) for node in cluster.of_kind("master", "worker")] if stands else []
    kube = KubeCluster(kernel, cluster.name, plane, nodes, objects)
    site = Site(
        kernel=kernel,
        cloud=cloud,
        cluster=cluster,
        hosts={},
        plane=plane,
        kube=kube,
        installer=Installer(kube, cluster),
        files=Signal(kernel),
        addons=Signal(kernel),
        csi_version=catalog().version(cluster.version).components["csi_qingcloud"] if stands else "",
        tiller=stands and cluster.version.startswith("1."),
        applied={"network", "cloud-controller", "storage"} if stands else set(),
        token_ends_ms=FOREVER_MS if stands and cluster.version.startswith("1.") else 0,
    )
    kube.connect(cloud, cluster, lambda: site.csi_version)
    return site


def make_node(cluster: Cluster, role: str, sid: int, shape: RoleShape, ids: tuple[str, ...]) -> ClusterNode:
    """Make a node's record and put it in its place among the cluster's nodes; `ids` make its ids.

    Addresses count up inside the cluster's own /24.
    """
    cluster.addresses += 1
    node = ClusterNode(
        id=make_id("cln", *ids),
        instance_id=make_id("i", *ids),
        owner=cluster.name,
        label=f"{cluster.name}/{role}{sid}",
        origin="node",
        role=role,
        sid=sid,
        shape=shape,
        private_ip=f"192.168.{cluster.place}.{cluster.addresses + 1}",
    )
    node.name = node.alias
    order = list(catalog().roles)
    cluster.nodes.append(node)
    cluster.nodes.sort(key=lambda found: (order.index(found.role), found.sid))
    return node


def add_host(site: Site, node: ClusterNode, *, up: bool) -> Host:
    """Give a node its machine. With `up` it has run for long; else it is off, and fresh: nothing is installed on it."""
    cluster, version = site.cluster, catalog().version(site.cluster.version)
    free = max(node.shape.volume_gib * 1024 - (catalog().constant("data_used_mib") if up else 0), 0)
    host = Host(
        kernel=site.kernel,
        subject=node.label,
        node=node,
        kubelet_version=version.kubernetes if up and node.role_kind != "client" else "",
        data_free_mib=free,
        ssh_port=22,
        files={"kubeconfig"} if up and node.role_kind == "master" else set(),
        changed=site.files,
        up=up,
        services=dict.fromkeys(services_of(cluster, node), up),
    )
    if up:
        settle(host, cluster.version)
    attach_timers(site, host)
    site.hosts[node.alias] = host
    site.hosts = {found.alias: site.hosts[found.alias] for found in cluster.nodes if found.alias in site.hosts}
    return host


def remove_host(site: Site, alias: str) -> None:
    """Take a node's machine away, and its record; what ran on it ends."""
    host = site.hosts.pop(alias)
    host.power_off()
    site.cluster.nodes.remove(host.node)


def linked(etcd: str | None, elk: str | None) -> dict[str, str]:
    """Return the links of a cluster as the API names them."""
    return {kind: link for kind, link in (("etcd_service", etcd), ("elk_service", elk)) if link}


def services_of(cluster: Cluster, node: ClusterNode) -> tuple[str, ...]:
    """Return the services that run on a node, in the order of their start; the client runs sshd only.

    From 2.0.0 on timers are services too (QKE app repo, roles: supervised services); 1.x has cron.
    """
    if node.role_kind == "client":
        return ("ssh",)
    master, timed = node.role_kind == "master", not cluster.version.startswith("1.")
    there = {
        "etcd": master and "etcd_service" not in cluster.links,
        "docker": True,
        "ssh": True,
        "kubelet": True,
        "hostnic-status": cluster.env.values.get("network_plugin") == "hostnic",
        "kube-certs.timer": master and timed,
        "docker-prune.timer": timed,
    }
    return tuple(name for name, runs in there.items() if runs)


def _rest(site: Site) -> None:
    """Switch off every machine of a cluster that does not run."""
    for host in site.hosts.values():
        host.node.status = site.cluster.status
        _switch_off(site, host)


def _switch_off(site: Site, host: Host) -> None:
    host.power_off()
    if host.alias in site.plane.masters:
        site.plane.masters[host.alias].host = False
        site.plane.begin()
    if host.alias in site.kube.nodes:
        site.kube.nodes[host.alias].ready = False


def _apply_state(site: Site, state: NodeState) -> None:
    """Make one node as the World says it is."""
    alias = f"{state.role}{state.index}"
    host = site.hosts[alias]
    host.ssh_port = state.ssh_port
    if state.data_free is not None:
        host.data_free_mib = state.data_free
    if state.status == "stopped":
        host.node.status = "stopped"
        _switch_off(site, host)
    elif alias in site.kube.nodes and not state.ready:
        site.kube.nodes[alias].ready = False
        host.services["kubelet"] = False


def make_kube_node(node: ClusterNode, cluster: Cluster) -> KubeNode:
    """Return the Kubernetes node that a cluster's node registers as."""
    version = catalog().version(cluster.version)
    has_workers = any(cluster.of_kind("worker"))
    master = node.role_kind == "master"
    return KubeNode(
        name=_kube_name(node, cluster),
        alias=node.alias,
        instance_id=node.instance_id,
        labels=_labels(node, cluster),
        taints=(Taint(MASTER_TAINT, "NoSchedule"),) if master and has_workers else gpu_taints(node, cluster),
        allocatable=allocatable(node, cluster.born_as),
        kubelet_version=version.kubernetes,
    )


def _kube_name(node: ClusterNode, cluster: Cluster) -> str:
    """Node names: instance ids up to 2.0.0 and on clusters born so; names for people from 3.0.0."""
    order = catalog().order
    if order.index(cluster.born_as) < order.index("3.0.0"):
        return node.instance_id
    if node.role_kind == "master":
        return f"master{node.sid}"
    return f"worker-{NAME_PREFIXES[node.role]}{node.sid:03d}"


def _labels(node: ClusterNode, cluster: Cluster) -> dict[str, str]:
    """Role labels; workers of a cluster born as 1.x keep the old form for ever."""
    if node.role_kind == "master":
        return {"node-role.kubernetes.io/master": ""}
    more = dict(GPU_LABELS) if node.role == GPU_ROLE else {}
    if cluster.born_as.startswith("1."):
        return {f"node-role.kubernetes.io/{node.role}": "", **more}
    return {"node-role.kubernetes.io/worker": node.role, **more}


def system_workloads() -> list[Workload]:
    """What every cluster runs by itself, as far as users notice: DNS."""
    anywhere = (Toleration(key=MASTER_TAINT),)
    return [_system("kube-system", "coredns", 2, Resources(100, 70 * 1024 * 1024, 1), anywhere)]


def _system(
    namespace: str, name: str, replicas: int, requests: Resources, tolerations: tuple[Toleration, ...]
) -> Workload:
    template = PodTemplate({"app": name}, requests, {}, tolerations)
    return Workload("Deployment", namespace, name, replicas, template, system=True)

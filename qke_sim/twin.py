"""The twin: a World brought to life. Everything that exists at virtual time 0 comes from the World document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qke_core.catalog import RoleShape, catalog
from qke_core.effects import Json
from qke_core.errors import InputError
from qke_core.models import NodeState, World, WorldCluster
from qke_core.suggest import did_you_mean
from qke_sim.cloud import Backend, BalancerHealth, Cloud, Cluster, ClusterNode, HealthOption, LoadBalancer, Meter
from qke_sim.hosts.host import Host, HostDoor
from qke_sim.hosts.installer import Installer
from qke_sim.hosts.site import Site
from qke_sim.ids import make_id
from qke_sim.kernel import Kernel, Signal
from qke_sim.kube import (
    MASTER_TAINT,
    ControlPlane,
    KubeCluster,
    KubeDoor,
    KubeNode,
    Objects,
    PodTemplate,
    Resources,
    Taint,
    Toleration,
    Workload,
)
from qke_sim.platform import Platform

NAME_PREFIXES: Mapping[str, str] = {"node_perf": "p", "node_super_perf": "s", "node_gpu": "g"}
CONSOLE = "ks-console"


class Twin:
    """One world in virtual time, behind its three doors."""

    def __init__(self, kernel: Kernel, world: World, objects: Mapping[str, Objects]) -> None:
        """Build everything; `objects` are the Kubernetes objects of each cluster, by cluster name."""
        self.kernel = kernel
        self.cloud = Cloud(kernel, world.zone)
        self.meter = self.cloud.meter = Meter(kernel, world)
        self.host = HostDoor(kernel)
        self.kube = KubeDoor(kernel)
        self.sites: dict[str, Site] = {}
        for place, wish in enumerate(world.clusters):
            site = _build_site(kernel, self.cloud, wish, place, objects.get(wish.name, Objects()))
            self.sites[wish.name] = site
            self.cloud.clusters[site.cluster.cluster_id] = site.cluster
            self.kube.clusters[site.cluster.cluster_id] = site.kube
            self.host.hosts.update({host.node.node_id: host for host in site.hosts.values()})
        self.platform = Platform(kernel, self.cloud, {site.cluster.cluster_id: site for site in self.sites.values()})

    def start(self, cause: int) -> None:
        """Let the world stand as it has been standing: pods placed, and what the World says is broken, broken."""
        self.meter.begin(cause)
        for site in self.sites.values():
            site.plane.start(cause)
            site.kube.start(cause)

    def site(self, name: str) -> Site:
        """Return the cluster called `name`.

        Raises:
            InputError: `cluster.unknown`.
        """
        found = self.sites.get(name)
        if found is None:
            raise InputError("cluster.unknown", f"There is no cluster {name!r}", did_you_mean(name, self.sites))
        return found

    def state(self) -> Mapping[str, Json]:
        """Return what is true now, without any instant: two runs that did the same end in equal states."""
        return {name: _state(site) for name, site in self.sites.items()}


def _build_site(kernel: Kernel, cloud: Cloud, wish: WorldCluster, place: int, objects: Objects) -> Site:
    born_as = wish.born_as or wish.version
    shapes = wish.shape()
    nodes = _make_nodes(wish, shapes, place)
    links = {kind: link for kind, link in (("etcd_service", wish.links.etcd), ("elk_service", wish.links.elk)) if link}
    cluster = Cluster(make_id("cl", wish.name), wish.name, wish.version, born_as, wish.settings, links, nodes)
    masters = tuple(node.alias for node in cluster.of_kind("master"))
    plane = ControlPlane(kernel, wish.name, masters, built_in_etcd="etcd_service" not in links)
    if len(masters) > 1:
        cluster.loadbalancer = _make_balancer(wish, place, masters, born_as)
        plane.balancer = BalancerHealth(kernel, wish.name, cluster.loadbalancer, plane.rotation_changed)
    kube_nodes = [_make_kube_node(node, cluster, shapes) for node in cluster.of_kind("master", "worker")]
    objects.workloads[:0] = _system_workloads(wish)
    files = Signal(kernel)
    site = Site(
        kernel=kernel,
        cloud=cloud,
        cluster=cluster,
        hosts={node.alias: _make_host(kernel, wish, node, files) for node in nodes},
        plane=plane,
        kube=KubeCluster(kernel, wish.name, plane, kube_nodes, objects),
        installer=Installer(
            kernel,
            wish.name,
            plane,
            catalog().version(wish.version).kubesphere if wish.settings.install_kubesphere else "",
        ),
        files=files,
        addons=Signal(kernel),
        csi_version=catalog().version(wish.version).components["csi_qingcloud"],
        tiller=wish.version.startswith("1."),
    )
    for state in wish.nodes:
        _apply_state(site, state)
    return site


def _make_nodes(wish: WorldCluster, shapes: Mapping[str, RoleShape], place: int) -> list[ClusterNode]:
    """Make the nodes of every role; addresses count up inside the cluster's own /24 of the vxnet."""
    nodes: list[ClusterNode] = []
    for role, shape in shapes.items():
        for sid in range(1, shape.count + 1):
            nodes.append(
                ClusterNode(
                    node_id=make_id("cln", wish.name, role, sid),
                    instance_id=make_id("i", wish.name, role, sid),
                    cluster=wish.name,
                    role=role,
                    sid=sid,
                    shape=shape,
                    private_ip=f"192.168.{place}.{len(nodes) + 2}",
                )
            )
    return nodes


def _make_balancer(wish: WorldCluster, place: int, masters: Sequence[str], born_as: str) -> LoadBalancer:
    """Make the API server's balancer; on clusters born as 1.x its listener has scene 0."""
    return LoadBalancer(
        loadbalancer_id=make_id("lb", wish.name),
        listener_id=make_id("lbl", wish.name),
        private_ip=f"192.168.{place}.253",
        scene=0 if born_as.startswith("1.") and wish.version.startswith("1.") else catalog().constant("listener_scene"),
        health=HealthOption(
            inter_s=catalog().constant("lb_check_interval_s"),
            fall=catalog().constant("lb_check_fall"),
            rise=catalog().constant("lb_check_rise"),
        ),
        backends={alias: Backend(alias) for alias in masters},
    )


def _make_host(kernel: Kernel, wish: WorldCluster, node: ClusterNode, files: Signal) -> Host:
    disk_mib = max(node.shape.volume_gib * 1024 - catalog().constant("data_used_mib"), 0)
    return Host(
        kernel=kernel,
        subject=f"{wish.name}/{node.alias}",
        node=node,
        kubelet_version="" if node.kind == "client" else catalog().version(wish.version).kubernetes,
        data_free_mib=disk_mib,
        ssh_port=22,
        files={"kubeconfig"} if node.kind == "master" else set(),
        changed=files,
        services=dict.fromkeys(_services(wish, node), True),
    )


def _services(wish: WorldCluster, node: ClusterNode) -> tuple[str, ...]:
    """Return the services that run on a node (QKE app repo, roles: supervised services); the client runs sshd only."""
    if node.kind == "client":
        return ("ssh",)
    etcd = ("etcd",) if node.kind == "master" and not wish.links.etcd else ()
    return (*etcd, "docker", "ssh", "kubelet")


def _apply_state(site: Site, state: NodeState) -> None:
    """Make one node as the World says it is."""
    alias = f"{state.role}{state.index}"
    host = site.hosts[alias]
    host.ssh_port = state.ssh_port
    if state.data_free is not None:
        host.data_free_mib = state.data_free
    if state.status == "stopped":
        host.node.status = "stopped"
        host.power_off()
        if alias in site.plane.masters:
            site.plane.masters[alias].host = False
    if alias in site.kube.nodes and (state.status == "stopped" or not state.ready):
        site.kube.nodes[alias].ready = False
        host.services["kubelet"] = False
    if alias in site.plane.masters:
        site.plane.begin()


def _make_kube_node(node: ClusterNode, cluster: Cluster, shapes: Mapping[str, RoleShape]) -> KubeNode:
    version = catalog().version(cluster.version)
    has_workers = any(catalog().roles[role].kind == "worker" for role in shapes)
    master = node.kind == "master"
    return KubeNode(
        name=_kube_name(node, cluster),
        alias=node.alias,
        instance_id=node.instance_id,
        labels=_labels(node, cluster),
        taints=(Taint(MASTER_TAINT, "NoSchedule"),) if master and has_workers else (),
        allocatable=_allocatable(node, cluster.born_as),
        kubelet_version=version.kubernetes,
    )


def _allocatable(node: ClusterNode, born_as: str) -> Resources:
    """Return what pods may request: capacity less reservations (from 1.0.1 on) and the hard eviction threshold."""
    facts = catalog()
    memory = node.shape.memory_mib * 1024 * 1024
    if facts.order.index(born_as) < facts.order.index("3.1.0"):
        threshold = facts.constant("eviction_hard_mib") * 1024 * 1024
    else:
        threshold = -(-memory * facts.constant("eviction_hard_percent") // 100)  # Rounded up, as a quantity.
    reserves = born_as != "1.0.0"
    return Resources(
        cpu_m=node.shape.cpu * 1000 - facts.constant("reserved_cpu_m") * reserves,
        memory=memory - threshold - facts.constant("reserved_memory_bytes") * reserves,
        pods=facts.constant("max_pods"),
    )


def _kube_name(node: ClusterNode, cluster: Cluster) -> str:
    """Node names: instance ids up to 2.0.0 and on clusters born so; names for people from 3.0.0."""
    order = catalog().order
    if order.index(cluster.born_as) < order.index("3.0.0"):
        return node.instance_id
    if node.kind == "master":
        return f"master{node.sid}"
    return f"worker-{NAME_PREFIXES[node.role]}{node.sid:03d}"


def _labels(node: ClusterNode, cluster: Cluster) -> dict[str, str]:
    """Role labels; workers of a cluster born as 1.x keep the old form for ever."""
    if node.kind == "master":
        return {"node-role.kubernetes.io/master": ""}
    if cluster.born_as.startswith("1."):
        return {f"node-role.kubernetes.io/{node.role}": ""}
    return {"node-role.kubernetes.io/worker": node.role}


def _system_workloads(wish: WorldCluster) -> list[Workload]:
    """What a cluster runs by itself, as far as users notice: DNS, and the KubeSphere console (guide G-091)."""
    anywhere = (Toleration(key=MASTER_TAINT),)
    found = [_system("kube-system", "coredns", 2, Resources(100, 70 * 1024 * 1024, 1), anywhere)]
    if wish.settings.install_kubesphere:
        found.append(_system("kubesphere-system", CONSOLE, 2, Resources(20, 100 * 1024 * 1024, 1), anywhere))
    return found


def _system(
    namespace: str, name: str, replicas: int, requests: Resources, tolerations: tuple[Toleration, ...]
) -> Workload:
    template = PodTemplate({"app": name}, requests, {}, tolerations)
    return Workload("Deployment", namespace, name, replicas, template, system=True)


def _state(site: Site) -> Json:
    cluster = site.cluster
    nodes: dict[str, Json] = {}
    for alias, host in site.hosts.items():
        kube = site.kube.nodes.get(alias)
        nodes[alias] = {
            "status": host.node.status,
            "up": host.up,
            "data_free_mib": host.data_free_mib,
            "kubelet": host.kubelet_version,
            "files": sorted(host.files),
            "ready": None if kube is None else kube.ready,
            "reported": None if kube is None else kube.kubelet_version,
        }
    return {
        "version": cluster.version,
        "status": cluster.status,
        "transition": cluster.transition_status,
        "upgrade": cluster.upgrade_status,
        "scene": None if cluster.loadbalancer is None else cluster.loadbalancer.scene,
        "api": site.plane.available,
        "csi": site.csi_version,
        "kubesphere": [site.installer.version, site.installer.state, site.installer.restarts],
        "jobs": [
            [job.action, job.status, job.code]
            for job in site.cloud.jobs.values()
            if job.cluster_id == cluster.cluster_id
        ],
        "nodes": nodes,
        "pods": {pod.key: [pod.node, pod.phase, pod.ready] for pod in site.kube.pods},
    }

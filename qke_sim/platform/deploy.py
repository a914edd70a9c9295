"""Create a cluster: accept the wish, make all machines side by side, start and initialise the nodes by order.

What runs short after the acceptance undoes everything: machines that were made are destroyed and the cluster is gone
(assumed). When a service fails the machines stay and the cluster is active, as it is; its owner looks, and deletes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qke_core.catalog import catalog, operations, quotas
from qke_core.effects import Json
from qke_core.inventory import resources_of
from qke_core.models import ClusterState
from qke_core.resources import Resource
from qke_sim.cloud import Call, CloudRefusal, Cluster, ClusterNode
from qke_sim.cloud.call import ALREADY_EXISTS
from qke_sim.hosts.build import add_host, make_node, new_site
from qke_sim.hosts.site import Site
from qke_sim.ids import make_id
from qke_sim.kernel import Process
from qke_sim.kube import Objects
from qke_sim.platform import machines
from qke_sim.platform.conf import LINKS, read_conf
from qke_sim.platform.platform import PLATFORM, Platform, Task
from qke_sim.platform.services import Command, Ended, follows, run_service
from qke_sim.populate.network import vxnet_of

APP = make_id("app", "qke")
"""The app's id in the app centre; the real one is not public."""


def deploy(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer DeployAppVersion."""
    cloud, wish = platform.cloud, read_conf(call, platform.cloud)
    if any(found.name == wish.name and found.status != "ceased" for found in cloud.store.all(Cluster)):
        raise CloudRefusal(ALREADY_EXISTS, f"ResourceAlreadyExists, cluster name [{wish.name}] already existed")
    cloud.allowance.require(needs_of(wish))
    site = _accept(platform, wish, call)
    job = platform.begin("create", site, call, create)
    return {
        "app_id": APP,
        "app_version": call.text("version_id"),
        "cluster_id": site.cluster.id,
        "cluster_name": wish.name,
        "job_id": job.job_id,
        "node_count": len(site.cluster.nodes),
        "node_ids": [node.id for node in site.cluster.nodes],
        "vxnet_id": site.cluster.vxnet,
    }


def needs_of(wish: ClusterState) -> Iterator[Resource]:
    """Yield what must be left of the quotas: what the nodes take, and what the app declares beside."""
    yield from (found for found in resources_of(wish) if found.origin == "node")
    if not operations().constants["extra_quota_checked"]:
        return
    extra = quotas().needs["declared"]
    yield Resource("", "volume", "kubesphere", size_gib=extra["volume_size_gb"])
    yield Resource("", "volume", "kubesphere", count=extra["volume"] - 1)
    yield Resource("", "loadbalancer", "apiserver", count=extra["loadbalancer"])
    yield Resource("", "security_group", "apiserver", count=extra["security_group"])


def _accept(platform: Platform, wish: ClusterState, call: Call) -> Site:
    """Make the records of the cluster and its nodes, and the site that everybody looks at."""
    cloud, store = platform.cloud, platform.cloud.store
    usual = make_id("cl", wish.name)
    cluster = store.add(
        Cluster(
            id=usual if store.find(Cluster, usual) is None else store.new_id(Cluster),
            name=wish.name,
            owner=wish.name,
            label=wish.name,
            origin="node",
            version=wish.version,
            born_as=wish.version,
            env=wish.settings,
            links={theirs: found for ours, theirs in LINKS.items() if (found := getattr(wish, ours))},
            shapes=wish.shape,
            modules=wish.modules,
            status="pending",
            vxnet=vxnet_of(cloud, wish.name, wish.vxnet).id,
            billing=wish.billing,
            place=max((found.place for found in store.all(Cluster)), default=-1) + 1,
        ),
        call.seq,
        call.by,
    )
    site = new_site(cloud, cluster, Objects())
    for role, sids in wish.nodes.items():
        add_nodes(platform, site, role, sids, call.seq)
    platform.sites.take(site)
    return site


def add_nodes(platform: Platform, site: Site, role: str, sids: Sequence[int], cause: int) -> list[ClusterNode]:
    """Make the records of new nodes, with machines that are still to be made."""
    cluster, store = site.cluster, platform.cloud.store
    made: list[ClusterNode] = []
    for sid in sids:
        usual = (cluster.name, role, str(sid))
        taken = store.find(ClusterNode, make_id("cln", *usual)) is not None
        ids = (*usual, str(len(store.all(ClusterNode)))) if taken else usual
        node = make_node(cluster, role, sid, cluster.shapes[role], ids)
        node.status = "pending"
        store.add(node, cause, PLATFORM)
        add_host(site, node, up=False)
        made.append(node)
    return made


def create(task: Task) -> Process[int]:
    """Work off a creation."""
    nodes = list(task.cluster.nodes)
    ended = yield from machines.side_by_side(task, nodes, machines.make, task.cause)
    if ended.code:
        yield from _undo(task, nodes, ended)
        return task.end(ended.code, ended.seq)
    ended = yield from begin_nodes(task, nodes, ended.seq)
    return task.end(ended.code, ended.seq)


def begin_nodes(task: Task, nodes: Sequence[ClusterNode], cause: int) -> Process[Ended]:
    """Start and initialise new nodes for the first time, in the version's order; stop at the first failure."""
    site, version = task.site, task.cluster.version
    hosts = [site.hosts[node.alias] for node in nodes]
    late = any(follows("init", role, version) == "start" for role in catalog().roles)
    ended = Ended(task.kernel.now, 0, cause)
    for name in ("start", "init") if late else ("init", "start"):
        ended = yield from run_service(site, hosts, Command(name, version), ended.seq)
        if ended.code:
            break
    return ended


def _undo(task: Task, nodes: Sequence[ClusterNode], ended: Ended) -> Process[None]:
    """Destroy what was made; the cluster is gone."""
    gone = yield from machines.side_by_side(task, nodes, machines.destroy, ended.seq)
    seq = gone.seq
    for node in nodes:
        seq = task.cloud.store.change(node, seq, status="ceased")
    task.cloud.turn(task.cluster, seq, status="ceased")
    task.platform.sites.drop(task.site)

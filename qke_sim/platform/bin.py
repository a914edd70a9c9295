"""Delete, recover and cease clusters: the recycle bin, and what is left over.

Deleting stops the nodes and keeps everything for two hours; then, or when asked, it is destroyed for ever. From 2.0.0
on the platform destroys with the cluster what was made for it; what was made before an upgrade to 2.0.0 stays, and so
does everything up to 1.0.1, but the nodes' own machines and disks.

Rule: user guide G-164 to G-167, G-190 to G-192; QKE app repo, destroy services. That the cluster's instances are in the
bin with it, and that its load balancers and volumes stand meanwhile, is assumed.
"""

from __future__ import annotations

from collections.abc import Mapping

from qke_core.catalog import operations
from qke_core.effects import Json
from qke_sim.cloud import Call, Cluster, Thing
from qke_sim.cloud.lookup import GONE, require_leased
from qke_sim.kernel import Process
from qke_sim.platform import machines
from qke_sim.platform.ask import answer_all, clusters_of
from qke_sim.platform.platform import PLATFORM, Platform, Task
from qke_sim.platform.power import renew_bridges, run
from qke_sim.platform.scale import end_nodes
from qke_sim.platform.scalingpolicy import ScalingPolicy
from qke_sim.platform.services import MS_PER_S, Ended

CEASE = "CeaseResources"
"""What a job list calls it (docs, DescribeClusterJobs)."""
AUTOMATIC = "automatic-destruction"


def delete_clusters(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer DeleteClusters; `direct_cease` leaves out the bin, `force` a service that fails."""
    forced, direct = call.flag("force"), call.flag("direct_cease")
    clusters = clusters_of(platform, call, "delete")
    for cluster in clusters:
        require_leased(platform.cloud, cluster)

    def work(task: Task) -> Process[int]:
        code = yield from _delete(task, forced=forced)
        if code == 0 and direct:
            return (yield from _cease(task, task.job.last))
        if code == 0:
            _count(task.platform, task.cluster, 0, task.job.last)
        return code

    return answer_all(platform, clusters, call, "delete", work)


def recover_clusters(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer RecoverClusters; who owes money gets nothing back (docs: the balance must exceed what is owed)."""
    clusters = clusters_of(platform, call, "recover")
    platform.cloud.allowance.require_balance()
    return answer_all(platform, clusters, call, "recover", _recover)


def cease_clusters(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer CeaseClusters."""
    clusters = clusters_of(platform, call, "cease")
    answer = answer_all(platform, clusters, call, "cease", lambda task: _cease(task, task.cause), CEASE)
    jobs = answer["job_ids"]
    first = next(iter(jobs.values()), "") if isinstance(jobs, Mapping) else ""
    return {**answer, "job_id": first}


def keep_bin(platform: Platform, deleted_for: Mapping[str, int], cause: int) -> None:
    """Go on counting for clusters that are in the bin at the beginning; `deleted_for`: milliseconds by cluster name."""
    for cluster in platform.cloud.clusters.values():
        if cluster.status == "deleted":
            _count(platform, cluster, deleted_for.get(cluster.name, 0), cause)


def _delete(task: Task, *, forced: bool) -> Process[int]:
    """End the services of all nodes that run, then stop the machines."""
    ended = yield from end_nodes(task, list(task.cluster.nodes), task.cause, forced=forced)
    if ended.code:
        return task.end(ended.code, ended.seq)
    ended = yield from _shelve(task, ended.seq)
    if ended.code == 0:
        renew_bridges(task.cluster)
    return task.end(ended.code, ended.seq)


def _count(platform: Platform, cluster: Cluster, ms: int, cause: int) -> None:
    """Cease a cluster when its time in the bin is over, if it still is there then."""
    kernel, began = platform.kernel, platform.kernel.now - ms
    platform.binned[cluster.id] = began

    def empty() -> None:
        if platform.binned.get(cluster.id) == began and cluster.status == "deleted" and not cluster.transition_status:
            seq = kernel.trace.add("bin.emptied", cluster.name, cause)
            call = Call(PLATFORM, {"clusters": [cluster.id]}, seq)
            cease_clusters(platform, call)

    left = operations().constants["recycle_bin_s"] * MS_PER_S - ms
    kernel.housekeeping(max(left, MS_PER_S), empty)  # Not at once: what goes on now may be about to end.


def _recover(task: Task) -> Process[int]:
    """Start the machines and the services; what is on /data is as it was, so nothing is initialised.

    When it fails everything goes back into the bin, where its time goes on (assumed).
    """
    nodes = list(task.cluster.nodes)
    task.site.renew_system_disks("master", "worker", "client")
    ended = yield from machines.side_by_side(task, nodes, machines.recover, task.cause)
    if ended.code == 0:
        ended = yield from run(task, "start", ended.seq)
    if ended.code == 0:
        task.platform.binned.pop(task.cluster.id, None)
        return task.end(0, ended.seq)
    back = yield from _shelve(task, ended.seq)
    began = task.platform.binned.get(task.cluster.id, task.kernel.now)
    _count(task.platform, task.cluster, task.kernel.now - began, back.seq)
    return task.end(ended.code, back.seq)


def _shelve(task: Task, cause: int) -> Process[Ended]:
    """Put the machines of all nodes into the bin."""
    nodes = list(task.cluster.nodes)
    ended = yield from machines.side_by_side(task, nodes, machines.shelve, cause)
    seq = ended.seq
    for node in nodes:
        seq = task.cloud.store.change(node, seq, status="deleted")
    return Ended(ended.at_ms, ended.code, seq)


def _cease(task: Task, cause: int) -> Process[int]:
    """Destroy the machines, and what goes with the cluster, all at once; leave the rest to its owner."""
    cluster, cloud = task.cluster, task.cloud
    nodes = list(cluster.nodes)
    disks = {node.volume_id for node in nodes}
    going = [thing for thing in _owned(task) if thing.id not in disks]
    parts = [machines.destroy(task, node, cause) for node in nodes]
    parts += [_take_along(task, thing, cause) for thing in going if thing.kind not in LAST]
    ended = yield from machines.together(task, parts, cause)
    parts = [_take_along(task, thing, ended.seq) for thing in going if thing.kind in LAST]
    ended = yield from machines.together(task, parts, ended.seq)
    seq = ended.seq
    for node in nodes:
        seq = cloud.store.change(node, seq, status="ceased")
    seq = cloud.turn(cluster, seq, status="ceased")
    for policy in [found for found in cloud.store.all(ScalingPolicy) if found.resource == cluster.id]:
        seq = cloud.store.change(policy, seq, status="ceased")  # Another cluster may come to have the name.
    task.platform.sites.drop(task.site)
    return task.end(0, seq)


def _owned(task: Task) -> list[Thing]:
    """List what was made for the cluster and is still there."""
    return [
        thing
        for thing in task.cloud.store.everything()
        if thing.owner == task.cluster.name and thing.status not in GONE and thing.kind in ACTIONS
    ]


ACTIONS: Mapping[str, tuple[str, str]] = {
    "loadbalancer": ("DeleteLoadBalancers", "loadbalancers"),
    "volume": ("DeleteVolumes", "volumes"),
    "security_group": ("DeleteSecurityGroups", "security_groups"),
    "eip": ("ReleaseEips", "eips"),
}
"""How each kind of thing is destroyed."""
LAST = ("volume", "security_group")
"""What can go only when no machine and no load balancer uses it any more."""


def _take_along(task: Task, thing: Thing, cause: int) -> Process[Ended]:
    """Destroy one thing, or leave it behind as its owner's."""
    if goes_along(task.platform, task.cluster, thing):
        action, name = ACTIONS[thing.kind]
        cause, code = yield from machines.insist(task, action, {name: [thing.id], "direct_cease": 1}, cause)
        if code == 0:
            return Ended(task.kernel.now, 0, cause)
    left = task.kernel.trace.add("resource.left", thing.id, cause, what=thing.kind, cluster=task.cluster.name)
    return Ended(task.kernel.now, 0, task.cloud.store.change(thing, left, owner=""))


def goes_along(platform: Platform, cluster: Cluster, thing: Thing) -> bool:
    """Whether the platform destroys a thing with its cluster: by the version, and by when it was made."""
    if not operations().can(cluster.version, AUTOMATIC):
        return False
    since = platform.automatic_from.get(cluster.id)
    if since is None:
        return operations().can(cluster.born_as, AUTOMATIC) or thing.create_ms > 0
    return thing.create_ms >= since

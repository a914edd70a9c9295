"""Start and stop clusters, restart the nodes of a role; and what the power of an instance does to its node."""

from __future__ import annotations

from collections.abc import Callable

from qke_core.catalog import operations
from qke_core.effects import Json
from qke_sim.cloud import Call, Cluster, Thing
from qke_sim.hosts.host import Host
from qke_sim.kernel import Process
from qke_sim.platform import machines
from qke_sim.platform.ask import answer_all, cluster_of, clusters_of, role_of
from qke_sim.platform.platform import Platform, Task
from qke_sim.platform.services import Command, Ended, run_service


def watch_power(platform: Platform) -> Callable[[Thing, bool, int], None]:
    """Return what the cloud tells of every instance that starts or stops: its node follows."""

    def watch(instance: Thing, on: bool, cause: int) -> None:  # noqa: FBT001 - the cloud's own words
        site = platform.sites.by_name.get(instance.owner)
        host = None if site is None else machines.host_of(site, instance.id)
        if site is None or host is None:
            return
        if on:
            platform.cloud.store.change(host.node, cause, status="active")
            site.power_on(host.alias, cause)
        else:
            if host.node.status != "suspended":
                cause = platform.cloud.store.change(host.node, cause, status="stopped")
            site.shut_down(host.alias, cause)

    return watch


def start_clusters(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer StartClusters."""
    clusters = clusters_of(platform, call, "start")
    return answer_all(platform, clusters, call, "start", start)


def stop_clusters(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer StopClusters; with `force` a service that fails holds nothing up."""
    forced = call.flag("force")
    clusters = clusters_of(platform, call, "stop")
    return answer_all(platform, clusters, call, "stop", lambda task: stop(task, forced=forced))


def restart_service(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer RestartClusterService: all nodes of a role."""
    cluster = cluster_of(platform, call)
    role = role_of(call, "role", cluster)
    platform.require("restart", cluster)
    job = platform.begin("restart", platform.sites.of(cluster.id), call, lambda task: _restart(task, role))
    return {"cluster_id": cluster.id, "role": role, "job_id": job.job_id}


def start(task: Task) -> Process[int]:
    """Start all machines, then the services by order."""
    task.site.renew_system_disks("master", "worker")
    ended = yield from machines.side_by_side(task, list(task.cluster.nodes), machines.start, task.cause)
    if ended.code == 0:
        ended = yield from run(task, "start", ended.seq)
    if ended.code == 0:
        renew_bridges(task.cluster)
    return task.end(ended.code, ended.seq)


def stop(task: Task, *, forced: bool) -> Process[int]:
    """Stop the services by order, then all machines."""
    ended = yield from run(task, "stop", task.cause)
    if ended.code and not forced:
        return task.end(ended.code, ended.seq)
    ended = yield from machines.side_by_side(task, list(task.cluster.nodes), machines.stop, ended.seq)
    if ended.code == 0:
        renew_bridges(task.cluster)
    return task.end(ended.code, ended.seq)


def run(task: Task, service: str, cause: int) -> Process[Ended]:
    """Run a service of the cluster's version on all nodes whose machines run."""
    hosts = [host for host in task.site.hosts.values() if host.node.status == "active"]
    return (yield from run_service(task.site, hosts, Command(service, task.cluster.version), cause))


def renew_bridges(cluster: Cluster, *roles: str) -> None:
    """Nodes of these roles, of all when none is named, have the docker bridge of the parameters from now on."""
    cluster.awaits_restart = tuple(role for role in cluster.awaits_restart if roles and role not in roles)


def _restart(task: Task, role: str) -> Process[int]:
    """Run the role's own restart; without one, stop and start (developer guide; that 1.x does so is assumed)."""
    hosts: list[Host] = [host for host in task.site.hosts.values() if host.node.role == role]
    version = task.cluster.version
    names = ("restart",) if operations().service(role, "restart", version) is not None else ("stop", "start")
    ended = Ended(task.kernel.now, 0, task.cause)
    for name in names:
        ended = yield from run_service(task.site, hosts, Command(name, version), ended.seq)
        if ended.code:
            break
    if ended.code == 0:
        renew_bridges(task.cluster, role)
    return task.end(ended.code, ended.seq)

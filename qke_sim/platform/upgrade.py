"""Upgrade clusters in place: check every node, attach the upgrade volumes, run the upgrade services order by order.

That the whole order is waited for before a failure ends the job, and that the upgrade volumes are no resources of the
account, is assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qke_core.catalog import UpgradeService, catalog, operations
from qke_core.effects import Json
from qke_core.upgraded import upgraded
from qke_sim.cloud import Call, CloudRefusal, Cluster, denied
from qke_sim.hosts.build import services_of
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site
from qke_sim.kernel import Process
from qke_sim.platform.ask import answer_all, clusters_of
from qke_sim.platform.bin import AUTOMATIC
from qke_sim.platform.platform import Platform, Task
from qke_sim.platform.services import Command, Ended, run_service
from qke_sim.platform.state import state_of

SSH_PORT = 22


def upgrade_clusters(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer UpgradeClusters: running, idle clusters, from a version that the target's definition lists."""
    target_id = call.required("app_version")
    try:
        target = catalog().by_app_version(target_id).name
    except KeyError:
        raise CloudRefusal(2100, f"ResourceNotFound, app version [{target_id}] not found") from None
    clusters = clusters_of(platform, call, "upgrade")
    for cluster in clusters:
        if not any((edge.origin, edge.target) == (cluster.version, target) for edge in catalog().upgrades):
            raise denied(f"cluster [{cluster.id}] can not be upgraded to app version [{target_id}]")
    return answer_all(platform, clusters, call, "upgrade", lambda task: _upgrade(task, target))


def _upgrade(task: Task, target: str) -> Process[int]:
    """Check, attach the upgrade volume, run the upgrade services order by order."""
    site, cluster = task.site, task.cluster
    code, seq = yield from _check_nodes(task, target)
    if code:
        return task.end(code, seq)
    cause = task.cloud.turn(cluster, seq, upgrade_status="upgrading")
    yield from _volumes(site, "volume-attach", "volume.attached", cause)
    command = Command("upgrade", target, source=cluster.version)
    ended: Ended = yield from run_service(site, list(site.hosts.values()), command, cause)
    yield from _volumes(site, "volume-detach", "volume.detached", ended.seq)
    seq = ended.seq if ended.code else _finish(task, target, ended.seq)
    task.cloud.turn(cluster, seq, upgrade_status="failed" if ended.code else "")
    return task.end(ended.code, seq)


def _finish(task: Task, target: str, cause: int) -> int:
    """The cluster is of another version: with its parameters, roles and modules."""
    cluster = task.cluster
    after = upgraded(state_of(task.site), target)
    can = operations().can
    if can(target, AUTOMATIC) and not can(cluster.version, AUTOMATIC):
        task.platform.automatic_from[cluster.id] = task.kernel.now
    cluster.env, cluster.shapes, cluster.modules = after.settings, after.shape, after.modules
    seq = task.cloud.turn(cluster, cause, version=target)
    for host in task.site.hosts.values():  # The timers of 2.0.0 are services, the cron of 1.x was none.
        host.services = {name: host.services.get(name, host.up) for name in services_of(cluster, host.node)}
    return seq


def _check_nodes(task: Task, target: str) -> Process[tuple[int, int]]:
    """Run every node's pre_check, all at once; return code and record of the first failing node, or (0, cause)."""
    longest, site = 0, task.site
    for host in site.hosts.values():
        if _service(host, target) is not None:
            draw = site.kernel.streams.draw(host.subject, catalog().duration("pre-check"))
            longest = max(longest, draw)
    yield site.kernel.pause(longest)
    found = [_check_node(site, host, target, task.cause) for host in site.hosts.values()]
    return next(((code, seq) for code, seq in found if code), (0, task.cause))


def _check_node(site: Site, host: Host, target: str, cause: int) -> tuple[int, int]:
    service = _service(host, target)
    for check in service.pre_checks if service is not None else ():
        if not CHECKS[check.check](site, host):
            data = {"check": check.check, "code": check.code}
            return check.code, site.kernel.trace.add("precheck.failed", host.subject, cause, **data)
    return 0, site.kernel.trace.add("precheck.passed", host.subject, cause)


def _volumes(site: Site, duration: str, kind: str, cause: int) -> Process[None]:
    """Attach or detach the upgrade volume of every node, side by side."""
    draws = {
        host.subject: site.kernel.streams.draw(host.subject, catalog().duration(duration))
        for host in site.hosts.values()
    }
    yield site.kernel.pause(max(draws.values()))
    for subject in draws:
        site.kernel.trace.add(kind, subject, cause)


def _service(host: Host, target: str) -> UpgradeService | None:
    return catalog().upgrade_service(host.node.role, target)


def _nodes_ready(site: Site, host: Host) -> bool:
    """The product's check: every master and worker Ready, cordoned or not, as an API server tells it."""
    _ = host
    return site.plane.available and all(node.ready for node in site.kube.nodes.values())


CHECKS: Mapping[str, Callable[[Site, Host], bool]] = {
    "disk": lambda _, host: host.data_free_mib >= catalog().constant("disk_free_required_mb"),
    "nodes-ready": _nodes_ready,
    "sshd-22": lambda _, host: host.ssh_port == SSH_PORT,
}
"""What a pre_check looks at, by the word of the catalogue."""


def target_names(cluster: Cluster) -> list[str]:
    """List the versions that a cluster may be upgraded to."""
    return [edge.target for edge in catalog().upgrades if edge.origin == cluster.version]

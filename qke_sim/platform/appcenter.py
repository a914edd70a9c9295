"""AppCenter: the platform that runs an app's services on a cluster's nodes. It knows nothing of Kubernetes.

It follows the app's definition (catalogue, `roles.toml`): service orders, timeouts, checks before. What the sources
leave open is chosen here and marked assumed: the whole order is waited for before a failure ends the job; the job
carries the code of the service that failed first; a service on a node that is stopped fails at once; a service that is
cut by its timeout counts as code 124.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import simpy

from qke_core.catalog import UpgradeService, catalog
from qke_sim.cloud import Call, Cloud, Cluster, Job
from qke_sim.hosts.appctl import UpgradeRun, upgrade_node
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site
from qke_sim.hosts.sites import Sites
from qke_sim.kernel import Kernel, Process

SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class _Ended:
    """How one service ended: when, and with which code."""

    at_ms: int
    code: int
    seq: int


class Platform:
    """Works off the jobs of all clusters."""

    def __init__(self, kernel: Kernel, cloud: Cloud, sites: Sites) -> None:
        """Work for the clusters of `sites`."""
        self.kernel = kernel
        self.cloud = cloud
        self.sites = sites

    def begin_upgrade(self, cluster: Cluster, target: str, call: Call) -> Job:
        """Begin the upgrade of a cluster that may be upgraded to `target`."""
        site = self.sites.of(cluster.id)

        def work(job: Job, cause: int) -> Process[int]:
            return self._upgrade(site, job, target, cause)

        return self.cloud.begin("UpgradeClusters", [cluster], "updating", call, work=work, cluster=cluster)

    def _upgrade(self, site: Site, job: Job, target: str, cause: int) -> Process[int]:
        """Check, attach the upgrade volume, run the upgrade services order by order."""
        source = site.cluster.version
        code, job.last = yield from self._check_nodes(site, target, cause)
        if code:
            return code
        cause = self.cloud.change(site.cluster, "upgrade_status", "upgrading", cause)
        yield from self._volumes(site, "volume-attach", "volume.attached", cause)
        for order in self._orders(site, target):
            ended = yield from self._run_order(site, source, target, order, cause)
            failed = sorted((end for end in ended if end.code), key=lambda end: (end.at_ms, end.seq))
            cause = max((end.seq for end in ended), default=cause)
            if failed:
                code, cause = failed[0].code, failed[0].seq
                break
        yield from self._volumes(site, "volume-detach", "volume.detached", cause)
        if code == 0:
            cause = self.cloud.change(site.cluster, "version", target, cause)
        self.cloud.change(site.cluster, "upgrade_status", "failed" if code else "", cause)
        job.last = cause
        return code

    def _check_nodes(self, site: Site, target: str, cause: int) -> Process[tuple[int, int]]:
        """Run every node's pre_check, all at once; return code and record of the first failing node, or (0, cause)."""
        longest = 0
        for host in site.hosts.values():
            if self._service(host, target) is not None:
                draw = self.kernel.streams.draw(host.subject, catalog().duration("pre-check"))
                longest = max(longest, draw)
        yield self.kernel.pause(longest)
        found = [self._check_node(site, host, target, cause) for host in site.hosts.values()]
        return next(((code, seq) for code, seq in found if code), (0, cause))

    def _check_node(self, site: Site, host: Host, target: str, cause: int) -> tuple[int, int]:
        service = self._service(host, target)
        for check in service.pre_checks if service is not None else ():
            if not CHECKS[check.check](site, host):
                data = {"check": check.check, "code": check.code}
                return check.code, self.kernel.trace.add("precheck.failed", host.subject, cause, **data)
        return 0, self.kernel.trace.add("precheck.passed", host.subject, cause)

    def _volumes(self, site: Site, duration: str, kind: str, cause: int) -> Process[None]:
        """Attach or detach the upgrade volume of every node, side by side."""
        draws = {
            host.subject: self.kernel.streams.draw(host.subject, catalog().duration(duration))
            for host in site.hosts.values()
        }
        yield self.kernel.pause(max(draws.values()))
        for subject in draws:
            self.kernel.trace.add(kind, subject, cause)

    def _orders(self, site: Site, target: str) -> list[int]:
        services = [self._service(host, target) for host in site.hosts.values()]
        return sorted({service.order for service in services if service is not None})

    def _run_order(self, site: Site, source: str, target: str, order: int, cause: int) -> Process[list[_Ended]]:
        """Run the upgrade service on all nodes of one order at once; return how each ended."""
        ended: list[_Ended] = []
        runs: list[simpy.Process] = []
        for host in site.hosts.values():
            service = self._service(host, target)
            if service is not None and service.order == order:
                run = UpgradeRun(site, host, source, target)
                runs.append(self.kernel.spawn(self._run_service(run, service, cause, ended)))
        yield self.kernel.env.all_of(runs)
        return ended

    def _run_service(self, run: UpgradeRun, service: UpgradeService, cause: int, ended: list[_Ended]) -> Process[None]:
        host, trace = run.host, self.kernel.trace
        timeout_s = service.timeout_ms // 1000
        seq = trace.add(
            "service.started", host.subject, cause, service="upgrade", order=service.order, timeout_s=timeout_s
        )
        if host.node.status != "active":
            code = catalog().constant("service_not_running_code")
        else:
            running = host.execute(upgrade_node(run, seq))
            timeout = self.kernel.pause(service.timeout_ms)
            yield self.kernel.env.any_of([running.done, timeout])
            if running.done.triggered:
                code, seq = cast("int", running.done.value), run.last
            else:
                running.kill()
                code = catalog().constant("service_timed_out_code")
                seq = trace.add("service.cut", host.subject, seq, service="upgrade", timeout_s=timeout_s)
        seq = trace.add("service.ended", host.subject, seq, service="upgrade", code=code)
        ended.append(_Ended(self.kernel.now, code, seq))

    def _service(self, host: Host, target: str) -> UpgradeService | None:
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

"""What can be measured of one cluster and its nodes, whether it is there or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from qke_core.catalog import catalog
from qke_core.units import MS_PER_DAY
from qke_sim.cloud import Cluster, Job
from qke_sim.hosts.certificates import earliest_ms
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel
from qke_sim.kube import KubeNode, Workload
from qke_sim.kube.kubesphere import CONSOLE
from qke_sim.platform.scalingpolicy import ScalingPolicy
from qke_sim.scenario.cast import Member
from qke_sim.scenario.measure import Measure, Outage, Value, identifier, span
from qke_sim.twin import Twin

ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class MemberView:
    """A cluster as measurements see it. `jobs` are by cluster id, `touched` the clusters whose nodes ran a service."""

    twin: Twin
    member: Member
    outage: Callable[[str], Outage]
    touched: set[str]
    jobs: Mapping[str, list[Job]]

    @property
    def name(self) -> str:
        """Its name."""
        return self.member.name

    def cluster(self) -> Cluster | None:
        """The platform's record: the newest of that name, gone ones included."""
        found = [cluster for cluster in self.twin.cloud.clusters.values() if cluster.name == self.name]
        return found[-1] if found else None

    def site(self) -> Site | None:
        """What stands of it."""
        return self.twin.sites.get(self.name)

    def status(self) -> str:
        """The platform's status, `absent` for what it does not know."""
        cluster = self.cluster()
        return ABSENT if cluster is None else cluster.status

    def its_jobs(self) -> list[Job]:
        """Its jobs, oldest first."""
        cluster = self.cluster()
        return [] if cluster is None else self.jobs.get(cluster.cluster_id, [])

    def host(self, alias: str) -> Host | None:
        """The machine of a node."""
        site = self.site()
        return None if site is None else site.hosts.get(alias)

    def node(self, alias: str) -> KubeNode | None:
        """The Kubernetes node of a node."""
        site = self.site()
        return None if site is None else site.kube.nodes.get(alias)

    def workloads(self) -> list[Workload]:
        """What runs on it."""
        site = self.site()
        return [] if site is None else site.kube.objects.workloads


def member_measures(view: MemberView) -> Iterator[Measure]:
    """Yield everything about one cluster."""
    at = identifier(view.name)
    yield from _platform(view, at)
    yield from _jobs(view, at)
    yield from _kubernetes(view, at)
    for alias, role in view.member.nodes.items():
        yield from _node(view, alias, role, f"{at}.{identifier(alias)}")
    yield from _workloads(view, at)


def _platform(view: MemberView, at: str) -> Iterator[Measure]:
    def of(field: str) -> Callable[[], Value]:
        def read() -> Value:
            cluster = view.cluster()
            return "" if cluster is None else getattr(cluster, field)

        return read

    yield Measure(f"{at}.status", "string", "cluster status of the API, or absent", view.status)
    yield Measure(f"{at}.transition", "string", "transition going on, or empty", of("transition_status"))
    yield Measure(f"{at}.upgrade_status", "string", "upgrading, failed or empty", of("upgrade_status"))
    yield Measure(f"{at}.version", "string", "QKE version", of("version"))
    yield Measure(f"{at}.touched", "bool", "whether a service ran on its nodes", lambda: view.name in view.touched)
    yield Measure(f"{at}.certificates.days_left", "int", "days until the first one ends", lambda: _days_left(view))
    yield Measure(f"{at}.autoscaling.policies", "int", "policies of autoscaling", lambda: len(_policies(view)))
    yield Measure(f"{at}.autoscaling.last", "string", "how the newest run of one ended, or empty", lambda: _last(view))
    for role in catalog().roles:
        yield Measure(f"{at}.nodes.{role}", "int", f"nodes of role {role}", _count_of(view, role))


NO_CERTIFICATE = 0
"""Days left where no master has a certificate."""


def _days_left(view: MemberView) -> int:
    site = view.site()
    days = [] if site is None else [left for host in site.hosts.values() if (left := _days_of(host)) is not None]
    return min(days, default=NO_CERTIFICATE)


def _days_of(host: Host) -> int | None:
    """Return the days until the first certificate of a node ends, by true time; None on a node without."""
    end = earliest_ms(host)
    return None if end is None else (end - host.kernel.now) // MS_PER_DAY


def _policies(view: MemberView) -> list[ScalingPolicy]:
    found = view.twin.cloud.store.all(ScalingPolicy)
    return [policy for policy in found if policy.cluster == view.name and policy.status == "active"]


def _last(view: MemberView) -> str:
    runs = [entry for policy in _policies(view) for entry in policy.history]
    return max(runs, key=lambda entry: entry.at_ms).result if runs else ""


def _count_of(view: MemberView, role: str) -> Callable[[], int]:
    def count() -> int:
        cluster = view.cluster()
        return 0 if cluster is None else sum(node.role == role for node in cluster.nodes)

    return count


def _jobs(view: MemberView, at: str) -> Iterator[Measure]:
    def newest(field: str, otherwise: Value) -> Callable[[], Value]:
        def read() -> Value:
            jobs = view.its_jobs()
            return getattr(jobs[-1], field) if jobs else otherwise

        return read

    yield Measure(f"{at}.jobs", "int", "jobs accepted since the start", lambda: len(view.its_jobs()))
    yield Measure(f"{at}.job.action", "string", "action of the newest job, or empty", newest("action", ""))
    yield Measure(f"{at}.job.status", "string", "status of the newest job, or empty", newest("status", ""))
    yield Measure(f"{at}.job.code", "int", "code of the newest job, 0 when fine", newest("code", 0))


def _kubernetes(view: MemberView, at: str) -> Iterator[Measure]:
    def of(read: Callable[[Site], Value], *, otherwise: Value) -> Callable[[], Value]:
        def found() -> Value:
            site = view.site()
            return otherwise if site is None else read(site)

        return found

    yield from _presence(
        view,
        f"{at}.api",
        "an API server for users",
        f"{view.name}/api",
        of(lambda site: site.plane.available, otherwise=False),
    )
    ready = of(lambda site: sum(node.ready for node in site.kube.nodes.values()), otherwise=0)
    pending = of(lambda site: sum(pod.node is None for pod in site.kube.pods), otherwise=0)
    yield Measure(f"{at}.nodes.total", "int", "Kubernetes nodes", of(lambda site: len(site.kube.nodes), otherwise=0))
    yield Measure(f"{at}.nodes.ready", "int", "nodes that are Ready", ready)
    yield Measure(f"{at}.pods.pending", "int", "pods that no node takes", pending)
    yield Measure(
        f"{at}.csi.version", "string", "version of the CSI driver", of(lambda site: site.csi_version, otherwise="")
    )
    yield Measure(
        f"{at}.kubesphere.version",
        "string",
        "KubeSphere version, or empty",
        of(lambda site: site.installer.version, otherwise=""),
    )
    yield Measure(
        f"{at}.kubesphere.state",
        "string",
        "what the installer's log shows",
        of(lambda site: site.installer.state, otherwise=""),
    )
    yield Measure(
        f"{at}.kubesphere.restarts",
        "int",
        "restarts of the installer",
        of(lambda site: site.installer.restarts, otherwise=0),
    )


def _node(view: MemberView, alias: str, role: str, at: str) -> Iterator[Measure]:
    kind = catalog().roles[role].kind

    def of_host(read: Callable[[Host], Value], *, otherwise: Value) -> Callable[[], Value]:
        def found() -> Value:
            host = view.host(alias)
            return otherwise if host is None else read(host)

        return found

    def of_node(read: Callable[[KubeNode], Value], *, otherwise: Value) -> Callable[[], Value]:
        def found() -> Value:
            node = view.node(alias)
            return otherwise if node is None else read(node)

        return found

    yield Measure(f"{at}.up", "bool", "whether the host runs", of_host(lambda host: host.up, otherwise=False))
    yield Measure(
        f"{at}.data_free_mb", "int", "MB free on /data", of_host(lambda host: host.data_free_mib, otherwise=0)
    )
    if kind == "client":
        return
    yield Measure(
        f"{at}.ready", "bool", "whether Kubernetes says Ready", of_node(lambda node: node.ready, otherwise=False)
    )
    yield Measure(
        f"{at}.kubelet",
        "string",
        "kubelet version it reports",
        of_node(lambda node: node.kubelet_version, otherwise=""),
    )
    if kind == "master":
        days = of_host(lambda host: _days_of(host) or NO_CERTIFICATE, otherwise=NO_CERTIFICATE)
        yield Measure(f"{at}.certificate_days", "int", "days until its first certificate ends", days)
        yield Measure(f"{at}.api", "bool", "whether its API server answers", lambda: _answers(view, alias))


def _answers(view: MemberView, alias: str) -> bool:
    site = view.site()
    master = None if site is None else site.plane.masters.get(alias)
    return master is not None and master.answers


def _workloads(view: MemberView, at: str) -> Iterator[Measure]:
    yield from _workload(view, f"{at}.dns", "kube-system/coredns")
    if view.member.wish.settings.install_kubesphere:
        yield from _workload(view, f"{at}.console", f"kubesphere-system/{CONSOLE}")
    for key, name in view.member.workloads.items():
        yield from _workload(view, f"{at}.workload.{identifier(name)}", key)


def _workload(view: MemberView, name: str, key: str) -> Iterator[Measure]:
    def of(read: Callable[[Workload], Value], *, otherwise: Value) -> Callable[[], Value]:
        def found() -> Value:
            workload = next((found for found in view.workloads() if found.key == key), None)
            return otherwise if workload is None else read(workload)

        return found

    def serving(workload: Workload) -> int:
        site = view.site()
        return 0 if site is None else sum(pod.ready for pod in site.kube.pods if pod.owner is workload)

    available = of(lambda workload: workload.available, otherwise=False)
    yield from _presence(view, name, "a pod that serves", f"{view.name}/{key}", available)
    yield Measure(f"{name}.replicas", "int", "pods wished for", of(lambda workload: workload.replicas, otherwise=0))
    yield Measure(f"{name}.ready", "int", "pods that serve", of(serving, otherwise=0))


def _presence(view: MemberView, name: str, what: str, key: str, read: Callable[[], Value]) -> Iterator[Measure]:
    outage, kernel = view.outage(key), view.twin.kernel
    yield Measure(f"{name}.available", "bool", f"whether there is {what}", read)
    yield Measure(f"{name}.outage", "duration", f"time without {what}", _total(outage, kernel))
    yield Measure(f"{name}.outages", "int", f"how often there was not {what}", lambda: outage.count)


def _total(outage: Outage, kernel: Kernel) -> Callable[[], Value]:
    return lambda: span(outage.so_far(kernel.now))

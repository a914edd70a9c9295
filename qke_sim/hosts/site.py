"""One cluster with everything that belongs to it: the cloud's record, hosts, Kubernetes, KubeSphere."""

from __future__ import annotations

from dataclasses import dataclass, field

from qke_core.catalog import catalog, operations
from qke_sim.cloud import Cloud, Cluster
from qke_sim.hosts.capacity import allocatable
from qke_sim.hosts.host import Host
from qke_sim.kernel import Kernel, Signal
from qke_sim.kube import ControlPlane, KubeCluster
from qke_sim.kube.kubesphere import Installer

FIRST_MASTER = "master1"
"""The master with sid 1: it coordinates the others."""
FOREVER_MS = 10**15
"""An instant that no run reaches."""


@dataclass(slots=True)
class Metadata:
    """What the platform's metadata service tells the nodes beside who is there: who is joining, leaving, resized."""

    adding: tuple[str, ...] = ()
    deleting: tuple[str, ...] = ()
    vertical_roles: tuple[str, ...] = ()


@dataclass(slots=True)
class Site:
    """One cluster of the twin. `hosts` are keyed by alias, ordered by role and sid.

    `files` fires when a file arrives on a host, `addons` when something the cluster shares has changed, `power` when a
    machine has booted or gone. `boots` holds the record of each node's newest boot. `applied` are the add-ons that the
    first master has applied. `lb_job` is how the job that makes the balancer stands: "", running, done, failed;
    `lb_address` and `lb_public` are what its file says. `token_ends_ms`: until then nodes may join. `cuts` are pairs of
    nodes that cannot talk to each other, `isolated` the masters and `silenced` the kubelets that this, or a wrong
    clock, shuts out.
    """

    kernel: Kernel
    cloud: Cloud
    cluster: Cluster
    hosts: dict[str, Host]
    plane: ControlPlane
    kube: KubeCluster
    installer: Installer
    files: Signal
    addons: Signal
    csi_version: str
    tiller: bool = False
    boots: dict[str, int] = field(default_factory=dict[str, int])
    metadata: Metadata = field(default_factory=Metadata)
    applied: set[str] = field(default_factory=set[str])
    lb_job: str = ""
    lb_address: str = ""
    lb_public: str = ""
    token_ends_ms: int = 0
    hostnic_status: int = 0
    cuts: set[frozenset[str]] = field(default_factory=set[frozenset[str]])
    isolated: set[str] = field(default_factory=set[str])
    silenced: set[str] = field(default_factory=set[str])
    power: Signal = field(init=False)

    def __post_init__(self) -> None:
        """Machines have said nothing yet."""
        self.power = Signal(self.kernel)

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.cluster.name

    def subject(self, alias: str) -> str:
        """Return what the trace calls a node: `<cluster>/<alias>`."""
        return f"{self.name}/{alias}"

    @property
    def ha(self) -> bool:
        """Whether it has several masters."""
        return sum(1 for _ in self.cluster.of_kind("master")) > 1

    # Machines

    def crash(self, alias: str, cause: int) -> int:
        """A host dies at once, with everything on it."""
        return self._go_down(alias, "host.crashed", cause, trouble=True)

    def shut_down(self, alias: str, cause: int) -> int:
        """A host is switched off, with everything that still runs on it."""
        return self._go_down(alias, "host.stopped", cause, trouble=False)

    def _go_down(self, alias: str, kind: str, cause: int, *, trouble: bool) -> int:
        host = self.hosts[alias]
        if not host.up:
            return cause
        seq = self.kernel.trace.add(kind, host.subject, cause)
        if trouble:
            host.trouble = seq
        host.power_off()
        if alias in self.plane.masters:
            self.plane.set_host(alias, up=False, cause=seq)
            self.plane.set_process(alias, up=False, cause=seq)
        if alias in self.kube.nodes:
            self.kube.host_stopped(alias, seq)
        self.files.fire(seq)
        self.power.fire(seq)
        return seq

    def power_on(self, alias: str, cause: int) -> None:
        """A dead host is switched on; it boots for a while. What ran on it before does not go on."""
        self.kernel.later(self._draw(alias, "host-boot"), lambda: self.boot(alias, cause))

    def boot(self, alias: str, cause: int) -> None:
        """The system is up. What was set up on its system disk starts by itself: services, then pods."""
        host = self.hosts.get(alias)
        if host is None or host.up:
            return
        host.up = True
        seq = self.boots[alias] = self.kernel.trace.add("host.booted", host.subject, cause)
        if "ssh" in host.services:
            host.services["ssh"] = True
        if "node.init" in host.system_files:
            self.start_services(alias, seq, told=False)
        self.power.fire(seq)

    def renew_system_disks(self, *kinds: str) -> None:
        """The machines of some kinds that are off get new system disks: a start of the cluster does that (G-144).

        The client keeps its own when a cluster is stopped, not when it was deleted.
        """
        for host in self.hosts.values():
            if not host.up and host.node.role_kind in kinds:
                host.renew_system_disk()

    # Services

    def start_services(self, alias: str, cause: int, *, told: bool = True) -> int:
        """Start what does not run: etcd, docker, kubelet, then pods; the API server's static pod needs a moment more.

        Return the newest record; `told` writes one for each service.
        """
        host, seq = self.hosts[alias], cause
        idle = [name for name, active in host.services.items() if not active and not self._etcd_lost(alias, name)]
        for name in idle:
            if told and name != "kubelet":
                seq = host.set_service(name, active=True, cause=seq)
            host.services[name] = True
        if alias in self.plane.masters and (idle or not self.plane.masters[alias].process):
            self._start_master(alias, seq)
        host.on_certificates(seq)
        host.on_garbage(seq)
        if alias in self.kube.nodes and (idle or self.kube.nodes[alias].silent_since is not None):
            self.kube.nodes[alias].allocatable = allocatable(host.node, self.cluster.born_as)
            if told:
                return self.start_kubelet(alias, host.kubelet_version, seq)
            self.kube.host_started(alias, host.kubelet_version, seq)
        return seq

    def _etcd_lost(self, alias: str, service: str) -> bool:
        """Whether a service is an etcd member without its data, which ends as soon as it is started."""
        return service == "etcd" and alias in self.plane.masters and self.plane.masters[alias].lost

    def _start_master(self, alias: str, cause: int) -> None:
        master, begun = self.plane.masters[alias], self.boots.get(alias)
        if not master.host:
            self.plane.set_host(alias, up=True, cause=cause)
        elif not master.etcd:
            self.plane.set_etcd(alias, up=True, cause=cause)
        if master.process:
            return

        def start() -> None:
            host = self.hosts.get(alias)
            if host is not None and host.services.get("docker", False) and self.boots.get(alias) == begun:
                self.start_apiserver(alias, cause)

        self.kernel.later(self._draw(alias, "apiserver-start"), start)

    def start_apiserver(self, alias: str, cause: int) -> None:
        """The API server's process starts, with the certificate that lies on the disk."""
        host = self.hosts[alias]
        host.loaded = host.certificates.get("apiserver", host.loaded)
        host.on_certificates(cause)
        why = self.why_refused(alias)
        self.plane.set_process(alias, up=not why, cause=cause, why=why)

    def stop_services(self, alias: str, cause: int) -> int:
        """Stop everything in reverse order: kubelet, docker with all containers, etcd. Return the newest record.

        From 3.0.0 on sshd is one of the supervised services.
        """
        host, seq = self.hosts[alias], cause
        for name in reversed(host.services):
            if name != "ssh" or operations().can(self.cluster.version, "supervised-ssh"):
                seq = host.set_service(name, active=False, cause=seq)
        if alias in self.kube.nodes:
            self.kube.host_stopped(alias, seq)
        if alias in self.plane.masters:
            self.plane.set_process(alias, up=False, cause=seq, why="docker was stopped")
            if "etcd" in host.services:
                self.plane.set_etcd(alias, up=False, cause=seq)
        return seq

    def copy_kubeconfig(self, cause: int) -> None:
        """The first master copies the kubeconfig to all workers and the client; who is down gets none."""
        for host in self.hosts.values():
            if host.up and host.node.role_kind != "master":
                host.put_file("kubeconfig", cause)

    # Who finds whom

    def linked(self, one: str, other: str) -> bool:
        """Whether two nodes can talk to each other."""
        return frozenset((one, other)) not in self.cuts

    def reaches_api(self, alias: str) -> bool:
        """Whether a node finds an API server: through the balancer, or at the first master."""
        if not self.plane.available:
            return False
        if self.plane.balancer is not None or not self.cuts:
            return True
        first = next(iter(self.plane.masters), "")
        return alias == first or self.linked(alias, first)

    def why_refused(self, alias: str) -> str:
        """Return why nobody accepts what a master's API server shows, "" when they do: its certificate and clocks."""
        host = self.hosts[alias]
        if host.loaded is None or host.loaded.valid(self.kernel.now):
            return ""
        early = self.kernel.now < host.loaded.begins_ms
        return "its certificate is not yet valid" if early else "its certificate has expired"

    def judge_certificates(self, alias: str, cause: int) -> None:
        """Let a master's API server count as down or up, by the certificate that it shows."""
        master, host = self.plane.masters.get(alias), self.hosts[alias]
        if master is None or not host.up or not host.services.get("docker", True):
            return
        why = self.why_refused(alias)
        if bool(why) == master.process:
            self.plane.set_process(alias, up=not why, cause=cause, why=why)

    def _draw(self, alias: str, duration: str) -> int:
        return self.kernel.streams.draw(self.subject(alias), catalog().duration(duration))

    def stop_kubelet(self, alias: str, cause: int) -> int:
        """Kubelet stops; containers run on."""
        host = self.hosts[alias]
        host.services["kubelet"] = False
        seq = self.kernel.trace.add("kubelet.stopped", host.subject, cause)
        self.kube.kubelet_stopped(alias, seq)
        return seq

    def start_kubelet(self, alias: str, version: str, cause: int) -> int:
        """Kubelet starts, at a version."""
        host = self.hosts[alias]
        host.services["kubelet"], host.kubelet_version = True, version
        seq = self.kernel.trace.add("kubelet.started", host.subject, cause, version=version)
        self.kube.kubelet_started(alias, version, seq)
        return seq

"""One cluster with everything that belongs to it: the cloud's record, hosts, Kubernetes, KubeSphere."""

from __future__ import annotations

from dataclasses import dataclass, field

from qke_core.catalog import catalog
from qke_sim.cloud import Cloud, Cluster
from qke_sim.hosts.host import Host
from qke_sim.hosts.installer import Installer
from qke_sim.hosts.metadata import Metadata
from qke_sim.kernel import Kernel, Signal
from qke_sim.kube import ControlPlane, KubeCluster


@dataclass(slots=True)
class Site:
    """One cluster of the twin. `hosts` are keyed by alias, ordered by role and sid.

    `files` fires when a file arrives on a host, `addons` when something the cluster shares has changed. `boots` holds
    the record of each node's newest boot.
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

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.cluster.name

    def subject(self, alias: str) -> str:
        """Return what the trace calls a node: `<cluster>/<alias>`."""
        return f"{self.name}/{alias}"

    def crash(self, alias: str, cause: int) -> int:
        """A host dies at once, with everything on it."""
        host = self.hosts[alias]
        if not host.up:
            return cause
        seq = self.kernel.trace.add("host.crashed", host.subject, cause)
        host.trouble = seq
        self._go_down(alias, seq)
        return seq

    def power_off(self, alias: str, cause: int) -> int:
        """A host is switched off, with everything on it."""
        host = self.hosts[alias]
        if not host.up:
            return cause
        seq = self.kernel.trace.add("host.stopped", host.subject, cause)
        self._go_down(alias, seq)
        return seq

    def _go_down(self, alias: str, cause: int) -> None:
        self.hosts[alias].power_off()
        if alias in self.plane.masters:
            self.plane.set_host(alias, up=False, cause=cause)
            self.plane.set_process(alias, up=False, cause=cause)
        if alias in self.kube.nodes:
            self.kube.host_stopped(alias, cause)
        self.files.fire(cause)

    def power_on(self, alias: str, cause: int) -> None:
        """A dead host is switched on; it boots for a while. What ran on it before does not go on."""
        self.kernel.later(self._draw(alias, "host-boot"), lambda: self.boot(alias, cause))

    def boot(self, alias: str, cause: int) -> None:
        """Services start: etcd and kubelet, then pods; the API server's static pod needs a moment more."""
        host = self.hosts[alias]
        if host.up:
            return
        host.up = True
        seq = self.boots[alias] = self.kernel.trace.add("host.booted", host.subject, cause)
        for service in host.services:
            host.services[service] = True
        if alias in self.plane.masters:
            self.plane.set_host(alias, up=True, cause=seq)
            self.kernel.later(self._draw(alias, "apiserver-start"), lambda: self._start_apiserver(alias, seq))
        if alias in self.kube.nodes:
            self.kube.host_started(alias, host.kubelet_version, seq)
        self.files.fire(seq)

    def _start_apiserver(self, alias: str, cause: int) -> None:
        if self.hosts[alias].up and self.boots[alias] == cause:
            self.plane.set_process(alias, up=True, cause=cause)

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

"""All clusters of a twin, and their places at the kube door and the host door."""

from __future__ import annotations

from qke_sim.hosts.host import Host, HostDoor
from qke_sim.hosts.site import Site
from qke_sim.kube import KubeDoor


class Sites:
    """The sites by the names of their clusters. A cluster that is ceased has none."""

    def __init__(self, kube: KubeDoor, host: HostDoor) -> None:
        """Begin without clusters."""
        self.by_name: dict[str, Site] = {}
        self._kube = kube
        self._host = host

    def take(self, site: Site) -> Site:
        """Make a cluster reachable, with the hosts that it has."""
        self.by_name[site.name] = site
        self._kube.clusters[site.cluster.id] = site.kube
        for host in site.hosts.values():
            self.take_host(host)
        return site

    def take_host(self, host: Host) -> None:
        """Make a host reachable."""
        self._host.hosts[host.node.id] = host

    def drop_host(self, host: Host) -> None:
        """A host is gone."""
        self._host.hosts.pop(host.node.id, None)

    def drop(self, site: Site) -> None:
        """A cluster is gone, with all its hosts."""
        for host in site.hosts.values():
            self.drop_host(host)
        del self._kube.clusters[site.cluster.id]
        del self.by_name[site.name]

    def of(self, cluster_id: str) -> Site:
        """Return the site of a cluster that stands."""
        return next(site for site in self.by_name.values() if site.cluster.id == cluster_id)

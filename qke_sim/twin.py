"""The twin: a World brought to life. Everything that exists at virtual time 0 comes from the World document."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from qke_core.effects import Json
from qke_core.errors import InputError
from qke_core.models import World
from qke_core.suggest import did_you_mean
from qke_sim.cloud import Cloud, Meter
from qke_sim.cloud.families import ACTIONS as CLOUD_ACTIONS
from qke_sim.hosts.build import CONSOLE, standing_site
from qke_sim.hosts.host import HostDoor
from qke_sim.hosts.site import Site
from qke_sim.hosts.sites import Sites
from qke_sim.kernel import Kernel
from qke_sim.kube import KubeDoor, Objects
from qke_sim.platform import ACTIONS as PLATFORM_ACTIONS
from qke_sim.platform import Platform
from qke_sim.populate import populate

__all__ = ["ACTION_NAMES", "CONSOLE", "Twin"]

ACTION_NAMES: tuple[str, ...] = (*CLOUD_ACTIONS, *PLATFORM_ACTIONS)
"""Every action that passes the cloud door."""


class Twin:
    """One world in virtual time, behind its three doors."""

    def __init__(self, kernel: Kernel, world: World, objects: Mapping[str, Objects]) -> None:
        """Build everything; `objects` are the Kubernetes objects of each cluster, by cluster name."""
        self.kernel = kernel
        self.world = world
        self.cloud = Cloud(kernel, world)
        self.meter = self.cloud.meter = Meter(kernel, world.zone)
        self.cloud.store.watchers.append(self.meter.watch)
        self.host = HostDoor(kernel)
        self.kube = KubeDoor(kernel)
        self._sites = Sites(self.kube, self.host)
        for place, wish in enumerate(world.clusters):
            self._sites.take(standing_site(self.cloud, wish, place, objects.get(wish.name, Objects())))
        populate(self.cloud, world)
        self.platform = Platform(kernel, self.cloud, self._sites)
        self.cloud.serve(CLOUD_ACTIONS)
        for name, handler in PLATFORM_ACTIONS.items():
            self.cloud.handlers[name] = partial(handler, self.platform)

    @property
    def sites(self) -> Mapping[str, Site]:
        """The clusters that stand, by name."""
        return self._sites.by_name

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

"""The twin: a World brought to life. Everything that exists at virtual time 0 comes from the World document."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from qke_core.effects import Json
from qke_core.errors import InputError
from qke_core.models import World
from qke_core.suggest import did_you_mean
from qke_sim.cloud import Cloud, Meter, Thing
from qke_sim.cloud.families import ACTIONS as CLOUD_ACTIONS
from qke_sim.digest import digest_of
from qke_sim.hosts.balancer import api_listener, rebalance, stand_behind
from qke_sim.hosts.build import standing_site
from qke_sim.hosts.files import read
from qke_sim.hosts.host import HostDoor
from qke_sim.hosts.machines import serves
from qke_sim.hosts.site import Site
from qke_sim.hosts.sites import Sites
from qke_sim.kernel import Kernel
from qke_sim.kube import KubeDoor, Objects
from qke_sim.kube.kubesphere import CONSOLE
from qke_sim.platform import ACTIONS as PLATFORM_ACTIONS
from qke_sim.platform import Platform, keep_bin, watch_power
from qke_sim.platform.arrears import Arrears
from qke_sim.platform.autoscaling import Autoscaler
from qke_sim.platform.census import Census
from qke_sim.platform.health import Health
from qke_sim.platform.linked import LinkedServices
from qke_sim.platform.scalingactions import ACTIONS as SCALING_ACTIONS
from qke_sim.populate import populate

__all__ = ["ACTION_NAMES", "CONSOLE", "Twin"]

ACTION_NAMES: tuple[str, ...] = (*CLOUD_ACTIONS, *PLATFORM_ACTIONS, *SCALING_ACTIONS)
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
        self.host.read = partial(read, self._sites.by_name)
        for place, wish in enumerate(world.clusters):
            self._sites.take(standing_site(self.cloud, wish, place, objects.get(wish.name, Objects())))
        populate(self.cloud, world, {name: site.kube.objects.claims for name, site in self.sites.items()})
        for site in self.sites.values():
            stand_behind(site)
        self.cloud.on_applied.append(self._applied)
        self.cloud.serves = partial(serves, self.cloud, self.sites)
        self.platform = Platform(kernel, self.cloud, self._sites)
        self.arrears = Arrears(self.platform)
        self.cloud.on_power.append(watch_power(self.platform))
        self.cloud.serve(CLOUD_ACTIONS)
        for name, handler in PLATFORM_ACTIONS.items():
            self.cloud.handlers[name] = partial(handler, self.platform)
        self.census = Census(kernel, self._sites, self.cloud.figures)
        self.health = Health(kernel, self.cloud, self._sites)
        self.autoscaler = Autoscaler(self.cloud)
        self.linked = LinkedServices(self.cloud, self._sites, world)
        for name, handler in SCALING_ACTIONS.items():
            self.cloud.handlers[name] = partial(handler, self.autoscaler)

    def _applied(self, thing: Thing, cause: int) -> None:
        """Follow what came into effect in the cloud: an API server's balancer is what users go through."""
        site = self.sites.get(thing.owner)
        if site is not None and thing.origin == "apiserver":
            rebalance(site, cause)

    @property
    def sites(self) -> Mapping[str, Site]:
        """The clusters that stand, by name."""
        return self._sites.by_name

    def start(self, cause: int) -> None:
        """Let the world stand as it has been standing: pods placed, and what the World says is broken, broken."""
        self.meter.begin(cause)
        self.linked.start()
        for site in self.sites.values():
            site.plane.start(cause)
            site.kube.start(cause)
        keep_bin(self.platform, {wish.name: wish.deleted_for or 0 for wish in self.world.clusters}, cause)
        self.census.start(cause)
        self.health.start(cause)
        wishes = [(wish.name, policy) for wish in self.world.clusters for policy in wish.autoscaling]
        self.autoscaler.start(wishes, cause)

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

    def digest(self) -> str:
        """Return SHA-256 of everything that is true now, without instants: what is refused leaves it as it was."""
        jobs = [{**job.describe(), "code": job.code} for job in self.cloud.jobs.values()]
        used, things = self.cloud.allowance.state(), self.cloud.store.state()
        parts = {"things": things, "jobs": jobs, "used": used, "sites": self.sites, "platform": vars(self.platform)}
        return digest_of(parts)


def _state(site: Site) -> Json:
    cluster, listener = site.cluster, api_listener(site)
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
        "scene": None if listener is None else listener[2],
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

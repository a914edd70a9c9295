"""Linked services: etcd and ELK clusters of other apps that QKE clusters use instead of their built-in ones.

Of such a service the twin knows whether it serves, not its nodes: what it uses of quotas belongs under `quotas.used` of
the World, and its price is unknown. A linked etcd that does not serve takes the API server of every cluster that uses
it along; without its ELK a cluster finds no logs, and nothing else stops.

Rule: guide G-042 to G-047.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from qke_core.models import World
from qke_sim.cloud import Cloud, Thing
from qke_sim.hosts.site import Site
from qke_sim.hosts.sites import Sites

LINKS: Mapping[str, str] = {"etcd": "etcd_service", "elk": "elk_service"}
"""What the API calls the link to each app."""


@dataclass(slots=True, kw_only=True, eq=False)
class LinkedService(Thing):
    """One service; `status` is active while it serves, else stopped."""

    kind: ClassVar[str] = "linked_service"
    prefix: ClassVar[str] = "cl"

    app: str


class LinkedServices:
    """All linked services of a world."""

    def __init__(self, cloud: Cloud, sites: Sites, world: World) -> None:
        """Place those that the World lists, and those that a cluster names without the World listing them."""
        self._cloud, self._sites = cloud, sites
        listed = {found.id: (found.app, found.status) for found in world.linked or ()}
        for wish in world.clusters:
            for app, service_id in (("etcd", wish.links.etcd), ("elk", wish.links.elk)):
                if service_id:
                    listed.setdefault(service_id, (app, "active"))
        for service_id, (app, status) in listed.items():
            cloud.store.place(LinkedService(id=service_id, app=app, status=status, origin="dependency"))

    def start(self) -> None:
        """Let what does not serve at the beginning be missed silently, before the control planes begin."""
        for service in self._cloud.store.all(LinkedService):
            for site in self._users(service):
                if service.app == "etcd" and service.status != "active":
                    site.plane.linked_etcd_up = False
                    site.plane.begin()

    def stands(self, service_id: str) -> bool:
        """Whether there is such a service."""
        return self._cloud.store.find(LinkedService, service_id) is not None

    def set_up(self, service_id: str, *, up: bool, cause: int) -> int:
        """A service stops, or serves again; return the record, `cause` when nothing changed.

        Raises:
            CloudRefusal: 2100 for a service that is not there.
        """
        service = self._cloud.store.get(LinkedService, service_id)
        if up == (service.status == "active"):
            return cause
        users = list(self._users(service))
        kind = "linked.up" if up else "linked.down"
        clusters = ", ".join(site.name for site in users) or "no cluster"
        cause = self._cloud.kernel.trace.add(kind, service.id, cause, app=service.app, clusters=clusters)
        cause = self._cloud.store.change(service, cause, status="active" if up else "stopped")
        if service.app == "etcd":
            for site in users:
                site.plane.set_linked_etcd(up=up, cause=cause)
        return cause

    def _users(self, service: LinkedService) -> Iterator[Site]:
        link = LINKS[service.app]
        return (site for site in self._sites.by_name.values() if site.cluster.links.get(link) == service.id)

"""The platform's action on an unhealthy node: services that do not run are started again.

Rule: QKE app repo, `appctl revive`; a failed restart is only logged, so the command always ends well.
"""

from __future__ import annotations

from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site
from qke_sim.kernel import Process
from qke_sim.platform.looks import stopped_services

DURATIONS = {"docker": "docker-restart", "kubelet": "kubelet-restart", "etcd": "etcd-restart"}
OTHER = "start-services"
"""How long each service takes to start; those not named take as long as all services of a node at its start."""


def revive(site: Site, host: Host, cause: int) -> Process[int]:
    """Start every supervised service of a node that does not run, one after another."""
    for name in stopped_services(host):
        yield host.take(DURATIONS.get(name, OTHER))
        if name == "kubelet":
            cause = site.start_kubelet(host.alias, host.kubelet_version, cause)
            continue
        cause = host.set_service(name, active=True, cause=cause)
        if name == "etcd" and host.alias in site.plane.masters:
            site.plane.set_etcd(host.alias, up=True, cause=cause)
    return 0

"""What a health check of one node looks at, by the words of the catalogue; each look says what is wrong, or "".

Rule: QKE app repo, health_check and `appctl check`; docs/rules/operations.md#health-check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qke_core.catalog import HealthCheck, HealthLook, operations
from qke_sim.cloud import ClusterNode
from qke_sim.hosts import certificates
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site

SILENT = "it does not answer"


def check_of(host: Host, site: Site) -> HealthCheck | None:
    """Return how the platform watches a node; None for one that it never looks at."""
    return operations().health_check(host.node.role, site.cluster.version)


def watched(site: Site, host: Host) -> bool:
    """Whether the platform looks at a node now: never at the client, nor while the cluster changes after its birth."""
    if check_of(host, site) is None:
        return False
    cluster, constants = site.cluster, operations().constants
    if cluster.transition_status == "creating":
        return bool(constants["health_check_while_creating"]) and host.up
    if cluster.transition_status and not constants["health_check_in_transition"]:
        return False
    return cluster.status == "active" and host.node.status == "active"


def failure(site: Site, host: Host, check: HealthCheck) -> str:
    """Return why a check of this node fails now, "" when it passes."""
    if not host.up:
        return SILENT
    initialised = "cluster.init" in host.data_markers
    looks = check.looks if initialised else check.early
    return next((found for look in looks if (found := LOOKS[look](site, host))), "")


def health_status(node: ClusterNode, version: str) -> str:
    """Return what DescribeClusterNodes shows of a node's health: healthy, unhealthy, or "" for one nobody looks at."""
    from_check = "healthy" if operations().health_check(node.role, version) is not None else ""
    return node.health_status or from_check


def stopped_services(host: Host) -> list[str]:
    """List the supervised services of a node that do not run."""
    return [name for name, active in host.services.items() if not active]


def _service(name: str) -> Callable[[Site, Host], str]:
    return lambda _, host: "" if host.services.get(name, False) else f"service {name} is inactive"


def _services(_: Site, host: Host) -> str:
    stopped = stopped_services(host)
    return f"service {stopped[0]} is inactive" if stopped else ""


def _own_apiserver(site: Site, host: Host) -> str:
    master = site.plane.masters.get(host.alias)
    return "" if master is not None and master.answers else "its API server does not answer"


def _ready(site: Site, host: Host) -> str:
    if not site.plane.works:
        return "no API server tells whether its node is Ready"
    node = site.kube.nodes.get(host.alias)
    return "" if node is not None and node.ready else "its node is not Ready"


def _console(site: Site, host: Host) -> str:
    """The first master applies the console's Service again after a passing check, which needs an API server."""
    first = host.node.sid == 1 and site.cluster.env.install_kubesphere
    return "the console's Service cannot be applied" if first and not site.plane.works else ""


LOOKS: Mapping[HealthLook, Callable[[Site, Host], str]] = {
    "docker": _service("docker"),
    "kubelet": _service("kubelet"),
    "services": _services,
    "apiserver": _own_apiserver,
    "ready": _ready,
    "certificates": lambda _, host: "its certificates end soon" if certificates.unhealthy(host) else "",
    "console": _console,
}
"""What each word of the catalogue looks at."""

"""Files that the product writes on every node from metadata and parameters: /etc/hosts and docker's configuration.

Rule: QKE app repo, confd templates; user guide G-056 to G-058, G-200.
"""

from __future__ import annotations

from collections.abc import Mapping

from qke_core.effects import Json
from qke_sim.hosts.site import Site

PLATFORM_REGISTRY = "dockerhub.qingcloud.com"
"""The platform's own registry: no mirror. 1.0.1 refuses it as one, later versions leave it out."""


def hosts_file(site: Site, alias: str) -> Mapping[str, str]:
    """Return what /etc/hosts of a node says, name to address: nodes, balancer, and what the parameters add."""
    found = {node.alias: node.private_ip for node in site.cluster.nodes}
    found.update(site.hosts[alias].aliases)
    for record in site.cluster.env.text("host_aliases").split(","):
        address, _, names = record.strip().partition(" ")
        found.update(dict.fromkeys(names.split(), address))
    return found


def docker_config(site: Site) -> Mapping[str, Json]:
    """Return docker's configuration: mirrors, registries without TLS, the bridge."""
    env = site.cluster.env
    mirrors = [url for url in env.text("registry_mirrors").split() if not url.rstrip("/").endswith(PLATFORM_REGISTRY)]
    return {
        "registry-mirrors": list(mirrors),
        "insecure-registries": list(env.text("insecure_registry").split()),
        "bip": env.text("docker_bip"),
    }

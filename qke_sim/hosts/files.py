"""Files on nodes: /etc/hosts and docker's configuration, made of metadata and parameters, kubeconfig, audit policies.

/etc/kubernetes is a link to /data, so what people put there outlives a start of the cluster.
Rule: QKE app repo, confd templates and k8s.sh; user guide G-056 to G-058, G-073 to G-075, G-105, G-200.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from qke_core.catalog import operations
from qke_core.effects import Json
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site
from qke_sim.hosts.tabs import API_PORT, render_config

PLATFORM_REGISTRY = "dockerhub.qingcloud.com"
"""The platform's own registry: no mirror. 1.0.1 refuses it as one, later versions leave it out."""
AUDIT_FOLDER = "/etc/kubernetes/audit/policies"
OLD_AUDIT_POLICY = "/etc/kubernetes/audit/default-audit-policy-file.yaml"
"""What 1.x has instead of that folder's default.yaml."""

BALANCER_NAME = "loadbalancer"
"""What nodes call the API server, by /etc/hosts (kubeadm's controlPlaneEndpoint)."""


def read(sites: Mapping[str, Site], host: Host, path: str) -> str | None:
    """Return what a file of a node says, as far as the twin knows it; None where there is no such file."""
    site = next((site for site in sites.values() if site.hosts.get(host.alias) is host), None)
    return None if site is None or path not in FILES else FILES[path](site, host)


def _hosts(site: Site, host: Host) -> str:
    return "".join(f"{address} {name}\n" for name, address in hosts_file(site, host.alias).items())


def _docker(site: Site, host: Host) -> str | None:
    return None if host.node.role_kind == "client" else json.dumps(docker_config(site), indent=2)


def _admin_conf(site: Site, host: Host) -> str | None:
    """Return the kubeconfig of administrators, which masters have once they are masters, and so has the client."""
    there = host.node.role_kind == "client" or "kubeconfig" in host.files
    return render_config(f"{BALANCER_NAME}:{API_PORT}") if there and site.plane.masters else None


FILES: Mapping[str, Callable[[Site, Host], str | None]] = {
    "/etc/hosts": _hosts,
    "/etc/docker/daemon.json": _docker,
    "/etc/kubernetes/admin.conf": _admin_conf,
}
"""What can be read, by path."""


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


def default_audit_policy(version: str) -> str:
    """Return the path of the policy that a version brings to every Kubernetes node: note everything, briefly."""
    return f"{AUDIT_FOLDER}/default.yaml" if operations().can(version, "audit-policy-folder") else OLD_AUDIT_POLICY


def audits(site: Site, alias: str) -> bool:
    """Whether a master's API server writes an audit log: its policy is a file that it has, or text in a parameter.

    With a webhook, events go there instead.
    """
    values = site.cluster.env.values
    if values.get("kube_audit_policy"):
        return not values.get("kube_audit_webhook")
    return str(values.get("kube_audit_file") or "") in site.hosts[alias].files

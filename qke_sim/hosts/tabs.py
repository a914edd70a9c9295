"""What the tabs of the cluster's page show: scripts that a master runs when somebody looks.

Source: QKE app repo, app/cluster.json.mustache, display_tabs, and the scripts they name; user guide G-101 to G-104,
G-110, G-115.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from qke_core.catalog import operations
from qke_sim.hosts.site import Site
from qke_sim.kube.kubesphere import CONSOLE

API_PORT = 6443
NAMESPACE = "kubesphere-system"
NOT_INSTALLED = "KubeSphere is not installed"
LATER = "The console's Service cannot be read, try again later"
NOT_YET = "The EIP's load balancer is not ready yet: the first master's address is used meanwhile"
NO_TYPE = "Set the type of ks-console to NodePort or LoadBalancer"

Rows: TypeAlias = list[list[str]]


def kubeconfig(site: Site) -> Rows:
    """Return the kubeconfig, in one cell. Its server is the best address that the version knows."""
    return [[render_config(server_of(site))]]


def render_config(server: str) -> str:
    """Return a kubeconfig for the API server at `address:port`, its certificates left out."""
    return _CONFIG.format(server=f"https://{server}")


def server_of(site: Site) -> str:
    """Return where the kubeconfig says the API server is: `address:port`.

    From 3.1.0 on the public address of its balancer comes first, from 3.0.0 on the one in the parameters; then the
    balancer's own, then the first master's.
    """
    can, values, version = operations().can, site.cluster.env.values, site.cluster.version
    if can(version, "apiserver-eip-balancer") and site.lb_public:
        return f"{site.lb_public}:{API_PORT}"
    if can(version, "kubernetes-eip-port") and values.get("kubernetes_eip"):
        return f"{values['kubernetes_eip']}:{values['kubernetes_eip_port']}"
    return f"{site.lb_address or first_master(site)}:{API_PORT}"


def first_master(site: Site) -> str:
    """Return the address of the first master."""
    return next(site.cluster.of_kind("master")).private_ip


def console(site: Site) -> Rows:
    """Return the console's link, and from 2.0.0 on a note beside it."""
    link, note = _console(site)
    return [[link, note]] if operations().can(site.cluster.version, "modules") else [[link or note]]


def _console(site: Site) -> tuple[str, str]:
    if not site.cluster.env.install_kubesphere:
        return "", NOT_INSTALLED
    service = next((found for found in site.kube.objects.services if found.key == f"{NAMESPACE}/{CONSOLE}"), None)
    if service is None or not site.plane.available or not service.ports:
        return "", LATER
    port, node_port = service.ports[0]
    at_master = f"http://{first_master(site)}:{node_port}"
    if service.type == "LoadBalancer":
        return (f"http://{service.address}:{port}", "") if service.address else (at_master, NOT_YET)
    if service.type == "NodePort":
        return at_master, NOT_YET if site.cluster.env.values.get("kubesphere_eip") else ""
    return "", NO_TYPE


Script: TypeAlias = Callable[[Site], Rows]

LABELS: Mapping[str, tuple[str, ...]] = {
    "kubesphere_console_url": ("kubesphere_console_url",),
    "kubesphere_console": ("kubesphere_console", "ks_console_notes"),
    "Kubeconfig": ("kubeconfig",),
}
"""The columns of each tab."""


def tabs_of(version: str) -> Mapping[str, Script]:
    """Return the tabs of a version, by name."""
    if not operations().can(version, "install-kubesphere-switch"):
        return {"kubesphere_console_url": console}
    return {"kubesphere_console": console, "Kubeconfig": kubeconfig}


_CONFIG = """apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: <hidden>
    server: {server}
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: kubernetes-admin
  name: kubernetes-admin@kubernetes
current-context: kubernetes-admin@kubernetes
kind: Config
preferences: {{}}
users:
- name: kubernetes-admin
  user:
    client-certificate-data: <hidden>
    client-key-data: <hidden>
"""

"""The API server's load balancer before one cluster's control plane: who is behind it, as it was applied."""

from __future__ import annotations

from qke_core.catalog import networks
from qke_sim.cloud.balancerhealth import BalancerHealth, HealthOption
from qke_sim.cloud.eip import eips_of
from qke_sim.cloud.loadbalancer import ListenerInEffect, LoadBalancer, api_balancer, listeners_of
from qke_sim.hosts.site import Site


def api_listener(site: Site) -> tuple[str, str, int] | None:
    """Return the ids of a cluster's API balancer and of its listener, and the listener's scene; None without one."""
    balancer = api_balancer(site.cloud.store, site.name)
    port = networks().constants["api_port"]
    for listener in () if balancer is None else listeners_of(site.cloud.store, balancer.id):
        if balancer is not None and listener.form.listener_port == port:
            return balancer.id, listener.id, listener.form.scene
    return None


def stand_behind(site: Site) -> None:
    """Put the masters behind the balancer that has stood since before the run, judged as they are."""
    balancer = api_balancer(site.cloud.store, site.name)
    found = _in_effect(balancer)
    if found is not None:
        site.plane.balancer = _health(site, found)
    if balancer is not None:
        site.lb_job, site.lb_address = "done", balancer.private_ip
        site.lb_public = next((eip.eip_addr for eip in eips_of(site.cloud.store, balancer.id)), "")
        for host in site.hosts.values():
            host.files.add("loadbalancer")
    site.plane.begin()


def rebalance(site: Site, cause: int) -> None:
    """A balancer of this cluster was applied, switched or deleted: users go through what is in effect now."""
    found = _in_effect(api_balancer(site.cloud.store, site.name))
    if found is None:
        site.plane.balancer = None
    else:
        fresh, old = _health(site, found), site.plane.balancer
        if old is not None and list(old.backends) == list(fresh.backends) and old.option == fresh.option:
            return
        site.plane.balancer = fresh
    site.plane.rotation_changed(cause)


def _in_effect(balancer: LoadBalancer | None) -> ListenerInEffect | None:
    if balancer is None or balancer.status != "active":
        return None
    port = networks().constants["api_port"]
    return next((found for found in balancer.in_effect.listeners if found.form.listener_port == port), None)


def _health(site: Site, listener: ListenerInEffect) -> BalancerHealth:
    """Return the health of the masters behind a listener; what answers at the beginning is used at once (assumed)."""
    aliases = {node.instance_id: node.alias for node in site.cluster.nodes}
    behind = [aliases[backend.resource_id] for backend in listener.backends if backend.resource_id in aliases]
    option = HealthOption.of(listener.form.healthy_check_option)
    health = BalancerHealth(site.kernel, site.name, behind, option, site.plane.rotation_changed)
    for alias in behind:
        master = site.plane.masters.get(alias)
        health.begin(alias, serving=master is not None and master.answers)
    return health

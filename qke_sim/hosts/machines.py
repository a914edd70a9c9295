"""Machines as the network sees them: where they stand, whether they run, what listens on them and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from ipaddress import IPv4Address

from qke_core.catalog import networks
from qke_core.netview import Firewall, FirewallRule, MachineView, PortView
from qke_sim.cloud import Cloud
from qke_sim.cloud.instance import RUNNING, Instance
from qke_sim.cloud.lookup import ABSENT
from qke_sim.cloud.securitygroup import RuleForm, SecurityGroup, default_group
from qke_sim.cloud.securityipset import peers_of
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site

KUBELET_PORT, ETCD_PORT = 10250, 2379
"""QKE app repo, cluster.json.mustache: ports that the health check probes."""


def serves(cloud: Cloud, sites: Mapping[str, Site], resource_id: str, port: int) -> bool:
    """Whether something on an instance answers at a port now; so balancers judge their backends."""
    machine = next((found for found in machines_of(cloud, sites) if found.id == resource_id), None)
    return machine is not None and answers(machine, port)


def answers(machine: MachineView, port: int) -> bool:
    """Whether something on a machine answers at a port."""
    found = machine.ports.get(port)
    return machine.up and found is not None and not found.silent


def firewall_of(cloud: Cloud, group_id: str) -> Firewall | None:
    """Return a security group as it is in effect; what names none has the account's default one (assumed)."""
    group = cloud.store.find(SecurityGroup, group_id) if group_id else default_group(cloud.store)
    if group is None:
        return None
    rules = tuple(_rule(cloud, form) for form in group.in_effect if form.direction == 0 and not form.disabled)
    return Firewall(group.id, rules, edited=not group.is_applied)


def _rule(cloud: Cloud, form: RuleForm) -> FirewallRule:
    low, high = form.val1 or form.val2, form.val2 or form.val1
    ports = (int(low), int(high)) if low and form.protocol in ("tcp", "udp") else None
    peers = peers_of(cloud.store, form.val3) if form.val3 else None
    return FirewallRule(form.id, form.priority, form.action == "accept", form.protocol, ports, peers)


def machines_of(cloud: Cloud, sites: Mapping[str, Site]) -> Iterator[MachineView]:
    """Yield the hosts of all clusters, then whatever else the account runs, of which nobody knows what listens.

    A machine without an address yet is on no network.
    """
    guard = cache(partial(firewall_of, cloud))
    instances = {found.id: found for found in cloud.store.all(Instance) if found.status not in ABSENT}
    for site in sites.values():
        services = node_ports(site)
        for host in site.hosts.values():
            instance = instances.pop(host.node.instance_id, None)
            if host.node.private_ip:
                yield _host(site, host, instance, services, guard)
    for instance in instances.values():
        if instance.private_ip:
            yield MachineView(
                id=instance.id,
                name=instance.label,
                address=IPv4Address(instance.private_ip),
                vxnet=instance.vxnet_id,
                up=instance.status == RUNNING,
                firewall=guard(instance.security_group_id),
            )


def _host(
    site: Site,
    host: Host,
    instance: Instance | None,
    services: Mapping[int, PortView],
    guard: Callable[[str], Firewall | None],
) -> MachineView:
    return MachineView(
        id=host.node.instance_id,
        name=host.subject,
        address=IPv4Address(host.node.private_ip),
        vxnet=site.cluster.vxnet if instance is None else instance.vxnet_id or site.cluster.vxnet,
        up=host.up,
        ports=_ports(site, host, services) if host.up else {},
        firewall=guard("" if instance is None else instance.security_group_id),
    )


def _ports(site: Site, host: Host, services: Mapping[int, PortView]) -> Mapping[int, PortView]:
    """Return what listens on a host: ssh, etcd, kubelet, the API server, and NodePorts on every Kubernetes node."""
    found: dict[int, PortView] = {}
    running = host.services
    if running.get("ssh"):
        found[host.ssh_port] = PortView("sshd")
    if running.get("etcd"):
        found[ETCD_PORT] = PortView("etcd")
    if running.get("kubelet"):
        found[KUBELET_PORT] = PortView("kubelet")
    master = site.plane.masters.get(host.alias)
    if master is not None and master.process:
        silent = "" if master.answers else site.why_refused(host.alias) or "etcd has no quorum"
        found[networks().constants["api_port"]] = PortView("API server", silent)
    if host.alias in site.kube.nodes and running.get("docker"):
        found.update(services)
    return found


def node_ports(site: Site) -> Mapping[int, PortView]:
    """Return what listens on every node of a cluster for its Services, and whether a pod answers behind it."""
    found: dict[int, PortView] = {}
    for service in site.kube.objects.services:
        silent = "" if _endpoints(site, service.namespace, service.selector) else "no pod of it is ready"
        for _, node_port in service.ports:
            if service.type != "ClusterIP" and node_port:
                found[node_port] = PortView(f"Service {service.key}", silent)
    return found


def _endpoints(site: Site, namespace: str, selector: Mapping[str, str]) -> bool:
    """Whether a ready pod in a namespace carries all labels of a selector; an empty one selects nothing."""
    return bool(selector) and any(
        pod.ready and pod.owner.namespace == namespace and selector.items() <= pod.owner.template.labels.items()
        for pod in site.kube.pods
    )

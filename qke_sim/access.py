"""What gets where in a twin: its networks as they are in effect now, and how people reach a cluster.

Whoever asks gets the truth of this instant. Asking changes nothing and takes no time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network

from qke_core.catalog import networks
from qke_core.netview import (
    BackendView,
    BalancerView,
    EipView,
    Firewall,
    FirewallRule,
    Forward,
    ListenerView,
    MachineView,
    NetworkView,
    PortView,
    VpcView,
    VxnetView,
)
from qke_core.reach import Route
from qke_core.reach import reach as walk
from qke_sim.cloud import Cloud
from qke_sim.cloud.eip import Eip
from qke_sim.cloud.instance import RUNNING, Instance
from qke_sim.cloud.loadbalancer import BackendForm, LoadBalancer
from qke_sim.cloud.lookup import ABSENT
from qke_sim.cloud.router import FORWARDING, Router
from qke_sim.cloud.securitygroup import RuleForm, SecurityGroup, default_group
from qke_sim.cloud.vxnet import Vxnet
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site
from qke_sim.twin import Twin

KUBELET_PORT, ETCD_PORT = 10250, 2379
"""QKE app repo, cluster.json.mustache: ports that the health check probes."""


def reach(twin: Twin, source: str, target: str) -> Route:
    """Walk from `internet`, an inner address or a host to `place:port` as things are now.

    Raises:
        InputError: `reach.source`, `reach.target`.
    """
    return walk(network_view(twin), source, target)


def network_view(twin: Twin) -> NetworkView:
    """Return the networks of a twin as packets meet them now."""
    store = twin.cloud.store
    routers = [router for router in store.all(Router) if router.status not in ABSENT]
    machines = tuple(_machines(twin))
    serving = _serving(twin)
    return NetworkView(
        vpcs=tuple(_vpc(twin.cloud, router) for router in routers),
        vxnets=tuple(
            VxnetView(vxnet.id, vxnet.network, vxnet.router_id)
            for vxnet in store.all(Vxnet)
            if vxnet.status not in ABSENT
        ),
        eips=tuple(
            EipView(eip.id, IPv4Address(eip.eip_addr), eip.resource_id, eip.status, bool(eip.icp_codes))
            for eip in store.all(Eip)
            if eip.status not in ABSENT
        ),
        balancers=tuple(
            _balancer(twin.cloud, balancer, {machine.id: machine for machine in machines}, serving)
            for balancer in store.all(LoadBalancer)
            if balancer.status not in ABSENT
        ),
        machines=machines,
        cuts=frozenset(
            frozenset(site.subject(alias) for alias in pair) for site in twin.sites.values() for pair in site.cuts
        ),
    )


def serves(twin: Twin, resource_id: str, port: int) -> bool:
    """Whether something on an instance answers at a port now; so balancers judge their backends."""
    machine = next((found for found in _machines(twin) if found.id == resource_id), None)
    return machine is not None and _answers(machine, port)


def _answers(machine: MachineView, port: int) -> bool:
    found = machine.ports.get(port)
    return machine.up and found is not None and not found.silent


# ---- Cloud -----------------------------------------------------------------------------------------------------------


def _vpc(cloud: Cloud, router: Router) -> VpcView:
    applied = router.in_effect
    forwards = tuple(
        Forward(form.id, int(form.val(1)), IPv4Address(form.val(2)), int(form.val(3)), form.val(4))
        for form in applied.statics
        if form.static_type == FORWARDING and not form.disabled
    )
    return VpcView(
        id=router.id,
        network=IPv4Network(router.vpc_network),
        status=router.status,
        eip=applied.eip_id,
        firewall=_firewall(cloud, applied.security_group_id),
        forwards=forwards,
        edited=not router.is_applied,
    )


def _firewall(cloud: Cloud, group_id: str) -> Firewall | None:
    """Return a security group as it is in effect; what names none has the account's default one (assumed)."""
    group = cloud.store.find(SecurityGroup, group_id) if group_id else default_group(cloud.store)
    if group is None:
        return None
    rules = tuple(_rule(form) for form in group.in_effect if form.direction == 0 and not form.disabled)
    return Firewall(group.id, rules, edited=not group.is_applied)


def _rule(form: RuleForm) -> FirewallRule:
    low, high = form.val1 or form.val2, form.val2 or form.val1
    ports = (int(low), int(high)) if low and form.protocol in ("tcp", "udp") else None
    return FirewallRule(form.id, form.priority, form.action == "accept", form.protocol, ports, _peer(form.val3))


def _peer(text: str) -> IPv4Network | None:
    """Read who may send; a set of addresses by name is nobody here."""
    if not text:
        return None
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        return IPv4Network("255.255.255.255/32")


def _balancer(
    cloud: Cloud, balancer: LoadBalancer, machines: Mapping[str, MachineView], serving: Mapping[str, frozenset[str]]
) -> BalancerView:
    used = serving.get(balancer.id)
    return BalancerView(
        id=balancer.id,
        name=balancer.name,
        status=balancer.status,
        vxnet=balancer.vxnet_id,
        address=IPv4Address(balancer.private_ip) if balancer.private_ip else None,
        firewall=_firewall(cloud, balancer.in_effect.security_group_id),
        listeners=tuple(
            ListenerView(
                listener.form.id,
                listener.form.listener_port,
                "udp" if listener.form.listener_protocol == "udp" else "tcp",
                tuple(_backends(listener.backends, machines, used)),
            )
            for listener in balancer.in_effect.listeners
        ),
        edited=not balancer.is_applied,
    )


def _backends(
    forms: tuple[BackendForm, ...], machines: Mapping[str, MachineView], used: frozenset[str] | None
) -> Iterator[BackendView]:
    """Yield backends whose instance still stands; `used` are those in rotation, None where the answer of now counts."""
    for form in forms:
        machine = machines.get(form.resource_id)
        if machine is not None:
            passes = _answers(machine, form.port) if used is None else machine.id in used
            yield BackendView(form.id, machine.address, form.port, uses=passes and not form.disabled)


def _serving(twin: Twin) -> Mapping[str, frozenset[str]]:
    """Return the instances in rotation behind each API server's balancer, whose judgements take their time."""
    found: dict[str, frozenset[str]] = {}
    for site in twin.sites.values():
        health = site.plane.balancer
        for balancer in twin.cloud.store.all(LoadBalancer) if health is not None else ():
            if (balancer.owner, balancer.origin) == (site.name, "apiserver") and health is not None:
                aliases = {alias for alias, judged in health.backends.items() if judged.in_rotation}
                found[balancer.id] = frozenset(n.instance_id for n in site.cluster.nodes if n.alias in aliases)
    return found


# ---- Machines --------------------------------------------------------------------------------------------------------


def _machines(twin: Twin) -> Iterator[MachineView]:
    """Yield the hosts of all clusters, then whatever else the account runs, of which nobody knows what listens."""
    known: set[str] = set()
    instances = {found.id: found for found in twin.cloud.store.all(Instance) if found.status not in ABSENT}
    for site in twin.sites.values():
        for host in site.hosts.values():
            known.add(host.node.instance_id)
            instance = instances.get(host.node.instance_id)
            vxnet = site.cluster.vxnet if instance is None else instance.vxnet_id or site.cluster.vxnet
            group = "" if instance is None else instance.security_group_id
            yield MachineView(
                id=host.node.instance_id,
                name=host.subject,
                address=IPv4Address(host.node.private_ip),
                vxnet=vxnet,
                up=host.up,
                ports=_ports(site, host) if host.up else {},
                firewall=_firewall(twin.cloud, group),
            )
    for instance in instances.values():
        if instance.id not in known and instance.private_ip:
            yield MachineView(
                id=instance.id,
                name=instance.label,
                address=IPv4Address(instance.private_ip),
                vxnet=instance.vxnet_id,
                up=instance.status == RUNNING,
                firewall=_firewall(twin.cloud, instance.security_group_id),
            )


def _ports(site: Site, host: Host) -> Mapping[int, PortView]:
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
        silent = "" if master.answers else "etcd has no quorum"
        found[networks().constants["api_port"]] = PortView("API server", silent)
    if host.alias in site.kube.nodes and running.get("docker"):
        found.update(node_ports(site))
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

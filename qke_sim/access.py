"""What gets where in a twin: its networks as they are in effect now, and how people reach a cluster.

Whoever asks gets the truth of this instant. Asking changes nothing and takes no time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network

from qke_core.netview import (
    BackendView,
    BalancerView,
    EipView,
    Forward,
    ListenerView,
    MachineView,
    NetworkView,
    VpcView,
    VxnetView,
)
from qke_core.reach import Route
from qke_core.reach import reach as walk
from qke_sim.cloud import Cloud
from qke_sim.cloud.eip import Eip
from qke_sim.cloud.loadbalancer import BackendForm, LoadBalancer
from qke_sim.cloud.lookup import ABSENT
from qke_sim.cloud.router import FORWARDING, Router
from qke_sim.cloud.vxnet import Vxnet
from qke_sim.hosts.machines import answers, firewall_of, machines_of
from qke_sim.twin import Twin


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
    machines = tuple(machines_of(twin.cloud, twin.sites))
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
        firewall=firewall_of(cloud, applied.security_group_id),
        forwards=forwards,
        edited=not router.is_applied,
    )


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
        firewall=firewall_of(cloud, balancer.in_effect.security_group_id),
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
            passes = answers(machine, form.port) if used is None else machine.id in used
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

"""Load balancers with their listeners and backends.

Whatever is edited has no effect until UpdateLoadBalancers: `in_effect` is what was applied last. An internal balancer
has a private address in a vxnet, a public one EIPs; an internal one may be given EIPs later (guide G-100).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from qke_core.catalog import networks
from qke_core.effects import Json
from qke_core.resources import Resource
from qke_sim.cloud.eip import eips_of
from qke_sim.cloud.lookup import ABSENT, CEASED
from qke_sim.cloud.store import Store, Thing

HEALTH_DEFAULT = "|".join(
    str(networks().constants[name]) for name in ("lb_check_s", "lb_check_timeout_s", "lb_check_fall", "lb_check_rise")
)
"""`inter|timeout|fall|rise`, seconds and counts (yunify/qingcloud-docs, load balancer)."""

NODES_DEFAULT = 2
"""Nodes of a balancer that does not say how many (assumed: what QKE and the cloud controller manager ask for)."""


@dataclass(frozen=True, slots=True)
class BackendForm:
    """What a backend says: which instance serves, at which port."""

    id: str
    resource_id: str
    port: int
    weight: int = 1
    disabled: int = 0


@dataclass(frozen=True, slots=True)
class ListenerForm:
    """What a listener says."""

    id: str
    listener_port: int
    listener_protocol: str
    backend_protocol: str
    balance_mode: str = "roundrobin"
    session_sticky: str = ""
    forwardfor: int = 0
    healthy_check_method: str = "tcp"
    healthy_check_option: str = HEALTH_DEFAULT
    timeout: int = 50
    scene: int = 0
    listener_option: int = 0
    server_certificate_id: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListenerInEffect:
    """A listener and its backends as they were applied."""

    form: ListenerForm
    backends: tuple[BackendForm, ...] = ()


@dataclass(frozen=True, slots=True)
class BalancerForm:
    """What is in effect at a balancer."""

    security_group_id: str = ""
    listeners: tuple[ListenerInEffect, ...] = ()


@dataclass(slots=True, kw_only=True, eq=False)
class LoadBalancer(Thing):
    """A load balancer. `is_applied` is 0 while edits wait."""

    kind: ClassVar[str] = "loadbalancer"
    prefix: ClassVar[str] = "lb"

    loadbalancer_type: int = 0
    node_count: int = NODES_DEFAULT
    mode: int = 0
    vxnet_id: str = ""
    private_ip: str = ""
    security_group_id: str = ""
    http_header_size: int = 15
    is_applied: int = 1
    in_effect: BalancerForm = field(default_factory=BalancerForm)

    def charged(self) -> Resource | None:
        """It counts until it is deleted (assumed: what is in the recycle bin does not)."""
        if self.status in ABSENT:
            return None
        return Resource(
            self.label, "loadbalancer", self.origin, lb_type=self.loadbalancer_type, lb_nodes=self.node_count
        )

    def describe(self) -> dict[str, Json]:
        """Return it as DescribeLoadBalancers shows it, without EIPs and listeners."""
        return {
            "loadbalancer_id": self.id,
            "loadbalancer_name": self.name,
            "description": self.description,
            "loadbalancer_type": self.loadbalancer_type,
            "node_count": self.node_count,
            "mode": self.mode,
            "vxnet_id": self.vxnet_id,
            "vxnet": {"vxnet_id": self.vxnet_id, "private_ip": self.private_ip} if self.vxnet_id else {},
            "private_ips": [self.private_ip] if self.private_ip else [],
            "security_group_id": self.security_group_id,
            "http_header_size": self.http_header_size,
            "is_applied": self.is_applied,
            "status": self.status,
            "transition_status": self.transition_status,
        }


@dataclass(slots=True, kw_only=True, eq=False)
class Listener(Thing):
    """A listener, as it was edited last."""

    kind: ClassVar[str] = "loadbalancer_listener"
    prefix: ClassVar[str] = "lbl"

    loadbalancer_id: str
    form: ListenerForm


@dataclass(slots=True, kw_only=True, eq=False)
class Backend(Thing):
    """A backend of a listener, as it was edited last."""

    kind: ClassVar[str] = "loadbalancer_backend"
    prefix: ClassVar[str] = "lbb"

    loadbalancer_id: str
    listener_id: str
    form: BackendForm


def listeners_of(store: Store, balancer_id: str) -> list[Listener]:
    """List the listeners of a balancer, as edited, in the order in which they were added."""
    return [found for found in store.all(Listener) if found.loadbalancer_id == balancer_id and found.status != CEASED]


def backends_of(store: Store, listener_id: str) -> list[Backend]:
    """List the backends of a listener, as edited, in the order in which they were added."""
    return [found for found in store.all(Backend) if found.listener_id == listener_id and found.status != CEASED]


def form_of(store: Store, balancer: LoadBalancer) -> BalancerForm:
    """Return what is edited at a balancer now."""
    listeners = tuple(
        ListenerInEffect(found.form, tuple(backend.form for backend in backends_of(store, found.id)))
        for found in listeners_of(store, balancer.id)
    )
    return BalancerForm(balancer.security_group_id, listeners)


def api_balancer(store: Store, cluster: str) -> LoadBalancer | None:
    """Return the load balancer of a cluster's API server, by the cluster's name; None when it has none."""
    for found in store.all(LoadBalancer):
        if (found.owner, found.origin) == (cluster, "apiserver") and found.status not in ABSENT:
            return found
    return None


def show_balancer(store: Store, balancer: LoadBalancer, verbose: int) -> dict[str, Json]:
    """Return what belongs to a balancer as answers show it: EIPs, listeners from `verbose` 1, backends from 2 on."""
    eips: list[Json] = [eip.brief() for eip in eips_of(store, balancer.id)]
    shown: dict[str, Json] = {"cluster": eips, "eips": eips}
    if verbose:
        shown["listeners"] = [show_listener(store, found, verbose - 1) for found in listeners_of(store, balancer.id)]
    return shown


def show_listener(store: Store, listener: Listener, verbose: int) -> dict[str, Json]:
    """Return a listener as its Describe action shows it; backends from `verbose` 1 on."""
    form = listener.form
    shown: dict[str, Json] = {
        "loadbalancer_listener_id": listener.id,
        "loadbalancer_listener_name": listener.name,
        "loadbalancer_id": listener.loadbalancer_id,
        "listener_port": form.listener_port,
        "listener_protocol": form.listener_protocol,
        "backend_protocol": form.backend_protocol,
        "balance_mode": form.balance_mode,
        "session_sticky": form.session_sticky,
        "forwardfor": form.forwardfor,
        "healthy_check_method": form.healthy_check_method,
        "healthy_check_option": form.healthy_check_option,
        "timeout": form.timeout,
        "scene": form.scene,
        "listener_option": form.listener_option,
        "server_certificate_id": list(form.server_certificate_id),
    }
    if verbose:
        shown["backends"] = [show_backend(backend) for backend in backends_of(store, listener.id)]
    return shown


def show_backend(backend: Backend) -> dict[str, Json]:
    """Return a backend as its Describe action shows it."""
    return {
        "loadbalancer_backend_id": backend.id,
        "loadbalancer_backend_name": backend.name,
        "loadbalancer_id": backend.loadbalancer_id,
        "loadbalancer_listener_id": backend.listener_id,
        "loadbalancer_policy_id": "",
        "resource_id": backend.form.resource_id,
        "port": backend.form.port,
        "weight": backend.form.weight,
        "disabled": backend.form.disabled,
    }

"""Load balancers that stand at the beginning: the API server's and the console's, with firewall, listener, backends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qke_core.catalog import catalog, networks
from qke_core.resources import Resource
from qke_sim.cloud.cluster import Cluster, ClusterNode
from qke_sim.cloud.loadbalancer import (
    HEALTH_DEFAULT,
    Backend,
    BackendForm,
    BalancerForm,
    Listener,
    ListenerForm,
    ListenerInEffect,
    LoadBalancer,
)
from qke_sim.cloud.securitygroup import RuleForm, SecurityGroup, SecurityRule
from qke_sim.cloud.store import Thing
from qke_sim.ids import make_id

STICKY = "insert|3600"
"""Session stickiness of the API server's listener (QKE app repo, job kube-lb)."""

LAST_OCTET = 253
"""Inner addresses of standing balancers count down from here (assumed)."""


@dataclass(frozen=True, slots=True)
class _Served:
    """What a balancer is for: the port outside, the port on the nodes, and which nodes."""

    name: str
    port: int
    node_port: int
    nodes: Sequence[ClusterNode]


def balancer_id(cluster: str, origin: str) -> str:
    """Return the id of a cluster's standing balancer."""
    return make_id("lb", cluster) if origin == "apiserver" else make_id("lb", cluster, origin)


def _served(cluster: Cluster, origin: str) -> _Served:
    """Return what is behind a balancer: API servers at their own port, the console at its NodePort on every node."""
    ports = networks().constants
    if origin == "apiserver":
        return _Served("apiserver", ports["api_port"], ports["api_port"], list(cluster.of_kind("master")))
    nodes = list(cluster.of_kind("worker")) or list(cluster.of_kind("master"))
    return _Served("ks-console", networks().console_service_port(cluster.version), ports["console_port"], nodes)


def standing_group(cluster: Cluster, part: Resource) -> Iterator[Thing]:
    """Yield the firewall of a balancer, in effect, with the one rule that it has (QKE app repo, kube-lb)."""
    served, group_id = _served(cluster, part.origin), make_id("sg", *part.id.split("/"))
    rule_id, port = make_id("sgr", *part.id.split("/")), str(served.port)
    form = RuleForm(rule_id, 0, "tcp", val1=port, val2=port)
    yield SecurityRule(id=rule_id, name=served.name, owner=cluster.name, group_id=group_id, form=form)
    yield SecurityGroup(
        id=group_id, name=cluster.id, owner=cluster.name, label=part.id, origin=part.origin, in_effect=(form,)
    )


def standing_balancer(cluster: Cluster, part: Resource, base: str) -> Iterator[Thing]:
    """Yield a balancer in effect with its listener and backends.

    Args:
        cluster: the cluster; its vxnet holds the API server's balancer, the console's has public addresses only.
        part: what the balancer counts as.
        base: the first three octets of the vxnet, such as `192.168.0`.
    """
    served, lb_id = _served(cluster, part.origin), balancer_id(cluster.name, part.origin)
    inner = part.origin == "apiserver"
    group_id = make_id("sg", *part.id.replace("-lb", "-sg").split("/"))
    form = ListenerForm(
        id=make_id("lbl", cluster.name) if inner else make_id("lbl", cluster.name, part.origin),
        listener_port=served.port,
        listener_protocol="tcp",
        backend_protocol="tcp",
        session_sticky=STICKY if inner else "",
        healthy_check_option=HEALTH_DEFAULT,
        scene=_scene(cluster) if inner else 0,
    )
    backends = tuple(
        BackendForm(make_id("lbb", form.id, node.alias), node.instance_id, served.node_port) for node in served.nodes
    )
    yield LoadBalancer(
        id=lb_id,
        name=cluster.id if inner else f"k8s_lb_{cluster.id}_kubesphere-system_ks-console",
        status="active",
        owner=cluster.name,
        label=part.id,
        origin=part.origin,
        loadbalancer_type=part.lb_type,
        node_count=part.lb_nodes,
        mode=1,
        vxnet_id=cluster.vxnet if inner else "",
        private_ip=f"{base}.{LAST_OCTET - cluster.place}" if inner else "",
        security_group_id=group_id,
        in_effect=BalancerForm(group_id, (ListenerInEffect(form, backends),)),
    )
    yield Listener(id=form.id, name=served.name, owner=cluster.name, loadbalancer_id=lb_id, form=form)
    for backend in backends:
        yield Backend(id=backend.id, owner=cluster.name, loadbalancer_id=lb_id, listener_id=form.id, form=backend)


def _scene(cluster: Cluster) -> int:
    """The listener of a cluster born as 1.x carries scene 0 until the upgrade to 2.0.0 fixes it."""
    old = cluster.born_as.startswith("1.") and cluster.version.startswith("1.")
    return 0 if old else catalog().constant("listener_scene")

"""All families of resources: which actions the cloud itself answers. The platform's own stand beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qke_core.effects import Json
from qke_sim.cloud.call import Call, not_found
from qke_sim.cloud.cloud import Cloud


def _modify_listener(cloud: Cloud, call: Call) -> dict[str, Json]:
    listener_id = call.text("loadbalancer_listener")
    for cluster in cloud.clusters.values():
        balancer = cluster.loadbalancer
        if balancer is not None and balancer.listener_id == listener_id:
            balancer.scene = call.number("scene", balancer.scene)
            cloud.kernel.trace.add("listener.fixed", cluster.name, call.seq, scene=balancer.scene)
            return {}
    raise not_found("loadbalancer listener", listener_id)


def _update_loadbalancers(cloud: Cloud, call: Call) -> dict[str, Json]:
    known = {cluster.loadbalancer.loadbalancer_id for cluster in cloud.clusters.values() if cluster.loadbalancer}
    for balancer_id in call.texts("loadbalancers"):
        if balancer_id not in known:
            raise not_found("loadbalancer", balancer_id)
    return {}


ACTIONS: Mapping[str, Callable[[Cloud, Call], dict[str, Json]]] = {
    "ModifyLoadBalancerListenerAttributes": _modify_listener,
    "UpdateLoadBalancers": _update_loadbalancers,
}
"""Every action of the cloud, family by family."""

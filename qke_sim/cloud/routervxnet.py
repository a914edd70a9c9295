"""Which private networks a VPC joins: each a /24 of its range, none overlapping another."""

from __future__ import annotations

from ipaddress import IPv4Network

from qke_core.catalog import networks
from qke_core.effects import Json
from qke_sim.cloud.call import Call, denied, invalid
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lookup import Actions, alive, idle, idle_in
from qke_sim.cloud.router import ON_OR_OFF, Router, vxnets_of
from qke_sim.cloud.vxnet import MANAGED, Vxnet, inside, joined


def _join(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Let a vxnet join: managed, in no other VPC, with a /24 of this one that overlaps none."""
    router = idle_in(cloud, Router, call.required("router"), ON_OR_OFF, "be joined")
    vxnet, text = idle(cloud, Vxnet, call.required("vxnet")), call.required("ip_network")
    try:
        network = IPv4Network(text)
    except ValueError:
        raise invalid("ip_network", text) from None
    if vxnet.vxnet_type != MANAGED:
        raise denied(f"vxnet [{vxnet.id}] is not managed, can not join a router")
    if vxnet.router_id:
        raise denied(f"vxnet [{vxnet.id}] has already joined router [{vxnet.router_id}]")
    prefix = networks().constants["vxnet_prefix"]
    if network.prefixlen != prefix or not network.subnet_of(IPv4Network(router.vpc_network)):
        raise denied(f"ip network [{network}] is not a /{prefix} of router [{router.id}]")
    for other in vxnets_of(cloud.store, router.id):
        if other.network is not None and other.network.overlaps(network):
            raise denied(f"ip network [{network}] overlaps that of vxnet [{other.id}]")
    bounds = {name: str(value) for name, value in joined(network).items()}
    for name in ("manager_ip", "dyn_ip_start", "dyn_ip_end"):
        bounds[name] = call.text(name, bounds[name])
        if bounds[name] not in map(str, network.hosts()):
            raise invalid(name, bounds[name])
    cloud.store.change(vxnet, call.seq, router_id=router.id, features=call.number("features", 1), **bounds)
    job = cloud.begin("JoinRouter", [router, vxnet], "updating", call, work="vxnet-join")
    return {"job_id": job.job_id, "router_id": router.id, "vxnet_id": vxnet.id}


def _leave(cloud: Cloud, call: Call) -> dict[str, Json]:
    router = idle_in(cloud, Router, call.required("router"), ON_OR_OFF, "be left")
    found = [idle(cloud, Vxnet, name) for name in call.required_texts("vxnets")]
    for vxnet in found:
        if vxnet.router_id != router.id:
            raise denied(f"vxnet [{vxnet.id}] is not in router [{router.id}]")
        if users := inside(cloud.store, vxnet.id):
            raise denied(f"vxnet [{vxnet.id}] is used by resource [{users[0].id}], can not leave router [{router.id}]")

    def done(cause: int) -> None:
        nothing = {"router_id": "", "ip_network": "", "manager_ip": "", "dyn_ip_start": "", "dyn_ip_end": ""}
        for vxnet in found:
            cloud.store.change(vxnet, cause, **nothing)

    job = cloud.begin("LeaveRouter", [router, *found], "updating", call, work="vxnet-join", done=done)
    return {"job_id": job.job_id, "router_id": router.id, "vxnets": [vxnet.id for vxnet in found]}


def _describe_vxnets(cloud: Cloud, call: Call) -> dict[str, Json]:
    router, wanted = alive(cloud, Router, call.required("router")), call.text("vxnet")
    found = [vxnet for vxnet in vxnets_of(cloud.store, router.id) if wanted in ("", vxnet.id)]
    shown: list[Json] = [
        {
            "router_id": router.id,
            "vxnet_id": vxnet.id,
            "ip_network": vxnet.ip_network,
            "manager_ip": vxnet.manager_ip,
            "dyn_ip_start": vxnet.dyn_ip_start,
            "dyn_ip_end": vxnet.dyn_ip_end,
            "features": vxnet.features,
        }
        for vxnet in call.page(found)
    ]
    return {"router_vxnet_set": shown, "total_count": len(found)}


ACTIONS: Actions = {
    "JoinRouter": _join,
    "LeaveRouter": _leave,
    "DescribeRouterVxnets": _describe_vxnets,
}
"""Private networks of VPCs."""

"""What is done to load balancers as a whole: made, applied, switched, resized, given addresses, deleted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from qke_core.catalog import quotas
from qke_core.effects import Json
from qke_core.resources import Resource
from qke_sim.cloud.call import BAD_MESSAGE, Call, CloudRefusal, denied
from qke_sim.cloud.capacity import require_room
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.eip import Eip, bind, eips_of, free_eip, unbind
from qke_sim.cloud.loadbalancer import (
    NODES_DEFAULT,
    BalancerForm,
    LoadBalancer,
    backends_of,
    form_of,
    listeners_of,
    show_balancer,
)
from qke_sim.cloud.lookup import (
    CEASED,
    DELETED,
    Actions,
    alive,
    idle,
    idle_in,
    listing,
    provenance,
    rename,
    require_leased,
)
from qke_sim.cloud.recyclebin import throw_away
from qke_sim.cloud.securitygroup import SecurityGroup
from qke_sim.cloud.shown import shown
from qke_sim.cloud.vxnet import Vxnet, take_address

TYPE_MAX = 5
HEADER_KB_MAX = 127
STANDS = ("active", "stopped")


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    verbose = call.number("verbose")

    def show(balancer: LoadBalancer) -> dict[str, Json]:
        return {**shown(cloud, balancer), **show_balancer(cloud.store, balancer, verbose)}

    return listing(call, cloud.store.all(LoadBalancer), ids="loadbalancers", into="loadbalancer_set", show=show)


def _create(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Make a balancer: public with EIPs, or internal in a vxnet, never both."""
    kind = call.number("loadbalancer_type", 0, least=0, most=TYPE_MAX)
    nodes, mode = call.number("node_count", NODES_DEFAULT, least=1), call.number("mode", 0, least=0, most=1)
    header = call.number("http_header_size", 15, least=1, most=HEADER_KB_MAX)
    group, eips, made_for = _group(cloud, call), _eips(cloud, call), provenance(call)
    name = call.text("loadbalancer_name")
    vxnet = alive(cloud, Vxnet, call.text("vxnet")) if call.text("vxnet") else None
    if (vxnet is None) == (not eips):
        raise CloudRefusal(BAD_MESSAGE, "InvalidRequestFormat, either [eips] or [vxnet] is required, and not both")
    address = take_address(cloud.store, vxnet, call.text("private_ip")) if vxnet is not None else ""
    cloud.allowance.require([Resource("new", "loadbalancer", "user", lb_type=kind, lb_nodes=nodes)])
    require_room(cloud, nodes, "CreateLoadBalancer", made_for["label"])
    new = LoadBalancer(
        id=cloud.store.new_id(LoadBalancer),
        name=name,
        status="pending",
        loadbalancer_type=kind,
        node_count=nodes,
        mode=mode,
        vxnet_id="" if vxnet is None else vxnet.id,
        private_ip=address,
        security_group_id=group,
        http_header_size=header,
        in_effect=BalancerForm(security_group_id=group),
        **made_for,
    )
    cloud.store.add(new, call.seq, call.by)
    for eip in eips:
        cloud.store.change(eip, call.seq, transition_status="associating")

    def done(cause: int) -> None:
        for eip in eips:
            cause = bind(cloud, eip, new.id, "loadbalancer", cause)
        cloud.store.change(new, cause, status="active")

    job = cloud.begin("CreateLoadBalancer", [new], "creating", call, work="lb-create", done=done)
    return {"job_id": job.job_id, "loadbalancer_id": new.id}


def _group(cloud: Cloud, call: Call) -> str:
    group = call.text("security_group")
    return alive(cloud, SecurityGroup, group).id if group else ""


def _eips(cloud: Cloud, call: Call, before: int = 0) -> list[Eip]:
    """Return the EIPs that a call names; all must be free, and with those before not too many."""
    found = [free_eip(cloud, name, "loadbalancer") for name in call.texts("eips")]
    most = quotas().hard["eips_per_loadbalancer"]
    if before + len(found) > most:
        raise denied(f"a loadbalancer can have [{most}] public IPs at most")
    return found


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [idle_in(cloud, LoadBalancer, name, STANDS, "be deleted") for name in call.required_texts("loadbalancers")]
    for balancer in found:
        require_leased(cloud, balancer)

    def done(cause: int) -> None:
        for balancer in found:
            for eip in eips_of(cloud.store, balancer.id):
                cause = unbind(cloud, eip, cause)
            seq = throw_away(cloud, balancer, cause, DELETED, partial(cease, cloud, balancer))
            cloud.tell_applied(balancer, seq)

    job = cloud.begin("DeleteLoadBalancers", found, "deleting", call, work="lb-delete", done=done)
    return {"job_id": job.job_id, "loadbalancers": [balancer.id for balancer in found]}


def cease(cloud: Cloud, balancer: LoadBalancer, cause: int) -> None:
    """Empty the recycle bin of a balancer, with everything that belongs to it."""
    for listener in listeners_of(cloud.store, balancer.id):
        for backend in backends_of(cloud.store, listener.id):
            cloud.store.change(backend, cause, status=CEASED)
        cloud.store.change(listener, cause, status=CEASED)
    cloud.store.change(balancer, cause, status=CEASED)


def _update(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Apply what was edited."""
    found = [idle_in(cloud, LoadBalancer, name, STANDS, "be updated") for name in call.required_texts("loadbalancers")]

    def done(cause: int) -> None:
        for balancer in found:
            seq = cloud.store.change(balancer, cause, is_applied=1, in_effect=form_of(cloud.store, balancer))
            cloud.tell_applied(balancer, seq)

    return {"job_id": cloud.begin("UpdateLoadBalancers", found, "updating", call, work="lb-update", done=done).job_id}


def _switch(cloud: Cloud, call: Call, action: str, before: str, meanwhile: str, after: str) -> dict[str, Json]:
    words = "be started" if after == "active" else "be stopped"
    found = [idle_in(cloud, LoadBalancer, name, (before,), words) for name in call.required_texts("loadbalancers")]

    def done(cause: int) -> None:
        for balancer in found:
            seq = cloud.store.change(balancer, cause, status=after)
            cloud.tell_applied(balancer, seq)

    return {"job_id": cloud.begin(action, found, meanwhile, call, work="lb-update", done=done).job_id}


def _start(cloud: Cloud, call: Call) -> dict[str, Json]:
    return _switch(cloud, call, "StartLoadBalancers", "stopped", "starting", "active")


def _stop(cloud: Cloud, call: Call) -> dict[str, Json]:
    return _switch(cloud, call, "StopLoadBalancers", "active", "stopping", "stopped")


def _resize(cloud: Cloud, call: Call) -> dict[str, Json]:
    call.required("loadbalancer_type")
    kind = call.number("loadbalancer_type", least=0, most=TYPE_MAX)
    names = call.required_texts("loadbalancers")
    found = [idle_in(cloud, LoadBalancer, name, ("stopped",), "be resized") for name in names]

    def done(cause: int) -> None:
        for balancer in found:
            cloud.store.change(balancer, cause, loadbalancer_type=kind)

    return {"job_id": cloud.begin("ResizeLoadBalancers", found, "updating", call, work="lb-update", done=done).job_id}


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Change attributes; security group, private address and number of nodes wait for being applied."""
    balancer = idle_in(cloud, LoadBalancer, call.required("loadbalancer"), STANDS, "be modified")
    fields: dict[str, object] = {
        "node_count": call.number("node_count", balancer.node_count, least=1),
        "http_header_size": call.number("http_header_size", balancer.http_header_size, least=1, most=HEADER_KB_MAX),
        "security_group_id": _group(cloud, call) or balancer.security_group_id,
        "private_ip": _new_address(cloud, call, balancer),
    }
    if any(getattr(balancer, name) != value for name, value in fields.items()):
        fields["is_applied"] = 0
    rename(cloud, balancer, call, "loadbalancer_name", **fields)
    return {}


def _new_address(cloud: Cloud, call: Call, balancer: LoadBalancer) -> str:
    wanted = call.text("private_ip")
    if not wanted or wanted == balancer.private_ip:
        return balancer.private_ip
    if not balancer.vxnet_id:
        raise denied(f"loadbalancer [{balancer.id}] is public, it has no private ip")
    return take_address(cloud.store, alive(cloud, Vxnet, balancer.vxnet_id), wanted)


def _associate(cloud: Cloud, call: Call) -> dict[str, Json]:
    balancer = idle_in(cloud, LoadBalancer, call.required("loadbalancer"), STANDS, "be given public IPs")
    call.required_texts("eips")
    eips = _eips(cloud, call, len(eips_of(cloud.store, balancer.id)))

    def done(cause: int) -> None:
        for eip in eips:
            cause = bind(cloud, eip, balancer.id, "loadbalancer", cause)

    return _move_eips(cloud, call, "AssociateEipsToLoadBalancer", balancer, (eips, "associating", done))


def _dissociate(cloud: Cloud, call: Call) -> dict[str, Json]:
    balancer = idle_in(cloud, LoadBalancer, call.required("loadbalancer"), STANDS, "be taken public IPs from")
    eips = [idle(cloud, Eip, name) for name in call.required_texts("eips")]
    for eip in eips:
        if eip.resource_id != balancer.id:
            raise denied(f"public IP [{eip.id}] is not associated to loadbalancer [{balancer.id}]")

    def done(cause: int) -> None:
        for eip in eips:
            cause = unbind(cloud, eip, cause)

    return _move_eips(cloud, call, "DissociateEipsFromLoadBalancer", balancer, (eips, "dissociating", done))


def _move_eips(
    cloud: Cloud, call: Call, action: str, balancer: LoadBalancer, move: tuple[list[Eip], str, Callable[[int], None]]
) -> dict[str, Json]:
    eips, transition, done = move
    for eip in eips:
        cloud.store.change(eip, call.seq, transition_status=transition)
    return {"job_id": cloud.begin(action, [balancer], "updating", call, work="eip-associate", done=done).job_id}


ACTIONS: Actions = {
    "DescribeLoadBalancers": _describe,
    "CreateLoadBalancer": _create,
    "DeleteLoadBalancers": _delete,
    "UpdateLoadBalancers": _update,
    "ResizeLoadBalancers": _resize,
    "StartLoadBalancers": _start,
    "StopLoadBalancers": _stop,
    "ModifyLoadBalancerAttributes": _modify,
    "AssociateEipsToLoadBalancer": _associate,
    "DissociateEipsFromLoadBalancer": _dissociate,
}
"""Load balancers as a whole; listeners, backends and certificates are modules of their own."""

"""What is done to load balancers as a whole: made, applied, switched, resized, given addresses, deleted."""

from __future__ import annotations

from functools import partial

from qke_core.catalog import catalog, quotas
from qke_core.effects import Json
from qke_core.resources import Resource
from qke_sim.cloud.call import BAD_MESSAGE, Call, CloudRefusal, denied
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
    Provenance,
    alive,
    idle,
    idle_in,
    listing,
    provenance,
    rename,
    require_leased,
)
from qke_sim.cloud.securitygroup import SecurityGroup
from qke_sim.cloud.vxnet import Vxnet, take_address

TYPE_MAX = 5
HEADER_KB_MAX = 127
_STANDS = ("active", "stopped")


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    show = partial(show_balancer, cloud.store, verbose=call.number("verbose"))
    return listing(
        call, cloud.store.all(LoadBalancer), ids="loadbalancers", into="loadbalancer_set", show=lambda found: show(found)
    )


def _create(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Make a balancer: public with EIPs, or internal in a vxnet, never both."""
    kind = call.number("loadbalancer_type", 0, least=0, most=TYPE_MAX)
    nodes, mode = call.number("node_count", NODES_DEFAULT, least=1), call.number("mode", 0, least=0, most=1)
    header = call.number("http_header_size", 15, least=1, most=HEADER_KB_MAX)
    group, eips, made_for = _group(cloud, call), _eips(cloud, call), provenance(call)
    vxnet = alive(cloud, Vxnet, call.text("vxnet")) if call.text("vxnet") else None
    if (vxnet is None) == (not eips):
        raise CloudRefusal(BAD_MESSAGE, "InvalidRequestFormat, either [eips] or [vxnet] is required, and not both")
    address = take_address(cloud.store, vxnet, call.text("private_ip")) if vxnet is not None else ""
    cloud.allowance.require([Resource("new", "loadbalancer", "user", lb_type=kind, lb_nodes=nodes)])
    new = LoadBalancer(
        id=cloud.store.new_id(LoadBalancer),
        name=call.text("loadbalancer_name"),
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
    found = [idle_in(cloud, LoadBalancer, name, _STANDS, "be deleted") for name in call.required_texts("loadbalancers")]
    for balancer in found:
        require_leased(cloud, balancer)

    def done(cause: int) -> None:
        for balancer in found:
            for eip in eips_of(cloud.store, balancer.id):
                cause = unbind(cloud, eip, cause)
            seq = cloud.store.change(balancer, cause, status=DELETED)
            cloud.told_of_balancer(balancer, seq)
            cloud.kernel.later(catalog().constant("recycle_ms"), partial(cease, cloud, balancer, seq))

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
    found = [idle_in(cloud, LoadBalancer, name, _STANDS, "be updated") for name in call.required_texts("loadbalancers")]

    def done(cause: int) -> None:
        for balancer in found:
            seq = cloud.store.change(balancer, cause, is_applied=1, in_effect=form_of(cloud.store, balancer))
            cloud.told_of_balancer(balancer, seq)

    return {"job_id": cloud.begin("UpdateLoadBalancers", found, "updating", call, work="lb-update", done=done).job_id}

"""Backends of listeners. Nothing has an effect until UpdateLoadBalancers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from qke_core.catalog import quotas
from qke_core.effects import Json
from qke_core.models.network import PORT_MAX
from qke_sim.cloud.call import ALREADY_EXISTS, QUOTAS_EXCEEDED, Call, CloudRefusal, not_found
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lbcontrol import STANDS
from qke_sim.cloud.loadbalancer import Backend, BackendForm, Listener, LoadBalancer, backends_of, show_backend
from qke_sim.cloud.lookup import ABSENT, CEASED, Actions, alive, idle_in, listing
from qke_sim.cloud.stamp import stamped

WEIGHT_MAX = 100
SERVERS = ("instance", "router")
"""Kinds of things that may serve."""


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    listener, balancer = call.text("loadbalancer_listener"), call.text("loadbalancer")
    found = [
        backend
        for backend in cloud.store.all(Backend)
        if listener in ("", backend.listener_id) and balancer in ("", backend.loadbalancer_id)
    ]

    def show(backend: Backend) -> dict[str, Json]:
        up = not backend.form.disabled and cloud.serves(backend.form.resource_id, backend.form.port)
        return {**stamped(cloud.kernel, backend), **show_backend(backend), "status": "up" if up else "down"}

    return listing(call, found, ids="loadbalancer_backends", into="loadbalancer_backend_set", show=show)


def _add(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Add backends: an instance serves at a port of its own once per listener."""
    listener = alive(cloud, Listener, call.required("loadbalancer_listener"))
    balancer = idle_in(cloud, LoadBalancer, listener.loadbalancer_id, STANDS, "be modified")
    given = call.objects("backends")
    if not given:
        call.required_texts("backends")
    forms = [_form(cloud, item) for item in given]
    names = [Call("", item, 0).text("loadbalancer_backend_name") for item in given]
    _require_room(cloud, balancer, listener, len(forms))
    known = {_key(backend.form) for backend in backends_of(cloud.store, listener.id)}
    for form in forms:
        if _key(form) in known:
            sentence = f"resource [{form.resource_id}] serves listener [{listener.id}] already"
            raise CloudRefusal(ALREADY_EXISTS, f"ResourceAlreadyExists, {sentence}")
        known.add(_key(form))
    made: list[Json] = []
    for form, name in zip(forms, names, strict=True):
        backend_id = cloud.store.new_id(Backend)
        new = Backend(
            id=backend_id,
            name=name,
            owner=balancer.owner,
            loadbalancer_id=balancer.id,
            listener_id=listener.id,
            form=replace(form, id=backend_id),
        )
        made.append(cloud.store.add(new, call.seq, call.by).id)
    cloud.store.change(balancer, call.seq, is_applied=0)
    return {"loadbalancer_backends": made}


def _require_room(cloud: Cloud, balancer: LoadBalancer, listener: Listener, more: int) -> None:
    everywhere = [each for each in cloud.store.all(Backend) if each.loadbalancer_id == balancer.id and not each.status]
    here = [backend for backend in everywhere if backend.listener_id == listener.id]
    hard = quotas().hard
    for count, most, of in (
        (len(here), hard["backends_per_listener"], f"listener [{listener.id}]"),
        (len(everywhere), hard["backends_per_loadbalancer"], f"loadbalancer [{balancer.id}]"),
    ):
        if count + more > most:
            raise CloudRefusal(QUOTAS_EXCEEDED, f"QuotasExceeded, {of} takes [{most}] backends")


def _key(form: BackendForm) -> tuple[str, int]:
    return form.resource_id, form.port


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [alive(cloud, Backend, name) for name in call.required_texts("loadbalancer_backends")]
    balancers = [idle_in(cloud, LoadBalancer, each.loadbalancer_id, STANDS, "be modified") for each in found]
    for backend, balancer in zip(found, balancers, strict=True):
        cloud.store.change(backend, call.seq, status=CEASED)
        cloud.store.change(balancer, call.seq, is_applied=0)
    return {"loadbalancer_backends": [backend.id for backend in found]}


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    backend = alive(cloud, Backend, call.required("loadbalancer_backend"))
    balancer = idle_in(cloud, LoadBalancer, backend.loadbalancer_id, STANDS, "be modified")
    before = backend.form
    form = replace(
        before,
        port=call.number("port", before.port, least=1, most=PORT_MAX),
        weight=call.number("weight", before.weight, least=1, most=WEIGHT_MAX),
        disabled=call.number("disabled", before.disabled, least=0, most=1),
    )
    cloud.store.change(backend, call.seq, form=form, name=call.text("loadbalancer_backend_name", backend.name))
    cloud.store.change(balancer, call.seq, is_applied=0)
    return {}


def _form(cloud: Cloud, item: Mapping[str, Json]) -> BackendForm:
    """Read what a backend says.

    Raises:
        CloudRefusal: 1100; 2100 when what should serve is not there.
    """
    said = Call("", item, 0)
    resource_id = said.required("resource_id")
    there = any(
        thing.id == resource_id and thing.kind in SERVERS and thing.status not in ABSENT
        for thing in cloud.store.everything()
    )
    if not there:
        raise not_found("resource", resource_id)
    said.required("port")
    return BackendForm(
        id="",
        resource_id=resource_id,
        port=said.number("port", least=1, most=PORT_MAX),
        weight=said.number("weight", 1, least=1, most=WEIGHT_MAX),
        disabled=said.number("disabled", 0, least=0, most=1),
    )


ACTIONS: Actions = {
    "DescribeLoadBalancerBackends": _describe,
    "AddLoadBalancerBackends": _add,
    "DeleteLoadBalancerBackends": _delete,
    "ModifyLoadBalancerBackendAttributes": _modify,
}
"""Backends of listeners."""

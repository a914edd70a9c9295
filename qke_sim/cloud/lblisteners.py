"""Listeners of load balancers. Nothing has an effect until UpdateLoadBalancers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

from qke_core.catalog import quotas
from qke_core.effects import Json
from qke_core.models.network import PORT_MAX
from qke_sim.cloud.call import ALREADY_EXISTS, QUOTAS_EXCEEDED, Call, CloudRefusal, invalid
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.lbcontrol import STANDS
from qke_sim.cloud.loadbalancer import (
    HEALTH_DEFAULT,
    Listener,
    ListenerForm,
    LoadBalancer,
    backends_of,
    listeners_of,
    show_listener,
)
from qke_sim.cloud.lookup import CEASED, Actions, alive, idle_in, listing
from qke_sim.cloud.servercertificate import ServerCertificate
from qke_sim.cloud.stamp import stamped

PROTOCOLS = ("http", "https", "tcp", "ssl", "udp")
BALANCE_MODES = ("roundrobin", "leastconn", "source")
SCENES = (0, 1, 11)
OPTION_RANGES = ((2, 60), (5, 300), (2, 10), (2, 10))
"""Bounds of `inter|timeout|fall|rise` (SDK of the platform)."""

TIMEOUT_RANGE = (10, 86400)
_DEFAULTS = ListenerForm("", 0, "", "")
_SECURE = ("https", "ssl")


def _describe(cloud: Cloud, call: Call) -> dict[str, Json]:
    balancer = call.text("loadbalancer")
    found = [each for each in cloud.store.all(Listener) if balancer in ("", each.loadbalancer_id)]
    verbose = call.number("verbose")

    def show(listener: Listener) -> dict[str, Json]:
        return {**stamped(cloud.kernel, listener), **show_listener(cloud.store, listener, verbose)}

    return listing(call, found, ids="loadbalancer_listeners", into="loadbalancer_listener_set", show=show)


def _add(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Add listeners: a port of a balancer has one only."""
    balancer = idle_in(cloud, LoadBalancer, call.required("loadbalancer"), STANDS, "be modified")
    given = call.objects("listeners")
    if not given:
        call.required_texts("listeners")
    forms = [_form(cloud, item) for item in given]
    names = [Call("", item, 0).text("loadbalancer_listener_name") for item in given]
    ports = [found.form.listener_port for found in listeners_of(cloud.store, balancer.id)]
    most = quotas().hard["listeners_per_loadbalancer"]
    if len(ports) + len(forms) > most:
        raise CloudRefusal(QUOTAS_EXCEEDED, f"QuotasExceeded, loadbalancer [{balancer.id}] takes [{most}] listeners")
    for form in forms:
        if form.listener_port in ports:
            sentence = f"port [{form.listener_port}] of loadbalancer [{balancer.id}] has a listener"
            raise CloudRefusal(ALREADY_EXISTS, f"ResourceAlreadyExists, {sentence}")
        ports.append(form.listener_port)
    made: list[Json] = []
    for form, name in zip(forms, names, strict=True):
        listener_id = cloud.store.new_id(Listener)
        new = Listener(
            id=listener_id,
            name=name,
            loadbalancer_id=balancer.id,
            form=replace(form, id=listener_id),
            owner=balancer.owner,
        )
        made.append(cloud.store.add(new, call.seq, call.by).id)
    cloud.store.change(balancer, call.seq, is_applied=0)
    return {"loadbalancer_listeners": made}


def _delete(cloud: Cloud, call: Call) -> dict[str, Json]:
    found = [alive(cloud, Listener, name) for name in call.required_texts("loadbalancer_listeners")]
    balancers = [idle_in(cloud, LoadBalancer, each.loadbalancer_id, STANDS, "be modified") for each in found]
    for listener, balancer in zip(found, balancers, strict=True):
        for backend in backends_of(cloud.store, listener.id):
            cloud.store.change(backend, call.seq, status=CEASED)
        cloud.store.change(listener, call.seq, status=CEASED)
        cloud.store.change(balancer, call.seq, is_applied=0)
    return {"loadbalancer_listeners": [listener.id for listener in found]}


def _modify(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Change a listener; the fix of the upgrade from 1.x, scene 0 to 11, comes this way."""
    listener = alive(cloud, Listener, call.required("loadbalancer_listener"))
    balancer = idle_in(cloud, LoadBalancer, listener.loadbalancer_id, STANDS, "be modified")
    fixed = ("listener_port", "listener_protocol", "backend_protocol")
    asked = {name: value for name, value in call.params.items() if name not in fixed}
    before = asdict(listener.form)
    form = replace(_form(cloud, {**before, **asked}), id=listener.id)
    name = call.text("loadbalancer_listener_name", listener.name)
    if form.scene != listener.form.scene and balancer.origin == "apiserver":
        cloud.kernel.trace.add("listener.fixed", balancer.owner, call.seq, scene=form.scene)
    cloud.store.change(listener, call.seq, form=form, name=name)
    cloud.store.change(balancer, call.seq, is_applied=0)
    return {}


def _form(cloud: Cloud, item: Mapping[str, Json]) -> ListenerForm:
    """Read what a listener says.

    Raises:
        CloudRefusal: 1100; 2100 for a certificate that is not there.
    """
    said = Call("", item, 0)
    said.required("listener_port")
    protocol = _one_of(said, "listener_protocol", PROTOCOLS)
    certificates = tuple(said.texts("server_certificate_id"))
    if protocol in _SECURE and not certificates:
        said.required_texts("server_certificate_id")
    for name in certificates:
        alive(cloud, ServerCertificate, name)
    low, high = TIMEOUT_RANGE
    scene = said.number("scene", _DEFAULTS.scene)
    if scene not in SCENES:
        raise invalid("scene", scene)
    return ListenerForm(
        id="",
        listener_port=said.number("listener_port", least=1, most=PORT_MAX),
        listener_protocol=protocol,
        backend_protocol=_one_of(said, "backend_protocol", PROTOCOLS, protocol),
        balance_mode=_one_of(said, "balance_mode", BALANCE_MODES, _DEFAULTS.balance_mode),
        session_sticky=said.text("session_sticky"),
        forwardfor=said.number("forwardfor", 0, least=0),
        healthy_check_method=said.text("healthy_check_method") or _DEFAULTS.healthy_check_method,
        healthy_check_option=_option(said.text("healthy_check_option") or HEALTH_DEFAULT),
        timeout=said.number("timeout", _DEFAULTS.timeout, least=low, most=high),
        scene=scene,
        listener_option=said.number("listener_option", 0, least=0),
        server_certificate_id=certificates,
    )


def _one_of(said: Call, name: str, allowed: tuple[str, ...], default: str = "") -> str:
    value = said.text(name) or default or said.required(name)
    if value not in allowed:
        raise invalid(name, value)
    return value


def _option(text: str) -> str:
    parts = text.split("|")
    fits = len(parts) == len(OPTION_RANGES) and all(
        part.isdecimal() and low <= int(part) <= high for part, (low, high) in zip(parts, OPTION_RANGES, strict=True)
    )
    if not fits:
        raise invalid("healthy_check_option", text)
    return text


ACTIONS: Actions = {
    "DescribeLoadBalancerListeners": _describe,
    "AddLoadBalancerListeners": _add,
    "DeleteLoadBalancerListeners": _delete,
    "ModifyLoadBalancerListenerAttributes": _modify,
}
"""Listeners of load balancers."""

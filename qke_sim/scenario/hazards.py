"""What befalls single nodes below the doors: cut networks, wrong clocks, lost members, certificates that are over.

Each function does it at one instant and returns what ends it, or None when nothing does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site

Lift = Callable[[int], object]
"""Ends a fault, given the record of its end."""


def cut(site: Site, alias: str, others: tuple[str, ...], cause: int) -> Lift:
    """No packet passes between a node and `others`.

    A node that reaches no master falls silent, and a master that reaches no other loses its place in etcd. What runs on
    them runs on.
    """
    pairs = {frozenset((alias, other)) for other in others} - {frozenset((alias,))} - site.cuts
    before = _isolated(site)
    site.cuts |= pairs
    for name in sorted(_isolated(site) - before):
        _fall_silent(site, name, cause)
    return partial(_mend, site, pairs)


def _mend(site: Site, pairs: set[frozenset[str]], cause: int) -> None:
    before = _isolated(site)
    site.cuts -= pairs
    for name in sorted(before - _isolated(site)):
        _speak_again(site, name, cause)


def _isolated(site: Site) -> set[str]:
    """Return the Kubernetes nodes that reach no other master."""
    masters = set(site.plane.masters)
    return {
        alias
        for alias in site.kube.nodes
        if masters - {alias} and not any(site.linked(alias, master) for master in masters - {alias})
    }


def _fall_silent(site: Site, alias: str, cause: int) -> None:
    if alias in site.plane.masters:
        site.plane.set_etcd(alias, up=False, cause=cause)
    site.kube.kubelet_stopped(alias, cause)


def _speak_again(site: Site, alias: str, cause: int) -> None:
    host = site.hosts.get(alias)
    if host is None or not host.up or alias not in site.kube.nodes:
        return
    if alias in site.plane.masters and host.services.get("etcd", False):
        site.plane.set_etcd(alias, up=True, cause=cause)
    if host.services.get("kubelet", False):
        site.kube.kubelet_started(alias, host.kubelet_version, cause)


def skew(site: Site, host: Host, ahead_ms: int, cause: int) -> Lift:
    """A node's clock goes wrong: its timers strike at other instants, and certificates seem older than they are."""
    before = host.clock_skew_ms
    _set_clock(site, host, before + ahead_ms, cause)
    return lambda lifted: _set_clock(site, host, before, lifted)


def _set_clock(site: Site, host: Host, skew_ms: int, cause: int) -> None:
    host.clock_skew_ms = skew_ms
    seq = site.kernel.trace.add("clock.set", host.subject, cause, skew_ms=skew_ms)
    host.on_certificates(seq)


def lose_member(site: Site, host: Host, cause: int) -> None:
    """A master's etcd member stops, and with it the API server beside it; it comes back when its service starts."""
    seq = host.set_service("etcd", active=False, cause=cause)
    site.plane.set_etcd(host.alias, up=False, cause=seq)


def expire(site: Site, host: Host, cause: int) -> None:
    """All certificates of a master are over now; its API server refuses everybody until they are renewed."""
    now = site.kernel.now
    host.certificates.update({name: replace(found, ends_ms=now) for name, found in host.certificates.items()})
    host.loaded = host.certificates.get("apiserver", host.loaded)
    site.judge_certificates(host.alias, cause)
    host.on_certificates(cause)

"""What befalls nodes from outside: links that are cut, clocks that go wrong, disks that fill up, certificates that end.

Each is one function on a site; what follows is worked out from what is true then. Members of etcd that cannot reach a
majority leave it, and their API servers answer nobody; a kubelet that cannot reach an API server, or that does not
accept what it shows, is silent while its containers run on.
"""

from __future__ import annotations

from dataclasses import replace

from qke_core.catalog import catalog
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site

BALANCER = "loadbalancer"
"""How a cut calls the API server's balancer."""


# Links


def cut(site: Site, one: str, other: str, cause: int) -> int:
    """Two nodes, or a node and the balancer (`loadbalancer`), cannot talk any more; return the record."""
    pair = frozenset((one, other))
    if pair in site.cuts:
        return cause
    site.cuts.add(pair)
    seq = site.kernel.trace.add("link.cut", site.subject(one), cause, other=other)
    return _judge(site, seq)


def mend(site: Site, one: str, other: str, cause: int) -> int:
    """They can talk again."""
    pair = frozenset((one, other))
    if pair not in site.cuts:
        return cause
    site.cuts.discard(pair)
    seq = site.kernel.trace.add("link.mended", site.subject(one), cause, other=other)
    return _judge(site, seq)


def isolate(site: Site, alias: str, cause: int) -> int:
    """Cut a node off from all others and from the balancer."""
    for other in (*site.hosts, BALANCER):
        if other != alias:
            cause = cut(site, alias, other, cause)
    return cause


def rejoin(site: Site, alias: str, cause: int) -> int:
    """Mend all links of a node."""
    for other in (*site.hosts, BALANCER):
        if other != alias:
            cause = mend(site, alias, other, cause)
    return cause


def groups(aliases: list[str], site: Site) -> list[list[str]]:
    """Return who of these reaches whom, over any number of links: groups in the order of their first members."""
    found: list[list[str]] = []
    for alias in aliases:
        near = [group for group in found if any(site.linked(alias, other) for other in group)]
        merged = [other for group in near for other in group]
        found = [group for group in found if group not in near]
        found.append([*merged, alias])
    return sorted(found, key=lambda group: aliases.index(group[0]))


def _judge(site: Site, cause: int) -> int:
    """Work out who is cut off from etcd's majority, and whose kubelet reaches no API server."""
    _judge_members(site, cause)
    for alias in site.kube.nodes:
        _judge_kubelet(site, alias, cause)
    return cause


def _judge_members(site: Site, cause: int) -> None:
    if "etcd_service" in site.cluster.links:
        return
    members = list(site.plane.masters)
    joined = {alias for group in groups(members, site) if len(group) > len(members) // 2 for alias in group}
    for alias in members:
        if alias not in joined and alias not in site.isolated:
            site.isolated.add(alias)
            site.plane.set_etcd(alias, up=False, cause=cause)
            site.plane.set_process(alias, up=False, cause=cause, why="it is cut off from etcd's majority")
        elif alias in joined and alias in site.isolated:
            site.isolated.discard(alias)
            if site.hosts[alias].services.get("etcd", False):
                site.plane.set_etcd(alias, up=True, cause=cause)
                site.plane.set_process(alias, up=True, cause=cause)


def _judge_kubelet(site: Site, alias: str, cause: int) -> None:
    host, quiet = site.hosts[alias], not (_finds_api(site, alias) and _accepts(site, alias))
    if quiet and alias not in site.silenced:
        site.silenced.add(alias)
        site.kube.kubelet_stopped(alias, cause)
    elif not quiet and alias in site.silenced:
        site.silenced.discard(alias)
        if host.up and host.services.get("kubelet", False):
            site.kube.kubelet_started(alias, host.kubelet_version, cause)


def _finds_api(site: Site, alias: str) -> bool:
    """Whether a kubelet's packets get to an API server that works.

    The balancer forwards packets and answers none itself, so a node also has to reach a master behind it (assumed).
    """
    masters = [master for master in site.plane.masters if master not in site.isolated]
    if site.plane.balancer is None:
        masters = [master for master in masters if master == next(iter(site.plane.masters))]
    elif not site.linked(alias, BALANCER):
        return False
    return any(alias == master or site.linked(alias, master) for master in masters)


# Clocks and certificates


def set_clock(site: Site, alias: str, skew_ms: int, cause: int) -> int:
    """Let a node's clock be ahead of true time; a negative number lets it be behind. Return the record."""
    host = site.hosts[alias]
    if host.clock_skew_ms == skew_ms:
        return cause
    host.clock_skew_ms = skew_ms
    seq = site.kernel.trace.add("clock.set", host.subject, cause, skew_ms=skew_ms)
    tolerated = catalog().constant("etcd_clock_tolerance_ms")
    if alias in site.plane.masters and len(site.plane.masters) > 1 and abs(skew_ms) > tolerated:
        site.kernel.trace.add("clock.warned", host.subject, seq, skew_ms=skew_ms)
    _judge_clock(site, host, seq)
    host.on_certificates(seq)
    return seq


def _judge_clock(site: Site, host: Host, cause: int) -> None:
    """A master refuses everybody whose certificate its own clock finds expired, or not yet valid; so does a kubelet."""
    alias, plane = host.alias, site.plane
    if alias in plane.masters and host.up:
        refuses = any(not found.valid(host.clock_ms) for found in host.certificates.values())
        if refuses and plane.masters[alias].process:
            plane.set_process(alias, up=False, cause=cause, why="by its clock no certificate is valid")
        elif not refuses and not plane.masters[alias].process and not site.why_refused(alias):
            plane.set_process(alias, up=True, cause=cause)
    if alias in site.kube.nodes:
        _judge_kubelet(site, alias, cause)


def _accepts(site: Site, alias: str) -> bool:
    """Whether a node's clock finds what the API servers show valid: any of them, behind a balancer; else the first."""
    shown = [site.hosts[master].loaded for master in site.plane.masters if master in site.hosts]
    asked = shown if site.plane.balancer is not None else shown[:1]
    now = site.hosts[alias].clock_ms
    return not asked or any(found is None or found.valid(now) for found in asked)


def end_certificates(site: Site, alias: str, ends_ms: int, cause: int) -> int:
    """Let the certificates of a master end at an instant, whatever they said before; return the record."""
    host = site.hosts[alias]
    host.certificates = {name: replace(found, ends_ms=ends_ms) for name, found in host.certificates.items()}
    if host.loaded is not None:
        host.loaded = replace(host.loaded, ends_ms=ends_ms)
    seq = site.kernel.trace.add("certificates.dated", host.subject, cause, left_ms=ends_ms - site.kernel.now)
    host.on_certificates(seq)
    site.judge_certificates(alias, seq)
    return seq


def stop_member(site: Site, alias: str, cause: int) -> int:
    """A master's etcd member stops; it comes back when its service starts. Return the record."""
    seq = site.hosts[alias].set_service("etcd", active=False, cause=cause)
    site.plane.set_etcd(alias, up=False, cause=seq)
    return seq


def lose_member(site: Site, alias: str, cause: int) -> int:
    """The data of a master's etcd member is lost; nothing that the product offers brings it back. Return the record.

    A master whose cluster uses a linked etcd has no member to lose.
    """
    if "etcd" not in site.hosts[alias].services or site.plane.masters[alias].lost:
        return cause
    seq = site.plane.lose_etcd(alias, cause)
    return site.hosts[alias].set_service("etcd", active=False, cause=seq)


# Disks


def fill_disk(site: Site, alias: str, cause: int, left_mib: int = 0) -> int:
    """Leave so much free on /data. With nothing left an etcd member stops, and its API server with it."""
    host = site.hosts[alias]
    seq = host.set_disk(left_mib, "something filled it", cause)
    return judge_disk(site, alias, seq)


def judge_disk(site: Site, alias: str, cause: int) -> int:
    """Let an etcd member follow its disk: no room, no writes; with room again it comes back."""
    host = site.hosts[alias]
    if alias not in site.plane.masters or "etcd" not in host.services or not host.up:
        return cause
    if host.data_free_mib == 0 and host.services["etcd"]:
        return stop_member(site, alias, site.kernel.trace.add("disk.full", host.subject, cause))
    member = site.plane.masters[alias]
    if host.data_free_mib > 0 and not (host.services["etcd"] or member.etcd or member.lost):
        seq = host.set_service("etcd", active=True, cause=cause)
        site.plane.set_etcd(alias, up=True, cause=seq)
        return seq
    return cause

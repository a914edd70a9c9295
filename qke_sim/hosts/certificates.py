"""Certificates of a master's control plane: when each expires, when they are renewed, what an expired one does.

Ends are instants of virtual time on a true clock. What a node makes of them depends on its own clock: one whose clock
is wrong by `host.clock_skew_ms` finds certificates expired, or not yet valid. Figures: kubeadm, 365 days; QKE app repo,
renewal at 30 days or less, unhealthy at 25 or less.
"""

from __future__ import annotations

from collections.abc import Iterable

from qke_core.catalog import catalog
from qke_core.units import MS_PER_S
from qke_sim.hosts.host import Certificate, Host
from qke_sim.hosts.site import Site

RENEWED = (
    "admin.conf",
    "apiserver",
    "apiserver-kubelet-client",
    "controller-manager.conf",
    "front-proxy-client",
    "scheduler.conf",
)
"""What is renewed from 2.0.0 on, all six together; 1.x renews the same files one by one."""


def life_ms() -> int:
    """How long a new certificate lives."""
    return catalog().constant("certificate_life_s") * MS_PER_S


def issue(host: Host, names: Iterable[str], at_ms: int) -> None:
    """Sign certificates on a node whose clock shows `at_ms`."""
    for name in names:
        host.certificates[name] = Certificate(at_ms, at_ms + life_ms())


def issue_all(site: Site, host: Host, cause: int) -> int:
    """Sign all certificates of a master."""
    issue(host, RENEWED, host.clock_ms)
    host.loaded = host.certificates["apiserver"]
    seq = site.kernel.trace.add("certificates.issued", host.subject, cause, names=list(RENEWED))
    host.on_certificates(seq)
    return seq


def renew(site: Site, host: Host, cause: int, names: Iterable[str] = RENEWED, *, reload: bool = True) -> int:
    """Renew certificates; the API server shows the new one once it has been told to `reload`."""
    chosen = [name for name in names if name in host.certificates]
    if not chosen:
        return cause
    issue(host, chosen, host.clock_ms)
    seq = site.kernel.trace.add("certificates.renewed", host.subject, cause, names=chosen)
    if reload:
        seq = load(site, host, seq)
    host.on_certificates(seq)
    return seq


def load(site: Site, host: Host, cause: int) -> int:
    """The API server reads its certificate anew; one that could not serve with the old one serves again."""
    host.loaded = host.certificates.get("apiserver")
    site.judge_certificates(host.alias, cause)
    return cause


def earliest_ms(host: Host) -> int | None:
    """Return when the first of a node's certificates ends; None on a node without."""
    return min((found.ends_ms for found in host.certificates.values()), default=None)


def left_ms(host: Host) -> int | None:
    """Return how long the first one lives on, by the node's own clock."""
    end = earliest_ms(host)
    return None if end is None else end - host.clock_ms


def due(host: Host) -> bool:
    """Whether they are renewed now: the first one has 30 days or less."""
    left = left_ms(host)
    return left is not None and left <= catalog().constant("certificate_renew_s") * MS_PER_S


def unhealthy(host: Host) -> bool:
    """Whether a health check fails for them: the first one has 25 days or less (from 2.0.0 on, masters only)."""
    left = left_ms(host)
    return left is not None and left <= catalog().constant("certificate_unhealthy_s") * MS_PER_S


def unhealthy_from_ms(host: Host) -> int | None:
    """Return the instant from which a health check fails for them if nothing is renewed; None on a node without."""
    end = earliest_ms(host)
    limit = catalog().constant("certificate_unhealthy_s") * MS_PER_S
    return None if end is None else end - limit - host.clock_skew_ms

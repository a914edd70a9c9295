"""What befalls single nodes below the doors, as faults of a scenario: what ends each of them, if anything does.

What a mishap does is the hosts' own knowledge (`qke_sim.hosts.mishaps`).
"""

from __future__ import annotations

from collections.abc import Callable

from qke_sim.hosts import mishaps
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site

Lift = Callable[[int], object]
"""Ends a fault, given the record of its end."""


def cut(site: Site, alias: str, others: tuple[str, ...], cause: int) -> Lift:
    """No packet passes between a node and `others`."""
    pairs = [other for other in others if other != alias and site.linked(alias, other)]
    for other in pairs:
        mishaps.cut(site, alias, other, cause)

    def mend(lifted: int) -> None:
        for other in pairs:
            mishaps.mend(site, alias, other, lifted)

    return mend


def skew(site: Site, host: Host, ahead_ms: int, cause: int) -> Lift:
    """A node's clock goes wrong by so much more than it is already."""
    before = host.clock_skew_ms
    mishaps.set_clock(site, host.alias, before + ahead_ms, cause)
    return lambda lifted: mishaps.set_clock(site, host.alias, before, lifted)


def lose_member(site: Site, host: Host, cause: int) -> None:
    """A master's etcd member loses its data, and is away for good."""
    mishaps.lose_member(site, host.alias, cause)


def fill(site: Site, host: Host, free_mib: int, cause: int) -> None:
    """Something fills /data up to what is left."""
    mishaps.fill_disk(site, host.alias, cause, min(free_mib, host.data_free_mib))


def expire(site: Site, host: Host, cause: int) -> None:
    """All certificates of a master are over now; its API server refuses everybody until they are renewed."""
    mishaps.end_certificates(site, host.alias, site.kernel.now, cause)

"""What docker leaves behind on /data, and the prune that takes it away.

`garbage` are pieces that nobody uses, each with the instant since when. The system prune removes those that are old
enough, never a tagged image, never a volume. Rule: QKE app repo, runDockerPrune; user guide G-061, G-062.
"""

from __future__ import annotations

from qke_core.units import MS_PER_S
from qke_sim.hosts.host import Garbage, Host

DAY_MS = 86_400 * MS_PER_S


def prunable(host: Host, days: int, at_ms: int) -> list[Garbage]:
    """List what a prune at `at_ms` would remove: older than so many days, everything with 0."""
    return [piece for piece in host.garbage if at_ms - piece.since_ms >= days * DAY_MS]


def prune(host: Host, days: int, cause: int) -> int:
    """Remove what is old enough; return the record, or `cause` when there was nothing."""
    gone = prunable(host, days, host.kernel.now)
    if not gone:
        return cause
    host.garbage = [piece for piece in host.garbage if piece not in gone]
    freed = sum(piece.mib for piece in gone)
    seq = host.kernel.trace.add("docker.pruned", host.subject, cause, days=days, freed_mb=freed)
    host.set_disk(host.data_free_mib + freed, "the docker prune", seq)
    return seq

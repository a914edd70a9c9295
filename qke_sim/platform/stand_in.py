"""Until the scripts are in: commands that succeed at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qke_core.effects import Json
from qke_sim.hosts.appctl import UpgradeRun, upgrade_node
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site
from qke_sim.kernel import Process


@dataclass(slots=True)
class Run:
    """One command."""

    site: Site
    host: Host
    command: str
    version: str
    source: str = ""
    params: Mapping[str, Json] = field(default_factory=dict[str, Json])
    last: int = 0


def run_command(run: Run, cause: int) -> Process[int]:
    """Succeed."""
    if run.command == "upgrade":
        inner = UpgradeRun(run.site, run.host, run.source, run.version)
        code = yield from upgrade_node(inner, cause)
        run.last = inner.last
        return code
    yield run.site.kernel.pause(1000)
    return 0

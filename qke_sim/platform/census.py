"""Who serves: tells the figures which nodes run and which of them Kubernetes calls Ready, whenever that changes."""

from __future__ import annotations

from qke_sim.cloud import ClusterNode
from qke_sim.cloud.figures import Figures, State
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site
from qke_sim.hosts.sites import Sites
from qke_sim.kernel import Kernel
from qke_sim.trace import TraceRecord

MATTERS = frozenset(["host", "node", "resource", "cluster"])
"""Families of trace kinds after which other nodes may serve than before."""


class Census:
    """Watches all clusters through the trace, and looks once at the end of an instant."""

    def __init__(self, kernel: Kernel, sites: Sites, figures: Figures) -> None:
        """Listen."""
        self._kernel, self._sites, self._figures = kernel, sites, figures
        self._marked: dict[str, int] = {}
        self._known: dict[str, tuple[str, ...]] = {}
        kernel.trace.observers.append(self._hear)
        kernel.on_settle.append(self._count)

    def start(self, cause: int) -> None:
        """Count what stands."""
        self._marked.update(dict.fromkeys(self._sites.by_name, cause))
        self._count()

    def _hear(self, record: TraceRecord) -> None:
        family = record.kind.partition(".")[0]
        if family not in MATTERS:
            return
        if family != "resource":
            self._marked[record.subject.partition("/")[0]] = record.seq
        elif record.data.get("what") == ClusterNode.kind:
            self._marked.update(dict.fromkeys(self._sites.by_name, record.seq))

    def _count(self) -> None:
        marked, self._marked = self._marked, {}
        for name, cause in marked.items():
            site = self._sites.by_name.get(name)
            roles: dict[str, dict[str, State]] = {role: {} for role in self._known.get(name, ())}
            for node in () if site is None else site.cluster.nodes:
                if site is not None:
                    roles.setdefault(node.role, {})[node.id] = state_of(site, site.hosts.get(node.alias), node)
            for role, states in roles.items():
                self._figures.note(name, role, states, self._kernel.now, cause)
            self._known[name] = tuple(roles)


def state_of(site: Site, host: Host | None, node: ClusterNode) -> State:
    """Return whether a node is off, runs, or carries its share; the client never carries any."""
    if host is None or not host.up or node.status != "active":
        return "off"
    known = site.kube.nodes.get(node.alias)
    return "serving" if known is not None and known.ready else "idle"

"""A node that has stood since long before the run: what lies on its disks."""

from __future__ import annotations

from qke_sim.hosts.certificates import RENEWED, issue
from qke_sim.hosts.host import Host


def settle(host: Host) -> None:
    """Give a node its markers, and a master certificates that were renewed just now (assumed; nobody tells their age)."""
    host.system_files.add("node.init")
    host.data_markers.update(("cluster.init", "data"))
    if host.node.role_kind == "client":
        host.system_files.add("install.lock")
    if host.node.role_kind == "master":
        issue(host, RENEWED, host.kernel.now)
        host.loaded = host.certificates["apiserver"]

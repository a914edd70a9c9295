"""A node that has stood since long before the run: what lies on its disks."""

from __future__ import annotations

from qke_core.catalog import catalog
from qke_core.units import MS_PER_S
from qke_sim.hosts.certificates import RENEWED, issue
from qke_sim.hosts.host import Host


def settle(host: Host) -> None:
    """Give a node its markers, and a master certificates of an assumed age."""
    host.system_files.add("node.init")
    host.data_markers.update(("cluster.init", "data"))
    if host.node.role_kind == "client":
        host.system_files.add("install.lock")
    if host.node.role_kind == "master":
        issue(host, RENEWED, host.kernel.now - catalog().constant("certificate_age_s") * MS_PER_S)
        host.loaded = host.certificates["apiserver"]

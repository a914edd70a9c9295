"""A node that has stood since long before the run: what lies on its disks."""

from __future__ import annotations

from qke_core.catalog import catalog
from qke_core.units import MS_PER_S
from qke_sim.hosts.certificates import RENEWED, issue
from qke_sim.hosts.files import default_audit_policy
from qke_sim.hosts.host import Host


def settle(host: Host, version: str) -> None:
    """Give a node its markers, Kubernetes nodes what `version` puts on /data, and masters certificates of some age."""
    host.system_files.add("node.init")
    host.data_markers.update(("cluster.init", "data"))
    if host.node.role_kind == "client":
        host.data_markers.add("install.lock")
    else:
        host.files.add(default_audit_policy(version))
    if host.node.role_kind == "master":
        issue(host, RENEWED, host.kernel.now - catalog().constant("certificate_age_s") * MS_PER_S)
        host.loaded = host.certificates["apiserver"]

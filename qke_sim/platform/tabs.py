"""Answer DescribeClusterDisplayTabs: a master that runs fills the tab; the platform only passes it on."""

from __future__ import annotations

from typing import cast

from qke_core.effects import Json
from qke_sim.cloud import Call, denied
from qke_sim.hosts.tabs import LABELS, tabs_of
from qke_sim.platform.ask import cluster_of
from qke_sim.platform.conf import bad
from qke_sim.platform.platform import Platform


def describe_tabs(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer DescribeClusterDisplayTabs.

    Raises:
        CloudRefusal: 1100 for a tab that the version does not have, 1400 when no master runs that could fill it.
    """
    cluster, name = cluster_of(platform, call), call.required("display_tabs")
    tabs = tabs_of(cluster.version)
    if name not in tabs:
        raise bad(f"invalid value [{name}] of parameter [display_tabs]")
    site = platform.sites.of(cluster.id)
    if not any(host.up for host in site.hosts.values() if host.node.role_kind == "master"):
        raise denied(f"no node of role [master] of cluster [{cluster.id}] is running")
    rows = tabs[name](site)
    labels = LABELS[name][: len(rows[0])]
    return {"display_tabs": {"labels": list(labels), "data": cast("Json", rows)}}

"""What hostnic makes of its vxnets: the status that a node stores and that ends the first master's init.

Rule: QKE app repo, hostnic-status of k8s-ctl.sh (3.1.0 on): 139 a vxnet is missing, 142 not all in one VPC, 140 more
NICs than the vxnets carry, 141 the cloud does not tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from qke_core.catalog import catalog
from qke_core.effects import Json
from qke_sim.hosts.run import Run
from qke_sim.hosts.site import Site
from qke_sim.kernel import Process

INVALID, LACKING, UNKNOWN, MISMATCHED = 139, 140, 141, 142
_MAX_NICS = "hostnic-max-nics"


def wished_vxnets(site: Site) -> list[str]:
    """List the vxnets that the parameters give to hostnic; they are separated by blanks or commas."""
    return str(site.cluster.env.values.get("hostnic-vxnets", "")).replace(",", " ").split()


def hostnic_status(run: Run, cause: int) -> Process[int]:
    """Ask the cloud for the vxnets; return the status, 0 when they fit."""
    site, wished = run.site, wished_vxnets(run.site)
    asked = [*wished, site.cluster.vxnet] if site.cluster.vxnet else wished
    params: dict[str, Json] = {"vxnets": cast("Json", asked), "limit": 100}
    outcome = yield from site.cloud.request("DescribeVxnets", params, f"{run.host.subject} kube-lb", cause)
    if outcome.ret_code:
        return UNKNOWN
    found = cast("list[Mapping[str, Json]]", outcome.answer.get("vxnet_set", []))
    return judge(site, wished, {str(vxnet["vxnet_id"]): _vpc(vxnet) for vxnet in found})


def judge(site: Site, wished: list[str], vpcs: Mapping[str, str]) -> int:
    """Return the status of vxnets that are in these VPCs."""
    if not wished or any(vxnet not in vpcs for vxnet in wished):
        return INVALID
    if len(set(vpcs.values())) > 1:
        return MISMATCHED
    nodes = len(list(site.cluster.of_kind("master", "worker")))
    nics = site.cluster.env.number(_MAX_NICS) if site.cluster.env.has(_MAX_NICS) else 0
    carried = len(wished) * catalog().constant("vxnet_addresses")
    return LACKING if carried < nodes * nics else 0


def _vpc(vxnet: Mapping[str, Json]) -> str:
    router = vxnet.get("router")
    own = router.get("router_id") if isinstance(router, Mapping) else None
    return str(own or vxnet.get("vpc_router_id") or "")

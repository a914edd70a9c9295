"""What a cluster occupies in the cloud: every resource, who made it, and the figures that quotas and prices need.

Quotas count resources and prices multiply them, so both stand on this one list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

ResourceKind: TypeAlias = Literal[
    "cluster",
    "instance",
    "system_disk",
    "volume",
    "snapshot",
    "loadbalancer",
    "security_group",
    "eip",
    "router",
    "vxnet",
    "keypair",
    "nic",
    "linked_service",
]
Origin: TypeAlias = Literal["node", "kubesphere", "apiserver", "console", "workload", "dependency", "user"]
"""Why a resource is there: nodes themselves, KubeSphere's volumes, the API server's load balancer, the console's, what
workloads claim, linked services created along, what users made by hand (guide G-168 to G-173)."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource, or `count` equal ones. A figure that does not apply is 0.

    `id` is stable and unique within a cluster, such as `shop/master1` or `shop/kubesphere/redis`. `size_gib` is the
    size of each volume, `nics` the most NICs that an instance may have at once. `running` is False for a stopped
    instance, which keeps its quota but not its whole price.
    """

    id: str
    kind: ResourceKind
    origin: Origin
    count: int = 1
    instance_class: int = 0
    cpu: int = 0
    memory_mib: int = 0
    gpu: int = 0
    nics: int = 0
    size_gib: int = 0
    volume_type: int = 0
    lb_type: int = 0
    lb_nodes: int = 0
    bandwidth_mbps: int = 0
    router_type: str = ""
    eip_billing: Literal["", "bandwidth", "traffic"] = ""
    running: bool = True

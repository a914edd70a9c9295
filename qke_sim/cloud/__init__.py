"""The simulated cloud behind the cloud door."""

from qke_sim.cloud.allowance import Allowance
from qke_sim.cloud.call import Call, CloudRefusal, denied, invalid, not_found
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.cluster import Cluster, ClusterNode, describe_cluster, describe_node
from qke_sim.cloud.job import Job, Outcome
from qke_sim.cloud.loadbalancer import Backend, BalancerHealth, HealthOption, LoadBalancer
from qke_sim.cloud.meter import Meter, Metered, lives_of
from qke_sim.cloud.store import Store, Thing
from qke_sim.cloud.trouble import Trouble, Troubles

__all__ = [
    "Allowance",
    "Backend",
    "BalancerHealth",
    "Call",
    "Cloud",
    "CloudRefusal",
    "Cluster",
    "ClusterNode",
    "HealthOption",
    "Job",
    "LoadBalancer",
    "Meter",
    "Metered",
    "Outcome",
    "Store",
    "Thing",
    "Trouble",
    "Troubles",
    "denied",
    "describe_cluster",
    "describe_node",
    "invalid",
    "lives_of",
    "not_found",
]

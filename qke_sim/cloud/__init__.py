"""The simulated cloud behind the cloud door."""

from qke_sim.cloud.allowance import Allowance
from qke_sim.cloud.balancerhealth import BalancerHealth, HealthOption
from qke_sim.cloud.call import Call, CloudRefusal, denied, invalid, not_found
from qke_sim.cloud.cloud import Cloud
from qke_sim.cloud.cluster import Cluster, ClusterNode
from qke_sim.cloud.job import Job, Outcome
from qke_sim.cloud.meter import Meter, Metered, Reader, lives_of
from qke_sim.cloud.store import Store, Thing
from qke_sim.cloud.trouble import Trouble, Troubles

__all__ = [
    "Allowance",
    "BalancerHealth",
    "Call",
    "Cloud",
    "CloudRefusal",
    "Cluster",
    "ClusterNode",
    "HealthOption",
    "Job",
    "Meter",
    "Metered",
    "Outcome",
    "Reader",
    "Store",
    "Thing",
    "Trouble",
    "Troubles",
    "denied",
    "invalid",
    "lives_of",
    "not_found",
]

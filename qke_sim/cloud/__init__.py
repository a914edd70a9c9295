"""The simulated cloud behind the cloud door."""

from qke_sim.cloud.cloud import ACTIONS, Cloud, CloudRefusal
from qke_sim.cloud.loadbalancer import BalancerHealth
from qke_sim.cloud.meter import Meter, Metered, lives_of
from qke_sim.cloud.model import Backend, Cluster, ClusterNode, HealthOption, Job, LoadBalancer

__all__ = [
    "ACTIONS",
    "Backend",
    "BalancerHealth",
    "Cloud",
    "CloudRefusal",
    "Cluster",
    "ClusterNode",
    "HealthOption",
    "Job",
    "LoadBalancer",
    "Meter",
    "Metered",
    "lives_of",
]

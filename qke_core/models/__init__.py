"""Documents people write, and what can be observed; strict, frozen, with units."""

from qke_core.models.base import DurationMs, Model, Name, RoleName, SizeMib, VersionName, refuse
from qke_core.models.cluster import ClusterDocument, ClusterWish, Env, Links, RoleWish
from qke_core.models.observation import ClusterObservation, NodeObservation
from qke_core.models.world import NodeState, World, WorldCluster, WorldDocument

__all__ = [
    "ClusterDocument",
    "ClusterObservation",
    "ClusterWish",
    "DurationMs",
    "Env",
    "Links",
    "Model",
    "Name",
    "NodeObservation",
    "NodeState",
    "RoleName",
    "RoleWish",
    "SizeMib",
    "VersionName",
    "World",
    "WorldCluster",
    "WorldDocument",
    "refuse",
]

"""Documents people write, and what can be observed; strict, frozen, with units."""

from qke_core.models.autoscaling import AutoscalingPolicy
from qke_core.models.base import DurationMs, Model, Name, RoleName, SizeMib, VersionName, refuse
from qke_core.models.cluster import ClusterDocument, ClusterWish, Links, RoleWish
from qke_core.models.load import RoleLoad
from qke_core.models.money import ON_DEMAND, Billing, Term
from qke_core.models.network import Cidr, Eip, PortForward, Vpc, Vxnet
from qke_core.models.observation import ClusterObservation, NodeObservation
from qke_core.models.settings import Settings
from qke_core.models.state import ClusterState, Phase
from qke_core.models.world import (
    LinkedService,
    NodeState,
    Quotas,
    Registry,
    ResourceType,
    VolumeState,
    World,
    WorldCluster,
    WorldDocument,
)

__all__ = [
    "ON_DEMAND",
    "AutoscalingPolicy",
    "Billing",
    "Cidr",
    "ClusterDocument",
    "ClusterObservation",
    "ClusterState",
    "ClusterWish",
    "DurationMs",
    "Eip",
    "LinkedService",
    "Links",
    "Model",
    "Name",
    "NodeObservation",
    "NodeState",
    "Phase",
    "PortForward",
    "Quotas",
    "Registry",
    "ResourceType",
    "RoleLoad",
    "RoleName",
    "RoleWish",
    "Settings",
    "SizeMib",
    "Term",
    "VersionName",
    "VolumeState",
    "Vpc",
    "Vxnet",
    "World",
    "WorldCluster",
    "WorldDocument",
    "refuse",
]

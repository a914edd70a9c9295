"""The vocabulary of requests that a workflow may make, one family per module."""

from qke_core.effects.base import All, Effect, Flow, Json, JsonObject, Settled, perform, perform_all
from qke_core.effects.cloud import (
    CloudEffect,
    ClusterNodeView,
    ClusterView,
    DescribeCluster,
    DescribeClusterEnvironment,
    DescribeClusterJobs,
    DescribeClusterNodes,
    EnvironmentView,
    JobView,
    NodePage,
    UpgradeCluster,
    list_cluster_nodes,
)
from qke_core.effects.host import DiskFree, HostEffect, SshPort
from qke_core.effects.kube import KubeEffect, KubeNodeView, ListNodes, ListUnboundClaims
from qke_core.effects.patience import perform_patiently
from qke_core.effects.tell import Tell
from qke_core.effects.time import Now, Sleep

__all__ = [
    "All",
    "CloudEffect",
    "ClusterNodeView",
    "ClusterView",
    "DescribeCluster",
    "DescribeClusterEnvironment",
    "DescribeClusterJobs",
    "DescribeClusterNodes",
    "DiskFree",
    "Effect",
    "EnvironmentView",
    "Flow",
    "HostEffect",
    "JobView",
    "Json",
    "JsonObject",
    "KubeEffect",
    "KubeNodeView",
    "ListNodes",
    "ListUnboundClaims",
    "NodePage",
    "Now",
    "Settled",
    "Sleep",
    "SshPort",
    "Tell",
    "UpgradeCluster",
    "list_cluster_nodes",
    "perform",
    "perform_all",
    "perform_patiently",
]

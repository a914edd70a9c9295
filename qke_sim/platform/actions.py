"""AppCenter's actions: which function answers which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from qke_core.effects import Json
from qke_sim.cloud import Call
from qke_sim.platform.attributes import associate_eip, dissociate_eip, modify_cluster, modify_node
from qke_sim.platform.bin import cease_clusters, delete_clusters, recover_clusters
from qke_sim.platform.custom import run_custom_service
from qke_sim.platform.deploy import deploy
from qke_sim.platform.describe import (
    describe_app_versions,
    describe_apps,
    describe_clusters,
    describe_environment,
    describe_jobs,
    describe_nodes,
)
from qke_sim.platform.environment import update_environment
from qke_sim.platform.platform import Platform
from qke_sim.platform.power import restart_service, start_clusters, stop_clusters
from qke_sim.platform.resize import resize_cluster
from qke_sim.platform.scale import add_cluster_nodes, delete_cluster_nodes
from qke_sim.platform.tabs import describe_tabs
from qke_sim.platform.upgrade import upgrade_clusters

Handler: TypeAlias = Callable[[Platform, Call], dict[str, Json]]

ACTIONS: Mapping[str, Handler] = {
    "AddClusterNodes": add_cluster_nodes,
    "AssociateEipToClusterNode": associate_eip,
    "CeaseClusters": cease_clusters,
    "DeleteClusterNodes": delete_cluster_nodes,
    "DeleteClusters": delete_clusters,
    "DeployAppVersion": deploy,
    "DescribeAppVersions": describe_app_versions,
    "DescribeApps": describe_apps,
    "DescribeClusterDisplayTabs": describe_tabs,
    "DescribeClusterEnvironment": describe_environment,
    "DescribeClusterJobs": describe_jobs,
    "DescribeClusterNodes": describe_nodes,
    "DescribeClusters": describe_clusters,
    "DissociateEipFromClusterNode": dissociate_eip,
    "ModifyClusterAttributes": modify_cluster,
    "ModifyClusterNodeAttributes": modify_node,
    "RecoverClusters": recover_clusters,
    "ResizeCluster": resize_cluster,
    "RestartClusterService": restart_service,
    "RunClusterCustomService": run_custom_service,
    "StartClusters": start_clusters,
    "StopClusters": stop_clusters,
    "UpdateClusterEnvironment": update_environment,
    "UpgradeClusters": upgrade_clusters,
}
"""Every action of the platform."""

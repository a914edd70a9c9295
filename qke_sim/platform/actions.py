"""AppCenter's actions: what each asks for, and what the platform answers at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from qke_core.catalog import catalog, parameters
from qke_core.effects import Json
from qke_sim.cloud import Call, CloudRefusal, describe_cluster, describe_node
from qke_sim.platform.appcenter import Platform

Handler = Callable[[Platform, Call], dict[str, Json]]


def _describe_clusters(platform: Platform, call: Call) -> dict[str, Json]:
    wanted, status = call.texts("clusters"), call.texts("status")
    found = [
        cluster
        for cluster in platform.cloud.clusters.values()
        if (not wanted or cluster.cluster_id in wanted) and (not status or cluster.status in status)
    ]
    return {"cluster_set": [describe_cluster(cluster) for cluster in call.page(found)], "total_count": len(found)}


def _describe_nodes(platform: Platform, call: Call) -> dict[str, Json]:
    cluster = platform.cloud.cluster(call.text("cluster"))
    role = call.text("role")
    found = [node for node in cluster.nodes if role in ("", node.role)]
    return {"node_set": [describe_node(node, cluster) for node in call.page(found)], "total_count": len(found)}


def _describe_environment(platform: Platform, call: Call) -> dict[str, Json]:
    env = platform.cloud.cluster(call.text("cluster")).env
    known = parameters().env(env.version)
    properties: list[Json] = [
        {"key": key, "type": known[key].type, "default": value} for key, value in env.values.items()
    ]
    return {"config": {"type": "array", "key": "env", "properties": properties}}


def _describe_jobs(platform: Platform, call: Call) -> dict[str, Json]:
    cloud = platform.cloud
    cluster = cloud.cluster(call.text("cluster") or call.text("app"))
    wanted, status = call.texts("jobs"), call.text("status")
    for job_id in wanted:
        if job_id not in cloud.jobs:
            raise CloudRefusal(2100, f"ResourceNotFound, job [{job_id}] not found")
    found = [
        job
        for job in cloud.jobs.values()
        if job.cluster_id == cluster.cluster_id and (not wanted or job.job_id in wanted) and status in ("", job.status)
    ]
    if call.flag("reverse", default=True):
        found.reverse()
    return {"job_set": [job.describe() for job in call.page(found)], "total_count": len(found)}


def _upgrade_clusters(platform: Platform, call: Call) -> dict[str, Json]:
    """Accept an upgrade of running, idle clusters from a version that the target's definition lists."""
    target_id = call.text("app_version")
    clusters = [platform.cloud.cluster(cluster_id) for cluster_id in call.required_texts("clusters")]
    target = next((name for name in catalog().order if catalog().version(name).app_version_id == target_id), None)
    if target is None:
        raise CloudRefusal(2100, f"ResourceNotFound, app version [{target_id}] not found")
    for cluster in clusters:
        legal = any((edge.origin, edge.target) == (cluster.version, target) for edge in catalog().upgrades)
        if cluster.transition_status:
            why = f"is [{cluster.transition_status}], please try later"
        elif cluster.status != "active":
            why = f"is [{cluster.status}], can not be upgraded"
        elif not legal:
            why = f"can not be upgraded to app version [{target_id}]"
        else:
            continue
        raise CloudRefusal(1400, f"PermissionDenied, cluster [{cluster.cluster_id}] {why}")
    jobs = {cluster.cluster_id: platform.begin_upgrade(cluster, target, call).job_id for cluster in clusters}
    return {"job_ids": cast("Json", jobs), "cluster_id": [cluster.cluster_id for cluster in clusters]}


ACTIONS: Mapping[str, Handler] = {
    "DescribeClusters": _describe_clusters,
    "DescribeClusterNodes": _describe_nodes,
    "DescribeClusterEnvironment": _describe_environment,
    "DescribeClusterJobs": _describe_jobs,
    "UpgradeClusters": _upgrade_clusters,
}
"""Every action of the platform."""

"""What AppCenter tells when it is asked: clusters, nodes, jobs, parameters, versions of the app."""

from __future__ import annotations

from typing import cast

from qke_core.catalog import Parameter, Value, catalog, operations, parameters
from qke_core.effects import Json
from qke_core.rules.autoscaling import may_scale
from qke_sim.cloud import Call, Cluster, ClusterNode, Job, not_found
from qke_sim.cloud.stamp import USER, render_time, stamped
from qke_sim.platform.ask import cluster_of
from qke_sim.platform.conf import bad
from qke_sim.platform.deploy import APP
from qke_sim.platform.looks import health_status
from qke_sim.platform.platform import Platform
from qke_sim.platform.upgrade import target_names

APP_NAME = "KubeSphere on QingCloud (QKE)"


def describe_clusters(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer DescribeClusters; without ids and statuses, what is ceased is left out (assumed)."""
    wanted, statuses = call.texts("clusters"), call.texts("status")
    word, name, link = call.text("search_word"), call.text("cluster_name") or call.text("name"), call.text("link")
    versions, moving = call.texts("app_versions"), call.text("transition_status")
    found = [
        cluster
        for cluster in platform.cloud.clusters.values()
        if (cluster.id in wanted if wanted else bool(statuses) or cluster.status != "ceased")
        and (not statuses or cluster.status in statuses)
        and (not word or word == cluster.id or word in cluster.name)
        and name in ("", cluster.name)
        and (not link or link in cluster.links.values())
        and (not versions or catalog().version(cluster.version).app_version_id in versions)
        and moving in ("", cluster.transition_status)
    ]
    shown = [_cluster(platform, cluster) for cluster in call.page(found)]
    return {"cluster_set": cast("Json", shown), "total_count": len(found)}


def _cluster(platform: Platform, cluster: Cluster) -> dict[str, Json]:
    version = catalog().version(cluster.version)
    roles = list(dict.fromkeys(node.role for node in cluster.nodes))
    policy = [catalog().version(name).app_version_id for name in target_names(cluster)]
    step = operations().constants["autoscale_step"]
    return {
        **stamped(platform.kernel, cluster),
        "cluster_id": cluster.id,
        "name": cluster.name,
        "description": cluster.description,
        "app_id": APP,
        "app_info": {"app_id": APP, "app_name": APP_NAME},
        "app_version": version.app_version_id,
        "app_version_info": {"version_id": version.app_version_id, "name": f"QKE {cluster.version}"},
        "status": cluster.status,
        "transition_status": cluster.transition_status,
        "upgrade_status": cluster.upgrade_status,
        "upgrade_policy": cast("Json", policy),
        "vxnet": {"vxnet_id": cluster.vxnet},
        "node_count": len(cluster.nodes),
        "roles": cast("Json", sorted(roles)),
        "role_count": {role: sum(node.role == role for node in cluster.nodes) for role in sorted(roles)},
        "links": dict(cluster.links),
        "auto_scale_step": {role: {"count": step} for role in roles if may_scale(role, cluster.version)},
        "tags": cast("Json", list(cluster.tags)),
    }


def describe_nodes(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer DescribeClusterNodes."""
    cluster = cluster_of(platform, call)
    wanted = {*call.texts("nodes"), *call.texts("cluster_nodes")}
    role, statuses = call.text("role"), call.texts("status") if _listed(call, "status") else []
    status = "" if _listed(call, "status") else call.text("status")
    found = [
        node
        for node in cluster.nodes
        if role in ("", node.role)
        and (not wanted or node.id in wanted)
        and status in ("", node.status)
        and (not statuses or node.status in statuses)
    ]
    shown = [_node(platform, cluster, node) for node in call.page(found)]
    return {"node_set": cast("Json", shown), "total_count": len(found)}


def _listed(call: Call, name: str) -> bool:
    return isinstance(call.params.get(name), list | tuple)


def _node(platform: Platform, cluster: Cluster, node: ClusterNode) -> dict[str, Json]:
    return {
        **stamped(platform.kernel, node),
        "node_id": node.id,
        "instance_id": node.instance_id,
        "name": node.name,
        "cluster_id": cluster.id,
        "app_id": APP,
        "app_version": catalog().version(cluster.version).app_version_id,
        "role": node.role,
        "server_id": node.sid,
        "status": node.status,
        "transition_status": cluster.transition_status,
        "health_status": health_status(node, cluster.version),
        "cpu": node.shape.cpu,
        "memory": node.shape.memory_mib,
        "gpu": int(node.role == "node_gpu"),
        "instance_class": node.shape.instance_class,
        "storage_size": node.shape.volume_gib,
        "volume_ids": node.volume_id,
        "private_ip": node.private_ip,
        "vxnet_id": cluster.vxnet,
    }


def describe_jobs(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer DescribeClusterJobs, newest first unless told; the jobs of a cluster that is gone can still be seen."""
    cloud = platform.cloud
    wanted, status = call.texts("jobs"), call.texts("status") if _listed(call, "status") else [call.text("status")]
    cluster_id = call.text("cluster") or call.text("app")
    if not wanted or cluster_id:
        cloud.store.get(Cluster, cluster_id)
    for job_id in wanted:
        if job_id not in cloud.jobs:
            raise not_found("job", job_id)
    found = [
        job
        for job in cloud.jobs.values()
        if job.cluster_id
        and cluster_id in ("", job.cluster_id)
        and (not wanted or job.job_id in wanted)
        and (status == [""] or not status or job.status in status)
        and call.text("job_action") in ("", job.action)
    ]
    if call.flag("reverse", default=True):
        found.reverse()
    return {"job_set": cast("Json", [_job(platform, job) for job in call.page(found)]), "total_count": len(found)}


def _job(platform: Platform, job: Job) -> dict[str, Json]:
    return {
        **job.describe(),
        "create_time": render_time(platform.kernel, job.create_ms),
        "status_time": render_time(platform.kernel, job.status_ms),
        "owner": USER,
        "resources": {"clusters": [job.cluster_id]},
        "extras": {},
    }


def describe_environment(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer DescribeClusterEnvironment: a property's present value stands in `default`."""
    env = cluster_of(platform, call).env
    known = parameters().env(env.version)
    properties = [_property(known[key], value) for key, value in env.values.items()]
    return {"config": {"type": "array", "key": "env", "properties": cast("Json", properties)}}


def _property(known: Parameter, value: Value) -> dict[str, Json]:
    shown: dict[str, Json] = {
        "key": known.key,
        "type": known.type,
        "default": value,
        "required": known.required,
        "changeable": known.changeable,
        "description": known.meaning,
    }
    if known.choices:
        shown["range"] = list(known.choices)
    if known.minimum is not None and known.maximum is not None:
        shown |= {"min": known.minimum, "max": known.maximum}
    return shown


def describe_apps(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer DescribeApps: there is one."""
    word = call.text("search_word") or call.text("app_name")
    here = call.text("app", APP) in ("", APP) and word in APP_NAME
    found: list[Json] = [{"app_id": APP, "name": APP_NAME, "status": "active", "app_type": "cluster"}] if here else []
    _ = platform
    return {"app_set": call.page(found), "total_count": len(found)}


def describe_app_versions(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer DescribeAppVersions, of apps or of versions; one of the two must be named."""
    apps, versions, name = call.texts("app_ids"), call.texts("version_ids"), call.text("name")
    if not apps and not versions:
        raise bad("parameter [app_ids] or [version_ids] is required")
    found: list[Json] = [
        {"version_id": version.app_version_id, "app_id": APP, "name": version.name, "status": "active"}
        for version in catalog().versions.values()
        if (not apps or APP in apps)
        and (not versions or version.app_version_id in versions)
        and name in ("", version.name)
    ]
    _ = platform
    return {"version_set": call.page(found), "total_count": len(found)}

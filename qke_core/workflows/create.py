"""Create a cluster, as an operator does it: check that the name is free, deploy once, watch the job, verify."""

from __future__ import annotations

import json
from functools import partial

from qke_core.catalog import catalog
from qke_core.effects import (
    DeployCluster,
    DescribeCluster,
    DescribeClusterJobs,
    FindClusters,
    Flow,
    Json,
    JsonObject,
    perform_patiently,
)
from qke_core.effects.changes import Deployed
from qke_core.models.state import ClusterState
from qke_core.plan.change import Create
from qke_core.rules import Finding
from qke_core.workflows.sight import is_kubernetes, say
from qke_core.workflows.watch import (
    Preflight,
    check_first,
    errand_of,
    node_differences,
    service_bound_ms,
    take_no,
    verify,
    watch_job,
)

CHARGE_MODES = {"on-demand": "elastic", "contract": "monthly"}
"""The API's `charge_mode` by billing mode (yunify/qingcloud-docs, DeployAppVersion; the words are assumed)."""


def create_cluster(
    wish: ClusterState, preflight: Preflight, poll_ms: int, findings: tuple[Finding, ...] = ()
) -> Flow[str]:
    """Create the cluster that `wish` describes; return its id. `findings` are what the rules say of it.

    Raises:
        RefusedError: `operation.name-taken`, the first blocker among `findings`, or `operation.refused` when the
            platform said no (facts: `platform_code`).
        RemoteError: `operation.job-failed` with the product's code in `platform_code`, `operation.job-lost`.
        StuckError: `operation.job-stuck` or `operation.unverified`.
    Rule: docs/rules/lifecycle.md; guide G-031 to G-048.
    """
    doing = say(Create(wish), wish.name)
    known = yield from perform_patiently(FindClusters(wish.name))
    taken = tuple(view.cluster_id for view in known)
    yield from check_first(wish.name, doing, [*(_taken(wish.name, name) for name in taken[:1]), *findings], preflight)
    mode = CHARGE_MODES[wish.billing.mode]
    deploy = DeployCluster(catalog().version(wish.version).app_version_id, wish.name, conf_of(wish), mode, taken)
    made: Deployed = yield from take_no(perform_patiently(deploy))
    job_id = made.job_id or (yield from _first_job(made.cluster_id))
    errand = errand_of(doing, Create.operation)
    roles = {role for role, shape in wish.shape.items() if shape.count}
    bound_ms = service_bound_ms(wish.version, roles, ("init", "start"))
    yield from watch_job(made.cluster_id, job_id, errand, poll_ms=poll_ms, bound_ms=bound_ms)
    yield from verify(partial(_differences, wish, made.cluster_id), errand)
    return made.cluster_id


def conf_of(wish: ClusterState) -> str:
    """Write a wish as `DeployAppVersion` takes it: JSON text of the cluster, role by role, and its parameters.

    A role without nodes says so only where the form would otherwise give it some.

    Source: yunify/qingcloud-docs, DeployAppVersion, `conf`; QKE app repo, app/config.json for the keys.
    """
    usual = {role: catalog().default_shape(wish.version, role).count for role in wish.shape}
    said = [role for role, shape in wish.shape.items() if shape.count or usual[role]]
    roles: dict[str, Json] = {role: _role(wish, role) for role in said}
    links: dict[str, Json] = {"etcd_service": wish.etcd, "elk_service": wish.elk}
    cluster: JsonObject = {"name": wish.name, "description": "", "vxnet": wish.vxnet, **links, **roles}
    term: JsonObject = {} if wish.billing.term is None else {"duration": wish.billing.term}
    conf: JsonObject = {"cluster": cluster, "version": wish.version, "env": dict(wish.settings.values), **term}
    return json.dumps(conf, sort_keys=True, ensure_ascii=False)


def _role(wish: ClusterState, role: str) -> JsonObject:
    shape = wish.shape[role]
    return {
        "count": shape.count,
        "instance_class": shape.instance_class,
        "cpu": shape.cpu,
        "memory": shape.memory_mib,
        "volume_size": shape.volume_gib,
    }


def _taken(name: str, cluster_id: str) -> Finding:
    return Finding(
        "operation.name-taken",
        "blocker",
        name,
        f"There is a cluster called {name} already: {cluster_id}",
        "choose another name; two of one name cannot be told apart",
        0,
        "ours: the cloud takes the same name twice",
    )


def _first_job(cluster_id: str) -> Flow[str]:
    """Return the job that made a cluster, "" when the platform shows none."""
    jobs = yield from perform_patiently(DescribeClusterJobs(cluster_id))
    return jobs[0].job_id if jobs else ""


def _differences(wish: ClusterState, cluster_id: str) -> Flow[str]:
    cluster = yield from perform_patiently(DescribeCluster(cluster_id))
    if cluster is None or not cluster.settled:
        return "the cluster is not yet active"
    count = sum(shape.count for role, shape in wish.shape.items() if is_kubernetes(role))
    return (yield from node_differences(cluster_id, count))

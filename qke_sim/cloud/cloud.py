"""The cloud behind its door: QingCloud actions on clusters, jobs and the API server's load balancer.

`Cloud.call` is the only way in. It is a SimPy process: a call takes time, may meet a fault in the door frame, and is
recorded with its answer. Handlers change state at one instant and return the answer's fields; what takes longer is a
job. Codes and words: QingCloud API error codes; messages begin with the API's error word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from qke_core.catalog import catalog, parameters
from qke_core.effects import Json, JsonObject
from qke_core.errors import RemoteError
from qke_core.units import render_rough
from qke_sim.cloud.meter import Meter
from qke_sim.cloud.model import Cluster, Job, describe_cluster, describe_node
from qke_sim.faults import Gate
from qke_sim.ids import make_id
from qke_sim.kernel import Kernel, Process

LIMIT_DEFAULT = 20
LIMIT_MAX = 100
ANSWER_TIMEOUT_MS = 60_000
"""How long a client waits for an answer that never comes (QingCloud SDK: 60 s socket timeout)."""


class CloudRefusal(Exception):
    """The cloud says no: `ret_code` and the message as the API words it."""

    def __init__(self, ret_code: int, message: str) -> None:
        """Keep both parts."""
        super().__init__(ret_code, message)
        self.ret_code = ret_code
        self.message = message


@dataclass(frozen=True, slots=True)
class Call:
    """One call in hand: who calls, with which parameters, and the record of the call."""

    by: str
    params: JsonObject
    seq: int


Handler = Callable[["Cloud", Call], dict[str, Json]]
JobStarter = Callable[[Cluster, Job, JsonObject, int], None]


class Cloud:
    """Clusters and jobs of one zone. `start_job` is the platform: it does the work of a job that was accepted."""

    def __init__(self, kernel: Kernel, zone: str) -> None:
        """Begin empty."""
        self.kernel = kernel
        self.zone = zone
        self.clusters: dict[str, Cluster] = {}
        self.jobs: dict[str, Job] = {}
        self.gate = Gate(kernel.streams)
        self.job_starters: dict[str, JobStarter] = {}
        self.meter: Meter | None = None

    def call(self, action: str, params: JsonObject, by: str, cause: int) -> Process[Mapping[str, Json]]:
        """Pass one action through the door; return the answer, `ret_code` included.

        Raises:
            RemoteError: `cloud.no-answer`, in doubt, when the answer is lost on its way.
        """
        trace, kernel = self.kernel.trace, self.kernel
        subject = _subject(params) or self.zone
        seq = trace.add("cloud.called", subject, cause, by=by, action=action)
        yield kernel.take(f"{by}/api", catalog().duration("api-call"))
        fault = self.gate.meet(action)
        if fault is not None and fault.effect == "slow":
            yield kernel.pause(fault.delay_ms)
        if fault is not None and fault.effect == "fails":
            answer: dict[str, Json] = _refuse(fault.ret_code)
        else:
            answer = self._handle(action, Call(by, params, seq))
        if fault is not None and fault.effect == "answer-lost":
            yield kernel.pause(ANSWER_TIMEOUT_MS)
            trace.add(
                "cloud.lost", subject, seq, action=action, why=f"no answer within {render_rough(ANSWER_TIMEOUT_MS)}"
            )
            raise RemoteError(
                "cloud.no-answer",
                f"{action} on {subject} got no answer within {render_rough(ANSWER_TIMEOUT_MS)}",
                "look whether it happened before asking again",
                {"action": action},
                retry=True,
                in_doubt=True,
            )
        trace.add("cloud.answered", subject, seq, action=action, ret_code=answer["ret_code"])
        return answer

    def _handle(self, action: str, call: Call) -> dict[str, Json]:
        handler = ACTIONS.get(action)
        if handler is None:
            return {"ret_code": 1400, "message": "PermissionDenied, can't handle this request"}
        try:
            return {"action": f"{action}Response", "ret_code": 0, **handler(self, call)}
        except CloudRefusal as refusal:
            return {"ret_code": refusal.ret_code, "message": refusal.message}

    def cluster(self, cluster_id: str) -> Cluster:
        """Return a cluster.

        Raises:
            CloudRefusal: 2100 when there is none of that id.
        """
        found = self.clusters.get(cluster_id)
        if found is None:
            raise CloudRefusal(2100, f"ResourceNotFound, cluster [{cluster_id}] not found")
        return found

    def change(self, cluster: Cluster, field: str, value: str, cause: int) -> int:
        """Set a field of a cluster and record the change; return the record, or `cause` when nothing changed."""
        before = cast("str", getattr(cluster, field))
        if before == value:
            return cause
        setattr(cluster, field, value)
        seq = self.kernel.trace.add("cluster.changed", cluster.name, cause, field=field, before=before, after=value)
        if field == "version" and self.meter is not None:
            self.meter.upgraded(cluster.name, value, seq)
        return seq

    def accept_job(self, action: str, cluster: Cluster, params: JsonObject, cause: int) -> Job:
        """Make a job and hand it to the platform."""
        count = sum(job.cluster_id == cluster.cluster_id for job in self.jobs.values())
        job = Job(make_id("j", cluster.cluster_id, action, count), action, cluster.cluster_id)
        self.jobs[job.job_id] = job
        seq = self.kernel.trace.add("job.created", job.job_id, cause, action=action, cluster=cluster.name)
        self.job_starters[action](cluster, job, params, seq)
        return job


def _describe_clusters(cloud: Cloud, call: Call) -> dict[str, Json]:
    wanted = _texts(call.params, "clusters")
    status = _texts(call.params, "status")
    found = [
        cluster
        for cluster in cloud.clusters.values()
        if (not wanted or cluster.cluster_id in wanted) and (not status or cluster.status in status)
    ]
    return {"cluster_set": [describe_cluster(cluster) for cluster in _page(found, call)], "total_count": len(found)}


def _describe_nodes(cloud: Cloud, call: Call) -> dict[str, Json]:
    cluster = cloud.cluster(str(call.params.get("cluster", "")))
    role = call.params.get("role")
    found = [node for node in cluster.nodes if role in (None, "", node.role)]
    return {"node_set": [describe_node(node, cluster) for node in _page(found, call)], "total_count": len(found)}


def _describe_environment(cloud: Cloud, call: Call) -> dict[str, Json]:
    env = cloud.cluster(str(call.params.get("cluster", ""))).env
    known = parameters().env(env.version)
    properties: list[Json] = [
        {"key": key, "type": known[key].type, "default": value} for key, value in env.values.items()
    ]
    return {"config": {"type": "array", "key": "env", "properties": properties}}


def _describe_jobs(cloud: Cloud, call: Call) -> dict[str, Json]:
    cluster = cloud.cluster(str(call.params.get("cluster", "")))
    wanted, status = _texts(call.params, "jobs"), call.params.get("status")
    for job_id in wanted:
        if job_id not in cloud.jobs:
            raise CloudRefusal(2100, f"ResourceNotFound, job [{job_id}] not found")
    found = [
        job
        for job in cloud.jobs.values()
        if job.cluster_id == cluster.cluster_id
        and (not wanted or job.job_id in wanted)
        and status in (None, job.status)
    ]
    if call.params.get("reverse", 1):
        found.reverse()
    return {"job_set": [_job(job) for job in _page(found, call)], "total_count": len(found)}


def _upgrade_clusters(cloud: Cloud, call: Call) -> dict[str, Json]:
    """Accept an upgrade of running, idle clusters from a version that the target's definition lists."""
    target_id = str(call.params.get("app_version", ""))
    clusters = [cloud.cluster(cluster_id) for cluster_id in dict.fromkeys(_texts(call.params, "clusters"))]
    if not clusters:
        raise CloudRefusal(1100, "MissingParameter, parameter [clusters] is required")
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
    jobs = {
        cluster.cluster_id: cloud.accept_job("UpgradeClusters", cluster, {"target": target}, call.seq).job_id
        for cluster in clusters
    }
    return {"job_ids": cast("Json", jobs), "cluster_id": [cluster.cluster_id for cluster in clusters]}


def _modify_listener(cloud: Cloud, call: Call) -> dict[str, Json]:
    listener_id = str(call.params.get("loadbalancer_listener", ""))
    for cluster in cloud.clusters.values():
        balancer = cluster.loadbalancer
        if balancer is not None and balancer.listener_id == listener_id:
            balancer.scene = int(cast("int", call.params.get("scene", balancer.scene)))
            cloud.kernel.trace.add("listener.fixed", cluster.name, call.seq, scene=balancer.scene)
            return {}
    raise CloudRefusal(2100, f"ResourceNotFound, loadbalancer listener [{listener_id}] not found")


def _update_loadbalancers(cloud: Cloud, call: Call) -> dict[str, Json]:
    wanted = _texts(call.params, "loadbalancers")
    known = {cluster.loadbalancer.loadbalancer_id for cluster in cloud.clusters.values() if cluster.loadbalancer}
    for balancer_id in wanted:
        if balancer_id not in known:
            raise CloudRefusal(2100, f"ResourceNotFound, loadbalancer [{balancer_id}] not found")
    return {}


ACTIONS: Mapping[str, Handler] = {
    "DescribeClusters": _describe_clusters,
    "DescribeClusterNodes": _describe_nodes,
    "DescribeClusterEnvironment": _describe_environment,
    "DescribeClusterJobs": _describe_jobs,
    "UpgradeClusters": _upgrade_clusters,
    "ModifyLoadBalancerListenerAttributes": _modify_listener,
    "UpdateLoadBalancers": _update_loadbalancers,
}
"""Every action the simulated cloud knows. An unknown one gets the API's own refusal."""


def _refuse(ret_code: int) -> dict[str, Json]:
    return {"ret_code": ret_code, "message": catalog().ret_codes[ret_code].meaning}


def _job(job: Job) -> dict[str, Json]:
    return {
        "job_id": job.job_id,
        "job_action": job.action,
        "status": job.status,
        "error_codes": str(job.code) if job.code else "",
        "resource_ids": job.cluster_id,
    }


def _page(items: list[Any], call: Call) -> list[Any]:
    offset = int(cast("int", call.params.get("offset", 0)))
    limit = min(int(cast("int", call.params.get("limit", LIMIT_DEFAULT))), LIMIT_MAX)
    return items[offset : offset + limit]


def _texts(params: JsonObject, name: str) -> list[str]:
    value = params.get(name)
    return [str(item) for item in value] if isinstance(value, list | tuple) else []


def _subject(params: JsonObject) -> str:
    listed = _texts(params, "clusters") or _texts(params, "loadbalancers")
    return ",".join(listed) or str(params.get("cluster") or params.get("loadbalancer_listener") or "")

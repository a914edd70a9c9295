"""Effects that change a cluster: one per AppCenter action, each with the probe that settles a lost answer exactly once.

The cloud knows no idempotency token. So an effect holds what was known before asking (ids of jobs, clusters, policies):
what is there now and was not known then is ours. Parameters: yunify/qingcloud-docs, AppCenter cluster actions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, cast

from qke_core.effects.answer import text
from qke_core.effects.base import Flow, Json, JsonObject, Settled
from qke_core.effects.cloud import (
    CloudEffect,
    DescribeClusterJobs,
    FindClusters,
    ListJobs,
    ListScalingPolicies,
)
from qke_core.effects.patience import perform_patiently
from qke_core.errors import RemoteError


@dataclass(frozen=True, slots=True)
class ClusterChange(CloudEffect[str]):
    """A write that makes one job of one cluster; the reply is the job's id.

    `known_jobs` are the ids of the jobs seen before asking: a job of this action that is not among them is ours.
    `job_action` is the word in the job list where it is not the action's.
    """

    mutates: ClassVar[bool] = True
    job_action: ClassVar[str] = ""
    cluster_id: str
    known_jobs: tuple[str, ...] = field(kw_only=True)

    def parse_reply(self, reply: Json) -> str:
        """Read `job_id`, or this cluster's entry of the map `job_ids`."""
        answer: Mapping[str, Json] = reply if isinstance(reply, Mapping) else {}
        jobs = answer.get("job_ids")
        return text(jobs, self.cluster_id) if isinstance(jobs, Mapping) else text(answer, "job_id")

    def probe(self) -> Flow[Settled | None]:
        """Look for a job of this action that was not there before."""
        jobs = yield from perform_patiently(DescribeClusterJobs(self.cluster_id))
        for job in jobs:
            if job.action == (self.job_action or self.action) and job.job_id not in self.known_jobs:
                return Settled({"job_ids": {self.cluster_id: job.job_id}})
        return None


@dataclass(frozen=True, slots=True)
class _WholeCluster(ClusterChange):
    """A change that needs nothing but the cluster."""

    def params(self) -> JsonObject:
        """`clusters.n`."""
        return {"clusters": [self.cluster_id]}


@dataclass(frozen=True, slots=True)
class StartCluster(_WholeCluster):
    """Start a stopped cluster."""

    name: ClassVar[str] = "cloud.start-cluster"
    action: ClassVar[str] = "StartClusters"


@dataclass(frozen=True, slots=True)
class StopCluster(_WholeCluster):
    """Stop an active cluster."""

    name: ClassVar[str] = "cloud.stop-cluster"
    action: ClassVar[str] = "StopClusters"


@dataclass(frozen=True, slots=True)
class DeleteCluster(_WholeCluster):
    """Move a cluster to the recycle bin."""

    name: ClassVar[str] = "cloud.delete-cluster"
    action: ClassVar[str] = "DeleteClusters"


@dataclass(frozen=True, slots=True)
class RecoverCluster(_WholeCluster):
    """Take a cluster out of the recycle bin."""

    name: ClassVar[str] = "cloud.recover-cluster"
    action: ClassVar[str] = "RecoverClusters"


@dataclass(frozen=True, slots=True)
class CeaseCluster(_WholeCluster):
    """Destroy a deleted cluster for ever. In job lists it is called CeaseResources (docs, DescribeClusterJobs)."""

    name: ClassVar[str] = "cloud.cease-cluster"
    action: ClassVar[str] = "CeaseClusters"
    job_action: ClassVar[str] = "CeaseResources"


@dataclass(frozen=True, slots=True)
class UpgradeCluster(ClusterChange):
    """Upgrade a cluster to an app version, one hop."""

    name: ClassVar[str] = "cloud.upgrade-cluster"
    action: ClassVar[str] = "UpgradeClusters"
    app_version: str

    def params(self) -> JsonObject:
        """`clusters.n` and `app_version`."""
        return {"clusters": [self.cluster_id], "app_version": self.app_version}


@dataclass(frozen=True, slots=True)
class AddClusterNodes(ClusterChange):
    """Add nodes to a role. `resource_conf` is JSON text with the sizes of a role that has no node yet, or empty."""

    name: ClassVar[str] = "cloud.add-cluster-nodes"
    action: ClassVar[str] = "AddClusterNodes"
    role: str
    count: int
    resource_conf: str = ""

    def params(self) -> JsonObject:
        """`cluster`, `node_role`, `node_count`, optional `resource_conf`."""
        base: dict[str, Json] = {"cluster": self.cluster_id, "node_role": self.role, "node_count": self.count}
        return {**base, "resource_conf": self.resource_conf} if self.resource_conf else base


@dataclass(frozen=True, slots=True)
class DeleteClusterNodes(ClusterChange):
    """Delete nodes by their ids."""

    name: ClassVar[str] = "cloud.delete-cluster-nodes"
    action: ClassVar[str] = "DeleteClusterNodes"
    node_ids: tuple[str, ...]

    def params(self) -> JsonObject:
        """`cluster` and `nodes.n`."""
        return {"cluster": self.cluster_id, "nodes": list(self.node_ids)}


@dataclass(frozen=True, slots=True)
class ResizeCluster(ClusterChange):
    """Give all nodes of a role another size; a figure of 0 is left out. Memory in MiB, disk in GiB."""

    name: ClassVar[str] = "cloud.resize-cluster"
    action: ClassVar[str] = "ResizeCluster"
    role: str
    cpu: int = 0
    memory_mib: int = 0
    volume_gib: int = 0

    def params(self) -> JsonObject:
        """`cluster`, `node_role`, and of `cpu`, `memory`, `storage_size` those that change."""
        figures = {"cpu": self.cpu, "memory": self.memory_mib, "storage_size": self.volume_gib}
        changed = {name: value for name, value in figures.items() if value}
        return {"cluster": self.cluster_id, "node_role": self.role, **changed}


@dataclass(frozen=True, slots=True)
class UpdateClusterEnvironment(ClusterChange):
    """Set cluster parameters, all in one call. `env` is a JSON object as text."""

    name: ClassVar[str] = "cloud.update-cluster-environment"
    action: ClassVar[str] = "UpdateClusterEnvironment"
    env: str

    def params(self) -> JsonObject:
        """`cluster` and `env`."""
        return {"cluster": self.cluster_id, "env": self.env}


@dataclass(frozen=True, slots=True)
class RestartClusterService(ClusterChange):
    """Restart all nodes of a role."""

    name: ClassVar[str] = "cloud.restart-cluster-service"
    action: ClassVar[str] = "RestartClusterService"
    role: str

    def params(self) -> JsonObject:
        """`cluster` and `role`."""
        return {"cluster": self.cluster_id, "role": self.role}


@dataclass(frozen=True, slots=True)
class RunClusterCustomService(ClusterChange):
    """Run a service of the app's definition on a role. `service_params` is a JSON object as text."""

    name: ClassVar[str] = "cloud.run-cluster-custom-service"
    action: ClassVar[str] = "RunClusterCustomService"
    role: str
    service: str
    service_params: str = "{}"

    def params(self) -> JsonObject:
        """`cluster`, `role`, `service`, `service_params`."""
        about = {"cluster": self.cluster_id, "role": self.role, "service": self.service}
        return {**about, "service_params": self.service_params}


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deployment answers: the new cluster, and the job that makes it."""

    cluster_id: str
    job_id: str


@dataclass(frozen=True, slots=True)
class DeployCluster(CloudEffect[Deployed]):
    """Create a cluster. `conf` is JSON text as the product's form makes it.

    `cluster_name` is the name in it, `known_clusters` are the ids of clusters of that name seen before asking.
    """

    name: ClassVar[str] = "cloud.deploy-cluster"
    action: ClassVar[str] = "DeployAppVersion"
    mutates: ClassVar[bool] = True
    app_version: str
    cluster_name: str
    conf: str
    charge_mode: str
    known_clusters: tuple[str, ...]

    def params(self) -> JsonObject:
        """`version_id`, `conf`, `charge_mode`."""
        return {"version_id": self.app_version, "conf": self.conf, "charge_mode": self.charge_mode}

    def parse_reply(self, reply: Json) -> Deployed:
        """Read `cluster_id` and `job_id`."""
        answer: Mapping[str, Json] = reply if isinstance(reply, Mapping) else {}
        return Deployed(text(answer, "cluster_id"), text(answer, "job_id"))

    def probe(self) -> Flow[Settled | None]:
        """Look for a cluster of that name that was not there before; its first job made it."""
        found = yield from perform_patiently(FindClusters(self.cluster_name))
        for cluster in found:
            if cluster.cluster_id not in self.known_clusters:
                jobs = yield from perform_patiently(DescribeClusterJobs(cluster.cluster_id))
                return Settled({"cluster_id": cluster.cluster_id, "job_id": jobs[0].job_id if jobs else ""})
        return None


@dataclass(frozen=True, slots=True)
class CreateScalingPolicy(CloudEffect[str]):
    """Let the platform scale a role by itself; the reply is the policy's id. `policy` is its fields as JSON text.

    `known_policies` are the ids of the cluster's policies seen before asking.
    """

    name: ClassVar[str] = "cloud.create-scaling-policy"
    action: ClassVar[str] = "CreateAutoScalingPolicy"
    mutates: ClassVar[bool] = True
    cluster_id: str
    policy: str
    known_policies: tuple[str, ...]

    def params(self) -> JsonObject:
        """`resource`, and the fields of the policy."""
        return {"resource": self.cluster_id, **cast("JsonObject", json.loads(self.policy))}

    def parse_reply(self, reply: Json) -> str:
        """Read `autoscaling_policy_id`."""
        return text(reply, "autoscaling_policy_id") if isinstance(reply, Mapping) else ""

    def probe(self) -> Flow[Settled | None]:
        """Look for a policy of the cluster that was not there before."""
        found = yield from perform_patiently(ListScalingPolicies(self.cluster_id))
        new = [policy.policy_id for policy in found if policy.policy_id not in self.known_policies]
        return Settled({"autoscaling_policy_id": new[0]}) if new else None


@dataclass(frozen=True, slots=True)
class DeleteScalingPolicies(CloudEffect[None]):
    """Stop scaling a cluster by the policies named."""

    name: ClassVar[str] = "cloud.delete-scaling-policies"
    action: ClassVar[str] = "DeleteAutoScalingPolicies"
    mutates: ClassVar[bool] = True
    cluster_id: str
    policies: tuple[str, ...]

    def params(self) -> JsonObject:
        """`autoscaling_policies.n`."""
        return {"autoscaling_policies": list(self.policies)}

    def parse_reply(self, reply: Json) -> None:
        """Nothing in the answer matters."""
        _ = reply

    def probe(self) -> Flow[Settled | None]:
        """Look whether none of them is left."""
        found = yield from perform_patiently(ListScalingPolicies(self.cluster_id))
        return None if any(policy.policy_id in self.policies for policy in found) else Settled({})


@dataclass(frozen=True, slots=True)
class CloudCall(CloudEffect[JsonObject]):
    """Any action, word for word; `body` is its parameters as JSON text. The reply is the whole answer.

    `known_jobs` are the ids of the account's newest jobs seen before asking. A call that reads is simply repeated. One
    that makes a job is found again by it; any other write leaves no trace to look for, so it stays in doubt.
    """

    name: ClassVar[str] = "cloud.call"
    mutates: ClassVar[bool] = True
    called: str
    body: str
    known_jobs: tuple[str, ...] = ()

    @property
    def action(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride] - here it is data
        """The action."""
        return self.called

    def params(self) -> JsonObject:
        """What `body` says."""
        return cast("JsonObject", json.loads(self.body))

    def parse_reply(self, reply: Json) -> JsonObject:
        """Return the answer."""
        return reply if isinstance(reply, Mapping) else {}

    def probe(self) -> Flow[Settled | None]:
        """Look for a job of the action that was not there before.

        Raises:
            RemoteError: `cloud.in-doubt` when nothing tells whether a write happened.
        """
        if is_read(self.called):
            return None
        jobs = yield from perform_patiently(ListJobs())
        for job in jobs:
            if job.action == self.called and job.job_id not in self.known_jobs:
                return Settled({"job_id": job.job_id})
        raise RemoteError(
            "cloud.in-doubt",
            f"Nothing tells whether {self.action} happened: no job of it is new",
            "look at the resource; ask again when nothing changed",
            {"action": self.action},
        )


def is_read(action: str) -> bool:
    """Whether an action only looks, by the API's naming."""
    return action.startswith(("Describe", "Get"))

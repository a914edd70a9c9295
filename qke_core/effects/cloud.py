"""Effects through the cloud door: QingCloud actions, and what their answers mean to us.

Each effect names its action and its parameters as the API does; the interpreter passes both on without knowing them.
Field names and status words: QingCloud API, AppCenter cluster actions (DescribeClusters, DescribeClusterNodes,
DescribeClusterJobs). Effects that change something stand in `changes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from qke_core.effects.answer import items, number, text
from qke_core.effects.base import Effect, Flow, Json, JsonObject
from qke_core.effects.patience import perform_patiently

R = TypeVar("R")

JOB_UNFINISHED = frozenset({"pending", "working"})
"""Statuses of a job that is still going on; every other status is final."""

PAGE_LIMIT = 100
"""The API's largest page."""


@dataclass(frozen=True, slots=True)
class CloudEffect(Effect[R]):
    """One QingCloud action."""

    action: ClassVar[str] = ""

    def params(self) -> JsonObject:
        """Return the action's own parameters, without zone and signature; none unless the action has some."""
        return {}


@dataclass(frozen=True, slots=True)
class ClusterView:
    """What `DescribeClusters` says of one cluster."""

    cluster_id: str
    name: str
    app_version: str
    status: str
    transition_status: str
    upgrade_status: str
    links: tuple[str, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether nothing is going on: active, and no transition."""
        return self.status == "active" and not self.transition_status


@dataclass(frozen=True, slots=True)
class ClusterNodeView:
    """What `DescribeClusterNodes` says of one node. `sid` counts the nodes of a role from 1."""

    node_id: str
    instance_id: str
    name: str
    role: str
    sid: int
    status: str
    private_ip: str
    cpu: int = 0
    memory_mib: int = 0
    volume_gib: int = 0


@dataclass(frozen=True, slots=True)
class JobView:
    """What `DescribeClusterJobs` says of one job. `error_code` is 0 when there is none."""

    job_id: str
    action: str
    status: str
    error_code: int

    @property
    def finished(self) -> bool:
        """Whether the job came to an end, good or bad."""
        return self.status not in JOB_UNFINISHED


@dataclass(frozen=True, slots=True)
class DescribeCluster(CloudEffect["ClusterView | None"]):
    """Look at one cluster; the reply is None when there is none of that id."""

    name: ClassVar[str] = "cloud.describe-cluster"
    action: ClassVar[str] = "DescribeClusters"
    cluster_id: str

    def params(self) -> JsonObject:
        """`clusters.n`, verbose."""
        return {"clusters": [self.cluster_id], "verbose": 1}

    def parse_reply(self, reply: Json) -> ClusterView | None:
        """Read the first item of `cluster_set`."""
        return next(iter(_clusters(reply)), None)


@dataclass(frozen=True, slots=True)
class FindClusters(CloudEffect[tuple[ClusterView, ...]]):
    """Look for clusters of one name that are not gone for ever. Names are not unique, so there may be several."""

    name: ClassVar[str] = "cloud.find-clusters"
    action: ClassVar[str] = "DescribeClusters"
    cluster_name: str

    def params(self) -> JsonObject:
        """`search_word`, the API's largest page."""
        return {"search_word": self.cluster_name, "verbose": 1, "limit": PAGE_LIMIT}

    def parse_reply(self, reply: Json) -> tuple[ClusterView, ...]:
        """Read those of `cluster_set` that have exactly this name: a search word is a part of it."""
        found = _clusters(reply)
        return tuple(view for view in found if view.name == self.cluster_name and view.status != "ceased")


@dataclass(frozen=True, slots=True)
class NodePage:
    """One page of a cluster's nodes, in the order of the API, and how many there are on all pages."""

    nodes: tuple[ClusterNodeView, ...]
    total: int


@dataclass(frozen=True, slots=True)
class DescribeClusterNodes(CloudEffect[NodePage]):
    """Look at one page of a cluster's nodes, from the `offset`-th on. `list_cluster_nodes` collects all pages."""

    name: ClassVar[str] = "cloud.describe-cluster-nodes"
    action: ClassVar[str] = "DescribeClusterNodes"
    cluster_id: str
    offset: int = 0

    def params(self) -> JsonObject:
        """`cluster`, `offset`, and the API's largest page (a QKE cluster may have 100 nodes of each worker role)."""
        return {"cluster": self.cluster_id, "offset": self.offset, "limit": PAGE_LIMIT, "verbose": 1}

    def parse_reply(self, reply: Json) -> NodePage:
        """Read `node_set` and `total_count`; `server_id` is the API's word for sid."""
        nodes = tuple(
            ClusterNodeView(
                node_id=text(item, "node_id"),
                instance_id=text(item, "instance_id"),
                name=text(item, "name"),
                role=text(item, "role"),
                sid=number(item, "server_id"),
                status=text(item, "status"),
                private_ip=text(item, "private_ip"),
                cpu=number(item, "cpu"),
                memory_mib=number(item, "memory"),
                volume_gib=number(item, "storage_size"),
            )
            for item in items(reply, "node_set")
        )
        return NodePage(nodes, number(reply, "total_count") if isinstance(reply, Mapping) else 0)


def list_cluster_nodes(cluster_id: str) -> Flow[tuple[ClusterNodeView, ...]]:
    """Collect the nodes of a cluster from all pages, ordered by role and sid.

    A node that moved to another page meanwhile counts once.

    Raises:
        RemoteError: when the cloud door does not answer.
    """
    found: dict[str, ClusterNodeView] = {}
    offset = 0
    while True:
        page = yield from perform_patiently(DescribeClusterNodes(cluster_id, offset))
        found.update((node.node_id, node) for node in page.nodes)
        offset += len(page.nodes)
        if offset >= page.total or not page.nodes:
            return tuple(sorted(found.values(), key=lambda node: (node.role, node.sid)))


@dataclass(frozen=True, slots=True)
class DescribeClusterJobs(CloudEffect[tuple[JobView, ...]]):
    """Look at the latest jobs of a cluster, at most a page of them, oldest first; `job_ids` narrows the answer."""

    name: ClassVar[str] = "cloud.describe-cluster-jobs"
    action: ClassVar[str] = "DescribeClusterJobs"
    cluster_id: str
    job_ids: tuple[str, ...] = ()

    def params(self) -> JsonObject:
        """`cluster`, optional `jobs.n`, the API's largest page, newest first: a job just made is always on it."""
        base: dict[str, Json] = {"cluster": self.cluster_id, "reverse": 1, "verbose": 1, "limit": PAGE_LIMIT}
        return {**base, "jobs": list(self.job_ids)} if self.job_ids else base

    def parse_reply(self, reply: Json) -> tuple[JobView, ...]:
        """Read `job_set`, last item first."""
        return _jobs(reply)


@dataclass(frozen=True, slots=True)
class ListJobs(CloudEffect[tuple[JobView, ...]]):
    """Look at the latest jobs of the account, at most a page of them, oldest first; `job_ids` narrows the answer."""

    name: ClassVar[str] = "cloud.list-jobs"
    action: ClassVar[str] = "DescribeJobs"
    job_ids: tuple[str, ...] = ()

    def params(self) -> JsonObject:
        """Optional `jobs.n`, the API's largest page, newest first."""
        base: dict[str, Json] = {"reverse": 1, "verbose": 1, "limit": PAGE_LIMIT}
        return {**base, "jobs": list(self.job_ids)} if self.job_ids else base

    def parse_reply(self, reply: Json) -> tuple[JobView, ...]:
        """Read `job_set`, last item first."""
        return _jobs(reply)


@dataclass(frozen=True, slots=True)
class ScalingPolicyView:
    """What `DescribeAutoScalingPolicies` says of one policy: its id, and the role it scales."""

    policy_id: str
    role: str


@dataclass(frozen=True, slots=True)
class ListScalingPolicies(CloudEffect[tuple[ScalingPolicyView, ...]]):
    """List a cluster's autoscaling policies."""

    name: ClassVar[str] = "cloud.list-scaling-policies"
    action: ClassVar[str] = "DescribeAutoScalingPolicies"
    cluster_id: str

    def params(self) -> JsonObject:
        """`resource`, the API's largest page (the parameters are ours: none are public)."""
        return {"resource": self.cluster_id, "limit": PAGE_LIMIT}

    def parse_reply(self, reply: Json) -> tuple[ScalingPolicyView, ...]:
        """Read `autoscaling_policy_set`, without those that are gone."""
        return tuple(
            ScalingPolicyView(text(item, "autoscaling_policy_id"), text(item, "role"))
            for item in items(reply, "autoscaling_policy_set")
            if text(item, "status") != "ceased"
        )


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    """What `DescribeClusterEnvironment` says: the parameters that we decide by, and all of them by key, as text."""

    install_kubesphere: bool
    modules: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class DescribeClusterEnvironment(CloudEffect[EnvironmentView]):
    """Look at a cluster's parameters."""

    name: ClassVar[str] = "cloud.describe-cluster-environment"
    action: ClassVar[str] = "DescribeClusterEnvironment"
    cluster_id: str

    def params(self) -> JsonObject:
        """`cluster`."""
        return {"cluster": self.cluster_id}

    def parse_reply(self, reply: Json) -> EnvironmentView:
        """Read `config.properties`; a property's present value stands in `default`, as the API has it."""
        config = reply.get("config") if isinstance(reply, Mapping) else None
        values = {text(item, "key"): item.get("default") for item in items(config, "properties")}
        modules = str(values.get("extra.modules") or "")
        return EnvironmentView(
            install_kubesphere=str(values.get("install_kubesphere", True)).casefold() in {"true", "1"},
            modules=tuple(name for name in modules.split(",") if name),
            values={key: value_text(value) for key, value in values.items()},
        )


def value_text(value: Json) -> str:
    """Return a parameter's value as the API writes it in text: yes and no are `true` and `false`, none is empty."""
    return str(value).casefold() if isinstance(value, bool) else "" if value is None else str(value)


def _clusters(reply: Json) -> tuple[ClusterView, ...]:
    return tuple(
        ClusterView(
            cluster_id=text(item, "cluster_id"),
            name=text(item, "name"),
            app_version=text(item, "app_version"),
            status=text(item, "status"),
            transition_status=text(item, "transition_status"),
            upgrade_status=text(item, "upgrade_status"),
            links=tuple(sorted(_linked(item))),
        )
        for item in items(reply, "cluster_set")
    )


def _jobs(reply: Json) -> tuple[JobView, ...]:
    """Read `job_set`, last item first."""
    return tuple(
        JobView(
            job_id=text(item, "job_id"),
            action=text(item, "job_action"),
            status=text(item, "status"),
            error_code=_first_number(text(item, "error_codes")),
        )
        for item in reversed(items(reply, "job_set"))
    )


def _linked(item: Mapping[str, Json]) -> Iterator[str]:
    """Yield the kinds of services that a cluster is linked to, such as `etcd_service`."""
    links = item.get("links")
    if isinstance(links, Mapping):
        yield from (kind for kind, link in links.items() if link)


def _first_number(words: str) -> int:
    """Read the first number of words such as `150`, 0 when it has none (how several are written is not public)."""
    found = re.search(r"\d+", words)
    return int(found.group()) if found else 0

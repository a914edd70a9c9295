"""Effects through the cloud door: QingCloud actions, and what their answers mean to us.

Each effect names its action and its parameters as the API does; the interpreter passes both on without knowing them.
Field names and status words: QingCloud API, AppCenter cluster actions (DescribeClusters, DescribeClusterNodes,
DescribeClusterJobs, UpgradeClusters).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar, cast

from qke_core.effects.base import Effect, Flow, Json, JsonObject, Settled
from qke_core.effects.patience import perform_patiently
from qke_core.errors import RemoteError

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
        for item in _items(reply, "cluster_set"):
            return ClusterView(
                cluster_id=_text(item, "cluster_id"),
                name=_text(item, "name"),
                app_version=_text(item, "app_version"),
                status=_text(item, "status"),
                transition_status=_text(item, "transition_status"),
                upgrade_status=_text(item, "upgrade_status"),
                links=tuple(sorted(_linked(item))),
            )
        return None


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
                node_id=_text(item, "node_id"),
                instance_id=_text(item, "instance_id"),
                name=_text(item, "name"),
                role=_text(item, "role"),
                sid=_number(item, "server_id"),
                status=_text(item, "status"),
                private_ip=_text(item, "private_ip"),
            )
            for item in _items(reply, "node_set")
        )
        return NodePage(nodes, _number(reply, "total_count") if isinstance(reply, Mapping) else 0)


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
        return tuple(
            JobView(
                job_id=_text(item, "job_id"),
                action=_text(item, "job_action"),
                status=_text(item, "status"),
                error_code=_first_number(_text(item, "error_codes")),
            )
            for item in reversed(_items(reply, "job_set"))
        )


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    """What `DescribeClusterEnvironment` says of the parameters that we decide by."""

    install_kubesphere: bool
    modules: tuple[str, ...]


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
        values = {_text(item, "key"): item.get("default") for item in _items(config, "properties")}
        modules = str(values.get("extra.modules") or "")
        return EnvironmentView(
            install_kubesphere=str(values.get("install_kubesphere", True)).casefold() in {"true", "1"},
            modules=tuple(name for name in modules.split(",") if name),
        )


@dataclass(frozen=True, slots=True)
class UpgradeCluster(CloudEffect[str]):
    """Ask the platform to upgrade a cluster; the reply is the job's id.

    `known_jobs` are the ids of the upgrade jobs seen before asking: a job that is not among them is ours, which is how
    the probe tells "asked, but the answer was lost" from "never asked".
    """

    name: ClassVar[str] = "cloud.upgrade-cluster"
    action: ClassVar[str] = "UpgradeClusters"
    mutates: ClassVar[bool] = True
    cluster_id: str
    app_version: str
    known_jobs: tuple[str, ...]

    def params(self) -> JsonObject:
        """`clusters.n` and `app_version`."""
        return {"clusters": [self.cluster_id], "app_version": self.app_version}

    def parse_reply(self, reply: Json) -> str:
        """Read the job id of this cluster from the map `job_ids`."""
        jobs = reply.get("job_ids") if isinstance(reply, Mapping) else None
        return _text(jobs, self.cluster_id) if isinstance(jobs, Mapping) else ""

    def probe(self) -> Flow[Settled | None]:
        """Look for an upgrade job that was not there before."""
        jobs = yield from perform_patiently(DescribeClusterJobs(self.cluster_id))
        for job in jobs:
            if job.action == self.action and job.job_id not in self.known_jobs:
                return Settled({"job_ids": {self.cluster_id: job.job_id}})
        return None


INTERNAL_ERROR = 5000
RETRY_CODES = frozenset({INTERNAL_ERROR, 5100})
"""ret_codes that say "not now": internal error, server busy (QingCloud API error codes; the SDK repeats these too)."""


def require_answer(action: str, answer: Mapping[str, Json]) -> Json:
    """Return the answer of an action when its `ret_code` is 0.

    Raises:
        RemoteError: `cloud.refused` with the API's code and message otherwise; `retry` for codes that say "not now"; in
            doubt after an internal error, which may have struck when the work was half done.
    """
    ret_code = _number(answer, "ret_code")
    if ret_code == 0:
        return answer
    retry = ret_code in RETRY_CODES
    raise RemoteError(
        "cloud.refused",
        f"{action} was refused with ret_code {ret_code}: {_text(answer, 'message')}",
        "try again later" if retry else "look at the state of the resource that the message names",
        {"action": action, "ret_code": ret_code},
        retry=retry,
        in_doubt=ret_code == INTERNAL_ERROR,
    )


def _linked(item: Mapping[str, Json]) -> Iterator[str]:
    """Yield the kinds of services that a cluster is linked to, such as `etcd_service`."""
    links = item.get("links")
    if isinstance(links, Mapping):
        yield from (kind for kind, link in links.items() if link)


def _items(reply: Json, field: str) -> Sequence[Mapping[str, Json]]:
    found = reply.get(field) if isinstance(reply, Mapping) else None
    return cast("Sequence[Mapping[str, Json]]", found or ())


def _text(item: Mapping[str, Json], field: str) -> str:
    value = item.get(field)
    return "" if value is None else str(value)


def _number(item: Mapping[str, Json], field: str) -> int:
    value = item.get(field)
    return int(value) if isinstance(value, int | str) else 0


def _first_number(text: str) -> int:
    """Read the first number of a text such as `150`, 0 when it has none (how several are written is not public)."""
    found = re.search(r"\d+", text)
    return int(found.group()) if found else 0

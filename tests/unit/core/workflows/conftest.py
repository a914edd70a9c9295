"""A small world behind the doors: one cluster as dicts, a clock, and trouble on demand.

Everything that passes a door goes through JSON text, so that nothing but plain data can pass.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from qke_core.catalog import catalog
from qke_core.effects import CloudEffect, Effect, Flow, HostEffect, KubeEffect, Now, Sleep, Tell
from qke_core.errors import InvariantError, QkeError, RemoteError
from qke_core.journal import JournalRecord, Replay, parse_record, render_record
from qke_core.runner import Append, Do, Fork, Runner, step_through
from qke_core.units import MS_PER_MIN

T = TypeVar("T")

CLUSTER = "cl-1"
BUSY = RemoteError("cloud.refused", "The server is busy", "try again later", {"ret_code": 5100}, retry=True)
LOST = RemoteError("cloud.no-answer", "No answer", "look first", retry=True, in_doubt=True)


class Killed(BaseException):
    """The operator's process ended here. No Exception, so that nothing swallows it."""


class World:
    """One cluster behind three doors, and the operator's journal."""

    def __init__(self, version: str = "1.0.1", masters: int = 3, workers: int = 3, clients: int = 1) -> None:
        self.now_ms = 0
        self.cluster: dict[str, Any] = {
            "cluster_id": CLUSTER,
            "name": "shop",
            "status": "active",
            "transition_status": "",
            "upgrade_status": "",
        }
        self.nodes: list[dict[str, Any]] = [
            {
                "node_id": f"cln-{role}-{sid}",
                "instance_id": f"i-{role}-{sid}",
                "name": f"{role}-{sid}",
                "role": role,
                "server_id": sid,
                "status": "active",
                "ready": True,
                "disk": 60_000,
                "port": 22,
                "cpu": 4,
                "memory": 8192,
                "storage_size": 100,
            }
            for role, count in (("client", clients), ("node_perf", workers), ("master", masters))
            for sid in range(1, count + 1)
        ]
        self.jobs: list[dict[str, Any]] = []
        self.claims: list[dict[str, Any]] = []
        self.modules = ""
        self.job_ends: dict[str, str] = {"status": "successful", "error_codes": ""}
        self.job_takes_ms = 45 * MS_PER_MIN
        self.kubelets_follow = True
        self.closed: set[str] = set()  # Doors, or node ids, that do not answer.
        self.trouble: list[tuple[str, str]] = []  # (effect name, "busy" | "lost-before" | "lost-after"), used up once.
        self.asked: Counter[str] = Counter()
        self.refusals: dict[str, int] = {}  # ret_code by action
        self.on_end: dict[str, Callable[[dict[str, Any]], object]] = {}
        self.env: dict[str, Any] = {}
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.journal: list[str] = []
        self.move_to(version)

    # --- The operator

    def run(self, flow: Flow[T], stop_at: tuple[int, str] = (0, "")) -> T:
        """Run a workflow on the journal.

        `stop_at` kills once so many records are written: `before` the effect that follows, or `after` it happened and
        before its reply is written.
        """
        known = Replay(parse_record(line) for line in self.journal)
        return self._drive(step_through(flow, known, lambda: self.now_ms), stop_at)

    def _drive(self, runner: Runner[T], stop_at: tuple[int, str]) -> T:
        sent: Any = None
        while True:
            try:
                step = runner.send(sent)
            except StopIteration as stop:
                return stop.value
            match step:
                case Append(record):
                    self._append(record, stop_at)
                    sent = None
                case Do(effect, asked_ms, key):
                    sent = self.answer(effect, asked_ms)
                    if key is not None and stop_at == (len(self.journal), "after"):
                        raise Killed
                case Fork(children=children):
                    sent = tuple(self._child(child, stop_at) for child in children)

    def _child(self, runner: Runner[Any], stop_at: tuple[int, str]) -> Any:
        try:
            return self._drive(runner, stop_at)
        except InvariantError:
            raise
        except QkeError as error:
            return error

    def _append(self, record: JournalRecord, stop_at: tuple[int, str]) -> None:
        self.journal.append(render_record(record))
        if stop_at == (len(self.journal), "before"):
            raise Killed

    # --- The doors

    def answer(self, effect: Effect[Any], asked_ms: int) -> Any:
        """Answer one effect: plain JSON, or an error."""
        asked = json.loads(json.dumps(effect.to_json()))
        trouble = next((what for name, what in self.trouble if name == asked["name"]), None)
        if trouble is not None:
            self.trouble.remove((asked["name"], trouble))
        if trouble == "busy":
            return BUSY
        if trouble == "lost-before":
            return LOST
        reply = self._reply(effect, asked, asked_ms)
        self.asked[asked["name"]] += 1
        return LOST if trouble == "lost-after" else reply

    def _reply(self, effect: Effect[Any], asked: dict[str, Any], asked_ms: int) -> Any:
        match effect:
            case Now():
                return self.now_ms
            case Sleep():
                self.pass_until(asked_ms + asked["duration_ms"])
                return None
            case Tell():
                self.told.append((asked["topic"], json.loads(asked["body"])))
                return None
            case CloudEffect():
                self.pass_until(self.now_ms + 50)
                reply = self._cloud(effect.action, json.loads(json.dumps(effect.params())))
            case KubeEffect():
                reply = self._closed("kube") or self._kube(json.loads(json.dumps(effect.params())))
            case HostEffect():
                reply = self._closed(effect.node_id) or self._host(effect.node_id, effect.command)
            case _:
                raise AssertionError(effect)
        return reply if isinstance(reply, QkeError) else json.loads(json.dumps(reply))

    def _closed(self, door: str) -> QkeError | None:
        return RemoteError("door.silent", f"{door} does not answer", "look there") if door in self.closed else None

    def _cloud(self, action: str, params: dict[str, Any]) -> Any:
        match action:
            case "DescribeClusters":
                known = CLUSTER in params.get("clusters", [CLUSTER]) and self.cluster["status"] != "unknown"
                return {"cluster_set": [self.cluster] if known else []}
            case "DescribeClusterNodes":
                page = self.nodes[params["offset"] :][: params["limit"]]
                return {"node_set": page, "total_count": len(self.nodes)}
            case "DescribeClusterEnvironment":
                properties = [
                    {"key": "install_kubesphere", "default": True},
                    {"key": "extra.modules", "default": self.modules},
                    *({"key": key, "default": value} for key, value in self.env.items()),
                ]
                return {"config": {"properties": properties}}
            case "DescribeClusterJobs":
                wanted = params.get("jobs")
                newest_first = [job for job in reversed(self.jobs) if not wanted or job["job_id"] in wanted]
                return {"job_set": newest_first[: params["limit"]]}
            case "UpgradeClusters":
                return self._upgrade(params["app_version"])
            case _:
                return self._operate(action, params)

    def _operate(self, action: str, params: dict[str, Any]) -> Any:
        """Take any other action as a job; what it does when it ends is `on_end`, by action."""
        refusal = self.refusals.get(action)
        if refusal is not None:
            return RemoteError("cloud.refused", "No", "look", {"ret_code": refusal, "action": action})
        job_id = f"j-{len(self.jobs) + 1}"
        self.cluster["transition_status"] = "updating"
        word = "CeaseResources" if action == "CeaseClusters" else action
        job = {"job_id": job_id, "job_action": word, "status": "working", "error_codes": "", "params": params}
        self.jobs.append(job | {"ends_ms": self.now_ms + self.job_takes_ms})
        return {"job_ids": {CLUSTER: job_id}} if "clusters" in params else {"job_id": job_id}

    def _upgrade(self, app_version: str) -> Any:
        if self.cluster["transition_status"]:
            return RemoteError("cloud.refused", "The cluster is upgrading", "wait", {"ret_code": 1400})
        job_id = f"j-{len(self.jobs) + 1}"
        self.cluster["transition_status"] = "upgrading"
        job = {"job_id": job_id, "job_action": "UpgradeClusters", "status": "working", "error_codes": ""}
        self.jobs.append(job | {"ends_ms": self.now_ms + self.job_takes_ms, "app_version": app_version})
        return {"job_ids": {CLUSTER: job_id}}

    def _kube(self, params: dict[str, Any]) -> Any:
        if params["resource"] == "persistentvolumeclaims":
            return {"items": self.claims}
        return {
            "items": [
                {
                    "metadata": {"name": node["instance_id"]},
                    "status": {
                        "conditions": [{"type": "Ready", "status": str(node["ready"])}],
                        "nodeInfo": {"kubeletVersion": f"v{node['kubelet']}"},
                    },
                }
                for node in self.nodes
                if node["role"] != "client"
            ]
        }

    def _host(self, node_id: str, command: str) -> int:
        (node,) = [node for node in self.nodes if node["node_id"] == node_id]
        return node["port"] if command == "sshd-port" else node["disk"]

    # --- What happens by itself

    def node(self, name: str) -> dict[str, Any]:
        (found,) = [node for node in self.nodes if node["name"] == name]
        return found

    def move_to(self, version: str) -> None:
        facts = catalog().version(version)
        self.cluster["app_version"] = facts.app_version_id
        for node in self.nodes:
            if self.kubelets_follow or "kubelet" not in node:
                node["kubelet"] = facts.kubernetes

    def pass_until(self, instant_ms: int) -> None:
        self.now_ms = max(self.now_ms, instant_ms)
        for job in self.jobs:
            status: str = job["status"]
            if status == "working" and job.get("ends_ms", 0) <= self.now_ms:
                job.update(self.job_ends)
                self.cluster["transition_status"] = ""
                if job["status"] == "successful" and job["job_action"] != "UpgradeClusters":
                    self.on_end.get(job["job_action"], lambda _: None)(job["params"])
                elif job["status"] == "successful":
                    self.move_to(catalog().by_app_version(job["app_version"]).name)

    @property
    def version(self) -> str:
        return catalog().by_app_version(self.cluster["app_version"]).name


@pytest.fixture
def make_world() -> Callable[..., World]:
    return World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def killed() -> type[BaseException]:
    return Killed

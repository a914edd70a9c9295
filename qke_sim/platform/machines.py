"""The machines under a cluster's nodes: made, started, stopped, resized and destroyed through the cloud's own actions.

A machine is an instance with its data disk; the client has no data disk. What the cloud refuses ends the work with the
cloud's code (assumed: what a job shows then is not public). Of several nodes, all are worked on side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, cast

import simpy

from qke_core.catalog import catalog, operations, storage
from qke_core.effects import Json, JsonObject
from qke_core.errors import RemoteError
from qke_core.inventory import pod_nics
from qke_sim.cloud import ClusterNode, Outcome
from qke_sim.cloud.instance import HERE, RUNNING, TERMINATED, Instance
from qke_sim.cloud.job import SUCCESSFUL
from qke_sim.hosts.host import Host
from qke_sim.hosts.site import Site
from qke_sim.ids import make_id
from qke_sim.kernel import Process
from qke_sim.platform.platform import PLATFORM, Task
from qke_sim.platform.services import MS_PER_S, Ended
from qke_sim.platform.state import state_of

JOB_FAILED = 1
"""The code of a job that failed without one of its own."""
NO_ANSWER = 5000
"""The code of a call whose answer was lost: the platform does not look twice."""
LEASE = "lease info not ready"

Step: TypeAlias = Callable[[Task, ClusterNode, int], Process[Ended]]


def side_by_side(task: Task, nodes: Sequence[ClusterNode], step: Step, cause: int) -> Process[Ended]:
    """Do a step for several nodes at once; return the failure that came first, or the end of the last."""
    return (yield from together(task, [step(task, node, cause) for node in nodes], cause))


def together(task: Task, parts: Sequence[Process[Ended]], cause: int) -> Process[Ended]:
    """Do several things at once; return the failure that came first, or the end of the last."""
    ended: list[Ended] = []

    def follow(part: Process[Ended]) -> Process[None]:
        ended.append((yield from part))

    runs: list[simpy.Process] = [task.kernel.spawn(follow(part)) for part in parts]
    yield task.kernel.env.all_of(runs)
    failed = [end for end in ended if end.code]
    return failed[0] if failed else (ended[-1] if ended else Ended(task.kernel.now, 0, cause))


def one_by_one(task: Task, nodes: Sequence[ClusterNode], step: Step, cause: int) -> Process[Ended]:
    """Do a step for one node after another, until one fails."""
    ended = Ended(task.kernel.now, 0, cause)
    for node in nodes:
        ended = yield from step(task, node, ended.seq)
        if ended.code:
            break
    return ended


def make(task: Task, node: ClusterNode, cause: int) -> Process[Ended]:
    """Run an instance and create its disk, at the same time; attach the disk; wait until the machine is up."""
    parts = [_run_instance(task, node, cause), _create_disk(task, node, cause)]
    ended = yield from together(task, parts, cause)
    if ended.code == 0 and node.volume_id:
        params: JsonObject = {"volumes": [node.volume_id], "instance": node.instance_id}
        ended = yield from ask(task, "AttachVolumes", params, ended.seq)
    if ended.code:
        return ended
    return (yield from wait_up(task, node, ended.seq))


def _run_instance(task: Task, node: ClusterNode, cause: int) -> Process[Ended]:
    cluster, shape = task.cluster, node.shape
    wanted = cluster.born_as, task.cloud.zone, "instance_class", shape.instance_class
    params: dict[str, Json] = {
        "image_id": f"qke-{cluster.version}",
        "cpu": shape.cpu,
        "memory": shape.memory_mib,
        "gpu": int(node.role == "node_gpu"),
        "instance_class": storage().replace(*wanted),
        "instance_name": node.alias,
        "_id": node.instance_id,
        "_nics": 1 if node.role_kind == "client" else 1 + pod_nics(state_of(task.site)),
        **provenance(node, node.label),
    }
    if cluster.vxnet:
        params["vxnets"] = [cluster.vxnet]

    def take(ids: list[str], seq: int) -> None:
        found = task.cloud.store.get(Instance, ids[0])
        task.cloud.store.change(node, seq, private_ip=found.private_ip or node.private_ip)

    return (yield from _make(task, "RunInstances", "instances", params, take, cause))


def _create_disk(task: Task, node: ClusterNode, cause: int) -> Process[Ended]:
    cluster, shape = task.cluster, node.shape
    if node.role_kind == "client" or not shape.volume_gib:
        return Ended(task.kernel.now, 0, cause)
    kind = storage().data_disk_type(cluster.born_as, task.cloud.zone, node.role, shape.instance_class)
    params: dict[str, Json] = {
        "size": shape.volume_gib,
        "volume_type": kind,
        "volume_name": f"{node.alias}-data",
        "_id": make_id("vol", *node.label.split("/"), node.id),
        **provenance(node, f"{node.label}/data"),
    }
    # Known before it is asked for: a disk whose making was never answered is destroyed with its node too.
    cause = task.cloud.store.change(node, cause, volume_id=params["_id"])
    return (yield from _make(task, "CreateVolumes", "volumes", params, lambda _ids, _seq: None, cause))


def _make(
    task: Task, action: str, into: str, params: JsonObject, take: Callable[[list[str], int], None], cause: int
) -> Process[Ended]:
    """Ask for a new resource, note its id as soon as it is told, and wait until it is there."""
    try:
        answer = yield from task.cloud.call(action, params, PLATFORM, cause)
    except RemoteError:
        return Ended(task.kernel.now, NO_ANSWER, cause)
    code = int(cast("int", answer["ret_code"]))
    if code:
        return Ended(task.kernel.now, code, cause)
    take([str(found) for found in cast("list[Json]", answer[into])], cause)
    job = task.cloud.jobs[str(answer["job_id"])]
    seq: int = yield job.ended
    return Ended(task.kernel.now, 0 if job.status == SUCCESSFUL else JOB_FAILED, seq)


def provenance(node: ClusterNode, label: str) -> dict[str, Json]:
    """Return for whom a resource is, as only the platform may say."""
    return {"_owner": node.owner, "_label": label, "_origin": "node"}


def ask(task: Task, action: str, params: JsonObject, cause: int) -> Process[Ended]:
    """Call the cloud and wait for the job."""
    answer = yield from task.cloud.request(action, params, PLATFORM, cause)
    return _ended(task, answer)


def _ended(task: Task, answer: Outcome) -> Ended:
    code = answer.ret_code or (JOB_FAILED if answer.failed else 0)
    return Ended(task.kernel.now, code, answer.cause)


def start(task: Task, node: ClusterNode, cause: int) -> Process[Ended]:
    """Start the instance of a node, if it is off, and wait until the machine is up."""
    return (yield from _bring(task, node, {"stopped": "StartInstances"}, cause))


def recover(task: Task, node: ClusterNode, cause: int) -> Process[Ended]:
    """Have the instance of a node back from the recycle bin, and wait until the machine is up."""
    return (yield from _bring(task, node, {"stopped": "StartInstances", "terminated": "RecoverInstances"}, cause))


def _bring(task: Task, node: ClusterNode, actions: Mapping[str, str], cause: int) -> Process[Ended]:
    action = actions.get(status_of(task, node))
    if action is not None:
        ended = yield from ask(task, action, {"instances": [node.instance_id]}, cause)
        if ended.code:
            return ended
        cause = ended.seq
    return (yield from wait_up(task, node, cause))


def stop(task: Task, node: ClusterNode, cause: int) -> Process[Ended]:
    """Stop the instance of a node, if it runs."""
    if status_of(task, node) != RUNNING:
        return Ended(task.kernel.now, 0, cause)
    return (yield from ask(task, "StopInstances", {"instances": [node.instance_id]}, cause))


def shelve(task: Task, node: ClusterNode, cause: int) -> Process[Ended]:
    """Put the instance of a node into the recycle bin, with its disk attached."""
    params: JsonObject = {"instances": [node.instance_id], "_keep": 1}
    seq, code = yield from insist(task, "TerminateInstances", params, cause)
    return Ended(task.kernel.now, code, seq)


def status_of(task: Task, node: ClusterNode) -> str:
    """Return the status of a node's instance, "" when there is none."""
    found = task.cloud.store.find(Instance, node.instance_id)
    return "" if found is None else found.status


def resize(cpu: int, memory_mib: int) -> Step:
    """Return the step that gives a stopped instance another size."""

    def step(task: Task, node: ClusterNode, cause: int) -> Process[Ended]:
        params: JsonObject = {"instances": [node.instance_id], "cpu": cpu, "memory": memory_mib}
        return (yield from ask(task, "ResizeInstances", params, cause))

    return step


def grow(size_gib: int) -> Step:
    """Return the step that grows the data disk of a node, and its file system, whether the node runs or not."""

    def step(task: Task, node: ClusterNode, cause: int) -> Process[Ended]:
        ended = yield from ask(task, "ResizeVolumes", {"volumes": [node.volume_id], "size": size_gib}, cause)
        if ended.code == 0:
            host = task.site.hosts[node.alias]
            more = (size_gib - node.shape.volume_gib) * 1024
            host.set_disk(host.data_free_mib + more, "its disk grew", ended.seq)
        return ended

    return step


def destroy(task: Task, node: ClusterNode, cause: int) -> Process[Ended]:
    """Destroy the instance and the disk of a node, whatever there is of them; the bin is left out.

    The platform does not give up: what does not go stays, and is somebody's to find (assumed).
    """
    seq, status = cause, status_of(task, node)
    if status == TERMINATED:
        seq, _ = yield from insist(task, "CeaseInstances", {"instances": [node.instance_id]}, seq)
    elif status in HERE:
        params: JsonObject = {"instances": [node.instance_id], "direct_cease": 1}
        seq, _ = yield from insist(task, "TerminateInstances", params, seq)
    if node.volume_id:
        seq, _ = yield from insist(task, "DeleteVolumes", {"volumes": [node.volume_id], "direct_cease": 1}, seq)
    return Ended(task.kernel.now, 0, seq)


def insist(task: Task, action: str, params: JsonObject, cause: int) -> Process[tuple[int, int]]:
    """Ask again while a lease record is not there yet, or when a job failed; return the newest record, and the code."""
    code = 0
    for _ in range(operations().constants["cloud_retries"]):
        answer = yield from task.cloud.request(action, params, PLATFORM, cause)
        cause, code = answer.cause, _ended(task, answer).code
        if LEASE not in answer.message and not (answer.failed and not answer.ret_code):
            break
        yield task.kernel.pause(operations().constants["cloud_retry_s"] * MS_PER_S)
    return cause, code


def wait_up(task: Task, node: ClusterNode, cause: int) -> Process[Ended]:
    """Wait until the machine of a node answers, as long as a service may take."""
    site, kernel = task.site, task.kernel
    limit = kernel.pause(operations().constants["boot_limit_s"] * MS_PER_S)
    while not site.hosts[node.alias].up:
        yield kernel.env.any_of([site.power.next(), limit])
        if limit.processed and not site.hosts[node.alias].up:
            code = catalog().constant("service_timed_out_code")
            seq = kernel.trace.add("node.silent", node.label, cause)
            return Ended(kernel.now, code, seq)
    return Ended(kernel.now, 0, site.boots.get(node.alias, cause))


def host_of(site: Site, instance_id: str) -> Host | None:
    """Return the host that lives on an instance; None for instances that are no node's."""
    return next((host for host in site.hosts.values() if host.node.instance_id == instance_id), None)

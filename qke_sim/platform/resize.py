"""Give all nodes of a role another size: one after another or all at once, by version; disks alone grow while they run.

Rule: developer guide, vertical scaling; user guide G-125, G-126. Nothing is drained, and nobody waits for Ready.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from qke_core.catalog import RoleShape, operations, parameters
from qke_core.effects import Json
from qke_core.inventory import resources_of
from qke_core.plan.change import Resize, apply
from qke_core.rules.values import check_value
from qke_sim.cloud import Call, Cluster, ClusterNode, denied
from qke_sim.kernel import Process
from qke_sim.platform import machines
from qke_sim.platform.ask import cluster_of, role_of
from qke_sim.platform.conf import bad
from qke_sim.platform.metadata import forget, tell
from qke_sim.platform.platform import Platform, Task
from qke_sim.platform.power import renew_bridges
from qke_sim.platform.services import Command, Ended, run_service
from qke_sim.platform.state import state_of

FIGURES: Mapping[str, str] = {"cpu": "cpu", "memory": "memory", "storage_size": "volume_size"}
"""The figures of ResizeCluster, and how the form of the product calls them."""


def resize_cluster(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer ResizeCluster: figures that are left out, or 0, stay."""
    cluster = cluster_of(platform, call)
    role = role_of(call, "node_role", cluster)
    platform.require("resize", cluster)
    old, new = cluster.shapes[role], _shape(call, cluster, role)
    site = platform.sites.of(cluster.id)
    before = state_of(site)
    wanted = wish_of(role, old, new)
    platform.cloud.allowance.require(resources_of(apply(wanted, before)), instead_of=resources_of(before))
    job = platform.begin("resize", site, call, lambda task: _resize(task, wanted))
    return {
        "cluster_id": cluster.id,
        "job_id": job.job_id,
        "role": role,
        "cpu": new.cpu,
        "memory": new.memory_mib,
        "storage_size": new.volume_gib,
    }


def wish_of(role: str, old: RoleShape, new: RoleShape) -> Resize:
    """Return what changes; a figure of 0 stays."""
    return Resize(
        role,
        new.cpu if new.cpu != old.cpu else 0,
        new.memory_mib if new.memory_mib != old.memory_mib else 0,
        new.volume_gib if new.volume_gib != old.volume_gib else 0,
    )


def _shape(call: Call, cluster: Cluster, role: str) -> RoleShape:
    """Return the new size.

    Raises:
        CloudRefusal: 1100 for a figure that the form does not offer, 1400 for what the definition does not allow.
    """
    known, old = parameters().role(role, cluster.version), cluster.shapes[role]
    given = {name: call.number(name, least=0) for name in FIGURES}
    if not any(given.values()):
        raise bad("one of [cpu], [memory], [storage_size] is required")
    for name, value in given.items():
        if value and FIGURES[name] not in known:
            raise denied(f"[{name}] of role [{role}] of cluster [{cluster.id}] can not be changed")
        for flaw in check_value(known[FIGURES[name]], value, f"{role} {name}") if value else ():
            raise bad(f"invalid value [{value}] of parameter [{name}]: {flaw.sentence}")
    if call.number("instance_class", old.instance_class) != old.instance_class:
        raise denied(f"role [{role}] of cluster [{cluster.id}] does not support to change its instance class")
    size = given["storage_size"] or old.volume_gib
    if size < old.volume_gib:
        raise denied(f"storage of role [{role}] has [{old.volume_gib}] GB, it can only grow")
    return replace(old, cpu=given["cpu"] or old.cpu, memory_mib=given["memory"] or old.memory_mib, volume_gib=size)


def _resize(task: Task, wanted: Resize) -> Process[int]:
    cluster, role = task.cluster, wanted.role
    nodes = [node for node in cluster.nodes if node.role == role]
    seq = tell(task.site, f"{role} nodes get another size", task.cause, vertical_roles=(role,))
    rolling = operations().resize_manner(role, cluster.version) == "rolling" and not wanted.online
    go = machines.one_by_one if rolling else machines.side_by_side

    def step(task: Task, node: ClusterNode, cause: int) -> Process[Ended]:
        return (yield from _resize_node(task, node, wanted, cause))

    ended = yield from go(task, nodes, step, seq)
    if ended.code == 0:
        cluster.shapes = {**cluster.shapes, role: nodes[0].shape}
        if not wanted.online:
            renew_bridges(cluster, role)
    return task.end(ended.code, forget(task.site, ended.seq))


def _resize_node(task: Task, node: ClusterNode, wanted: Resize, cause: int) -> Process[Ended]:
    """Grow the disk; for more than that the node stops before and starts again afterwards."""
    ended = Ended(task.kernel.now, 0, cause)
    steps = [] if wanted.online else [_service("stop"), machines.stop]
    if wanted.volume_gib:
        steps.append(machines.grow(wanted.volume_gib))
    if not wanted.online:
        cpu, memory = wanted.cpu or node.shape.cpu, wanted.memory_mib or node.shape.memory_mib
        steps += [machines.resize(cpu, memory), _note(wanted), machines.start, _service("start")]
    else:
        steps.append(_note(wanted))
    for step in steps:
        ended = yield from step(task, node, ended.seq)
        if ended.code:
            break
    return ended


def _service(name: str) -> machines.Step:
    """Return the step that runs a service on a node."""

    def step(task: Task, node: ClusterNode, cause: int) -> Process[Ended]:
        if name == "stop" and node.status != "active":
            return Ended(task.kernel.now, 0, cause)
        hosts = [task.site.hosts[node.alias]]
        return (yield from run_service(task.site, hosts, Command(name, task.cluster.version), cause))

    return step


def _note(wanted: Resize) -> machines.Step:
    """Return the step that notes a node's new size."""

    def step(task: Task, node: ClusterNode, cause: int) -> Process[Ended]:
        shape = replace(
            node.shape,
            cpu=wanted.cpu or node.shape.cpu,
            memory_mib=wanted.memory_mib or node.shape.memory_mib,
            volume_gib=wanted.volume_gib or node.shape.volume_gib,
        )
        node.shape = shape
        facts = {"cpu": shape.cpu, "memory_mib": shape.memory_mib, "volume_gib": shape.volume_gib}
        seq = task.kernel.trace.add("node.resized", node.label, cause, **facts)
        yield from ()
        return Ended(task.kernel.now, 0, seq)

    return step

"""Add nodes to a role and delete nodes: checks first, then machines and services, then what is left over goes.

Rule: developer guide, lifecycle; user guide G-116 to G-120, G-183 to G-187. That nodes whose coming fails are destroyed
again is assumed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from qke_core.catalog import RoleShape, operations, parameters
from qke_core.effects import Json
from qke_core.inventory import resources_of
from qke_core.models import RoleWish
from qke_core.plan.change import AddNodes, apply
from qke_core.rules.sizes import role_flaws
from qke_sim.cloud import Call, Cluster, ClusterNode, denied, not_found
from qke_sim.hosts.build import remove_host
from qke_sim.hosts.host import Host
from qke_sim.kernel import Process
from qke_sim.platform import machines
from qke_sim.platform.ask import cluster_of, known_role
from qke_sim.platform.conf import bad, json_object, role_wish
from qke_sim.platform.deploy import add_nodes, begin_nodes
from qke_sim.platform.metadata import forget, tell, tell_all
from qke_sim.platform.platform import Platform, Task
from qke_sim.platform.services import Command, Ended, follows, pre_check, run_service
from qke_sim.platform.state import state_of


def add_cluster_nodes(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer AddClusterNodes."""
    cluster = cluster_of(platform, call)
    role, count = known_role(call, "node_role", cluster), call.number("node_count", least=1)
    platform.require("add-nodes", cluster)
    _require_scalable(cluster, role)
    if not count:
        raise bad("parameter [node_count] is required")
    site = platform.sites.of(cluster.id)
    shape = _shape(call, cluster, role)
    before = state_of(site)
    wanted = AddNodes(role, count, shape.cpu, shape.memory_mib, shape.volume_gib, shape.instance_class)
    after = apply(wanted, before)
    _require_count(cluster, role, after.shape[role].count)
    platform.cloud.allowance.require(resources_of(after), instead_of=resources_of(before))
    new = [sid for sid in after.nodes[role] if sid not in before.nodes[role]]
    cluster.shapes = {**cluster.shapes, role: after.shape[role]}
    nodes = add_nodes(platform, site, role, new, call.seq)
    for node in nodes:
        platform.sites.take_host(site.hosts[node.alias])
    job = platform.begin("add-nodes", site, call, lambda task: _add(task, nodes))
    return {"cluster_id": cluster.id, "job_id": job.job_id, "new_node_ids": [node.id for node in nodes]}


def _require_scalable(cluster: Cluster, role: str) -> None:
    if not operations().allows("scale_horizontal", role, cluster.version):
        raise denied(f"role [{role}] of cluster [{cluster.id}] does not support to scale horizontally")


def _require_count(cluster: Cluster, role: str, count: int) -> None:
    """Refuse more nodes than the form of the version offers; the client is one at most."""
    known = parameters().role(role, cluster.version).get("count")
    most = 1 if known is None else known.maximum or max((int(choice) for choice in known.choices), default=count)
    if count > most:
        raise denied(f"role [{role}] of cluster [{cluster.id}] can not have [{count}] nodes, at most [{most}]")


def _shape(call: Call, cluster: Cluster, role: str) -> RoleShape:
    """Return the size of new nodes: that of the role, or for its first nodes what `resource_conf` says.

    Raises:
        CloudRefusal: 1100.
    """
    present, text = cluster.shapes[role], call.text("resource_conf")
    if not text or any(node.role == role for node in cluster.nodes):
        return present
    conf = json_object("resource_conf", text)
    figures = conf.get(role, conf)
    if not isinstance(figures, dict):
        raise bad(f"[{role}] of resource_conf is not an object")
    wish = RoleWish.model_validate_json(json.dumps({**role_wish(figures, role, cluster.version), "count": 0}))
    for field, flaw in role_flaws(cluster.version, role, wish):
        raise bad(f"[{role}.{field}] of resource_conf: {flaw.sentence}")
    return replace(
        present,
        cpu=wish.cpu or present.cpu,
        memory_mib=wish.memory or present.memory_mib,
        volume_gib=present.volume_gib if wish.volume is None else wish.volume // 1024,
        instance_class=present.instance_class if wish.instance_class is None else wish.instance_class,
    )


def _add(task: Task, nodes: Sequence[ClusterNode]) -> Process[int]:
    """Make the machines, prepare the masters, begin the new nodes, let the masters clean up."""
    site, command = task.site, Command("scale_out", task.cluster.version)
    ended = yield from machines.side_by_side(task, nodes, machines.make, task.cause)
    if ended.code == 0:
        aliases = tuple(node.alias for node in nodes)
        seq = yield from tell_all(site, f"{', '.join(aliases)} come", ended.seq, adding=aliases)
        masters = [host for host in site.hosts.values() if host.node not in nodes]
        ended = yield from pre_check(site, masters, command, seq)
        if ended.code == 0:
            ended = yield from begin_nodes(task, nodes, ended.seq)
        if ended.code == 0:
            ended = yield from run_service(site, masters, command, ended.seq)
    seq = ended.seq
    if ended.code:
        seq = yield from remove(task, nodes, seq)
    return task.end(ended.code, forget(site, seq))


def delete_cluster_nodes(platform: Platform, call: Call) -> dict[str, Json]:
    """Answer DeleteClusterNodes; with `force` a service that fails on leaving nodes holds nothing up."""
    cluster = cluster_of(platform, call)
    ids = {node.id: node for node in cluster.nodes}
    wanted = call.required_texts("nodes")
    for node_id in wanted:
        if node_id not in ids:
            raise not_found("cluster node", node_id)
    nodes = [ids[node_id] for node_id in wanted]
    platform.require("delete-nodes", cluster)
    for node in nodes:
        _require_scalable(cluster, node.role)
    forced, site = call.flag("force"), platform.sites.of(cluster.id)
    job = platform.begin("delete-nodes", site, call, lambda task: _delete(task, nodes, forced=forced))
    return {"cluster_id": cluster.id, "job_id": job.job_id, "deleted_node_ids": [node.id for node in nodes]}


def _delete(task: Task, nodes: Sequence[ClusterNode], *, forced: bool) -> Process[int]:
    """Let the masters check and take leave; then the nodes stop, and go."""
    site, command = task.site, Command("scale_in", task.cluster.version)
    aliases = tuple(node.alias for node in nodes)
    seq = yield from tell_all(site, f"{', '.join(aliases)} go", task.cause, deleting=aliases)
    staying = [host for host in site.hosts.values() if host.node not in nodes]
    ended = yield from pre_check(site, staying, command, seq)
    if ended.code == 0:
        ended = yield from run_service(site, staying, command, ended.seq)
    if ended.code == 0:
        ended = yield from end_nodes(task, nodes, ended.seq, forced=forced)
    seq = ended.seq
    if ended.code == 0:
        seq = yield from remove(task, nodes, seq)
    return task.end(ended.code, forget(site, seq))


def end_nodes(task: Task, nodes: Sequence[ClusterNode], cause: int, *, forced: bool) -> Process[Ended]:
    """Stop and destroy the services of nodes, in the version's order; a failure ends it unless it is forced."""
    version = task.cluster.version
    hosts = [task.site.hosts[node.alias] for node in nodes if node.status == "active"]
    late = any(follows("destroy", host.node.role, version) == "stop" for host in hosts)
    ended = Ended(task.kernel.now, 0, cause)
    for name in ("stop", "destroy") if late else ("destroy", "stop"):
        ended = yield from run_service(task.site, hosts, Command(name, version), ended.seq)
        if ended.code and not (forced and (name == "stop" or _may_force(hosts, version))):
            return ended
    return Ended(task.kernel.now, 0, ended.seq)


def _may_force(hosts: Sequence[Host], version: str) -> bool:
    """Whether people may go on when a destroy fails: unless the definition of one of the roles forbids it."""
    found = [operations().service(host.node.role, "destroy", version) for host in hosts]
    return all(service is None or service.force is not False for service in found)


def remove(task: Task, nodes: Sequence[ClusterNode], cause: int) -> Process[int]:
    """Destroy the machines of nodes and forget the nodes; return the record."""
    ended = yield from machines.side_by_side(task, nodes, machines.destroy, cause)
    site, cluster, seq = task.site, task.cluster, ended.seq
    for node in nodes:
        task.platform.sites.drop_host(site.hosts[node.alias])
        remove_host(site, node.alias)
        seq = task.cloud.store.change(node, seq, status="ceased")
    left = {node.role for node in cluster.nodes}
    cluster.awaits_restart = tuple(role for role in cluster.awaits_restart if role in left)
    return tell(site, f"{', '.join(node.alias for node in nodes)} are gone", seq)

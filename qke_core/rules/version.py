"""Rules of a wish for another version: is there a way, and what does each upgrade on it need or cost.

The rules of one upgrade are those of `qke_core.rules.upgrade`; here they meet a World instead of a running cluster, and
disks are as large as the wish makes them: growing a disk comes before the upgrade that needs the room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from qke_core.catalog import catalog
from qke_core.errors import RefusedError
from qke_core.models.observation import ClusterObservation, NodeObservation
from qke_core.models.state import ClusterState
from qke_core.models.world import NodeState, WorldCluster
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding
from qke_core.rules.upgrade import check_upgrade
from qke_core.versions import version_path

SOURCE = "QKE app repo, upgrade_policy of each version; guide G-003, G-140"


def check_path(case: Case) -> Iterator[Finding]:
    """Refuse a version that no chain of upgrades leads to."""
    try:
        _path(case)
    except RefusedError as exc:
        yield case.finding(exc.code, "blocker", ("version",), exc.sentence, exc.remedy, SOURCE)


def check_hops(case: Case) -> Iterator[Finding]:
    """Say what the preflight of the first upgrade finds, and what later ones will do for certain."""
    present, now = case.present, case.now
    if present is None or now is None or not now.exists or case.wish.status in {"deleted", "ceased"}:
        return
    try:
        path = _path(case)
    except RefusedError:
        return
    observed = observe(present, now, case.goal)
    for hop in path:
        for finding in check_upgrade(observed, hop, catalog()):
            # Ready for the first hop is what can be seen now; of later hops only what follows from the version.
            if hop == path[0] or finding.subject == now.name:
                yield replace(finding, document="cluster", path=("version",))
        observed = replace(observed, version=hop)


RULES: tuple[Rule, ...] = (check_path, check_hops)


def _path(case: Case) -> tuple[str, ...]:
    if case.now is None or not case.now.exists:
        return ()
    return version_path(catalog(), case.now.version, case.version)


def observe(cluster: WorldCluster, now: ClusterState, goal: ClusterState) -> ClusterObservation:
    """Return what an operator would see of a World's cluster once it runs and its disks have grown as wished."""
    particular = {(state.role, state.index): state for state in cluster.nodes}
    nodes = [_node(role, sid, now, goal, particular) for role, sids in now.nodes.items() for sid in sids]
    return ClusterObservation(
        cluster_id=cluster.id or "",
        name=cluster.name,
        version=now.version,
        status="active" if now.phase in {"stopped", "deleted"} else now.phase,  # It is started first.
        transition="",
        nodes=tuple(nodes),
        kubesphere=now.kubesphere,
        modules=now.modules,
        unbound_claims=(),
        built_in_etcd=not now.etcd,
    )


def _node(
    role: str, sid: int, now: ClusterState, goal: ClusterState, particular: Mapping[tuple[str, int], NodeState]
) -> NodeObservation:
    state = particular.get((role, sid))
    client = catalog().roles[role].kind == "client"
    size_mb = now.shape[role].volume_gib * 1024
    free_mb = max(size_mb - catalog().constant("data_used_mib"), 0)
    if state is not None and state.data_free is not None:
        free_mb = state.data_free
    grown_mb = (goal.shape[role].volume_gib if role in goal.shape else 0) * 1024 - size_mb
    return NodeObservation(
        node_id="",
        instance_id="",
        name=f"{role}{sid}",
        role=role,
        sid=sid,
        status="active" if state is None else state.status,
        ready=None if client else state is None or (state.ready and state.status == "active"),
        data_free_mb=None if client else free_mb + max(grown_mb, 0),
        ssh_port=22 if state is None else state.ssh_port,
    )

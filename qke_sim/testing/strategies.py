"""Hypothesis strategies for worlds and wishes that the rules let through.

What they draw is what people write: plain data that is validated as a document, so a falsifying example is a file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from qke_core.catalog import Parameter, Value, catalog, parameters
from qke_core.effects import Json
from qke_core.models import ClusterDocument, ClusterState, World
from qke_core.units import render_size
from qke_core.versions import reachable

SAMPLES: Mapping[str, Sequence[Value]] = {
    "docker_bip": ("172.30.0.1/16", "172.29.0.1/16", "172.31.0.1/16"),
    "host_aliases": ("", "192.168.9.9 nas", "192.168.9.9 nas,192.168.9.10 git.example"),
    "registry_mirrors": ("", "https://mirror.example"),
    "insecure_registry": ("", "registry.example"),
    "kubernetes_eip": ("", "139.198.0.10", "139.198.0.11"),
    "kube_audit_file": ("", "/etc/kubernetes/audit/policies/default.yaml"),
    "kube_audit_policy": ("", "apiVersion: audit.k8s.io/v1"),
    "apiserver.params": ("", "max-requests-inflight: 800"),
    "controller.manager.params": ("", "node-monitor-grace-period: 60s"),
    "scheduler.params": ("", "kube-api-qps: 80"),
    "proxy.iptables.params": ("", "masqueradeAll: true"),
    "user.ssh.key": ("", "ssh-rsa AAAAB3NzaC1yc2E= me"),
}
"""Values for changeable parameters whose form is a pattern."""

WORKERS = ("node_perf", "node_super_perf")
HOSTS: Mapping[str, tuple[int, int]] = {"node_perf": (0, 101), "node_super_perf": (1, 202)}
"""Host type of each kind of worker, at 1.x and later; masters of the same type can use its volumes."""


def versions() -> st.SearchStrategy[str]:
    """Draw a QKE version."""
    return st.sampled_from(catalog().order)


@st.composite
def express_groups(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a version and one of its express groups."""
    version = draw(versions())
    return version, draw(st.sampled_from(catalog().express_groups(version)))


@st.composite
def worlds(draw: st.DrawFn, *, clusters: int = 2) -> World:
    """Draw a world with up to `clusters` clusters, whose networks and quotas are unknown."""
    names = ["shop", "bank", "game"][: draw(st.integers(1, clusters))]
    data: dict[str, Json] = {"zone": "pek3", "clusters": [_cluster(draw, name) for name in names]}
    return World.model_validate_json(json.dumps(data))


@st.composite
def cluster_wishes(draw: st.DrawFn, world: World) -> ClusterDocument:
    """Draw a wish: for a cluster of the world, or for one that is not there yet."""
    name = draw(st.sampled_from([*(cluster.name for cluster in world.clusters), "newcomer"]))
    present = world.cluster(name)
    if present is None:
        data = _cluster(draw, name)
        data["status"] = draw(st.sampled_from(["active", "stopped"]))
        data.pop("born_as", None)
    else:
        data = _changed(draw, ClusterState.of_world(present, world))
    wish = {**data, "apiVersion": "qke/v1", "kind": "Cluster", "zone": world.zone}
    return ClusterDocument.model_validate_json(json.dumps(wish))


def _cluster(draw: st.DrawFn, name: str) -> dict[str, Json]:
    """Draw a cluster that can exist."""
    version = draw(versions())
    roles = {"master": _role(draw, version, "master", draw(st.sampled_from([1, 3])))}
    worker = draw(st.sampled_from(WORKERS))
    roles["master"]["instance_class"] = HOSTS[worker][0 if version.startswith("1.") else 1]
    roles[worker] = _role(draw, version, worker, draw(st.integers(2, 5)))
    if draw(st.booleans()) and not version.startswith("1."):
        other = WORKERS[1 - WORKERS.index(worker)]
        roles[other] = _role(draw, version, other, draw(st.integers(1, 3)))
    status = draw(st.sampled_from(["active", "active", "active", "stopped", "deleted"]))
    return {"name": name, "version": version, "roles": roles, "env": _env(draw, version), "status": status}


def _changed(draw: st.DrawFn, now: ClusterState) -> dict[str, Json]:
    """Draw what somebody may wish of a cluster that is as `now`."""
    version = draw(st.sampled_from([now.version, *reachable(catalog(), now.version)]))
    roles: dict[str, Json] = {"master": {"count": now.shape["master"].count, **_size(draw, version, now, "master")}}
    counts = {role: draw(st.integers(0, 6)) for role in WORKERS}
    if sum(counts.values()) < 2:  # noqa: PLR2004 - the product's own minimum
        counts[WORKERS[0]] += 2
    for role, count in counts.items():
        kept = _size(draw, version, now, role) if count and now.shape[role].count else {}
        roles[role] = {"count": count, **kept}
    status = draw(st.sampled_from(["active", "active", "active", "stopped", "deleted", "ceased"]))
    env = _env(draw, version) if draw(st.booleans()) else {}
    return {"name": now.name, "version": version, "roles": roles, "env": env, "status": status}


def _role(draw: st.DrawFn, version: str, role: str, count: int) -> dict[str, Json]:
    known = parameters().role(role, version)
    return {
        "count": count,
        "cpu": draw(st.sampled_from(known["cpu"].choices)),
        "memory": render_size(int(draw(st.sampled_from(known["memory"].choices)))),
        "volume": f"{draw(st.integers(4, 200)) * 10}GiB",
    }


def _size(draw: st.DrawFn, version: str, now: ClusterState, role: str) -> dict[str, Json]:
    """Draw a new size for a role, or none; disks only grow."""
    if not draw(st.booleans()):
        return {}
    found = _role(draw, version, role, 0)
    grown = min(2000, now.shape[role].volume_gib + draw(st.integers(0, 20)) * 10)
    return {"cpu": found["cpu"], "memory": found["memory"], "volume": f"{grown}GiB"}


def _env(draw: st.DrawFn, version: str) -> dict[str, Json]:
    """Draw values for some changeable parameters of a version."""
    known = parameters().env(version)
    keys = [key for key, found in known.items() if found.changeable and not found.depends_on and _drawable(found)]
    chosen = draw(st.lists(st.sampled_from(keys), unique=True, max_size=4))
    return {key: _value(draw, known[key]) for key in chosen}


def _drawable(found: Parameter) -> bool:
    return found.type != "eip" and bool(found.choices or found.key in SAMPLES or found.minimum is not None)


def _value(draw: st.DrawFn, found: Parameter) -> Json:
    if found.multichoice:
        return list(draw(st.lists(st.sampled_from([str(word) for word in found.choices]), unique=True, max_size=3)))
    if found.choices:
        return draw(st.sampled_from(found.choices))
    if found.key in SAMPLES:
        return draw(st.sampled_from(SAMPLES[found.key]))
    return draw(st.integers(found.minimum or 0, found.maximum or 100))

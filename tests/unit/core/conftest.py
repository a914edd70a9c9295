"""Observations of clusters in good order, for every test of this folder to spoil."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from qke_core.models import ClusterObservation, NodeObservation

MakeCluster = Callable[..., ClusterObservation]


def make_node(role: str, sid: int) -> NodeObservation:
    """Return a healthy node; a client is no Kubernetes node and has no data disk."""
    name = f"{role}-{sid}"
    client = NodeObservation(f"cln-{name}", f"i-{name}", name, role, sid, "active", ssh_port=22)
    return client if role == "client" else replace(client, ready=True, kubelet="1.13.5", data_free_mb=60_000)


def make_cluster(
    version: str = "1.0.1",
    roles: Mapping[str, int] | None = None,
    *,
    kubesphere: bool = True,
    unbound_claims: tuple[str, ...] | None = (),
    status: str = "active",
    transition: str = "",
) -> ClusterObservation:
    """Return a healthy cluster; without `roles` three masters, three workers and a client."""
    counts = {"master": 3, "node_perf": 3, "client": 1} if roles is None else roles
    nodes = tuple(make_node(role, sid) for role, count in counts.items() for sid in range(1, count + 1))
    return ClusterObservation(
        "cl-1", "shop", version, status, transition, nodes, kubesphere, modules=(), unbound_claims=unbound_claims
    )


@pytest.fixture(scope="session")
def cluster() -> MakeCluster:
    return make_cluster

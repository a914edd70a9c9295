"""What a person does to Kubernetes behind the platform's back, and what the platform makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from qke_sim.kernel import Kernel
from qke_sim.twin import Twin

HOUR_MS = 3_600_000
SHOP = {"name": "shop", "version": "3.1.1", "express": "standard prod"}
KEPT = ["master1", "master2", "master3", "node_perf1", "node_perf3"]


@pytest.mark.guide("G-188")
def test_a_node_that_kubectl_deleted_comes_back_by_nothing_that_the_platform_does(
    kernel: Kernel, twin_of: Callable[..., Twin]
) -> None:
    """G-188: neither revive nor a restart of the role nor a boot brings it back; it can only be removed."""
    twin = twin_of(kernel, SHOP)
    site = twin.site("shop")
    (lost,) = (node for node in site.cluster.nodes if node.alias == "node_perf2")

    def pass_hour(*doings: Any) -> list[str]:
        for doing in doings:
            kernel.spawn(doing)
        kernel.later(HOUR_MS, lambda: None)
        kernel.run(kernel.now + HOUR_MS)
        return sorted(site.kube.nodes)

    def ask(action: str, **params: Any) -> Any:
        return twin.cloud.request(action, {"cluster": site.cluster.id, **params}, "user", 0)

    by_hand = {"verb": "delete", "resource": "nodes", "name": site.kube.nodes["node_perf2"].name}
    assert pass_hour(twin.kube.call(site.cluster.id, by_hand, "kubectl", 0)) == KEPT
    assert lost.health_status == "unhealthy"
    assert pass_hour(ask("RestartClusterService", role="node_perf")) == KEPT
    site.crash("node_perf2", 0)
    site.power_on("node_perf2", 0)
    assert pass_hour() == KEPT
    pass_hour(ask("DeleteClusterNodes", nodes=[lost.id]))
    assert "node_perf2" not in [node.alias for node in site.cluster.nodes]

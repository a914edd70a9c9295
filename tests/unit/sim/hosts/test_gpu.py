"""GPU nodes register with a taint and get a label and the device plugin; pods without a toleration stay away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from qke_sim.hosts.gpu import GPU_LABELS, GPU_TAINT
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel
from qke_sim.kube import Objects, PodTemplate, Resources, Toleration, Workload
from qke_sim.twin import Twin

HOUR_MS = 3_600_000
GPU = {"cpu": 8, "memory": "48GiB", "instance_class": 201}
BESIDE = {"node_perf": {"count": 2}, "node_super_perf": {"count": 0}, "node_gpu": {"count": 1, **GPU}}
ALONE = {"node_perf": {"count": 0}, "node_super_perf": {"count": 0}, "node_gpu": {"count": 2, **GPU}}
PLUGIN = "kube-system/nvidia-device-plugin-daemonset"


@pytest.fixture
def standing(new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin]) -> Callable[..., Twin]:
    def make(version: str, roles: Mapping[str, Any], *workloads: Workload) -> Twin:
        wish = {"name": "shop", "version": version, "roles": roles, "env": {"install_kubesphere": False}}
        return twin_of(new_kernel(), wish, objects={"shop": Objects(list(workloads))})

    return make


def pods_on(site: Site, alias: str, owner: str) -> int:
    name = site.kube.nodes[alias].name
    return sum(pod.node == name and pod.owner.key == owner for pod in site.kube.pods)


@pytest.mark.parametrize("version", ["2.0.0", "3.0.0", "3.1.0", "3.3.0"])
def test_beside_other_workers_a_gpu_node_is_tainted_and_labelled(standing: Callable[..., Twin], version: str) -> None:
    nodes = standing(version, BESIDE).site("shop").kube.nodes
    assert nodes["node_gpu1"].taints == (GPU_TAINT,)
    assert nodes["node_perf1"].taints == ()
    assert GPU_LABELS.items() <= nodes["node_gpu1"].labels.items()
    assert not GPU_LABELS.items() & nodes["node_perf1"].labels.items()


@pytest.mark.parametrize(("version", "tainted"), [("2.0.0", True), ("3.0.0", True), ("3.1.0", False), ("3.3.0", False)])
def test_where_all_workers_have_gpus_only_old_versions_taint_them(
    standing: Callable[..., Twin], version: str, *, tainted: bool
) -> None:
    nodes = standing(version, ALONE).site("shop").kube.nodes
    assert [bool(nodes[alias].taints) for alias in ("node_gpu1", "node_gpu2")] == [tainted, tainted]


def test_pods_go_to_a_gpu_node_only_when_they_tolerate_it(standing: Callable[..., Twin]) -> None:
    plain = PodTemplate({"app": "web"}, Resources(100, 2**20, 1), {}, ())
    learning = PodTemplate({"app": "ml"}, Resources(100, 2**20, 1), GPU_LABELS, (Toleration("nvidia.com/gpu"),))
    web = Workload("Deployment", "default", "web", 6, plain)
    site = standing("3.3.0", BESIDE, web, Workload("Deployment", "default", "ml", 2, learning)).site("shop")
    assert pods_on(site, "node_gpu1", web.key) == 0
    assert pods_on(site, "node_gpu1", "default/ml") == 2


def test_the_device_plugin_runs_on_every_worker(standing: Callable[..., Twin]) -> None:
    site = standing("3.3.0", BESIDE).site("shop")
    aliases = [alias for alias in site.kube.nodes if pods_on(site, alias, PLUGIN)]
    assert aliases == ["node_perf1", "node_perf2", "node_gpu1"]


@pytest.mark.parametrize("version", ["2.0.0", "3.3.0"])
def test_the_first_gpu_node_brings_the_device_plugin(standing: Callable[..., Twin], version: str) -> None:
    twin = standing(version, {"node_perf": {"count": 2}, "node_super_perf": {"count": 0}})
    site = twin.site("shop")
    assert site.kube.workload(PLUGIN) is None
    params = {"cluster": site.cluster.id, "node_role": "node_gpu", "node_count": 1}
    twin.kernel.spawn(twin.cloud.request("AddClusterNodes", params, "user", 0))
    twin.kernel.run(HOUR_MS)
    node = site.kube.nodes["node_gpu1"]
    assert (node.ready, node.taints) == (True, (GPU_TAINT,))
    assert GPU_LABELS.items() <= node.labels.items()
    assert pods_on(site, "node_gpu1", PLUGIN) == 1

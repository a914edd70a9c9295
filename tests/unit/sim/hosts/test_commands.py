"""Single commands on the nodes of a standing cluster: leaving workers, changed parameters, restarts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from qke_core.catalog import Value, catalog
from qke_sim.hosts.appctl import Run, run_command
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel
from qke_sim.kube import Objects, PodTemplate, Resources, Workload
from qke_sim.trace import TraceRecord
from qke_sim.twin import Twin

HOUR_MS = 3_600_000
TWO = [version for version in catalog().order if not version.startswith("1.")]
GENTLE = TWO[: TWO.index("3.1.1-1")]
FORCED = TWO[TWO.index("3.1.1-1") :]
ROLES = {"master": {"count": 3}, "node_perf": {"count": 4}, "client": {"count": 1}}

Stand = Callable[..., Site]


@pytest.fixture
def standing(new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin]) -> Stand:
    def make(version: str, *workloads: Workload, **env: object) -> Site:
        wish = {"name": "shop", "version": version, "roles": ROLES, "env": env}
        return twin_of(new_kernel(), wish, objects={"shop": Objects(workloads=list(workloads))}).site("shop")

    return make


def cache(*, emptydir: bool = True) -> Workload:
    """A workload with a pod on every worker, with data there."""
    template = PodTemplate({"app": "cache"}, Resources(100, 0, 1), {}, (), emptydir=emptydir)
    return Workload("Deployment", "default", "cache", 12, template)


def run(site: Site, alias: str, command: str, **params: object) -> int:
    host = site.hosts[alias]
    made = Run(site, host, command, site.cluster.version, params=params)  # pyright: ignore[reportArgumentType] - JSON
    running = host.execute(run_command(made, 0))
    site.kernel.run(site.kernel.now + 4 * HOUR_MS)
    code = running.done.value
    assert isinstance(code, int)
    return code


def whys(site: Site) -> list[str]:
    return [str(record.data["why"]) for record in site.kernel.trace.records if record.kind == "step.failed"]


def records(site: Site, *kinds: str) -> list[TraceRecord]:
    return [record for record in site.kernel.trace.records if record.kind in kinds]


# --- Workers that leave


@pytest.mark.parametrize("version", TWO)
def test_every_master_refuses_to_let_a_master_go(standing: Stand, version: str) -> None:
    site = standing(version)
    site.metadata.deleting = ("master3",)
    assert [run(site, alias, "scale_in_check") for alias in ("master1", "master2", "master3")] == [137] * 3


@pytest.mark.guide("G-186", "G-187")
@pytest.mark.parametrize("version", GENTLE)
def test_local_data_fails_the_drain_and_the_nodes_take_pods_again(standing: Stand, version: str) -> None:
    """G-186, G-187."""
    site = standing(version, cache())
    site.metadata.deleting = ("node_perf4",)
    assert run(site, "master1", "scale_in_check") == 134
    assert not site.kube.nodes["node_perf4"].unschedulable
    assert "local storage" in whys(site)[0]


@pytest.mark.parametrize("version", FORCED)
def test_a_forced_drain_deletes_local_data(standing: Stand, version: str) -> None:
    site = standing(version, cache())
    site.metadata.deleting = ("node_perf4",)
    assert run(site, "master1", "scale_in_check") == 0
    assert "node_perf4" not in site.kube.nodes


@pytest.mark.parametrize("version", [*TWO])
def test_only_the_first_master_moves_workers_out(standing: Stand, version: str) -> None:
    site = standing(version, cache(emptydir=False))
    site.metadata.deleting = ("node_perf4",)
    assert run(site, "master2", "scale_in_check") == 0
    assert "node_perf4" in site.kube.nodes
    assert run(site, "master1", "scale_in_check") == 0
    assert "node_perf4" not in site.kube.nodes


@pytest.mark.parametrize("version", TWO)
def test_without_an_api_server_nothing_can_be_reverted(standing: Stand, version: str) -> None:
    site = standing(version)
    site.metadata.deleting = ("node_perf4",)
    for alias in ("master2", "master3"):
        site.crash(alias, 0)
    assert run(site, "master1", "scale_in_check") == 136


@pytest.mark.parametrize(
    ("version", "limit_s"), [(GENTLE[0], 600), (GENTLE[-1], 600), (FORCED[0], 180), (FORCED[-1], 180)]
)
def test_a_deletion_that_takes_too_long_is_taken_back(standing: Stand, version: str, limit_s: int) -> None:
    site = standing(version)
    site.metadata.deleting = ("node_perf4",)
    site.hosts["master1"].slow_percent = 100_000  # A second becomes a thousand.
    assert run(site, "master1", "scale_in_check") == 134
    assert whys(site) == ["the nodes could not be deleted"]
    assert "node_perf4" in site.kube.nodes
    drained, back = (found.t for found in records(site, "drain.ended", "node.uncordoned"))
    assert back - drained == limit_s * 1000


def test_1_x_has_no_least_number_of_workers_and_deletes_local_data(standing: Stand) -> None:
    site = standing("1.0.1", cache())
    site.metadata.deleting = ("node_perf2", "node_perf3", "node_perf4")
    assert run(site, "master1", "scale_in") == 0
    assert set(site.kube.nodes) == {"master1", "master2", "master3", "node_perf1"}


# --- Parameters


def change(site: Site, key: str, value: Value) -> Mapping[str, object]:
    before = dict(site.cluster.env.values)
    return {"before": before, "after": {**before, key: value}}


@pytest.mark.guide("G-071")
@pytest.mark.parametrize("version", TWO)
def test_another_log_level_restarts_the_control_plane_of_every_master(standing: Stand, version: str) -> None:
    """G-071: with a short interruption."""
    site = standing(version)
    told = change(site, "kube_log_level", 4)
    assert all(run(site, alias, "reload", **told) == 0 for alias in ("master1", "master2", "master3", "node_perf1"))
    assert {record.subject for record in records(site, "apiserver.down")} == {f"shop/master{n}" for n in (1, 2, 3)}
    assert all(master.answers for master in site.plane.masters.values())


@pytest.mark.guide("G-055")
@pytest.mark.parametrize("version", ["1.0.1", *TWO])
def test_another_kubernetes_eip_restarts_the_api_servers(standing: Stand, version: str) -> None:
    """G-055."""
    site = standing(version)
    told = change(site, "kubernetes_eip", "139.198.1.2")
    assert run(site, "master1", "reload", **told) == 0
    assert records(site, "apiserver.down")
    assert site.plane.masters["master1"].answers


def test_docker_restarts_at_1_x_and_is_only_reloaded_later(standing: Stand) -> None:
    for version, restarts in (("1.0.1", True), ("2.0.0", False), ("3.3.0", False)):
        site = standing(version)
        assert run(site, "node_perf1", "reload", **change(site, "registry_mirrors", "https://one.example")) == 0
        stopped = [record for record in records(site, "service.stopped") if record.data["service"] == "docker"]
        assert bool(stopped) == restarts
        assert all(site.hosts["node_perf1"].services.values())


def test_nothing_reloads_before_the_cluster_is_initialised_or_while_it_is_upgraded(standing: Stand) -> None:
    site = standing("3.3.0")
    told = change(site, "kube_log_level", 4)
    site.cluster.upgrade_status = "upgrading"
    assert run(site, "master1", "reload", **told) == 0
    site.cluster.upgrade_status = ""
    site.hosts["master1"].data_markers.discard("cluster.init")
    assert run(site, "master1", "reload", **told) == 0
    assert not records(site, "apiserver.down")


# --- Restart and prune by hand


@pytest.mark.parametrize("version", TWO)
def test_a_restart_stops_and_starts_the_services_of_its_node_only(standing: Stand, version: str) -> None:
    site = standing(version)
    assert run(site, "master2", "restart") == 0
    assert {record.subject for record in records(site, "service.stopped")} == {"shop/master2"}
    assert all(site.hosts["master2"].services.values())
    assert all(node.ready for node in site.kube.nodes.values())
    assert not records(site, "api.unavailable")


@pytest.mark.parametrize(("version", "ssh"), [("2.0.0", []), ("3.0.0", ["ssh"]), ("3.3.0", ["ssh"])])
def test_services_stop_in_reverse_order_sshd_among_them_from_3_0_0_on(
    standing: Stand, version: str, ssh: list[str]
) -> None:
    site = standing(version)
    assert run(site, "master2", "stop") == 0
    stopped = [str(record.data["service"]) for record in records(site, "service.stopped")]
    assert stopped == ["docker-prune.timer", "kube-certs.timer", "kubelet", *ssh, "docker", "etcd"]


@pytest.mark.parametrize("version", TWO)
def test_the_menus_prune_takes_three_days_unless_told(standing: Stand, version: str) -> None:
    site = standing(version)
    host = site.hosts["node_perf1"]
    free = host.data_free_mib
    host.leave_garbage(300, "a test", 0)
    assert run(site, "node_perf1", "docker_prune") == 0
    assert host.data_free_mib == free - 300
    assert run(site, "node_perf1", "docker_prune", max_days=0) == 0
    assert host.data_free_mib == free


def test_a_command_without_a_script_does_nothing(standing: Stand) -> None:
    site = standing("3.3.0")
    assert run(site, "client1", "stop") == 0
    assert not records(site, "step.started")

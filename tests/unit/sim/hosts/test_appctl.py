"""What an upgrade does on the nodes: every step of every version, in the order that the product's waits enforce."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import pytest

from qke_core.catalog import catalog
from qke_sim.hosts import reload
from qke_sim.hosts.appctl import BEHAVIOURS, Run, run_command
from qke_sim.hosts.balancer import api_listener
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel
from qke_sim.kube import Claim, Objects
from qke_sim.trace import TraceRecord
from qke_sim.twin import Twin

FOREVER_MS = 10**10
HA_ROLES = {
    "master": {"count": 3, "volume": "200GiB"},
    "node_perf": {"count": 3, "volume": "200GiB"},
    "client": {"count": 1},
}
MASTERS = ("master1", "master2", "master3")
WORKERS = ("node_perf1", "node_perf2", "node_perf3")
EDGES = [(edge.origin, edge.target) for edge in catalog().upgrades]
EDGES_3 = [(origin, target) for origin, target in EDGES if target != "2.0.0"]
WITH_A_CHOICE = [(origin, target) for origin, target in EDGES if origin != "1.0.0"]
"""1.0.0 always has KubeSphere."""

PURELY_TIMED = frozenset(
    {
        "fix-kubelet-rotation",
        "load-bridge-images",
        "reset-auditing",
        "restart-metrics-server",
        "write-kubelet-config",
    }
)
"""Steps that take their time and change nothing that the twin knows."""


@dataclass
class Upgraded:
    """One upgrade job that ran to its end."""

    site: Site
    records: list[TraceRecord]
    code: int

    def steps(self, do: str, *aliases: str) -> list[tuple[int, int, str]]:
        """Return (begin, end, alias) of a step on nodes, by its begin."""
        begun = {
            record.subject: record
            for record in self.records
            if record.kind == "step.started" and record.data["step"] == do
        }
        found = [
            (begun[record.subject].t, record.t, record.subject.partition("/")[2])
            for record in self.records
            if record.kind == "step.ended" and record.data["step"] == do
        ]
        return sorted(step for step in found if not aliases or step[2] in aliases)

    def find(self, kind: str, **data: object) -> list[TraceRecord]:
        return [
            record
            for record in self.records
            if record.kind == kind and all(record.data.get(name) == value for name, value in data.items())
        ]


Upgrade = Callable[..., Upgraded]


@pytest.fixture
def upgraded(new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin]) -> Upgrade:
    """Run one upgrade job, as the platform does when it is asked."""

    def run(origin: str, target: str, *, seed: int = 7, objects: Objects | None = None, **parts: object) -> Upgraded:
        kernel = new_kernel(seed)
        wish = {"name": "shop", "version": origin, "roles": HA_ROLES, **parts}
        site = twin_of(kernel, wish, objects={"shop": objects or Objects()}).site("shop")
        ask = {"clusters": [site.cluster.cluster_id], "app_version": catalog().version(target).app_version_id}
        kernel.spawn(site.cloud.call("UpgradeClusters", ask, "test", 0))
        assert kernel.run(FOREVER_MS)
        (job,) = (job for job in site.cloud.jobs.values() if job.action == "UpgradeClusters")
        return Upgraded(site, kernel.trace.records, job.code)

    return run


# --- The catalogue and the behaviours


def steps_of_the_catalogue() -> Iterator[tuple[str, str]]:
    for (_, version, _), script in catalog().scripts.items():
        yield from ((version, step.do) for step in script)


def test_every_step_of_the_catalogue_is_a_behaviour_or_purely_timed() -> None:
    named = {do for _, do in steps_of_the_catalogue()}
    assert named - set(BEHAVIOURS) == PURELY_TIMED | {"do-nothing"}
    assert set(BEHAVIOURS) - named == set(reload.STEPS)


def test_purely_timed_steps_take_time_and_wait_for_nothing() -> None:
    for (command, target, kind), script in catalog().scripts.items():
        for step in script:
            if step.do in PURELY_TIMED:
                assert step.duration is not None, (command, target, kind, step.do)
                assert step.wait is None, (command, target, kind, step.do)


@pytest.mark.guide("G-003", "G-140")
@pytest.mark.parametrize(("origin", "target"), EDGES)
def test_every_legal_upgrade_of_an_ha_cluster_succeeds(upgraded: Upgrade, origin: str, target: str) -> None:
    """G-003, G-140."""
    result = upgraded(origin, target)
    version = catalog().version(target)
    assert result.code == 0
    site = result.site
    assert (site.cluster.version, site.cluster.transition_status, site.cluster.upgrade_status) == (target, "", "")
    assert {node.kubelet_version for node in site.kube.nodes.values()} == {version.kubernetes}
    assert all(node.ready for node in site.kube.nodes.values())
    assert (site.installer.version, site.csi_version) == (version.kubesphere, version.components["csi_qingcloud"])


@pytest.mark.parametrize(("origin", "target"), EDGES)
def test_every_node_goes_through_its_script_step_by_step(upgraded: Upgrade, origin: str, target: str) -> None:
    """The order is the product's: lifecycle 8.3."""
    result = upgraded(origin, target)
    for alias, host in result.site.hosts.items():
        holds = Run(result.site, host, "upgrade", target, origin).conditions()
        expected = [
            step.do for step in catalog().script("upgrade", target, host.node.role_kind) if holds.issuperset(step.only)
        ]
        began = [
            str(record.data["step"])
            for record in result.records
            if record.kind == "step.started" and record.subject == f"shop/{alias}"
        ]
        assert began == expected


# --- Order that follows from waits


@pytest.mark.parametrize(("origin", "target"), EDGES)
def test_masters_change_strictly_one_after_another(upgraded: Upgrade, origin: str, target: str) -> None:
    """A master begins when those before it report the new kubelet: no two API servers restart at once."""
    result = upgraded(origin, target)
    control_plane = result.steps("regenerate-control-plane")
    kubelets = result.steps("restart-kubelet", *MASTERS)
    assert [alias for _, _, alias in control_plane] == list(MASTERS)
    assert [alias for _, _, alias in kubelets] == list(MASTERS)
    for (_, ended, _), (begun, _, _) in zip(kubelets[:-1], control_plane[1:], strict=True):
        assert ended < begun
    down = [record for record in result.records if record.kind in ("apiserver.down", "apiserver.up")]
    assert [record.kind for record in down] == ["apiserver.down", "apiserver.up"] * 3


@pytest.mark.guide("G-141")
@pytest.mark.parametrize(("origin", "target"), EDGES)
def test_an_ha_cluster_keeps_its_api_server(upgraded: Upgrade, origin: str, target: str) -> None:
    """G-141: an HA cluster upgrades without interruption."""
    result = upgraded(origin, target)
    assert result.find("api.unavailable") == []
    assert result.find("node.not-ready") == []


def test_at_2_0_0_workers_wait_for_the_kubeconfig_only(upgraded: Upgrade) -> None:
    """They restart after master 1 has copied it, and need not wait for masters 2 and 3."""
    result = upgraded("1.0.1", "2.0.0")
    (copied,) = result.steps("copy-to-workers")
    workers = result.steps("restart-kubelet", *WORKERS)
    masters = result.steps("restart-kubelet", *MASTERS)
    assert copied[2] == "master1"
    assert len(workers) == 3
    assert all(begun >= copied[1] for begun, _, _ in workers)
    assert workers[0][0] < masters[1][0]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("origin", "target"), EDGES_3)
def test_at_3_x_workers_never_restart_before_all_masters(
    upgraded: Upgrade, origin: str, target: str, seed: int
) -> None:
    result = upgraded(origin, target, seed=seed)
    last_master = max(ended for _, ended, _ in result.steps("restart-kubelet", *MASTERS))
    workers = result.steps("restart-kubelet", *WORKERS)
    assert len(workers) == 3
    assert all(begun >= last_master for begun, _, _ in workers)


@pytest.mark.parametrize(("origin", "target"), EDGES_3)
def test_at_3_x_workers_restart_side_by_side(upgraded: Upgrade, origin: str, target: str) -> None:
    """In parallel, without drain: no pod is moved."""
    result = upgraded(origin, target)
    workers = result.steps("restart-kubelet", *WORKERS)
    assert max(begun for begun, _, _ in workers) < min(ended for _, ended, _ in workers)
    assert [record for record in result.find("pod.deleted") if "kubesphere" not in record.subject] == []


@pytest.mark.parametrize(("origin", "target"), EDGES)
def test_the_cluster_wide_part_waits_for_every_node(upgraded: Upgrade, origin: str, target: str) -> None:
    result = upgraded(origin, target)
    last_node = max(record.t for record in result.find("node.version"))
    (apply,) = result.steps("kubeadm-upgrade-apply")
    (launch,) = result.steps("launch-kubesphere-installer")
    (storage,) = result.steps("replace-storage") or result.steps("replace-storage-when-bound")
    assert last_node <= apply[0] < storage[0] < launch[0]
    assert {apply[2], storage[2], launch[2]} == {"master1"}


@pytest.mark.parametrize(("origin", "target"), EDGES)
def test_the_client_comes_after_all_kubernetes_nodes(upgraded: Upgrade, origin: str, target: str) -> None:
    result = upgraded(origin, target)
    ended = {record.subject: record.t for record in result.find("service.ended")}
    (client,) = result.find("service.started", order=2)
    assert client.subject == "shop/client1"
    assert all(t <= client.t for subject, t in ended.items() if subject != "shop/client1")
    assert result.find("installer.finished")[0].t <= ended["shop/client1"]


def test_etcd_restarts_at_2_0_0_only_and_one_member_at_a_time(upgraded: Upgrade) -> None:
    result = upgraded("1.0.1", "2.0.0")
    told = [(record.kind, record.data["up"]) for record in result.records if record.kind.startswith("etcd.")]
    assert told == [("etcd.left", 2), ("etcd.joined", 3)] * 3
    restarts = result.steps("restart-etcd")
    assert [alias for _, _, alias in restarts] == list(MASTERS)
    assert all(one[1] < two[0] for one, two in pairwise(restarts))


@pytest.mark.guide("G-042")
def test_a_linked_etcd_is_not_restarted(upgraded: Upgrade) -> None:
    """G-042: the etcd cluster is another app's."""
    result = upgraded("1.0.1", "2.0.0", links={"etcd": "cl-etcd0001"})
    assert result.code == 0
    assert result.steps("restart-etcd") == []
    assert result.find("etcd.left") == []


@pytest.mark.parametrize(("origin", "target"), EDGES_3)
def test_etcd_is_left_alone_at_3_x(upgraded: Upgrade, origin: str, target: str) -> None:
    assert upgraded(origin, target).find("etcd.left") == []


def test_the_listener_gets_its_scene_at_2_0_0(upgraded: Upgrade) -> None:
    found = api_listener(upgraded("1.0.1", "2.0.0").site)
    assert found is not None
    assert found[2] == 11


@pytest.mark.parametrize(("origin", "target"), WITH_A_CHOICE)
def test_without_kubesphere_nobody_installs_or_waits_for_it(upgraded: Upgrade, origin: str, target: str) -> None:
    result = upgraded(origin, target, env={"install_kubesphere": False})
    assert result.code == 0
    assert result.find("installer.launched") == []
    assert not any("kubesphere" in str(record.data["step"]) for record in result.find("step.started"))


@pytest.mark.guide("G-141")
def test_a_single_master_goes_the_same_way_with_a_gap(upgraded: Upgrade) -> None:
    """G-141."""
    one = {**HA_ROLES, "master": {"count": 1, "volume": "200GiB"}}
    result = upgraded("1.0.1", "2.0.0", roles=one)
    assert result.code == 0
    assert result.find("api.unavailable")
    assert result.steps("fix-lb-listener") == []


# --- Disk


@pytest.mark.parametrize(
    ("origin", "target", "kubesphere"), [(*e, True) for e in EDGES] + [(*e, False) for e in WITH_A_CHOICE]
)
def test_the_disk_that_an_upgrade_uses_adds_up(upgraded: Upgrade, origin: str, target: str, kubesphere: bool) -> None:  # noqa: FBT001 - parameter of a table
    result = upgraded(origin, target, env={"install_kubesphere": kubesphere})
    names = ["backup", "kubernetes_images", "layers", *(["kubesphere_images"] if kubesphere else [])]
    used = sum(catalog().constant(f"upgrade_{name}_mib") for name in names)
    before = 200 * 1024 - catalog().constant("data_used_mib")
    old = catalog().constant("replaced_containers_mib")
    for alias in (*MASTERS, *WORKERS):
        assert result.site.hosts[alias].data_free_mib == before - used - old * (alias in MASTERS)
    assert result.site.hosts["client1"].data_free_mib == 0


DISK_STEPS = ["back-up-files", "load-kubernetes-images", "load-kubesphere-images", "copy-image-layers"]
DISK_NEEDS = [
    "upgrade_backup_mib",
    "upgrade_kubernetes_images_mib",
    "upgrade_kubesphere_images_mib",
    "upgrade_layers_mib",
]


@pytest.mark.parametrize(("place", "code"), [(0, 1), (1, 1), (2, 1), (3, 138)])
def test_a_disk_that_is_too_small_ends_the_script_at_the_step_that_does_not_fit(
    kernel: Kernel, twin_of: Callable[..., Twin], place: int, code: int
) -> None:
    """138 when image layers do not fit, and the half copy is removed; other steps have no code of their own."""
    site = twin_of(kernel).site("shop")
    host = site.hosts["node_perf1"]
    needs = [catalog().constant(name) for name in DISK_NEEDS]
    host.data_free_mib = sum(needs[: place + 1]) - 1
    running = host.execute(run_command(Run(site, host, "upgrade", "2.0.0", "1.0.1"), 0))
    kernel.run(FOREVER_MS)
    assert running.done.value == code
    assert host.data_free_mib == needs[place] - 1
    begun = [record.data["step"] for record in kernel.trace.records if record.kind == "step.started"]
    assert begun == DISK_STEPS[: place + 1]
    ended = kernel.trace.records[-1]
    assert (ended.kind, ended.data["outcome"]) == ("phase.ended", f"failed with code {code}")


def test_a_disk_that_fits_exactly_is_enough(kernel: Kernel, twin_of: Callable[..., Twin]) -> None:
    site = twin_of(kernel).site("shop")
    host = site.hosts["node_perf1"]
    host.data_free_mib = sum(catalog().constant(name) for name in DISK_NEEDS)
    host.files.add("kubeconfig")
    running = host.execute(run_command(Run(site, host, "upgrade", "2.0.0", "1.0.1"), 0))
    kernel.run(FOREVER_MS)
    assert (running.done.value, host.data_free_mib) == (0, 0)


# --- Waits and steps that can fail


def csi_wait(result: Upgraded) -> int:
    (began,) = result.find("wait.began", what="no-unbound-pvc")
    (ended,) = result.find("wait.ended", what="no-unbound-pvc")
    return ended.t - began.t


@pytest.mark.parametrize(
    ("origin", "target"), [edge for edge in EDGES if catalog().has_budget("no-unbound-pvc", edge[1])]
)
def test_the_csi_driver_stays_when_a_claim_stays_unbound_and_nobody_is_told(
    upgraded: Upgrade, origin: str, target: str
) -> None:
    """The wait takes its whole budget, the job is successful, the old driver stays."""
    result = upgraded(origin, target, objects=Objects(claims=[Claim("shop", "data", "Pending")]))
    budget = catalog().budget("no-unbound-pvc", target)
    assert csi_wait(result) == budget.attempts * (budget.interval_ms + catalog().constant("check_ms"))
    assert [record.data["why"] for record in result.find("csi.skipped")] == ["shop/data not bound"]
    assert result.find("csi.replaced") == []
    assert result.site.csi_version == catalog().version(origin).components["csi_qingcloud"]
    assert (result.code, result.site.cluster.version) == (0, target)


@pytest.mark.parametrize(
    ("origin", "target"), [edge for edge in EDGES if catalog().has_budget("no-unbound-pvc", edge[1])]
)
def test_with_every_claim_bound_the_csi_driver_is_replaced_after_one_look(
    upgraded: Upgrade, origin: str, target: str
) -> None:
    result = upgraded(origin, target, objects=Objects(claims=[Claim("shop", "data", "Bound")]))
    assert csi_wait(result) == catalog().constant("check_ms")
    assert len(result.find("csi.replaced")) == 1


@pytest.mark.parametrize("target", ["2.0.0", "3.0.0"])
def test_before_3_1_0_an_unbound_claim_is_no_reason_to_wait(upgraded: Upgrade, target: str) -> None:
    origin = next(edge[0] for edge in EDGES if edge[1] == target)
    result = upgraded(origin, target, objects=Objects(claims=[Claim("shop", "data", "Pending")]))
    assert len(result.find("csi.replaced")) == 1


def test_a_step_of_kubectl_fails_without_an_api_server(kernel: Kernel, twin_of: Callable[..., Twin]) -> None:
    site = twin_of(kernel, {"name": "shop", "version": "1.0.1", "express": "DevTest"}).site("shop")
    host = site.hosts["master1"]
    run = Run(site, host, "upgrade", "2.0.0", "1.0.1")
    step = next(step for step in catalog().script("upgrade", "2.0.0", "master") if step.do == "upload-config")
    calm = host.execute(BEHAVIOURS["upload-config"](run, step, 0))
    kernel.run(FOREVER_MS)
    midway = host.execute(BEHAVIOURS["upload-config"](run, step, 0))
    kernel.later(1, lambda: site.plane.set_process("master1", up=False, cause=0))
    kernel.run(FOREVER_MS)
    before = host.execute(BEHAVIOURS["upload-config"](run, step, 0))
    begun = kernel.now
    kernel.run(FOREVER_MS)
    assert (calm.done.value, midway.done.value, before.done.value) == (0, 1, 1)
    assert kernel.now == begun


@pytest.mark.parametrize("target", ["2.0.0", "3.0.0", "3.3.0"])
def test_a_dead_master_makes_the_next_one_give_up_after_its_budget(
    upgraded: Upgrade, new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin], target: str
) -> None:
    """1800 looks of 2 s up to 3.1.1, 20 of 30 s later; each look takes its time too."""
    origin = next(edge[0] for edge in EDGES if edge[1] == target)
    kernel = new_kernel()
    site = twin_of(kernel, {"name": "shop", "version": origin, "roles": HA_ROLES}).site("shop")
    site.crash("master1", 0)
    host = site.hosts["master2"]
    running = host.execute(run_command(Run(site, host, "upgrade", target, origin), 0))
    kernel.run(FOREVER_MS)
    budget = catalog().budget("previous-masters", target)
    began, ended = (
        next(record for record in kernel.trace.records if record.kind == kind) for kind in ("wait.began", "wait.ended")
    )
    assert running.done.value == 1
    assert ended.t - began.t == budget.worst_ms(catalog().constant("check_ms"))
    assert ended.data["looks"] == budget.attempts


def test_the_first_master_waits_for_no_master(kernel: Kernel, twin_of: Callable[..., Twin]) -> None:
    site = twin_of(kernel).site("shop")
    for alias in ("master2", "master3"):
        site.crash(alias, 0)
    run = Run(site, site.hosts["master1"], "upgrade", "2.0.0", "1.0.1")
    step = next(step for step in catalog().script("upgrade", "2.0.0", "master") if step.do == "wait-previous-masters")
    running = site.hosts["master1"].execute(BEHAVIOURS["wait-previous-masters"](run, step, 0))
    kernel.run(FOREVER_MS)
    assert running.done.value == 0


@pytest.mark.parametrize("spoil", ["version", "cordon", "silence"])
@pytest.mark.parametrize("target", ["2.0.0", "3.3.0"])
def test_from_3_0_0_on_all_nodes_must_be_ready_too(
    new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin], target: str, spoil: str
) -> None:
    """At 2.0.0 the new version is enough; later a cordoned or silent node is waited for as well."""
    kernel, origin = new_kernel(), next(edge[0] for edge in EDGES if edge[1] == target)
    site = twin_of(kernel, {"name": "shop", "version": origin, "roles": HA_ROLES}).site("shop")
    for node in site.kube.nodes.values():
        node.kubelet_version = catalog().version(target).kubernetes
    odd = site.kube.nodes["node_perf2"]
    if spoil == "version":
        odd.kubelet_version = "1.0.0"
    elif spoil == "cordon":
        odd.unschedulable = True
    else:
        odd.ready = False
    run = Run(site, site.hosts["master1"], "upgrade", target, origin)
    step = next(step for step in catalog().script("upgrade", target, "master") if step.do == "wait-all-nodes")
    running = site.hosts["master1"].execute(BEHAVIOURS["wait-all-nodes"](run, step, 0))
    kernel.run(FOREVER_MS)
    assert running.done.value == (0 if target == "2.0.0" and spoil != "version" else 1)


@pytest.mark.parametrize("effect", ["fails", "answer-lost"])
def test_a_listener_that_cannot_be_fixed_is_only_a_warning(
    new_kernel: Callable[..., Kernel], twin_of: Callable[..., Twin], effect: str
) -> None:
    from qke_sim.faults import DoorFault

    kernel = new_kernel()
    twin = twin_of(kernel)
    site = twin.site("shop")
    operation = "ModifyLoadBalancerListenerAttributes"
    fault = DoorFault("1", "cloud", "fails" if effect == "fails" else "answer-lost", operation, None, 100, 5000, 0)
    twin.cloud.gate.faults.append(fault)
    ask = {"clusters": [site.cluster.cluster_id], "app_version": catalog().version("2.0.0").app_version_id}
    kernel.spawn(site.cloud.call("UpgradeClusters", ask, "test", 0))
    assert kernel.run(FOREVER_MS)
    (job,) = (job for job in site.cloud.jobs.values() if job.action == "UpgradeClusters")
    assert (job.status, job.code) == ("successful", 0)
    assert not any(record.data.get("action") == "UpdateLoadBalancers" for record in kernel.trace.records)

"""Creating clusters, and what follows in their lives: what the commands do on the nodes, version by version."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest

from qke_core.catalog import RoleShape, catalog
from qke_core.models import World
from qke_sim.cloud import CloudRefusal, Job, Outcome
from qke_sim.hosts.appctl import Run, run_command
from qke_sim.hosts.files import default_audit_policy
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel
from qke_sim.kube import MASTER_TAINT
from qke_sim.trace import TraceRecord
from qke_sim.twin import Twin

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
NET = "vxnet-net00001"
WORLD = {
    "zone": "pek3",
    "vpcs": [{"id": "rtr-vpc00001", "network": "192.168.0.0/16", "vxnets": [{"id": NET, "network": "192.168.0.0/24"}]}],
}
TWO = [version for version in catalog().order if not version.startswith("1.")]
PRODUCTION = {version: catalog().express_groups(version)[2] for version in catalog().order}


@dataclass
class Life:
    """One cluster `shop` in a twin, driven through the cloud door."""

    kernel: Kernel
    twin: Twin

    @property
    def site(self) -> Site:
        return self.twin.site("shop")

    @property
    def records(self) -> Sequence[TraceRecord]:
        return self.kernel.trace.records

    def ask(self, action: str, until_ms: int = 6 * HOUR_MS, **params: Any) -> tuple[Outcome, Job]:
        """Ask for an operation and wait for its job."""
        found: list[Outcome] = []

        def go() -> Any:
            found.append((yield from self.twin.cloud.request(action, params, "user", 0)))

        known = set(self.twin.cloud.jobs)
        self.kernel.spawn(go())
        self.kernel.run(self.kernel.now + until_ms)
        jobs = [job for name, job in self.twin.cloud.jobs.items() if name not in known and job.cluster_id]
        assert jobs, found
        return found[0], jobs[0]

    def create(self, version: str, roles: Mapping[str, RoleShape], **env: Any) -> Job:
        """Create the cluster."""
        written: dict[str, dict[str, int]] = {}
        for role, shape in roles.items():
            if shape.count or role == "master":
                sizes = {"cpu": shape.cpu, "memory": shape.memory_mib, "instance_class": shape.instance_class}
                disk = {} if role == "client" else {"volume_size": shape.volume_gib}
                written[role] = {"count": shape.count, **sizes, **disk}
        conf = {"cluster": {"name": "shop", "vxnet": NET, **written}, "env": env}
        ask = {"version_id": catalog().version(version).app_version_id, "conf": json.dumps(conf)}
        return self.ask("DeployAppVersion", version_id=ask["version_id"], conf=ask["conf"])[1]

    def steps(self, alias: str, since: int = 0) -> list[str]:
        """Return what a node did, step by step."""
        return [
            str(record.data["step"])
            for record in self.records[since:]
            if record.kind == "step.started" and record.subject == f"shop/{alias}"
        ]

    def at(self, kind: str, subject: str, **data: object) -> int:
        """Return when something happened for the first time."""
        return next(
            record.t
            for record in self.records
            if (record.kind, record.subject) == (kind, subject)
            and all(record.data.get(name) == value for name, value in data.items())
        )


def begin(seed: int = 7) -> Life:
    kernel = Kernel(seed)
    kernel.trace.add("run.started", "test", None, scenario="test", seed=seed)
    twin = Twin(kernel, World.model_validate_json(json.dumps(WORLD)), {})
    twin.start(0)
    return Life(kernel, twin)


def born(version: str, group: str | None = None, seed: int = 7, **env: Any) -> Life:
    life = begin(seed)
    job = life.create(version, catalog().express(version, group or PRODUCTION[version]), **env)
    assert (job.status, job.code) == ("successful", 0)
    return life


def shapes(version: str, **counts: int) -> dict[str, RoleShape]:
    """Return roles of default size, with these counts."""
    found = {role: catalog().default_shape(version, role) for role in counts}
    return {
        role: RoleShape(counts[role], shape.instance_class, shape.cpu, shape.memory_mib, shape.volume_gib)
        for role, shape in found.items()
    }


GROUPS = [(version, group) for version in catalog().order for group in catalog().express_groups(version)]


@pytest.mark.guide("G-001", "G-034")
@pytest.mark.parametrize(("version", "group"), GROUPS)
def test_every_express_group_of_every_version_comes_up(version: str, group: str) -> None:
    """G-001, G-034: all nodes Ready, the API found, KubeSphere complete."""
    site = born(version, group).site
    assert site.cluster.status == "active"
    assert site.plane.available
    aliases = [node.alias for node in site.cluster.of_kind("master", "worker")]
    assert sorted(site.kube.nodes) == sorted(aliases)
    assert all(node.ready for node in site.kube.nodes.values())
    assert all(all(host.services.values()) for host in site.hosts.values())
    assert site.installer.state == "complete"
    assert site.applied == {"network", "cloud-controller", "storage"}


@pytest.mark.guide("G-075")
@pytest.mark.parametrize("version", ["1.0.1", "2.0.0"])
def test_every_new_master_has_the_default_audit_policy(version: str) -> None:
    """G-075."""
    site = born(version).site
    files = [site.hosts[node.alias].files for node in site.cluster.of_kind("master")]
    assert len(files) == 3
    assert all(default_audit_policy(version) in found for found in files)


@pytest.mark.guide("G-083", "G-084")
def test_the_cluster_is_active_when_every_node_is() -> None:
    """G-083, G-084."""
    site = born("3.3.0").site
    assert site.cluster.status == "active"
    assert {node.status for node in site.cluster.nodes} == {"active"}


SINGLE = [(version, group) for version in TWO for group in catalog().express_groups(version)]


@pytest.mark.guide("G-085")
@pytest.mark.parametrize(("version", "group"), SINGLE)
def test_a_creation_without_optional_modules_takes_6_to_12_minutes(version: str, group: str) -> None:
    """G-085, another seed for each group; the benchmarks run a hundred."""
    life = begin(SINGLE.index((version, group)))
    job = life.create(version, catalog().express(version, group))
    assert 6 * MINUTE_MS <= job.status_ms - job.create_ms <= 12 * MINUTE_MS


# --- Order and waits


@pytest.mark.parametrize("version", TWO)
def test_the_first_master_forms_the_cluster_and_the_others_wait_for_its_join_command(version: str) -> None:
    life = born(version)
    formed = life.at("step.ended", "shop/master1", step="kubeadm-init")
    for alias, step in (("master2", "join-as-master"), ("master3", "join-as-master"), ("node_perf1", "join-as-worker")):
        assert life.at("step.started", f"shop/{alias}", step=step) > formed
    joins = [life.at("master.joined", f"shop/master{number}") for number in (1, 2, 3)]
    assert joins[0] == min(joins)


@pytest.mark.parametrize("version", TWO)
def test_from_3_0_0_on_workers_wait_until_all_masters_have_joined(version: str) -> None:
    waits = "wait-masters-joined" in born(version).steps("node_perf1")
    assert waits == (version != "2.0.0")


@pytest.mark.guide("G-030", "G-098", "G-170", "G-171")
@pytest.mark.parametrize("version", catalog().order)
def test_three_masters_get_one_balancer_and_one_firewall_named_after_the_cluster(version: str) -> None:
    """G-030, G-098, G-170, G-171."""
    life = born(version)
    store = life.twin.cloud.store
    for kind in ("loadbalancer", "security_group"):
        made = [thing for thing in store.everything() if thing.kind == kind and thing.owner == "shop"]
        assert [thing.name for thing in made if thing.origin == "apiserver"] == [life.site.cluster.id]
    assert life.site.lb_address
    backends = [thing for thing in store.everything() if thing.kind == "loadbalancer_backend"]
    assert len(backends) == 3
    assert life.site.hosts["node_perf1"].aliases.get("loadbalancer", life.site.lb_address) == life.site.lb_address


@pytest.mark.parametrize("version", TWO)
def test_one_master_gets_no_balancer(version: str) -> None:
    life = born(version, catalog().express_groups(version)[0])
    assert not [thing for thing in life.twin.cloud.store.everything() if thing.kind == "loadbalancer"]
    assert "start-lb-job" not in life.steps("master1")


@pytest.mark.guide("G-182")
@pytest.mark.parametrize("version", TWO)
def test_a_single_master_takes_pods_itself(version: str) -> None:
    """G-182: without workers the master loses its taint."""
    life = begin()
    job = life.create(version, shapes(version, master=1, client=1))
    assert job.code == 0
    assert life.site.kube.nodes["master1"].taints == ()
    assert "remove-master-taint" in life.steps("master1")


def test_with_workers_the_masters_keep_their_taint() -> None:
    site = born("3.3.0").site
    assert all(MASTER_TAINT in [taint.key for taint in site.kube.nodes[f"master{n}"].taints] for n in (1, 2, 3))


@pytest.mark.guide("G-035", "G-036")
def test_workers_are_labelled_with_their_role() -> None:
    """G-035, G-036."""
    for group, role in (("standard prod", "node_perf"), ("high-performance prod", "node_super_perf")):
        site = born("3.3.0", group).site
        labels = [site.kube.nodes[node.alias].labels for node in site.cluster.of_kind("worker")]
        assert all(found["node-role.kubernetes.io/worker"] == role for found in labels)


# --- Markers


@pytest.mark.parametrize("version", TWO)
def test_init_is_marked_at_its_beginning_so_a_second_one_does_nothing(version: str) -> None:
    life = born(version)
    assert life.steps("master1").index("mark-cluster-initialised") < life.steps("master1").index("kubeadm-init")
    begun, host = len(life.records), life.site.hosts["master1"]
    running = host.execute(run_command(Run(life.site, host, "init", version), 0))
    life.kernel.run(life.kernel.now + HOUR_MS)
    assert running.done.value == 0
    assert life.steps("master1", begun) == []


@pytest.mark.guide("G-144")
@pytest.mark.parametrize("version", catalog().order)
def test_after_stop_and_start_nodes_are_initialised_again_and_the_cluster_is_not(version: str) -> None:
    """G-144: what lies outside /data is reset."""
    life = born(version)
    for host in life.site.hosts.values():
        host.system_files.add("custom-change")
    ids = [life.site.cluster.id]
    assert life.ask("StopClusters", clusters=ids)[1].code == 0
    assert not life.site.plane.available
    assert not any(host.up for host in life.site.hosts.values())
    begun = len(life.records)
    assert life.ask("StartClusters", clusters=ids)[1].code == 0
    for alias in ("master1", "node_perf1"):
        steps = life.steps(alias, begun)
        assert "initialise-node" in steps
        assert not {"kubeadm-init", "join-as-worker", "start-v1-control-plane"} & set(steps)
        assert "custom-change" not in life.site.hosts[alias].system_files
    assert "custom-change" in life.site.hosts["client1"].system_files
    assert life.site.plane.available
    assert all(node.ready for node in life.site.kube.nodes.values())


def test_a_recovered_client_fetches_its_files_again() -> None:
    life = born("3.3.0")
    ids = [life.site.cluster.id]
    life.ask("DeleteClusters", until_ms=HOUR_MS, clusters=ids)
    assert life.ask("RecoverClusters", until_ms=HOUR_MS, clusters=ids)[1].code == 0
    assert {"kubeconfig", "loadbalancer"} <= life.site.hosts["client1"].files


# --- Scale out and in


@pytest.mark.guide("G-009", "G-116", "G-117")
@pytest.mark.parametrize("version", catalog().order)
def test_workers_join_a_running_cluster(version: str) -> None:
    """G-009, G-116, G-117."""
    life = born(version)
    begun = len(life.records)
    job = life.ask("AddClusterNodes", cluster=life.site.cluster.id, node_role="node_perf", node_count=2)[1]
    assert job.code == 0
    assert {"node_perf4", "node_perf5"} <= set(life.site.kube.nodes)
    assert life.site.cluster.status == "active"
    if version in TWO:
        steps = life.steps("node_perf4", begun)
        assert "fetch-join-file" in steps
        assert not {"wait-join-file", "wait-masters-joined", "wait-lb-certificates"} & set(steps)
        assert life.site.token_ends_ms == 0


@pytest.mark.guide("G-183")
def test_workers_that_join_an_all_in_one_cluster_do_not_bring_the_taint_back() -> None:
    """G-183: workers can be added at any time."""
    life = begin()
    life.create("3.3.0", shapes("3.3.0", master=1, client=1))
    job = life.ask("AddClusterNodes", cluster=life.site.cluster.id, node_role="node_perf", node_count=1)[1]
    assert job.code == 0
    assert life.site.kube.nodes["master1"].taints == ()


def test_a_token_that_has_expired_lets_nobody_join() -> None:
    life = born("3.3.0")
    begun = len(life.records)

    def expire() -> None:
        if any(record.kind == "host.booted" for record in life.records[begun:]):
            life.site.token_ends_ms = 0

    life.kernel.on_settle.append(expire)
    job = life.ask("AddClusterNodes", cluster=life.site.cluster.id, node_role="node_perf", node_count=1)[1]
    assert job.code == 1
    why = [record.data["why"] for record in life.records[begun:] if record.kind == "step.failed"]
    assert why == ["the token of the join command has expired"]


def leave(life: Life, *aliases: str) -> Job:
    nodes = [node.id for node in life.site.cluster.nodes if node.alias in aliases]
    return life.ask("DeleteClusterNodes", cluster=life.site.cluster.id, nodes=nodes)[1]


@pytest.mark.guide("G-119")
@pytest.mark.parametrize("version", catalog().order)
def test_a_worker_is_drained_and_leaves(version: str) -> None:
    """G-119."""
    life = born(version)
    assert leave(life, "node_perf3").code == 0
    assert "node_perf3" not in life.site.kube.nodes
    assert "node_perf3" not in life.site.hosts


@pytest.mark.parametrize("version", TWO)
def test_below_two_workers_nobody_leaves(version: str) -> None:
    life = born(version)
    assert leave(life, "node_perf2", "node_perf3").code == 135
    assert {"node_perf2", "node_perf3"} <= set(life.site.kube.nodes)
    assert not any(node.unschedulable for node in life.site.kube.nodes.values())


# --- The balancer's job


@pytest.mark.parametrize("version", [*TWO[:2], "3.3.0"])
@pytest.mark.parametrize("action", ["CreateSecurityGroup", "CreateLoadBalancer", "AddLoadBalancerBackends"])
def test_a_refused_call_of_the_lb_job_ends_the_creation_with_133(version: str, action: str) -> None:
    life = begin()
    handler = life.twin.cloud.handlers[action]

    def refuse(call: Any) -> Any:
        if call.by.endswith("kube-lb"):
            raise CloudRefusal(2500, "QuotasExceeded, no more")
        return handler(call)

    life.twin.cloud.handlers[action] = cast("Any", refuse)
    job = life.create(version, catalog().express(version, PRODUCTION[version]))
    assert job.code == 133
    assert life.site.lb_job == "failed"
    failed = [record for record in life.records if record.kind == "unit.ended"]
    assert [record.data["code"] for record in failed] == [133]


def test_local_dns_that_does_not_resolve_ends_init_with_143() -> None:
    life = begin()

    def break_dns() -> None:
        for site in life.twin.sites.values():
            site.hosts["node_perf1"].dns_broken = True

    life.kernel.on_settle.append(break_dns)
    assert life.create("3.1.0", catalog().express("3.1.0", PRODUCTION["3.1.0"])).code == 143

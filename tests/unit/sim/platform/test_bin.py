"""The recycle bin of clusters: in, out, emptied by itself; and what a cluster leaves behind, by version."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qke_core.catalog import catalog, operations
from qke_core.units import MS_PER_H, MS_PER_MIN
from qke_sim.checkers import Watch
from qke_sim.cloud.loadbalancer import LoadBalancer
from qke_sim.cloud.securitygroup import SecurityGroup
from qke_sim.cloud.volume import Volume
from qke_sim.testing.office import Office

ROLES = {"master": {"count": 3}, "node_perf": {"count": 2}, "client": {"count": 1}}
BARE = {"install_kubesphere": False}
VERSIONS = catalog().order
AUTOMATIC = [version for version in VERSIONS if operations().can(version, "automatic-destruction")]
CLAIMED = [{"id": "vol-claimed1", "type": 200, "size": "20GiB"}]


def office_of(version: str = "3.3.0", **parts: Any) -> Office:
    env = {} if version == "1.0.0" else BARE
    watched = parts.pop("watched", lambda _: None)
    return Office({"name": "shop", "version": version, "roles": ROLES, "env": env, **parts}, watched=watched)


# --- In and out


@pytest.mark.guide("G-164")
@pytest.mark.guide("G-165")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_deleted_cluster_can_be_recovered_as_it_was(version: str) -> None:
    """G-164, G-165."""
    office = office_of(version)
    before = office.charged(), office.state, set(office.site.kube.nodes)
    assert office.ask("DeleteClusters", clusters=[office.id]).status == "successful"
    cluster = office.site.cluster
    assert (cluster.status, {node.status for node in cluster.nodes}) == ("deleted", {"deleted"})
    assert {part.id for part in office.charged()} >= {part.id for part in before[0] if part.origin == "node"}
    assert not any(part.running for part in office.charged() if part.kind == "instance")
    assert office.ask("RecoverClusters", clusters=[office.id]).status == "successful"
    assert (cluster.status, {node.status for node in cluster.nodes}) == ("active", {"active"})
    assert (office.charged(), office.state, set(office.site.kube.nodes)) == before
    assert office.site.plane.available
    assert not [r for r in office.find("service.started") if r.data["service"] == "init"]


def test_a_stopped_cluster_is_deleted_without_running_anything_and_comes_back_active() -> None:
    office = office_of(status="stopped")
    office.ask("DeleteClusters", clusters=[office.id])
    assert not office.find("service.started")
    office.ask("RecoverClusters", clusters=[office.id])
    assert office.site.cluster.status == "active"


@pytest.mark.guide("G-166")
def test_after_two_hours_the_platform_ceases_it_by_itself() -> None:
    """G-166."""
    office = office_of()
    cluster_id = office.id
    office.ask("DeleteClusters", clusters=[cluster_id])
    deleted_ms = office.kernel.now
    office.wait(2 * MS_PER_H - 3 * MS_PER_MIN)
    assert office.site.cluster.status == "deleted"
    office.wait(10 * MS_PER_MIN)
    assert office.twin.sites == {}
    (emptied,) = office.find("bin.emptied")
    assert abs(emptied.t - deleted_ms - 2 * MS_PER_H) <= MS_PER_MIN
    assert office.charged() == []
    assert office.tell("DescribeClusters", clusters=[cluster_id])["cluster_set"][0]["status"] == "ceased"
    assert office.tell("DescribeClusters")["total_count"] == 0


def test_a_cluster_that_has_been_in_the_bin_goes_when_its_two_hours_are_over() -> None:
    office = office_of(status="deleted", deleted_for="90m")
    office.wait(29 * MS_PER_MIN)
    assert office.site.cluster.status == "deleted"
    office.wait(5 * MS_PER_MIN)
    assert office.twin.sites == {}


def test_what_is_recovered_is_not_ceased_and_starts_its_time_anew_when_deleted_again() -> None:
    office = office_of()
    office.ask("DeleteClusters", clusters=[office.id])
    office.wait(MS_PER_H)
    office.ask("RecoverClusters", clusters=[office.id])
    office.wait(3 * MS_PER_H)
    assert office.site.cluster.status == "active"
    office.ask("DeleteClusters", clusters=[office.id])
    office.wait(MS_PER_H + 59 * MS_PER_MIN)
    assert office.site.cluster.status == "deleted"


def test_the_bin_keeps_no_run_going() -> None:
    office = office_of()
    office.ask("DeleteClusters", clusters=[office.id])
    assert office.kernel.now < MS_PER_H


def test_a_recovery_that_fails_goes_back_into_the_bin_and_its_time_goes_on() -> None:
    office = office_of()
    office.ask("DeleteClusters", clusters=[office.id])
    office.site.hosts["node_perf1"].slow_percent = 10_000_000
    job = office.ask("RecoverClusters", clusters=[office.id])
    assert (job.status, job.code) == ("failed", 124)
    cluster = office.site.cluster
    assert (cluster.status, {node.status for node in cluster.nodes}) == ("deleted", {"deleted"})
    office.wait(3 * MS_PER_H)
    assert office.twin.sites == {}


def test_deleting_may_leave_the_bin_out() -> None:
    office = office_of()
    job = office.ask("DeleteClusters", clusters=[office.id], direct_cease=1)
    assert (job.action, job.status, office.twin.sites) == ("DeleteClusters", "successful", {})
    assert office.charged() == []


def test_a_cluster_cannot_be_deleted_before_its_lease_record_is_there() -> None:
    office = Office()
    conf = {"cluster": {"name": "shop", "master": {"count": 1}}, "env": BARE}
    office.tell("DeployAppVersion", version_id="appv-qke330v1", conf=json.dumps(conf))
    code, message = office.refused("DeleteClusters", clusters=[office.id])
    assert (code, "creating" in message) == (1400, True)


def test_in_a_job_list_ceasing_has_a_name_of_its_own() -> None:
    office = office_of()
    office.ask("DeleteClusters", clusters=[office.id])
    cluster_id = office.id
    answer = office.tell("CeaseClusters", clusters=[cluster_id])
    assert answer["job_ids"] == {cluster_id: answer["job_id"]}
    office.kernel.run(office.kernel.now + MS_PER_H)
    jobs = office.tell("DescribeClusterJobs", cluster=cluster_id)["job_set"]
    assert [(job["job_action"], job["status"]) for job in jobs] == [
        ("CeaseResources", "successful"),
        ("DeleteClusters", "successful"),
    ]
    assert office.refused("CeaseClusters", clusters=[cluster_id])[0] == 1400


# --- What is left


def ceased(office: Office) -> Office:
    office.ask("DeleteClusters", clusters=[office.id], direct_cease=1)
    return office


@pytest.mark.guide("G-190")
@pytest.mark.parametrize("version", AUTOMATIC)
def test_from_2_0_0_on_everything_goes_with_the_cluster(version: str) -> None:
    """G-190."""
    office = ceased(office_of(version, volumes=CLAIMED))
    assert office.charged() == []
    assert office.charged("") == []


@pytest.mark.guide("G-167")
@pytest.mark.guide("G-191")
@pytest.mark.parametrize("version", ["1.0.0", "1.0.1"])
def test_before_load_balancers_and_volumes_stay_and_are_removed_by_hand(version: str) -> None:
    """G-167, G-191: the nodes' own machines and disks go."""
    office = ceased(office_of(version, volumes=CLAIMED))
    assert office.charged() == []
    left = {part.kind for part in office.charged("")}
    assert left == {"loadbalancer", "security_group", "volume"}
    assert len(office.find("resource.left")) == len(office.charged(""))
    store, tell = office.twin.cloud.store, office.ask
    for balancer in store.all(LoadBalancer):
        tell("DeleteLoadBalancers", loadbalancers=[balancer.id])
    for volume in store.all(Volume):
        if volume.status == "available":
            tell("DeleteVolumes", volumes=[volume.id], direct_cease=1)
    groups = [group.id for group in store.all(SecurityGroup) if group.label.endswith("-sg")]
    office.tell("DeleteSecurityGroups", security_groups=groups)
    assert office.charged("") == []


@pytest.mark.guide("G-192")
def test_what_was_made_before_the_upgrade_to_2_0_0_stays_and_what_came_later_goes() -> None:
    """G-192."""
    watches: list[Watch] = []
    office = office_of("1.0.1", volumes=CLAIMED, watched=lambda twin: watches.append(Watch(twin)))
    office.ask("UpgradeClusters", clusters=[office.id], app_version=catalog().version("2.0.0").app_version_id)
    assert office.site.cluster.version == "2.0.0"
    later = office.twin.cloud.call(
        "CreateVolumes", {"size": 20, "volume_type": 200, "_owner": "shop", "_origin": "workload"}, "shop csi", 0
    )
    office.kernel.spawn(later)
    office.kernel.run(office.kernel.now + MS_PER_H)
    made = [volume for volume in office.twin.cloud.store.all(Volume) if volume.create_ms > 0]
    ceased(office)
    assert [volume.status for volume in made] == ["ceased"]
    left = {part.id for part in office.charged("")}
    assert left == {"shop/apiserver-lb", "shop/apiserver-sg", "shop/volumes/0"}
    assert watches[0].findings() == []


@pytest.mark.guide("G-192")
def test_a_cluster_that_came_from_1_x_keeps_what_it_had_when_the_world_began() -> None:
    """Assumed: a World does not tell when things were made."""
    office = ceased(office_of("3.0.0", born_as="1.0.1"))
    assert {part.id for part in office.charged("")} == {"shop/apiserver-lb", "shop/apiserver-sg"}

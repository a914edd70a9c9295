"""Claims and their volumes in the cloud: made, refused, moved with their pods, left behind, deleted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from qke_core.catalog import catalog
from qke_sim.cloud.instance import Instance
from qke_sim.cloud.volume import Volume
from qke_sim.faults import DoorFault
from qke_sim.hosts.site import Site
from qke_sim.kernel import Kernel
from qke_sim.kube import Claim, ClaimTemplate, DrainManner, PodTemplate, Resources, Workload
from qke_sim.kube.objects import Attachment, Pod
from qke_sim.kube.patience import delay_ms
from qke_sim.kube.tables import events_of, table_of
from qke_sim.twin import Twin

POLITE = DrainManner(ignore_daemonsets=True, delete_emptydir=True, force=True)
SETTLED_MS = 10 * 60_000
WORKERS = {"node_perf": {"count": 3}, "node_super_perf": {"count": 0}}


@dataclass
class Shop:
    """A cluster without KubeSphere, and what happens in it."""

    kernel: Kernel
    twin: Twin
    site: Site

    def wait(self, ms: int = SETTLED_MS) -> None:
        self.kernel.later(ms, lambda: None)
        end = self.kernel.now + ms
        while self.kernel.env.peek() <= end:
            self.kernel.env.step()

    def run(self, process: Any) -> Any:
        running = self.kernel.spawn(process)
        while not running.triggered:
            self.kernel.env.step()
        return running.value

    def database(self, replicas: int = 3, gib: int = 20, storage_class: str = "") -> Workload:
        template = PodTemplate({"app": "db"}, Resources(100, 2**28, 1), {}, ())
        claims = (ClaimTemplate("data", gib, storage_class),)
        found = Workload("StatefulSet", "shop", "db", replicas, template, claim_templates=claims)
        self.site.kube.apply(found, 0)
        return found

    def claim(self, name: str) -> Claim:
        return next(claim for claim in self.site.kube.objects.claims if claim.name == name)

    def pod(self, name: str) -> Pod:
        return next(pod for pod in self.site.kube.pods if pod.name == name)

    def volume(self, claim: Claim) -> Volume:
        return self.twin.cloud.store.get(Volume, claim.volume_id)

    def volumes(self) -> Iterator[Volume]:
        """Yield the volumes that claims made and that are alive."""
        gone = ("deleted", "ceased")
        everything = self.twin.cloud.store.all(Volume)
        return (found for found in everything if found.origin == "workload" and found.status not in gone)

    def attachment(self, claim: str) -> Attachment:
        return next(found for found in self.site.kube.attachments if found.claim.name == claim)

    def lose_node_of(self, pod: str) -> str:
        """Drain the node of a pod, delete its object at once, switch its machine off; return its name."""
        node = self.site.kube.controllers.node_named(self.pod(pod).node)
        assert node is not None
        result = self.run(self.site.kube.drain((node.alias,), POLITE, "kubectl", 0))
        assert result.ok
        self.site.kube.remove_node(node.alias, 0)
        self.site.crash(node.alias, 0)
        params = {"instances": [node.instance_id]}
        assert self.run(self.twin.cloud.request("TerminateInstances", params, "platform", 0)).ret_code == 0
        return node.name

    def told(self, reason: str) -> list[str]:
        return [event.message for event in self.site.kube.events if event.reason == reason]

    def calls(self, action: str) -> list[int]:
        records = self.kernel.trace.records
        return [r.t for r in records if r.kind == "cloud.called" and r.data["action"] == action]


@pytest.fixture
def shop_of(kernel: Kernel, twin_of: Callable[..., Twin]) -> Callable[..., Shop]:
    def make(version: str = "3.3.0", **parts: Any) -> Shop:
        wish = {"name": "shop", "version": version, "roles": WORKERS, "env": {"install_kubesphere": False}, **parts}
        twin = twin_of(kernel, wish)
        return Shop(kernel, twin, twin.site("shop"))

    return make


@pytest.fixture
def shop(shop_of: Callable[..., Shop]) -> Shop:
    return shop_of()


def test_a_claim_gets_a_volume_of_the_default_class_and_the_pod_has_it_attached(shop: Shop) -> None:
    shop.database(1)
    assert (shop.claim("data-db-0").phase, shop.pod("db-0").phase) == ("Pending", "Pending")
    shop.wait()
    volume = shop.volume(shop.claim("data-db-0"))
    assert (volume.volume_type, volume.size_gib, volume.status) == (6, 20, "in-use")  # 3.1.1 and later: type 6.
    assert (volume.owner, volume.origin, volume.label) == ("shop", "workload", "shop/workload/shop/data-db-0")
    node = shop.site.kube.controllers.node_named(shop.pod("db-0").node)
    assert node is not None
    assert volume.instance_id == node.instance_id
    assert shop.pod("db-0").ready


@pytest.mark.guide("G-134")
def test_the_volume_is_called_as_the_persistent_volume(shop: Shop, finished: Callable[..., Any]) -> None:
    """G-134: the IaaS volume has the name of the PV."""
    shop.database(1)
    shop.wait()
    params = {"verb": "get", "resource": "persistentvolumeclaims", "name": "data-db-0", "namespace": "shop"}
    answer = finished(shop.kernel, shop.twin.kube.call(shop.site.cluster.id, params, "kubectl", 0))
    assert answer["spec"]["volumeName"] == shop.volume(shop.claim("data-db-0")).name
    assert answer["spec"]["volumeName"].startswith("pvc-")


def test_sizes_are_rounded_up_to_what_the_class_hands_out(shop: Shop) -> None:
    shop.database(1, gib=21)
    shop.wait()
    assert shop.volume(shop.claim("data-db-0")).size_gib == 30


def test_without_a_class_the_claim_waits_and_says_why(shop: Shop) -> None:
    shop.database(1, storage_class="csi-gold")
    shop.wait()
    assert shop.claim("data-db-0").phase == "Pending"
    assert shop.told("ProvisioningFailed") == ["no storage class takes it"]
    assert shop.pod("db-0").why == "pod has unbound immediate PersistentVolumeClaims"


def test_an_exhausted_quota_keeps_a_claim_pending_at_no_cost_and_room_ends_it(shop: Shop) -> None:
    """The driver would ask every two minutes; asked is once, and again at such an instant when something was freed."""
    allowance = shop.twin.cloud.allowance
    allowance.limits["volume"] = allowance.used["volume"] + 1
    shop.database(2)
    shop.wait(86_400_000)
    assert [shop.claim(name).phase for name in ("data-db-0", "data-db-1")].count("Pending") == 1
    (why,) = shop.told("ProvisioningFailed")
    assert why.startswith("QuotasExceeded, quota [volume]")
    asked = shop.calls("CreateVolumes")
    assert len(asked) == 2
    allowance.limits["volume"] += 1
    shop.site.kube.wake(0)
    shop.wait()
    assert {claim.phase for claim in shop.site.kube.objects.claims} == {"Bound"}
    again = shop.calls("CreateVolumes")[2] - asked[1]
    assert again - 86_400_000 < delay_ms(20)


def test_back_off_grows_by_half_up_to_two_minutes() -> None:
    assert [delay_ms(tries) for tries in (1, 2, 3)] == [1000, 1500, 2250]
    assert delay_ms(30) == 120_000


def test_a_volume_goes_where_its_pod_goes(shop: Shop) -> None:
    shop.database()
    shop.wait()
    before = shop.pod("db-0").node
    gone = shop.lose_node_of("db-0")
    shop.wait()
    assert before == gone != shop.pod("db-0").node
    assert all(shop.pod(f"db-{place}").ready for place in range(3))
    assert len(list(shop.volumes())) == 3
    for claim in shop.site.kube.objects.claims:
        node = shop.site.kube.controllers.node_named(shop.attachment(claim.name).node)
        assert node is not None
        assert shop.volume(claim).instance_id == node.instance_id


@pytest.mark.guide("G-007", "G-154")
@pytest.mark.parametrize(
    ("version", "group"), [("1.0.1", "Prod"), ("2.0.0", "standard prod"), ("3.3.0", "standard prod")]
)
def test_the_built_in_driver_makes_a_volume_for_a_claim_and_it_follows_its_pod(
    shop_of: Callable[..., Shop], version: str, group: str
) -> None:
    """G-007, G-154: to another machine, without anybody's help."""
    shop = shop_of(version, roles=None, express=group)
    shop.database(1)
    shop.wait()
    volume, before = shop.volume(shop.claim("data-db-0")), shop.pod("db-0").node
    node = shop.site.kube.controllers.node_named(before)
    assert node is not None
    assert (volume.status, volume.instance_id) == ("in-use", node.instance_id)
    assert shop.run(shop.site.kube.drain((node.alias,), POLITE, "kubectl", 0)).ok
    shop.wait()
    moved = shop.site.kube.controllers.node_named(shop.pod("db-0").node)
    assert moved is not None
    assert moved.name != before
    assert shop.pod("db-0").ready
    assert (volume.status, volume.instance_id) == ("in-use", moved.instance_id)
    assert list(shop.volumes()) == [volume]


@pytest.mark.guide("G-127", "G-128", "G-129", "G-130", "G-131", "G-132", "G-133", "G-134", "G-135")
@pytest.mark.guide("G-136", "G-137", "G-138", "G-139")
def test_with_the_old_driver_an_attachment_of_a_deleted_node_stays_until_its_finalizer_is_deleted(
    shop_of: Callable[..., Shop], finished: Callable[..., Any]
) -> None:
    """The whole of the guide's story: the pod hangs, the events, the volume in the console, the object, the repair."""
    shop = shop_of("1.0.1", roles=None, express="Prod")
    shop.database(1)
    shop.wait()
    gone = shop.lose_node_of("db-0")
    shop.wait()
    assert not shop.pod("db-0").running
    (row,) = table_of(shop.site.kube, "pods", "shop", "db-0").rows
    assert row.cells[:3] == ("db-0", "0/1", "ContainerCreating")  # G-129
    described = events_of(shop.site.kube, "shop/db-0")
    assert described.columns == ("Type", "Reason", "Age", "From", "Message")  # G-130
    ((type_, reason, age, source, message),) = (row.cells for row in described.rows)
    assert (type_, reason, source) == ("Warning", "FailedMount", f"kubelet, {shop.pod('db-0').node}")
    assert re.fullmatch(r"\d+m(\d+s)?", age)
    (mounting,) = shop.told("FailedMount")
    assert message == mounting
    assert "list of unattached volumes=[data-db-0]" in mounting  # G-131
    assert shop.volume(shop.claim("data-db-0")).status == "available"  # G-134
    cluster_id = shop.site.cluster.id

    def get(verb: str, resource: str, **name: str) -> Any:
        params = {"verb": verb, "resource": resource, **name}
        return finished(shop.kernel, shop.twin.kube.call(cluster_id, params, "kubectl", 0))

    (mounted,) = get("get", "pods", namespace="shop", name="db-0")["spec"]["volumes"]
    claim = mounted["persistentVolumeClaim"]["claimName"]  # G-132
    ((*claimed, _),) = (row.cells for row in table_of(shop.site.kube, "persistentvolumeclaims", "shop", claim).rows)
    volume_name = shop.volume(shop.claim(claim)).name
    assert claimed == [claim, "Bound", volume_name, "20Gi", "RWO", "csi-qingcloud"]  # G-133
    attachments = get("list", "volumeattachments")["items"]
    (shown,) = (item for item in attachments if volume_name in json.dumps(item))  # G-135
    assert (shown["apiVersion"], shown["kind"]) == ("storage.k8s.io/v1", "VolumeAttachment")
    assert shown["spec"]["attacher"] == "csi-qingcloud"
    assert shown["metadata"]["finalizers"] == ["external-attacher/csi-qingcloud"]
    assert shown["metadata"]["deletionTimestamp"] > 0
    assert (shown["spec"]["nodeName"], shown["status"]["attached"]) == (gone, True)
    assert shown["status"]["detachError"] == {"message": f'node "{gone}" not found'}
    repair = {"verb": "delete-finalizer", "resource": "volumeattachments", "name": shown["metadata"]["name"]}
    begun = shop.kernel.now
    finished(shop.kernel, shop.twin.kube.call(cluster_id, repair, "kubectl", 0))
    shop.wait()
    assert shop.pod("db-0").ready  # G-139
    ready = max(record.t for record in shop.kernel.trace.records if record.kind == "pod.ready")
    assert 2 * 60_000 < ready - begun < 7 * 60_000


def test_newer_drivers_leave_nothing_behind(shop: Shop) -> None:
    shop.database(1)
    shop.wait()
    shop.lose_node_of("db-0")
    shop.wait()
    assert shop.pod("db-0").ready
    assert shop.told("FailedDetachVolume") == []


def test_a_deleted_claim_goes_when_its_pod_is_gone_and_takes_its_volume_along(shop: Shop) -> None:
    db = shop.database(1)
    shop.wait()
    claim = shop.claim("data-db-0")
    shop.site.kube.delete_claim(claim, 0)
    shop.wait()
    assert shop.volume(claim).status == "in-use"  # A pod uses it.
    shop.site.kube.delete(db, 0)
    shop.wait()
    assert shop.site.kube.objects.claims == []
    assert shop.volume(claim).status == "deleted"
    assert list(shop.volumes()) == []


def test_a_stateful_set_that_shrinks_keeps_its_claims_and_finds_them_again(shop: Shop) -> None:
    db = shop.database(2)
    shop.wait()
    kept = shop.claim("data-db-1").volume_id
    shop.site.kube.scale(db, 1, 0)
    shop.wait()
    assert shop.volume(shop.claim("data-db-1")).status == "available"
    shop.site.kube.scale(db, 2, 0)
    shop.wait()
    assert shop.claim("data-db-1").volume_id == kept
    assert shop.pod("db-1").ready
    assert len(list(shop.volumes())) == 2


def test_a_node_takes_ten_volumes_beside_its_data_disk_and_the_scheduler_knows(shop: Shop) -> None:
    shop.site.kube.cordon("node_perf2", 0)
    shop.site.kube.cordon("node_perf3", 0)
    shop.database(11)
    shop.wait()
    own = [pod for pod in shop.site.kube.pods if pod.owner.name == "db"]
    assert sum(pod.ready for pod in own) == 10
    (waiting,) = [pod.why for pod in own if pod.node is None]
    assert "1 node(s) exceed max volume count" in waiting
    assert shop.told("FailedAttachVolume") == []


def test_an_attachment_that_the_cloud_refuses_is_told_and_tried_again(shop: Shop) -> None:
    """A volume that somebody attached by hand fills the last place; it goes, and the pod runs."""
    shop.site.kube.cordon("node_perf2", 0)
    shop.site.kube.cordon("node_perf3", 0)
    cloud = shop.twin.cloud
    instance = shop.site.kube.nodes["node_perf1"].instance_id
    made = shop.run(cloud.request("CreateVolumes", {"size": 20, "volume_type": 100}, "alice", 0))
    volumes = made.answer["volumes"]
    assert not shop.run(cloud.request("AttachVolumes", {"volumes": volumes, "instance": instance}, "alice", 0)).failed
    shop.database(10)
    shop.wait()
    (why,) = set(shop.told("FailedAttachVolume"))
    assert "at most" in why
    assert not shop.run(cloud.request("DetachVolumes", {"volumes": volumes, "instance": instance}, "alice", 0)).failed
    shop.wait()
    assert all(pod.ready for pod in shop.site.kube.pods if pod.owner.name == "db")


def test_a_volume_that_an_earlier_try_made_is_found_by_its_name(shop: Shop) -> None:
    """The answer to the first try is lost: the volume exists, and no second one is made."""
    lost = DoorFault("lost", "cloud", "answer-lost", "CreateVolumes", 1, 100, 0, 0)
    shop.twin.cloud.gate.faults.append(lost)
    shop.database(1)
    shop.wait()
    assert shop.pod("db-0").ready
    assert len(list(shop.volumes())) == 1
    assert len(shop.calls("CreateVolumes")) == 1


def test_a_driver_that_is_not_installed_provisions_nothing_until_it_is(shop: Shop) -> None:
    shop.site.csi_version = ""
    shop.database(1)
    shop.wait()
    assert shop.calls("CreateVolumes") == []
    shop.site.csi_version = catalog().version("3.3.0").components["csi_qingcloud"]
    shop.site.kube.wake(0)
    shop.wait()
    assert shop.pod("db-0").ready


@pytest.mark.guide("G-176", "G-177")
@pytest.mark.parametrize(("masters", "volume_type", "runs"), [(101, 100, True), (202, 200, False)])
def test_the_default_class_follows_the_masters_and_its_volumes_go_to_hosts_of_that_type_only(
    shop_of: Callable[..., Shop], masters: int, volume_type: int, *, runs: bool
) -> None:
    """G-176, G-177: basic masters give csi-standard, for which basic nodes must exist."""
    roles = {**WORKERS, "master": {"count": 3, "instance_class": masters}}
    shop = shop_of("2.0.0", roles=roles)
    shop.database(1)
    shop.wait()
    assert shop.volume(shop.claim("data-db-0")).volume_type == volume_type
    assert shop.pod("db-0").ready == runs
    assert ("3 node(s) had volume node affinity conflict" in shop.pod("db-0").why) != runs


@pytest.mark.guide("G-040", "G-178")
@pytest.mark.parametrize(("storage_class", "runs"), [("", False), ("csi-ssd-enterprise", True)])
def test_on_workers_of_another_type_a_workload_must_name_a_class(
    shop_of: Callable[..., Shop], storage_class: str, *, runs: bool
) -> None:
    """G-040, G-178: volumes of the default class do not go to enterprise workers beside basic masters."""
    roles = {"master": {"count": 3, "instance_class": 101}, "node_perf": {"count": 2}, "node_super_perf": {"count": 2}}
    shop = shop_of("2.0.0", roles=roles)
    selector = {"node-role.kubernetes.io/worker": "node_super_perf"}
    template = PodTemplate({"app": "db"}, Resources(100, 2**28, 1), selector, ())
    claims = (ClaimTemplate("data", 20, storage_class),)
    shop.site.kube.apply(Workload("StatefulSet", "shop", "db", 1, template, claim_templates=claims), 0)
    shop.wait()
    assert shop.pod("db-0").ready == runs
    assert ("2 node(s) had volume node affinity conflict" in shop.pod("db-0").why) != runs


def test_a_node_with_another_machine_gets_its_volumes_attached_to_that(shop: Shop) -> None:
    """Instance ids may change when a cluster starts; node names stay."""
    shop.database(1)
    shop.wait()
    node = shop.site.kube.controllers.node_named(shop.pod("db-0").node)
    assert node is not None
    shop.site.crash(node.alias, 0)
    old = shop.twin.cloud.store.get(Instance, node.instance_id)
    shop.run(shop.twin.cloud.request("TerminateInstances", {"instances": [old.id]}, "platform", 0))
    new = replace(old, id="i-new", label="shop/new", status="running", tags=[])
    shop.twin.cloud.store.place(new)
    shop.site.kube.move_instance(node.alias, new.id, 0)
    shop.site.kube.host_started(node.alias, "1.20.9", 0)
    shop.wait()
    assert shop.pod("db-0").ready
    assert shop.volume(shop.claim("data-db-0")).instance_id == "i-new"

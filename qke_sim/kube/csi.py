"""The CSI driver and its controllers in one cluster: claims get volumes, volumes follow pods.

Everything in the cloud is asked for through its door. A claim that is refused stays Pending with the reason and is
tried again with the back-off of the driver (`patience`). A volume is attached where a pod needs it, detached when no
pod of a node does, deleted with its claim. Nothing happens while no API server answers, or before there is a driver.
Rule: docs/rules/kubernetes.md; Kubernetes attach-detach controller; guide G-127 to G-139 for the attachment that stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from qke_core.catalog import StorageClass, catalog, storage
from qke_sim.cloud import Cloud, Cluster, Outcome
from qke_sim.cloud.volume import AVAILABLE, DEVICES, IN_USE, Volume, volumes_of
from qke_sim.kernel import Process
from qke_sim.kube.controllers import Controllers
from qke_sim.kube.driver import Driver, made_of
from qke_sim.kube.notes import Notes
from qke_sim.kube.objects import Attachment, Claim, KubeNode, Pod
from qke_sim.kube.patience import Retries
from qke_sim.kube.storageclass import attaches, class_of, classes_of, volume_label

NOT_FOUND = 2100
STUCK_DRIVERS = "0.2."
"""Versions of the driver that cannot detach from a node that is gone (guide G-127, G-128)."""


@dataclass(slots=True)
class Mount:
    """A pod that waits for its volumes."""

    pod: Pod
    node: KubeNode
    then: Callable[[int], None]


class Storage:
    """Claims, attachments and mounts of one cluster."""

    def __init__(
        self, controllers: Controllers, notes: Notes, cloud: Cloud, cluster: Cluster, driver: Callable[[], str]
    ) -> None:
        """Begin with nothing attached; `driver` tells the installed version of the driver, "" for none."""
        self.attachments: list[Attachment] = []
        self.retries = Retries(controllers.kernel)
        self._controllers = controllers
        self._kernel = controllers.kernel
        self._notes = notes
        self._cloud = cloud
        self._cluster = cluster
        self._driver = driver
        self._csi = Driver(cloud, cluster.name)
        self._mounts: list[Mount] = []
        self._busy: set[str] = set()
        self._made = 0

    # What pods need (podvolumes.Volumes)

    def claim(self, pod: Pod, cause: int) -> None:
        """Make the claims that a new pod of a StatefulSet brings, unless they are there already."""
        for template in pod.owner.claim_templates:
            name = f"{template.name}-{pod.name}"
            if self._find(f"{pod.owner.namespace}/{name}") is None:
                claim = Claim(pod.owner.namespace, name, "Pending", template.gib, template.storage_class)
                self.add(claim, cause)

    def unbound(self, pod: Pod) -> bool:
        """Whether a claim of the pod is missing, not bound or about to go."""
        return any(claim is None or claim.phase != "Bound" or claim.deleting for claim in map(self._find, pod.claims))

    def veto(self, pod: Pod, node: KubeNode) -> str:
        """Return why a node cannot take the pod's volumes: their type does not attach there, or it has too many."""
        claims = self._claims(pod)
        if not claims:
            return ""
        if not all(self._attaches(claim, node) for claim in claims):
            return "node(s) had volume node affinity conflict"
        there = {key for other in self._controllers.on(node) for key in other.claims}
        if len(there | {claim.key for claim in claims}) > storage().constants["volumes_per_host"]:
            return "node(s) exceed max volume count"
        return ""

    def mount(self, pod: Pod, node: KubeNode, cause: int, then: Callable[[int], None]) -> None:
        """Attach the pod's volumes to the node, then go on."""
        waiting = [claim for claim in self._claims(pod) if not self._is_attached(claim, node)]
        if not waiting:
            then(cause)
            return
        self._mounts = [mount for mount in self._mounts if mount.pod is not pod]
        mount = Mount(pod, node, then)
        self._mounts.append(mount)
        self._kernel.later(catalog().constant("mount_timeout_ms"), lambda: self._tell_unmounted(mount, cause))
        for claim in waiting:
            self.settle(claim, cause)

    def unmount(self, pod: Pod, cause: int, *, forced: bool) -> None:
        """The pod is gone. Its volumes are detached once its kubelet reports them unmounted, or by force."""
        self._mounts = [mount for mount in self._mounts if mount.pod is not pod]
        claims = self._claims(pod)
        if not claims:
            return
        there = self._controllers.node_named(pod.node) is not None
        if forced and there:
            delay = catalog().constant("force_detach_ms")
        elif forced or pod.node is None:
            delay = 0
        else:
            delay = self._kernel.streams.draw(
                self._controllers.subject(pod), catalog().duration("volume-unmount-report")
            )

        for claim in claims:
            if (found := self._attachment(claim)) is not None and found.node == pod.node:
                found.in_use_ms = self._kernel.now + delay

        def settle() -> None:
            for claim in claims:
                self.settle(claim, cause)

        self._kernel.later(delay, settle)

    # What operators do

    def add(self, claim: Claim, cause: int) -> None:
        """A claim comes into being; the driver makes its volume."""
        claim.label = claim.label or volume_label(claim, self._cluster)
        claim.born_ms = self._kernel.now
        if not claim.held:
            claim.phase = "Pending"
        self._controllers.objects.claims.append(claim)
        self.settle(claim, cause)

    def delete(self, claim: Claim, cause: int) -> None:
        """A claim shall go: once no pod uses it, its volume is detached and deleted with it."""
        claim.deleting = True
        self.settle(claim, cause)

    def release(self, attachment: Attachment, cause: int) -> None:
        """Take an attachment's finalizer away: the object goes, and the volume is attached elsewhere in a while."""
        self.attachments.remove(attachment)
        subject = f"{self._cluster.name}/{attachment.claim.key}"
        seq = self._kernel.trace.add("volume.unmounted", subject, cause, node=attachment.node)
        wait = self._kernel.streams.draw(subject, catalog().duration("volume-attach-retry"))
        self._kernel.later(wait, lambda: self.settle(attachment.claim, seq))

    def move_instance(self, node: KubeNode, instance_id: str, cause: int) -> None:
        """A node has another machine than before: what was attached to the old one is attached to the new one."""
        node.instance_id = instance_id
        for found in [found for found in self.attachments if found.node == node.name and not found.deleting]:
            self.attachments.remove(found)
            self.settle(found.claim, cause)

    def settle_all(self, cause: int) -> None:
        """The driver was installed: do for every claim what it needs; what failed is left to its next try."""
        for claim in list(self._controllers.objects.claims):
            if not claim.why:
                self.settle(claim, cause)

    def adopt(self) -> None:
        """Take over what has stood since before the run: claims have their volumes, and pods theirs attached."""
        volumes = {volume.label: volume for volume in self._cloud.store.all(Volume) if volume.status == AVAILABLE}
        for claim in self._controllers.objects.claims:
            claim.label = claim.label or volume_label(claim, self._cluster)
            if claim.phase == "Bound" and claim.label in volumes:
                claim.volume_id = volumes[claim.label].id
        for pod in self._controllers.pods:
            node = self._controllers.node_named(pod.node)
            for claim in self._claims(pod):
                if node is not None and self._attachment(claim) is None:
                    self._attach_object(claim, node).attached = True
                    if (volume := volumes.get(claim.label)) is not None:
                        self._stand(volume, node.instance_id)

    def _stand(self, volume: Volume, instance_id: str) -> None:
        """Have a volume stand on an instance since before the run; nothing is recorded."""
        taken = {found.device for found in volumes_of(self._cloud.store, instance_id)}
        volume.device = next(name for name in DEVICES if name not in taken)
        volume.status, volume.instance_id = IN_USE, instance_id

    # The one place where it is decided what a claim needs next

    def settle(self, claim: Claim, cause: int) -> None:
        """Do what a claim needs next, unless something is under way for it."""
        if claim.key not in self._busy and self._driver():
            self._controllers.plane.when_works(lambda cause: self._settle(claim, cause), cause)

    def _settle(self, claim: Claim, cause: int) -> None:
        if claim.key in self._busy or claim not in self._controllers.objects.claims:
            return
        users, found = self._users(claim), self._attachment(claim)
        if claim.phase != "Bound":
            if claim.deleting and not claim.volume_id:
                self._forget(claim, cause)
            elif not claim.held:
                self._run(claim, self._provision(claim, cause))
        elif found is not None and (found.deleting or found.node not in {pod.node for pod in users}):
            if self._kernel.now >= found.in_use_ms:
                self._detach(found, cause)
        elif found is None and (node := self._wanted_at(claim)) is not None:
            self._run(claim, self._attach(claim, node, cause))
        elif found is None and claim.deleting and not users:
            self._run(claim, self._delete(claim, cause))

    def _run(self, claim: Claim, work: Process[int]) -> None:
        """Work for a claim, one thing at a time; then see what it needs next, unless the work failed."""
        self._busy.add(claim.key)

        def go() -> Process[None]:
            seq = yield from work
            self._busy.discard(claim.key)
            if seq and (now := self._find(claim.key)) is not None:
                self.settle(now, seq)  # It may be a new claim of that name.

        self._kernel.spawn(go())

    def _failed(self, claim: Claim, reason: str, outcome: Outcome) -> int:
        """Tell why something failed, when that is news, and plan the next try."""
        claim.why = outcome.message or f"the job ended as {outcome.job_status}"
        seq = self._notes.warn(claim.key, reason, claim.why, self._csi.by, outcome.cause)
        self.retries.failed(f"{claim.key}/{reason}", outcome, lambda cause: self.settle(claim, cause or seq))
        return 0

    # Provision and delete

    def _provision(self, claim: Claim, cause: int) -> Process[int]:
        """Make the volume of a claim. One that an earlier try left behind, by name, is taken."""
        found = self.class_of(claim)
        size = None if found is None else found.size.fit(claim.gib)
        if found is None or size is None:
            claim.why = "no storage class takes it" if found is None else f"no size of {found.name} holds it"
            self._notes.warn(claim.key, "ProvisioningFailed", claim.why, self._csi.by, cause)
            return 0
        taken = [other.volume_id for other in self._controllers.objects.claims]
        if claim.why and (old := (yield from self._csi.left_behind(claim, taken, cause))):
            return self._bind(claim, old, cause)
        outcome = yield from self._csi.make(claim, size, found.type, cause)
        if outcome.failed:
            return self._failed(claim, "ProvisioningFailed", outcome)
        return self._bind(claim, made_of(outcome), outcome.cause)

    def _bind(self, claim: Claim, volume_id: str, cause: int) -> int:
        self.retries.succeeded(f"{claim.key}/ProvisioningFailed")
        claim.phase, claim.volume_id, claim.why = "Bound", volume_id, ""
        seq = self._kernel.trace.add("claim.bound", f"{self._cluster.name}/{claim.key}", cause, volume=volume_id)
        self._controllers.plane.when_works(self._controllers.place, seq)
        self._controllers.changed.fire(seq)
        return seq

    def _delete(self, claim: Claim, cause: int) -> Process[int]:
        if claim.volume_id:
            outcome = yield from self._csi.remove(claim.volume_id, cause)
            if outcome.failed and outcome.ret_code != NOT_FOUND:
                return self._failed(claim, "VolumeFailedDelete", outcome)
            cause = outcome.cause
        return self._forget(claim, cause)

    def _forget(self, claim: Claim, cause: int) -> int:
        self._controllers.objects.claims.remove(claim)
        seq = self._kernel.trace.add("claim.deleted", f"{self._cluster.name}/{claim.key}", cause)
        for pod in self._controllers.pods:
            if claim.key in pod.claims:
                self.claim(pod, seq)  # A StatefulSet that wants it meanwhile makes it anew.
        self._controllers.changed.fire(seq)
        return seq

    # Attach and detach

    def _attach(self, claim: Claim, node: KubeNode, cause: int) -> Process[int]:
        found = self._attach_object(claim, node)
        if claim.volume_id:
            outcome = yield from self._csi.attach(claim.volume_id, node.instance_id, cause)
            if outcome.failed:
                found.error = outcome.message
                if found in self.attachments:
                    self.attachments.remove(found)
                return self._failed(claim, "FailedAttachVolume", outcome)
            cause = outcome.cause
        self.retries.succeeded(f"{claim.key}/FailedAttachVolume")
        found.attached, claim.why = True, ""
        seq = self._kernel.trace.add("volume.mounted", f"{self._cluster.name}/{claim.key}", cause, node=node.name)
        self._go_on(seq)
        return seq

    def _attach_object(self, claim: Claim, node: KubeNode) -> Attachment:
        self._made += 1
        found = Attachment(f"csi-{self._made:08x}", claim, node.name, node.instance_id)
        self.attachments.append(found)
        return found

    def _detach(self, found: Attachment, cause: int) -> None:
        """Let the attacher detach a volume; an old driver cannot when the node's object is gone."""
        if found.deleted_ms is None:
            found.deleted_ms = self._kernel.now
        if self._controllers.node_named(found.node) is None and self._driver().startswith(STUCK_DRIVERS):
            if not found.error:
                found.error = f'node "{found.node}" not found'
                self._notes.warn(found.claim.key, "FailedDetachVolume", found.error, self._csi.by, cause)
            return
        self._run(found.claim, self._detach_volume(found, cause))

    def _detach_volume(self, found: Attachment, cause: int) -> Process[int]:
        claim = found.claim
        if claim.volume_id:
            outcome = yield from self._csi.detach(claim.volume_id, found.instance_id, cause)
            gone = outcome.failed and (yield from self._csi.is_free(claim.volume_id, cause))
            if outcome.failed and not gone:
                return self._failed(claim, "FailedDetachVolume", outcome)
            cause = outcome.cause
        self.retries.succeeded(f"{claim.key}/FailedDetachVolume")
        if found in self.attachments:
            self.attachments.remove(found)
        return self._kernel.trace.add("volume.unmounted", f"{self._cluster.name}/{claim.key}", cause, node=found.node)

    def _go_on(self, cause: int) -> None:
        """Let the pods go on that have all their volumes now."""
        for mount in list(self._mounts):
            if all(self._is_attached(claim, mount.node) for claim in self._claims(mount.pod)):
                self._mounts.remove(mount)
                mount.then(cause)

    def _tell_unmounted(self, mount: Mount, cause: int) -> None:
        """A kubelet says that it waits for volumes (guide G-131)."""
        if mount in self._mounts and mount.pod in self._controllers.pods:
            lacking = [claim.name for claim in self._claims(mount.pod) if not self._is_attached(claim, mount.node)]
            listed = " ".join(lacking)
            message = (
                "Unable to mount volumes for pod: timeout expired waiting for volumes to attach or mount. "
                f"list of unmounted volumes=[{listed}]. list of unattached volumes=[{listed}]"
            )
            self._notes.warn(mount.pod.key, "FailedMount", message, f"kubelet, {mount.node.name}", cause)

    # Questions

    def classes(self) -> Sequence[StorageClass]:
        """List the storage classes of the cluster; none before it has a master."""
        return classes_of(self._cluster, self._cloud.zone)

    def class_of(self, claim: Claim) -> StorageClass | None:
        """Return the storage class of a claim; None when there is none."""
        return class_of(claim, self._cluster, self._cloud.zone)

    def _attaches(self, claim: Claim, node: KubeNode) -> bool:
        return attaches(claim, node, self._cluster, self._cloud.zone)

    def _find(self, key: str) -> Claim | None:
        return next((claim for claim in self._controllers.objects.claims if claim.key == key), None)

    def _claims(self, pod: Pod) -> list[Claim]:
        return [claim for claim in map(self._find, pod.claims) if claim is not None]

    def _users(self, claim: Claim) -> list[Pod]:
        """Return the pods that use a claim: those that have a node."""
        return [pod for pod in self._controllers.pods if pod.node is not None and claim.key in pod.claims]

    def _attachment(self, claim: Claim) -> Attachment | None:
        return next((found for found in self.attachments if found.claim is claim), None)

    def _is_attached(self, claim: Claim, node: KubeNode) -> bool:
        found = self._attachment(claim)
        return found is not None and found.attached and not found.deleting and found.node == node.name

    def _wanted_at(self, claim: Claim) -> KubeNode | None:
        """Return the node of the first pod that waits for a volume."""
        waiting: Iterator[Mount] = (mount for mount in self._mounts if claim.key in mount.pod.claims)
        found = next(waiting, None)
        return None if found is None else found.node

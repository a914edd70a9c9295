"""KubeSphere in one cluster: its installer, the modules it brings, and the checks that the product runs on it.

The installer is a pod that plays a long book of tasks. In a new cluster it goes through the modules in order: it
applies a module's parts with their claims and waits until they run; what does not come in time is a failed task. An
upgrade plays one book of a drawn length. The product looks at it from outside only: is the pod there (128), can its log
be read (129), does the recap report failures (130), is the welcome line there (131 while not), are the modules complete
(132 when not). Rule: QKE app repo, checkKsInstallerDone; docs/rules/upgrade.md#kubesphere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from qke_core.catalog import Part, catalog, kubesphere, storage
from qke_core.catalog.storage_facts import MINIMAL
from qke_sim.cloud import Cluster
from qke_sim.kernel import Process, Signal
from qke_sim.kube.ccm import CONSOLE, CONSOLE_NAMESPACE
from qke_sim.kube.cluster import KubeCluster
from qke_sim.kube.objects import MASTER_TAINT, Claim, PodTemplate, Resources, Service, Toleration, Workload

POD_MISSING, RECAP_FAILED, STILL_RUNNING, INCOMPLETE = 128, 130, 131, 132
ANYWHERE = (Toleration(key=MASTER_TAINT),)
MIB = 1024**2
ELK_PORT = 9200

Outcome = Literal["failed", "incomplete"]

__all__ = ["CONSOLE", "INCOMPLETE", "POD_MISSING", "RECAP_FAILED", "STILL_RUNNING", "Installer", "Outcome", "Trouble"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong in one attempt, when `percent` of its time is over."""

    attempt: int
    outcome: Outcome
    percent: int


class Installer:
    """The installer's pod. `state` is what its log shows: idle, starting, running, failed, incomplete, complete.

    `modules` are those that are installed; `lacking` the ones that the last attempt could not bring up. `password` is
    the one that somebody chose for the console's first account, "" before.
    """

    def __init__(self, kube: KubeCluster, cluster: Cluster, version: str = "") -> None:
        """Begin idle, with KubeSphere `version` installed; "" when it is not."""
        self.kernel = kube.kernel
        self.cluster = kube.name
        self.version = version
        self.state = "complete" if version else "idle"
        self.changed = Signal(kube.kernel)
        self.troubles: list[Trouble] = []
        self.slow_percent = 100
        self.attempt = 0
        self.restarts = 0
        self.modules: tuple[str, ...] = ()
        self.lacking: tuple[str, ...] = ()
        self.password = ""
        self._kube = kube
        self._facts = cluster
        self._pods = 0
        self._target = ""
        self._fresh = False

    def launch(self, target: str, cause: int, *, fresh: bool = False) -> None:
        """Delete the old installer and start the one of QKE version `target`.

        With `fresh` it installs the modules that the parameters name and that are not installed yet; else it upgrades.
        """
        self._target, self._fresh = target, fresh
        self.attempt = 0
        version = catalog().version(target).kubesphere
        seq = self.kernel.trace.add("installer.launched", self.cluster, cause, version=version)
        own = self._own()
        if fresh and own is not None and self._kube.workload(own.key) is None:
            self._kube.apply(own, seq)
        if self._linked_elk:
            self._kube.apply_service(_external_elk(), seq)
        self._start_pod(seq)

    def restart(self, by: str, cause: int) -> None:
        """Roll the installer out again: a new pod begins the book from its first task."""
        self.restarts += 1
        self._start_pod(self.kernel.trace.add("installer.restarted", self.cluster, cause, by=by))

    def check(self) -> int:
        """Return the code that one look of the product ends with; 0 when all is complete."""
        if not self._kube.plane.available or self.state in ("idle", "starting"):
            return POD_MISSING
        codes = {"running": STILL_RUNNING, "failed": RECAP_FAILED, "incomplete": INCOMPLETE}
        return codes.get(self.state, 0)

    def stand(self) -> None:
        """Let KubeSphere stand as it has been standing for long: its parts and their claims, bound."""
        cluster = self._facts
        self.version, self.state = catalog().version(cluster.version).kubesphere, "complete"
        self.modules = kubesphere().modules(cluster.version, cluster.modules)
        self._target = cluster.version
        if (own := self._own()) is not None:
            own.done = own.kind == "Job"
            self._kube.objects.workloads.append(own)
        if self._kube.cloud_controller is not None:
            self._kube.objects.services.append(self._kube.cloud_controller.console())
        if self._linked_elk:
            self._kube.objects.services.append(_external_elk())
        for module in self.modules:
            for part in self._parts(cluster.version, module):
                self._kube.objects.workloads.append(_workload(part))
                self._kube.objects.claims.extend(self._claims(part, phase="Bound"))

    @property
    def _linked_elk(self) -> bool:
        """Whether logs go to a linked ELK service."""
        return bool(self._facts.links.get("elk_service"))

    def _own(self) -> Workload | None:
        """Return the installer's own workload; None where it is no pod."""
        found = kubesphere().installer(self._target)
        if found is None:
            return None
        template = PodTemplate({"app": found.label}, Resources(20, 100 * MIB, 1), {}, ANYWHERE)
        return Workload(found.kind, CONSOLE_NAMESPACE, found.name, 1, template, system=True)

    def _start_pod(self, cause: int) -> None:
        self.attempt += 1
        self._pods += 1
        self._change("starting", cause)
        begun, pod = self.attempt, self._pods
        delay = self.kernel.streams.draw(self.cluster, catalog().duration("installer-pod-start"))

        def run() -> None:
            if self._pods != pod:
                return  # This pod is gone: another was started meanwhile.
            seq = self.kernel.trace.add("installer.running", self.cluster, cause, attempt=begun)
            self._change("running", seq)
            play = self._install if self._fresh else self._upgrade
            self.kernel.spawn(play(pod, self._trouble(begun), seq))

        self.kernel.later(delay, run)

    def _trouble(self, begun: int) -> Trouble | None:
        """Return what goes wrong in an attempt. It strikes once; the next launch begins to count anew."""
        found = next((trouble for trouble in self.troubles if trouble.attempt == begun), None)
        if found is not None:
            self.troubles.remove(found)
        return found

    def _upgrade(self, pod: int, trouble: Trouble | None, cause: int) -> Process[None]:
        length = self._draw(f"kubesphere-upgrade-{self._target}")
        yield self.kernel.pause(length if trouble is None else length * trouble.percent // 100)
        if self._pods == pod:
            self._finish("complete" if trouble is None else trouble.outcome, cause)

    def _install(self, pod: int, trouble: Trouble | None, cause: int) -> Process[None]:
        """Bring the modules up one after another, then see what came of them; all stand on the minimal part."""
        target = self._target
        wanted = kubesphere().modules(target, self._facts.env.modules)
        plan = list(self._lengths(target, [module for module in wanted if module not in self.modules]))
        strikes = None if trouble is None else sum(length for _, length in plan) * trouble.percent // 100
        begun, lacking = self.kernel.now, list[str]()
        for module, length in plan:
            self._bring(target, module, cause)
            if trouble is not None and strikes is not None and self.kernel.now + length >= begun + strikes:
                yield self.kernel.pause(max(begun + strikes - self.kernel.now, 0))
                if self._pods == pod:
                    self._finish(trouble.outcome, cause)
                return
            yield self.kernel.pause(length)
            if module == MINIMAL:
                cause = yield from self._look_at(target, module, pod, lacking, cause)
                if lacking:
                    break
        wait_ms = kubesphere().constants["module_wait_ms"]
        for module, _ in () if lacking else plan:
            if module != MINIMAL:
                begun = self.kernel.now
                cause = yield from self._look_at(target, module, pod, lacking, cause, wait_ms)
                wait_ms -= self.kernel.now - begun  # All wait side by side.
        if self._pods != pod:
            return
        self.lacking = tuple(lacking)
        self._finish("failed" if MINIMAL in lacking else "incomplete" if lacking else "complete", cause)

    def _look_at(
        self, target: str, module: str, pod: int, lacking: list[str], cause: int, wait_ms: int | None = None
    ) -> Process[int]:
        """Wait for a module's parts and note what came of it; return the record."""
        yield from self._await(target, module, kubesphere().constants["module_wait_ms"] if wait_ms is None else wait_ms)
        if self._pods != pod:
            return cause
        if not self._runs(target, module):
            lacking.append(module)
            return self._tell_lacking(target, module, cause)
        self.modules = (*self.modules, module)
        return self.kernel.trace.add("installer.module", self.cluster, cause, module=module, outcome="runs")

    def _lengths(self, target: str, modules: list[str]) -> Iterator[tuple[str, int]]:
        """Draw how long each module's tasks take; a full install of 1.x is one length, shared out."""
        whole = self._draw("kubesphere-install-full") if target.startswith("1.") else 0
        for module in modules:
            if whole:
                yield module, whole // len(modules)
            else:
                yield module, self._draw("kubesphere-install-minimal" if module == MINIMAL else _MODULE_LENGTH)

    def _draw(self, duration: str) -> int:
        return self.kernel.streams.draw(self.cluster, catalog().duration(duration)) * self.slow_percent // 100

    def _bring(self, target: str, module: str, cause: int) -> None:
        """Apply the parts of a module, and what they claim, unless they are there."""
        known = {claim.key for claim in self._kube.objects.claims}
        for part in self._parts(target, module):
            for claim in self._claims(part, phase="Pending"):
                if claim.key not in known:
                    self._kube.claim(claim, cause)
            workload = _workload(part)
            if self._kube.workload(workload.key) is None:
                self._kube.apply(workload, cause)

    def _await(self, target: str, module: str, wait_ms: int) -> Process[None]:
        """Wait until a module's parts run, or too long."""
        end = self.kernel.now + wait_ms
        while not self._runs(target, module) and self.kernel.now < end:
            yield self.kernel.env.any_of(
                [self._kube.controllers.changed.next(), self.kernel.pause(end - self.kernel.now)]
            )

    def _runs(self, target: str, module: str) -> bool:
        serving = [pod.owner.key for pod in self._kube.pods if pod.ready]
        return all(serving.count(f"{p.namespace}/{p.name}") >= p.replicas for p in self._parts(target, module))

    def _tell_lacking(self, target: str, module: str, cause: int) -> int:
        """Record what a module lacks: a claim that waits, or a pod that no node takes."""
        names = {(part.namespace, name) for part in self._parts(target, module) for name in part.claims}
        waiting = [f"{claim.key}: {claim.why}" for claim in self._kube.objects.claims if claim.phase != "Bound"]
        own = [text for text in waiting if tuple(text.partition(":")[0].split("/")) in names]
        return self.kernel.trace.add(
            "installer.module", self.cluster, cause, module=module, outcome="; ".join(own) or "does not come up"
        )

    def _parts(self, version: str, module: str) -> list[Part]:
        """Return the parts of a module in this cluster: a linked ELK service stands in for those that hold logs."""
        names = {claim.name for claim in storage().kubesphere_claims((module,), linked_elk=self._linked_elk)}
        return [part for part in kubesphere().parts_of(version, module) if set(part.claims) <= names]

    def _claims(self, part: Part, phase: str) -> Iterator[Claim]:
        for claim in storage().claims:
            if claim.name in part.claims:
                label = f"{self.cluster}/kubesphere/{claim.name}"
                yield Claim(part.namespace, claim.name, phase, claim.gib, origin="kubesphere", label=label)

    def _finish(self, outcome: str, cause: int) -> None:
        if outcome == "failed":
            seq = self.kernel.trace.add("installer.failed", self.cluster, cause, attempt=self.attempt)
        else:
            seq = self.kernel.trace.add("installer.finished", self.cluster, cause, outcome=outcome)
        if outcome == "complete":
            self.version = catalog().version(self._target).kubesphere
            self._clear_up(seq)
        self._change(outcome, seq)

    def _clear_up(self, cause: int) -> None:
        """A Job has done its work; an upgrade leaves the parts that the new version has."""
        own = self._own()
        done = None if own is None else self._kube.workload(own.key)
        if done is not None and done.kind == "Job":
            self._kube.controllers.complete(done, cause)
        book = kubesphere()
        names = {part.name for module in self.modules for part in book.parts_of(self._target, module)}
        known = {f"{part.namespace}/{part.name}" for part in book.parts if part.name not in names}
        for workload in [found for found in self._kube.objects.workloads if found.system and found.key in known]:
            self._kube.delete(workload, cause)
        for module in self.modules:
            self._bring(self._target, module, cause)

    def _change(self, state: str, cause: int) -> None:
        self.state = state
        self.changed.fire(cause)


_MODULE_LENGTH = "kubesphere-install-module"


def _external_elk() -> Service:
    """Return the Service by which KubeSphere finds a linked ELK service (QKE app repo, external-elk-svc.yml)."""
    return Service("kube-system", "external-elk", {}, ports=((ELK_PORT, 0),))


def _workload(part: Part) -> Workload:
    requests = Resources(part.cpu_m, part.memory_mib * MIB, 1)
    template = PodTemplate({"app": part.name}, requests, {}, ANYWHERE, claims=part.claims)
    return Workload(part.kind, part.namespace, part.name, part.replicas, template, system=True)

"""The KubeSphere installer of one cluster, and the checks that the product runs on it.

The installer is a pod that plays a long book of tasks. The product looks at it from outside only: is the pod there
(128), can its log be read (129), does the recap report failures (130), is the welcome line there (131 while not), are
the modules complete (132 when not). Rule: QKE app repo, checkKsInstallerDone; docs/rules/upgrade.md#kubesphere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qke_core.catalog import catalog
from qke_sim.kernel import Kernel, Signal
from qke_sim.kube import ControlPlane

POD_MISSING, RECAP_FAILED, STILL_RUNNING, INCOMPLETE = 128, 130, 131, 132

Outcome = Literal["failed", "incomplete"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong in one attempt, when `percent` of its time is over."""

    attempt: int
    outcome: Outcome
    percent: int


class Installer:
    """The installer's pod. `state` is what its log shows: idle, starting, running, failed, incomplete, complete."""

    def __init__(self, kernel: Kernel, cluster: str, plane: ControlPlane, version: str) -> None:
        """Begin idle, with KubeSphere `version` installed; "" when it is not."""
        self.kernel = kernel
        self.cluster = cluster
        self.version = version
        self.state = "complete" if version else "idle"
        self.changed = Signal(kernel)
        self.troubles: list[Trouble] = []
        self.slow_percent = 100
        self.attempt = 0
        self.restarts = 0
        self._plane = plane
        self._pods = 0
        self._target = ""

    def launch(self, target: str, cause: int) -> None:
        """Delete the old installer and start the one of QKE version `target`."""
        self._target = target
        self.attempt = 0
        version = catalog().version(target).kubesphere
        self._start_pod(self.kernel.trace.add("installer.launched", self.cluster, cause, version=version))

    def restart(self, by: str, cause: int) -> None:
        """Roll the installer out again: a new pod begins the book from its first task."""
        self.restarts += 1
        self._start_pod(self.kernel.trace.add("installer.restarted", self.cluster, cause, by=by))

    def check(self) -> int:
        """Return the code that one look of the product ends with; 0 when all is complete."""
        if not self._plane.available or self.state in ("idle", "starting"):
            return POD_MISSING
        codes = {"running": STILL_RUNNING, "failed": RECAP_FAILED, "incomplete": INCOMPLETE}
        return codes.get(self.state, 0)

    def _start_pod(self, cause: int) -> None:
        self.attempt += 1
        self._pods += 1
        self._change("starting", cause)
        begun, pod = self.attempt, self._pods
        facts = catalog()
        delay = self.kernel.streams.draw(self.cluster, facts.duration("installer-pod-start"))

        def run() -> None:
            if self._pods != pod:
                return  # This pod is gone: another was started meanwhile.
            seq = self.kernel.trace.add("installer.running", self.cluster, cause, attempt=begun)
            self._change("running", seq)
            self._play(begun, pod, seq)

        self.kernel.later(delay, run)

    def _play(self, begun: int, pod: int, cause: int) -> None:
        duration = catalog().duration(f"kubesphere-upgrade-{self._target}")
        length = self.kernel.streams.draw(self.cluster, duration) * self.slow_percent // 100
        trouble = next((trouble for trouble in self.troubles if trouble.attempt == begun), None)
        if trouble is not None:
            self.troubles.remove(trouble)  # It strikes once; the next launch begins to count anew.
            length = length * trouble.percent // 100

        def end() -> None:
            if self._pods == pod:
                self._finish(trouble, cause)

        self.kernel.later(length, end)

    def _finish(self, trouble: Trouble | None, cause: int) -> None:
        if trouble is not None and trouble.outcome == "failed":
            seq = self.kernel.trace.add("installer.failed", self.cluster, cause, attempt=self.attempt)
            self._change("failed", seq)
            return
        outcome = "complete" if trouble is None else "incomplete"
        if trouble is None:
            self.version = catalog().version(self._target).kubesphere
        seq = self.kernel.trace.add("installer.finished", self.cluster, cause, outcome=outcome)
        self._change(outcome, seq)

    def _change(self, state: str, cause: int) -> None:
        self.state = state
        self.changed.fire(cause)

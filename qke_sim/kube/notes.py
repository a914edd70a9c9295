"""`kind: Event` objects: what Kubernetes says of its objects. One that says the same again is not kept twice."""

from __future__ import annotations

from qke_sim.kernel import Kernel
from qke_sim.kube.objects import KubeEvent


class Notes:
    """The Events of one cluster, oldest first."""

    def __init__(self, kernel: Kernel, name: str) -> None:
        """Begin with none; `name` is the cluster's."""
        self.events: list[KubeEvent] = []
        self._kernel = kernel
        self._name = name
        self._last: dict[tuple[str, str], str] = {}

    def warn(self, key: str, reason: str, message: str, source: str, cause: int) -> int:
        """Say a warning of the object called `namespace/name`; return its record, or `cause` when it is no news."""
        if self._last.get((key, reason)) == message:
            return cause
        self._last[key, reason] = message
        self.events.append(KubeEvent(self._kernel.now, "Warning", reason, key, source, message))
        return self._kernel.trace.add("kube.warned", f"{self._name}/{key}", cause, reason=reason, message=message)

    def clear(self, key: str, reason: str) -> None:
        """What was warned of is over: the same words are news again."""
        self._last.pop((key, reason), None)

"""What pods need of storage, and the storage of a cluster that has none in the cloud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from qke_sim.kube.objects import KubeNode, Pod


class Volumes(Protocol):
    """What pods need of storage; `csi.Storage` is the real one."""

    def claim(self, pod: Pod, cause: int) -> None:
        """Make the claims that a new pod of a StatefulSet brings."""

    def unbound(self, pod: Pod) -> bool:
        """Whether a claim of the pod is not bound."""
        ...

    def veto(self, pod: Pod, node: KubeNode) -> str:
        """Return why a node cannot take the pod's volumes; "" when it can."""
        ...

    def mount(self, pod: Pod, node: KubeNode, cause: int, then: Callable[[int], None]) -> None:
        """Attach the pod's volumes to the node, then go on."""

    def unmount(self, pod: Pod, cause: int, *, forced: bool) -> None:
        """The pod is gone; `forced`: nobody unmounted its volumes, for its node is away."""


class NoVolumes:
    """Storage of a cluster whose volumes nobody keeps: every claim is as it is said to be."""

    def claim(self, pod: Pod, cause: int) -> None:
        """Make none."""

    def unbound(self, pod: Pod) -> bool:
        """Answer no."""
        _ = pod
        return False

    def veto(self, pod: Pod, node: KubeNode) -> str:
        """Answer that every node will do."""
        _ = pod, node
        return ""

    def mount(self, pod: Pod, node: KubeNode, cause: int, then: Callable[[int], None]) -> None:
        """Go on at once."""
        _ = pod, node
        then(cause)

    def unmount(self, pod: Pod, cause: int, *, forced: bool) -> None:
        """Do nothing."""

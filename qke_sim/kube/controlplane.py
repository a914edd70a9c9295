"""The control plane of one cluster: etcd members and API servers on the masters, and what users find of them.

An API server answers when its host runs, its process runs and etcd has a quorum. Users reach it through the load
balancer when there are three masters, else at the first master.
"""

from __future__ import annotations

from dataclasses import dataclass

from qke_sim.cloud import BalancerHealth
from qke_sim.kernel import Kernel, Signal


@dataclass(slots=True)
class Master:
    """One master's part. `host`, `etcd` and `process` tell what runs; `answers` is what follows from them."""

    alias: str
    host: bool = True
    etcd: bool = True
    process: bool = True
    answers: bool = True


class ControlPlane:
    """Etcd and API servers of one cluster."""

    def __init__(self, kernel: Kernel, cluster: str, aliases: tuple[str, ...], *, built_in_etcd: bool) -> None:
        """Begin with everything up. A linked etcd never loses its quorum here: it is a cluster of its own."""
        self.kernel = kernel
        self.cluster = cluster
        self.masters = {alias: Master(alias) for alias in aliases}
        self.changed = Signal(kernel)
        self.balancer: BalancerHealth | None = None
        self.available = True
        self._built_in_etcd = built_in_etcd

    @property
    def quorum(self) -> bool:
        """Whether more than half of the etcd members are up."""
        up = sum(master.etcd and master.host for master in self.masters.values())
        return not self._built_in_etcd or up > len(self.masters) // 2

    @property
    def works(self) -> bool:
        """Whether any API server answers, so that controllers and scheduler on the masters work."""
        return any(master.answers for master in self.masters.values())

    @property
    def through(self) -> str:
        """What users reach the API server through."""
        return "the load balancer" if self.balancer is not None else "the first master"

    def begin(self) -> None:
        """Work out silently who answers at the beginning, after a master's part was set by hand."""
        quorum = self.quorum
        for master in self.masters.values():
            master.answers = master.host and master.process and quorum
            if self.balancer is not None:
                self.balancer.begin(master.alias, serving=master.answers)
        first = next(iter(self.masters.values()))
        self.available = first.answers if self.balancer is None else self.balancer.available

    def start(self, cause: int) -> None:
        """Tell at the beginning what users do not find."""
        if not self.available:
            self.kernel.trace.add("api.unavailable", self.cluster, cause, through=self.through)

    def set_host(self, alias: str, *, up: bool, cause: int) -> None:
        """A master's host went down or came up; its processes follow."""
        self.masters[alias].host = up
        self.masters[alias].etcd |= up  # A host that boots starts its member, whatever was done to it before.
        if self._built_in_etcd:
            self._tell_etcd(alias, up=up, cause=cause)
        self._refresh(cause, "its host is down")

    def set_etcd(self, alias: str, *, up: bool, cause: int) -> None:
        """An etcd member left or came back."""
        self.masters[alias].etcd = up
        self._tell_etcd(alias, up=up, cause=cause)
        self._refresh(cause, "etcd has no quorum")

    def set_process(self, alias: str, *, up: bool, cause: int, why: str = "") -> None:
        """An API server process stopped or started."""
        self.masters[alias].process = up
        self._refresh(cause, why)

    def rotation_changed(self, cause: int) -> None:
        """The load balancer uses other backends than before."""
        self._refresh_users(cause)

    def _tell_etcd(self, alias: str, *, up: bool, cause: int) -> None:
        count = sum(master.etcd and master.host for master in self.masters.values())
        kind = "etcd.joined" if up else "etcd.left"
        self.kernel.trace.add(kind, f"{self.cluster}/{alias}", cause, up=count, members=len(self.masters))

    def _refresh(self, cause: int, why: str) -> None:
        """Work out who answers now, and tell what changed."""
        quorum = self.quorum
        for master in self.masters.values():
            answers = master.host and master.process and quorum
            if answers == master.answers:
                continue
            master.answers = answers
            subject = f"{self.cluster}/{master.alias}"
            if answers:
                seq = self.kernel.trace.add("apiserver.up", subject, cause)
            else:
                reason = why or "it restarts"
                if not quorum:
                    reason = "etcd has no quorum" if master.host else "its host is down"
                seq = self.kernel.trace.add("apiserver.down", subject, cause, why=reason)
            if self.balancer is not None:
                self.balancer.report(master.alias, serving=answers, cause=seq)
            self._refresh_users(seq)
        self.changed.fire(cause)

    def _refresh_users(self, cause: int) -> None:
        first = next(iter(self.masters.values()))
        available = first.answers if self.balancer is None else self.balancer.available
        if available != self.available:
            self.available = available
            kind = "api.available" if available else "api.unavailable"
            cause = self.kernel.trace.add(kind, self.cluster, cause, through=self.through)
        self.changed.fire(cause)

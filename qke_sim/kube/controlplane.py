"""The control plane of one cluster: etcd members and API servers on the masters, and what users find of them.

An API server answers when its host runs, its process runs and etcd has a quorum. Users reach it through the load
balancer once there is one, else at the first master. A plane may begin without any member: `kubeadm init` brings the
first, each join one more, and the quorum counts from the moment a member is listed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qke_sim.cloud import BalancerHealth
from qke_sim.kernel import Kernel, Signal, callbacks_of


@dataclass(slots=True)
class Master:
    """One master's part. `host`, `etcd` and `process` tell what runs; `answers` is what follows from them.

    `lost`: the data of its etcd member is gone; it does not start again, and counts for the quorum all the same.
    """

    alias: str
    host: bool = True
    etcd: bool = True
    process: bool = True
    answers: bool = True
    lost: bool = False


class ControlPlane:
    """Etcd and API servers of one cluster."""

    def __init__(self, kernel: Kernel, cluster: str, aliases: tuple[str, ...], *, built_in_etcd: bool) -> None:
        """Begin with everything up. A linked etcd is a cluster of its own: it is there or not, as a whole."""
        self.kernel = kernel
        self.cluster = cluster
        self.masters = {alias: Master(alias) for alias in aliases}
        self.changed = Signal(kernel)
        self.balancer: BalancerHealth | None = None
        self.available = bool(aliases)
        self.linked_etcd_up = True
        self._built_in_etcd = built_in_etcd
        self._waiting: list[Callable[[int], None]] = []
        once(self.changed, self._changed)

    @property
    def quorum(self) -> bool:
        """Whether more than half of the etcd members are up; of a linked etcd, whether it is there."""
        if not self._built_in_etcd:
            return self.linked_etcd_up
        up = sum(master.etcd and master.host for master in self.masters.values())
        return up > len(self.masters) // 2

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
        self.available = self._reachable()

    def start(self, cause: int) -> None:
        """Tell at the beginning what users do not find."""
        if not self.available and self.masters:
            self.kernel.trace.add("api.unavailable", self.cluster, cause, through=self.through)

    def when_works(self, action: Callable[[int], None], cause: int) -> None:
        """Do `action` now, or as soon as any API server answers."""
        if self.works:
            action(cause)
        else:
            self._waiting.append(action)

    # Members

    def join(self, alias: str, cause: int) -> int:
        """A master becomes a member, by `kubeadm init` or a join: etcd at once, its API server when its process starts.

        The new member counts for the quorum from now on.
        """
        self.masters[alias] = Master(alias, process=False, answers=False)
        seq = self.kernel.trace.add("master.joined", f"{self.cluster}/{alias}", cause, members=len(self.masters))
        if self._built_in_etcd:
            self._tell_etcd(alias, up=True, cause=seq)
        self._refresh(seq, "")
        return seq

    def leave(self, alias: str, cause: int) -> int:
        """A master is lost for good: it is a member no more, and the quorum counts without it."""
        del self.masters[alias]
        seq = self.kernel.trace.add("master.left", f"{self.cluster}/{alias}", cause, members=len(self.masters))
        self._refresh(seq, "")
        self._refresh_users(seq)
        return seq

    def set_linked_etcd(self, *, up: bool, cause: int) -> None:
        """The linked etcd service went away or came back, as a whole."""
        self.linked_etcd_up = up
        self._refresh(cause, "")

    def set_host(self, alias: str, *, up: bool, cause: int) -> None:
        """A master's host went down or came up; its processes follow."""
        master = self.masters[alias]
        master.host = up
        master.etcd |= up and not master.lost  # A host that boots starts its member, whatever was done to it before.
        if self._built_in_etcd and not master.lost:
            self._tell_etcd(alias, up=up, cause=cause)
        self._refresh(cause, "its host is down")

    def set_etcd(self, alias: str, *, up: bool, cause: int) -> None:
        """An etcd member left or came back; one whose data is lost is away for good."""
        if self.masters[alias].lost:
            return
        self.masters[alias].etcd = up
        self._tell_etcd(alias, up=up, cause=cause)
        self._refresh(cause, "etcd has no quorum")

    def lose_etcd(self, alias: str, cause: int) -> int:
        """The data of an etcd member is lost; return the record.

        A member without its data is not let in again under its old name: somebody has to remove it from etcd's list and
        add it anew, which no operation of the product does.
        """
        seq = self.kernel.trace.add("etcd.lost", f"{self.cluster}/{alias}", cause)
        self.set_etcd(alias, up=False, cause=seq)
        self.masters[alias].lost = True
        return seq

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
        available = self._reachable()
        if available != self.available:
            self.available = available
            kind = "api.available" if available else "api.unavailable"
            cause = self.kernel.trace.add(kind, self.cluster, cause, through=self.through)
        self.changed.fire(cause)

    def _reachable(self) -> bool:
        """Whether users find an API server now."""
        if self.balancer is not None:
            return self.balancer.available
        first = next(iter(self.masters.values()), None)
        return first is not None and first.answers

    def _changed(self, cause: int) -> None:
        once(self.changed, self._changed)
        if self.works and self._waiting:
            waiting, self._waiting = self._waiting, []
            for action in waiting:
                action(cause)


def once(signal: Signal, action: Callable[[int], None]) -> None:
    """Do `action` at the next change, with the record of it."""
    callbacks_of(signal.next()).append(lambda _: action(signal.cause))

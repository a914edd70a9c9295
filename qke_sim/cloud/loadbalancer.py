"""The API server's load balancer in virtual time: which backends it uses, judged by its health checks.

A refused connection is tried on another backend in rotation at once (assumed: redispatch, as the balancers in use do),
so users find an API server as long as one backend both answers and is in rotation. The checks themselves are not run: a
backend that fails for `fall` checks in a row leaves at a known instant, and only that instant is an event.
"""

from __future__ import annotations

from collections.abc import Callable

from qke_sim.cloud.model import Backend, LoadBalancer
from qke_sim.kernel import Kernel


class BalancerHealth:
    """Watches the backends of one load balancer."""

    def __init__(self, kernel: Kernel, cluster: str, balancer: LoadBalancer, changed: Callable[[int], None]) -> None:
        """`changed` is told the record of every change of rotation; `cluster` is the subject of the records."""
        self._kernel = kernel
        self._cluster = cluster
        self._balancer = balancer
        self._changed = changed

    @property
    def available(self) -> bool:
        """Whether a connection finds an API server."""
        return any(backend.serving and backend.in_rotation for backend in self._balancer.backends.values())

    def begin(self, alias: str, *, serving: bool) -> None:
        """Set a backend as it has been for long."""
        backend = self._balancer.backends[alias]
        backend.serving = backend.in_rotation = serving

    def report(self, alias: str, *, serving: bool, cause: int) -> None:
        """A backend began or stopped to answer; judge it after the checks that takes."""
        backend = self._balancer.backends[alias]
        if backend.serving == serving:
            return
        backend.serving = serving
        backend.judged += 1
        if backend.in_rotation != serving:
            option = self._balancer.health
            self._kernel.later(option.in_ms if serving else option.out_ms, self._judgement(backend, cause))

    def _judgement(self, backend: Backend, cause: int) -> Callable[[], None]:
        begun = backend.judged

        def judge() -> None:
            if backend.judged != begun:
                return  # It changed again meanwhile: that change has a judgement of its own.
            backend.in_rotation = backend.serving
            kind = "backend.in" if backend.serving else "backend.out"
            self._changed(
                self._kernel.trace.add(kind, f"{self._cluster}/{backend.alias}", cause, cluster=self._cluster)
            )

        return judge

"""The API server's load balancer in virtual time: which backends it uses, judged by its health checks.

A refused connection is tried on another backend in rotation at once (assumed: redispatch, as the balancers in use do),
so users find an API server as long as one backend both answers and is in rotation. The checks themselves are not run: a
backend that fails for `fall` checks in a row leaves at a known instant, and only that instant is an event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from qke_sim.kernel import Kernel


@dataclass(slots=True)
class Backend:
    """One API server behind the load balancer.

    `serving`: it answers now. `in_rotation`: the balancer believes so; `judged` counts the health judgements begun.
    """

    alias: str
    serving: bool = True
    in_rotation: bool = True
    judged: int = 0


@dataclass(slots=True)
class LoadBalancer:
    """The API server's balancer. The listener of a 1.x cluster carries scene 0 until the upgrade to 2.0.0 fixes it."""

    loadbalancer_id: str
    listener_id: str
    private_ip: str
    scene: int
    health: HealthOption
    backends: dict[str, Backend] = field(default_factory=dict[str, Backend])


@dataclass(frozen=True, slots=True)
class HealthOption:
    """How a listener judges its backends: part of `inter|timeout|fall|rise` of the API, seconds and counts."""

    inter_s: int
    fall: int
    rise: int

    @property
    def out_ms(self) -> int:
        """How long a backend fails until it is taken out of rotation."""
        return self.inter_s * self.fall * 1000

    @property
    def in_ms(self) -> int:
        """How long a backend answers until it is used again."""
        return self.inter_s * self.rise * 1000


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

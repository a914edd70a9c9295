"""How a load balancer judges the API servers behind it, in virtual time.

A refused connection is tried on another backend in rotation at once (assumed: redispatch, as the balancers in use do),
so users find an API server as long as one backend both answers and is in rotation. The checks themselves are not run: a
backend that fails for `fall` checks in a row leaves at a known instant, and only that instant is an event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from qke_sim.kernel import Kernel


@dataclass(frozen=True, slots=True)
class HealthOption:
    """How a listener judges its backends: part of `inter|timeout|fall|rise` of the API, seconds and counts."""

    inter_s: int
    fall: int
    rise: int

    @classmethod
    def of(cls, text: str) -> HealthOption:
        """Read it as the API has it, such as `10|5|2|5`."""
        inter, _, fall, rise = text.split("|")
        return cls(int(inter), int(fall), int(rise))

    @property
    def out_ms(self) -> int:
        """How long a backend fails until it is taken out of rotation."""
        return self.inter_s * self.fall * 1000

    @property
    def in_ms(self) -> int:
        """How long a backend answers until it is used again."""
        return self.inter_s * self.rise * 1000


@dataclass(slots=True)
class Judged:
    """One API server as the balancer sees it.

    `serving`: it answers now. `in_rotation`: the balancer believes so; `judged` counts the health judgements begun.
    """

    alias: str
    serving: bool = True
    in_rotation: bool = True
    judged: int = 0


class BalancerHealth:
    """Watches the API servers behind one load balancer."""

    def __init__(
        self,
        kernel: Kernel,
        cluster: str,
        aliases: Iterable[str],
        option: HealthOption,
        changed: Callable[[int], None],
    ) -> None:
        """`changed` is told the record of every change of rotation; `cluster` is the subject of the records."""
        self._kernel = kernel
        self._cluster = cluster
        self.option = option
        self._changed = changed
        self.backends = {alias: Judged(alias) for alias in aliases}

    @property
    def available(self) -> bool:
        """Whether a connection finds an API server."""
        return any(backend.serving and backend.in_rotation for backend in self.backends.values())

    def begin(self, alias: str, *, serving: bool) -> None:
        """Set a backend as it has been for long; who is no backend does not count."""
        if (backend := self.backends.get(alias)) is not None:
            backend.serving = backend.in_rotation = serving

    def report(self, alias: str, *, serving: bool, cause: int) -> None:
        """A backend began or stopped to answer; judge it after the checks that takes."""
        backend = self.backends.get(alias)
        if backend is None or backend.serving == serving:
            return
        backend.serving = serving
        backend.judged += 1
        if backend.in_rotation != serving:
            wait_ms = self.option.in_ms if serving else self.option.out_ms
            self._kernel.later(wait_ms, self._judgement(backend, cause))

    def _judgement(self, backend: Judged, cause: int) -> Callable[[], None]:
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

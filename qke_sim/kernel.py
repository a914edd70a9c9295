"""Virtual time: a SimPy environment that counts integer milliseconds, and what the twin's parts wait with.

SimPy does the work; this module keeps three promises around it. Time is an integer. At the end of every instant, when
nothing more will happen at it, the twin settles: whoever watches (measurements, expectations, triggers) looks once at a
state that is not half way. And a poll that changes nothing is computed, not run: see `poll`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

import simpy

from qke_core.catalog import Budget, Duration
from qke_core.errors import InvariantError
from qke_sim.streams import Streams
from qke_sim.trace import Level, Trace

T = TypeVar("T")
E = TypeVar("E", bound=simpy.Event)
Process: TypeAlias = Generator[simpy.Event, Any, T]


class Signal:
    """Something changed. Who waits for it looks again; it says nothing about what is true now."""

    def __init__(self, kernel: Kernel) -> None:
        """Begin silent."""
        self._kernel = kernel
        self._event = kernel.env.event()
        self.cause = 0

    def fire(self, cause: int) -> None:
        """Wake everybody who waits; `cause` is the record of the change."""
        self.cause = cause
        event, self._event = self._event, self._kernel.env.event()
        event.succeed(self)

    def next(self) -> simpy.Event:
        """Return the event of the next change; its value is this signal."""
        return self._event


EPOCH_MS = 1_590_944_400_000
"""2020-06-01T01:00:00+08:00, when virtual time begins unless a scenario says something else."""


class Kernel:
    """Clock, luck and trace of one run, and the processes in it."""

    def __init__(self, seed: int, level: Level = "full", epoch_ms: int = EPOCH_MS) -> None:
        """Begin at virtual time 0, which is `epoch_ms` for people: milliseconds since 1970 in UTC."""
        self.epoch_ms = epoch_ms
        self.env = simpy.Environment(initial_time=0)
        self.streams = Streams(seed)
        self.trace = Trace(lambda: self.now, level)
        self.on_settle: list[Callable[[], None]] = []
        self._settled_count = -1
        self.steps = 0
        self._busy = 0

    @property
    def now(self) -> int:
        """Virtual milliseconds since the start."""
        return int(self.env.now)

    def pause(self, ms: int) -> simpy.Event:
        """Return an event `ms` from now."""
        return self.env.timeout(ms)

    def take(self, name: str, duration: Duration) -> simpy.Event:
        """Return an event after a drawn `duration`; `name` is the stream of the thing that takes it."""
        return self.pause(self.streams.draw(name, duration))

    def spawn(self, process: Process[T]) -> simpy.Process:
        """Start a process. The run goes on at least until it ends."""
        return self._count(self.env.process(process))

    def later(self, ms: int, action: Callable[[], None]) -> None:
        """Do `action` in `ms`, without a process. The run goes on at least until then."""
        event = self._count(self.env.timeout(ms))
        callbacks_of(event).append(lambda _: action())

    def housekeeping(self, ms: int, action: Callable[[], None]) -> None:
        """Do `action` in `ms` if the run gets there. Alone it keeps no run going: nothing waits for it."""
        callbacks_of(self.env.timeout(ms)).append(lambda _: action())

    def run(self, until_ms: int) -> bool:
        """Run until nothing is going on any more, or until `until_ms`; return whether nothing was.

        Timers that nobody waits for any more (the last look of a wait that ended early) do not keep a run going.
        """
        goes_on = True
        while goes_on:
            while self._busy and (instant := self.env.peek()) <= until_ms:
                if instant > self.now:
                    self._settle()
                self.env.step()
                self.steps += 1
            self._settle()  # Watchers may begin something (a fault strikes): then the run goes on.
            goes_on = self._busy > 0 and self.env.peek() <= until_ms
        if self._busy and self.now < until_ms:
            self.env.run(until=until_ms)
        return not self._busy

    def _count(self, event: E) -> E:
        self._busy += 1
        callbacks_of(event).append(self._done)
        return event

    def _done(self, _: simpy.Event) -> None:
        self._busy -= 1

    def _settle(self) -> None:
        """Let watchers look, once per instant at which something was recorded."""
        if self.trace.count == self._settled_count:
            return
        self._settled_count = self.trace.count
        for watch in self.on_settle:
            watch()


@dataclass(frozen=True, slots=True)
class PollResult:
    """How a wait ended: exit code (0 is good), number of looks, record that ended it, whether the budget ran out."""

    code: int
    looks: int
    cause: int
    exhausted: bool


def poll(
    kernel: Kernel,
    check: Callable[[], int],
    signals: Sequence[Signal],
    budget: Budget,
    check_ms: int,
    cause: int,
    react: Callable[[int], None] | None = None,
) -> Process[PollResult]:
    """Look again and again, as a script does: at most `attempts` looks, sleeping `interval_ms` after each failed one.

    Only the looks that can see something new are run: the first, the first one after a signal, the last. All others
    would see what the one before saw. `check` returns 0 when all is well, else the code of the failed look; `react` is
    told of a failed look's code.
    """
    start = kernel.now
    period = budget.interval_ms + check_ms
    last = budget.attempts - 1
    look = 0
    while True:
        code = check()
        if code == 0 or code in budget.stop_codes:
            yield kernel.pause(check_ms)
            return PollResult(code, look + 1, cause, exhausted=False)
        if react is not None:
            react(code)
        if look == last:
            yield kernel.pause(check_ms + (budget.interval_ms if budget.final_sleep else 0))
            return PollResult(code, look + 1, cause, exhausted=True)
        changed = [signal.next() for signal in signals]
        final_look = kernel.pause(start + last * period - kernel.now)
        fired: dict[simpy.Event, Any] = yield kernel.env.any_of([*changed, final_look])
        cause = next((value.cause for value in fired.values() if isinstance(value, Signal)), cause)
        look = max(look + 1, -(-(kernel.now - start) // period))
        yield kernel.pause(start + look * period - kernel.now)


def callbacks_of(event: simpy.Event) -> list[Callable[[simpy.Event], None]]:
    """Return the callbacks of an event that has not happened yet."""
    found = cast("list[Callable[[simpy.Event], None]] | None", event.callbacks)
    if found is None:
        raise InvariantError("kernel.event-over", "An event that is over was waited for", "report this run")
    return found

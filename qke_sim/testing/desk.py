"""A bare cloud for tests, and somebody who makes calls through its door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from qke_core.effects import Json, JsonObject
from qke_core.models import World
from qke_core.quota import usage_of
from qke_sim.cloud import Cloud, Meter, Outcome, Trouble
from qke_sim.cloud.families import ACTIONS
from qke_sim.kernel import Kernel, Process

T = TypeVar("T")
USER = "user"
LEASED_MS = 30_000
"""When every new thing has its lease record."""


class Desk:
    """An account without anything, in a zone of its own; quotas are those of an enterprise but for `limits`."""

    def __init__(self, seed: int = 7, zone: str = "pek3", limits: Mapping[str, int] | None = None) -> None:
        """Begin at virtual time 0, with a trace that has its first record."""
        self.kernel = Kernel(seed)
        self.kernel.trace.add("run.started", "desk", None, scenario="desk", seed=seed)
        quotas = {"profile": "enterprise", "limits": dict(limits or {})}
        self.cloud = Cloud(self.kernel, World.model_validate({"zone": zone, "quotas": quotas}))
        self.cloud.meter = Meter(self.kernel, zone)
        self.cloud.store.watchers.append(self.cloud.meter.watch)
        self.cloud.serve(ACTIONS)

    def ask(self, action: str, by: str = USER, **params: object) -> Outcome:
        """Make a call and wait for the job it begins; time goes on."""
        return self._see(self.cloud.request(action, cast("JsonObject", params), by, 0))

    def tell(self, action: str, by: str = USER, **params: object) -> Mapping[str, Any]:
        """Make a call and return its answer as soon as it comes."""
        return self._see(self.cloud.call(action, cast("JsonObject", params), by, 0))

    def shown(self, action: str, into: str, **params: object) -> list[dict[str, Any]]:
        """Return what a Describe action lists."""
        return cast("list[dict[str, Any]]", self.tell(action, USER, **params)[into])

    def made(self, action: str, into: str, by: str = USER, **params: object) -> list[str]:
        """Make a call that makes things, wait until they are there and may be deleted again; return their ids.

        Raises:
            AssertionError: it failed.
        """
        outcome = self.ask(action, by, **params)
        if outcome.failed:
            raise AssertionError(f"{action} failed: {outcome}")
        self.wait(LEASED_MS)
        found = outcome.answer[into]
        return [found] if isinstance(found, str) else cast("list[str]", found)

    def refused(self, action: str, ret_code: int, by: str = USER, **params: object) -> str:
        """See a call refused and nothing changed by it; return the message. What is going on must take longer.

        Raises:
            AssertionError: it was not refused so, or changed something.
        """
        self.wait(1)
        before, answer = self.digest(), self.tell(action, by, **params)
        if answer["ret_code"] != ret_code:
            raise AssertionError(f"{action} was answered {answer}")
        if self.digest() != before:
            raise AssertionError(f"{action} was refused and changed something: {before} became {self.digest()}")
        return str(answer["message"])

    def wait(self, ms: int) -> None:
        """Let time pass."""
        self.kernel.later(ms, lambda: None)
        self.kernel.run(self.kernel.now + ms)

    def trouble(self, kind: str, target: str = "*", left: int | None = None, **facts: Json) -> Trouble:
        """Bring trouble."""
        found = Trouble(f"trouble-{kind}", kind, target, left, facts=facts)
        self.cloud.trouble.active.append(found)
        return found

    def watch_power(self) -> list[tuple[str, bool]]:
        """Return a list that takes note of every instance that starts or stops from now on."""
        seen: list[tuple[str, bool]] = []
        self.cloud.on_power.append(lambda thing, on, _: seen.append((thing.id, on)))
        return seen

    def digest(self) -> tuple[Mapping[str, Json], Mapping[str, int], list[dict[str, Json]]]:
        """Return everything a refused call must leave alone."""
        jobs = [job.describe() for job in self.cloud.jobs.values()]
        return self.cloud.store.state(), self.cloud.allowance.state(), jobs

    def recount(self) -> Mapping[str, int]:
        """Count what is used of the quotas anew, from what is there."""
        charged = (thing.charged() for thing in self.cloud.store.everything())
        return dict(sorted(usage_of(found for found in charged if found is not None).amounts.items()))

    def _see(self, process: Process[T]) -> T:
        running = self.kernel.spawn(process)
        while not running.triggered:
            self.kernel.env.step()
        return cast("T", running.value)

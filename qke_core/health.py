"""A node's health as the platform counts it: a pure machine that is told when a check would pass or fail.

The platform checks a node every minute. This machine is told of changes only; it works out which checks lie between
two of them, and when the next verdict is due. So a year without a fault costs nothing.

Rule: QKE app repo, health_check; docs/rules/operations.md#health-check. Assumed: a node that stays unhealthy is acted
upon again after each further row of failures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from qke_core.catalog import HealthCheck
from qke_core.units import MS_PER_S

Verdict: TypeAlias = Literal["", "unhealthy", "still-unhealthy", "healthy"]


@dataclass(slots=True)
class NodeHealth:
    """One node that is watched, checked at `first_ms` and then every interval.

    `passing`: what a check would say since the last turn. `said`: what the last counted check said, and `row` how many
    in a row said so. `counted`: the number of the first check that is not counted yet.
    """

    check: HealthCheck
    first_ms: int
    passing: bool = True
    healthy: bool = True
    said: bool = True
    row: int = 0
    counted: int = 0

    def turn(self, now_ms: int, *, passing: bool) -> None:
        """From now on checks pass, or fail. A check at this very instant sees it."""
        self._count(self._first_since(now_ms))
        self.passing = passing

    def due_ms(self) -> int | None:
        """Return the instant of the check that brings the next verdict; None when none will as things stand."""
        if self.passing and self.healthy:
            return None
        row = self.row if self.said == self.passing else 0
        after = self.check.unhealthy_after
        left = self.check.healthy_after - row if self.passing else after - row % after
        return self.first_ms + (self.counted + max(left, 1) - 1) * self._interval_ms

    def look(self, now_ms: int) -> Verdict:
        """Count the checks up to now, this instant's included; return the verdict that the last of them brings."""
        before = self.counted
        self._count(self._first_since(now_ms + 1))
        if self.counted == before:
            return ""
        if self.said:
            recovers = not self.healthy and self.row >= self.check.healthy_after
            self.healthy |= recovers
            return "healthy" if recovers else ""
        if self.row % self.check.unhealthy_after:
            return ""
        verdict: Verdict = "unhealthy" if self.healthy else "still-unhealthy"
        self.healthy = False
        return verdict

    @property
    def _interval_ms(self) -> int:
        return self.check.interval_s * MS_PER_S

    def _first_since(self, ms: int) -> int:
        """Return the number of the first check at or after an instant."""
        return max(0, -(-(ms - self.first_ms) // self._interval_ms))

    def _count(self, until: int) -> None:
        """Count the checks before number `until`; all of them say what is true since the last turn."""
        if until > self.counted:
            self.row = until - self.counted + (self.row if self.said == self.passing else 0)
            self.said, self.counted = self.passing, until

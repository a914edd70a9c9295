"""What a policy of autoscaling decides: a pure machine, and when it will next decide anything.

The platform samples figures every minute and evaluates a policy once per period. `decide` is one evaluation. `foresee`
says at which check the next one comes out that is worth anything, so that the twin need not run all those between.

Rules: yunify/qingcloud-docs, auto scaling; guide G-121 to G-123. Assumed, because no public text says: a check looks at
the newest sample of its period; a figure is the mean over the role's active nodes; where both directions fire, nodes
are added; a run under way is not doubled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, TypeAlias

from qke_core.catalog import operations
from qke_core.models.autoscaling import AutoscalingPolicy, Condition, Direction, ScalingRule
from qke_core.models.load import FULL, Demand, Meter
from qke_core.units import MS_PER_DAY, MS_PER_S

Sample: TypeAlias = Mapping[Meter, int]
"""What the role's nodes show at one check, by meter; a meter without a figure is left out."""

Why: TypeAlias = Literal["quiet", "fires", "cool-down", "at-limit"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one check comes to.

    `fires`: the number of nodes shall become `new_count`. `why`: *quiet*, no rule's conditions hold; *cool-down*, one
    fired too soon after the last success and is refused; *at-limit*, one fired and the limits leave nothing to change.
    """

    why: Why
    direction: Direction | None
    new_count: int

    @property
    def fires(self) -> bool:
        """Whether nodes come or go."""
        return self.why == "fires"


def cool_down_ms() -> int:
    """How long after a success a policy refuses to run again."""
    return operations().constants["autoscaling_cool_down_s"] * MS_PER_S


def decide(
    policy: AutoscalingPolicy, history: Sequence[Sample], last_success_ms: int | None, count: int, now_ms: int
) -> Decision:
    """Evaluate a policy once.

    Args:
        policy: the policy; whether it is enabled is the caller's business.
        history: figures at each check since the policy was enabled, newest last; `policy.memory` of them are enough.
        last_success_ms: when its last successful run ended; None when there was none.
        count: nodes the role has now.
        now_ms: the instant of this check.
    """
    direction: Direction | None = next((name for name, rule in policy.rules() if fulfilled(rule, history)), None)
    if direction is None:
        return Decision("quiet", None, count)
    wanted = target(policy, direction, count)
    if wanted == count:
        return Decision("at-limit", direction, count)
    if last_success_ms is not None and now_ms - last_success_ms < cool_down_ms():
        return Decision("cool-down", direction, count)
    return Decision("fires", direction, wanted)


def fulfilled(rule: ScalingRule, history: Sequence[Sample]) -> bool:
    """Whether each, or any, condition of a rule held at its number of checks in a row."""
    held = (_held(condition, history) for condition in rule.conditions)
    return all(held) if rule.when == "all" else any(held)


def target(policy: AutoscalingPolicy, direction: Direction, count: int) -> int:
    """Return the count after a run: one step, cut to the limits, and never in the other direction."""
    if direction == "increase":
        return max(count, min(count + policy.step, policy.max))
    return min(count, max(count - policy.step, policy.min))


def _held(condition: Condition, history: Sequence[Sample]) -> bool:
    newest = history[-condition.periods :]
    return len(newest) == condition.periods and all(condition.holds(found.get(condition.meter)) for found in newest)


# --- When the next decision comes


@dataclass(frozen=True, slots=True)
class Checks:
    """The instants at which a policy is checked: check `n` at `first_ms + n * period_ms`, from 0 on."""

    first_ms: int
    period_ms: int

    def at(self, number: int) -> int:
        """Return the instant of a check."""
        return self.first_ms + number * self.period_ms

    def since(self, ms: int) -> int:
        """Return the number of the first check at or after an instant."""
        return max(0, -(-(ms - self.first_ms) // self.period_ms))


@dataclass(frozen=True, slots=True)
class Outlook:
    """How figures go on: `figure` of a meter at an instant, past or to come; `demands` behind them, none if constant.

    From `now_ms` on, `figure` rises and falls with the meter's demand.
    """

    figure: Callable[[Meter, int], int | None]
    demands: Mapping[Meter, Demand]


def foresee(policy: AutoscalingPolicy, checks: Checks, outlook: Outlook, count: int, start: int) -> int | None:
    """Return the number of the first check, from `start` on, at which a rule fires that the limits do not hold back.

    It holds while nothing but the demands changes: the count, the nodes that share the load, the policy. None: never.
    """
    found = (_fulfilled_at(rule, checks, outlook, start) for _, rule in _effective(policy, count))
    return min((number for number in found if number is not None), default=None)


def _effective(policy: AutoscalingPolicy, count: int) -> Iterator[tuple[Direction, ScalingRule]]:
    """Yield the rules that could change something."""
    return ((name, rule) for name, rule in policy.rules() if target(policy, name, count) != count)


def _fulfilled_at(rule: ScalingRule, checks: Checks, outlook: Outlook, start: int) -> int | None:
    truths = [Truth(condition, checks, outlook) for condition in rule.conditions]
    if rule.when == "any":
        return min((found for truth in truths if (found := truth.held_from(start)) is not None), default=None)
    number = start
    while True:  # Each round moves on to the latest of the conditions, until they agree.
        found = [truth.held_from(number) for truth in truths]
        times = [each for each in found if each is not None]
        if len(times) < len(found):
            return None
        if max(times) == number or max(times) == min(times):
            return max(times)
        number = max(times)
        if all(number > truth.horizon(start) for truth in truths):
            return None


class Truth:
    """When one condition is true, over the numbers of checks."""

    def __init__(self, condition: Condition, checks: Checks, outlook: Outlook) -> None:
        """Look at the figure of the condition's meter."""
        self._condition, self._checks, self._outlook = condition, checks, outlook
        self._demand = outlook.demands.get(condition.meter)

    def horizon(self, start: int) -> int:
        """Return a check after which nothing comes that has not come since `start`."""
        day = -(-MS_PER_DAY // self._checks.period_ms)
        settled = 0 if self._demand is None else self._checks.since(self._demand.settles_ms)
        return max(start, settled) + 2 * (day + self._condition.periods)

    def held_from(self, start: int) -> int | None:
        """Return the first check from `start` on at which the condition has held at its number of checks in a row."""
        need = self._condition.periods
        run, number, horizon = self._run_before(start), start, self.horizon(start)
        while number <= horizon:
            if not self.holds(number):
                found = self.next(number, wanted=True)
                if found is None:
                    return None
                run, number = 0, found
            end = self.next(number, wanted=False)
            if end is None or run + end - number >= need:
                return number + max(0, need - run - 1)
            run, number = 0, end
        return None

    def lacks_data(self, number: int) -> bool:
        """Whether there is no figure at a check."""
        return self._outlook.figure(self._condition.meter, self._checks.at(number)) is None

    def holds(self, number: int) -> bool:
        """Whether the condition is true at a check."""
        return self._condition.holds(self._outlook.figure(self._condition.meter, self._checks.at(number)))

    def _run_before(self, start: int) -> int:
        run = 0
        while run < self._condition.periods - 1 and start - run > 0 and self.holds(start - run - 1):
            run += 1
        return run

    def next(self, number: int, *, wanted: bool) -> int | None:
        """Return the first check after `number` at which the condition is, or is not, true."""
        low, horizon = number + 1, self.horizon(number)
        while low <= horizon:
            end = self._last_of_piece(low, horizon)
            if self.holds(low) is wanted:
                return low
            if self.holds(end) is wanted:
                return self._bisect(low, end, wanted=wanted)
            low = end + 1
        return None

    def _last_of_piece(self, number: int, horizon: int) -> int:
        """Return the last check for which the demand goes on as it does at `number`: up, down, or not at all."""
        turn = None if self._demand is None else self._demand.turn(self._checks.at(number))
        return horizon if turn is None else max(number, min(horizon, self._checks.since(turn) - 1))

    def _bisect(self, low: int, high: int, *, wanted: bool) -> int:
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.holds(middle) is wanted else (middle, high)
        return high


# --- Policies that cannot come to rest


@dataclass(frozen=True, slots=True)
class Flapping:
    """A load under which a policy never rests: with `low` nodes it adds some, with `high` nodes it takes them away.

    `totals` is that load, over all nodes of the role, by meter.
    """

    low: int
    high: int
    totals: Mapping[Meter, int]


def flaps(policy: AutoscalingPolicy) -> Flapping | None:
    """Return a load that makes a policy go up and down for ever, with the fewest nodes; None when there is none.

    A node more makes every node less busy. Where the lower threshold is so near that this is enough to fall below it,
    the same steady load is too much for the old number of nodes and too little for the new one.
    """
    if policy.increase is None or policy.decrease is None:
        return None
    for low in range(max(1, policy.min), policy.max):
        high = target(policy, "increase", low)
        for up, down in product(_ways(policy.increase), _ways(policy.decrease)):
            totals = _totals([(found, low) for found in up] + [(found, high) for found in down])
            if totals is not None:
                return Flapping(low, high, totals)
    return None


def _ways(rule: ScalingRule) -> list[tuple[Condition, ...]]:
    """List the sets of conditions of which each alone is enough."""
    return [rule.conditions] if rule.when == "all" else [(condition,) for condition in rule.conditions]


def _totals(conditions: Sequence[tuple[Condition, int]]) -> Mapping[Meter, int] | None:
    """Return the least load that meets every condition with its number of nodes; None when none does."""
    least: dict[Meter, int] = {}
    most: dict[Meter, int | None] = {}
    for condition, nodes in conditions:
        meter = condition.meter
        least.setdefault(meter, 0)
        most.setdefault(meter, None)
        if condition.gt is not None:
            if condition.gt >= FULL and meter != "kubelet_running_containers":
                return None
            least[meter] = max(least[meter], (condition.gt + 1) * nodes)
        elif condition.threshold <= FULL or meter == "kubelet_running_containers":
            top, known = condition.threshold * nodes - 1, most[meter]
            most[meter] = top if known is None else min(known, top)
    fits = all((top := most[meter]) is None or low <= top for meter, low in least.items())
    return least if fits else None

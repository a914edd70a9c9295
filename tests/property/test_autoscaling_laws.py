"""Laws of autoscaling: limits and cool-down always hold, and jumping from decision to decision equals ticking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from hypothesis import assume, given
from hypothesis import strategies as st

from qke_core.autoscaling import Checks, Decision, Outlook, Sample, cool_down_ms, decide, flaps, foresee
from qke_core.models import Model
from qke_core.models.autoscaling import AutoscalingPolicy, Condition, ScalingRule
from qke_core.models.load import Demand, Diurnal, Meter, RoleLoad, Series, Step
from qke_core.units import MS_PER_H

METERS: tuple[Meter, ...] = ("cpu", "memory", "kubelet_running_containers")
TOTALS = st.integers(0, 6000)
MINUTES = st.integers(0, 400)


M = TypeVar("M", bound=Model)


def build(model: type[M], **fields: object) -> M:
    """Make a model of some fields; what is left out has its default."""
    return model.model_validate(fields)


def minutes(count: int) -> str:
    """A duration, written as in a file."""
    return f"{count}m"


@st.composite
def conditions(draw: st.DrawFn, meters: tuple[Meter, ...] = METERS) -> Condition:
    side = draw(st.sampled_from(["gt", "lt"]))
    threshold = draw(st.integers(0, 1000))
    meter, periods = draw(st.sampled_from(meters)), draw(st.integers(1, 6))
    return build(Condition, meter=meter, periods=periods, **{side: threshold})


def rules() -> st.SearchStrategy[ScalingRule]:
    return st.builds(
        ScalingRule,
        when=st.sampled_from(["all", "any"]),
        conditions=st.lists(conditions(), min_size=1, max_size=3).map(tuple),
    )


@st.composite
def policies(draw: st.DrawFn) -> AutoscalingPolicy:
    up, down = draw(st.sampled_from([(True, True), (True, False), (False, True)]))
    least = draw(st.integers(0, 4))
    return build(
        AutoscalingPolicy,
        role="node_perf",
        period=draw(st.sampled_from(["1m", "5m"])),
        increase=draw(rules()) if up else None,
        decrease=draw(rules()) if down else None,
        step=draw(st.integers(1, 3)),
        min=least,
        max=least + draw(st.integers(0, 5)),
    )


@st.composite
def demands(draw: st.DrawFn) -> Demand:
    way = draw(st.sampled_from(["steps", "diurnal", "series"]))
    if way == "diurnal":
        day = build(Diurnal, trough=draw(TOTALS), peak=draw(TOTALS), peak_after=minutes(draw(MINUTES)))
        return build(Demand, diurnal=day)
    if way == "series":
        values = tuple(draw(st.lists(TOTALS, min_size=1, max_size=8)))
        return build(Demand, series=build(Series, every=minutes(draw(st.integers(1, 60))), values=values))
    times = sorted(draw(st.sets(MINUTES, min_size=1, max_size=6)))
    return build(Demand, steps=tuple(build(Step, at=minutes(at), value=draw(TOTALS)) for at in times))


@st.composite
def loads(draw: st.DrawFn) -> RoleLoad:
    found = [draw(st.none() | demands()) for _ in METERS]
    return RoleLoad(cluster="shop", role="node_perf", cpu=found[0], memory=found[1], containers=found[2])


class Role:
    """A role under a load and a policy; a run takes `took_ms` and always succeeds."""

    def __init__(self, policy: AutoscalingPolicy, load: RoleLoad, count: int, checks: Checks, took_ms: int) -> None:
        self.policy, self.load, self.checks, self.took_ms = policy, load, checks, took_ms
        self.counts = [(-1, count)]
        self.success: int | None = None

    def count(self, ms: int) -> int:
        return next(count for since, count in reversed(self.counts) if since <= ms)

    def figure(self, meter: Meter, ms: int) -> int | None:
        return self.load.figure(meter, ms, self.count(ms))

    def check(self, number: int) -> Decision:
        now = self.checks.at(number)
        first = max(0, number - self.policy.memory + 1)
        history: list[Sample] = [
            {meter: found for meter in METERS if (found := self.figure(meter, self.checks.at(each))) is not None}
            for each in range(first, number + 1)
        ]
        count = self.counts[-1][1]
        decision = decide(self.policy, history, self.success, count, now)
        if decision.fires:
            self.counts.append((now + self.took_ms, decision.new_count))
            self.success = now + self.took_ms
        return decision

    def idle_until(self) -> int:
        """The first check after a run under way."""
        return self.checks.since(self.counts[-1][0] + 1)

    def ticking(self, end: int) -> Iterator[tuple[int, Decision]]:
        free = self.idle_until()
        for number in range(end):
            if number >= free:
                yield number, self.check(number)
                free = self.idle_until()

    def jumping(self, end: int) -> Iterator[tuple[int, Decision]]:
        number = self.idle_until()
        while True:
            outlook = Outlook(self.figure, self.load.demands)
            found = foresee(self.policy, self.checks, outlook, self.counts[-1][1], number)
            if found is None or found >= end:
                return
            yield found, self.check(found)
            number = max(found + 1, self.idle_until())


@given(policies(), loads(), st.integers(0, 8), st.integers(0, 90), st.integers(0, 700))
def test_jumping_from_decision_to_decision_equals_ticking(
    policy: AutoscalingPolicy, load: RoleLoad, count: int, first_s: int, took_s: int
):
    checks = Checks(first_s * 1000, policy.period_ms)
    end = 14 * MS_PER_H // policy.period_ms
    ticked = list(Role(policy, load, count, checks, took_s * 1000).ticking(end))
    jumped = list(Role(policy, load, count, checks, took_s * 1000).jumping(end))
    worth = [(number, found) for number, found in ticked if found.why in {"fires", "cool-down"}]
    assert [(number, found) for number, found in jumped if found.why != "at-limit"] == worth


@given(policies(), loads(), st.integers(0, 8))
def test_a_run_keeps_to_the_limits_and_out_of_the_cool_down(policy: AutoscalingPolicy, load: RoleLoad, count: int):
    role = Role(policy, load, count, Checks(0, policy.period_ms), 1000)
    last: int | None = None
    for number, decision in role.jumping(2000):
        if not decision.fires:
            continue
        before, after = role.counts[-2][1], decision.new_count
        assert abs(after - before) <= policy.step
        assert min(before, policy.min) <= after <= max(before, policy.max)
        assert (after > before) == (decision.direction == "increase")
        now = role.checks.at(number)
        assert last is None or now - last >= cool_down_ms()
        last = now + role.took_ms


def one_meter() -> st.SearchStrategy[AutoscalingPolicy]:
    """Policies as people write them: up above a threshold, down below another one."""
    return st.builds(
        lambda high, low, step, least, room: build(
            AutoscalingPolicy,
            role="node_perf",
            increase=build(ScalingRule, conditions=(build(Condition, meter="cpu", gt=high),)),
            decrease=build(ScalingRule, conditions=(build(Condition, meter="cpu", lt=low),)),
            step=step,
            min=least,
            max=least + room,
        ),
        st.integers(0, 1000),
        st.integers(0, 1000),
        st.integers(1, 3),
        st.integers(0, 4),
        st.integers(0, 6),
    )


def steady(totals: dict[Meter, int]) -> RoleLoad:
    made = {meter: build(Demand, steps=(build(Step, at=minutes(0), value=total),)) for meter, total in totals.items()}
    return RoleLoad(
        cluster="shop",
        role="node_perf",
        cpu=made.get("cpu"),
        memory=made.get("memory"),
        containers=made.get("kubelet_running_containers"),
    )


@given(one_meter())
def test_a_flapping_policy_never_rests_under_the_load_that_is_named(policy: AutoscalingPolicy):
    found = flaps(policy)
    assume(found is not None)
    assert found is not None
    role = Role(policy, steady(dict(found.totals)), found.low, Checks(0, policy.period_ms), 1000)
    runs = [decision.direction for _, decision in role.jumping(400) if decision.fires]
    assert {"increase", "decrease"} <= set(runs[-10:])


@given(one_meter(), st.integers(0, 9000), st.integers(1, 8))
def test_a_policy_that_does_not_flap_comes_to_rest_under_any_steady_load(
    policy: AutoscalingPolicy, total: int, count: int
):
    assume(flaps(policy) is None)
    role = Role(policy, steady({"cpu": total}), count, Checks(0, policy.period_ms), 1000)
    runs = [decision for _, decision in role.jumping(3000) if decision.fires]
    assert len(runs) <= policy.max + count

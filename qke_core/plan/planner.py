"""From a wish and a world to a plan: refused with every reason, or ordered, explained, timed, counted and priced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from qke_core.billing import PriceBook, default_prices, hourly
from qke_core.errors import InvariantError
from qke_core.inventory import left_behind, resources_of
from qke_core.models.cluster import ClusterDocument
from qke_core.models.state import ClusterState
from qke_core.models.world import World
from qke_core.plan.change import apply
from qke_core.plan.diff import diff
from qke_core.plan.guards import guards_of
from qke_core.plan.model import Plan, Step
from qke_core.plan.order import Ordered, order
from qke_core.plan.stages import schedule_of
from qke_core.quota import Shortage, Usage, first_short, kubesphere_reserve, left, usage_of
from qke_core.rules.case import Case
from qke_core.rules.check import check_cluster
from qke_core.rules.finding import Finding, by_rank
from qke_core.rules.quota import amount

SHORT = "quota.short"


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan, or None where a finding is a blocker; the findings are there in either case."""

    plan: Plan | None
    findings: tuple[Finding, ...]

    @property
    def blockers(self) -> tuple[Finding, ...]:
        """Why there is no plan."""
        return tuple(finding for finding in self.findings if finding.severity == "blocker")


def plan_cluster(
    wish: ClusterDocument, world: World, *, restart: Sequence[str] = (), prices: PriceBook | None = None
) -> Planned:
    """Plan what makes the wish true in the world.

    Args:
        wish: the cluster as it shall be.
        world: what exists.
        restart: roles whose nodes shall be restarted although nothing asks for it.
        prices: what things cost; the example book by default.
    Returns:
        A plan without steps when nothing differs; no plan, and all reasons, when a rule says no.
    Rule:
        docs/rules/planning.md.
    """
    case = Case.of(wish, world)
    findings = check_cluster(wish, world)
    if any(finding.severity == "blocker" and finding.code != SHORT for finding in findings):
        return Planned(None, findings)
    before = case.now if case.now is not None and case.now.exists else ClusterState.absent(wish)
    book = prices or default_prices()
    line = order(diff(case.now, case.goal, restart))
    steps = _steps(line, before, book)
    _require_complete(steps, before, case.goal)
    short = _shortage(steps, case.goal, world)
    if short is not None:
        # The step says more than the sum: it stands for the finding about the same resource type.
        others = [finding for finding in findings if (finding.code, finding.subject) != (SHORT, short.type)]
        return Planned(None, by_rank([_refuse_short(case, short), *others]))
    if any(finding.severity == "blocker" for finding in findings):
        return Planned(None, findings)
    return Planned(Plan(wish.name, before, case.goal, steps, findings, book.label), findings)


def _steps(line: Sequence[Ordered], before: ClusterState, prices: PriceBook) -> tuple[Step, ...]:
    """Fold the operations over the state; each state's resources are listed once, for quotas and price together."""
    start, rate = _weigh(before, prices)
    here = start
    steps: list[Step] = []
    for ordered in line:
        change = ordered.draft.change
        after = apply(change, before)
        there, next_rate = _weigh(after, prices)
        takes, frees = there.beyond(here), here.beyond(there)
        steps.append(
            Step(
                id=ordered.draft.id,
                title=ordered.draft.title,
                reason=ordered.draft.reason,
                change=change,
                guards=guards_of(change, before),
                after=ordered.after,
                schedule=schedule_of(change, before),
                peak=(here + takes).beyond(start).amounts,
                takes=takes.amounts,
                frees=frees.amounts,
                cost_per_hour=next_rate - rate,
            )
        )
        before, here, rate = after, there, next_rate
    return tuple(steps)


def _weigh(state: ClusterState, prices: PriceBook) -> tuple[Usage, Decimal]:
    """Return what a state uses of the quotas, and its CNY per hour; of a ceased cluster, of what it leaves behind."""
    resources = left_behind(replace(state, phase="deleted")) if state.phase == "ceased" else resources_of(state)
    return usage_of(resources), hourly(resources, prices, state.zone, state.billing)


def _require_complete(steps: Sequence[Step], before: ClusterState, goal: ClusterState) -> None:
    """See that the steps lead to the goal.

    Raises:
        InvariantError: `plan.incomplete`.
    """
    for step in steps:
        before = apply(step.change, before)
    if goal.exists and before != replace(goal, born_as=before.born_as):
        raise InvariantError(
            "plan.incomplete", f"The plan for {goal.name} does not lead to the wish", "report the wish and the world"
        )


def _shortage(steps: Sequence[Step], goal: ClusterState, world: World) -> Shortage | None:
    """Return the first step that the quotas do not allow; a creation must also find room for KubeSphere's volumes."""
    remaining = left(world)
    if remaining is None:
        return None
    peaks = [
        (step.id, Usage.of(step.peak) + (kubesphere_reserve(goal) if step.operation == "create" else Usage()))
        for step in steps
    ]
    return first_short(peaks, remaining)


def _refuse_short(case: Case, short: Shortage) -> Finding:
    needs = amount(short.type, short.needs)
    return case.finding(
        "quota.short",
        "blocker",
        (),
        f"Step {short.step} needs {needs} beyond what stands at its peak; the quota has {max(short.left, 0)} left",
        f"ask for {amount(short.type, short.needs - short.left)} more by ticket, or wish for less",
        "user guide, Preparation, G-028 to G-032; yunify/qingcloud-docs, ret_code 2500",
        platform_code=2500,
        subject=short.step,
    )

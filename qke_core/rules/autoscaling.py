"""Rules of autoscaling: may a role scale by itself, can a policy ever do what it says, will it come to rest?

Rule: docs/rules/autoscaling.md; yunify/qingcloud-docs, auto scaling; QKE app repo, app/config.json, auto_scale_step;
guide G-017, G-119, G-121 to G-123.
"""

from __future__ import annotations

from collections.abc import Iterator

from qke_core.autoscaling import flaps
from qke_core.catalog import catalog, operations, parameters
from qke_core.documents import Path
from qke_core.models.autoscaling import AutoscalingPolicy, Condition, Direction
from qke_core.models.load import FULL
from qke_core.rules.case import Case, Rule
from qke_core.rules.finding import Finding

MANUAL = "yunify/qingcloud-docs, auto scaling"
CONFIG = "QKE app repo, app/config.json, auto_scale_step"
UNLIKELY = 100
"""A threshold of CPU or memory up to here is probably meant as a percentage."""


def _policies(case: Case) -> Iterator[tuple[Path, AutoscalingPolicy]]:
    """Yield the policies whose role may scale by itself, with their paths."""
    for path, policy in _all(case):
        if may_scale(policy.role, case.version):
            yield path, policy


def _all(case: Case) -> Iterator[tuple[Path, AutoscalingPolicy]]:
    for place, policy in enumerate(case.wish.autoscaling):
        yield ("autoscaling", place), policy


def may_scale(role: str, version: str) -> bool:
    """Whether the definition of a version lets a role be chosen in a policy."""
    return "count" in (known := parameters().role(role, version)) and known["count"].auto_scale_step > 0


def _unsupported(case: Case) -> Iterator[Finding]:
    """Only a role with auto_scale_step can be chosen: workers, from 1.0.1 on."""
    for path, policy in _all(case):
        if may_scale(policy.role, case.version):
            continue
        able = [role for role in catalog().roles if may_scale(role, case.version)]
        sentence = f"The nodes of {policy.role} cannot come and go by themselves in QKE {case.version}"
        remedy = f"choose {', '.join(able)}" if able else "wish for 1.0.1 or later, or remove autoscaling"
        yield case.finding("autoscaling.unsupported", "blocker", (*path, "role"), sentence, remedy, CONFIG, 1400)


def _limits(case: Case) -> Iterator[Finding]:
    """Limits that leave room, within what the role may have."""
    for path, policy in _policies(case):
        most = parameters().role(policy.role, case.version)["count"].maximum or 0
        if policy.min > policy.max:
            sentence = f"The least number of {policy.role} nodes is {policy.min}, the greatest {policy.max}"
            remedy = "write a min that is not above max"
            yield case.finding("autoscaling.limits", "blocker", (*path, "min"), sentence, remedy, MANUAL, 1100)
        elif policy.max > most:
            sentence = f"{policy.role} shall grow to {policy.max} nodes; the product allows {most}"
            remedy, source = f"write max: {most} or less", "QKE app repo, app/config.json, count"
            yield case.finding("autoscaling.limits", "blocker", (*path, "max"), sentence, remedy, source, 1100)


def _outside(case: Case) -> Iterator[Finding]:
    """A count outside the limits stays there until a rule fires."""
    for path, policy in _policies(case):
        count = case.goal.shape[policy.role].count
        if policy.min <= policy.max and not policy.min <= count <= policy.max:
            sentence = f"{policy.role} has {count} nodes, outside the limits {policy.min} to {policy.max}"
            remedy = "autoscaling alone does not bring it inside: change the count or the limits"
            yield case.finding("autoscaling.outside", "warning", path, sentence, remedy, MANUAL)


def _two_workers(case: Case) -> Iterator[Finding]:
    """From 2.0.0 on a run that would leave fewer than two workers fails with 135, again at each check."""
    least = operations().scale_in(case.version).min_workers
    floors = {role: new.count for role, new in case.goal.shape.items() if catalog().roles[role].kind == "worker"}
    shrinking = [(path, policy) for path, policy in _policies(case) if policy.decrease is not None]
    floors.update((policy.role, min(policy.min, floors.get(policy.role, 0))) for _, policy in shrinking)
    left = sum(floors.values())
    if not shrinking or left >= least:
        return
    path = shrinking[0][0]
    sentence = (
        f"Autoscaling may try to leave {left} worker{'s' * (left != 1)}; QKE {case.version} refuses below {least}"
    )
    remedy = f"raise min so that all worker roles together keep {least}: every run below it fails, and is tried again"
    source = "QKE app repo, scale_in pre_check, code 135; user guide, G-119"
    yield case.finding("autoscaling.two-workers", "warning", (*path, "min"), sentence, remedy, source, 135)


def _thresholds(case: Case) -> Iterator[Finding]:
    """CPU and memory count in per-mille: 1000 is everything, and 80 is 8 percent."""
    for path, condition in _conditions(case):
        if condition.meter == "kubelet_running_containers":
            continue
        shown, side = condition.threshold, (*path, condition.type)
        if (condition.gt is not None and shown >= FULL) or (condition.lt is not None and shown > FULL):
            when = "never" if condition.gt is not None else "always"
            sentence = f"{condition.meter} {condition.type} {shown} is {when} true: a node shows 0 to {FULL} per-mille"
            remedy = f"write a threshold between 0 and {FULL}"
            yield case.finding("autoscaling.threshold", "warning", side, sentence, remedy, MANUAL)
        elif 0 < shown <= UNLIKELY:
            sentence = f"{condition.meter} {condition.type} {shown} means {shown / 10:g} percent"
            remedy = f"figures are per-mille: write {shown * 10} for {shown} percent"
            yield case.finding("autoscaling.threshold", "warning", side, sentence, remedy, MANUAL)


def _conditions(case: Case) -> Iterator[tuple[Path, Condition]]:
    for path, policy in _policies(case):
        for direction, rule in policy.rules():
            for place, condition in enumerate(rule.conditions):
                yield (*path, direction, "conditions", place), condition


def _flapping(case: Case) -> Iterator[Finding]:
    """A policy that goes up and down for ever under a steady load."""
    for path, policy in _policies(case):
        found = flaps(policy)
        if found is None:
            continue
        load = " and ".join(f"{meter} {total // found.low}" for meter, total in found.totals.items() if total)
        after = " and ".join(f"{total // found.high}" for total in found.totals.values() if total)
        nodes = f"{found.low} {policy.role} node{'s' * (found.low != 1)}"
        sentence = f"With {nodes} at {load or 'no load'} it goes to {found.high}, where that is {after or 0}, and back"
        remedy = "set the thresholds further apart: one more node makes every node less busy"
        yield case.finding("autoscaling.flaps", "warning", path, sentence, remedy, "derived: the load is shared")


def _steps(case: Case) -> Iterator[Finding]:
    """More than one node at once, where the product declares a step of one and advises to remove one at a time."""
    for path, policy in _policies(case):
        declared = parameters().role(policy.role, case.version)["count"].auto_scale_step
        if policy.step > declared and policy.decrease is not None:
            sentence = f"{policy.role} loses {policy.step} nodes at once; the product declares a step of {declared}"
            remedy = f"write step: {declared}: nodes are best removed one at a time (text of code 134)"
            yield case.finding("autoscaling.step", "warning", (*path, "step"), sentence, remedy, CONFIG, 134)


def _both_directions(case: Case) -> Iterator[Finding]:
    """The public texts contradict each other on whether one policy may hold both directions."""
    for path, policy in _policies(case):
        if policy.increase is not None and policy.decrease is not None:
            sentence = f"The policy for {policy.role} both adds and removes nodes"
            remedy = (
                "the guide of QKE does so; the manual of auto scaling wants two policies: write two where it refuses"
            )
            yield case.finding("autoscaling.both-directions", "note", path, sentence, remedy, f"{MANUAL}; G-122")


def _rivals(case: Case) -> Iterator[Finding]:
    """Two policies for the same role and direction do not know of each other: each has its own cool-down."""
    seen: set[tuple[str, Direction]] = set()
    for path, policy in _policies(case):
        for direction, _ in policy.rules():
            if (policy.role, direction) in seen:
                sentence = f"Two policies {direction} {policy.role}; each has its own limits and cool-down"
                remedy = "keep one policy per role and direction"
                yield case.finding("autoscaling.rivals", "warning", path, sentence, remedy, MANUAL)
            seen.add((policy.role, direction))


def _count_written(case: Case) -> Iterator[Finding]:
    """A count in the same file is what the next plan goes back to."""
    for path, policy in _policies(case):
        if case.wish.roles is not None and policy.role in case.wish.roles and policy.enabled:
            count = case.wish.roles[policy.role].count
            sentence = f"roles says {count} {policy.role} nodes: the next plan undoes what autoscaling did meanwhile"
            remedy = "bring the count up to date before you plan (qke plan shows the difference)"
            yield case.finding("autoscaling.count-written", "note", path, sentence, remedy, "our own planner")


def _nobody_told(case: Case) -> Iterator[Finding]:
    """Without a notification list nobody hears of a run."""
    for path, policy in _policies(case):
        if policy.notify is None:
            sentence = f"Nobody is told when nodes of {policy.role} come or go"
            remedy = "write notify: with the id of a notification list"
            yield case.finding("autoscaling.nobody-told", "note", path, sentence, remedy, "user guide, G-123")


RULES: tuple[Rule, ...] = (
    _unsupported,
    _limits,
    _outside,
    _two_workers,
    _thresholds,
    _flapping,
    _steps,
    _rivals,
    _both_directions,
    _count_written,
    _nobody_told,
)

"""What disruption budgets allow: pure arithmetic on pods.

Rule: Kubernetes 1.13 to 1.22, disruption controller and eviction subresource. Healthy is a pod that is ready and not
being deleted. Percentages are of the pods that the owners wish for, rounded up.
"""

from __future__ import annotations

from collections.abc import Sequence

from qke_sim.kube.objects import DisruptionBudget, Pod


def matches(budget: DisruptionBudget, pod: Pod) -> bool:
    """Whether a budget speaks of a pod; an empty selector speaks of none."""
    labels = pod.owner.template.labels
    same = all(labels.get(key) == value for key, value in budget.selector.items())
    return bool(budget.selector) and same and budget.namespace == pod.owner.namespace


def budgets_of(pod: Pod, budgets: Sequence[DisruptionBudget]) -> list[DisruptionBudget]:
    """Return the budgets that speak of a pod."""
    return [budget for budget in budgets if matches(budget, pod)]


def disruptions_allowed(budget: DisruptionBudget, pods: Sequence[Pod]) -> int:
    """Return how many pods may be evicted now, of all `pods` of the cluster."""
    own = [pod for pod in pods if matches(budget, pod)]
    expected = _expected(budget, own)
    healthy = sum(pod.ready and not pod.terminating for pod in own)
    if budget.max_unavailable is not None:
        desired = max(expected - _scaled(budget.max_unavailable, expected), 0)
    else:
        desired = _scaled(budget.min_available or 0, expected)
    return max(healthy - desired, 0) if expected > 0 else 0


def _expected(budget: DisruptionBudget, own: Sequence[Pod]) -> int:
    """Return how many pods there should be: a plain minimum counts what is there, all else what owners wish for."""
    if budget.max_unavailable is None and isinstance(budget.min_available, int):
        return len(own)
    owners = {pod.owner.key: pod.owner.replicas for pod in own if pod.owner.kind != "Pod"}
    return sum(owners.values())


def _scaled(bound: int | str, whole: int) -> int:
    if isinstance(bound, int):
        return bound
    return -(-int(bound.removesuffix("%")) * whole // 100)

"""Where a pod goes: filters, then scores, then a stated rule for ties.

Filters: node Ready and schedulable, node selector, taints, resources and number of pods. Scores, each 0 to 100 and of
equal weight: least allocated (free share of CPU and memory after placing), balanced allocation (CPU and memory used
alike), and spread (fewer pods of the same workload on the node). Ties go to the node whose name comes first. A later
version brings affinity, topology spread, volumes and preemption.
Rule: default profile of Kubernetes 1.13 to 1.22, its plugins NodeResourcesFit, BalancedAllocation and SelectorSpread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from qke_sim.kube.objects import KubeNode, Pod, PodTemplate, Resources

SCALE = 100


def used_by_node(pods: Iterable[Pod]) -> dict[str, Resources]:
    """Return what the bound pods request, by node name."""
    used: dict[str, Resources] = {}
    for pod in pods:
        if pod.node is not None and not pod.finished:
            used[pod.node] = used.get(pod.node, Resources()) + pod.owner.template.requests
    return used


def choose_node(
    pod: Pod,
    nodes: Sequence[KubeNode],
    pods: Sequence[Pod],
    volumes_veto: Callable[[KubeNode], str] = lambda node: "",  # noqa: ARG005 - no volumes, no veto
) -> tuple[KubeNode | None, str]:
    """Return the node for `pod` and "", or None and why every node was filtered out, in the scheduler's own manner.

    `volumes_veto` tells why a node cannot take the pod's volumes, "" when it can.
    """
    daemon = pod.owner.kind == "DaemonSet"
    used = used_by_node(pods)
    reasons: dict[str, int] = {}
    fitting: list[KubeNode] = []
    for node in nodes:
        reason = why_not(pod.owner.template, node, used.get(node.name, Resources()), daemon=daemon)
        reason = reason or volumes_veto(node)
        if reason:
            reasons[reason] = reasons.get(reason, 0) + 1
        else:
            fitting.append(node)
    if not fitting:
        listed = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
        return None, f"0/{len(nodes)} nodes are available: {listed}."
    siblings = {node.name: 0 for node in fitting}
    for other in pods:
        if other.owner is pod.owner and other.node in siblings:
            siblings[other.node] += 1
    most = max(siblings.values())
    ranked = sorted(fitting, key=lambda node: (-_score(pod.owner.template, node, used, siblings, most), node.name))
    return ranked[0], ""


def why_not(template: PodTemplate, node: KubeNode, used: Resources, *, daemon: bool = False) -> str:
    """Return the reason why a pod of this kind may not go to `node`, in Kubernetes' words; "" when it may.

    A `daemon`'s pod tolerates nodes that are unschedulable or not Ready.
    """
    free = node.allocatable - used
    wanted = template.requests
    reasons = (
        (node.unschedulable and not daemon, "node(s) were unschedulable"),
        (not node.ready and not daemon, "node(s) were not ready"),
        (any(node.labels.get(k) != v for k, v in template.node_selector.items()), "node(s) didn't match node selector"),
        (not _tolerated(template, node), "node(s) had taints that the pod didn't tolerate"),
        (wanted.pods > free.pods, "Too many pods"),
        (wanted.cpu_m > free.cpu_m, "Insufficient cpu"),
        (wanted.memory > free.memory, "Insufficient memory"),
    )
    return next((reason for holds, reason in reasons if holds), "")


def _tolerated(template: PodTemplate, node: KubeNode) -> bool:
    return all(
        any(toleration.tolerates(taint.key, taint.value, taint.effect) for toleration in template.tolerations)
        for taint in node.taints
        if taint.effect in ("NoSchedule", "NoExecute")
    )


def _score(
    template: PodTemplate,
    node: KubeNode,
    used: Mapping[str, Resources],
    siblings: Mapping[str, int],
    most: int,
) -> int:
    total = used.get(node.name, Resources()) + template.requests
    cpu = min(total.cpu_m * SCALE // max(node.allocatable.cpu_m, 1), SCALE)
    memory = min(total.memory * SCALE // max(node.allocatable.memory, 1), SCALE)
    least = SCALE - (cpu + memory) // 2
    balanced = SCALE - abs(cpu - memory)
    spread = SCALE * (most - siblings[node.name]) // most if most else SCALE
    return least + balanced + spread

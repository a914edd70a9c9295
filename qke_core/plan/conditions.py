"""What holds on a node while an upgrade script runs on it: the words that a script step's `only` may use."""

from __future__ import annotations

from qke_core.catalog import ScriptStep


def script_conditions(
    source: str, *, first_master: bool, ha: bool, kubesphere: bool, built_in_etcd: bool
) -> frozenset[str]:
    """Return the condition words that hold on one node.

    Args:
        source: version the cluster comes from.
        first_master: whether the node is the master with sid 1.
        ha: whether the cluster has three masters.
        kubesphere: whether KubeSphere is installed.
        built_in_etcd: whether etcd runs on the masters, not linked.
    """
    flags = {"first-master": first_master, "ha": ha, "kubesphere": kubesphere, "built-in-etcd": built_in_etcd}
    return frozenset({name for name, holds in flags.items() if holds} | {f"from-{source}"})


def applies(step: ScriptStep, conditions: frozenset[str]) -> bool:
    """Whether a step is done where `conditions` hold."""
    return conditions.issuperset(step.only)

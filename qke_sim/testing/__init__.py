"""Strategies for property tests of one's own: legal worlds, and legal wishes for the clusters in them.

Needs Hypothesis (`pip install qke[test]`).
"""

from qke_sim.testing.strategies import cluster_wishes, express_groups, versions, worlds

__all__ = ["cluster_wishes", "express_groups", "versions", "worlds"]

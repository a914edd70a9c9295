"""For tests of one's own: legal worlds and wishes for the clusters in them, and a bare cloud with a desk before it.

Needs Hypothesis (`pip install qke[test]`).
"""

from qke_sim.testing.desk import Desk
from qke_sim.testing.strategies import cluster_wishes, express_groups, versions, worlds

__all__ = ["Desk", "cluster_wishes", "express_groups", "versions", "worlds"]

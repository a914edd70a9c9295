"""Operations on a cluster, written once: rehearsed in virtual time, then carried out for real."""

from qke_core.workflows.observe import observe_cluster
from qke_core.workflows.upgrade import Preflight, UpgradeRequest, UpgradeResult, upgrade_cluster

__all__ = ["Preflight", "UpgradeRequest", "UpgradeResult", "observe_cluster", "upgrade_cluster"]

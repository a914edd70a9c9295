"""Operations on a cluster, written once: rehearsed in virtual time, then carried out for real."""

from qke_core.workflows.call import CallRequest, call_cloud
from qke_core.workflows.create import create_cluster
from qke_core.workflows.kubectl import KubectlRequest, kubectl
from qke_core.workflows.observe import observe_cluster
from qke_core.workflows.operate import OperateRequest, OperateResult, operate
from qke_core.workflows.scaling_policy import ScalingPolicyRequest, set_scaling_policy
from qke_core.workflows.sight import CustomService, DeleteNewest, Order, say
from qke_core.workflows.upgrade import UpgradeRequest, UpgradeResult, upgrade_cluster
from qke_core.workflows.watch import Preflight

__all__ = [
    "CallRequest",
    "CustomService",
    "DeleteNewest",
    "KubectlRequest",
    "OperateRequest",
    "OperateResult",
    "Order",
    "Preflight",
    "ScalingPolicyRequest",
    "UpgradeRequest",
    "UpgradeResult",
    "call_cloud",
    "create_cluster",
    "kubectl",
    "observe_cluster",
    "operate",
    "say",
    "set_scaling_policy",
    "upgrade_cluster",
]

"""From a wish and what exists to an ordered, explained, timed, counted and priced plan."""

from qke_core.plan.change import OPERATIONS, Change, apply
from qke_core.plan.conditions import applies, script_conditions
from qke_core.plan.model import Edge, Plan, Step
from qke_core.plan.planner import Planned, plan_cluster
from qke_core.plan.schedule import Disruption, Interval, Schedule, Stage
from qke_core.plan.upgrade import UpgradePlan, plan_upgrade

__all__ = [
    "OPERATIONS",
    "Change",
    "Disruption",
    "Edge",
    "Interval",
    "Plan",
    "Planned",
    "Schedule",
    "Stage",
    "Step",
    "UpgradePlan",
    "applies",
    "apply",
    "plan_cluster",
    "plan_upgrade",
    "script_conditions",
]

"""From a wish and an observation to an ordered, explained plan; and rules that refuse before anything is touched."""

from qke_core.plan.conditions import applies, script_conditions
from qke_core.plan.path import reachable, version_path
from qke_core.plan.schedule import Disruption, Interval, Schedule, Stage
from qke_core.plan.upgrade import UpgradePlan, plan_upgrade

__all__ = [
    "Disruption",
    "Interval",
    "Schedule",
    "Stage",
    "UpgradePlan",
    "applies",
    "plan_upgrade",
    "reachable",
    "script_conditions",
    "version_path",
]

"""From a wish and an observation to an ordered, explained plan; and rules that refuse before anything is touched."""

from qke_core.plan.conditions import applies, script_conditions
from qke_core.plan.finding import Finding, Severity
from qke_core.plan.model import Interval, Plan, Step
from qke_core.plan.path import reachable, version_path
from qke_core.plan.preflight import check_upgrade
from qke_core.plan.upgrade import plan_upgrade

__all__ = [
    "Finding",
    "Interval",
    "Plan",
    "Severity",
    "Step",
    "applies",
    "check_upgrade",
    "plan_upgrade",
    "reachable",
    "script_conditions",
    "version_path",
]
